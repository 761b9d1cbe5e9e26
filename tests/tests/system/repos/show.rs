//! `GET /api/repos/:id` (contract: hookcode 2.3).

use repoplane_tests::{Hook, TestApp};
use serde_json::{Value, json};

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().map(|object| object.keys().map(String::as_str).collect()).unwrap_or_default()
}

#[tokio::test]
async fn a_repository_is_shown_with_all_that_hangs_on_it() {
    let app = TestApp::start().await;
    let hook = Hook::github(&app).await;
    hook.add_credentials(&app, "ghp_secret").await;
    let first = hook.add_robot(&app, "First").await;
    let second = hook.add_robot(&app, "Second").await;
    hook.add_rule(&app, "issue", &second, Value::Null).await;

    let shown = app.admin().get(&hook.path).await.expect(200);
    let expected = ["automationConfig", "previewEnvConfig", "repo", "repoScopedCredentials", "robots", "webhookPath"];
    assert_eq!(keys(&shown.body), expected, "2.3/200");
    assert_eq!(shown.body["webhookPath"], hook.webhook, "2.3/200");
    let robots: Vec<_> = (0..2).map(|n| shown.text(&format!("/robots/{n}/id"))).collect();
    assert_eq!(robots, [first, second], "2.3/robots");
    let automation = app.admin().get(&format!("{}/automation", hook.path)).await.expect(200);
    assert_eq!(shown.body["automationConfig"], automation.body["config"], "2.3/automation");
    assert_eq!(shown.body["repoScopedCredentials"]["repoProvider"]["profiles"][0]["hasToken"], true, "2.3/credentials");
    assert_eq!(shown.body["previewEnvConfig"], json!({"variables": []}), "2.3/previewEnvConfig");
    let text = String::from_utf8(shown.bytes).unwrap();
    assert!(!text.contains("ghp_secret") && !text.contains("sk-test"), "2.3/credentials");
}

#[tokio::test]
async fn the_webhook_secret_is_shown_to_nobody_after_its_creation() {
    let app = TestApp::start().await;
    let hook = Hook::register(&app, "github", json!({"name": "a/b", "webhookSecret": "chosen-by-us"})).await;
    let path = &hook.path;
    app.admin().patch(path, json!({"webhookSecret": "another-of-ours", "overlapSeconds": 60})).await.expect(200);
    for target in [path.clone(), "/api/repos".to_owned(), format!("{path}/members"), format!("{path}/automation")] {
        let shown = app.admin().get(&target).await.expect(200);
        let text = String::from_utf8(shown.bytes).unwrap();
        for secret in ["chosen-by-us", "another-of-ours", "webhookSecret\""] {
            assert!(!text.contains(secret), "{} {target}: {text}", "5.3/Q5");
        }
    }
    for (method, body) in [("PATCH", json!({"description": "x"})), ("PATCH", json!({"webhookSecret": "a-third-one"}))] {
        let answer = app.admin().call(method, path, body).await.expect(200);
        assert!(answer.body.get("webhookSecret").is_none(), "2.3/webhookSecret");
    }
}

#[tokio::test]
async fn the_creator_is_the_earliest_owner() {
    let app = TestApp::start().await;
    let ann = app.person("ann").await;
    let created = ann.client.post("/api/repos", json!({"provider": "gitlab", "name": "a/b"})).await.expect(201);
    let path = format!("/api/repos/{}", created.text("/repo/id"));
    let ben = app.person("ben").await;
    ann.client.post(&format!("{path}/members"), json!({"username": "ben", "role": "owner"})).await.expect(201);
    let shown = ben.client.get(&path).await.expect(200);
    assert_eq!(shown.body["repo"]["creator"], json!({"userId": ann.id, "username": "ann"}), "2.3/creator");
    ben.client.delete(&format!("{path}/members/{}", ann.id)).await.expect(200);
    let shown = ben.client.get(&path).await.expect(200);
    assert_eq!(shown.body["repo"]["creator"]["userId"], ben.id, "2.3/creator");
}

#[tokio::test]
async fn reading_answers_by_right() {
    let app = TestApp::start().await;
    let hook = Hook::github(&app).await;
    let member = app.member(&hook.repo, "mia", "member").await;
    let stranger = app.person("sam").await;
    let shown = member.client.get(&hook.path).await.expect(200);
    assert_eq!(shown.body["repo"]["myRole"], "member", "2.3/right");
    let seen_by_all = app.admin().get(&hook.path).await.expect(200);
    assert_eq!(seen_by_all.body["repo"]["myRole"], "owner", "2.3/right-admin");

    assert_eq!(app.anonymous().get(&hook.path).await.text("/message"), "Unauthorized", "2.3/401");
    let refused = stranger.client.get(&hook.path).await.expect(403);
    assert_eq!(refused.text("/code"), "REPO_ACCESS_DENIED", "2.3/403");
    let unknown = "/api/repos/rep_00000000000000000000000000";
    assert_eq!(app.admin().get(unknown).await.expect(404).text("/message"), "Repo not found", "2.3/404");
    for id in ["7b1e", "00000000-0000-4000-8000-000000000000", "rep_", "%FF", "rep_x%2F..", "%20", "usr_0"] {
        let missing = app.admin().get(&format!("/api/repos/{id}")).await.expect(404);
        assert_eq!(missing.headers["content-type"], "application/problem+json", "{} {id}", "2.3/404-bad-id");
    }
    app.admin().post(&format!("{}/archive", hook.path), Value::Null).await.expect(200);
    let archived = member.client.get(&hook.path).await.expect(200);
    assert!(archived.text("/repo/archivedAt").ends_with('Z'), "2.3/archived");
    let head = member.client.call("HEAD", &hook.path, Value::Null).await.expect(200);
    assert!(head.bytes.is_empty());
}
