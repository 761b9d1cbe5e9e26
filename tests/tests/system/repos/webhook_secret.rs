//! `POST /api/repos/:id/webhook-secret/rotate`, and overlaps of two secrets.

use repoplane_tests::{GITHUB_ISSUES_OPENED, Hook, TestApp, fixture};
use serde_json::{Value, json};
use std::time::Duration;

/// Whether an instance with cold caches takes an event signed with a secret.
async fn accepts(app: &TestApp, hook: &Hook, secret: &str, guid: &str) -> bool {
    let hook = hook.with_secret(secret);
    match hook.post(&app.second_instance(), "issues", guid, &fixture(GITHUB_ISSUES_OPENED)).await.status.as_u16() {
        202 => true,
        401 => false,
        other => panic!("status {other}"),
    }
}

async fn rotate(app: &TestApp, hook: &Hook, body: Value) -> String {
    let rotated = app.admin().post(&format!("{}/webhook-secret/rotate", hook.path), body).await.expect(200);
    assert_eq!(rotated.body["webhookPath"], hook.webhook);
    rotated.text("/webhookSecret")
}

#[tokio::test]
async fn a_derived_secret_is_replaced_at_once_without_an_overlap() {
    let app = TestApp::start().await;
    let hook = Hook::github(&app).await;
    let new = rotate(&app, &hook, Value::Null).await;
    assert_ne!(new, hook.secret);
    assert!(!accepts(&app, &hook, &hook.secret, "guid-1").await);
    assert!(accepts(&app, &hook, &new, "guid-2").await);
    let shown = app.admin().get(&hook.path).await.expect(200);
    assert!(shown.body["repo"].get("previousWebhookSecretAcceptedUntil").is_none());
}

#[tokio::test]
async fn the_old_secret_is_accepted_until_the_overlap_ends() {
    // Every pairing of a derived (null) and a supplied secret, restart-safe: each check is a cold instance.
    for (old, new) in
        [(None, None), (None, Some("new-one")), (Some("old-one"), None), (Some("old-one"), Some("new-one"))]
    {
        let app = TestApp::start().await;
        let hook =
            Hook::register(&app, "github", json!({"name": "Codertocat/Hello-World", "webhookSecret": old})).await;
        let rotated = rotate(&app, &hook, json!({"overlapSeconds": 600, "webhookSecret": new})).await;
        if let Some(new) = new {
            assert_eq!(rotated, new);
        }
        let shown = app.admin().get(&hook.path).await.expect(200);
        assert!(shown.body["repo"]["previousWebhookSecretAcceptedUntil"].is_string());
        assert!(accepts(&app, &hook, &hook.secret, "guid-1").await, "{old:?} during the overlap");
        assert!(accepts(&app, &hook, &rotated, "guid-2").await, "{new:?} during the overlap");
        app.clock.advance(Duration::from_secs(590));
        assert!(accepts(&app, &hook, &hook.secret, "guid-3").await, "{old:?} just before its end");
        app.clock.advance(Duration::from_secs(11));
        assert!(!accepts(&app, &hook, &hook.secret, "guid-4").await, "{old:?} after the overlap");
        assert!(accepts(&app, &hook, &rotated, "guid-5").await, "{new:?} after the overlap");
        assert!(!accepts(&app, &hook, "neither", "guid-6").await);
    }
}

#[tokio::test]
async fn a_patch_with_a_secret_overlaps_like_a_rotation() {
    let app = TestApp::start().await;
    let hook = Hook::github(&app).await;
    app.admin().patch(&hook.path, json!({"webhookSecret": "ours", "overlapSeconds": 60})).await.expect(200);
    assert!(accepts(&app, &hook, &hook.secret, "guid-1").await);
    assert!(accepts(&app, &hook, "ours", "guid-2").await);
    app.clock.advance(Duration::from_secs(61));
    assert!(!accepts(&app, &hook, &hook.secret, "guid-3").await);
    assert!(accepts(&app, &hook, "ours", "guid-4").await);
}

#[tokio::test]
async fn only_two_secrets_are_ever_good_and_others_leave_the_vault() {
    let app = TestApp::start().await;
    let hook =
        Hook::register(&app, "github", json!({"name": "Codertocat/Hello-World", "webhookSecret": "first"})).await;
    let kept = async || {
        let id = hook.repo.parse().expect("an id");
        let cold = app.second_instance();
        let set = cold.store().decision_set(id).await.expect("a read").expect("the repository");
        let mut found = Vec::new();
        for generation in 1..=6 {
            let name = format!("webhook/{generation}");
            found.extend(cold.store().repository_secret(&set, &name).await.expect("a read").map(|_| generation));
        }
        found
    };
    assert_eq!(kept().await, [1]);
    rotate(&app, &hook, json!({"webhookSecret": "second", "overlapSeconds": 600})).await;
    assert_eq!(kept().await, [1, 2]);
    let derived = rotate(&app, &hook, json!({"overlapSeconds": 600})).await;
    assert_eq!(kept().await, [2], "the first is named by nobody any more");
    for (secret, good) in [("first", false), ("second", true), (derived.as_str(), true)] {
        assert_eq!(accepts(&app, &hook, secret, &format!("guid-{secret}")).await, good, "{secret}");
    }
    rotate(&app, &hook, Value::Null).await;
    assert_eq!(kept().await, [0; 0], "two derived ones are stored nowhere");
    rotate(&app, &hook, json!({"webhookSecret": "fifth"})).await;
    app.admin().patch(&hook.path, json!({"webhookSecret": "sixth"})).await.expect(200);
    assert_eq!(kept().await, [6]);
}

#[tokio::test]
async fn rotating_names_every_wrong_field_and_answers_by_right() {
    let app = TestApp::start().await;
    let hook = Hook::github(&app).await;
    let path = format!("{}/webhook-secret/rotate", hook.path);
    for (body, pointers) in [
        (json!({"overlapSeconds": -1, "webhookSecret": " ", "x": 1}), vec!["/overlapSeconds", "/webhookSecret", "/x"]),
        (json!({"overlapSeconds": 604_801}), vec!["/overlapSeconds"]),
        (json!({"overlapSeconds": 1.5}), vec!["/overlapSeconds"]),
        (json!([]), vec![""]),
    ] {
        let refused = app.admin().post(&path, body).await.expect(400);
        assert_eq!(refused.wrong_fields(), pointers);
    }
    let member = app.member(&hook.repo, "mia", "member").await;
    assert_eq!(member.client.post(&path, Value::Null).await.expect(403).text("/code"), "REPO_MANAGE_REQUIRED");
    app.anonymous().post(&path, Value::Null).await.expect(401);
    assert!(accepts(&app, &hook, &hook.secret, "guid-1").await, "nothing was rotated");
}
