//! `POST /api/repos/:id/webhook-deliveries/:deliveryId/redeliver`: a kept delivery, by the rules as they are now.

use crate::repos::{at_once, second_of};
use crate::tasks::work::{add_robots, issue, open_issue, patch, set_rules};
use repoplane_tests::{Answer, GITLAB_ISSUE_OPENED, Hook, TestApp, consistency, fixture};
use serde_json::{Value, json};
use std::time::Duration;

const DAY: Duration = Duration::from_secs(24 * 3600);

async fn redeliver(app: &TestApp, hook: &Hook, id: &str) -> Answer {
    app.admin().post(&format!("{}/webhook-deliveries/{id}/redeliver", hook.path), Value::Null).await
}

async fn detail(app: &TestApp, hook: &Hook, id: &str) -> Value {
    app.admin().get(&format!("{}/webhook-deliveries/{id}", hook.path)).await.expect(200).body["delivery"].clone()
}

#[tokio::test]
async fn a_redelivery_is_a_delivery_of_its_own_and_both_know_each_other() {
    let app = TestApp::start_with_double().await;
    let (hook, _) = Hook::ready(&app).await;
    let first = hook.post(&app, "issues", "guid", &issue(1)).await.expect(202);
    let original = first.delivery();
    let mut replays = Vec::new();
    for _ in 0..3 {
        let again = redeliver(&app, &hook, &original).await.expect(201);
        let id = again.text("/delivery/id");
        assert_eq!(again.headers["location"], format!("{}/webhook-deliveries/{id}", hook.path));
        assert_eq!(again.body["tasks"].as_array().map(Vec::len), Some(1), "{}", again.body);
        assert_ne!(again.body["tasks"][0]["id"], first.body["tasks"][0]["id"], "tasks of its own");
        let shown = detail(&app, &hook, &id).await;
        for (field, value) in [
            ("/replayOfEventId", json!(original)),
            ("/replayMode", json!("current_config")),
            ("/debugTrace/source", json!("replay")),
            ("/debugTrace/replayOfEventId", json!(original)),
            ("/debugTrace/replayMode", json!("current_config")),
            ("/result", json!("accepted")),
            ("/eventName", json!("issues")),
            ("/taskIds/0", again.body["tasks"][0]["id"].clone()),
            ("/payload/issue/number", json!(1)),
            ("/replays", json!([])),
        ] {
            assert_eq!(shown.pointer(field), Some(&value), "{field}");
        }
        replays.insert(0, id);
    }
    let shown = detail(&app, &hook, &original).await;
    let listed: Vec<&str> =
        shown["replays"].as_array().expect("a list").iter().filter_map(|r| r["id"].as_str()).collect();
    assert_eq!(listed, replays, "newest first");
    assert!(shown.get("replayOfEventId").is_none());
    assert_eq!(shown["debugTrace"]["source"], "ingress");
    let list = hook.deliveries(&app.admin()).await;
    assert_eq!(list[0]["replayOfEventId"], original);
    assert_eq!(hook.tasks(&app.admin()).await.len(), 4);
    // What was run again can be run again.
    let third = redeliver(&app, &hook, &replays[0]).await.expect(201);
    assert_eq!(third.body["delivery"]["replayOfEventId"], replays[0]);
    consistency::check(&app.items().await).expect("consistent");
    assert_eq!(app.audit_of(&hook.repo).await.iter().filter(|a| *a == "REPO_DELIVERY_REDELIVERED").count(), 4);
}

#[tokio::test]
async fn the_configuration_of_today_applies() {
    let app = TestApp::start_with_double().await;
    let (hook, robot) = Hook::ready(&app).await;
    let second = add_robots(&app, &hook, 1).await.remove(0);
    hook.add_rule(&app, "commit", &robot, Value::Null).await;
    let posted = hook.post(&app, "issues", "guid", &issue(1)).await.expect(202);
    assert_eq!(posted.body["skipped"], true);
    set_rules(&app, &hook, json!([{"name": "r", "actions": [{"robotId": second}]}])).await;
    let again = redeliver(&app, &hook, &posted.delivery()).await.expect(201);
    assert_eq!(again.text("/tasks/0/robotId"), second);
    // The other way round.
    hook.add_rule(&app, "commit", &robot, Value::Null).await;
    let skipped = redeliver(&app, &hook, &again.text("/delivery/id")).await.expect(201);
    assert_eq!((&skipped.body["delivery"]["result"], &skipped.body["skipped"]), (&json!("skipped"), &json!(true)));
    consistency::check(&app.items().await).expect("consistent");
}

#[tokio::test]
async fn a_secret_that_was_rotated_does_not_matter() {
    let app = TestApp::start_with_double().await;
    let (hook, _) = Hook::ready(&app).await;
    let posted = hook.post(&app, "issues", "guid", &issue(1)).await.expect(202);
    app.admin().post(&format!("{}/webhook-secret/rotate", hook.path), Value::Null).await.expect(200);
    let again = redeliver(&app, &hook, &posted.delivery()).await.expect(201);
    let steps = detail(&app, &hook, &again.text("/delivery/id")).await["debugTrace"]["steps"].clone();
    let steps = steps.as_array().expect("steps");
    let signature = steps.iter().find(|step| step["key"] == "signature").expect("the step");
    assert_eq!(signature["message"], "verified when the delivery came in");
    assert!(!steps.iter().any(|step| step["key"] == "dedupe"), "no twin is looked for");
}

#[tokio::test]
async fn a_disabled_repository_records_a_skipped_delivery_and_an_archived_one_refuses() {
    let app = TestApp::start_with_double().await;
    let (hook, _) = Hook::ready(&app).await;
    let id = hook.post(&app, "issues", "guid", &issue(1)).await.expect(202).delivery();
    app.admin().patch(&hook.path, json!({"enabled": false})).await.expect(200);
    let skipped = redeliver(&app, &hook, &id).await.expect(201);
    assert_eq!((&skipped.body["skipped"], &skipped.body["reason"]), (&json!(true), &json!("repo disabled")));
    assert_eq!(skipped.body["delivery"]["result"], "skipped");
    consistency::check(&app.items().await).expect("consistent");
    assert_eq!(hook.tasks(&app.admin()).await.len(), 1);

    app.admin().post(&format!("{}/archive", hook.path), Value::Null).await.expect(200);
    let before = app.items().await;
    assert_eq!(redeliver(&app, &hook, &id).await.expect(403).text("/code"), "REPO_ARCHIVED_READ_ONLY");
    assert!(app.items().await == before);
}

#[tokio::test]
async fn without_its_payload_nothing_can_be_run() {
    let app = TestApp::start_with_double().await;
    let (hook, _) = Hook::ready(&app).await;
    let id = hook.post(&app, "issues", "guid-1", &issue(1)).await.expect(202).delivery();
    app.admin().delete(&format!("{}/webhook-deliveries/{id}/content", hook.path)).await.expect(200);
    let forged = hook.with_secret("another").post(&app, "issues", "guid-2", &issue(2)).await.expect(401).delivery();
    let before = app.items().await;
    for id in [&id, &forged] {
        assert_eq!(redeliver(&app, &hook, id).await.expect(409).text("/code"), "DELIVERY_CONTENT_MISSING");
    }
    assert!(app.items().await == before);
}

#[tokio::test]
async fn a_delivery_that_is_not_there_is_404_and_members_may_not() {
    let app = TestApp::start_with_double().await;
    let (hook, _) = Hook::ready(&app).await;
    let other = Hook::register(&app, "github", json!({"name": "other"})).await;
    let id = hook.post(&app, "issues", "guid", &issue(1)).await.expect(202).delivery();
    let mia = app.member(&hook.repo, "mia", "member").await;
    let max = app.member(&hook.repo, "max", "maintainer").await;
    let path = format!("{}/webhook-deliveries/{id}/redeliver", hook.path);
    assert_eq!(mia.client.post(&path, Value::Null).await.expect(403).text("/code"), "REPO_MANAGE_REQUIRED");
    app.tenant("second").await.client.post(&path, Value::Null).await.expect(404);
    redeliver(&app, &other, &id).await.expect(404);
    for unknown in ["no-id", "dlv_00000000000000000000000000", "%FF"] {
        redeliver(&app, &hook, unknown).await.expect(404);
    }
    max.client.post(&path, Value::Null).await.expect(201);
    app.clock.advance(31 * DAY);
    let task = hook.tasks(&app.admin()).await;
    assert_eq!(task.len(), 2, "open tasks keep their deliveries");
    redeliver(&app, &hook, &id).await.expect(201);
    for task in hook.tasks(&app.admin()).await {
        patch(&app, task["id"].as_str().expect("an id"), "cancelled", None).await.expect(200);
    }
    app.clock.advance(2 * DAY);
    redeliver(&app, &hook, &id).await.expect(404);
}

#[tokio::test]
async fn the_providers_own_repeat_is_the_twin_of_the_first_post_as_before() {
    let app = TestApp::start_with_double().await;
    let (hook, _) = Hook::ready(&app).await;
    let first = hook.post(&app, "issues", "guid", &issue(1)).await.expect(202);
    redeliver(&app, &hook, &first.delivery()).await.expect(201);
    let twin = hook.post(&app, "issues", "guid", &issue(1)).await.expect(202);
    assert_eq!(twin.body["duplicate_of"], first.delivery());
    assert_eq!(hook.tasks(&app.admin()).await.len(), 2);
    consistency::check(&app.items().await).expect("consistent");
}

#[tokio::test]
async fn a_task_that_waits_for_its_hour_is_not_made_twice() {
    let app = TestApp::start_with_double().await;
    let (hook, robot) = Hook::ready(&app).await;
    let night = json!({"startHour": 22, "endHour": 6});
    set_rules(&app, &hook, json!([{"id": "n", "name": "n", "actions": [{"robotId": robot}], "timeWindow": night}]))
        .await;
    let posted = hook.post(&app, "issues", "guid", &issue(1)).await.expect(202);
    let again = redeliver(&app, &hook, &posted.delivery()).await.expect(201);
    assert_eq!(again.body["tasks"], json!([]));
    assert_eq!(again.body["delivery"]["message"], "no tasks created after schedule checks");
    consistency::check(&app.items().await).expect("consistent");
    patch(&app, &posted.text("/tasks/0/id"), "cancelled", None).await.expect(200);
    let third = redeliver(&app, &hook, &posted.delivery()).await.expect(201);
    assert_eq!(third.body["tasks"].as_array().map(Vec::len), Some(1), "the place is free");
    consistency::check(&app.items().await).expect("consistent");
}

#[tokio::test]
async fn a_redelivery_lives_by_the_retention_of_today() {
    let app = TestApp::start().await;
    let hook = Hook::github(&app).await;
    let id = hook.ping(&app, "guid").await.expect(202).delivery();
    app.admin().patch(&hook.path, json!({"retentionDays": 1})).await.expect(200);
    let again = redeliver(&app, &hook, &id).await.expect(201).text("/delivery/id");
    let path = |id: &str| format!("{}/webhook-deliveries/{id}", hook.path);
    app.admin().get(&path(&again)).await.expect(200);
    app.clock.advance(DAY);
    app.admin().get(&path(&again)).await.expect(404);
    app.admin().get(&path(&id)).await.expect(200);
}

#[tokio::test]
async fn gitlabs_deliveries_run_again_too() {
    let app = TestApp::start_with_double().await;
    let hook = Hook::gitlab(&app).await;
    let posted = hook.post(&app, "Issue Hook", "uuid", &fixture(GITLAB_ISSUE_OPENED)).await.expect(202);
    let again = redeliver(&app, &hook, &posted.delivery()).await.expect(201);
    assert_eq!(again.body["delivery"]["message"], hook.deliveries(&app.admin()).await[1]["message"]);
    assert_eq!(again.body["delivery"]["deliveryId"], "uuid");
    consistency::check(&app.items().await).expect("consistent");
}

#[tokio::test]
async fn one_delivery_is_run_again_a_hundred_times_and_shows_the_last_twenty() {
    let app = TestApp::start().await;
    let hook = Hook::github(&app).await;
    let id = hook.ping(&app, "guid").await.expect(202).delivery();
    let mut last = Vec::new();
    for _ in 0..100 {
        last.insert(0, redeliver(&app, &hook, &id).await.expect(201).text("/delivery/id"));
    }
    let refused = redeliver(&app, &hook, &id).await.expect(409);
    assert_eq!(refused.text("/code"), "DELIVERY_REDELIVERED_TOO_OFTEN");
    let shown = detail(&app, &hook, &id).await;
    let listed: Vec<_> = shown["replays"].as_array().expect("a list").iter().filter_map(|r| r["id"].as_str()).collect();
    assert_eq!(listed, last[..20]);
    redeliver(&app, &hook, &last[0]).await.expect(201);
}

#[tokio::test(start_paused = true)]
async fn redeliveries_at_once_are_both_made_and_both_listed() {
    let app = TestApp::start().await;
    let hook = Hook::github(&app).await;
    let id = hook.ping(&app, "guid").await.expect(202).delivery();
    let second = second_of(&app).await;
    let path = format!("{}/webhook-deliveries/{id}/redeliver", hook.path);
    let answers = at_once((0..6).map(|n| {
        let client = if n % 2 == 0 { app.admin() } else { second.admin() };
        let path = path.clone();
        async move { client.post(&path, Value::Null).await.expect(201).text("/delivery/id") }
    }))
    .await;
    let shown = detail(&app, &hook, &id).await;
    let mut listed: Vec<_> = shown["replays"].as_array().expect("a list").iter().map(|r| r["id"].clone()).collect();
    assert_eq!(listed.len(), 6);
    listed.retain(|listed| !answers.iter().any(|id| listed == id));
    assert!(listed.is_empty(), "{listed:?}");
    assert_eq!(hook.deliveries(&app.admin()).await.len(), 7);
    consistency::check(&app.items().await).expect("consistent");
}

#[tokio::test]
async fn with_open_tasks_of_both_each_delivery_lives_for_its_own() {
    let app = TestApp::start_with_double().await;
    let (hook, _) = Hook::ready(&app).await;
    app.admin().patch(&hook.path, json!({"retentionDays": 1})).await.expect(200);
    let first = open_issue(&app, &hook, 1).await.remove(0);
    let original = hook.deliveries(&app.admin()).await[0]["id"].as_str().expect("an id").to_owned();
    let again = redeliver(&app, &hook, &original).await.expect(201);
    patch(&app, &first, "cancelled", None).await.expect(200);
    app.clock.advance(2 * DAY);
    app.admin().get(&format!("{}/webhook-deliveries/{original}", hook.path)).await.expect(404);
    detail(&app, &hook, &again.text("/delivery/id")).await;
    consistency::check(&app.items().await).expect("consistent");
}
