use super::*;
use crate::id::{IdSource, LeaseId, TenantId, UserId};
use crate::repository::{ConnectionFailure, ConnectionReason, ConnectionStatus, CreateRepository};
use SyncStatus::{Error, Pending, Ready, Syncing};
use serde_json::json;

fn at(minute: i64) -> Timestamp {
    Timestamp::from_second(minute * 60)
}

fn repository() -> Repository {
    let body = json!({"provider": "git", "name": "a", "remoteUrl": "https://git.example.com/a.git"});
    let (id, tenant, user) = (RepositoryId::start_of(at(0)), TenantId::start_of(at(0)), UserId::start_of(at(0)));
    CreateRepository::read(&body).unwrap().into_repository(id, 1, tenant, user, at(0)).unwrap()
}

fn lease(n: u128) -> LeaseId {
    struct Fixed(u128);
    impl IdSource for Fixed {
        fn random(&self) -> u128 {
            self.0
        }
    }
    LeaseId::new(at(0), &Fixed(n))
}

fn registered() -> RepositoryState {
    RepositoryState { sync: SyncState::registered(&repository(), at(0)), version: 1, ..RepositoryState::default() }
}

fn taken(state: &RepositoryState, id: LeaseId, now: Timestamp) -> RepositoryState {
    match state.sync_begun(repository().id, id, now) {
        Begun::Taken(state) => state,
        Begun::Busy => panic!("somebody else has it"),
        Begun::GivenUp(state) => panic!("{state:?}"),
    }
}

fn ok(now: Timestamp) -> ConnectionAttempt {
    ConnectionAttempt { as_registry: true, failure: None, at: now }
}

fn current(commit: &str, skills: u32) -> SyncOutcome {
    SyncOutcome::Current { commit: commit.to_owned(), skill_count: Some(skills) }
}

fn failed(reason: &str) -> SyncOutcome {
    SyncOutcome::Failed { reason: reason.to_owned(), not_before: None }
}

fn ready() -> RepositoryState {
    let state = taken(&registered(), lease(1), at(1));
    state.sync_ended(repository().id, lease(1), &current("c1", 3), &ok(at(2))).unwrap()
}

#[test]
fn shiftagent_5_register_is_pending_and_due_then_syncing_then_ready() {
    let state = registered();
    assert_eq!((state.sync.status, state.sync.next_sync_at), (Pending, Some(at(0))));
    let state = taken(&state, lease(1), at(1));
    assert_eq!((state.sync.status, state.sync.generation, state.sync.next_sync_at), (Syncing, 1, Some(at(6))));
    let state = state.sync_ended(repository().id, lease(1), &current("c1", 3), &ok(at(2))).unwrap();
    let sync = &state.sync;
    assert_eq!((sync.status, sync.last_synced_at, sync.skill_count), (Ready, Some(at(2)), 3));
    assert_eq!((sync.error.as_deref(), sync.lease, sync.started_at), (None, None, None));
    assert_eq!(state.connection.unwrap().status, ConnectionStatus::Ok);
    let next = sync.next_sync_at.unwrap();
    assert!(next >= at(62) && next <= at(68), "{next}");
}

#[test]
fn shiftagent_5_a_failed_scan_keeps_what_the_last_good_one_found() {
    let state = taken(&ready(), lease(2), at(70));
    let failure = ConnectionFailure { reason: ConnectionReason::NotFound, message: "gone".to_owned() };
    let attempt = ConnectionAttempt { as_registry: true, failure: Some(failure), at: at(71) };
    let state = state.sync_ended(repository().id, lease(2), &failed(&"x".repeat(900)), &attempt).unwrap();
    let sync = &state.sync;
    assert_eq!((sync.status, sync.last_synced_at, sync.skill_count), (Error, Some(at(2)), 3));
    assert_eq!(sync.error.as_deref().map(str::len), Some(MAX_SYNC_ERROR_CHARS));
    assert_eq!(state.connection.as_ref().unwrap().reason, Some(ConnectionReason::NotFound));
    // Twice the interval after one failure.
    let next = sync.next_sync_at.unwrap();
    assert!(next >= at(71 + 120) && next <= at(71 + 132), "{next}");
}

#[test]
fn failures_back_off_to_a_day_and_a_success_ends_that() {
    let mut state = ready();
    for _ in 0..20 {
        state = state.sync_checked(repository().id, state.sync.generation, &failed("x"), &ok(at(100))).unwrap();
    }
    let next = state.sync.next_sync_at.unwrap();
    assert!(next >= at(100 + 24 * 60) && next <= at(100 + 24 * 60 + 144), "{next}");
    let state = state.sync_checked(repository().id, state.sync.generation, &current("c1", 3), &ok(at(200))).unwrap();
    assert_eq!((state.sync.status, state.sync.failures), (Ready, 0));
    assert!(state.sync.next_sync_at.unwrap() < at(200 + 67));
}

#[test]
fn a_provider_that_wants_to_be_left_alone_is() {
    let outcome = SyncOutcome::Failed { reason: "busy".to_owned(), not_before: Some(at(500)) };
    let state = ready().sync_checked(repository().id, 1, &outcome, &ok(at(100))).unwrap();
    let next = state.sync.next_sync_at.unwrap();
    assert!(next >= at(500) && next <= at(501), "{next}");
    let outcome = SyncOutcome::Failed { reason: "busy".to_owned(), not_before: Some(at(1_000_000)) };
    let state = ready().sync_checked(repository().id, 1, &outcome, &ok(at(100))).unwrap();
    assert_eq!(state.sync.next_sync_at, Some(at(100).plus(MAX_BACK_OFF)));
}

#[test]
fn shiftagent_5_asking_is_syncing_at_once_and_a_conflict_while_it_runs() {
    let state = ready().sync_asked(&repository(), at(10)).unwrap();
    assert_eq!((state.sync.status, state.sync.generation, state.sync.started_at), (Syncing, 2, Some(at(10))));
    let again = |state: &RepositoryState, now| state.sync_asked(&repository(), now);
    assert!(
        matches!(again(&state, at(24)), Err(DomainError::Conflict(conflict)) if conflict.code == "SYNC_IN_PROGRESS")
    );
    // Lost on its way: it may be asked for again, and the tick takes it too.
    assert_eq!(state.sync.next_sync_at, Some(at(25)));
    assert!(again(&state, at(25)).is_ok());
    // The worker goes on under the generation that was answered.
    let scanning = taken(&state, lease(2), at(11));
    assert_eq!((scanning.sync.generation, scanning.sync.started_at), (2, Some(at(10))));
    assert!(again(&scanning, at(15)).is_err());
    assert!(again(&scanning, at(16)).is_ok());
    let disabled = Repository { enabled: false, ..repository() };
    assert!(matches!(ready().sync_asked(&disabled, at(10)),
        Err(DomainError::Conflict(conflict)) if conflict.code == "REPO_DISABLED"));
}

#[test]
fn shiftagent_5_a_change_of_what_is_scanned_drops_the_running_scan() {
    let state = taken(&ready(), lease(2), at(70));
    let moved = Repository { branch: Some("dev".to_owned()), ..repository() };
    let pending = state.followed(&repository(), &moved, at(71)).unwrap();
    let sync = &pending.sync;
    assert_eq!((sync.status, sync.generation, sync.error.as_deref()), (Pending, 3, None));
    assert_eq!((sync.last_synced_at, sync.skill_count, sync.commit.as_deref()), (Some(at(2)), 3, None));
    // No scan starts by itself.
    assert!(sync.next_sync_at.unwrap() >= at(71 + 60));
    assert_eq!(pending.sync_ended(repository().id, lease(2), &current("c2", 9), &ok(at(72))), None);
    assert_eq!(pending.sync_checked(repository().id, 2, &current("c2", 9), &ok(at(72))), None);
}

#[test]
fn shiftagent_5_name_and_metadata_leave_the_sync_alone() {
    let mut renamed = Repository { name: "b".to_owned(), ..repository() };
    renamed.metadata.insert("k".to_owned(), "v".to_owned());
    assert_eq!(ready().followed(&repository(), &renamed, at(70)), None);
    // The default branch by another way is the same branch.
    let default = crate::repository::Branch { name: "main".to_owned(), note: None, is_default: true };
    let by_list = Repository { branches: vec![default], ..repository() };
    let by_name = Repository { branch: Some("main".to_owned()), ..repository() };
    assert_eq!(ready().followed(&by_list, &by_name, at(70)), None);
}

#[test]
fn what_is_not_to_be_synced_leaves_the_schedule_and_comes_back() {
    let on = repository();
    for off in [
        Repository { archived_at: Some(at(69)), ..repository() },
        Repository { enabled: false, ..repository() },
        Repository { sync_interval_minutes: None, ..repository() },
    ] {
        let state = ready().followed(&on, &off, at(70)).unwrap();
        assert_eq!((state.sync.next_sync_at, state.sync.status), (None, Ready));
        // What a running scan may still bring is dropped, unless only the schedule ended.
        let running = taken(&ready(), lease(2), at(70)).followed(&on, &off, at(71)).unwrap();
        let brought = running.sync_ended(off.id, lease(2), &current("c2", 1), &ok(at(72)));
        assert_eq!(brought.is_some(), off.enabled && off.archived_at.is_none());
        assert!(brought.is_none_or(|state| state.sync.next_sync_at.is_none()));
        let state = state.followed(&off, &on, at(80)).unwrap();
        assert_eq!(state.sync.next_sync_at, Some(at(80)));
        assert_eq!(SyncState::registered(&off, at(0)).next_sync_at, None);
    }
    // A shorter interval counts from now, a longer one not before the next sync.
    let soon = Repository { sync_interval_minutes: Some(5), ..repository() };
    let next = ready().followed(&on, &soon, at(10)).unwrap().sync.next_sync_at.unwrap();
    assert!(next >= at(15) && next < at(16), "{next}");
    let late = Repository { sync_interval_minutes: Some(600), ..repository() };
    assert_eq!(ready().followed(&on, &late, at(10)).unwrap().sync.next_sync_at, ready().sync.next_sync_at);
}

#[test]
fn other_credentials_make_due_what_could_not_be_read() {
    let id = repository().id;
    let refused = registered().sync_checked(id, 0, &failed("404"), &ok(at(1))).unwrap();
    assert!(refused.sync.next_sync_at.unwrap() > at(60));
    let changed = refused.credentials_changed(at(3)).unwrap();
    assert_eq!((changed.sync.status, changed.sync.next_sync_at, changed.sync.failures), (Error, Some(at(3)), 0));
    // A first look that is under way with the old credentials says nothing any more.
    let changed = registered().credentials_changed(at(1)).unwrap();
    assert_eq!((changed.sync.status, changed.sync.next_sync_at), (Pending, Some(at(1))));
    assert_eq!(changed.sync_checked(id, 0, &failed("404"), &ok(at(2))), None);
    // What is read, is being read, or is not to be read stays as it is; so does what ends its workers.
    assert_eq!(ready().credentials_changed(at(70)), None);
    assert_eq!(taken(&ready(), lease(2), at(70)).credentials_changed(at(71)), None);
    let off = Repository { enabled: false, ..repository() };
    assert_eq!(refused.followed(&repository(), &off, at(4)).unwrap().credentials_changed(at(4)), None);
    let mut lost = ready();
    for n in 0..3 {
        lost = taken(&lost, lease(n), at(70)).sync_lost(id, lease(n), at(70)).unwrap();
    }
    assert_eq!(lost.credentials_changed(at(71)), None);
}

#[test]
fn a_scan_whose_worker_is_gone_is_taken_over_and_its_result_dropped() {
    let first = taken(&registered(), lease(1), at(1));
    assert_eq!(first.sync_begun(repository().id, lease(2), at(5)), Begun::Busy);
    let second = taken(&first, lease(2), at(6));
    assert_eq!((second.sync.generation, second.sync.lost), (2, 1));
    assert_eq!(second.sync_ended(repository().id, lease(1), &current("old", 1), &ok(at(7))), None);
    assert_eq!(second.sync_lost(repository().id, lease(1), at(7)), None);
    let state = second.sync_ended(repository().id, lease(2), &current("new", 2), &ok(at(7))).unwrap();
    assert_eq!((state.sync.lost, state.sync.commit.as_deref()), (0, Some("new")));
}

#[test]
fn a_repository_whose_scans_are_lost_is_given_up_until_it_is_due() {
    let id = repository().id;
    let mut state = registered();
    for n in 1..MAX_LOST_SCANS {
        state = taken(&state, lease(n.into()), at(n.into()));
        state = state.sync_lost(id, lease(n.into()), at(n.into())).unwrap();
        assert_eq!((state.sync.status, state.sync.next_sync_at), (Syncing, Some(at(n.into()))));
        assert_eq!(state.sync_ended(id, lease(n.into()), &current("late", 1), &ok(at(9))), None);
    }
    let state = taken(&state, lease(8), at(9));
    let by_word = state.sync_lost(id, lease(8), at(10)).unwrap();
    let Begun::GivenUp(by_time) = state.sync_begun(id, lease(9), at(20)) else { panic!("it goes on") };
    for state in [by_word, by_time] {
        assert_eq!((state.sync.status, state.sync.error.as_deref()), (Error, Some(GIVEN_UP)));
        assert!(state.sync.is_given_up(at(21)));
        let due = state.sync.next_sync_at.unwrap();
        assert!(due >= at(130) && !state.sync.is_given_up(due));
        // When it is due it gets one more scan; asked for, it starts afresh.
        let again = taken(&state, lease(10), due).sync_lost(id, lease(10), due).unwrap();
        assert!(again.sync.is_given_up(due));
        assert_eq!(state.sync_asked(&repository(), at(21)).unwrap().sync.lost, 0);
    }
}

#[test]
fn a_branch_that_has_not_moved_is_no_news() {
    assert_eq!(ready().sync_checked(repository().id, 1, &current("c1", 3), &ok(at(70))), None);
    // Unless it was asked for, the last sync failed, or the connection did.
    let asked = ready().sync_asked(&repository(), at(70)).unwrap();
    let checked = asked.sync_checked(repository().id, 2, &current("c1", 3), &ok(at(71))).unwrap();
    assert_eq!((checked.sync.status, checked.sync.last_synced_at), (Ready, Some(at(71))));
    let failure = ConnectionFailure { reason: ConnectionReason::Unavailable, message: "x".to_owned() };
    let broken = ready().attempted(&ConnectionAttempt { failure: Some(failure), ..ok(at(69)) }).unwrap();
    let checked = broken.sync_checked(repository().id, 1, &current("c1", 3), &ok(at(71))).unwrap();
    assert_eq!(checked.connection.unwrap().status, ConnectionStatus::Ok);
    // Not while somebody scans.
    assert_eq!(taken(&ready(), lease(2), at(70)).sync_checked(repository().id, 2, &failed("x"), &ok(at(71))), None);
}

#[test]
fn syncs_of_many_repositories_spread() {
    let ids = (0..50).map(|n| RepositoryId::start_of(at(n)));
    let times: std::collections::BTreeSet<_> = ids.map(|id| next_sync_at(id, 60, 0, at(0), 1)).collect();
    assert!(times.len() > 45);
    assert!(times.iter().all(|time| *time >= at(60) && *time < at(66)));
}

#[test]
fn a_scan_leaves_some_of_the_quota_to_others() {
    for (left, of, enough) in [
        (51, Some(5000), true),
        (50, Some(5000), false),
        (7, Some(60), true),
        (6, Some(60), false),
        (51, None, true),
        (50, None, false),
        (0, Some(0), false),
    ] {
        assert_eq!(leaves_enough(left, of), enough, "{left} of {of:?}");
    }
}
