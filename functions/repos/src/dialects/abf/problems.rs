//! What the dialect says when something is wrong (contract: abf 1): one table.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use repoplane_api::problem::ProblemType;
use repoplane_api::{Asked, Problem};
use repoplane_domain::platform::TAKEN;
use serde_json::{Value, json};

/// Who asks is not said.
pub(super) const NO_CREDENTIALS: &str = "You need to sign in or sign up before continuing.";
/// Nobody is who it is said to be.
pub(super) const WRONG_CREDENTIALS: &str = "Invalid email or password.";
/// The caller may not.
pub(super) const ACCESS_VIOLATION: &str = "Access violation to this page!";
/// The caller asks too often. The bar is a plain one.
pub(super) const RATE_LIMIT: &str = "403 Forbidden | Rate Limit Exceeded";
/// It is not there.
pub(super) const NOT_FOUND: &str = "Error 404. Resource not found!";
const SOMETHING_WRONG: &str =
    "Error 500. Something went wrong. We've been notified about this issue and we'll take a look at it shortly.";
const MAINTENANCE: &str = "We update the site, it will take some time. We are really trying to do it fast. \
                           We apologize for any inconvenience..";

/// The member of a problem that says what was not done; then it is told in the envelope of a change.
const NOT_DONE: &str = "not_done";

/// A refused change that says no more than that.
pub(super) fn refused(text: &str) -> Problem {
    Problem::new(ProblemType::ValidationFailed, "").with_member(NOT_DONE, json!(text))
}

/// What went wrong with a change, as the end of a sentence that says what was not done.
pub(super) fn not_done(problem: Problem, text: &str) -> Problem {
    problem.with_member(NOT_DONE, json!(text))
}

/// The table.
fn told(problem: &Problem) -> (StatusCode, Value) {
    let plain = |status: StatusCode, text: &str| (status, json!({"status": status.as_u16(), "message": text}));
    match problem.kind() {
        ProblemType::Unauthorized => (StatusCode::UNAUTHORIZED, json!({"error": problem.detail()})),
        ProblemType::Forbidden if problem.code() == Some("REPO_ARCHIVED_READ_ONLY") => envelope(problem),
        ProblemType::Forbidden => (StatusCode::FORBIDDEN, json!({"message": ACCESS_VIOLATION})),
        ProblemType::RateLimited => (StatusCode::FORBIDDEN, json!({"message": RATE_LIMIT})),
        ProblemType::NotFound => plain(StatusCode::NOT_FOUND, NOT_FOUND),
        ProblemType::MalformedBody | ProblemType::WebhookRejected => plain(StatusCode::BAD_REQUEST, "Bad Request"),
        // There is no word for it here; it passes.
        ProblemType::Conflict if problem.code() == Some("WRITE_CONFLICT") => {
            plain(StatusCode::SERVICE_UNAVAILABLE, MAINTENANCE)
        }
        ProblemType::ValidationFailed
        | ProblemType::LimitExceeded
        | ProblemType::Conflict
        | ProblemType::TooManyChanges
        | ProblemType::IdempotencyKeyConflict
        | ProblemType::PreconditionFailed => envelope(problem),
        ProblemType::MethodNotAllowed
        | ProblemType::NotAcceptable
        | ProblemType::BodyTooLarge
        | ProblemType::UnsupportedMediaType
        | ProblemType::HeadersTooLarge => {
            let status = problem.kind().status();
            plain(status, &format!("Error {}. {}.", status.as_u16(), problem.kind().title()))
        }
        ProblemType::Internal => plain(StatusCode::INTERNAL_SERVER_ERROR, SOMETHING_WRONG),
        ProblemType::Unavailable
        | ProblemType::IdempotencyKeyInFlight
        | ProblemType::ProviderRefused
        | ProblemType::ProviderRateLimited
        | ProblemType::ProviderUnavailable => plain(StatusCode::SERVICE_UNAVAILABLE, MAINTENANCE),
    }
}

/// A refused change: what was not done, and every reason.
fn envelope(problem: &Problem) -> (StatusCode, Value) {
    let body = problem.body();
    let head = body.get(NOT_DONE).and_then(Value::as_str).map(str::to_owned);
    let message: Vec<String> = head.into_iter().chain(reasons(problem)).collect();
    let envelope = json!({"repository": {"id": null, "message": message.join(". ")}});
    (StatusCode::UNPROCESSABLE_ENTITY, envelope)
}

fn reasons(problem: &Problem) -> Vec<String> {
    if !problem.errors().is_empty() {
        return problem.errors().iter().map(|error| format!("{} {}", label(&error.pointer), error.message)).collect();
    }
    match problem.code() {
        Some("REPO_NAME_TAKEN") => vec![format!("Name {TAKEN}")],
        Some("REPO_ARCHIVED_READ_ONLY") => vec!["Repository is archived".to_owned()],
        Some(_) | None if problem.detail().is_empty() => Vec::new(),
        Some(_) | None => vec![problem.detail().to_owned()],
    }
}

/// The name of a field as people read it (Rails: `human_attribute_name`).
fn label(pointer: &str) -> String {
    let name = pointer.rsplit('/').next().unwrap_or_default().replace('_', " ");
    let mut letters = name.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// Writes a problem.
pub(crate) fn render(problem: &Problem, _: &Asked) -> Response {
    let (status, body) = told(problem);
    let mut response = (status, body.to_string()).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    for (name, value) in problem.headers().iter().filter(|(name, _)| *name == header::RETRY_AFTER) {
        headers.insert(name, value.clone());
    }
    if status == StatusCode::UNAUTHORIZED {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"repoplane\""));
    }
    if status == StatusCode::SERVICE_UNAVAILABLE {
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use repoplane_domain::error::{DomainError, FieldErrors};

    #[test]
    fn a_refused_change_names_all_that_is_wrong() {
        let mut errors = FieldErrors::new();
        errors.push("/description", "can't be blank");
        errors.push("/publish_without_qa", "is invalid");
        let problem = not_done(Problem::from(DomainError::Invalid(errors)), "Repository has not been updated");
        let (status, body) = told(&problem);
        let message = "Repository has not been updated. Description can't be blank. Publish without qa is invalid";
        assert_eq!((status.as_u16(), body), (422, json!({"repository": {"id": null, "message": message}})));
        let (_, body) = told(&refused("Member has not been added to repository"));
        assert_eq!(body["repository"]["message"], "Member has not been added to repository");
    }
}
