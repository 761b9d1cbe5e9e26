//! `PATCH /api/repos/:id` (contract: hookcode 2.4).

use repoplane_tests::{GITHUB_ISSUES_OPENED, Hook, TestApp, fixture};
use serde_json::{Value, json};

#[tokio::test]
async fn rows_of_changed_fields_are_answered_and_kept() {
    let app = TestApp::start().await;
    let branches = json!([{"name": "main", "isDefault": true}]);
    let start = json!({"name": "acme/widgets", "externalId": "acme/widgets", "apiBaseUrl": "https://ghe.example/api/v3",
                       "branches": branches, "description": "old"});
    let hook = Hook::register(&app, "github", start).await;
    for (row, body, field, stored) in [
        ("2.4/name", json!({"name": " acme/gadgets "}), "name", json!("acme/gadgets")),
        ("2.4/name-null", json!({"name": null}), "name", json!("acme/gadgets")),
        ("2.4/externalId", json!({"externalId": "4711"}), "externalId", json!("4711")),
        ("2.4/externalId-null", json!({"externalId": null}), "externalId", Value::Null),
        (
            "2.4/apiBaseUrl",
            json!({"apiBaseUrl": "https://api.github.com"}),
            "apiBaseUrl",
            json!("https://api.github.com"),
        ),
        ("2.4/apiBaseUrl-null", json!({"apiBaseUrl": null}), "apiBaseUrl", Value::Null),
        (
            "2.4/branches",
            json!({"branches": [{"name": "dev"}]}),
            "branches",
            json!([{"name": "dev", "isDefault": false}]),
        ),
        ("2.4/branches-null", json!({"branches": null}), "branches", json!([])),
        ("2.4/enabled", json!({"enabled": false}), "enabled", json!(false)),
        ("references", json!({"externalReferences": 1_000_000_000}), "externalReferences", json!(1_000_000_000)),
        ("references", json!({"externalReferences": 3.0}), "externalReferences", json!(3)),
        ("references", json!({}), "externalReferences", json!(3)),
        ("references-none", json!({"externalReferences": 0}), "externalReferences", Value::Null),
        ("references", json!({"externalReferences": 1}), "externalReferences", json!(1)),
        ("references-null", json!({"externalReferences": null}), "externalReferences", Value::Null),
        ("2.4/absent", json!({"enabled": true}), "name", json!("acme/gadgets")),
        ("2.4/absent", json!({}), "description", json!("old")),
        ("2.4/skillDefaults", json!({"skillDefaults": ["x"]}), "skillDefaults", Value::Null),
    ] {
        let changed = app.admin().patch(&hook.path, body.clone()).await.expect(200);
        assert_eq!(changed.body["repo"][field], stored, "{row} {body}");
        let read = app.second_instance().admin().get(&hook.path).await.expect(200);
        assert_eq!(read.body["repo"][field], stored, "{row} {body} read back");
    }
    assert_eq!(
        app.audit_of(&hook.repo).await.iter().filter(|action| *action == "REPO_UPDATED").count(),
        18,
        "2.4/audit"
    );
}

#[tokio::test]
async fn the_answer_has_rights_and_credentials_but_no_creator() {
    let app = TestApp::start().await;
    let hook = Hook::github(&app).await;
    let maintainer = app.member(&hook.repo, "max", "maintainer").await;
    let before = app.admin().get(&hook.path).await.expect(200);
    let changed = maintainer.client.patch(&hook.path, json!({})).await.expect(200);
    let keys: Vec<_> = changed.body.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["previewEnvConfig", "repo", "repoScopedCredentials"], "2.4/200");
    assert_eq!(changed.body["repo"]["myRole"], "maintainer", "2.4/right");
    assert_eq!(changed.body["repo"]["permissions"]["canDelete"], false, "2.4/200");
    assert!(changed.body["repo"].get("creator").is_none(), "2.4/200");
    assert!(changed.text("/repo/updatedAt") > before.text("/repo/updatedAt"), "2.4/empty-body");
    assert_eq!(changed.body["repo"]["createdAt"], before.body["repo"]["createdAt"], "2.4/empty-body");
}

#[tokio::test]
async fn rows_of_refused_fields_change_nothing() {
    let app = TestApp::start().await;
    let hook = Hook::github(&app).await;
    let before = app.admin().get(&hook.path).await.expect(200);
    for (row, body, pointer, message) in [
        ("2.4/400-name", json!({"name": " "}), "/name", "name is required"),
        ("2.4/400-type", json!({"enabled": "yes"}), "/enabled", "must be true or false"),
        ("2.4/400-type", json!({"branches": "main"}), "/branches", "must be an array"),
        ("2.4/400-type", json!({"repoProviderCredential": []}), "/repoProviderCredential", "must be an object"),
        ("2.4/400-provider", json!({"provider": "gitlab"}), "/provider", "unknown field"),
        ("2.4/400-unknown", json!({"colour": "red"}), "/colour", "unknown field"),
        ("2.4/400-unknown", json!({"branches": [{"name": "a", "sha": "b"}]}), "/branches/0/sha", "unknown field"),
        (
            "2.4/400-unknown",
            json!({"repoProviderCredential": {"profiles": [{"remark": "a", "tokn": "b"}]}}),
            "/repoProviderCredential/profiles/0/tokn",
            "unknown field",
        ),
    ] {
        let refused = app.admin().patch(&hook.path, body.clone()).await.expect(400);
        assert_eq!(refused.wrong_fields(), [pointer], "{row} {body}");
        assert_eq!(refused.text("/message"), message, "{row} {body}");
    }
    for secret in [Value::Null, json!(""), json!(" ")] {
        let refused = app.admin().patch(&hook.path, json!({"webhookSecret": secret})).await.expect(400);
        assert_eq!(refused.wrong_fields(), ["/webhookSecret"], "5.3/Q6");
        assert!(refused.text("/message").contains("webhookVerification"), "2.4/webhookSecret-blank");
    }
    let refused = app.admin().patch(&hook.path, json!([])).await.expect(400);
    assert_eq!(refused.wrong_fields(), [""], "2.4/400-body");
    let after = app.admin().get(&hook.path).await.expect(200);
    assert_eq!(after.body, before.body, "2.4/400-type");
}

#[tokio::test]
async fn a_profile_without_a_remark_is_refused_with_the_contracts_code() {
    let app = TestApp::start().await;
    let hook = Hook::github(&app).await;
    let body = json!({"repoProviderCredential": {"profiles": [{"id": "p1", "token": "t"}]}});
    let refused = app.admin().patch(&hook.path, body).await.expect(400);
    assert_eq!(refused.text("/code"), "REPO_SCOPED_CREDENTIAL_REPO_PROFILE_REMARK_REQUIRED", "2.4/400-remark-git");
    assert_eq!(refused.text("/message"), "repo provider credential profile remark is required", "2.4/400-remark-git");
    let details = json!({"scope": "repo_scoped", "provider": "github", "profileId": "p1"});
    assert_eq!(refused.body["details"], details, "2.4/400-remark-git");

    let body = json!({"modelProviderCredential": {"codex": {"profiles": [{"id": "m1", "remark": ""}]}}});
    let refused = app.admin().patch(&hook.path, body).await.expect(400);
    assert_eq!(refused.text("/code"), "REPO_SCOPED_CREDENTIAL_MODEL_PROFILE_REMARK_REQUIRED", "2.4/400-remark-model");
    assert_eq!(
        refused.text("/message"),
        "model provider credential profile remark is required",
        "2.4/400-remark-model"
    );
    let details = json!({"scope": "repo_scoped", "provider": "codex", "profileId": "m1"});
    assert_eq!(refused.body["details"], details, "2.4/400-remark-model");
}

#[tokio::test]
async fn a_name_or_identity_of_another_repository_is_a_conflict_and_a_freed_one_is_not() {
    let app = TestApp::start().await;
    let holder = Hook::register(&app, "github", json!({"name": "a/one", "externalId": "a/one"})).await;
    let hook = Hook::register(&app, "github", json!({"name": "a/two", "externalId": "a/two"})).await;
    for (row, body, code) in [
        ("2.4/409-name", json!({"name": "A/One"}), "REPO_NAME_TAKEN"),
        ("2.4/409-identity", json!({"externalId": "a/ONE"}), "REPO_IDENTITY_TAKEN"),
        (
            "2.4/409-identity",
            json!({"name": "a/three", "externalId": "a/one", "description": "x"}),
            "REPO_IDENTITY_TAKEN",
        ),
    ] {
        let taken = app.admin().patch(&hook.path, body).await.expect(409);
        assert_eq!(taken.text("/code"), code, "{row}");
        assert_eq!(taken.text("/conflicting_resource_id"), holder.repo, "{row}");
    }
    app.admin().patch(&holder.path, json!({"name": "a/old", "externalId": null})).await.expect(200);
    app.admin().patch(&hook.path, json!({"name": "a/one", "externalId": "a/one"})).await.expect(200);
    app.admin().patch(&hook.path, json!({"name": "A/ONE"})).await.expect(200);
}

#[tokio::test]
async fn a_supplied_secret_replaces_the_derived_one_at_once() {
    let app = TestApp::start().await;
    let hook = Hook::github(&app).await;
    let issue = fixture(GITHUB_ISSUES_OPENED);
    app.admin().patch(&hook.path, json!({"webhookSecret": " ours "})).await.expect(200);
    hook.post(&app, "issues", "guid-1", &issue).await.expect(401);
    let ours = hook.with_secret("ours");
    ours.post(&app, "issues", "guid-2", &issue).await.expect(202);
    assert_eq!(ours.post(&app.second_instance(), "issues", "guid-3", &issue).await.status, 202, "2.4/webhookSecret");
}

#[tokio::test]
async fn only_the_administrator_switches_verification_off() {
    let app = TestApp::start().await;
    let hook = Hook::github(&app).await;
    let owner = app.member(&hook.repo, "olga", "owner").await;
    let off = json!({"webhookVerification": "off"});
    let refused = owner.client.patch(&hook.path, off.clone()).await.expect(403);
    assert_eq!(refused.text("/code"), "ADMIN_REQUIRED");
    let weak = app.admin().token(json!({"name": "no admin", "scopes": ["repos:write"]})).await;
    let refused = app.client(weak).patch(&hook.path, off.clone()).await.expect(403);
    assert_eq!(refused.text("/code"), "PAT_SCOPE_INSUFFICIENT");
    assert_eq!(refused.text("/requiredScope"), "admin");
    let body = json!({"provider": "github", "name": "x", "webhookVerification": "off"});
    owner.client.post("/api/repos", body).await.expect(403);

    app.admin().patch(&hook.path, off.clone()).await.expect(200);
    // To leave it off is no change; to switch it on again is every manager's.
    owner.client.patch(&hook.path, off).await.expect(200);
    let unsigned = hook.with_secret("whatever");
    unsigned.post(&app, "issues", "guid-1", &fixture(GITHUB_ISSUES_OPENED)).await.expect(202);
    let changed = owner.client.patch(&hook.path, json!({"webhookVerification": "on"})).await.expect(200);
    assert_eq!(changed.body["repo"]["webhookVerification"], "on");
    unsigned.post(&app, "issues", "guid-2", &fixture(GITHUB_ISSUES_OPENED)).await.expect(401);
    let audit = app.audit_of(&hook.repo).await;
    assert_eq!(audit.iter().filter(|action| *action == "REPO_WEBHOOK_VERIFICATION_CHANGED").count(), 2);
}

#[tokio::test]
async fn changing_answers_by_right() {
    let app = TestApp::start().await;
    let hook = Hook::github(&app).await;
    let member = app.member(&hook.repo, "mia", "member").await;
    let stranger = app.person("sam").await;
    let body = json!({"description": "x"});
    assert_eq!(app.anonymous().patch(&hook.path, body.clone()).await.status, 401, "2.4/401");
    for client in [&member.client, &stranger.client] {
        let refused = client.patch(&hook.path, body.clone()).await.expect(403);
        assert_eq!(refused.text("/code"), "REPO_MANAGE_REQUIRED", "2.4/403");
    }
    for id in ["rep_00000000000000000000000000", "7b1e"] {
        let missing = app.admin().patch(&format!("/api/repos/{id}"), body.clone()).await.expect(404);
        assert_eq!(missing.text("/message"), "Repo not found", "2.4/404");
    }
    app.admin().post(&format!("{}/archive", hook.path), Value::Null).await.expect(200);
    let refused = app.admin().patch(&hook.path, json!({"name": ""})).await.expect(403);
    assert_eq!(refused.text("/code"), "REPO_ARCHIVED_READ_ONLY", "2.4/403-archived");
}
