//! Webhooks of organisations: found by their id alone, because a provider's post names no tenant.

use crate::commit::{CommitError, Guard, Lost, Writes};
use crate::error::StoreError;
use crate::idempotency::{KeptAnswer, Once, is_repeated};
use crate::item::{self, Attributes, Item, number};
use crate::keys::{self, Counter};
use crate::secret_writes::SecretWrites;
use crate::table::{MAX_EXAMINED, Range};
use crate::tenants::{RACES, pause_after, write_conflict};
use crate::vault::{Document, SecretPointer};
use crate::{Store, WriteError};
use repoplane_domain::access::Principal;
use repoplane_domain::audit::{AuditAction, AuditEntry};
use repoplane_domain::credential::SecretEdit;
use repoplane_domain::error::{DomainError, Kind};
use repoplane_domain::id::{AuditId, HookId, RepositoryId, TenantId, WriteId};
use repoplane_domain::organisation_hook::{CreateHook, MAX_HOOKS, OrganisationHook};
use repoplane_domain::repository::{Identity, SecretChange, WebhookSecretSource};
use repoplane_domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A hook and where its supplied secrets are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredHook {
    /// The hook.
    pub hook: OrganisationHook,
    /// Where the values are; absent while every secret is derived.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) secrets: Option<SecretPointer>,
    /// How often the values were written on the day of the last write.
    #[serde(default)]
    pub(crate) writes: SecretWrites,
}

/// A hook for a post, and whether it may be older than what is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundHook {
    /// The hook.
    pub stored: Arc<StoredHook>,
    /// Whether it was believed, not read.
    pub cached: bool,
}

/// One page of hooks, newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HookPage {
    /// The hooks.
    pub hooks: Vec<OrganisationHook>,
    /// The hook after which more may follow.
    pub next: Option<HookId>,
}

/// What a command makes of a hook.
#[derive(Debug, Clone, PartialEq)]
pub struct HookChange {
    /// The hook, one version up.
    pub hook: OrganisationHook,
    /// The change of its secret, if there is one.
    pub secret: Option<SecretChange>,
    /// What the audit log says.
    pub audit: AuditEntry,
}

impl Store {
    /// Makes a hook.
    ///
    /// # Errors
    /// Over [`MAX_HOOKS`], storage failures.
    pub async fn create_hook(
        &self,
        author: &Principal,
        command: CreateHook,
        once: Option<&Once>,
        now: Timestamp,
        answer: impl Fn(&OrganisationHook) -> KeptAnswer,
    ) -> Result<StoredHook, WriteError> {
        let supplied = command.webhook_secret.clone();
        let hook = command.into_hook(HookId::new(now, &*self.ids), author.tenant, now);
        let mut writes = Writes::default();
        writes.keep(once, || answer(&hook), now)?;
        count_hook(&mut writes, author.tenant);
        let entry =
            AuditEntry::by(author, AuditId::new(now, &*self.ids), AuditAction::OrganisationHookCreated, hook.id, now);
        let details = serde_json::json!({"provider": hook.provider, "owner": hook.owner});
        writes.audit(&entry.with(details))?;
        let mut stored = StoredHook { hook, secrets: None, writes: SecretWrites::default() };
        let edit = match (&stored.hook.webhook.secret, supplied) {
            (WebhookSecretSource::Supplied { value }, Some(secret)) => Some(SecretEdit::put(value.clone(), secret)),
            (WebhookSecretSource::Supplied { .. } | WebhookSecretSource::Derived { .. }, _) => None,
        };
        if let Some(edit) = edit {
            self.put_edits(&mut stored, vec![edit], now).await?;
        }
        writes.create(hook_item(&stored)?);
        match self.table.commit(&writes, WriteId::new(now, &*self.ids), now).await {
            Ok(()) => {}
            Err(CommitError::Store(error)) => return Err(error.into()),
            Err(CommitError::Lost(lost)) => {
                self.forget_secret(stored.secrets.as_ref()).await;
                return Err(not_made(&lost));
            }
        }
        if let Some(pointer) = &stored.secrets {
            self.vault.mark_committed(pointer, None).await;
        }
        Ok(stored)
    }

    /// A hook of the caller's tenant, fresh.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn hook(&self, tenant: TenantId, id: HookId) -> Result<Option<OrganisationHook>, StoreError> {
        let stored = self.read_hook(id).await?.filter(|stored| stored.hook.tenant == tenant);
        Ok(stored.map(|stored| stored.hook.clone()))
    }

    /// One page of a tenant's hooks, newest first, strictly after a hook.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn hooks(
        &self,
        tenant: TenantId,
        after: Option<HookId>,
        limit: usize,
        now: Timestamp,
    ) -> Result<HookPage, StoreError> {
        let range = Range::partition(keys::hooks_partition(tenant)).of_index(keys::LISTS);
        let range = range.backwards_after(after.map(|id| id.to_string()));
        let keep = |item: Attributes| Ok(Some(item::into_value::<StoredHook>("webhook", item)?.hook));
        let found = self.table.walk(&range, (limit, MAX_EXAMINED), now, keep).await?;
        let next = found.next.as_deref().and_then(|id| id.parse().ok());
        Ok(HookPage { hooks: found.rows.into_iter().map(|(_, hook)| hook).collect(), next })
    }

    /// Changes a hook; after a lost race, again on a fresh read.
    ///
    /// # Errors
    /// Not found, what the change says, a race lost to the end, storage failures.
    pub async fn change_hook(
        &self,
        author: &Principal,
        id: HookId,
        (once, now): (Option<&Once>, Timestamp),
        change: impl Fn(&OrganisationHook) -> Result<HookChange, DomainError>,
        answer: impl Fn(&OrganisationHook) -> KeptAnswer,
    ) -> Result<StoredHook, WriteError> {
        for attempt in 0..RACES {
            let stored = self.own_hook(author.tenant, id).await?;
            let HookChange { hook, secret, audit } = change(&stored.hook)?;
            let edits = hook.webhook.secret_edits(&stored.hook.webhook, secret.as_ref());
            let mut next = StoredHook { hook, ..(*stored).clone() };
            if !edits.is_empty() {
                self.put_edits(&mut next, edits, now).await?;
            }
            let mut writes = Writes::default();
            writes.keep(once, || answer(&next.hook), now)?;
            writes.replace(hook_item(&next)?, Some(stored.hook.version));
            writes.audit(&audit)?;
            // A document that lost has no label: the one that the hook points at keeps its own.
            if self.commit_if_current(&writes, now).await? {
                if let Some(pointer) = next.secrets.as_ref().filter(|pointer| stored.secrets.as_ref() != Some(pointer))
                {
                    self.vault.mark_committed(pointer, stored.secrets.as_ref()).await;
                }
                self.hooks.invalidate(&id).await;
                return Ok(next);
            }
            pause_after(attempt).await;
        }
        Err(DomainError::Conflict(write_conflict()).into())
    }

    /// Deletes a hook with its secrets.
    ///
    /// # Errors
    /// Not found, what `check` says, a race lost to the end, storage failures.
    pub async fn remove_hook(
        &self,
        author: &Principal,
        id: HookId,
        now: Timestamp,
        check: impl Fn(&OrganisationHook) -> Result<(), DomainError>,
    ) -> Result<(), WriteError> {
        for attempt in 0..RACES {
            let stored = self.own_hook(author.tenant, id).await?;
            check(&stored.hook)?;
            let mut writes = Writes::default();
            writes.delete_version(keys::hook(id), stored.hook.version);
            discount_hook(&mut writes, author.tenant);
            let audit = AuditId::new(now, &*self.ids);
            let entry = AuditEntry::by(author, audit, AuditAction::OrganisationHookDeleted, id, now);
            let details = serde_json::json!({"provider": stored.hook.provider, "owner": stored.hook.owner});
            writes.audit(&entry.with(details))?;
            if self.commit_if_current(&writes, now).await? {
                self.hooks.invalidate(&id).await;
                self.forget_secret(stored.secrets.as_ref()).await;
                return Ok(());
            }
            pause_after(attempt).await;
        }
        Err(DomainError::Conflict(write_conflict()).into())
    }

    /// A hook by its id alone, for a provider's post; believed for half a minute. Who is not satisfied with one that was
    /// believed reads it by [`Store::fresh_hook`].
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn hook_for_post(&self, id: HookId) -> Result<Option<FoundHook>, StoreError> {
        match self.hooks.get(&id).await {
            Some(stored) => Ok(Some(FoundHook { stored, cached: true })),
            None => self.fresh_hook(id).await,
        }
    }

    /// As [`Store::hook_for_post`], but read.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn fresh_hook(&self, id: HookId) -> Result<Option<FoundHook>, StoreError> {
        let Some(stored) = self.read_hook(id).await? else {
            self.hooks.invalidate(&id).await;
            return Ok(None);
        };
        self.hooks.insert(id, Arc::clone(&stored)).await;
        Ok(Some(FoundHook { stored, cached: false }))
    }

    /// The repository of a tenant that holds one of these identities; the first one that is held counts.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn claimant(
        &self,
        tenant: TenantId,
        identities: &[Identity],
    ) -> Result<Option<RepositoryId>, StoreError> {
        let key = |identity: &Identity| keys::unique(tenant, &keys::Unique::Identity(identity.as_str().to_owned()));
        let mut wanted: Vec<keys::Key> = identities.iter().map(key).collect();
        // One call may not name a key twice.
        wanted.dedup();
        let claims = self.table.batch_get(&wanted, true).await?;
        let held = |key: &keys::Key| claims.iter().find(|claim| item::text_of(claim, keys::PK) == Some(&key.pk));
        wanted.iter().find_map(held).map(|claim| item::value("claim", claim)).transpose()
    }

    async fn read_hook(&self, id: HookId) -> Result<Option<Arc<StoredHook>>, StoreError> {
        let item = self.table.get(&keys::hook(id), true).await?;
        item.map(|item| item::into_value("webhook", item).map(Arc::new)).transpose()
    }

    async fn own_hook(&self, tenant: TenantId, id: HookId) -> Result<Arc<StoredHook>, WriteError> {
        let stored = self.read_hook(id).await?.filter(|stored| stored.hook.tenant == tenant);
        Ok(stored.ok_or(DomainError::NotFound(Kind::OrganisationHook))?)
    }

    /// Puts a version of the hook's document that nobody sees until the hook that points at it is written. Without a
    /// lease: of two writers at a time, one loses by the hook's version and starts again from the other's document.
    async fn put_edits(&self, next: &mut StoredHook, edits: Vec<SecretEdit>, now: Timestamp) -> Result<(), WriteError> {
        next.writes = next.writes.one_more(now, "this webhook")?;
        let mut document: Document = (*self.vault.read(next.secrets.as_ref()).await?).clone();
        for edit in edits {
            document.set(edit.name.as_str(), edit.value);
        }
        let name = self.vault.name_of(next.hook.tenant, &next.hook.id.to_string());
        next.secrets = Some(self.vault.put(&name, next.secrets.is_some(), document, &*self.ids).await?);
        Ok(())
    }

    /// Deletes the document of an owner that is gone. A failure is logged: the document is an orphan then.
    pub(crate) async fn forget_secret(&self, pointer: Option<&SecretPointer>) {
        let Some(pointer) = pointer else { return };
        if let Err(error) = self.vault.delete(&pointer.name).await {
            tracing::warn!(secret.name = %pointer.name, %error, "Could not delete a secret; it is an orphan");
        }
    }
}

fn hook_item(stored: &StoredHook) -> Result<Item, StoreError> {
    let (id, tenant) = (stored.hook.id, stored.hook.tenant);
    let item = Item::new(&keys::hook(id), stored)?;
    Ok(item.versioned(stored.hook.version).listed(keys::hooks_partition(tenant), id.to_string()))
}

/// Counts one more hook of the tenant, unless it has as many as it may.
fn count_hook(writes: &mut Writes, tenant: TenantId) {
    writes.update_counted(
        keys::counter(tenant, Counter::Hooks),
        "SET hooks = if_not_exists(hooks, :zero) + :one, write_id = :write_id",
        "attribute_not_exists(hooks) OR hooks < :most",
        vec![(":zero", number(0)), (":one", number(1)), (":most", number(MAX_HOOKS))],
    );
}

fn discount_hook(writes: &mut Writes, tenant: TenantId) {
    writes.update_once(keys::counter(tenant, Counter::Hooks), "SET hooks = hooks - :one", vec![(":one", number(1))]);
}

/// Why a hook was not made: only the count of hooks has a version to lose against.
fn not_made(lost: &[Lost]) -> WriteError {
    if is_repeated(lost) {
        return WriteError::Repeated;
    }
    if lost.iter().any(|lost| lost.guard == Guard::Version) {
        return DomainError::TooLarge(format!("a tenant has at most {MAX_HOOKS} webhooks of organisations")).into();
    }
    DomainError::Conflict(write_conflict()).into()
}
