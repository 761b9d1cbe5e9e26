//! `POST /api/tasks/:id/retry` and `/cancel`.

use super::work::{claim, issue, one_task, open_issue, patch, set_rules, show};
use crate::webhooks::bodies::{MB, issue_of};
use repoplane_tests::{Answer, Hook, TestApp, consistency};
use serde_json::{Value, json};
use std::time::Duration;

const DAY: Duration = Duration::from_secs(24 * 3600);

async fn act(app: &TestApp, task: &str, action: &str) -> Answer {
    app.admin().post(&format!("/api/tasks/{task}/{action}"), Value::Null).await
}

async fn end(app: &TestApp, task: &str, status: &str) {
    if status == "cancelled" {
        patch(app, task, status, None).await.expect(200);
        return;
    }
    let lease = claim(app, task, "w", Value::Null).await.expect(200).text("/leaseId");
    let body = json!({"status": status, "leaseId": lease, "result": {"said": "much"}});
    app.admin().patch(&format!("/api/tasks/{task}"), body).await.expect(200);
}

/// The task's own item.
async fn stored(app: &TestApp, task: &str) -> Value {
    let items = app.items().await;
    items.into_iter().find(|item| item["sk"]["S"] == format!("TASK#{task}")).expect("the task")
}

/// Takes the mark of a task away, as the dispatcher will.
async fn dispatch(app: &TestApp, task: &str) {
    let item = stored(app, task).await;
    let request = json!({
        "TableName": "repoplane", "Key": {"pk": item["pk"], "sk": item["sk"]},
        "UpdateExpression": "REMOVE undispatched_pk, undispatched_sk",
    });
    let answer = app.line.engines().call("DynamoDB_20120810.UpdateItem", request.to_string().into_bytes()).await;
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn a_task_that_ended_in_any_way_is_queued_again_without_its_result() {
    for status in ["succeeded", "failed", "commented", "cancelled"] {
        let app = TestApp::start_with_double().await;
        let (hook, task) = one_task(&app).await;
        dispatch(&app, &task).await;
        end(&app, &task, status).await;
        let before = show(&app, &task).await;
        assert!(stored(&app, &task).await.get("open_pk").is_none());
        let answer = act(&app, &task, "retry").await.expect(200);
        let after = show(&app, &task).await;
        assert_eq!(answer.body["task"], after, "{status}");
        assert_eq!((&after["status"], &after["retries"]), (&json!("queued"), &json!(1)), "{status}");
        assert!(after.get("result").is_none() && after.get("lease").is_none(), "{status}: {after}");
        for same in ["id", "deliveryId", "groupId", "prompt", "robotId", "ruleId", "title", "createdAt"] {
            assert_eq!(after[same], before[same], "{status} {same}");
        }
        let item = stored(&app, &task).await;
        assert!(item.get("open_pk").is_some() && item.get("undispatched_pk").is_some(), "{status}");
        assert_eq!(hook.tasks(&app.admin()).await.len(), 1, "{status}");
        consistency::check(&app.items().await).expect("consistent");
        end(&app, &task, "succeeded").await;
        act(&app, &task, "retry").await.expect(200);
        assert_eq!(show(&app, &task).await["retries"], 2, "{status}");
        let archived = app.admin().post(&format!("{}/archive", hook.path), Value::Null).await.expect(200);
        assert_eq!(archived.body["tasksArchived"], 1, "{status}");
        consistency::check(&app.items().await).expect("consistent");
    }
}

#[tokio::test]
async fn what_has_not_ended_cannot_be_retried() {
    let app = TestApp::start_with_double().await;
    let (_, task) = one_task(&app).await;
    let refused = async |status: &str| {
        assert_eq!(show(&app, &task).await["status"], status);
        let answer = act(&app, &task, "retry").await.expect(409);
        assert_eq!(answer.text("/code"), "TASK_NOT_ENDED", "{status}");
        assert!(answer.text("/message").contains(status), "{}", answer.body);
    };
    refused("queued").await;
    claim(&app, &task, "w", Value::Null).await.expect(200);
    refused("processing").await;
    app.clock.advance(Duration::from_secs(601));
    refused("queued").await;
    assert_eq!(show(&app, &task).await["retries"], 0);
}

#[tokio::test]
async fn a_retried_task_keeps_its_delivery_until_it_ends_again() {
    for size in [9_000, 4 * MB + MB / 2] {
        let app = TestApp::start_with_double().await;
        let (hook, _) = Hook::ready(&app).await;
        app.admin().patch(&hook.path, json!({"retentionDays": 1})).await.expect(200);
        let body = issue_of(size);
        let posted = hook.post(&app, "issues", "guid", &body).await.expect(202);
        let task = posted.text("/tasks/0/id");
        let payload = format!("{}/webhook-deliveries/{}/payload", hook.path, posted.delivery());
        end(&app, &task, "failed").await;
        consistency::check(&app.items().await).expect("consistent");
        act(&app, &task, "retry").await.expect(200);
        consistency::check(&app.items().await).expect("consistent");
        app.clock.advance(40 * DAY);
        assert!(app.admin().get(&payload).await.expect(200).bytes == body.as_bytes(), "{size}: its task is open");
        end(&app, &task, "succeeded").await;
        consistency::check(&app.items().await).expect("consistent");
        app.clock.advance(DAY - Duration::from_secs(60));
        app.admin().get(&payload).await.expect(200);
        app.clock.advance(Duration::from_secs(60));
        app.admin().get(&payload).await.expect(404);
    }
}

#[tokio::test]
async fn without_its_delivery_a_task_is_not_retried() {
    let app = TestApp::start_with_double().await;
    let (hook, task) = one_task(&app).await;
    end(&app, &task, "failed").await;
    app.clock.advance(31 * DAY);
    let before = app.items().await;
    let gone = act(&app, &task, "retry").await.expect(409);
    assert_eq!(gone.text("/code"), "TASK_DELIVERY_GONE");
    assert_eq!(hook.tasks(&app.admin()).await[0]["status"], "failed");
    let of_task =
        |items: &[Value]| items.iter().filter(|item| item.to_string().contains(&task)).cloned().collect::<Vec<_>>();
    assert_eq!(of_task(&app.items().await), of_task(&before));
}

#[tokio::test]
async fn a_retried_task_does_not_take_the_place_of_a_schedule_but_others_may() {
    let app = TestApp::start_with_double().await;
    let (hook, robot) = Hook::ready(&app).await;
    let night = json!({"startHour": 22, "endHour": 6});
    set_rules(&app, &hook, json!([{"id": "n", "name": "n", "actions": [{"robotId": robot}], "timeWindow": night}]))
        .await;
    let task = open_issue(&app, &hook, 1).await.remove(0);
    end(&app, &task, "cancelled").await;
    act(&app, &task, "retry").await.expect(200);
    consistency::check(&app.items().await).expect("consistent");
    assert_eq!(open_issue(&app, &hook, 2).await.len(), 1);
    assert_eq!(claim(&app, &task, "w", Value::Null).await.expect(409).text("/code"), "TASK_OUTSIDE_WINDOW");
    end(&app, &task, "cancelled").await;
    consistency::check(&app.items().await).expect("consistent");
}

#[tokio::test]
async fn a_task_that_nobody_holds_is_cancelled_once() {
    let app = TestApp::start_with_double().await;
    let (hook, task) = one_task(&app).await;
    let first = act(&app, &task, "cancel").await.expect(200);
    assert_eq!(first.body["task"]["status"], "cancelled");
    assert_eq!(act(&app, &task, "cancel").await.expect(200).body, first.body, "again: nothing changes");
    assert_eq!(app.audit_of(&hook.repo).await.iter().filter(|action| *action == "TASK_CANCELLED").count(), 1);
    consistency::check(&app.items().await).expect("consistent");

    let held = open_issue(&app, &hook, 2).await.remove(0);
    let lease = claim(&app, &held, "w", Value::Null).await.expect(200).text("/leaseId");
    assert_eq!(act(&app, &held, "cancel").await.expect(409).text("/code"), "TASK_STATUS_ILLEGAL");
    app.clock.advance(Duration::from_secs(601));
    act(&app, &held, "cancel").await.expect(200);
    patch(&app, &held, "succeeded", Some(&lease)).await.expect(409);

    let done = open_issue(&app, &hook, 3).await.remove(0);
    end(&app, &done, "succeeded").await;
    assert_eq!(act(&app, &done, "cancel").await.expect(409).text("/code"), "TASK_STATUS_ILLEGAL");
    consistency::check(&app.items().await).expect("consistent");
}

#[tokio::test]
async fn who_may_not_manage_may_neither_retry_nor_cancel() {
    let app = TestApp::start_with_double().await;
    let (hook, queued) = one_task(&app).await;
    let ended = open_issue(&app, &hook, 2).await.remove(0);
    end(&app, &ended, "failed").await;
    let mia = app.member(&hook.repo, "mia", "member").await;
    let max = app.member(&hook.repo, "max", "maintainer").await;
    let reader = max.client.token(json!({"name": "r", "scopes": ["tasks:read"]})).await;
    let other = app.tenant("second").await;
    app.admin().post(&format!("{}/archive", hook.path), Value::Null).await.expect(200);
    for path in [format!("/api/tasks/{ended}/retry"), format!("/api/tasks/{queued}/cancel")] {
        for client in [&app.admin(), &max.client] {
            assert_eq!(client.post(&path, Value::Null).await.expect(403).text("/code"), "REPO_ARCHIVED_READ_ONLY");
        }
    }
    app.admin().post(&format!("{}/unarchive", hook.path), Value::Null).await.expect(200);
    for path in [format!("/api/tasks/{ended}/retry"), format!("/api/tasks/{queued}/cancel")] {
        assert_eq!(mia.client.post(&path, Value::Null).await.expect(403).text("/code"), "REPO_MANAGE_REQUIRED");
        let scope = app.client(&reader).post(&path, Value::Null).await.expect(403);
        assert_eq!(scope.text("/requiredScope"), "tasks:write");
        other.client.post(&path, Value::Null).await.expect(404);
        max.client.post(&path, Value::Null).await.expect(200);
    }
    for action in ["retry", "cancel"] {
        act(&app, "tsk_00000000000000000000000000", action).await.expect(404);
        act(&app, "no-id", action).await.expect(404);
    }
}

#[tokio::test]
async fn a_retry_does_not_look_at_twins_of_its_event() {
    let app = TestApp::start_with_double().await;
    let (hook, task) = one_task(&app).await;
    end(&app, &task, "failed").await;
    act(&app, &task, "retry").await.expect(200);
    let twin = hook.post(&app, "issues", "guid-1", &issue(1)).await.expect(202);
    assert_eq!(twin.text("/tasks/0/id"), task, "the provider's repeat makes no second task");
    assert_eq!(hook.tasks(&app.admin()).await.len(), 1);
}
