//! Handing tasks over, from the webhook to the queue that workers listen to.

mod fates;
mod records;
mod stream;
mod tick;

use repoplane_tests::TestApp;
use serde_json::Value;

/// The ids of the tasks that the queue tells of, oldest first; the queue is empty then.
async fn told(app: &TestApp) -> Vec<String> {
    let bodies = app.robot_queue().await;
    bodies.iter().map(|body| body["taskId"].as_str().expect("a task").to_owned()).collect()
}

/// The ids of the tasks that stand in the outbox, sorted.
async fn marked(app: &TestApp) -> Vec<String> {
    let items = app.items().await;
    let marked = items.iter().filter(|item| item.get("undispatched_pk").is_some());
    let mut ids: Vec<_> =
        marked.filter_map(|item| Some(item["sk"]["S"].as_str()?.strip_prefix("TASK#")?.to_owned())).collect();
    ids.sort();
    ids
}

/// Calls the engine behind the application's back.
async fn engine(app: &TestApp, operation: &str, request: Value) {
    let target = format!("DynamoDB_20120810.{operation}");
    let answer = app.line.engines().call(&target, request.to_string().into_bytes()).await;
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
}

/// The item of a task, as it lies in the table.
async fn stored(app: &TestApp, task: &str) -> Value {
    let items = app.items().await;
    items.into_iter().find(|item| item["sk"]["S"] == format!("TASK#{task}")).expect("the task")
}
