//! The headers of a webhook post: which event it says it is, which ids it carries, what may be kept of them.

use super::payload::cut_bytes;
use crate::repository::Provider;
use std::collections::BTreeMap;

/// Longest header value that is recorded, in bytes.
pub const MAX_HEADER_VALUE_BYTES: usize = 1024;
/// Most headers that are recorded.
pub const MAX_RECORDED_HEADERS: usize = 50;
/// Longer names are not recorded.
const MAX_HEADER_NAME_BYTES: usize = 100;
/// Parts of names whose values may be credentials. Too much is dropped rather than too little.
const SECRET_PARTS: [&str; 9] =
    ["auth", "cookie", "credential", "password", "secret", "session", "signature", "token", "api-key"];

/// One post to a webhook endpoint.
#[derive(Debug, Clone, Copy)]
pub struct Incoming<'a> {
    /// The provider that the path names.
    pub endpoint: Provider,
    /// Its headers.
    pub headers: &'a WebhookHeaders,
    /// The body, byte for byte as it was signed.
    pub raw: &'a [u8],
}

impl Incoming<'_> {
    /// The event header of the endpoint's provider; empty when it is missing.
    pub fn event_name(&self) -> &str {
        self.headers.event_name(self.endpoint)
    }
}

/// Request headers by lower-case name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WebhookHeaders(BTreeMap<String, String>);

impl WebhookHeaders {
    /// Takes name and value pairs. Of several headers with one name the first counts: gateways append theirs, so the
    /// first is the sender's, and all checks see the same one.
    pub fn new<N: AsRef<str>, V: Into<String>>(pairs: impl IntoIterator<Item = (N, V)>) -> Self {
        let mut headers = BTreeMap::new();
        for (name, value) in pairs {
            headers.entry(name.as_ref().trim().to_ascii_lowercase()).or_insert_with(|| value.into());
        }
        Self(headers)
    }

    /// A header's value without outer blanks; blank counts as missing. The name is given in lower case.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|value| value.trim()).filter(|value| !value.is_empty())
    }

    /// The event's name as the provider writes it; empty when it is missing (contract: hookcode 3.8).
    pub fn event_name(&self, provider: Provider) -> &str {
        match provider {
            Provider::Github => self.get("x-github-event").unwrap_or_default(),
            Provider::Gitlab => self.get("x-gitlab-event").unwrap_or_default(),
            Provider::Git => "",
        }
    }

    /// The provider's id of the delivery (contract: hookcode 3.8).
    pub fn delivery_guid(&self, provider: Provider) -> Option<&str> {
        match provider {
            Provider::Github => self.get("x-github-delivery"),
            Provider::Gitlab => self.get("x-gitlab-event-uuid"),
            Provider::Git => None,
        }
    }

    /// GitLab's `Idempotency-Key`: the same for every retry of one hook's delivery.
    pub fn idempotency_key(&self) -> Option<&str> {
        self.get("idempotency-key")
    }

    /// Who says to be calling.
    pub fn user_agent(&self) -> &str {
        self.get("user-agent").unwrap_or_default()
    }

    /// Whether the body is a form; GitHub offers that as a hook's content type.
    pub fn is_form(&self) -> bool {
        let kind = self.get("content-type").unwrap_or_default().split(';').next().unwrap_or_default();
        kind.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded")
    }

    /// Whether the headers look like a GitHub hook, whatever the endpoint (contract: hookcode 4.6 row 6).
    pub(super) fn looks_like_github(&self) -> bool {
        ["x-github-event", "x-github-delivery", "x-hub-signature-256", "x-hub-signature"]
            .iter()
            .any(|name| self.get(name).is_some())
            || self.user_agent().to_ascii_lowercase().contains("github-hookshot")
    }

    /// Whether the headers look like a GitLab hook, whatever the endpoint.
    pub(super) fn looks_like_gitlab(&self) -> bool {
        ["x-gitlab-event", "x-gitlab-token", "x-gitlab-event-uuid"].iter().any(|name| self.get(name).is_some())
    }

    /// The headers that may be stored: none that could carry a secret, values cut to [`MAX_HEADER_VALUE_BYTES`], at
    /// most [`MAX_RECORDED_HEADERS`], those that explain a delivery first.
    pub fn recordable(&self) -> BTreeMap<String, String> {
        let explains = |name: &str| {
            name.starts_with("x-github-")
                || name.starts_with("x-gitlab-")
                || matches!(name, "content-type" | "content-length" | "user-agent" | "idempotency-key")
        };
        let mut kept: Vec<_> = self
            .0
            .iter()
            .filter(|(name, _)| !name.is_empty() && name.len() <= MAX_HEADER_NAME_BYTES)
            .filter(|(name, _)| !SECRET_PARTS.iter().any(|part| name.replace('_', "-").contains(part)))
            .collect();
        kept.sort_by_key(|(name, _)| !explains(name));
        kept.into_iter()
            .take(MAX_RECORDED_HEADERS)
            .map(|(name, value)| (name.clone(), cut_bytes(value, MAX_HEADER_VALUE_BYTES).to_owned()))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_ignore_case_and_the_first_of_equal_names_counts() {
        let headers = WebhookHeaders::new([("X-GitHub-Event", " push "), ("x-github-event", "ping")]);
        assert_eq!(headers.event_name(Provider::Github), "push");
        assert_eq!(headers.event_name(Provider::Gitlab), "");
    }

    #[test]
    fn nothing_secret_is_recorded() {
        let secret = [
            "Authorization",
            "Cookie",
            "X-Gitlab-Token",
            "X-Hub-Signature",
            "X-Hub-Signature-256",
            "x-hookcode-token",
            "authentication_token",
            "X-Amz-Security-Token",
            "Proxy-Authorization",
            "Webhook-Signature",
            "X_API_KEY",
            "X-Api-Key",
        ];
        let pairs = secret.iter().map(|name| (*name, "hunter2")).chain([
            ("X-GitHub-Event", "push"),
            ("Idempotency-Key", "k"),
            ("Content-Type", "application/json"),
        ]);
        let kept = WebhookHeaders::new(pairs).recordable();
        assert_eq!(kept.keys().collect::<Vec<_>>(), ["content-type", "idempotency-key", "x-github-event"]);
    }

    #[test]
    fn many_and_long_headers_are_cut_and_the_telling_ones_stay() {
        let noise = (0..200).map(|n| (format!("a-{n}"), "é".repeat(2000)));
        let headers = WebhookHeaders::new(noise.chain([("x-gitlab-event".to_owned(), "Push Hook".to_owned())]));
        let kept = headers.recordable();
        assert_eq!(kept.len(), MAX_RECORDED_HEADERS);
        assert_eq!(kept["x-gitlab-event"], "Push Hook");
        assert!(kept.values().all(|value| value.len() <= MAX_HEADER_VALUE_BYTES));
    }

    #[test]
    fn a_form_is_known_by_its_content_type() {
        for (kind, form) in [
            ("application/x-www-form-urlencoded", true),
            ("Application/X-WWW-Form-Urlencoded; charset=utf-8", true),
            ("application/json", false),
            ("", false),
        ] {
            assert_eq!(WebhookHeaders::new([("content-type", kind)]).is_form(), form, "{kind}");
        }
    }

    proptest! {
        #[test]
        fn any_headers_are_read_without_panic(pairs in proptest::collection::vec(("\\PC{0,20}", "\\PC{0,40}"), 0..20)) {
            let headers = WebhookHeaders::new(pairs);
            prop_assert!(headers.recordable().len() <= MAX_RECORDED_HEADERS);
            let _ = (headers.looks_like_github(), headers.looks_like_gitlab(), headers.is_form());
        }
    }
}
