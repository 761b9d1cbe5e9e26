//! What the functions ask of providers, on one egress client.

use crate::egress::Egress;
use repoplane_domain::access::NetworkSettings;

/// Every provider behind one guarded client. Cheap to clone; clones share connections and caches.
#[derive(Debug, Clone)]
pub struct Providers {
    pub(crate) egress: Egress,
}

impl Providers {
    /// All providers, called through `egress`.
    pub fn new(egress: Egress) -> Self {
        Self { egress }
    }

    /// The same for the calls of one tenant, which may also reach and trust what its settings name.
    #[must_use]
    pub fn for_tenant(&self, network: &NetworkSettings) -> Self {
        Self { egress: self.egress.for_tenant(network) }
    }
}
