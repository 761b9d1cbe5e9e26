//! One JSON call to a provider: path, headers, and every answer that is not the documented one.

use crate::clean::{Cleaner, MAX_TEXT};
use crate::egress::{CallKind, Egress, EgressRequest, RateLimit};
use crate::error::{ErrorAnswer, ProviderError, Service};
use crate::fault::{self, Fault};
use crate::github::app::{Installation, Installations};
use crate::history::MAX_COMMIT_MESSAGE;
use crate::paging::{More, more, of_next_page};
use crate::target::Answered;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use http::{Method, StatusCode};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use repoplane_domain::credential::GithubApp;
use repoplane_domain::repository::Provider;
use repoplane_domain::secret::Secret;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use url::Url;

/// Said of a key for ssh where a token is needed.
pub(crate) const KEY_IS_FOR_SSH: &str = "an ssh key reads Git over ssh, not the REST API; this needs an access token";

/// Everything but the unreserved characters of RFC 3986: a path part can neither end nor leave its place.
const PART: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Calls one service below one base.
pub(crate) struct Caller<'a> {
    egress: &'a Egress,
    service: Service,
    base: Url,
    headers: Vec<(HeaderName, HeaderValue)>,
    identification: Identification<'a>,
    revalidates: bool,
    cleaner: Mutex<Cleaner>,
    rate_limit: Mutex<RateLimit>,
}

/// Who the calls come from.
pub(crate) enum Identification<'a> {
    /// Nobody.
    Anonymous,
    /// The holder of what this header says.
    Header(HeaderName, HeaderValue),
    /// An installation of a GitHub App; its token is fetched when the first call needs it.
    Installation(&'a Installations, &'a GithubApp),
}

impl Identification<'_> {
    /// A token in a header, after a scheme.
    pub(crate) fn token(
        service: impl Into<Service>,
        name: HeaderName,
        scheme: &str,
        token: &Secret,
    ) -> Result<Self, ProviderError> {
        let unusable = |_| ProviderError::unusable(service, "the token has characters that no token has");
        let mut value = HeaderValue::from_str(&format!("{scheme}{}", token.expose())).map_err(unusable)?;
        value.set_sensitive(true);
        Ok(Self::Header(name, value))
    }
}

/// One request below the base.
pub(crate) struct Call<'c> {
    method: Method,
    parts: &'c [&'c str],
    query: Vec<(&'static str, String)>,
    body: Option<&'c Value>,
    kind: CallKind,
}

impl<'c> Call<'c> {
    /// A request without query and body; each part is encoded, so that text from outside stays one part.
    pub(crate) fn new(method: Method, parts: &'c [&'c str]) -> Self {
        Self { method, parts, query: Vec::new(), body: None, kind: CallKind::Api }
    }

    /// A GET.
    pub(crate) fn get(parts: &'c [&'c str]) -> Self {
        Self::new(Method::GET, parts)
    }

    /// Adds a query parameter.
    pub(crate) fn query(mut self, name: &'static str, value: impl ToString) -> Self {
        self.query.push((name, value.to_string()));
        self
    }

    /// Lets the answer be as long as a whole tree.
    pub(crate) fn whole_tree(mut self) -> Self {
        self.kind = CallKind::Git;
        self
    }

    /// Sets a JSON body.
    pub(crate) fn json(mut self, body: &'c Value) -> Self {
        self.body = Some(body);
        self
    }
}

/// A successful answer.
pub(crate) struct Reply {
    service: Service,
    pub(crate) headers: HeaderMap,
    body: Vec<u8>,
}

impl Reply {
    /// Reads the documented fields.
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T, ProviderError> {
        serde_json::from_slice(&self.body).map_err(|error| {
            let reason =
                if error.is_data() { "the answer has not the documented fields" } else { "the answer is not JSON" };
            ProviderError::answer(self.service, reason)
        })
    }

    /// The body as it came.
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.body
    }

    /// A parameter of the next page's address.
    pub(crate) fn of_next_page(&self, name: &str) -> Option<String> {
        of_next_page(&self.headers, name)
    }

    /// Whether the list goes on.
    pub(crate) fn more(&self) -> More {
        more(&self.headers)
    }
}

impl<'a> Caller<'a> {
    /// A caller below `base` that sends `headers` with every request and masks `secret` in every text.
    pub(crate) fn new(
        egress: &'a Egress,
        service: impl Into<Service>,
        base: Url,
        headers: &[(HeaderName, &'static str)],
        identification: Identification<'a>,
        secret: Option<&Secret>,
    ) -> Self {
        let headers = headers.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect();
        let cleaner = Mutex::new(secret.map(Cleaner::new).unwrap_or_default());
        let (service, revalidates, rate_limit) = (service.into(), false, Mutex::default());
        Self { egress, service, base, headers, identification, revalidates, cleaner, rate_limit }
    }

    /// The same, whose GETs name the answer that is kept from an equal one before. The provider is called all the same
    /// and says with a 304 that it still holds, so nothing that changed is missed; what is saved is the body and, at
    /// GitHub, the count (GitHub REST, best practices: a conditional request that is answered 304 does not count
    /// against the primary rate limit if it carries a valid `Authorization`).
    pub(crate) fn revalidating(self) -> Self {
        Self { revalidates: true, ..self }
    }

    /// GET of a JSON document.
    pub(crate) async fn get<T: DeserializeOwned>(&self, parts: &[&str]) -> Result<T, ProviderError> {
        self.send(&Call::get(parts)).await?.json()
    }

    /// Sends a request; every answer that is not a success is an error.
    ///
    /// An app's token can be revoked before its time, so a refusal of one that was kept is tried once more with a new
    /// one: a refused call has changed nothing.
    pub(crate) async fn send(&self, call: &Call<'_>) -> Result<Reply, ProviderError> {
        let (mut answer, kept) = self.once(call).await?;
        if answer.status == StatusCode::UNAUTHORIZED
            && let (Some(kept), Identification::Installation(installations, app)) = (kept, &self.identification)
        {
            installations.forget(&self.base, app, &kept).await;
            (answer, _) = self.once(call).await?;
        }
        if answer.status.is_success() {
            return Ok(Reply { service: self.service, headers: answer.headers, body: answer.body });
        }
        Err(error(self.service, answer.status, &answer.headers, &answer.body, &self.cleaner()))
    }

    /// The answer, and the app's token if it was one that had been kept from an earlier call.
    async fn once(
        &self,
        call: &Call<'_>,
    ) -> Result<(crate::egress::EgressResponse, Option<Arc<Installation>>), ProviderError> {
        let mut request = EgressRequest::new(call.method.clone(), self.url(call)?).kind(call.kind);
        for (name, value) in &self.headers {
            request = request.header(name.clone(), value.clone());
        }
        if self.revalidates {
            request = request.cached();
        }
        let mut kept = None;
        match &self.identification {
            Identification::Anonymous => {}
            Identification::Header(name, value) => request = request.header(name.clone(), value.clone()),
            Identification::Installation(installations, app) => {
                let (installation, is_kept) = installations.token(self.egress, &self.base, app).await?;
                self.lock(&self.cleaner).know(&installation.token);
                let header = Identification::token(self.service, AUTHORIZATION, "Bearer ", &installation.token)?;
                if let Identification::Header(name, value) = header {
                    request = request.header(name, value);
                }
                kept = is_kept.then_some(installation);
            }
        }
        if let Some(body) = call.body {
            let json = HeaderValue::from_static("application/json");
            request = request.header(CONTENT_TYPE, json).body(body.to_string());
        }
        let answer = self.egress.send(request).await;
        let answer = answer.map_err(|source| ProviderError::network(self.service, source))?;
        self.note(RateLimit::of(&answer.headers));
        Ok((answer, kept))
    }

    /// Where a request goes.
    pub(crate) fn url(&self, call: &Call<'_>) -> Result<Url, ProviderError> {
        let mut path = self.base.path().trim_end_matches('/').to_owned();
        for part in call.parts {
            // Dot parts survive encoding: URL parsers resolve even `%2e%2e`.
            if matches!(*part, "" | "." | "..") {
                let reason = "the repository's external id is not usable in a path";
                return Err(ProviderError::unusable(self.service, reason));
            }
            path.push('/');
            path.extend(utf8_percent_encode(part, PART));
        }
        let mut url = self.base.clone();
        url.set_path(&path);
        if !call.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&call.query);
        }
        Ok(url)
    }

    /// Keeps the rate limit with the fewest calls left.
    fn note(&self, limit: RateLimit) {
        let mut known = self.lock(&self.rate_limit);
        let fewer = match (limit.remaining, known.remaining) {
            (Some(now), Some(before)) => now <= before,
            (Some(_), None) => true,
            (None, _) => *known == RateLimit::default(),
        };
        if fewer {
            *known = limit;
        }
    }

    fn lock<'m, T>(&self, mutex: &'m Mutex<T>) -> MutexGuard<'m, T> {
        // What is kept here is whole after every statement, whoever panicked.
        mutex.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn cleaner(&self) -> Cleaner {
        self.lock(&self.cleaner).clone()
    }

    /// Whom this caller calls.
    pub(crate) fn service(&self) -> Service {
        self.service
    }

    /// Masks one more secret, which the calls carry in their bodies.
    pub(crate) fn hide(&self, secret: &Secret) {
        self.lock(&self.cleaner).know(secret);
    }

    /// A text of an answer, made fit to be shown.
    pub(crate) fn clean(&self, text: impl AsRef<str>) -> String {
        self.lock(&self.cleaner).text(text.as_ref())
    }

    /// A commit's message, made fit to be shown, with its line breaks.
    pub(crate) fn message(&self, text: &str) -> String {
        self.lock(&self.cleaner).lines(text, MAX_COMMIT_MESSAGE)
    }

    /// An address for people, if it is one that a page can link to.
    pub(crate) fn link(&self, text: Option<&str>) -> Option<String> {
        let text = self.clean(text?);
        let url = Url::parse(&text).ok()?;
        let fit = matches!(url.scheme(), "https" | "http") && url.username().is_empty() && url.password().is_none();
        // A text of the full length was probably cut.
        (fit && text.chars().count() < MAX_TEXT).then_some(text)
    }

    /// What the calls learned.
    pub(crate) fn answered<T>(&self, value: T) -> Answered<T> {
        Answered { value, rate_limit: *self.lock(&self.rate_limit) }
    }
}

/// Reads an answer that is no success.
pub(crate) fn error(
    service: Service,
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
    cleaner: &Cleaner,
) -> ProviderError {
    let rate_limit = RateLimit::of(headers);
    let (message, fault) = if status.is_redirection() {
        let message = "redirects are not followed (has the repository or the server moved?)";
        (message.to_owned(), Fault::BadAnswer)
    } else {
        let message = cleaner.text(&String::from_utf8_lossy(body));
        (message, fault::of_answer(service, status, headers, body, cleaner))
    };
    ProviderError::Status(Arc::new(ErrorAnswer { service, status, message, fault, rate_limit }))
}

/// Reads a provider's base URL; blank is the default. Which addresses may be called is the egress client's business.
pub(crate) fn base_url(service: impl Into<Service>, given: Option<&str>, default: &str) -> Result<Url, ProviderError> {
    let text = given.map(str::trim).filter(|text| !text.is_empty()).unwrap_or(default);
    let service = service.into();
    let unusable = |reason| ProviderError::unusable(service, reason);
    let url = Url::parse(text).map_err(|_| unusable("the API base URL is not a URL"))?;
    if url.query().is_some() || url.fragment().is_some() {
        return Err(unusable("the API base URL must not have a query or fragment"));
    }
    if url.cannot_be_a_base() {
        return Err(unusable("the API base URL must begin with https://"));
    }
    Ok(url)
}

/// Whether a text is a provider's numeric id.
pub(crate) fn is_number(text: &str) -> bool {
    !text.is_empty() && text.len() <= 20 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// What a plain Git remote cannot do.
pub(crate) fn unsupported(provider: Provider) -> ProviderError {
    ProviderError::unusable(provider, "a plain Git remote has no API; register it at GitHub or GitLab for this")
}
