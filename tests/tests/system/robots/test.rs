//! `POST /api/repos/:id/robots/:robotId/test` (contract: hookcode 2.15).

use super::{body, read, repository};
use repoplane_tests::{Hook, TestApp};
use serde_json::{Value, json};

async fn with_token(app: &TestApp, token: &str, model: Value) -> (Hook, String, String) {
    let base = app.double.as_ref().map(|double| double.github());
    let hook = Hook::register(app, "github", json!({"name": "acme/widgets", "apiBaseUrl": base})).await;
    hook.add_credentials(app, token).await;
    let path = format!("{}/robots", hook.path);
    let fields = json!({"modelProviderConfig": model});
    let id = app.admin().post(&path, body(fields)).await.expect(201).text("/robot/id");
    (hook, path, id)
}

fn model(sandbox: &str) -> Value {
    json!({"credentialSource": "repo", "credentialProfileId": "team", "sandbox": sandbox})
}

#[tokio::test]
async fn a_passing_test_enables_and_is_kept() {
    let app = TestApp::start_with_double().await;
    let (hook, path, id) = with_token(&app, repoplane_local::double::WRITE_TOKEN, model("workspace-write")).await;
    // Whatever body there is, it is not looked at.
    let tested = app.admin().post(&format!("{path}/{id}/test"), json!({"ignored": 1})).await.expect(200);
    assert_eq!(tested.body["ok"], true, "2.15/200-pass");
    assert!(tested.body.get("message").is_none(), "2.15/200-pass");
    let robot = read(&app, &path, &id).await;
    assert_eq!(robot, tested.body["robot"], "2.15/200-pass");
    for (key, value) in [
        ("enabled", json!(true)),
        ("lastTestOk", json!(true)),
        ("lastTestMessage", json!("ok")),
        ("repoTokenUsername", json!("demo-writer")),
        ("repoTokenRepoRole", json!("write")),
    ] {
        assert_eq!(robot[key], value, "{} {key}", "2.15/200-pass");
    }
    assert_eq!(robot["activatedAt"], robot["lastTestAt"], "2.15/200-pass");
    let again = app.admin().post(&format!("{path}/{id}/test"), Value::Null).await.expect(200);
    assert_eq!(again.body["robot"]["activatedAt"], robot["activatedAt"], "2.15/200-again");
    assert!(again.text("/robot/lastTestAt") > tested.text("/robot/lastTestAt"), "2.15/200-again");
    assert_eq!(app.audit_of(&hook.repo).await.last().map(String::as_str), Some("REPO_ROBOT_TESTED"), "2.15/audit");
}

#[tokio::test]
async fn a_failing_test_is_200_disables_and_says_the_providers_words() {
    let app = TestApp::start_with_double().await;
    let (hook, path, id) = with_token(&app, repoplane_local::double::WRITE_TOKEN, model("read-only")).await;
    hook.enable(&app, &id).await;
    let activated = read(&app, &path, &id).await["activatedAt"].clone();
    let profile = json!({"profiles": [{"id": "bot", "token": "ghp_not-good-any-more"}]});
    app.admin().patch(&hook.path, json!({"repoProviderCredential": profile})).await.expect(200);
    let tested = app.admin().post(&format!("{path}/{id}/test"), Value::Null).await.expect(200);
    assert_eq!(tested.body["ok"], false, "2.15/200-fail");
    let message = tested.text("/message");
    assert!(message.starts_with("[github] 401 Unauthorized: "), "{} {message}", "2.15/200-fail");
    assert!(!message.contains("ghp_not-good"), "2.15/200-fail");
    let robot = read(&app, &path, &id).await;
    assert_eq!(robot["enabled"], false, "2.15/200-fail");
    assert_eq!(robot["lastTestOk"], false, "2.15/200-fail");
    assert_eq!(robot["lastTestMessage"], message, "2.15/200-fail");
    assert_eq!(robot["activatedAt"], activated, "2.15/200-fail");
    assert_eq!(robot["repoTokenUsername"], "demo-writer", "2.15/200-fail");
}

#[tokio::test]
async fn a_reader_does_not_activate_a_writing_robot() {
    let app = TestApp::start_with_double().await;
    let (_, path, id) = with_token(&app, repoplane_local::double::READ_TOKEN, model("workspace-write")).await;
    let tested = app.admin().post(&format!("{path}/{id}/test"), Value::Null).await.expect(200);
    assert_eq!(tested.body["ok"], false, "{}", tested.body);
    assert_eq!(read(&app, &path, &id).await["enabled"], false);
}

#[tokio::test]
async fn gitlab_projects_are_tested_too() {
    let app = TestApp::start_with_double().await;
    let base = app.double.as_ref().map(|double| double.gitlab());
    let hook = Hook::register(&app, "gitlab", json!({"name": "acme/widgets", "apiBaseUrl": base})).await;
    hook.add_credentials(&app, repoplane_local::double::ADMIN_TOKEN).await;
    let robot = hook.add_robot(&app, "Triage").await;
    let tested = app.admin().post(&format!("{}/robots/{robot}/test", hook.path), Value::Null).await.expect(200);
    assert_eq!(tested.body["robot"]["repoTokenRepoRole"], "owner", "2.15/200-gitlab");
}

#[tokio::test]
async fn what_cannot_be_tested_is_400_and_leaves_no_record() {
    let app = TestApp::start().await;
    let (hook, path) = repository(&app).await;
    let id = app.admin().post(&path, body(json!({}))).await.expect(201).text("/robot/id");
    let profile = json!({"profiles": [{"id": "bot", "token": null}]});
    app.admin().patch(&hook.path, json!({"repoProviderCredential": profile})).await.expect(200);
    let before = read(&app, &path, &id).await;
    let refused = app.admin().post(&format!("{path}/{id}/test"), Value::Null).await.expect(400);
    assert_eq!(
        refused.text("/message"),
        "repo provider token is required for activation test \
         (configure per-robot, account-level, or repo-scoped credentials)",
        "2.15/400-token"
    );
    assert_eq!(read(&app, &path, &id).await, before, "2.15/400-token");

    let remote = json!({"provider": "git", "name": "tools", "remoteUrl": "https://git.example/tools.git"});
    let git = app.admin().post("/api/repos", remote).await.expect(201).text("/repo/id");
    let own = body(json!({
        "repoCredentialSource": "robot", "repoCredentialProfileId": null, "token": "ghp_x",
        "modelProviderConfig": {"credentialSource": "robot", "credential": {"apiKey": "sk-x"}},
    }));
    let robots = format!("/api/repos/{git}/robots");
    let robot = app.admin().post(&robots, own).await.expect(201).text("/robot/id");
    let refused = app.admin().post(&format!("{robots}/{robot}/test"), Value::Null).await.expect(400);
    assert!(refused.text("/message").contains("provider git"), "2.15/400-git");
}

#[tokio::test]
async fn testing_answers_by_right() {
    let app = TestApp::start().await;
    let (hook, path) = repository(&app).await;
    let id = app.admin().post(&path, body(json!({}))).await.expect(201).text("/robot/id");
    let member = app.member(&hook.repo, "mia", "member").await;
    let other = Hook::register(&app, "github", json!({"name": "other"})).await;
    let test = format!("{path}/{id}/test");
    assert_eq!(app.anonymous().post(&test, Value::Null).await.status, 401, "2.15/401");
    let refused = member.client.post(&test, Value::Null).await.expect(403);
    assert_eq!(refused.text("/code"), "REPO_MANAGE_REQUIRED", "2.15/403");
    for target in [format!("{path}/rob_00000000000000000000000000/test"), format!("{}/robots/{id}/test", other.path)] {
        let missing = app.admin().post(&target, Value::Null).await.expect(404);
        assert_eq!(missing.text("/message"), "Robot not found", "2.15/404");
    }
    assert_eq!(app.admin().post(&format!("{path}/%FF/test"), Value::Null).await.status, 404, "2.15/404");
    app.admin().post(&format!("{}/archive", hook.path), Value::Null).await.expect(200);
    let refused = app.admin().post(&test, Value::Null).await.expect(403);
    assert_eq!(refused.text("/code"), "REPO_ARCHIVED_READ_ONLY", "2.15/archived");
}
