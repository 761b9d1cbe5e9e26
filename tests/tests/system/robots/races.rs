//! Robots changed by several callers at once.

use super::{body, read, repository, secret};
use crate::repos::{at_once, second_of};
use repoplane_tests::TestApp;
use serde_json::json;

#[tokio::test(start_paused = true)]
async fn changes_of_one_robot_all_land() {
    let app = TestApp::start().await;
    let (_, path) = repository(&app).await;
    let id = app.admin().post(&path, body(json!({}))).await.expect(201).text("/robot/id");
    let second = second_of(&app).await;
    let bodies = [
        json!({"name": "renamed"}),
        json!({"language": "de"}),
        json!({"cloneUsername": "acme"}),
        json!({"defaultBranch": "dev"}),
        json!({"isDefault": true}),
        json!({"repoWorkflowMode": "fork"}),
        json!({"modelProviderConfig": {"model": "m"}}),
        json!({"modelProviderConfig": {"sandbox": "workspace-write"}}),
    ];
    let answers = at_once(bodies.into_iter().enumerate().map(|(n, body)| {
        let client = if n % 2 == 0 { app.admin() } else { second.admin() };
        let one = format!("{path}/{id}");
        async move { client.patch(&one, body).await }
    }))
    .await;
    for answer in answers {
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
    let robot = read(&app, &path, &id).await;
    for (key, value) in [
        ("name", json!("renamed")),
        ("language", json!("de")),
        ("cloneUsername", json!("acme")),
        ("defaultBranch", json!("dev")),
        ("isDefault", json!(true)),
        ("repoWorkflowMode", json!("fork")),
        ("permission", json!("write")),
    ] {
        assert_eq!(robot[key], value, "{key}");
    }
    assert_eq!(robot["modelProviderConfig"]["model"], "m");
}

#[tokio::test(start_paused = true)]
async fn of_defaults_made_at_once_one_is_the_default() {
    let app = TestApp::start().await;
    let (_, path) = repository(&app).await;
    let old = app.admin().post(&path, body(json!({}))).await.expect(201).text("/robot/id");
    let second = second_of(&app).await;
    let answers = at_once((0..5).map(|n| {
        let client = if n % 2 == 0 { app.admin() } else { second.admin() };
        let (path, one) = (path.clone(), format!("{path}/{old}"));
        async move {
            match n {
                4 => client.patch(&one, json!({"isDefault": true})).await,
                _ => client.post(&path, body(json!({"isDefault": true}))).await,
            }
        }
    }))
    .await;
    for answer in answers {
        assert!(answer.status.is_success(), "{}", answer.body);
    }
    let list = app.admin().get(&path).await.expect(200);
    let robots = list.body["robots"].as_array().cloned().unwrap_or_default();
    assert_eq!(robots.len(), 5);
    assert_eq!(robots.iter().filter(|robot| robot["isDefault"] == true).count(), 1, "{}", list.body);
}

#[tokio::test(start_paused = true)]
async fn robots_with_tokens_made_at_once_keep_them_all() {
    let app = TestApp::start().await;
    let (hook, path) = repository(&app).await;
    let second = second_of(&app).await;
    let answers = at_once((0..10).map(|n| {
        let client = if n % 2 == 0 { app.admin() } else { second.admin() };
        let path = path.clone();
        let fields = json!({
            "repoCredentialSource": "robot", "repoCredentialProfileId": null, "token": format!("token of {n}"),
        });
        async move { client.post(&path, body(fields)).await.expect(201).text("/robot/id") }
    }))
    .await;
    for (n, id) in answers.iter().enumerate() {
        assert_eq!(secret(&app, &hook, &format!("robot/{id}/token")).await, Some(format!("token of {n}")));
    }
    let deleted = at_once(answers.iter().map(|id| {
        let (client, one) = (second.admin(), format!("{path}/{id}"));
        async move { client.delete(&one).await.status.as_u16() }
    }))
    .await;
    assert_eq!(deleted, [200; 10]);
    for id in answers {
        assert_eq!(secret(&app, &hook, &format!("robot/{id}/token")).await, None);
    }
}
