//! Rows 8–19: the sender is known; does the payload speak of this repository, and what follows?

use super::row::{check, has, newest};
use repoplane_domain::secret::sha256_hex;
use repoplane_tests::{GITHUB_ISSUES_OPENED, GITLAB_ISSUE_OPENED, Hook, TestApp, fixture};
use serde_json::{Value, json};

const PATH: &str = "Codertocat/Hello-World";

fn rejected(code: &str, message: &str, layer: &str) -> Value {
    json!({"result": "rejected", "code": code, "message": message, "errorLayer": layer, "signatureVerified": true,
           "taskIds": [], "mappedEventType": null})
}

fn skipped(reason: &str, layer: &str, mapped: Value) -> (Value, Value) {
    let record = json!({"result": "skipped", "code": null, "message": reason, "errorLayer": layer,
                        "signatureVerified": true, "taskIds": [], "mappedEventType": mapped});
    (json!({"skipped": true, "reason": reason}), record)
}

async fn is_verified(app: &TestApp, hook: &Hook) -> bool {
    app.admin().get(&hook.path).await.expect(200).body["repo"]["webhookVerifiedAt"].is_string()
}

#[tokio::test]
async fn row_8_the_name_binds_while_no_external_id_is_known() {
    let app = TestApp::start().await;
    let body = fixture(GITHUB_ISSUES_OPENED);
    for name in ["Codertocat/Other", "other-slug"] {
        let hook = Hook::register(&app, "github", json!({"name": name})).await;
        let answer = hook.post(&app, "issues", name, &body).await;
        let code = "WEBHOOK_REPO_NAME_MISMATCH";
        let answered = json!({"error": "Webhook repository name mismatch", "code": code, "expectedName": name,
                              "actualName": PATH});
        let record = rejected(code, "Webhook repository name mismatch", "name_binding");
        check("4.6/08", &app, &hook, answer, 409, answered, record).await;
        assert!(!is_verified(&app, &hook).await);
    }
    // Case and `.git` say nothing, a slug is the path's last part, and free text is no name of a repository.
    for name in ["codertocat/hello-world.git", "hello-world", "The greeting project"] {
        let app = TestApp::start().await;
        let hook = Hook::register(&app, "github", json!({"name": name})).await;
        hook.post(&app, "issues", name, &body).await.expect(202);
        assert!(is_verified(&app, &hook).await, "4.6/08 {name}");
    }
}

#[tokio::test]
async fn row_9_a_payload_without_identity_is_refused() {
    let app = TestApp::start().await;
    let hook = Hook::github(&app).await;
    let answer = hook.post(&app, "issues", "guid", r#"{"action":"opened","issue":{"number":1,"title":"t"}}"#).await;
    let text = "Webhook payload is missing repository identity";
    let answered = json!({"error": text, "code": "WEBHOOK_REPO_ID_MISSING"});
    let record = rejected("WEBHOOK_REPO_ID_MISSING", text, "repo_binding");
    check("4.6/09", &app, &hook, answer, 400, answered, record).await;
    assert!(!is_verified(&app, &hook).await);
}

#[tokio::test]
async fn row_10_a_known_external_id_must_be_the_payloads() {
    let app = TestApp::start().await;
    let hook = Hook::register(&app, "github", json!({"name": "any", "externalId": "acme/widgets"})).await;
    let answer = hook.post(&app, "issues", "guid", &fixture(GITHUB_ISSUES_OPENED)).await;
    let code = "WEBHOOK_REPO_BINDING_MISMATCH";
    let answered = json!({"error": "Webhook repository mismatch", "code": code, "expectedExternalId": "acme/widgets",
                          "actualExternalIds": [PATH, "186853002"]});
    let record = rejected(code, "Webhook repository mismatch", "repo_binding");
    check("4.6/10", &app, &hook, answer, 409, answered, record).await;

    let gitlab = Hook::register(&app, "gitlab", json!({"name": "any other", "externalId": "41"})).await;
    let answer = gitlab.post(&app, "Issue Hook", "uuid", &fixture(GITLAB_ISSUE_OPENED)).await.expect(409);
    has("4.6/10", &answer.body, &json!({"expectedExternalId": "41", "actualExternalIds": ["42"]}));
    for id in [PATH, "186853002"] {
        let app = TestApp::start().await;
        let hook = Hook::register(&app, "github", json!({"name": "any", "externalId": id})).await;
        hook.post(&app, "issues", "guid", &fixture(GITHUB_ISSUES_OPENED)).await.expect(202);
    }
}

#[tokio::test]
async fn row_11_known_bases_must_agree_but_for_slashes_and_gitlabs_api_path() {
    let app = TestApp::start().await;
    let base = "https://github.example.com/api/v3";
    let hook = Hook::register(&app, "github", json!({"name": PATH, "apiBaseUrl": base})).await;
    let answer = hook.post(&app, "issues", "guid", &fixture(GITHUB_ISSUES_OPENED)).await;
    let code = "WEBHOOK_REPO_BASE_URL_MISMATCH";
    let answered = json!({"error": "Webhook apiBaseUrl mismatch", "code": code, "expectedApiBaseUrl": base,
                          "actualApiBaseUrl": "https://api.github.com"});
    let record = rejected(code, "Webhook apiBaseUrl mismatch", "repo_binding");
    check("4.6/11", &app, &hook, answer, 409, answered, record).await;
    let cases = [
        ("github", PATH, "https://api.github.com/", "issues", GITHUB_ISSUES_OPENED),
        ("gitlab", "workshop/widgets", "https://gitlab.example.com/api/v4", "Issue Hook", GITLAB_ISSUE_OPENED),
    ];
    for (provider, name, base, event, payload) in cases {
        let app = TestApp::start().await;
        let hook = Hook::register(&app, provider, json!({"name": name, "apiBaseUrl": base})).await;
        hook.post(&app, event, "guid", &fixture(payload)).await.expect(202);
        assert!(is_verified(&app, &hook).await, "4.6/11 {base}");
    }
}

#[tokio::test]
async fn row_12_an_identity_that_another_repository_has_cannot_be_bound() {
    let app = TestApp::start().await;
    let body = fixture(GITHUB_ISSUES_OPENED);
    let first = Hook::github(&app).await;
    first.post(&app, "issues", "guid-1", &body).await.expect(202);
    let second = Hook::register(&app, "github", json!({"name": "Said to be another"})).await;
    let answer = second.post(&app, "issues", "guid-2", &body).await;
    let text = "Failed to bind webhook to repository identity";
    let answered = json!({"error": text, "code": "WEBHOOK_BIND_FAILED"});
    let record = rejected("WEBHOOK_BIND_FAILED", text, "repo_binding");
    check("4.6/12", &app, &second, answer, 409, answered, record).await;
    assert!(!is_verified(&app, &second).await);
    let shown = app.admin().get(&second.path).await.expect(200);
    assert_eq!(shown.body["repo"].get("externalId"), None, "nothing of it was filled in");
}

#[tokio::test]
async fn rows_13_and_14_a_bound_post_verifies_the_webhook_even_when_no_robot_is_there() {
    let app = TestApp::start().await;
    let hook = Hook::github(&app).await;
    let before = app.clock.peek();
    let answer = hook.ping(&app, "guid").await;
    let (answered, record) = skipped("no enabled robot configured", "robot_resolution", Value::Null);
    check("4.6/14", &app, &hook, answer, 202, answered, record).await;
    let shown = app.admin().get(&hook.path).await.expect(200);
    let at = shown.text("/repo/webhookVerifiedAt");
    assert!(at >= before.to_string(), "4.6/13");
    hook.ping(&app, "guid-2").await.expect(202);
    assert_eq!(app.admin().get(&hook.path).await.expect(200).text("/repo/webhookVerifiedAt"), at, "4.6/13 once only");
}

#[tokio::test]
async fn rows_15_to_17_unmapped_guarded_and_unmatched_events_are_skipped_with_their_reason() {
    let app = TestApp::start_with_double().await;
    let (hook, robot) = Hook::ready(&app).await;
    let answer = hook.ping(&app, "guid-15").await;
    let (answered, record) = skipped("event not supported", "event_mapping", Value::Null);
    check("4.6/15", &app, &hook, answer, 202, answered, record).await;

    let guarded = [
        ("github/push/tag.json", "push ref refs/tags/simple-tag ignored (not a branch)"),
        ("github/push/tag_deleted.json", "push delete ignored"),
    ];
    for (payload, reason) in guarded {
        let answer = hook.post(&app, "push", reason, &fixture(payload)).await;
        let (answered, record) = skipped(reason, "guard", json!("commit"));
        check("4.6/16", &app, &hook, answer, 202, answered, record).await;
    }

    hook.add_rule(&app, "merge_request", &robot, Value::Null).await;
    let answer = hook.post(&app, "issues", "guid-17", &fixture(GITHUB_ISSUES_OPENED)).await;
    let (answered, record) = skipped("no automation rule matched", "rule_match", json!("issue"));
    check("4.6/17", &app, &hook, answer, 202, answered, record).await;
    assert_eq!(hook.tasks(&app.admin()).await.len(), 0);
}

#[tokio::test]
async fn row_18_a_matching_rule_makes_a_task_for_its_robot() {
    let app = TestApp::start_with_double().await;
    let (hook, robot) = Hook::ready(&app).await;
    let answer = hook.post(&app, "issues", "guid", &fixture(GITHUB_ISSUES_OPENED)).await;
    let tasks = hook.tasks(&app.admin()).await;
    let (task, group) = (&tasks[0]["id"], &tasks[0]["groupId"]);
    let answered = json!({"tasks": [{"id": task, "robotId": robot, "groupId": group}]});
    assert_eq!(answer.body, answered, "4.6/18");
    let record = json!({"result": "accepted", "code": null, "message": "tasks created", "errorLayer": null,
                        "signatureVerified": true, "mappedEventType": "issue", "taskIds": [task],
                        "taskGroupIds": [group], "matchedRobotIds": [robot], "deliveryId": "guid",
                        "eventName": "issues"});
    check("4.6/18", &app, &hook, answer, 202, answered, record).await;
    let rule = newest(&app, &hook).await["matchedRuleIds"][0].clone();
    has(
        "4.6/18",
        &tasks[0],
        &json!({"status": "queued", "ruleId": rule, "issueId": 1, "retries": 0,
        "title": "IssueCreated #1: Spelling error in the README file · Triage",
        "prompt": "Look at Spelling error in the README file"}),
    );
}

#[tokio::test]
async fn row_19_what_trying_again_does_not_mend_is_recorded_and_answered_without_its_cause() {
    let app = TestApp::start().await;
    let hook = Hook::github(&app).await;
    let body = fixture(GITHUB_ISSUES_OPENED);
    // An unreadable item where the twin of this delivery would be.
    let key = format!("TWIN#{}#body:{}", hook.repo, sha256_hex(body.as_bytes()));
    let put = json!({"TableName": "repoplane", "Item": {"pk": {"S": key}, "sk": {"S": "-"}, "data": {"S": "rubbish"}}});
    app.line.engines().call("DynamoDB_20120810.PutItem", put.to_string().into_bytes()).await;

    let answer = hook.post(&app, "issues", "guid", &body).await.expect(500);
    has("4.6/19", &answer.body, &json!({"error": "Failed to enqueue task", "code": "INTERNAL_ERROR"}));
    assert!(!answer.body.to_string().contains("twin"), "the cause is for the log: {}", answer.body);
    let delivery = newest(&app, &hook).await;
    has(
        "4.6/19",
        &delivery,
        &json!({"result": "error", "httpStatus": 500, "code": "INTERNAL_ERROR", "errorLayer": "internal",
        "signatureVerified": true, "taskIds": [], "response": {"error": "Failed to enqueue task"}}),
    );
    assert_eq!(
        delivery["debugTrace"]["steps"].as_array().and_then(|all| all.last()).expect("steps")["key"],
        "internal"
    );
}

#[tokio::test]
async fn an_event_header_that_clashes_with_the_body_is_refused_after_verification() {
    let app = TestApp::start().await;
    let (github, gitlab) = (Hook::github(&app).await, Hook::gitlab(&app).await);
    let issue = fixture(GITHUB_ISSUES_OPENED);
    let text = "Webhook event header does not match the body";
    let cases = [
        (&github, "push", &issue),
        (&github, "issue_comment", &issue),
        (&gitlab, "Push Hook", &fixture(GITLAB_ISSUE_OPENED)),
    ];
    for (hook, event, body) in cases {
        let answer = hook.post(&app, event, "guid", body).await;
        let answered = json!({"error": text, "code": "WEBHOOK_EVENT_MISMATCH", "eventName": event});
        let record = json!({"result": "rejected", "code": "WEBHOOK_EVENT_MISMATCH", "message": text, "eventName": event,
                            "errorLayer": "event_mapping", "signatureVerified": true});
        check("4.6/event-mismatch", &app, hook, answer, 400, answered, record).await;
    }
    let answer = github.post(&app, "issues", "guid-2", "[1, 2]").await.expect(400);
    assert_eq!(answer.body["code"], "WEBHOOK_BODY_INVALID");
}
