//! The registered repository: record, identity, branches, archive state.

use crate::credential::SecretName;
use crate::id::{CredentialId, RepositoryId, TenantId, UserId};
use crate::platform::BuildSettings;
use crate::product::CodeRepo;
use crate::review::ReviewSettings;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;

mod branches;
mod commands;
mod connection;
mod identity;
mod import;
mod provider_hook;
mod registration;
mod spec_sync;
mod sync;
mod webhook_secret;

pub use branches::{BranchRole, MAX_BRANCH_NAME_BYTES, MAX_BRANCHES, is_branch_name};
pub(crate) use commands::read_api_base_url;
pub use commands::{
    CreateRepository, DEFAULT_NAMESPACE, DEFAULT_RETENTION_DAYS, MAX_EXTERNAL_REFERENCES, MAX_NAME_BYTES,
    MAX_RECORD_BYTES, PatchRepository, RETENTION_DAYS, RemotePlace, webhook_path_of,
};
pub use connection::{
    Connection, ConnectionAttempt, ConnectionFailure, ConnectionReason, ConnectionStatus, MAX_CONNECTION_MESSAGE_CHARS,
};
pub use identity::{Identity, InvalidRemote, normalize_remote};
pub use import::{MAX_IMPORT, read_import};
pub use provider_hook::{Drift, ProviderHookRef, SeenHook, WantedHook, drift, is_right};
pub use registration::{
    DEFAULT_BRANCH, MAX_NOTE_CHARS, MAX_NOTE_KEY_CHARS, MAX_NOTES, MAX_REGISTERED_NAME_CHARS, REGISTERED_PROVIDERS,
    RegisterRepository, UNKNOWN_CREDENTIAL, UpdateRepository, may_name_credential,
};
pub(crate) use registration::{read_branch as read_branch_name, read_name as read_registered_name, read_notes};
pub use spec_sync::{MAX_PROJECTS_A_JOB, MAX_PROJECTS_NAMED, SpecsRead, unread_projects};
pub use sync::{
    Begun, DEFAULT_SYNC_INTERVAL_MINUTES, MAX_BACK_OFF, MAX_LOST_SCANS, MAX_SYNC_ERROR_CHARS, QUOTA_RESERVE,
    SYNC_INTERVAL_MINUTES, SYNC_LEASE, SYNC_WAIT, SyncLease, SyncOutcome, SyncState, SyncStatus, leaves_enough,
    next_sync_at,
};
pub(crate) use webhook_secret::read_webhook_secret;
pub use webhook_secret::{MAX_OVERLAP_SECONDS, MAX_WEBHOOK_SECRET_BYTES, SecretChange, read_rotation};

/// Where the repository lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Provider {
    /// github.com or GitHub Enterprise Server.
    Github,
    /// gitlab.com or a self-hosted GitLab.
    Gitlab,
    /// Any Git remote.
    Git,
}

impl Provider {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Github, Self::Gitlab, Self::Git];

    /// The name on the wire and in keys.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Github => "github",
            Self::Gitlab => "gitlab",
            Self::Git => "git",
        }
    }

    /// Reads the wire name, ignoring case and outer blanks (contract: hookcode 2.2).
    pub fn parse(text: &str) -> Option<Self> {
        match text.trim().to_ascii_lowercase().as_str() {
            "github" => Some(Self::Github),
            "gitlab" => Some(Self::Gitlab),
            "git" => Some(Self::Git),
            _ => None,
        }
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A service that is driven as a plain Git remote but wants its tokens in its own way (contract: shiftagent 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GitHost {
    /// Bitbucket Cloud or Data Center.
    Bitbucket,
    /// Azure DevOps Services or Server.
    AzureDevops,
}

/// One branch that the registry knows of (contract: hookcode 3.1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Branch {
    /// Name without `refs/heads/`.
    pub name: String,
    /// Free text; `Dev branch`, `Test branch` and `Main branch` give the branch its role in rules.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub note: Option<String>,
    /// At most one branch of a repository has it.
    pub is_default: bool,
}

/// Where the webhook secret comes from. Derived secrets are stored nowhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum WebhookSecretSource {
    /// HMAC of the tenant's webhook master key over repository id and generation.
    Derived {
        /// Counts rotations, from 1.
        generation: u32,
    },
    /// Supplied by a user; kept in the repository's secret document under this name.
    Supplied {
        /// Name of the value in the document.
        value: SecretName,
    },
}

/// The previous webhook secret while a rotation overlaps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreviousWebhookSecret {
    /// Where it came from.
    pub source: WebhookSecretSource,
    /// Until when it is still accepted.
    pub accepted_until: Timestamp,
}

/// How webhooks of this repository are verified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookSettings {
    /// The current secret.
    pub secret: WebhookSecretSource,
    /// The one before it, during an overlap.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub previous: Option<PreviousWebhookSecret>,
    /// `false` only after an administrator switched verification off on purpose.
    pub verification: bool,
    /// Counts the secrets this repository has had, from 1.
    pub generation: u32,
}

/// The record of a repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repository {
    /// The id that never changes.
    pub id: RepositoryId,
    /// The small integer for dialects that need one.
    pub number: u64,
    /// Whose it is.
    pub tenant: TenantId,
    /// `registry`, `product/<name>` or `platform/<id>`.
    pub namespace: String,
    /// Display name, unique per namespace ignoring case.
    pub name: String,
    /// Where it lives; never changes.
    pub provider: Provider,
    /// GitHub `owner/repo` or numeric id; GitLab project id or path.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub external_id: Option<String>,
    /// Other forms that the provider is known to use for the same repository (GitHub: the numeric id beside the name).
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub external_aliases: Vec<String>,
    /// GitHub REST base or GitLab site root.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub api_base_url: Option<String>,
    /// The remote, for provider `git`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub remote_url: Option<String>,
    /// The service behind a plain Git remote, if it was named.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub git_host: Option<GitHost>,
    /// The credential of the vault that syncs use, if one was named.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub credential: Option<CredentialId>,
    /// Registered beside others of the same remote: it claims no identity (contract: shiftagent 7.1).
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub shares_remote: bool,
    /// Free text.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub description: Option<String>,
    /// Free texts by key.
    #[serde(default)]
    pub metadata: std::collections::BTreeMap<String, String>,
    /// Known branches.
    #[serde(default)]
    pub branches: Vec<Branch>,
    /// The branch that syncs read; the default one when unset.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub branch: Option<String>,
    /// Time between two scheduled syncs in minutes ([`SYNC_INTERVAL_MINUTES`]); without, none are scheduled.
    #[serde(default)]
    pub sync_interval_minutes: Option<u16>,
    /// IANA time zone of time windows; UTC when unset.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub timezone: Option<String>,
    /// How long deliveries are kept, in days (1–365).
    pub retention_days: u16,
    /// `false` skips webhooks.
    pub enabled: bool,
    /// Set while the repository is read-only.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub archived_at: Option<Timestamp>,
    /// What its product knows of it, for one of namespace `product/<name>`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub product: Option<CodeRepo>,
    /// What its platform knows of it, for one of namespace `platform/<number>`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub build: Option<BuildSettings>,
    /// What review tools keep with it, once one did.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub review: Option<ReviewSettings>,
    /// How many things outside refer to it, as they say, up to [`MAX_EXTERNAL_REFERENCES`]: while any does, a review tool's
    /// `DELETE` archives it rather than deletes it (contract: reviewboard 8.6).
    #[serde(skip_serializing_if = "is_zero", default)]
    pub external_references: u32,
    /// Webhook verification.
    pub webhook: WebhookSettings,
    /// What [`RepositoryState::webhook_verified_at`] says, for lists: they read records alone.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub webhook_verified_at: Option<Timestamp>,
    /// Who created it: the earliest owner.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub creator: Option<UserId>,
    /// Creation time.
    pub created_at: Timestamp,
    /// Time of the last change by a caller.
    pub updated_at: Timestamp,
    /// Counts changes by callers, from 1.
    pub version: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_zero(count: &u32) -> bool {
    *count == 0
}

/// State that background work writes: it never bumps the record's version or `updated_at`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepositoryState {
    /// When the first delivery passed signature and binding; never cleared.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub webhook_verified_at: Option<Timestamp>,
    /// How the last call to the provider ended, once there was one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub connection: Option<Connection>,
    /// The webhook that was set up at the provider, while it is there.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub provider_hook: Option<ProviderHookRef>,
    /// The sync with the remote.
    #[serde(default)]
    pub sync: SyncState,
    /// Counts changes, from 0 (absent).
    #[serde(default)]
    pub version: u64,
}
