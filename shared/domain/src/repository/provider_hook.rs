//! The webhook of a repository at its provider: what it should be, what it is, and where the two differ.

use super::{Provider, Repository, RepositoryState};
use crate::automation::AutomationConfig;
use crate::time::Timestamp;
use crate::webhook::needed_events;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Without a rule a hook still subscribes to this event: providers want one, and the first push verifies the hook.
const LEAST_EVENT: (&str, &str) = ("push", "push_events");

/// GitLab's event headers and the attributes by which a hook subscribes to them (GitLab REST: project webhooks).
const GITLAB_SUBSCRIPTIONS: [(&str, &str); 7] = [
    ("Push Hook", "push_events"),
    ("Tag Push Hook", "tag_push_events"),
    ("Issue Hook", "issues_events"),
    ("Merge Request Hook", "merge_requests_events"),
    ("Note Hook", "note_events"),
    ("Pipeline Hook", "pipeline_events"),
    ("Release Hook", "releases_events"),
];

/// The hook that was set up at the provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProviderHookRef {
    /// Its id there.
    pub id: String,
    /// Which generation of the webhook secret it was given; the provider never shows the secret again.
    pub secret_generation: u32,
    /// When it was last set up.
    pub set_at: Timestamp,
}

/// What the hook should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedHook {
    /// Where it posts.
    pub url: String,
    /// What it subscribes to, in the provider's words: GitHub's event names, GitLab's attributes (`push_events`).
    pub events: BTreeSet<String>,
    /// The generation of the webhook secret.
    pub secret_generation: u32,
}

/// What the provider shows of a hook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenHook {
    /// Its id there.
    pub id: String,
    /// Where it posts.
    pub url: String,
    /// What it subscribes to, in the words of [`WantedHook::events`].
    pub events: BTreeSet<String>,
    /// Whether the provider posts at all.
    pub active: bool,
    /// Whether it posts JSON and checks our certificate.
    pub well_formed: bool,
    /// Whether the last deliveries failed, as far as the provider tells.
    pub failing: bool,
}

/// One way in which a hook is not what it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Drift {
    /// The provider has no hook for this repository.
    Missing,
    /// It posts somewhere else.
    OtherUrl,
    /// It subscribes to other events.
    OtherEvents {
        /// Needed and not subscribed to.
        missing: Vec<String>,
        /// Subscribed to and not needed.
        extra: Vec<String>,
    },
    /// It is switched off.
    Disabled,
    /// It posts forms or does not check certificates.
    OtherFormat,
    /// The webhook secret was changed since the hook got it.
    OtherSecret,
    /// The last deliveries failed.
    FailingDeliveries,
}

impl Drift {
    /// The code on the wire.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Missing => "MISSING",
            Self::OtherUrl => "OTHER_URL",
            Self::OtherEvents { .. } => "OTHER_EVENTS",
            Self::Disabled => "DISABLED",
            Self::OtherFormat => "OTHER_FORMAT",
            Self::OtherSecret => "OTHER_SECRET",
            Self::FailingDeliveries => "FAILING_DELIVERIES",
        }
    }

    /// On the wire: `{code, message, missingEvents?, extraEvents?}`.
    pub fn public_view(&self) -> Value {
        let message = match self {
            Self::Missing => "the provider has no webhook for this repository",
            Self::OtherUrl => "the webhook posts to another address",
            Self::OtherEvents { .. } => "the webhook subscribes to other events than the rules need",
            Self::Disabled => "the webhook is switched off",
            Self::OtherFormat => "the webhook does not post JSON, or does not check certificates",
            Self::OtherSecret => "the webhook was not given the current secret",
            Self::FailingDeliveries => "the last deliveries failed",
        };
        let mut view = json!({"code": self.code(), "message": message});
        if let Self::OtherEvents { missing, extra } = self {
            view["missingEvents"] = json!(missing);
            view["extraEvents"] = json!(extra);
        }
        view
    }
}

impl WantedHook {
    /// What the repository's hook should be when the API is reached at `public_url`.
    pub fn of(repository: &Repository, automation: Option<&AutomationConfig>, public_url: &str) -> Self {
        let headers = automation.map(|config| needed_events(config, repository.provider)).unwrap_or_default();
        let mut events: BTreeSet<String> =
            headers.into_iter().filter_map(|header| subscription(repository.provider, header)).collect();
        if events.is_empty() {
            let (github, gitlab) = LEAST_EVENT;
            events.insert(if repository.provider == Provider::Gitlab { gitlab } else { github }.to_owned());
        }
        let url = format!("{}{}", public_url.trim_end_matches('/'), repository.webhook_path());
        Self { url, events, secret_generation: repository.webhook.generation }
    }

    /// The repository's hook among those at the provider: the one that was set up, else one that posts to the
    /// repository's address, wherever the API was reached then.
    pub fn find<'a>(
        &self,
        known: Option<&ProviderHookRef>,
        webhook_path: &str,
        seen: &'a [SeenHook],
    ) -> Option<&'a SeenHook> {
        let by_id = seen.iter().find(|hook| known.is_some_and(|known| known.id == hook.id));
        let by_url = || seen.iter().find(|hook| hook.url == self.url);
        let path = |url: &str| url::Url::parse(url).is_ok_and(|url| url.path().ends_with(webhook_path));
        by_id.or_else(by_url).or_else(|| seen.iter().find(|hook| path(&hook.url)))
    }
}

/// The name by which a hook subscribes to an event header.
fn subscription(provider: Provider, header: &str) -> Option<String> {
    match provider {
        Provider::Github => Some(header.to_owned()),
        Provider::Gitlab => {
            let found = GITLAB_SUBSCRIPTIONS.iter().find(|(name, _)| *name == header);
            found.map(|(_, attribute)| (*attribute).to_owned())
        }
        Provider::Git => None,
    }
}

/// Where a hook differs from what it should be; nothing when it is right.
pub fn drift(wanted: &WantedHook, known: Option<&ProviderHookRef>, seen: Option<&SeenHook>) -> Vec<Drift> {
    let Some(seen) = seen else { return vec![Drift::Missing] };
    let mut drift = Vec::new();
    if seen.url != wanted.url {
        drift.push(Drift::OtherUrl);
    }
    // GitHub: `*` subscribes to everything.
    if !seen.events.contains("*") && seen.events != wanted.events {
        let missing = wanted.events.difference(&seen.events).cloned().collect();
        let extra = seen.events.difference(&wanted.events).cloned().collect();
        drift.push(Drift::OtherEvents { missing, extra });
    }
    if !seen.active {
        drift.push(Drift::Disabled);
    }
    if !seen.well_formed {
        drift.push(Drift::OtherFormat);
    }
    // A hook that somebody else set up may have the secret: only deliveries tell.
    if known.is_some_and(|known| known.id == seen.id && known.secret_generation != wanted.secret_generation) {
        drift.push(Drift::OtherSecret);
    }
    if seen.failing {
        drift.push(Drift::FailingDeliveries);
    }
    drift
}

/// Whether a hook can be left as it is: it is the one that was set up, and nothing about it is to be mended. Deliveries that
/// failed are no fault of the hook; whether a hook that somebody else made has the secret cannot be seen, so it gets it.
pub fn is_right(known: Option<&ProviderHookRef>, seen: &SeenHook, drift: &[Drift]) -> bool {
    let ours = known.is_some_and(|known| known.id == seen.id);
    ours && drift.iter().all(|drift| *drift == Drift::FailingDeliveries)
}

impl RepositoryState {
    /// The state with another hook at the provider, or none, one version up.
    #[must_use]
    pub fn with_provider_hook(&self, provider_hook: Option<ProviderHookRef>) -> Self {
        Self { provider_hook, version: self.version + 1, ..self.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{RepositoryId, TenantId, UserId};
    use crate::repository::CreateRepository;
    use crate::webhook::DECLARATIONS;

    fn repository(provider: &str) -> Repository {
        let now = Timestamp::from_second(0);
        let (id, tenant, user) = (RepositoryId::start_of(now), TenantId::start_of(now), UserId::start_of(now));
        let body = json!({"provider": provider, "name": "acme/widgets", "externalId": "acme/widgets"});
        CreateRepository::read(&body).unwrap().into_repository(id, 1, tenant, user, now).unwrap()
    }

    fn wanted(provider: &str, events: &Value) -> Vec<String> {
        let config: AutomationConfig = serde_json::from_value(json!({"version": 2, "events": events})).unwrap();
        let wanted = WantedHook::of(&repository(provider), Some(&config), "https://plane.example.com/");
        wanted.events.into_iter().collect()
    }

    fn rules(clauses: &Value) -> Value {
        json!({"enabled": true, "rules": [{"id": "r", "name": "R", "enabled": true, "match": {"all": clauses}, "actions": []}]})
    }

    #[test]
    fn the_events_are_those_that_the_rules_need() {
        let any = rules(&json!([]));
        let named = |sub_type: &str| {
            rules(&json!([{"field": "event.subType", "op": "equals", "value": sub_type, "negate": false}]))
        };
        let mut off = any.clone();
        off["rules"][0]["enabled"] = json!(false);
        let rows: &[(&str, Value, &[&str])] = &[
            ("github", json!({}), &["push"]),
            ("gitlab", json!({}), &["push_events"]),
            ("github", json!({"issue": off}), &["push"]),
            ("github", json!({"issue": any}), &["issue_comment", "issues"]),
            ("gitlab", json!({"issue": any}), &["issues_events", "note_events"]),
            ("github", json!({"commit": any}), &["commit_comment", "push"]),
            ("gitlab", json!({"commit": any}), &["note_events", "push_events"]),
            ("github", json!({"merge_request": any}), &["issue_comment", "pull_request"]),
            (
                "github",
                json!({"merge_request": named("reviewed")}),
                &["issue_comment", "pull_request", "pull_request_review"],
            ),
            ("github", json!({"release": any, "tag": any}), &["push", "release"]),
            ("gitlab", json!({"release": any, "tag": any}), &["releases_events", "tag_push_events"]),
            ("github", json!({"pipeline": any}), &["check_suite", "workflow_run"]),
            ("gitlab", json!({"pipeline": any}), &["pipeline_events"]),
            ("github", json!({"discussion": any}), &["discussion", "discussion_comment"]),
        ];
        for (provider, events, expected) in rows {
            assert_eq!(wanted(provider, events), *expected, "{provider} {events}");
        }
    }

    #[test]
    fn every_mapped_event_of_gitlab_can_be_subscribed_to() {
        for line in DECLARATIONS.iter().filter(|line| line.provider == Provider::Gitlab) {
            assert!(subscription(line.provider, line.event_name).is_some(), "{}", line.event_name);
        }
    }

    #[test]
    fn drift_names_every_difference() {
        let wanted = WantedHook::of(&repository("github"), None, "https://plane.example.com");
        let known = ProviderHookRef { id: "7".to_owned(), secret_generation: 1, set_at: Timestamp::from_second(0) };
        let right = SeenHook {
            id: "7".to_owned(),
            url: wanted.url.clone(),
            events: wanted.events.clone(),
            active: true,
            well_formed: true,
            failing: false,
        };
        let with =
            |events: &[&str]| SeenHook { events: events.iter().map(|e| (*e).to_owned()).collect(), ..right.clone() };
        let rows: Vec<(&str, Option<SeenHook>, &[&str])> = vec![
            ("right", Some(right.clone()), &[]),
            ("none", None, &["MISSING"]),
            (
                "elsewhere",
                Some(SeenHook { url: "https://old.example.com/".to_owned(), ..right.clone() }),
                &["OTHER_URL"],
            ),
            ("too few events", Some(with(&["issues"])), &["OTHER_EVENTS"]),
            ("too many events", Some(with(&["push", "star"])), &["OTHER_EVENTS"]),
            ("all events", Some(with(&["*"])), &[]),
            ("off", Some(SeenHook { active: false, ..right.clone() }), &["DISABLED"]),
            ("forms", Some(SeenHook { well_formed: false, ..right.clone() }), &["OTHER_FORMAT"]),
            ("failing", Some(SeenHook { failing: true, ..right.clone() }), &["FAILING_DELIVERIES"]),
        ];
        for (rule, seen, expected) in rows {
            let codes: Vec<_> = drift(&wanted, Some(&known), seen.as_ref()).iter().map(Drift::code).collect();
            assert_eq!(codes, expected, "{rule}");
        }
        assert!(is_right(Some(&known), &right, &[]) && is_right(Some(&known), &right, &[Drift::FailingDeliveries]));
        assert!(!is_right(Some(&known), &right, &[Drift::Disabled]) && !is_right(None, &right, &[]));
        let rotated = WantedHook { secret_generation: 2, ..wanted };
        assert_eq!(drift(&rotated, Some(&known), Some(&right)), [Drift::OtherSecret]);
        // Of a hook that somebody else made nothing is known.
        assert_eq!(drift(&rotated, None, Some(&right)), []);
    }

    #[test]
    fn the_hook_is_found_by_id_by_address_or_by_path() {
        let repository = repository("github");
        let wanted = WantedHook::of(&repository, None, "https://plane.example.com");
        let known = ProviderHookRef { id: "7".to_owned(), secret_generation: 1, set_at: Timestamp::from_second(0) };
        let hook = |id: &str, url: &str| SeenHook {
            id: id.to_owned(),
            url: url.to_owned(),
            events: BTreeSet::new(),
            active: true,
            well_formed: true,
            failing: false,
        };
        let path = repository.webhook_path();
        let moved = hook("3", &format!("https://old.example.com/stage{path}"));
        let ours = hook("4", &wanted.url);
        let set_up = hook("7", "https://else.example.com/");
        let other = hook("5", "https://plane.example.com/api/webhook/github/rep_other");
        let found = |seen: &[SeenHook]| wanted.find(Some(&known), &path, seen).map(|hook| hook.id.clone());
        assert_eq!(found(&[other.clone(), moved.clone(), ours.clone(), set_up]).as_deref(), Some("7"));
        assert_eq!(found(&[other.clone(), moved.clone(), ours]).as_deref(), Some("4"));
        assert_eq!(found(&[other.clone(), moved]).as_deref(), Some("3"));
        assert_eq!(found(&[other]), None);
    }
}
