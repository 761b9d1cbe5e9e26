//! Credential profiles beyond a repository's own: those of a user's account and those of the tenant.

use crate::change::{DEADLINE, MAX_PAUSE};
use crate::commit::{CommitError, Guard, Writes, jittered};
use crate::error::StoreError;
use crate::item::{self, Item};
use crate::keys::{self, Key};
use crate::secret_writes::{OwnedDocument, SecretWrites};
use crate::tenants::write_conflict;
use crate::vault::SecretPointer;
use crate::{Store, WriteError};
use repoplane_domain::audit::AuditEntry;
use repoplane_domain::credential::{AccountProfiles, SecretEdit};
use repoplane_domain::error::DomainError;
use repoplane_domain::id::{TenantId, UserId, WriteId};
use repoplane_domain::secret::Secret;
use repoplane_domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

/// Whose profiles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AccountOwner {
    /// Those of a user's account.
    User(UserId),
    /// Those of the tenant, which serve everybody in it.
    Tenant,
}

impl AccountOwner {
    fn key(self, tenant: TenantId) -> Key {
        match self {
            Self::User(user) => keys::credentials(tenant, Some(user)),
            Self::Tenant => keys::credentials(tenant, None),
        }
    }

    /// The owner's part of the secret document's name. The tenant's credentials are not in the document of the webhook
    /// master key: every instance that verifies webhooks holds a version of that one, and would fetch it anew whenever
    /// somebody stores a token.
    fn document(self) -> String {
        match self {
            Self::User(user) => user.to_string(),
            Self::Tenant => "global".to_owned(),
        }
    }

    fn whose(self) -> &'static str {
        match self {
            Self::User(_) => "this account",
            Self::Tenant => "this tenant",
        }
    }
}

/// The masked profiles of an account and the pointer to the values behind them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredAccount {
    /// What may be shown of the profiles.
    pub profiles: AccountProfiles,
    /// Where the values are; absent while there are none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub secrets: Option<SecretPointer>,
    /// How often the values were written on the day of the last write.
    #[serde(default)]
    pub writes: SecretWrites,
    /// Counts changes, from 1; 0 is absent.
    pub version: u64,
}

/// What a command wants changed of an account's profiles.
#[derive(Debug)]
pub struct AccountPlan {
    /// The masked profiles.
    pub profiles: AccountProfiles,
    /// Values for the vault.
    pub secrets: Vec<SecretEdit>,
    /// What the audit log says.
    pub audit: AuditEntry,
}

impl Store {
    /// The profiles of an account. Without `fresh` they are believed for half a minute: good for a call that uses them,
    /// not for one that changes or chooses among them.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn account(
        &self,
        tenant: TenantId,
        owner: AccountOwner,
        fresh: bool,
    ) -> Result<Arc<StoredAccount>, StoreError> {
        if !fresh && let Some(account) = self.accounts.get(&(tenant, owner)).await {
            return Ok(account);
        }
        let item = self.table.get(&owner.key(tenant), true).await?;
        // Without a version it is only a lease: the first value is still on its way.
        let item = item.filter(|item| item.contains_key(item::VERSION));
        let account = item.map(|item| item::into_value("credentials", item)).transpose()?.unwrap_or_default();
        let account: Arc<StoredAccount> = Arc::new(account);
        self.accounts.insert((tenant, owner), Arc::clone(&account)).await;
        Ok(account)
    }

    /// One value of an account's secret document.
    pub(crate) async fn account_secret(
        &self,
        tenant: TenantId,
        owner: AccountOwner,
        name: &str,
    ) -> Result<Option<Secret>, StoreError> {
        let account = self.account(tenant, owner, false).await?;
        Ok(self.vault.read(account.secrets.as_ref()).await?.get(name).cloned())
    }

    /// Changes the profiles of an account; after a lost race, again on a fresh read.
    ///
    /// # Errors
    /// What the plan says; too many changes of secrets on one day; `WRITE_CONFLICT` when the race was lost until the
    /// deadline; storage failures.
    pub async fn change_account(
        &self,
        tenant: TenantId,
        owner: AccountOwner,
        now: Timestamp,
        plan: impl Fn(&StoredAccount) -> Result<AccountPlan, DomainError>,
    ) -> Result<StoredAccount, WriteError> {
        let started = tokio::time::Instant::now();
        let mut pause = Duration::from_millis(10);
        loop {
            let stored = self.account(tenant, owner, true).await?;
            let planned = plan(&stored)?;
            let writes = match planned.secrets.is_empty() {
                true => stored.writes.clone(),
                false => stored.writes.one_more(now, owner.whose())?,
            };
            let secrets = stored.secrets.clone();
            let next = StoredAccount { profiles: planned.profiles, secrets, writes, version: stored.version + 1 };
            let edits = (planned.secrets.as_slice(), &planned.audit);
            let changed =
                self.try_change_account((tenant, owner), &stored, next, edits, (now, started.elapsed())).await;
            // Also when nobody knows whether it was written.
            self.accounts.invalidate(&(tenant, owner)).await;
            match changed {
                Ok(changed) => return Ok(changed),
                Err(CommitError::Store(error)) => return Err(error.into()),
                Err(CommitError::Lost(_)) => {}
            }
            if started.elapsed() >= DEADLINE {
                return Err(DomainError::Conflict(write_conflict()).into());
            }
            tokio::time::sleep(jittered(pause)).await;
            pause = (pause * 2).min(MAX_PAUSE);
        }
    }

    async fn try_change_account(
        &self,
        (tenant, owner): (TenantId, AccountOwner),
        stored: &StoredAccount,
        mut next: StoredAccount,
        (edits, audit): (&[SecretEdit], &AuditEntry),
        (now, waited): (Timestamp, Duration),
    ) -> Result<StoredAccount, CommitError> {
        let key = owner.key(tenant);
        let item = |account: &StoredAccount| Ok(Item::new(&key, account)?.versioned(account.version));
        let (mut writes, write) = (Writes::default(), WriteId::new(now, &*self.ids));
        writes.audit(audit)?;
        if edits.is_empty() {
            writes.replace(item(&next)?, (stored.version > 0).then_some(stored.version));
            self.table.commit(&writes, write, now).await?;
            return Ok(next);
        }
        let document = OwnedDocument {
            item: key.clone(),
            version: stored.version,
            name: self.vault.name_of(tenant, &owner.document()),
            pointer: stored.secrets.as_ref(),
        };
        self.commit_secrets(&document, edits, (write, now, waited), writes, |pointer, lease, writes| {
            next.secrets = Some(pointer);
            writes.replace_leased(item(&next)?, lease, Guard::Lease);
            Ok(next)
        })
        .await
    }
}
