//! What an organisation's webhook may not bring, and what it brings for nobody: answered, and recorded on no repository.

use super::{gitlab_issue, issue, of_github, of_gitlab, registered, registered_project};
use repoplane_tests::{Answer, Event, Hook, TestApp, fixture};
use serde_json::{Value, json};

/// An answer that left no delivery.
#[track_caller]
fn unrecorded(answer: &Answer, status: u16, members: Value) {
    assert_eq!(answer.status.as_u16(), status, "{}", answer.body);
    for (name, value) in members.as_object().expect("an object") {
        assert_eq!(answer.body[name], *value, "{name}: {}", answer.body);
    }
    assert!(!answer.headers.contains_key("x-repoplane-delivery"));
}

#[track_caller]
fn skipped(answer: &Answer, reason: &str) {
    unrecorded(answer, 202, json!({"skipped": true, "reason": reason}));
}

#[tokio::test]
async fn who_proves_nothing_is_told_the_contracts_words() {
    let app = TestApp::start_with_double().await;
    let (own, project) = (registered(&app).await, registered_project(&app, "42").await);
    let (github, gitlab) = (of_github(&app).await, of_gitlab(&app).await);
    let post = async |event: Event| app.anonymous().send(event).await;
    let unauthorized = |reason: &str| json!({"error": "Unauthorized", "reason": reason, "code": "UNAUTHORIZED"});
    // A body that nobody signed is not looked into.
    let missing = Event::new("POST", &github.webhook).header("x-github-event", "issues").body("no JSON");
    unrecorded(&post(missing).await, 401, unauthorized("missing x-hub-signature-256"));
    let forged = github.with_secret(&own.secret).event("issues", "guid", &issue(1));
    unrecorded(&post(forged).await, 401, unauthorized("invalid signature"));
    let missing = Event::new("POST", &gitlab.webhook).header("x-gitlab-event", "Issue Hook").body("{}");
    unrecorded(&post(missing).await, 401, unauthorized("missing x-gitlab-token"));
    let forged = gitlab.with_secret("wrong").event("Issue Hook", "uuid", &gitlab_issue(1));
    unrecorded(&post(forged).await, 401, unauthorized("invalid x-gitlab-token"));
    // The repository's webhook does not take the organisation's secret either.
    own.with_secret(&github.secret).post(&app, "issues", "guid", &issue(1)).await.expect(401);
    assert_eq!(own.tasks(&app.admin()).await.len() + project.deliveries(&app.admin()).await.len(), 0);
}

#[tokio::test]
async fn hooks_and_endpoints_that_do_not_fit_are_refused_before_the_signature() {
    let app = TestApp::start_with_double().await;
    let (github, gitlab) = (of_github(&app).await, of_gitlab(&app).await);
    let at = |path: &str, header: &str, event: &str| Event::new("POST", path).header(header, event).body("{}");
    let post = async |event: Event| app.anonymous().send(event).await;
    for path in ["hok_00000000000000000000000000", "nonsense", "rep_00000000000000000000000000"] {
        let answer = post(at(&format!("/api/webhook/github/hooks/{path}"), "x-github-event", "push")).await;
        unrecorded(&answer, 404, json!({"error": "Webhook not found"}));
    }
    let elsewhere = gitlab.webhook.replace("gitlab", "github");
    unrecorded(&post(at(&elsewhere, "x-github-event", "push")).await, 400, json!({"error": "Repo provider mismatch"}));
    let foreign = post(at(&github.webhook, "x-gitlab-event", "Push Hook")).await;
    let hint = "/api/webhook/gitlab/hooks/:hookId";
    unrecorded(&foreign, 400, json!({"code": "WEBHOOK_PROVIDER_MISMATCH", "hint": hint, "detectedProvider": "gitlab"}));
    let system = post(at(&gitlab.webhook, "x-gitlab-event", "System Hook")).await;
    unrecorded(&system, 400, json!({"code": "WEBHOOK_SCOPE_NOT_SUPPORTED"}));
    let large = Event::new("POST", &github.webhook).header("x-github-event", "push").body("x".repeat(7 * 1024 * 1024));
    unrecorded(&post(large).await, 413, json!({"code": "WEBHOOK_BODY_TOO_LARGE"}));
    app.admin().patch(&github.path, json!({"enabled": false})).await.expect(200);
    skipped(&github.post(&app, "ping", "guid", "{}").await, "organisation webhook disabled");
}

#[tokio::test]
async fn a_hook_that_was_enabled_again_is_not_believed_disabled() {
    let app = TestApp::start_with_double().await;
    registered(&app).await;
    let github = of_github(&app).await;
    app.admin().patch(&github.path, json!({"enabled": false})).await.expect(200);
    let warm = app.second_instance();
    skipped(&github.post(&warm, "issues", "guid", &issue(1)).await, "organisation webhook disabled");
    app.admin().patch(&github.path, json!({"enabled": true})).await.expect(200);
    assert!(github.post(&warm, "issues", "guid", &issue(1)).await.expect(202).body["tasks"].is_array());
}

#[tokio::test]
async fn a_payload_of_another_owner_or_host_is_refused_and_recorded_nowhere() {
    let app = TestApp::start_with_double().await;
    let (own, project) = (registered(&app).await, registered_project(&app, "42").await);
    let stranger = Hook::organisation(&app, json!({"provider": "github", "owner": "Coder"})).await;
    let answer = stranger.post(&app, "issues", "guid", &issue(1)).await;
    let members = json!({
        "error": "Webhook owner mismatch", "code": "WEBHOOK_OWNER_MISMATCH", "expectedOwner": "Coder",
        "actualName": "Codertocat/Hello-World",
    });
    unrecorded(&answer, 409, members);
    let enterprise =
        Hook::organisation(&app, json!({"provider": "github", "apiBaseUrl": "https://ghe.example.com/api/v3"})).await;
    let members = json!({
        "code": "WEBHOOK_REPO_BASE_URL_MISMATCH", "expectedApiBaseUrl": "https://ghe.example.com/api/v3",
        "actualApiBaseUrl": "https://api.github.com",
    });
    unrecorded(&enterprise.post(&app, "issues", "guid", &issue(1)).await, 409, members);
    let public = Hook::organisation(&app, json!({"provider": "gitlab"})).await;
    let members = json!({"expectedApiBaseUrl": "https://gitlab.com", "actualApiBaseUrl": "https://gitlab.example.com"});
    unrecorded(&public.post(&app, "Issue Hook", "uuid", &gitlab_issue(1)).await, 409, members);
    let admin = app.admin();
    assert_eq!(own.deliveries(&admin).await.len() + project.deliveries(&admin).await.len(), 0);
}

#[tokio::test]
async fn what_concerns_no_registered_repository_is_skipped() {
    let app = TestApp::start_with_double().await;
    let (github, gitlab) = (of_github(&app).await, of_gitlab(&app).await);
    // A name alone is no identity: whoever registers it says nothing of where it lives.
    let named = Hook::register(&app, "github", json!({"name": "Codertocat/Hello-World"})).await;
    skipped(&github.post(&app, "issues", "guid-1", &issue(1)).await, "repository not registered");
    skipped(&gitlab.post(&app, "Issue Hook", "uuid-1", &gitlab_issue(1)).await, "repository not registered");
    let created = gitlab.post(&app, "Project Hook", "uuid-2", &fixture("gitlab/project/created.json")).await;
    skipped(&created, "repository not registered");
    let ping = json!({"zen": "Design for failure.", "hook_id": 1, "hook": {"type": "Organization"}}).to_string();
    skipped(&github.post(&app, "ping", "guid-2", &ping).await, "event has no repository");
    let added = json!({"action": "member_added", "organization": {"login": "Codertocat"}}).to_string();
    skipped(&github.post(&app, "organization", "guid-3", &added).await, "event has no repository");
    for (event, file) in
        [("Member Hook", "gitlab/member/added.json"), ("Subgroup Hook", "gitlab/subgroup/created.json")]
    {
        skipped(&gitlab.post(&app, event, file, &fixture(file)).await, "event has no repository");
    }
    let nameless = github.post(&app, "star", "guid-4", &json!({"repository": {}}).to_string()).await;
    unrecorded(&nameless, 400, json!({"code": "WEBHOOK_REPO_ID_MISSING"}));
    unrecorded(&github.post(&app, "star", "guid-5", "[]").await, 400, json!({"code": "WEBHOOK_BODY_INVALID"}));
    assert_eq!(named.deliveries(&app.admin()).await.len(), 0);
}

#[tokio::test]
async fn a_hook_reaches_no_other_tenants_repository() {
    let app = TestApp::start_with_double().await;
    let own = registered(&app).await;
    let other = app.tenant("other").await;
    let theirs = Hook::organisation_by(&other.client, json!({"provider": "github", "owner": "Codertocat"})).await;
    skipped(&theirs.post(&app, "issues", "guid-1", &issue(1)).await, "repository not registered");
    assert_eq!(own.deliveries(&app.admin()).await.len(), 0);
    // Both have registered it: each hook reaches its own tenant's.
    let body = json!({"provider": "github", "name": "Codertocat/Hello-World", "externalId": "Codertocat/Hello-World"});
    let their_repo = other.client.post("/api/repos", body).await.expect(201).text("/repo/id");
    let delivered = theirs.post(&app, "issues", "guid-1", &issue(1)).await.expect(202);
    let found = format!("/api/repos/{their_repo}/webhook-deliveries/{}", delivered.delivery());
    other.client.get(&found).await.expect(200);
    assert_eq!(own.deliveries(&app.admin()).await.len(), 0);
    // And a repository that is gone is not registered.
    other.client.delete(&format!("/api/repos/{their_repo}")).await.expect(200);
    skipped(&theirs.post(&app, "issues", "guid-2", &issue(2)).await, "repository not registered");
}
