//! `DELETE /api/repos/:id/robots/:robotId` (contract: hookcode 2.16).

use super::{body, read, repository, secret};
use repoplane_tests::{Hook, TestApp};
use serde_json::{Value, json};

#[tokio::test]
async fn a_deleted_robot_is_gone_with_its_secrets() {
    let app = TestApp::start().await;
    let (hook, path) = repository(&app).await;
    let own = json!({
        "name": "Own", "promptDefault": "p", "token": "ghp_own", "isDefault": true,
        "modelProviderConfig": {"credentialSource": "robot", "credential": {"apiKey": "sk-own"}},
    });
    let id = app.admin().post(&path, own).await.expect(201).text("/robot/id");
    let other = app.admin().post(&path, body(json!({}))).await.expect(201).text("/robot/id");
    let deleted = app.admin().delete(&format!("{path}/{id}")).await.expect(200);
    assert_eq!(deleted.body, json!({"ok": true}), "2.16/200");
    assert_eq!(read(&app, &path, &id).await, Value::Null, "2.16/200");
    for name in ["token", "model"] {
        assert_eq!(secret(&app, &hook, &format!("robot/{id}/{name}")).await, None, "2.16/secrets");
    }
    assert!(secret(&app, &hook, "git/bot").await.is_some(), "2.16/secrets");
    assert_eq!(read(&app, &path, &other).await["isDefault"], false, "2.16/no-promotion");
    let again = app.admin().delete(&format!("{path}/{id}")).await.expect(404);
    assert_eq!(again.text("/message"), "Robot not found", "2.16/404");
    assert_eq!(app.audit_of(&hook.repo).await.last().map(String::as_str), Some("REPO_ROBOT_DELETED"), "2.16/audit");
}

#[tokio::test]
async fn a_robot_that_a_rule_names_stays_and_its_rules_are_listed() {
    let app = TestApp::start().await;
    let (hook, path) = repository(&app).await;
    let id = app.admin().post(&path, body(json!({}))).await.expect(201).text("/robot/id");
    let off = json!({"id": "r1", "name": "off", "enabled": false, "actions": [{"robotId": id}, {"robotId": id}]});
    let quiet = json!({"id": "r2", "name": "quiet", "actions": [{"robotId": id, "enabled": false}]});
    let events = json!({"issue": {"rules": [off]}, "commit": {"enabled": false, "rules": [quiet]}});
    let automation = format!("{}/automation", hook.path);
    app.admin().put(&automation, json!({"config": {"events": events}})).await.expect(200);
    let refused = app.admin().delete(&format!("{path}/{id}")).await.expect(409);
    assert_eq!(refused.text("/code"), "ROBOT_IN_USE", "2.16/409");
    assert_eq!(refused.text("/error"), "Robot is referenced by automation rules", "2.16/409");
    let usages = json!([
        {"eventKey": "commit", "ruleId": "r2", "ruleName": "quiet"},
        {"eventKey": "issue", "ruleId": "r1", "ruleName": "off"},
    ]);
    assert_eq!(refused.body["usages"], usages, "2.16/409-usages");
    assert_eq!(read(&app, &path, &id).await["id"], id, "2.16/409");
    app.admin().put(&automation, json!({"config": {}})).await.expect(200);
    assert_eq!(app.admin().delete(&format!("{path}/{id}")).await.status, 200, "2.16/200");
}

#[tokio::test]
async fn deleting_answers_by_right() {
    let app = TestApp::start().await;
    let (hook, path) = repository(&app).await;
    let id = app.admin().post(&path, body(json!({}))).await.expect(201).text("/robot/id");
    let one = format!("{path}/{id}");
    let member = app.member(&hook.repo, "mia", "member").await;
    let other = Hook::register(&app, "github", json!({"name": "other"})).await;
    assert_eq!(app.anonymous().delete(&one).await.status, 401, "2.16/401");
    assert_eq!(member.client.delete(&one).await.expect(403).text("/code"), "REPO_MANAGE_REQUIRED", "2.16/403");
    for target in [format!("{path}/7b1e"), format!("{}/robots/{id}", other.path)] {
        let missing = app.admin().delete(&target).await.expect(404);
        assert_eq!(missing.text("/message"), "Robot not found", "2.16/404");
    }
    assert_eq!(app.admin().delete(&format!("{path}/%FF")).await.status, 404, "2.16/404");
    app.admin().post(&format!("{}/archive", hook.path), Value::Null).await.expect(200);
    let refused = app.admin().delete(&one).await.expect(403);
    assert_eq!(refused.text("/code"), "REPO_ARCHIVED_READ_ONLY", "2.16/archived");
    assert_eq!(read(&app, &path, &id).await["id"], id, "2.16/archived");
}
