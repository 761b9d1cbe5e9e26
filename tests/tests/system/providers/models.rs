//! `POST /api/repos/:id/model-credentials/models` (contract: hookcode 2.11), and the model key in a robot's test (Q17).

use repoplane_local::double::{MODEL_KEY, WRITE_TOKEN};
use repoplane_tests::{Hook, TestApp};
use serde_json::{Value, json};

const BASES: [(&str, &str); 3] = [("codex", "/openai/v1"), ("claude_code", "/anthropic"), ("gemini_cli", "/gemini")];

#[tokio::test]
async fn each_provider_lists_its_models() {
    let app = TestApp::start_with_double().await;
    let hook = Hook::at_double(&app, "github", "acme/widgets", None).await;
    let (admin, path) = (app.admin(), format!("{}/model-credentials/models", hook.path));
    let origin = app.double.as_ref().expect("a double").origin();
    for (provider, base) in BASES {
        let credential = json!({"apiKey": MODEL_KEY, "apiBaseUrl": format!("{origin}{base}")});
        let listed = admin.post(&path, json!({"provider": provider, "credential": credential})).await.expect(200);
        assert_eq!(listed.body["source"], "remote", "2.11/200 {provider}");
        let models = listed.body["models"].as_array().cloned().unwrap_or_default();
        assert_eq!(models.len(), 3, "2.11/200 {provider}: every page");
        assert!(models.is_sorted_by_key(|model| model.as_str().map(str::to_owned)), "2.11/200 {provider}");
        let credential = json!({"apiKey": "wrong", "apiBaseUrl": format!("{origin}{base}")});
        let refused = admin.post(&path, json!({"provider": provider, "credential": credential})).await.expect(400);
        assert_eq!(refused.text("/code"), "MODEL_API_KEY_INVALID", "2.11/invalid {provider}");
        assert_eq!(refused.text("/message"), "Model provider API key is invalid or unauthorized", "2.11/invalid");
        let credential = json!({"apiKey": "k", "apiBaseUrl": format!("{origin}/nothing-here")});
        let listed = admin.post(&path, json!({"provider": provider, "credential": credential})).await.expect(200);
        assert_eq!(listed.body["source"], "fallback", "2.11/fallback {provider}");
    }
}

#[tokio::test]
async fn keys_come_from_the_call_the_profile_or_the_stores_in_turn() {
    let app = TestApp::start_with_double().await;
    let hook = Hook::at_double(&app, "github", "acme/widgets", None).await;
    let (admin, path) = (app.admin(), format!("{}/model-credentials/models", hook.path));
    let base = format!("{}/openai/v1", app.double.as_ref().expect("a double").origin());
    let ask = async |fields: Value| {
        let mut body = json!({"provider": "codex"});
        body.as_object_mut().expect("an object").extend(fields.as_object().cloned().unwrap_or_default());
        admin.post(&path, body).await
    };
    let refused = ask(json!({})).await.expect(400);
    assert_eq!(refused.text("/code"), "MODEL_API_KEY_REQUIRED", "2.11/required");
    assert_eq!(refused.text("/message"), "credential.apiKey is required", "2.11/required");
    let refused = ask(json!({"profileId": "nobody"})).await.expect(400);
    assert_eq!(refused.text("/code"), "MODEL_PROFILE_NOT_FOUND", "2.11/profile");

    let profile = |id: &str| json!({"profiles": [{"id": id, "remark": "r", "apiKey": MODEL_KEY, "apiBaseUrl": base}]});
    admin.patch("/api/credentials/global", json!({"codex": profile("global")})).await.expect(200);
    ask(json!({})).await.expect(200);
    // The tenant's key does not follow to an address of a maintainer's choice.
    let elsewhere = json!({"credential": {"apiBaseUrl": "https://evil.example.com/v1"}});
    let refused = ask(elsewhere.clone()).await.expect(400);
    assert_eq!(refused.wrong_fields(), ["/credential/apiBaseUrl"]);
    admin.patch("/api/credentials/me", json!({"codex": profile("own")})).await.expect(200);
    ask(json!({})).await.expect(200);
    admin.patch(&hook.path, json!({"modelProviderCredential": {"codex": profile("repo")}})).await.expect(200);
    ask(json!({"profileId": "repo"})).await.expect(200);
    let refused =
        admin.post(&path, json!({"provider": "x", "credential": {"apiBaseUrl": "ftp://x", "z": 1}})).await.expect(400);
    assert_eq!(refused.wrong_fields(), ["/provider", "/credential/apiBaseUrl", "/credential/z"], "Q3");
    assert!(
        !ask(json!({"credential": {"apiKey": "sk-inline-canary", "apiBaseUrl": base}}))
            .await
            .body
            .to_string()
            .contains("sk-inline-canary")
    );
}

#[tokio::test]
async fn lists_are_believed_until_a_forced_refresh() {
    let app = TestApp::start_with_double().await;
    let hook = Hook::at_double(&app, "github", "acme/widgets", None).await;
    let (admin, path) = (app.admin(), format!("{}/model-credentials/models", hook.path));
    let base = format!("{}/openai/v1", app.double.as_ref().expect("a double").origin());
    let body = |force: bool| json!({"provider": "", "credential": {"apiKey": MODEL_KEY, "apiBaseUrl": base}, "forceRefresh": force});
    admin.post(&path, body(false)).await.expect(200);
    let calls = app.provider_calls();
    admin.post(&path, body(false)).await.expect(200);
    assert_eq!(app.provider_calls(), calls, "2.11/cache");
    admin.post(&path, body(true)).await.expect(200);
    assert!(app.provider_calls() > calls, "2.11/cache");
    let mia = app.member(&hook.repo, "mia", "member").await.client;
    assert_eq!(mia.post(&path, body(false)).await.expect(403).text("/code"), "REPO_MANAGE_REQUIRED", "2.11/403");
    admin.post(&format!("{}/archive", hook.path), Value::Null).await.expect(200);
    admin.post(&path, body(false)).await.expect(200);
}

/// Q17: upstream's test says nothing of the model key, although its documentation does.
#[tokio::test]
async fn a_robots_test_tells_of_the_model_key_beside_the_git_token() {
    let app = TestApp::start_with_double().await;
    let hook = Hook::at_double(&app, "github", "acme/widgets", Some(WRITE_TOKEN)).await;
    let robot = hook.add_robot(&app, "Triage").await;
    let test = format!("{}/robots/{robot}/test", hook.path);
    let tested = app.admin().post(&test, Value::Null).await.expect(200).body;
    assert_eq!(
        (&tested["ok"], &tested["git"]["ok"], &tested["model"]["ok"]),
        (&json!(true), &json!(true), &json!(true)),
        "{tested}"
    );
    assert_eq!(tested["robot"]["lastModelTestOk"], true);
    let wrong =
        json!({"modelProviderCredential": {"codex": {"profiles": [{"id": "team", "apiKey": "sk-wrong-canary"}]}}});
    app.admin().patch(&hook.path, wrong).await.expect(200);
    let tested = app.admin().post(&test, Value::Null).await.expect(200).body;
    assert_eq!((&tested["ok"], &tested["model"]["ok"]), (&json!(true), &json!(false)), "{tested}");
    assert!(tested["model"]["message"].as_str().is_some_and(|message| !message.is_empty()), "{tested}");
    assert!(!tested.to_string().contains("sk-wrong-canary"));
    assert_eq!(tested["robot"]["enabled"], true, "the contract activates by the Git token alone");
}
