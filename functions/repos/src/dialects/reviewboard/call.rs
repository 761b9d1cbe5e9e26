//! A call of the dialect: who asks, in which of its ways, and what is asked (contract: reviewboard 2, 5).

use super::answer::Reply;
use super::form::{self, MAX_FORM_BYTES};
use super::problems::{Code, NO_POST};
use super::{COOKIE, is_item};
use axum::extract::{FromRef, FromRequest, Request};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, Method, header};
use repoplane_api::access::admit;
use repoplane_api::problem::ProblemType;
use repoplane_api::{App, Asked, Problem, body, token};
use repoplane_domain::access::{Principal, SESSION_LIFE, Scope, TokenKind};
use repoplane_domain::id::TenantId;
use repoplane_domain::oidc::is_jwt;
use repoplane_domain::secret::Secret;

/// The policy id of repositories in a token's policy.
pub(super) const REPOSITORY_POLICY: &str = "repository";

/// A call.
pub(super) struct Call {
    /// Who asks; nobody in particular without.
    pub(super) principal: Option<Principal>,
    /// Whose public repositories those who are nobody see.
    anonymous: Option<TenantId>,
    /// The method, also one in disguise.
    pub(super) method: Method,
    /// The path, without its last slash.
    pub(super) path: String,
    /// The parameters of the query, in order.
    pub(super) query: Vec<(String, String)>,
    /// The query as it came.
    pub(super) raw_query: String,
    /// The fields of the form.
    pub(super) form: Vec<(String, String)>,
    /// Where the API is.
    pub(super) origin: String,
    headers: HeaderMap,
    cookie: Option<HeaderValue>,
}

impl<S: Send + Sync> FromRequest<S> for Call
where
    App: FromRef<S>,
{
    type Rejection = Problem;
    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let app = App::from_ref(state);
        let (mut parts, content) = request.into_parts();
        if parts.method == Method::HEAD {
            return Err(Problem::new(ProblemType::MethodNotAllowed, ""));
        }
        let asked = axum::extract::FromRequestParts::from_request_parts(&mut parts, state).await;
        let Ok(Asked { origin, .. }) = asked;
        let (principal, cookie) = caller(&app, &parts.method, &parts.headers, &origin).await?;
        let media_type = parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let bytes = body::read(Request::new(content), MAX_FORM_BYTES).await?;
        let form = form::fields(media_type, bytes).await?;
        let path = parts.uri.path().to_owned();
        let raw_query = parts.uri.query().unwrap_or_default().to_owned();
        let query = form_urlencoded::parse(raw_query.as_bytes()).into_owned().collect();
        let method = in_disguise(parts.method, &path, &form)?;
        let call = Self {
            principal,
            anonymous: app.settings.anonymous_tenant,
            method,
            path,
            query,
            raw_query,
            form,
            origin,
            headers: parts.headers,
            cookie,
        };
        call.may(&app).await?;
        Ok(call)
    }
}

/// The method that a POST stands for by `_method`; only a POST may do this, and one to an item must.
fn in_disguise(method: Method, path: &str, form: &[(String, String)]) -> Result<Method, Problem> {
    if method != Method::POST {
        return Ok(method);
    }
    let named = form.iter().rev().find(|(name, _)| name == "_method").map(|(_, value)| value.to_ascii_uppercase());
    match named.as_deref() {
        Some("PUT") => Ok(Method::PUT),
        Some("DELETE") => Ok(Method::DELETE),
        _ if is_item(path) => Err(Problem::new(ProblemType::MethodNotAllowed, "").with_code(NO_POST)),
        _ => Ok(Method::POST),
    }
}

/// Who asks, and the cookie that a fresh login gets.
async fn caller(
    app: &App,
    method: &Method,
    headers: &HeaderMap,
    origin: &str,
) -> Result<(Option<Principal>, Option<HeaderValue>), Problem> {
    let now = app.now();
    if headers.contains_key(header::AUTHORIZATION) {
        let Some(text) = token::of_request(headers) else { return Err(Code::NotLoggedIn.problem()) };
        let principal = app.authenticate(&text, false).await?.ok_or_else(|| Code::LoginFailed.problem())?;
        let signed = is_jwt(text.expose());
        let principal = admit(app, principal, signed)?;
        // What is kept nowhere can stand behind no session.
        let lasting = !signed && principal.kind != TokenKind::Platform;
        let cookie = match lasting {
            true => Some(session_cookie(&app.store.begin_session(principal.tenant, &text, now).await?, origin)),
            false => None,
        };
        return Ok((Some(principal), cookie));
    }
    let Some(cookie) = of_cookies(headers) else { return Ok((None, None)) };
    let Some(principal) = app.store.session_caller(&cookie, now).await? else { return Ok((None, None)) };
    if *method != Method::GET && is_of_another_site(headers, origin) {
        return Err(Code::PermissionDenied.problem());
    }
    Ok((Some(admit(app, principal, false)?), None))
}

fn of_cookies(headers: &HeaderMap) -> Option<Secret> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let pairs = cookies.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.into_iter().find(|(name, _)| *name == COOKIE).map(|(_, value)| Secret::new(value))
}

/// Whether a browser says that the call comes from a page of another site. Clients that are no browsers say nothing.
fn is_of_another_site(headers: &HeaderMap, origin: &str) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let fetch = text("sec-fetch-site").is_some_and(|site| !matches!(site, "same-origin" | "none"));
    let origin_differs = text("origin").is_some_and(|given| !given.eq_ignore_ascii_case(origin));
    fetch || origin_differs
}

/// The header that sets the cookie of a session; without one it ends the session at the browser.
fn session_cookie(value: &Secret, origin: &str) -> HeaderValue {
    let secure = if origin.starts_with("https:") { "; Secure" } else { "" };
    let life = if value.expose().is_empty() { 0 } else { SESSION_LIFE.as_secs() };
    let text = format!("{COOKIE}={}; Path=/; HttpOnly; SameSite=Lax; Max-Age={life}{secure}", value.expose());
    let mut header = HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static(""));
    header.set_sensitive(true);
    header
}

impl Call {
    /// The last value of a parameter of the query.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// A parameter that shapes the answer: in a body its name has an underscore.
    pub(super) fn shaping(&self, name: &str) -> Option<&str> {
        let in_body = name.replace('-', "_");
        let form = self.form.iter().rev().find(|(known, _)| *known == in_body).map(|(_, value)| value.as_str());
        form.or_else(|| self.parameter(name))
    }

    /// The number in the path; what is no number is no resource.
    pub(super) fn number(&self) -> Option<u64> {
        let text = self.path.split('/').nth(3)?;
        let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        text.parse().ok().filter(|_| digits)
    }

    /// Whose repositories are looked at.
    pub(super) fn tenant(&self) -> Result<TenantId, Problem> {
        let own = self.principal.as_ref().map(|principal| principal.tenant);
        own.or(self.anonymous).ok_or_else(|| Code::NotLoggedIn.problem())
    }

    /// A caller who is somebody.
    pub(super) fn principal(&self) -> Result<&Principal, Problem> {
        self.principal.as_ref().ok_or_else(|| Code::NotLoggedIn.problem())
    }

    /// Whether a repository of the list may be looked at by the token's policy.
    pub(super) fn policy_allows(&self, number: u64) -> bool {
        let policy = self.principal.as_ref().and_then(|principal| principal.policy.as_ref());
        policy.is_none_or(|policy| policy.allows(REPOSITORY_POLICY, Some(&number.to_string()), self.method.as_str()))
    }

    /// What is asked before anything is looked for: policy, scope, login.
    async fn may(&self, app: &App) -> Result<(), Problem> {
        let Some(principal) = &self.principal else {
            self.tenant()?;
            return if self.method == Method::GET { Ok(()) } else { Err(Code::NotLoggedIn.problem()) };
        };
        let reads = self.method == Method::GET;
        if !reads && !self.path.ends_with("/session") && app.store.is_suspended(principal.tenant).await? {
            return Err(Code::ReadOnly.problem());
        }
        if let Some(policy) = &principal.policy {
            let object = self.number().map(|number| number.to_string());
            let resource = self.path.split('/').nth(2).unwrap_or("root").trim_end_matches("ies");
            let resource = if resource == "repositor" { REPOSITORY_POLICY } else { resource };
            // A list is filtered, never refused.
            let is_list = object.is_none() && reads;
            if !is_list && !policy.allows(resource, object.as_deref(), self.method.as_str()) {
                return Err(Code::PermissionDenied.problem());
            }
        }
        let needed = if reads { Scope::ReposRead } else { Scope::ReposWrite };
        let is_open = self.path.ends_with("/session");
        if is_open || principal.has_scope(needed) {
            return Ok(());
        }
        Err(match principal.kind {
            TokenKind::Personal => Code::PermissionDenied.problem(),
            TokenKind::Integration | TokenKind::Platform => Code::MissingScope.problem(),
        })
    }

    /// What goes out: with the cookie of a fresh login, also when the call failed.
    pub(super) fn answer(self, result: Result<Reply, Problem>) -> Response {
        let Self { method, headers, cookie, .. } = self;
        match (result, cookie) {
            (Ok(reply), cookie) => {
                let mut response = reply.respond(method == Method::GET, &headers);
                if let Some(cookie) = cookie {
                    response.headers_mut().insert(header::SET_COOKIE, cookie);
                }
                response
            }
            (Err(problem), Some(cookie)) => problem.with_header(header::SET_COOKIE, cookie).into_response(),
            (Err(problem), None) => problem.into_response(),
        }
    }

    /// The same call, whose session is over when it is answered.
    pub(super) fn leaving(self) -> Self {
        let cookie = Some(session_cookie(&Secret::new(""), &self.origin));
        Self { cookie, ..self }
    }
}
