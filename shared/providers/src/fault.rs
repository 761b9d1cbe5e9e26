//! What a failed call comes to: the distinctions that a caller acts on, read from status, headers and body.

use crate::clean::Cleaner;
use crate::egress::RateLimit;
use crate::error::Service;
use http::StatusCode;
use http::header::HeaderMap;
use repoplane_domain::repository::Provider;
use serde::Deserialize;
use serde_json::Value;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Scopes that are told of one refusal; providers name one to three.
const MAX_SCOPES: usize = 20;

/// Why a provider call failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The token or key is unknown, expired or revoked, or lacks a scope.
    TokenRejected {
        /// Scopes or permissions of which one would have been enough; empty when the provider names none.
        missing_scopes: Vec<String>,
    },
    /// Identified, but not allowed: single sign-on, an IP allow list, an app that is not installed there.
    Forbidden,
    /// Not there, or not visible with this token; also taken down.
    NotFound,
    /// Too many calls.
    RateLimited {
        /// How long to wait, as far as the provider says it.
        retry_after: Option<Duration>,
    },
    /// Out of order, unreachable, too slow, or answering more than is read.
    Unavailable,
    /// The answer is not the documented one.
    BadAnswer,
    /// The address guard refuses the user's URL, or where it redirects to; nothing was sent there.
    AddressRefused,
    /// The other side shows a key that is not the trusted one, or a certificate that nothing vouches for.
    Untrusted,
    /// Base URL, identity or token cannot be put into a request; nothing was sent.
    Unusable,
    /// The repository is there; the branch, or the commit that was asked for by its id, is not.
    NoBranch,
    /// The repository is there and has no commits yet.
    NoCommits,
    /// The commit that was asked for is not there any more: ask for the branch's newest again.
    Moved,
    /// The repository has more than is read: trying again does not help.
    TooLarge,
    /// Understood and declined: a hook that exists already, too many hooks, a value that the provider does not take.
    Refused {
        /// The provider's words, without the token, up to 500 characters.
        reason: String,
    },
}

/// The members of error bodies that matter (GitHub REST: client errors; GitLab REST: data validation and errors).
#[derive(Deserialize, Default)]
#[serde(default)]
struct Body {
    message: Value,
    error: Value,
    scope: Value,
    errors: Value,
}

/// Reads an answer whose status is neither a success nor a redirect.
pub(crate) fn of_answer(
    service: Service,
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
    cleaner: &Cleaner,
) -> Fault {
    let said: Body = serde_json::from_slice(body).unwrap_or_default();
    let limit = RateLimit::of(headers);
    match status.as_u16() {
        401 => Fault::TokenRejected { missing_scopes: Vec::new() },
        429 => Fault::RateLimited { retry_after: wait(&limit) },
        403 if is_rate_limit(&limit, &said) => Fault::RateLimited { retry_after: wait(&limit) },
        403 => {
            let missing_scopes = missing_scopes(service, headers, &said);
            if missing_scopes.is_empty() {
                return Fault::Forbidden;
            }
            let clean = missing_scopes.iter().take(MAX_SCOPES).map(|scope| cleaner.text(scope));
            Fault::TokenRejected { missing_scopes: clean.collect() }
        }
        404 | 410 | 451 => Fault::NotFound,
        400 | 409 | 422 => Fault::Refused { reason: cleaner.text(&reason(&said, body)) },
        408 | 500..=599 => Fault::Unavailable,
        _undocumented => Fault::BadAnswer,
    }
}

/// GitHub REST: rate limits. A 403 is one when no call is left, when it says how long to wait, or says so in words.
fn is_rate_limit(limit: &RateLimit, said: &Body) -> bool {
    let words = said.message.as_str().unwrap_or_default().to_ascii_lowercase();
    limit.remaining == Some(0) || limit.retry_after.is_some() || words.contains("rate limit")
}

/// What the provider asks for, else the time to the next window.
fn wait(limit: &RateLimit) -> Option<Duration> {
    limit.retry_after.or_else(|| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
        let reset = limit.reset.filter(|_| limit.remaining == Some(0))?;
        Some(Duration::from_secs(reset).saturating_sub(now))
    })
}

fn missing_scopes(service: Service, headers: &HeaderMap, said: &Body) -> Vec<String> {
    match service {
        Service::Repositories(Provider::Gitlab) if said.error == "insufficient_scope" => {
            let asked = said.scope.as_str().unwrap_or_default();
            asked.split_whitespace().map(str::to_owned).collect()
        }
        Service::Repositories(Provider::Github) => missing_at_github(headers, said),
        Service::Repositories(Provider::Gitlab | Provider::Git) | Service::Models(_) => Vec::new(),
    }
}

/// GitHub REST: `X-OAuth-Scopes` is what a classic token has, `X-Accepted-OAuth-Scopes` what any one of would do;
/// `X-Accepted-GitHub-Permissions` is the same for fine-grained tokens and apps, whose refusal has these words.
fn missing_at_github(headers: &HeaderMap, said: &Body) -> Vec<String> {
    let list = |name: &str, end: char| {
        let text = headers.get(name)?.to_str().ok()?;
        let parts = text.split(end).map(str::trim).filter(|part| !part.is_empty());
        Some(parts.map(str::to_owned).collect::<Vec<_>>())
    };
    let words = said.message.as_str().unwrap_or_default();
    if words.starts_with("Resource not accessible by") {
        return list("x-accepted-github-permissions", ';').unwrap_or_default();
    }
    let (Some(held), Some(accepted)) = (list("x-oauth-scopes", ','), list("x-accepted-oauth-scopes", ',')) else {
        return Vec::new();
    };
    let enough = accepted.iter().any(|scope| held.iter().any(|held| covers(held, scope)));
    if enough { Vec::new() } else { accepted }
}

/// Whether a classic scope includes another (GitHub: scopes for OAuth apps).
fn covers(held: &str, wanted: &str) -> bool {
    let split = |scope: &str| {
        let (level, subject) = scope.split_once(':').unwrap_or(("", scope));
        let rank = ["read", "write", "admin"].iter().position(|known| *known == level)?;
        Some((rank, subject.to_owned()))
    };
    let higher = || {
        let ((rank, subject), (least, wanted)) = (split(held)?, split(wanted)?);
        Some(subject == wanted && rank >= least)
    };
    held == wanted
        || (held == "repo" && matches!(wanted, "public_repo" | "repo:status" | "repo_deployment" | "repo:invite"))
        || higher().unwrap_or(false)
}

/// The provider's words for what it declines: of GitHub's list of errors, else the message in any of its forms.
fn reason(said: &Body, body: &[u8]) -> String {
    let each = said.errors.as_array().into_iter().flatten();
    let texts: Vec<&str> = each.filter_map(|error| error.as_str().or_else(|| error.get("message")?.as_str())).collect();
    if !texts.is_empty() {
        return texts.join("; ");
    }
    let first = [&said.message, &said.error].into_iter().find(|value| !value.is_null());
    match first {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => String::from_utf8_lossy(body).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::header::{HeaderName, HeaderValue};
    use repoplane_domain::secret::Secret;

    const GITHUB: Service = Service::Repositories(Provider::Github);
    const GITLAB: Service = Service::Repositories(Provider::Gitlab);

    fn fault(service: Service, status: u16, headers: &[(&'static str, &'static str)], body: &str) -> Fault {
        let headers: HeaderMap = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect();
        let cleaner = Cleaner::new(&Secret::new("ghp_secret"));
        of_answer(service, StatusCode::from_u16(status).unwrap(), &headers, body.as_bytes(), &cleaner)
    }

    fn rejected(scopes: &[&str]) -> Fault {
        Fault::TokenRejected { missing_scopes: scopes.iter().map(ToString::to_string).collect() }
    }

    #[test]
    fn a_status_decides_where_it_is_clear() {
        for (status, expected) in [
            (401, rejected(&[])),
            (403, Fault::Forbidden),
            (404, Fault::NotFound),
            (410, Fault::NotFound),
            (451, Fault::NotFound),
            (408, Fault::Unavailable),
            (418, Fault::BadAnswer),
            (429, Fault::RateLimited { retry_after: None }),
            (500, Fault::Unavailable),
            (503, Fault::Unavailable),
        ] {
            for service in [GITHUB, GITLAB] {
                assert_eq!(fault(service, status, &[], "<html>"), expected, "{service} {status}");
            }
        }
    }

    #[test]
    fn a_403_that_is_a_rate_limit() {
        let limited = |seconds: Option<u64>| Fault::RateLimited { retry_after: seconds.map(Duration::from_secs) };
        assert_eq!(fault(GITHUB, 403, &[("retry-after", "60")], ""), limited(Some(60)));
        let words = r#"{"message":"You have exceeded a secondary rate limit. Please wait"}"#;
        assert_eq!(fault(GITHUB, 403, &[], words), limited(None));
        let past = [("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1000000000")];
        assert_eq!(fault(GITHUB, 403, &past, ""), limited(Some(0)));
        assert_eq!(fault(GITHUB, 403, &[("x-ratelimit-remaining", "17")], ""), Fault::Forbidden);
    }

    #[test]
    fn scopes_that_are_missing_are_named() {
        let scopes = |held, accepted| [("x-oauth-scopes", held), ("x-accepted-oauth-scopes", accepted)];
        for (held, accepted, expected) in [
            ("", "repo", rejected(&["repo"])),
            ("public_repo, gist", "repo", rejected(&["repo"])),
            ("repo", "public_repo, repo", Fault::Forbidden),
            ("repo", "public_repo", Fault::Forbidden),
            ("admin:repo_hook", "read:repo_hook", Fault::Forbidden),
            ("read:repo_hook", "write:repo_hook", rejected(&["write:repo_hook"])),
            ("admin:org", "admin:repo_hook", rejected(&["admin:repo_hook"])),
            ("repo", "", rejected(&[])),
        ] {
            // An empty list of accepted scopes is GitHub's way to say that none is needed.
            let expected = if accepted.is_empty() { Fault::Forbidden } else { expected };
            assert_eq!(fault(GITHUB, 403, &scopes(held, accepted), "{}"), expected, "{held:?} for {accepted:?}");
        }
        let words = r#"{"message":"Resource not accessible by personal access token"}"#;
        let permissions = [("x-accepted-github-permissions", "repository_hooks=write; contents=read")];
        assert_eq!(fault(GITHUB, 403, &permissions, words), rejected(&["repository_hooks=write", "contents=read"]));
        let words = r#"{"error":"insufficient_scope","error_description":"…","scope":"api read_api"}"#;
        assert_eq!(fault(GITLAB, 403, &[], words), rejected(&["api", "read_api"]));
        assert_eq!(fault(GITHUB, 403, &[], words), Fault::Forbidden);
    }

    #[test]
    fn what_is_declined_is_said_in_the_providers_words() {
        let refused = |reason: &str| Fault::Refused { reason: reason.to_owned() };
        let exists = r#"{"message":"Validation Failed","errors":[{"resource":"Hook","code":"custom",
            "message":"Hook already exists on this repository"}]}"#;
        assert_eq!(fault(GITHUB, 422, &[], exists), refused("Hook already exists on this repository"));
        assert_eq!(fault(GITLAB, 422, &[], r#"{"error":"Invalid url given"}"#), refused("Invalid url given"));
        let url = r#"{"message":{"url":["is blocked: ghp_secret"]}}"#;
        assert_eq!(fault(GITLAB, 400, &[], url), refused(r#"{"url":["is blocked: [token]"]}"#));
        assert_eq!(fault(GITLAB, 409, &[], "plain"), refused("plain"));
    }
}
