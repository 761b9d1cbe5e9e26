//! What an archived repository still does (contract: hookcode 4.1).

use repoplane_local::line::{Fault, FaultPlan};
use repoplane_tests::{GITHUB_ISSUES_OPENED, Hook, TestApp, fixture};
use serde_json::{Value, json};

#[tokio::test]
async fn everything_of_an_archived_repository_can_be_read_and_nothing_changed() {
    let app = TestApp::start_with_double().await;
    let (hook, robot) = Hook::ready(&app).await;
    let issue = fixture(GITHUB_ISSUES_OPENED);
    let delivered = hook.post(&app, "issues", "guid-1", &issue).await.expect(202);
    let task = delivered.text("/tasks/0/id");
    let delivery = hook.deliveries(&app.admin()).await[0]["id"].as_str().unwrap_or_default().to_owned();
    let owner = app.member(&hook.repo, "olga", "owner").await;
    let path = &hook.path;
    app.admin().post(&format!("{path}/archive"), Value::Null).await.expect(200);
    let before = app.admin().get(path).await.expect(200);

    for target in [
        path.clone(),
        format!("{path}/robots"),
        format!("{path}/automation"),
        format!("{path}/members"),
        format!("{path}/tasks"),
        format!("{path}/webhook-deliveries"),
        format!("{path}/webhook-deliveries/{delivery}"),
        format!("/api/tasks/{task}"),
        "/api/repos?archived=1".to_owned(),
    ] {
        let read = owner.client.get(&target).await;
        assert_eq!(read.status, 200, "{} {target}", "4.1/reads");
    }

    // Each body is good, and each is refused before it is looked at when it is bad.
    let robot_body = json!({"name": "Other", "promptDefault": "p", "repoCredentialSource": "repo",
                            "repoCredentialProfileId": "bot"});
    for (row, method, target, body) in [
        ("4.1/repos_patch", "PATCH", path.clone(), json!({"description": "x"})),
        ("4.1/repos_create_robot", "POST", format!("{path}/robots"), robot_body),
        ("4.1/repos_patch_robot", "PATCH", format!("{path}/robots/{robot}"), json!({"language": "de"})),
        ("4.1/repos_test_robot", "POST", format!("{path}/robots/{robot}/test"), Value::Null),
        ("4.1/repos_delete_robot", "DELETE", format!("{path}/robots/{robot}"), Value::Null),
        ("4.1/repos_put_automation", "PUT", format!("{path}/automation"), json!({"config": {"version": 2}})),
        ("4.1/rotate", "POST", format!("{path}/webhook-secret/rotate"), Value::Null),
        ("4.1/members", "POST", format!("{path}/members"), json!({"username": "admin", "role": "member"})),
        ("4.1/members", "PATCH", format!("{path}/members/{}", owner.id), json!({"role": "member"})),
        ("4.1/members", "DELETE", format!("{path}/members/{}", owner.id), Value::Null),
        ("4.1/tasks", "POST", format!("/api/tasks/{task}/claim"), json!({"worker": "w"})),
        ("4.1/tasks", "PATCH", format!("/api/tasks/{task}"), json!({"status": "cancelled"})),
    ] {
        for body in [body, json!({"colour": 7})] {
            for client in [&app.admin(), &owner.client] {
                let refused = client.call(method, &target, body.clone()).await.expect(403);
                assert_eq!(refused.text("/code"), "REPO_ARCHIVED_READ_ONLY", "{row} {body}");
                assert_eq!(refused.text("/error"), "Archived repositories are read-only", "{row} {body}");
            }
        }
    }
    let after = app.admin().get(path).await.expect(200);
    assert_eq!(after.body, before.body, "4.1/read-only");

    let skipped = hook.post(&app, "issues", "guid-2", &issue).await.expect(202);
    assert_eq!(skipped.body["skipped"], true, "4.1/webhook");
    assert_eq!(skipped.body["reason"], "repo archived", "4.1/webhook");
    assert_eq!(hook.deliveries(&owner.client).await.len(), 2, "4.1/webhook");
    assert_eq!(hook.tasks(&owner.client).await.len(), 1, "4.1/webhook");

    assert_eq!(owner.client.post(&format!("{path}/archive"), Value::Null).await.status, 200, "4.1/repos_archive");
    assert_eq!(owner.client.post(&format!("{path}/unarchive"), Value::Null).await.status, 200, "4.1/repos_unarchive");
    owner.client.patch(path, json!({"description": "x"})).await.expect(200);
}

#[tokio::test]
async fn the_role_is_checked_before_the_archive() {
    let app = TestApp::start().await;
    let hook = Hook::github(&app).await;
    let member = app.member(&hook.repo, "mia", "member").await;
    app.admin().post(&format!("{}/archive", hook.path), Value::Null).await.expect(200);
    let refused = member.client.patch(&hook.path, json!({"name": ""})).await.expect(403);
    assert_eq!(refused.text("/code"), "REPO_MANAGE_REQUIRED", "1.3/order");
}

#[tokio::test(start_paused = true)]
async fn a_change_that_meets_the_archive_on_its_way_is_refused() {
    let app = TestApp::start().await;
    let hook = Hook::github(&app).await;
    let second = crate::repos::second_of(&app).await;
    let archive = (second.admin(), "POST", format!("{}/archive", hook.path), Value::Null);
    // A robot with a token of its own takes a lease and writes a secret first.
    let robot = json!({
        "name": "Own", "promptDefault": "p", "token": "t",
        "modelProviderConfig": {"credentialSource": "robot", "credential": {"apiKey": "sk"}},
    });
    let create = (app.admin(), "POST", format!("{}/robots", hook.path), robot);
    // Both read the active repository; the vault is slow, so that the archive is first to write.
    let (target, from) = ("secretsmanager.".to_owned(), 0);
    app.line.set_fault(Some(FaultPlan { target, from, times: 2, fault: Fault::Throttle }));
    let answers = crate::repos::at_once(
        [archive, create].map(|(client, method, target, body)| async move { client.call(method, &target, body).await }),
    )
    .await;
    assert_eq!(answers[0].status, 200, "{}", answers[0].body);
    assert_eq!(answers[1].status, 403, "{}", answers[1].body);
    assert_eq!(app.audit_of(&hook.repo).await, ["REPO_CREATED", "REPO_ARCHIVED"]);
}
