//! Integration tokens act by their scopes alone, and never for the person who made them.

use repoplane_tests::{Hook, TestApp};
use serde_json::{Value, json};

async fn integration(app: &TestApp, scopes: Value) -> String {
    let body = json!({"name": "ci", "kind": "integration", "scopes": scopes, "expiresInDays": 0});
    let created = app.admin().post("/api/access-tokens", body).await.expect(201);
    assert_eq!(created.body["accessToken"]["expiresAt"], Value::Null);
    created.text("/token")
}

#[tokio::test]
async fn a_tool_without_admin_cannot_touch_the_tokens_of_who_made_it() {
    let app = TestApp::start().await;
    let tool = app.client(integration(&app, json!(["repos:write"])).await);
    let mine = app.admin().get("/api/access-tokens").await.expect(200).text("/accessTokens/0/id");
    tool.get("/api/access-tokens").await.expect(403);
    tool.post("/api/access-tokens", json!({"name": "more", "scopes": ["repos:read"]})).await.expect(403);
    tool.delete(&format!("/api/access-tokens/{mine}")).await.expect(403);
    app.admin().get("/api/me").await.expect(200);
}

#[tokio::test]
async fn a_tool_maintains_every_repository_of_its_tenant_and_owns_none() {
    let app = TestApp::start().await;
    let hook = Hook::github(&app).await;
    let tool = app.client(integration(&app, json!(["repos:write"])).await);
    assert_eq!(tool.get(&hook.path).await.expect(200).body["repo"]["myRole"], "maintainer");
    tool.patch(&hook.path, json!({"description": "by a tool"})).await.expect(200);
    let off = tool.patch(&hook.path, json!({"webhookVerification": "off"})).await.expect(403);
    assert_eq!(off.body["code"], "PAT_SCOPE_INSUFFICIENT");
    let reader = app.client(integration(&app, json!(["repos:read"])).await);
    reader.patch(&hook.path, json!({"description": "no"})).await.expect(403);
}
