//! `POST /api/repos/:id/archive` and `/unarchive` (contract: hookcode 2.5, 2.6).

use repoplane_tests::{GITHUB_ISSUES_OPENED, Hook, TestApp, fixture};
use serde_json::{Value, json};

#[tokio::test]
async fn archiving_counts_what_inherits_it_and_a_repeat_changes_nothing() {
    let app = TestApp::start_with_double().await;
    let (hook, _) = Hook::ready(&app).await;
    let issue = fixture(GITHUB_ISSUES_OPENED);
    hook.post(&app, "issues", "guid-1", &issue).await.expect(202);
    let (archive, unarchive) = (format!("{}/archive", hook.path), format!("{}/unarchive", hook.path));

    let first = app.admin().post(&archive, Value::Null).await.expect(200);
    assert_eq!(first.body["tasksArchived"], 1, "2.5/counts");
    assert_eq!(first.body["taskGroupsArchived"], 1, "2.5/counts");
    let repo = &first.body["repo"];
    assert!(repo["archivedAt"].is_string(), "2.5/200");
    for absent in ["myRole", "permissions", "creator"] {
        assert!(repo.get(absent).is_none(), "{} {absent}", "2.5/200");
    }
    assert_eq!(hook.tasks(&app.admin()).await[0]["archivedAt"], repo["archivedAt"], "4.1/tasks-inherit");

    let again = app.admin().post(&archive, Value::Null).await.expect(200);
    assert_eq!(again.body["repo"], first.body["repo"], "2.5/repeat");
    assert_eq!([&again.body["tasksArchived"], &again.body["taskGroupsArchived"]], [0, 0], "2.5/repeat");

    let back = app.admin().post(&unarchive, Value::Null).await.expect(200);
    assert!(back.body["repo"].get("archivedAt").is_none(), "2.6/200");
    assert!(back.body["repo"].get("myRole").is_none(), "2.6/200");
    assert_eq!([&back.body["tasksRestored"], &back.body["taskGroupsRestored"]], [1, 1], "2.6/counts");
    assert!(back.text("/repo/updatedAt") > first.text("/repo/updatedAt"), "2.6/200");
    assert!(hook.tasks(&app.admin()).await[0].get("archivedAt").is_none(), "4.1/tasks-inherit");
    let again = app.admin().post(&unarchive, Value::Null).await.expect(200);
    assert_eq!(again.body["repo"], back.body["repo"], "2.6/repeat");
    assert_eq!([&again.body["tasksRestored"], &again.body["taskGroupsRestored"]], [0, 0], "2.6/repeat");

    let audit = app.audit_of(&hook.repo).await;
    let count = |wanted: &str| audit.iter().filter(|action| *action == wanted).count();
    assert_eq!((count("REPO_ARCHIVED"), count("REPO_UNARCHIVED")), (1, 1), "2.5/audit");
}

#[tokio::test]
async fn archiving_answers_by_right() {
    let app = TestApp::start().await;
    let hook = Hook::github(&app).await;
    let maintainer = app.member(&hook.repo, "max", "maintainer").await;
    let member = app.member(&hook.repo, "mia", "member").await;
    let stranger = app.person("sam").await;
    for (rows, action) in
        [(["2.5/401", "2.5/403", "2.5/404"], "archive"), (["2.6/401", "2.6/403", "2.6/404"], "unarchive")]
    {
        let path = format!("{}/{action}", hook.path);
        assert_eq!(app.anonymous().post(&path, Value::Null).await.status, 401, "{}", rows[0]);
        for client in [&member.client, &stranger.client] {
            let refused = client.post(&path, Value::Null).await.expect(403);
            assert_eq!(refused.text("/code"), "REPO_MANAGE_REQUIRED", "{}", rows[1]);
        }
        // Who may not see a repository learns nothing by asking for it: 404 for everyone.
        for client in [&app.admin(), &member.client] {
            for id in ["rep_00000000000000000000000000", "7b1e", "%FF"] {
                let missing = client.post(&format!("/api/repos/{id}/{action}"), Value::Null).await.expect(404);
                assert_eq!(missing.text("/message"), "Repo not found", "{} {id}", rows[2]);
            }
        }
    }
    let archived = maintainer.client.post(&format!("{}/archive", hook.path), Value::Null).await;
    assert_eq!(archived.status, 200, "2.5/right");
    let back = maintainer.client.post(&format!("{}/unarchive", hook.path), json!({"ignored": true})).await;
    assert_eq!(back.status, 200, "2.6/right");
}

#[tokio::test]
async fn an_archived_repository_keeps_its_name_and_identity() {
    let app = TestApp::start().await;
    let hook = Hook::register(&app, "github", json!({"name": "a/b", "externalId": "a/b"})).await;
    app.admin().post(&format!("{}/archive", hook.path), Value::Null).await.expect(200);
    for body in
        [json!({"provider": "github", "name": "A/B"}), json!({"provider": "github", "name": "c", "externalId": "a/b"})]
    {
        let taken = app.admin().post("/api/repos", body).await.expect(409);
        assert_eq!(taken.text("/conflicting_resource_id"), hook.repo);
    }
}
