//! `previewEnvConfig` of a repository: write-only variables (contract: hookcode 2.4, 3.4).

use repoplane_domain::credential::SecretName;
use repoplane_tests::{Hook, TestApp};
use serde_json::{Value, json};

#[tokio::test]
async fn variables_are_set_masked_kept_in_the_vault_and_wiped() {
    let app = TestApp::start().await;
    let (hook, admin) = (Hook::github(&app).await, app.admin());
    let row = "2.4/previewEnvConfig";

    let body = json!({"previewEnvConfig": {"entries": [{"key": "api_url", "value": "https://example.com"}, {"key": "TOKEN", "value": "t"}]}});
    let patched = admin.patch(&hook.path, body).await.expect(200);
    let masked = |key: &str| json!({"key": key, "isSecret": true, "hasValue": true});
    let both = json!({"variables": [masked("API_URL"), masked("TOKEN")]});
    assert_eq!(patched.body["previewEnvConfig"], both, "{row}");
    assert_eq!(admin.get(&hook.path).await.expect(200).body["previewEnvConfig"], both, "{row}");

    let value = async |key: &str| {
        let fresh = app.second_instance();
        let set = fresh.store().decision_set(hook.repo.parse().unwrap()).await.unwrap().expect("the repository");
        let value = fresh.store().repository_secret(&set, SecretName::preview_env(key).as_str()).await.unwrap();
        value.map(|value| value.expose().to_owned())
    };
    assert_eq!(value("API_URL").await.as_deref(), Some("https://example.com"), "{row}");

    let removed = json!({"previewEnvConfig": {"removeKeys": ["API_URL"]}});
    let patched = admin.patch(&hook.path, removed).await.expect(200);
    assert_eq!(patched.body["previewEnvConfig"], json!({"variables": [masked("TOKEN")]}), "{row}");
    assert_eq!(value("API_URL").await, None, "{row}");

    let wiped = admin.patch(&hook.path, json!({"previewEnvConfig": Value::Null})).await.expect(200);
    assert_eq!(wiped.body["previewEnvConfig"], json!({"variables": []}), "{row}");
    assert_eq!(value("TOKEN").await, None, "{row}");
}
