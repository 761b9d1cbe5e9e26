//! The one guarded HTTP client: https to public addresses, no proxy, bounded in time, size and number of requests.
//!
//! How long a call can hold its caller, and how many requests it can make, stands in the table of `limits`. A call
//! of an API ends after 12 s, one of Git's protocol after 20 s, with at most 6 requests each: the first, 3 redirects
//! and 2 retries.

mod address;
mod authority;
mod body;
mod bundle;
mod certificate;
mod clients;
mod connection;
mod credentials;
mod error;
#[cfg(test)]
mod hostile;
mod kept;
mod limits;
mod message;
mod names;
mod quiet;
mod rate_limit;
mod reach;
mod redirect;
#[cfg(test)]
mod remembered;
mod retry;
mod route;
mod settings;
#[cfg(test)]
mod specification;
mod stream;
mod tenant;
mod transport;

pub use authority::{Authority, InvalidAuthority};
pub use bundle::{InvalidBundle, MAX_BUNDLE_AUTHORITIES, MAX_BUNDLE_BYTES};
pub use certificate::UnverifiedCertificate;
pub use error::{EgressError, Refusal};
pub use limits::{
    CONNECT_TIMEOUT, GIT_MAX_BODY, GIT_TOTAL_TIMEOUT, Limits, MAX_BODY, MAX_REDIRECTS, MAX_RETRIES, PACK_MAX_BODY,
    PACK_TOTAL_TIMEOUT, RETRY_PAUSE, TOTAL_TIMEOUT,
};
pub use message::{CallKind, EgressRequest, EgressResponse};
pub use names::{Lookup, LookupFuture, SystemLookup};
pub use quiet::MAX_QUIET;
pub use rate_limit::RateLimit;
pub use settings::{EgressSettings, InvalidAllowList, InvalidEgress};
pub use stream::EgressStream;
pub use transport::Transport;

pub(crate) use connection::{EgressConnection, Meter};

use clients::{Clients, Pinned};
use credentials::{of_credentials, of_request};
use http::header::{ACCEPT_ENCODING, HOST, HeaderValue};
use http::{Method, StatusCode};
use kept::Kept;
use quiet::Quiet;
use reach::{Reach, runtime_address};
use repoplane_domain::access::NetworkSettings;
use repoplane_domain::trusted_host::TrustedHosts;
use route::{Route, route};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tenant::TenantNetwork;
use tokio::time::{Instant, sleep, timeout_at};
use url::Url;

/// Longest name of the other side in an error, in characters: a URL's host has no limit of its own.
const MAX_LABEL: usize = 260;

/// The guarded client. Clones share connections, kept bodies and what providers said about their limits.
///
/// Building one is free: the trust store is read at the first call that needs it, so that a function that makes no
/// outgoing call does not pay for it at its start.
#[derive(Clone)]
pub struct Egress {
    shared: Arc<Shared>,
    tenant: Arc<TenantNetwork>,
}

struct Shared {
    settings: EgressSettings,
    clients: Clients,
    quiet: Quiet,
    kept: Kept,
    calls: AtomicU64,
}

impl std::fmt::Debug for Egress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let settings = &self.shared.settings;
        f.debug_struct("Egress").field("settings", settings).field("tenant", &self.tenant).finish_non_exhaustive()
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
        let clients = Clients::new(lookup, runtime_address(&settings), settings.authorities());
        let (quiet, kept, calls, tenant) = Default::default();
        Self { shared: Arc::new(Shared { settings, clients, quiet, kept, calls }), tenant }
    }

    /// The same client for the calls of one tenant, which may also reach and trust what its settings name.
    #[must_use]
    pub fn for_tenant(&self, network: &NetworkSettings) -> Self {
        Self { shared: self.shared.clone(), tenant: Arc::new(TenantNetwork::of(network)) }
    }

    /// The same client, which takes these hosts for the ones that are meant by their keys and certificates, and no others
    /// of which it is not sure.
    #[must_use]
    pub fn trusting(&self, hosts: &TrustedHosts) -> Self {
        let tenant = TenantNetwork { trusted: hosts.clone(), ..(*self.tenant).clone() };
        Self { shared: self.shared.clone(), tenant: Arc::new(tenant) }
    }

    /// The hosts that are known by themselves.
    pub(crate) fn trusted(&self) -> &TrustedHosts {
        &self.tenant.trusted
    }

    /// How many requests were handed to the transport so far, redirects and retries included; a refused literal
    /// address or port never gets there.
    pub fn calls(&self) -> u64 {
        self.shared.calls.load(Ordering::Relaxed)
    }

    /// Sends a request and reads the whole answer.
    ///
    /// A GET or HEAD follows up to three redirects, each through the whole guard. GET, HEAD and OPTIONS are tried up
    /// to twice more, after random pauses and within the same total time, when the answer is 502, 503 or 504, the
    /// connection breaks, or a rate limit ends within two seconds. Other answers are the caller's, whatever their
    /// status.
    ///
    /// # Errors
    /// [`EgressError`] when an address is refused, when no complete answer came within the limits of the settings, or
    /// when the provider has said to this caller before that it will not answer yet.
    pub async fn send(&self, request: EgressRequest) -> Result<EgressResponse, EgressError> {
        let deadline = Instant::now() + self.shared.settings.limits(request.kind).total;
        if request.cached && request.method == Method::GET && !kept::is_conditional(&request.headers) {
            return self.send_cached(&request, deadline).await;
        }
        Ok(self.follow(&request, deadline).await?.0)
    }

    async fn send_cached(&self, request: &EgressRequest, deadline: Instant) -> Result<EgressResponse, EgressError> {
        let key = of_request(&self.tenant.fingerprint, &request.url, &request.headers);
        let flight = self.shared.kept.flight(key);
        let answer = timeout_at(
            deadline,
            flight.get_or_init(async || {
                let kept = self.shared.kept.answer(&key).await;
                let asked = kept.as_deref().map(|kept| kept::conditional(request, kept));
                let (answer, redirected) = self.follow(asked.as_ref().unwrap_or(request), deadline).await?;
                match kept {
                    // Another place's answer says nothing about what is kept of this one.
                    _ if redirected => Ok(answer),
                    Some(kept) if answer.status == StatusCode::NOT_MODIFIED => Ok(kept::still_holds(&kept, answer)),
                    _ => {
                        self.shared.kept.keep(key, &answer).await;
                        Ok(answer)
                    }
                }
            }),
        )
        .await;
        match answer {
            Ok(answer) => {
                self.shared.kept.landed(&key, &flight);
                answer.clone()
            }
            Err(_) => Err(EgressError::Timeout { host: host_and_port(&request.url) }),
        }
    }

    /// The last answer, and whether it came after a redirect.
    async fn follow(&self, first: &EgressRequest, deadline: Instant) -> Result<(EgressResponse, bool), EgressError> {
        let host = host_and_port(&first.url);
        let (mut retries, mut hops) = (0, 0);
        let mut followed: Option<EgressRequest> = None;
        loop {
            let request = followed.as_ref().unwrap_or(first);
            let answer = self.attempts(request, &host, deadline, &mut retries).await;
            let answer = answer.map_err(|error| if hops > 0 { error.after_redirect(&host) } else { error })?;
            let next = redirect::next(request, &answer);
            match next.map_err(|redirect::BadLocation| EgressError::BadRedirect { host: host.clone() })? {
                None => {
                    let moved_to = followed.map(|request| request.url);
                    return Ok((EgressResponse { moved_to, ..answer }, hops > 0));
                }
                Some(_) if hops == MAX_REDIRECTS => return Err(EgressError::TooManyRedirects { host }),
                Some(next) => followed = Some(next),
            }
            hops += 1;
        }
    }

    /// One place, asked until it answers or the retries of the whole call are used up.
    async fn attempts(
        &self,
        request: &EgressRequest,
        host: &str,
        deadline: Instant,
        retries: &mut u32,
    ) -> Result<EgressResponse, EgressError> {
        let base = self.shared.settings.limits(request.kind).retry_pause;
        let caller = (host_and_port(&request.url), of_credentials(&request.headers));
        if let Some(retry_after) = self.shared.quiet.rest(&caller) {
            return Err(EgressError::RateLimited { host: host.to_owned(), retry_after });
        }
        loop {
            // On the heap: with the client's futures in theirs, those of the callers grow deeper than the compiler looks.
            let outcome = timeout_at(deadline, Box::pin(self.exchange(request, host))).await;
            let outcome = outcome.unwrap_or_else(|_| Err(EgressError::Timeout { host: host.to_owned() }));
            match &outcome {
                Ok(answer) => {
                    self.shared.quiet.note(&caller, answer);
                    tracing::debug!(host, status = answer.status.as_u16(), "outgoing call");
                }
                Err(error) => tracing::debug!(host, %error, "outgoing call"),
            }
            let pause = retry::pause(&request.method, &outcome, base, *retries);
            let rest = deadline.saturating_duration_since(Instant::now());
            match pause.filter(|pause| *retries < MAX_RETRIES && *pause < rest) {
                None => return outcome,
                Some(pause) => sleep(pause).await,
            }
            *retries += 1;
        }
    }

    async fn exchange(&self, request: &EgressRequest, host: &str) -> Result<EgressResponse, EgressError> {
        let limits = self.shared.settings.limits(request.kind);
        let mut answer = self.ask(request, host, "gzip").await?;
        let packed = body::read(&mut answer, limits.body, host).await?;
        let status = answer.status();
        let mut headers = std::mem::take(answer.headers_mut());
        let body = body::unpack(&mut headers, packed, limits.body, host)?;
        Ok(EgressResponse { status, headers, body, moved_to: None })
    }

    /// Sends a request to where it may go, and reads the head of its answer.
    async fn ask(
        &self,
        request: &EgressRequest,
        host: &str,
        encoding: &'static str,
    ) -> Result<reqwest::Response, EgressError> {
        let settings = &self.shared.settings;
        let limits = settings.limits(request.kind);
        let (reach, url, stands_for) = match route(settings, &self.tenant.allowed, &request.url)? {
            Route::Public(url) => (Reach::Public, url, None),
            Route::Allowed { url, stands_for, reach } => (reach, url, stands_for),
        };
        let pinned = Pinned::of(&self.tenant, &url);
        let client = self.shared.clients.client(&self.tenant, reach, limits.connect, pinned).await?;
        let mut headers = request.headers.clone();
        headers.entry(ACCEPT_ENCODING).or_insert(HeaderValue::from_static(encoding));
        if let Some(name) = stands_for.and_then(|name| HeaderValue::from_str(&name).ok()) {
            headers.insert(HOST, name);
        }
        self.shared.calls.fetch_add(1, Ordering::Relaxed);
        let outgoing = client.request(request.method.clone(), url).headers(headers);
        let outgoing = if request.body.is_empty() { outgoing } else { outgoing.body(request.body.clone()) };
        let answer = outgoing.send().await;
        let answer = answer.map_err(|error| EgressError::of_send(host.to_owned(), error.without_url()))?;
        body::check_headers(answer.headers(), host)?;
        Ok(answer)
    }
}

/// What error texts call the other side: never with a path or query.
fn host_and_port(url: &Url) -> String {
    let host = url.host_str().unwrap_or("the host");
    let named = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
    named.chars().take(MAX_LABEL).collect()
}
