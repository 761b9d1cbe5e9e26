//! Bodies that are kept to be asked for conditionally, and one exchange for equal requests at the same time.

use super::credentials::Fingerprint;
use super::error::EgressError;
use super::message::{EgressRequest, EgressResponse};
use http::StatusCode;
use http::header::{
    CACHE_CONTROL, ETAG, HeaderMap, HeaderName, HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED,
};
use moka::future::Cache;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use tokio::sync::OnceCell;

/// Most bytes that are kept of all answers together.
const MAX_KEPT: u64 = 32 * 1024 * 1024;
/// Longest answer that is kept, in bytes.
const MAX_ENTRY: usize = 1024 * 1024;

/// An exchange under way; whoever waits takes it over when the one who began it goes away.
type Flight = OnceCell<Result<EgressResponse, EgressError>>;

/// Kept answers and exchanges under way, by the fingerprint of the whole request with its credentials.
pub(super) struct Kept {
    answers: Cache<Fingerprint, Arc<EgressResponse>>,
    flights: Mutex<HashMap<Fingerprint, Weak<Flight>>>,
}

impl Default for Kept {
    fn default() -> Self {
        let weigh = |_: &Fingerprint, answer: &Arc<EgressResponse>| u32::try_from(weight(answer)).unwrap_or(u32::MAX);
        let answers = Cache::builder().max_capacity(MAX_KEPT).weigher(weigh).build();
        Self { answers, flights: Mutex::default() }
    }
}

impl Kept {
    /// The exchange for requests with this fingerprint.
    pub(super) fn flight(&self, key: Fingerprint) -> Arc<Flight> {
        let mut flights = self.flights.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(flight) = flights.get(&key).and_then(Weak::upgrade) {
            return flight;
        }
        flights.retain(|_, flight| flight.strong_count() > 0);
        let flight = Arc::default();
        flights.insert(key, Arc::downgrade(&flight));
        flight
    }

    /// An exchange ended: later requests make one of their own.
    pub(super) fn landed(&self, key: &Fingerprint, flight: &Arc<Flight>) {
        let mut flights = self.flights.lock().unwrap_or_else(PoisonError::into_inner);
        if flights.get(key).is_some_and(|known| std::ptr::eq(known.as_ptr(), Arc::as_ptr(flight))) {
            flights.remove(key);
        }
    }

    /// The answer that is kept for a request.
    pub(super) async fn answer(&self, key: &Fingerprint) -> Option<Arc<EgressResponse>> {
        self.answers.get(key).await
    }

    /// Keeps an answer that says by what it can be asked for again.
    pub(super) async fn keep(&self, key: Fingerprint, answer: &EgressResponse) {
        let no_store = |value: &HeaderValue| value.to_str().is_ok_and(|text| text.contains("no-store"));
        let askable = answer.headers.contains_key(ETAG) || answer.headers.contains_key(LAST_MODIFIED);
        let allowed = !answer.headers.get_all(CACHE_CONTROL).iter().any(no_store);
        if answer.status == StatusCode::OK && askable && allowed && weight(answer) <= MAX_ENTRY {
            self.answers.insert(key, Arc::new(answer.clone())).await;
        }
    }
}

/// Body and headers, in bytes.
fn weight(answer: &EgressResponse) -> usize {
    answer.headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum::<usize>() + answer.body.len()
}

/// Whether the caller asks conditionally on its own; then the answer is its own, too.
pub(super) fn is_conditional(headers: &HeaderMap) -> bool {
    headers.keys().any(|name| name.as_str().starts_with("if-"))
}

/// The request that asks whether the kept answer still holds.
pub(super) fn conditional(request: &EgressRequest, kept: &EgressResponse) -> EgressRequest {
    let mut request = request.clone();
    let pairs: [(HeaderName, HeaderName); 2] = [(ETAG, IF_NONE_MATCH), (LAST_MODIFIED, IF_MODIFIED_SINCE)];
    for (validator, condition) in pairs {
        if let Some(value) = kept.headers.get(&validator) {
            request.headers.insert(condition, value.clone());
        }
    }
    request
}

/// The kept answer under the headers of the 304, as far as that has them (RFC 9111, 4.3.4).
pub(super) fn still_holds(kept: &EgressResponse, not_modified: EgressResponse) -> EgressResponse {
    let mut headers = kept.headers.clone();
    for name in not_modified.headers.keys() {
        headers.remove(name);
    }
    headers.extend(not_modified.headers);
    EgressResponse { status: StatusCode::OK, headers, body: kept.body.clone(), moved_to: None }
}
