//! Callers in each other's way on one task.

use super::work::{claim, one_task, patch, show};
use crate::repos::{at_once, second_of};
use repoplane_tests::{Hook, TestApp, consistency};
use serde_json::{Value, json};

/// A cancelled task, and a second instance that is as warm as the first; from here on time is paused.
async fn cancelled() -> (TestApp, TestApp, Hook, String) {
    let app = TestApp::start_with_double().await;
    let (hook, task) = one_task(&app).await;
    patch(&app, &task, "cancelled", None).await.expect(200);
    let second = second_of(&app).await;
    show(&second, &task).await;
    tokio::time::pause();
    (app, second, hook, task)
}

#[tokio::test]
async fn of_many_retries_at_once_one_counts() {
    let (app, second, hook, task) = cancelled().await;
    let path = format!("/api/tasks/{task}/retry");
    let answers = at_once((0..8).map(|n| {
        let client = if n % 2 == 0 { app.admin() } else { second.admin() };
        let path = path.clone();
        async move { client.post(&path, Value::Null).await }
    }))
    .await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    for loser in answers.iter().filter(|answer| answer.status != 200) {
        assert_eq!((loser.status.as_u16(), loser.text("/code").as_str()), (409, "TASK_NOT_ENDED"));
    }
    assert_eq!(show(&app, &task).await["retries"], 1);
    assert_eq!(app.audit_of(&hook.repo).await.iter().filter(|action| *action == "TASK_RETRIED").count(), 1);
    consistency::check(&app.items().await).expect("consistent");
}

#[tokio::test]
async fn a_retry_and_a_cancelling_at_once_leave_one_clear_state() {
    let (app, second, _, task) = cancelled().await;
    for round in 0..4 {
        let calls = ["retry", "cancel"].map(|action| format!("/api/tasks/{task}/{action}"));
        let clients = [app.admin(), second.admin()];
        let answers = at_once(
            clients.into_iter().zip(calls).map(|(client, path)| async move { client.post(&path, Value::Null).await }),
        )
        .await;
        for answer in &answers {
            assert!(matches!(answer.status.as_u16(), 200 | 409), "{round}: {}", answer.body);
        }
        let status = show(&app, &task).await["status"].clone();
        assert!(status == "queued" || status == "cancelled", "{round}: {status}");
        consistency::check(&app.items().await).unwrap_or_else(|wrong| panic!("{round}: {wrong:?}"));
        if status == "queued" {
            patch(&app, &task, "cancelled", None).await.expect(200);
        }
    }
}

#[tokio::test]
async fn a_claim_and_a_cancelling_at_once_do_not_both_have_the_task() {
    let (app, second, _, task) = cancelled().await;
    app.admin().post(&format!("/api/tasks/{task}/retry"), Value::Null).await.expect(200);
    let claim_path = format!("/api/tasks/{task}/claim");
    let cancel_path = format!("/api/tasks/{task}/cancel");
    let calls = [(app.admin(), claim_path, json!({"worker": "w"})), (second.admin(), cancel_path, Value::Null)];
    let answers =
        at_once(calls.map(|(client, path, body)| async move { client.post(&path, body).await.status.as_u16() })).await;
    let mut sorted = answers.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, [200, 409], "{answers:?}");
    let status = if answers[0] == 200 { "processing" } else { "cancelled" };
    assert_eq!(show(&app, &task).await["status"], status);
    consistency::check(&app.items().await).expect("consistent");
}

#[tokio::test]
async fn two_claims_with_one_key_at_once_are_one_hold() {
    let (app, second, _, task) = cancelled().await;
    app.admin().post(&format!("/api/tasks/{task}/retry"), Value::Null).await.expect(200);
    let path = format!("/api/tasks/{task}/claim");
    let answers = at_once([app.admin(), second.admin(), app.admin(), second.admin()].map(|client| {
        let path = path.clone();
        async move { client.once("k").post(&path, json!({"worker": "w"})).await.expect(200) }
    }))
    .await;
    assert_eq!(answers.iter().filter(|answer| !answer.is_replayed()).count(), 1);
    assert!(answers.iter().all(|answer| answer.body == answers[0].body), "one lease");
    assert_eq!(claim(&app, &task, "w", Value::Null).await.expect(409).text("/code"), "TASK_LEASED");
    consistency::check(&app.items().await).expect("consistent");
}
