//! `POST /api/repos/:id/robots` (contract: hookcode 2.13).

use super::{body, read, repository, secret};
use repoplane_tests::TestApp;
use serde_json::{Value, json};

#[tokio::test]
async fn a_created_robot_is_answered_and_kept_disabled() {
    let app = TestApp::start().await;
    let (hook, path) = repository(&app).await;
    let fields = json!({
        "name": " @rev bot", "language": "de", "cloneUsername": "acme", "defaultBranch": "dev",
        "repoWorkflowMode": "fork",
        "timeWindow": {"startHour": 22, "endHour": 6}, "dependencyConfig": {"failureMode": "soft"}, "isDefault": true,
    });
    let made = app.admin().post(&path, body(fields)).await.expect(201);
    let id = made.text("/robot/id");
    assert!(id.starts_with("rob_"), "2.13/201");
    assert_eq!(made.headers["location"], format!("{path}/{id}"), "2.13/201-location");
    let robot = &made.body["robot"];
    for (key, value) in [
        ("repoId", json!(hook.repo)),
        ("name", json!("rev bot")),
        ("permission", json!("read")),
        ("hasToken", json!(false)),
        ("repoCredentialSource", json!("repo")),
        ("repoCredentialProfileId", json!("bot")),
        ("modelProvider", json!("codex")),
        ("enabled", json!(false)),
        ("isDefault", json!(true)),
        ("timeWindow", json!({"startHour": 22, "endHour": 6})),
    ] {
        assert_eq!(robot[key], value, "{} {key}", "2.13/201");
    }
    for absent in ["activatedAt", "lastTestAt", "repoTokenUsername", "repoCredentialRemark"] {
        assert!(robot.get(absent).is_none(), "{} {absent}", "2.13/201-disabled");
    }
    assert_eq!(&read(&app, &path, &id).await, robot, "2.13/201-kept");
    let shown = app.admin().get(&hook.path).await.expect(200);
    assert!(shown.body["repo"].get("webhookVerifiedAt").is_none(), "2.13/before-verification");
    assert_eq!(shown.body["robots"][0], *robot, "2.13/201-kept");
    assert_eq!(app.audit_of(&hook.repo).await.last().map(String::as_str), Some("REPO_ROBOT_CREATED"), "2.13/audit");
    let same = app.admin().post(&path, body(json!({"name": "rev bot"}))).await;
    assert_eq!(same.status, 201, "2.13/name-not-unique");
}

#[tokio::test]
async fn a_robots_own_token_and_key_go_to_the_vault_alone() {
    let app = TestApp::start().await;
    let (hook, path) = repository(&app).await;
    let own = json!({
        "name": "Own", "promptDefault": "p", "token": " ghp_own ", "repoCredentialRemark": "mine",
        "modelProvider": "claude_code",
        "modelProviderConfig": {"credentialSource": "robot", "credential": {"apiKey": "sk-own", "remark": "k"}},
    });
    let made = app.admin().post(&path, own).await.expect(201);
    let robot = &made.body["robot"];
    assert_eq!(robot["hasToken"], true, "2.13/own-token");
    assert_eq!(robot["repoCredentialSource"], "robot", "2.13/own-token");
    assert_eq!(robot["repoCredentialRemark"], "mine", "2.13/own-token");
    assert_eq!(robot["modelProviderConfig"]["credential"], json!({"hasApiKey": true, "remark": "k"}), "2.13/own-key");
    let text = String::from_utf8(made.bytes.clone()).unwrap();
    assert!(!text.contains("ghp_own") && !text.contains("sk-own"), "2.13/own-token");
    let id = made.text("/robot/id");
    assert_eq!(secret(&app, &hook, &format!("robot/{id}/token")).await.as_deref(), Some("ghp_own"), "2.13/own-token");
    assert_eq!(secret(&app, &hook, &format!("robot/{id}/model")).await.as_deref(), Some("sk-own"), "2.13/own-key");
    // The profiles' values share the document and are still there.
    let kept = secret(&app, &hook, "git/bot").await;
    assert_eq!(kept.as_deref(), Some(repoplane_local::double::WRITE_TOKEN), "2.13/own-token");
}

#[tokio::test]
async fn refused_bodies_name_every_field_and_make_nothing() {
    let app = TestApp::start().await;
    let (_, path) = repository(&app).await;
    for (row, fields, pointers, message) in [
        ("2.13/400", json!({"name": "@"}), vec!["/name"], "name is required"),
        ("2.13/400", json!({"promptDefault": " "}), vec!["/promptDefault"], "promptDefault is required"),
        ("2.13/400-enabled", json!({"enabled": true}), vec!["/enabled"], "unknown field"),
        (
            "2.13/400-profile",
            json!({"repoCredentialProfileId": "other"}),
            vec!["/repoCredentialProfileId"],
            "repoCredentialProfileId does not exist in repo-scoped credentials",
        ),
        (
            "2.13/400-model",
            json!({"modelProviderConfig": {"credentialSource": "repo", "credentialProfileId": "other"}}),
            vec!["/modelProviderConfig/credentialProfileId"],
            "codex credentialProfileId does not exist in repo-scoped credentials",
        ),
        (
            "2.13/400-model-default",
            json!({"modelProviderConfig": {}}),
            vec!["/modelProviderConfig/credentialProfileId"],
            "codex credentialProfileId is required when credentialSource is user/repo",
        ),
        (
            "2.13/400-user",
            json!({"repoCredentialSource": "user"}),
            vec!["/repoCredentialProfileId"],
            "repoCredentialProfileId does not exist in your account credentials",
        ),
        (
            "2.13/400-global",
            json!({"repoCredentialSource": "global"}),
            vec!["/repoCredentialProfileId"],
            "repoCredentialProfileId does not exist in global credentials",
        ),
        (
            "2.13/400-all",
            json!({"name": "", "promptDefault": null, "repoWorkflowMode": "x", "timeWindow": {"startHour": 24}, "y": 1,
                   "repoCredentialProfileId": "other"}),
            vec![
                "/name",
                "/promptDefault",
                "/repoWorkflowMode",
                "/timeWindow/startHour",
                "/timeWindow/endHour",
                "/y",
                "/repoCredentialProfileId",
            ],
            "name is required",
        ),
    ] {
        let refused = app.admin().post(&path, body(fields)).await.expect(400);
        assert_eq!(refused.wrong_fields(), pointers, "{row}");
        assert_eq!(refused.text("/message"), message, "{row}");
    }
    assert_eq!(app.admin().get(&path).await.expect(200).body, json!({"robots": []}), "2.13/400-all");
    let large = app.admin().post(&path, body(json!({"promptDefault": "p".repeat(8_100)}))).await.expect(422);
    assert_eq!(large.text("/code"), "LIMIT_EXCEEDED", "2.13/422");
}

#[tokio::test]
async fn creating_answers_by_right() {
    let app = TestApp::start().await;
    let (hook, path) = repository(&app).await;
    let member = app.member(&hook.repo, "mia", "member").await;
    let maintainer = app.member(&hook.repo, "max", "maintainer").await;
    assert_eq!(app.anonymous().post(&path, body(json!({}))).await.status, 401, "2.13/401");
    let refused = member.client.post(&path, body(json!({}))).await.expect(403);
    assert_eq!(refused.text("/code"), "REPO_MANAGE_REQUIRED", "2.13/403");
    assert_eq!(maintainer.client.post(&path, body(json!({}))).await.status, 201, "2.13/right");
    for id in ["rep_00000000000000000000000000", "7b1e"] {
        let missing = app.admin().post(&format!("/api/repos/{id}/robots"), body(json!({}))).await.expect(404);
        assert_eq!(missing.text("/message"), "Repo not found", "2.13/404");
    }
    app.admin().post(&format!("{}/archive", hook.path), Value::Null).await.expect(200);
    let refused = app.admin().post(&path, json!({})).await.expect(403);
    assert_eq!(refused.text("/code"), "REPO_ARCHIVED_READ_ONLY", "2.13/archived");
}
