//! Prefixed, time-sortable identifiers.
//!
//! Every id is `<prefix>_` followed by a lower-case ULID: it sorts by creation time, so a time range is a key range,
//! and ids of two kinds cannot be mixed. Ids are parsed at the edge; inside, functions take `RepositoryId`, never text.

use crate::time::Timestamp;
use std::fmt;
use std::str::FromStr;
use ulid::Ulid;

/// The text is not an id of the kind that was asked for. At the edge this is "not found", never a server error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a valid {kind} id")]
pub struct InvalidId {
    /// What kind of id was expected, in words.
    pub kind: &'static str,
}

/// Where ids come from: the current time and randomness, both injected so that a test can choose them.
pub trait IdSource: Send + Sync {
    /// 80 random bits (the upper 48 of the value are ignored).
    fn random(&self) -> u128;
}

fn decode(text: &str, prefix: &str) -> Option<Ulid> {
    let tail = text.strip_prefix(prefix)?.strip_prefix('_')?;
    // One spelling only: two texts for one id would defeat uniqueness claims and caches.
    if tail.len() != 26 || tail.bytes().any(|b| b.is_ascii_uppercase()) {
        return None;
    }
    let ulid = Ulid::from_string(&tail.to_ascii_uppercase()).ok()?;
    (ulid.to_string().to_ascii_lowercase() == tail).then_some(ulid)
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident, $prefix:literal, $kind:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Ulid);

        impl $name {
            /// The text before the underscore.
            pub const PREFIX: &'static str = $prefix;

            /// A new id of this instant.
            pub fn new(now: Timestamp, source: &dyn IdSource) -> Self {
                Self(Ulid::from_parts(now.as_millisecond().max(0).cast_unsigned(), source.random()))
            }

            /// The smallest id of an instant: the lower bound of a time range.
            pub fn start_of(at: Timestamp) -> Self {
                Self(Ulid::from_parts(at.as_millisecond().max(0).cast_unsigned(), 0))
            }

            /// The instant of creation, to the millisecond.
            pub fn created_at(self) -> Timestamp {
                Timestamp::from_millisecond(i64::try_from(self.0.timestamp_ms()).unwrap_or(i64::MAX))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}_{}", $prefix, self.0.to_string().to_ascii_lowercase())
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                decode(text, $prefix).map(Self).ok_or(InvalidId { kind: $kind })
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(d)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

ids! {
    /// One use of an access token's row.
    AccessTokenId, "tok", "access token";
    /// An automation action inside a rule, when the client chose none.
    ActionId, "act", "action";
    /// One line of the audit log.
    AuditId, "aud", "audit entry";
    /// A credential profile, when the client chose none.
    ProfileId, "prf", "credential profile";
    /// A credential of the vault that ShiftAgent's API keeps.
    CredentialId, "crd", "credential";
    /// One received webhook.
    DeliveryId, "dlv", "delivery";
    /// An operational event.
    EventId, "evt", "event";
    /// A webhook of a whole organisation or group.
    HookId, "hok", "webhook";
    /// An OpenID Connect issuer whose tokens a tenant takes.
    IssuerId, "iss", "issuer";
    /// One exclusive hold on a task, a sync or a secret document.
    LeaseId, "lse", "lease";
    /// A registered repository, the same id in every dialect that takes strings.
    RepositoryId, "rep", "repository";
    /// A robot of a repository.
    RobotId, "rob", "robot";
    /// An automation rule, when the client chose none.
    RuleId, "rul", "rule";
    /// A skill of a repository.
    SkillId, "skl", "skill";
    /// A unit of work for a robot.
    TaskId, "tsk", "task";
    /// A tenant.
    TenantId, "tnt", "tenant";
    /// A user.
    UserId, "usr", "user";
    /// One conditional write: a timed-out try that finds its own id has landed.
    WriteId, "wrt", "write";
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    struct Fixed(u128);
    impl IdSource for Fixed {
        fn random(&self) -> u128 {
            self.0
        }
    }

    proptest! {
        #[test]
        fn an_id_reads_back_as_itself(ms in 0i64..(1 << 47), random: u128) {
            let id = TaskId::new(Timestamp::from_millisecond(ms), &Fixed(random));
            prop_assert_eq!(id.to_string().parse::<TaskId>(), Ok(id));
            prop_assert_eq!(id.created_at().as_millisecond(), ms);
            prop_assert!(id >= TaskId::start_of(Timestamp::from_millisecond(ms)));
        }

        #[test]
        fn order_of_text_is_order_of_time(a in 0i64..(1 << 46), later in 1i64..(1 << 46), random: u128) {
            let b = a + later;
            let (x, y) = (Timestamp::from_millisecond(a), Timestamp::from_millisecond(b));
            let (x, y) = (DeliveryId::new(x, &Fixed(random)), DeliveryId::new(y, &Fixed(!random)));
            prop_assert!(x.to_string() < y.to_string());
        }

        #[test]
        fn any_text_is_parsed_without_panic(text in ".{0,40}") {
            let _ = text.parse::<RepositoryId>();
        }
    }

    #[test]
    fn another_prefix_upper_case_and_overflow_are_refused() {
        let id = RepositoryId::new(Timestamp::from_millisecond(1), &Fixed(7)).to_string();
        assert!(id.parse::<RobotId>().is_err());
        assert!(id.replacen("rep_0", "rep_O", 1).parse::<RepositoryId>().is_err());
        assert!(format!("rep_{}7ZZZZZ", &id[4..24]).parse::<RepositoryId>().is_err());
        assert!("rep_8zzzzzzzzzzzzzzzzzzzzzzzzz".parse::<RepositoryId>().is_err());
        assert!("rep_".parse::<RepositoryId>().is_err());
    }
}
