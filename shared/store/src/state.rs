//! What background work and provider calls leave on a repository: its state item, which no caller's change touches.

use crate::Store;
use crate::commit::{CommitError, Writes, jittered};
use crate::decision::DecisionSet;
use crate::error::StoreError;
use crate::item::{self, Attributes, Item};
use crate::keys::{self, Part};
use repoplane_domain::audit::AuditEntry;
use repoplane_domain::id::{RepositoryId, WriteId};
use repoplane_domain::operational_event::of_state;
use repoplane_domain::repository::{ConnectionAttempt, RepositoryState};
use repoplane_domain::time::Timestamp;
use std::time::Duration;

/// How often a change that lost a race is made again on a fresh read.
const TRIES: u32 = 5;
const FIRST_PAUSE: Duration = Duration::from_millis(10);

/// The state's item, in the index of due repositories while a sync is planned.
pub(crate) fn state_item(id: RepositoryId, state: &RepositoryState) -> Result<Item, StoreError> {
    let item = Item::new(&keys::part(id, Part::State), state)?.versioned(state.version);
    Ok(match state.sync.next_sync_at {
        Some(at) => item.due(keys::due_partition(id), keys::due_sort(at, id), state.sync.interval_minutes),
        None => item,
    })
}

/// Reads the state back. When its sync is due stands in the index's key alone: the tick moves it on without touching the rest.
pub(crate) fn read_state(item: Attributes) -> Result<RepositoryState, StoreError> {
    let due = item::text_of(&item, keys::DUE_SK).and_then(keys::parse_due_sort);
    let mut state: RepositoryState = item::into_value("repository state", item)?;
    state.sync.next_sync_at = due.map(|(at, _)| at);
    Ok(state)
}

impl Store {
    /// Remembers how a call to the repository's provider ended. That it could not be remembered fails nothing: the call was
    /// made, and the next one will tell. An archived repository stays as it is, and so does a suspended tenant's.
    pub async fn remember_connection(&self, set: &DecisionSet, attempt: &ConnectionAttempt) -> RepositoryState {
        let suspended = self.is_suspended(set.repository.tenant).await.unwrap_or_default();
        if suspended || set.repository.archived_at.is_some() {
            return set.state.clone();
        }
        let changed = self.change_state(set, None, attempt.at, |state| state.attempted(attempt)).await;
        changed.unwrap_or_else(|error| {
            tracing::warn!(repo.id = %set.repository.id, %error, "Could not remember the state of the connection");
            set.state.clone()
        })
    }

    /// Changes a repository's state by a rule of the domain, first on the state that was read, after a lost race on a fresh
    /// one. A rule that says `None` changes nothing. The record's version and time stay.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails, or others were faster every time.
    pub async fn change_state(
        &self,
        set: &DecisionSet,
        audit: Option<&AuditEntry>,
        now: Timestamp,
        change: impl Fn(&RepositoryState) -> Option<RepositoryState>,
    ) -> Result<RepositoryState, StoreError> {
        let (mut known, id, mut pause) = (set.state.clone(), set.repository.id, FIRST_PAUSE);
        let key = keys::part(id, Part::State);
        for _ in 0..TRIES {
            let Some(next) = change(&known) else { return Ok(known) };
            let mut writes = Writes::default();
            let read = (known.version > 0).then_some(known.version);
            writes.replace(state_item(id, &next)?, read);
            if read.is_none() {
                // The first state of a repository must not outlive it.
                writes.need_existing(keys::part(id, Part::Record));
            }
            self.tell(&mut writes, (set.repository.tenant, id), of_state(&known, &next), now)?;
            if let Some(entry) = audit {
                writes.audit(entry)?;
            }
            match self.table.commit(&writes, WriteId::new(now, &*self.ids), now).await {
                Ok(()) => return Ok(next),
                Err(CommitError::Store(error)) => return Err(error),
                Err(CommitError::Lost(_)) => {}
            }
            tokio::time::sleep(jittered(pause)).await;
            pause *= 2;
            let fresh = self.table.get(&key, true).await?;
            known = fresh.map(read_state).transpose()?.unwrap_or_default();
        }
        Err(StoreError::Contended)
    }
}
