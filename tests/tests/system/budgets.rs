//! What taking in a webhook and working on its tasks costs, in calls to the engines (design 8.2).

use repoplane_tests::{Answer, GITHUB_ISSUES_OPENED, Hook, TestApp, fixture};
use serde_json::{Value, json};

/// A verified, hydrated repository with one robot and a rule for issues; the n-th issue is another event.
async fn hydrated(app: &TestApp) -> Hook {
    let (hook, _) = Hook::ready(app).await;
    hook.ping(app, "first").await.expect(202);
    hook
}

fn issue(number: u32) -> String {
    let mut body: Value = serde_json::from_str(&fixture(GITHUB_ISSUES_OPENED)).expect("JSON");
    body["issue"]["number"] = json!(number);
    body.to_string()
}

/// The calls that a post costs on an instance, and its answer.
async fn cost(app: &TestApp, post: impl AsyncFnOnce(&TestApp) -> Answer) -> (Vec<String>, Answer) {
    app.line.take_calls();
    let answer = post(app).await;
    (app.line.take_calls(), answer)
}

const WARM: [&str; 2] = ["Query", "TransactWriteItems"];
const COLD: [&str; 4] = ["Query", "GetItem", "GetSecretValue", "TransactWriteItems"];

#[tokio::test]
async fn a_webhook_costs_one_query_and_one_transaction_whatever_comes_of_it() {
    let app = TestApp::start_with_double().await;
    let hook = hydrated(&app).await;
    let events = [
        ("accepted", hook.event("issues", "a", &issue(1)), 202, "accepted"),
        ("skipped: not mapped", hook.event("ping", "b", &issue(2)), 202, "skipped"),
        ("skipped: guard", hook.event("push", "c", &fixture("github/push/tag.json")), 202, "skipped"),
        (
            "skipped: no rule",
            hook.event("pull_request", "d", &fixture("github/pull_request/opened.json")),
            202,
            "skipped",
        ),
        ("rejected: shape", hook.event("push", "e", &issue(3)), 400, "rejected"),
        (
            "rejected: signature",
            hook.event("issues", "f", &issue(4)).header("x-hub-signature-256", "sha256=0"),
            401,
            "rejected",
        ),
    ];
    for (name, event, status, result) in events {
        let (calls, answer) = cost(&app, async |app| app.anonymous().send(event).await).await;
        answer.expect(status);
        assert_eq!(calls, WARM, "{name}");
        assert_eq!(hook.deliveries(&app.admin()).await[0]["result"], result, "{name}");
    }
}

#[tokio::test]
async fn a_cold_instance_reads_the_tenant_and_the_secret_once() {
    let app = TestApp::start_with_double().await;
    let hook = hydrated(&app).await;
    let cold = app.second_instance();
    let (calls, answer) = cost(&cold, async |app| hook.post(app, "issues", "a", &issue(1)).await).await;
    answer.expect(202);
    assert_eq!(calls, COLD);
    let (calls, _) = cost(&cold, async |app| hook.post(app, "issues", "b", &issue(2)).await).await;
    assert_eq!(calls, WARM);
    // A forged post on a cold instance reads the secret once; the next ones do not read it again.
    let forged = || hook.event("issues", "c", &issue(3)).header("x-hub-signature-256", "sha256=0");
    let cold = app.second_instance();
    let (calls, _) = cost(&cold, async |app| app.anonymous().send(forged()).await).await;
    assert_eq!(calls, COLD);
    let (calls, _) = cost(&cold, async |app| app.anonymous().send(forged()).await).await;
    assert_eq!(calls, WARM);
    // What ends before the signature needs no secret.
    let foreign = || hook.event("issues", "d", "{}").at(&hook.webhook.replace("github", "gitlab"));
    let cold = app.second_instance();
    let (calls, _) = cost(&cold, async |app| app.anonymous().send(foreign()).await).await;
    assert_eq!(calls, WARM);
    let (calls, _) =
        cost(&cold, async |app| app.anonymous().post("/api/webhook/github/unknown", json!({})).await).await;
    assert_eq!(calls.len(), 0, "a path that names no repository costs nothing");
}

#[tokio::test]
async fn the_first_post_costs_one_transaction_more_and_a_twin_one_count_more() {
    let app = TestApp::start_with_double().await;
    let (hook, _) = Hook::ready(&app).await;
    let first = async |app: &TestApp| hook.post(app, "issues", "a", &issue(1)).await;
    let (calls, _) = cost(&app, first).await;
    assert_eq!(calls, ["Query", "TransactWriteItems", "TransactWriteItems"], "filled in and verified");
    let (calls, twin) = cost(&app, first).await;
    assert!(twin.body["duplicate_of"].is_string());
    assert_eq!(calls, ["Query", "TransactWriteItems", "UpdateItem"], "counted on the delivery that it repeats");
}

#[tokio::test]
async fn a_forged_post_beyond_the_limit_costs_its_query_only() {
    let app = TestApp::start_with_double().await;
    let hook = hydrated(&app).await;
    let sender = app.anonymous();
    for n in 0..22 {
        let event = hook.event("issues", "a", &issue(1)).header("x-hub-signature-256", "sha256=0");
        let (calls, answer) = cost(&app, async |_| sender.send(event).await).await;
        answer.expect(401);
        assert_eq!(calls, if n < 20 { &WARM[..] } else { &WARM[..1] }, "post {n}");
    }
}

#[tokio::test]
async fn a_supplied_secret_costs_one_secret_read_and_the_tenants_record_cold() {
    let app = TestApp::start().await;
    let own = json!({"name": "Codertocat/Hello-World", "webhookSecret": "chosen by its owner"});
    let mut hook = Hook::register(&app, "github", own).await;
    hook.secret = "chosen by its owner".to_owned();
    hook.ping(&app, "first").await.expect(202);
    let (calls, _) = cost(&app, async |app| hook.ping(app, "a").await).await;
    assert_eq!(calls, WARM);
    let (calls, answer) = cost(&app.second_instance(), async |app| hook.ping(app, "b").await).await;
    answer.expect(202);
    // Whether the tenant is suspended is asked once in half a minute.
    assert_eq!(calls, ["Query", "GetSecretValue", "GetItem", "TransactWriteItems"]);
}

#[tokio::test]
async fn work_on_a_task_costs_its_repository_the_task_and_one_transaction() {
    let app = TestApp::start_with_double().await;
    let hook = hydrated(&app).await;
    let posted = hook.post(&app, "issues", "a", &issue(1)).await.expect(202);
    let path = format!("/api/tasks/{}", posted.text("/tasks/0/id"));
    let claim = async |app: &TestApp, lease: Value| {
        let mut body = json!({"worker": "w"});
        if !lease.is_null() {
            body["leaseId"] = lease;
        }
        app.admin().post(&format!("{path}/claim"), body).await.expect(200)
    };
    let (calls, claimed) = cost(&app, async |app| claim(app, Value::Null).await).await;
    assert_eq!(calls, ["GetItem", "BatchGetItem", "TransactWriteItems"], "where it is, the task with its repository");
    let lease = claimed.body["leaseId"].clone();
    let (calls, _) = cost(&app, async |app| claim(app, lease.clone()).await).await;
    assert_eq!(calls, ["BatchGetItem", "TransactWriteItems"], "where it is never changes");
    let (calls, _) = cost(&app, async |app| app.admin().get(&path).await).await;
    assert_eq!(calls, ["BatchGetItem"]);
    let done = json!({"status": "succeeded", "leaseId": lease});
    let (calls, answer) = cost(&app, async |app| app.admin().patch(&path, done.clone()).await).await;
    answer.expect(200);
    assert_eq!(calls, ["BatchGetItem", "TransactWriteItems"], "its delivery, which it leaves, is read with it");
    let (calls, _) = cost(&app, async |app| app.admin().patch(&path, done).await).await;
    assert_eq!(calls, ["BatchGetItem"], "the same end again writes nothing");
    let (calls, _) = cost(&app, async |app| app.admin().get(&format!("{}/webhook-deliveries", hook.path)).await).await;
    assert_eq!(calls, ["BatchGetItem", "Query"], "who may read, once; summaries alone");
    let (calls, _) = cost(&app, async |app| app.admin().get(&format!("{}/tasks", hook.path)).await).await;
    assert_eq!(calls, ["Query"], "who may read is known for a while");
}
