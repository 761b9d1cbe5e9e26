//! The same event by the repository's own webhook and by its organisation's is one task.

use super::{gitlab_issue, issue, of_github, of_gitlab, registered, registered_project};
use repoplane_tests::{Answer, Hook, TestApp, consistency};

#[track_caller]
fn is_twin(answer: &Answer, first: &Answer) {
    assert_eq!(answer.body["duplicate_of"], first.delivery());
    assert_eq!(answer.body["tasks"], first.body["tasks"], "the first result again");
}

#[track_caller]
fn is_new(answer: &Answer) {
    assert!(answer.body.get("duplicate_of").is_none(), "{}", answer.body);
    assert_eq!(answer.body["tasks"].as_array().map(Vec::len), Some(1), "{}", answer.body);
}

#[tokio::test]
async fn github_is_known_by_its_delivery_id_and_by_its_body() {
    let app = TestApp::start_with_double().await;
    let own = registered(&app).await;
    let organisation = of_github(&app).await;
    let first = own.post(&app, "issues", "guid-1", &issue(1)).await.expect(202);
    is_new(&first);
    is_twin(&organisation.post(&app, "issues", "guid-2", &issue(1)).await.expect(202), &first);
    is_twin(&organisation.post(&app, "issues", "guid-1", &issue(2)).await.expect(202), &first);
    let second = organisation.post(&app, "issues", "guid-3", &issue(3)).await.expect(202);
    is_new(&second);
    is_twin(&own.post(&app, "issues", "guid-4", &issue(3)).await.expect(202), &second);
    assert_eq!(own.tasks(&app.admin()).await.len(), 2);
    consistency::check(&app.items().await).expect("consistent");
}

/// GitLab's ids of events and deliveries are each hook's own.
#[tokio::test]
async fn gitlab_is_known_by_its_body_when_another_hook_brings_it() {
    let app = TestApp::start_with_double().await;
    let own = registered_project(&app, "42").await;
    let group = of_gitlab(&app).await;
    let post = async |hook: &Hook, uuid: &str, body: &str| {
        let event = hook.event("Issue Hook", uuid, body).header("idempotency-key", &format!("key of {uuid}"));
        app.anonymous().send(event).await.expect(202)
    };
    let first = post(&own, "uuid-1", &gitlab_issue(1)).await;
    is_new(&first);
    is_twin(&post(&group, "uuid-2", &gitlab_issue(1)).await, &first);
    let second = post(&group, "uuid-3", &gitlab_issue(2)).await;
    is_new(&second);
    is_twin(&post(&own, "uuid-4", &gitlab_issue(2)).await, &second);
    is_new(&post(&own, "uuid-5", &gitlab_issue(1)).await);
    let outer = of_gitlab(&app).await;
    is_twin(&post(&outer, "uuid-6", &gitlab_issue(2)).await, &second);
    assert_eq!(own.tasks(&app.admin()).await.len(), 3, "one hook may bring equal bodies for different events");
    consistency::check(&app.items().await).expect("consistent");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn both_at_once_make_one_task() {
    let app = TestApp::start_with_double().await;
    let own = registered_project(&app, "42").await;
    let group = of_gitlab(&app).await;
    let mut posts = tokio::task::JoinSet::new();
    for number in 0..16 {
        let hook = if number % 2 == 0 { &own } else { &group };
        let event = hook.event("Issue Hook", &format!("uuid of {}", number % 2), &gitlab_issue(1));
        let sender = app.anonymous();
        posts.spawn(async move { sender.send(event).await });
    }
    for answer in posts.join_all().await {
        answer.expect(202);
    }
    assert_eq!(own.tasks(&app.admin()).await.len(), 1);
    consistency::check(&app.items().await).expect("consistent");
}
