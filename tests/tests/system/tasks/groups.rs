//! Follow-up events land in one group per robot; one delivery makes at most twenty tasks.

use super::work::{add_robots, issue, open_issue, set_rules, show};
use repoplane_tests::{Hook, TestApp, consistency, fixture};
use serde_json::{Value, json};
use std::collections::BTreeSet;

#[tokio::test]
async fn follow_up_events_on_one_issue_land_in_one_group_per_robot() {
    let app = TestApp::start_with_double().await;
    let (hook, first) = Hook::ready(&app).await;
    let second = add_robots(&app, &hook, 1).await.remove(0);
    set_rules(&app, &hook, json!([{"name": "both", "actions": [{"robotId": first}, {"robotId": second}]}])).await;
    let opened = open_issue(&app, &hook, 1).await;
    let comment =
        hook.post(&app, "issue_comment", "guid-c", &fixture("github/issue_comment/created.json")).await.expect(202);
    let other = open_issue(&app, &hook, 2).await;

    let group = async |task: &str| show(&app, task).await["groupId"].as_str().expect("a group").to_owned();
    let opened = [group(&opened[0]).await, group(&opened[1]).await];
    let other = [group(&other[0]).await, group(&other[1]).await];
    let commented: Vec<&str> =
        comment.body["tasks"].as_array().expect("tasks").iter().filter_map(|task| task["groupId"].as_str()).collect();
    assert_eq!(commented, opened, "the comment joins the groups of its issue");
    let all: BTreeSet<&String> = opened.iter().chain(&other).collect();
    assert_eq!(all.len(), 4, "a group for each robot and issue");
    let deliveries = hook.deliveries(&app.admin()).await;
    assert_eq!(deliveries[1]["taskGroupIds"], json!(opened));
    assert_eq!(deliveries[1]["taskGroupIds"], deliveries[2]["taskGroupIds"]);
    consistency::check(&app.items().await).expect("consistent");
    let archived = app.admin().post(&format!("{}/archive", hook.path), Value::Null).await.expect(200);
    assert_eq!((&archived.body["tasksArchived"], &archived.body["taskGroupsArchived"]), (&json!(6), &json!(4)));
}

#[tokio::test]
async fn a_delivery_makes_twenty_tasks_and_names_the_rest() {
    let app = TestApp::start_with_double().await;
    let (hook, first) = Hook::ready(&app).await;
    let robots = add_robots(&app, &hook, 21).await;
    let rule = |robots: &[String]| {
        let actions: Vec<Value> = robots.iter().map(|robot| json!({"robotId": robot})).collect();
        json!({"name": "many", "actions": actions})
    };
    set_rules(&app, &hook, json!([rule(&[first]), rule(&robots[..11]), rule(&robots[11..])])).await;
    let answer = hook.post(&app, "issues", "guid", &issue(1)).await.expect(202);
    assert_eq!(answer.body["tasks"].as_array().map(Vec::len), Some(20));
    let id = answer.headers["x-repoplane-delivery"].to_str().expect("text");
    let detail = app.admin().get(&format!("{}/webhook-deliveries/{id}", hook.path)).await.expect(200);
    let delivery = &detail.body["delivery"];
    assert_eq!(delivery["taskIds"].as_array().map(Vec::len), Some(20));
    assert_eq!(delivery["debugTrace"]["resolvedActions"].as_array().map(Vec::len), Some(22));
    let last = delivery["debugTrace"]["steps"].as_array().and_then(|steps| steps.last()).expect("steps");
    assert_eq!(
        (&last["key"], &last["status"], &last["message"]),
        (&json!("tasks"), &json!("skipped"), &json!("task limit"))
    );
    let left_out: Vec<&Value> =
        last["meta"]["leftOut"].as_array().expect("a list").iter().map(|left| &left["robotId"]).collect();
    assert_eq!(left_out, [&json!(robots[19]), &json!(robots[20])]);
    assert_eq!(hook.tasks(&app.admin()).await.len(), 20);
    consistency::check(&app.items().await).expect("consistent");
}
