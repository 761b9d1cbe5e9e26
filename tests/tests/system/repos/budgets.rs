//! How many calls to the engines an operation costs (design: budgets).

use repoplane_tests::{Client, Hook, TestApp};
use serde_json::{Value, json};

async fn calls(app: &TestApp, call: impl AsyncFnOnce(Client) -> u16) -> Vec<String> {
    let client = app.admin();
    app.line.take_calls();
    let status = call(client).await;
    assert!(status < 300, "{status}");
    app.line.take_calls()
}

#[tokio::test]
async fn reading_a_repository_is_one_call_warm_and_two_cold() {
    let app = TestApp::start().await;
    let hook = Hook::github(&app).await;
    hook.add_credentials(&app, "ghp_x").await;
    hook.add_robot(&app, "Triage").await;
    let paths = [
        hook.path.clone(),
        format!("{}/robots", hook.path),
        format!("{}/automation", hook.path),
        format!("{}/members", hook.path),
    ];
    for path in &paths {
        let warm = calls(&app, async |client| client.get(path).await.status.as_u16()).await;
        assert_eq!(warm, ["Query"], "{path}");
        let cold = app.second_instance();
        let cold = calls(&cold, async |client| client.get(path).await.status.as_u16()).await;
        assert_eq!(cold, ["GetItem", "Query"], "{path}");
    }
}

#[tokio::test]
async fn a_list_is_one_query_whatever_its_length() {
    let app = TestApp::start().await;
    for n in 0..50 {
        Hook::register(&app, "github", json!({"name": format!("acme/{n}")})).await;
    }
    for query in ["", "?limit=1", "?archived=1"] {
        let spent = calls(&app, async |client| client.get(&format!("/api/repos{query}")).await.status.as_u16()).await;
        assert_eq!(spent, ["Query"], "{query}");
    }
    let all = calls(&app, async |client| client.get("/api/repos?archived=all").await.status.as_u16()).await;
    assert_eq!(all, ["Query", "Query"], "one for each archived state");

    let member = app.person("mia").await;
    member.client.post("/api/repos", json!({"provider": "github", "name": "mine"})).await.expect(201);
    app.line.take_calls();
    member.client.get("/api/repos").await.expect(200);
    assert_eq!(app.line.take_calls(), ["Query", "BatchGetItem"], "memberships, records");
}

#[tokio::test]
async fn a_change_is_one_read_and_one_transaction() {
    let app = TestApp::start().await;
    let hook = Hook::github(&app).await;
    hook.add_credentials(&app, "ghp_x").await;
    let robot = hook.add_robot(&app, "Triage").await;
    let path = &hook.path;
    let rule = json!({"name": "r", "actions": [{"robotId": robot}]});
    let user = app.person("mia").await;
    let (members, robots) = (format!("{path}/members"), format!("{path}/robots"));
    let change = ["Query", "TransactWriteItems"];
    let lease = ["Query", "UpdateItem", "PutSecretValue", "TransactWriteItems", "UpdateSecretVersionStage"];
    let profile = json!({"profiles": [{"remark": "x", "token": "t"}]});
    for (method, target, body, expected) in [
        ("PATCH", path.clone(), json!({"description": "x"}), &change[..]),
        ("PATCH", path.clone(), json!({"repoProviderCredential": {"profiles": [{"remark": "x"}]}}), &change),
        ("PATCH", path.clone(), json!({"repoProviderCredential": profile}), &lease),
        ("PUT", format!("{path}/automation"), json!({"config": {"events": {"issue": {"rules": [rule]}}}}), &change),
        ("PATCH", format!("{robots}/{robot}"), json!({"language": "de"}), &change),
        (
            "POST",
            members.clone(),
            json!({"userId": user.id, "role": "member"}),
            &["Query", "GetItem", "TransactWriteItems"],
        ),
        ("PATCH", format!("{members}/{}", user.id), json!({"role": "owner"}), &change),
        ("DELETE", format!("{members}/{}", user.id), Value::Null, &change),
        ("POST", format!("{path}/webhook-secret/rotate"), Value::Null, &change),
        ("POST", format!("{path}/archive"), Value::Null, &["Query", "Query", "TransactWriteItems"]),
        ("POST", format!("{path}/archive"), Value::Null, &["Query"]),
        ("POST", format!("{path}/unarchive"), Value::Null, &["Query", "Query", "TransactWriteItems"]),
    ] {
        let spent = calls(&app, async |client| client.call(method, &target, body.clone()).await.status.as_u16()).await;
        assert_eq!(spent, expected, "{method} {target} {body}");
    }
}

#[tokio::test]
async fn a_stranger_costs_one_read() {
    let app = TestApp::start().await;
    let hook = Hook::github(&app).await;
    app.line.take_calls();
    app.anonymous().get(&hook.path).await.expect(401);
    assert!(app.line.take_calls().is_empty(), "no token, no call");
    app.client("rpt_unknown").get(&hook.path).await.expect(401);
    assert_eq!(app.line.take_calls(), ["GetItem"]);
    app.client("rpt_unknown").get(&hook.path).await.expect(401);
    assert!(app.line.take_calls().is_empty(), "a token that was not found is believed absent for a moment");
    app.admin().get("/api/repos/nonsense").await.expect(404);
    assert!(app.line.take_calls().is_empty(), "what cannot be an id is not looked for");
}
