//! Operational events: short facts that an operator's tools subscribe to, beside the audit log, which says who did what.
//!
//! An event tells that something changed: a repository that stays failing is one event, not one for every try. What is
//! told is ids, numbers, fixed words and bounded messages that answers show as well; never a token, an e-mail address, a
//! payload or the value of a header. The rules here decide from the old and the new state
//! what is to be told.

use crate::delivery::ErrorLayer;
use crate::id::{AccessTokenId, DeliveryId, EventId, IdSource, RepositoryId, RobotId, SkillId, TenantId, UserId};
use crate::repository::{ConnectionReason, Provider};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::time::Duration;

mod rules;

pub use rules::{
    MAX_SHOWN_CHARS, MAX_SHOWN_RULES, TOKEN_NOTICE, of_access_token, of_archive, of_automation, of_delivery,
    of_removal, of_robots, of_skill, of_state,
};

/// The version of what receivers are sent. Within it members are only added.
pub const EVENT_SCHEMA: u32 = 1;
/// How long an event is tried to be sent after it is due, before it is not news any more.
pub const EVENT_LIFE: Duration = Duration::from_secs(7 * 24 * 3600);
/// Something that happened, or, until it is due, that will.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OperationalEvent {
    /// Its id, of the time at which it is due; the same each time it is sent, so that a receiver knows a repeat.
    pub id: EventId,
    /// Whose it is.
    pub tenant: TenantId,
    /// The repository that it is about, if it is about one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub repository: Option<RepositoryId>,
    /// What happened.
    pub fact: Fact,
}

/// What happened, with what is told of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all_fields = "camelCase")]
pub enum Fact {
    /// A call to the provider failed, and the one before it had not.
    #[serde(rename = "repository.connection_failed")]
    ConnectionFailed {
        /// Why.
        reason: ConnectionReason,
        /// The same for people, as the repository's connection says it.
        message: String,
    },
    /// A call to the provider succeeded after one had failed.
    #[serde(rename = "repository.connection_restored")]
    ConnectionRestored {
        /// Why the one before it had failed.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        was: Option<ConnectionReason>,
    },
    /// The repository was archived.
    #[serde(rename = "repository.archived")]
    Archived {
        /// Its name, shortened to [`MAX_SHOWN_CHARS`].
        name: String,
    },
    /// The repository was taken out of the archive.
    #[serde(rename = "repository.unarchived")]
    Unarchived {
        /// Its name, shortened to [`MAX_SHOWN_CHARS`].
        name: String,
    },
    /// The repository was deleted.
    #[serde(rename = "repository.deleted")]
    Deleted {
        /// Its name, shortened to [`MAX_SHOWN_CHARS`]: it cannot be looked up any more.
        name: String,
        /// Where it lives.
        provider: Provider,
    },
    /// Syncs of the repository fail, and did not before; or they are given up.
    #[serde(rename = "sync.failed")]
    SyncFailed {
        /// Why, for people, as the repository's sync says it.
        reason: String,
        /// Whether its scans kept ending without a result, so that it is left alone until the next is due.
        given_up: bool,
        /// When the next is due; absent while none is scheduled.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        next_sync_at: Option<Timestamp>,
    },
    /// A sync succeeded after others had failed.
    #[serde(rename = "sync.recovered")]
    SyncRecovered {
        /// Since when they had failed.
        failing_since: Timestamp,
        /// The commit that the catalogue shows.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        commit: Option<String>,
    },
    /// A webhook was rejected.
    #[serde(rename = "delivery.rejected")]
    DeliveryRejected {
        /// Its record.
        delivery_id: DeliveryId,
        /// Where it ended.
        layer: Option<ErrorLayer>,
        /// The code that was answered, if there is one.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        code: Option<String>,
        /// Why, for people, shortened to [`MAX_SHOWN_CHARS`].
        reason: String,
        /// Status that was answered.
        http_status: u16,
        /// Posts of the repository that were rejected for the same reason since the last event that said so.
        earlier: u32,
    },
    /// Rules that could wake a robot cannot any more.
    #[serde(rename = "rule.disabled")]
    RulesDisabled {
        /// The first of them, at most [`MAX_SHOWN_RULES`].
        rules: Vec<DisabledRule>,
        /// How many they are in all.
        count: usize,
    },
    /// A robot works no more.
    #[serde(rename = "robot.disabled")]
    RobotDisabled {
        /// The robot.
        robot_id: RobotId,
        /// Its name, shortened to [`MAX_SHOWN_CHARS`].
        name: String,
        /// Whether it is still there.
        change: Loss,
    },
    /// The newest version of a skill can do more than anybody accepted.
    #[serde(rename = "skill.escalated")]
    SkillEscalated {
        /// The skill.
        skill_id: SkillId,
        /// Its name.
        name: Option<String>,
        /// The version that can do more.
        version: Option<String>,
        /// Programs that came on top.
        added_scripts: usize,
        /// Tools that came on top.
        added_tools: usize,
    },
    /// A credential ends soon.
    #[serde(rename = "credential.expiring")]
    CredentialExpiring {
        /// Which.
        #[serde(flatten)]
        credential: ExpiringCredential,
        /// When it ends.
        expires_at: Timestamp,
    },
}

/// A rule that does not fire any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DisabledRule {
    /// The type of event that it waited for.
    pub event: String,
    /// The rule.
    pub rule_id: String,
    /// Its name, shortened to [`MAX_SHOWN_CHARS`].
    pub name: String,
    /// Whether it is still there.
    pub change: Loss,
}

/// How something that worked ceased to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Loss {
    /// It was switched off.
    Disabled,
    /// It was removed.
    Removed,
}

/// A credential that ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "credential", rename_all = "snake_case", rename_all_fields = "camelCase")]
pub enum ExpiringCredential {
    /// One of the registry's own access tokens.
    AccessToken {
        /// The token.
        access_token_id: AccessTokenId,
        /// Who holds it, or made it for a tool.
        user_id: UserId,
    },
}

impl Fact {
    /// The names of all kinds, for documentation.
    pub const KINDS: [&'static str; 12] = [
        "repository.connection_failed",
        "repository.connection_restored",
        "repository.archived",
        "repository.unarchived",
        "repository.deleted",
        "sync.failed",
        "sync.recovered",
        "delivery.rejected",
        "rule.disabled",
        "robot.disabled",
        "skill.escalated",
        "credential.expiring",
    ];

    /// The name of its kind: the detail type on the bus.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::ConnectionFailed { .. } => "repository.connection_failed",
            Self::ConnectionRestored { .. } => "repository.connection_restored",
            Self::Archived { .. } => "repository.archived",
            Self::Unarchived { .. } => "repository.unarchived",
            Self::Deleted { .. } => "repository.deleted",
            Self::SyncFailed { .. } => "sync.failed",
            Self::SyncRecovered { .. } => "sync.recovered",
            Self::DeliveryRejected { .. } => "delivery.rejected",
            Self::RulesDisabled { .. } => "rule.disabled",
            Self::RobotDisabled { .. } => "robot.disabled",
            Self::SkillEscalated { .. } => "skill.escalated",
            Self::CredentialExpiring { .. } => "credential.expiring",
        }
    }
}

impl OperationalEvent {
    /// An event of this instant, or of a later one, at which it is to be sent.
    pub fn new(
        fact: Fact,
        tenant: TenantId,
        repository: Option<RepositoryId>,
        due: Timestamp,
        ids: &dyn IdSource,
    ) -> Self {
        Self { id: EventId::new(due, ids), tenant, repository, fact }
    }

    /// When it happened, and from when it may be sent.
    pub fn time(&self) -> Timestamp {
        self.id.created_at()
    }

    /// What receivers are sent: `docs/schemas/operational-event.v1.json`.
    pub fn message(&self) -> Value {
        let mut message = json!({
            "schema": EVENT_SCHEMA,
            "id": self.id,
            "time": self.time(),
            "tenantId": self.tenant,
        });
        if let Some(repository) = self.repository {
            message["repositoryId"] = json!(repository);
        }
        if let (Some(message), Value::Object(fact)) = (message.as_object_mut(), json!(self.fact)) {
            message.extend(fact);
        }
        message
    }
}

#[cfg(test)]
mod tests;
