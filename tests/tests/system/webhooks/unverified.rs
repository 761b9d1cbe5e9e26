//! Rows 1–7: whoever posts has proved nothing yet.

use super::row::{check, has, newest};
use repoplane_tests::{Event, GITHUB_ISSUES_OPENED, GITLAB_ISSUE_OPENED, Hook, TestApp, fixture, github_signature};
use serde_json::{Value, json};
use std::time::Duration;

const DAY: Duration = Duration::from_secs(24 * 3600);

fn skipped(reason: &str) -> (Value, Value) {
    let record = json!({"result": "skipped", "code": null, "message": reason, "errorLayer": "repo_state",
                        "signatureVerified": null, "taskIds": []});
    (json!({"skipped": true, "reason": reason}), record)
}

#[tokio::test]
async fn row_1_an_unknown_repository_is_404_whatever_the_id_looks_like_and_leaves_no_record() {
    let app = TestApp::start().await;
    let hook = Hook::github(&app).await;
    let before = app.items().await.len();
    for id in ["rep_01hzzzzzzzzzzzzzzzzzzzzzzz", "not-an-id", "7b1e4a52-0000-4000-8000-000000000000"] {
        for provider in ["github", "gitlab"] {
            let event = hook.event("issues", "guid", "{}").at(&format!("/api/webhook/{provider}/{id}"));
            let answer = app.anonymous().send(event).await.expect(404);
            has("4.6/01", &answer.body, &json!({"error": "Repo not found", "status": 404}));
        }
    }
    assert_eq!(app.items().await.len(), before);
}

#[tokio::test]
async fn rows_2_and_3_archived_and_disabled_repositories_skip_and_say_why() {
    let app = TestApp::start().await;
    let body = fixture(GITHUB_ISSUES_OPENED);
    let archived = Hook::github(&app).await;
    app.admin().post(&format!("{}/archive", archived.path), Value::Null).await.expect(200);
    let answer = archived.post(&app, "issues", "guid-1", &body).await;
    let (answered, record) = skipped("repo archived");
    assert_eq!(answer.body, answered, "4.1/webhook");
    check("4.6/02", &app, &archived, answer, 202, answered, record).await;

    let disabled = Hook::register(&app, "github", json!({"name": "other"})).await;
    app.admin().patch(&disabled.path, json!({"enabled": false})).await.expect(200);
    let answer = disabled.post(&app, "issues", "guid-2", &body).await;
    let (answered, record) = skipped("repo disabled");
    assert_eq!(answer.body, answered);
    check("4.6/03", &app, &disabled, answer, 202, answered, record).await;
}

#[tokio::test]
async fn row_4_a_hook_at_the_other_providers_endpoint_is_refused() {
    let app = TestApp::start().await;
    let (github, gitlab) = (Hook::github(&app).await, Hook::gitlab(&app).await);
    for (hook, endpoint) in [(&github, "gitlab"), (&gitlab, "github")] {
        let event = hook.event("issues", "guid", "{}").at(&format!("/api/webhook/{endpoint}/{}", hook.repo));
        let answer = app.anonymous().send(event).await;
        let record = json!({"result": "rejected", "code": null, "message": "Repo provider mismatch", "provider": endpoint,
                            "errorLayer": "provider_mismatch", "signatureVerified": null});
        check("4.6/04", &app, hook, answer, 400, json!({"error": "Repo provider mismatch", "code": null}), record)
            .await;
    }
}

#[tokio::test]
async fn row_5_system_hooks_are_not_supported() {
    let app = TestApp::start().await;
    let hook = Hook::gitlab(&app).await;
    let answer = hook.post(&app, "System Hook", "uuid", &fixture("gitlab/system/project_create.json")).await;
    let text = "System hooks are not supported; please configure a project webhook";
    let body = json!({"error": text, "code": "WEBHOOK_SCOPE_NOT_SUPPORTED"});
    let record = json!({"result": "rejected", "code": "WEBHOOK_SCOPE_NOT_SUPPORTED", "message": text,
                        "errorLayer": "scope_validation", "signatureVerified": null, "eventName": "System Hook"});
    check("4.6/05", &app, &hook, answer, 400, body, record).await;
}

#[tokio::test]
async fn row_6_headers_of_the_other_provider_are_named_before_any_signature() {
    let app = TestApp::start().await;
    let (github, gitlab) = (Hook::github(&app).await, Hook::gitlab(&app).await);
    let cases = [
        (&github, "github", "gitlab", ("x-gitlab-event", "Push Hook")),
        (&github, "github", "gitlab", ("x-gitlab-token", "anything")),
        (&gitlab, "gitlab", "github", ("x-github-event", "push")),
        (&gitlab, "gitlab", "github", ("user-agent", "GitHub-Hookshot/044aadd")),
    ];
    for (hook, expected, detected, (name, value)) in cases {
        let event = Event::new("POST", &hook.webhook).header(name, value).body("{}");
        let answer = app.anonymous().send(event).await;
        let body = json!({"error": "Webhook provider mismatch", "code": "WEBHOOK_PROVIDER_MISMATCH",
                          "expectedProvider": expected, "detectedProvider": detected,
                          "hint": format!("/api/webhook/{detected}/:repoId")});
        let record = json!({"result": "rejected", "code": "WEBHOOK_PROVIDER_MISMATCH", "eventName": "",
                            "errorLayer": "provider_mismatch", "signatureVerified": null});
        check("4.6/06", &app, hook, answer, 400, body, record).await;
    }
}

#[tokio::test]
async fn row_7_only_the_right_signature_or_token_lets_a_post_in() {
    let app = TestApp::start().await;
    let (github, gitlab) = (Hook::github(&app).await, Hook::gitlab(&app).await);
    let body = fixture(GITHUB_ISSUES_OPENED);
    let right = github_signature(&github.secret, body.as_bytes());
    let wrong = github_signature("another secret", body.as_bytes());
    let altered = body.replacen("opened", "edited", 1);
    let upper = right.to_uppercase().replacen("SHA256", "sha256", 1);
    let (missing, invalid) = ("missing x-hub-signature-256", "invalid signature");
    let (no_token, bad_token) = ("missing x-gitlab-token", "invalid x-gitlab-token");
    let other_case = gitlab.secret.to_uppercase();
    let cases: [(&Hook, &str, &str, &str, &str); 11] = [
        (&github, "x-hub-signature-256", &wrong, &body, invalid),
        (&github, "x-hub-signature-256", &upper, &body, invalid),
        (&github, "x-hub-signature-256", "sha256=", &body, invalid),
        (&github, "x-hub-signature-256", &right, &altered, invalid),
        (&github, "x-hub-signature-256", &right, "", "missing rawBody (server misconfigured)"),
        (&github, "x-hub-signature", "sha1=7d38cdd689735b008b3c702edd92eea23791c5f6", &body, missing),
        (&github, "x-unrelated", "1", &body, missing),
        (&gitlab, "x-gitlab-token", "guess", &body, bad_token),
        (&gitlab, "x-gitlab-token", &other_case, &body, bad_token),
        (&gitlab, "x-gitlab-token", "  ", &body, no_token),
        (&gitlab, "x-unrelated", "1", &body, no_token),
    ];
    for (hook, name, value, body, reason) in cases {
        let event = if hook.repo == github.repo { "x-github-event" } else { "x-gitlab-event" };
        let post = Event::new("POST", &hook.webhook).header(event, "issues").header(name, value).body(body);
        let answer = app.anonymous().send(post.header("authorization", "Bearer hunter2")).await;
        let answered = json!({"error": "Unauthorized", "code": "UNAUTHORIZED", "reason": reason});
        let record = json!({"result": "rejected", "code": "UNAUTHORIZED", "message": reason, "taskIds": [],
                            "errorLayer": "signature_validation", "signatureVerified": false,
                            "payloadBytes": body.len(), "payloadHash": repoplane_domain::secret::sha256_hex(body.as_bytes())});
        check("4.6/07", &app, hook, answer, 401, answered, record).await;
        let delivery = newest(&app, hook).await;
        let kept: Vec<_> = delivery["headers"].as_object().map(|all| all.keys().cloned().collect()).unwrap_or_default();
        let secret = ["authorization", "x-hub-signature-256", "x-hub-signature", "x-gitlab-token"];
        assert!(secret.iter().all(|name| !kept.iter().any(|kept| kept == name)), "4.6/07: {kept:?}");
    }
    let stored = serde_json::to_string(&app.items().await).expect("JSON");
    for secret in ["hunter2", &right, &wrong, "guess", "Spelling error"] {
        assert!(!stored.contains(secret), "{secret} is stored");
    }
    assert_eq!(app.admin().get(&github.path).await.expect(200).body["repo"].get("webhookVerifiedAt"), None);
}

#[tokio::test]
async fn a_record_of_an_unverified_post_lives_three_days() {
    let app = TestApp::start().await;
    let hook = Hook::github(&app).await;
    let forged = hook.event("issues", "guid", "{}").header("x-hub-signature-256", "sha256=00");
    app.anonymous().send(forged).await.expect(401);
    let id = newest(&app, &hook).await["id"].as_str().expect("an id").to_owned();
    app.clock.advance(3 * DAY - Duration::from_secs(60));
    assert_eq!(hook.deliveries(&app.admin()).await.len(), 1);
    app.clock.advance(Duration::from_secs(60));
    assert_eq!(hook.deliveries(&app.admin()).await.len(), 0);
    app.admin().get(&format!("{}/webhook-deliveries/{id}", hook.path)).await.expect(404);
}

#[tokio::test]
async fn twenty_unverified_posts_a_minute_are_recorded_for_each_repository_and_reason() {
    let app = TestApp::start().await;
    let (hook, other) = (Hook::github(&app).await, Hook::gitlab(&app).await);
    // One client is one instance of the function.
    let sender = app.anonymous();
    let forge = |header: &'static str| {
        let event = Event::new("POST", &hook.webhook).header("x-github-event", "issues");
        sender.send(event.header(header, "sha256=00").body("{}"))
    };
    for _ in 0..25 {
        forge("x-hub-signature-256").await.expect(401);
    }
    let recorded = async || hook.deliveries(&app.admin()).await.len();
    assert_eq!(recorded().await, 20);
    forge("x-hub-signature").await.expect(401);
    assert_eq!(recorded().await, 21, "another reason");
    let event = other.event("Issue Hook", "uuid", &fixture(GITLAB_ISSUE_OPENED)).header("x-gitlab-token", "guess");
    sender.send(event).await.expect(401);
    assert_eq!(other.deliveries(&app.admin()).await.len(), 1, "another repository");
    app.clock.advance(Duration::from_secs(60));
    forge("x-hub-signature-256").await.expect(401);
    assert_eq!(recorded().await, 22, "another minute");
    sender.send(hook.event("ping", "guid", &fixture("github/ping/repository.json"))).await;
    assert_eq!(recorded().await, 23, "verified posts are not counted");
}
