//! What a provider says about how much it will still answer.

use http::header::{HeaderMap, RETRY_AFTER};
use std::time::Duration;

/// The provider's rate limit as its answer told it; every part is absent where the answer was silent.
///
/// GitHub: `X-RateLimit-Limit`, `-Remaining`, `-Reset`; GitLab: `RateLimit-Limit`, `-Remaining`, `-Reset`; both:
/// `Retry-After`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RateLimit {
    /// Calls in a window.
    pub limit: Option<u64>,
    /// Calls left in it.
    pub remaining: Option<u64>,
    /// Seconds since the epoch at which the next window begins.
    pub reset: Option<u64>,
    /// How long the provider asks to be left alone.
    pub retry_after: Option<Duration>,
}

impl RateLimit {
    /// Reads the headers of an answer; values that are no numbers are as good as absent.
    pub fn of(headers: &HeaderMap) -> Self {
        let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<u64>().ok();
        let either = |one: &str, other: &str| number(one).or_else(|| number(other));
        Self {
            limit: either("x-ratelimit-limit", "ratelimit-limit"),
            remaining: either("x-ratelimit-remaining", "ratelimit-remaining"),
            reset: either("x-ratelimit-reset", "ratelimit-reset"),
            retry_after: number(RETRY_AFTER.as_str()).map(Duration::from_secs),
        }
    }
}
