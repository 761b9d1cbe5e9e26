//! How often a repository's secrets may change in a day (Secrets Manager: about 100 versions a day).

use repoplane_tests::{Hook, TestApp};
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn the_ninety_first_change_of_secrets_on_one_day_waits_for_the_next() {
    let app = TestApp::start().await;
    let (hook, admin) = (Hook::github(&app).await, app.admin());
    let body = |n: u32| json!({"previewEnvConfig": {"entries": [{"key": "TOKEN", "value": format!("value-{n}")}]}});
    for n in 1..=90 {
        admin.patch(&hook.path, body(n)).await.expect(200);
    }
    let refused = admin.patch(&hook.path, body(91)).await.expect(429);
    assert_eq!(refused.body["code"], "TOO_MANY_CHANGES");
    let wait: u64 = refused.headers["retry-after"].to_str().expect("a text").parse().expect("seconds");
    assert!((1..=86_400).contains(&wait));
    admin.patch(&hook.path, json!({"description": "no secret"})).await.expect(200);
    app.clock.advance(Duration::from_secs(wait));
    admin.patch(&hook.path, body(91)).await.expect(200);
}
