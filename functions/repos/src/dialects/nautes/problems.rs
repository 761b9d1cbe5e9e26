//! The dialect's problems (contract: nautes 1, 10): one table from what went wrong to code and reason.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use repoplane_api::problem::ProblemType;
use repoplane_api::{Asked, Problem};
use repoplane_domain::error::{DomainError, Kind};
use repoplane_store::{StoreError, WriteError};
use serde_json::json;

/// What a path is answered that nobody serves, or that has not this method.
pub(super) const NO_PAGE: &str = "404 page not found";

/// The reasons of the dialect, each with its code.
pub(super) const REASONS: [(&str, u16); 28] = [
    ("CODEC", 400),
    ("VALIDATOR", 400),
    ("INVALID_NAME", 400),
    ("INVALID_DESCRIPTION", 400),
    ("INVALID_LANGUAGE", 400),
    ("INVALID_FIELD_SELECTOR", 400),
    ("INVALID_WEBHOOK_EVENT", 400),
    ("RESOURCE_NOT_MATCH", 400),
    ("RESOURCE_NOT_EXIST", 400),
    ("LIMIT_EXCEEDED", 400),
    ("UNAUTHORIZED", 401),
    ("NO_AUTHORIZATION", 403),
    ("GROUP_NOT_FOUND", 404),
    ("PROJECT_NOT_FOUND", 404),
    ("RESOURCE_NOT_FOUND", 404),
    ("NODE_NOT_FOUND", 404),
    ("NOT_ACCEPTABLE", 406),
    ("RESOURCE_IN_USE", 409),
    ("RESOURCE_EXISTS", 409),
    ("RESOURCE_ARCHIVED", 409),
    ("BODY_TOO_LARGE", 413),
    ("RATE_LIMITED", 429),
    ("HEADERS_TOO_LARGE", 431),
    ("UNKNOWN", 500),
    ("PROVIDER_REFUSED", 502),
    ("PROVIDER_UNAVAILABLE", 502),
    ("RESOURCE_BUSY", 503),
    ("", 404),
];

/// The table. The empty reason is that of a path without a page.
fn reason(problem: &Problem) -> &'static str {
    let coded = |usual| {
        let known = REASONS.iter().find(|(reason, _)| problem.code() == Some(reason));
        known.map_or(usual, |(reason, _)| *reason)
    };
    match problem.kind() {
        ProblemType::ValidationFailed => coded("VALIDATOR"),
        ProblemType::MalformedBody | ProblemType::UnsupportedMediaType | ProblemType::WebhookRejected => "CODEC",
        ProblemType::BodyTooLarge => "BODY_TOO_LARGE",
        ProblemType::LimitExceeded | ProblemType::TooManyChanges => "LIMIT_EXCEEDED",
        ProblemType::Unauthorized => "UNAUTHORIZED",
        ProblemType::Forbidden => match problem.code() {
            Some("REPO_ARCHIVED_READ_ONLY") => "RESOURCE_ARCHIVED",
            Some(_) | None => "NO_AUTHORIZATION",
        },
        ProblemType::NotFound => coded(""),
        ProblemType::MethodNotAllowed => "",
        ProblemType::NotAcceptable => "NOT_ACCEPTABLE",
        ProblemType::HeadersTooLarge => "HEADERS_TOO_LARGE",
        ProblemType::RateLimited | ProblemType::ProviderRateLimited => "RATE_LIMITED",
        ProblemType::Conflict => match problem.code() {
            Some("WRITE_CONFLICT") => "RESOURCE_BUSY",
            Some("PRODUCT_NAME_TAKEN" | "REPO_NAME_TAKEN" | "REPO_IDENTITY_TAKEN" | "REPO_PROVIDER_PATH_TAKEN") => {
                "RESOURCE_EXISTS"
            }
            Some(_) | None => "RESOURCE_IN_USE",
        },
        // There are no keys of calls and no preconditions here.
        ProblemType::IdempotencyKeyConflict | ProblemType::IdempotencyKeyInFlight => "RESOURCE_IN_USE",
        ProblemType::PreconditionFailed | ProblemType::Internal => "UNKNOWN",
        ProblemType::ProviderRefused => "PROVIDER_REFUSED",
        ProblemType::ProviderUnavailable => "PROVIDER_UNAVAILABLE",
        ProblemType::Unavailable => "RESOURCE_BUSY",
    }
}

/// The code of a reason.
pub(super) fn code_of(reason: &str) -> u16 {
    REASONS.iter().find(|(known, _)| *known == reason).map_or(500, |(_, code)| *code)
}

/// Something that is not there, in the dialect's words for it.
pub(super) fn absent(kind: Kind, reason: &'static str) -> Problem {
    Problem::not_found(kind).with_code(reason)
}

/// What the store says, where it is about something that is not there: a product is a group, a repository a project.
pub(super) fn of_store(error: WriteError) -> Problem {
    match error {
        WriteError::Domain(DomainError::NotFound(Kind::Product)) => absent(Kind::Product, "GROUP_NOT_FOUND"),
        WriteError::Domain(DomainError::NotFound(Kind::Repository)) => absent(Kind::Repository, "PROJECT_NOT_FOUND"),
        error @ (WriteError::Domain(_) | WriteError::Store(_) | WriteError::Repeated) => error.into(),
    }
}

/// As [`of_store`], of a call that only reads.
pub(super) fn of_read(error: StoreError) -> Problem {
    error.into()
}

/// Writes a problem of one of the dialect's paths.
pub(crate) fn render(problem: &Problem, _: &Asked) -> Response {
    let reason = reason(problem);
    let status = StatusCode::from_u16(code_of(reason)).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = if reason.is_empty() {
        (status, [(header::CONTENT_TYPE, "text/plain; charset=utf-8")], NO_PAGE).into_response()
    } else {
        let body = json!({"code": status.as_u16(), "reason": reason, "message": message(problem), "metadata": {}});
        (status, [(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
    };
    let headers = response.headers_mut();
    for (name, value) in problem.headers().iter().filter(|(name, _)| *name == header::RETRY_AFTER) {
        headers.insert(name, value.clone());
    }
    match status {
        StatusCode::UNAUTHORIZED => {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS
            if !headers.contains_key(header::RETRY_AFTER) =>
        {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        _ => {}
    }
    response
}

/// The sentence for people: of several wrong fields all, but of the contract's own rules the first.
fn message(problem: &Problem) -> String {
    match problem.errors() {
        [] | [_] => problem.detail().to_owned(),
        errors => errors.iter().map(|error| error.message.as_str()).collect::<Vec<_>>().join("; "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use repoplane_domain::error::{Conflict, Denial};

    #[test]
    fn states_that_do_not_allow_a_call_are_told_apart() {
        let conflict = |code| Problem::from(DomainError::Conflict(Conflict::new(code, "why")));
        let denied = |denial| Problem::from(DomainError::Denied(denial));
        for (problem, expected, code) in [
            (conflict("WRITE_CONFLICT"), "RESOURCE_BUSY", 503),
            (Problem::from(StoreError::Contended), "RESOURCE_BUSY", 503),
            (conflict("RESOURCE_IN_USE"), "RESOURCE_IN_USE", 409),
            (conflict("PRODUCT_NAME_TAKEN"), "RESOURCE_EXISTS", 409),
            (denied(Denial::Archived), "RESOURCE_ARCHIVED", 409),
            (denied(Denial::RepositoryManage), "NO_AUTHORIZATION", 403),
            (denied(Denial::TenantSuspended), "NO_AUTHORIZATION", 403),
            (of_store(DomainError::NotFound(Kind::Product).into()), "GROUP_NOT_FOUND", 404),
            (of_store(DomainError::NotFound(Kind::Repository).into()), "PROJECT_NOT_FOUND", 404),
            (Problem::not_found(Kind::Task), "", 404),
        ] {
            assert_eq!((reason(&problem), code_of(reason(&problem))), (expected, code), "{problem:?}");
        }
    }

    #[test]
    fn every_problem_has_a_reason_of_the_list() {
        for kind in ProblemType::ALL {
            let problem = Problem::new(kind, "why");
            let known = REASONS.iter().any(|(known, _)| *known == reason(&problem));
            assert!(known, "{kind:?}");
            assert!(
                kind == ProblemType::Internal
                    || kind == ProblemType::PreconditionFailed
                    || code_of(reason(&problem)) != 500,
                "{kind:?}"
            );
        }
    }
}
