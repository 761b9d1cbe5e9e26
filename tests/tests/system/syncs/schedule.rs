//! The tick: what is due is queued once, whatever else happens, at the cost of what is due.

use super::Stage;
use repoplane_local::line::{Fault, FaultPlan};
use repoplane_tests::TestApp;
use serde_json::{Value, json};
use std::time::Duration;

const DAY: Duration = Duration::from_secs(26 * 3600);

async fn registered(app: &TestApp, count: usize) -> Vec<String> {
    let mut ids = Vec::new();
    for n in 0..count {
        let remote = format!("https://git.example.com/{n}.git");
        let body = json!({"provider": "git", "name": format!("r{n}"), "remoteUrl": remote});
        ids.push(app.admin().post("/api/repos", body).await.expect(201).text("/repo/id"));
    }
    ids
}

/// Throws away what is queued, by a function that does nothing.
async fn forget(app: &TestApp) {
    app.work_with(&app.sync_with(super::jobs::Scripted::unchanged())).await;
}

#[tokio::test]
async fn two_ticks_at_once_queue_each_repository_once() {
    let app = TestApp::start().await;
    registered(&app, 25).await;
    forget(&app).await;
    app.clock.advance(DAY);
    let second = app.second_instance();
    let (one, two) = tokio::join!(app.schedule("tick"), second.schedule("tick"));
    let sum = |name: &str| one[name].as_u64().unwrap() + two[name].as_u64().unwrap();
    assert_eq!(sum("queued"), 25, "{one} {two}");
    assert_eq!(sum("due"), sum("queued") + sum("takenByOthers"), "{one} {two}");
    assert_eq!(app.schedule("tick").await["due"], 0);
}

#[tokio::test]
async fn a_tick_costs_what_is_due_and_never_scans() {
    let app = TestApp::start().await;
    let ids = registered(&app, 30).await;
    forget(&app).await;
    app.line.take_calls();
    app.schedule("tick").await;
    let idle = app.line.take_calls();
    assert_eq!(idle, vec!["Query"; 17], "one question a shard, and one for what saves left at a provider");

    for id in &ids[..12] {
        app.admin().patch(&format!("/api/repos/{id}"), json!({"syncIntervalMinutes": null})).await.expect(200);
        app.admin().patch(&format!("/api/repos/{id}"), json!({"syncIntervalMinutes": 5})).await.expect(200);
    }
    app.line.take_calls();
    let ticked = app.schedule("tick").await;
    assert_eq!((&ticked["due"], &ticked["queued"]), (&json!(12), &json!(12)));
    let calls = app.line.take_calls();
    let count = |name: &str| calls.iter().filter(|call| *call == name).count();
    assert_eq!((count("Query"), count("UpdateItem"), count("SendMessageBatch")), (17, 12, 2), "{calls:?}");
    assert_eq!(calls.len(), 31);
}

#[tokio::test]
async fn what_cannot_be_queued_is_due_again() {
    let app = TestApp::start().await;
    registered(&app, 3).await;
    forget(&app).await;
    app.clock.advance(DAY);
    let plan = FaultPlan { target: "AmazonSQS.".to_owned(), from: 0, times: usize::MAX, fault: Fault::Down };
    app.line.set_fault(Some(plan));
    let ticked = app.schedule("tick").await;
    app.line.set_fault(None);
    assert_eq!((&ticked["due"], &ticked["queued"]), (&json!(3), &json!(0)));
    assert_eq!(app.schedule("tick").await["queued"], 3);
}

#[tokio::test]
async fn a_repository_whose_first_job_could_not_be_queued_is_registered_all_the_same() {
    let Some(stage) = Stage::set().await else { return };
    stage.repositories.filled("a.git");
    let plan = FaultPlan { target: "AmazonSQS.".to_owned(), from: 0, times: usize::MAX, fault: Fault::Down };
    stage.app.line.set_fault(Some(plan));
    let path = stage.register("a.git", json!({})).await;
    stage.app.line.set_fault(None);
    assert_eq!(stage.app.work().await, 0);
    assert_eq!(stage.app.schedule("tick").await["queued"], 1);
    stage.app.work().await;
    assert_eq!(stage.state(&path).await, "ready");
}

#[tokio::test]
async fn a_suspended_tenant_is_not_synced() {
    let Some(stage) = Stage::set().await else { return };
    stage.repositories.filled("a.git");
    let path = stage.register("a.git", json!({})).await;
    let tenant = stage.app.admin().get("/api/me").await.expect(200).text("/tenant/id");
    let operator = stage.app.admin();
    operator.patch(&format!("/api/tenants/{tenant}"), json!({"suspended": true})).await.expect(200);
    let fresh = Stage { app: stage.app.second_instance(), ..stage };
    fresh.app.work().await;
    assert_eq!(fresh.git_calls(), 0);
    operator.patch(&format!("/api/tenants/{tenant}"), json!({"suspended": false})).await.expect(200);
    let again = Stage { app: fresh.app.second_instance(), ..fresh };
    again.app.clock.advance(DAY);
    assert_eq!(again.app.schedule("tick").await["queued"], 1, "it keeps its place in the schedule");
    again.app.work().await;
    assert_eq!(again.state(&path).await, "ready");
}

#[tokio::test]
async fn an_event_of_no_known_kind_is_refused() {
    let app = TestApp::start().await;
    for event in [json!({}), json!({"schedule": "never"}), Value::Null] {
        assert!(app.sync().handle(event).await.is_err());
    }
}
