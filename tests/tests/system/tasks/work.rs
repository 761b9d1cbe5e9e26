//! Repositories with tasks, for the tests beside.

use repoplane_tests::{Answer, GITHUB_ISSUES_OPENED, Hook, TestApp, fixture};
use serde_json::{Value, json};

/// The example issue with another number: another event.
pub(crate) fn issue(number: u32) -> String {
    let mut body: Value = serde_json::from_str(&fixture(GITHUB_ISSUES_OPENED)).expect("JSON");
    body["issue"]["number"] = json!(number);
    body.to_string()
}

/// Posts the n-th issue and answers the ids of its tasks.
pub(crate) async fn open_issue(app: &TestApp, hook: &Hook, number: u32) -> Vec<String> {
    let answer = hook.post(app, "issues", &format!("guid-{number}"), &issue(number)).await.expect(202);
    let tasks = answer.body["tasks"].as_array().unwrap_or_else(|| panic!("no tasks in {}", answer.body)).iter();
    tasks.map(|task| task["id"].as_str().expect("an id").to_owned()).collect()
}

/// A repository whose one robot has one task to do.
pub(crate) async fn one_task(app: &TestApp) -> (Hook, String) {
    let (hook, _) = Hook::ready(app).await;
    let task = open_issue(app, &hook, 1).await.remove(0);
    (hook, task)
}

/// Adds robots and enables them at the double.
pub(crate) async fn add_robots(app: &TestApp, hook: &Hook, count: usize) -> Vec<String> {
    let github = app.double.as_ref().map(|double| double.github());
    app.admin().patch(&hook.path, json!({"apiBaseUrl": github})).await.expect(200);
    let mut robots = Vec::new();
    for n in 0..count {
        let robot = hook.add_robot(app, &format!("Robot {n}")).await;
        hook.enable(app, &robot).await;
        robots.push(robot);
    }
    app.admin().patch(&hook.path, json!({"apiBaseUrl": null})).await.expect(200);
    robots
}

/// Stores rules for issues.
pub(crate) async fn set_rules(app: &TestApp, hook: &Hook, rules: Value) {
    let config = json!({"config": {"version": 2, "events": {"issue": {"rules": rules}}}});
    app.admin().put(&format!("{}/automation", hook.path), config).await.expect(200);
}

/// Claims as `worker` with further fields.
pub(crate) async fn claim(app: &TestApp, task: &str, worker: &str, more: Value) -> Answer {
    let mut body = json!({"worker": worker});
    for (name, value) in more.as_object().into_iter().flatten() {
        body[name] = value.clone();
    }
    app.admin().post(&format!("/api/tasks/{task}/claim"), body).await
}

/// Changes the status, with a lease or without.
pub(crate) async fn patch(app: &TestApp, task: &str, status: &str, lease: Option<&str>) -> Answer {
    let mut body = json!({"status": status});
    if let Some(lease) = lease {
        body["leaseId"] = json!(lease);
    }
    app.admin().patch(&format!("/api/tasks/{task}"), body).await
}

/// The task as its own address shows it.
pub(crate) async fn show(app: &TestApp, task: &str) -> Value {
    app.admin().get(&format!("/api/tasks/{task}")).await.expect(200).body["task"].clone()
}
