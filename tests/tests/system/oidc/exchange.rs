//! Tokens that tools get in exchange for their own.

use super::me;
use repoplane_domain::access::{Exchange, Principal, Scope, TokenKind};
use repoplane_domain::secret::{Secret, sha256_hex};
use repoplane_tests::{Hook, TestApp, consistency};
use serde_json::{Value, json};
use std::time::Duration;

/// A tool's key: its text, and who calls with it.
async fn key(app: &TestApp, scopes: &[&str]) -> (String, Principal) {
    let text = app.admin().token(json!({"name": "tool", "kind": "integration", "scopes": scopes})).await;
    let principal = app.app().authenticate(&Secret::new(text.clone()), true).await.expect("storage").expect("a caller");
    (text, principal)
}

async fn exchange(app: &TestApp, key: &Principal, user: &str, seconds: u64, scopes: Option<&[Scope]>) -> String {
    let scopes = scopes.map(|scopes| scopes.iter().copied().collect());
    let exchange =
        Exchange::new(user.parse().expect("an id"), Some(Duration::from_secs(seconds)), scopes).expect("an exchange");
    let (text, token) = app.app().exchange(key, &exchange).await.expect("an exchange");
    assert_eq!(token.key, key.token);
    text.expose().to_owned()
}

/// The status and the code of an exchange that is refused.
async fn refused(app: &TestApp, key: &Principal, user: &str, scopes: Option<&[Scope]>) -> (u16, Value) {
    let scopes = scopes.map(|scopes| scopes.iter().copied().collect());
    let exchange = Exchange::new(user.parse().expect("an id"), None, scopes).expect("an exchange");
    let problem = app.app().exchange(key, &exchange).await.map(|_| ()).expect_err("refused");
    (problem.status().as_u16(), problem.body()["detail"].clone())
}

#[tokio::test]
async fn a_tool_gets_a_token_that_speaks_for_a_user() {
    let app = TestApp::start().await;
    let hook = Hook::github(&app).await;
    let ann = app.member(&hook.repo, "ann", "member").await;
    let (_, tool) = key(&app, &["repos:write", "tasks:read", "admin"]).await;
    let token = exchange(&app, &tool, &ann.id, 60, None).await;
    assert!(token.starts_with("rpp_"));
    let said = me(&app, &token).await.expect(200);
    assert_eq!((said.text("/principal/kind"), said.text("/principal/userId")), ("platform".to_owned(), ann.id.clone()));
    assert_eq!(said.body["scopes"], json!(["repos:write", "tasks:read"]));
    let caller = app.client(token.clone());
    caller.get(&hook.path).await.expect(200);
    // The tool itself may; the user may not.
    assert_eq!(
        caller.patch(&hook.path, json!({"description": "x"})).await.expect(403).text("/code"),
        "REPO_MANAGE_REQUIRED"
    );
    caller.get("/api/access-tokens").await.expect(403);
    let narrow = exchange(&app, &tool, &ann.id, 60, Some(&[Scope::ReposRead])).await;
    assert_eq!(me(&app, &narrow).await.expect(200).body["scopes"], json!(["repos:read"]));

    let lists = [ann.client.get("/api/access-tokens").await, app.admin().get("/api/access-tokens").await];
    assert!(lists.iter().all(|list| !list.body.to_string().contains("platform")), "on no list");
    let table = Value::Array(app.items().await).to_string();
    assert!(!table.contains(&token) && table.contains(&format!("EXCHANGED#{}", sha256_hex(token.as_bytes()))));
    let audit = app.admin().get("/api/audit?day=2026-01-20").await.expect(200).body.to_string();
    assert!(audit.contains("ACCESS_TOKEN_EXCHANGED") && !audit.contains(&token));
    consistency::check(&app.items().await).expect("consistent");

    let login = json!({"username": "ann", "password": token});
    app.anonymous().post("/api/auth/login", login).await.expect(401);
    app.clock.advance(Duration::from_secs(61));
    me(&app, &token).await.expect(401);
}

#[tokio::test]
async fn only_a_tool_exchanges_and_only_for_users_and_scopes_that_it_has() {
    let app = TestApp::start().await;
    let (ann, other) = (app.person("ann").await, app.tenant("other").await);
    let (_, tool) = key(&app, &["repos:read"]).await;
    let nobody = "usr_00000000000000000000000000";
    for user in [nobody, other.administrator.as_str()] {
        assert_eq!(refused(&app, &tool, user, None).await, (404, json!("User not found")));
    }
    for scope in [Scope::ReposWrite, Scope::TasksRead, Scope::Admin, Scope::Operator] {
        assert_eq!(refused(&app, &tool, &ann.id, Some(&[scope])).await.0, 400, "{scope:?}");
    }
    let platform = exchange(&app, &tool, &ann.id, 60, None).await;
    for text in [&platform, &ann.token] {
        let caller = app.app().authenticate(&Secret::new(text.clone()), false).await.unwrap().unwrap();
        assert_eq!(refused(&app, &caller, &ann.id, None).await.0, 403, "{:?}", caller.kind);
    }
    app.admin().patch(&format!("/api/users/{}", ann.id), json!({"disabled": true})).await.expect(200);
    assert_eq!(refused(&app, &tool, &ann.id, None).await, (404, json!("User not found")));
    assert_eq!(tool.kind, TokenKind::Integration);
}

#[tokio::test]
async fn it_ends_with_its_key_and_with_its_user_in_every_instance() {
    let app = TestApp::start().await;
    let (ann, ben) = (app.person("ann").await, app.person("ben").await);
    let (_, tool) = key(&app, &["repos:read"]).await;
    let (anns, bens) =
        (exchange(&app, &tool, &ann.id, 900, None).await, exchange(&app, &tool, &ben.id, 900, None).await);
    let second = app.second_instance();
    for app in [&app, &second] {
        for token in [&anns, &bens] {
            me(app, token).await.expect(200);
        }
        app.line.take_calls();
        me(app, &anns).await.expect(200);
        assert_eq!(app.line.take_calls(), Vec::<String>::new(), "a warm one costs no call");
    }
    app.admin().patch(&format!("/api/users/{}", ann.id), json!({"disabled": true})).await.expect(200);
    me(&app, &anns).await.expect(401);
    me(&app.second_instance(), &anns).await.expect(401);
    me(&app, &bens).await.expect(200);

    app.admin().delete(&format!("/api/access-tokens/{}", tool.token)).await.expect(200);
    me(&app, &bens).await.expect(401);
    me(&app.second_instance(), &bens).await.expect(401);
    assert_eq!(refused(&app, &tool, &ben.id, None).await.0, 404, "a key that is gone buys nothing");
}

#[tokio::test]
async fn it_does_not_outlive_its_key_and_costs_two_reads_and_a_transaction() {
    let app = TestApp::start().await;
    let ann = app.person("ann").await;
    let body = json!({"name": "tool", "kind": "integration", "scopes": ["repos:read"], "expiresInDays": 1});
    let text = app.admin().token(body).await;
    let tool = app.app().authenticate(&Secret::new(text), true).await.unwrap().unwrap();
    app.clock.advance(Duration::from_secs(24 * 60 * 60 - 120));
    app.line.take_calls();
    let token = exchange(&app, &tool, &ann.id, 3600, None).await;
    assert_eq!(app.line.take_calls(), ["GetItem", "GetItem", "TransactWriteItems"]);
    let second = app.second_instance();
    me(&second, &token).await.expect(200);
    assert_eq!(second.line.take_calls(), ["GetItem", "GetItem", "GetItem"], "the token; its key and its user at once");
    app.clock.advance(Duration::from_secs(121));
    me(&app, &token).await.expect(401);
}
