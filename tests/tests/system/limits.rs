//! Rate limits: who calls too often waits, and costs nothing meanwhile.

use repoplane_api::RateLimits;
use repoplane_api::limits::Rate;
use repoplane_tests::{Hook, TestApp};
use serde_json::json;
use std::time::Duration;

const RATE: Option<Rate> = Some(Rate { per_second: 1, burst: 3 });

#[tokio::test]
async fn a_token_beyond_its_rate_waits_in_the_manner_of_each_api_and_costs_no_call() {
    let app = TestApp::start().await;
    let other = app.admin().token(json!({"name": "other", "scopes": ["repos:read"]})).await;
    let app = app.with_limits(RateLimits::new(RATE, None));
    let admin = app.admin();
    for _ in 0..3 {
        admin.get("/api/me").await.expect(200);
    }
    app.line.take_calls();
    let refused = admin.get("/api/repos").await.expect(429);
    assert_eq!(refused.body["type"], "/problems/rate-limited");
    assert_eq!((&refused.body["code"], &refused.body["error"]), (&json!("RATE_LIMITED"), &json!("Too Many Requests")));
    assert_eq!(refused.headers["retry-after"], "1");
    let refused = admin.get("/repositories").await.expect(429);
    assert!(refused.text("/type").ends_with("/problems/rate-limited"), "{}", refused.body);
    assert_eq!(refused.headers["retry-after"], "1");
    assert_eq!(app.line.take_calls(), [] as [&str; 0]);
    app.client(other).get("/api/me").await.expect(200);
    app.second_instance().admin().get("/api/me").await.expect(200);
    app.clock.advance(Duration::from_secs(1));
    admin.get("/api/me").await.expect(200);
    admin.get("/api/me").await.expect(429);
}

#[tokio::test]
async fn a_webhook_beyond_its_rate_is_refused_before_anything_is_read() {
    let app = TestApp::start().await;
    let hook = Hook::github(&app).await;
    let other = Hook::register(&app, "gitlab", json!({"name": "acme/other"})).await;
    let app = app.with_limits(RateLimits::new(None, RATE));
    for at in 0..3 {
        hook.ping(&app, &at.to_string()).await.expect(202);
    }
    app.line.take_calls();
    let refused = hook.ping(&app, "late").await.expect(429);
    assert_eq!(refused.body["code"], "RATE_LIMITED");
    assert_eq!(app.line.take_calls(), [] as [&str; 0]);
    let forged = other.event("issues", "a", "{}").header("x-gitlab-token", "forged");
    app.anonymous().send(forged).await.expect(401);
    app.clock.advance(Duration::from_secs(2));
    hook.ping(&app, "late").await.expect(202);
}
