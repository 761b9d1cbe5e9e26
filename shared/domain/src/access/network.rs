//! What a tenant's outgoing calls may reach and trust besides public https addresses.

use serde::{Deserialize, Serialize};

/// A tenant's private installations: explicit, set by the operator, audited.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NetworkSettings {
    /// `host:port` each: may be called over plain http and may be an address that is not public.
    pub egress_allow: Vec<String>,
    /// PEM certificates of private authorities that are trusted beside the public ones.
    pub ca_certificates: Vec<String>,
}
