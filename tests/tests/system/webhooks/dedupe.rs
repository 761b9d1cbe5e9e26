//! One event is one delivery and one set of tasks, however often it is posted (design 5.2).

use repoplane_tests::{Answer, GITHUB_ISSUES_OPENED, GITLAB_ISSUE_OPENED, Hook, TestApp, consistency, fixture};
use serde_json::{Value, json};
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);

/// The example issue with another number: another event.
fn issue(number: u32) -> String {
    let mut body: Value = serde_json::from_str(&fixture(GITHUB_ISSUES_OPENED)).expect("JSON");
    body["issue"]["number"] = json!(number);
    body.to_string()
}

fn duplicate_of(answer: &Answer) -> Option<&str> {
    answer.body["duplicate_of"].as_str()
}

#[track_caller]
fn is_twin(answer: &Answer, first: &Answer) {
    assert_eq!(answer.status.as_u16(), 202, "{}", answer.body);
    assert_eq!(answer.body["tasks"], first.body["tasks"], "the first result again");
    assert_eq!(duplicate_of(answer), first.headers["x-repoplane-delivery"].to_str().ok());
    assert_eq!(answer.headers["x-repoplane-delivery"], first.headers["x-repoplane-delivery"]);
}

#[tokio::test]
async fn github_is_known_by_its_delivery_id_and_by_its_body() {
    let app = TestApp::start_with_double().await;
    let (hook, _) = Hook::ready(&app).await;
    let first = hook.post(&app, "issues", "guid-1", &issue(1)).await.expect(202);
    assert_eq!(duplicate_of(&first), None);
    is_twin(&hook.post(&app, "issues", "guid-1", &issue(2)).await, &first);
    is_twin(&hook.post(&app, "issues", "guid-2", &issue(1)).await, &first);
    is_twin(&hook.post(&app.second_instance(), "issues", "guid-1", &issue(1)).await, &first);
    assert_eq!(hook.tasks(&app.admin()).await.len(), 1);
    assert_eq!(hook.deliveries(&app.admin()).await.len(), 1);
    let other = hook.post(&app, "issues", "guid-2", &issue(2)).await.expect(202);
    assert_eq!(duplicate_of(&other), None, "a twin claims nothing: guid-2 is still free");
    assert_eq!(hook.tasks(&app.admin()).await.len(), 2);
}

#[tokio::test]
async fn another_repository_knows_nothing_of_it() {
    let app = TestApp::start_with_double().await;
    let (hook, _) = Hook::ready(&app).await;
    hook.post(&app, "issues", "guid-1", &issue(1)).await.expect(202);
    let other = Hook::register(&app, "github", json!({"name": "elsewhere", "externalId": "Codertocat/Other"})).await;
    let body = issue(1).replace("Codertocat/Hello-World", "Codertocat/Other").replace("186853002", "1");
    assert_eq!(duplicate_of(&other.post(&app, "issues", "guid-1", &body).await.expect(202)), None);
}

#[tokio::test]
async fn a_body_is_forgotten_after_a_day_and_a_delivery_id_after_four() {
    let app = TestApp::start_with_double().await;
    let (hook, _) = Hook::ready(&app).await;
    let first = hook.post(&app, "issues", "guid-1", &issue(1)).await.expect(202);
    app.clock.advance(24 * HOUR - Duration::from_secs(60));
    is_twin(&hook.post(&app, "issues", "guid-2", &issue(1)).await, &first);
    app.clock.advance(Duration::from_secs(60));
    is_twin(&hook.post(&app, "issues", "guid-1", &issue(1)).await, &first);
    let second = hook.post(&app, "issues", "guid-2", &issue(1)).await.expect(202);
    assert_eq!(duplicate_of(&second), None, "an equal body a day later may be another event");
    app.clock.advance(72 * HOUR - Duration::from_secs(60));
    is_twin(&hook.post(&app, "issues", "guid-1", &issue(3)).await, &first);
    app.clock.advance(Duration::from_secs(60));
    let third = hook.post(&app, "issues", "guid-1", &issue(3)).await.expect(202);
    assert_eq!(duplicate_of(&third), None);
    assert_eq!(hook.tasks(&app.admin()).await.len(), 3);
    consistency::check(&app.items().await).expect("consistent");
}

#[tokio::test]
async fn gitlab_is_known_by_its_idempotency_key_else_by_event_and_body() {
    let app = TestApp::start_with_double().await;
    let hook = Hook::gitlab(&app).await;
    hook.add_credentials(&app, repoplane_local::double::WRITE_TOKEN).await;
    let robot = hook.add_robot(&app, "Triage").await;
    let gitlab = app.double.as_ref().map(|double| double.gitlab());
    app.admin().patch(&hook.path, json!({"apiBaseUrl": gitlab})).await.expect(200);
    hook.enable(&app, &robot).await;
    app.admin().patch(&hook.path, json!({"apiBaseUrl": null})).await.expect(200);
    hook.add_rule(&app, "issue", &robot, Value::Null).await;
    let issue = |iid: u32| {
        let mut body: Value = serde_json::from_str(&fixture(GITLAB_ISSUE_OPENED)).expect("JSON");
        body["object_attributes"]["iid"] = json!(iid);
        body.to_string()
    };
    let post = async |uuid: &str, key: Option<&str>, body: &str| {
        let event = hook.event("Issue Hook", uuid, body);
        let event = key.map_or(event.clone(), |key| event.header("idempotency-key", key));
        app.anonymous().send(event).await.expect(202)
    };
    let first = post("uuid-1", Some("key-1"), &issue(1)).await;
    is_twin(&post("uuid-2", Some("key-1"), &issue(2)).await, &first);
    assert_eq!(duplicate_of(&post("uuid-1", Some("key-2"), &issue(1)).await), None, "the key alone counts");
    let second = post("uuid-3", None, &issue(3)).await;
    is_twin(&post("uuid-3", None, &issue(3)).await, &second);
    assert_eq!(duplicate_of(&post("uuid-3", None, &issue(4)).await), None, "one event can serve several hooks");
    assert_eq!(duplicate_of(&post("uuid-4", None, &issue(3)).await), None);
    assert_eq!(hook.tasks(&app.admin()).await.len(), 5);
}

#[tokio::test]
async fn a_twin_of_a_skipped_delivery_runs_again_once_the_rule_is_there() {
    let app = TestApp::start_with_double().await;
    let (hook, robot) = Hook::ready(&app).await;
    hook.add_rule(&app, "commit", &robot, Value::Null).await;
    let skipped = hook.post(&app, "issues", "guid-1", &issue(1)).await.expect(202);
    assert_eq!(skipped.body["skipped"], true);
    hook.add_rule(&app, "issue", &robot, Value::Null).await;
    let second = hook.post(&app, "issues", "guid-1", &issue(1)).await.expect(202);
    assert_eq!(duplicate_of(&second), None);
    assert_eq!(second.body["tasks"].as_array().map(Vec::len), Some(1), "{}", second.body);
    is_twin(&hook.post(&app, "issues", "guid-1", &issue(1)).await, &second);
    assert_eq!(hook.deliveries(&app.admin()).await.len(), 2);
    assert_eq!(hook.tasks(&app.admin()).await.len(), 1);
}

#[tokio::test]
async fn a_forged_post_cannot_take_the_place_of_a_real_one() {
    let app = TestApp::start_with_double().await;
    let (hook, _) = Hook::ready(&app).await;
    let forged = hook.event("issues", "guid-1", &issue(1)).header("x-hub-signature-256", "sha256=00");
    app.anonymous().send(forged).await.expect(401);
    let real = hook.post(&app, "issues", "guid-1", &issue(1)).await.expect(202);
    assert_eq!(duplicate_of(&real), None);
    assert_eq!(hook.tasks(&app.admin()).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn thirty_two_identical_posts_at_once_on_two_instances_make_one_task() {
    let app = TestApp::start_with_double().await;
    let (hook, _) = Hook::ready(&app).await;
    let second = app.second_instance();
    let mut posts = tokio::task::JoinSet::new();
    for n in 0..32 {
        let sender = if n % 2 == 0 { app.anonymous() } else { second.anonymous() };
        let event = hook.event("issues", "guid-1", &issue(1));
        posts.spawn(async move { sender.send(event).await });
    }
    let answers = posts.join_all().await;
    let first = answers.iter().find(|answer| duplicate_of(answer).is_none()).expect("one is the first");
    for answer in &answers {
        assert_eq!(answer.status.as_u16(), 202, "{}", answer.body);
        assert_eq!(answer.body["tasks"], first.body["tasks"]);
    }
    assert_eq!(answers.iter().filter(|answer| duplicate_of(answer).is_none()).count(), 1);
    assert_eq!(hook.tasks(&app.admin()).await.len(), 1);
    assert_eq!(hook.deliveries(&app.admin()).await.len(), 1);
    consistency::check(&app.items().await).expect("consistent");
}
