//! Making a repository's project at its provider: what is wanted there, what was done so far, and what has to be taken
//! back when it cannot be finished.
//!
//! Two systems change in one call and neither waits for the other. So an [`Intent`] is written first; it goes in the very
//! transaction that registers what came of it. As long as it is there, nothing was registered, and whoever finds it after
//! its time takes back what its [`Trail`] says.

mod events;

pub use events::{EVENTS, at_github};

use crate::id::{CredentialId, RepositoryId, TenantId, UserId};
use crate::product::Visibility;
use crate::repository::Provider;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::time::Duration;

/// How long a call may be at a name before others may take back what it left: longer than the gateway lets any call run.
pub const INTENT_LEASE: Duration = Duration::from_secs(40);
/// How often what a call left is tried to be taken back before it is given up.
pub const MAX_TAKE_BACKS: u32 = 12;
/// First pause between two tries of taking back; doubled each time, up to [`MAX_TAKE_BACK_PAUSE`].
const TAKE_BACK_PAUSE: Duration = Duration::from_secs(60);
/// Longest pause between two tries of taking back.
pub const MAX_TAKE_BACK_PAUSE: Duration = Duration::from_secs(3600);

/// Where a product's projects are made, and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProjectHome {
    /// A provider with an API.
    pub provider: Provider,
    /// GitHub's REST base or GitLab's site root; the public service without.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub api_base_url: Option<String>,
    /// GitLab's full path of the group, GitHub's name of the organisation or account.
    pub owner: String,
    /// The credential of the vault with which it is done.
    pub credential: CredentialId,
}

/// What the registry knows of the project that it made or took over for a repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Provisioned {
    /// The number that the provider gave it.
    pub project_id: u64,
    /// The last part of its address, as of the last save.
    pub path: String,
    /// Where Git finds it over ssh, as of the last save.
    pub ssh_url: String,
    /// Where Git finds it over https, as of the last save.
    pub http_url: String,
    /// Its deploy keys' ids at the provider, the one that may only read first.
    #[serde(default)]
    pub keys: Vec<String>,
    /// The id of its webhook there; absent without a public address.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub hook: Option<String>,
}

/// Title of the deploy key that may only read, or may also push (contract: nautes 4, step 7).
pub fn key_title(number: u64, can_push: bool) -> String {
    format!("repo-{number}-{}", if can_push { "readwrite" } else { "readonly" })
}

/// What a call at a provider is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// Making or changing a project and registering it.
    Save,
    /// Deleting a project and then its repository.
    Delete,
    /// Taking keys and hook of a repository away that is not registered any more.
    Clear,
}

/// What a project looked like before it was changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProjectBefore {
    /// What people read.
    pub name: String,
    /// Who could see it; absent when the provider did not tell.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub visibility: Option<Visibility>,
    /// What it was for.
    pub description: String,
}

/// How far a project has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "is")]
pub enum ProjectTrail {
    /// Nothing was done.
    Untouched,
    /// It was not there and is being made; whether it is there is told by its description, which is the intent's mark.
    Making,
    /// It was made by this call.
    Made {
        /// The number that the provider gave it.
        id: u64,
    },
    /// It was there before and is being changed.
    Changing {
        /// Its number.
        id: u64,
        /// What it was.
        before: ProjectBefore,
    },
}

/// What a call may have done at the provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Trail {
    /// The project.
    pub project: ProjectTrail,
    /// Deploy keys that were there before: others of our titles are this call's.
    #[serde(default)]
    pub known_keys: BTreeSet<String>,
    /// The webhook that was there before, and what it sent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub known_hook: Option<KnownHook>,
}

/// A webhook of the registry as it was before a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KnownHook {
    /// Its id at the provider.
    pub id: String,
    /// What it sent, in the provider's words.
    pub events: BTreeSet<String>,
}

impl Default for Trail {
    fn default() -> Self {
        Self { project: ProjectTrail::Untouched, known_keys: BTreeSet::new(), known_hook: None }
    }
}

/// A call at a provider that is under way, or that ended without finishing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Intent {
    /// Whose.
    pub tenant: TenantId,
    /// The repository's namespace.
    pub namespace: String,
    /// The repository's name, which is the project's path.
    pub name: String,
    /// The repository, or the id that a new one will have.
    pub repository: RepositoryId,
    /// Its number.
    pub number: u64,
    /// Where the project is.
    pub home: ProjectHome,
    /// What for.
    pub purpose: Purpose,
    /// What was done.
    pub trail: Trail,
    /// Who asked for it.
    pub user: UserId,
    /// When.
    pub begun_at: Timestamp,
    /// Until when nobody else touches it.
    pub until: Timestamp,
    /// How often it was tried to take back what it left.
    #[serde(default)]
    pub take_backs: u32,
    /// Counts changes, from 1.
    pub version: u64,
}

impl Intent {
    /// The description under which a project is made, before it gets its own: who finds it after a crash knows whose it is.
    pub fn mark(&self) -> String {
        format!("Being set up by the repository registry ({} {})", self.repository, self.begun_at.as_millisecond())
    }

    /// The same with what was done next.
    #[must_use]
    pub fn with_trail(&self, trail: Trail) -> Self {
        Self { trail, version: self.version + 1, ..self.clone() }
    }

    /// Held by whoever takes back what it left.
    #[must_use]
    pub fn taken_back_at(&self, now: Timestamp) -> Self {
        let (take_backs, version) = (self.take_backs + 1, self.version + 1);
        Self { until: now.plus(INTENT_LEASE), take_backs, version, ..self.clone() }
    }

    /// Left alone for a while after taking back failed; `None` when it was tried often enough.
    pub fn put_off(&self, now: Timestamp) -> Option<Self> {
        if self.take_backs >= MAX_TAKE_BACKS {
            return None;
        }
        let doubled = TAKE_BACK_PAUSE.saturating_mul(1 << self.take_backs.min(10));
        let until = now.plus(doubled.min(MAX_TAKE_BACK_PAUSE));
        Some(Self { until, version: self.version + 1, ..self.clone() })
    }

    /// Whether somebody is still at it.
    pub fn is_held(&self, now: Timestamp) -> bool {
        now < self.until
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn intent() -> Intent {
        let at = Timestamp::from_millisecond(1_000_000);
        Intent {
            tenant: TenantId::start_of(at),
            namespace: "product/demo".to_owned(),
            name: "web".to_owned(),
            repository: RepositoryId::start_of(at),
            number: 7,
            home: ProjectHome {
                provider: Provider::Gitlab,
                api_base_url: None,
                owner: "demo".to_owned(),
                credential: CredentialId::start_of(at),
            },
            purpose: Purpose::Save,
            trail: Trail::default(),
            user: UserId::start_of(at),
            begun_at: at,
            until: at.plus(INTENT_LEASE),
            take_backs: 0,
            version: 1,
        }
    }

    #[test]
    fn an_intent_is_held_until_its_time_and_then_tried_less_and_less_often() {
        let mut intent = intent();
        let now = intent.begun_at;
        assert!(intent.is_held(now.plus(INTENT_LEASE - Duration::from_millis(1))));
        assert!(!intent.is_held(now.plus(INTENT_LEASE)));
        let mut last = Duration::ZERO;
        for tries in 1..MAX_TAKE_BACKS {
            intent = intent.taken_back_at(now);
            assert_eq!(intent.take_backs, tries);
            intent = intent.put_off(now).unwrap();
            let pause = intent.until.since(now);
            assert!(pause >= last && pause <= MAX_TAKE_BACK_PAUSE, "{tries}: {pause:?}");
            last = pause;
        }
        assert_eq!(last, MAX_TAKE_BACK_PAUSE);
        assert_eq!(intent.taken_back_at(now).put_off(now), None);
    }

    #[test]
    fn an_intent_reads_back_whatever_its_trail() {
        let before =
            ProjectBefore { name: "Web".into(), visibility: Some(Visibility::Private), description: "".into() };
        for project in [
            ProjectTrail::Untouched,
            ProjectTrail::Making,
            ProjectTrail::Made { id: 1 },
            ProjectTrail::Changing { id: 2, before },
        ] {
            let known_hook = Some(KnownHook { id: "3".into(), events: ["push".to_owned()].into() });
            let trail = Trail { project, known_keys: ["1".to_owned()].into(), known_hook };
            let intent = intent().with_trail(trail);
            assert_eq!(intent.version, 2);
            assert_eq!(serde_json::from_value::<Intent>(serde_json::to_value(&intent).unwrap()).unwrap(), intent);
        }
    }

    #[test]
    fn keys_are_titled_by_number_and_right() {
        assert_eq!([key_title(7, false), key_title(7, true)], ["repo-7-readonly", "repo-7-readwrite"]);
    }
}
