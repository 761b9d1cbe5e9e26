//! No answer holds a secret or a token (contract: shiftagent 11, 6); `process/canary.rs` reads the log as well.

use super::{Host, integration, path};
use serde_json::{Value, json};

#[tokio::test]
async fn shiftagent_11_6_no_answer_has_a_secret_or_a_token() {
    const SECRET: &str = "canary-secret-5d41402abc4b2a76";
    let host = Host::new().await;
    let token = integration(&host.app, json!(["repos:write"])).await;
    let key = host.app.client(token.clone());
    let mut seen = String::new();
    let mut keep = |answer: repoplane_tests::Answer| {
        seen.push_str(&String::from_utf8_lossy(&answer.bytes));
        seen.push_str(&format!("{:?}", answer.headers));
        answer
    };
    let body = json!({"name": "bot", "type": "git_pat", "secret": SECRET});
    let credential = keep(key.once("k").post("/credentials", body.clone()).await.expect(201)).text("/id");
    keep(key.once("k").post("/credentials", body.clone()).await.expect(201));
    keep(key.post("/credentials", body).await.expect(409));
    keep(key.post("/credentials", json!({"name": 1, "type": "t", "secret": [SECRET]})).await.expect(422));
    keep(
        key.post("/credentials", json!({"name": "x", "type": SECRET, "secret": "s", "extra": SECRET}))
            .await
            .expect(422),
    );
    let url = format!("https://ann:{SECRET}@git.example.com/x");
    keep(key.post("/repositories", json!({"name": "x", "repo_url": url})).await.expect(422));
    let body = json!({"name": "x", "repo_url": "https://git.example.com/x", "credential_id": credential});
    let made = keep(key.post("/repositories", body).await.expect(201)).body;
    keep(key.get("/credentials").await.expect(200));
    keep(key.get(&path(&made)).await.expect(200));
    keep(key.post(&format!("{}/sync", path(&made)), Value::Null).await.expect(202));
    keep(key.delete(&format!("/credentials/{credential}")).await.expect(409));
    keep(key.get("/integration/self").await.expect(200));
    keep(host.app.client(format!("{token}x")).get("/repositories").await.expect(401));
    let table = serde_json::to_string(&host.app.items().await).expect("JSON");
    for text in [SECRET, token.as_str()] {
        assert!(!seen.contains(text), "an answer has it");
        assert!(!table.contains(text), "the table has it");
    }
}
