//! `/api/issuers`: made, listed, looked at, changed and deleted by the tenant's administrators.

use super::register;
use repoplane_tests::{TestApp, consistency};
use serde_json::{Value, json};

const PATH: &str = "/api/issuers";

fn body(issuer: &str) -> Value {
    json!({"issuer": issuer, "audiences": ["plane"], "scopes": ["repos:read"]})
}

#[tokio::test]
async fn an_issuer_is_made_shown_changed_and_deleted() {
    let app = TestApp::start().await;
    let admin = app.admin();
    let path = register(&app, json!({"userClaim": "email", "jwksUri": "https://login.example.com/keys"})).await;
    let shown = admin.get(&path).await.expect(200);
    let issuer = &shown.body["issuer"];
    for (name, value) in [
        ("issuer", json!("https://login.example.com")),
        ("audiences", json!(["repoplane"])),
        ("algorithms", json!(["RS256", "ES256", "EdDSA"])),
        ("userClaim", json!("email")),
        ("scopes", json!(["repos:write", "tasks:read"])),
        ("jwksUri", json!("https://login.example.com/keys")),
        ("enabled", json!(true)),
    ] {
        assert_eq!(issuer[name], value, "{name}");
    }
    assert_eq!(admin.get(PATH).await.expect(200).body["issuers"], json!([issuer]));
    let tag = shown.etag();
    let patch = json!({"jwksUri": null, "enabled": false});
    let changed = admin.if_match(&tag).patch(&path, patch.clone()).await.expect(200);
    assert_eq!((&changed.body["issuer"]["enabled"], &changed.body["issuer"]["jwksUri"]), (&json!(false), &Value::Null));
    admin.if_match(&tag).patch(&path, patch).await.expect(412);
    admin.if_match(&tag).delete(&path).await.expect(412);
    consistency::check(&app.items().await).expect("consistent");
    admin.delete(&path).await.expect(200);
    admin.get(&path).await.expect(404);
    admin.delete(&path).await.expect(404);
    admin.get("/api/issuers/nothing").await.expect(404);
    let audit = admin.get("/api/audit?day=2026-01-20").await.expect(200).body.to_string();
    for action in ["ISSUER_CREATED", "ISSUER_UPDATED", "ISSUER_DELETED"] {
        assert!(audit.contains(action), "{action}");
    }
    consistency::check(&app.items().await).expect("consistent");
}

#[tokio::test]
async fn all_wrong_fields_are_named() {
    let app = TestApp::start().await;
    let wrong = json!({"issuer": "x", "audiences": [1], "scopes": ["admin"], "algorithms": ["HS256"], "secret": "s"});
    let refused = app.admin().post(PATH, wrong).await.expect(400);
    assert_eq!(refused.wrong_fields(), ["/issuer", "/audiences/0", "/scopes/0", "/algorithms/0", "/secret"]);
    let path = register(&app, json!({})).await;
    let refused = app.admin().patch(&path, json!({"issuer": "https://a.example", "scopes": null})).await.expect(400);
    assert_eq!(refused.wrong_fields(), ["/scopes", "/issuer"]);
}

#[tokio::test]
async fn an_issuer_belongs_to_one_tenant_of_the_registry() {
    let app = TestApp::start().await;
    let (one, two) = (app.tenant("one").await, app.tenant("two").await);
    let made = one.client.post(PATH, body("https://login.example.com")).await.expect(201);
    let path = format!("{PATH}/{}", made.text("/issuer/id"));
    let told: Vec<_> = [&one, &two].map(|tenant| tenant.client.post(PATH, body("https://login.example.com"))).into();
    for answer in told {
        let refused = answer.await.expect(409);
        assert_eq!(refused.text("/code"), "ISSUER_TAKEN");
        let said = refused.body.to_string();
        assert!(!said.contains(&one.id) && !said.contains("iss_"), "{said}");
        assert_eq!(refused.body["conflicting_resource_id"], Value::Null);
    }
    for (method, body) in [("GET", Value::Null), ("PATCH", json!({"enabled": false})), ("DELETE", Value::Null)] {
        two.client.call(method, &path, body).await.expect(404);
    }
    assert_eq!(two.client.get(PATH).await.expect(200).body["issuers"], json!([]));
    // Another path is another issuer; case counts.
    two.client.post(PATH, body("https://login.example.com/two")).await.expect(201);
    two.client.post(PATH, body("https://login.example.com/Two")).await.expect(201);
    one.client.delete(&path).await.expect(200);
    two.client.post(PATH, body("https://login.example.com")).await.expect(201);
    consistency::check(&app.items().await).expect("consistent");
}

#[tokio::test]
async fn a_tenant_has_at_most_ten() {
    let app = TestApp::start().await;
    let admin = app.admin();
    let mut last = String::new();
    for n in 0..10 {
        last = admin.post(PATH, body(&format!("https://{n}.example.com"))).await.expect(201).text("/issuer/id");
    }
    admin.post(PATH, body("https://10.example.com")).await.expect(422);
    admin.delete(&format!("{PATH}/{last}")).await.expect(200);
    admin.once("again").post(PATH, body("https://10.example.com")).await.expect(201);
    assert!(admin.once("again").post(PATH, body("https://10.example.com")).await.expect(201).is_replayed());
    admin.post(PATH, body("https://11.example.com")).await.expect(422);
    consistency::check(&app.items().await).expect("consistent");
}
