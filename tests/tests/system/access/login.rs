//! `POST /api/auth/login` (contract: hookcode 1.1): the password is an access token.

use repoplane_tests::{ADMIN_TOKEN, Answer, Client, TestApp, consistency};
use serde_json::{Value, json};
use std::time::Duration;

async fn login(client: &Client, username: &str, password: &str) -> Answer {
    client.post("/api/auth/login", json!({"username": username, "password": password})).await
}

#[track_caller]
fn is_refused(answer: &Answer) {
    assert_eq!(answer.status, 401, "{}", answer.body);
    assert_eq!(answer.text("/message"), "Invalid username or password");
    assert!(answer.body.get("token").is_none() && answer.body.get("user").is_none());
}

#[tokio::test]
async fn the_right_token_is_answered_with_its_user() {
    let app = TestApp::start().await;
    let ann = app.person_with(json!({"username": "ann", "displayName": "Ann", "email": "ann@example.com"})).await;
    let answer = login(&app.anonymous(), "ann", &ann.token).await.expect(200);
    assert_eq!(answer.text("/token"), ann.token);
    let user = json!({"id": ann.id, "username": "ann", "roles": [], "displayName": "Ann", "email": "ann@example.com"});
    assert_eq!(answer.body["user"], user);
    let listed = ann.client.get("/api/access-tokens").await.expect(200);
    assert_eq!(answer.body["expiresAt"], listed.body["accessTokens"][0]["expiresAt"]);
    app.client(answer.text("/token")).get("/api/me").await.expect(200);
    for (username, password) in [(" ANN ", ann.token.clone()), ("ann", format!(" {} ", ann.token))] {
        login(&app.anonymous(), username, &password).await.expect(200);
    }
    let root = login(&app.anonymous(), "admin", ADMIN_TOKEN).await.expect(200);
    assert_eq!(root.body["user"]["roles"], json!(["admin"]));
}

#[tokio::test]
async fn a_wrong_name_or_a_wrong_token_is_one_and_the_same_refusal() {
    let app = TestApp::start().await;
    let (ann, ben) = (app.person("ann").await, app.person("ben").await);
    let other = app.tenant("other").await;
    for (username, password) in [
        ("ben", ann.token.as_str()),
        ("nobody", &ann.token),
        ("ann", &ben.token),
        ("ann", "rpt_wrong"),
        ("ann", "x"),
        ("admin", &other.token),
    ] {
        is_refused(&login(&app.anonymous(), username, password).await);
    }
}

#[tokio::test]
async fn a_disabled_account_is_403_and_a_revoked_or_old_token_is_401() {
    let app = TestApp::start().await;
    let ann = app.person("ann").await;
    let user = format!("/api/users/{}", ann.id);
    app.admin().patch(&user, json!({"disabled": true})).await.expect(200);
    let refused = login(&app.anonymous(), "ann", &ann.token).await.expect(403);
    assert_eq!(refused.text("/message"), "Account is disabled");
    assert!(refused.body.get("token").is_none());
    is_refused(&login(&app.anonymous(), "ben", &ann.token).await);
    app.admin().patch(&user, json!({"disabled": false})).await.expect(200);
    login(&app.anonymous(), "ann", &ann.token).await.expect(200);

    let id = ann.client.get("/api/access-tokens").await.expect(200).text("/accessTokens/0/id");
    let short = ann.client.token(json!({"name": "short", "scopes": ["repos:read"], "expiresInDays": 1})).await;
    ann.client.delete(&format!("/api/access-tokens/{id}")).await.expect(200);
    is_refused(&login(&app.anonymous(), "ann", &ann.token).await);
    login(&app.anonymous(), "ann", &short).await.expect(200);
    app.clock.advance(Duration::from_secs(24 * 3600));
    is_refused(&login(&app.anonymous(), "ann", &short).await);
}

#[tokio::test]
async fn a_bad_body_names_every_field() {
    let app = TestApp::start().await;
    for (body, fields) in [
        (json!({}), vec!["/username", "/password"]),
        (json!({"username": " ", "password": null}), vec!["/username", "/password"]),
        (json!({"username": 7, "password": ["x"]}), vec!["/username", "/password"]),
        (json!({"username": "ann", "password": "x", "remember": true}), vec!["/remember"]),
    ] {
        let refused = app.anonymous().post("/api/auth/login", body.clone()).await.expect(400);
        assert_eq!(refused.wrong_fields(), fields, "{body}");
    }
    app.anonymous().post("/api/auth/login", json!([])).await.expect(400);
    app.anonymous().post("/api/auth/login", Value::Null).await.expect(400);
}

#[tokio::test]
async fn nothing_is_made_and_nothing_wrong_is_remembered() {
    let app = TestApp::start().await;
    let ann = app.person("ann").await;
    login(&app.anonymous(), "ann", &ann.token).await.expect(200);
    let before = app.items().await;
    login(&app.anonymous(), "ann", &ann.token).await.expect(200);
    is_refused(&login(&app.anonymous(), "ben", &ann.token).await);
    is_refused(&login(&app.anonymous(), "ann", "rpt_wrong").await);
    assert!(app.items().await == before, "a login leaves no trace");
    // Refused by name, good by token; refused by token, and not good by it.
    app.client(&ann.token).get("/api/me").await.expect(200);
    app.client("rpt_wrong").get("/api/me").await.expect(401);
    // What another instance changed counts at once.
    let id = ann.client.get("/api/access-tokens").await.expect(200).text("/accessTokens/0/id");
    let second = app.second_instance();
    second.client(&ann.token).delete(&format!("/api/access-tokens/{id}")).await.expect(200);
    is_refused(&login(&app.anonymous(), "ann", &ann.token).await);
    consistency::check(&app.items().await).expect("consistent");
}
