//! `/api/repos/:id/provider-hook`: the repository's webhook at its provider.

use repoplane_local::double::{ADMIN_TOKEN, WRITE_TOKEN};
use repoplane_tests::{Answer, Hook, PUBLIC_URL, TestApp};
use serde_json::{Value, json};

fn codes(answer: &Answer) -> Vec<String> {
    let drift = answer.body["drift"].as_array().cloned().unwrap_or_default();
    drift.iter().map(|drift| drift["code"].as_str().unwrap_or_default().to_owned()).collect()
}

async fn stage(provider: &'static str) -> (TestApp, Hook, String) {
    let app = TestApp::start_with_double().await;
    let hook = Hook::at_double(&app, provider, "acme/widgets", Some(ADMIN_TOKEN)).await;
    let path = format!("{}/provider-hook", hook.path);
    (app, hook, path)
}

#[tokio::test]
async fn it_is_created_compared_mended_and_removed() {
    for (provider, push, issues) in [
        ("github", json!(["push"]), json!(["issue_comment", "issues"])),
        ("gitlab", json!(["push_events"]), json!(["issues_events", "note_events"])),
    ] {
        let (app, hook, path) = stage(provider).await;
        let admin = app.admin();
        assert_eq!(codes(&admin.get(&path).await.expect(200)), ["MISSING"], "{provider}");
        let made = admin.post(&path, Value::Null).await.expect(200);
        assert_eq!(
            (&made.body["change"], &made.body["inSync"]),
            (&json!("created"), &json!(true)),
            "{provider} {}",
            made.body
        );
        assert_eq!(made.body["hook"]["url"], format!("{PUBLIC_URL}{}", hook.webhook), "{provider}");
        assert_eq!(made.body["hook"]["events"], push, "{provider}");
        assert!(!made.body.to_string().contains(&hook.secret), "{provider}: the secret goes to the provider alone");
        assert_eq!(admin.post(&path, Value::Null).await.expect(200).body["change"], "none", "{provider}");

        // Rules that need more events, and a secret that was rotated.
        let robot = hook.add_robot(&app, "Triage").await;
        hook.add_rule(&app, "issue", &robot, Value::Null).await;
        admin.post(&format!("{}/webhook-secret/rotate", hook.path), json!({})).await.expect(200);
        let shown = admin.get(&path).await.expect(200);
        assert_eq!(codes(&shown), ["OTHER_EVENTS", "OTHER_SECRET"], "{provider}");
        assert_eq!(shown.body["drift"][0]["missingEvents"], issues, "{provider}");
        assert_eq!(shown.body["drift"][0]["extraEvents"], push, "{provider}");
        let mended = admin.post(&path, Value::Null).await.expect(200);
        assert_eq!(
            (&mended.body["change"], &mended.body["hook"]["events"]),
            (&json!("updated"), &issues),
            "{provider}"
        );
        assert_eq!(mended.body["hook"]["id"], made.body["hook"]["id"], "{provider}");
        assert_eq!(codes(&admin.get(&path).await.expect(200)), Vec::<String>::new(), "{provider}");

        assert_eq!(admin.delete(&path).await.expect(200).body, json!({"ok": true, "removed": true}), "{provider}");
        assert_eq!(admin.delete(&path).await.expect(200).body, json!({"ok": true, "removed": false}), "{provider}");
        let audit = app.audit_of(&hook.repo).await;
        let of_hooks = audit.iter().filter(|action| action.contains("PROVIDER_HOOK"));
        assert_eq!(
            of_hooks.collect::<Vec<_>>(),
            ["REPO_PROVIDER_HOOK_SET", "REPO_PROVIDER_HOOK_SET", "REPO_PROVIDER_HOOK_REMOVED"],
            "{provider}"
        );
    }
}

#[tokio::test]
async fn failing_deliveries_are_told_and_left_alone() {
    let (app, hook, path) = stage("github").await;
    let settings = repoplane_api::app::Settings {
        public_url: Some("https://failing.example.com".to_owned()),
        ..repoplane_api::app::Settings::default()
    };
    let app = app.with_settings(settings);
    app.admin().post(&path, Value::Null).await.expect(200);
    let shown = app.admin().get(&path).await.expect(200);
    assert_eq!(codes(&shown), ["FAILING_DELIVERIES"]);
    assert_eq!(shown.body["hook"]["lastDelivery"]["ok"], false);
    assert_eq!(app.admin().post(&path, Value::Null).await.expect(200).body["change"], "none");
    // The API has moved: the old address is one difference, and is mended.
    let (moved, _) = (
        app.with_settings(repoplane_api::app::Settings {
            public_url: Some("https://new.example.com/stage/".to_owned()),
            ..repoplane_api::app::Settings::default()
        }),
        (),
    );
    assert!(codes(&moved.admin().get(&path).await.expect(200)).contains(&"OTHER_URL".to_owned()));
    let mended = moved.admin().post(&path, Value::Null).await.expect(200);
    assert_eq!(mended.body["hook"]["url"], format!("https://new.example.com/stage{}", hook.webhook));
}

#[tokio::test]
async fn who_may_not_administer_webhooks_is_told_so() {
    for (provider, code) in [("github", "REPO_PROVIDER_NOT_FOUND"), ("gitlab", "REPO_PROVIDER_FORBIDDEN")] {
        let app = TestApp::start_with_double().await;
        let hook = Hook::at_double(&app, provider, "acme/widgets", Some(WRITE_TOKEN)).await;
        let path = format!("{}/provider-hook", hook.path);
        let refused = app.admin().post(&path, Value::Null).await.expect(424);
        assert_eq!(refused.text("/code"), code, "{provider}");
    }
}

#[tokio::test]
async fn what_cannot_be_is_a_clear_4xx_and_calls_nobody() {
    let (app, hook, path) = stage("github").await;
    let admin = app.admin();
    let refused = admin.post(&path, json!({"credentialSource": "anonymous"})).await.expect(400);
    assert_eq!(refused.text("/code"), "REPO_PROVIDER_TOKEN_REQUIRED");
    let refused = admin.post(&path, json!({"credentialSource": 1, "url": "x"})).await.expect(400);
    assert_eq!(refused.wrong_fields(), ["/credentialSource", "/url"]);
    let refused = admin.get(&format!("{path}?credentialSource=nobody")).await.expect(400);
    assert_eq!(refused.wrong_fields(), ["?credentialSource"]);
    let nowhere = app.with_settings(repoplane_api::app::Settings::default());
    let refused = nowhere.admin().post(&path, Value::Null).await.expect(409);
    assert_eq!(refused.text("/code"), "PUBLIC_URL_NOT_SET");
    let body = json!({"provider": "git", "name": "tools", "remoteUrl": "https://git.example.com/tools.git"});
    let git = admin.post("/api/repos", body).await.expect(201).text("/repo/id");
    let refused = admin.post(&format!("/api/repos/{git}/provider-hook"), Value::Null).await.expect(400);
    assert_eq!(refused.text("/code"), "REPO_PROVIDER_UNSUPPORTED");
    let mia = app.member(&hook.repo, "mia", "member").await.client;
    assert_eq!(mia.get(&path).await.expect(403).text("/code"), "REPO_MANAGE_REQUIRED");
    assert_eq!(app.provider_calls(), 0);
}

#[tokio::test]
async fn a_repeated_call_sets_up_once() {
    let (app, _, path) = stage("gitlab").await;
    let once = app.admin().once("hook-1");
    let first = once.post(&path, Value::Null).await.expect(200);
    let calls = app.provider_calls();
    let again = once.post(&path, Value::Null).await.expect(200);
    assert!(again.is_replayed());
    assert_eq!((again.body, app.provider_calls()), (first.body, calls));
}
