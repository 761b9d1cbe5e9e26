//! The connection of a repository: what real calls leave, `POST /api/repos/:id/validate`, and `?validate=true`.

use super::connection;
use repoplane_local::double::{READ_TOKEN, WRITE_TOKEN};
use repoplane_tests::{Hook, TestApp};
use serde_json::{Value, json};

#[tokio::test]
async fn every_real_call_leaves_how_it_ended() {
    let app = TestApp::start_with_double().await;
    let hook = Hook::at_double(&app, "github", "acme/widgets", Some(READ_TOKEN)).await;
    assert_eq!(connection(&app, &hook).await, json!({"status": "unknown"}));
    let before = app.admin().get(&hook.path).await.expect(200);
    app.admin().get(&format!("{}/provider-meta?credentialSource=repo", hook.path)).await.expect(200);
    let known = connection(&app, &hook).await;
    assert_eq!(known["status"], "ok");
    assert_eq!(known["okSince"], known["attemptedAt"]);
    let after = app.admin().get(&hook.path).await.expect(200);
    assert_eq!(after.body["repo"]["updatedAt"], before.body["repo"]["updatedAt"], "background writes move nothing");

    let bad = json!({"repoProviderCredential": {"profiles": [{"id": "bot", "token": "ghp_expired"}]}});
    app.admin().patch(&hook.path, bad).await.expect(200);
    app.admin().get(&format!("{}/provider-activity?credentialSource=repo", hook.path)).await.expect(424);
    let known = connection(&app, &hook).await;
    assert_eq!((&known["status"], &known["reason"]), (&json!("failing"), &json!("TOKEN_REJECTED")));
    assert!(known.get("okSince").is_none());
    assert!(!known.to_string().contains("ghp_expired"));
}

#[tokio::test]
async fn a_readers_bad_token_says_nothing_of_the_repository() {
    let app = TestApp::start_with_double().await;
    let double = app.double.clone().expect("a double");
    let hook = Hook::at_double(&app, "github", "acme/widgets", Some(READ_TOKEN)).await;
    app.admin().get(&format!("{}/provider-meta?credentialSource=repo", hook.path)).await.expect(200);
    let mia = app.member(&hook.repo, "mia", "member").await.client;
    mia.patch("/api/credentials/me", double.own_token("ghp_no-good")).await.expect(200);
    let refused = mia.get(&format!("{}/provider-meta", hook.path)).await.expect(424);
    assert_eq!(refused.text("/code"), "REPO_PROVIDER_TOKEN_REJECTED", "Q14");
    app.admin().get(&format!("{}/provider-activity", hook.path)).await.expect(424);
    assert_eq!(connection(&app, &hook).await["status"], "ok");
}

#[tokio::test]
async fn validate_asks_now_and_answers_either_way() {
    let app = TestApp::start_with_double().await;
    let hook = Hook::at_double(&app, "gitlab", "acme/widgets", Some(READ_TOKEN)).await;
    let path = format!("{}/validate", hook.path);
    let admin = app.admin();
    let fine = admin.post(&path, Value::Null).await.expect(200).body;
    assert_eq!(
        (&fine["ok"], &fine["visibility"], &fine["connection"]["status"]),
        (&json!(true), &json!("private"), &json!("ok"))
    );
    let calls = app.provider_calls();
    admin.post(&path, json!({"credentialSource": "repo"})).await.expect(200);
    assert!(app.provider_calls() > calls, "whatever is believed");

    let failing = admin.post(&path, json!({"credentialSource": "anonymous"})).await.expect(200).body;
    assert_eq!((&failing["ok"], &failing["reason"]), (&json!(false), &json!("AUTH_REQUIRED")));
    assert_eq!(failing["connection"]["status"], "ok", "the repository has a credential of its own, which works");
    let refused = admin.post(&path, json!({"credentialSource": "nobody", "more": 1})).await.expect(400);
    assert_eq!(refused.wrong_fields(), ["/credentialSource", "/more"]);
    let refused = admin.post(&path, json!({"credentialSource": "global"})).await.expect(400);
    assert_eq!(refused.text("/code"), "REPO_PROVIDER_TOKEN_REQUIRED");

    let once = admin.once("validate-1");
    once.post(&path, Value::Null).await.expect(200);
    assert!(once.post(&path, Value::Null).await.expect(200).is_replayed());
    let mia = app.member(&hook.repo, "mia", "member").await.client;
    assert_eq!(mia.post(&path, Value::Null).await.expect(403).text("/code"), "REPO_MANAGE_REQUIRED");
    admin.post(&format!("{}/archive", hook.path), Value::Null).await.expect(200);
    assert_eq!(admin.post(&path, Value::Null).await.expect(403).text("/code"), "REPO_ARCHIVED_READ_ONLY");
}

#[tokio::test]
async fn nothing_is_registered_that_the_provider_does_not_show() {
    let app = TestApp::start_with_double().await;
    let double = app.double.clone().expect("a double");
    let admin = app.admin();
    let body =
        |name: &str| json!({"provider": "github", "name": name, "externalId": name, "apiBaseUrl": double.github()});
    let refused = admin.post("/api/repos?validate=true", body("missing/widgets")).await.expect(424);
    assert_eq!(refused.text("/code"), "REPO_PROVIDER_AUTH_REQUIRED");
    assert_eq!(admin.get("/api/repos").await.expect(200).body["repos"], json!([]));
    let made = admin.post("/api/repos?validate=true", body("public/widgets")).await.expect(201);
    assert_eq!(made.body["repo"]["connection"]["status"], "ok");

    admin.patch("/api/credentials/me", double.own_token(READ_TOKEN)).await.expect(200);
    let target = "/api/repos?validate=true&credentialSource=user";
    let made = admin.post(target, body("acme/widgets")).await.expect(201);
    // A user's own access says nothing of the registry's.
    let hook = Hook::of_github(&made.text("/repo/id"), "");
    assert_eq!(connection(&app, &hook).await["status"], "ok");
    let refused = admin.post("/api/repos?validate=maybe&credentialSource=x", body("public/other")).await.expect(400);
    assert_eq!(refused.wrong_fields(), ["?validate", "?credentialSource"]);
}

#[tokio::test]
async fn nothing_is_changed_that_the_provider_does_not_take() {
    let app = TestApp::start_with_double().await;
    let hook = Hook::at_double(&app, "github", "acme/widgets", Some(READ_TOKEN)).await;
    let (admin, target) = (app.admin(), format!("{}?validate=true", hook.path));
    let before = admin.get(&hook.path).await.expect(200);
    let token = |token: &str| json!({"repoProviderCredential": {"profiles": [{"id": "bot", "token": token}]}, "description": "new"});
    let refused = admin.patch(&target, token("ghp_wrong")).await.expect(424);
    assert_eq!(refused.text("/code"), "REPO_PROVIDER_TOKEN_REJECTED");
    assert_eq!(admin.get(&hook.path).await.expect(200).body, before.body, "nothing was stored");
    admin.get(&format!("{}/provider-meta?credentialSource=repo", hook.path)).await.expect(200);
    // The new value is tried before it is stored.
    let changed = admin.patch(&target, token(WRITE_TOKEN)).await.expect(200);
    assert_eq!(
        (&changed.body["repo"]["description"], &changed.body["repo"]["connection"]["status"]),
        (&json!("new"), &json!("ok"))
    );
    let moved = json!({"externalId": "missing/widgets"});
    let refused = admin.patch(&target, moved.clone()).await.expect(424);
    assert_eq!(refused.text("/code"), "REPO_PROVIDER_NOT_FOUND");
    admin.patch(&hook.path, moved).await.expect(200);
}

#[tokio::test]
async fn what_is_read_only_is_not_written_by_a_read() {
    let app = TestApp::start_with_double().await;
    let double = app.double.clone().expect("a double");
    let other = app.tenant("other").await;
    let body = json!({"provider": "github", "name": "public/widgets", "apiBaseUrl": double.github()});
    let path = format!("/api/repos/{}", other.client.post("/api/repos", body).await.expect(201).text("/repo/id"));
    let meta = format!("{path}/provider-meta?credentialSource=anonymous");
    let tenant = format!("/api/tenants/{}", other.id);
    app.admin().patch(&tenant, json!({"suspended": true})).await.expect(200);
    let before = app.items().await;
    other.client.get(&meta).await.expect(200);
    assert!(app.items().await == before, "a suspended tenant's");
    app.admin().patch(&tenant, json!({"suspended": false})).await.expect(200);
    other.client.post(&format!("{path}/archive"), Value::Null).await.expect(200);
    let before = app.items().await;
    other.client.get(&meta).await.expect(200);
    assert!(app.items().await == before, "an archived one");
    other.client.post(&format!("{path}/unarchive"), Value::Null).await.expect(200);
    other.client.get(&meta).await.expect(200);
    assert_eq!(other.client.get(&path).await.expect(200).body["repo"]["connection"]["status"], "ok");
}
