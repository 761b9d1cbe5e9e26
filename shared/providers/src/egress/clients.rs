//! The transport's clients, each with its own connections and trust.

use super::authority::Authority;
use super::body::{MAX_HEADER_BYTES, MAX_HEADERS};
use super::credentials::Fingerprint;
use super::error::EgressError;
use super::names::{GuardedNames, Lookup};
use super::reach::Reach;
use super::tenant::TenantNetwork;
use moka::future::Cache;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

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
}

/// Clients by what they may reach and trust.
pub(super) struct Clients {
    lookup: Arc<dyn Lookup>,
    runtime: Option<IpAddr>,
    /// What every call trusts besides the platform's roots.
    authorities: Vec<reqwest::Certificate>,
    kept: Cache<Key, reqwest::Client>,
}

impl Clients {
    pub(super) fn new(lookup: Arc<dyn Lookup>, runtime: Option<IpAddr>, authorities: &[Authority]) -> Self {
        // They were read as X.509 already.
        let authorities = authorities.iter().filter_map(|it| reqwest::Certificate::from_der(it.der()).ok()).collect();
        Self { lookup, runtime, authorities, kept: Cache::new(MAX_CLIENTS) }
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
    ) -> Result<reqwest::Client, EgressError> {
        let key = Key { network: tenant.fingerprint, reach, connect };
        let built = self.kept.try_get_with(key, async { self.build(tenant, reach, connect) }).await;
        built.map_err(EgressError::Setup)
    }

    fn build(&self, tenant: &TenantNetwork, reach: Reach, connect: Duration) -> reqwest::Result<reqwest::Client> {
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
            .connect_timeout(connect);
        let authorities: Vec<_> = self.authorities.iter().chain(&tenant.authorities).cloned().collect();
        let builder = if authorities.is_empty() { builder } else { builder.tls_certs_merge(authorities) };
        builder.build().map_err(reqwest::Error::without_url)
    }
}
