//! The warm cache: what a provider said is believed for a while, and asked once however many ask at the same time.

use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue};
use moka::future::Cache;
use repoplane_api::{Answer, Problem};
use repoplane_providers::RateLimit;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;

/// How many more calls the provider will answer in its current window; only where it says so.
const REMAINING: HeaderName = HeaderName::from_static("x-provider-ratelimit-remaining");
/// How many calls it answers in a window.
const LIMIT: HeaderName = HeaderName::from_static("x-provider-ratelimit-limit");
/// When the next window begins, in seconds since the epoch.
const RESET: HeaderName = HeaderName::from_static("x-provider-ratelimit-reset");

/// What a provider said, as it is answered.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    pub(crate) body: Value,
    pub(crate) rate_limit: RateLimit,
}

impl Told {
    /// The answer to the caller. What was said before is answered without the rate limit, which has moved on since.
    pub(crate) fn answer(self, fresh: bool) -> Response {
        let mut response = Answer::ok(self.body).into_response();
        if fresh {
            show(&self.rate_limit, response.headers_mut());
        }
        response
    }
}

/// Shows a provider's rate limit in an answer's headers.
pub(crate) fn show(limit: &RateLimit, headers: &mut HeaderMap) {
    for (name, value) in [(REMAINING, limit.remaining), (LIMIT, limit.limit), (RESET, limit.reset)] {
        if let Some(value) = value {
            headers.insert(name, HeaderValue::from(value));
        }
    }
}

/// Answers of one operation, kept for a while. Errors are not kept.
#[derive(Debug, Clone)]
pub(crate) struct Warm(Cache<String, Arc<Told>>);

impl Warm {
    /// Keeps at most `entries` answers for `life` each.
    pub(crate) fn new(entries: u64, life: Duration) -> Self {
        Self(Cache::builder().max_capacity(entries).time_to_live(life).build())
    }

    /// What is known, else what `ask` learns; equal questions at the same time ask once. Says whether it is fresh.
    pub(crate) async fn get(
        &self,
        key: String,
        ask: impl Future<Output = Result<Told, Problem>>,
    ) -> Result<(Told, bool), Problem> {
        let entry = self.0.entry(key).or_try_insert_with(async { ask.await.map(Arc::new) }).await;
        let entry = entry.map_err(|problem: Arc<Problem>| (*problem).clone())?;
        let fresh = entry.is_fresh();
        Ok(((*entry.into_value()).clone(), fresh))
    }

    /// Forgets an answer, so that the next question is asked.
    pub(crate) async fn forget(&self, key: &str) {
        self.0.invalidate(key).await;
    }
}
