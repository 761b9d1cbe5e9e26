//! The sync of a repository that has no remote of its own: the spec files of its projects become its source packages.

use super::sync::{MAX_SYNC_ERROR_CHARS, SyncState, SyncStatus, next_sync_at};
use super::{Repository, RepositoryState};
use crate::id::{LeaseId, RepositoryId};
use crate::time::Timestamp;
use std::fmt::Write as _;

/// Projects that one job looks at; the next job goes on with the rest.
pub const MAX_PROJECTS_A_JOB: usize = 200;
/// Projects that the reason of a failed sync names.
pub const MAX_PROJECTS_NAMED: usize = 3;
/// Longest that is said of one of them, in characters.
const MAX_SAID: usize = 120;

/// How a job on a repository's projects ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SpecsRead {
    /// What is wrong, in one sentence for people.
    pub wrong: Option<String>,
    /// The number of the project after which there are more to look at.
    pub after_project: Option<u64>,
}

impl Repository {
    /// Whether its content comes from the remotes of its projects: it is of a platform, and has none itself.
    pub fn is_fed_by_projects(&self) -> bool {
        self.build.is_some() && !self.has_remote()
    }
}

impl RepositoryState {
    /// A job on the projects has ended; `None` when `lease` does not hold the repository any more. While there are more
    /// projects the sync goes on, for the next job at once. A project that cannot be read is no reason to ask the others less
    /// often: nothing is put off by a failure.
    #[must_use]
    pub fn specs_read(&self, id: RepositoryId, lease: LeaseId, read: &SpecsRead, now: Timestamp) -> Option<Self> {
        let sync = &self.sync;
        sync.lease.filter(|held| held.id == lease)?;
        if read.after_project.is_some() {
            return Some(self.with_sync(SyncState {
                status: SyncStatus::Syncing,
                next_sync_at: Some(now),
                started_at: Some(now),
                after_project: read.after_project,
                lease: None,
                lost: 0,
                ..sync.clone()
            }));
        }
        let shortened = |text: &String| text.chars().take(MAX_SYNC_ERROR_CHARS).collect();
        let is_good = read.wrong.is_none();
        Some(self.with_sync(SyncState {
            status: if is_good { SyncStatus::Ready } else { SyncStatus::Error },
            last_synced_at: if is_good { Some(now) } else { sync.last_synced_at },
            error: read.wrong.as_ref().map(shortened),
            next_sync_at: sync.interval_minutes.map(|every| next_sync_at(id, every, 0, now, sync.generation)),
            after_project: None,
            started_at: None,
            lease: None,
            failures: 0,
            failing_since: if is_good { None } else { sync.failing_since.or(Some(now)) },
            lost: 0,
            given_up_until: None,
            ..sync.clone()
        }))
    }
}

/// One sentence on the projects that could not be read, each by its name with the reason; `None` when there are none.
pub fn unread_projects<'a>(projects: impl IntoIterator<Item = (&'a str, &'a str)>) -> Option<String> {
    let mut text = "the spec files of these projects could not be read: ".to_owned();
    let mut count = 0;
    for (name, reason) in projects {
        if count < MAX_PROJECTS_NAMED {
            let reason: String = reason.chars().take(MAX_SAID).collect();
            // Writing to a text does not fail.
            let _ = write!(text, "{}{name} ({reason})", if count > 0 { "; " } else { "" });
        }
        count += 1;
    }
    if count > MAX_PROJECTS_NAMED {
        let _ = write!(text, "; and {} more", count - MAX_PROJECTS_NAMED);
    }
    (count > 0).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::repository::Begun;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second)
    }

    fn held(lease: LeaseId) -> RepositoryState {
        let sync = SyncState { interval_minutes: Some(60), failures: 3, ..SyncState::default() };
        let state = RepositoryState { sync, version: 1, ..RepositoryState::default() };
        match state.sync_begun(RepositoryId::start_of(at(0)), lease, at(1)) {
            Begun::Taken(state) => state,
            other @ (Begun::Busy | Begun::GivenUp(_)) => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_failure_puts_nothing_off() {
        let (id, lease) = (RepositoryId::start_of(at(0)), LeaseId::start_of(at(0)));
        let wrong = SpecsRead { wrong: Some("x".repeat(900)), after_project: None };
        let failed = held(lease).specs_read(id, lease, &wrong, at(10)).unwrap();
        assert_eq!((failed.sync.status, failed.sync.failing_since), (SyncStatus::Error, Some(at(10))));
        assert_eq!(failed.sync.error.as_ref().unwrap().len(), MAX_SYNC_ERROR_CHARS);
        let (next, due) = (failed.sync.next_sync_at.unwrap(), at(10 + 3600));
        assert!(next >= due && next.since(due).as_secs() <= 360, "within the interval: {next}");
        assert_eq!(failed.sync.last_synced_at, None);
        let good = held(lease).specs_read(id, lease, &SpecsRead::default(), at(10)).unwrap();
        assert_eq!((good.sync.status, good.sync.last_synced_at), (SyncStatus::Ready, Some(at(10))));
        let other = LeaseId::start_of(at(7));
        assert_eq!(held(lease).specs_read(id, other, &wrong, at(10)), None, "somebody else's");
    }

    #[test]
    fn the_next_job_goes_on_at_once() {
        let (id, lease) = (RepositoryId::start_of(at(0)), LeaseId::start_of(at(0)));
        let more = SpecsRead { wrong: None, after_project: Some(5) };
        let state = held(lease).specs_read(id, lease, &more, at(10)).unwrap();
        assert_eq!((state.sync.next_sync_at, state.sync.after_project), (Some(at(10)), Some(5)));
        assert!(state.sync.is_running(at(11)));
        assert!(
            matches!(state.sync_begun(id, lease, at(11)), Begun::Taken(taken) if taken.sync.after_project == Some(5))
        );
    }

    #[test]
    fn a_few_are_named_and_the_rest_counted() {
        assert_eq!(unread_projects([]), None);
        let five = ["a", "b", "c", "d", "e"].map(|name| (name, "no"));
        let told = unread_projects(five).unwrap();
        assert_eq!(told, "the spec files of these projects could not be read: a (no); b (no); c (no); and 2 more");
        let long = "y".repeat(900);
        let told = unread_projects(five.map(|(name, _)| (name, long.as_str()))).unwrap();
        assert!(told.chars().count() <= MAX_SYNC_ERROR_CHARS, "{}", told.len());
    }
}
