//! From a failed provider call to what the caller is told, in one table (quirks Q13, Q14).

use repoplane_api::Problem;
use repoplane_api::problem::ProblemType;
use repoplane_domain::repository::{ConnectionFailure, ConnectionReason};
use repoplane_providers::{Fault, ProviderError};
use serde_json::json;
use std::time::Duration;

/// Said when the provider does not say how long it wants to be left alone.
const DEFAULT_RETRY: Duration = Duration::from_secs(60);

/// Every code that a provider call can end with, by problem; documentation quotes it.
pub(crate) const REFUSED_CODES: [&str; 5] = [
    "REPO_PROVIDER_TOKEN_REJECTED",
    "REPO_PROVIDER_AUTH_REQUIRED",
    "REPO_PROVIDER_FORBIDDEN",
    "REPO_PROVIDER_NOT_FOUND",
    "REPO_PROVIDER_REQUEST_REFUSED",
];
pub(crate) const UNAVAILABLE_CODES: [&str; 2] = ["REPO_PROVIDER_UNAVAILABLE", "REPO_PROVIDER_BAD_ANSWER"];
pub(crate) const INVALID_CODES: [&str; 3] =
    ["REPO_PROVIDER_ADDRESS_REFUSED", "REPO_PROVIDER_HOST_UNTRUSTED", "REPO_PROVIDER_UNUSABLE"];

/// Why a call failed, for the caller.
pub(crate) fn problem_of(error: &ProviderError, anonymous: bool) -> Problem {
    let ConnectionFailure { reason, message: text } = error.connection_failure(anonymous);
    let of = |kind, code: &str| Problem::new(kind, text.clone()).with_code(code);
    let refused = |code| of(ProblemType::ProviderRefused, code);
    let problem = match reason {
        ConnectionReason::TokenRejected => refused("REPO_PROVIDER_TOKEN_REJECTED"),
        ConnectionReason::AuthRequired => {
            refused("REPO_PROVIDER_AUTH_REQUIRED").with_error("Repo provider authentication is required")
        }
        ConnectionReason::Forbidden => refused("REPO_PROVIDER_FORBIDDEN"),
        ConnectionReason::NotFound => refused("REPO_PROVIDER_NOT_FOUND"),
        ConnectionReason::Refused => refused("REPO_PROVIDER_REQUEST_REFUSED"),
        ConnectionReason::RateLimited => of(ProblemType::ProviderRateLimited, "REPO_PROVIDER_RATE_LIMITED"),
        ConnectionReason::Unavailable => of(ProblemType::ProviderUnavailable, "REPO_PROVIDER_UNAVAILABLE"),
        ConnectionReason::BadAnswer => of(ProblemType::ProviderUnavailable, "REPO_PROVIDER_BAD_ANSWER"),
        ConnectionReason::AddressRefused => of(ProblemType::ValidationFailed, "REPO_PROVIDER_ADDRESS_REFUSED"),
        ConnectionReason::HostUntrusted => of(ProblemType::ValidationFailed, "REPO_PROVIDER_HOST_UNTRUSTED"),
        ConnectionReason::Unusable => of(ProblemType::ValidationFailed, "REPO_PROVIDER_UNUSABLE"),
    };
    let problem = match error.status() {
        Some(status) => problem.with_member("providerStatus", json!(status.as_u16())),
        None => problem,
    };
    match error.fault() {
        Fault::TokenRejected { missing_scopes } if !missing_scopes.is_empty() => {
            problem.with_member("missingScopes", json!(missing_scopes))
        }
        Fault::RateLimited { retry_after } => retry_later(problem, retry_after),
        Fault::TokenRejected { .. }
        | Fault::Forbidden
        | Fault::NotFound
        | Fault::NoBranch
        | Fault::NoCommits
        | Fault::Moved
        | Fault::TooLarge
        | Fault::Refused { .. }
        | Fault::Unavailable
        | Fault::BadAnswer
        | Fault::AddressRefused
        | Fault::Untrusted
        | Fault::Unusable => problem,
    }
}

/// Whether a problem tells how a provider call ended.
pub(crate) fn is_of_provider(problem: &Problem) -> bool {
    problem.code().is_some_and(|code| code.starts_with("REPO_PROVIDER_") && code != "REPO_PROVIDER_TOKEN_REQUIRED")
}

/// Says how long the provider wants to be left alone.
pub(crate) fn retry_later(problem: Problem, retry_after: Option<Duration>) -> Problem {
    let seconds = retry_after.unwrap_or(DEFAULT_RETRY).as_secs().max(1);
    problem.with_header(http::header::RETRY_AFTER, http::HeaderValue::from(seconds))
}
