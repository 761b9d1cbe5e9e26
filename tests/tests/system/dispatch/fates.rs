//! What has become of a task by the time it is to be sent.

use super::{engine, marked, stored, told};
use crate::tasks::work::{claim, one_task, open_issue, patch, set_rules, show};
use repoplane_tests::{Hook, TestApp, consistency};
use serde_json::{Value, json};
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);

#[tokio::test]
async fn a_task_that_has_ended_is_not_sent() {
    let app = TestApp::start_with_double().await;
    let (hook, cancelled) = one_task(&app).await;
    patch(&app, &cancelled, "cancelled", None).await.expect(200);
    let done = open_issue(&app, &hook, 2).await.remove(0);
    let lease = claim(&app, &done, "w", Value::Null).await.expect(200).text("/leaseId");
    patch(&app, &done, "succeeded", Some(&lease)).await.expect(200);
    assert_eq!(marked(&app).await.len(), 2);
    app.drain_stream().await;
    assert_eq!((told(&app).await, marked(&app).await), (Vec::<String>::new(), Vec::new()));
    consistency::handed_over(&app.items().await, &[]).expect("handed over");
    // It is as new when it is queued once more.
    app.admin().post(&format!("/api/tasks/{done}/retry"), Value::Null).await.expect(200);
    app.drain_stream().await;
    assert_eq!(told(&app).await, [done]);
}

#[tokio::test]
async fn a_task_that_waits_for_approval_is_left_alone() {
    let app = TestApp::start_with_double().await;
    let (_, task) = one_task(&app).await;
    let mut item = stored(&app, &task).await;
    item["data"]["M"]["status"] = json!({"S": "waiting_approval"});
    engine(&app, "PutItem", json!({"TableName": "repoplane", "Item": item})).await;
    app.drain_stream().await;
    assert_eq!((told(&app).await, marked(&app).await), (Vec::<String>::new(), Vec::new()));
    // Who approves it queues it, and that marks it again, as every way into the queue does.
    let found = app.store().find_task(tenant(&app).await, task.parse().expect("an id")).await.expect("storage");
    let by = principal(&app).await;
    let approve = |task: &repoplane_domain::task::Task| {
        let status = repoplane_domain::task::TaskStatus::Queued;
        Ok(repoplane_domain::task::Task { status, version: task.version + 1, ..task.clone() })
    };
    let action = (repoplane_domain::audit::AuditAction::TaskUpdated, None);
    let answer = |_: &repoplane_domain::task::Task| repoplane_store::KeptAnswer::ok(Value::Null);
    app.store()
        .change_task(&by, found.expect("the task"), action, app.clock.peek(), approve, answer)
        .await
        .expect("approved");
    app.drain_stream().await;
    assert_eq!(told(&app).await, [task]);
}

#[tokio::test]
async fn a_task_of_a_deleted_repository_is_not_sent() {
    let app = TestApp::start_with_double().await;
    let (hook, task) = one_task(&app).await;
    let item = stored(&app, &task).await;
    app.admin().delete(&format!("{}?force=true", hook.path)).await.expect(200);
    app.drain_stream().await;
    // Deleting takes most of what hangs on a repository along; some may be left for the sweep.
    engine(&app, "PutItem", json!({"TableName": "repoplane", "Item": item})).await;
    assert_eq!(marked(&app).await.len(), 1);
    app.drain_stream().await;
    assert_eq!((told(&app).await, marked(&app).await), (Vec::<String>::new(), Vec::new()));
}

#[tokio::test]
async fn a_task_of_an_archived_repository_is_sent_and_waits_with_its_worker() {
    let app = TestApp::start_with_double().await;
    let (hook, task) = one_task(&app).await;
    app.admin().post(&format!("{}/archive", hook.path), Value::Null).await.expect(200);
    app.drain_stream().await;
    assert_eq!(told(&app).await, std::slice::from_ref(&task));
    assert_eq!(claim(&app, &task, "w", Value::Null).await.expect(403).text("/code"), "REPO_ARCHIVED_READ_ONLY");
}

#[tokio::test]
async fn a_task_that_waits_for_its_hours_is_sent_when_they_begin() {
    let app = TestApp::start_with_double().await;
    let (hook, robot) = Hook::ready(&app).await;
    // The clock stands at 8 in the morning, UTC.
    let window = json!({"startHour": 22, "endHour": 6});
    set_rules(&app, &hook, json!([{"id": "n", "name": "n", "actions": [{"robotId": robot}], "timeWindow": window}]))
        .await;
    let task = open_issue(&app, &hook, 1).await.remove(0);
    app.drain_stream().await;
    app.clock.advance(13 * HOUR);
    assert_eq!(app.dispatch_tick().await["missed"], 0);
    assert!(told(&app).await.is_empty());
    assert_eq!(marked(&app).await, std::slice::from_ref(&task));
    consistency::handed_over(&app.items().await, &[]).expect("what waits for its hours may stand there");
    app.clock.advance(HOUR + Duration::from_secs(60));
    assert_eq!(app.dispatch_tick().await["sent"], 1);
    assert_eq!(told(&app).await, std::slice::from_ref(&task));
    claim(&app, &task, "w", Value::Null).await.expect(200);
    assert_eq!(show(&app, &task).await["status"], "processing");
    consistency::check(&app.items().await).expect("consistent");
}

async fn tenant(app: &TestApp) -> repoplane_domain::id::TenantId {
    app.store().first_tenant().await.expect("storage").expect("a tenant")
}

async fn principal(app: &TestApp) -> repoplane_domain::access::Principal {
    let token = repoplane_domain::secret::Secret::new(repoplane_tests::ADMIN_TOKEN);
    app.app().authenticate(&token, true).await.expect("storage").expect("the administrator")
}
