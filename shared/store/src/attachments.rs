//! Repositories attached to a host's tenants (contract: shiftagent 8): pairs that keep a repository from being deleted.

use crate::commit::{CommitError, Lost, Writes};
use crate::decision::DecisionSet;
use crate::error::StoreError;
use crate::item::{self, Item, number, number_of};
use crate::keys;
use crate::table::Range;
use crate::tenants::{RACES, pause_after, write_conflict};
use crate::{Author, Store, WriteError};
use repoplane_domain::access::authorize;
use repoplane_domain::attachment::{Attach, Attachment, HostTenant};
use repoplane_domain::audit::{AuditAction, AuditEntry};
use repoplane_domain::error::{Conflict, DomainError, Kind};
use repoplane_domain::id::{AuditId, RepositoryId, WriteId};
use serde_json::json;

/// An attachment as it is after a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attached {
    /// The attachment.
    pub attachment: Attachment,
    /// Whether the repository is its tenant's default.
    pub is_default: bool,
    /// Whether it was not there before.
    pub is_new: bool,
}

/// The tenants of the host that a repository is attached to.
pub(crate) async fn attached_to(store: &Store, id: RepositoryId) -> Result<Vec<HostTenant>, StoreError> {
    let range = Range::partition(keys::repository_partition(id)).begins(keys::ATTACHMENTS);
    let found = store.table.query(&range).await?;
    let sort_keys = found.iter().filter_map(|item| item::text_of(item, keys::SK));
    Ok(sort_keys.filter_map(|key| key.strip_prefix(keys::ATTACHMENTS)?.parse().ok()).collect())
}

impl Store {
    /// Attaches a repository to a host's tenant, or changes how it is attached. Of a tenant's repositories one is the
    /// default: making another one it takes that from the first.
    ///
    /// # Errors
    /// What the author's right says, the repository is gone, a race lost to the end, storage failures.
    pub async fn attach(
        &self,
        author: Author<'_>,
        set: &DecisionSet,
        host: &HostTenant,
        said: &Attach,
    ) -> Result<Attached, WriteError> {
        let (id, tenant, now) = (set.repository.id, set.repository.tenant, author.now);
        authorize(author.principal, &set.repository, &set.members.members, author.right)?;
        for attempt in 0..RACES {
            let (stored, default) = self.attachment(set, host).await?;
            let was_default = default == Some(id);
            let is_default = said.is_default.unwrap_or(was_default);
            let attachment = said.apply(host, id, stored.as_ref());
            let mut writes = Writes::default();
            // It must not outlive its repository.
            writes.need_existing(keys::part(id, keys::Part::Record));
            let item = Item::new(&keys::attachment(id, host), &attachment)?.versioned(attachment.version);
            writes.replace(item, stored.as_ref().map(|stored| stored.version));
            if stored.is_none() {
                let expression = "SET attachments = if_not_exists(attachments, :zero) + :one";
                writes.update_once(keys::attached(id), expression, vec![(":zero", number(0)), (":one", number(1))]);
            }
            let key = keys::host_default(tenant, host);
            match (was_default, is_default) {
                (false, true) => writes.put(Item::new(&key, &id)?),
                (true, false) => writes.delete(key),
                (true, true) | (false, false) => {}
            }
            let audit = AuditId::new(now, &*self.ids);
            let entry = AuditEntry::by(author.principal, audit, AuditAction::RepoAttached, id, now).on(id);
            let details =
                json!({"hostTenant": host, "isDefault": is_default, "branchOverride": attachment.branch_override});
            writes.audit(&entry.with(details))?;
            match self.table.commit(&writes, WriteId::new(now, &*self.ids), now).await {
                Ok(()) => return Ok(Attached { attachment, is_default, is_new: stored.is_none() }),
                Err(CommitError::Store(error)) => return Err(error.into()),
                Err(CommitError::Lost(_)) => {}
            }
            pause_after(attempt).await;
            if self.repository(tenant, id).await?.is_none() {
                return Err(DomainError::NotFound(Kind::Repository).into());
            }
        }
        Err(DomainError::Conflict(write_conflict()).into())
    }

    /// Lets a host's tenant go of a repository.
    ///
    /// # Errors
    /// Not found, what the author's right says, a race lost to the end, storage failures.
    pub async fn detach(&self, author: Author<'_>, set: &DecisionSet, host: &HostTenant) -> Result<(), WriteError> {
        let (id, tenant, now) = (set.repository.id, set.repository.tenant, author.now);
        authorize(author.principal, &set.repository, &set.members.members, author.right)?;
        for attempt in 0..RACES {
            let (stored, default) = self.attachment(set, host).await?;
            let stored = stored.ok_or(DomainError::NotFound(Kind::Attachment))?;
            let mut writes = Writes::default();
            writes.delete_version(keys::attachment(id, host), stored.version);
            let one = vec![(":one", number(1))];
            writes.update_once(keys::attached(id), "SET attachments = attachments - :one", one);
            if default == Some(id) {
                writes.delete(keys::host_default(tenant, host));
            }
            let audit = AuditId::new(now, &*self.ids);
            let entry = AuditEntry::by(author.principal, audit, AuditAction::RepoDetached, id, now).on(id);
            writes.audit(&entry.with(json!({"hostTenant": host})))?;
            if self.commit_if_current(&writes, now).await? {
                return Ok(());
            }
            pause_after(attempt).await;
        }
        Err(DomainError::Conflict(write_conflict()).into())
    }

    /// An attachment, and the tenant's default repository, by one call.
    async fn attachment(
        &self,
        set: &DecisionSet,
        host: &HostTenant,
    ) -> Result<(Option<Attachment>, Option<RepositoryId>), StoreError> {
        let wanted = [keys::attachment(set.repository.id, host), keys::host_default(set.repository.tenant, host)];
        let (mut stored, mut default) = (None, None);
        for item in self.table.batch_get(&wanted, true).await? {
            match item::text_of(&item, keys::SK) == Some(&wanted[0].sk) {
                true => stored = Some(item::into_value("attachment", item)?),
                false => default = Some(item::into_value("default repository", item)?),
            }
        }
        Ok((stored, default))
    }

    /// Whether any tenant of the host holds a repository.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn is_attached_anywhere(&self, id: RepositoryId) -> Result<bool, StoreError> {
        let range = Range::partition(keys::repository_partition(id)).begins(keys::ATTACHMENTS);
        Ok(!self.table.page(&range, Some(1), None).await?.0.is_empty())
    }

    /// Who holds a repository that should go.
    pub(crate) async fn is_attached(&self, id: RepositoryId, lost: &Lost) -> Result<DomainError, StoreError> {
        let range = Range::partition(keys::repository_partition(id)).begins(keys::ATTACHMENTS);
        let (found, _) = self.table.page(&range, Some(1), None).await?;
        let count: u64 = lost.holder.as_ref().and_then(|item| number_of(item, "attachments")).unwrap_or(1);
        let text = match count {
            1 => "the repository is attached to 1 tenant: detach it first".to_owned(),
            count => format!("the repository is attached to {count} tenants: detach it first"),
        };
        let conflict = Conflict::new("REPO_ATTACHED", text);
        let sort_key = found.first().and_then(|item| item::text_of(item, keys::SK));
        Ok(DomainError::Conflict(match sort_key.and_then(|key| key.strip_prefix(keys::ATTACHMENTS)) {
            Some(tenant) => conflict.held_by(tenant),
            None => conflict,
        }))
    }
}
