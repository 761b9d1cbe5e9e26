//! What a verified webhook locks (contract: hookcode 4.3).

use repoplane_tests::{GITHUB_ISSUES_OPENED, Hook, TestApp, fixture};
use serde_json::{Value, json};

/// A repository whose webhook was verified, and which learned its identity from it.
async fn verified(app: &TestApp) -> Hook {
    let hook = Hook::github(app).await;
    hook.post(app, "issues", "guid-1", &fixture(GITHUB_ISSUES_OPENED)).await.expect(202);
    let shown = app.admin().get(&hook.path).await.expect(200);
    assert_eq!(shown.text("/repo/externalId"), "Codertocat/Hello-World");
    assert_eq!(shown.text("/repo/apiBaseUrl"), "https://api.github.com");
    hook
}

#[tokio::test]
async fn the_identity_is_locked_once_a_webhook_was_verified() {
    let app = TestApp::start().await;
    let hook = verified(&app).await;
    for (row, body, message) in [
        ("4.3/externalId", json!({"externalId": "other/repo"}), "externalId is locked after webhook verification"),
        ("4.3/externalId-null", json!({"externalId": null}), "externalId is locked after webhook verification"),
        (
            "4.3/apiBaseUrl",
            json!({"apiBaseUrl": "https://ghe.example/api/v3"}),
            "apiBaseUrl is locked after webhook verification",
        ),
        ("4.3/apiBaseUrl-null", json!({"apiBaseUrl": null}), "apiBaseUrl is locked after webhook verification"),
        (
            "2.4/409-locked",
            json!({"name": "new", "externalId": "x"}),
            "externalId is locked after webhook verification",
        ),
    ] {
        let refused = app.admin().patch(&hook.path, body).await.expect(409);
        assert_eq!(refused.text("/code"), "REPO_IDENTITY_LOCKED", "{row}");
        assert_eq!(refused.text("/message"), message, "{row}");
    }
    let same = json!({"externalId": "Codertocat/Hello-World", "apiBaseUrl": "https://api.github.com"});
    assert_eq!(app.admin().patch(&hook.path, same).await.status, 200, "4.3/same");
    for body in [
        json!({"name": "renamed"}),
        json!({"branches": [{"name": "main"}]}),
        json!({"enabled": false}),
        json!({"webhookSecret": "ours"}),
        json!({"repoProviderCredential": {"profiles": [{"remark": "bot", "token": "t"}]}}),
        json!({"modelProviderCredential": {"codex": {"profiles": [{"remark": "team", "apiKey": "k"}]}}}),
    ] {
        let changed = app.admin().patch(&hook.path, body.clone()).await;
        assert_eq!(changed.status, 200, "{} {body}: {}", "4.3/editable", changed.body);
    }
}

#[tokio::test]
async fn what_is_empty_may_be_filled_after_the_verification() {
    let app = TestApp::start().await;
    // Verified without hydration: the identity was there already, the base was not.
    let hook = Hook::register(&app, "github", json!({"name": "Hello", "externalId": "Codertocat/Hello-World"})).await;
    hook.post(&app, "issues", "guid-1", &fixture(GITHUB_ISSUES_OPENED)).await.expect(202);
    let shown = app.admin().get(&hook.path).await.expect(200);
    assert!(shown.body["repo"]["webhookVerifiedAt"].is_string());
    if shown.body["repo"].get("apiBaseUrl").is_none() {
        app.admin().patch(&hook.path, json!({"apiBaseUrl": "https://api.github.com"})).await.expect(200);
    }
    let refused = app.admin().patch(&hook.path, json!({"apiBaseUrl": null})).await;
    assert_eq!(refused.status, 409, "4.3/fill-empty");
}

#[tokio::test]
async fn before_the_verification_everything_may_change() {
    let app = TestApp::start().await;
    let hook = Hook::register(&app, "github", json!({"name": "a", "externalId": "a/a"})).await;
    for body in [json!({"externalId": "b/b"}), json!({"externalId": null}), json!({"externalId": "a/a"})] {
        assert_eq!(app.admin().patch(&hook.path, body).await.status, 200, "4.3/unverified");
    }
    // A post that fails the check verifies nothing.
    let wrong = hook.with_secret("wrong");
    wrong.post(&app, "issues", "guid-1", &fixture(GITHUB_ISSUES_OPENED)).await.expect(401);
    assert_eq!(app.admin().patch(&hook.path, json!({"externalId": "c/c"})).await.status, 200, "4.3/unverified");
}

#[tokio::test]
async fn any_change_moves_a_repository_to_the_top_and_a_profile_in_use_may_go() {
    let app = TestApp::start().await;
    let first = Hook::register(&app, "github", json!({"name": "first"})).await;
    let second = Hook::register(&app, "github", json!({"name": "second"})).await;
    let names = async || {
        let list = app.admin().get("/api/repos").await.expect(200);
        let repos = list.body["repos"].as_array().cloned().unwrap_or_default();
        repos.iter().map(|repo| repo["name"].as_str().unwrap_or_default().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names().await, ["second", "first"], "4.3/order");
    app.admin().patch(&first.path, json!({})).await.expect(200);
    assert_eq!(names().await, ["first", "second"], "4.3/order");

    second.add_credentials(&app, "ghp_x").await;
    let robot = second.add_robot(&app, "Triage").await;
    let body = json!({"repoProviderCredential": {"removeProfileIds": ["bot"]}});
    assert_eq!(app.admin().patch(&second.path, body).await.status, 200, "4.3/profile-in-use");
    let test = format!("{}/robots/{robot}/test", second.path);
    let failed = app.admin().post(&test, Value::Null).await.expect(400);
    assert!(failed.text("/message").starts_with("repo provider token is required"), "4.3/profile-in-use");
}
