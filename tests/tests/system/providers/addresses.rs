//! Every field that takes an address, with every kind of address that must not be called. The guard's own table stands in
//! the providers crate; here it is that no way leads around it.

use repoplane_tests::{Client, Hook, TestApp};
use serde_json::{Value, json};

/// Addresses inside, by literal and by name, in the spellings that URL parsers fold into one.
const INSIDE: [&str; 14] = [
    "https://127.0.0.1",
    "https://localhost",
    "https://2130706433",
    "https://0x7f000001",
    "https://0177.0.0.1",
    "https://127.1",
    "https://[::1]",
    "https://[::ffff:10.0.0.1]",
    "https://10.0.0.1",
    "https://192.168.0.1",
    "https://100.64.0.1",
    "https://169.254.169.254",
    "https://[fd00:ec2::254]",
    "https://224.0.0.1",
];

/// Addresses that are refused for their scheme or port.
const OUTSIDE_THE_RULES: [&str; 3] =
    ["http://git.example.com", "https://git.example.com:22", "https://git.example.com:6379"];

async fn refused(client: &Client, method: &str, path: &str, body: Value, rule: &str) {
    let answer = client.call(method, path, body).await;
    let code = answer.body["code"].as_str().unwrap_or_default().to_owned();
    assert_eq!(answer.status.as_u16(), 400, "{rule}: {}", answer.body);
    assert!(code.ends_with("_ADDRESS_REFUSED") || code.ends_with("_UNUSABLE"), "{rule}: {}", answer.body);
    assert!(!answer.body.to_string().contains("canary"), "{rule}");
}

#[tokio::test]
async fn no_field_leads_inside() {
    let app = TestApp::start().await;
    let admin = app.admin();
    for (index, address) in INSIDE.into_iter().chain(OUTSIDE_THE_RULES).enumerate() {
        for (provider, base) in [("github", format!("{address}/api/v3")), ("gitlab", address.to_owned())] {
            let name = format!("acme/{provider}-{index}");
            let body = json!({"name": name, "externalId": name, "apiBaseUrl": base});
            let hook = Hook::register(&app, provider, body).await;
            let token =
                json!({"repoProviderCredential": {"profiles": [{"id": "bot", "remark": "bot", "token": "canary"}]}});
            admin.patch(&hook.path, token).await.expect(200);
            let rule = format!("{provider} at {address}");
            for operation in
                ["provider-meta?credentialSource=repo", "provider-activity?credentialSource=repo", "provider-hook"]
            {
                refused(&admin, "GET", &format!("{}/{operation}", hook.path), Value::Null, &rule).await;
            }
            refused(&admin, "POST", &format!("{}/provider-hook", hook.path), Value::Null, &rule).await;
            let validated = admin.post(&format!("{}/validate", hook.path), Value::Null).await.expect(200).body;
            assert_eq!((&validated["ok"], &validated["reason"]), (&json!(false), &json!("ADDRESS_REFUSED")), "{rule}");
            let saved = json!({"provider": provider, "name": format!("{name}-2"), "apiBaseUrl": base});
            refused(&admin, "POST", "/api/repos?validate=true", saved, &rule).await;
        }
        // The remote of a plain Git repository.
        let remote = format!("{address}/tools-{index}.git");
        let body = json!({"provider": "git", "name": format!("tools-{index}"), "remoteUrl": remote});
        let made = admin.post("/api/repos", body).await;
        if made.status.as_u16() == 201 {
            let id = made.text("/repo/id");
            let validated = admin.post(&format!("/api/repos/{id}/validate"), Value::Null).await.expect(200).body;
            assert!(
                ["ADDRESS_REFUSED", "UNUSABLE"].contains(&validated["reason"].as_str().unwrap_or_default()),
                "{remote}: {validated}"
            );
        }
        // The base of a model provider, in the call and in a profile.
        let hook = Hook::register(&app, "github", json!({"name": format!("acme/models-{index}")})).await;
        let path = format!("{}/model-credentials/models", hook.path);
        let profile = json!({"id": "m", "remark": "r", "apiKey": "canary", "apiBaseUrl": address});
        admin
            .patch(&hook.path, json!({"modelProviderCredential": {"codex": {"profiles": [profile]}}}))
            .await
            .expect(200);
        refused(&admin, "POST", &path, json!({"provider": "codex", "profileId": "m"}), address).await;
        let credential = json!({"apiKey": "canary", "apiBaseUrl": address});
        refused(&admin, "POST", &path, json!({"provider": "gemini_cli", "credential": credential}), address).await;
    }
}

/// Tokens of other people do not follow to where a maintainer points a repository.
#[tokio::test]
async fn tokens_of_accounts_and_of_the_tenant_stay_with_their_hosts() {
    let app = TestApp::start().await;
    let admin = app.admin();
    let profile = json!({"github": {"profiles": [{"id": "p", "remark": "r", "token": "canary"}]}});
    admin.patch("/api/credentials/me", profile.clone()).await.expect(200);
    admin.patch("/api/credentials/global", profile).await.expect(200);
    let body =
        json!({"name": "acme/widgets", "externalId": "acme/widgets", "apiBaseUrl": "https://evil.example.com/api/v3"});
    let hook = Hook::register(&app, "github", body).await;
    for source in ["user", "global"] {
        for operation in ["provider-meta", "provider-activity", "provider-hook"] {
            let path = format!("{}/{operation}?credentialSource={source}", hook.path);
            let refused = admin.get(&path).await.expect(400);
            assert_eq!(refused.text("/code"), "REPO_PROVIDER_TOKEN_NOT_FOR_HOST", "{path}");
        }
        let robot = json!({
            "name": "Triage", "promptDefault": "p", "repoCredentialSource": source, "repoCredentialProfileId": "p",
            "modelProviderConfig": {"credentialSource": "robot", "credential": {"apiKey": "k"}},
        });
        let refused = admin.post(&format!("{}/robots", hook.path), robot).await.expect(400);
        assert_eq!(refused.wrong_fields(), ["/repoCredentialProfileId"], "{source}");
    }
    assert_eq!(app.provider_calls(), 0);
}
