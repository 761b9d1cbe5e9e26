//! Whom a tenant takes for the host that is meant: keys of ssh servers, and certificates that no authority vouches for.
//!
//! A host that nobody has trusted is not spoken to further than it takes to learn its key (contract: reviewboard 8.4).

mod statement;

use crate::access::parse_host;
use crate::time::Timestamp;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;
use std::str::FromStr;
use url::Url;

pub use statement::HOST_KEY_ALGORITHMS;

/// Ports of remotes that name none.
const HTTPS_PORT: u16 = 443;
const SSH_PORT: u16 = 22;
/// Longest key of a host, in bytes of its wire form: an RSA key of 16,384 bits and more.
pub const MAX_HOST_KEY_BYTES: usize = 4 * 1024;
/// Hosts that a tenant trusts by themselves, at most.
pub const MAX_TRUSTED_HOSTS: usize = 1_000;

/// A host and the port that it is spoken to on; a name is kept in lower case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HostPort {
    host: String,
    port: u16,
}

/// A text is no host with a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be host:port")]
pub struct InvalidHostPort;

impl HostPort {
    /// A host, by name or address in any spelling, and a port.
    ///
    /// # Errors
    /// [`InvalidHostPort`] for what is no host, and for port 0.
    pub fn new(host: &str, port: u16) -> Result<Self, InvalidHostPort> {
        let bare = host.contains(':') && !host.starts_with('[');
        let host = if bare { parse_host(&format!("[{host}]")) } else { parse_host(host) };
        let host = host.filter(|_| port != 0).ok_or(InvalidHostPort)?;
        Ok(Self { host: host.to_string(), port })
    }

    /// The place whose key or certificate decides whether a remote is read: that of an https or ssh remote. Other
    /// transports prove nothing that could be trusted.
    pub fn of_remote(remote: &str) -> Option<Self> {
        let remote = remote.trim();
        if remote.contains("://") {
            let url = Url::parse(remote).ok()?;
            let usual = match url.scheme() {
                "https" => HTTPS_PORT,
                "ssh" | "git+ssh" | "ssh+git" => SSH_PORT,
                _other => return None,
            };
            return Self::new(url.host_str()?, url.port().unwrap_or(usual)).ok();
        }
        // `user@host:path` (Git: "GIT URLS"); an IPv6 address there is in brackets.
        let authority = match remote.split_once("]:") {
            Some((authority, _)) if authority.contains('[') => format!("{authority}]"),
            _ => remote.split_once(':')?.0.to_owned(),
        };
        Self::new(authority.rsplit_once('@').map_or(authority.as_str(), |(_, host)| host), SSH_PORT).ok()
    }

    /// The host; an IPv6 address in brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

impl From<HostPort> for String {
    fn from(place: HostPort) -> Self {
        place.to_string()
    }
}

impl TryFrom<String> for HostPort {
    type Error = InvalidHostPort;

    fn try_from(text: String) -> Result<Self, InvalidHostPort> {
        text.parse()
    }
}

impl FromStr for HostPort {
    type Err = InvalidHostPort;

    fn from_str(text: &str) -> Result<Self, InvalidHostPort> {
        let (host, port) = text.rsplit_once(':').ok_or(InvalidHostPort)?;
        let port = Some(port).filter(|port| port.bytes().all(|b| b.is_ascii_digit()));
        Self::new(host, port.and_then(|port| port.parse().ok()).ok_or(InvalidHostPort)?)
    }
}

/// The public key of an ssh server (RFC 4253, 6.6).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HostKey {
    /// Its algorithm, such as `ssh-ed25519`.
    pub algorithm: String,
    /// Its wire form in base64: what stands in a `known_hosts` file.
    pub key: String,
}

impl HostKey {
    /// What people compare: `SHA256:` and the digest in base64, as `ssh-keygen -l` shows it.
    pub fn fingerprint(&self) -> String {
        // What is no base64 has a fingerprint of its own, which no host has.
        let bytes = STANDARD.decode(&self.key).unwrap_or_else(|_| self.key.as_bytes().to_vec());
        format!("SHA256:{}", STANDARD_NO_PAD.encode(Sha256::digest(bytes)))
    }
}

/// How a host is known again.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "kind")]
pub enum HostIdentity {
    /// By the key of its ssh server.
    SshKey(HostKey),
    /// By exactly this certificate, whatever else is wrong with it.
    #[serde(rename_all = "camelCase")]
    Certificate {
        /// SHA-256 of the certificate, 64 hexadecimal digits in lower case.
        sha256: String,
    },
}

/// A host that somebody has trusted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TrustedHost {
    /// Which.
    pub place: HostPort,
    /// How it is known again.
    pub identity: HostIdentity,
    /// Whoever trusted it: the name of a principal.
    pub trusted_by: String,
    /// When.
    pub trusted_at: Timestamp,
    /// Counts what it was known by, from 1.
    pub version: u64,
}

/// Whom the calls of a tenant trust. Without an entry, an ssh server is unknown, and a certificate needs an authority.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct TrustedHosts(Vec<(HostPort, HostIdentity)>);

impl TrustedHosts {
    /// These and no others.
    pub fn new(hosts: impl IntoIterator<Item = (HostPort, HostIdentity)>) -> Self {
        Self(hosts.into_iter().collect())
    }

    /// Whether nobody is trusted.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The keys of an ssh server that are trusted.
    pub fn keys<'a>(&'a self, place: &'a HostPort) -> impl Iterator<Item = &'a HostKey> {
        self.of(place).filter_map(|identity| match identity {
            HostIdentity::SshKey(key) => Some(key),
            HostIdentity::Certificate { .. } => None,
        })
    }

    /// The certificates that are trusted there, by their SHA-256.
    pub fn certificates<'a>(&'a self, place: &'a HostPort) -> impl Iterator<Item = &'a str> {
        self.of(place).filter_map(|identity| match identity {
            HostIdentity::Certificate { sha256 } => Some(sha256.as_str()),
            HostIdentity::SshKey(_) => None,
        })
    }

    fn of<'a>(&'a self, place: &'a HostPort) -> impl Iterator<Item = &'a HostIdentity> {
        self.0.iter().filter(move |(known, _)| known == place).map(|(_, identity)| identity)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_one_however_it_is_spelt() {
        for (host, port, expected) in [
            ("Git.Example.com", 22, Ok("git.example.com:22")),
            ("::1", 22, Ok("[::1]:22")),
            ("[0:0::1]", 2222, Ok("[::1]:2222")),
            ("0x7f.1", 22, Ok("127.0.0.1:22")),
            ("git.example.com", 0, Err(InvalidHostPort)),
            ("", 22, Err(InvalidHostPort)),
            ("a b", 22, Err(InvalidHostPort)),
            ("a/b", 22, Err(InvalidHostPort)),
        ] {
            let read = HostPort::new(host, port).map(String::from);
            assert_eq!(read, expected.map(str::to_owned), "{host}");
            if let Ok(text) = read {
                assert_eq!(HostPort::try_from(text.clone()).map(String::from), Ok(text));
            }
        }
        for text in ["git.example.com", "git.example.com:", "git.example.com:+22", "git.example.com:65536", ":22"] {
            assert_eq!(HostPort::try_from(text.to_owned()), Err(InvalidHostPort), "{text}");
        }
    }

    #[test]
    fn a_remote_has_a_place_where_there_is_something_to_trust() {
        for (remote, expected) in [
            ("https://Git.example.com/a/b", Some("git.example.com:443")),
            ("https://git.example.com:8443/a/b", Some("git.example.com:8443")),
            ("ssh://git@git.example.com/a/b", Some("git.example.com:22")),
            ("ssh://git@[::1]:2222/a/b", Some("[::1]:2222")),
            ("git+ssh://git.example.com:2222/a", Some("git.example.com:2222")),
            ("git@git.example.com:a/b", Some("git.example.com:22")),
            ("git.example.com:a@b:c", Some("git.example.com:22")),
            ("git@[::1]:a/b", Some("[::1]:22")),
            ("http://git.example.com/a", None),
            ("git://git.example.com/a", None),
            ("/srv/git/a", None),
            ("", None),
        ] {
            assert_eq!(HostPort::of_remote(remote).map(String::from).as_deref(), expected, "{remote}");
        }
    }

    #[test]
    fn a_fingerprint_is_the_one_that_ssh_shows() {
        // github.com (GitHub: "GitHub's SSH key fingerprints").
        let key = HostKey {
            algorithm: "ssh-ed25519".to_owned(),
            key: "AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl".to_owned(),
        };
        assert_eq!(key.fingerprint(), "SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU");
    }

    #[test]
    fn what_is_trusted_is_trusted_at_its_own_place_alone() {
        let place = |text: &str| HostPort::try_from(text.to_owned()).unwrap();
        let key = HostKey { algorithm: "ssh-ed25519".to_owned(), key: "AAAA".to_owned() };
        let sha256 = "ab".repeat(32);
        let hosts = TrustedHosts::new([
            (place("git.example.com:22"), HostIdentity::SshKey(key.clone())),
            (place("git.example.com:443"), HostIdentity::Certificate { sha256: sha256.clone() }),
        ]);
        let known = |text: &str| {
            let place = place(text);
            let keys = hosts.keys(&place).cloned().collect::<Vec<_>>();
            (keys, hosts.certificates(&place).map(str::to_owned).collect::<Vec<_>>())
        };
        assert_eq!(known("GIT.example.com:22"), (vec![key], vec![]));
        assert_eq!(known("git.example.com:443"), (vec![], vec![sha256]));
        assert_eq!(known("git.example.com:8443"), (vec![], vec![]));
        assert_eq!(known("other.example.com:22"), (vec![], vec![]));
    }
}
