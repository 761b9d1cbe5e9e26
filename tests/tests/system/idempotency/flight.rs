//! Calls with effects outside the table: a robot's test is marked as in flight before the provider hears of it.

use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use repoplane_local::engines::Engines;
use repoplane_local::line::{Fault, FaultPlan, Line};
use repoplane_tests::{Hook, ProviderDouble, TestApp};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, Notify};

/// An application whose provider answers only while nobody holds the gate.
struct Gated {
    app: TestApp,
    test: String,
    gate: Arc<Mutex<()>>,
    arrived: Arc<Notify>,
}

async fn gated() -> Gated {
    let (gate, arrived) = (Arc::new(Mutex::new(())), Arc::new(Notify::new()));
    let (shared, heard) = (Arc::clone(&gate), Arc::clone(&arrived));
    let hold = from_fn(move |request: Request, next: Next| {
        let (gate, arrived) = (Arc::clone(&shared), Arc::clone(&heard));
        async move {
            arrived.notify_one();
            drop(gate.lock().await);
            next.run(request).await
        }
    });
    let double = ProviderDouble::serving(repoplane_local::double::router().layer(hold)).await;
    let app = TestApp::on(Line::to(Engines::memory().expect("engines in memory")), Some(double)).await;
    let hook = Hook::github(&app).await;
    hook.add_credentials(&app, repoplane_local::double::WRITE_TOKEN).await;
    let robot = hook.add_robot(&app, "Triage").await;
    Gated { app, test: format!("{}/robots/{robot}/test", hook.path), gate, arrived }
}

/// Starts a test whose provider does not answer yet.
async fn started(gated: &Gated, key: &str) -> tokio::task::JoinHandle<repoplane_tests::Answer> {
    let (client, path) = (gated.app.admin().once(key), gated.test.clone());
    let running = tokio::spawn(async move { client.post(&path, Value::Null).await });
    gated.arrived.notified().await;
    running
}

#[tokio::test]
async fn a_repeat_while_the_first_call_runs_is_told_to_come_back() {
    let gated = gated().await;
    let held = gated.gate.lock().await;
    let first = started(&gated, "k").await;
    let second = gated.app.second_instance();
    for app in [&gated.app, &second] {
        let early = app.admin().once("k").post(&gated.test, Value::Null).await.expect(409);
        assert_eq!(early.text("/code"), "IDEMPOTENCY_KEY_IN_FLIGHT");
        assert_eq!(early.text("/type"), "/problems/idempotency-key-in-flight");
        let wait: u64 = early.headers["retry-after"].to_str().expect("text").parse().expect("seconds");
        assert!((1..=40).contains(&wait), "{wait}");
    }
    drop(held);
    let first = first.await.expect("no panic").expect(200);
    assert!(!first.is_replayed());
    let again = second.admin().once("k").post(&gated.test, Value::Null).await.expect(200);
    assert!(again.is_replayed());
    assert_eq!(again.body, first.body);
}

#[tokio::test]
async fn another_request_with_the_key_of_a_running_call_is_a_conflict() {
    let gated = gated().await;
    let held = gated.gate.lock().await;
    let first = started(&gated, "k").await;
    let archive = gated.test.split("/robots").next().map(|path| format!("{path}/archive")).expect("a path");
    let other = gated.app.admin().once("k").post(&archive, Value::Null).await.expect(409);
    assert_eq!(other.text("/code"), "IDEMPOTENCY_KEY_CONFLICT");
    drop(held);
    first.await.expect("no panic").expect(200);
}

#[tokio::test]
async fn a_call_whose_instance_died_blocks_its_key_for_less_than_a_minute() {
    let gated = gated().await;
    let held = gated.gate.lock().await;
    let first = started(&gated, "k").await;
    first.abort();
    assert!(first.await.is_err(), "it was in the middle of its work");
    drop(held);
    let client = gated.app.second_instance().admin().once("k");
    let early = client.post(&gated.test, Value::Null).await.expect(409);
    let wait: u64 = early.headers["retry-after"].to_str().expect("text").parse().expect("seconds");
    gated.app.clock.advance(Duration::from_secs(wait + 1));
    let again = client.post(&gated.test, Value::Null).await.expect(200);
    assert!(!again.is_replayed());
    assert!(client.post(&gated.test, Value::Null).await.expect(200).is_replayed());
}

#[tokio::test]
async fn a_key_is_free_again_at_once_after_the_call_failed() {
    let gated = gated().await;
    let client = gated.app.admin().once("k");
    let stale = client.if_match("\"77\"").post(&gated.test, Value::Null).await.expect(412);
    assert!(!stale.is_replayed());
    let target = "DynamoDB_20120810.TransactWriteItems".to_owned();
    gated.app.line.set_fault(Some(FaultPlan { target, from: 0, times: usize::MAX, fault: Fault::Down }));
    client.post(&gated.test, Value::Null).await.expect(503);
    gated.app.line.set_fault(None);
    let answer = client.post(&gated.test, Value::Null).await.expect(200);
    assert!(!answer.is_replayed());
    assert_eq!(answer.body["ok"], true);
}
