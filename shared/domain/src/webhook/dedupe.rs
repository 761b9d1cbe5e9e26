//! Keys by which a delivery is known again (design 5.2). Only the keys: claiming them is part of the storage's
//! transaction, and only after verification, so that a forged post cannot block a real one.

use super::headers::Incoming;
use crate::repository::Provider;
use crate::secret::sha256_hex;
use std::time::Duration;

/// How long a provider's delivery id is remembered: longer than either provider retries or lets one redeliver by hand.
pub const GUID_LIFE: Duration = Duration::from_secs(4 * 24 * 3600);
/// How long a body is remembered. Two equal bodies later than that may be two events.
pub const BODY_LIFE: Duration = Duration::from_secs(24 * 3600);

/// One key to claim for a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DedupeKey {
    /// `<kind>:<64 hex>`: headers are as long as the sender likes, keys are not.
    pub key: String,
    /// How long the claim holds.
    pub life: Duration,
}

impl DedupeKey {
    fn new(kind: &str, parts: &[&[u8]], life: Duration) -> Self {
        // Each part is hashed on its own first, so that no two lists of parts run together.
        let joined: String = parts.iter().map(|part| sha256_hex(part)).collect();
        let hash = if parts.len() == 1 { joined } else { sha256_hex(joined.as_bytes()) };
        Self { key: format!("{kind}:{hash}"), life }
    }
}

/// The keys of a post, at least one.
///
/// GitHub's delivery id is not signed, so the body counts too: replayed under a fresh id it is still known. GitLab's
/// event UUID can serve several hooks, so it counts only together with the body.
pub fn dedupe_keys(incoming: &Incoming<'_>) -> Vec<DedupeKey> {
    let body = DedupeKey::new("body", &[incoming.raw], BODY_LIFE);
    let guid = incoming.headers.delivery_guid(incoming.endpoint);
    match incoming.endpoint {
        Provider::Github => {
            let guid = guid.map(|guid| DedupeKey::new("guid", &[guid.as_bytes()], GUID_LIFE));
            guid.into_iter().chain([body]).collect()
        }
        Provider::Gitlab => match (incoming.headers.idempotency_key(), guid) {
            (Some(key), _) => vec![DedupeKey::new("idempotency", &[key.as_bytes()], GUID_LIFE)],
            (None, Some(uuid)) => vec![DedupeKey::new("event", &[uuid.as_bytes(), incoming.raw], GUID_LIFE)],
            (None, None) => vec![body],
        },
        Provider::Git => vec![body],
    }
}

/// The key under which the same event is known when another hook of the repository brings it: its own and its
/// organisation's. `None` where the body is among the [`dedupe_keys`] already. One hook may bring equal bodies for
/// different events, so what counts is that two hooks brought it.
pub fn event_of_any_hook(incoming: &Incoming<'_>) -> Option<DedupeKey> {
    let known_by_body = |key: &DedupeKey| key.key.starts_with("body:");
    // GitLab's ids are each hook's own; the body is made once for all of them.
    let other = !dedupe_keys(incoming).iter().any(known_by_body);
    other.then(|| DedupeKey::new("hooks", &[incoming.raw], BODY_LIFE))
}

#[cfg(test)]
mod tests {
    use super::super::headers::WebhookHeaders;
    use super::*;

    fn keys(endpoint: Provider, headers: &[(&str, &str)], raw: &[u8]) -> Vec<DedupeKey> {
        let headers = WebhookHeaders::new(headers.iter().copied());
        dedupe_keys(&Incoming { endpoint, headers: &headers, raw })
    }

    #[test]
    fn github_is_known_by_its_id_and_by_its_body() {
        let first = keys(Provider::Github, &[("x-github-delivery", "a")], b"{}");
        assert_eq!(first.iter().map(|key| key.life).collect::<Vec<_>>(), [GUID_LIFE, BODY_LIFE]);
        assert_eq!(first[1].key, format!("body:{}", sha256_hex(b"{}")));
        let replayed = keys(Provider::Github, &[("x-github-delivery", "b")], b"{}");
        assert_ne!(first[0], replayed[0]);
        assert_eq!(first[1], replayed[1]);
        assert_eq!(keys(Provider::Github, &[], b"{}"), [first[1].clone()]);
    }

    #[test]
    fn gitlab_is_known_by_its_key_else_by_event_and_body_else_by_body() {
        let by_key = keys(Provider::Gitlab, &[("idempotency-key", "k"), ("x-gitlab-event-uuid", "u")], b"1");
        assert_eq!(by_key, keys(Provider::Gitlab, &[("Idempotency-Key", "k")], b"2"));
        let uuid = |body: &[u8]| keys(Provider::Gitlab, &[("x-gitlab-event-uuid", "u")], body);
        assert_eq!(uuid(b"1"), uuid(b"1"));
        assert_ne!(uuid(b"1"), uuid(b"2"), "one UUID can serve several hooks");
        assert_eq!(uuid(b"1")[0].life, GUID_LIFE);
        assert_eq!(keys(Provider::Gitlab, &[], b"1")[0].life, BODY_LIFE);
    }

    #[test]
    fn another_hook_is_known_by_the_body() {
        let across = |endpoint, headers: &[(&str, &str)]| {
            let headers = WebhookHeaders::new(headers.iter().copied());
            event_of_any_hook(&Incoming { endpoint, headers: &headers, raw: b"{}" }).map(|key| key.key)
        };
        let expected = Some(format!("hooks:{}", sha256_hex(b"{}")));
        assert_eq!(across(Provider::Gitlab, &[("x-gitlab-event-uuid", "u")]), expected);
        assert_eq!(across(Provider::Gitlab, &[("idempotency-key", "k")]), expected);
        assert_eq!(across(Provider::Gitlab, &[]), None);
        assert_eq!(across(Provider::Github, &[("x-github-delivery", "a")]), None);
    }

    #[test]
    fn keys_have_a_fixed_length_and_parts_do_not_run_together() {
        let long = "x".repeat(100_000);
        assert_eq!(keys(Provider::Github, &[("x-github-delivery", &long)], b"{}")[0].key.len(), "guid:".len() + 64);
        let a = keys(Provider::Gitlab, &[("x-gitlab-event-uuid", "ab")], b"c");
        let b = keys(Provider::Gitlab, &[("x-gitlab-event-uuid", "a")], b"bc");
        assert_ne!(a, b);
    }
}
