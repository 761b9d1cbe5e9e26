//! A new webhook is busy from its first second: posts that come together all fill in the same record, and none may be lost.

use repoplane_store::Hydrated;
use repoplane_tests::{Hook, TestApp, consistency};
use serde_json::{Value, json};

/// An issue of a repository.
fn payload(repository: &str, id: u64, number: u64) -> String {
    let page = format!("https://github.com/{repository}");
    json!({
        "action": "opened",
        "issue": {"number": number, "title": "It breaks", "body": "Often."},
        "repository": {"id": id, "full_name": repository, "html_url": page, "default_branch": "main"},
        "sender": {"login": "octocat", "id": 1, "type": "User"},
    })
    .to_string()
}

/// A repository that knows neither its identity nor its base, with an enabled robot and a rule.
async fn unbound(app: &TestApp, name: &str) -> Hook {
    let base = app.double.as_ref().expect("a double").github();
    let hook = Hook::register(app, "github", json!({"name": name, "apiBaseUrl": base})).await;
    hook.add_credentials(app, repoplane_local::double::WRITE_TOKEN).await;
    let robot = hook.add_robot(app, "Triage").await;
    hook.enable(app, &robot).await;
    app.admin().patch(&hook.path, json!({"apiBaseUrl": null})).await.expect(200);
    hook.add_rule(app, "issue", &robot, Value::Null).await;
    hook
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn first_posts_that_come_together_are_all_taken_in() {
    let app = TestApp::start_with_double().await;
    let hook = unbound(&app, "acme/widgets").await;
    let posts = (1..=12).map(|number| {
        let (app, hook) = (app.second_instance(), hook.clone());
        tokio::spawn(async move {
            let body = payload("acme/widgets", 7, number);
            hook.post(&app, "issues", &format!("guid-{number}"), &body).await.expect(202);
        })
    });
    for post in posts.collect::<Vec<_>>() {
        post.await.expect("202");
    }
    assert_eq!(hook.tasks(&app.admin()).await.len(), 12);
    assert_eq!(consistency::check(&app.items().await), Ok(()));
}

#[tokio::test]
async fn a_post_that_was_overtaken_looks_again_instead_of_moving_the_identity() {
    let app = TestApp::start().await;
    // A name without an owner fits both payloads, so either could be the first.
    let hook = Hook::register(&app, "github", json!({"name": "widgets"})).await;
    let id = hook.repo.parse().expect("an id");
    let before = app.store().decision_set(id).await.expect("storage").expect("the repository");
    hook.post(&app, "issues", "guid-1", &payload("acme/widgets", 7, 1)).await.expect(202);

    let late = repoplane_domain::webhook::Hydration { external_id: Some("other/widgets".into()), ..Default::default() };
    let outcome = app.store().hydrate(&before, Some(&late), app.clock.peek()).await.expect("storage");
    assert!(matches!(outcome, Hydrated::Stale(_)), "{outcome:?}");
    let repo = app.admin().get(&hook.path).await.expect(200);
    assert_eq!(repo.text("/repo/externalId"), "acme/widgets");
    let refused = hook.post(&app, "issues", "guid-2", &payload("other/widgets", 8, 1)).await.expect(409);
    assert_eq!(refused.text("/code"), "WEBHOOK_REPO_BINDING_MISMATCH");
}
