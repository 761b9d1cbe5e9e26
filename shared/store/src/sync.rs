//! Syncs: asked for, and scheduled: what is due, and who may work on it.

use crate::commit::Writes;
use crate::decision::DecisionSet;
use crate::error::StoreError;
use crate::idempotency::{KeptAnswer, Once};
use crate::item::{self, text};
use crate::keys::{self, Part};
use crate::state::state_item;
use crate::table::Range;
use crate::tenants::{RACES, pause_after, write_conflict};
use crate::{Author, Store, WriteError};
use repoplane_domain::access::authorize;
use repoplane_domain::audit::{AuditAction, AuditEntry};
use repoplane_domain::error::{DomainError, Kind};
use repoplane_domain::id::{AuditId, RepositoryId};
use repoplane_domain::repository::{SYNC_WAIT, next_sync_at};
use repoplane_domain::time::Timestamp;
use std::collections::HashMap;
use std::time::Duration;

/// Due repositories that one tick takes from one shard of the index; the rest is due for the next tick.
pub const MAX_DUE: i32 = 500;

/// A repository whose sync is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueSync {
    /// Which.
    pub repository: RepositoryId,
    /// Since when.
    pub since: Timestamp,
    /// Minutes between two of its syncs; without, it was asked for and got lost.
    pub every: Option<u16>,
}

impl Store {
    /// Asks for a scan of a repository at once: the state says so, then a worker is told. A worker that could not be told is
    /// no loss: the tick finds what waits too long.
    ///
    /// # Errors
    /// What the author's right says, `SYNC_IN_PROGRESS`, `REPO_DISABLED`; [`WriteError::Repeated`] when a call with its key
    /// came before; a race lost to the end, storage failures.
    pub async fn ask_for_sync(
        &self,
        author: Author<'_>,
        mut set: DecisionSet,
        once: Option<&Once>,
        answer: impl Fn(&DecisionSet) -> KeptAnswer,
    ) -> Result<DecisionSet, WriteError> {
        let (id, now) = (set.repository.id, author.now);
        for attempt in 0..RACES {
            authorize(author.principal, &set.repository, &set.members.members, author.right)?;
            let next = set.state.sync_asked(&set.repository, now)?;
            let mut writes = Writes::default();
            // What is scanned is what was authorised.
            writes.need_version(keys::part(id, Part::Record), set.repository.version);
            writes.replace(state_item(id, &next)?, (set.state.version > 0).then_some(set.state.version));
            let audit = AuditId::new(now, &*self.ids);
            writes.audit(&AuditEntry::by(author.principal, audit, AuditAction::RepoSyncRequested, id, now).on(id))?;
            let asked = DecisionSet { state: next, ..set };
            writes.keep(once, || answer(&asked), now)?;
            if self.commit_if_current(&writes, now).await? {
                self.send_sync_job(id).await;
                return Ok(asked);
            }
            pause_after(attempt).await;
            let fresh = self.repository(author.principal.tenant, id).await?;
            set = fresh.ok_or(DomainError::NotFound(Kind::Repository))?;
        }
        Err(DomainError::Conflict(write_conflict()).into())
    }

    /// The due repositories of every shard of the index, the most overdue first in each: one Query a shard, whatever the
    /// number of repositories.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn due_syncs(&self, now: Timestamp) -> Result<Vec<DueSync>, StoreError> {
        let mut due = Vec::new();
        let until = now.plus(Duration::from_millis(1)).to_string();
        for partition in keys::due_partitions() {
            let range = Range::partition(partition).of_index(keys::DUE).between(None, Some(until.clone()));
            let (page, _) = self.table.page(&range, Some(MAX_DUE), None).await?;
            due.extend(page.iter().filter_map(|item| {
                let (since, repository) = item::text_of(item, keys::DUE_SK).and_then(keys::parse_due_sort)?;
                Some(DueSync { repository, since, every: item::number_of(item, keys::SYNC_EVERY) })
            }));
        }
        Ok(due)
    }

    /// Takes a due repository for one tick by planning its next sync; `false` when another tick or a worker was faster. A
    /// worker that has something to say plans anew; one that finds nothing changed leaves it at this.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn take_due(&self, due: &DueSync, now: Timestamp) -> Result<bool, StoreError> {
        let salt = now.as_millisecond().unsigned_abs();
        let next = due.every.map_or(now.plus(SYNC_WAIT), |every| next_sync_at(due.repository, every, 0, now, salt));
        self.move_due(due.repository, due.since, next).await
    }

    /// Makes a repository due again that a tick took and could not hand over.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn give_back_due(&self, due: &DueSync, now: Timestamp) -> Result<(), StoreError> {
        let values = HashMap::from([(":at".to_owned(), text(keys::due_sort(now, due.repository)))]);
        let state = keys::part(due.repository, Part::State);
        self.table.update_if(&state, "SET due_sk = :at", "attribute_exists(due_sk)", values).await.map(drop)
    }

    async fn move_due(&self, id: RepositoryId, from: Timestamp, to: Timestamp) -> Result<bool, StoreError> {
        let values = HashMap::from([
            (":seen".to_owned(), text(keys::due_sort(from, id))),
            (":next".to_owned(), text(keys::due_sort(to, id))),
        ]);
        let state = keys::part(id, Part::State);
        self.table.update_if(&state, "SET due_sk = :next", "due_sk = :seen", values).await
    }
}
