//! `PATCH /api/repos/:id/robots/:robotId` (contract: hookcode 2.14).

use super::{body, read, repository, secret};
use repoplane_tests::{Hook, TestApp};
use serde_json::{Value, json};

#[tokio::test]
async fn changed_fields_are_answered_and_kept_and_others_stay() {
    let app = TestApp::start().await;
    let (hook, path) = repository(&app).await;
    let fields = json!({"language": "de", "timeWindow": {"startHour": 1, "endHour": 2}});
    let made = app.admin().post(&path, body(fields)).await.expect(201);
    let one = format!("{path}/{}", made.text("/robot/id"));
    for (row, body, key, value) in [
        ("2.14/200", json!({"name": "@new"}), "name", json!("new")),
        ("2.14/200", json!({"promptDefault": " other "}), "promptDefault", json!("other")),
        ("2.14/200-kept", json!({}), "language", json!("de")),
        ("2.14/200-cleared", json!({"timeWindow": null}), "timeWindow", Value::Null),
        ("2.14/200-cleared", json!({"language": " "}), "language", Value::Null),
        ("2.14/200-worker", json!({"defaultWorkerId": null}), "defaultWorkerId", Value::Null),
        (
            "2.14/200-permission",
            json!({"modelProviderConfig": {"sandbox": "workspace-write"}}),
            "permission",
            json!("write"),
        ),
        ("2.14/200-merged", json!({"modelProviderConfig": {"model": "m"}}), "permission", json!("write")),
    ] {
        let changed = app.admin().patch(&one, body).await.expect(200);
        assert_eq!(changed.body["robot"].get(key).cloned().unwrap_or_default(), value, "{row}");
        assert_eq!(read(&app, &path, &made.text("/robot/id")).await, changed.body["robot"], "{row}");
        assert!(changed.text("/robot/updatedAt") > made.text("/robot/updatedAt"), "{row}");
    }
    let audit = app.audit_of(&hook.repo).await;
    assert_eq!(audit.iter().filter(|action| *action == "REPO_ROBOT_UPDATED").count(), 8, "2.14/audit");
}

#[tokio::test]
async fn rows_of_refused_changes() {
    let app = TestApp::start().await;
    let (_, path) = repository(&app).await;
    let id = app.admin().post(&path, body(json!({}))).await.expect(201).text("/robot/id");
    let before = read(&app, &path, &id).await;
    for (row, body, pointer, message) in [
        ("2.14/400-enabled", json!({"enabled": true}), "/enabled", "robot must be activated by testing token"),
        ("2.14/400-prompt", json!({"promptDefault": null}), "/promptDefault", "promptDefault is required"),
        ("2.14/400-name", json!({"name": " "}), "/name", "name is required"),
        (
            "2.14/400-profile",
            json!({"repoCredentialProfileId": "other"}),
            "/repoCredentialProfileId",
            "repoCredentialProfileId does not exist in repo-scoped credentials",
        ),
        (
            "2.14/400-key",
            json!({"modelProviderConfig": {"credentialSource": "robot"}}),
            "/modelProviderConfig/credential/apiKey",
            "codex apiKey is required (robot credential)",
        ),
        ("2.14/400-permission", json!({"permission": "write"}), "/permission", "unknown field"),
    ] {
        let refused = app.admin().patch(&format!("{path}/{id}"), body).await.expect(400);
        assert_eq!(refused.wrong_fields(), [pointer], "{row}");
        assert_eq!(refused.text("/message"), message, "{row}");
        assert_eq!(read(&app, &path, &id).await, before, "{row}");
    }
}

#[tokio::test]
async fn a_changed_git_credential_takes_the_activation_back_and_is_kept_so() {
    let app = TestApp::start_with_double().await;
    let (hook, robot) = Hook::ready(&app).await;
    let (path, one) = (format!("{}/robots", hook.path), format!("{}/robots/{robot}", hook.path));
    let active = read(&app, &path, &robot).await;
    assert_eq!(active["enabled"], true, "2.14/200-active");
    assert_eq!(active["repoTokenUsername"], "demo-writer", "2.14/200-active");

    let same = json!({"repoCredentialSource": "repo", "repoCredentialProfileId": "bot", "name": "renamed"});
    let changed = app.admin().patch(&one, same).await.expect(200);
    assert_eq!(changed.body["robot"]["enabled"], true, "2.14/200-same-credential");
    let own = json!({"repoCredentialSource": "robot", "repoCredentialProfileId": null, "token": "ghp_own"});
    app.admin().patch(&one, own).await.expect(200);
    let pending = read(&app, &path, &robot).await;
    assert_eq!(pending["enabled"], false, "2.14/200-changed-credential");
    assert_eq!(pending["hasToken"], true, "2.14/200-changed-credential");
    for gone in ["activatedAt", "lastTestAt", "lastTestOk", "lastTestMessage", "repoTokenUsername", "repoTokenRepoRole"]
    {
        assert!(pending.get(gone).is_none(), "{} {gone}", "2.14/200-changed-credential");
    }
    let name = format!("robot/{robot}/token");
    assert_eq!(secret(&app, &hook, &name).await.as_deref(), Some("ghp_own"), "2.14/200-changed-credential");
    app.admin()
        .patch(&one, json!({"repoCredentialSource": "repo", "repoCredentialProfileId": "bot"}))
        .await
        .expect(200);
    assert_eq!(secret(&app, &hook, &name).await, None, "2.14/200-token-gone");
    let base = app.double.as_ref().map(|double| double.github());
    app.admin().patch(&hook.path, json!({"apiBaseUrl": base})).await.expect(200);
    hook.enable(&app, &robot).await;
    let changed = app.admin().patch(&one, json!({"enabled": false})).await.expect(200);
    assert_eq!(changed.body["robot"]["enabled"], false, "2.14/200-disabled");
    assert!(changed.body["robot"]["activatedAt"].is_string(), "2.14/200-disabled");
}

#[tokio::test]
async fn one_default_for_each_permission() {
    let app = TestApp::start().await;
    let (_, path) = repository(&app).await;
    let mut ids = Vec::new();
    let write = json!({"credentialSource": "repo", "credentialProfileId": "team", "sandbox": "workspace-write"});
    for fields in [
        json!({"isDefault": true}),
        json!({"isDefault": true, "modelProviderConfig": write}),
        json!({"isDefault": true}),
        json!({}),
    ] {
        ids.push(app.admin().post(&path, body(fields)).await.expect(201).text("/robot/id"));
    }
    let defaults = async || {
        let mut found = Vec::new();
        for id in &ids {
            found.push(read(&app, &path, id).await["isDefault"] == true);
        }
        found
    };
    assert_eq!(defaults().await, [false, true, true, false], "2.13/isDefault-one");
    app.admin().patch(&format!("{path}/{}", ids[3]), json!({"isDefault": true})).await.expect(200);
    assert_eq!(defaults().await, [false, true, false, true], "2.14/isDefault-one");
    // A default that changes its permission takes the other's place.
    let config = json!({"modelProviderConfig": {"sandbox": "workspace-write"}});
    app.admin().patch(&format!("{path}/{}", ids[3]), config).await.expect(200);
    assert_eq!(defaults().await, [false, false, false, true], "2.14/isDefault-one");
    app.admin().patch(&format!("{path}/{}", ids[3]), json!({"isDefault": false})).await.expect(200);
    assert_eq!(defaults().await, [false; 4], "2.14/isDefault-none");
}

#[tokio::test]
async fn changing_answers_by_right() {
    let app = TestApp::start().await;
    let (hook, path) = repository(&app).await;
    let id = app.admin().post(&path, body(json!({}))).await.expect(201).text("/robot/id");
    let one = format!("{path}/{id}");
    let member = app.member(&hook.repo, "mia", "member").await;
    let other = Hook::register(&app, "github", json!({"name": "other"})).await;
    assert_eq!(app.anonymous().patch(&one, json!({})).await.status, 401, "2.14/401");
    let refused = member.client.patch(&one, json!({})).await.expect(403);
    assert_eq!(refused.text("/code"), "REPO_MANAGE_REQUIRED", "2.14/403");
    for (row, target, message) in [
        ("2.14/404", format!("{path}/rob_00000000000000000000000000"), "Robot not found"),
        ("2.14/404-bad-id", format!("{path}/7b1e"), "Robot not found"),
        ("2.14/404-bad-id", format!("{path}/{}", hook.repo), "Robot not found"),
        ("2.14/404-other-repo", format!("{}/robots/{id}", other.path), "Robot not found"),
        ("2.14/404-repo", format!("/api/repos/rep_00000000000000000000000000/robots/{id}"), "Repo not found"),
    ] {
        // Also with a body that is wrong: what is not there has no fields.
        for body in [json!({}), json!({"name": ""})] {
            let missing = app.admin().patch(&target, body).await.expect(404);
            assert_eq!(missing.text("/message"), message, "{row}");
        }
    }
    assert_eq!(app.admin().patch(&format!("{path}/%FF"), json!({})).await.status, 404, "2.14/404-bad-id");
    app.admin().post(&format!("{}/archive", hook.path), Value::Null).await.expect(200);
    let refused = app.admin().patch(&one, json!({"name": ""})).await.expect(403);
    assert_eq!(refused.text("/code"), "REPO_ARCHIVED_READ_ONLY", "2.14/archived");
}
