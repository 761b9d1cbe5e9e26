//! A plain Git remote over https: what can be learned from it without a clone.
//!
//! Source: the Git documents `gitprotocol-http`, `gitprotocol-v2` and `gitprotocol-pack`. The second version of the
//! protocol is asked for; servers that do not speak it answer with the first one's list of references.

mod fetch;
mod pack;
mod pkt_line;
mod refs;
mod specs;
mod tree;
mod walk;

pub(crate) use walk::{walk, walk_specs};

use crate::call;
use crate::clean::Cleaner;
use crate::egress::{CallKind, Egress, EgressRequest, EgressResponse, RateLimit};
use crate::error::{ProviderError, Service};
use crate::fault::Fault;
use crate::meta::{Heads, Meta, Visibility};
use crate::target::Answered;
use crate::walk::BranchHead;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use refs::Advertisement;
use repoplane_domain::credential::GitAccess;
use repoplane_domain::repository::{Provider, is_branch_name};
use repoplane_domain::secret::Secret;
use url::Url;

/// Branches of a remote that are kept; the rest are counted.
pub const MAX_HEADS: usize = 1_000;

/// Sent where a token has no user name: servers that take tokens take any name with them.
const TOKEN_USER: &str = "x-access-token";
const ADVERTISEMENT: &str = "application/x-git-upload-pack-advertisement";
const REQUEST: &str = "application/x-git-upload-pack-request";
const RESULT: &str = "application/x-git-upload-pack-result";
const PROTOCOL: HeaderName = HeaderName::from_static("git-protocol");

/// A branch and what it points to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Name without `refs/heads/`.
    pub name: String,
    /// The commit's hash.
    pub sha: String,
}

/// What a remote tells of its references.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RemoteRefs {
    /// The branch that HEAD names, which may have no commit yet; absent when HEAD is detached or not told.
    pub default_branch: Option<String>,
    /// The branches.
    pub heads: Heads,
}

/// Branches and HEAD of a remote.
pub(crate) async fn ls_remote(
    egress: &Egress,
    provider: Provider,
    remote: &str,
    access: &GitAccess,
) -> Result<Answered<RemoteRefs>, ProviderError> {
    let (_, answered) = Remote::new(egress, provider, remote, access)?.list("").await?;
    Ok(answered)
}

/// The newest commit of a branch, or of what HEAD names.
pub(crate) async fn head(
    egress: &Egress,
    provider: Provider,
    remote: &str,
    access: &GitAccess,
    branch: Option<&str>,
) -> Result<Answered<BranchHead>, ProviderError> {
    let remote = Remote::new(egress, provider, remote, access)?;
    if let Some(branch) = branch.filter(|branch| !is_branch_name(branch)) {
        return Err(ProviderError::no_branch(provider, branch));
    }
    let (body, Answered { value: refs, rate_limit }) = remote.list(branch.unwrap_or_default()).await?;
    let name = branch.map_or_else(|| "HEAD".to_owned(), |branch| format!("refs/heads/{branch}"));
    if let Some(commit) = refs::hash_of(&body, &name) {
        let value = BranchHead::new(provider, branch.or(refs.default_branch.as_deref()), commit)?;
        return Ok(Answered { value, rate_limit });
    }
    // Only the branches that were asked for are known; whether there is any other tells what is wrong.
    let (_, Answered { value: all, .. }) = remote.list("").await?;
    Err(match branch.or(all.default_branch.as_deref()) {
        Some(branch) if all.heads.total > 0 => ProviderError::no_branch(provider, branch),
        None if all.heads.total > 0 => ProviderError::no_branch(provider, "HEAD"),
        _no_branch => ProviderError::NoCommits { service: provider.into() },
    })
}

/// What a remote tells about its repository. That anyone can see it is found out by asking as nobody.
pub(crate) async fn meta(
    egress: &Egress,
    provider: Provider,
    remote: &str,
    access: &GitAccess,
) -> Result<Answered<Meta>, ProviderError> {
    let (refs, visibility) = if *access == GitAccess::Anonymous {
        (ls_remote(egress, provider, remote, access).await?, Visibility::Public)
    } else {
        let nobody = Remote::new(egress, provider, remote, &GitAccess::Anonymous)?;
        let (refs, seen) = tokio::join!(ls_remote(egress, provider, remote, access), nobody.advertisement(true));
        (refs?, visibility(provider, seen.map(|_answer| ())))
    };
    let RemoteRefs { default_branch, heads } = refs.value;
    let value = Meta {
        visibility,
        web_url: None,
        default_branch,
        identity: None,
        archived: None,
        description: None,
        heads: Some(heads),
    };
    Ok(Answered { value, rate_limit: refs.rate_limit })
}

/// What nobody's view says of a repository that a token reads.
fn visibility(provider: Provider, seen: Result<(), ProviderError>) -> Visibility {
    match seen.map_err(|error| error.fault()) {
        Ok(()) => Visibility::Public,
        // GitLab also has projects that are internal to those who are signed in.
        Err(Fault::TokenRejected { .. } | Fault::Forbidden | Fault::NotFound) if provider == Provider::Git => {
            Visibility::Private
        }
        Err(_other) => Visibility::Unknown,
    }
}

/// A remote and who asks it.
struct Remote<'a> {
    egress: &'a Egress,
    service: Service,
    url: Url,
    authorization: Option<HeaderValue>,
    cleaner: Cleaner,
}

impl<'a> Remote<'a> {
    fn new(egress: &'a Egress, provider: Provider, remote: &str, access: &GitAccess) -> Result<Self, ProviderError> {
        let unusable = |reason| ProviderError::unusable(provider, reason);
        let url = https_remote(remote).map_err(unusable)?;
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
        };
        Ok(Self { egress, service: provider.into(), url, authorization, cleaner })
    }

    /// HEAD and the branches whose names begin so; all of them, where the remote speaks the first version only. The list
    /// comes along as it was.
    async fn list(&self, branches: &str) -> Result<(Vec<u8>, Answered<RemoteRefs>), ProviderError> {
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
    async fn advertisement(&self, second_version: bool) -> Result<EgressResponse, ProviderError> {
        let mut url = self.below("info/refs");
        url.set_query(Some("service=git-upload-pack"));
        let mut request = EgressRequest::get(url);
        if second_version {
            request = request.header(PROTOCOL, HeaderValue::from_static("version=2"));
        }
        self.send(request, ADVERTISEMENT).await
    }

    /// `POST <remote>/git-upload-pack`.
    async fn ask(&self, body: Vec<u8>) -> Result<EgressResponse, ProviderError> {
        let request = EgressRequest::new(Method::POST, self.below("git-upload-pack"))
            .header(PROTOCOL, HeaderValue::from_static("version=2"))
            .header(CONTENT_TYPE, HeaderValue::from_static(REQUEST))
            .body(body);
        self.send(request, RESULT).await
    }

    async fn send(&self, request: EgressRequest, media_type: &'static str) -> Result<EgressResponse, ProviderError> {
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

    fn check_media_type(&self, headers: &HeaderMap, media_type: &str) -> Result<(), ProviderError> {
        let given = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        // A page for people, or a server of files without Git's protocol.
        if given.split(';').next().is_none_or(|given| !given.trim().eq_ignore_ascii_case(media_type)) {
            return Err(
                self.bad("the remote does not speak Git's smart HTTP protocol; is the URL that of a repository?")
            );
        }
        Ok(())
    }

    fn below(&self, path: &str) -> Url {
        let mut url = self.url.clone();
        url.set_path(&format!("{}/{path}", self.url.path().trim_end_matches('/')));
        url
    }

    fn bad(&self, reason: &'static str) -> ProviderError {
        ProviderError::answer(self.service, reason)
    }
}

/// Reads a remote's URL. Which addresses may be called is the egress client's business.
fn https_remote(remote: &str) -> Result<Url, &'static str> {
    const HTTPS_ONLY: &str = "ssh remotes cannot be read yet; register the https address";
    let url = match Url::parse(remote.trim()) {
        Ok(url) => url,
        // `git@host:path` is no URL, `host:path` has a scheme of its own.
        Err(_) if remote.contains(':') && !remote.contains("://") => return Err(HTTPS_ONLY),
        Err(_) => return Err("the remote URL is not a URL"),
    };
    match url.scheme() {
        "https" | "http" => {}
        "ssh" | "git" | "git+ssh" | "ssh+git" => return Err(HTTPS_ONLY),
        _scp_like if url.cannot_be_a_base() => return Err(HTTPS_ONLY),
        _other => return Err("the remote URL must begin with https://"),
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("the remote URL must not have a query or fragment");
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_https_remotes_are_asked() {
        let only = "ssh remotes cannot be read yet; register the https address";
        for (remote, expected) in [
            ("https://git.example.com/acme/widgets.git", Ok("/acme/widgets.git")),
            (" https://git.example.com/ ", Ok("/")),
            ("ssh://git@git.example.com/acme/widgets.git", Err(only)),
            ("git@git.example.com:acme/widgets.git", Err(only)),
            ("git.example.com:acme/widgets.git", Err(only)),
            ("git://git.example.com/acme/widgets.git", Err(only)),
            ("file:///srv/git/widgets.git", Err("the remote URL must begin with https://")),
            ("/srv/git/widgets.git", Err("the remote URL is not a URL")),
            ("https://git.example.com/a?b", Err("the remote URL must not have a query or fragment")),
        ] {
            let read = https_remote(remote);
            assert_eq!(read.as_ref().map(Url::path).map_err(|reason| *reason), expected, "{remote}");
        }
    }
}
