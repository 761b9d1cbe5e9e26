//! The address guard for transports that are not HTTP.

use super::error::{EgressError, Refusal};
use super::limits::Limits;
use super::message::CallKind;
use super::names::NameError;
use super::reach::{Reach, literal};
use super::route::{PORTS, allowed};
use super::{Egress, MAX_LABEL};
use std::net::{Ipv6Addr, SocketAddr};
use tokio::time::timeout;
use url::Host;

/// Most addresses of one name that are handed out.
const MAX_ADDRESSES: usize = 16;

/// Where public hosts are reached over ssh.
const SSH_PORT: u16 = 22;

/// How Git's protocol travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Transport {
    /// Inside TLS, on 443 or 8443.
    Https,
    /// Inside SSH, on 22.
    Ssh,
    /// Bare, and like plain http only to places of an allow list.
    Git,
}

impl Transport {
    fn check(self, port: u16) -> Result<(), Refusal> {
        match self {
            Self::Https if PORTS.contains(&port) => Ok(()),
            Self::Https => Err(Refusal::Port(port)),
            Self::Ssh if port == SSH_PORT => Ok(()),
            Self::Ssh => Err(Refusal::TransportPort { port, expected: SSH_PORT }),
            Self::Git => Err(Refusal::NotEncrypted),
        }
    }
}

impl Egress {
    /// The addresses that a transport may connect to, under the same rules as [`Egress::send`]: public ones on the
    /// transport's port (none for [`Transport::Git`]), or a place of an allow list. Connect to these and look the name up no second time; the name
    /// stays for checking whom the connection reached. `host` is a name or a literal address in any spelling.
    ///
    /// # Errors
    /// [`EgressError::Refused`], [`EgressError::Resolve`], or [`EgressError::Timeout`] when the lookup takes longer
    /// than connecting may.
    pub async fn resolve(&self, host: &str, port: u16, transport: Transport) -> Result<Vec<SocketAddr>, EgressError> {
        let parsed = host.parse::<Ipv6Addr>().map(Host::Ipv6).or_else(|_| Host::parse(host));
        let parsed: Host = parsed.map_err(|_| Refusal::Host)?;
        let borrowed = match &parsed {
            Host::Domain(name) => Host::Domain(name.as_str()),
            Host::Ipv4(v4) => Host::Ipv4(*v4),
            Host::Ipv6(v6) => Host::Ipv6(*v6),
        };
        let settings = &self.shared.settings;
        let reach = match allowed(settings, &self.tenant.allowed, &borrowed, port) {
            Some(reach) => reach,
            None => {
                transport.check(port)?;
                Reach::Public
            }
        };
        reach.check(settings, &borrowed)?;
        if let Some(address) = literal(&borrowed) {
            return Ok(vec![SocketAddr::new(address, port)]);
        }
        let label: String = format!("{parsed}:{port}").chars().take(MAX_LABEL).collect();
        let Limits { connect, .. } = settings.limits(CallKind::Git);
        let names = self.shared.clients.names(reach);
        let addresses = timeout(connect, names.addresses(parsed.to_string())).await;
        match addresses.map_err(|_| EgressError::Timeout { host: label.clone() })? {
            Ok(found) => Ok(found.into_iter().take(MAX_ADDRESSES).map(|a| SocketAddr::new(a, port)).collect()),
            Err(NameError::Unresolved(_)) => Err(EgressError::Resolve { host: label }),
            Err(NameError::Refused(refusal)) => Err(refusal.into()),
        }
    }
}
