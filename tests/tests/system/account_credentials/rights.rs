//! Who may look at account-level credentials, and who may change them.

use super::{GLOBAL, ME, github, put, shown};
use repoplane_tests::{ADMIN_TOKEN, TestApp};
use serde_json::{Value, json};

#[tokio::test]
async fn everyone_changes_their_own_and_administrators_the_tenants() {
    let app = TestApp::start().await;
    let (ann, ben) = (app.person("ann").await, app.person("ben").await);
    put(&ann.client, ME, github("ann", "ghp_ann")).await;
    let ids = |credentials: &Value| credentials["github"]["profiles"][0]["id"].clone();
    assert_eq!(ids(&shown(&app, &ann.token, ME).await), "ann");
    assert_eq!(ids(&shown(&app, &ben.token, ME).await), Value::Null, "nobody sees another's");
    assert_eq!(ids(&shown(&app, ADMIN_TOKEN, ME).await), Value::Null, "administrators neither");

    let refused = ann.client.patch(GLOBAL, github("p", "t")).await.expect(403);
    assert_eq!(refused.text("/code"), "ADMIN_REQUIRED");
    put(&app.admin(), GLOBAL, github("all", "ghp_all")).await;
    assert_eq!(ids(&shown(&app, &ben.token, GLOBAL).await), "all", "everyone sees the tenant's, masked");

    let other = app.tenant("other").await;
    assert_eq!(ids(&shown(&app, &other.token, GLOBAL).await), Value::Null, "another tenant has its own");
    put(&other.client, GLOBAL, github("theirs", "t")).await;
    assert_eq!(ids(&shown(&app, ADMIN_TOKEN, GLOBAL).await), "all");
}

#[tokio::test]
async fn scopes_bound_what_a_token_may_and_a_tool_is_not_the_person_who_made_it() {
    let app = TestApp::start().await;
    let admin = app.admin();
    let token = async |kind: &str, scope: &str| {
        let body = json!({"name": scope, "kind": kind, "scopes": [scope]});
        app.client(admin.token(body).await)
    };
    let (reader, writer) = (token("personal", "repos:read").await, token("personal", "repos:write").await);
    let tasks = token("personal", "tasks:write").await;
    for path in [ME, GLOBAL] {
        reader.get(path).await.expect(200);
        assert_eq!(tasks.get(path).await.expect(403).text("/code"), "PAT_SCOPE_INSUFFICIENT");
        assert_eq!(reader.patch(path, json!({})).await.expect(403).text("/code"), "PAT_SCOPE_INSUFFICIENT");
    }
    writer.patch(ME, github("p", "t")).await.expect(200);
    assert_eq!(writer.patch(GLOBAL, json!({})).await.expect(403).text("/code"), "PAT_SCOPE_INSUFFICIENT");
    let tool = token("integration", "repos:write").await;
    tool.get(ME).await.expect(200);
    assert_eq!(tool.patch(ME, github("p", "theirs")).await.expect(403).text("/code"), "PAT_SCOPE_INSUFFICIENT");
}
