//! `/api/repos/:id/automation` (contract: hookcode 2.17, 2.18).

use crate::repos::{at_once, second_of};
use repoplane_tests::{Hook, TestApp};
use serde_json::{Value, json};

async fn repository(app: &TestApp) -> (Hook, String, String) {
    let hook = Hook::github(app).await;
    hook.add_credentials(app, "ghp_x").await;
    let robot = hook.add_robot(app, "Triage").await;
    let path = format!("{}/automation", hook.path);
    (hook, robot, path)
}

fn one_rule(rule: Value) -> Value {
    json!({"config": {"version": 2, "events": {"issue": {"rules": [rule]}}}})
}

#[tokio::test]
async fn without_a_stored_configuration_the_default_is_shown_and_nothing_written() {
    let app = TestApp::start().await;
    let (_, _, path) = repository(&app).await;
    let before = app.items().await;
    let shown = app.admin().get(&path).await.expect(200);
    let none = json!({"enabled": true, "rules": []});
    let config = json!({"version": 2, "events": {"commit": none, "issue": none, "merge_request": none}});
    assert_eq!(shown.body, json!({"config": config}), "2.17/default");
    assert_eq!(app.items().await, before, "2.17/writes-nothing");
}

#[tokio::test]
async fn a_configuration_is_replaced_whole_and_kept_normalised() {
    let app = TestApp::start().await;
    let (hook, robot, path) = repository(&app).await;
    let rule = json!({
        "name": "  Triage ", "timeWindow": {"startHour": "22", "endHour": 6.9},
        "match": {"all": [{"field": "event.subType", "op": "in", "values": [" created ", ""]},
                          {"field": "branch.name", "op": "exists"}]},
        "actions": [{"robotId": robot, "promptPatch": "be brief"}, {"robotId": " "}],
    });
    let answer = app.admin().put(&path, one_rule(rule)).await.expect(200);
    let stored = &answer.body["config"]["events"]["issue"]["rules"][0];
    assert!(answer.text("/config/events/issue/rules/0/id").starts_with("rul_"), "2.18/normalised");
    assert_eq!(stored["name"], "Triage", "2.18/normalised");
    assert_eq!(stored["enabled"], true, "2.18/normalised");
    assert_eq!(stored["timeWindow"], json!({"startHour": 22, "endHour": 6}), "2.18/normalised");
    let clauses = json!([{"field": "event.subType", "op": "in", "values": ["created"], "negate": false}]);
    assert_eq!(stored["match"], json!({"all": clauses, "any": []}), "2.18/normalised");
    assert_eq!(stored["actions"].as_array().map(Vec::len), Some(1), "2.18/normalised");
    let read = app.second_instance().admin().get(&path).await.expect(200);
    assert_eq!(read.body, answer.body, "2.18/200");
    let shown = app.admin().get(&hook.path).await.expect(200);
    assert_eq!(shown.body["automationConfig"], answer.body["config"], "2.17/200");

    let replaced = app.admin().put(&path, json!({"config": {"version": 2}})).await.expect(200);
    assert_eq!(replaced.body["config"]["events"]["issue"]["rules"], json!([]), "2.18/replaces");
    let audit = app.audit_of(&hook.repo).await;
    assert_eq!(audit.iter().filter(|action| *action == "REPO_AUTOMATION_UPDATED").count(), 2, "2.18/audit");
}

#[tokio::test]
async fn rows_of_refused_configurations() {
    let app = TestApp::start().await;
    let (_, robot, path) = repository(&app).await;
    let other = Hook::register(&app, "github", json!({"name": "other/repo"})).await;
    other.add_credentials(&app, "ghp_x").await;
    let foreign = other.add_robot(&app, "Foreign").await;
    let kept = app
        .admin()
        .put(&path, one_rule(json!({"id": "r1", "name": "keep", "actions": [{"robotId": robot}]})))
        .await
        .expect(200);
    let at = "/config/events/issue/rules/0";
    let good = json!([{"robotId": robot}]);
    for (row, body, pointer, code, message) in [
        ("2.18/400-missing", json!({}), "/config", None, "config is required"),
        ("2.18/400-null", json!({"config": null}), "/config", None, "config is required"),
        ("2.18/400-text", json!({"config": "x"}), "/config", None, "config is required"),
        // Upstream takes an array and forgets every rule.
        ("2.18/400-array", json!({"config": []}), "/config", None, "config is required"),
        ("5.3/Q9-array", json!({"config": []}), "/config", None, "config is required"),
        ("2.18/400-beside", json!({"config": {}, "x": 1}), "/x", None, "unknown field"),
        (
            "2.18/RULE_NAME_REQUIRED",
            one_rule(json!({"name": " ", "actions": good})),
            &format!("{at}/name"),
            Some("RULE_NAME_REQUIRED"),
            "Automation rule name is required",
        ),
        (
            "2.18/RULE_TIME_WINDOW_INVALID",
            one_rule(json!({"name": "n", "timeWindow": {"startHour": 24, "endHour": 1}, "actions": good})),
            &format!("{at}/timeWindow"),
            Some("RULE_TIME_WINDOW_INVALID"),
            "Automation rule timeWindow is invalid",
        ),
        (
            "2.18/RULE_ROBOT_REQUIRED",
            one_rule(json!({"name": "n", "actions": []})),
            &format!("{at}/actions"),
            Some("RULE_ROBOT_REQUIRED"),
            "Automation rule must select at least 1 robot",
        ),
        (
            "5.3/Q9-robot",
            one_rule(json!({"name": "n", "actions": [{"robotId": "rob_00000000000000000000000000"}]})),
            &format!("{at}/actions/0/robotId"),
            None,
            "unknown robot: it must be one of this repository",
        ),
        (
            "2.18/400-foreign-robot",
            one_rule(json!({"name": "n", "actions": [{"robotId": foreign}]})),
            &format!("{at}/actions/0/robotId"),
            None,
            "unknown robot: it must be one of this repository",
        ),
        (
            "5.3/Q9-op",
            one_rule(json!({"name": "n", "actions": good, "match": {"all": [{"field": "a", "op": "like"}]}})),
            &format!("{at}/match/all/0/op"),
            None,
            "unknown operator: it must be one of equals, in, containsAny, matchesAny, exists, textContainsAny",
        ),
        (
            "2.18/400-unknown",
            one_rule(json!({"name": "n", "actions": good, "when": 1})),
            &format!("{at}/when"),
            None,
            "unknown field",
        ),
    ] {
        let refused = app.admin().put(&path, body).await.expect(400);
        assert_eq!(refused.wrong_fields(), [pointer], "{row}");
        assert_eq!(refused.text("/message"), message, "{row}");
        assert_eq!(refused.body["code"].as_str(), code, "{row}");
        if code.is_some() {
            assert_eq!(refused.body["details"]["eventKey"], "issue", "{row}");
            assert!(refused.body["details"].get("ruleId").is_some(), "{row}");
            assert!(refused.body["details"].get("ruleName").is_some(), "{row}");
        }
        assert_eq!(app.admin().get(&path).await.expect(200).body, kept.body, "{row}: the stored one stays");
    }
    let body = one_rule(json!({"actions": [], "timeWindow": 7, "match": {"any": [{}]}}));
    let refused = app.admin().put(&path, body).await.expect(400);
    assert_eq!(refused.text("/code"), "RULE_NAME_REQUIRED", "2.18/first-code");
    let pointers = ["name", "timeWindow", "actions", "match/any/0/field", "match/any/0/op"];
    assert_eq!(refused.wrong_fields(), pointers.map(|pointer| format!("{at}/{pointer}")), "2.18/400-all");
}

#[tokio::test]
async fn a_configuration_over_the_limit_is_422() {
    let app = TestApp::start().await;
    let (_, robot, path) = repository(&app).await;
    let rule = json!({"name": "n", "actions": [{"robotId": robot, "promptOverride": "p".repeat(8_000)}]});
    let body = json!({"config": {"events": {"issue": {"rules": vec![rule; 30]}}}});
    let refused = app.admin().put(&path, body).await.expect(422);
    assert_eq!(refused.text("/code"), "LIMIT_EXCEEDED");
}

#[tokio::test]
async fn automation_answers_by_right() {
    let app = TestApp::start().await;
    let (hook, _, path) = repository(&app).await;
    let member = app.member(&hook.repo, "mia", "member").await;
    let stranger = app.person("sam").await;
    let body = json!({"config": {}});
    assert_eq!(app.anonymous().get(&path).await.status, 401, "2.17/401");
    assert_eq!(app.anonymous().put(&path, body.clone()).await.status, 401, "2.18/401");
    assert_eq!(member.client.get(&path).await.status, 200, "2.17/right");
    assert_eq!(stranger.client.get(&path).await.expect(403).text("/code"), "REPO_ACCESS_DENIED", "2.17/403");
    assert_eq!(
        member.client.put(&path, body.clone()).await.expect(403).text("/code"),
        "REPO_MANAGE_REQUIRED",
        "2.18/403"
    );
    for id in ["rep_00000000000000000000000000", "7b1e", "%FF"] {
        let path = format!("/api/repos/{id}/automation");
        assert_eq!(app.admin().get(&path).await.expect(404).text("/message"), "Repo not found", "2.17/404");
        assert_eq!(
            app.admin().put(&path, body.clone()).await.expect(404).text("/message"),
            "Repo not found",
            "2.18/404"
        );
    }
    app.admin().post(&format!("{}/archive", hook.path), Value::Null).await.expect(200);
    assert_eq!(member.client.get(&path).await.status, 200, "2.17/archived");
    let refused = app.admin().put(&path, json!({})).await.expect(403);
    assert_eq!(refused.text("/code"), "REPO_ARCHIVED_READ_ONLY", "2.18/archived");
}

#[tokio::test(start_paused = true)]
async fn no_race_leaves_a_rule_that_names_a_missing_robot() {
    for round in 0..6 {
        let app = TestApp::start().await;
        let (hook, robot, path) = repository(&app).await;
        if round % 2 == 0 {
            app.admin().put(&path, json!({"config": {}})).await.expect(200);
        }
        let second = second_of(&app).await;
        let rule = one_rule(json!({"name": "r", "actions": [{"robotId": robot}]}));
        let calls = [
            (second.admin(), "DELETE", format!("{}/robots/{robot}", hook.path), Value::Null),
            (app.admin(), "PUT", path.clone(), rule),
            (app.admin(), "GET", path.clone(), Value::Null),
        ];
        let mut calls = calls.to_vec();
        calls.rotate_left(round % 3);
        at_once(calls.into_iter().map(|(client, method, target, body)| async move {
            let answer = client.call(method, &target, body).await;
            assert!(matches!(answer.status.as_u16(), 200 | 400 | 409), "{method}: {}", answer.body);
        }))
        .await;
        let shown = app.admin().get(&hook.path).await.expect(200);
        let robots = shown.body["robots"].as_array().map_or(0, Vec::len);
        let rules = shown.body["automationConfig"]["events"]["issue"]["rules"].as_array().map_or(0, Vec::len);
        assert_eq!(robots, rules, "the rule is there as long as its robot: {}", shown.body);
    }
}

#[tokio::test]
async fn an_event_without_a_name_is_refused_and_not_left_to_the_table() {
    let app = TestApp::start().await;
    let hook = Hook::github(&app).await;
    let body = json!({"config": {"version": 2, "events": {"": {"rules": []}, "x".repeat(201): {"rules": []}}}});
    let refused = app.admin().put(&format!("{}/automation", hook.path), body).await.expect(400);
    assert_eq!(refused.wrong_fields().first().map(String::as_str), Some("/config/events/"));
    assert_eq!(refused.wrong_fields().len(), 2);
}
