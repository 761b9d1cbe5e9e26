//! Records that are not what they should be.

use super::{engine, marked, stored, told};
use crate::tasks::work::{one_task, open_issue};
use repoplane_tests::TestApp;
use serde_json::{Value, json};

#[tokio::test]
async fn a_record_that_cannot_be_read_does_not_hold_the_others_up() {
    let app = TestApp::start_with_double().await;
    let (hook, first) = one_task(&app).await;
    let second = open_issue(&app, &hook, 2).await.remove(0);
    let good = app.stream_records();
    let with = |change: &dyn Fn(&mut Value)| {
        let mut record = good[0].clone();
        change(&mut record);
        record
    };
    let malformed = [
        json!(null),
        json!("text"),
        json!({}),
        json!({"dynamodb": {"SequenceNumber": "7"}}),
        with(&|record| record["dynamodb"]["NewImage"] = json!([1])),
        with(&|record| record["dynamodb"]["NewImage"]["sk"] = json!({"S": "TASK#tsk_of-nobody"})),
        with(&|record| record["dynamodb"]["NewImage"]["pk"] = json!({"N": "1"})),
        with(&|record| record["dynamodb"]["NewImage"]["data"] = json!({"Q": 1})),
        with(&|record| record["eventName"] = json!("REMOVE")),
        with(&|record| record["dynamodb"]["NewImage"] = Value::Null),
    ];
    let batch: Vec<Value> = malformed.into_iter().chain(good.clone()).collect();
    let answer = app.dispatch().handle(json!({"Records": batch})).await.expect("a batch");
    assert_eq!(answer, json!({"batchItemFailures": []}));
    assert_eq!(told(&app).await, [first, second]);
    assert!(marked(&app).await.is_empty());
}

#[tokio::test]
async fn an_image_of_what_is_not_there_sends_nothing() {
    let app = TestApp::start_with_double().await;
    one_task(&app).await;
    let mut record = app.stream_records().remove(0);
    record["dynamodb"]["NewImage"]["sk"] = json!({"S": "TASK#tsk_01k2z6m3v0q9w8e7r6t5y4n3k2"});
    let before = app.items().await;
    let answer = app.dispatch().handle(json!({"Records": [record]})).await.expect("a batch");
    assert_eq!(answer["batchItemFailures"], json!([]));
    assert!(told(&app).await.is_empty());
    assert_eq!(app.items().await, before);
}

#[tokio::test]
async fn a_task_that_cannot_be_read_stays_for_people_to_look_at() {
    let app = TestApp::start_with_double().await;
    let (hook, broken) = one_task(&app).await;
    let good = open_issue(&app, &hook, 2).await;
    let mut item = stored(&app, &broken).await;
    item["data"] = json!({"S": "nothing that reads as a task"});
    engine(&app, "PutItem", json!({"TableName": "repoplane", "Item": item})).await;
    app.drain_stream().await;
    assert_eq!((told(&app).await, marked(&app).await), (good, vec![broken.clone()]));
    app.clock.advance(std::time::Duration::from_secs(61));
    let ticked = app.dispatch_tick().await;
    assert_eq!(ticked, json!({"missed": 1, "sent": 0, "dropped": 0, "refused": 0}));
}

#[tokio::test]
async fn an_event_of_no_known_kind_is_refused() {
    let app = TestApp::start().await;
    for event in [json!({}), json!({"schedule": "sweep"}), json!({"Records": {}}), Value::Null] {
        assert!(app.dispatch().handle(event).await.is_err());
    }
}
