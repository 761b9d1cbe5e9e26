//! Git and model profiles of a repository through `PATCH /api/repos/:id` (contract: hookcode 3.3).

use crate::repos::{at_once, second_of};
use repoplane_tests::{Answer, Hook, TestApp};
use serde_json::{Value, json};

async fn patch_git(app: &TestApp, hook: &Hook, body: Value) -> Answer {
    app.admin().patch(&hook.path, json!({"repoProviderCredential": body})).await
}

/// The git profiles as an instance with cold caches shows them.
async fn git(app: &TestApp, hook: &Hook) -> Value {
    let shown = app.second_instance().admin().get(&hook.path).await.expect(200);
    shown.body["repoScopedCredentials"]["repoProvider"].clone()
}

/// A value of the repository's secret document, read with cold caches.
async fn secret(app: &TestApp, hook: &Hook, name: &str) -> Option<String> {
    let cold = app.second_instance();
    let set = cold.store().decision_set(hook.repo.parse().expect("an id")).await.expect("a read").expect("the repo");
    let found = cold.store().repository_secret(&set, name).await.expect("a read");
    found.map(|secret| secret.expose().to_owned())
}

fn bare(profile: &Value) -> Value {
    let mut profile = profile.clone();
    for key in ["createdAt", "updatedAt"] {
        assert!(profile.as_object_mut().expect("a profile").remove(key).is_some(), "{key}");
    }
    profile
}

#[tokio::test]
async fn rows_of_git_profiles() {
    let app = TestApp::start().await;
    let hook = Hook::github(&app).await;
    // Each row goes on from the one before; what is expected are the profiles and the vault's values of p1 and p2.
    let p1 = json!({"id": "p1", "remark": "bot", "hasToken": true, "cloneUsername": "acme-bot"});
    let masked = |has: bool| json!({"id": "p1", "remark": "bot", "hasToken": has, "cloneUsername": "acme-bot"});
    for (row, body, expected, values) in [
        (
            "3.3/http-create",
            json!({"profiles": [{"id": "p1", "remark": " bot ", "token": " ghp_1 ", "cloneUsername": "acme-bot"}]}),
            json!([p1]),
            [Some("ghp_1"), None],
        ),
        ("3.3/http-absent-keeps", json!({"profiles": [{"id": "p1"}]}), json!([p1]), [Some("ghp_1"), None]),
        (
            "3.3/http-remark",
            json!({"profiles": [{"id": "p1", "remark": "robot"}]}),
            json!([{"id": "p1", "remark": "robot", "hasToken": true, "cloneUsername": "acme-bot"}]),
            [Some("ghp_1"), None],
        ),
        (
            "3.3/http-token-replaced",
            json!({"profiles": [{"id": "p1", "remark": "bot", "token": "ghp_2"}]}),
            json!([p1]),
            [Some("ghp_2"), None],
        ),
        (
            "3.3/http-token-blank",
            json!({"profiles": [{"id": "p1", "token": " "}]}),
            json!([masked(false)]),
            [None, None],
        ),
        (
            "3.3/http-token-again",
            json!({"profiles": [{"id": "p1", "token": "ghp_3"}]}),
            json!([p1]),
            [Some("ghp_3"), None],
        ),
        (
            "3.3/http-token-null",
            json!({"profiles": [{"id": "p1", "token": null}]}),
            json!([masked(false)]),
            [None, None],
        ),
        (
            "3.3/http-clone-null",
            json!({"profiles": [{"id": "p1", "cloneUsername": null}]}),
            json!([{"id": "p1", "remark": "bot", "hasToken": false}]),
            [None, None],
        ),
        (
            "3.3/http-order",
            json!({"removeProfileIds": ["p1", "unknown"], "profiles": [{"id": "p2", "remark": "b", "token": "t2"},
                   {"id": "p1", "remark": "a", "token": "t1"}]}),
            json!([{"id": "p2", "remark": "b", "hasToken": true}, {"id": "p1", "remark": "a", "hasToken": true}]),
            [Some("t1"), Some("t2")],
        ),
        (
            "3.3/http-remove",
            json!({"removeProfileIds": ["p2"]}),
            json!([{"id": "p1", "remark": "a", "hasToken": true}]),
            [Some("t1"), None],
        ),
        ("3.3/http-wipe", Value::Null, json!([]), [None, None]),
    ] {
        let changed = patch_git(&app, &hook, body).await.expect(200);
        let stored = git(&app, &hook).await;
        assert_eq!(changed.body["repoScopedCredentials"]["repoProvider"], stored, "{row}");
        let profiles = stored["profiles"].as_array().cloned().unwrap_or_default();
        assert_eq!(Value::Array(profiles.iter().map(bare).collect()), expected, "{row}");
        let found = [secret(&app, &hook, "git/p1").await, secret(&app, &hook, "git/p2").await];
        assert_eq!(found.each_ref().map(Option::as_deref), values, "{row}");
    }
}

#[tokio::test]
async fn rows_of_the_default_profile() {
    let app = TestApp::start().await;
    let hook = Hook::github(&app).await;
    let profiles = json!([{"id": "p1", "remark": "a"}, {"id": "p2", "remark": "b"}]);
    for (row, body, default) in [
        ("3.3/http-default-none", json!({"profiles": profiles}), Value::Null),
        ("3.3/http-default", json!({"defaultProfileId": "p2"}), json!("p2")),
        ("3.3/http-default-kept", json!({"profiles": [{"id": "p1", "remark": "c"}]}), json!("p2")),
        ("3.3/http-default-unknown", json!({"defaultProfileId": "p3"}), Value::Null),
        ("3.3/http-default", json!({"defaultProfileId": "p1"}), json!("p1")),
        ("3.3/http-default-null", json!({"defaultProfileId": null}), Value::Null),
        ("3.3/http-default", json!({"defaultProfileId": "p1"}), json!("p1")),
        ("3.3/http-default-removed", json!({"removeProfileIds": ["p1"]}), Value::Null),
    ] {
        patch_git(&app, &hook, body).await.expect(200);
        assert_eq!(git(&app, &hook).await["defaultProfileId"], default, "{row}");
    }
}

#[tokio::test]
async fn rows_of_model_profiles() {
    let app = TestApp::start().await;
    let hook = Hook::github(&app).await;
    let patch = async |body: Value| {
        app.admin().patch(&hook.path, json!({"modelProviderCredential": body})).await.expect(200);
        let shown = app.second_instance().admin().get(&hook.path).await.expect(200);
        shown.body["repoScopedCredentials"]["modelProvider"].clone()
    };
    let all = json!({
        "codex": {"profiles": [
            {"id": "m1", "remark": "team", "apiKey": " sk-1 ", "apiBaseUrl": "https://proxy.example/v1"},
        ]},
        "claude_code": {
            "profiles": [{"id": "m1", "remark": "own", "apiKey": "sk-2", "apiBaseUrl": "ftp://no"}],
            "defaultProfileId": "m1",
        },
    });
    let models = patch(all).await;
    let codex = json!({"id": "m1", "remark": "team", "hasApiKey": true, "apiBaseUrl": "https://proxy.example/v1"});
    assert_eq!(bare(&models["codex"]["profiles"][0]), codex, "3.3/http-model");
    let claude = json!({"id": "m1", "remark": "own", "hasApiKey": true});
    assert_eq!(bare(&models["claude_code"]["profiles"][0]), claude, "3.3/http-model-base-dropped");
    assert_eq!(models["claude_code"]["defaultProfileId"], "m1", "3.3/http-model");
    assert_eq!(models["gemini_cli"], json!({"profiles": []}), "3.3/http-model");
    assert_eq!(secret(&app, &hook, "model/codex/m1").await.as_deref(), Some("sk-1"), "3.3/http-model");
    assert_eq!(secret(&app, &hook, "model/claude_code/m1").await.as_deref(), Some("sk-2"), "3.3/http-model");

    let models = patch(json!({"codex": null})).await;
    assert_eq!(models["codex"], json!({"profiles": []}), "3.3/http-model-wipe-one");
    assert_eq!(models["claude_code"]["profiles"].as_array().map(Vec::len), Some(1), "3.3/http-model-wipe-one");
    assert_eq!(secret(&app, &hook, "model/codex/m1").await, None, "3.3/http-model-wipe-one");
    let models = patch(Value::Null).await;
    assert_eq!(models["claude_code"], json!({"profiles": []}), "3.3/http-model-wipe-all");
    assert_eq!(secret(&app, &hook, "model/claude_code/m1").await, None, "3.3/http-model-wipe-all");
}

#[tokio::test]
async fn a_profile_without_an_id_gets_one_and_a_refused_patch_leaves_all_as_it_was() {
    let app = TestApp::start().await;
    let hook = Hook::github(&app).await;
    patch_git(&app, &hook, json!({"profiles": [{"remark": "one", "token": "t"}, {"id": " ", "remark": "two"}]}))
        .await
        .expect(200);
    let before = git(&app, &hook).await;
    let ids: Vec<_> = (0..2).map(|n| before["profiles"][n]["id"].as_str().unwrap_or_default().to_owned()).collect();
    assert!(ids.iter().all(|id| id.starts_with("prf_")) && ids[0] != ids[1], "3.3/http-new-id");
    for (row, body, pointers) in [
        (
            "3.3/http-refused",
            json!({"removeProfileIds": [ids[0]], "profiles": [{"id": "new"}, {"id": ids[1], "remark": null}]}),
            vec!["/repoProviderCredential/profiles/1/remark"],
        ),
        (
            "3.3/http-refused",
            json!({"profiles": [{"id": "a/b", "remark": "x"}]}),
            vec!["/repoProviderCredential/profiles/0/id"],
        ),
        ("3.3/http-refused", json!({"profiles": {}}), vec!["/repoProviderCredential/profiles"]),
        ("3.3/http-refused", json!({"removeProfileIds": [1]}), vec!["/repoProviderCredential/removeProfileIds/0"]),
        (
            "3.3/http-refused",
            json!({"profiles": [{"remark": "x", "token": 1, "cloneUsername": []}]}),
            vec!["/repoProviderCredential/profiles/0/token", "/repoProviderCredential/profiles/0/cloneUsername"],
        ),
        (
            "3.3/http-one-line",
            json!({"profiles": [{"remark": "x", "token": "a\nb"}]}),
            vec!["/repoProviderCredential/profiles/0/token"],
        ),
    ] {
        let refused = patch_git(&app, &hook, body).await.expect(400);
        assert_eq!(refused.wrong_fields(), pointers, "{row}");
        assert_eq!(git(&app, &hook).await, before, "{row}");
    }
    assert_eq!(secret(&app, &hook, &format!("git/{}", ids[0])).await.as_deref(), Some("t"), "3.3/http-refused");
}

#[tokio::test]
async fn secrets_beyond_the_documents_size_are_refused_and_change_nothing() {
    let app = TestApp::start().await;
    let hook = Hook::github(&app).await;
    let profile = |n: usize| json!({"id": format!("p{n}"), "remark": "x", "token": "t".repeat(8_000)});
    patch_git(&app, &hook, json!({"profiles": (0..7).map(profile).collect::<Vec<_>>()})).await.expect(200);
    let before = git(&app, &hook).await;
    let refused = patch_git(&app, &hook, json!({"profiles": [profile(8), profile(9)]})).await.expect(422);
    assert_eq!(refused.text("/code"), "LIMIT_EXCEEDED");
    assert_eq!(git(&app, &hook).await, before);
    // The document was given back: the next writer does not wait.
    patch_git(&app, &hook, json!({"profiles": [{"id": "p0", "token": "small"}]})).await.expect(200);
    assert_eq!(secret(&app, &hook, "git/p0").await.as_deref(), Some("small"));
}

#[tokio::test(start_paused = true)]
async fn thirty_two_writers_on_two_instances_lose_no_profile_and_no_secret() {
    let app = TestApp::start().await;
    let hook = Hook::github(&app).await;
    let second = second_of(&app).await;
    let answers = at_once((0..32).map(|n| {
        let client = if n % 2 == 0 { app.admin() } else { second.admin() };
        let profile = json!({"id": format!("p{n}"), "remark": format!("bot {n}"), "token": format!("token of {n}")});
        let (path, body) = (hook.path.clone(), json!({"repoProviderCredential": {"profiles": [profile]}}));
        async move { client.patch(&path, body).await }
    }))
    .await;
    for answer in answers {
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
    let stored = git(&app, &hook).await;
    assert_eq!(stored["profiles"].as_array().map(Vec::len), Some(32));
    for n in 0..32 {
        let found = secret(&app, &hook, &format!("git/p{n}")).await;
        assert_eq!(found, Some(format!("token of {n}")));
    }
}

#[tokio::test(start_paused = true)]
async fn a_writer_that_died_with_the_document_in_its_hands_is_waited_out() {
    use repoplane_local::line::{Fault, FaultPlan};
    let app = TestApp::start().await;
    let hook = Hook::github(&app).await;
    patch_git(&app, &hook, json!({"profiles": [{"id": "p1", "remark": "a", "token": "one"}]})).await.expect(200);
    let dying = app.second_instance();
    let client = dying.admin();
    client.get(&hook.path).await.expect(200);
    // It takes the lease; all that follows fails, its giving back included.
    dying.line.set_fault(Some(FaultPlan { target: String::new(), from: 2, times: 1_000, fault: Fault::Down }));
    let body = json!({"repoProviderCredential": {"profiles": [{"id": "p2", "remark": "b", "token": "two"}]}});
    client.patch(&hook.path, body).await.expect(503);
    patch_git(&app, &hook, json!({"profiles": [{"id": "p3", "remark": "c", "token": "three"}]})).await.expect(200);
    assert_eq!(secret(&app, &hook, "git/p1").await.as_deref(), Some("one"));
    assert_eq!(secret(&app, &hook, "git/p2").await, None);
    assert_eq!(secret(&app, &hook, "git/p3").await.as_deref(), Some("three"));
}
