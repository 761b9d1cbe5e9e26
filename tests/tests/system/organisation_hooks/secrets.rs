//! Rotating the secret of an organisation's webhook, on instances that know it and on those that do not.

use super::{issue, of_github, registered};
use repoplane_tests::{Hook, TestApp, consistency};
use serde_json::{Value, json};
use std::time::Duration;

async fn rotate(app: &TestApp, hook: &Hook, body: Value) -> Hook {
    let rotated = app.admin().post(&format!("{}/secret/rotate", hook.path), body).await.expect(200);
    assert_eq!(rotated.text("/webhookPath"), hook.webhook);
    hook.with_secret(&rotated.text("/webhookSecret"))
}

async fn status(app: &TestApp, hook: &Hook, number: u32) -> u16 {
    hook.post(app, "issues", &format!("guid-{number}"), &issue(number)).await.status.as_u16()
}

#[tokio::test]
async fn both_secrets_count_during_an_overlap_and_one_after_it() {
    for (old, new) in
        [(None, None), (None, Some("new-one")), (Some("old-one"), None), (Some("old-one"), Some("new-one"))]
    {
        let app = TestApp::start_with_double().await;
        registered(&app).await;
        let hook = Hook::organisation(&app, json!({"provider": "github", "webhookSecret": old})).await;
        let next = rotate(&app, &hook, json!({"overlapSeconds": 600, "webhookSecret": new})).await;
        assert_eq!(new.unwrap_or(&next.secret), next.secret);
        assert_eq!(status(&app.second_instance(), &hook, 1).await, 202, "{old:?} during the overlap");
        assert_eq!(status(&app.second_instance(), &next, 2).await, 202, "{new:?} during the overlap");
        app.clock.advance(Duration::from_secs(601));
        assert_eq!(status(&app.second_instance(), &hook, 3).await, 401, "{old:?} after it");
        assert_eq!(status(&app.second_instance(), &next, 4).await, 202, "{new:?} after it");
        let last = rotate(&app, &next, Value::Null).await;
        assert_eq!(status(&app.second_instance(), &next, 5).await, 401, "{new:?} is replaced at once");
        assert_eq!(status(&app.second_instance(), &last, 6).await, 202);
        consistency::check(&app.items().await).expect("consistent");
    }
}

#[tokio::test]
async fn an_instance_that_believes_the_old_record_takes_the_new_secret_at_once() {
    let app = TestApp::start_with_double().await;
    registered(&app).await;
    let hook = of_github(&app).await;
    let warm = app.second_instance();
    assert_eq!(status(&warm, &hook, 1).await, 202);
    let next = rotate(&app, &hook, Value::Null).await;
    assert_eq!(status(&warm, &next, 2).await, 202);
    assert_eq!(status(&warm, &hook, 3).await, 401, "having read it, it knows");
}

#[tokio::test]
async fn a_forged_post_reads_the_hook_and_never_a_secret() {
    let app = TestApp::start_with_double().await;
    registered(&app).await;
    let own = Hook::organisation(&app, json!({"provider": "github", "webhookSecret": "chosen by its owner"})).await;
    for hook in [of_github(&app).await, own] {
        let instance = app.second_instance();
        assert_eq!(status(&instance, &hook, 1).await, 202);
        let forged = hook.with_secret("not the secret");
        instance.line.take_calls();
        for number in 2..5 {
            assert_eq!(status(&instance, &forged, number).await, 401);
            assert_eq!(instance.line.take_calls(), ["GetItem"]);
        }
    }
}
