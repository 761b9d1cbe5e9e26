//! From the outbox to the bus: at least once, nothing lost, nothing that is void, nothing of others.

use repoplane_local::line::{Fault, FaultPlan};
use repoplane_tests::{GITHUB_ISSUES_OPENED, Hook, TestApp, consistency, fixture};
use serde_json::{Value, json};
use std::time::Duration;

const DAY: Duration = Duration::from_secs(24 * 3600);
/// Longer than the stream has before the tick takes over.
const GRACE: Duration = Duration::from_secs(90);

/// The kinds on the bus, in order.
fn kinds(app: &TestApp) -> Vec<String> {
    app.events().iter().map(|entry| entry["DetailType"].as_str().unwrap_or_default().to_owned()).collect()
}

async fn archived(app: &TestApp) -> Hook {
    let name = format!("acme/{}", app.items().await.len());
    let hook = Hook::register(app, "github", json!({"name": name})).await;
    app.admin().post(&format!("{}/archive", hook.path), Value::Null).await.expect(200);
    hook
}

#[tokio::test]
async fn what_is_told_is_on_the_bus_as_soon_as_the_stream_tells_of_it() {
    let app = TestApp::start().await;
    let hook = archived(&app).await;
    assert_eq!(app.drain_stream().await, 1);
    let sent = app.events();
    let waiting = app.told_of(&hook.repo).await;
    assert_eq!((sent.len(), waiting.len()), (1, 0), "sent, so it is not in the outbox any more");
    let (entry, detail) = (&sent[0], &sent[0]["Detail"]);
    assert_eq!((&entry["Source"], &entry["DetailType"]), (&json!("repoplane"), &json!("repository.archived")));
    assert_eq!((&detail["kind"], &detail["repositoryId"]), (&entry["DetailType"], &json!(hook.repo)));
    let text =
        std::fs::read_to_string(format!("{}/../docs/schemas/operational-event.v1.json", env!("CARGO_MANIFEST_DIR")));
    let schema = serde_json::from_str(&text.expect("the schema")).expect("JSON");
    assert!(jsonschema::validator_for(&schema).expect("a schema").is_valid(detail), "{detail}");
    consistency::check(&app.items().await).expect("consistent");
}

#[tokio::test]
async fn a_batch_that_comes_again_sends_nothing_that_was_sent() {
    let app = TestApp::start().await;
    archived(&app).await;
    let batch = json!({"Records": app.stream_records()});
    for _ in 0..3 {
        let answer = app.dispatch().handle(batch.clone()).await.expect("the batch");
        assert_eq!(answer, json!({"batchItemFailures": []}));
    }
    app.clock.advance(GRACE);
    assert_eq!(app.dispatch_tick().await["missed"], 0);
    assert_eq!(kinds(&app), ["repository.archived"]);
}

#[tokio::test]
async fn an_event_whose_deletion_failed_comes_again_under_the_same_id() {
    let app = TestApp::start().await;
    archived(&app).await;
    let down = FaultPlan { target: "DynamoDB_20120810.DeleteItem".into(), from: 0, times: 3, fault: Fault::Down };
    app.line.set_fault(Some(down));
    app.drain_stream().await;
    app.line.set_fault(None);
    app.clock.advance(GRACE);
    app.dispatch_tick().await;
    let ids: Vec<_> = app.events().iter().map(|entry| entry["Detail"]["id"].clone()).collect();
    assert_eq!((ids.len(), ids.first()), (2, ids.last()));
    assert_eq!(app.dispatch_tick().await["missed"], 0);
}

#[tokio::test]
async fn what_the_stream_missed_is_sent_by_the_tick_after_the_grace() {
    let app = TestApp::start().await;
    archived(&app).await;
    app.lose_stream();
    app.dispatch_tick().await;
    assert_eq!(kinds(&app), Vec::<String>::new(), "the stream has a minute");
    app.clock.advance(GRACE);
    assert_eq!(app.dispatch_tick().await["sent"], 1);
    assert_eq!(kinds(&app), ["repository.archived"]);
}

#[tokio::test]
async fn entries_that_the_bus_refuses_stay_and_hold_up_neither_others_nor_tasks() {
    let app = TestApp::start_with_double().await;
    let (hook, _) = Hook::ready(&app).await;
    let other = archived(&app).await;
    app.admin().delete(&other.path).await.expect(200);
    hook.post(&app, "issues", "guid", &fixture(GITHUB_ISSUES_OPENED)).await.expect(202);
    app.drain_stream().await;
    assert_eq!(app.robot_queue().await.len(), 1);
    let before = kinds(&app);
    assert_eq!(before, ["repository.archived", "repository.deleted"]);

    let bus = app.line.engines().event_bus().clone();
    bus.refuse(&["repository.archived"]);
    let third = archived(&app).await;
    app.admin().delete(&third.path).await.expect(200);
    hook.post(&app, "issues", "guid-2", &fixture(GITHUB_ISSUES_OPENED).replace("Spelling", "Speling"))
        .await
        .expect(202);
    assert_eq!(app.drain_stream().await, 3, "the batch does not fail");
    assert_eq!(app.robot_queue().await.len(), 1);
    assert_eq!(kinds(&app)[2..], ["repository.deleted"]);
    app.clock.advance(GRACE);
    assert_eq!(app.dispatch_tick().await["refused"], 1);
    bus.refuse(&[]);
    assert_eq!(app.dispatch_tick().await["sent"], 1);
    assert_eq!(kinds(&app)[3..], ["repository.archived"]);
}

#[tokio::test]
async fn a_bus_that_is_down_loses_nothing() {
    let app = TestApp::start().await;
    for _ in 0..12 {
        let made = app.admin().post("/api/repos", json!({"provider": "git", "name": format!("r{}", app.events().len()), "remoteUrl": format!("https://git.example.com/{}", app.items().await.len())})).await.expect(201);
        app.admin().delete(&format!("/api/repos/{}", made.text("/repo/id"))).await.expect(200);
    }
    let down = FaultPlan { target: "AWSEvents.".into(), from: 0, times: usize::MAX, fault: Fault::Down };
    app.line.set_fault(Some(down));
    app.drain_stream().await;
    assert_eq!(kinds(&app), Vec::<String>::new());
    app.clock.advance(GRACE);
    assert_eq!(app.dispatch_tick().await["refused"], 12);
    app.line.set_fault(None);
    assert_eq!(app.dispatch_tick().await["sent"], 12);
    assert_eq!(kinds(&app).len(), 12);
    // An answer that got lost: sent twice, under one id.
    archived(&app).await;
    let silent = FaultPlan { target: "AWSEvents.".into(), from: 0, times: 1, fault: Fault::TimeoutAfter };
    app.line.set_fault(Some(silent));
    app.drain_stream().await;
    app.line.set_fault(None);
    app.clock.advance(GRACE);
    app.dispatch_tick().await;
    let ids: std::collections::BTreeSet<String> =
        app.events().iter().map(|entry| entry["Detail"]["id"].to_string()).collect();
    assert_eq!(ids.len(), 13);
}

#[tokio::test]
async fn the_end_of_a_token_waits_for_its_time_and_is_dropped_when_the_token_is_gone() {
    let app = TestApp::start().await;
    let token = async |days: u32| {
        let body = json!({"name": "ci", "kind": "integration", "scopes": ["repos:read"], "expiresInDays": days});
        app.admin().post("/api/access-tokens", body).await.expect(201).text("/accessToken/id")
    };
    let (kept, revoked) = (token(30).await, token(30).await);
    app.drain_stream().await;
    app.clock.advance(DAY * 23 - DAY / 24);
    assert_eq!(app.dispatch_tick().await["sent"], 0);
    assert_eq!(kinds(&app), Vec::<String>::new(), "it is too early");
    app.admin().delete(&format!("/api/access-tokens/{revoked}")).await.expect(200);
    app.clock.advance(DAY / 24 + GRACE);
    let ticked = app.dispatch_tick().await;
    assert_eq!((&ticked["sent"], &ticked["dropped"]), (&json!(1), &json!(1)), "{ticked}");
    let events = app.events();
    assert_eq!((events.len(), &events[0]["Detail"]["accessTokenId"]), (1, &json!(kept)));
    assert_eq!(events[0]["DetailType"], "credential.expiring");
    app.clock.advance(DAY);
    assert_eq!(app.dispatch_tick().await["missed"], 0, "once, and nothing is left of either");
    consistency::check(&app.items().await).expect("consistent");
}

#[tokio::test]
async fn an_event_names_nothing_of_another_tenant_and_no_secret() {
    let app = TestApp::start_with_double().await;
    let canary = "canary-7f3a9c";
    let other = app.tenant("other").await;
    let body = json!({"provider": "github", "name": "acme/secret", "webhookSecret": canary});
    let repo = other.client.post("/api/repos", body).await.expect(201);
    let (path, id) = (format!("/api/repos/{}", repo.text("/repo/id")), repo.text("/repo/id"));
    let foreign = Hook::of_github(&id, "a-wrong-secret");
    let payload = fixture(GITHUB_ISSUES_OPENED).replace("Spelling", canary);
    foreign.post(&app, "issues", canary, &payload).await.expect(401);
    other.client.post(&format!("{path}/archive"), Value::Null).await.expect(200);
    let (own, robot) = Hook::ready(&app).await;
    app.admin().patch(&format!("{}/robots/{robot}", own.path), json!({"enabled": false})).await.expect(200);
    app.work().await;
    app.drain_stream().await;
    app.clock.advance(DAY * 400);
    app.dispatch_tick().await;
    let events = app.events();
    assert!(events.len() >= 3, "{events:?}");
    for entry in events {
        let text = entry.to_string();
        assert!(!text.contains(canary) && !text.contains('@'), "{text}");
        let of_other = entry["Detail"]["tenantId"] == other.id;
        assert_eq!(of_other, text.contains(&other.id), "{text}");
        assert_eq!(of_other, text.contains(&id), "{text}");
        assert!(!(of_other && text.contains(&own.repo)), "{text}");
    }
}
