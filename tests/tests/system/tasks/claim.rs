//! A worker's hold on a task: one at a time, renewed by its id, gone by the clock.

use super::work::{claim, one_task, open_issue, patch, show};
use repoplane_tests::{Hook, TestApp, consistency};
use serde_json::{Value, json};
use std::time::Duration;

#[tokio::test]
async fn tasks_are_listed_newest_first_and_shown_without_the_lease_id() {
    let app = TestApp::start_with_double().await;
    let (hook, _) = Hook::ready(&app).await;
    let mut made = Vec::new();
    for number in 1..=5 {
        made.extend(open_issue(&app, &hook, number).await);
    }
    made.reverse();
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = app.admin().get(&format!("{}/tasks?limit=2&cursor={cursor}", hook.path)).await.expect(200);
        seen.extend(page.body["tasks"].as_array().expect("tasks").iter().map(|task| task["id"].clone()));
        match page.body["nextCursor"].as_str() {
            Some(next) => next.clone_into(&mut cursor),
            None => break,
        }
    }
    assert_eq!(seen, made);
    let claimed = claim(&app, &made[0], "w-1", Value::Null).await.expect(200);
    let lease = claimed.text("/leaseId");
    let shown = show(&app, &made[0]).await;
    assert_eq!(shown["lease"]["worker"], "w-1");
    assert!(!shown.to_string().contains(&lease), "only who claimed knows it");
    assert_eq!(hook.tasks(&app.admin()).await[0], shown);
    let payload = app.admin().get(shown["payloadUrl"].as_str().expect("a link")).await.expect(200);
    assert_eq!(payload.body["issue"]["number"], 5);
    app.admin().get("/api/tasks/tsk_01hzzzzzzzzzzzzzzzzzzzzzzz").await.expect(404);
    app.admin().get("/api/tasks/no-id").await.expect(404);
}

#[tokio::test]
async fn a_lease_lasts_between_a_minute_and_an_hour_ten_minutes_by_default() {
    let app = TestApp::start_with_double().await;
    let (_, task) = one_task(&app).await;
    for wrong in [json!(59), json!(3601), json!(0), json!(-60), json!("600"), json!(60.5)] {
        let answer = claim(&app, &task, "w", json!({"leaseSeconds": wrong})).await.expect(400);
        assert_eq!(answer.wrong_fields(), ["/leaseSeconds"], "{wrong}");
    }
    for wrong in [json!({}), json!({"worker": " "}), json!({"worker": 7}), json!({"worker": "x".repeat(201)})] {
        let answer = app.admin().post(&format!("/api/tasks/{task}/claim"), wrong.clone()).await.expect(400);
        assert_eq!(answer.wrong_fields(), ["/worker"], "{wrong}");
    }
    assert_eq!(show(&app, &task).await["status"], "queued");
    for (given, seconds) in
        [(Value::Null, 600), (json!({"leaseSeconds": 60}), 60), (json!({"leaseSeconds": 3600}), 3600)]
    {
        let claimed = claim(&app, &task, "w", given).await.expect(200);
        assert_eq!(claimed.body["task"]["status"], "processing");
        assert_eq!(claimed.body["leaseExpiresAt"], claimed.body["task"]["lease"]["expiresAt"]);
        app.clock.advance(Duration::from_secs(seconds - 1));
        assert_eq!(show(&app, &task).await["status"], "processing", "{seconds}");
        app.clock.advance(Duration::from_secs(1));
        assert_eq!(show(&app, &task).await["status"], "queued", "{seconds}");
    }
}

#[tokio::test]
async fn one_worker_holds_a_task_renews_it_and_loses_it_by_the_clock() {
    let app = TestApp::start_with_double().await;
    let (hook, task) = one_task(&app).await;
    let lease = claim(&app, &task, "w-1", json!({"leaseSeconds": 60})).await.expect(200).text("/leaseId");
    for worker in ["w-1", "w-2"] {
        let answer = claim(&app, &task, worker, Value::Null).await.expect(409);
        assert_eq!(answer.body["code"], "TASK_LEASED", "the name alone renews nothing");
    }
    app.clock.advance(Duration::from_secs(50));
    let renewed = claim(&app, &task, "w-1", json!({"leaseSeconds": 60, "leaseId": lease})).await.expect(200);
    assert_eq!(renewed.text("/leaseId"), lease);
    app.clock.advance(Duration::from_secs(50));
    assert_eq!(show(&app, &task).await["status"], "processing");

    app.clock.advance(Duration::from_secs(10));
    let shown = show(&app, &task).await;
    assert_eq!((&shown["status"], &shown["retries"]), (&json!("queued"), &json!(0)));
    let late = claim(&app, &task, "w-1", json!({"leaseId": lease})).await.expect(409);
    assert_eq!(late.body["code"], "TASK_LEASE_LOST");
    patch(&app, &task, "succeeded", Some(&lease)).await.expect(409);

    let second = claim(&app, &task, "w-2", Value::Null).await.expect(200);
    assert_eq!(second.body["task"]["retries"], 1, "the first worker never came back");
    assert_ne!(second.text("/leaseId"), lease);
    let stale = patch(&app, &task, "succeeded", Some(&lease)).await.expect(409);
    assert_eq!(stale.body["code"], "TASK_LEASE_REQUIRED");
    patch(&app, &task, "succeeded", Some(&second.text("/leaseId"))).await.expect(200);
    assert_eq!(hook.tasks(&app.admin()).await[0]["status"], "succeeded");
    consistency::check(&app.items().await).expect("consistent");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_claims_at_once_one_gets_the_task() {
    let app = TestApp::start_with_double().await;
    let (_, task) = one_task(&app).await;
    let second = app.second_instance();
    let mut claims = tokio::task::JoinSet::new();
    for n in 0..12 {
        let client = if n % 2 == 0 { app.admin() } else { second.admin() };
        let path = format!("/api/tasks/{task}/claim");
        claims.spawn(async move { client.post(&path, json!({"worker": format!("w-{n}")})).await });
    }
    let answers = claims.join_all().await;
    let winners = answers.iter().filter(|answer| answer.status.as_u16() == 200).count();
    assert_eq!(winners, 1);
    for loser in answers.iter().filter(|answer| answer.status.as_u16() != 200) {
        assert_eq!((loser.status.as_u16(), loser.text("/code").as_str()), (409, "TASK_LEASED"));
    }
    assert_eq!(show(&app, &task).await["version"], 2);
}
