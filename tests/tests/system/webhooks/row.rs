//! One row of contract 4.6: what the sender is answered and what is recorded.

use repoplane_tests::{Answer, Hook, TestApp};
use serde_json::{Value, json};

/// The newest delivery of a repository, whole.
pub(super) async fn newest(app: &TestApp, hook: &Hook) -> Value {
    let admin = app.admin();
    let list = admin.get(&format!("{}/webhook-deliveries?limit=1", hook.path)).await.expect(200);
    let id = list.text("/deliveries/0/id");
    let detail = admin.get(&format!("{}/webhook-deliveries/{id}", hook.path)).await.expect(200);
    let summary = &list.body["deliveries"][0];
    for (name, value) in summary.as_object().expect("an object") {
        assert_eq!(detail.body["delivery"][name], *value, "{name}: summary and detail agree");
    }
    detail.body["delivery"].clone()
}

/// Every member that is expected; `null` stands for absent.
#[track_caller]
pub(super) fn has(row: &str, actual: &Value, expected: &Value) {
    for (name, value) in expected.as_object().expect("an object") {
        assert_eq!(actual.get(name).unwrap_or(&Value::Null), value, "{row}: {name} in {actual}");
    }
}

/// Compares an answer with a row, and the record that it left.
pub(super) async fn check(
    row: &str,
    app: &TestApp,
    hook: &Hook,
    answer: Answer,
    status: u16,
    body: Value,
    record: Value,
) {
    assert_eq!(answer.status.as_u16(), status, "{row}: {}", answer.body);
    has(row, &answer.body, &body);
    let media_type = answer.headers["content-type"].to_str().expect("text");
    assert_eq!(media_type == "application/problem+json", status >= 400, "{row}: {media_type}");
    let delivery = newest(app, hook).await;
    assert_eq!(answer.headers["x-repoplane-delivery"].to_str().ok(), delivery["id"].as_str(), "{row}");
    has(row, &delivery, &record);
    has(row, &delivery, &json!({"httpStatus": status, "repoId": hook.repo, "replays": []}));
    let verified = delivery["signatureVerified"] == true;
    let kept = delivery.get("payload").is_some() || delivery.get("payloadUrl").is_some();
    assert_eq!(kept, verified, "{row}: only a body that was verified is kept");
    // What is recorded as answered is what was answered; a problem document says more.
    has(row, &answer.body, &delivery["response"]);
    let last = delivery["debugTrace"]["steps"].as_array().and_then(|steps| steps.last()).cloned().unwrap_or_default();
    let ends = match delivery["result"].as_str() {
        Some("accepted") => "success",
        Some("skipped") => "skipped",
        _ => "failed",
    };
    assert_eq!(last["status"], ends, "{row}: {last}");
    repoplane_tests::consistency::check(&app.items().await).unwrap_or_else(|wrong| panic!("{row}: {wrong:#?}"));
}
