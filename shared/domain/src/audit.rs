//! The audit log: who changed what, never a secret (contract: hookcode 1.3).

use crate::access::Principal;
use crate::id::{AccessTokenId, AuditId, RepositoryId, TenantId, UserId};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What was done. Names are the contract's where it has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[expect(missing_docs, reason = "the variants say it")]
pub enum AuditAction {
    TenantCreated,
    TenantUpdated,
    AdministratorRecovered,
    UserCreated,
    UserUpdated,
    AccessTokenCreated,
    AccessTokenRevoked,
    UserCredentialsUpdated,
    GlobalCredentialsUpdated,
    RepoCreated,
    RepoUpdated,
    RepoArchived,
    RepoUnarchived,
    RepoWebhookSecretRotated,
    RepoWebhookVerificationChanged,
    RepoWebhookVerified,
    RepoMemberAdded,
    RepoMemberUpdated,
    RepoMemberRemoved,
    RepoRobotCreated,
    RepoRobotUpdated,
    RepoRobotTested,
    RepoRobotDeleted,
    RepoAutomationUpdated,
    RepoDeleted,
    RepoSyncRequested,
    RepoAttached,
    RepoDetached,
    VaultCredentialCreated,
    VaultCredentialDeleted,
    RepoProviderHookSet,
    RepoProviderHookRemoved,
    RepoProvisioningLeft,
    RepoDeliveryRedelivered,
    RepoDeliveryContentDeleted,
    TaskClaimed,
    TaskUpdated,
    TaskRetried,
    TaskCancelled,
    OrganisationHookCreated,
    OrganisationHookUpdated,
    OrganisationHookSecretRotated,
    OrganisationHookDeleted,
    IssuerCreated,
    IssuerUpdated,
    IssuerDeleted,
    HostTrusted,
    HostForgotten,
    AccessTokenExchanged,
    SkillCreated,
    SkillAccepted,
    ProductCreated,
    ProductUpdated,
    ProductDeleted,
    ProjectSaved,
    ProjectDeleted,
    RepoPackagesPublished,
    RepoPackagesRemoved,
    RepoSignaturesUpdated,
    PlatformCreated,
    PlatformUpdated,
    PlatformDeleted,
    PlatformMemberAdded,
    PlatformMemberRemoved,
    GroupCreated,
    GroupUpdated,
    GroupDeleted,
    GroupMemberAdded,
    GroupMemberRemoved,
    ProjectCreated,
    ProjectUpdated,
    RepoProjectAdded,
    RepoProjectRemoved,
    RepoLocked,
    RepoUnlocked,
}

/// One line of the audit log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuditEntry {
    /// Its id.
    pub id: AuditId,
    /// Whose.
    pub tenant: TenantId,
    /// What was done.
    pub action: AuditAction,
    /// Who did it; nobody for what a webhook caused.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub user: Option<UserId>,
    /// With which token.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub token: Option<AccessTokenId>,
    /// On which repository.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub repository: Option<RepositoryId>,
    /// On which object: an id.
    pub target: String,
    /// Changed fields and counts; names and ids only.
    pub details: Value,
    /// When.
    pub at: Timestamp,
}

impl AuditEntry {
    /// What a caller did.
    pub fn by(principal: &Principal, id: AuditId, action: AuditAction, target: impl ToString, at: Timestamp) -> Self {
        Self {
            id,
            tenant: principal.tenant,
            action,
            user: Some(principal.user),
            token: Some(principal.token),
            repository: None,
            target: target.to_string(),
            details: Value::Null,
            at,
        }
    }

    /// What nobody in particular did.
    pub fn by_system(tenant: TenantId, id: AuditId, action: AuditAction, target: impl ToString, at: Timestamp) -> Self {
        Self {
            id,
            tenant,
            action,
            user: None,
            token: None,
            repository: None,
            target: target.to_string(),
            details: Value::Null,
            at,
        }
    }

    /// Names the repository, so that its audit list shows the entry.
    #[must_use]
    pub fn on(mut self, repository: RepositoryId) -> Self {
        self.repository = Some(repository);
        self
    }

    /// Adds what changed.
    #[must_use]
    pub fn with(mut self, details: Value) -> Self {
        self.details = details;
        self
    }

    /// Adds, as `changes`, every member that differs between two public views, each as it was and as it is. Views hold
    /// no secrets, so the log holds none. A value over [`MAX_VALUE_BYTES`] is told by its size and hash alone.
    #[must_use]
    pub fn with_change(mut self, before: &Value, after: &Value) -> Self {
        let empty = serde_json::Map::new();
        let (old, new) = (before.as_object().unwrap_or(&empty), after.as_object().unwrap_or(&empty));
        let mut changes = serde_json::Map::new();
        let names: std::collections::BTreeSet<&String> = old.keys().chain(new.keys()).collect();
        for name in names.into_iter().filter(|name| name.as_str() != "updatedAt") {
            let (was, is) = (old.get(name), new.get(name));
            if was != is {
                let mut change = serde_json::Map::new();
                for (side, value) in [("before", was), ("after", is)] {
                    if let Some(value) = value {
                        change.insert(side.to_owned(), bounded(value));
                    }
                }
                changes.insert(name.clone(), Value::Object(change));
            }
        }
        if self.details.is_null() {
            self.details = Value::Object(serde_json::Map::new());
        }
        if let Some(details) = self.details.as_object_mut() {
            details.insert("changes".to_owned(), Value::Object(changes));
        }
        self
    }
}

/// Largest value that an entry quotes, in bytes of JSON: an entry is one item of the table, and no archive.
pub const MAX_VALUE_BYTES: usize = 4 * 1024;

fn bounded(value: &Value) -> Value {
    let text = value.to_string();
    if text.len() <= MAX_VALUE_BYTES {
        return value.clone();
    }
    serde_json::json!({"bytes": text.len(), "sha256": crate::secret::sha256_hex(text.as_bytes())})
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_change_shows_what_differs_and_nothing_else() {
        let now = Timestamp::from_second(0);
        let entry = || {
            AuditEntry::by_system(TenantId::start_of(now), AuditId::start_of(now), AuditAction::RepoUpdated, "x", now)
        };
        let before = json!({"name": "a", "enabled": true, "updatedAt": 1, "gone": 1});
        let after = json!({"name": "b", "enabled": true, "updatedAt": 2, "new": [1]});
        let changes = entry().with_change(&before, &after).details["changes"].clone();
        let expected = json!({"name": {"before": "a", "after": "b"}, "gone": {"before": 1}, "new": {"after": [1]}});
        assert_eq!(changes, expected);
        let long = "x".repeat(MAX_VALUE_BYTES);
        let change = entry().with(json!({"fields": ["name"]})).with_change(&json!({}), &json!({"name": long})).details;
        assert_eq!(change["changes"]["name"]["after"]["bytes"], MAX_VALUE_BYTES + 2);
        assert_eq!(change["fields"], json!(["name"]));
    }
}
