//! Syncs: asked for, and scheduled: what is due, and who may work on it.

use crate::commit::{CommitError, Writes, jittered};
use crate::decision::DecisionSet;
use crate::error::StoreError;
use crate::idempotency::{KeptAnswer, Once};
use crate::item::{self, text};
use crate::keys::{self, Part};
use crate::meter::metered;
use crate::skills::catalogue_batches;
use crate::state::{read_state, state_item};
use crate::table::Range;
use crate::tenants::{RACES, pause_after, write_conflict};
use crate::{Author, Store, WriteError};
use repoplane_domain::access::authorize;
use repoplane_domain::audit::{AuditAction, AuditEntry};
use repoplane_domain::error::{DomainError, Kind};
use repoplane_domain::id::{AuditId, LeaseId, RepositoryId, WriteId};
use repoplane_domain::operational_event::of_state;
use repoplane_domain::repository::{Begun, ConnectionAttempt, RepositoryState, SYNC_WAIT, SyncOutcome, next_sync_at};
use repoplane_domain::skill::CatalogueChange;
use repoplane_domain::time::Timestamp;
use std::collections::HashMap;
use std::time::Duration;
use tokio::task::JoinSet;

/// Due repositories that one tick takes from one shard of the index; the rest is due for the next tick.
pub const MAX_DUE: i32 = 500;

/// How often the end of a sync that lost a race is written again on a fresh read.
const TRIES: u32 = 5;
const FIRST_PAUSE: Duration = Duration::from_millis(10);

/// How a scan ended, and what it changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyncEnd {
    /// How it ended.
    pub outcome: SyncOutcome,
    /// What it says of the connection.
    pub attempt: ConnectionAttempt,
    /// What of the catalogue it changes; nothing when it failed.
    pub catalogue: Option<CatalogueChange>,
}

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
        let until = now.plus(Duration::from_millis(1)).to_string();
        let mut asked = JoinSet::new();
        for partition in keys::due_partitions() {
            let range = Range::partition(partition).of_index(keys::DUE).between(None, Some(until.clone()));
            let table = self.table.clone();
            asked.spawn(metered(async move { table.page(&range, Some(MAX_DUE), None).await }));
        }
        let mut due = Vec::new();
        for page in asked.join_all().await {
            due.extend(page?.0.iter().filter_map(|item| {
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

    /// Takes a repository for a scan, as it was read: a change of what is scanned since then leaves it to the next job.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn begin_sync(&self, set: &DecisionSet, lease: LeaseId, now: Timestamp) -> Result<Begun, StoreError> {
        let (id, generation) = (set.repository.id, set.state.sync.generation);
        let begun = |state: &RepositoryState| state.sync_begun(id, lease, now);
        let change = |state: &RepositoryState| match begun(state) {
            _ if state.sync.generation != generation => None,
            Begun::Taken(next) | Begun::GivenUp(next) => Some(next),
            Begun::Busy => None,
        };
        let state = self.change_state(set, None, now, change).await?;
        Ok(match &state.sync.lease {
            Some(held) if held.id == lease => Begun::Taken(state),
            None if state.sync.is_given_up(now) => Begun::GivenUp(state),
            Some(_) | None => Begun::Busy,
        })
    }

    /// Frees a repository whose scan has ended without a result.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn lose_sync(&self, id: RepositoryId, lease: LeaseId, now: Timestamp) -> Result<(), StoreError> {
        let Some(set) = self.decision_set(id).await? else { return Ok(()) };
        self.change_state(&set, None, now, |state| state.sync_lost(id, lease, now)).await.map(drop)
    }

    /// Writes how a scan ended: what changed of the catalogue, then, with its last part, the state. Every part is written
    /// only while the scan holds the repository; `None` when it does not any more, so that its result is dropped.
    ///
    /// # Errors
    /// [`StoreError::Contended`] when the catalogue has changed since it was read: catalogue again; storage failures.
    pub async fn end_sync(
        &self,
        set: &DecisionSet,
        lease: LeaseId,
        end: &SyncEnd,
    ) -> Result<Option<RepositoryState>, StoreError> {
        let (tenant, id, now) = (set.repository.tenant, set.repository.id, end.attempt.at);
        let mut batches = match &end.catalogue {
            Some(change) => catalogue_batches(id, change, &self.skill_events(tenant, id, change, now))?,
            None => Vec::new(),
        };
        let last = batches.pop().unwrap_or_default();
        let mut state = set.state.clone();
        for batch in &batches {
            let held = |_: &RepositoryState, writes: &mut Writes, version| {
                writes.need_version(keys::part(id, Part::State), version);
                Ok(())
            };
            let Some(found) = self.while_held(id, lease, state, batch, now, held).await? else { return Ok(None) };
            state = found;
        }
        let ends = |state: &RepositoryState, writes: &mut Writes, version| {
            // Held by the lease that was just checked, so there is an end.
            let Some(next) = state.sync_ended(id, lease, &end.outcome, &end.attempt) else { return Ok(()) };
            writes.replace(state_item(id, &next)?, Some(version));
            self.tell(writes, (tenant, id), of_state(state, &next), now)
        };
        let Some(state) = self.while_held(id, lease, state, &last, now, ends).await? else { return Ok(None) };
        Ok(state.sync_ended(id, lease, &end.outcome, &end.attempt))
    }

    /// Commits a part while the state is held by a lease, with what `guard` adds for the version that was read. Says the
    /// state that it was committed on; `None` when it is held no more.
    async fn while_held(
        &self,
        id: RepositoryId,
        lease: LeaseId,
        mut state: RepositoryState,
        part: &Writes,
        now: Timestamp,
        guard: impl Fn(&RepositoryState, &mut Writes, u64) -> Result<(), StoreError>,
    ) -> Result<Option<RepositoryState>, StoreError> {
        let mut pause = FIRST_PAUSE;
        for _ in 0..TRIES {
            if state.sync.lease.is_none_or(|held| held.id != lease) {
                return Ok(None);
            }
            let mut writes = part.clone();
            guard(&state, &mut writes, state.version)?;
            match self.table.commit(&writes, WriteId::new(now, &*self.ids), now).await {
                Ok(()) => return Ok(Some(state)),
                Err(CommitError::Store(error)) => return Err(error),
                Err(CommitError::Lost(_)) => {}
            }
            // The state, or something of the catalogue: the state tells which.
            let fresh = self.table.get(&keys::part(id, Part::State), true).await?;
            let fresh = fresh.map(read_state).transpose()?.unwrap_or_default();
            if fresh.version == state.version {
                return Err(StoreError::Contended);
            }
            state = fresh;
            tokio::time::sleep(jittered(pause)).await;
            pause *= 2;
        }
        Err(StoreError::Contended)
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
