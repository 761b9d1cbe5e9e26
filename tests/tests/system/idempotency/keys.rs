//! What a key is, whose it is, and for how long.

use repoplane_tests::{Answer, Client, Event, Hook, TestApp};
use serde_json::{Value, json};
use std::time::Duration;

async fn create(client: &Client, name: &str) -> Answer {
    client.post("/api/repos", json!({"provider": "github", "name": name})).await
}

#[track_caller]
fn is_conflict(answer: &Answer) {
    assert_eq!((answer.status.as_u16(), answer.text("/code").as_str()), (409, "IDEMPOTENCY_KEY_CONFLICT"));
    assert_eq!(answer.text("/type"), "/problems/idempotency-key-conflict");
}

#[tokio::test]
async fn a_key_is_good_for_one_request() {
    let app = TestApp::start().await;
    let hook = Hook::github(&app).await;
    let client = app.admin().once("k");
    create(&client, "a").await.expect(201);
    is_conflict(&create(&client, "b").await);
    is_conflict(&client.post("/api/repos?x=1", json!({"provider": "github", "name": "a"})).await);
    is_conflict(&client.post("/api/users", json!({"username": "uma"})).await);
    is_conflict(&client.post(&format!("{}/webhook-secret/rotate", hook.path), Value::Null).await);
    is_conflict(&client.post(&format!("{}/archive", hook.path), Value::Null).await);
    assert!(app.admin().get(&hook.path).await.expect(200).body["repo"].get("archivedAt").is_none());
    assert!(create(&client, "a").await.expect(201).is_replayed());
    let list = app.admin().get("/api/repos").await.expect(200);
    assert_eq!(list.body["repos"].as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn two_spellings_of_one_body_are_one_request() {
    let app = TestApp::start().await;
    let first = create(&app.admin().once("k"), "a").await.expect(201);
    let body = " {\"name\" : \"a\",\n\"provider\":\"\\u0067ithub\"} ";
    let event = Event::new("POST", "/api/repos/").header("content-type", "application/json").body(body);
    let again = app.admin().once("k").send(event).await.expect(201);
    assert!(again.is_replayed());
    assert_eq!(again.body["repo"], first.body["repo"]);
}

#[tokio::test]
async fn another_users_key_of_the_same_text_is_another_key() {
    let app = TestApp::start().await;
    let (ann, ben) = (app.person("ann").await, app.person("ben").await);
    let other = app.tenant("other").await;
    for (client, name) in [(&ann.client, "a"), (&ben.client, "b"), (&other.client, "c")] {
        assert!(!create(&client.once("k"), name).await.expect(201).is_replayed(), "{name}");
    }
    // Another token of the same user is the same caller.
    let second = ann.client.token(json!({"name": "second", "scopes": ["repos:read", "repos:write"]})).await;
    assert!(create(&app.client(second).once("k"), "a").await.expect(201).is_replayed());
}

#[tokio::test]
async fn a_key_is_forgotten_after_a_day() {
    let app = TestApp::start().await;
    let client = app.admin().once("k");
    let first = create(&client, "a").await.expect(201);
    app.clock.advance(Duration::from_secs(24 * 3600 - 60));
    assert!(create(&client, "a").await.expect(201).is_replayed());
    is_conflict(&create(&client, "b").await);
    app.clock.advance(Duration::from_secs(60));
    let second = create(&client, "b").await.expect(201);
    assert!(!second.is_replayed());
    assert_ne!(second.body["repo"]["id"], first.body["repo"]["id"]);
    assert!(create(&client, "b").await.expect(201).is_replayed());
    is_conflict(&create(&client, "a").await);
}

#[tokio::test]
async fn a_key_is_1_to_255_visible_ascii_characters() {
    let app = TestApp::start().await;
    app.admin().get("/api/me").await.expect(200);
    let before = app.items().await;
    for wrong in ["", " ", "a b", "a\tb", "é", &"k".repeat(256)] {
        let refused = create(&app.admin().once(wrong), "a").await;
        assert_eq!(refused.status, 400, "{wrong:?}: {}", refused.body);
        assert!(refused.text("/message").starts_with("Idempotency-Key must be"), "{wrong:?}");
    }
    assert_eq!(app.items().await, before);
    for (n, key) in ["~", "{\"a\":1}", &"k".repeat(255)].into_iter().enumerate() {
        create(&app.admin().once(key), &format!("r{n}")).await.expect(201);
    }
}

#[tokio::test]
async fn a_call_that_failed_is_not_remembered() {
    let app = TestApp::start().await;
    let taken = Hook::register(&app, "github", json!({"name": "wanted"})).await;
    let client = app.admin().once("k");
    for _ in 0..2 {
        assert!(!create(&client, "").await.expect(400).is_replayed());
        assert_eq!(create(&client, "wanted").await.expect(409).text("/code"), "REPO_NAME_TAKEN");
    }
    app.admin().patch(&taken.path, json!({"name": "freed"})).await.expect(200);
    assert!(!create(&client, "wanted").await.expect(201).is_replayed());
    assert!(create(&client, "wanted").await.expect(201).is_replayed());
}

#[tokio::test]
async fn a_replay_needs_the_rights_that_the_call_needs() {
    let app = TestApp::start().await;
    let hook = Hook::github(&app).await;
    let mia = app.member(&hook.repo, "mia", "maintainer").await;
    let path = format!("{}/webhook-secret/rotate", hook.path);
    mia.client.once("k").post(&path, Value::Null).await.expect(200);
    app.admin().delete(&format!("{}/members/{}", hook.path, mia.id)).await.expect(200);
    mia.client.once("k").post(&path, Value::Null).await.expect(403);
    app.client("rpt_no-such-token").once("k").post(&path, Value::Null).await.expect(401);
}

#[tokio::test]
async fn an_action_that_found_nothing_to_do_is_answered_alike_too() {
    let app = TestApp::start().await;
    let hook = Hook::github(&app).await;
    let archive = format!("{}/archive", hook.path);
    app.admin().post(&archive, Value::Null).await.expect(200);
    let first = app.admin().once("k").post(&archive, Value::Null).await.expect(200);
    app.admin().post(&format!("{}/unarchive", hook.path), Value::Null).await.expect(200);
    let again = app.admin().once("k").post(&archive, Value::Null).await.expect(200);
    assert!(again.is_replayed());
    assert_eq!(again.body, first.body);
    assert!(app.admin().get(&hook.path).await.expect(200).body["repo"].get("archivedAt").is_none());
}
