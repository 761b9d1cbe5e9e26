//! What the egress client may reach besides the public Internet.

use super::authority::Authority;
use super::bundle::{self, InvalidBundle};
use super::limits::Limits;
use super::message::CallKind;
use repoplane_domain::access::{EgressPlace, parse_host};
use url::Host;

/// The variable with the operator's allow list.
const ALLOW_VARIABLE: &str = "REPOPLANE_EGRESS_ALLOW";
/// The variable with the path of the operator's private authorities.
const CA_FILE_VARIABLE: &str = "REPOPLANE_EGRESS_CA_FILE";
/// The variable in which Lambda tells host and port of its runtime interface (AWS Lambda: runtime API).
const RUNTIME_VARIABLE: &str = "AWS_LAMBDA_RUNTIME_API";

/// One place of the allow list cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{entry:?} is not host:port or name=host:port")]
pub struct InvalidAllowList {
    /// The entry as written.
    pub entry: String,
}

/// The environment's settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum InvalidEgress {
    /// Those of `REPOPLANE_EGRESS_ALLOW`.
    #[error("REPOPLANE_EGRESS_ALLOW: {0}")]
    AllowList(#[from] InvalidAllowList),
    /// Those of `REPOPLANE_EGRESS_CA_FILE`.
    #[error("REPOPLANE_EGRESS_CA_FILE: {0}")]
    Bundle(#[from] InvalidBundle),
}

/// Settings of [`crate::Egress`]. The default reaches public https addresses and nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EgressSettings {
    allowed: Vec<EgressPlace>,
    stand_ins: Vec<(Host, EgressPlace)>,
    authorities: Vec<Authority>,
    runtime: Option<EgressPlace>,
    api: Limits,
    git: Limits,
    pack: Limits,
}

impl Default for EgressSettings {
    fn default() -> Self {
        let [api, git, pack] = [CallKind::Api, CallKind::Git, CallKind::Pack].map(Limits::of);
        let (allowed, stand_ins, authorities) = Default::default();
        Self { allowed, stand_ins, authorities, runtime: None, api, git, pack }
    }
}

impl EgressSettings {
    /// Reads `REPOPLANE_EGRESS_ALLOW`, the file that `REPOPLANE_EGRESS_CA_FILE` names, and from `AWS_LAMBDA_RUNTIME_API`
    /// which place no tenant may name.
    ///
    /// # Errors
    /// [`InvalidEgress`] says which of them cannot be used, and why.
    pub fn from_environment() -> Result<Self, InvalidEgress> {
        let read = |name| std::env::var(name).unwrap_or_default();
        let settings = Self::from_allow_list(&read(ALLOW_VARIABLE))?.with_runtime(&read(RUNTIME_VARIABLE));
        match read(CA_FILE_VARIABLE).trim() {
            "" => Ok(settings),
            path => Ok(settings.with_authorities(bundle::read(path)?)),
        }
    }

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
                let name = parse_host(name).filter(|name| matches!(name, Host::Domain(_)))?;
                self.stand_ins.push((name, EgressPlace::parse(place).ok()?));
            }
            None => self.allowed.push(EgressPlace::parse(entry).ok()?),
        }
        Some(())
    }

    /// The same settings with other limits, for every kind of call.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        (self.api, self.git, self.pack) = (limits, limits, limits);
        self
    }

    /// The same settings with the place of the function's runtime interface; what is no `host:port` is none.
    #[must_use]
    pub fn with_runtime(mut self, place: &str) -> Self {
        self.runtime = EgressPlace::parse(place).ok();
        self
    }

    /// The same settings with private authorities that every call trusts besides the platform's roots.
    #[must_use]
    pub fn with_authorities(mut self, authorities: Vec<Authority>) -> Self {
        self.authorities = authorities;
        self
    }

    pub(super) fn authorities(&self) -> &[Authority] {
        &self.authorities
    }

    pub(super) fn limits(&self, kind: CallKind) -> Limits {
        match kind {
            CallKind::Api => self.api,
            CallKind::Git => self.git,
            CallKind::Pack => self.pack,
        }
    }

    pub(super) fn runtime(&self) -> Option<&EgressPlace> {
        self.runtime.as_ref()
    }

    pub(super) fn allows(&self, host: &Host<&str>, port: u16) -> bool {
        names(&self.allowed, host, port)
    }

    pub(super) fn stand_in(&self, name: &Host<&str>) -> Option<&EgressPlace> {
        self.stand_ins.iter().find(|(public, _)| same(public, name)).map(|(_, place)| place)
    }
}

/// Whether one of the places is that host with that port.
pub(super) fn names(places: &[EgressPlace], host: &Host<&str>, port: u16) -> bool {
    places.iter().any(|place| place.port == port && same(&place.host, host))
}

fn same(ours: &Host, theirs: &Host<&str>) -> bool {
    *ours == theirs.to_owned()
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
        assert_eq!(EgressSettings::default().limits(CallKind::Api).body, 5_000_000);
        assert_eq!(EgressSettings::default().limits(CallKind::Git).body, 20_000_000);
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
