//! Deliveries end with the repository's retention, by the clock, and never before their open tasks (design 4).

use repoplane_tests::{Answer, GITHUB_ISSUES_OPENED, Hook, TestApp, consistency, fixture};
use serde_json::{Value, json};
use std::time::Duration;

const DAY: Duration = Duration::from_secs(24 * 3600);
const MINUTE: Duration = Duration::from_secs(60);

async fn is_there(app: &TestApp, hook: &Hook, id: &str) -> bool {
    let listed = hook.deliveries(&app.admin()).await.iter().any(|delivery| delivery["id"] == id);
    for path in ["", "/payload"] {
        let answer = app.admin().get(&format!("{}/webhook-deliveries/{id}{path}", hook.path)).await;
        assert_eq!(answer.status.as_u16(), if listed { 200 } else { 404 }, "{path}: list and detail agree");
    }
    listed
}

fn delivery_of(answer: &Answer) -> String {
    answer.headers["x-repoplane-delivery"].to_str().expect("text").to_owned()
}

/// A repository with two robots that both answer to every issue, and the tasks of one.
async fn two_tasks(app: &TestApp, retention_days: u16) -> (Hook, String, Vec<String>) {
    let (hook, first) = Hook::ready(app).await;
    let second = hook.add_robot(app, "Second").await;
    let github = app.double.as_ref().map(|double| double.github());
    app.admin().patch(&hook.path, json!({"apiBaseUrl": github, "retentionDays": retention_days})).await.expect(200);
    hook.enable(app, &second).await;
    app.admin().patch(&hook.path, json!({"apiBaseUrl": null})).await.expect(200);
    let rule = json!({"name": "both", "actions": [{"robotId": first}, {"robotId": second}]});
    let config = json!({"config": {"version": 2, "events": {"issue": {"rules": [rule]}}}});
    app.admin().put(&format!("{}/automation", hook.path), config).await.expect(200);
    let answer = hook.post(app, "issues", "guid", &fixture(GITHUB_ISSUES_OPENED)).await.expect(202);
    let tasks = answer.body["tasks"].as_array().expect("tasks").iter();
    let tasks: Vec<String> = tasks.map(|task| task["id"].as_str().expect("an id").to_owned()).collect();
    assert_eq!(tasks.len(), 2);
    (hook, delivery_of(&answer), tasks)
}

async fn claim_and_finish(app: &TestApp, task: &str) {
    let claimed = app.admin().post(&format!("/api/tasks/{task}/claim"), json!({"worker": "w"})).await.expect(200);
    let body = json!({"status": "succeeded", "leaseId": claimed.body["leaseId"]});
    app.admin().patch(&format!("/api/tasks/{task}"), body).await.expect(200);
}

#[tokio::test]
async fn a_delivery_without_tasks_ends_with_the_retention_by_the_clock_alone() {
    for (days, patch) in [(30, None), (1, Some(1)), (60, Some(60))] {
        let app = TestApp::start().await;
        let hook = Hook::github(&app).await;
        if let Some(days) = patch {
            app.admin().patch(&hook.path, json!({"retentionDays": days})).await.expect(200);
        }
        let id = delivery_of(&hook.ping(&app, "guid").await.expect(202));
        app.clock.advance(days * DAY - MINUTE);
        assert!(is_there(&app, &hook, &id).await, "{days} days");
        app.clock.advance(MINUTE);
        assert!(!is_there(&app, &hook, &id).await, "{days} days");
    }
}

#[tokio::test]
async fn a_delivery_lives_as_long_as_any_of_its_tasks_is_open_and_a_day_more() {
    let app = TestApp::start_with_double().await;
    let (hook, id, tasks) = two_tasks(&app, 1).await;
    app.clock.advance(40 * DAY);
    assert!(is_there(&app, &hook, &id).await, "both tasks are open");
    claim_and_finish(&app, &tasks[0]).await;
    consistency::check(&app.items().await).expect("consistent");
    app.clock.advance(40 * DAY);
    assert!(is_there(&app, &hook, &id).await, "one task is open");
    app.admin().patch(&format!("/api/tasks/{}", tasks[1]), json!({"status": "cancelled"})).await.expect(200);
    consistency::check(&app.items().await).expect("consistent");
    app.clock.advance(DAY - MINUTE);
    assert!(is_there(&app, &hook, &id).await, "whoever ended it may look");
    app.clock.advance(MINUTE);
    assert!(!is_there(&app, &hook, &id).await);
}

#[tokio::test]
async fn a_delivery_whose_tasks_ended_early_lives_for_the_rest_of_the_retention() {
    let app = TestApp::start_with_double().await;
    let (hook, id, tasks) = two_tasks(&app, 30).await;
    for task in &tasks {
        claim_and_finish(&app, task).await;
    }
    consistency::check(&app.items().await).expect("consistent");
    app.clock.advance(30 * DAY - MINUTE);
    assert!(is_there(&app, &hook, &id).await);
    app.clock.advance(MINUTE);
    assert!(!is_there(&app, &hook, &id).await);
}

#[tokio::test]
async fn an_open_task_whose_lease_ran_out_keeps_its_delivery_too() {
    let app = TestApp::start_with_double().await;
    let (hook, id, tasks) = two_tasks(&app, 1).await;
    claim_and_finish(&app, &tasks[0]).await;
    let worker = json!({"worker": "gone"});
    app.admin().post(&format!("/api/tasks/{}/claim", tasks[1]), worker).await.expect(200);
    app.clock.advance(10 * DAY);
    assert!(is_there(&app, &hook, &id).await);
}

#[tokio::test]
async fn siblings_that_end_at_the_same_time_are_both_counted() {
    let app = TestApp::start_with_double().await;
    let (hook, id, tasks) = two_tasks(&app, 1).await;
    let (one, two) = (app.admin(), app.second_instance().admin());
    let paths = [format!("/api/tasks/{}", tasks[0]), format!("/api/tasks/{}", tasks[1])];
    let cancelled = json!({"status": "cancelled"});
    let (a, b) = tokio::join!(one.patch(&paths[0], cancelled.clone()), two.patch(&paths[1], cancelled.clone()));
    a.expect(200);
    b.expect(200);
    consistency::check(&app.items().await).expect("consistent");
    app.clock.advance(DAY + MINUTE);
    assert!(!is_there(&app, &hook, &id).await);
}

#[tokio::test]
async fn an_accepted_delivery_whose_tasks_all_wait_already_ends_with_the_retention() {
    let app = TestApp::start_with_double().await;
    let (hook, robot) = Hook::ready(&app).await;
    // The clock stands at 8 in the morning.
    let rule =
        json!({"name": "at night", "actions": [{"robotId": robot}], "timeWindow": {"startHour": 22, "endHour": 6}});
    let config = json!({"config": {"version": 2, "events": {"issue": {"rules": [rule]}}}});
    app.admin().put(&format!("{}/automation", hook.path), config).await.expect(200);
    let body = fixture(GITHUB_ISSUES_OPENED);
    let waits = delivery_of(&hook.post(&app, "issues", "guid-1", &body).await.expect(202));
    let second =
        hook.post(&app, "issues", "guid-2", &body.replacen("\"number\": 1", "\"number\": 2", 1)).await.expect(202);
    assert_eq!(second.body["tasks"], Value::Array(Vec::new()));
    app.clock.advance(30 * DAY);
    assert!(is_there(&app, &hook, &waits).await);
    assert!(!is_there(&app, &hook, &delivery_of(&second)).await);
    consistency::check(&app.items().await).expect("consistent");
}
