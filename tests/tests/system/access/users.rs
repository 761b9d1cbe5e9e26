//! `/api/users`: the people of a tenant.

use crate::repos::at_once;
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
    for order in [0, 1] {
        let app = TestApp::start().await;
        let ann = app.person("ann").await;
        let second = app.second_instance();
        let mut calls = vec![
            (app.admin(), "PATCH", format!("/api/users/{}", ann.id), json!({"disabled": true})),
            (
                second.client(ann.token.clone()),
                "POST",
                "/api/access-tokens".to_owned(),
                json!({"name": "late", "scopes": ["repos:read"]}),
            ),
        ];
        calls.rotate_left(order);
        let answers =
            at_once(calls.into_iter().map(|(client, method, target, body)| async move {
                (method, client.call(method, &target, body).await)
            }))
            .await;
        let disabled = app.admin().get("/api/users").await.expect(200).body["users"][1]["disabled"] == true;
        for (method, answer) in answers {
            if let ("POST", 201) = (method, answer.status.as_u16())
                && disabled
            {
                let cold = app.second_instance();
                cold.client(answer.text("/token")).get("/api/me").await.expect(401);
            }
        }
        assert!(disabled, "the administrator's word counts");
    }
}
