//! What a provider says about how much it will still answer.

use super::message::EgressResponse;
use http::StatusCode;
use http::header::{DATE, HeaderMap, RETRY_AFTER};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

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
    /// Reads the headers of an answer; values that are neither numbers nor dates are as good as absent.
    pub fn of(headers: &HeaderMap) -> Self {
        let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<u64>().ok();
        let either = |one: &str, other: &str| number(one).or_else(|| number(other));
        let seconds = || number(RETRY_AFTER.as_str()).map(Duration::from_secs);
        let date = || Some(date(headers, RETRY_AFTER.as_str())?.duration_since(now(headers)).unwrap_or_default());
        Self {
            limit: either("x-ratelimit-limit", "ratelimit-limit"),
            remaining: either("x-ratelimit-remaining", "ratelimit-remaining"),
            reset: either("x-ratelimit-reset", "ratelimit-reset"),
            retry_after: seconds().or_else(date),
        }
    }
}

/// Whether an answer refuses because of too many calls. GitHub says so with a 403, too (GitHub REST: rate limits).
pub(super) fn is_limited(answer: &EgressResponse) -> bool {
    let told = || {
        let limit = RateLimit::of(&answer.headers);
        limit.remaining == Some(0) || limit.retry_after.is_some()
    };
    answer.status == StatusCode::TOO_MANY_REQUESTS || answer.status == StatusCode::FORBIDDEN && told()
}

/// How long an answer asks its caller to make no further call; `None` when it does not.
pub(super) fn pause_asked(answer: &EgressResponse) -> Option<Duration> {
    let limit = RateLimit::of(&answer.headers);
    let asked = limit.retry_after.filter(|_| is_limited(answer));
    asked.or_else(|| window_used_up(&answer.headers, &limit)).filter(|pause| !pause.is_zero())
}

/// The rest of a window in which nothing is left. GitHub counts searches and others on their own and names what was
/// counted: only the common count speaks for calls to come.
fn window_used_up(headers: &HeaderMap, limit: &RateLimit) -> Option<Duration> {
    let common = headers.get("x-ratelimit-resource").is_none_or(|resource| resource == "core");
    let used_up = common && limit.remaining == Some(0);
    let reset = UNIX_EPOCH.checked_add(Duration::from_secs(limit.reset.filter(|_| used_up)?))?;
    reset.duration_since(now(headers)).ok()
}

/// The provider's own time, so that its clock and ours need not agree.
fn now(headers: &HeaderMap) -> SystemTime {
    date(headers, DATE.as_str()).unwrap_or_else(SystemTime::now)
}

fn date(headers: &HeaderMap, name: &str) -> Option<SystemTime> {
    httpdate::parse_http_date(headers.get(name)?.to_str().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::header::{HeaderName, HeaderValue};

    const DATE_NOW: (&str, &str) = ("date", "Sun, 06 Nov 1994 08:49:37 GMT");
    /// The same in seconds since the epoch, and a minute later.
    const RESET: (&str, &str) = ("x-ratelimit-reset", "784111837");

    #[test]
    fn an_answer_asks_for_a_pause() {
        let seconds = |n| Some(Duration::from_secs(n));
        for (status, headers, expected) in [
            (429, &[("retry-after", "7")][..], seconds(7)),
            (403, &[("retry-after", "7")], seconds(7)),
            (200, &[("retry-after", "7")], None),
            (503, &[("retry-after", "7")], None),
            (429, &[], None),
            (429, &[("retry-after", "-1")], None),
            (429, &[("retry-after", "0")], None),
            (429, &[("retry-after", "soon")], None),
            (429, &[DATE_NOW, ("retry-after", "Sun, 06 Nov 1994 08:50:07 GMT")], seconds(30)),
            (429, &[DATE_NOW, ("retry-after", "Sun, 06 Nov 1994 08:00:00 GMT")], None),
            (200, &[DATE_NOW, RESET, ("x-ratelimit-remaining", "0")], seconds(60)),
            (403, &[DATE_NOW, RESET, ("x-ratelimit-remaining", "0")], seconds(60)),
            (200, &[DATE_NOW, RESET, ("x-ratelimit-remaining", "1")], None),
            (200, &[DATE_NOW, RESET, ("x-ratelimit-remaining", "0"), ("x-ratelimit-resource", "core")], seconds(60)),
            (200, &[DATE_NOW, RESET, ("x-ratelimit-remaining", "0"), ("x-ratelimit-resource", "search")], None),
            (200, &[DATE_NOW, ("ratelimit-reset", "784111837"), ("ratelimit-remaining", "0")], seconds(60)),
            (200, &[("x-ratelimit-reset", "1"), ("x-ratelimit-remaining", "0")], None),
            (200, &[("x-ratelimit-reset", "18446744073709551615"), ("x-ratelimit-remaining", "0")], None),
        ] {
            let map = headers.iter().map(|(n, v)| (HeaderName::from_static(n), HeaderValue::from_static(v))).collect();
            let answer = EgressResponse {
                status: StatusCode::from_u16(status).unwrap(),
                headers: map,
                body: vec![],
                moved_to: None,
            };
            assert_eq!(pause_asked(&answer), expected, "{status} {headers:?}");
        }
    }
}
