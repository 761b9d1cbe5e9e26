use super::{Host, path, slug};
use repoplane_domain::secret::{Secret, sha256_hex};
use repoplane_tests::Event;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::task::JoinSet;

/// One call of each of the four operations, as it succeeds.
fn calls(made: &Value) -> Vec<(String, Value)> {
    vec![
        ("/repositories".to_owned(), json!({"name": "new", "repo_url": "https://h.example/x"})),
        (format!("{}/sync", path(made)), Value::Null),
        (format!("{}/skills", path(made)), json!({"name": "skill"})),
        ("/credentials".to_owned(), json!({"name": "n", "type": "t", "secret": "s"})),
    ]
}

#[tokio::test]
async fn shiftagent_10_a_repeat_is_answered_with_the_first_answer() {
    let host = Host::new().await;
    let made = host.register("field-ops").await;
    for (path, body) in calls(&made) {
        let once = host.key.once("a key with blanks");
        let first = once.post(&path, body.clone()).await;
        assert!(first.status.is_success() && !first.is_replayed(), "{path}: {}", first.body);
        let again = once.post(&path, body).await;
        assert_eq!((again.status, &again.body), (first.status, &first.body), "{path}");
        assert_eq!(again.headers["idempotency-replayed"], "true", "{path}");
    }
    host.check().await;
}

#[tokio::test]
async fn shiftagent_10_refusals_are_repeated_too() {
    let host = Host::new().await;
    let made = host.register("taken").await;
    let nothing = "/repositories/rep_00000000000000000000000000/sync".to_owned();
    let malformed = |client: repoplane_tests::Client| async move {
        let event = Event::new("POST", "/repositories").header("content-type", "application/json").body("{");
        client.send(event).await
    };
    let rows = [
        ("/repositories".to_owned(), json!({"name": "taken", "repo_url": "https://h.example/x"}), 409),
        ("/repositories".to_owned(), json!({"name": "", "repo_url": "https://h.example/x"}), 422),
        ("/credentials".to_owned(), json!({}), 422),
        (nothing, Value::Null, 404),
    ];
    for (at, (path, body, status)) in rows.iter().enumerate() {
        let once = host.key.once(&format!("k{at}"));
        let first = once.post(path, body.clone()).await.expect(*status);
        assert!(!first.is_replayed());
        let again = once.post(path, body.clone()).await.expect(*status);
        assert!(again.is_replayed(), "{path}");
        assert_eq!((&again.body, &again.headers["content-type"]), (&first.body, &first.headers["content-type"]));
        assert!(!again.headers.contains_key("etag"));
    }
    // Though the name is free by now, the answer is still the first one.
    host.key.delete(&path(&made)).await.expect(204);
    let (path, body, _) = &rows[0];
    assert!(host.key.once("k0").post(path, body.clone()).await.expect(409).is_replayed());
    host.key.once("another").post(path, body.clone()).await.expect(201);
    let first = malformed(host.key.once("broken")).await.expect(400);
    let again = malformed(host.key.once("broken")).await.expect(400);
    assert_eq!((again.is_replayed(), &again.body), (true, &first.body));
    assert_eq!(slug(&host.key.once("broken").post(path, body.clone()).await.expect(409)), "idempotency-key-conflict");
    host.check().await;
}

#[tokio::test]
async fn shiftagent_10_another_payload_with_the_key_is_409() {
    let host = Host::new().await;
    let body = |name: &str| json!({"name": name, "repo_url": "https://h.example/x"});
    host.key.once("k").post("/repositories", body("one")).await.expect(201);
    for other in [body("two"), json!({}), body("one")] {
        let answer = host.key.once("k").post("/repositories", other.clone()).await;
        let same = other == body("one");
        assert_eq!(answer.status, if same { 201 } else { 409 }, "{other}");
        assert!(same || slug(&answer) == "idempotency-key-conflict");
    }
    let secret = |secret: &str| json!({"name": "n", "type": "t", "secret": secret});
    host.key.once("k").post("/credentials", secret("one")).await.expect(201);
    host.key.once("k").post("/credentials", secret("two")).await.expect(409);
    // Members in another order are the same payload.
    let event = Event::new("POST", "/repositories").header("content-type", "application/json");
    let event = event.body(r#"{ "repo_url": "https://h.example/x", "name": "one" }"#);
    assert!(host.key.once("k").send(event).await.expect(201).is_replayed());
}

#[tokio::test]
async fn shiftagent_10_keys_are_kept_apart_by_key_holder_and_operation_and_for_a_day() {
    let host = Host::new().await;
    let body = |name: &str| json!({"name": name, "repo_url": "https://h.example/x"});
    let other = host.app.client(super::integration(&host.app, json!(["repos:write"])).await);
    host.key.once("k").post("/repositories", body("one")).await.expect(201);
    assert!(!other.once("k").post("/repositories", body("two")).await.expect(201).is_replayed());
    let secret = json!({"name": "n", "type": "t", "secret": "s"});
    assert!(!host.key.once("k").post("/credentials", secret).await.expect(201).is_replayed());
    host.app.clock.advance(Duration::from_secs(24 * 3600));
    host.key.once("k").post("/repositories", body("three")).await.expect(201);
}

#[tokio::test]
async fn shiftagent_10_a_key_that_is_none_is_400_and_none_of_its_calls_is_made() {
    let host = Host::new().await;
    let made = host.register("field-ops").await;
    for (path, body) in calls(&made) {
        for bad in [String::new(), "x".repeat(256)] {
            let refused = host.key.once(&bad).post(&path, body.clone()).await.expect(400);
            assert_eq!(slug(&refused), "bad-request", "{path}");
        }
    }
    let longest = host.key.once(&"x".repeat(255));
    longest.post("/repositories", json!({"name": "new", "repo_url": "https://h.example/x"})).await.expect(201);
    // PATCH has no key.
    host.key.once("").patch(&path(&made), json!({})).await.expect(200);
}

#[tokio::test]
async fn shiftagent_10_401_and_403_are_not_kept() {
    let host = Host::new().await;
    let body = json!({"name": "new", "repo_url": "https://h.example/x"});
    let reader = host.app.client(super::integration(&host.app, json!(["repos:read"])).await);
    for _ in 0..2 {
        assert!(!reader.once("k").post("/repositories", body.clone()).await.expect(403).is_replayed());
        assert!(!host.app.anonymous().once("k").post("/repositories", body.clone()).await.expect(401).is_replayed());
    }
}

#[tokio::test]
async fn shiftagent_10_calls_at_once_with_one_key_have_one_effect() {
    let host = Host::new().await;
    for (path, body) in [
        ("/repositories", json!({"name": "new", "repo_url": "https://h.example/x"})),
        ("/credentials", json!({"name": "n", "type": "t", "secret": "s"})),
    ] {
        let mut calls = JoinSet::new();
        for n in 0..4 {
            let app = if n % 2 == 0 { host.app.second_instance() } else { host.app.clone() };
            let body = body.clone();
            calls.spawn(async move { app.admin().once("k").post(path, body).await });
        }
        let answers = calls.join_all().await;
        let ids: std::collections::BTreeSet<_> = answers.iter().map(|answer| answer.text("/id")).collect();
        assert_eq!(ids.len(), 1, "{path}: {answers:?}");
        assert_eq!(answers.iter().filter(|answer| !answer.is_replayed()).count(), 1, "{path}");
    }
    host.check().await;
}

#[tokio::test]
async fn shiftagent_10_a_repeat_while_the_first_runs_is_told_to_come_back() {
    let host = Host::new().await;
    let me = host.app.admin().get("/api/me").await.expect(200);
    let body = json!({"name": "new", "repo_url": "https://h.example/x"});
    // Somebody died on the way: the mark of a call in flight is all that is left of it.
    let (token, now) = (Secret::new(repoplane_tests::ADMIN_TOKEN), host.app.app().now());
    let principal = host.app.store().authenticate(&token, true, now).await.unwrap().unwrap();
    let text = format!("{} registerRepository k", me.text("/principal/accessTokenId"));
    let fingerprint = format!("k\nPOST https://api.example.com/repositories\n{body}");
    let fingerprint = sha256_hex(fingerprint.as_bytes());
    let once = repoplane_store::Once::new(&principal, &text, fingerprint);
    host.app.store().begin(Some(once), host.app.app().now()).await.unwrap();
    let refused = host.app.admin().once("k").post("/repositories", body).await.expect(409);
    assert_eq!(slug(&refused), "idempotency-key-conflict");
    assert_eq!(refused.headers["retry-after"], "1");
}
