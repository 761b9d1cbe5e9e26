//! The one guarded HTTP client: https to public addresses, no redirect, no proxy, bounded in time and size.

mod address;
mod error;
mod message;
mod names;
mod rate_limit;
mod route;
mod settings;
#[cfg(test)]
mod specification;

pub use error::{EgressError, Refusal};
pub use message::{CallKind, EgressRequest, EgressResponse};
pub use names::{Lookup, LookupFuture, SystemLookup};
pub use rate_limit::RateLimit;
pub use settings::{CONNECT_TIMEOUT, EgressSettings, InvalidAllowList, Limits, MAX_BODY, RETRY_PAUSE, TOTAL_TIMEOUT};

use http::header::{HOST, HeaderValue, RETRY_AFTER};
use http::{Method, StatusCode};
use names::GuardedNames;
use repoplane_domain::access::NetworkSettings;
use route::{Route, route};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout_at};
use url::Url;

/// The guarded client. Clones share connections.
///
/// Building one is free: the trust store is read at the first call that needs it, so that a function that makes no
/// outgoing call does not pay for it at its start.
#[derive(Clone)]
pub struct Egress(Arc<Shared>);

struct Shared {
    settings: EgressSettings,
    lookup: Arc<dyn Lookup>,
    public: OnceLock<reqwest::Client>,
    allowed: OnceLock<reqwest::Client>,
    calls: AtomicU64,
}

impl std::fmt::Debug for Egress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Egress").field("settings", &self.0.settings).finish_non_exhaustive()
    }
}

impl Default for Egress {
    /// Reaches public https addresses and nothing else.
    fn default() -> Self {
        Self::new(EgressSettings::default())
    }
}

impl Egress {
    /// A client that looks names up with the system's resolver.
    pub fn new(settings: EgressSettings) -> Self {
        Self::with_lookup(settings, Arc::new(SystemLookup))
    }

    /// A client with a lookup of its own.
    pub fn with_lookup(settings: EgressSettings, lookup: Arc<dyn Lookup>) -> Self {
        let (public, allowed, calls) = Default::default();
        Self(Arc::new(Shared { settings, lookup, public, allowed, calls }))
    }

    /// The same client for the calls of one tenant, which may also reach and trust what its settings name.
    #[must_use]
    pub fn for_tenant(&self, network: &NetworkSettings) -> Self {
        let _ = network;
        self.clone()
    }

    /// How many requests were handed to the transport so far, retries included; a refused literal address or port
    /// never gets there.
    pub fn calls(&self) -> u64 {
        self.0.calls.load(Ordering::Relaxed)
    }

    /// Sends a request and reads the whole answer. Redirects are answers: none is followed.
    ///
    /// A GET is tried once more, after a random pause and within the same total time, when the answer is 502, 503 or
    /// 504 or the connection breaks.
    ///
    /// # Errors
    /// [`EgressError`] when the address is refused, or no complete answer came within the limits of the settings.
    pub async fn send(&self, request: EgressRequest) -> Result<EgressResponse, EgressError> {
        let limits = self.0.settings.limits;
        let deadline = Instant::now() + limits.total;
        let host = host_and_port(&request.url);
        let first = self.attempt(&request, &host, deadline).await;
        let Some(pause) = pause_before_retry(&request.method, &first, limits.retry_pause) else {
            return first;
        };
        if pause >= deadline.saturating_duration_since(Instant::now()) {
            return first;
        }
        sleep(pause).await;
        self.attempt(&request, &host, deadline).await
    }

    async fn attempt(
        &self,
        request: &EgressRequest,
        host: &str,
        deadline: Instant,
    ) -> Result<EgressResponse, EgressError> {
        let answer = timeout_at(deadline, self.exchange(request, host)).await;
        let answer = answer.unwrap_or_else(|_| Err(EgressError::Timeout { host: host.to_owned() }));
        match &answer {
            Ok(answer) => tracing::debug!(host, status = answer.status.as_u16(), "outgoing call"),
            Err(error) => tracing::debug!(host, %error, "outgoing call"),
        }
        answer
    }

    async fn exchange(&self, request: &EgressRequest, host: &str) -> Result<EgressResponse, EgressError> {
        let (client, url, stands_for) = match route(&self.0.settings, &request.url)? {
            Route::Public(url) => (self.client(true)?, url, None),
            Route::Allowed { url, stands_for } => (self.client(false)?, url, stands_for),
        };
        let mut headers = request.headers.clone();
        if let Some(name) = stands_for.and_then(|name| HeaderValue::from_str(&name).ok()) {
            headers.insert(HOST, name);
        }
        self.0.calls.fetch_add(1, Ordering::Relaxed);
        let outgoing = client.request(request.method.clone(), url).headers(headers);
        let outgoing = if request.body.is_empty() { outgoing } else { outgoing.body(request.body.clone()) };
        let answer = outgoing.send().await;
        let mut answer = answer.map_err(|error| EgressError::of_send(host.to_owned(), error.without_url()))?;
        let body = self.read(&mut answer, host).await?;
        Ok(EgressResponse { status: answer.status(), headers: std::mem::take(answer.headers_mut()), body })
    }

    async fn read(&self, answer: &mut reqwest::Response, host: &str) -> Result<Vec<u8>, EgressError> {
        let limit = self.0.settings.limits.body;
        let too_large = || EgressError::TooLarge { host: host.to_owned(), limit };
        let announced = answer.content_length().unwrap_or(0);
        if usize::try_from(announced).map_or(true, |announced| announced > limit) {
            return Err(too_large());
        }
        let mut body = Vec::new();
        loop {
            let chunk = answer.chunk().await;
            match chunk.map_err(|error| EgressError::of_body(host.to_owned(), error.without_url()))? {
                None => return Ok(body),
                Some(chunk) if chunk.len() > limit - body.len() => return Err(too_large()),
                Some(chunk) => body.extend_from_slice(&chunk),
            }
        }
    }

    /// Two clients, so that a connection to an allow-listed place is never reused for a public name or the reverse.
    fn client(&self, public_only: bool) -> Result<&reqwest::Client, EgressError> {
        let cell = if public_only { &self.0.public } else { &self.0.allowed };
        if let Some(client) = cell.get() {
            return Ok(client);
        }
        let names = GuardedNames { lookup: self.0.lookup.clone(), public_only };
        let built = reqwest::Client::builder()
            .user_agent(concat!("repoplane/", env!("CARGO_PKG_VERSION")))
            .https_only(public_only)
            .dns_resolver(names)
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .retry(reqwest::retry::never())
            .no_proxy()
            // Whatever features other crates switch on: a small body must not unfold into a large one.
            .no_gzip()
            .no_brotli()
            .no_zstd()
            .no_deflate()
            .connect_timeout(self.0.settings.limits.connect)
            .build();
        let client = built.map_err(|error| EgressError::Setup(error.without_url()))?;
        Ok(cell.get_or_init(|| client))
    }
}

/// How long to wait before the one retry; `None` when there is none.
fn pause_before_retry(
    method: &Method,
    first: &Result<EgressResponse, EgressError>,
    longest: Duration,
) -> Option<Duration> {
    if *method != Method::GET {
        return None;
    }
    let pause = longest.mul_f64(0.5 + 0.5 * fraction());
    match first {
        Ok(answer) => {
            let passing = [StatusCode::BAD_GATEWAY, StatusCode::SERVICE_UNAVAILABLE, StatusCode::GATEWAY_TIMEOUT];
            let asked = answer.headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
            let asked = Duration::from_secs(asked.unwrap_or(0));
            passing.contains(&answer.status).then_some(pause.max(asked))
        }
        Err(error) => error.is_interruption().then_some(pause),
    }
}

/// A random number from 0 to 1; one half where the system has no randomness to give.
fn fraction() -> f64 {
    getrandom::u32().map_or(0.5, |bits| f64::from(bits) / f64::from(u32::MAX))
}

/// What error texts call the other side: never with a path or query.
fn host_and_port(url: &Url) -> String {
    let host = url.host_str().unwrap_or("the host");
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}
