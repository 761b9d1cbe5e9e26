//! `DELETE /api/repos/:id/webhook-deliveries/:deliveryId/content`: the payload goes, the record of it stays.

use crate::repos::{at_once, second_of};
use crate::tasks::work::{claim, issue, patch};
use crate::webhooks::bodies::{MB, issue_of};
use repoplane_local::line::{Fault, FaultPlan};
use repoplane_tests::{Answer, Hook, TestApp, consistency};
use serde_json::{Value, json};

async fn delete(app: &TestApp, hook: &Hook, id: &str) -> Answer {
    app.admin().delete(&format!("{}/webhook-deliveries/{id}/content", hook.path)).await
}

async fn chunks(app: &TestApp, id: &str) -> usize {
    let items = app.items().await;
    let own = items.iter().filter(|item| item["pk"]["S"] == format!("DELIVERY#{id}") && item["sk"]["S"] != "DETAIL");
    own.count()
}

#[tokio::test]
async fn every_part_of_a_payload_goes_and_its_record_stays() {
    let app = TestApp::start_with_double().await;
    let (hook, _) = Hook::ready(&app).await;
    for (size, least) in [(16 * 1024, 1), (5 * MB, 10)] {
        let posted = hook.post(&app, "issues", &size.to_string(), &issue_of(size)).await.expect(202);
        let id = posted.delivery();
        assert!(chunks(&app, &id).await >= least);
        let path = format!("{}/webhook-deliveries/{id}", hook.path);
        let before = app.admin().get(&path).await.expect(200).body["delivery"].clone();
        let deleted = delete(&app, &hook, &id).await.expect(200);
        let at = deleted.text("/delivery/contentDeletedAt");
        assert_eq!(chunks(&app, &id).await, 0, "{size}");
        app.admin().get(&format!("{path}/payload")).await.expect(404);
        let mut expected = before;
        for gone in ["payload", "payloadUrl"] {
            expected.as_object_mut().expect("an object").remove(gone);
        }
        expected["contentDeletedAt"] = json!(at);
        assert_eq!(app.admin().get(&path).await.expect(200).body["delivery"], expected, "{size}");
        assert_eq!(hook.deliveries(&app.admin()).await[0]["contentDeletedAt"], at);
        consistency::check(&app.items().await).expect("consistent");

        let items = app.items().await;
        assert_eq!(delete(&app, &hook, &id).await.expect(200).body, deleted.body, "again: nothing changes");
        assert!(app.items().await == items);
        // Its task goes on without it.
        let task = posted.text("/tasks/0/id");
        let lease = claim(&app, &task, "w", Value::Null).await.expect(200).text("/leaseId");
        patch(&app, &task, "succeeded", Some(&lease)).await.expect(200);
        app.admin().post(&format!("/api/tasks/{task}/retry"), Value::Null).await.expect(200);
        patch(&app, &task, "cancelled", None).await.expect(200);
        consistency::check(&app.items().await).expect("consistent");
    }
    let audit = app.audit_of(&hook.repo).await;
    assert_eq!(audit.iter().filter(|action| *action == "REPO_DELIVERY_CONTENT_DELETED").count(), 2);
}

#[tokio::test]
async fn those_who_manage_may_and_only_on_a_repository_that_is_not_archived() {
    let app = TestApp::start().await;
    let hook = Hook::github(&app).await;
    let other = Hook::register(&app, "github", json!({"name": "other"})).await;
    let id = hook.ping(&app, "guid").await.expect(202).delivery();
    let mia = app.member(&hook.repo, "mia", "member").await;
    let max = app.member(&hook.repo, "max", "maintainer").await;
    let path = format!("{}/webhook-deliveries/{id}/content", hook.path);
    assert_eq!(mia.client.delete(&path).await.expect(403).text("/code"), "REPO_MANAGE_REQUIRED");
    app.tenant("second").await.client.delete(&path).await.expect(404);
    delete(&app, &other, &id).await.expect(404);
    delete(&app, &hook, "no-id").await.expect(404);
    delete(&app, &hook, "dlv_00000000000000000000000000").await.expect(404);
    app.admin().post(&format!("{}/archive", hook.path), Value::Null).await.expect(200);
    assert_eq!(max.client.delete(&path).await.expect(403).text("/code"), "REPO_ARCHIVED_READ_ONLY");
    assert_eq!(chunks(&app, &id).await, 1);
    app.admin().post(&format!("{}/unarchive", hook.path), Value::Null).await.expect(200);
    max.client.delete(&path).await.expect(200);
}

#[tokio::test]
async fn a_post_that_proved_nothing_has_no_content_to_delete() {
    let app = TestApp::start().await;
    let hook = Hook::github(&app).await;
    let id = hook.with_secret("another").ping(&app, "guid").await.expect(401).delivery();
    assert_eq!(chunks(&app, &id).await, 0);
    assert!(delete(&app, &hook, &id).await.expect(200).body["delivery"]["contentDeletedAt"].is_string());
    consistency::check(&app.items().await).expect("consistent");
}

#[tokio::test]
async fn the_same_event_posted_again_is_still_its_twin() {
    let app = TestApp::start_with_double().await;
    let (hook, _) = Hook::ready(&app).await;
    let posted = hook.post(&app, "issues", "guid", &issue(1)).await.expect(202);
    delete(&app, &hook, &posted.delivery()).await.expect(200);
    let twin = hook.post(&app, "issues", "guid", &issue(1)).await.expect(202);
    assert_eq!(twin.body["duplicate_of"], posted.delivery());
    assert_eq!(chunks(&app, &posted.delivery()).await, 0);
    consistency::check(&app.items().await).expect("consistent");
}

#[tokio::test]
async fn a_task_that_ends_or_comes_back_while_the_payload_is_deleted_does_not_leave_a_shell_of_it() {
    for retried in [false, true] {
        let app = TestApp::start_with_double().await;
        let (hook, _) = Hook::ready(&app).await;
        let posted = hook.post(&app, "issues", "guid", &issue(1)).await.expect(202);
        let task = format!("/api/tasks/{}", posted.text("/tasks/0/id"));
        if retried {
            app.admin().post(&format!("{task}/cancel"), Value::Null).await.expect(200);
        }
        let second = second_of(&app).await;
        tokio::time::pause();
        // The task's transaction has to come again, and finds that the payload went meanwhile.
        let target = "DynamoDB_20120810.TransactWriteItems".to_owned();
        app.line.set_fault(Some(FaultPlan { target, from: 0, times: 1, fault: Fault::Conflict }));
        let action = if retried { "retry" } else { "cancel" };
        let content = format!("{}/webhook-deliveries/{}/content", hook.path, posted.delivery());
        let calls = [(app.admin(), "POST", format!("{task}/{action}")), (second.admin(), "DELETE", content)];
        let calls =
            calls.map(|(client, method, target)| async move { client.call(method, &target, Value::Null).await });
        for answer in at_once(calls).await {
            answer.expect(200);
        }
        consistency::check(&app.items().await).unwrap_or_else(|wrong| panic!("{action}: {wrong:?}"));
        tokio::time::resume();
    }
}
