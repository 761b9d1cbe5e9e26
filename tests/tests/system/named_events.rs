//! Events that only rules which name them get, and what rules can ask of events (docs/events.md).

use repoplane_tests::{Hook, TestApp, fixture};
use serde_json::{Value, json};

/// A ready GitHub repository whose robot is woken by these rules alone.
async fn with_rules(app: &TestApp, event: &str, rules: &[Value]) -> Hook {
    let (hook, robot) = Hook::ready(app).await;
    set_rules(app, &hook, &robot, event, rules).await;
    hook
}

/// Each rule is the list of its clauses; it has the name `rule-<n>` as its id.
async fn set_rules(app: &TestApp, hook: &Hook, robot: &str, event: &str, rules: &[Value]) {
    let rule = |(n, all): (usize, &Value)| json!({"id": format!("rule-{n}"), "name": "a rule", "match": {"all": all}, "actions": [{"robotId": robot}]});
    let rules: Vec<Value> = rules.iter().enumerate().map(rule).collect();
    let body = json!({"config": {"version": 2, "events": {event: {"rules": rules}}}});
    app.admin().put(&format!("{}/automation", hook.path), body).await.expect(200);
}

fn equals(field: &str, value: &str) -> Value {
    json!({"field": field, "op": "equals", "value": value})
}

/// A fixture with some members replaced.
fn changed(path: &str, changes: &[(&str, Value)]) -> String {
    let mut payload: Value = serde_json::from_str(&fixture(path)).expect("JSON");
    for (pointer, value) in changes {
        let (parent, name) = pointer.rsplit_once('/').expect("a pointer");
        payload.pointer_mut(parent).unwrap_or_else(|| panic!("{parent} in {path}"))[name] = value.clone();
    }
    payload.to_string()
}

const ISSUE: &str = "github/issues/opened.json";
const PULL_REQUEST: &str = "github/pull_request/opened.json";

/// The answer's reason, or `tasks` and how many.
async fn posted(app: &TestApp, hook: &Hook, event: &str, guid: &str, body: &str) -> String {
    let answer = hook.post(app, event, guid, body).await.expect(202);
    let tasks = answer.body["tasks"].as_array().map(|tasks| format!("tasks: {}", tasks.len()));
    tasks.unwrap_or_else(|| answer.text("/reason"))
}

#[tokio::test]
async fn a_rule_for_an_added_label_fires_once_for_that_label_and_for_no_other() {
    let app = TestApp::start_with_double().await;
    let clauses = json!([equals("event.subType", "labeled"), equals("label", "fix me")]);
    let hook = with_rules(&app, "issue", &[clauses]).await;
    let both = json!([{"name": "fix me"}, {"name": "bug"}]);
    let labeled = |action: &str, label: &str| {
        changed(
            ISSUE,
            &[("/action", json!(action)), ("/label", json!({"name": label})), ("/issue/labels", both.clone())],
        )
    };
    let nothing = "no automation rule matched";
    // The issue has the label, but this is not the event that added it.
    assert_eq!(posted(&app, &hook, "issues", "guid-1", &labeled("labeled", "bug")).await, nothing);
    assert_eq!(posted(&app, &hook, "issues", "guid-2", &labeled("labeled", "fix me")).await, "tasks: 1");
    assert_eq!(posted(&app, &hook, "issues", "guid-2", &labeled("labeled", "fix me")).await, "tasks: 1");
    // Nobody names these: they end as ever.
    assert_eq!(posted(&app, &hook, "issues", "guid-3", &labeled("unlabeled", "fix me")).await, "event not supported");
    assert_eq!(posted(&app, &hook, "issues", "guid-4", &labeled("closed", "fix me")).await, "event not supported");
    assert_eq!(posted(&app, &hook, "issues", "guid-5", &fixture(ISSUE)).await, nothing);

    let tasks = hook.tasks(&app.admin()).await;
    assert_eq!(tasks.len(), 1);
    let title = "IssueLabeled #1: Spelling error in the README file · Triage";
    assert_eq!((&tasks[0]["eventType"], &tasks[0]["title"]), (&json!("issue"), &json!(title)));
}

#[tokio::test]
async fn gitlabs_update_that_changes_labels_is_each_event_that_a_rule_names() {
    let app = TestApp::start_with_double().await;
    let hook = Hook::gitlab(&app).await;
    hook.add_credentials(&app, repoplane_local::double::WRITE_TOKEN).await;
    let robot = hook.add_robot(&app, "Triage").await;
    let gitlab = app.double.as_ref().map(|double| double.gitlab());
    app.admin().patch(&hook.path, json!({"apiBaseUrl": gitlab})).await.expect(200);
    hook.enable(&app, &robot).await;
    app.admin().patch(&hook.path, json!({"apiBaseUrl": null})).await.expect(200);
    let body = fixture("gitlab/merge_request/labels_changed.json");
    for (n, (sub_type, label, expected)) in [
        ("labeled", "bug", "tasks: 1"),
        ("labeled", "needs review", "tasks: 1"),
        ("labeled", "triage", "no automation rule matched"),
        ("unlabeled", "triage", "tasks: 1"),
        ("unlabeled", "bug", "no automation rule matched"),
        ("ready_for_review", "bug", "no automation rule matched"),
    ]
    .into_iter()
    .enumerate()
    {
        let clauses = json!([equals("event.subType", sub_type), equals("label", label)]);
        set_rules(&app, &hook, &robot, "merge_request", &[clauses]).await;
        // Another body each time, or it is a twin of the one before.
        let body = body.replace("2026-03-02 13:20:00 UTC", &format!("2026-03-02 13:20:0{n} UTC"));
        let found = posted(&app, &hook, "Merge Request Hook", &format!("uuid-{n}"), &body).await;
        assert_eq!(found, expected, "{sub_type} {label}");
    }
}

#[tokio::test]
async fn merging_and_closing_are_told_apart() {
    let app = TestApp::start_with_double().await;
    let hook = with_rules(&app, "merge_request", &[json!([equals("event.subType", "merged")])]).await;
    let closed =
        |merged: bool| changed(PULL_REQUEST, &[("/action", json!("closed")), ("/pull_request/merged", json!(merged))]);
    assert_eq!(posted(&app, &hook, "pull_request", "guid-1", &closed(false)).await, "event not supported");
    assert_eq!(posted(&app, &hook, "pull_request", "guid-2", &closed(true)).await, "tasks: 1");
    let tasks = hook.tasks(&app.admin()).await;
    assert_eq!(tasks[0]["title"], "PRMerged #2: Update the README with new information. · Triage");
    assert_eq!((&tasks[0]["mrId"], &tasks[0]["ref"]), (&json!(2), &json!("changes")));
}

#[tokio::test]
async fn a_review_wakes_a_robot_unless_it_is_its_own() {
    let app = TestApp::start_with_double().await;
    let clauses = json!([equals("event.subType", "reviewed"), equals("review.state", "changes_requested")]);
    let hook = with_rules(&app, "merge_request", &[clauses]).await;
    let review = |login: &str, state: &str| {
        let review = json!({"user": {"login": login}, "state": state, "body": "Please mend it."});
        changed(PULL_REQUEST, &[("/action", json!("submitted")), ("/review", review), ("/sender/login", json!(login))])
    };
    let post = async |guid: &str, body: String| posted(&app, &hook, "pull_request_review", guid, &body).await;
    let shown = app.admin().get(&format!("{}/robots", hook.path)).await.expect(200);
    let own = shown.text("/robots/0/repoTokenUsername");
    assert_eq!(post("guid-1", review(&own, "changes_requested")).await, "self review ignored");
    assert_eq!(post("guid-2", review("ann", "approved")).await, "no automation rule matched");
    assert_eq!(post("guid-3", review("ann", "changes_requested")).await, "tasks: 1");
}

#[tokio::test]
async fn rules_ask_who_what_and_where() {
    let app = TestApp::start_with_double().await;
    let (hook, robot) = Hook::ready(&app).await;
    let draft = changed(PULL_REQUEST, &[("/pull_request/draft", json!(true))]);
    let pull_request = fixture(PULL_REQUEST);
    let push = fixture("github/push/branch.json");
    let paths = |glob: &str| json!({"field": "paths", "op": "matchesAny", "values": [glob]});
    for (n, (event, header, body, clause, expected)) in [
        ("merge_request", "pull_request", &pull_request, equals("draft", "false"), true),
        ("merge_request", "pull_request", &draft, equals("draft", "false"), false),
        ("merge_request", "pull_request", &draft, equals("draft", "true"), true),
        ("merge_request", "pull_request", &pull_request, equals("author", "codertocat"), true),
        ("merge_request", "pull_request", &pull_request, equals("author", "somebody"), false),
        ("merge_request", "pull_request", &pull_request, equals("branch.target", "master"), true),
        ("merge_request", "pull_request", &pull_request, equals("branch.target", "changes"), false),
        ("merge_request", "pull_request", &pull_request, equals("branch.source", "changes"), true),
        ("merge_request", "pull_request", &pull_request, equals("branch.source", "master"), false),
        ("commit", "push", &push, paths("README*"), true),
        ("commit", "push", &push, paths("src/*"), false),
        ("commit", "push", &push, equals("sender", "Codertocat"), true),
    ]
    .into_iter()
    .enumerate()
    {
        set_rules(&app, &hook, &robot, event, &[json!([clause])]).await;
        // Another body each time, or it is a twin of the one before.
        let mut body: Value = serde_json::from_str(body).expect("JSON");
        body["nonce"] = json!(n);
        let found = posted(&app, &hook, header, &format!("guid-{n}"), &body.to_string()).await;
        let expected = if expected { "tasks: 1" } else { "no automation rule matched" };
        assert_eq!(found, expected, "{clause}");
    }
}
