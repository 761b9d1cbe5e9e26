//! The legal moves of a task, and all the others.

use super::work::{claim, one_task, patch, show};
use repoplane_tests::{TestApp, consistency};
use serde_json::{Value, json};

const STATUSES: [&str; 7] =
    ["queued", "waiting_approval", "processing", "succeeded", "failed", "commented", "cancelled"];

/// Brings a fresh task to a status; answers its lease, if it has one.
async fn bring(app: &TestApp, task: &str, status: &str) -> Option<String> {
    match status {
        "queued" => None,
        "cancelled" => {
            patch(app, task, "cancelled", None).await.expect(200);
            None
        }
        _ => {
            let lease = claim(app, task, "w", Value::Null).await.expect(200).text("/leaseId");
            if status != "processing" {
                patch(app, task, status, Some(&lease)).await.expect(200);
            }
            Some(lease)
        }
    }
}

#[tokio::test]
async fn a_task_moves_only_where_it_may() {
    let legal = [
        ("queued", "cancelled"),
        ("processing", "succeeded"),
        ("processing", "failed"),
        ("processing", "commented"),
        // The same end again by the same hold is the first answer again.
        ("succeeded", "succeeded"),
        ("failed", "failed"),
        ("commented", "commented"),
        ("cancelled", "cancelled"),
    ];
    for from in ["queued", "processing", "succeeded", "failed", "commented", "cancelled"] {
        for to in STATUSES {
            let app = TestApp::start_with_double().await;
            let (_, task) = one_task(&app).await;
            let lease = bring(&app, &task, from).await;
            let before = show(&app, &task).await;
            assert_eq!(before["status"], from);
            let answer = patch(&app, &task, to, lease.as_deref()).await;
            let after = show(&app, &task).await;
            if legal.contains(&(from, to)) {
                assert_eq!(answer.expect(200).body["task"]["status"], to, "{from} -> {to}");
                assert_eq!(after["status"], to);
                assert_eq!(after == before, from == to, "{from} -> {to}: a repeated end changes nothing");
            } else {
                assert_eq!(answer.expect(409).text("/code"), "TASK_STATUS_ILLEGAL", "{from} -> {to}");
                assert_eq!(after, before, "{from} -> {to}");
            }
            consistency::check(&app.items().await).unwrap_or_else(|wrong| panic!("{from} -> {to}: {wrong:#?}"));
        }
    }
}

#[tokio::test]
async fn a_task_in_work_answers_to_its_lease_only_and_keeps_what_was_reported() {
    let app = TestApp::start_with_double().await;
    let (_, task) = one_task(&app).await;
    let lease = claim(&app, &task, "w", Value::Null).await.expect(200).text("/leaseId");
    for wrong in [None, Some("lse_01hzzzzzzzzzzzzzzzzzzzzzzz")] {
        let answer = patch(&app, &task, "failed", wrong).await.expect(409);
        assert_eq!(answer.body["code"], "TASK_LEASE_REQUIRED");
    }
    let path = format!("/api/tasks/{task}");
    let done = json!({"status": "succeeded", "leaseId": lease, "result": {"summary": "fixed", "commits": ["abc"]}});
    let first = app.admin().patch(&path, done.clone()).await.expect(200);
    assert_eq!(first.body["task"]["result"], json!({"summary": "fixed", "commits": ["abc"]}));
    assert_eq!(app.admin().patch(&path, done).await.expect(200).body, first.body, "the same again");
    let other = json!({"status": "succeeded", "leaseId": lease, "result": "something else"});
    assert_eq!(app.admin().patch(&path, other).await.expect(409).text("/code"), "TASK_STATUS_ILLEGAL");
    let stranger = json!({"status": "succeeded", "leaseId": "lse_01hzzzzzzzzzzzzzzzzzzzzzzz"});
    assert_eq!(app.admin().patch(&path, stranger).await.expect(409).text("/code"), "TASK_STATUS_ILLEGAL");
    assert_eq!(claim(&app, &task, "w", Value::Null).await.expect(409).text("/code"), "TASK_NOT_CLAIMABLE");
}

#[tokio::test]
async fn wrong_fields_are_named_all_at_once() {
    let app = TestApp::start_with_double().await;
    let (_, task) = one_task(&app).await;
    let path = format!("/api/tasks/{task}");
    let answer = app.admin().patch(&path, json!({"status": "done", "leaseId": 7, "more": 1})).await.expect(400);
    let mut fields = answer.wrong_fields();
    fields.sort();
    assert_eq!(fields, ["/leaseId", "/more", "/status"]);
    let large = json!({"status": "failed", "result": "x".repeat(70_000)});
    assert_eq!(app.admin().patch(&path, large).await.expect(400).wrong_fields(), ["/result"]);
    assert_eq!(app.admin().patch(&path, json!({})).await.expect(400).wrong_fields(), ["/status"]);
}

#[tokio::test]
async fn a_result_that_the_table_cannot_keep_is_400() {
    let app = TestApp::start_with_double().await;
    let (_, task) = one_task(&app).await;
    let path = format!("/api/tasks/{task}");
    let deep = (0..20).fold(json!(1), |inner, _| json!([inner]));
    for result in [json!({"": 1}), json!({"a": [{"": 1}]}), json!(1e200), json!([1e-200]), deep] {
        let refused = app.admin().patch(&path, json!({"status": "cancelled", "result": result})).await.expect(400);
        assert_eq!(refused.wrong_fields(), ["/result"]);
    }
    let kept = json!({"status": "cancelled", "result": {"a": [0, 1.5, -1e100, null, {"b": "c"}]}});
    app.admin().patch(&path, kept).await.expect(200);
}
