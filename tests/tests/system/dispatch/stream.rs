//! The table's stream.

use super::{marked, stored, told};
use crate::tasks::work::{claim, issue, one_task, open_issue, patch, show};
use repoplane_local::line::{Fault, FaultPlan};
use repoplane_local::stream_mapping::Batch;
use repoplane_tests::{Hook, TestApp, consistency};
use serde_json::{Value, json};

const X_RAY: &str = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1";

fn schema() -> jsonschema::Validator {
    let text = include_str!("../../../../docs/schemas/robot-task.v1.json");
    let schema: Value = serde_json::from_str(text).expect("JSON");
    jsonschema::draft202012::meta::validate(&schema).expect("a schema");
    jsonschema::draft202012::options().build(&schema).expect("a schema")
}

#[tokio::test]
async fn a_webhook_becomes_a_message_that_names_its_task_and_tells_nothing_of_it() {
    let app = TestApp::start_with_double().await;
    let (hook, robot) = Hook::ready(&app).await;
    let mut body: Value = serde_json::from_str(&issue(1)).expect("JSON");
    body["issue"]["title"] = json!("canary-title-of-the-payload");
    let event = hook.event("issues", "guid-1", &body.to_string()).header("x-amzn-trace-id", X_RAY);
    let posted = app.anonymous().send(event).await.expect(202);
    let task = posted.text("/tasks/0/id");
    assert!(show(&app, &task).await["prompt"].as_str().expect("a prompt").contains("canary"));
    assert_eq!(show(&app, &task).await.get("trace"), None, "nobody is shown it");

    assert_eq!(app.stream_batch().await, Batch::Done(1));
    let messages = app.robot_queue().await;
    let tenant = app.admin().get("/api/me").await.expect(200).text("/tenant/id");
    let expected = json!({
        "schema": 1, "taskId": task, "repositoryId": hook.repo, "tenantId": tenant, "robotId": robot,
        "deliveryId": posted.delivery(), "eventType": "issue", "eventSubType": "created",
        "traceId": "1-5759e988-bd862e3fe1be46a994272793",
    });
    assert_eq!(messages, std::slice::from_ref(&expected));
    let (schema, sent) = (schema(), messages[0].to_string());
    schema.validate(&messages[0]).expect("as documented");
    for secret in ["canary", hook.secret.as_str(), "Look at", "Codertocat"] {
        assert!(!sent.contains(secret), "{secret} in {sent}");
    }
    for member in ["schema", "taskId", "tenantId", "eventType"] {
        let mut other = expected.clone();
        other[member] = json!("");
        assert!(schema.validate(&other).is_err(), "{member}");
    }
    assert_eq!((marked(&app).await, app.drain_stream().await), (Vec::new(), 0), "taking the mark away is no news");
    consistency::check(&app.items().await).expect("consistent");
    consistency::handed_over(&app.items().await, &[task]).expect("handed over");
}

#[tokio::test]
async fn without_a_gateway_the_senders_id_is_the_trace_and_a_retry_keeps_it() {
    let app = TestApp::start_with_double().await;
    let (hook, _) = Hook::ready(&app).await;
    let event = hook.event("issues", "guid-1", &issue(1)).header("x-request-id", "from-afar");
    let task = app.anonymous().send(event).await.expect(202).text("/tasks/0/id");
    open_issue(&app, &hook, 2).await;
    app.drain_stream().await;
    let messages = app.robot_queue().await;
    assert_eq!((&messages[0]["traceId"], messages[1].get("traceId")), (&json!("from-afar"), None));
    patch(&app, &task, "cancelled", None).await.expect(200);
    app.admin().post(&format!("/api/tasks/{task}/retry"), Value::Null).await.expect(200);
    app.drain_stream().await;
    let messages = app.robot_queue().await;
    assert_eq!((messages.len(), &messages[0]["traceId"]), (1, &json!("from-afar")));
    messages.iter().for_each(|message| schema().validate(message).expect("as documented"));
}

#[tokio::test]
async fn nothing_but_tasks_that_are_to_be_sent_passes_the_filter() {
    let app = TestApp::start_with_double().await;
    let (hook, task) = one_task(&app).await;
    app.drain_stream().await;
    let records = app.stream_records();
    assert_eq!(records.len(), 1, "of all that was written: {} items", app.items().await.len());
    assert_eq!(records[0]["dynamodb"]["NewImage"]["sk"]["S"], format!("TASK#{task}"));
    assert_eq!(records[0]["eventName"], "INSERT");
    // A task that was sent goes its way without anybody hearing of it.
    let lease = claim(&app, &task, "w", Value::Null).await.expect(200).text("/leaseId");
    patch(&app, &task, "succeeded", Some(&lease)).await.expect(200);
    hook.ping(&app, "guid-ping").await;
    assert_eq!(app.drain_stream().await, 0);
    // Every item of the table, as the stream would tell of it; but events that wait for their time.
    let is_event = |item: &Value| item["pk"]["S"].as_str().is_some_and(|pk| pk.starts_with("EVENT#"));
    for item in app.items().await.into_iter().filter(|item| !is_event(item)) {
        let passes = repoplane_local::stream::passes(&json!({"dynamodb": {"NewImage": item}}));
        assert!(!passes, "{item}");
    }
}

#[tokio::test]
async fn a_batch_that_comes_again_changes_nothing() {
    let app = TestApp::start_with_double().await;
    let (hook, _) = Hook::ready(&app).await;
    for number in 1..=3 {
        open_issue(&app, &hook, number).await;
    }
    let batch = json!({"Records": app.stream_records()});
    let answer = app.dispatch().handle(batch.clone()).await.expect("a batch");
    assert_eq!(answer, json!({"batchItemFailures": []}));
    let first = told(&app).await;
    let before = app.items().await;
    claim(&app, &first[0], "w", Value::Null).await.expect(200);
    let claimed = stored(&app, &first[0]).await;
    for _ in 0..2 {
        app.dispatch().handle(batch.clone()).await.expect("the batch again");
    }
    assert!(told(&app).await.is_empty(), "what was sent is not marked any more");
    assert_eq!(stored(&app, &first[0]).await, claimed);
    assert_eq!(before.len(), before.len().min(app.items().await.len()));
    consistency::check(&app.items().await).expect("consistent");
    consistency::handed_over(&app.items().await, &first).expect("handed over");
}

#[tokio::test]
async fn tasks_of_one_batch_are_sent_in_the_order_in_which_they_were_made() {
    let app = TestApp::start_with_double().await;
    let (hook, _) = Hook::ready(&app).await;
    let mut made = Vec::new();
    for number in 1..=23 {
        made.extend(open_issue(&app, &hook, number).await);
    }
    app.line.take_calls();
    assert_eq!(app.stream_batch().await, Batch::Done(23));
    let calls = app.line.take_calls();
    let count = |name: &str| calls.iter().filter(|call| *call == name).count();
    assert_eq!((count("BatchGetItem"), count("SendMessageBatch"), count("UpdateItem")), (1, 3, 23), "{calls:?}");
    assert_eq!(calls.len(), 27, "{calls:?}");
    assert_eq!(told(&app).await, made);
}

#[tokio::test]
async fn a_task_that_changes_before_it_is_sent_is_sent_once() {
    let app = TestApp::start_with_double().await;
    let (_, task) = one_task(&app).await;
    claim(&app, &task, "w", Value::Null).await.expect(200);
    assert_eq!(app.stream_records().len(), 2);
    app.drain_stream().await;
    assert_eq!(told(&app).await, [task], "its worker may never come back");
    assert!(marked(&app).await.is_empty());
}

#[tokio::test]
async fn what_the_queue_refuses_is_named_and_stays_in_the_outbox() {
    let app = TestApp::start_with_double().await;
    let (hook, _) = Hook::ready(&app).await;
    let mut made = Vec::new();
    for number in 1..=14 {
        made.extend(open_issue(&app, &hook, number).await);
    }
    let records = app.stream_records();
    let number = |at: usize| records[at]["dynamodb"]["SequenceNumber"].clone();
    // Of the first ten messages only the first is taken.
    let target = "AmazonSQS.SendMessageBatch".to_owned();
    app.line.set_fault(Some(FaultPlan { target, from: 0, times: 1, fault: Fault::Partial }));
    let answer = app.dispatch().handle(json!({"Records": records})).await.expect("a batch");
    assert_eq!(answer, json!({"batchItemFailures": [{"itemIdentifier": number(1)}]}));
    assert_eq!(marked(&app).await, made[1..10]);
    assert_eq!(told(&app).await.len(), 5);

    let rest = json!({"Records": app.stream_records()[1..]});
    assert_eq!(app.dispatch().handle(rest).await.expect("the rest")["batchItemFailures"], json!([]));
    assert_eq!(told(&app).await, made[1..10], "the others were not sent twice");
    assert!(marked(&app).await.is_empty());
}

#[tokio::test]
async fn while_the_queue_is_down_the_stream_waits_and_loses_nothing() {
    let app = TestApp::start_with_double().await;
    let (hook, _) = Hook::ready(&app).await;
    let mut made = open_issue(&app, &hook, 1).await;
    let down = |target: &str| {
        app.line.set_fault(Some(FaultPlan { target: target.into(), from: 0, times: usize::MAX, fault: Fault::Down }));
    };
    for target in ["AmazonSQS.", "DynamoDB_20120810.BatchGetItem"] {
        down(target);
        assert_eq!(app.stream_batch().await, Batch::Failed, "{target}");
        assert_eq!(marked(&app).await, made, "{target}");
    }
    app.line.set_fault(None);
    made.extend(open_issue(&app, &hook, 2).await);
    assert_eq!(app.stream_batch().await, Batch::Done(2));
    assert_eq!(told(&app).await, made);

    // A mark that cannot be taken away is no reason to send everything again at once.
    let third = open_issue(&app, &hook, 3).await;
    down("DynamoDB_20120810.UpdateItem");
    assert_eq!(app.stream_batch().await, Batch::Done(1));
    app.line.set_fault(None);
    assert_eq!((told(&app).await, marked(&app).await), (third.clone(), third.clone()));
    app.clock.advance(std::time::Duration::from_secs(61));
    assert_eq!(app.dispatch_tick().await["sent"], 1, "the tick sends it twice");
    assert_eq!(told(&app).await, third);
    consistency::handed_over(&app.items().await, &[made, third].concat()).expect("handed over");
}
