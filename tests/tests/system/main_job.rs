//! A repository, a signed webhook, a robot task.

use repoplane_tests::{GITHUB_ISSUES_OPENED, GITLAB_ISSUE_OPENED, Hook, TestApp, fixture};
use serde_json::{Value, json};

#[tokio::test]
async fn a_real_github_payload_makes_exactly_one_task_and_the_same_again_none() {
    let app = TestApp::start_with_double().await;
    let (hook, robot) = Hook::ready(&app).await;
    let body = fixture(GITHUB_ISSUES_OPENED);

    let first = hook.post(&app, "issues", "guid-1", &body).await.expect(202);
    assert_eq!(first.body["tasks"].as_array().map(Vec::len), Some(1), "{}", first.body);
    assert_eq!(first.text("/tasks/0/robotId"), robot);
    let again = hook.post(&app, "issues", "guid-1", &body).await.expect(202);
    assert_eq!(again.body["tasks"], first.body["tasks"]);
    assert!(again.text("/duplicate_of").starts_with("dlv_"));

    let tasks = hook.tasks(&app.admin()).await;
    assert_eq!(tasks.len(), 1);
    assert_eq!(tasks[0]["status"], "queued");
    let deliveries = hook.deliveries(&app.admin()).await;
    assert_eq!(deliveries.len(), 1, "a twin is counted, not recorded");
    assert_eq!(deliveries[0]["taskIds"], json!([tasks[0]["id"]]));
}

#[tokio::test]
async fn a_gitlab_payload_makes_exactly_one_task() {
    let app = TestApp::start_with_double().await;
    let hook = Hook::gitlab(&app).await;
    hook.add_credentials(&app, repoplane_local::double::WRITE_TOKEN).await;
    let robot = hook.add_robot(&app, "Triage").await;
    let gitlab = app.double.as_ref().map(|double| double.gitlab());
    app.admin().patch(&hook.path, json!({"apiBaseUrl": gitlab})).await.expect(200);
    hook.enable(&app, &robot).await;
    app.admin().patch(&hook.path, json!({"apiBaseUrl": null})).await.expect(200);
    hook.add_rule(&app, "issue", &robot, Value::Null).await;

    let body = fixture(GITLAB_ISSUE_OPENED);
    hook.post(&app, "Issue Hook", "uuid-1", &body).await.expect(202);
    hook.post(&app, "Issue Hook", "uuid-1", &body).await.expect(202);
    assert_eq!(hook.tasks(&app.admin()).await.len(), 1);
}
