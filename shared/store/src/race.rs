//! Trying again after a lost race, with growing pauses, until the request's time is up.

use crate::change::{DEADLINE, MAX_PAUSE};
use crate::commit::jittered;
use crate::commit::{CommitError, Lost, Writes};
use crate::error::StoreError;
use crate::tenants::write_conflict;
use crate::{Store, WriteError};
use repoplane_domain::error::DomainError;
use repoplane_domain::id::WriteId;
use repoplane_domain::time::Timestamp;
use std::time::Duration;
use tokio::time::Instant;

const FIRST_PAUSE: Duration = Duration::from_millis(10);

/// The tries of one request.
pub(crate) struct Race {
    started: Instant,
    pause: Duration,
}

impl Race {
    pub(crate) fn new() -> Self {
        Self { started: Instant::now(), pause: FIRST_PAUSE }
    }

    /// Waits for the next try.
    ///
    /// # Errors
    /// `WRITE_CONFLICT` when it is too late for one.
    pub(crate) async fn again(&mut self) -> Result<(), WriteError> {
        if self.started.elapsed() >= DEADLINE {
            return Err(DomainError::Conflict(write_conflict()).into());
        }
        tokio::time::sleep(jittered(self.pause)).await;
        self.pause = (self.pause * 2).min(MAX_PAUSE);
        Ok(())
    }
}

/// Whether an error may pass when everything is read again.
pub(crate) fn is_race(error: &WriteError) -> bool {
    match error {
        WriteError::Store(StoreError::Contended) => true,
        WriteError::Domain(DomainError::Conflict(conflict)) => conflict.code == "WRITE_CONFLICT",
        WriteError::Store(StoreError::Unavailable { .. } | StoreError::Corrupt { .. } | StoreError::Limit(_))
        | WriteError::Domain(_)
        | WriteError::Repeated => false,
    }
}

impl Store {
    /// Commits a change of what was just read: `Ok(None)` when it is written, else what was in the way. Too many writers
    /// at once are in the way as well, without a name.
    pub(crate) async fn try_commit(&self, writes: &Writes, now: Timestamp) -> Result<Option<Vec<Lost>>, WriteError> {
        match self.table.commit(writes, WriteId::new(now, &*self.ids), now).await {
            Ok(()) => Ok(None),
            Err(CommitError::Lost(lost)) => Ok(Some(lost)),
            Err(CommitError::Store(StoreError::Contended)) => Ok(Some(Vec::new())),
            Err(CommitError::Store(error)) => Err(error.into()),
        }
    }
}
