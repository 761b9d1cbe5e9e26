//! What an organisation's webhook brings for a registered repository: as if its own webhook had brought it.

use super::{gitlab_issue, issue, of_github, of_gitlab, registered, registered_project};
use repoplane_tests::{Hook, TestApp, consistency, fixture};
use serde_json::{Value, json};

/// The newest delivery of a repository, whole.
async fn newest(app: &TestApp, own: &Hook) -> Value {
    let id = own.deliveries(&app.admin()).await[0]["id"].as_str().expect("an id").to_owned();
    app.admin().get(&format!("{}/webhook-deliveries/{id}", own.path)).await.expect(200).body["delivery"].clone()
}

fn step<'d>(delivery: &'d Value, key: &str) -> &'d Value {
    let steps = delivery["debugTrace"]["steps"].as_array().expect("steps");
    steps.iter().find(|step| step["key"] == key).unwrap_or_else(|| panic!("no {key} in {steps:#?}"))
}

#[tokio::test]
async fn an_event_of_github_makes_its_task_and_says_which_webhook_brought_it() {
    let app = TestApp::start_with_double().await;
    let own = registered(&app).await;
    let github = of_github(&app).await;
    let answer = github.post(&app, "issues", "guid-1", &issue(1)).await.expect(202);
    let delivery = newest(&app, &own).await;
    assert_eq!(answer.delivery(), delivery["id"].as_str().expect("an id"));
    assert_eq!(own.tasks(&app.admin()).await[0]["id"], answer.body["tasks"][0]["id"]);
    assert_eq!((&delivery["result"], &delivery["signatureVerified"]), (&json!("accepted"), &json!(true)));
    assert_eq!((&delivery["deliveryId"], &delivery["response"]), (&json!("guid-1"), &answer.body));
    let hook = json!({"hookId": github.path.rsplit('/').next()});
    assert_eq!((&step(&delivery, "repo")["meta"], &step(&delivery, "signature")["meta"]), (&hook, &hook));
    let keys: Vec<_> =
        delivery["debugTrace"]["steps"].as_array().expect("steps").iter().map(|s| s["key"].clone()).collect();
    let first =
        ["provider", "scope", "signature", "repo", "repo-state", "dedupe", "name-binding", "repo-binding", "hydrate"];
    assert_eq!(keys[..first.len()], first.map(|key| json!(key)));
    // The record learned what the payload knows, as from its own webhook.
    let record = app.admin().get(&own.path).await.expect(200).body["repo"].clone();
    assert!(record["webhookVerifiedAt"].is_string(), "{record}");
    assert_eq!(record["apiBaseUrl"], "https://api.github.com");
    let locked = app.admin().patch(&own.path, json!({"externalId": "other/one"})).await.expect(409);
    assert_eq!(locked.body["code"], "REPO_IDENTITY_LOCKED");
    consistency::check(&app.items().await).expect("consistent");
}

#[tokio::test]
async fn a_repository_is_found_by_its_number_when_it_was_renamed() {
    let app = TestApp::start_with_double().await;
    let own = registered(&app).await;
    let github = Hook::organisation(&app, json!({"provider": "github"})).await;
    github.post(&app, "issues", "guid-1", &issue(1)).await.expect(202);
    let renamed = issue(2).replace("Codertocat/Hello-World", "Codertocat/Renamed");
    let answer = github.post(&app, "issues", "guid-2", &renamed).await.expect(202);
    assert_eq!(answer.body["tasks"].as_array().map(Vec::len), Some(1), "{}", answer.body);
    assert_eq!(own.tasks(&app.admin()).await.len(), 2);
}

#[tokio::test]
async fn a_project_of_gitlab_is_found_by_its_number_or_by_its_path() {
    for external_id in ["42", "Workshop/Widgets"] {
        let app = TestApp::start_with_double().await;
        let own = registered_project(&app, external_id).await;
        let answer = of_gitlab(&app).await.post(&app, "Issue Hook", "uuid", &gitlab_issue(1)).await.expect(202);
        assert_eq!(answer.body["tasks"].as_array().map(Vec::len), Some(1), "{external_id}: {}", answer.body);
        assert_eq!(newest(&app, &own).await["result"], "accepted");
        consistency::check(&app.items().await).expect("consistent");
    }
}

#[tokio::test]
async fn a_form_of_github_is_read() {
    let app = TestApp::start_with_double().await;
    registered(&app).await;
    let github = of_github(&app).await;
    let escaped: String = issue(1).bytes().map(|byte| format!("%{byte:02X}")).collect();
    let form = format!("payload={escaped}");
    let event = github.event("issues", "guid", &form).header("content-type", "application/x-www-form-urlencoded");
    let answer = app.anonymous().send(event).await.expect(202);
    assert_eq!(answer.body["tasks"].as_array().map(Vec::len), Some(1), "{}", answer.body);
}

#[tokio::test]
async fn what_ends_on_the_repository_is_recorded_there_with_its_payload() {
    let app = TestApp::start_with_double().await;
    let own = registered(&app).await;
    let github = of_github(&app).await;
    let admin = app.admin();
    let check = async |event: &str, body: &str, status: u16, result: &str, message: &str| {
        github.post(&app, event, message, body).await.expect(status);
        let delivery = newest(&app, &own).await;
        assert_eq!((&delivery["result"], &delivery["message"]), (&json!(result), &json!(message)));
        assert_eq!(delivery["httpStatus"], status);
        assert!(delivery["payload"].is_object(), "{message}: a verified payload is kept");
        consistency::check(&app.items().await).expect("consistent");
    };
    check("star", &issue(1), 202, "skipped", "event not supported").await;
    check(
        "push",
        &fixture("github/push/tag.json"),
        202,
        "skipped",
        "push ref refs/tags/simple-tag ignored (not a branch)",
    )
    .await;
    admin.patch(&own.path, json!({"enabled": false})).await.expect(200);
    check("issues", &issue(2), 202, "skipped", "repo disabled").await;
    admin.patch(&own.path, json!({"enabled": true})).await.expect(200);
    admin.post(&format!("{}/archive", own.path), Value::Null).await.expect(200);
    check("issues", &issue(3), 202, "skipped", "repo archived").await;
    let archived = newest(&app, &own).await;
    admin.post(&format!("{}/unarchive", own.path), Value::Null).await.expect(200);
    // What was skipped then can be run again now.
    let id = archived["id"].as_str().expect("an id");
    let again = admin.post(&format!("{}/webhook-deliveries/{id}/redeliver", own.path), Value::Null).await.expect(201);
    assert_eq!(again.body["tasks"].as_array().map(Vec::len), Some(1), "{}", again.body);
    consistency::check(&app.items().await).expect("consistent");
}

#[tokio::test]
async fn a_suspended_tenants_events_are_kept_for_later() {
    let app = TestApp::start_with_double().await;
    let other = app.tenant("other").await;
    let body = json!({"provider": "github", "name": "Codertocat/Hello-World", "externalId": "Codertocat/Hello-World"});
    let repo = other.client.post("/api/repos", body).await.expect(201).text("/repo/id");
    let theirs = Hook::organisation_by(&other.client, json!({"provider": "github"})).await;
    app.admin().patch(&format!("/api/tenants/{}", other.id), json!({"suspended": true})).await.expect(200);
    let answer = theirs.post(&app.second_instance(), "issues", "guid", &issue(1)).await.expect(202);
    assert_eq!(answer.body, json!({"skipped": true, "reason": "tenant suspended"}));
    let found = format!("/api/repos/{repo}/webhook-deliveries/{}", answer.delivery());
    assert!(other.client.get(&found).await.expect(200).body["delivery"]["payload"].is_object());
}
