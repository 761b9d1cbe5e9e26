//! `/api/tenants`, and that tenants do not see each other.

use repoplane_tests::{GITHUB_ISSUES_OPENED, Hook, TestApp, fixture};
use serde_json::{Value, json};

#[tokio::test]
async fn nothing_of_another_tenant_exists() {
    let app = TestApp::start_with_double().await;
    let (hook, robot) = Hook::ready(&app).await;
    let made = hook.post(&app, "issues", "guid-1", &fixture(GITHUB_ISSUES_OPENED)).await.expect(202);
    let task = made.text("/tasks/0/id");
    let delivery = hook.deliveries(&app.admin()).await[0]["id"].as_str().unwrap_or_default().to_owned();
    let member = app.member(&hook.repo, "mia", "member").await;
    let token =
        member.client.post("/api/access-tokens", json!({"name": "n", "scopes": ["repos:read"]})).await.expect(201);
    let other = app.tenant("other").await;
    let path = &hook.path;
    for (method, target) in [
        ("GET", path.clone()),
        ("PATCH", path.clone()),
        ("POST", format!("{path}/archive")),
        ("POST", format!("{path}/unarchive")),
        ("POST", format!("{path}/webhook-secret/rotate")),
        ("GET", format!("{path}/members")),
        ("POST", format!("{path}/members")),
        ("PATCH", format!("{path}/members/{}", member.id)),
        ("DELETE", format!("{path}/members/{}", member.id)),
        ("GET", format!("{path}/robots")),
        ("POST", format!("{path}/robots")),
        ("PATCH", format!("{path}/robots/{robot}")),
        ("POST", format!("{path}/robots/{robot}/test")),
        ("DELETE", format!("{path}/robots/{robot}")),
        ("GET", format!("{path}/automation")),
        ("PUT", format!("{path}/automation")),
        ("GET", format!("{path}/tasks")),
        ("GET", format!("{path}/webhook-deliveries")),
        ("GET", format!("{path}/webhook-deliveries/{delivery}")),
        ("GET", format!("{path}/webhook-deliveries/{delivery}/payload")),
        ("GET", format!("/api/tasks/{task}")),
        ("PATCH", format!("/api/tasks/{task}")),
        ("POST", format!("/api/tasks/{task}/claim")),
        ("PATCH", format!("/api/users/{}", member.id)),
        ("DELETE", format!("/api/access-tokens/{}", token.text("/accessToken/id"))),
    ] {
        let body = if matches!(method, "GET" | "DELETE") { Value::Null } else { json!({}) };
        let foreign = other.client.call(method, &target, body.clone()).await;
        assert_eq!(foreign.status, 404, "{method} {target}: {}", foreign.body);
        // Word for word what an id that nobody ever had answers.
        let unknown: String = target.split('/').map(nobodys).collect::<Vec<_>>().join("/");
        let mut absent = other.client.call(method, &unknown, body).await.expect(404).body;
        for key in ["instance", "request_id"] {
            absent[key] = foreign.body[key].clone();
        }
        assert_eq!(foreign.body, absent, "{method} {target}");
    }
    assert_eq!(hook.tasks(&app.admin()).await[0]["status"], "queued");
    app.client(token.text("/token")).get(path).await.expect(200);
}

/// An id of the same kind that nobody has.
fn nobodys(part: &str) -> String {
    match part.split_once('_') {
        Some((prefix, tail)) if tail.len() == 26 => format!("{prefix}_{}", "0".repeat(26)),
        Some(_) | None => part.to_owned(),
    }
}

#[tokio::test]
async fn tenants_share_no_names_lists_numbers_or_cursors() {
    let app = TestApp::start().await;
    let other = app.tenant("other").await;
    let body = json!({"provider": "github", "name": "acme/widgets", "externalId": "acme/widgets"});
    for n in 0..3 {
        app.admin().post("/api/repos", json!({"provider": "github", "name": format!("r{n}")})).await.expect(201);
    }
    let ours = app.admin().post("/api/repos", body.clone()).await.expect(201);
    let theirs = other.client.post("/api/repos", body).await.expect(201);
    assert_eq!(theirs.body["repo"]["number"], 1);
    assert_ne!(ours.text("/webhookSecret"), theirs.text("/webhookSecret"));
    let list = other.client.get("/api/repos?archived=all").await.expect(200);
    assert_eq!(list.body["repos"].as_array().map(Vec::len), Some(1));
    let cursor = app.admin().get("/api/repos?limit=1").await.expect(200).text("/nextCursor");
    other.client.get(&format!("/api/repos?cursor={cursor}")).await.expect(400);

    let ann = app.person("ann").await;
    other.client.post("/api/users", json!({"username": "ann"})).await.expect(201);
    let users = other.client.get("/api/users").await.expect(200);
    assert_eq!(users.body["users"].as_array().map(Vec::len), Some(2));
    assert_eq!(users.body["users"][1]["number"], 2);
    let members = format!("/api/repos/{}/members", theirs.text("/repo/id"));
    let foreign = json!({"userId": ann.id, "role": "member"});
    assert_eq!(other.client.post(&members, foreign).await.expect(400).wrong_fields(), ["/userId"]);
    let token = json!({"name": "n", "userId": ann.id, "scopes": ["repos:read"]});
    assert_eq!(other.client.post("/api/access-tokens", token).await.expect(400).wrong_fields(), ["/userId"]);
}

#[tokio::test]
async fn only_the_operator_makes_lists_and_changes_tenants() {
    let app = TestApp::start().await;
    let other = app.tenant("other").await;
    let path = format!("/api/tenants/{}", other.id);
    let body = json!({"tenant": "x", "username": "x"});
    let admin = app.person_with(json!({"username": "boss", "roles": ["admin"]})).await;
    for client in [&other.client, &admin.client] {
        for (method, target, body) in [
            ("GET", "/api/tenants", Value::Null),
            ("POST", "/api/tenants", body.clone()),
            ("PATCH", path.as_str(), json!({"suspended": true})),
        ] {
            let refused = client.call(method, target, body).await.expect(403);
            assert_eq!(refused.text("/requiredScope"), "operator", "{method}");
        }
        let refused = client.post("/api/access-tokens", json!({"name": "n", "scopes": ["operator"]})).await.expect(400);
        assert_eq!(refused.wrong_fields(), ["/scopes/0"], "nobody issues the operator's scope");
    }
    let made = app.admin().post("/api/tenants", body).await.expect(201);
    assert_eq!(made.headers["location"], format!("/api/tenants/{}", made.text("/tenant/id")));
    let names: Vec<_> = app.admin().get("/api/tenants").await.expect(200).body["tenants"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|tenant| tenant["name"].as_str().unwrap_or_default().to_owned())
        .collect();
    assert_eq!(names, ["default", "other", "x"]);
    let renamed = app.admin().patch(&path, json!({"name": "renamed"})).await.expect(200);
    assert_eq!(renamed.text("/tenant/name"), "renamed");
    for id in ["tnt_00000000000000000000000000", "x", "%FF"] {
        let missing = app.admin().patch(&format!("/api/tenants/{id}"), json!({"name": "y"})).await.expect(404);
        assert_eq!(missing.text("/message"), "Tenant not found");
    }
    let refused = app.admin().patch(&path, json!({"name": " ", "suspended": 1, "x": 2})).await.expect(400);
    assert_eq!(refused.wrong_fields(), ["/name", "/suspended", "/x"]);
}

#[tokio::test]
async fn a_suspended_tenant_is_read_only_to_its_own() {
    let app = TestApp::start().await;
    let other = app.tenant("other").await;
    let made = other.client.post("/api/repos", json!({"provider": "github", "name": "a"})).await.expect(201);
    let path = format!("/api/repos/{}", made.text("/repo/id"));
    app.admin().patch(&format!("/api/tenants/{}", other.id), json!({"suspended": true})).await.expect(200);
    other.client.get(&path).await.expect(200);
    for (method, target, body) in [
        ("PATCH", path.as_str(), json!({"description": "x"})),
        ("POST", "/api/repos", json!({"provider": "github", "name": "b"})),
        ("POST", "/api/users", json!({"username": "u"})),
        ("POST", "/api/access-tokens", json!({"name": "n", "scopes": ["repos:read"]})),
    ] {
        let refused = other.client.call(method, target, body).await.expect(403);
        assert_eq!(refused.text("/code"), "TENANT_SUSPENDED", "{method} {target}");
    }
    app.admin().patch(&format!("/api/tenants/{}", other.id), json!({"suspended": false})).await.expect(200);
    other.client.patch(&path, json!({"description": "x"})).await.expect(200);
}
