//! A call of the dialect: who asks, in which of its ways, and what is asked (contract: reviewboard 2, 5).

use super::answer::Reply;
use super::form::{self, MAX_FORM_BYTES};
use super::problems::{Code, NO_POST};
use super::{COOKIE, is_item};
use axum::body::Body;
use axum::extract::{FromRef, FromRequest, FromRequestParts, Request};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, Method, header};
use repoplane_api::access::admit;
use repoplane_api::idempotency::{fingerprint, key_of};
use repoplane_api::problem::ProblemType;
use repoplane_api::{App, Asked, Problem, body, token};
use repoplane_domain::access::{Principal, SESSION_LIFE, Scope, TokenKind, TokenPolicy};
use repoplane_domain::id::TenantId;
use repoplane_domain::oidc::is_jwt;
use repoplane_domain::review::ReviewForm;
use repoplane_domain::secret::Secret;
use repoplane_store::Once;
use std::collections::BTreeSet;

/// The policy id of repositories in a token's policy.
pub(super) const REPOSITORY_POLICY: &str = "repository";

/// A call.
pub(super) struct Call {
    asking: Asking,
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
        let Ok(asked) = Asked::from_request_parts(&mut parts, state).await;
        let asking = Asking::read(&app, &parts.method, &parts.headers, &asked).await?;
        let path = parts.uri.path().trim_end_matches('/').to_owned();
        let (method, form) = match said(parts.method, &path, &parts.headers, content).await {
            Ok(said) => said,
            Err(problem) => return Err(asking.with_cookie(problem)),
        };
        let raw_query = parts.uri.query().unwrap_or_default().to_owned();
        let query = form_urlencoded::parse(raw_query.as_bytes()).into_owned().collect();
        let call = Self {
            asking,
            anonymous: app.settings.anonymous_tenant,
            method,
            path,
            query,
            raw_query,
            form,
            origin: asked.origin,
            headers: parts.headers,
        };
        match call.may(&app).await {
            Ok(()) => Ok(call),
            Err(problem) => Err(call.asking.with_cookie(problem)),
        }
    }
}

/// What a request asks for: its method, also one in disguise, and the fields of its form.
async fn said(
    method: Method,
    path: &str,
    headers: &HeaderMap,
    content: Body,
) -> Result<(Method, Vec<(String, String)>), Problem> {
    let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let bytes = body::read(Request::new(content), MAX_FORM_BYTES).await?;
    let form = form::fields(media_type, bytes).await?;
    let method = in_disguise(method, path, &form)?;
    Ok((method, form))
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

/// Who asks, and in which way.
#[derive(Default)]
struct Asking {
    principal: Option<Principal>,
    /// Whether it is a tool's token, or one of an issuer: those are refused in the words of OAuth 2.
    by_oauth: bool,
    /// The cookie of the session by which they ask.
    session: Option<Secret>,
    /// The header that gives a session, or takes it back.
    cookie: Option<HeaderValue>,
}

impl Asking {
    /// A login that was right is answered as one, whatever becomes of its call.
    fn with_cookie(self, problem: Problem) -> Problem {
        match self.cookie {
            Some(cookie) => problem.with_header(header::SET_COOKIE, cookie),
            None => problem,
        }
    }

    async fn read(app: &App, method: &Method, headers: &HeaderMap, asked: &Asked) -> Result<Self, Problem> {
        match headers.contains_key(header::AUTHORIZATION) {
            true => Self::by_token(app, headers, asked).await,
            false => Self::by_session(app, method, headers, &asked.origin).await,
        }
    }

    async fn by_token(app: &App, headers: &HeaderMap, asked: &Asked) -> Result<Self, Problem> {
        let now = app.now();
        if app.limits.is_locked_out(asked.address, now) {
            let text = "Too many logins from this address have failed; try again in a minute";
            return Err(Code::LoginFailed.problem().with_detail(text));
        }
        let Some(text) = token::of_request(headers) else { return Err(Code::NotLoggedIn.problem()) };
        let Some(principal) = app.authenticate(&text, false).await? else {
            app.limits.login_failed(asked.address, now);
            return Err(Code::LoginFailed.problem());
        };
        let signed = is_jwt(text.expose());
        let principal = admit(app, principal, signed)?;
        let by_oauth = signed || principal.kind != TokenKind::Personal;
        // What is kept nowhere can stand behind no session.
        let lasting = !signed && principal.kind != TokenKind::Platform;
        let cookie = match lasting {
            true => Some(session_cookie(&app.store.begin_session(principal.tenant, &text, now).await?, &asked.origin)),
            false => None,
        };
        Ok(Self { principal: Some(principal), by_oauth, session: None, cookie })
    }

    async fn by_session(app: &App, method: &Method, headers: &HeaderMap, origin: &str) -> Result<Self, Problem> {
        let Some(session) = of_cookies(headers) else { return Ok(Self::default()) };
        let Some(principal) = app.store.session_caller(session.expose(), app.now()).await? else {
            return Ok(Self { cookie: Some(session_cookie(&Secret::new(""), origin)), ..Self::default() });
        };
        if *method != Method::GET && is_of_another_site(headers, origin) {
            let text = "A page of another site may not do this with your session";
            return Err(Code::PermissionDenied.problem().with_detail(text));
        }
        let principal = admit(app, principal, false)?;
        let by_oauth = principal.kind != TokenKind::Personal;
        Ok(Self { principal: Some(principal), by_oauth, session: Some(session), cookie: None })
    }
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

    /// The form as what it says of a repository.
    pub(super) fn review_form(&self) -> ReviewForm {
        ReviewForm::read(self.form.iter().map(|(name, value)| (name.as_str(), value.as_str())))
    }

    /// The names of its fields, for the audit log: what they say may be secret.
    pub(super) fn field_names(&self) -> BTreeSet<&str> {
        self.form.iter().map(|(name, _)| name.as_str()).collect()
    }

    /// The call as one that may be repeated under a key.
    ///
    /// # Errors
    /// For a key that is none.
    pub(super) fn once(&self, principal: &Principal) -> Result<Option<Once>, Problem> {
        let Some(key) = key_of(&self.headers)? else { return Ok(None) };
        let said = form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.form).finish();
        let target = format!("{} {}?{}", self.method, self.path, self.raw_query);
        Ok(Some(Once::new(principal, &format!("reviewboard {key}"), fingerprint(&key, &target, &said))))
    }

    /// The number in the path; what is no number is no resource.
    pub(super) fn number(&self) -> Option<u64> {
        let text = self.path.split('/').nth(3)?;
        let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        text.parse().ok().filter(|_| digits)
    }

    /// Who asks; nobody in particular without.
    pub(super) fn known(&self) -> Option<&Principal> {
        self.asking.principal.as_ref()
    }

    /// A caller who is somebody.
    pub(super) fn principal(&self) -> Result<&Principal, Problem> {
        self.known().ok_or_else(|| Code::NotLoggedIn.problem())
    }

    /// The cookie of the session by which they ask.
    pub(super) fn session(&self) -> Option<&Secret> {
        self.asking.session.as_ref()
    }

    /// Whose repositories are looked at.
    pub(super) fn tenant(&self) -> Result<TenantId, Problem> {
        let own = self.known().map(|principal| principal.tenant);
        own.or(self.anonymous).ok_or_else(|| Code::NotLoggedIn.problem())
    }

    /// Whether a repository of the list may be looked at by the token's policy.
    pub(super) fn policy_allows(&self, number: u64) -> bool {
        let policy = self.known().and_then(|principal| principal.policy.as_ref());
        policy.is_none_or(|policy| policy.allows(REPOSITORY_POLICY, Some(&number.to_string()), self.method.as_str()))
    }

    /// What is asked before anything is looked for: read-only tenants, policy, scope, login.
    async fn may(&self, app: &App) -> Result<(), Problem> {
        let reads = self.method == Method::GET;
        let Some(principal) = self.known() else {
            self.tenant()?;
            return if reads { Ok(()) } else { Err(Code::NotLoggedIn.problem()) };
        };
        let is_session = self.path == "/api/session";
        let exempt = reads || is_session || principal.has_scope(Scope::Operator);
        if !exempt && app.store.is_suspended(principal.tenant).await? {
            return Err(Code::ReadOnly.problem());
        }
        if let Some(policy) = &principal.policy
            && !self.is_within(policy)
        {
            let text = "The policy of the token does not allow this";
            return Err(Code::PermissionDenied.problem().with_detail(text));
        }
        let needed = if reads { Scope::ReposRead } else { Scope::ReposWrite };
        match (is_session || principal.has_scope(needed), self.asking.by_oauth) {
            (true, _) => Ok(()),
            (false, true) => Err(Code::MissingScope.problem()),
            (false, false) => Err(Code::PermissionDenied.problem()),
        }
    }

    /// Whether a policy allows the call: what it is about, and the repository that this is of. A list is filtered, never
    /// refused.
    fn is_within(&self, policy: &TokenPolicy) -> bool {
        let method = self.method.as_str();
        let mut parts = self.path.split('/').skip(2);
        match (parts.next(), parts.next(), parts.next()) {
            (Some("repositories"), None, _) => method == "GET" || policy.allows(REPOSITORY_POLICY, None, method),
            (Some("repositories"), Some(number), below) => {
                let below = below.map(|name| format!("{REPOSITORY_POLICY}_{}", name.replace('-', "_")));
                policy.allows(REPOSITORY_POLICY, Some(number), method)
                    && below.is_none_or(|below| policy.allows(&below, None, method))
            }
            (Some("info"), ..) => policy.allows("server_info", None, method),
            (Some("review-requests"), ..) => method == "GET" || policy.allows("review_request", None, method),
            (Some(resource), ..) => policy.allows(resource, None, method),
            (None, ..) => policy.allows("root", None, method),
        }
    }

    /// What goes out: with the cookie of a fresh login, also when the call failed.
    pub(super) fn answer(self, result: Result<Reply, Problem>) -> Response {
        match result {
            Ok(reply) => {
                let mut response = reply.respond(self.method == Method::GET, &self.headers);
                if let Some(cookie) = self.asking.cookie {
                    response.headers_mut().insert(header::SET_COOKIE, cookie);
                }
                response
            }
            Err(problem) => self.asking.with_cookie(problem).into_response(),
        }
    }

    /// The same call, whose session is over when it is answered.
    pub(super) fn leaving(mut self) -> Self {
        self.asking.cookie = Some(session_cookie(&Secret::new(""), &self.origin));
        self
    }
}
