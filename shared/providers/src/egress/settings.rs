//! What the egress client may reach besides the public Internet, and how long and how much.

use std::time::Duration;
use url::Host;

/// Longest wait for a connection: name lookup, TCP and TLS together.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Longest time of one call with its retry, from the lookup to the last byte of the body.
pub const TOTAL_TIMEOUT: Duration = Duration::from_secs(12);
/// Longest body that is read, in bytes.
pub const MAX_BODY: usize = 5_000_000;
/// Longest pause before the retry; the actual one is random between half of it and all of it.
pub const RETRY_PAUSE: Duration = Duration::from_millis(400);

/// Time and size limits of every call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Longest wait for a connection.
    pub connect: Duration,
    /// Longest time of one call with its retry.
    pub total: Duration,
    /// Longest body, in bytes.
    pub body: usize,
    /// Longest pause before the retry.
    pub retry_pause: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connect: CONNECT_TIMEOUT, total: TOTAL_TIMEOUT, body: MAX_BODY, retry_pause: RETRY_PAUSE }
    }
}

/// One place of the allow list cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{entry:?} is not host:port or name=host:port")]
pub struct InvalidAllowList {
    /// The entry as written.
    pub entry: String,
}

/// A host and a port: what the allow list names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) host: Host,
    pub(super) port: u16,
}

/// Settings of [`crate::Egress`]. The default reaches public https addresses and nothing else.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EgressSettings {
    allowed: Vec<Place>,
    stand_ins: Vec<(Host, Place)>,
    pub(super) limits: Limits,
}

impl EgressSettings {
    /// Reads `REPOPLANE_EGRESS_ALLOW`: entries separated by commas or blanks.
    ///
    /// - `host:port` may be called over plain http and may be a non-public address. Only that host with that port.
    /// - `name=host:port` sends calls for the public name to that place over plain http, for tests.
    ///
    /// # Errors
    /// [`InvalidAllowList`] names the first entry that cannot be read. There are no wildcards, ranges or defaults.
    pub fn from_allow_list(text: &str) -> Result<Self, InvalidAllowList> {
        let mut settings = Self::default();
        for entry in text.split([',', ' ', '\t', '\r', '\n']).filter(|entry| !entry.is_empty()) {
            settings.add(entry).ok_or_else(|| InvalidAllowList { entry: entry.to_owned() })?;
        }
        Ok(settings)
    }

    fn add(&mut self, entry: &str) -> Option<()> {
        match entry.split_once('=') {
            Some((name, place)) => {
                let name = host(name).filter(|name| matches!(name, Host::Domain(_)))?;
                self.stand_ins.push((name, place_of(place)?));
            }
            None => self.allowed.push(place_of(entry)?),
        }
        Some(())
    }

    /// The same settings with other limits.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    pub(super) fn allows(&self, host: &Host<&str>, port: u16) -> bool {
        self.allowed.iter().any(|place| place.port == port && same(&place.host, host))
    }

    pub(super) fn stand_in(&self, name: &Host<&str>) -> Option<&Place> {
        self.stand_ins.iter().find(|(public, _)| same(public, name)).map(|(_, place)| place)
    }
}

fn same(ours: &Host, theirs: &Host<&str>) -> bool {
    *ours == theirs.to_owned()
}

fn place_of(text: &str) -> Option<Place> {
    let (name, port) = text.rsplit_once(':')?;
    // `parse` alone would also take a plus sign.
    let port =
        port.bytes().all(|b| b.is_ascii_digit()).then(|| port.parse().ok()).flatten().filter(|port| *port > 0)?;
    Some(Place { host: host(name)?, port })
}

/// Reads a host the way a URL's host is read, so that both compare equal.
fn host(text: &str) -> Option<Host> {
    let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._:[]".contains(&b));
    if !plain {
        return None;
    }
    Host::parse(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_read_with_their_ports() {
        let text = "127.0.0.1:8080, [::1]:81\nDouble.Test:9\tapi.github.com=localhost:80,,";
        let settings = EgressSettings::from_allow_list(text).unwrap();
        assert!(settings.allows(&Host::parse("127.0.0.1").unwrap().as_ref_host(), 8080));
        assert!(!settings.allows(&Host::parse("127.0.0.1").unwrap().as_ref_host(), 8081));
        assert!(settings.allows(&Host::Ipv6("::1".parse().unwrap()), 81));
        assert!(settings.allows(&Host::Domain("double.test"), 9));
        assert_eq!(settings.stand_in(&Host::Domain("api.github.com")).map(|place| place.port), Some(80));
        assert_eq!(settings.stand_in(&Host::Domain("github.com")), None);
    }

    #[test]
    fn anything_else_is_named() {
        let wrong = [
            "localhost",
            "localhost:",
            ":80",
            "localhost:0",
            "localhost:65536",
            "localhost:+80",
            "*:80",
            "http://a:80",
            "10.0.0.0/8:80",
            "::1:80",
            "a@b:80",
            "a=b",
            "=a:80",
            "a=",
            "10.0.0.1=b:80",
            "a=b=c:80",
            "a:80:",
        ];
        for entry in wrong {
            let error = EgressSettings::from_allow_list(&format!("ok.test:1 {entry}")).unwrap_err();
            assert_eq!(error.entry, entry);
        }
    }

    #[test]
    fn nothing_is_allowed_by_default() {
        assert_eq!(EgressSettings::from_allow_list(" ,\n").unwrap(), EgressSettings::default());
        assert_eq!(Limits::default().body, 5_000_000);
    }

    trait AsRefHost {
        fn as_ref_host(&self) -> Host<&str>;
    }
    impl AsRefHost for Host {
        fn as_ref_host(&self) -> Host<&str> {
            match self {
                Host::Domain(name) => Host::Domain(name),
                Host::Ipv4(v4) => Host::Ipv4(*v4),
                Host::Ipv6(v6) => Host::Ipv6(*v6),
            }
        }
    }
}
