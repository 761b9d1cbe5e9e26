//! `/api/access-tokens`, and the ways to send one.

use base64::Engine as _;
use repoplane_tests::{ADMIN_TOKEN, Event, Hook, TestApp};
use serde_json::{Value, json};
use std::time::Duration;

const DAY: Duration = Duration::from_secs(86_400);

#[tokio::test]
async fn a_token_is_taken_in_every_documented_form() {
    let app = TestApp::start().await;
    let basic = |text: String| format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(text));
    for (name, value) in [
        ("authorization", format!("Bearer {ADMIN_TOKEN}")),
        ("authorization", format!("bearer {ADMIN_TOKEN}")),
        ("authorization", format!("token {ADMIN_TOKEN}")),
        ("authorization", basic(format!("anyone:{ADMIN_TOKEN}"))),
        ("authorization", basic(format!("{ADMIN_TOKEN}:"))),
        ("x-hookcode-token", ADMIN_TOKEN.to_owned()),
    ] {
        let answer = app.anonymous().send(Event::new("GET", "/api/me").header(name, &value)).await.expect(200);
        assert_eq!(answer.text("/principal/username"), "admin", "{value}");
    }
    for (name, value, message) in [
        ("authorization", ADMIN_TOKEN.to_owned(), "Unauthorized"),
        ("authorization", format!("Digest {ADMIN_TOKEN}"), "Unauthorized"),
        ("authorization", basic(format!("{ADMIN_TOKEN}:wrong")), "Invalid token"),
        ("authorization", "Bearer rpt_unknown".to_owned(), "Invalid token"),
        ("cookie", format!("hookcode-preview-token={ADMIN_TOKEN}"), "Unauthorized"),
    ] {
        let refused = app.anonymous().send(Event::new("GET", "/api/me").header(name, &value)).await.expect(401);
        assert_eq!(refused.text("/error"), "Unauthorized", "1.1/401");
        assert_eq!(refused.text("/message"), message, "{value}");
        assert!(refused.headers.contains_key("www-authenticate"), "{value}");
    }
    app.anonymous().get(&format!("/api/me?token={ADMIN_TOKEN}")).await.expect(401);
}

#[tokio::test]
async fn a_token_is_shown_once_and_listed_without_its_text() {
    let app = TestApp::start().await;
    let ann = app.person("ann").await;
    let body = json!({"name": " ci ", "scopes": ["repos:read", "tasks:read"], "expiresInDays": 7});
    let made = ann.client.post("/api/access-tokens", body).await.expect(201);
    let (text, view) = (made.text("/token"), made.body["accessToken"].clone());
    assert!(text.starts_with("rpt_") && text.len() == 4 + 43, "{text}");
    assert_eq!(made.headers["location"], format!("/api/access-tokens/{}", made.text("/accessToken/id")));
    for (key, value) in [
        ("name", json!("ci")),
        ("kind", json!("personal")),
        ("scopes", json!(["repos:read", "tasks:read"])),
        ("prefix", json!(text[..8])),
        ("lastUsedAt", Value::Null),
    ] {
        assert_eq!(view[key], value, "{key}");
    }
    let client = app.client(text.clone());
    client.get("/api/me").await.expect(200);
    let list = ann.client.get("/api/access-tokens").await.expect(200);
    assert_eq!(list.body["accessTokens"].as_array().map(Vec::len), Some(2));
    assert!(list.body["accessTokens"][1]["lastUsedAt"].is_string(), "{}", list.body);
    assert!(!String::from_utf8(list.bytes).unwrap().contains(&text));
    let others = app.admin().get("/api/access-tokens").await.expect(200);
    assert_eq!(others.body["accessTokens"].as_array().map(Vec::len), Some(1), "each sees their own");
}

#[tokio::test]
async fn the_last_use_is_noted_at_most_hourly() {
    let app = TestApp::start().await;
    let used = async || {
        let calls = app.second_instance();
        calls.admin().get("/api/me").await.expect(200);
        calls.line.take_calls()
    };
    assert_eq!(used().await, ["GetItem", "UpdateItem", "UpdateItem"]);
    app.clock.advance(Duration::from_secs(3_500));
    assert_eq!(used().await, ["GetItem"]);
    app.clock.advance(Duration::from_secs(200));
    assert_eq!(used().await, ["GetItem", "UpdateItem", "UpdateItem"]);
}

#[tokio::test]
async fn tokens_run_out_by_the_clock_on_warm_and_cold_instances() {
    let app = TestApp::start().await;
    let ann = app.person("ann").await;
    let week = app.client(ann.client.token(json!({"name": "w", "scopes": ["repos:read"], "expiresInDays": 7})).await);
    let default = app.client(ann.client.token(json!({"name": "d", "scopes": ["repos:read"]})).await);
    let body = json!({"name": "i", "kind": "integration", "scopes": ["repos:read"], "expiresInDays": null});
    let made = app.admin().post("/api/access-tokens", body).await.expect(201);
    assert_eq!(made.body["accessToken"]["expiresAt"], Value::Null);
    assert!(made.text("/token").starts_with("sk_int_"));
    let forever = app.client(made.text("/token"));

    app.clock.advance(DAY * 7 - Duration::from_secs(10));
    week.get("/api/me").await.expect(200);
    app.clock.advance(Duration::from_secs(11));
    assert_eq!(week.get("/api/me").await.expect(401).text("/message"), "Invalid token");
    default.get("/api/me").await.expect(200);
    let list = ann.client.get("/api/access-tokens").await.expect(200);
    assert_eq!(list.body["accessTokens"].as_array().map(Vec::len), Some(2), "what ran out is not listed, swept or not");
    app.clock.advance(DAY * 83);
    default.get("/api/me").await.expect(401);
    app.admin().get("/api/me").await.expect(401);
    forever.get("/api/me").await.expect(200);
    app.second_instance().admin().get("/api/me").await.expect(401);
}

#[tokio::test]
async fn a_revoked_token_is_refused_and_others_stay() {
    let app = TestApp::start().await;
    let ann = app.person("ann").await;
    let made = ann.client.post("/api/access-tokens", json!({"name": "n", "scopes": ["repos:read"]})).await.expect(201);
    let (text, path) = (made.text("/token"), format!("/api/access-tokens/{}", made.text("/accessToken/id")));
    app.client(text.clone()).get("/api/me").await.expect(200);
    for client in [app.person("ben").await.client, app.admin()] {
        let missing = client.delete(&path).await.expect(404);
        assert_eq!(missing.text("/message"), "Access token not found", "tokens are their owner's alone");
    }
    assert_eq!(ann.client.delete(&path).await.expect(200).body, json!({"ok": true}));
    app.client(text.clone()).get("/api/me").await.expect(401);
    app.second_instance().client(text).get("/api/me").await.expect(401);
    ann.client.get("/api/me").await.expect(200);
    for id in [path.rsplit('/').next().unwrap_or_default(), "tok_x", "%FF"] {
        ann.client.delete(&format!("/api/access-tokens/{id}")).await.expect(404);
    }
}

#[tokio::test]
async fn wrong_bodies_name_their_fields() {
    let app = TestApp::start().await;
    let reader = app.client(app.admin().token(json!({"name": "r", "scopes": ["repos:read"]})).await);
    for (client, body, pointers) in [
        (&app.admin(), json!({}), vec!["/name", "/scopes"]),
        (&app.admin(), json!({"name": " ", "scopes": []}), vec!["/name", "/scopes"]),
        (&app.admin(), json!({"name": "n", "scopes": ["repos:read", "all", 7]}), vec!["/scopes/1", "/scopes/2"]),
        (&app.admin(), json!({"name": "n", "kind": "robot", "scopes": ["repos:read"]}), vec!["/kind"]),
        (&app.admin(), json!({"name": "n", "scopes": ["repos:read"], "expiresInDays": 3651}), vec!["/expiresInDays"]),
        (&app.admin(), json!({"name": "n", "scopes": ["repos:read"], "expiresInDays": 0}), vec!["/expiresInDays"]),
        (&app.admin(), json!({"name": "n", "scopes": ["repos:read"], "expiresInDays": null}), vec!["/expiresInDays"]),
        (&app.admin(), json!({"name": "n", "scopes": ["repos:read"], "userId": "ann"}), vec!["/userId"]),
        (&reader, json!({"name": "n", "scopes": ["repos:write", "admin"]}), vec!["/scopes/0", "/scopes/1"]),
    ] {
        let refused = client.post("/api/access-tokens", body.clone()).await.expect(400);
        assert_eq!(refused.wrong_fields(), pointers, "{body}");
    }
}

#[tokio::test]
async fn administrators_make_the_first_token_of_a_user_and_nobody_else_does() {
    let app = TestApp::start().await;
    let ann = app.person("ann").await;
    let ben = app.person("ben").await;
    let me = app.client(ann.token.clone()).get("/api/me").await.expect(200);
    assert_eq!(me.text("/principal/userId"), ann.id);
    assert_eq!(me.text("/principal/kind"), "personal");
    let body = json!({"name": "n", "userId": ben.id, "scopes": ["repos:read"]});
    let refused = ann.client.post("/api/access-tokens", body).await.expect(403);
    assert_eq!(refused.text("/code"), "ADMIN_REQUIRED");
    let own = json!({"name": "n", "userId": ann.id, "scopes": ["repos:read"]});
    ann.client.post("/api/access-tokens", own).await.expect(201);
    let tool = json!({"name": "n", "userId": ben.id, "kind": "integration", "scopes": ["repos:read"]});
    assert_eq!(app.admin().post("/api/access-tokens", tool).await.expect(400).wrong_fields(), ["/userId"]);
}

#[tokio::test]
async fn integration_tokens_are_the_administrators_to_make_and_act_by_scope() {
    let app = TestApp::start().await;
    let hook = Hook::github(&app).await;
    let ann = app.person("ann").await;
    let body = json!({"name": "tool", "kind": "integration", "scopes": ["repos:write"]});
    let refused = ann.client.post("/api/access-tokens", body.clone()).await.expect(403);
    assert_eq!(refused.text("/code"), "ADMIN_REQUIRED");
    let tool = app.client(app.admin().token(body).await);
    let shown = tool.get(&hook.path).await.expect(200);
    assert_eq!(shown.text("/repo/myRole"), "maintainer");
    tool.patch(&hook.path, json!({"description": "x"})).await.expect(200);
    let owner = json!({"userId": ann.id, "role": "owner"});
    let refused = tool.post(&format!("{}/members", hook.path), owner).await.expect(403);
    assert_eq!(refused.text("/code"), "REPO_OWNER_REQUIRED");
    assert_eq!(tool.get("/api/users").await.expect(403).text("/requiredScope"), "admin");
}

#[tokio::test]
async fn a_user_has_at_most_forty_tokens() {
    let app = TestApp::start().await;
    let ann = app.person("ann").await;
    for n in 1..40 {
        ann.client.token(json!({"name": format!("t{n}"), "scopes": ["repos:read"]})).await;
    }
    let refused =
        ann.client.post("/api/access-tokens", json!({"name": "x", "scopes": ["repos:read"]})).await.expect(422);
    assert_eq!(refused.text("/code"), "LIMIT_EXCEEDED");
    // All of them learn of a change at once.
    app.admin().patch(&format!("/api/users/{}", ann.id), json!({"disabled": true})).await.expect(200);
    ann.client.get("/api/me").await.expect(401);
    app.admin().patch(&format!("/api/users/{}", ann.id), json!({"disabled": false})).await.expect(200);
    ann.client.get("/api/me").await.expect(200);
}
