//! The dialect's problems (contract: shiftagent 9): one table from what went wrong to slug, title and status.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use repoplane_api::problem::ProblemType;
use repoplane_api::{Asked, Problem};
use repoplane_store::KeptAnswer;
use serde_json::{Map, Value, json};

/// A type of problem: the last part of its URI.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Slug {
    InsufficientScope,
    TenantSuspended,
    NotFound,
    NameConflict,
    ResourceInUse,
    SyncInProgress,
    IdempotencyKeyConflict,
    ValidationError,
    BadRequest,
    RateLimited,
    InternalError,
    MethodNotAllowed,
    NotAcceptable,
    BodyTooLarge,
    UnsupportedMediaType,
    HeadersTooLarge,
    Unavailable,
}

impl Slug {
    /// Those that the native API does not have.
    pub(crate) const OWN: [Self; 8] = [
        Self::InsufficientScope,
        Self::TenantSuspended,
        Self::NameConflict,
        Self::ResourceInUse,
        Self::SyncInProgress,
        Self::ValidationError,
        Self::BadRequest,
        Self::InternalError,
    ];

    /// All of them.
    pub(crate) const ALL: [Self; 17] = [
        Self::InsufficientScope,
        Self::TenantSuspended,
        Self::NotFound,
        Self::NameConflict,
        Self::ResourceInUse,
        Self::SyncInProgress,
        Self::IdempotencyKeyConflict,
        Self::ValidationError,
        Self::BadRequest,
        Self::RateLimited,
        Self::InternalError,
        Self::MethodNotAllowed,
        Self::NotAcceptable,
        Self::BodyTooLarge,
        Self::UnsupportedMediaType,
        Self::HeadersTooLarge,
        Self::Unavailable,
    ];

    /// The slug.
    pub(crate) fn as_str(self) -> &'static str {
        self.row().0
    }

    /// The title, the same for every occurrence but a call without a good token.
    pub(crate) fn title(self) -> &'static str {
        self.row().1
    }

    /// The status; without a good token `insufficient-scope` has 401.
    pub(crate) fn status(self) -> StatusCode {
        self.row().2
    }

    fn row(self) -> (&'static str, &'static str, StatusCode) {
        match self {
            Self::InsufficientScope => ("insufficient-scope", "Insufficient scope", StatusCode::FORBIDDEN),
            Self::TenantSuspended => ("tenant-suspended", "Tenant suspended", StatusCode::FORBIDDEN),
            Self::NotFound => ("not-found", "Not found", StatusCode::NOT_FOUND),
            Self::NameConflict => ("name-conflict", "Name conflict", StatusCode::CONFLICT),
            Self::ResourceInUse => ("resource-in-use", "Resource in use", StatusCode::CONFLICT),
            Self::SyncInProgress => ("sync-in-progress", "Sync in progress", StatusCode::CONFLICT),
            Self::IdempotencyKeyConflict => {
                ("idempotency-key-conflict", "Idempotency key conflict", StatusCode::CONFLICT)
            }
            Self::ValidationError => ("validation-error", "Validation error", StatusCode::UNPROCESSABLE_ENTITY),
            Self::BadRequest => ("bad-request", "Bad request", StatusCode::BAD_REQUEST),
            Self::RateLimited => ("rate-limited", "Rate limited", StatusCode::TOO_MANY_REQUESTS),
            Self::InternalError => ("internal-error", "Internal error", StatusCode::INTERNAL_SERVER_ERROR),
            Self::MethodNotAllowed => ("method-not-allowed", "Method not allowed", StatusCode::METHOD_NOT_ALLOWED),
            Self::NotAcceptable => ("not-acceptable", "Not acceptable", StatusCode::NOT_ACCEPTABLE),
            Self::BodyTooLarge => ("body-too-large", "Body too large", StatusCode::PAYLOAD_TOO_LARGE),
            Self::UnsupportedMediaType => {
                ("unsupported-media-type", "Unsupported media type", StatusCode::UNSUPPORTED_MEDIA_TYPE)
            }
            Self::HeadersTooLarge => {
                ("headers-too-large", "Headers too large", StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE)
            }
            Self::Unavailable => ("unavailable", "Unavailable", StatusCode::SERVICE_UNAVAILABLE),
        }
    }
}

/// The table.
fn slug(problem: &Problem) -> Slug {
    match problem.kind() {
        ProblemType::ValidationFailed if is_of_the_query(problem) => Slug::BadRequest,
        // Beyond a limit of the registry: nothing that waiting helps.
        ProblemType::ValidationFailed | ProblemType::LimitExceeded => Slug::ValidationError,
        ProblemType::MalformedBody | ProblemType::WebhookRejected => Slug::BadRequest,
        ProblemType::Unauthorized => Slug::InsufficientScope,
        ProblemType::Forbidden => match problem.code() {
            // To who may not see it, it does not exist.
            Some("REPO_ACCESS_DENIED") => Slug::NotFound,
            Some("REPO_ARCHIVED_READ_ONLY") => Slug::ResourceInUse,
            Some("TENANT_SUSPENDED") => Slug::TenantSuspended,
            Some(_) | None => Slug::InsufficientScope,
        },
        ProblemType::NotFound => Slug::NotFound,
        ProblemType::Conflict => match problem.code() {
            Some("REPO_NAME_TAKEN" | "SKILL_NAME_TAKEN" | "CREDENTIAL_NAME_TAKEN") => Slug::NameConflict,
            Some("SYNC_IN_PROGRESS") => Slug::SyncInProgress,
            // There is no word for it here; it passes.
            Some("WRITE_CONFLICT") => Slug::Unavailable,
            Some(_) | None => Slug::ResourceInUse,
        },
        ProblemType::IdempotencyKeyConflict | ProblemType::IdempotencyKeyInFlight => Slug::IdempotencyKeyConflict,
        ProblemType::TooManyChanges | ProblemType::RateLimited | ProblemType::ProviderRateLimited => Slug::RateLimited,
        ProblemType::MethodNotAllowed => Slug::MethodNotAllowed,
        ProblemType::NotAcceptable => Slug::NotAcceptable,
        ProblemType::BodyTooLarge => Slug::BodyTooLarge,
        ProblemType::UnsupportedMediaType => Slug::UnsupportedMediaType,
        ProblemType::HeadersTooLarge => Slug::HeadersTooLarge,
        // No call here has a precondition or asks a provider.
        ProblemType::PreconditionFailed | ProblemType::Internal => Slug::InternalError,
        ProblemType::Unavailable | ProblemType::ProviderRefused | ProblemType::ProviderUnavailable => Slug::Unavailable,
    }
}

fn is_of_the_query(problem: &Problem) -> bool {
    problem.errors().iter().any(|error| error.pointer.starts_with('?'))
}

/// Status and body of a problem.
fn told(problem: &Problem, asked: &Asked) -> (StatusCode, Value) {
    let slug = slug(problem);
    let unauthorized = problem.kind() == ProblemType::Unauthorized;
    let status = if unauthorized { StatusCode::UNAUTHORIZED } else { slug.status() };
    let title = if unauthorized { "Unauthorized" } else { slug.title() };
    let mut body = Map::new();
    body.insert("type".to_owned(), json!(format!("{}/problems/{}", asked.origin, slug.as_str())));
    body.insert("title".to_owned(), json!(title));
    body.insert("status".to_owned(), json!(status.as_u16()));
    // What is not there and what must not be known are told alike, by what was asked for alone.
    let nothing = || format!("There is nothing at {}", asked.path);
    let detail = if slug == Slug::NotFound { nothing() } else { detail(problem) };
    body.insert("detail".to_owned(), json!(detail));
    body.insert("instance".to_owned(), json!(asked.path));
    body.insert("request_id".to_owned(), json!(asked.request_id));
    if matches!(slug, Slug::NameConflict | Slug::ResourceInUse) {
        let in_path = || asked.path.split('/').find(|part| part.starts_with("rep_"));
        body.insert("conflicting_resource_id".to_owned(), json!(problem.holder().or_else(in_path)));
    }
    if slug == Slug::ValidationError {
        let field = |pointer: &str, message: &str| json!({"pointer": pointer, "message": message});
        let mut errors: Vec<_> = problem.errors().iter().map(|error| field(&error.pointer, &error.message)).collect();
        if errors.is_empty() {
            errors.push(field("", problem.detail()));
        }
        body.insert("errors".to_owned(), json!(errors));
    }
    (status, Value::Object(body))
}

/// The sentence for people: of a wrong query all of them.
fn detail(problem: &Problem) -> String {
    if !is_of_the_query(problem) {
        return problem.detail().to_owned();
    }
    problem.errors().iter().map(|error| error.message.as_str()).collect::<Vec<_>>().join("; ")
}

/// Writes a problem of one of the dialect's paths.
pub(crate) fn render(problem: &Problem, asked: &Asked) -> Response {
    let (status, body) = told(problem, asked);
    let mut response = (status, body.to_string()).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    for (name, value) in problem.headers().iter().filter(|(name, _)| *name == header::RETRY_AFTER) {
        headers.insert(name, value.clone());
    }
    if status == StatusCode::UNAUTHORIZED {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    if status == StatusCode::SERVICE_UNAVAILABLE || problem.kind() == ProblemType::IdempotencyKeyInFlight {
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

/// A refusal as it is kept for repeats of the call; `None` for what may end otherwise when it is sent again (contract:
/// shiftagent 10).
pub(super) fn kept(problem: &Problem, asked: &Asked) -> Option<KeptAnswer> {
    let (status, body) = told(problem, asked);
    let passing = [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN, StatusCode::TOO_MANY_REQUESTS];
    let is_kept =
        status.is_client_error() && !passing.contains(&status) && slug(problem) != Slug::IdempotencyKeyConflict;
    is_kept.then(|| KeptAnswer { status: status.as_u16(), ..KeptAnswer::ok(body) })
}
