//! Which addresses a call may connect to, by who named its place.

use super::EgressSettings;
use super::address::not_public;
use super::error::Refusal;
use repoplane_domain::access::{is_metadata, is_this_machine};
use std::net::IpAddr;
use url::Host;

/// Who named the place of a call. Connections of one reach are never used for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Reach {
    /// Anyone: public addresses only.
    Public,
    /// The operator's allow list: any address but cloud metadata.
    Operator,
    /// A tenant's allow list: any address but cloud metadata.
    Tenant,
    /// The same on a port of Lambda's runtime interface: not this machine either, where anyone who can connect could
    /// answer and end other tenants' requests.
    TenantOnRuntimePort,
}

impl Reach {
    /// What makes an address unfit, in words; `runtime` is the address of the function's own runtime interface.
    pub(super) fn refuses(self, address: IpAddr, runtime: Option<IpAddr>) -> Option<&'static str> {
        let barred = is_metadata(address).then_some("a cloud metadata address");
        match self {
            Self::Public => not_public(address).or(barred),
            Self::Operator | Self::Tenant => barred,
            Self::TenantOnRuntimePort => {
                let runtime = is_this_machine(address) || runtime == Some(address.to_canonical());
                barred.or(runtime.then_some("the runtime interface of the service itself"))
            }
        }
    }

    /// Checks a literal address; names are checked when they are resolved.
    pub(super) fn check(self, settings: &EgressSettings, host: &Host<&str>) -> Result<(), Refusal> {
        let Some(address) = literal(host) else { return Ok(()) };
        match self.refuses(address, runtime_address(settings)) {
            Some(what) => Err(Refusal::Address { host: host.to_string(), what }),
            None => Ok(()),
        }
    }
}

/// The address of the function's own runtime interface, where it is known.
pub(super) fn runtime_address(settings: &EgressSettings) -> Option<IpAddr> {
    let host = &settings.runtime()?.host;
    match host {
        Host::Domain(_) => None,
        Host::Ipv4(v4) => Some((*v4).into()),
        Host::Ipv6(v6) => Some((*v6).into()),
    }
}

/// The address that a host is, unless it is a name.
pub(super) fn literal(host: &Host<&str>) -> Option<IpAddr> {
    match host {
        Host::Domain(_) => None,
        Host::Ipv4(v4) => Some((*v4).into()),
        Host::Ipv6(v6) => Some((*v6).into()),
    }
}
