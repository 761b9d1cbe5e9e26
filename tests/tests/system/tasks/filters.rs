//! `GET /api/repos/:id/tasks` with filters.

use super::work::{add_robots, claim, issue, open_issue, patch, set_rules};
use repoplane_tests::{Client, Hook, TestApp, fixture};
use serde_json::{Value, json};
use std::time::Duration;

fn ids(page: &Value) -> Vec<String> {
    page["tasks"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|task| task["id"].as_str().expect("an id").to_owned())
        .collect()
}

async fn walk(client: &Client, hook: &Hook, query: &str) -> Vec<Vec<String>> {
    let (mut pages, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = client.get(&format!("{}/tasks?{query}&cursor={cursor}", hook.path)).await.expect(200);
        pages.push(ids(&page.body));
        match page.body["nextCursor"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => return pages,
        }
    }
}

#[tokio::test]
async fn tasks_are_found_by_status_robot_and_event() {
    let app = TestApp::start_with_double().await;
    let (hook, first) = Hook::ready(&app).await;
    let second = add_robots(&app, &hook, 1).await.remove(0);
    let rule = |robot: &str| json!({"rules": [{"name": "r", "actions": [{"robotId": robot}]}]});
    let config = json!({"version": 2, "events": {"issue": rule(&first), "merge_request": rule(&second)}});
    app.admin().put(&format!("{}/automation", hook.path), json!({"config": config})).await.expect(200);
    let mut made = Vec::new();
    for number in 1..=5 {
        made.extend(open_issue(&app, &hook, number).await);
    }
    let opened = fixture("github/pull_request/opened.json");
    let request = hook.post(&app, "pull_request", "guid-pr", &opened).await.expect(202);
    made.push(request.text("/tasks/0/id"));
    let lease = claim(&app, &made[0], "w", Value::Null).await.expect(200).text("/leaseId");
    patch(&app, &made[0], "succeeded", Some(&lease)).await.expect(200);
    patch(&app, &made[1], "cancelled", None).await.expect(200);
    claim(&app, &made[2], "w", json!({"leaseSeconds": 60})).await.expect(200);
    claim(&app, &made[3], "w", json!({"leaseSeconds": 3600})).await.expect(200);

    let check = async |expected: Vec<(String, Vec<usize>)>| {
        for (query, expected) in expected {
            let expected: Vec<String> = expected.into_iter().map(|n| made[n].clone()).collect();
            for limit in [1, 2, 50] {
                let pages = walk(&app.admin(), &hook, &format!("{query}&limit={limit}")).await;
                assert_eq!(pages.concat(), expected, "{query} limit {limit}");
                assert!(pages.len() == 1 || pages.iter().all(|page| !page.is_empty()), "{query} limit {limit}");
            }
        }
    };
    let status = |status: &str| format!("status={status}");
    check(vec![
        (String::new(), vec![5, 4, 3, 2, 1, 0]),
        (status("queued"), vec![5, 4]),
        (status("processing"), vec![3, 2]),
        (status("succeeded"), vec![0]),
        (status("cancelled"), vec![1]),
        (status("failed"), vec![]),
        (status("waiting_approval"), vec![]),
        (format!("robotId={first}"), vec![4, 3, 2, 1, 0]),
        (format!("robotId={second}"), vec![5]),
        ("eventType=issue".to_owned(), vec![4, 3, 2, 1, 0]),
        ("eventType=merge_request".to_owned(), vec![5]),
        (format!("robotId={second}&eventType=issue"), vec![]),
        (format!("robotId={first}&status=processing"), vec![3, 2]),
    ])
    .await;
    app.clock.advance(Duration::from_secs(61));
    check(vec![(status("queued"), vec![5, 4, 2]), (status("processing"), vec![3])]).await;
    let queued = app.admin().get(&format!("{}/tasks?status=queued", hook.path)).await.expect(200);
    assert!(queued.body["tasks"].as_array().expect("a list").iter().all(|task| task["status"] == "queued"));
}

#[tokio::test]
async fn wrong_values_are_named_all_at_once_and_cursors_bound() {
    let app = TestApp::start_with_double().await;
    let (hook, robot) = Hook::ready(&app).await;
    set_rules(&app, &hook, json!([{"name": "r", "actions": [{"robotId": robot}]}])).await;
    for number in 1..=3 {
        hook.post(&app, "issues", &format!("g{number}"), &issue(number)).await.expect(202);
    }
    let path = format!("{}/tasks", hook.path);
    let query = format!("status=done&robotId=me&eventType={}", "x".repeat(201));
    let refused = app.admin().get(&format!("{path}?{query}")).await.expect(400);
    let mut fields = refused.wrong_fields();
    fields.sort();
    assert_eq!(fields, ["?eventType", "?robotId", "?status"]);
    let cursor = app.admin().get(&format!("{path}?status=queued&limit=1")).await.expect(200).text("/nextCursor");
    app.admin().get(&format!("{path}?status=queued&limit=2&cursor={cursor}")).await.expect(200);
    for other in ["", "status=failed", "status=queued&eventType=issue"] {
        let refused = app.admin().get(&format!("{path}?{other}&cursor={cursor}")).await.expect(400);
        assert_eq!(refused.text("/code"), "INVALID_CURSOR", "{other}");
    }
}
