//! The DynamoDB table, the Secrets Manager vault, and the queues of syncs and of tasks.
//!
//! The only place that knows keys ([`keys`]), indexes and secret names. Every read that serves a caller takes the caller's
//! tenant and answers "absent" for another's; every write is one transaction with its audit entry in it.

mod access;
mod accounts;
mod attachments;
mod audit;
mod build_projects;
mod change;
mod code_repos;
mod commit;
mod credentials;
mod decision;
mod deliveries;
mod error;
mod groups;
mod hydrate;
mod idempotency;
mod issuers;
mod item;
pub mod keys;
mod lifetime;
mod meter;
mod operational_events;
mod organisation_hooks;
mod outbox;
mod packages;
mod places;
mod platform_tokens;
mod platforms;
mod probe;
mod product_uses;
mod products;
mod project_links;
mod projects;
mod provisioning;
mod queue;
mod race;
mod removal;
mod repositories;
mod roster;
mod secret_writes;
mod sessions;
mod signing_keys;
mod skills;
mod state;
mod sweep;
mod sync;
mod table;
mod task_queue;
mod tasks;
mod tenants;
mod trusted_hosts;
mod vault;
mod vault_credentials;
mod vault_uses;
mod webhook_secret;

pub use access::{IssuedToken, TokenRecord};
pub use accounts::{AccountOwner, AccountPlan, StoredAccount};
pub use attachments::Attached;
pub use audit::AuditPage;
pub use build_projects::{ProjectChange, ProjectPage};
pub use change::{Author, Plan};
pub use code_repos::MadeProject;
pub use credentials::{Accounts, ModelAccess, NoAccess};
pub use decision::{DecisionSet, RepositoryAccess, StoredAutomation, StoredCredentials, StoredMembers};
pub use deliveries::{
    DeliveryCommit, DeliveryFilter, DeliveryPage, FoundDelivery, KeptDelivery, Replay, TwinKey, TwinResult,
    VerifiedDelivery,
};
pub use error::StoreError;
pub use groups::GroupChange;
pub use hydrate::Hydrated;
pub use idempotency::{Earlier, KeptAnswer, Once};
pub use meter::{Usage, measured, metered, usage};
pub use operational_events::ToldRejection;
pub use organisation_hooks::{FoundHook, HookChange, HookPage, StoredHook};
pub use outbox::{Fate, MAX_MISSED, OUTBOX_GRACE, OutboxKey, Outgoing, UnknownItem, Waiting};
pub use packages::{Packages, PackagesAsked, Publication};
pub use platform_tokens::platform_principal;
pub use platforms::PlatformChange;
pub use probe::{PROBE_TIMEOUT, PartState, Probed};
pub use project_links::{LinkSpecs, LinkedProjects, SpecLink};
pub use provisioning::{Begun, MAX_LEFT_INTENTS, Settlement};
pub use queue::{SyncJob, SyncQueue};
pub use removal::Removed;
pub use repositories::{ArchiveFilter, Login, RepositoryFilter, RepositoryPage, RepositoryPosition, RepositoryRow};
pub use roster::{Place, RosterPage, RosterRow};
pub use secret_writes::SecretWrites;
pub use skills::{FoundSkill, SkillFilter, SkillPage};
pub use sweep::{SWEEP_AGE, SweptRepositories, SweptSecrets};
pub use sync::{DueSync, MAX_DUE, SyncEnd};
pub use task_queue::{ROBOT_TASK_SCHEMA, RobotTask, TaskMessage, TaskQueue};
pub use tasks::{FoundTask, TaskFilter, TaskPage};
pub use tenants::Authorship;
pub use trusted_hosts::TrustedHostPage;
pub use vault::{Document, SecretPointer, Vault};
pub use vault_credentials::CredentialPage;

use moka::future::Cache;
use repoplane_domain::access::User;
use repoplane_domain::error::DomainError;
use repoplane_domain::id::{HookId, IdSource, RepositoryId, TaskId, TenantId, UserId};
use repoplane_domain::oidc::{Issuer, UserClaim};
use repoplane_domain::review::Entry;
use std::sync::Arc;
use std::time::Duration;
use table::Table;

/// How long a token that was found is believed without asking again (design: HTTP conventions).
const TOKEN_LIFE: Duration = Duration::from_secs(30);
/// How long a token that was not found is believed absent.
const MISSING_TOKEN_LIFE: Duration = Duration::from_secs(5);
/// How long a tenant's record is believed.
const TENANT_LIFE: Duration = Duration::from_secs(30);
const CACHED_TOKENS: u64 = 10_000;
const CACHED_TENANTS: u64 = 1_000;
const CACHED_LOCATORS: u64 = 10_000;
/// How long it is believed who may read the lists of a repository; as long as a token is.
const ACCESS_LIFE: Duration = TOKEN_LIFE;
const CACHED_ACCESS: u64 = 1_000;
/// How long the webhook of an organisation is believed for what it lets through; as long as a token is.
const HOOK_LIFE: Duration = TOKEN_LIFE;
const CACHED_HOOKS: u64 = 1_000;

/// How long the list of all of a tenant's repositories is believed.
const LIST_LIFE: Duration = Duration::from_secs(30);
/// Lists that are kept; one of 10,000 repositories has some 3 MB.
const CACHED_LISTS: u64 = 20;

/// How long an OpenID Connect issuer is believed; that there is none, as long as a missing token is.
const ISSUER_LIFE: Duration = TOKEN_LIFE;
const CACHED_ISSUERS: u64 = 1_000;
/// How long a user behind a platform token is believed.
const USER_LIFE: Duration = TOKEN_LIFE;
const CACHED_USERS: u64 = 10_000;

/// How long the credential profiles of a user's account or of a tenant are believed.
const ACCOUNT_LIFE: Duration = Duration::from_secs(30);
const CACHED_ACCOUNTS: u64 = 1_000;

/// A rule or storage says no to a write.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// A rule of the domain.
    #[error(transparent)]
    Domain(#[from] DomainError),
    /// Storage.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A call with the same idempotency key came before; [`Store::earlier`] tells how it ended.
    #[error("a call with this idempotency key came before")]
    Repeated,
}

/// Records and secrets of the control plane. Cheap to clone; clones share their caches.
#[derive(Clone)]
pub struct Store {
    table: Table,
    vault: Vault,
    ids: Arc<dyn IdSource>,
    sync_queue: Option<SyncQueue>,
    task_queue: Option<TaskQueue>,
    tokens: Cache<String, Arc<TokenRecord>>,
    missing_tokens: Cache<String, ()>,
    tenants: Cache<TenantId, Arc<tenants::TenantRecord>>,
    locators: Cache<TaskId, tasks::Located>,
    numbers: Cache<(TenantId, u64), RepositoryId>,
    user_numbers: Cache<(TenantId, u64), UserId>,
    personal: Cache<(TenantId, UserId), ()>,
    entries: Cache<TenantId, Arc<Vec<Entry>>>,
    ended_sessions: Cache<String, bool>,
    access: Cache<RepositoryId, Arc<RepositoryAccess>>,
    accounts: Cache<(TenantId, AccountOwner), Arc<StoredAccount>>,
    hooks: Cache<HookId, Arc<StoredHook>>,
    exchanged: Cache<String, Arc<platform_tokens::ExchangedRecord>>,
    issuers: Cache<String, Arc<Issuer>>,
    missing_issuers: Cache<String, ()>,
    users: Cache<(TenantId, UserId), Arc<User>>,
    subjects: Cache<(TenantId, UserClaim, String), UserId>,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("table", &self.table.name).finish_non_exhaustive()
    }
}

impl Store {
    /// A store on one table and one vault. Ids come from `ids`.
    pub fn new(
        client: aws_sdk_dynamodb::Client,
        table: impl Into<String>,
        vault: Vault,
        ids: Arc<dyn IdSource>,
    ) -> Self {
        Self {
            table: Table { client: meter::metered_table(&client), name: table.into() },
            vault,
            ids,
            sync_queue: None,
            task_queue: None,
            tokens: Cache::builder().max_capacity(CACHED_TOKENS).time_to_live(TOKEN_LIFE).build(),
            missing_tokens: Cache::builder().max_capacity(CACHED_TOKENS).time_to_live(MISSING_TOKEN_LIFE).build(),
            tenants: Cache::builder().max_capacity(CACHED_TENANTS).time_to_live(TENANT_LIFE).build(),
            locators: Cache::builder().max_capacity(CACHED_LOCATORS).build(),
            numbers: Cache::builder().max_capacity(CACHED_LOCATORS).build(),
            user_numbers: Cache::builder().max_capacity(CACHED_LOCATORS).build(),
            personal: Cache::builder().max_capacity(CACHED_LOCATORS).build(),
            entries: Cache::builder().max_capacity(CACHED_LISTS).time_to_live(LIST_LIFE).build(),
            ended_sessions: Cache::builder().max_capacity(CACHED_TOKENS).time_to_live(TOKEN_LIFE).build(),
            access: Cache::builder().max_capacity(CACHED_ACCESS).time_to_live(ACCESS_LIFE).build(),
            accounts: Cache::builder().max_capacity(CACHED_ACCOUNTS).time_to_live(ACCOUNT_LIFE).build(),
            hooks: Cache::builder().max_capacity(CACHED_HOOKS).time_to_live(HOOK_LIFE).build(),
            exchanged: Cache::builder().max_capacity(CACHED_TOKENS).time_to_live(TOKEN_LIFE).build(),
            issuers: Cache::builder().max_capacity(CACHED_ISSUERS).time_to_live(ISSUER_LIFE).build(),
            missing_issuers: Cache::builder().max_capacity(CACHED_ISSUERS).time_to_live(MISSING_TOKEN_LIFE).build(),
            users: Cache::builder().max_capacity(CACHED_USERS).time_to_live(USER_LIFE).build(),
            subjects: Cache::builder().max_capacity(CACHED_USERS).time_to_live(USER_LIFE).build(),
        }
    }

    /// The same with a queue for syncs that are asked for; without one they wait for the tick.
    #[must_use]
    pub fn with_sync_queue(self, queue: Option<SyncQueue>) -> Self {
        Self { sync_queue: queue, ..self }
    }

    /// The same with the queue by which tasks are handed over; only who dispatches them needs one.
    #[must_use]
    pub fn with_task_queue(self, queue: Option<TaskQueue>) -> Self {
        Self { task_queue: queue, ..self }
    }

    /// The vault, for the values that are not a repository's.
    pub fn vault(&self) -> &Vault {
        &self.vault
    }

    /// Where new ids come from.
    pub fn ids(&self) -> &dyn IdSource {
        &*self.ids
    }
}
