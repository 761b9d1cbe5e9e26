//! Callers in each other's way: nothing is lost, nothing is held twice.
//!
//! The tests run on paused time: pauses between tries cost nothing, and the callers take turns at every call to the
//! engines.

use repoplane_tests::{Hook, TestApp};
use serde_json::{Value, json};
use std::future::Future;

/// A second instance whose caches are warm: as fast as the first, so that the two meet.
pub(crate) async fn second_of(app: &TestApp) -> TestApp {
    let second = app.second_instance();
    // Refused, but only after token and tenant were looked up.
    second.admin().post("/api/repos", json!({})).await.expect(400);
    second
}

/// Runs them all at once.
pub(crate) async fn at_once<T: Send + 'static>(
    futures: impl IntoIterator<Item = impl Future<Output = T> + Send + 'static>,
) -> Vec<T> {
    let tasks: Vec<_> = futures.into_iter().map(tokio::spawn).collect();
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(task.await.expect("no panic"));
    }
    answers
}

#[tokio::test(start_paused = true)]
async fn of_two_creates_with_one_name_one_wins() {
    for body in [json!({"name": "acme/widgets"}), json!({"externalId": "acme/widgets"})] {
        let app = TestApp::start().await;
        let second = second_of(&app).await;
        let answers = at_once((0..6).map(|n| {
            let client = if n % 2 == 0 { app.admin() } else { second.admin() };
            let mut whole = json!({"provider": "github", "name": format!("acme/{n}")});
            whole.as_object_mut().unwrap().extend(body.as_object().cloned().unwrap());
            async move { client.post("/api/repos", whole).await }
        }))
        .await;
        let (made, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 201);
        assert_eq!(made.len(), 1);
        for answer in refused {
            assert_eq!(answer.status, 409, "{}", answer.body);
            assert_eq!(answer.body["conflicting_resource_id"], made[0].body["repo"]["id"]);
        }
        let list = app.admin().get("/api/repos").await.expect(200);
        assert_eq!(list.body["repos"].as_array().map(Vec::len), Some(1));
    }
}

#[tokio::test(start_paused = true)]
async fn changes_of_different_fields_all_land() {
    let app = TestApp::start().await;
    let hook = Hook::github(&app).await;
    let second = second_of(&app).await;
    let bodies = [
        json!({"description": "d"}),
        json!({"branches": [{"name": "main"}]}),
        json!({"enabled": false}),
        json!({"timezone": "Europe/Berlin"}),
        json!({"retentionDays": 9}),
        json!({"metadata": {"a": "b"}}),
        json!({"name": "renamed"}),
        json!({"externalId": "4711"}),
        json!({"repoProviderCredential": {"profiles": [{"id": "p", "remark": "r", "token": "t"}]}}),
        json!({"webhookSecret": "ours"}),
    ];
    let answers = at_once(bodies.into_iter().enumerate().map(|(n, body)| {
        let client = if n % 2 == 0 { app.admin() } else { second.admin() };
        let path = hook.path.clone();
        async move { client.patch(&path, body).await }
    }))
    .await;
    for answer in answers {
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
    let shown = app.admin().get(&hook.path).await.expect(200);
    let repo = &shown.body["repo"];
    for (field, value) in [
        ("description", json!("d")),
        ("branches", json!([{"name": "main", "isDefault": false}])),
        ("enabled", json!(false)),
        ("timezone", json!("Europe/Berlin")),
        ("retentionDays", json!(9)),
        ("metadata", json!({"a": "b"})),
        ("name", json!("renamed")),
        ("externalId", json!("4711")),
    ] {
        assert_eq!(repo[field], value, "{field}");
    }
    assert_eq!(shown.body["repoScopedCredentials"]["repoProvider"]["profiles"][0]["hasToken"], true);
    assert_eq!(app.audit_of(&hook.repo).await.iter().filter(|action| *action == "REPO_UPDATED").count(), 10);
}

#[tokio::test(start_paused = true)]
async fn archiving_at_once_counts_once() {
    let app = TestApp::start().await;
    let hook = Hook::github(&app).await;
    let path = format!("{}/archive", hook.path);
    let second = second_of(&app).await;
    let answers = at_once((0..6).map(|n| {
        let client = if n % 2 == 0 { app.admin() } else { second.admin() };
        let path = path.clone();
        async move { client.post(&path, Value::Null).await.expect(200).text("/repo/archivedAt") }
    }))
    .await;
    assert!(answers.iter().all(|at| at == &answers[0]), "{answers:?}");
    assert_eq!(app.audit_of(&hook.repo).await.iter().filter(|action| *action == "REPO_ARCHIVED").count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_freed_name_is_taken_by_one() {
    let app = TestApp::start().await;
    let holder = Hook::register(&app, "github", json!({"name": "wanted"})).await;
    app.admin().patch(&holder.path, json!({"name": "freed"})).await.expect(200);
    let mut paths = Vec::new();
    for n in 0..5 {
        paths.push(Hook::register(&app, "github", json!({"name": format!("r{n}")})).await.path);
    }
    let answers = at_once(paths.into_iter().map(|path| {
        let client = app.admin();
        async move { client.patch(&path, json!({"name": "Wanted"})).await.status.as_u16() }
    }))
    .await;
    assert_eq!(answers.iter().filter(|status| **status == 200).count(), 1, "{answers:?}");
    assert_eq!(answers.iter().filter(|status| **status == 409).count(), 4, "{answers:?}");
}
