//! `GET /api/repos/:id/robots` (contract: hookcode 2.12).

use super::{body, repository};
use repoplane_tests::TestApp;
use serde_json::{Value, json};

#[tokio::test]
async fn robots_are_listed_oldest_first_with_their_repository_only() {
    let app = TestApp::start().await;
    let (hook, path) = repository(&app).await;
    assert_eq!(app.admin().get(&path).await.expect(200).body, json!({"robots": []}), "2.12/200-empty");
    let mut ids = Vec::new();
    for n in 0..4 {
        let made = app.admin().post(&path, body(json!({"name": format!("r{n}")}))).await.expect(201);
        ids.push(made.text("/robot/id"));
    }
    // A later change moves no robot.
    app.admin().patch(&format!("{path}/{}", ids[0]), json!({"language": "de"})).await.expect(200);
    let list = app.admin().get(&path).await.expect(200);
    let robots = list.body["robots"].as_array().cloned().unwrap_or_default();
    let listed: Vec<_> = robots.iter().map(|robot| robot["id"].as_str().unwrap_or_default()).collect();
    assert_eq!(listed, ids, "2.12/200-order");
    assert!(robots.iter().all(|robot| robot["repoId"] == hook.repo && robot["scope"] == "repo"), "2.12/200");
    let other = repoplane_tests::Hook::register(&app, "gitlab", json!({"name": "other"})).await;
    let list = app.admin().get(&format!("{}/robots", other.path)).await.expect(200);
    assert_eq!(list.body, json!({"robots": []}), "2.12/200");
}

#[tokio::test]
async fn listing_answers_by_right() {
    let app = TestApp::start().await;
    let (hook, path) = repository(&app).await;
    let member = app.member(&hook.repo, "mia", "member").await;
    let stranger = app.person("sam").await;
    assert_eq!(app.anonymous().get(&path).await.status, 401, "2.12/401");
    assert_eq!(member.client.get(&path).await.status, 200, "2.12/right");
    assert_eq!(stranger.client.get(&path).await.expect(403).text("/code"), "REPO_ACCESS_DENIED", "2.12/403");
    for id in ["rep_00000000000000000000000000", "7b1e", "%FF"] {
        let missing = app.admin().get(&format!("/api/repos/{id}/robots")).await.expect(404);
        assert_eq!(missing.text("/message"), "Repo not found", "2.12/404");
    }
    app.admin().post(&format!("{}/archive", hook.path), Value::Null).await.expect(200);
    assert_eq!(member.client.get(&path).await.status, 200, "2.12/archived");
}
