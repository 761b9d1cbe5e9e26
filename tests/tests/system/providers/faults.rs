//! What a caller is told when a provider does not answer as it should: never 500, never 401 (quirks Q13, Q14).

use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use repoplane_local::engines::Engines;
use repoplane_local::line::Line;
use repoplane_tests::{Hook, ProviderDouble, TestApp};
use serde_json::json;

/// What the provider answers to everything: status, headers, body.
type Said = (u16, &'static [(&'static str, &'static str)], &'static str);

fn provider(said: Said) -> axum::Router {
    axum::Router::new().fallback(move || async move {
        let (status, headers, body) = said;
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, value.parse().expect("a value"));
        }
        let status = StatusCode::from_u16(status).expect("a status");
        let answer: Response = (status, map, body).into_response();
        answer
    })
}

async fn stage(said: Said) -> (TestApp, Hook) {
    let double = ProviderDouble::serving(provider(said)).await;
    let app = TestApp::on(Line::to(Engines::memory().expect("engines")), Some(double)).await;
    let base = app.double.as_ref().map(ProviderDouble::origin);
    let body = json!({"name": "acme/widgets", "externalId": "acme/widgets", "apiBaseUrl": base});
    let hook = Hook::register(&app, "github", body).await;
    hook.add_credentials(&app, "ghp_canary-token").await;
    (app, hook)
}

/// What the provider says; what the caller is told: status, code; what is remembered.
const TABLE: &[(&str, Said, u16, &str, &str)] = &[
    (
        "an expired token",
        (401, &[], r#"{"message":"Bad credentials"}"#),
        424,
        "REPO_PROVIDER_TOKEN_REJECTED",
        "TOKEN_REJECTED",
    ),
    (
        "a missing scope",
        (
            403,
            &[("x-oauth-scopes", "gist"), ("x-accepted-oauth-scopes", "repo")],
            r#"{"message":"Must have admin rights"}"#,
        ),
        424,
        "REPO_PROVIDER_TOKEN_REJECTED",
        "TOKEN_REJECTED",
    ),
    (
        "single sign-on",
        (403, &[("x-github-sso", "required")], r#"{"message":"SAML"}"#),
        424,
        "REPO_PROVIDER_FORBIDDEN",
        "FORBIDDEN",
    ),
    ("no such repository", (404, &[], r#"{"message":"Not Found"}"#), 424, "REPO_PROVIDER_NOT_FOUND", "NOT_FOUND"),
    (
        "taken down",
        (451, &[], r#"{"message":"Unavailable For Legal Reasons"}"#),
        424,
        "REPO_PROVIDER_NOT_FOUND",
        "NOT_FOUND",
    ),
    ("too many calls", (429, &[("retry-after", "90")], "{}"), 429, "REPO_PROVIDER_RATE_LIMITED", "RATE_LIMITED"),
    (
        "no calls left",
        (403, &[("x-ratelimit-remaining", "0"), ("retry-after", "90")], r#"{"message":"API rate limit exceeded"}"#),
        429,
        "REPO_PROVIDER_RATE_LIMITED",
        "RATE_LIMITED",
    ),
    ("out of order", (500, &[], "oops"), 502, "REPO_PROVIDER_UNAVAILABLE", "UNAVAILABLE"),
    ("briefly out of order, again and again", (503, &[], ""), 502, "REPO_PROVIDER_UNAVAILABLE", "UNAVAILABLE"),
    (
        "a proxy's page",
        (200, &[("content-type", "text/html")], "<html>Sign in</html>"),
        502,
        "REPO_PROVIDER_BAD_ANSWER",
        "BAD_ANSWER",
    ),
    (
        "another JSON",
        (200, &[("content-type", "application/json")], "{}"),
        502,
        "REPO_PROVIDER_BAD_ANSWER",
        "BAD_ANSWER",
    ),
    (
        "half a JSON",
        (200, &[("content-type", "application/json")], r#"{"private":tr"#),
        502,
        "REPO_PROVIDER_BAD_ANSWER",
        "BAD_ANSWER",
    ),
    (
        "a redirect to metadata",
        (302, &[("location", "http://169.254.169.254/latest")], ""),
        400,
        "REPO_PROVIDER_ADDRESS_REFUSED",
        "ADDRESS_REFUSED",
    ),
    ("no page of a web server", (418, &[], "teapot"), 502, "REPO_PROVIDER_BAD_ANSWER", "BAD_ANSWER"),
];

#[tokio::test]
async fn every_failure_has_its_answer_and_is_remembered() {
    for (rule, said, status, code, reason) in TABLE {
        let (app, hook) = stage(*said).await;
        for operation in ["provider-meta", "provider-activity"] {
            // Another instance each time: a rate limit is remembered, and then not asked for again.
            let app = app.second_instance();
            let answer = app.admin().get(&format!("{}/{operation}?credentialSource=repo", hook.path)).await;
            assert_eq!(
                (answer.status.as_u16(), answer.text("/code").as_str()),
                (*status, *code),
                "{rule}: {operation} {}",
                answer.body
            );
            assert!(!answer.body.to_string().contains("ghp_canary"), "{rule}");
            if *status == 429 {
                assert!(answer.headers.contains_key("retry-after"), "{rule}");
            }
        }
        let known = super::connection(&app, &hook).await;
        assert_eq!((&known["status"], &known["reason"]), (&json!("failing"), &json!(reason)), "{rule}");
        assert!(!known.to_string().contains("ghp_canary"), "{rule}");
    }
}

#[tokio::test]
async fn missing_scopes_are_named() {
    let (app, hook) = stage(TABLE[1].1).await;
    let refused = app.admin().get(&format!("{}/provider-meta?credentialSource=repo", hook.path)).await.expect(424);
    assert_eq!((&refused.body["missingScopes"], &refused.body["providerStatus"]), (&json!(["repo"]), &json!(403)));
}

#[tokio::test]
async fn the_rate_limit_is_shown_and_errors_are_asked_again() {
    let headers: &[(&str, &str)] =
        &[("x-ratelimit-limit", "60"), ("x-ratelimit-remaining", "42"), ("x-ratelimit-reset", "1900000000")];
    let (app, hook) = stage((401, headers, "{}")).await;
    let (admin, path) = (app.admin(), format!("{}/provider-meta?credentialSource=repo", hook.path));
    admin.get(&path).await.expect(424);
    let calls = app.provider_calls();
    admin.get(&path).await.expect(424);
    assert!(app.provider_calls() > calls, "2.7: errors are not kept");

    let double = ProviderDouble::serving(axum::Router::new().fallback(|| async {
        let headers = [("x-ratelimit-remaining", "41"), ("x-ratelimit-limit", "60")];
        let body = json!({"id": 7, "full_name": "acme/widgets", "name": "widgets", "private": true, "html_url": "https://github.com/acme/widgets",
            "default_branch": "main", "archived": false, "description": null, "owner": {"login": "acme"}});
        (headers, axum::Json(body))
    }))
    .await;
    let app = TestApp::on(Line::to(Engines::memory().expect("engines")), Some(double)).await;
    let base = app.double.as_ref().map(ProviderDouble::origin);
    let hook = Hook::register(&app, "github", json!({"name": "acme/widgets", "apiBaseUrl": base})).await;
    let (admin, path) = (app.admin(), format!("{}/provider-meta?credentialSource=anonymous", hook.path));
    let fresh = admin.get(&path).await.expect(200);
    assert_eq!(fresh.headers["x-provider-ratelimit-remaining"], "41");
    assert_eq!(fresh.headers["x-provider-ratelimit-limit"], "60");
    assert!(
        !admin.get(&path).await.expect(200).headers.contains_key("x-provider-ratelimit-remaining"),
        "it has moved on"
    );
}
