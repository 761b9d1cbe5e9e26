//! What a Git profile's token is, and what the profile is kept for.

use super::{GLOBAL, KEY, ME, bare, put, shown};
use repoplane_tests::{ADMIN_TOKEN, Hook, TestApp};
use serde_json::{Value, json};

fn with(fields: Value) -> Value {
    let mut profile = json!({"id": "p"});
    profile.as_object_mut().expect("an object").extend(fields.as_object().cloned().expect("fields"));
    json!({"profiles": [profile]})
}

#[tokio::test]
async fn rows_of_kinds_and_access() {
    let app = TestApp::start().await;
    // Each row goes on from the one before.
    for (row, provider, fields, expected) in [
        ("plain", "github", json!({"remark": "r", "token": "t", "tokenKind": "personal"}), json!({})),
        ("read", "github", json!({"access": "read"}), json!({"access": "read"})),
        (
            "app",
            "github",
            json!({"tokenKind": "github_app", "appId": 7, "installationId": 8, "token": KEY}),
            json!({"tokenKind": "github_app", "appId": 7, "installationId": 8, "access": "read"}),
        ),
        (
            "another key",
            "github",
            json!({"token": KEY}),
            json!({"tokenKind": "github_app", "appId": 7, "installationId": 8, "access": "read"}),
        ),
        ("back", "github", json!({"tokenKind": null, "access": null, "token": "t"}), json!({})),
        (
            "group",
            "gitlab",
            json!({"remark": "r", "token": "t", "tokenKind": "group", "access": "write"}),
            json!({"tokenKind": "group", "access": "write"}),
        ),
        ("deploy", "gitlab", json!({"tokenKind": "deploy"}), json!({"tokenKind": "deploy", "access": "write"})),
    ] {
        let changed = app.admin().patch(ME, json!({provider: with(fields)})).await.expect(200);
        let mut wanted = json!({"id": "p", "remark": "r", "hasToken": true});
        wanted.as_object_mut().expect("an object").extend(expected.as_object().cloned().expect("fields"));
        assert_eq!(bare(&changed.body["credentials"][provider]["profiles"][0]), wanted, "{row}");
        assert_eq!(changed.body["credentials"], shown(&app, ADMIN_TOKEN, ME).await, "{row}");
    }
}

#[tokio::test]
async fn what_does_not_fit_is_named() {
    let app = TestApp::start().await;
    let admin = app.admin();
    put(&admin, ME, json!({"github": with(json!({"remark": "r", "token": "t"}))})).await;
    let app_fields = json!({"tokenKind": "github_app", "appId": 7, "installationId": 8, "token": KEY, "remark": "r"});
    let mut other = app_fields.clone();
    other["id"] = json!("app");
    put(&admin, ME, json!({"github": {"profiles": [other]}})).await;
    let one = |key: &str, value: Value| {
        let mut fields = app_fields.clone();
        fields[key] = value;
        with(fields)
    };
    for (row, provider, body, pointers) in [
        ("unknown kind", "github", with(json!({"tokenKind": "secret"})), vec!["tokenKind"]),
        ("GitLab's at GitHub", "github", with(json!({"tokenKind": "project"})), vec!["tokenKind"]),
        ("GitHub's at GitLab", "gitlab", one("remark", json!("r")), vec!["tokenKind"]),
        ("deploy for plain Git", "git", with(json!({"tokenKind": "deploy", "remark": "r"})), vec!["tokenKind"]),
        ("no ids", "github", with(json!({"tokenKind": "github_app", "token": KEY})), vec!["appId", "installationId"]),
        ("ids of a person", "github", with(json!({"appId": 1})), vec!["appId"]),
        ("no id", "github", one("appId", Value::Null), vec!["appId"]),
        ("zero", "github", one("installationId", json!(0)), vec!["installationId"]),
        ("text", "github", one("appId", json!("7")), vec!["appId"]),
        ("no key", "github", one("token", json!("ghp_1")), vec!["token"]),
        ("a certificate", "github", one("token", json!(KEY.replace("RSA PRIVATE KEY", "CERTIFICATE"))), vec!["token"]),
        ("cut off", "github", one("token", json!(&KEY[..60])), vec!["token"]),
        ("a key as a token", "github", with(json!({"token": KEY})), vec!["token"]),
        (
            "a token kept as a key",
            "github",
            with(json!({"tokenKind": "github_app", "appId": 7, "installationId": 8})),
            vec!["token"],
        ),
        ("a key kept as a token", "github", json!({"profiles": [{"id": "app", "tokenKind": null}]}), vec!["token"]),
        ("access", "github", with(json!({"access": "both"})), vec!["access"]),
    ] {
        let refused = admin.patch(ME, json!({provider: body})).await.expect(400);
        let pointers: Vec<_> = pointers.into_iter().map(|key| format!("/{provider}/profiles/0/{key}")).collect();
        let known = refused.wrong_fields();
        // A profile that GitLab knows nothing of has ids that it knows nothing of either.
        assert!(pointers.iter().all(|pointer| known.contains(pointer)), "{row}: {known:?}");
        assert!(!refused.body.to_string().contains("MIIBOg"), "{row}");
    }
}

#[tokio::test]
async fn a_repositorys_profiles_have_kinds_too_but_no_prefix() {
    let app = TestApp::start().await;
    let (hook, lab) = (Hook::github(&app).await, Hook::gitlab(&app).await);
    let git = |fields: Value| json!({"repoProviderCredential": with(fields)});
    let body = git(json!({"remark": "r", "tokenKind": "github_app", "appId": 7, "installationId": 8, "token": KEY}));
    let changed = app.admin().patch(&hook.path, body).await.expect(200);
    let profile = &changed.body["repoScopedCredentials"]["repoProvider"]["profiles"][0];
    assert_eq!((&profile["tokenKind"], &profile["appId"]), (&json!("github_app"), &json!(7)));
    app.admin().patch(&lab.path, git(json!({"remark": "r", "tokenKind": "project", "token": "t"}))).await.expect(200);
    for body in [json!({"tokenKind": "project"}), json!({"urlPrefix": "https://github.com/"})] {
        app.admin().patch(&hook.path, git(body)).await.expect(400);
    }
    let bad = json!({"github": with(json!({"remark": "r", "urlPrefix": "github.com/acme"}))});
    let refused = app.admin().patch(GLOBAL, bad).await.expect(400);
    assert_eq!(refused.wrong_fields(), ["/github/profiles/0/urlPrefix"]);
}
