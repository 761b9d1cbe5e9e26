//! When a call is tried again, and after which pause.
//!
//! Only GET, HEAD and OPTIONS are tried again. PUT and DELETE are idempotent too (RFC 9110, 9.2.2), but a retry changes
//! what their caller is told: after a lost answer, a deleted thing is a 404 and a merged pull request (GitHub merges
//! with PUT) a 405, which read as failures. Whoever sends them asks for the state first.

use super::error::EgressError;
use super::message::EgressResponse;
use super::rate_limit::{RateLimit, is_limited};
use http::{Method, StatusCode};
use std::time::Duration;

/// Longest `Retry-After` of a rate limit that is waited for; beyond it, whoever called decides.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);

/// How long to wait before the retry with this index; `None` when there is none.
pub(super) fn pause(
    method: &Method,
    outcome: &Result<EgressResponse, EgressError>,
    base: Duration,
    index: u32,
) -> Option<Duration> {
    if !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) {
        return None;
    }
    let jittered = base.saturating_mul(1 << index).mul_f64(fraction());
    match outcome {
        Err(error) => error.is_interruption().then_some(jittered),
        Ok(answer) => {
            let asked = RateLimit::of(&answer.headers).retry_after;
            let passing = [StatusCode::BAD_GATEWAY, StatusCode::SERVICE_UNAVAILABLE, StatusCode::GATEWAY_TIMEOUT];
            if passing.contains(&answer.status) {
                return Some(jittered.max(asked.unwrap_or_default()));
            }
            let soon = asked.filter(|asked| is_limited(answer) && *asked <= PATIENCE)?;
            Some(soon.saturating_add(jittered))
        }
    }
}

/// A random number from 0 to 1; one half where the system has no randomness to give.
fn fraction() -> f64 {
    getrandom::u32().map_or(0.5, |bits| f64::from(bits) / f64::from(u32::MAX))
}
