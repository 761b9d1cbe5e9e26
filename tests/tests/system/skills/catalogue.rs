//! What a scan leaves in the table.

use repoplane_domain::id::RepositoryId;
use repoplane_domain::skill::{CatalogueChange, SkillStatus, accept};
use repoplane_tests::{Branch, Hook, TestApp, consistency};
use serde_json::Value;

fn many(count: usize) -> Branch {
    (0..count).fold(Branch::default(), |branch, n| branch.good(&format!("s{n}"), "", &[]))
}

#[tokio::test]
async fn a_scan_writes_what_changed_and_nothing_else() {
    let app = TestApp::start().await;
    let hook = Hook::github(&app).await;
    app.catalogue(&hook.repo, &many(150)).await;
    let before = app.items().await;
    consistency::check(&before).expect("consistent");
    app.line.take_calls();
    let change = app.catalogue(&hook.repo, &many(150)).await;
    assert!(change.is_empty());
    assert_eq!(app.line.take_calls(), ["Query"], "a scan that finds nothing new only reads");
    let change = app
        .catalogue(&hook.repo, &many(150).without("s7").good("s8", "license: MIT\n", &[]).good("new", "", &[]))
        .await;
    assert_eq!((change.put.len(), change.removed.len()), (2, 1));
    assert_eq!(app.line.take_calls(), ["Query", "TransactWriteItems"]);
    assert_eq!(app.items().await.len(), before.len(), "one gone, one new");
    consistency::check(&app.items().await).expect("consistent");
}

#[tokio::test]
async fn names_change_hands_and_are_held_once() {
    let app = TestApp::start().await;
    let hook = Hook::github(&app).await;
    let one = many(60).good("z/web", "", &[]);
    app.catalogue(&hook.repo, &one).await;
    let first = app.skill(&hook.repo, "web").await;
    app.catalogue(&hook.repo, &one.clone().good("a/web", "", &[])).await;
    consistency::check(&app.items().await).expect("consistent");
    assert_ne!(app.skill(&hook.repo, "web").await.id, first.id);
    app.catalogue(&hook.repo, &one).await;
    consistency::check(&app.items().await).expect("consistent");
    assert_eq!(app.skill(&hook.repo, "web").await.id, first.id);
    app.catalogue(&hook.repo, &many(60).good("moved/web", "", &[])).await;
    assert_eq!(app.skill(&hook.repo, "web").await.id, first.id);
    app.catalogue(&hook.repo, &Branch::default()).await;
    let left = app.items().await;
    assert!(!left.iter().any(|item| item["sk"]["S"].as_str().is_some_and(|sk| sk.starts_with("SKILL"))));
}

#[tokio::test]
async fn who_is_faster_than_a_scan_is_not_written_over() {
    let app = TestApp::start().await;
    let hook = Hook::github(&app).await;
    app.escalated_skill(&hook.repo).await;
    let read = app.skill(&hook.repo, "deploy").await;
    let path = format!("{}/skills/{}/accept", hook.path, read.id);
    app.admin().post(&path, Value::Null).await.expect(200);
    let id: RepositoryId = hook.repo.parse().expect("an id");
    let stale = CatalogueChange {
        put: vec![repoplane_domain::skill::Skill { revision: read.revision + 1, ..read.clone() }],
        ..CatalogueChange::default()
    };
    assert!(!app.store().put_catalogue(id, &stale, app.app().now()).await.expect("a table"));
    let stale = CatalogueChange { removed: vec![read], ..CatalogueChange::default() };
    assert!(!app.store().put_catalogue(id, &stale, app.app().now()).await.expect("a table"));
    assert_eq!(app.skill(&hook.repo, "deploy").await.status(), SkillStatus::Ok);
}

#[tokio::test]
async fn a_deleted_repository_keeps_no_skills() {
    let app = TestApp::start().await;
    let hook = Hook::github(&app).await;
    app.escalated_skill(&hook.repo).await;
    let skill = app.skill(&hook.repo, "deploy").await;
    app.admin().delete(&hook.path).await.expect(200);
    let left = app.items().await;
    assert!(!left.iter().any(|item| item["sk"]["S"].as_str().is_some_and(|sk| sk.starts_with("SKILL"))));
    consistency::check(&left).expect("consistent");
    app.admin().get(&format!("{}/skills", hook.path)).await.expect(404);
    // A scan that was under way leaves nothing behind, either.
    let admin = app.admin_principal().await;
    let late = accept(&skill, None, admin.user, app.app().now()).expect("accepted").expect("something to accept");
    let late = CatalogueChange {
        put: vec![repoplane_domain::skill::Skill { revision: 1, ..late }],
        ..CatalogueChange::default()
    };
    assert!(!app.store().put_catalogue(skill.repository, &late, app.app().now()).await.expect("a table"));
    assert_eq!(app.items().await.len(), left.len());
}
