//! The tick: what the stream has missed.

use super::{engine, marked, stored, told};
use crate::tasks::work::{open_issue, patch};
use repoplane_tests::{Hook, TestApp, consistency};
use serde_json::{Value, json};
use std::time::Duration;

const GRACE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn what_a_lost_stream_told_of_is_sent_after_the_grace_and_nothing_else() {
    let app = TestApp::start_with_double().await;
    let (hook, _) = Hook::ready(&app).await;
    let sent = open_issue(&app, &hook, 1).await;
    app.drain_stream().await;
    assert_eq!(told(&app).await, sent);

    let lost = [open_issue(&app, &hook, 2).await, open_issue(&app, &hook, 3).await].concat();
    app.lose_stream();
    assert_eq!(app.drain_stream().await, 0);
    app.clock.advance(GRACE / 2);
    let young = open_issue(&app, &hook, 4).await;
    app.line.take_calls();
    assert_eq!(app.dispatch_tick().await["missed"], 0, "the stream may still come");
    assert_eq!(app.line.take_calls(), vec!["Query"; 16], "one question a shard");
    app.clock.advance(GRACE / 2 + Duration::from_millis(1));
    let ticked = app.dispatch_tick().await;
    assert_eq!(ticked, json!({"missed": 2, "sent": 2, "dropped": 0, "refused": 0}));
    assert_eq!((told(&app).await, marked(&app).await), (lost.clone(), young.clone()));
    assert_eq!(app.dispatch_tick().await["missed"], 0);
    app.drain_stream().await;
    assert_eq!(told(&app).await, young);
    consistency::handed_over(&app.items().await, &[sent, lost, young].concat()).expect("handed over");
}

#[tokio::test]
async fn tick_and_stream_may_race() {
    let app = TestApp::start_with_double().await;
    let (hook, _) = Hook::ready(&app).await;
    let mut made = Vec::new();
    for number in 1..=12 {
        made.extend(open_issue(&app, &hook, number).await);
    }
    app.clock.advance(GRACE + GRACE);
    let other = app.second_instance();
    let (batch, first, second) = tokio::join!(app.stream_batch(), app.dispatch_tick(), other.dispatch_tick());
    assert!(matches!(batch, repoplane_local::stream_mapping::Batch::Done(12)), "{batch:?} {first} {second}");
    assert!(marked(&app).await.is_empty());
    let mut sent = told(&app).await;
    sent.sort();
    sent.dedup();
    assert_eq!(sent, made, "each at least once");
    consistency::check(&app.items().await).expect("consistent");
}

#[tokio::test]
async fn a_task_that_comes_back_while_it_is_being_sent_is_not_forgotten() {
    let app = TestApp::start_with_double().await;
    let (hook, _) = Hook::ready(&app).await;
    let task = open_issue(&app, &hook, 1).await.remove(0);
    let key = repoplane_store::OutboxKey::Task(hook.repo.parse().expect("an id"), task.parse().expect("an id"));
    let read = app.store().waiting(&[key], app.clock.peek()).await.expect("storage");
    // Sent; before its mark is taken away, it ends and is queued again.
    assert!(app.store().send_outgoing(&read).await.is_empty());
    patch(&app, &task, "cancelled", None).await.expect(200);
    app.admin().post(&format!("/api/tasks/{task}/retry"), Value::Null).await.expect(200);
    assert!(!app.store().leave_outbox(&read[0]).await.expect("storage"));
    assert_eq!(marked(&app).await, std::slice::from_ref(&task));
    app.drain_stream().await;
    assert_eq!(told(&app).await, [task.clone(), task]);
    assert!(marked(&app).await.is_empty());
}

#[tokio::test]
async fn a_retried_task_has_its_grace_like_a_new_one() {
    let app = TestApp::start_with_double().await;
    let (hook, _) = Hook::ready(&app).await;
    let task = open_issue(&app, &hook, 1).await.remove(0);
    app.drain_stream().await;
    patch(&app, &task, "cancelled", None).await.expect(200);
    app.clock.advance(GRACE * 100);
    app.admin().post(&format!("/api/tasks/{task}/retry"), Value::Null).await.expect(200);
    app.lose_stream();
    assert_eq!(app.dispatch_tick().await["missed"], 0);
    app.clock.advance(GRACE);
    assert_eq!(app.dispatch_tick().await["sent"], 1);
}

#[tokio::test]
async fn a_task_that_was_marked_without_a_time_is_found() {
    let app = TestApp::start_with_double().await;
    let (hook, _) = Hook::ready(&app).await;
    let task = open_issue(&app, &hook, 1).await.remove(0);
    let mut item = stored(&app, &task).await;
    item["undispatched_sk"] = json!({"S": task});
    engine(&app, "PutItem", json!({"TableName": "repoplane", "Item": item})).await;
    app.lose_stream();
    assert_eq!(app.dispatch_tick().await["sent"], 1);
    assert!(marked(&app).await.is_empty());
}
