//! What a tenant's outgoing calls may reach and trust besides public https addresses.

use crate::input::{Field, Object};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use url::Host;

/// Places that a tenant's list may name.
pub const MAX_EGRESS_ALLOW: usize = 50;
/// Certificates of private authorities that a tenant may have.
pub const MAX_CA_CERTIFICATES: usize = 10;
/// Longest PEM text of one of them, in bytes.
pub const MAX_CA_CERTIFICATE_BYTES: usize = 16 * 1024;
/// Longest name of a host, in bytes (RFC 1035, 2.3.4).
const MAX_HOST_BYTES: usize = 253;

/// Where clouds answer anyone inside with credentials or configuration: EC2 and most others, ECS tasks, EKS pods,
/// Azure's platform.
const METADATA_V4: [Ipv4Addr; 4] = [
    Ipv4Addr::new(169, 254, 169, 254),
    Ipv4Addr::new(169, 254, 170, 2),
    Ipv4Addr::new(169, 254, 170, 23),
    Ipv4Addr::new(168, 63, 129, 16),
];
/// The same for IPv6: EC2 and EKS pods.
const METADATA_V6: [Ipv6Addr; 2] =
    [Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254), Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23)];

/// Port of Lambda's runtime interface on loopback (AWS Lambda: runtime API).
pub const RUNTIME_PORT: u16 = 9001;

/// A tenant's private installations: explicit, set by the operator, audited.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NetworkSettings {
    /// `host:port` each: may be called over plain http and may be an address that is not public.
    pub egress_allow: Vec<String>,
    /// PEM certificates of private authorities that are trusted beside the public ones.
    pub ca_certificates: Vec<String>,
}

/// What a body says of a tenant's network settings; a list that is there replaces the stored one, `null` empties it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NetworkPatch {
    egress_allow: Option<Vec<String>>,
    ca_certificates: Option<Vec<String>>,
}

impl NetworkPatch {
    /// Reads `egressAllow?` and `caCertificates?`; every wrong entry is named by its pointer. `certificate` says what
    /// is wrong with a text that shall be a certificate.
    pub fn read(object: &mut Object<'_, '_>, certificate: impl Fn(&str) -> Result<(), String>) -> Self {
        let place = |text: &str| EgressPlace::of_tenant(text).map(drop).map_err(|error| error.to_string());
        let pem = |text: &str| {
            if text.len() > MAX_CA_CERTIFICATE_BYTES {
                return Err(format!("must have at most {MAX_CA_CERTIFICATE_BYTES} bytes"));
            }
            certificate(text)
        };
        Self {
            egress_allow: read_list(object, "egressAllow", MAX_EGRESS_ALLOW, place),
            ca_certificates: read_list(object, "caCertificates", MAX_CA_CERTIFICATES, pem),
        }
    }

    /// Applies it.
    #[must_use]
    pub fn apply(&self, stored: &NetworkSettings) -> NetworkSettings {
        let mut next = stored.clone();
        if let Some(list) = &self.egress_allow {
            next.egress_allow.clone_from(list);
        }
        if let Some(list) = &self.ca_certificates {
            next.ca_certificates.clone_from(list);
        }
        next
    }
}

fn read_list(
    object: &mut Object<'_, '_>,
    key: &'static str,
    most: usize,
    check: impl Fn(&str) -> Result<(), String>,
) -> Option<Vec<String>> {
    let items = match object.array(key) {
        Field::Value(items) => items,
        Field::Null => return Some(Vec::new()),
        Field::Absent | Field::Invalid => return None,
    };
    if items.len() > most {
        object.error(key, format!("must have at most {most} entries"));
        return None;
    }
    let base = object.pointer(key);
    let mut list: Vec<String> = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let text = item.as_str().ok_or_else(|| "must be a text".to_owned());
        match text.and_then(|text| check(text).map(|()| text)) {
            Ok(text) if list.iter().any(|known| known == text) => {}
            Ok(text) => list.push(text.to_owned()),
            Err(message) => object.errors().push(format!("{base}/{index}"), message),
        }
    }
    Some(list)
}

/// A host and a port: what an allow list names. There are no wildcards and no ranges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EgressPlace {
    /// Name or literal address, read the way a URL's host is read, so that both compare equal.
    pub host: Host,
    /// The port, at least 1.
    pub port: u16,
}

/// Why an entry of a tenant's list cannot stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PlaceError {
    /// Not a host and a port.
    #[error("must be host:port, such as git.intranet.example:8443 or [fd12:3456::1]:443")]
    Unreadable,
    /// The address of a cloud's metadata service.
    #[error("is a cloud metadata address, which no list can allow")]
    Metadata,
    /// The service's own runtime interface.
    #[error("is the runtime interface of the service itself, which no list can allow")]
    Runtime,
}

impl EgressPlace {
    /// Reads `host:port`.
    ///
    /// # Errors
    /// [`PlaceError::Unreadable`].
    pub fn parse(text: &str) -> Result<Self, PlaceError> {
        Self::read(text).ok_or(PlaceError::Unreadable)
    }

    fn read(text: &str) -> Option<Self> {
        let (host, port) = text.rsplit_once(':')?;
        // `parse` alone would also take a plus sign.
        let digits = !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
        let port = digits.then(|| port.parse().ok()).flatten().filter(|port| *port > 0)?;
        Some(Self { host: parse_host(host)?, port })
    }

    /// Reads an entry of a tenant's list. Names that lead to a refused address are found out when they are resolved,
    /// at every connection.
    ///
    /// # Errors
    /// [`PlaceError`] says what is wrong, as the rest of a sentence that begins with the entry.
    pub fn of_tenant(text: &str) -> Result<Self, PlaceError> {
        let place = Self::parse(text)?;
        let address = match &place.host {
            Host::Domain(name) => {
                let name = name.trim_end_matches('.');
                let local = name == "localhost" || name.ends_with(".localhost");
                if !local {
                    return Ok(place);
                }
                Ipv4Addr::LOCALHOST.into()
            }
            Host::Ipv4(v4) => IpAddr::V4(*v4),
            Host::Ipv6(v6) => IpAddr::V6(*v6),
        };
        if is_metadata(address) {
            return Err(PlaceError::Metadata);
        }
        if place.port == RUNTIME_PORT && is_this_machine(address) {
            return Err(PlaceError::Runtime);
        }
        Ok(place)
    }
}

impl fmt::Display for EgressPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// Reads a host of an allow list: only plain characters, so that nothing is normalised into something else.
pub fn parse_host(text: &str) -> Option<Host> {
    let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._:[]".contains(&b));
    if !plain || text.len() > MAX_HOST_BYTES {
        return None;
    }
    Host::parse(text).ok()
}

/// Whether an address is one of a cloud's metadata services, also inside IPv6 forms that carry an IPv4 address.
pub fn is_metadata(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => METADATA_V4.contains(&v4),
        IpAddr::V6(v6) => METADATA_V6.contains(&v6) || carried(v6).is_some_and(|v4| METADATA_V4.contains(&v4)),
    }
}

/// Whether a connection to an address stays on this machine: loopback, and the unspecified address, which Linux
/// takes for loopback.
pub fn is_this_machine(address: IpAddr) -> bool {
    let here = |v4: Ipv4Addr| v4.is_loopback() || v4.octets()[0] == 0;
    match address {
        IpAddr::V4(v4) => here(v4),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unspecified() || carried(v6).is_some_and(here),
    }
}

/// The IPv4 address in an IPv6 one: mapped, compatible, NAT64 (also with a local prefix), 6to4.
fn carried(address: Ipv6Addr) -> Option<Ipv4Addr> {
    match address.segments() {
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low]
        | [0x64, 0xff9b, 0 | 1, _, _, _, high, low]
        | [0x2002, high, low, ..] => Some(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_a_host_and_a_port() {
        for (text, expected) in [
            ("git.intranet.example:8443", "git.intranet.example:8443"),
            ("GIT.Intranet.example:443", "git.intranet.example:443"),
            ("10.1.2.3:80", "10.1.2.3:80"),
            ("0x0a.1:80", "10.0.0.1:80"),
            ("[fd12:3456::1]:443", "[fd12:3456::1]:443"),
            ("localhost:9000", "localhost:9000"),
            ("127.0.0.1:9000", "127.0.0.1:9000"),
        ] {
            assert_eq!(EgressPlace::of_tenant(text).map(|place| place.to_string()), Ok(expected.to_owned()), "{text}");
        }
        let long = format!("{}:80", "a.".repeat(130));
        for text in [
            "",
            ":",
            "localhost",
            "localhost:",
            ":80",
            "a:0",
            "a:65536",
            "a:+80",
            "*:80",
            "http://a:80",
            "a@b:80",
            "10.0.0.0/8:80",
            "::1:80",
            "a:80:",
            "a b:80",
            "a:80/x",
            "\u{661}:80",
            "a%2eb:80",
            &long,
        ] {
            assert_eq!(EgressPlace::of_tenant(text), Err(PlaceError::Unreadable), "{text}");
        }
    }

    #[test]
    fn metadata_and_the_runtime_interface_never_stand_in_a_tenants_list() {
        for text in [
            "169.254.169.254:80",
            "2852039166:80",
            "0xa9fea9fe:443",
            "169.254.170.2:80",
            "169.254.170.23:80",
            "168.63.129.16:80",
            "[fd00:ec2::254]:80",
            "[fd00:ec2::23]:80",
            "[::ffff:169.254.169.254]:80",
            "[::169.254.169.254]:80",
            "[64:ff9b::169.254.169.254]:80",
            "[64:ff9b:1::169.254.169.254]:80",
            "[2002:a9fe:a9fe::1]:80",
        ] {
            assert_eq!(EgressPlace::of_tenant(text), Err(PlaceError::Metadata), "{text}");
            assert!(EgressPlace::parse(text).is_ok(), "{text}");
        }
        for text in [
            "127.0.0.1:9001",
            "127.9.9.9:9001",
            "0.0.0.0:9001",
            "0:9001",
            "[::1]:9001",
            "[::]:9001",
            "localhost:9001",
            "localhost.:9001",
            "a.localhost:9001",
            "[::ffff:127.0.0.1]:9001",
        ] {
            assert_eq!(EgressPlace::of_tenant(text), Err(PlaceError::Runtime), "{text}");
        }
        assert!(EgressPlace::of_tenant("10.0.0.1:9001").is_ok());
    }
}
