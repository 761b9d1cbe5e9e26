//! `POST /api/repos` (contract: hookcode 2.2, 4.2).

use repoplane_tests::{GITHUB_ISSUES_OPENED, Hook, TestApp, fixture};
use serde_json::{Value, json};

fn is_generated(secret: &str) -> bool {
    secret.len() == 48 && secret.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

#[tokio::test]
async fn a_created_repository_is_answered_whole_with_its_webhook() {
    let app = TestApp::start().await;
    let ann = app.person_with(json!({"username": "ann", "displayName": "Ann"})).await;
    let body = json!({
        "provider": "github", "name": "acme/widgets", "externalId": "acme/widgets",
        "apiBaseUrl": "https://api.github.com", "description": "Widgets", "metadata": {"team": "core"},
        "timezone": "Europe/Berlin", "retentionDays": 7,
    });
    let created = ann.client.post("/api/repos", body).await.expect(201);
    let id = created.text("/repo/id");

    let row = "2.2/201";
    assert_eq!(created.headers["location"], format!("/api/repos/{id}"), "{row}");
    assert_eq!(created.body["webhookPath"], format!("/api/webhook/github/{id}"), "{row}");
    let repo = &created.body["repo"];
    assert!(id.starts_with("rep_"), "{row}");
    for (key, value) in [
        ("provider", json!("github")),
        ("namespace", json!("registry")),
        ("name", json!("acme/widgets")),
        ("externalId", json!("acme/widgets")),
        ("apiBaseUrl", json!("https://api.github.com")),
        ("description", json!("Widgets")),
        ("metadata", json!({"team": "core"})),
        ("timezone", json!("Europe/Berlin")),
        ("retentionDays", json!(7)),
        ("branches", json!([])),
        ("enabled", json!(true)),
        ("skillDefaults", Value::Null),
        ("myRole", json!("owner")),
        ("number", json!(1)),
    ] {
        assert_eq!(repo[key], value, "{row} {key}");
    }
    assert_eq!(repo["createdAt"], repo["updatedAt"], "{row}");
    assert_eq!(repo["permissions"]["canDelete"], true, "{row}");
    for absent in ["archivedAt", "webhookVerifiedAt", "remoteUrl"] {
        assert!(repo.get(absent).is_none(), "{row}: {absent} is unset, hence left out");
    }
    let creator = json!({"userId": ann.id, "username": "ann", "displayName": "Ann"});
    assert_eq!(repo["creator"], creator, "2.2/creator");

    let plain = app.person("ben").await.client.post("/api/repos", json!({"provider": "gitlab", "name": "b"})).await;
    let plain = plain.expect(201);
    assert_eq!(plain.body["repo"]["myRole"], "owner", "2.2/right");
    assert!(plain.body["repo"]["creator"].get("displayName").is_none(), "2.2/creator-unnamed");
    for absent in ["externalId", "apiBaseUrl", "description", "metadata", "timezone"] {
        assert!(plain.body["repo"].get(absent).is_none(), "{row}: {absent} is unset, hence left out");
    }
}

#[tokio::test]
async fn rows_of_accepted_fields() {
    let app = TestApp::start().await;
    for (row, n, body, field, stored) in [
        ("2.2/provider", 1, json!({"provider": " GitHub "}), "/repo/provider", json!("github")),
        ("2.2/provider", 2, json!({"provider": "GITLAB"}), "/repo/provider", json!("gitlab")),
        ("2.2/name", 3, json!({"name": "  Spaced  "}), "/repo/name", json!("Spaced")),
        ("2.2/externalId", 4, json!({"externalId": "42"}), "/repo/externalId", json!("42")),
        ("2.2/externalId-null", 5, json!({"externalId": null}), "/repo/externalId", Value::Null),
        (
            "2.2/apiBaseUrl",
            6,
            json!({"apiBaseUrl": "https://git.example/api/v3"}),
            "/repo/apiBaseUrl",
            json!("https://git.example/api/v3"),
        ),
        ("2.2/apiBaseUrl-null", 7, json!({"apiBaseUrl": null}), "/repo/apiBaseUrl", Value::Null),
        (
            "2.2/branches",
            8,
            json!({"branches": [{"name": " main ", "note": " ", "isDefault": true}, {"name": ""}, {"name": "main"},
                                {"name": "dev", "note": "Dev branch", "isDefault": true}]}),
            "/repo/branches",
            json!([{"name": "main", "isDefault": true}, {"name": "dev", "note": "Dev branch", "isDefault": false}]),
        ),
        ("2.2/enabled", 9, json!({}), "/repo/enabled", json!(true)),
        ("2.2/skillDefaults", 10, json!({"skillDefaults": ["a"]}), "/repo/skillDefaults", Value::Null),
    ] {
        let mut whole = json!({"provider": "github", "name": format!("acme/{n}")});
        whole.as_object_mut().unwrap().extend(body.as_object().cloned().unwrap());
        let created = app.admin().post("/api/repos", whole).await.expect(201);
        assert_eq!(created.body.pointer(field).cloned().unwrap_or_default(), stored, "{row}");
        let read = app.admin().get(&format!("/api/repos/{}", created.text("/repo/id"))).await.expect(200);
        assert_eq!(read.body.pointer(field).cloned().unwrap_or_default(), stored, "{row} read back");
    }
}

#[tokio::test]
async fn rows_of_refused_fields_name_the_field_and_say_the_contracts_text() {
    let app = TestApp::start().await;
    let provider = "provider must be gitlab, github or git";
    for (row, body, pointer, message) in [
        ("2.2/provider-400", json!({"name": "a"}), "/provider", provider),
        ("2.2/provider-400", json!({"provider": null, "name": "a"}), "/provider", provider),
        ("2.2/provider-400", json!({"provider": "svn", "name": "a"}), "/provider", provider),
        ("2.2/provider-400", json!({"provider": 7, "name": "a"}), "/provider", "must be a string"),
        ("2.2/name-400", json!({"provider": "github"}), "/name", "name is required"),
        ("2.2/name-400", json!({"provider": "github", "name": null}), "/name", "name is required"),
        ("2.2/name-400", json!({"provider": "github", "name": "  "}), "/name", "name is required"),
        ("2.2/name-400", json!({"provider": "github", "name": ["a"]}), "/name", "must be a string"),
        (
            "2.2/apiBaseUrl-400",
            json!({"provider": "github", "name": "a", "apiBaseUrl": "https://u:p@h/"}),
            "/apiBaseUrl",
            "must be an http or https URL without user, query or fragment",
        ),
        (
            "2.2/branches-400",
            json!({"provider": "github", "name": "a", "branches": {}}),
            "/branches",
            "must be an array",
        ),
        (
            "2.2/branches-400",
            json!({"provider": "github", "name": "a", "branches": [{"name": "m", "isDefault": "yes"}]}),
            "/branches/0/isDefault",
            "must be true or false",
        ),
        ("2.2/enabled-400", json!({"provider": "github", "name": "a", "enabled": false}), "/enabled", "unknown field"),
        (
            "2.2/other-namespace",
            json!({"provider": "gitlab", "name": "a", "namespace": "product/x"}),
            "/namespace",
            "must be registry; a product's repositories are saved by \
             POST /api/v1/products/{product_name}/coderepos/{coderepo_name}",
        ),
        (
            "2.2/other-namespace",
            json!({"provider": "gitlab", "name": "a", "namespace": "platform/1"}),
            "/namespace",
            "must be registry; a platform's repositories are made by POST /api/v1/repositories.json",
        ),
    ] {
        let refused = app.admin().post("/api/repos", body.clone()).await.expect(400);
        assert_eq!(refused.wrong_fields(), [pointer], "{row} {body}");
        assert_eq!(refused.text("/message"), message, "{row} {body}");
        assert_eq!(refused.text("/errors/0/message"), message, "{row} {body}");
    }
    let body = json!({"provider": "svn", "name": "", "branches": 1, "retentionDays": 0, "colour": "red"});
    let refused = app.admin().post("/api/repos", body).await.expect(400);
    let row = "2.2/400-all";
    assert_eq!(refused.wrong_fields(), ["/provider", "/name", "/branches", "/retentionDays", "/colour"], "{row}");
    assert_eq!(refused.text("/message"), "provider must be gitlab, github or git", "{row}");
    let list = app.admin().get("/api/repos?archived=all").await.expect(200);
    assert_eq!(list.body["repos"], json!([]), "{row}: nothing was registered");
}

#[tokio::test]
async fn provider_git_needs_a_remote_and_has_no_webhook() {
    let app = TestApp::start().await;
    let body = json!({"provider": "git", "name": "tools", "externalId": "x"});
    let refused = app.admin().post("/api/repos", body).await.expect(400);
    assert_eq!(refused.wrong_fields(), ["/externalId", "/remoteUrl"]);

    let body = json!({"provider": "git", "name": "tools", "remoteUrl": "https://git.example/tools.git"});
    let created = app.admin().post("/api/repos", body).await.expect(201);
    assert!(created.body.get("webhookSecret").is_none());
    assert!(created.body.get("webhookPath").is_none());
    let body = json!({"provider": "git", "name": "again", "remoteUrl": "git@git.example:tools"});
    let taken = app.admin().post("/api/repos", body).await.expect(409);
    assert_eq!(taken.body["conflicting_resource_id"], created.body["repo"]["id"], "another spelling, the same remote");
}

#[tokio::test]
async fn a_name_or_identity_that_is_taken_is_answered_with_its_holder() {
    let app = TestApp::start().await;
    let body = json!({"provider": "github", "name": "acme/widgets", "externalId": "acme/widgets"});
    let holder = app.admin().post("/api/repos", body).await.expect(201).text("/repo/id");
    for (row, code, body) in [
        (
            "2.2/409-identity",
            "REPO_IDENTITY_TAKEN",
            json!({"provider": "github", "name": "b", "externalId": "Acme/Widgets"}),
        ),
        (
            "2.2/409-identity",
            "REPO_IDENTITY_TAKEN",
            json!({"provider": "github", "name": "c", "externalId": "acme/widgets",
                   "apiBaseUrl": "https://api.github.com/"}),
        ),
        ("2.2/409-name", "REPO_NAME_TAKEN", json!({"provider": "gitlab", "name": "ACME/widgets"})),
    ] {
        let taken = app.admin().post("/api/repos", body).await.expect(409);
        assert_eq!(taken.text("/code"), code, "{row}");
        assert_eq!(taken.text("/conflicting_resource_id"), holder, "{row}");
    }
    for (row, body) in [
        (
            "2.2/other-host",
            json!({"provider": "github", "name": "d", "externalId": "acme/widgets",
                   "apiBaseUrl": "https://ghe.example/api/v3"}),
        ),
        ("2.2/other-provider", json!({"provider": "gitlab", "name": "e", "externalId": "acme/widgets"})),
    ] {
        let created = app.admin().post("/api/repos", body).await;
        assert_eq!(created.status, 201, "{row}: {}", created.body);
    }
}

#[tokio::test]
async fn the_webhook_secret_is_the_callers_or_a_generated_one() {
    let app = TestApp::start().await;
    let issue = fixture(GITHUB_ISSUES_OPENED);
    let mut seen = Vec::new();
    for (n, given) in [Value::Null, json!(""), json!("  ")].into_iter().enumerate() {
        let name = format!("Codertocat/Hello-World-{n}");
        let hook = Hook::register(&app, "github", json!({"name": name, "webhookSecret": given})).await;
        assert!(is_generated(&hook.secret), "2.2/webhookSecret-generated");
        seen.push(hook.secret);
    }
    seen.dedup();
    assert_eq!(seen.len(), 3, "4.2/secret");

    let body = json!({"name": "Codertocat/Hello-World", "webhookSecret": "  chosen by us  "});
    let hook = Hook::register(&app, "github", body).await;
    assert_eq!(hook.secret, "chosen by us", "2.2/webhookSecret");
    hook.post(&app.second_instance(), "issues", "guid-1", &issue).await.expect(202);
    let wrong = hook.with_secret("another");
    wrong.post(&app, "issues", "guid-2", &issue).await.expect(401);
}

#[tokio::test]
async fn creating_writes_the_record_and_calls_nobody() {
    let app = TestApp::start().await;
    let body = json!({"provider": "github", "name": "acme/widgets"});
    app.line.take_calls();
    let created = app.admin().post("/api/repos", body.clone()).await.expect(201);
    app.line.take_calls();
    let mut second = body;
    second["name"] = json!("acme/gadgets");
    app.admin().post("/api/repos", second).await.expect(201);
    let row = "4.2/no-provider-call";
    let calls = ["UpdateItem", "TransactWriteItems", "SendMessageBatch"];
    assert_eq!(app.line.take_calls(), calls, "{row}: a number, one transaction, and the first sync is queued");

    let path = format!("/api/repos/{}", created.text("/repo/id"));
    let before = app.items().await.len();
    let read = app.admin().get(&path).await.expect(200);
    assert_eq!(read.body["repo"]["enabled"], true, "4.2/enabled");
    let none = json!({"profiles": []});
    let models = json!({"codex": none, "claude_code": none, "gemini_cli": none});
    let credentials = json!({"repoProvider": none, "modelProvider": models});
    assert_eq!(read.body["repoScopedCredentials"], credentials, "4.2/no-credentials");
    let members = app.admin().get(&format!("{path}/members")).await.expect(200);
    assert_eq!(members.body["members"].as_array().map(Vec::len), Some(1), "4.2/owner");
    assert_eq!(members.body["members"][0]["role"], "owner", "4.2/owner");
    assert_eq!(app.items().await.len(), before, "4.2/no-automation");
    assert_eq!(app.audit_of(&created.text("/repo/id")).await, ["REPO_CREATED"], "4.2/audit");
}

#[tokio::test]
async fn creating_needs_a_token_with_the_scope_to_write() {
    let app = TestApp::start().await;
    let body = json!({"provider": "github", "name": "acme/widgets"});
    app.anonymous().post("/api/repos", body.clone()).await.expect(401);
    let reader = app.admin().token(json!({"name": "reader", "scopes": ["repos:read"]})).await;
    let refused = app.client(reader).post("/api/repos", body).await.expect(403);
    assert_eq!(refused.text("/code"), "PAT_SCOPE_INSUFFICIENT", "2.2/403-scope");
    assert_eq!(app.anonymous().post("/api/repos", json!({})).await.status, 401, "2.2/401");
}
