//! The sweep: deleted repositories are wholly gone, and documents of nobody too, but nothing that is still owned or under way.

use repoplane_local::line::{Fault, FaultPlan};
use repoplane_tests::{Hook, TestApp, consistency};
use serde_json::{Value, json};
use std::time::Duration;

async fn secrets(app: &TestApp) -> Vec<String> {
    let listed = app.line.secrets_manager().list_secrets().send().await.expect("a list");
    let listed = listed.secret_list.unwrap_or_default().into_iter().filter(|entry| entry.deleted_date.is_none());
    listed.filter_map(|entry| entry.name).collect()
}

/// The vault's clock is the machine's, the application's stands at the start of 2026.
async fn years_later(app: &TestApp) -> Value {
    app.clock.advance(Duration::from_secs(20 * 366 * 24 * 3600));
    app.schedule("sweep").await
}

#[tokio::test]
async fn what_a_deletion_left_goes_an_hour_later_and_its_mark_too() {
    let app = TestApp::start_with_double().await;
    let (hook, _) = Hook::ready(&app).await;
    let plan = FaultPlan { target: "secretsmanager.".to_owned(), from: 0, times: usize::MAX, fault: Fault::Down };
    let target = "DynamoDB_20120810.TransactWriteItems".to_owned();
    app.line.set_fault(Some(FaultPlan { target, from: 1, ..plan.clone() }));
    app.admin().delete(&format!("{}?force=true", hook.path)).await.expect(200);
    app.line.set_fault(None);
    let left = |items: &[Value]| {
        let pk = format!("REPO#{}", hook.repo);
        items.iter().filter(|item| item["pk"]["S"] == pk).count()
    };
    assert!(left(&app.items().await) > 1);
    assert_eq!(app.schedule("sweep").await["repositoriesCleared"], 0, "what was under way may still come");
    assert!(left(&app.items().await) > 1);
    app.clock.advance(Duration::from_secs(3601));
    assert_eq!(app.schedule("sweep").await["repositoriesCleared"], 1);
    let items = app.items().await;
    assert_eq!(left(&items), 1, "the tombstone");
    assert!(items.iter().all(|item| !item["list_pk"].to_string().contains("REMOVED#")), "it is not looked at again");
    consistency::check(&items).expect("consistent");
    assert_eq!(app.schedule("sweep").await["repositoriesCleared"], 0);
}

#[tokio::test]
async fn a_document_of_nobody_is_deleted_and_every_other_stays() {
    let app = TestApp::start_with_double().await;
    let (_, _) = Hook::ready(&app).await;
    let profile = json!({"profiles": [{"id": "p", "remark": "p", "token": "t"}]});
    let repo = app.admin().post("/api/repos", json!({"provider": "github", "name": "acme/own"})).await.expect(201);
    let path = format!("/api/repos/{}", repo.text("/repo/id"));
    app.admin().patch(&path, json!({"repoProviderCredential": profile})).await.expect(200);
    let own = json!({"github": {"profiles": [{"id": "p", "remark": "p", "token": "t"}]}});
    app.admin().patch("/api/credentials/me", own.clone()).await.expect(200);
    app.admin().patch("/api/credentials/global", own).await.expect(200);
    let credential = json!({"name": "c", "type": "git_pat", "secret": "s"});
    app.admin().post("/credentials", credential).await.expect(201);
    let before = secrets(&app).await;
    let orphan = app.orphan_secret().await;
    assert_eq!(app.schedule("sweep").await["secretsDeleted"], 0, "it is young: its owner may be about to come");
    assert_eq!(years_later(&app).await["secretsDeleted"], 1);
    let after = secrets(&app).await;
    assert!(!after.contains(&orphan));
    assert_eq!(after, before);
}

#[tokio::test]
async fn a_document_that_a_deletion_could_not_delete_is_deleted_later() {
    let app = TestApp::start_with_double().await;
    let (hook, _) = Hook::ready(&app).await;
    let before = secrets(&app).await;
    let plan = FaultPlan { target: "secretsmanager.".to_owned(), from: 0, times: usize::MAX, fault: Fault::Down };
    app.line.set_fault(Some(plan));
    app.admin().delete(&format!("{}?force=true", hook.path)).await.expect(200);
    app.line.set_fault(None);
    assert_eq!(secrets(&app).await, before);
    assert_eq!(years_later(&app).await["secretsDeleted"], 1);
    let after = secrets(&app).await;
    assert!(after.iter().all(|name| !name.contains(&hook.repo)), "{after:?}");
}
