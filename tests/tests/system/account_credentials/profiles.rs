//! Shapes, masks, merge rules, conditional changes and races of account-level credentials.

use super::{GLOBAL, ME, bare, document, github, put, shown};
use crate::repos::{at_once, second_of};
use repoplane_tests::{ADMIN_TOKEN, TestApp};
use serde_json::{Value, json};

#[tokio::test]
async fn every_provider_is_shown_and_no_value() {
    let app = TestApp::start().await;
    let none = json!({"profiles": []});
    let empty = json!({
        "codex": none, "claude_code": none, "gemini_cli": none, "gitlab": none, "github": none, "git": none,
    });
    for (path, owner) in [(ME, "/usr_"), (GLOBAL, "/global")] {
        let fresh = app.admin().get(path).await.expect(200);
        assert_eq!(fresh.body, json!({"credentials": empty}), "{path}");
        let body = json!({
            "github": {"profiles": [{"id": "p", "remark": " bot ", "token": " ghp_1 ", "cloneUsername": "u"}]},
            "gitlab": {"profiles": [{"id": "p", "remark": "lab", "token": "glpat"}], "defaultProfileId": "p"},
            "codex": {"profiles": [{"id": "m", "remark": "team", "apiKey": "sk", "apiBaseUrl": "https://proxy/v1"}]},
        });
        let changed = app.admin().patch(path, body).await.expect(200);
        let credentials = &changed.body["credentials"];
        assert_eq!(*credentials, shown(&app, ADMIN_TOKEN, path).await, "{path}");
        let profile = json!({"id": "p", "remark": "bot", "hasToken": true, "cloneUsername": "u"});
        assert_eq!(bare(&credentials["github"]["profiles"][0]), profile, "{path}");
        assert_eq!(credentials["gitlab"]["defaultProfileId"], "p", "{path}");
        let model = json!({"id": "m", "remark": "team", "hasApiKey": true, "apiBaseUrl": "https://proxy/v1"});
        assert_eq!(bare(&credentials["codex"]["profiles"][0]), model, "{path}");
        // An id is good for one provider: the same one at another is another profile.
        let expected = json!({"git/github/p": "ghp_1", "git/gitlab/p": "glpat", "model/codex/m": "sk"});
        if path == GLOBAL {
            assert_eq!(document(&app, owner).await, expected, "{path}");
        }
        let kept = app.admin().patch(path, json!({"github": {"profiles": [{"id": "p"}]}})).await.expect(200);
        assert_eq!(bare(&kept.body["credentials"]["github"]["profiles"][0]), profile, "absent keeps");
        let wiped = app.admin().patch(path, json!({"github": null, "codex": null})).await.expect(200);
        assert_eq!(wiped.body["credentials"]["github"], none, "{path}");
        assert_eq!(wiped.body["credentials"]["gitlab"]["profiles"][0]["hasToken"], true, "{path}");
    }
    assert_eq!(document(&app, "/global").await, json!({"git/gitlab/p": "glpat"}), "a value goes with its profile");
}

#[tokio::test]
async fn a_new_token_of_the_tenant_leaves_the_webhooks_document_alone() {
    let app = TestApp::start().await;
    let tenant = app.admin().get("/api/me").await.text("/tenant/id");
    let before = document(&app, &format!("{tenant}/{tenant}")).await;
    assert!(before.is_object());
    put(&app.admin(), GLOBAL, github("p", "ghp")).await;
    assert_eq!(document(&app, &format!("{tenant}/{tenant}")).await, before);
}

#[tokio::test]
async fn all_wrong_fields_are_named_and_nothing_is_changed() {
    let app = TestApp::start().await;
    put(&app.admin(), ME, github("p", "ghp")).await;
    let before = shown(&app, ADMIN_TOKEN, ME).await;
    for (body, pointers) in [
        (
            json!({"github": {"profiles": [{"id": "a/b", "remark": "x", "token": 1}]}, "colour": 1}),
            vec!["/github/profiles/0/id", "/github/profiles/0/token", "/colour"],
        ),
        (json!({"github": 7, "codex": []}), vec!["/codex", "/github"]),
        (
            json!({"git": {"profiles": [{"id": "new"}]}, "codex": {"profiles": [{"id": "new"}]}}),
            vec!["/codex/profiles/0/remark", "/git/profiles/0/remark"],
        ),
        (json!({"github": {"profiles": [{"id": "p", "token": "a\nb"}]}}), vec!["/github/profiles/0/token"]),
        (
            json!({"github": {"profiles": [{"id": "p", "urlPrefix": "ftp://github.com/"}]}}),
            vec!["/github/profiles/0/urlPrefix"],
        ),
        (json!([]), vec![""]),
    ] {
        let refused = app.admin().patch(ME, body.clone()).await.expect(400);
        assert_eq!(refused.wrong_fields(), pointers, "{body}");
        assert_eq!(shown(&app, ADMIN_TOKEN, ME).await, before, "{body}");
    }
    let refused = app.admin().patch(GLOBAL, json!({"git": {"profiles": [{"id": "new"}]}})).await.expect(400);
    assert_eq!(refused.text("/code"), "GLOBAL_CREDENTIAL_REPO_PROFILE_REMARK_REQUIRED");
    assert_eq!(refused.body["errors"][0]["details"], json!({"scope": "global", "provider": "git", "profileId": "new"}));
}

#[tokio::test]
async fn a_change_is_good_for_the_version_that_was_read() {
    let app = TestApp::start().await;
    for path in [ME, GLOBAL] {
        let admin = app.admin();
        let first = admin.get(path).await.expect(200).etag();
        let second = admin.if_match(&first).patch(path, github("p", "one")).await.expect(200).etag();
        assert_ne!(first, second, "{path}");
        admin.if_match(&first).patch(path, github("p", "two")).await.expect(412);
        admin.if_match(&second).patch(path, json!({"github": {"defaultProfileId": "p"}})).await.expect(200);
        let seen = admin.get(path).await.expect(200).etag();
        admin.with("if-none-match", &seen).get(path).await.expect(304);
    }
}

#[tokio::test]
async fn a_change_is_in_the_audit_log_with_what_was_and_what_is() {
    let app = TestApp::start().await;
    let me = app.admin().get("/api/me").await.expect(200);
    for (path, action, target) in [
        (ME, "USER_CREDENTIALS_UPDATED", me.text("/principal/userId")),
        (GLOBAL, "GLOBAL_CREDENTIALS_UPDATED", me.text("/tenant/id")),
    ] {
        put(&app.admin(), path, github("p", "ghp_audited")).await;
        let log = app.admin().get("/api/audit?limit=1").await.expect(200);
        let entry = &log.body["entries"][0];
        assert_eq!((&entry["action"], &entry["target"]), (&json!(action), &json!(target)));
        assert_eq!(entry["details"]["fields"], json!(["github"]), "{entry}");
        let change = &entry["details"]["changes"]["github"];
        assert_eq!(change["before"], json!({"profiles": []}), "{entry}");
        assert_eq!(change["after"]["profiles"][0]["hasToken"], true, "{entry}");
        assert!(!log.body.to_string().contains("ghp_audited"));
    }
}

#[tokio::test]
async fn values_beyond_the_documents_size_and_too_many_changes_are_refused() {
    let app = TestApp::start().await;
    let profile = |n: usize| json!({"id": format!("p{n}"), "remark": "x", "token": "t".repeat(8_000)});
    put(&app.admin(), ME, json!({"github": {"profiles": (0..7).map(profile).collect::<Vec<_>>()}})).await;
    let refused = app.admin().patch(ME, json!({"gitlab": {"profiles": [profile(8), profile(9)]}})).await.expect(422);
    assert_eq!(refused.text("/code"), "LIMIT_EXCEEDED");
    // The document was given back: the next writer does not wait.
    put(&app.admin(), ME, github("p0", "small")).await;
    for n in 1..=90 {
        put(&app.admin(), GLOBAL, github("p", &format!("token-{n}"))).await;
    }
    let refused = app.admin().patch(GLOBAL, github("p", "one more")).await.expect(429);
    assert!(refused.text("/detail").contains("this tenant"), "{}", refused.body);
    put(&app.admin(), GLOBAL, json!({"github": {"profiles": [{"id": "p", "remark": "no secret"}]}})).await;
}

#[tokio::test(start_paused = true)]
async fn sixteen_writers_on_two_instances_lose_no_profile_and_no_secret() {
    let app = TestApp::start().await;
    let second = second_of(&app).await;
    for path in [ME, GLOBAL] {
        let answers = at_once((0..16).map(|n| {
            let client = if n % 2 == 0 { app.admin() } else { second.admin() };
            async move { client.patch(path, github(&format!("p{n}"), &format!("token of {n}"))).await }
        }))
        .await;
        for answer in answers {
            assert_eq!(answer.status, 200, "{}", answer.body);
        }
        let profiles = shown(&app, ADMIN_TOKEN, path).await["github"]["profiles"].clone();
        assert_eq!(profiles.as_array().map(Vec::len), Some(16), "{path}");
    }
    let values = document(&app, "/global").await;
    for n in 0..16 {
        assert_eq!(values[format!("git/github/p{n}")], json!(format!("token of {n}")));
    }
}

#[tokio::test(start_paused = true)]
async fn a_writer_that_died_with_the_document_in_its_hands_is_waited_out() {
    use repoplane_local::line::{Fault, FaultPlan};
    let app = TestApp::start().await;
    let dying = second_of(&app).await;
    // It takes the lease; all that follows fails, its giving back included.
    dying.line.set_fault(Some(FaultPlan { target: String::new(), from: 3, times: 1_000, fault: Fault::Down }));
    dying.admin().patch(GLOBAL, github("lost", "lost")).await.expect(503);
    let none: Value = shown(&app, ADMIN_TOKEN, GLOBAL).await["github"]["profiles"].clone();
    assert_eq!(none, json!([]), "a lease alone is no profile");
    put(&app.admin(), GLOBAL, github("p", "kept")).await;
    assert_eq!(document(&app, "/global").await, json!({"git/github/p": "kept"}));
}
