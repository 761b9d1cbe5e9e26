//! The sync of a repository with its remote: whether its branch can be read and its catalogue is current, which scan may
//! write, and when the next is due (contract: shiftagent 5).

use super::{ConnectionAttempt, Repository, RepositoryState};
use crate::error::{Conflict, DomainError};
use crate::id::{LeaseId, RepositoryId};
use crate::secret::sha256_hex;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::ops::RangeInclusive;
use std::time::Duration;

/// Shortest and longest time between two syncs of a repository, in minutes.
pub const SYNC_INTERVAL_MINUTES: RangeInclusive<i64> = 5..=24 * 60;
/// Time between two syncs when nothing is said, in minutes.
pub const DEFAULT_SYNC_INTERVAL_MINUTES: u16 = 60;
/// How long a scan may hold a repository. Longer than a worker lives: who still holds it then is gone.
pub const SYNC_LEASE: Duration = Duration::from_secs(5 * 60);
/// How long a scan that was asked for may wait for a worker before it may be asked for again (contract: shiftagent 5).
pub const SYNC_WAIT: Duration = Duration::from_secs(15 * 60);
/// Longest time between two syncs of a repository that keeps failing.
pub const MAX_BACK_OFF: Duration = Duration::from_secs(24 * 3600);
/// Scans in a row that may end without a result before the repository is given up until it is due again.
pub const MAX_LOST_SCANS: u32 = 3;
/// Calls that a scan leaves of a provider's quota: people and webhooks have it, too.
pub const QUOTA_RESERVE: u64 = 50;
/// Longest reason that is kept, in characters.
pub const MAX_SYNC_ERROR_CHARS: usize = 500;

/// What is said of a repository whose scans end without a result.
const GIVEN_UP: &str = "the scan ended without a result several times; it is given up until the next sync";

/// How current the catalogue is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SyncStatus {
    /// Never scanned, or what is scanned was changed since.
    #[default]
    Pending,
    /// A scan is asked for or running.
    Syncing,
    /// The catalogue shows the branch as the last sync found it.
    Ready,
    /// The last sync failed.
    Error,
}

impl SyncStatus {
    /// All of them, for documentation.
    pub const ALL: [Self; 4] = [Self::Pending, Self::Syncing, Self::Ready, Self::Error];

    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Syncing => "syncing",
            Self::Ready => "ready",
            Self::Error => "error",
        }
    }
}

/// One worker's exclusive hold on a repository's catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncLease {
    /// The hold.
    pub id: LeaseId,
    /// Until when it lasts.
    pub until: Timestamp,
}

/// The state of a repository's sync.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SyncState {
    /// How current the catalogue is.
    pub status: SyncStatus,
    /// Counts scans and changes of what is scanned: the result of a scan is dropped when the count moved on.
    #[serde(default)]
    pub generation: u64,
    /// End of the last scan that succeeded.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub last_synced_at: Option<Timestamp>,
    /// Why the last sync failed; free of secrets.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub error: Option<String>,
    /// Skills in the catalogue.
    #[serde(default)]
    pub skill_count: u32,
    /// The commit that the catalogue shows.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub commit: Option<String>,
    /// When the tick takes the repository next; absent while it takes none. Not part of the stored value: it is the key of
    /// the index of due repositories, which the tick moves on.
    #[serde(skip)]
    pub next_sync_at: Option<Timestamp>,
    /// The time between two scheduled syncs as the record had it, in minutes: the tick, which reads no records, plans by it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub interval_minutes: Option<u16>,
    /// Since when a scan is asked for or running.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub started_at: Option<Timestamp>,
    /// The number of the project after which the next job goes on: the spec files of a platform's projects are read a few a
    /// job.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub after_project: Option<u64>,
    /// Who scans.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub lease: Option<SyncLease>,
    /// Syncs in a row that failed.
    #[serde(default)]
    pub failures: u32,
    /// Since when none has succeeded; unlike `failures`, kept until one does, whatever is changed meanwhile.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub failing_since: Option<Timestamp>,
    /// Scans in a row that ended without a result.
    #[serde(default)]
    pub lost: u32,
    /// Until when no worker looks at it, because too many scans ended without a result.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub given_up_until: Option<Timestamp>,
}

/// What became of an attempt to take a repository for a scan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begun {
    /// It is taken; the state to write before the scan.
    Taken(RepositoryState),
    /// Somebody else has it.
    Busy,
    /// Too many scans were lost; the state that says so.
    GivenUp(RepositoryState),
}

/// How a sync ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SyncOutcome {
    /// The catalogue shows this commit.
    Current {
        /// The commit.
        commit: String,
        /// Skills in it; as they were when the commit was shown already.
        skill_count: Option<u32>,
    },
    /// It failed.
    Failed {
        /// Why, for people; free of secrets.
        reason: String,
        /// When the provider may be asked again, if it said so.
        not_before: Option<Timestamp>,
    },
}

impl SyncState {
    /// The state of a repository that was just registered: due at once, if there is anything to look at.
    pub fn registered(repository: &Repository, now: Timestamp) -> Self {
        let interval_minutes = repository.synced_every();
        // One that is fed by its projects has none yet: it is due when it gets the first.
        let first = |every: u16| {
            if repository.is_fed_by_projects() { next_sync_at(repository.id, every, 0, now, 0) } else { now }
        };
        Self { next_sync_at: interval_minutes.map(first), interval_minutes, ..Self::default() }
    }

    /// Whether a scan is on its way or running, as far as can be known.
    pub fn is_running(&self, now: Timestamp) -> bool {
        if self.status != SyncStatus::Syncing {
            return false;
        }
        match (&self.lease, self.started_at) {
            (Some(lease), _) => lease.until > now,
            (None, Some(started)) => now.since(started) < SYNC_WAIT,
            (None, None) => false,
        }
    }

    /// Whether the catalogue shows a commit, so that a scan of it would bring nothing new.
    pub fn shows(&self, commit: &str) -> bool {
        self.last_synced_at.is_some() && self.commit.as_deref() == Some(commit)
    }

    /// Whether scans of it keep ending without a result, and it is left alone until it is due.
    pub fn is_given_up(&self, now: Timestamp) -> bool {
        self.status == SyncStatus::Error && self.given_up_until.is_some_and(|until| until > now)
    }

    /// On the wire of the native API.
    pub fn public_view(&self) -> Value {
        json!({
            "state": self.status,
            "lastSyncedAt": self.last_synced_at,
            "error": self.error,
            "skillCount": self.skill_count,
            "commit": self.commit,
            "nextSyncAt": self.next_sync_at,
        })
    }
}

impl Repository {
    /// The time between two scheduled syncs in minutes; `None` while there are none: switched off, disabled or archived.
    pub fn synced_every(&self) -> Option<u16> {
        self.sync_interval_minutes.filter(|_| self.enabled && self.archived_at.is_none())
    }

    /// The branch that is scanned: the one that was named, else the default one among the known; `None` leaves it to the
    /// remote.
    pub fn scanned_branch(&self) -> Option<&str> {
        let default = || self.branches.iter().find(|branch| branch.is_default).map(|branch| branch.name.as_str());
        self.branch.as_deref().or_else(default)
    }

    /// Whether a scan of `other` could find something else than a scan of this.
    fn scans_as(&self, other: &Self) -> bool {
        let source = |repository: &Self| {
            (
                repository.credential,
                repository.provider,
                repository.external_id.clone(),
                repository.api_base_url.clone(),
                repository.remote_url.clone(),
            )
        };
        self.scanned_branch() == other.scanned_branch() && source(self) == source(other)
    }
}

/// When a scheduled sync is due after one that ended now: the interval, doubled for every failure in a row, and up to a tenth
/// more so that repositories registered together do not stay together. `salt` makes the part differ from sync to sync.
pub fn next_sync_at(id: RepositoryId, interval_minutes: u16, failures: u32, now: Timestamp, salt: u64) -> Timestamp {
    let interval = Duration::from_secs(60 * u64::from(interval_minutes));
    let doubled = interval.saturating_mul(1 << failures.min(16)).min(MAX_BACK_OFF.max(interval));
    now.plus(doubled + jitter(id, doubled / 10, salt))
}

/// Whether so many calls left are enough for a scan. Of a small quota less is left to others: GitHub gives 60 calls an hour to
/// who has no token.
pub fn leaves_enough(left: u64, of: Option<u64>) -> bool {
    left > of.map_or(QUOTA_RESERVE, |quota| QUOTA_RESERVE.min(quota / 10))
}

/// A span below `most`, the same for the same repository and salt.
fn jitter(id: RepositoryId, most: Duration, salt: u64) -> Duration {
    let hash = sha256_hex(format!("{id} {salt}").as_bytes());
    let part = u32::from_str_radix(&hash[..6], 16).unwrap_or_default();
    most.mul_f64(f64::from(part) / f64::from(1 << 24))
}

impl RepositoryState {
    pub(super) fn with_sync(&self, sync: SyncState) -> Self {
        Self { sync, version: self.version + 1, ..self.clone() }
    }

    /// A scan is asked for: it is handed to a worker at once. Should it get lost, the tick takes it after [`SYNC_WAIT`].
    ///
    /// # Errors
    /// 409 `SYNC_IN_PROGRESS` while one is running, 409 `REPO_DISABLED` for a disabled repository.
    pub fn sync_asked(&self, repository: &Repository, now: Timestamp) -> Result<Self, DomainError> {
        if !repository.enabled {
            let conflict = Conflict::new("REPO_DISABLED", "the repository is disabled: enable it to sync it");
            return Err(DomainError::Conflict(conflict));
        }
        if self.sync.is_running(now) {
            let conflict = Conflict::new("SYNC_IN_PROGRESS", "a sync of this repository is running");
            return Err(DomainError::Conflict(conflict));
        }
        Ok(self.with_sync(SyncState {
            status: SyncStatus::Syncing,
            generation: self.sync.generation + 1,
            error: None,
            next_sync_at: Some(now.plus(SYNC_WAIT)),
            started_at: Some(now),
            lease: None,
            lost: 0,
            ..self.sync.clone()
        }))
    }

    /// A worker takes the repository for a scan. A hold that has run out is taken over, under a new generation: what its
    /// holder may still bring is dropped.
    pub fn sync_begun(&self, id: RepositoryId, lease: LeaseId, now: Timestamp) -> Begun {
        let sync = &self.sync;
        let mut lost = if sync.is_given_up(now) || sync.lost < MAX_LOST_SCANS { sync.lost } else { MAX_LOST_SCANS - 1 };
        let asked = sync.status == SyncStatus::Syncing && sync.lease.is_none();
        match sync.lease.filter(|_| sync.status == SyncStatus::Syncing) {
            Some(lease) if lease.until > now => return Begun::Busy,
            Some(_gone) => lost += 1,
            None => {}
        }
        if lost >= MAX_LOST_SCANS {
            return Begun::GivenUp(self.given_up(id, lost, now));
        }
        let until = now.plus(SYNC_LEASE);
        Begun::Taken(self.with_sync(SyncState {
            status: SyncStatus::Syncing,
            generation: if asked { sync.generation } else { sync.generation + 1 },
            error: None,
            next_sync_at: Some(until),
            started_at: sync.started_at.filter(|_| asked).or(Some(now)),
            lease: Some(SyncLease { id: lease, until }),
            lost,
            ..sync.clone()
        }))
    }

    /// The scan that holds `lease` has ended without a result, and the repository is free for another, unless too many have;
    /// `None` when it is not its own any more.
    #[must_use]
    pub fn sync_lost(&self, id: RepositoryId, lease: LeaseId, now: Timestamp) -> Option<Self> {
        let sync = &self.sync;
        sync.lease.filter(|held| held.id == lease)?;
        let lost = sync.lost + 1;
        if lost >= MAX_LOST_SCANS {
            return Some(self.given_up(id, lost, now));
        }
        let generation = sync.generation + 1;
        Some(self.with_sync(SyncState { lease: None, generation, next_sync_at: Some(now), lost, ..sync.clone() }))
    }

    fn given_up(&self, id: RepositoryId, lost: u32, now: Timestamp) -> Self {
        let failed = SyncOutcome::Failed { reason: GIVEN_UP.to_owned(), not_before: None };
        let mut next = self.ended(id, &failed, now);
        next.sync.lost = lost;
        next.sync.given_up_until = Some(next.sync.next_sync_at.unwrap_or(now.plus(MAX_BACK_OFF)));
        next
    }

    /// The scan that holds `lease` has ended; `None` when the generation moved on, so that its result is dropped.
    #[must_use]
    pub fn sync_ended(
        &self,
        id: RepositoryId,
        lease: LeaseId,
        outcome: &SyncOutcome,
        attempt: &ConnectionAttempt,
    ) -> Option<Self> {
        self.sync.lease.filter(|held| held.id == lease)?;
        Some(self.attempted_and_ended(id, outcome, attempt))
    }

    /// A sync has ended that needed no scan: the branch could not be read, or has not moved. `None` when somebody scans, or
    /// when nothing changes: a branch that has not moved is the same news as before.
    #[must_use]
    pub fn sync_checked(
        &self,
        id: RepositoryId,
        generation: u64,
        outcome: &SyncOutcome,
        attempt: &ConnectionAttempt,
    ) -> Option<Self> {
        let running = self.sync.lease.is_some_and(|lease| lease.until > attempt.at);
        if running || self.sync.generation != generation {
            return None;
        }
        let is_ok = |state: &Self| state.connection.as_ref().is_some_and(|known| known.reason.is_none());
        let is_current = self.sync.status == SyncStatus::Ready && is_ok(self);
        if is_current && matches!(outcome, SyncOutcome::Current { commit, .. } if self.sync.shows(commit)) {
            return None;
        }
        Some(self.attempted_and_ended(id, outcome, attempt))
    }

    fn attempted_and_ended(&self, id: RepositoryId, outcome: &SyncOutcome, attempt: &ConnectionAttempt) -> Self {
        let next = self.ended(id, outcome, attempt.at);
        let connected = next.attempted(attempt).map_or(next.connection.clone(), |state| state.connection);
        Self { connection: connected, ..next }
    }

    fn ended(&self, id: RepositoryId, outcome: &SyncOutcome, now: Timestamp) -> Self {
        let sync = SyncState { started_at: None, lease: None, lost: 0, given_up_until: None, ..self.sync.clone() };
        let (every, generation) = (sync.interval_minutes, sync.generation);
        let next = |failures| every.map(|every| next_sync_at(id, every, failures, now, generation));
        self.with_sync(match outcome {
            SyncOutcome::Current { commit, skill_count } => SyncState {
                status: SyncStatus::Ready,
                last_synced_at: Some(now),
                error: None,
                skill_count: skill_count.unwrap_or(sync.skill_count),
                commit: Some(commit.clone()),
                next_sync_at: next(0),
                failures: 0,
                failing_since: None,
                ..sync
            },
            SyncOutcome::Failed { reason, not_before } => SyncState {
                status: SyncStatus::Error,
                error: Some(reason.chars().take(MAX_SYNC_ERROR_CHARS).collect()),
                // A provider that wants to be left alone is, but not for longer than the back-off goes.
                next_sync_at: next(sync.failures + 1).map(|at| {
                    let wished = not_before.map(|time| time.plus(jitter(id, Duration::from_secs(60), generation)));
                    at.max(wished.unwrap_or(at).min(now.plus(MAX_BACK_OFF)))
                }),
                failures: sync.failures.saturating_add(1),
                failing_since: sync.failing_since.or(Some(now)),
                ..sync
            },
        })
    }

    /// The state after a change of the record; `None` when it stays. A change of what is scanned makes it pending, and drops
    /// what a running scan may still bring; no scan starts by that (contract: shiftagent 5). So does archiving or disabling. Switching
    /// syncs off takes the repository out of the schedule, switching them on makes it due.
    #[must_use]
    pub fn followed(&self, before: &Repository, after: &Repository, now: Timestamp) -> Option<Self> {
        let mut sync = SyncState { interval_minutes: after.synced_every(), ..self.sync.clone() };
        let next = sync.interval_minutes.map(|every| next_sync_at(after.id, every, 0, now, sync.generation));
        if !before.scans_as(after) {
            sync = SyncState {
                status: SyncStatus::Pending,
                generation: sync.generation + 1,
                error: None,
                commit: None,
                next_sync_at: next,
                started_at: None,
                lease: None,
                failures: 0,
                lost: 0,
                ..sync
            };
        }
        let is_off = after.archived_at.is_some() || !after.enabled;
        if is_off && sync.status == SyncStatus::Syncing {
            let status = if sync.commit.is_some() { SyncStatus::Ready } else { SyncStatus::Pending };
            let generation = sync.generation + 1;
            sync = SyncState { status, generation, started_at: None, lease: None, lost: 0, ..sync };
        }
        sync.next_sync_at = match (before.synced_every(), sync.interval_minutes) {
            (_, None) => None,
            (None, Some(_)) => Some(now),
            (Some(old), Some(new)) if old != new => sync.next_sync_at.min(next).or(next),
            (Some(_), Some(_)) => sync.next_sync_at,
        };
        (sync != self.sync).then(|| self.with_sync(sync))
    }

    /// The state after the repository got other Git credentials; `None` when it stays. A repository that is not known to be
    /// reachable is due at once, instead of when its back-off says: the reason of the failure may be gone. What was asked
    /// with the old credentials is dropped.
    #[must_use]
    pub fn credentials_changed(&self, now: Timestamp) -> Option<Self> {
        let sync = &self.sync;
        let is_unread = matches!(sync.status, SyncStatus::Pending | SyncStatus::Error) && !sync.is_given_up(now);
        let next_sync_at = sync.next_sync_at.filter(|_| is_unread).map(|_| now)?;
        let generation = sync.generation + 1;
        Some(self.with_sync(SyncState { next_sync_at: Some(next_sync_at), generation, failures: 0, ..sync.clone() }))
    }
}

#[cfg(test)]
mod tests;
