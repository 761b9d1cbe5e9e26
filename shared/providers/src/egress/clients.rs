//! The transport's clients, each with its own connections and trust.

use super::authority::Authority;
use super::body::{MAX_HEADER_BYTES, MAX_HEADERS};
use super::certificate;
use super::credentials::{Fingerprint, part};
use super::error::EgressError;
use super::names::{GuardedNames, Lookup};
use super::reach::Reach;
use super::tenant::TenantNetwork;
use moka::future::Cache;
use repoplane_domain::trusted_host::HostPort;
use sha2::{Digest, Sha256};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// Most clients that are kept; the least used one is dropped with its connections.
const MAX_CLIENTS: u64 = 64;

/// What must be equal for two calls to share connections: the tenant's settings, so that no tenant's call goes over a
/// connection that another's authority vouched for, and the reach, so that none for a public name goes over one to an
/// allow-listed place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    network: Fingerprint,
    reach: Reach,
    connect: Duration,
    /// Stands for the place whose certificates are known by themselves; zeros where there are none.
    pinned: Fingerprint,
}

/// Certificates that are known by themselves, of one place.
#[derive(Debug, Default)]
pub(super) struct Pinned {
    fingerprint: Fingerprint,
    sha256: Vec<String>,
}

impl Pinned {
    /// Those of a URL's host and port.
    pub(super) fn of(tenant: &TenantNetwork, url: &Url) -> Self {
        let place = || HostPort::new(url.host_str()?, url.port_or_known_default()?).ok();
        let Some(place) = Some(&tenant.trusted).filter(|trusted| !trusted.is_empty()).and_then(|_| place()) else {
            return Self::default();
        };
        let sha256: Vec<String> = tenant.trusted.certificates(&place).map(str::to_owned).collect();
        if sha256.is_empty() {
            return Self::default();
        }
        let mut hash = Sha256::new();
        part(&mut hash, place.to_string().as_bytes());
        sha256.iter().for_each(|one| part(&mut hash, one.as_bytes()));
        Self { fingerprint: hash.finalize().into(), sha256 }
    }
}

/// Clients by what they may reach and trust.
pub(super) struct Clients {
    lookup: Arc<dyn Lookup>,
    runtime: Option<IpAddr>,
    /// What every call trusts besides the platform's roots.
    authorities: Vec<Authority>,
    kept: Cache<Key, reqwest::Client>,
}

impl Clients {
    pub(super) fn new(lookup: Arc<dyn Lookup>, runtime: Option<IpAddr>, authorities: &[Authority]) -> Self {
        Self { lookup, runtime, authorities: authorities.to_vec(), kept: Cache::new(MAX_CLIENTS) }
    }

    /// The guard of names for a reach.
    pub(super) fn names(&self, reach: Reach) -> GuardedNames {
        GuardedNames { lookup: self.lookup.clone(), reach, runtime: self.runtime }
    }

    /// The client for a call; built when it is the first of its kind, for then the trust store is read.
    pub(super) async fn client(
        &self,
        tenant: &TenantNetwork,
        reach: Reach,
        connect: Duration,
        pinned: Pinned,
    ) -> Result<reqwest::Client, EgressError> {
        let key = Key { network: tenant.fingerprint, reach, connect, pinned: pinned.fingerprint };
        let built = self.kept.try_get_with(key, async { self.build(tenant, reach, connect, pinned.sha256) }).await;
        built.map_err(|error: Arc<EgressError>| (*error).clone())
    }

    fn build(
        &self,
        tenant: &TenantNetwork,
        reach: Reach,
        connect: Duration,
        pinned: Vec<String>,
    ) -> Result<reqwest::Client, EgressError> {
        let authorities = self.authorities.iter().chain(&tenant.authorities);
        let builder = reqwest::Client::builder()
            .user_agent(concat!("repoplane/", env!("CARGO_PKG_VERSION")))
            .https_only(reach == Reach::Public)
            .dns_resolver(self.names(reach))
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .retry(reqwest::retry::never())
            .no_proxy()
            // Whatever features other crates switch on: bodies are unpacked here, within limits.
            .no_gzip()
            .no_brotli()
            .no_zstd()
            .no_deflate()
            .http1_max_headers(MAX_HEADERS)
            .http2_max_header_list_size(MAX_HEADER_BYTES as u32)
            .connect_timeout(connect)
            .tls_backend_preconfigured(certificate::tls(authorities, pinned)?);
        builder.build().map_err(|error| EgressError::Setup(Arc::new(error.without_url())))
    }
}
