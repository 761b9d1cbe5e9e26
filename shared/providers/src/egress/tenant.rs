//! A tenant's network settings, made ready for calls.

use super::authority::Authority;
use super::credentials::{Fingerprint, part};
use repoplane_domain::access::{EgressPlace, NetworkSettings};
use repoplane_domain::trusted_host::TrustedHosts;
use sha2::{Digest, Sha256};

/// What the calls of a tenant may reach and trust beside what everyone's may.
#[derive(Debug, Clone, Default)]
pub(super) struct TenantNetwork {
    /// Stands for all of the settings; zeros for none.
    pub(super) fingerprint: Fingerprint,
    pub(super) allowed: Vec<EgressPlace>,
    pub(super) authorities: Vec<Authority>,
    /// Hosts that are known by themselves.
    pub(super) trusted: TrustedHosts,
}

impl TenantNetwork {
    /// Reads settings. What cannot be read allows nothing: settings were checked when they were set.
    pub(super) fn of(settings: &NetworkSettings) -> Self {
        if *settings == NetworkSettings::default() {
            return Self::default();
        }
        let NetworkSettings { egress_allow, ca_certificates } = settings;
        let mut hash = Sha256::new();
        for list in [egress_allow, ca_certificates] {
            hash.update((list.len() as u64).to_le_bytes());
            list.iter().for_each(|entry| part(&mut hash, entry.as_bytes()));
        }
        let allowed: Vec<_> = egress_allow.iter().filter_map(|entry| EgressPlace::of_tenant(entry).ok()).collect();
        let authorities: Vec<_> = ca_certificates.iter().filter_map(|pem| Authority::read(pem).ok()).collect();
        let left_out = egress_allow.len() + ca_certificates.len() - allowed.len() - authorities.len();
        if left_out > 0 {
            tracing::warn!(left_out, "network settings of a tenant cannot be read");
        }
        Self { fingerprint: hash.finalize().into(), allowed, authorities, trusted: TrustedHosts::default() }
    }
}
