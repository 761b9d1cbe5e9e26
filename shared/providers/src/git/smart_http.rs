//! Git's smart HTTP protocol (Git: `gitprotocol-http`).

use super::RemoteRefs;
use super::refs::{self, Advertisement};
use crate::call;
use crate::clean::Cleaner;
use crate::egress::{CallKind, Egress, EgressRequest, EgressResponse, RateLimit};
use crate::error::{ProviderError, Service};
use crate::target::Answered;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use repoplane_domain::credential::GitAccess;
use repoplane_domain::repository::Provider;
use repoplane_domain::secret::Secret;
use url::Url;

/// Sent where a token has no user name: servers that take tokens take any name with them.
const TOKEN_USER: &str = "x-access-token";
const ADVERTISEMENT: &str = "application/x-git-upload-pack-advertisement";
pub(super) const REQUEST: &str = "application/x-git-upload-pack-request";
pub(super) const RESULT: &str = "application/x-git-upload-pack-result";
pub(super) const PROTOCOL: HeaderName = HeaderName::from_static("git-protocol");

/// A remote over http, and who asks it.
pub(super) struct HttpRemote<'a> {
    pub(super) egress: &'a Egress,
    pub(super) service: Service,
    pub(super) url: Url,
    pub(super) authorization: Option<HeaderValue>,
    pub(super) cleaner: Cleaner,
}

impl<'a> HttpRemote<'a> {
    pub(super) fn new(
        egress: &'a Egress,
        provider: Provider,
        url: Url,
        access: &GitAccess,
    ) -> Result<Self, ProviderError> {
        let unusable = |reason| ProviderError::unusable(provider, reason);
        let (authorization, cleaner) = match access {
            GitAccess::Anonymous => (None, Cleaner::default()),
            GitAccess::Token { username, token, .. } => {
                let user = username.as_deref().map(str::trim).filter(|user| !user.is_empty()).unwrap_or(TOKEN_USER);
                // RFC 7617: the first colon ends the user name.
                if user.contains(':') {
                    return Err(unusable("the git user name must not contain a colon"));
                }
                let pair = Secret::new(STANDARD.encode(format!("{user}:{}", token.expose())));
                let value = HeaderValue::from_str(&format!("Basic {}", pair.expose()));
                let mut value = value.map_err(|_| unusable("the token has characters that no token has"))?;
                value.set_sensitive(true);
                let mut cleaner = Cleaner::new(token);
                cleaner.know(&pair);
                (Some(value), cleaner)
            }
            GitAccess::App(_) => return Err(unusable("a GitHub App has no access to a plain Git remote")),
            GitAccess::Key(_) => return Err(unusable("an ssh key opens no https remote; register the ssh address")),
        };
        Ok(Self { egress, service: provider.into(), url, authorization, cleaner })
    }

    /// HEAD and the branches whose names begin so; all of them, where the remote speaks the first version only. The list
    /// comes along as it was.
    pub(super) async fn list(&self, branches: &str) -> Result<(Vec<u8>, Answered<RemoteRefs>), ProviderError> {
        let answer = self.advertisement(true).await?;
        let rate_limit = RateLimit::of(&answer.headers);
        let bad = |reason| self.bad(reason);
        let capabilities = match refs::advertisement(&answer.body, &self.cleaner).map_err(bad)? {
            Advertisement::Refs(value) => return Ok((answer.body, Answered { value, rate_limit })),
            Advertisement::Capabilities(capabilities) => capabilities,
        };
        let (body, value) = match self.ask(refs::ls_refs(&capabilities, branches)).await {
            Ok(answer) => {
                let refs = refs::result(&answer.body, &self.cleaner).map_err(bad)?;
                (answer.body, refs)
            }
            // The remote has moved: the first question was led there, but no client repeats a body elsewhere on a
            // server's word. The first version of the protocol needs no second question.
            Err(error) if error.status().is_some_and(|status| status.is_redirection()) => {
                let answer = self.advertisement(false).await?;
                match refs::advertisement(&answer.body, &self.cleaner).map_err(bad)? {
                    Advertisement::Refs(refs) => (answer.body, refs),
                    Advertisement::Capabilities(_) => return Err(error),
                }
            }
            Err(error) => return Err(error),
        };
        Ok((body, Answered { value, rate_limit }))
    }

    /// `GET <remote>/info/refs`.
    pub(super) async fn advertisement(&self, second_version: bool) -> Result<EgressResponse, ProviderError> {
        let mut url = self.below("info/refs");
        url.set_query(Some("service=git-upload-pack"));
        let mut request = EgressRequest::get(url);
        if second_version {
            request = request.header(PROTOCOL, HeaderValue::from_static("version=2"));
        }
        self.send(request, ADVERTISEMENT).await
    }

    /// `POST <remote>/git-upload-pack`.
    pub(super) async fn ask(&self, body: Vec<u8>) -> Result<EgressResponse, ProviderError> {
        let request = EgressRequest::new(Method::POST, self.below("git-upload-pack"))
            .header(PROTOCOL, HeaderValue::from_static("version=2"))
            .header(CONTENT_TYPE, HeaderValue::from_static(REQUEST))
            .body(body);
        self.send(request, RESULT).await
    }

    pub(super) async fn send(
        &self,
        request: EgressRequest,
        media_type: &'static str,
    ) -> Result<EgressResponse, ProviderError> {
        let mut request = request.kind(CallKind::Git).header(ACCEPT, HeaderValue::from_static(media_type));
        if let Some(value) = &self.authorization {
            request = request.header(AUTHORIZATION, value.clone());
        }
        let answer = self.egress.send(request).await;
        let answer = answer.map_err(|source| ProviderError::network(self.service, source))?;
        if !answer.status.is_success() {
            return Err(call::error(self.service, answer.status, &answer.headers, &answer.body, &self.cleaner));
        }
        self.check_media_type(&answer.headers, media_type)?;
        Ok(answer)
    }

    pub(super) fn check_media_type(&self, headers: &HeaderMap, media_type: &str) -> Result<(), ProviderError> {
        let given = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        // A page for people, or a server of files without Git's protocol.
        if given.split(';').next().is_none_or(|given| !given.trim().eq_ignore_ascii_case(media_type)) {
            return Err(
                self.bad("the remote does not speak Git's smart HTTP protocol; is the URL that of a repository?")
            );
        }
        Ok(())
    }

    pub(super) fn below(&self, path: &str) -> Url {
        let mut url = self.url.clone();
        url.set_path(&format!("{}/{path}", self.url.path().trim_end_matches('/')));
        url
    }

    pub(super) fn bad(&self, reason: &'static str) -> ProviderError {
        ProviderError::answer(self.service, reason)
    }
}
