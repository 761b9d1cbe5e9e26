//! The dialect's errors (contract: reviewboard 9): one table from what went wrong to code, type and status.

use super::answer::{ERROR_MEDIA, dress};
use super::{is_item, is_list};
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use repoplane_api::limits::RATE_LIMIT;
use repoplane_api::problem::ProblemType;
use repoplane_api::{Asked, Problem};
use serde_json::{Map, Value, json};

/// An error of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Code {
    NotConfigured,
    DoesNotExist,
    PermissionDenied,
    NotLoggedIn,
    LoginFailed,
    InvalidForm,
    MissingScope,
    AccessDenied,
    RateLimited,
    RepositoryMissing,
    NotSupported,
    CommunicationError,
    ServerConfigError,
    HostKeyMismatch,
    HostKeyNotVerified,
    CertificateNotVerified,
    PublicKeyMissing,
    RepositoryAuthError,
    RepositoryConflict,
    ReadOnly,
}

impl Code {
    /// All of them.
    pub(crate) const ALL: [Self; 20] = [
        Self::NotConfigured,
        Self::DoesNotExist,
        Self::PermissionDenied,
        Self::NotLoggedIn,
        Self::LoginFailed,
        Self::InvalidForm,
        Self::MissingScope,
        Self::AccessDenied,
        Self::RateLimited,
        Self::RepositoryMissing,
        Self::NotSupported,
        Self::CommunicationError,
        Self::ServerConfigError,
        Self::HostKeyMismatch,
        Self::HostKeyNotVerified,
        Self::CertificateNotVerified,
        Self::PublicKeyMissing,
        Self::RepositoryAuthError,
        Self::RepositoryConflict,
        Self::ReadOnly,
    ];

    /// Number, status, type, and the sentence for people.
    pub(crate) fn row(self) -> (u16, u16, &'static str, &'static str) {
        match self {
            Self::NotConfigured => (1, 503, "service-not-configured", "The service does not answer just now"),
            Self::DoesNotExist => (100, 404, "resource-does-not-exist", "Object does not exist"),
            Self::PermissionDenied => (101, 403, "resource-permission-denied", "You don't have permission for this"),
            Self::NotLoggedIn => (103, 401, "auth-not-logged-in", "You are not logged in"),
            Self::LoginFailed => (104, 401, "auth-login-failed", "The username or password was not correct"),
            Self::InvalidForm => (105, 400, "request-field-error", "One or more fields had errors"),
            Self::MissingScope => (112, 403, "auth-oauth2-missing-scope", "The token lacks a scope for this"),
            Self::AccessDenied => (113, 403, "auth-oauth2-access-denied", "A token of this kind may not do this"),
            Self::RateLimited => (114, 429, "request-rate-limit-exceeded", "Too many requests"),
            Self::RepositoryMissing => (205, 400, "repository-missing", "There is no repository at this path"),
            Self::NotSupported => {
                (209, 501, "repository-request-not-supported", "The repository does not support this")
            }
            Self::CommunicationError => {
                (210, 500, "repository-communication-error", "The repository could not be spoken to")
            }
            Self::ServerConfigError => (213, 500, "server-config-error", "The trust could not be stored"),
            Self::HostKeyMismatch => (214, 403, "ssh-host-key-mismatch", "The host has another key than the known one"),
            Self::HostKeyNotVerified => (215, 403, "ssh-host-key-not-verified", "The key of the host is not known"),
            Self::CertificateNotVerified => {
                (216, 403, "ssl-certificate-not-verified", "The certificate of the host does not verify")
            }
            Self::PublicKeyMissing => {
                (217, 403, "ssh-public-key-missing", "The host wants a public key, and there is none")
            }
            Self::RepositoryAuthError => {
                (218, 403, "repository-auth-error", "The repository refused the username or password")
            }
            Self::RepositoryConflict => (229, 409, "repository-conflict", "Another repository has this name or path"),
            Self::ReadOnly => (233, 503, "server-read-only", "It can be read, not changed"),
        }
    }

    /// The problem of it, for the edge to write.
    pub(crate) fn problem(self) -> Problem {
        let (number, status, _, text) = self.row();
        let kind = match self {
            Self::LoginFailed | Self::NotLoggedIn => ProblemType::Unauthorized,
            Self::InvalidForm => ProblemType::ValidationFailed,
            Self::DoesNotExist => ProblemType::NotFound,
            Self::RateLimited => ProblemType::RateLimited,
            Self::RepositoryConflict => ProblemType::Conflict,
            Self::NotConfigured | Self::ReadOnly => ProblemType::Unavailable,
            Self::PermissionDenied | Self::MissingScope | Self::AccessDenied => ProblemType::Forbidden,
            Self::RepositoryMissing
            | Self::NotSupported
            | Self::CommunicationError
            | Self::ServerConfigError
            | Self::HostKeyMismatch
            | Self::HostKeyNotVerified
            | Self::CertificateNotVerified
            | Self::PublicKeyMissing
            | Self::RepositoryAuthError => ProblemType::ProviderRefused,
        };
        Problem::new(kind, text).with_status(status).with_code(format!("{PREFIX}{number}"))
    }
}

/// What the codes of the dialect's own problems begin with.
const PREFIX: &str = "REVIEW_BOARD_";

/// The table.
fn code(problem: &Problem) -> Code {
    let own = |code: &str| {
        let number = code.strip_prefix(PREFIX)?;
        Code::ALL.into_iter().find(|known| known.row().0.to_string() == number)
    };
    if let Some(code) = problem.code().and_then(own) {
        return code;
    }
    match problem.kind() {
        ProblemType::ValidationFailed
        | ProblemType::LimitExceeded
        | ProblemType::MalformedBody
        | ProblemType::BodyTooLarge
        | ProblemType::UnsupportedMediaType
        | ProblemType::HeadersTooLarge
        | ProblemType::NotAcceptable
        | ProblemType::WebhookRejected => Code::InvalidForm,
        ProblemType::Unauthorized => Code::LoginFailed,
        ProblemType::Forbidden => match problem.code() {
            Some("TENANT_SUSPENDED") => Code::ReadOnly,
            Some("TOKEN_KIND_INSUFFICIENT") => Code::AccessDenied,
            Some(_) | None => Code::PermissionDenied,
        },
        ProblemType::NotFound => Code::DoesNotExist,
        ProblemType::MethodNotAllowed => Code::NotSupported,
        ProblemType::Conflict => match problem.code() {
            // It passes, and there is no word for it.
            Some("WRITE_CONFLICT") => Code::NotConfigured,
            Some("REPO_IDENTITY_LOCKED") => Code::InvalidForm,
            Some(_) | None => Code::RepositoryConflict,
        },
        ProblemType::IdempotencyKeyConflict => Code::RepositoryConflict,
        ProblemType::RateLimited | ProblemType::TooManyChanges | ProblemType::ProviderRateLimited => Code::RateLimited,
        ProblemType::ProviderRefused | ProblemType::ProviderUnavailable => Code::CommunicationError,
        ProblemType::IdempotencyKeyInFlight
        | ProblemType::PreconditionFailed
        | ProblemType::Internal
        | ProblemType::Unavailable => Code::NotConfigured,
    }
}

/// The methods that a path takes, as they are told to who used another (contract: reviewboard 1).
fn allowed(path: &str, method_is_post: bool) -> &'static str {
    match () {
        () if is_item(path) && method_is_post => "GET, PUT, DELETE",
        () if is_item(path) => "GET, POST, PUT, DELETE",
        () if is_list(path) => "GET, POST",
        () if path == "/api/session" => "GET, DELETE",
        () => "GET",
    }
}

/// Says that a POST to an item was no other method in disguise.
pub(super) const NO_POST: &str = "POST_WITHOUT_METHOD";

/// Writes a problem of one of the dialect's paths.
pub(crate) fn render(problem: &Problem, asked: &Asked) -> Response {
    if problem.kind() == ProblemType::MethodNotAllowed {
        let allow = allowed(asked.path.trim_end_matches('/'), problem.code() == Some(NO_POST));
        let headers = [(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::ALLOW, allow)];
        return dress((StatusCode::METHOD_NOT_ALLOWED, headers).into_response());
    }
    let code = code(problem);
    let (number, status, name, text) = code.row();
    let mut body = problem.members().clone();
    body.insert("stat".to_owned(), json!("fail"));
    body.insert("err".to_owned(), json!({"code": number, "msg": sentence(problem, text), "type": name}));
    if code == Code::InvalidForm {
        body.insert("fields".to_owned(), fields(problem));
    }
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = (status, Value::Object(body).to_string()).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(ERROR_MEDIA));
    let kept = [header::RETRY_AFTER, header::SET_COOKIE, RATE_LIMIT];
    for (name, value) in problem.headers().iter().filter(|(name, _)| kept.contains(name)) {
        headers.append(name, value.clone());
    }
    if status == StatusCode::UNAUTHORIZED {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"Web API\""));
    }
    dress(response)
}

/// What is told to people: the contract's sentence, and what is known besides.
fn sentence(problem: &Problem, text: &str) -> String {
    match problem.detail() {
        "" => text.to_owned(),
        detail if problem.errors().is_empty() => detail.to_owned(),
        _ => text.to_owned(),
    }
}

/// The wrong fields by name, each with all that is wrong with it.
fn fields(problem: &Problem) -> Value {
    let mut fields: Map<String, Value> = Map::new();
    for error in problem.errors() {
        let name = error.pointer.trim_start_matches(['/', '?']).split('/').next().unwrap_or_default();
        let texts = fields.entry(name).or_insert_with(|| json!([]));
        if let Some(texts) = texts.as_array_mut() {
            texts.push(json!(error.message));
        }
    }
    Value::Object(fields)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_code_has_a_number_and_a_type_of_its_own_and_survives_the_edge() {
        let numbers: BTreeSet<u16> = Code::ALL.iter().map(|code| code.row().0).collect();
        let types: BTreeSet<&str> = Code::ALL.iter().map(|code| code.row().2).collect();
        assert_eq!((numbers.len(), types.len()), (Code::ALL.len(), Code::ALL.len()));
        for known in Code::ALL {
            assert_eq!(code(&known.problem()), known);
        }
    }

    #[test]
    fn wrong_fields_are_told_together_by_name() {
        let mut errors = repoplane_domain::error::FieldErrors::new();
        errors.push("/name", "one");
        errors.push("/name", "two");
        errors.push("?start", "three");
        let problem: Problem = errors.into_result(()).unwrap_err().into();
        assert_eq!(fields(&problem), json!({"name": ["one", "two"], "start": ["three"]}));
    }
}
