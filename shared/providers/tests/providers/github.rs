//! GitHub's column of the robot's test, against answers in the shapes that GitHub publishes.

use crate::server::{Answer, Server, token};
use repoplane_domain::repository::Provider;
use repoplane_providers::{ProviderError, TokenReport, test_token};
use serde_json::{Value, json};

/// GitHub REST: the example of `GET /user`, shortened, with values of our own.
fn user() -> Value {
    json!({
        "login": "widget-bot", "id": 7312, "node_id": "U_kgDOexample", "type": "User", "site_admin": false,
        "html_url": "https://github.com/widget-bot", "name": "Widget Bot", "company": null, "blog": "",
        "email": "bot@widgets.example", "hireable": null, "public_repos": 2, "created_at": "2024-01-14T04:33:35Z",
    })
}

/// GitHub REST: the example of `GET /repos/{owner}/{repo}`, shortened, with values of our own.
fn repository() -> Value {
    json!({
        "id": 55021, "node_id": "R_kgDOexample", "name": "widgets", "full_name": "acme/widgets", "private": true,
        "owner": {"login": "acme", "id": 41, "type": "Organization"}, "html_url": "https://github.com/acme/widgets",
        "description": null, "fork": false, "default_branch": "main", "archived": false, "visibility": "private",
        "permissions": {"admin": false, "maintain": false, "push": true, "triage": true, "pull": true},
    })
}

fn answers(user: &Value, repository: &Value) -> Vec<Answer> {
    vec![("/user", 200, user.to_string()), ("/repos/acme/widgets", 200, repository.to_string())]
}

async fn run(server: &Server, identity: &str) -> Result<TokenReport, ProviderError> {
    test_token(&server.egress(), Provider::Github, Some(&server.url()), identity, &token()).await
}

#[tokio::test]
async fn the_calls_and_their_headers() {
    let by_id = ("/repositories/55021", 200, repository().to_string());
    for (id, base, identity, calls) in [
        ("4.4/github/calls", "", "acme/widgets", ["GET /user", "GET /repos/acme/widgets"]),
        ("4.4/github/calls", "/", " acme/widgets ", ["GET /user", "GET /repos/acme/widgets"]),
        ("4.4/github/calls", "", "55021", ["GET /user", "GET /repositories/55021"]),
    ] {
        let mut script = answers(&user(), &repository());
        script.push(by_id.clone());
        let server = Server::start(script).await;
        let base = server.url() + base;
        let report = test_token(&server.egress(), Provider::Github, Some(&base), identity, &token()).await;
        assert!(report.is_ok(), "{id} {identity}: {report:?}");
        assert_eq!(server.calls(), calls, "{id} {identity}");
        for index in 0..2 {
            let headers = server.headers(index);
            assert_eq!(headers["authorization"], "Bearer glpat-9sXQ3example", "{id}");
            assert_eq!(headers["accept"], "application/vnd.github+json", "{id}");
            assert_eq!(headers["x-github-api-version"], "2022-11-28", "{id}");
            assert_eq!(headers["user-agent"], concat!("repoplane/", env!("CARGO_PKG_VERSION")), "{id}");
        }
    }
}

#[tokio::test]
async fn the_base_is_the_public_api_unless_another_is_given() {
    let id = "4.4/github/calls";
    let server = Server::start(answers(&user(), &repository())).await;
    for base in [None, Some(""), Some("https://api.github.com"), Some("https://api.github.com/")] {
        let report = test_token(&server.egress(), Provider::Github, base, "acme/widgets", &token()).await;
        assert!(report.is_ok(), "{id} {base:?}: {report:?}");
        assert_eq!(server.headers(server.calls().len() - 1)["host"], "api.github.com");
    }
    let enterprise: Vec<Answer> =
        vec![("/api/v3/user", 200, user().to_string()), ("/api/v3/repos/acme/widgets", 200, repository().to_string())];
    let server = Server::start(enterprise).await;
    let base = server.url() + "/api/v3/";
    assert!(
        test_token(&server.egress(), Provider::Github, Some(&base), "acme/widgets", &token()).await.is_ok(),
        "{id}"
    );
}

#[tokio::test]
async fn the_account_is_reported() {
    let server = Server::start(answers(&user(), &repository())).await;
    let report = run(&server, "acme/widgets").await.unwrap();
    assert!(report.can_write);
    let account = serde_json::to_value(&report.account).unwrap();
    assert_eq!(account["repoTokenUserId"], "7312");
    assert_eq!(account["repoTokenUsername"], "widget-bot");
    assert_eq!(account["repoTokenUserName"], "Widget Bot");
    assert_eq!(account["repoTokenUserEmail"], "bot@widgets.example");
    assert_eq!(account["repoTokenRepoRole"], "write");
}

#[tokio::test]
async fn the_email_falls_back_in_order() {
    let entry = |email: &str, primary: bool, verified: bool| {
        let visibility = Value::Null;
        json!({"email": email, "primary": primary, "verified": verified, "visibility": visibility})
    };
    let primary = [entry("a@x.example", false, true), entry("b@x.example", true, true)];
    let unverified_primary = [entry("a@x.example", true, false), entry("b@x.example", false, true)];
    let none_verified = [entry("a@x.example", true, false)];
    let public = json!({"id": 7, "login": "bot", "email": "me@x.example"});
    let private = json!({"id": 7, "login": "bot", "email": null});
    let blank = json!({"id": 7, "login": "bot", "email": " "});
    let kept = "7+bot@users.noreply.github.com";
    for (id, profile, emails, expected, asks) in [
        ("4.4/github/email", public, &[][..], Some("me@x.example"), false),
        ("4.4/github/email", private, &[], Some(kept), false),
        ("4.4/github/email", blank, &[], Some(kept), false),
        ("4.4/github/email", json!({"id": 7, "login": "bot"}), &[], Some(kept), false),
        ("4.4/github/email", json!({"id": 7}), &primary, Some("b@x.example"), true),
        ("4.4/github/email", json!({"login": "bot"}), &unverified_primary, Some("b@x.example"), true),
        ("4.4/github/email", json!({"login": "bot"}), &none_verified, None, true),
        ("4.4/github/email", json!({}), &[], None, true),
    ] {
        let mut script = answers(&profile, &repository());
        script.push(("/user/emails", 200, json!(emails).to_string()));
        let server = Server::start(script).await;
        let report = run(&server, "acme/widgets").await.unwrap();
        assert_eq!(report.account.email.as_deref(), expected, "{id} {profile}");
        assert_eq!(server.calls().contains(&"GET /user/emails".to_owned()), asks, "{id} {profile}");
    }
}

#[tokio::test]
async fn the_highest_permission_is_the_role() {
    let held = |held: [bool; 5]| {
        let names = ["admin", "maintain", "push", "triage", "pull"];
        names.into_iter().map(str::to_owned).zip(held.map(Value::from)).collect::<Value>()
    };
    for (id, permissions, role, can_write) in [
        ("4.4/github/role", held([true, true, true, true, true]), "admin", true),
        ("4.4/github/role", held([false, true, true, true, true]), "maintain", true),
        ("4.4/github/role", held([false, false, true, true, true]), "write", true),
        ("4.4/github/role", held([false, false, false, true, true]), "triage", false),
        ("4.4/github/role", held([false, false, false, false, true]), "read", false),
        ("4.4/github/role", held([false; 5]), "unknown", false),
        // Older servers send three of them only.
        ("4.4/github/role", json!({"admin": false, "push": true, "pull": true}), "write", true),
        ("4.4/github/role", json!({}), "unknown", false),
        ("4.4/github/role", Value::Null, "unknown", false),
    ] {
        let mut repository = repository();
        repository["permissions"] = permissions.clone();
        let server = Server::start(answers(&user(), &repository)).await;
        let report = run(&server, "acme/widgets").await.unwrap();
        assert_eq!((report.account.role.as_deref(), report.can_write), (Some(role), can_write), "{id} {permissions}");
    }
}

#[tokio::test]
async fn the_details_are_a_short_form_of_the_repository() {
    let server = Server::start(answers(&user(), &repository())).await;
    let report = run(&server, "acme/widgets").await.unwrap();
    let expected = json!({
        "provider": "github",
        "repo": {
            "id": 55021, "full_name": "acme/widgets", "private": true, "html_url": "https://github.com/acme/widgets",
        },
        "permissions": {"admin": false, "maintain": false, "push": true, "triage": true, "pull": true},
    });
    assert_eq!(report.account.role_details, Some(expected), "4.4/github/details");

    let mut bare = repository();
    bare.as_object_mut().unwrap().remove("permissions");
    let server = Server::start(answers(&user(), &bare)).await;
    let details = run(&server, "acme/widgets").await.unwrap().account.role_details.unwrap();
    assert_eq!(details.get("permissions"), None, "4.4/github/details");
}

#[tokio::test]
async fn a_refusal_is_quoted() {
    let bad = r#"{"message":"Bad credentials","documentation_url":"https://docs.github.com/rest","status":"401"}"#;
    let forbidden = r#"{"message":"Resource not accessible by personal access token"}"#;
    let missing = r#"{"message":"Not Found","status":"404"}"#;
    for (id, path, status, body, text, calls) in [
        ("4.4/fail", "/user", 401, bad, format!("[github] 401 Unauthorized: {bad}"), 1),
        ("4.4/fail", "/user", 403, forbidden, format!("[github] 403 Forbidden: {forbidden}"), 1),
        ("4.4/fail", "/repos/acme/widgets", 403, forbidden, format!("[github] 403 Forbidden: {forbidden}"), 2),
        ("4.4/fail", "/repos/acme/widgets", 404, missing, format!("[github] 404 Not Found: {missing}"), 2),
        ("4.4/fail", "/user", 500, "", "[github] 500 Internal Server Error".to_owned(), 1),
        ("4.4/fail", "/user", 503, "busy", "[github] 503 Service Unavailable: busy".to_owned(), 3),
    ] {
        let mut script = answers(&user(), &repository());
        script.retain(|answer| answer.0 != path);
        script.push((path, status, body.to_owned()));
        let server = Server::start(script).await;
        let error = run(&server, "acme/widgets").await.unwrap_err();
        assert_eq!(error.to_string(), text, "{id}");
        assert_eq!(server.calls().len(), calls, "{id} {text}");
    }
}

#[tokio::test]
async fn a_plain_git_remote_has_no_api_to_ask() {
    let server = Server::start(vec![]).await;
    let result = test_token(&server.egress(), Provider::Git, Some(&server.url()), "acme/widgets", &token()).await;
    assert!(matches!(result, Err(ProviderError::NoApi)));
    assert!(server.calls().is_empty());
}
