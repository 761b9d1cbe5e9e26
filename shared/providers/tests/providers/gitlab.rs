//! GitLab's column of the robot's test, against answers in the shapes that GitLab publishes.

use crate::server::{Answer, Server, token};
use repoplane_domain::repository::Provider;
use repoplane_providers::{ProviderError, TokenReport, test_token};
use serde_json::{Value, json};

/// GitLab REST: the example of `GET /user`, shortened, with values of our own.
fn user() -> Value {
    json!({
        "id": 77, "username": "widget-bot", "name": "Widget Bot", "state": "active", "locked": false,
        "web_url": "https://gitlab.com/widget-bot", "created_at": "2024-05-23T08:00:58.000Z", "bot": false,
        "public_email": "public@widgets.example", "email": "bot@widgets.example", "two_factor_enabled": true,
    })
}

/// GitLab REST: the example of a project member, with values of our own.
fn member(level: u64) -> Value {
    json!({
        "id": 77, "username": "widget-bot", "name": "Widget Bot", "state": "active", "avatar_url": null,
        "web_url": "https://gitlab.com/widget-bot", "expires_at": null, "access_level": level,
        "group_saml_identity": null, "membership_state": "active",
    })
}

fn project() -> Value {
    json!({
        "id": 4242, "description": null, "name": "Widgets", "path": "widgets",
        "path_with_namespace": "acme/tools/widgets",
        "default_branch": "main", "visibility": "private", "web_url": "https://gitlab.com/acme/tools/widgets",
        "permissions": {"project_access": {"access_level": 30}, "group_access": null},
    })
}

fn answers(user: &Value, member: &Value) -> Vec<Answer> {
    vec![
        ("/api/v4/projects/4242", 200, project().to_string()),
        ("/api/v4/projects/acme%2Ftools%2Fwidgets", 200, project().to_string()),
        ("/api/v4/user", 200, user.to_string()),
        ("/api/v4/projects/4242/members/all/77", 200, member.to_string()),
    ]
}

async fn run(server: &Server, identity: &str) -> Result<TokenReport, ProviderError> {
    test_token(&server.egress(), Provider::Gitlab, Some(&server.url()), identity, &token()).await
}

#[tokio::test]
async fn the_calls_and_their_headers() {
    for (id, tail, identity, first) in [
        ("4.4/gitlab/calls", "", "4242", "GET /api/v4/projects/4242"),
        ("4.4/gitlab/calls", "/", "acme/tools/widgets", "GET /api/v4/projects/acme%2Ftools%2Fwidgets"),
        ("4.4/gitlab/calls", "/api/v4", "4242", "GET /api/v4/projects/4242"),
        ("4.4/gitlab/calls", "/api/v4/", " 4242 ", "GET /api/v4/projects/4242"),
    ] {
        let server = Server::start(answers(&user(), &member(30))).await;
        let base = server.url() + tail;
        let report = test_token(&server.egress(), Provider::Gitlab, Some(&base), identity, &token()).await;
        assert!(report.is_ok(), "{id} {tail} {identity}: {report:?}");
        assert_eq!(server.calls(), [first, "GET /api/v4/user", "GET /api/v4/projects/4242/members/all/77"], "{id}");
        for index in 0..3 {
            let headers = server.headers(index);
            assert_eq!(headers["private-token"], "glpat-9sXQ3example", "{id}");
            assert_eq!(headers["user-agent"], concat!("repoplane/", env!("CARGO_PKG_VERSION")), "{id}");
            assert!(!headers.contains_key("authorization"), "{id}");
        }
    }
}

#[tokio::test]
async fn the_site_is_the_public_one_unless_another_is_given() {
    let id = "4.4/gitlab/calls";
    let server = Server::start(answers(&user(), &member(30))).await;
    for site in [None, Some(" "), Some("https://gitlab.com"), Some("https://gitlab.com/api/v4")] {
        let report = test_token(&server.egress(), Provider::Gitlab, site, "4242", &token()).await;
        assert!(report.is_ok(), "{id} {site:?}: {report:?}");
        assert_eq!(server.headers(server.calls().len() - 1)["host"], "gitlab.com");
    }
}

#[tokio::test]
async fn the_account_is_reported() {
    let server = Server::start(answers(&user(), &member(40))).await;
    let report = run(&server, "4242").await.unwrap();
    assert!(report.can_write);
    let account = serde_json::to_value(&report.account).unwrap();
    assert_eq!(account["repoTokenUserId"], "77");
    assert_eq!(account["repoTokenUsername"], "widget-bot");
    assert_eq!(account["repoTokenUserName"], "Widget Bot");
    assert_eq!(account["repoTokenUserEmail"], "bot@widgets.example");
    assert_eq!(account["repoTokenRepoRole"], "maintainer");
}

#[tokio::test]
async fn the_email_falls_back_and_then_fails() {
    let missing = "gitlab user email is missing (token may lack required scope)";
    for (id, email, public_email, expected) in [
        ("4.4/gitlab/email", json!("a@x.example"), json!("b@x.example"), Ok("a@x.example")),
        ("4.4/gitlab/email", Value::Null, json!("b@x.example"), Ok("b@x.example")),
        ("4.4/gitlab/email", json!(""), json!("b@x.example"), Ok("b@x.example")),
        ("4.4/gitlab/email", json!(""), json!(" "), Err(missing)),
        ("4.4/gitlab/email", Value::Null, Value::Null, Err(missing)),
    ] {
        let mut user = user();
        user["email"] = email.clone();
        user["public_email"] = public_email.clone();
        let server = Server::start(answers(&user, &member(30))).await;
        let result = run(&server, "4242").await.map(|report| report.account.email.unwrap());
        let result = result.map_err(|error| error.to_string());
        assert_eq!(result.as_deref().map_err(String::as_str), expected, "{id} {email} {public_email}");
    }
}

#[tokio::test]
async fn the_access_level_is_the_role() {
    for (id, level, role, can_write) in [
        ("4.4/gitlab/role", 60, "owner", true),
        ("4.4/gitlab/role", 50, "owner", true),
        ("4.4/gitlab/role", 49, "maintainer", true),
        ("4.4/gitlab/role", 40, "maintainer", true),
        ("4.4/gitlab/role", 39, "developer", true),
        ("4.4/gitlab/role", 30, "developer", true),
        ("4.4/gitlab/role", 29, "reporter", false),
        ("4.4/gitlab/role", 20, "reporter", false),
        ("4.4/gitlab/role", 15, "guest", false),
        ("4.4/gitlab/role", 10, "guest", false),
        ("4.4/gitlab/role", 5, "unknown", false),
        ("4.4/gitlab/role", 0, "unknown", false),
    ] {
        let server = Server::start(answers(&user(), &member(level))).await;
        let report = run(&server, "4242").await.unwrap();
        assert_eq!((report.account.role.as_deref(), report.can_write), (Some(role), can_write), "{id} {level}");
    }
}

#[tokio::test]
async fn the_details_are_a_short_form_of_the_membership() {
    for (id, expires_at) in [("4.4/gitlab/details", Value::Null), ("4.4/gitlab/details", json!("2027-10-22"))] {
        let mut member = member(30);
        member["expires_at"] = expires_at.clone();
        let server = Server::start(answers(&user(), &member)).await;
        let report = run(&server, "acme/tools/widgets").await.unwrap();
        let expected = json!({
            "provider": "gitlab", "projectId": 4242, "accessLevel": 30,
            "member": {
                "id": 77, "username": "widget-bot", "name": "Widget Bot", "access_level": 30, "state": "active",
                "expires_at": expires_at,
            },
        });
        assert_eq!(report.account.role_details, Some(expected), "{id}");
    }
}

#[tokio::test]
async fn a_refusal_is_quoted() {
    let scope = r#"{"error":"insufficient_scope","error_description":"needs api","scope":"api read_api"}"#;
    for (id, path, status, body, text, calls) in [
        (
            "4.4/fail",
            "/api/v4/projects/4242",
            401,
            r#"{"message":"401 Unauthorized"}"#,
            r#"[gitlab] 401 Unauthorized: {"message":"401 Unauthorized"}"#.to_owned(),
            1,
        ),
        ("4.4/fail", "/api/v4/user", 403, scope, format!("[gitlab] 403 Forbidden: {scope}"), 2),
        (
            "4.4/fail",
            "/api/v4/projects/4242",
            404,
            r#"{"message":"404 Project Not Found"}"#,
            r#"[gitlab] 404 Not Found: {"message":"404 Project Not Found"}"#.to_owned(),
            1,
        ),
        (
            "4.4/fail",
            "/api/v4/projects/4242/members/all/77",
            404,
            r#"{"message":"404 Not found"}"#,
            r#"[gitlab] 404 Not Found: {"message":"404 Not found"}"#.to_owned(),
            3,
        ),
        ("4.4/fail", "/api/v4/user", 429, "Retry later\n", "[gitlab] 429 Too Many Requests: Retry later".to_owned(), 2),
    ] {
        let mut script = answers(&user(), &member(30));
        script.retain(|answer| answer.0 != path);
        script.push((path, status, body.to_owned()));
        let server = Server::start(script).await;
        let error = run(&server, "4242").await.unwrap_err();
        assert_eq!(error.to_string(), text, "{id}");
        assert_eq!(server.calls().len(), calls, "{id} {text}");
    }
}
