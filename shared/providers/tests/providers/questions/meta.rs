//! What is told about a repository (contract: hookcode 2.7), and what a failure comes to.

use super::double::{Double, Said, access, target};
use repoplane_domain::credential::{GitAccess, GitTokenKind};
use repoplane_domain::repository::Provider;
use repoplane_domain::secret::Secret;
use repoplane_providers::{Fault, Visibility};
use serde_json::{Value, json};

fn github_repository(visibility: Option<&str>, private: bool) -> Value {
    let mut body = json!({
        "id": 1_296_269, "node_id": "MDEw", "name": "widgets", "full_name": "acme/widgets", "private": private,
        "owner": {"login": "acme", "id": 1}, "html_url": "https://github.com/acme/widgets",
        "description": "All widgets\u{7}", "fork": false, "default_branch": "trunk", "archived": true,
        "clone_url": "https://github.com/acme/widgets.git",
    });
    if let Some(visibility) = visibility {
        body["visibility"] = json!(visibility);
    }
    body
}

#[tokio::test]
async fn github_tells_what_it_publishes() {
    for (visibility, private, expected) in [
        (Some("public"), false, Visibility::Public),
        (Some("private"), true, Visibility::Private),
        (Some("internal"), true, Visibility::Internal),
        (None, false, Visibility::Public),
        (None, true, Visibility::Private),
    ] {
        let body = github_repository(visibility, private);
        let double = Double::start(move |_| Said::ok(body.clone()).with("x-ratelimit-remaining", "41")).await;
        let base = double.url() + "/prefix/api/v3";
        for (identity, path) in [("acme/widgets", "/repos/acme/widgets"), ("1296269", "/repositories/1296269")] {
            let target = target(Provider::Github, &base, identity);
            let answered = double.providers.meta(&target, &access()).await.unwrap();
            assert_eq!(answered.rate_limit.remaining, Some(41));
            let meta = answered.value;
            assert_eq!(meta.visibility, expected, "{visibility:?} {private}");
            assert_eq!(meta.web_url.as_deref(), Some("https://github.com/acme/widgets"));
            assert_eq!(meta.default_branch.as_deref(), Some("trunk"));
            assert_eq!(meta.description.as_deref(), Some("All widgets"));
            assert_eq!(meta.archived, Some(true));
            let identity = meta.identity.unwrap();
            assert_eq!((identity.id, identity.full_name.as_str()), (1_296_269, "acme/widgets"));
            assert_eq!(double.calls().last().unwrap(), &format!("GET /prefix/api/v3{path}"));
        }
    }
}

#[tokio::test]
async fn gitlab_tells_what_it_publishes() {
    for (visibility, expected) in [
        (json!("public"), Visibility::Public),
        (json!("internal"), Visibility::Internal),
        (json!("private"), Visibility::Private),
        (json!("other"), Visibility::Private),
    ] {
        let double = Double::start(move |_| {
            Said::ok(json!({
                "id": 4242, "path_with_namespace": "acme/tools/widgets", "visibility": visibility,
                "web_url": "https://host.example/gitlab/acme/tools/widgets", "default_branch": null, "archived": false,
                "description": "",
            }))
        })
        .await;
        let base = double.url() + "/gitlab";
        let target = target(Provider::Gitlab, &base, "acme/tools/widgets");
        let meta = double.providers.meta(&target, &access()).await.unwrap().value;
        assert_eq!(meta.visibility, expected);
        assert_eq!(meta.web_url.as_deref(), Some("https://host.example/gitlab/acme/tools/widgets"));
        assert_eq!((meta.default_branch, meta.description, meta.archived), (None, None, Some(false)));
        assert_eq!(double.calls(), ["GET /gitlab/api/v4/projects/acme%2Ftools%2Fwidgets"]);
        assert_eq!(double.asked()[0].header("private-token"), "glpat-9sXQ3example");
    }
}

#[tokio::test]
async fn nobody_sends_no_authorization() {
    for (provider, body) in [
        (Provider::Github, github_repository(None, false)),
        (Provider::Gitlab, json!({"id": 1, "path_with_namespace": "a/b", "web_url": "https://gitlab.com/a/b"})),
    ] {
        let double = Double::start(move |_| Said::ok(body.clone())).await;
        let base = double.url();
        let meta = double.providers.meta(&target(provider, &base, "a/b"), &GitAccess::Anonymous).await.unwrap();
        assert_eq!(meta.value.visibility, Visibility::Public);
        let asked = &double.asked()[0];
        assert!(!asked.headers.contains_key("authorization") && !asked.headers.contains_key("private-token"));
    }
}

#[tokio::test]
async fn a_link_that_is_no_page_is_left_out() {
    let long = format!("https://github.com/{}", "x".repeat(1_000));
    for link in ["javascript:alert(1)", "ftp://github.com/x", "https://me:pw@github.com/x", "no url", &long] {
        let mut body = github_repository(None, false);
        body["html_url"] = json!(link);
        let double = Double::start(move |_| Said::ok(body.clone())).await;
        let base = double.url();
        let meta = double.providers.meta(&target(Provider::Github, &base, "a/b"), &access()).await.unwrap();
        assert_eq!(meta.value.web_url, None, "{link}");
    }
}

#[tokio::test]
async fn a_failure_says_what_it_comes_to() {
    let scopes = r#"{"error":"insufficient_scope","error_description":"needs api","scope":"api"}"#;
    let scopes: Value = serde_json::from_str(scopes).unwrap();
    for (provider, status, body, fault) in [
        (Provider::Github, 401, json!({"message": "Bad credentials"}), Fault::TokenRejected { missing_scopes: vec![] }),
        (Provider::Github, 404, json!({"message": "Not Found"}), Fault::NotFound),
        (Provider::Github, 451, json!({"message": "Repository access blocked"}), Fault::NotFound),
        (Provider::Github, 502, json!({}), Fault::Unavailable),
        (Provider::Github, 200, json!([]), Fault::BadAnswer),
        (Provider::Gitlab, 403, scopes, Fault::TokenRejected { missing_scopes: vec!["api".to_owned()] }),
        (Provider::Gitlab, 403, json!({"message": "403 Forbidden"}), Fault::Forbidden),
        (Provider::Gitlab, 429, json!({"message": "Retry later"}), Fault::RateLimited { retry_after: None }),
    ] {
        let double = Double::start(move |_| Said::status(status, body.clone()).with("x-ratelimit-limit", "60")).await;
        let base = double.url();
        let error = double.providers.meta(&target(provider, &base, "a/b"), &access()).await.unwrap_err();
        assert_eq!(error.fault(), fault, "{provider} {status}");
        let failed = (status != 200).then_some(status);
        assert_eq!(error.status().map(|status| status.as_u16()), failed);
        assert_eq!(error.rate_limit().limit, failed.map(|_| 60));
    }
    let double = Double::start(|_| Said::missing()).await;
    for (base, identity, fault) in [
        ("https://10.0.0.1/", "a/b", Fault::AddressRefused),
        ("not a url", "a/b", Fault::Unusable),
        ("https://gitlab.com", "a/../b", Fault::Unusable),
    ] {
        let error = double.providers.meta(&target(Provider::Gitlab, base, identity), &access()).await.unwrap_err();
        assert_eq!((error.fault(), error.status()), (fault, None), "{base} {identity}");
    }
    assert!(double.calls().is_empty());
}

#[tokio::test]
async fn a_deploy_token_cannot_ask_the_api() {
    let double = Double::start(|_| Said::missing()).await;
    let base = double.url();
    let access = GitAccess::Token {
        kind: GitTokenKind::Deploy,
        username: Some("gitlab+deploy-token-1".to_owned()),
        token: Secret::new("gldt-example"),
    };
    let target = target(Provider::Gitlab, &base, "4242");
    let providers = &double.providers;
    let errors = [
        providers.test_access(&target, &access).await.unwrap_err(),
        providers.list_hooks(&target, &access).await.unwrap_err(),
        providers.meta(&target, &access).await.unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.fault(), Fault::Unusable);
        assert!(error.to_string().contains("a deploy token reads Git over https"), "{error}");
    }
    assert!(double.calls().is_empty());
}
