use super::{Host, path, problem, slug};
use repoplane_domain::id::LeaseId;
use repoplane_domain::repository::{Begun, ConnectionAttempt, SyncOutcome};
use serde_json::{Value, json};
use std::time::Duration;

impl Host {
    /// A worker takes the repository and ends its scan.
    pub(super) async fn scan(&self, repository: &Value, outcome: &SyncOutcome) {
        let id = repository["id"].as_str().expect("an id").parse().expect("an id");
        let (store, now) = (self.app.store(), self.app.app().now());
        let set = store.decision_set(id).await.expect("storage").expect("a repository");
        let lease = LeaseId::new(now, store.ids());
        let Begun::Taken(_) = set.state.sync_begun(set.repository.id, lease, now) else { panic!("it is taken") };
        let begin = |state: &repoplane_domain::repository::RepositoryState| match state.sync_begun(
            set.repository.id,
            lease,
            now,
        ) {
            Begun::Taken(next) => Some(next),
            Begun::Busy | Begun::GivenUp(_) => None,
        };
        store.change_state(&set, None, now, begin).await.expect("storage");
        let set = store.decision_set(id).await.expect("storage").expect("a repository");
        let attempt = ConnectionAttempt { as_registry: true, failure: None, at: now };
        let end = |state: &repoplane_domain::repository::RepositoryState| {
            state.sync_ended(set.repository.id, lease, outcome, &attempt)
        };
        store.change_state(&set, None, now, end).await.expect("storage");
    }
}

pub(super) fn current(skills: u32) -> SyncOutcome {
    SyncOutcome::Current { commit: "da1560886d4f094c3e6c9ef40349f7d38b5d27d7".to_owned(), skill_count: Some(skills) }
}

fn failed(reason: &str) -> SyncOutcome {
    SyncOutcome::Failed { reason: reason.to_owned(), not_before: None }
}

#[tokio::test]
async fn shiftagent_5_a_sync_is_answered_at_once_and_ends_ready_or_in_error() {
    let host = Host::new().await;
    let made = host.register("field-ops").await;
    let sync = format!("{}/sync", path(&made));
    let state = async || host.key.get(&path(&made)).await.expect(200).body["sync"].clone();
    let asked = host.key.post(&sync, Value::Null).await.expect(202);
    assert_eq!((asked.text("/sync/state"), &asked.body["id"]), ("syncing".to_owned(), &made["id"]));
    assert_eq!(asked.body["updated_at"], made["updated_at"]);
    host.scan(&made, &current(3)).await;
    let ready = state().await;
    assert_eq!((&ready["state"], &ready["error"], &ready["skill_count"]), (&json!("ready"), &Value::Null, &json!(3)));
    host.app.clock.advance(Duration::from_secs(60));
    host.key.post(&sync, Value::Null).await.expect(202);
    host.scan(&made, &failed("the branch is not there")).await;
    let error = state().await;
    let expected = json!({
        "state": "error", "error": "the branch is not there", "skill_count": 3, "last_synced_at": ready["last_synced_at"],
    });
    assert_eq!(error, expected, "a failed scan keeps what was known");
    // A new scan forgets the error.
    let again = host.key.post(&sync, Value::Null).await.expect(202);
    assert_eq!((&again.body["sync"]["state"], &again.body["sync"]["error"]), (&json!("syncing"), &Value::Null));
}

#[tokio::test]
async fn shiftagent_5_a_sync_while_one_runs_is_409() {
    let host = Host::new().await;
    let made = host.register("field-ops").await;
    let sync = format!("{}/sync", path(&made));
    host.key.post(&sync, Value::Null).await.expect(202);
    let refused = host.key.post(&sync, Value::Null).await.expect(409);
    assert_eq!(slug(&refused), "sync-in-progress");
    assert!(refused.body.get("conflicting_resource_id").is_none());
    // One that was lost may be asked for again.
    host.app.clock.advance(Duration::from_secs(15 * 60));
    host.key.post(&sync, Value::Null).await.expect(202);
}

#[tokio::test]
async fn shiftagent_5_another_branch_or_credential_makes_it_pending_and_starts_no_scan() {
    let host = Host::new().await;
    let (made, credential) = (host.register("field-ops").await, host.credential("bot").await);
    for body in [json!({"branch": "dev"}), json!({"credential_id": credential}), json!({"credential_id": null})] {
        host.scan(&made, &current(2)).await;
        let patched = host.key.patch(&path(&made), body.clone()).await.expect(200);
        let sync = &patched.body["sync"];
        assert_eq!(
            (&sync["state"], &sync["skill_count"], &sync["error"]),
            (&json!("pending"), &json!(2), &Value::Null)
        );
        assert!(sync["last_synced_at"].is_string(), "{body}");
        assert_eq!(host.key.get(&path(&made)).await.expect(200).body, patched.body);
    }
}

#[tokio::test]
async fn shiftagent_5_what_is_the_same_or_not_scanned_leaves_the_sync_alone() {
    let host = Host::new().await;
    let made = host.register("field-ops").await;
    host.scan(&made, &current(2)).await;
    let before = host.key.get(&path(&made)).await.expect(200).body["sync"].clone();
    assert_eq!(before["state"], "ready");
    for body in [
        json!({"branch": "main"}),
        json!({"credential_id": null}),
        json!({"name": "other"}),
        json!({"metadata": {"a": "b"}}),
        json!({}),
    ] {
        assert_eq!(host.key.patch(&path(&made), body.clone()).await.expect(200).body["sync"], before, "{body}");
    }
}

#[tokio::test]
async fn shiftagent_5_the_result_of_a_scan_that_was_overtaken_is_dropped() {
    let host = Host::new().await;
    let made = host.register("field-ops").await;
    let id = made["id"].as_str().unwrap().parse().unwrap();
    host.key.post(&format!("{}/sync", path(&made)), Value::Null).await.expect(202);
    let (store, now) = (host.app.store(), host.app.app().now());
    let set = store.decision_set(id).await.unwrap().unwrap();
    let lease = LeaseId::new(now, store.ids());
    let Begun::Taken(taken) = set.state.sync_begun(set.repository.id, lease, now) else { panic!("it is taken") };
    store.change_state(&set, None, now, |_| Some(taken.clone())).await.unwrap();
    host.key.patch(&path(&made), json!({"branch": "dev"})).await.expect(200);
    let set = store.decision_set(id).await.unwrap().unwrap();
    let attempt = ConnectionAttempt { as_registry: true, failure: None, at: now };
    assert_eq!(set.state.sync_ended(set.repository.id, lease, &current(9), &attempt), None);
    assert_eq!(host.key.get(&path(&made)).await.expect(200).text("/sync/state"), "pending");
}

#[tokio::test]
async fn a_disabled_repository_is_not_synced() {
    let host = Host::new().await;
    let made = host.register("field-ops").await;
    let native = format!("/api/repos/{}", made["id"].as_str().unwrap());
    host.app.admin().patch(&native, json!({"enabled": false})).await.expect(200);
    let refused = host.key.post(&format!("{}/sync", path(&made)), Value::Null).await.expect(409);
    assert_eq!(problem(&refused), ("resource-in-use".to_owned(), "Resource in use".to_owned()));
    let native = host.app.admin().post(&format!("{native}/sync"), Value::Null).await.expect(409);
    assert_eq!(native.text("/code"), "REPO_DISABLED");
}

#[tokio::test]
async fn the_native_api_syncs_as_well() {
    let host = Host::new().await;
    let made = host.register("field-ops").await;
    let id = made["id"].as_str().unwrap();
    let sync = format!("/api/repos/{id}/sync");
    let asked = host.app.admin().once("k").post(&sync, Value::Null).await.expect(202);
    assert_eq!(asked.text("/sync/state"), "syncing");
    assert!(host.app.admin().once("k").post(&sync, Value::Null).await.expect(202).is_replayed());
    assert_eq!(host.app.admin().post(&sync, Value::Null).await.expect(409).text("/code"), "SYNC_IN_PROGRESS");
    assert_eq!(host.app.audit_of(id).await.last().map(String::as_str), Some("REPO_SYNC_REQUESTED"));
    let mia = host.app.member(id, "mia", "member").await;
    mia.client.post(&sync, Value::Null).await.expect(403);
    assert_eq!(host.key.get(&path(&made)).await.expect(200).text("/sync/state"), "syncing");
}
