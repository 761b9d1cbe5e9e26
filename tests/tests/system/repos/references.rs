//! `externalReferences`: how many things outside refer to a repository, and what a review tool's delete makes of it.

use repoplane_tests::{Hook, TestApp, consistency};
use serde_json::{Value, json};

#[tokio::test]
async fn a_repository_that_something_refers_to_is_archived_rather_than_deleted_by_a_review_tool() {
    let app = TestApp::start().await;
    for (references, expected) in [(json!(0), 404), (json!(2), 200)] {
        let hook = Hook::register(&app, "github", json!({"name": format!("acme/{references}")})).await;
        let changed = app.admin().patch(&hook.path, json!({"externalReferences": references})).await.expect(200);
        let number = changed.body["repo"]["number"].clone();
        app.admin().delete(&format!("/api/repositories/{number}/")).await.expect(204);
        let left = app.admin().get(&hook.path).await.expect(expected);
        assert_eq!(left.body.pointer("/repo/archivedAt").is_some(), expected == 200, "{references}: {}", left.body);
    }
    consistency::check(&app.items().await).expect("consistent");
}

#[tokio::test]
async fn references_are_shown_where_there_are_some_and_wrong_ones_refused() {
    let app = TestApp::start().await;
    let hook = Hook::github(&app).await;
    let shown = async || app.admin().get(&hook.path).await.expect(200).body["repo"].clone();
    let before = shown().await;
    assert!(before.get("externalReferences").is_none());
    for wrong in [json!(-1), json!(1_000_000_001), json!(1.5), json!("1"), json!([])] {
        let refused = app.admin().patch(&hook.path, json!({"externalReferences": wrong})).await.expect(400);
        assert_eq!(refused.wrong_fields(), ["/externalReferences"], "{wrong}");
    }
    assert_eq!(shown().await, before);
    app.admin().patch(&hook.path, json!({"externalReferences": 7})).await.expect(200);
    assert_eq!(shown().await["externalReferences"], 7);
    let listed = app.admin().get("/api/repos").await.expect(200);
    assert_eq!(listed.body["repos"][0]["externalReferences"], 7);
    // What is in the archive is as it was.
    app.admin().post(&format!("{}/archive", hook.path), Value::Null).await.expect(200);
    let refused = app.admin().patch(&hook.path, json!({"externalReferences": 0})).await.expect(403);
    assert_eq!(refused.text("/code"), "REPO_ARCHIVED_READ_ONLY");
    assert_eq!(shown().await["externalReferences"], 7);
}
