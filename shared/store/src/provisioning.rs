//! Calls at providers that are under way, one for each name of a product: kept until what came of them is registered.

use crate::Store;
use crate::commit::{CommitError, Guard, Writes};
use crate::credentials::NoAccess;
use crate::error::StoreError;
use crate::item::{self, Item};
use crate::keys::{self, Counter};
use crate::table::Range;
use repoplane_domain::audit::{AuditAction, AuditEntry};
use repoplane_domain::credential::{GitAccess, SecretEdit};
use repoplane_domain::id::{AuditId, CredentialId, RepositoryId, TenantId, WriteId};
use repoplane_domain::provisioning::Intent;
use repoplane_domain::time::Timestamp;
use repoplane_domain::vault_credential::{Unusable, VAULT_SECRET};
use serde_json::json;

/// Left intents that one tick takes up; the rest waits for the next tick.
pub const MAX_LEFT_INTENTS: i32 = 20;

/// Whether a name was free for a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begun {
    /// It is this call's now.
    Ours(Box<Intent>),
    /// Another call is at it, or left it.
    Taken(Box<Intent>),
}

/// What a call at a provider got ready, for the transaction that registers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settlement {
    /// Goes with the registration.
    pub intent: Intent,
    /// Values for the repository's secret document.
    pub secrets: Vec<SecretEdit>,
}

impl Store {
    /// The id and the number of a repository that is about to be made.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn reserve_repository(
        &self,
        tenant: TenantId,
        now: Timestamp,
    ) -> Result<(RepositoryId, u64), StoreError> {
        let number = self.table.next_number(&keys::counter(tenant, Counter::Repositories)).await?;
        Ok((RepositoryId::new(now, &*self.ids), number))
    }

    /// Writes down what is about to be done at a provider, unless somebody is at the same name.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn begin_intent(&self, intent: Intent, now: Timestamp) -> Result<Begun, StoreError> {
        let mut writes = Writes::default();
        writes.replace(intent_item(&intent)?, None);
        match self.table.commit(&writes, WriteId::new(now, &*self.ids), now).await {
            Ok(()) => Ok(Begun::Ours(Box::new(intent))),
            Err(CommitError::Store(error)) => Err(error),
            Err(CommitError::Lost(lost)) => {
                let holder = lost.into_iter().find_map(|lost| lost.holder).ok_or(StoreError::Contended)?;
                Ok(Begun::Taken(Box::new(item::into_value("intent", holder)?)))
            }
        }
    }

    /// Writes down what is done next, or who takes it up; `false` when somebody else was faster.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn advance_intent(&self, next: &Intent, now: Timestamp) -> Result<bool, StoreError> {
        let mut writes = Writes::default();
        writes.replace(intent_item(next)?, Some(next.version - 1));
        self.landed(&writes, now).await
    }

    /// Forgets a call that left nothing; `false` when somebody else has taken it up.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn end_intent(&self, intent: &Intent, now: Timestamp) -> Result<bool, StoreError> {
        let mut writes = Writes::default();
        writes.settle(intent);
        self.landed(&writes, now).await
    }

    /// Forgets a call whose traces cannot be taken back; the audit log says what stayed.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn give_up_intent(
        &self,
        intent: &Intent,
        stayed: impl Iterator<Item = String>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut writes = Writes::default();
        writes.settle(intent);
        let audit = AuditId::new(now, &*self.ids);
        let action = AuditAction::RepoProvisioningLeft;
        let entry = AuditEntry::by_system(intent.tenant, audit, action, intent.repository, now).on(intent.repository);
        writes.audit(&entry.with(json!({
            "namespace": intent.namespace,
            "name": intent.name,
            "provider": intent.home.provider,
            "owner": intent.home.owner,
            "stayed": stayed.collect::<Vec<_>>(),
        })))?;
        self.landed(&writes, now).await
    }

    /// What is under way for a name, or was left.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn intent(&self, tenant: TenantId, namespace: &str, name: &str) -> Result<Option<Intent>, StoreError> {
        let item = self.table.get(&keys::intent(tenant, namespace, name), true).await?;
        item.map(|item| item::into_value("intent", item)).transpose()
    }

    /// Calls that ended without finishing, the longest left first, at most [`MAX_LEFT_INTENTS`].
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn left_intents(&self, now: Timestamp) -> Result<Vec<Intent>, StoreError> {
        let range = Range::partition(keys::INTENTS.to_owned()).of_index(keys::LISTS);
        let range = range.between(None, Some(now.to_string()));
        let (items, _) = self.table.page(&range, Some(MAX_LEFT_INTENTS), None).await?;
        items.into_iter().map(|item| item::into_value("intent", item)).collect()
    }

    /// How a call to a provider's API identifies itself with a credential of the vault.
    ///
    /// # Errors
    /// [`StoreError`] when the table or the vault fails.
    pub async fn home_access(
        &self,
        tenant: TenantId,
        credential: CredentialId,
    ) -> Result<Result<GitAccess, NoAccess>, StoreError> {
        let Some(stored) = self.stored_credential(tenant, credential).await? else {
            return Ok(Err(NoAccess::NoToken));
        };
        let document = self.vault.read(Some(&stored.secret)).await?;
        let Some(secret) = document.get(VAULT_SECRET) else { return Ok(Err(NoAccess::NoToken)) };
        let access = stored.credential.api_access(secret.clone());
        Ok(access.map_err(|Unusable(reason)| NoAccess::Unusable(reason)))
    }

    async fn landed(&self, writes: &Writes, now: Timestamp) -> Result<bool, StoreError> {
        match self.table.commit(writes, WriteId::new(now, &*self.ids), now).await {
            Ok(()) => Ok(true),
            Err(CommitError::Store(error)) => Err(error),
            Err(CommitError::Lost(lost)) => {
                debug_assert!(lost.iter().all(|lost| lost.guard == Guard::Version));
                Ok(false)
            }
        }
    }
}

impl Writes {
    /// The intent goes with the change that registers what came of it; it must still be as this call left it.
    pub(crate) fn settle(&mut self, intent: &Intent) {
        self.delete_version(keys::intent(intent.tenant, &intent.namespace, &intent.name), intent.version);
    }
}

fn intent_item(intent: &Intent) -> Result<Item, StoreError> {
    let key = keys::intent(intent.tenant, &intent.namespace, &intent.name);
    let sort = keys::intents_sort(intent.until, &key);
    Ok(Item::new(&key, intent)?.versioned(intent.version).listed(keys::INTENTS.to_owned(), sort))
}
