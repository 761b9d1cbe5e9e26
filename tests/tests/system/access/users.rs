//! `/api/users`: the people of a tenant.

use crate::repos::{at_once, second_of};
use repoplane_tests::TestApp;
use serde_json::{Value, json};

#[tokio::test]
async fn users_are_made_listed_and_changed_by_administrators() {
    let app = TestApp::start().await;
    let body = json!({"username": "ann", "displayName": "Ann", "email": "ann@example.com", "roles": ["admin"]});
    let made = app.admin().post("/api/users", body).await.expect(201);
    let id = made.text("/user/id");
    assert_eq!(made.headers["location"], format!("/api/users/{id}"));
    for (key, value) in [
        ("number", json!(2)),
        ("username", json!("ann")),
        ("displayName", json!("Ann")),
        ("email", json!("ann@example.com")),
        ("roles", json!(["admin"])),
        ("disabled", json!(false)),
    ] {
        assert_eq!(made.body["user"][key], value, "{key}");
    }
    let taken = app.admin().post("/api/users", json!({"username": "ANN"})).await.expect(409);
    assert_eq!(taken.text("/code"), "USERNAME_TAKEN");
    assert_eq!(taken.text("/conflicting_resource_id"), id);
    let path = format!("/api/users/{id}");
    let changed =
        app.admin().patch(&path, json!({"displayName": null, "email": "a@b.example", "roles": []})).await.expect(200);
    assert!(changed.body["user"].get("displayName").is_none());
    assert_eq!(changed.body["user"]["roles"], json!([]));
    assert_eq!(changed.text("/user/email"), "a@b.example");
    let list = app.admin().get("/api/users").await.expect(200);
    assert_eq!(list.body["users"][1], changed.body["user"]);
    for id in ["usr_00000000000000000000000000", "x", "%FF"] {
        let missing = app.admin().patch(&format!("/api/users/{id}"), json!({"disabled": true})).await.expect(404);
        assert_eq!(missing.text("/message"), "User not found");
    }
}

#[tokio::test]
async fn wrong_bodies_name_their_fields() {
    let app = TestApp::start().await;
    for (body, pointers) in [
        (json!({}), vec!["/username"]),
        (json!({"username": "a b"}), vec!["/username"]),
        (json!({"username": "é"}), vec!["/username"]),
        (json!({"username": "a".repeat(101)}), vec!["/username"]),
        (
            json!({"username": 1, "displayName": 2, "email": "x", "roles": ["boss"]}),
            vec!["/username", "/displayName", "/email", "/roles"],
        ),
        (json!({"username": "a", "disabled": true}), vec!["/disabled"]),
    ] {
        let refused = app.admin().post("/api/users", body.clone()).await.expect(400);
        assert_eq!(refused.wrong_fields(), pointers, "{body}");
    }
    let ann = app.person("ann").await;
    let refused =
        app.admin().patch(&format!("/api/users/{}", ann.id), json!({"username": "b", "roles": "admin"})).await;
    assert_eq!(refused.expect(400).wrong_fields(), ["/roles", "/username"], "a name is the user's for good");
}

#[tokio::test]
async fn only_administrators_with_the_scope_see_users() {
    let app = TestApp::start().await;
    let ann = app.person("ann").await;
    let narrow = app.admin().token(json!({"name": "n", "scopes": ["repos:write"]})).await;
    for (method, target, body) in [
        ("GET", "/api/users".to_owned(), Value::Null),
        ("POST", "/api/users".to_owned(), json!({"username": "x"})),
        ("PATCH", format!("/api/users/{}", ann.id), json!({"roles": ["admin"]})),
    ] {
        app.anonymous().call(method, &target, body.clone()).await.expect(401);
        let refused = ann.client.call(method, &target, body.clone()).await.expect(403);
        assert_eq!(refused.text("/code"), "ADMIN_REQUIRED", "{method}");
        let refused = app.client(narrow.clone()).call(method, &target, body).await.expect(403);
        assert_eq!(refused.text("/code"), "PAT_SCOPE_INSUFFICIENT", "{method}");
    }
}

#[tokio::test(start_paused = true)]
async fn of_several_users_with_one_name_one_is_made() {
    let app = TestApp::start().await;
    let names = ["ann", "Ann", "ANN", "aNn"];
    let answers = at_once(names.map(|name| {
        let client = app.admin();
        async move { client.post("/api/users", json!({"username": name})).await.status.as_u16() }
    }))
    .await;
    let mut sorted = answers;
    sorted.sort_unstable();
    assert_eq!(sorted, [201, 409, 409, 409]);
}

#[tokio::test(start_paused = true)]
async fn a_token_made_while_its_user_is_disabled_is_as_dead_as_the_others() {
    for first in ["PATCH", "POST"] {
        let app = TestApp::start().await;
        let ann = app.person("ann").await;
        // Refused, but only after token and tenant were looked up: both callers then take the same steps.
        ann.client.post("/api/access-tokens", json!({})).await.expect(400);
        let disable = json!({"disabled": true});
        let token = json!({"name": "late", "scopes": ["repos:read"]});
        let mut calls = vec![
            (app.admin(), "PATCH", format!("/api/users/{}", ann.id), disable),
            (ann.client.clone(), "POST", "/api/access-tokens".to_owned(), token),
        ];
        calls.sort_by_key(|(_, method, ..)| *method != first);
        let answers = at_once(
            calls
                .into_iter()
                .map(|(client, method, target, body)| async move { client.call(method, &target, body).await }),
        )
        .await;
        assert!(answers.iter().any(|answer| answer.body["user"]["disabled"] == true));
        let made = answers.iter().filter_map(|answer| answer.body["token"].as_str());
        for token in made.chain([ann.token.as_str()]) {
            app.second_instance().client(token).get("/api/me").await.expect(401);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn changes_and_tokens_of_one_user_at_once_all_land() {
    let app = TestApp::start().await;
    let ann = app.person("ann").await;
    let second = second_of(&app).await;
    let path = format!("/api/users/{}", ann.id);
    let token = json!({"name": "n", "userId": ann.id, "scopes": ["repos:read"]});
    let calls = [
        ("PATCH", path.clone(), json!({"displayName": "Ann"})),
        ("PATCH", path.clone(), json!({"email": "ann@example.com"})),
        ("PATCH", path, json!({"roles": ["admin"]})),
        ("POST", "/api/access-tokens".to_owned(), token.clone()),
        ("POST", "/api/access-tokens".to_owned(), token),
    ];
    let answers = at_once(calls.into_iter().enumerate().map(|(n, (method, target, body))| {
        let client = if n % 2 == 0 { app.admin() } else { second.admin() };
        async move { client.call(method, &target, body).await }
    }))
    .await;
    for answer in &answers {
        assert!(answer.status.is_success(), "{}", answer.body);
    }
    let made = answers.iter().filter_map(|answer| answer.body["token"].as_str());
    for token in made.chain([ann.token.as_str()]) {
        let me = app.second_instance().client(token).get("/api/me").await.expect(200);
        assert_eq!(me.body["principal"]["displayName"], "Ann");
        assert_eq!(me.body["principal"]["roles"], json!(["admin"]));
    }
    let users = app.admin().get("/api/users").await.expect(200);
    assert_eq!(users.body["users"][1]["email"], "ann@example.com");
}
