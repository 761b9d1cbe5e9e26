//! What a token's scopes allow, whatever its user's role (contract: hookcode 1.1; design: scopes).

use repoplane_tests::{Client, Hook, TestApp};
use serde_json::{Value, json};

async fn scoped(app: &TestApp, scopes: &[&str]) -> Client {
    app.client(app.admin().token(json!({"name": "scoped", "scopes": scopes})).await)
}

#[tokio::test]
async fn each_operation_asks_for_its_scope() {
    let app = TestApp::start().await;
    let hook = Hook::github(&app).await;
    let path = &hook.path;
    let mut clients = Vec::new();
    for scope in ["repos:read", "repos:write", "tasks:read", "tasks:write", "admin"] {
        clients.push((scope, scoped(&app, &[scope]).await));
    }
    let robot = format!("{path}/robots/x");
    for (needed, granted, method, target) in [
        ("repos:read", &["repos:read", "repos:write"][..], "GET", "/api/repos".to_owned()),
        ("repos:read", &["repos:read", "repos:write"], "GET", path.clone()),
        ("repos:read", &["repos:read", "repos:write"], "GET", format!("{path}/members")),
        ("repos:read", &["repos:read", "repos:write"], "GET", format!("{path}/robots")),
        ("repos:read", &["repos:read", "repos:write"], "GET", format!("{path}/automation")),
        ("repos:read", &["repos:read", "repos:write"], "GET", format!("{path}/webhook-deliveries")),
        ("repos:write", &["repos:write"], "POST", "/api/repos".to_owned()),
        ("repos:write", &["repos:write"], "PATCH", path.clone()),
        ("repos:write", &["repos:write"], "POST", format!("{path}/archive")),
        ("repos:write", &["repos:write"], "POST", format!("{path}/unarchive")),
        ("repos:write", &["repos:write"], "POST", format!("{path}/webhook-secret/rotate")),
        ("repos:write", &["repos:write"], "POST", format!("{path}/members")),
        ("repos:write", &["repos:write"], "PATCH", format!("{path}/members/x")),
        ("repos:write", &["repos:write"], "DELETE", format!("{path}/members/x")),
        ("repos:write", &["repos:write"], "POST", format!("{path}/robots")),
        ("repos:write", &["repos:write"], "PATCH", robot.clone()),
        ("repos:write", &["repos:write"], "DELETE", robot.clone()),
        ("repos:write", &["repos:write"], "POST", format!("{robot}/test")),
        ("repos:write", &["repos:write"], "PUT", format!("{path}/automation")),
        ("tasks:read", &["tasks:read", "tasks:write"], "GET", format!("{path}/tasks")),
        ("tasks:read", &["tasks:read", "tasks:write"], "GET", "/api/tasks/x".to_owned()),
        ("tasks:write", &["tasks:write"], "PATCH", "/api/tasks/x".to_owned()),
        ("tasks:write", &["tasks:write"], "POST", "/api/tasks/x/claim".to_owned()),
        ("admin", &["admin"], "GET", "/api/users".to_owned()),
        ("admin", &["admin"], "POST", "/api/users".to_owned()),
        ("admin", &["admin"], "PATCH", "/api/users/x".to_owned()),
        ("operator", &[], "GET", "/api/tenants".to_owned()),
        ("operator", &[], "POST", "/api/tenants".to_owned()),
    ] {
        for (scope, client) in &clients {
            let body = if method == "GET" { Value::Null } else { json!({"wrong": true}) };
            let answer = client.call(method, &target, body).await;
            if granted.contains(scope) {
                assert_ne!(answer.status, 403, "{scope} {method} {target}: {}", answer.body);
                assert!(answer.status.as_u16() < 500, "{scope} {method} {target}: {}", answer.body);
            } else {
                let refused = answer.expect(403);
                assert_eq!(refused.text("/code"), "PAT_SCOPE_INSUFFICIENT", "1.1/PAT_SCOPE_INSUFFICIENT");
                assert_eq!(refused.text("/requiredScope"), needed, "{scope} {method} {target}");
            }
        }
    }
}

#[tokio::test]
async fn the_scope_is_asked_before_the_repository_is_looked_for() {
    let app = TestApp::start().await;
    let reader = scoped(&app, &["repos:read"]).await;
    reader.patch("/api/repos/rep_00000000000000000000000000", json!({})).await.expect(403);
    let tasks = scoped(&app, &["tasks:write"]).await;
    tasks.get("/api/repos/rep_00000000000000000000000000").await.expect(403);
}

#[tokio::test]
async fn who_asks_is_told_who_they_are() {
    let app = TestApp::start().await;
    let ann = app.person_with(json!({"username": "ann", "displayName": "Ann"})).await;
    let reader = app.client(ann.client.token(json!({"name": "r", "scopes": ["repos:read"]})).await);
    let me = reader.get("/api/me").await.expect(200);
    assert_eq!(me.body["scopes"], json!(["repos:read"]));
    let principal = &me.body["principal"];
    assert_eq!(principal["userId"], ann.id);
    assert_eq!(principal["displayName"], "Ann");
    assert_eq!(principal["roles"], json!([]));
    assert!(me.text("/principal/accessTokenId").starts_with("tok_"));
    assert!(me.text("/tenant/id").starts_with("tnt_"));
}
