//! `GET /api/providers/:provider/repositories`: what a credential can see.

use repoplane_local::double::{ADMIN_TOKEN, READ_TOKEN};
use repoplane_tests::TestApp;
use std::collections::BTreeSet;

#[tokio::test]
async fn every_repository_is_on_one_page_and_can_be_registered() {
    let app = TestApp::start_with_double().await;
    let double = app.double.clone().expect("a double");
    let admin = app.admin();
    admin.patch("/api/credentials/me", double.own_token(ADMIN_TOKEN)).await.expect(200);
    for (provider, base) in [("github", double.github()), ("gitlab", double.gitlab())] {
        let first = format!("/api/providers/{provider}/repositories?owner=acme&apiBaseUrl={base}");
        let (mut seen, mut path) = (BTreeSet::new(), first.clone());
        let mut pages = 0;
        loop {
            let page = admin.get(&path).await.expect(200);
            let rows = page.body["repositories"].as_array().cloned().unwrap_or_default();
            pages += 1;
            for row in &rows {
                assert!(seen.insert(row["id"].to_string()), "{provider}: twice {row}");
            }
            if pages == 1 {
                let made = admin.post("/api/repos", rows[0]["register"].clone()).await.expect(201);
                assert_eq!(made.body["repo"]["branches"][0]["isDefault"], true, "{provider}");
            }
            let Some(next) = page.body["nextCursor"].as_str() else { break };
            path = format!("{first}&cursor={next}");
        }
        assert!(pages >= 2 && seen.len() > 100, "{provider}: {pages} pages, {} rows", seen.len());
    }
}

#[tokio::test]
async fn what_cannot_be_listed_is_a_clear_4xx() {
    let app = TestApp::start_with_double().await;
    let double = app.double.clone().expect("a double");
    let admin = app.admin();
    let path = |query: &str| format!("/api/providers/github/repositories?apiBaseUrl={}{query}", double.github());
    let refused = admin.get(&path("")).await.expect(400);
    assert_eq!(refused.text("/code"), "REPO_PROVIDER_TOKEN_REQUIRED");
    admin.patch("/api/credentials/me", double.own_token(READ_TOKEN)).await.expect(200);
    admin.get(&path("")).await.expect(200);
    let refused = admin.get(&path("&credentialSource=anonymous")).await.expect(400);
    assert_eq!(refused.text("/code"), "REPO_PROVIDER_TOKEN_REQUIRED");
    let refused = admin.get(&path("&cursor=a2")).await.expect(400);
    assert_eq!(refused.text("/code"), "INVALID_CURSOR");
    // A token goes where it is meant to go.
    let refused = admin.get("/api/providers/github/repositories?apiBaseUrl=https://evil.example.com").await.expect(400);
    assert_eq!(refused.text("/code"), "REPO_PROVIDER_TOKEN_NOT_FOR_HOST");
    admin.get("/api/providers/git/repositories").await.expect(404);
    admin.get("/api/providers/bitbucket/repositories").await.expect(404);
    let mia = app.person("mia").await.client;
    assert_eq!(
        mia.get(&path("")).await.expect(400).text("/code"),
        "REPO_PROVIDER_TOKEN_REQUIRED",
        "nobody else's token"
    );
    assert_eq!(app.anonymous().get(&path("")).await.status, 401);
}
