//! Revocations and changes of roles over two instances of the application on one table.
//!
//! A token that was found is believed for up to half a minute. What administers never asks that cache.

use repoplane_tests::{Hook, Person, TestApp};
use serde_json::{Value, json};

/// A second instance that has just seen a token, so that it believes it.
async fn warmed(app: &TestApp, token: &str) -> TestApp {
    let second = app.second_instance();
    second.client(token).get("/api/me").await.expect(200);
    second.line.take_calls();
    second.client(token).get("/api/me").await.expect(200);
    assert_eq!(second.line.take_calls(), Vec::<String>::new(), "the token is believed");
    second
}

async fn administrator(app: &TestApp) -> Person {
    app.person_with(json!({"username": "boss", "roles": ["admin"]})).await
}

/// What administers, with good bodies.
fn administering(user: &str) -> [(&'static str, String, Value); 6] {
    let token = json!({"name": "n", "scopes": ["repos:read"]});
    let tool = json!({"name": "n", "kind": "integration", "scopes": ["admin"]});
    [
        ("GET", "/api/users".to_owned(), Value::Null),
        ("POST", "/api/users".to_owned(), json!({"username": "sneaky", "roles": ["admin"]})),
        ("PATCH", format!("/api/users/{user}"), json!({"roles": ["admin"], "disabled": false})),
        ("POST", "/api/access-tokens".to_owned(), token),
        ("POST", "/api/access-tokens".to_owned(), tool),
        ("DELETE", "/api/access-tokens/tok_00000000000000000000000000".to_owned(), Value::Null),
    ]
}

#[tokio::test]
async fn a_revoked_token_administers_nothing_anywhere_from_then_on() {
    let app = TestApp::start().await;
    let boss = administrator(&app).await;
    let second = warmed(&app, &boss.token).await;
    let list = boss.client.get("/api/access-tokens").await.expect(200);
    boss.client.delete(&format!("/api/access-tokens/{}", list.text("/accessTokens/0/id"))).await.expect(200);
    for (method, target, body) in administering(&boss.id) {
        let refused = second.client(boss.token.clone()).call(method, &target, body).await;
        assert_eq!(refused.status, 401, "{method} {target}: {}", refused.body);
    }
    boss.client.get("/api/me").await.expect(401);
    app.second_instance().client(boss.token).get("/api/me").await.expect(401);
}

#[tokio::test]
async fn a_disabled_user_administers_nothing_anywhere_from_then_on() {
    let app = TestApp::start().await;
    let boss = administrator(&app).await;
    boss.client.get("/api/me").await.expect(200);
    let second = warmed(&app, &boss.token).await;
    app.admin().patch(&format!("/api/users/{}", boss.id), json!({"disabled": true})).await.expect(200);
    for (method, target, body) in administering(&boss.id) {
        let refused = second.client(boss.token.clone()).call(method, &target, body).await;
        assert_eq!(refused.status, 401, "{method} {target}: {}", refused.body);
    }
    assert_eq!(boss.client.get("/api/me").await.status, 401, "the instance that made the change knows at once");
    app.second_instance().client(boss.token).get("/api/me").await.expect(401);
}

#[tokio::test]
async fn who_is_no_administrator_any_more_administers_nothing_from_then_on() {
    let app = TestApp::start().await;
    let hook = Hook::github(&app).await;
    let boss = administrator(&app).await;
    boss.client.get(&hook.path).await.expect(200);
    let second = warmed(&app, &boss.token).await;
    app.admin().patch(&format!("/api/users/{}", boss.id), json!({"roles": []})).await.expect(200);
    for (method, target, body) in administering(&boss.id) {
        let answer = second.client(boss.token.clone()).call(method, &target, body.clone()).await;
        let own = target.starts_with("/api/access-tokens") && body["kind"].is_null();
        let expected = match (method, own) {
            ("DELETE", true) => 404,
            (_, true) => 201,
            (_, false) => 403,
        };
        assert_eq!(answer.status, expected, "{method} {target}: {}", answer.body);
    }
    assert_eq!(boss.client.get(&hook.path).await.expect(403).text("/code"), "REPO_ACCESS_DENIED");
    app.second_instance().client(boss.token).get(&hook.path).await.expect(403);
}

#[tokio::test]
async fn a_change_of_membership_counts_at_once_everywhere() {
    let app = TestApp::start().await;
    let hook = Hook::github(&app).await;
    let max = app.member(&hook.repo, "max", "maintainer").await;
    let second = warmed(&app, &max.token).await;
    let there = second.client(max.token.clone());
    there.patch(&hook.path, json!({"description": "x"})).await.expect(200);
    let path = format!("{}/members/{}", hook.path, max.id);
    app.admin().patch(&path, json!({"role": "member"})).await.expect(200);
    there.patch(&hook.path, json!({"description": "y"})).await.expect(403);
    there.get(&hook.path).await.expect(200);
    app.admin().delete(&path).await.expect(200);
    there.get(&hook.path).await.expect(403);
}

#[tokio::test]
async fn a_new_token_is_good_everywhere_at_once_even_where_it_was_tried_before() {
    use repoplane_domain::secret::Secret;
    use repoplane_local::server::ensure_administrator;
    let app = TestApp::start().await;
    let text = "a-token-that-is-good-from-its-making-on";
    app.client(text).get("/api/me").await.expect(401);
    ensure_administrator(app.app(), &Secret::new(text)).await.expect("a token");
    app.client(text).get("/api/me").await.expect(200);
}
