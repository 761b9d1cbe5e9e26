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
    UserCreated,
    UserUpdated,
    AccessTokenCreated,
    AccessTokenRevoked,
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
    TaskClaimed,
    TaskUpdated,
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
}
