//! Every problem that the native API can answer: RFC 9457 bodies that HookCode's clients read as well.
//!
//! The only place that knows statuses. Inner layers say what is wrong ([`DomainError`], [`StoreError`]); here it gets its
//! type, title and status, by exhaustive matches.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use repoplane_domain::access::Scope;
use repoplane_domain::error::{Conflict, Denial, DomainError, FieldError, Kind};
use repoplane_store::{StoreError, WriteError};
use serde_json::{Map, Value, json};

/// The catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "titles and statuses stand below")]
pub enum ProblemType {
    ValidationFailed,
    MalformedBody,
    Unauthorized,
    Forbidden,
    NotFound,
    MethodNotAllowed,
    NotAcceptable,
    Conflict,
    IdempotencyKeyConflict,
    IdempotencyKeyInFlight,
    PreconditionFailed,
    BodyTooLarge,
    UnsupportedMediaType,
    HeadersTooLarge,
    LimitExceeded,
    TooManyChanges,
    RateLimited,
    WebhookRejected,
    ProviderRefused,
    ProviderRateLimited,
    ProviderUnavailable,
    Internal,
    Unavailable,
}

impl ProblemType {
    /// All of them, for documentation and tests.
    pub const ALL: [Self; 23] = [
        Self::ValidationFailed,
        Self::MalformedBody,
        Self::Unauthorized,
        Self::Forbidden,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::NotAcceptable,
        Self::Conflict,
        Self::IdempotencyKeyConflict,
        Self::IdempotencyKeyInFlight,
        Self::PreconditionFailed,
        Self::BodyTooLarge,
        Self::UnsupportedMediaType,
        Self::HeadersTooLarge,
        Self::LimitExceeded,
        Self::TooManyChanges,
        Self::RateLimited,
        Self::WebhookRejected,
        Self::ProviderRefused,
        Self::ProviderRateLimited,
        Self::ProviderUnavailable,
        Self::Internal,
        Self::Unavailable,
    ];

    /// The last part of the type's URI.
    pub fn slug(self) -> &'static str {
        match self {
            Self::ValidationFailed => "validation-failed",
            Self::MalformedBody => "malformed-body",
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not-found",
            Self::MethodNotAllowed => "method-not-allowed",
            Self::NotAcceptable => "not-acceptable",
            Self::Conflict => "conflict",
            Self::IdempotencyKeyConflict => "idempotency-key-conflict",
            Self::IdempotencyKeyInFlight => "idempotency-key-in-flight",
            Self::PreconditionFailed => "precondition-failed",
            Self::BodyTooLarge => "body-too-large",
            Self::UnsupportedMediaType => "unsupported-media-type",
            Self::HeadersTooLarge => "headers-too-large",
            Self::LimitExceeded => "limit-exceeded",
            Self::TooManyChanges => "too-many-changes",
            Self::RateLimited => "rate-limited",
            Self::WebhookRejected => "webhook-rejected",
            Self::ProviderRefused => "provider-refused",
            Self::ProviderRateLimited => "provider-rate-limited",
            Self::ProviderUnavailable => "provider-unavailable",
            Self::Internal => "internal",
            Self::Unavailable => "unavailable",
        }
    }

    /// The title, the same for every occurrence.
    pub fn title(self) -> &'static str {
        match self {
            Self::ValidationFailed => "Some fields are wrong",
            Self::MalformedBody => "The body is not JSON",
            Self::Unauthorized => "A valid access token is needed",
            Self::Forbidden => "Not allowed",
            Self::NotFound => "Not found",
            Self::MethodNotAllowed => "The path does not take this method",
            Self::NotAcceptable => "No representation that the caller accepts",
            Self::Conflict => "The state does not allow it",
            Self::IdempotencyKeyConflict => "The idempotency key belongs to another request",
            Self::IdempotencyKeyInFlight => "The first request with this idempotency key has not ended",
            Self::PreconditionFailed => "It is not the version that the caller knows",
            Self::BodyTooLarge => "The body is too large",
            Self::UnsupportedMediaType => "The body's media type is not supported",
            Self::HeadersTooLarge => "The headers are too large",
            Self::LimitExceeded => "Beyond a limit of the registry",
            Self::TooManyChanges => "Changed too often",
            Self::RateLimited => "Called too often",
            Self::WebhookRejected => "The webhook was rejected",
            Self::ProviderRefused => "The provider said no",
            Self::ProviderRateLimited => "The provider wants to be left alone for a while",
            Self::ProviderUnavailable => "The provider does not answer as it should",
            Self::Internal => "Something went wrong on our side",
            Self::Unavailable => "A part we depend on does not answer",
        }
    }

    /// The status; a rejected webhook has its own of contract 4.6.
    pub fn status(self) -> StatusCode {
        match self {
            Self::ValidationFailed | Self::MalformedBody | Self::WebhookRejected => StatusCode::BAD_REQUEST,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::NotAcceptable => StatusCode::NOT_ACCEPTABLE,
            Self::Conflict | Self::IdempotencyKeyConflict | Self::IdempotencyKeyInFlight => StatusCode::CONFLICT,
            Self::PreconditionFailed => StatusCode::PRECONDITION_FAILED,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::HeadersTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::LimitExceeded => StatusCode::UNPROCESSABLE_ENTITY,
            Self::TooManyChanges | Self::RateLimited => StatusCode::TOO_MANY_REQUESTS,
            // Not 401 or 403: those speak of the caller's own token, and clients end the session on them.
            Self::ProviderRefused => StatusCode::FAILED_DEPENDENCY,
            Self::ProviderRateLimited => StatusCode::TOO_MANY_REQUESTS,
            Self::ProviderUnavailable => StatusCode::BAD_GATEWAY,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

/// One problem, on its way out. [`crate::edge`] adds the request's id and path and writes the body.
#[derive(Debug, Clone)]
pub struct Problem(Box<Parts>);

#[derive(Debug, Clone)]
struct Parts {
    kind: ProblemType,
    status: StatusCode,
    code: Option<String>,
    /// HookCode's `error`; its `message` is `detail`.
    error: String,
    detail: String,
    errors: Vec<FieldError>,
    holder: Option<String>,
    members: Map<String, Value>,
    headers: Vec<(header::HeaderName, HeaderValue)>,
}

impl Problem {
    /// A problem of the catalogue with a sentence for people.
    pub fn new(kind: ProblemType, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        Self(Box::new(Parts {
            kind,
            status: kind.status(),
            code: None,
            error: detail.clone(),
            detail,
            errors: Vec::new(),
            holder: None,
            members: Map::new(),
            headers: Vec::new(),
        }))
    }

    /// A caller without a valid token.
    pub fn unauthorized(detail: &str) -> Self {
        let problem = Self::new(ProblemType::Unauthorized, detail).with_error("Unauthorized");
        problem.with_header(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"repoplane\""))
    }

    /// Something that is not there, or not for this caller.
    pub fn not_found(kind: Kind) -> Self {
        DomainError::NotFound(kind).into()
    }

    /// Puts another sentence for people in place of the first.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        if self.0.error == self.0.detail {
            self.0.error.clone_from(&detail);
        }
        self.0.detail = detail;
        self
    }

    /// Adds a stable code.
    #[must_use]
    pub fn with_code(mut self, code: impl Into<String>) -> Self {
        self.0.code = Some(code.into());
        self
    }

    /// Sets HookCode's `error` where the contract's differs from the detail.
    #[must_use]
    pub fn with_error(mut self, error: impl Into<String>) -> Self {
        self.0.error = error.into();
        self
    }

    /// Sets the status, for problems whose status the contract gives case by case; anything below 400 is ignored.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        if let Ok(status) = StatusCode::from_u16(status)
            && status.as_u16() >= 400
        {
            self.0.status = status;
        }
        self
    }

    /// The stable code, if it has one.
    pub fn code(&self) -> Option<&str> {
        self.0.code.as_deref()
    }

    /// Adds one member of ours; the standard members cannot be replaced.
    #[must_use]
    pub fn with_member(mut self, name: &str, value: Value) -> Self {
        self.0.members.insert(name.to_owned(), value);
        self
    }

    /// Adds members of the contract (`reason`, `usages`, …); the standard members cannot be replaced.
    #[must_use]
    pub fn with_members(mut self, members: Map<String, Value>) -> Self {
        self.0.members.extend(members);
        self
    }

    /// Adds a header.
    #[must_use]
    pub fn with_header(mut self, name: header::HeaderName, value: HeaderValue) -> Self {
        self.0.headers.push((name, value));
        self
    }

    /// The status.
    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    /// Which of the catalogue it is.
    pub fn kind(&self) -> ProblemType {
        self.0.kind
    }

    /// The sentence for people.
    pub fn detail(&self) -> &str {
        &self.0.detail
    }

    /// Every wrong field.
    pub fn errors(&self) -> &[FieldError] {
        &self.0.errors
    }

    /// Who holds what was asked for.
    pub fn holder(&self) -> Option<&str> {
        self.0.holder.as_deref()
    }

    /// Its members beside the standard ones.
    pub fn members(&self) -> &Map<String, Value> {
        &self.0.members
    }

    /// The headers that it brings.
    pub fn headers(&self) -> &[(header::HeaderName, HeaderValue)] {
        &self.0.headers
    }

    /// The body, as far as it is known without the request.
    pub fn body(&self) -> Map<String, Value> {
        let mut body = self.0.members.clone();
        body.insert("type".to_owned(), json!(format!("/problems/{}", self.0.kind.slug())));
        body.insert("title".to_owned(), json!(self.0.kind.title()));
        body.insert("status".to_owned(), json!(self.0.status.as_u16()));
        body.insert("detail".to_owned(), json!(self.0.detail));
        body.insert("error".to_owned(), json!(self.0.error));
        body.insert("message".to_owned(), json!(self.0.detail));
        if let Some(code) = &self.0.code {
            body.insert("code".to_owned(), json!(code));
        }
        if !self.0.errors.is_empty() {
            body.insert("errors".to_owned(), json!(self.0.errors));
        }
        if let Some(holder) = &self.0.holder {
            body.insert("conflicting_resource_id".to_owned(), json!(holder));
        }
        body
    }

    /// Writes the whole body, with the request's id and path.
    pub fn render(&self, request_id: &str, path: &str) -> Response {
        let mut body = self.body();
        body.insert("instance".to_owned(), json!(path));
        body.insert("request_id".to_owned(), json!(request_id));
        let mut response = (self.0.status, Value::Object(body).to_string()).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        for (name, value) in &self.0.headers {
            headers.insert(name, value.clone());
        }
        response
    }
}

impl IntoResponse for Problem {
    /// Leaves the problem in the response's extensions; the edge writes it.
    fn into_response(self) -> Response {
        let mut response = self.0.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<DomainError> for Problem {
    fn from(error: DomainError) -> Self {
        match error {
            DomainError::NotFound(kind) => Self::new(ProblemType::NotFound, not_found_text(kind)),
            DomainError::Denied(denial) => denied(denial),
            DomainError::Invalid(errors) => {
                let errors = errors.as_slice().to_vec();
                let first = errors.first();
                let detail = first.map_or_else(|| "the request is not valid".to_owned(), |first| first.message.clone());
                let code = first.and_then(|first| first.code.clone());
                let mut problem = Self::new(ProblemType::ValidationFailed, detail);
                // HookCode puts the first error's details beside its code (contract: hookcode 2.4, 3.7).
                if let Some(details) = first.and_then(|first| first.details.clone()) {
                    problem.0.members.insert("details".to_owned(), details);
                }
                problem.0.code = code;
                problem.0.errors = errors;
                problem
            }
            DomainError::Conflict(conflict) => conflicting(conflict),
            DomainError::Stale => {
                let text = "it was changed since: read it again, and send the ETag of that answer as If-Match";
                Self::new(ProblemType::PreconditionFailed, text).with_code("PRECONDITION_FAILED")
            }
            DomainError::TooOften { detail, retry_after } => {
                let problem = Self::new(ProblemType::TooManyChanges, detail).with_code("TOO_MANY_CHANGES");
                problem.with_header(header::RETRY_AFTER, HeaderValue::from(retry_after.as_secs()))
            }
            DomainError::TooLarge(detail) => Self::new(ProblemType::LimitExceeded, detail).with_code("LIMIT_EXCEEDED"),
        }
    }
}

fn not_found_text(kind: Kind) -> &'static str {
    match kind {
        Kind::AccessToken => "Access token not found",
        Kind::Attachment => "Attachment not found",
        Kind::Delivery => "Webhook delivery not found",
        Kind::Group => "Group not found",
        Kind::Issuer => "Issuer not found",
        Kind::Member => "Member not found",
        Kind::OrganisationHook => "Webhook not found",
        Kind::Product => "Product not found",
        Kind::Platform => "Platform not found",
        Kind::Project => "Project not found",
        Kind::Repository => "Repo not found",
        Kind::Robot => "Robot not found",
        Kind::Skill => "Skill not found",
        Kind::Task => "Task not found",
        Kind::TrustedHost => "Trusted host not found",
        Kind::Tenant => "Tenant not found",
        Kind::User => "User not found",
        Kind::VaultCredential => "Credential not found",
    }
}

fn denied(denial: Denial) -> Problem {
    let forbidden = |code: &str, detail: String| {
        Problem::new(ProblemType::Forbidden, detail).with_code(code).with_error("Forbidden")
    };
    match denial {
        Denial::RepositoryAccess => {
            forbidden("REPO_ACCESS_DENIED", "You are not a member of this repository".to_owned())
        }
        Denial::RepositoryManage => {
            forbidden("REPO_MANAGE_REQUIRED", "Only maintainers and owners of the repository may do this".to_owned())
        }
        Denial::RepositoryOwner => {
            forbidden("REPO_OWNER_REQUIRED", "Only owners of the repository may do this".to_owned())
        }
        Denial::Scope(scope) => {
            let mut problem =
                forbidden("PAT_SCOPE_INSUFFICIENT", format!("The token lacks the scope {}", scope.as_str()));
            problem.0.members.insert("requiredScope".to_owned(), json!(scope));
            problem
        }
        Denial::TenantAdministrator => {
            forbidden("ADMIN_REQUIRED", "Only administrators of the tenant may do this".to_owned())
        }
        Denial::PlatformAccess => forbidden("PLATFORM_ACCESS_DENIED", "You may not look at this".to_owned()),
        Denial::PlatformManage => {
            forbidden("PLATFORM_MANAGE_REQUIRED", "Only those who administer it may do this".to_owned())
        }
        Denial::Archived => {
            let text = "Archived repositories are read-only";
            Problem::new(ProblemType::Forbidden, text).with_code("REPO_ARCHIVED_READ_ONLY")
        }
        Denial::TenantSuspended => {
            forbidden("TENANT_SUSPENDED", "The tenant is suspended: it can be read, not changed".to_owned())
        }
        Denial::TokenKind => forbidden("TOKEN_KIND_INSUFFICIENT", "A token of this kind may not do this".to_owned()),
    }
}

fn conflicting(conflict: Conflict) -> Problem {
    let mut problem = Problem::new(ProblemType::Conflict, conflict.message).with_code(conflict.code);
    problem.0.holder = conflict.holder;
    if let Some(Value::Object(details)) = conflict.details {
        problem.0.members.extend(details);
    }
    problem
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable { engine, .. } => {
                // The chain is for the log, once, here.
                tracing::error!(error = %error, "Storage is not available");
                retry_later(format!("The {engine} does not answer; nothing was changed unless a retry shows it"))
            }
            StoreError::Contended => retry_later("Too many writers at once; try again".to_owned()),
            StoreError::Corrupt { .. } => {
                tracing::error!(error = %error, source = ?std::error::Error::source(&error).map(ToString::to_string), "Stored data cannot be read");
                Self::new(ProblemType::Internal, "A stored record cannot be read; the log names it by the request id")
            }
            StoreError::Limit(detail) => Self::new(ProblemType::LimitExceeded, detail).with_code("LIMIT_EXCEEDED"),
        }
    }
}

fn retry_later(detail: String) -> Problem {
    let problem = Problem::new(ProblemType::Unavailable, detail).with_code("UNAVAILABLE");
    problem.with_header(header::RETRY_AFTER, HeaderValue::from_static("1"))
}

impl From<WriteError> for Problem {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Domain(error) => error.into(),
            WriteError::Store(error) => error.into(),
            // Calls that may be repeated are answered by what is kept of the first one; no other meets this.
            WriteError::Repeated => retry_later("A call with this idempotency key came before; ask again".to_owned()),
        }
    }
}

/// The problem of a token without a scope, for extractors.
pub fn missing_scope(scope: Scope) -> Problem {
    DomainError::Denied(Denial::Scope(scope)).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_problem_has_its_own_type_and_a_status_of_failure() {
        let slugs: BTreeSet<_> = ProblemType::ALL.iter().map(|kind| kind.slug()).collect();
        assert_eq!(slugs.len(), ProblemType::ALL.len());
        for kind in ProblemType::ALL {
            assert!(kind.status().is_client_error() || kind.status().is_server_error(), "{kind:?}");
            let body = Problem::new(kind, "why").body();
            for member in ["type", "title", "status", "detail", "error", "message"] {
                assert!(body.contains_key(member), "{kind:?} {member}");
            }
        }
    }

    #[test]
    fn members_never_replace_the_standard_ones() {
        let members = json!({"status": 200, "reason": "x"}).as_object().cloned().unwrap_or_default();
        let body = Problem::new(ProblemType::Conflict, "why").with_members(members).body();
        assert_eq!(body["status"], 409);
        assert_eq!(body["reason"], "x");
    }
}
