//! Batches of which only a part is done, again and again: what is left comes the next time.

use repoplane_local::line::{Fault, FaultPlan};
use repoplane_tests::{TestApp, consistency};
use serde_json::json;
use std::collections::BTreeSet;
use std::time::Duration;

const REPOSITORIES: usize = 12;

async fn registered(app: &TestApp) -> BTreeSet<String> {
    let mut ids = BTreeSet::new();
    for number in 0..REPOSITORIES {
        let body = json!({"provider": "github", "name": format!("public/widgets-{number}")});
        ids.insert(app.admin().post("/api/repos", body).await.expect(201).text("/repo/id"));
    }
    ids
}

fn partial(target: &str, times: usize) -> Option<FaultPlan> {
    Some(FaultPlan { target: target.to_owned(), from: 0, times, fault: Fault::Partial })
}

#[tokio::test(start_paused = true)]
async fn a_list_is_whole_however_often_a_batch_is_cut() {
    let app = TestApp::start().await;
    let ids = registered(&app).await;
    let ann = app.person("ann").await;
    for id in &ids {
        let body = json!({"userId": ann.id, "role": "member"});
        app.admin().post(&format!("/api/repos/{id}/members"), body).await.expect(201);
    }
    for times in [1, 2, 5] {
        app.line.set_fault(partial("DynamoDB_20120810.BatchGetItem", times));
        let listed = ann.client.get("/api/repos").await.expect(200);
        let shown: BTreeSet<String> = listed.body["repos"]
            .as_array()
            .unwrap()
            .iter()
            .map(|repo| repo["id"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(shown, ids, "{times}");
    }
    // An engine that never does more than one key at a time ends in a refusal that says to come back, never in a short list.
    app.line.set_fault(partial("DynamoDB_20120810.BatchGetItem", usize::MAX));
    let answer = ann.client.get("/api/repos").await;
    match answer.status.as_u16() {
        200 => assert_eq!(answer.body["repos"].as_array().map(Vec::len), Some(REPOSITORIES)),
        503 => assert!(answer.headers.contains_key("retry-after"), "{}", answer.body),
        other => panic!("{other}: {}", answer.body),
    }
}

#[tokio::test(start_paused = true)]
async fn syncs_that_the_queue_does_not_take_are_due_again() {
    let app = TestApp::start_with_double().await;
    let ids = registered(&app).await;
    // The jobs of the registrations are lost: what is due is the tick's to queue.
    let client = app.line.sqs();
    let queues = repoplane_local::queues::create(&client).await.unwrap();
    client.purge_queue().queue_url(&queues.jobs).send().await.unwrap();
    app.clock.advance(Duration::from_secs(3600 * 2));
    let (mut queued, mut rounds) = (0, 0);
    app.line.set_fault(partial("AmazonSQS.SendMessageBatch", usize::MAX));
    while queued < REPOSITORIES {
        let ticked = app.schedule("tick").await;
        queued += usize::try_from(ticked["queued"].as_u64().unwrap()).unwrap();
        app.clock.advance(Duration::from_secs(1));
        rounds += 1;
        assert!(rounds <= 2 * REPOSITORIES, "{queued} of {REPOSITORIES} after {rounds} ticks: {ticked}");
    }
    assert!(rounds > 1, "the queue was to take only a part");
    app.line.set_fault(None);
    let mut bodies = BTreeSet::new();
    while let Some(messages) =
        client.receive_message().queue_url(&queues.jobs).max_number_of_messages(10).send().await.unwrap().messages
    {
        if messages.is_empty() {
            break;
        }
        bodies.extend(messages.into_iter().filter_map(|message| message.body));
    }
    let expected: BTreeSet<String> = ids.iter().map(|id| json!({"repository": id}).to_string()).collect();
    assert_eq!(bodies, expected);
    consistency::check(&app.items().await).expect("consistent");
}
