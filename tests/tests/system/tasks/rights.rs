//! Who may see and work on tasks (design 8.5, contract 4.1).

use super::work::{claim, one_task, patch, show};
use repoplane_tests::{Client, TestApp};
use serde_json::{Value, json};

async fn with_scopes(app: &TestApp, scopes: &[&str]) -> Client {
    let body = json!({"name": scopes.join(" "), "scopes": scopes});
    app.client(app.admin().token(body).await)
}

#[tokio::test]
async fn tasks_have_scopes_of_their_own() {
    let app = TestApp::start_with_double().await;
    let (hook, task) = one_task(&app).await;
    let path = format!("/api/tasks/{task}");
    let list = format!("{}/tasks", hook.path);
    let cases = [("repos:write", 403, 403), ("tasks:read", 200, 403), ("tasks:write", 200, 200)];
    for (scope, reads, writes) in cases {
        let client = with_scopes(&app, &[scope]).await;
        client.get(&list).await.expect(reads);
        client.get(&path).await.expect(reads);
        let claimed = client.post(&format!("{path}/claim"), json!({"worker": "w"})).await.expect(writes);
        let lease = claimed.body["leaseId"].clone();
        let patched = client.patch(&path, json!({"status": "failed", "leaseId": lease})).await;
        let denied = patched.expect(if writes == 200 { 200 } else { writes });
        if writes == 403 {
            assert_eq!(denied.body["code"], "PAT_SCOPE_INSUFFICIENT", "{scope}");
            assert_eq!(denied.body["requiredScope"], "tasks:write", "{scope}");
        }
    }
    for answer in [app.anonymous().get(&path).await, app.anonymous().post(&format!("{path}/claim"), json!({})).await] {
        answer.expect(401);
    }
}

#[tokio::test]
async fn another_tenants_task_does_not_exist() {
    let app = TestApp::start_with_double().await;
    let (hook, task) = one_task(&app).await;
    let stranger = app.tenant("second").await.client;
    let path = format!("/api/tasks/{task}");
    let answers = [
        stranger.get(&format!("{}/tasks", hook.path)).await,
        stranger.get(&path).await,
        stranger.post(&format!("{path}/claim"), json!({"worker": "w"})).await,
        stranger.patch(&path, json!({"status": "cancelled"})).await,
    ];
    for answer in answers {
        answer.expect(404);
    }
    assert_eq!(show(&app, &task).await["status"], "queued");
}

#[tokio::test]
async fn members_read_tasks_and_maintainers_work_on_them() {
    let app = TestApp::start_with_double().await;
    let (hook, task) = one_task(&app).await;
    let path = format!("/api/tasks/{task}");
    let ann = app.member(&hook.repo, "ann", "member").await.client;
    let bob = app.member(&hook.repo, "bob", "maintainer").await.client;
    ann.get(&path).await.expect(200);
    let denied = ann.post(&format!("{path}/claim"), json!({"worker": "w"})).await.expect(403);
    assert_eq!(denied.body["code"], "REPO_MANAGE_REQUIRED");
    ann.patch(&path, json!({"status": "cancelled"})).await.expect(403);
    bob.patch(&path, json!({"status": "cancelled"})).await.expect(200);
}

#[tokio::test]
async fn tasks_of_an_archived_repository_are_shown_and_not_touched() {
    let app = TestApp::start_with_double().await;
    let (hook, task) = one_task(&app).await;
    assert_eq!(show(&app, &task).await.get("archivedAt"), None);
    let archived = app.admin().post(&format!("{}/archive", hook.path), Value::Null).await.expect(200);
    let answers = [claim(&app, &task, "w", Value::Null).await, patch(&app, &task, "cancelled", None).await];
    for answer in answers {
        assert_eq!(answer.expect(403).text("/code"), "REPO_ARCHIVED_READ_ONLY", "4.1/tasks");
    }
    assert_eq!(show(&app, &task).await["archivedAt"], archived.body["repo"]["archivedAt"]);
    assert_eq!(hook.tasks(&app.admin()).await[0]["archivedAt"], archived.body["repo"]["archivedAt"]);
    app.admin().post(&format!("{}/unarchive", hook.path), Value::Null).await.expect(200);
    assert_eq!(show(&app, &task).await.get("archivedAt"), None);
    claim(&app, &task, "w", Value::Null).await.expect(200);
}
