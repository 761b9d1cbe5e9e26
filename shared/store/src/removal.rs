//! Deleting a repository: record, claims and secret go at once, what hangs on it in bounded batches.

use crate::change::{claims, taken};
use crate::commit::{CommitError, Guard, Writes, jittered};
use crate::decision::DecisionSet;
use crate::error::StoreError;
use crate::item::{self, Attributes, Item, number, number_of};
use crate::keys::{self, Part, Tally};
use crate::lifetime::CHUNKS;
use crate::places::places;
use crate::product_uses::leave_product;
use crate::table::Range;
use crate::vault_uses::leave_credential;
use crate::{Author, Store, WriteError};
use repoplane_domain::access::authorize;
use repoplane_domain::audit::{AuditAction, AuditEntry};
use repoplane_domain::error::{Conflict, DomainError, Kind};
use repoplane_domain::id::{AuditId, RepositoryId, WriteId};
use repoplane_domain::operational_event::of_removal;
use repoplane_domain::platform::platform_of;
use repoplane_domain::provisioning::Intent;
use repoplane_domain::time::Timestamp;
use serde_json::json;
use std::time::Duration;

/// How often a deletion that lost a race is tried again on a fresh read.
const TRIES: u32 = 8;
/// The first pause between tries; doubled each time, with full jitter.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
/// Memberships that go in the transaction itself; those of more members lead to nothing and are left out of lists.
const MAX_MEMBERSHIPS: usize = 60;
/// Items that one batch after the deletion takes: an open task among them is five operations of its transaction.
const BATCH: i32 = 19;
/// Batches that run in the call itself; what they leave is marked for the sweep.
const BATCHES: usize = 5;
/// Deliveries whose tasks were open lose what kept them alive, and go after this.
const AFTER_REMOVAL: Duration = Duration::from_secs(24 * 3600);

/// A repository that was deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Removed {
    /// Tasks that were still open.
    pub open_tasks: u64,
}

impl Store {
    /// Deletes a repository. Without `force`, not while tasks are open.
    ///
    /// # Errors
    /// `REPO_HAS_OPEN_TASKS` with their number, `REPO_ATTACHED` with one of those it is attached to, `REPO_PERMANENT` for one
    /// that goes with its platform alone, what `check` and the author's right say, storage failures.
    pub async fn remove_repository(
        &self,
        author: Author<'_>,
        set: DecisionSet,
        force: bool,
        check: impl Fn(&DecisionSet) -> Result<(), DomainError>,
    ) -> Result<Removed, WriteError> {
        if set.repository.build.as_ref().is_some_and(|build| build.permanent) {
            let text = "the repository comes with its personal platform, and stays as long as that";
            return Err(DomainError::Conflict(Conflict::new("REPO_PERMANENT", text)).into());
        }
        self.remove_with_platform(author, set, force, check).await
    }

    /// As [`Store::remove_repository`], for one whose platform goes as well.
    pub(crate) async fn remove_with_platform(
        &self,
        author: Author<'_>,
        mut set: DecisionSet,
        force: bool,
        check: impl Fn(&DecisionSet) -> Result<(), DomainError>,
    ) -> Result<Removed, WriteError> {
        let (id, now) = (set.repository.id, author.now);
        let (open_tasks, _) = self.count_open(id).await?;
        if open_tasks > 0 && !force {
            let text = "tasks of the repository are open: let them end, cancel them, or delete with force=true";
            let conflict = Conflict::new("REPO_HAS_OPEN_TASKS", text).with_details(json!({"openTasks": open_tasks}));
            return Err(DomainError::Conflict(conflict).into());
        }
        let mut pause = FIRST_PAUSE;
        for _ in 0..TRIES {
            authorize(author.principal, &set.repository, &set.members.members, author.right)?;
            check(&set)?;
            let audit = AuditId::new(now, &*self.ids);
            let entry = AuditEntry::by(author.principal, audit, AuditAction::RepoDeleted, id, now);
            let writes = self.removal(&set, entry, now)?;
            match self.table.commit(&writes, WriteId::new(now, &*self.ids), now).await {
                Ok(()) => {
                    self.access.invalidate(&id).await;
                    self.entries.invalidate(&author.principal.tenant).await;
                    self.clear(&set, now).await;
                    return Ok(Removed { open_tasks });
                }
                Err(CommitError::Store(error)) => return Err(error.into()),
                Err(CommitError::Lost(lost)) => {
                    if let Some(conflict) = taken(&lost) {
                        return Err(DomainError::Conflict(conflict).into());
                    }
                    if let Some(attached) = lost.iter().find(|lost| lost.guard == Guard::Attached) {
                        return Err(self.is_attached(id, attached).await?.into());
                    }
                }
            }
            tokio::time::sleep(jittered(pause)).await;
            pause *= 2;
            let fresh = self.repository(author.principal.tenant, id).await?;
            set = fresh.ok_or(DomainError::NotFound(Kind::Repository))?;
        }
        let conflict = Conflict::new("WRITE_CONFLICT", "others kept changing the repository; try again");
        Err(DomainError::Conflict(conflict).into())
    }

    /// Record and claims go, a tombstone stays, marked for the sweep.
    fn removal(&self, set: &DecisionSet, entry: AuditEntry, now: Timestamp) -> Result<Writes, StoreError> {
        let repository = &set.repository;
        let (id, tenant) = (repository.id, repository.tenant);
        let mut writes = Writes::default();
        writes.delete_version(keys::part(id, Part::Record), repository.version);
        // Who works with it must let go first: nothing of the host may lead to a repository that is gone.
        writes.need_none_attached(keys::attached(id));
        for place in places(repository)? {
            writes.delete(place.key());
        }
        if let Some(platform) = platform_of(&repository.namespace) {
            writes.discount_one(keys::tally(tenant, Tally::Platform(platform)));
        }
        leave_credential(&mut writes, repository);
        leave_product(&mut writes, repository);
        // What every repository has; for most that is all, and the batches below have nothing to do.
        writes.delete(keys::part(id, Part::State));
        writes.delete(keys::part(id, Part::Members));
        for (unique, _) in claims(repository) {
            writes.delete(keys::unique(tenant, &unique));
        }
        for member in set.members.members.iter().take(MAX_MEMBERSHIPS) {
            writes.delete(keys::membership(tenant, member.user_id, id));
        }
        let tombstone =
            Item::new(&keys::tombstone(id), &json!({"tenant": tenant, "name": repository.name, "at": now}))?;
        writes.put(tombstone.listed(keys::removed_partition(id), id.to_string()));
        self.tell(&mut writes, (tenant, id), [of_removal(repository)], now)?;
        let mut details = json!({"name": repository.name, "provider": repository.provider});
        if let (Some(details), Some(more)) = (details.as_object_mut(), entry.details.as_object()) {
            details.extend(more.clone());
        }
        writes.audit(&entry.on(id).with(details))?;
        Ok(writes)
    }

    /// Deletes a repository whose project is gone: what a call began that may not have been able to end it. It was checked
    /// who may when the call began.
    ///
    /// # Errors
    /// `REPO_ATTACHED`, storage failures.
    pub async fn remove_unprovisioned(&self, intent: &Intent, now: Timestamp) -> Result<(), WriteError> {
        let Some(set) = self.repository(intent.tenant, intent.repository).await? else { return Ok(()) };
        let (id, audit) = (intent.repository, AuditId::new(now, &*self.ids));
        let entry = AuditEntry::by_system(intent.tenant, audit, AuditAction::RepoDeleted, id, now);
        let entry = entry.with(json!({"begunBy": intent.user, "begunAt": intent.begun_at}));
        let writes = self.removal(&set, entry, now)?;
        match self.table.commit(&writes, WriteId::new(now, &*self.ids), now).await {
            Ok(()) => {
                self.access.invalidate(&id).await;
                self.clear(&set, now).await;
                Ok(())
            }
            Err(CommitError::Store(error)) => Err(error.into()),
            Err(CommitError::Lost(lost)) => match lost.iter().find(|lost| lost.guard == Guard::Attached) {
                Some(attached) => Err(self.is_attached(id, attached).await?.into()),
                None => Err(StoreError::Contended.into()),
            },
        }
    }

    /// What the deletion leaves behind, as far as one call may take it. The repository is gone already: a failure here
    /// is logged, and the sweep goes on from the tombstone.
    async fn clear(&self, set: &DecisionSet, now: Timestamp) {
        let id = set.repository.id;
        if let Some(pointer) = &set.credentials.secrets
            && let Err(error) = self.vault.delete(&pointer.name).await
        {
            tracing::warn!(repo.id = %id, secret.name = %pointer.name, %error, "Could not delete a secret; it is an orphan");
        }
        if let Err(error) = self.clear_batches(id, BATCHES, now).await {
            tracing::warn!(repo.id = %id, %error, "Could not clear a deleted repository; the sweep will");
        }
    }

    /// Deletes what is left in a deleted repository's partition, at most so many batches of it; whether nothing but the
    /// tombstone is left.
    pub(crate) async fn clear_batches(
        &self,
        id: RepositoryId,
        batches: usize,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        for _ in 0..batches {
            if !self.clear_batch(id, now).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Deletes one batch of what is left in a deleted repository's partition; `false` when only the tombstone was. Its mark
    /// stays for the sweep, which looks again when nothing that was under way at the deletion can still come.
    async fn clear_batch(&self, id: RepositoryId, now: Timestamp) -> Result<bool, StoreError> {
        let range = Range::partition(keys::repository_partition(id));
        let (items, next) = self.table.page(&range, Some(BATCH), None).await?;
        let tombstone = keys::tombstone(id);
        let left: Vec<_> = items.iter().filter(|item| item::text_of(item, keys::SK) != Some(&tombstone.sk)).collect();
        let mut writes = Writes::default();
        if left.is_empty() {
            return Ok(next.is_some());
        }
        for item in left {
            let Some(sort_key) = item::text_of(item, keys::SK) else { continue };
            if sort_key.starts_with(keys::TASKS) {
                self.clear_task(&mut writes, item, now).await?;
            }
            if sort_key.starts_with(keys::PROJECTS) {
                self.clear_project(item, id).await?;
            }
            writes.delete(keys::Key { pk: keys::repository_partition(id), sk: sort_key.to_owned() });
        }
        match self.table.commit(&writes, WriteId::new(now, &*self.ids), now).await {
            Ok(()) => Ok(next.is_some()),
            Err(CommitError::Store(error)) => Err(error),
            Err(CommitError::Lost(_)) => Err(StoreError::Contended),
        }
    }

    /// A task's locator goes; the delivery that it kept alive gets an end.
    async fn clear_task(&self, writes: &mut Writes, item: &Attributes, now: Timestamp) -> Result<(), StoreError> {
        let task: repoplane_domain::task::Task = item::value("task", item)?;
        writes.delete(keys::task_locator(task.id));
        if task.status.is_final() {
            return Ok(());
        }
        let delivery = task.delivery_id;
        let summary = keys::delivery_summary(task.repo_id, delivery);
        let Some(stored) = self.table.get(&summary, true).await? else { return Ok(()) };
        let chunks: usize = number_of(&stored, CHUNKS).unwrap_or_default();
        let expires = now.plus(AFTER_REMOVAL).as_second();
        // The first chunk is nearly always the whole body. The rest does not fit into the transaction and goes ahead: when
        // the task is gone, nobody asks for it any more.
        self.settle_chunks(delivery, 1..chunks, Some(expires)).await?;
        let first = (chunks > 0).then(|| keys::delivery_chunk(delivery, 0));
        for key in [summary, keys::delivery_detail(delivery)].into_iter().chain(first) {
            writes.update_once(key, "SET expires_at = :at", vec![(":at", number(expires))]);
        }
        Ok(())
    }
}
