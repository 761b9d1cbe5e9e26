//! Providers that asked to be left alone, and until when: they are not called before.

use super::credentials::Fingerprint;
use super::message::EgressResponse;
use super::rate_limit::pause_asked;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Longest pause that is believed and kept: a provider that asks for a year is asked again after this.
pub const MAX_QUIET: Duration = Duration::from_secs(15 * 60);
/// Most pauses that are kept.
const MAX_ENTRIES: usize = 1_024;

/// Host and port, and whose credential was limited: one user's limit is never another's.
pub(super) type Caller = (String, Fingerprint);

/// The pauses that were asked for.
#[derive(Default)]
pub(super) struct Quiet(Mutex<HashMap<Caller, Instant>>);

impl Quiet {
    /// How long a caller still has to wait; `None` when it may call.
    pub(super) fn rest(&self, caller: &Caller) -> Option<Duration> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let rest = known.get(caller)?.saturating_duration_since(Instant::now());
        (!rest.is_zero()).then_some(rest)
    }

    /// Takes note of what an answer asks for.
    pub(super) fn note(&self, caller: &Caller, answer: &EgressResponse) {
        let Some(pause) = pause_asked(answer) else { return };
        let now = Instant::now();
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MAX_ENTRIES && !known.contains_key(caller) {
            known.retain(|_, until| *until > now);
            // All are running: the one that ends first is missed least.
            if known.len() >= MAX_ENTRIES
                && let Some(first) = known.iter().min_by_key(|(_, until)| **until).map(|(caller, _)| caller.clone())
            {
                known.remove(&first);
            }
        }
        known.insert(caller.clone(), now + pause.min(MAX_QUIET));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::StatusCode;
    use http::header::{HeaderMap, HeaderValue, RETRY_AFTER};

    fn limited(seconds: &'static str) -> EgressResponse {
        let headers = HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static(seconds))]);
        EgressResponse { status: StatusCode::TOO_MANY_REQUESTS, headers, body: vec![], moved_to: None }
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_ends_and_is_believed_only_so_far() {
        let quiet = Quiet::default();
        let (one, other) = (("h".to_owned(), [1; 32]), ("h".to_owned(), [2; 32]));
        quiet.note(&one, &limited("60"));
        assert_eq!(quiet.rest(&one), Some(Duration::from_secs(60)));
        assert_eq!(quiet.rest(&other), None);
        tokio::time::advance(Duration::from_secs(60)).await;
        assert_eq!(quiet.rest(&one), None);
        for year in ["31536000", "18446744073709551615"] {
            quiet.note(&one, &limited(year));
            assert_eq!(quiet.rest(&one), Some(MAX_QUIET));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_memory_is_bounded_and_forgets_what_ends_first() {
        let quiet = Quiet::default();
        let caller = |n: usize| (n.to_string(), [0; 32]);
        quiet.note(&caller(0), &limited("1"));
        for n in 1..2 * MAX_ENTRIES {
            quiet.note(&caller(n), &limited("600"));
        }
        assert_eq!(quiet.0.lock().unwrap().len(), MAX_ENTRIES);
        assert_eq!(quiet.rest(&caller(0)), None);
        assert!(quiet.rest(&caller(2 * MAX_ENTRIES - 1)).is_some());
    }
}
