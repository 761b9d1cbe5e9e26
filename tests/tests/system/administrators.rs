//! A tenant always has somebody who administers it.

use repoplane_tests::TestApp;
use serde_json::{Value, json};

#[tokio::test]
async fn the_last_administrator_is_neither_disabled_nor_demoted() {
    let app = TestApp::start().await;
    let admin = app.admin();
    let me = admin.get("/api/me").await.expect(200).text("/principal/userId");
    for patch in [json!({"roles": []}), json!({"disabled": true})] {
        let refused = admin.patch(&format!("/api/users/{me}"), patch).await.expect(409);
        assert_eq!(refused.body["code"], "LAST_ADMINISTRATOR");
    }
    let disabled = json!({"username": "ann", "roles": ["admin"]});
    let ann = admin.post("/api/users", disabled).await.expect(201).text("/user/id");
    admin.patch(&format!("/api/users/{ann}"), json!({"disabled": true})).await.expect(200);
    let refused = admin.patch(&format!("/api/users/{me}"), json!({"roles": []})).await.expect(409);
    assert_eq!(refused.body["code"], "LAST_ADMINISTRATOR", "a disabled administrator is none");
}

#[tokio::test(start_paused = true)]
async fn two_administrators_who_demote_each_other_at_once_leave_one() {
    let app = TestApp::start().await;
    let (here, there) = (app.admin(), app.second_instance().admin());
    let me = here.get("/api/me").await.expect(200).text("/principal/userId");
    let ann =
        here.post("/api/users", json!({"username": "ann", "roles": ["admin"]})).await.expect(201).text("/user/id");
    let (mine, anns) = (format!("/api/users/{me}"), format!("/api/users/{ann}"));
    let demotion = || json!({"roles": []});
    let (first, second) = tokio::join!(here.patch(&mine, demotion()), there.patch(&anns, demotion()));
    let demoted = [first, second].iter().filter(|answer| answer.status == 200).count();
    assert_eq!(demoted, 1);
    let users: Vec<Value> = app
        .items()
        .await
        .into_iter()
        .filter(|item| item["sk"]["S"].as_str().is_some_and(|sk| sk.starts_with("USER#")))
        .filter(|item| item["data"]["M"]["roles"]["L"].as_array().is_some_and(|roles| !roles.is_empty()))
        .collect();
    assert_eq!(users.len(), 1, "{users:?}");
}
