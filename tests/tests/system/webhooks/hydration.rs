//! The first verified post fills in what the record does not know; forms are read as GitHub sends them.

use super::row::newest;
use repoplane_tests::{GITHUB_ISSUES_OPENED, GITLAB_ISSUE_OPENED, Hook, TestApp, fixture, github_signature};
use serde_json::{Value, json};

fn auto_filled(branch: &str) -> Value {
    json!([{"name": branch, "note": "Default branch (auto-filled)", "isDefault": true}])
}

#[tokio::test]
async fn the_first_verified_post_fills_in_what_is_empty_and_the_second_costs_nothing_more() {
    let app = TestApp::start().await;
    let hook = Hook::github(&app).await;
    hook.post(&app, "issues", "guid-1", &fixture(GITHUB_ISSUES_OPENED)).await.expect(202);
    let repo = app.admin().get(&hook.path).await.expect(200).body["repo"].clone();
    assert_eq!(repo["externalId"], "Codertocat/Hello-World", "4.6/hydrate");
    assert_eq!(repo["apiBaseUrl"], "https://api.github.com", "4.6/hydrate");
    assert_eq!(repo["branches"], auto_filled("master"), "4.6/hydrate");
    let steps: Vec<Value> = newest(&app, &hook).await["debugTrace"]["steps"].as_array().expect("steps").clone();
    let reached = |key: &str| steps.iter().any(|step| step["key"] == key && step["status"] == "success");
    assert!(reached("hydrate") && reached("verified"), "{steps:?}");

    app.line.take_calls();
    hook.ping(&app, "guid-2").await.expect(202);
    assert_eq!(app.line.take_calls(), ["Query", "TransactWriteItems"]);
    let again = app.admin().get(&hook.path).await.expect(200).body["repo"].clone();
    assert_eq!(again, repo, "not even updatedAt moves");
}

#[tokio::test]
async fn gitlab_fills_in_id_site_branch_and_the_full_path_of_a_slug() {
    let app = TestApp::start().await;
    let hook = Hook::register(&app, "gitlab", json!({"name": "widgets"})).await;
    hook.post(&app, "Issue Hook", "uuid", &fixture(GITLAB_ISSUE_OPENED)).await.expect(202);
    let repo = app.admin().get(&hook.path).await.expect(200).body["repo"].clone();
    let shown = json!([repo["name"], repo["externalId"], repo["apiBaseUrl"], repo["branches"]]);
    assert_eq!(
        shown,
        json!(["workshop/widgets", "42", "https://gitlab.example.com", auto_filled("main")]),
        "4.6/hydrate"
    );
}

#[tokio::test]
async fn what_is_known_is_never_overwritten_and_a_taken_full_path_leaves_the_slug() {
    let app = TestApp::start().await;
    let own = json!({"name": "Codertocat/Hello-World", "externalId": "186853002", "branches": [{"name": "dev", "isDefault": true}]});
    let hook = Hook::register(&app, "github", own).await;
    hook.ping(&app, "guid").await.expect(202);
    let repo = app.admin().get(&hook.path).await.expect(200).body["repo"].clone();
    assert_eq!(repo["externalId"], "186853002");
    assert_eq!(repo["branches"], json!([{"name": "dev", "isDefault": true}]));

    Hook::register(&app, "gitlab", json!({"name": "Workshop/Widgets"})).await;
    let slug = Hook::register(&app, "gitlab", json!({"name": "widgets"})).await;
    slug.ping(&app, "uuid").await.expect(202);
    let repo = app.admin().get(&slug.path).await.expect(200).body["repo"].clone();
    assert_eq!((repo["name"].as_str(), repo["externalId"].as_str()), (Some("widgets"), Some("42")));
}

#[tokio::test]
async fn a_skipped_post_hydrates_too_and_a_failed_check_does_not() {
    let app = TestApp::start().await;
    let hook = Hook::github(&app).await;
    let forged = hook.event("ping", "guid", &fixture(GITHUB_ISSUES_OPENED)).header("x-hub-signature-256", "sha256=00");
    app.anonymous().send(forged).await.expect(401);
    assert_eq!(app.admin().get(&hook.path).await.expect(200).body["repo"].get("externalId"), None);
    hook.ping(&app, "guid").await.expect(202);
    assert!(app.admin().get(&hook.path).await.expect(200).body["repo"]["externalId"].is_string());
}

#[tokio::test]
async fn github_may_send_the_event_as_a_form_and_gitlab_may_not() {
    let app = TestApp::start_with_double().await;
    let (hook, _) = Hook::ready(&app).await;
    let form = |json: &str| {
        let escaped: String = json.bytes().map(|byte| format!("%{byte:02X}")).collect();
        format!("payload={escaped}")
    };
    let body = form(&fixture(GITHUB_ISSUES_OPENED));
    let event = hook.event("issues", "guid", &body).header("content-type", "application/x-www-form-urlencoded");
    let answer = app.anonymous().send(event).await.expect(202);
    assert_eq!(answer.body["tasks"].as_array().map(Vec::len), Some(1), "{}", answer.body);
    let delivery = newest(&app, &hook).await;
    let expected: Value = serde_json::from_str(&fixture(GITHUB_ISSUES_OPENED)).expect("JSON");
    assert_eq!(delivery["payload"], expected, "shown as the JSON in the form");
    let id = delivery["id"].as_str().expect("an id");
    let raw = app.admin().get(&format!("{}/webhook-deliveries/{id}/payload", hook.path)).await.expect(200);
    assert_eq!(raw.bytes, body.as_bytes(), "kept as it came in");

    let signed = github_signature(&hook.secret, b"other=1");
    let event = hook.event("issues", "guid-2", "other=1").header("content-type", "application/x-www-form-urlencoded");
    let answer = app.anonymous().send(event.header("x-hub-signature-256", &signed)).await.expect(400);
    assert_eq!(answer.body["code"], "WEBHOOK_BODY_INVALID");
    let gitlab = Hook::gitlab(&app).await;
    let event = gitlab.event("Issue Hook", "uuid", &form(&fixture(GITLAB_ISSUE_OPENED)));
    let event = event.header("content-type", "application/x-www-form-urlencoded");
    assert_eq!(app.anonymous().send(event).await.expect(400).body["code"], "WEBHOOK_BODY_INVALID");
}
