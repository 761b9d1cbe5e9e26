//! The deep health check: every part is asked, by who administers, within bounds.

use repoplane_local::line::{Fault, FaultPlan};
use repoplane_tests::TestApp;
use serde_json::{Value, json};

fn states(parts: &Value) -> Vec<(&str, &str)> {
    let parts = parts["parts"].as_array().expect("parts").iter();
    parts.map(|part| (part["name"].as_str().expect("a name"), part["state"].as_str().expect("a state"))).collect()
}

#[tokio::test]
async fn every_part_is_asked_each_time() {
    let app = TestApp::start().await;
    let all = app.admin().get("/health/deep").await.expect(200);
    assert_eq!(states(&all.body), [("table", "ok"), ("vault", "ok"), ("queue", "ok")]);
    assert_eq!(
        (&all.body["status"], &all.headers["cache-control"]),
        (&json!("ok"), &"no-store".parse().expect("text"))
    );
    app.line.take_calls();
    app.admin().get("/health/deep").await.expect(200);
    assert_eq!(app.line.take_calls().len(), 4, "nothing is remembered");
}

#[tokio::test]
async fn a_part_that_fails_is_named_and_the_others_are_still_told() {
    let app = TestApp::start().await;
    for (target, name, others) in
        [("secretsmanager.", "vault", ["table", "queue"]), ("AmazonSQS.", "queue", ["table", "vault"])]
    {
        app.line.set_fault(Some(FaultPlan { target: target.to_owned(), from: 0, times: 10, fault: Fault::Down }));
        let ill = app.admin().get("/health/deep").await.expect(503);
        assert_eq!(
            (&ill.body["code"], &ill.headers["retry-after"]),
            (&json!("UNAVAILABLE"), &"5".parse().expect("text"))
        );
        assert!(ill.text("/detail").contains(name), "{}", ill.body);
        let states = states(&ill.body);
        assert!(states.contains(&(name, "failing")), "{states:?}");
        assert!(others.iter().all(|other| states.contains(&(other, "ok"))), "{states:?}");
        app.line.set_fault(None);
    }
    // Who asks is looked up in the table.
    app.line.set_fault(Some(FaultPlan { target: "DynamoDB".to_owned(), from: 0, times: 10, fault: Fault::Down }));
    app.admin().get("/health/deep").await.expect(503);
    app.line.set_fault(None);
    app.anonymous().get("/health").await.expect(200);
}
