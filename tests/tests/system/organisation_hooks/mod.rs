//! One webhook for a whole organisation or group: `/api/webhook-hooks`, and what comes in by it.

mod manage;
mod receive;
mod refused;
mod secrets;
mod twins;

use repoplane_tests::{GITHUB_ISSUES_OPENED, GITLAB_ISSUE_OPENED, Hook, TestApp, fixture};
use serde_json::{Value, json};

/// The example issue with another number: another event.
fn issue(number: u32) -> String {
    let mut body: Value = serde_json::from_str(&fixture(GITHUB_ISSUES_OPENED)).expect("JSON");
    body["issue"]["number"] = json!(number);
    body.to_string()
}

/// GitLab's, of project 42 at `https://gitlab.example.com/workshop/widgets`.
fn gitlab_issue(number: u32) -> String {
    let mut body: Value = serde_json::from_str(&fixture(GITLAB_ISSUE_OPENED)).expect("JSON");
    body["object_attributes"]["iid"] = json!(number);
    body.to_string()
}

/// A repository that is registered with its identity, with a robot and a rule for issues.
async fn registered(app: &TestApp) -> Hook {
    let (hook, _) = Hook::ready(app).await;
    app.admin().patch(&hook.path, json!({"externalId": "Codertocat/Hello-World"})).await.expect(200);
    hook
}

/// As [`registered`], the project of the GitLab payloads.
async fn registered_project(app: &TestApp, external_id: &str) -> Hook {
    let double = app.double.as_ref().expect("a provider double").gitlab();
    let hook = Hook::register(app, "gitlab", json!({"name": "workshop/widgets", "apiBaseUrl": double})).await;
    hook.add_credentials(app, repoplane_local::double::WRITE_TOKEN).await;
    let robot = hook.add_robot(app, "Triage").await;
    hook.enable(app, &robot).await;
    hook.add_rule(app, "issue", &robot, Value::Null).await;
    let identity = json!({"externalId": external_id, "apiBaseUrl": "https://gitlab.example.com"});
    app.admin().patch(&hook.path, identity).await.expect(200);
    hook
}

/// The webhook of the organisation that GitHub's example payloads come from.
async fn of_github(app: &TestApp) -> Hook {
    Hook::organisation(app, json!({"provider": "github", "owner": "codertocat"})).await
}

/// The webhook of the group that the GitLab payloads come from.
async fn of_gitlab(app: &TestApp) -> Hook {
    let body = json!({"provider": "gitlab", "owner": "Workshop", "apiBaseUrl": "https://gitlab.example.com/"});
    Hook::organisation(app, body).await
}
