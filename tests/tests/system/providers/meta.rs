//! `GET /api/repos/:id/provider-meta` (contract: hookcode 2.7).

use repoplane_local::double::{ADMIN_TOKEN, READ_TOKEN};
use repoplane_local::engines::Engines;
use repoplane_local::line::Line;
use repoplane_tests::{Hook, ProviderDouble, TestApp};
use serde_json::json;

#[tokio::test]
async fn visibility_and_page_come_from_the_provider() {
    let app = TestApp::start_with_double().await;
    for (provider, name, visibility) in [
        ("github", "acme/widgets", "private"),
        ("github", "public/widgets", "public"),
        ("gitlab", "acme/widgets", "private"),
        ("gitlab", "public/widgets", "public"),
    ] {
        let hook = Hook::at_double(&app, provider, name, Some(READ_TOKEN)).await;
        let meta = app.admin().get(&format!("{}/provider-meta?credentialSource=repo", hook.path)).await.expect(200);
        assert_eq!(meta.body["provider"], provider, "2.7/200");
        assert_eq!(meta.body["visibility"], visibility, "2.7/200 {provider} {name}");
        assert!(meta.text("/webUrl").contains(name), "2.7/200");
        assert_eq!(meta.body["defaultBranch"], "main");
    }
}

#[tokio::test]
async fn sources_do_not_fall_through() {
    let app = TestApp::start_with_double().await;
    let double = app.double.clone().expect("a double");
    let hook = Hook::at_double(&app, "github", "acme/widgets", Some(READ_TOKEN)).await;
    let mia = app.member(&hook.repo, "mia", "member").await.client;
    let path = format!("{}/provider-meta", hook.path);
    for source in ["", "?credentialSource=user", "?credentialSource=whatever", "?credentialSource=global"] {
        let refused = mia.get(&format!("{path}{source}")).await.expect(400);
        assert_eq!(refused.text("/code"), "REPO_PROVIDER_TOKEN_REQUIRED", "2.7/400-token {source}");
        assert_eq!(refused.text("/message"), "repo provider token is required to fetch visibility", "2.7/400-token");
    }
    let refused = mia.get(&format!("{path}?credentialSource=repo&credentialProfileId=nobody")).await.expect(400);
    assert_eq!(refused.text("/code"), "REPO_PROVIDER_TOKEN_REQUIRED", "2.7: a wrong id is no token");
    assert_eq!(app.provider_calls(), 0);
    mia.get(&format!("{path}?credentialSource=repo&credentialProfileId=bot")).await.expect(200);

    mia.patch("/api/credentials/me", double.own_token(ADMIN_TOKEN)).await.expect(200);
    mia.get(&path).await.expect(200);
    app.admin().patch("/api/credentials/global", double.own_token(READ_TOKEN)).await.expect(200);
    mia.get(&format!("{path}?credentialSource=global")).await.expect(200);
}

#[tokio::test]
async fn anonymous_cannot_tell_private_from_missing() {
    let app = TestApp::start_with_double().await;
    for (name, visibility) in
        [("acme/widgets", "unknown"), ("missing/widgets", "unknown"), ("public/widgets", "public")]
    {
        let hook = Hook::at_double(&app, "github", name, Some(READ_TOKEN)).await;
        let meta =
            app.admin().get(&format!("{}/provider-meta?credentialSource=anonymous", hook.path)).await.expect(200);
        assert_eq!(meta.body["visibility"], visibility, "2.7/200-anonymous {name}");
        assert_eq!(meta.body.get("webUrl").is_some(), visibility == "public", "2.7/200-anonymous {name}");
    }
    let half = Hook::register(&app, "github", json!({"name": "half", "externalId": "acme/"})).await;
    let meta = app.admin().get(&format!("{}/provider-meta?credentialSource=anonymous", half.path)).await.expect(200);
    assert_eq!(meta.body["visibility"], "unknown", "2.7/identity, anonymous");
    half.add_credentials(&app, READ_TOKEN).await;
    let refused = app.admin().get(&format!("{}/provider-meta?credentialSource=repo", half.path)).await.expect(400);
    assert_eq!(refused.text("/code"), "REPO_PROVIDER_UNUSABLE", "2.7/identity");
}

#[tokio::test]
async fn warm_is_one_read_and_no_call() {
    let app = TestApp::start_with_double().await;
    let hook = Hook::at_double(&app, "github", "acme/widgets", Some(READ_TOKEN)).await;
    let path = format!("{}/provider-meta?credentialSource=repo", hook.path);
    // One instance: another client is another one, with caches of its own.
    let admin = app.admin();
    let first = admin.get(&path).await.expect(200);
    let (calls, _) = (app.provider_calls(), app.line.take_calls());
    assert!(calls > 0, "the first one asks");
    let again = admin.get(&path).await.expect(200);
    assert_eq!((again.body, app.provider_calls()), (first.body, calls));
    assert_eq!(app.line.take_calls(), ["Query"]);
    // Another profile, another source and another version of the record are other questions.
    admin.get(&format!("{path}&credentialProfileId=bot")).await.expect(200);
    let asked = app.provider_calls();
    assert!(asked > calls);
    admin.patch(&hook.path, json!({"description": "changed"})).await.expect(200);
    admin.get(&path).await.expect(200);
    assert!(app.provider_calls() > asked, "2.7: the answer is kept under the record's version");
}

#[tokio::test]
async fn equal_questions_at_the_same_time_are_one_call() {
    let app = TestApp::start_with_double().await;
    let hook = Hook::at_double(&app, "gitlab", "acme/widgets", Some(READ_TOKEN)).await;
    let path = format!("{}/provider-meta?credentialSource=repo", hook.path);
    let client = app.admin();
    let ask = || client.get(&path);
    let (a, b, c, d) = tokio::join!(ask(), ask(), ask(), ask());
    for answer in [&a, &b, &c, &d] {
        assert_eq!((answer.status.as_u16(), &answer.body), (200, &a.body));
    }
    assert_eq!(app.provider_calls(), 1);
}

#[tokio::test]
async fn rights_and_absence() {
    let app = TestApp::start_with_double().await;
    let hook = Hook::at_double(&app, "github", "acme/widgets", Some(READ_TOKEN)).await;
    let path = format!("{}/provider-meta?credentialSource=repo", hook.path);
    assert_eq!(app.anonymous().get(&path).await.status, 401, "2.7/401");
    let stranger = app.person("sam").await.client.get(&path).await.expect(403);
    assert_eq!(stranger.text("/code"), "REPO_ACCESS_DENIED", "2.7/403");
    app.admin().get("/api/repos/rep_00000000000000000000000000/provider-meta").await.expect(404);
    app.admin().post(&format!("{}/archive", hook.path), serde_json::Value::Null).await.expect(200);
    app.admin().get(&path).await.expect(200);
}

/// Git's older advertisement of references, as a server answers it that knows nothing newer (git: protocol-v0, protocol-http).
async fn advertisement() -> ([(&'static str, &'static str); 1], String) {
    let line = |text: &str| format!("{:04x}{text}", text.len() + 4);
    let sha = "c0ffee0000000000000000000000000000000001";
    let body = [
        line("# service=git-upload-pack\n"),
        "0000".to_owned(),
        line(&format!("{sha} HEAD\0symref=HEAD:refs/heads/trunk agent=git/2\n")),
        line(&format!("{sha} refs/heads/next\n")),
        line(&format!("{sha} refs/heads/trunk\n")),
        "0000".to_owned(),
    ];
    ([("content-type", "application/x-git-upload-pack-advertisement")], body.concat())
}

#[tokio::test]
async fn a_plain_git_remote_is_asked_over_git() {
    let router = axum::Router::new().route("/acme/tools.git/info/refs", axum::routing::get(advertisement));
    let double = ProviderDouble::serving(router).await;
    let app = TestApp::on(Line::to(Engines::memory().expect("engines")), Some(double.clone())).await;
    let remote = |name: &str| json!({"provider": "git", "name": name, "remoteUrl": format!("{}/acme/{name}.git", double.origin())});
    let admin = app.admin();
    let made = admin.post("/api/repos?validate=true", remote("tools")).await.expect(201);
    let path = format!("/api/repos/{}", made.text("/repo/id"));
    let meta = admin.get(&format!("{path}/provider-meta?credentialSource=anonymous")).await.expect(200).body;
    assert_eq!((&meta["provider"], &meta["visibility"]), (&json!("git"), &json!("public")));
    assert_eq!(
        (&meta["reachable"], &meta["defaultBranch"], &meta["headCount"]),
        (&json!(true), &json!("trunk"), &json!(2))
    );
    assert_eq!(meta["heads"][0]["name"], "next");
    let refused = admin.post("/api/repos?validate=true", remote("nothing")).await.expect(424);
    assert_eq!(refused.text("/code"), "REPO_PROVIDER_AUTH_REQUIRED");
}
