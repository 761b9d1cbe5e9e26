//! No secret lies in the table, whatever was done with it.

use repoplane_domain::secret::sha256_hex;
use repoplane_tests::{ADMIN_TOKEN, GITHUB_ISSUES_OPENED, Hook, TestApp, fixture};
use serde_json::{Value, json};

#[tokio::test]
async fn no_token_key_or_secret_is_anywhere_in_the_table() {
    let app = TestApp::start_with_double().await;
    let git_token = repoplane_local::double::WRITE_TOKEN;
    let (hook, _) = Hook::ready(&app).await;
    let tenant = app.tenant("other").await;
    let ann = app.person("ann").await;
    let tool = app.admin().token(json!({"name": "t", "kind": "integration", "scopes": ["repos:write"]})).await;
    let robots = format!("{}/robots", hook.path);
    let own = json!({
        "name": "Own", "promptDefault": "p", "token": "ghp_of-the-robot-itself",
        "modelProviderConfig": {"credentialSource": "robot", "credential": {"apiKey": "sk-of-the-robot-itself"}},
    });
    app.admin().post(&robots, own).await.expect(201);
    let model = json!({"claude_code": {"profiles": [{"remark": "x", "apiKey": "sk-ant-of-a-profile"}]}});
    app.admin()
        .patch(&hook.path, json!({"modelProviderCredential": model, "webhookSecret": "whsec-of-a-patch"}))
        .await
        .expect(200);
    let rotate = format!("{}/webhook-secret/rotate", hook.path);
    let derived = app.admin().post(&rotate, json!({"overlapSeconds": 60})).await.expect(200).text("/webhookSecret");
    let body = json!({"provider": "gitlab", "name": "b", "webhookSecret": "whsec-of-a-create"});
    app.admin().post("/api/repos", body).await.expect(201);
    let hook = hook.with_secret(&derived);
    hook.post(&app, "issues", "guid-1", &fixture(GITHUB_ISSUES_OPENED)).await.expect(202);
    // Refused calls leave nothing either.
    let wrong = json!({"repoProviderCredential": {"profiles": [{"token": "ghp_of-a-refused-call"}]}});
    app.admin().patch(&hook.path, wrong).await.expect(400);
    app.client("rpt_a-token-that-nobody-has").get("/api/me").await.expect(401);

    let table = Value::Array(app.items().await).to_string();
    for secret in [
        ADMIN_TOKEN,
        &tenant.token,
        &ann.token,
        &tool,
        git_token,
        "sk-test",
        "ghp_of-the-robot-itself",
        "sk-of-the-robot-itself",
        "sk-ant-of-a-profile",
        "whsec-of-a-patch",
        "whsec-of-a-create",
        &derived,
        "ghp_of-a-refused-call",
        "rpt_a-token-that-nobody-has",
    ] {
        assert!(!table.contains(secret), "{} {secret}", "5.3/Q15");
    }
    for token in [ADMIN_TOKEN, &tenant.token, &ann.token, &tool] {
        assert!(table.contains(&format!("TOKEN#{}", sha256_hex(token.as_bytes()))), "stored as its SHA-256");
    }
}
