//! Robots with the sources `user` and `global`.

use super::{GLOBAL, KEY, ME, put};
use repoplane_domain::credential::GitAccess;
use repoplane_local::double::WRITE_TOKEN;
use repoplane_tests::{Client, Hook, Person, TestApp};
use serde_json::{Value, json};

/// Profiles whose token and key may go to the double.
fn account(app: &TestApp, id: &str, token: &str) -> Value {
    let origin = app.double.as_ref().expect("a double").origin();
    let (prefix, base) = (format!("{origin}/github"), format!("{origin}/openai/v1"));
    json!({
        "github": {"profiles": [{"id": id, "remark": "r", "token": token, "urlPrefix": prefix}]},
        "codex": {"profiles": [{"id": id, "remark": "r", "apiKey": format!("key of {id}"), "apiBaseUrl": base}]},
    })
}

fn robot(source: &str, id: Option<&str>) -> Value {
    let mut body = json!({
        "name": "Triage", "promptDefault": "p", "repoCredentialSource": source,
        "modelProviderConfig": {"credentialSource": source},
    });
    if let Some(id) = id {
        body["repoCredentialProfileId"] = json!(id);
        body["modelProviderConfig"]["credentialProfileId"] = json!(id);
    }
    body
}

async fn stage() -> (TestApp, Hook, Person, Person) {
    let app = TestApp::start_with_double().await;
    let hook = Hook::github(&app).await;
    let ann = app.member(&hook.repo, "ann", "maintainer").await;
    let ben = app.member(&hook.repo, "ben", "maintainer").await;
    (app, hook, ann, ben)
}

async fn test(client: &Client, hook: &Hook, id: &str) -> Value {
    client.post(&format!("{}/robots/{id}/test", hook.path), Value::Null).await.expect(200).body
}

#[tokio::test]
async fn a_robot_keeps_to_the_account_of_who_chose_it() {
    let (app, hook, ann, ben) = stage().await;
    let robots = format!("{}/robots", hook.path);
    let messages = |answer: &Value| -> Vec<String> {
        let errors = answer["errors"].as_array().cloned().unwrap_or_default();
        errors.iter().map(|error| error["message"].as_str().unwrap_or_default().to_owned()).collect()
    };
    let absent = [
        "repoCredentialProfileId does not exist in your account credentials",
        "codex credentialProfileId does not exist in your account credentials",
    ];
    let refused = ann.client.post(&robots, robot("user", Some("ann"))).await.expect(400);
    assert_eq!(messages(&refused.body), absent);
    // Stored at another instance a moment ago, with this one knowing that there was nothing.
    put(&app.second_instance().client(&ann.token), ME, account(&app, "ann", WRITE_TOKEN)).await;
    let refused = ben.client.post(&robots, robot("user", Some("ann"))).await.expect(400);
    assert_eq!(messages(&refused.body), absent, "nobody takes another's profile");
    let made = ann.client.post(&robots, robot("user", Some("ann"))).await.expect(201).text("/robot/id");

    // Whoever tests it, Ann's token is asked with.
    let tested = test(&ben.client, &hook, &made).await;
    assert_eq!((&tested["ok"], &tested["robot"]["enabled"]), (&json!(true), &json!(true)), "{tested}");
    assert_eq!(tested["robot"]["repoTokenUsername"], "demo-writer");
    put(&ben.client, ME, account(&app, "ann", "ben's own, of the same id")).await;
    assert_eq!(test(&ben.client, &hook, &made).await["ok"], true);
    let path = format!("{robots}/{made}");
    let patched = ben.client.patch(&path, json!({"modelProviderConfig": {"model": "gpt-x"}})).await.expect(200);
    assert_eq!(patched.body["robot"]["enabled"], true);

    let set = app.store().decision_set(hook.repo.parse().expect("an id")).await.expect("a read").expect("the repo");
    let stored = set.robots.first().expect("the robot");
    let git = app.store().robot_git_access(&set, stored).await.expect("a read");
    assert!(matches!(git, Some(GitAccess::Token { token, .. }) if token.expose() == WRITE_TOKEN));
    let model = app.store().robot_model_access(&set, stored).await.expect("a read").expect("a key");
    assert_eq!(model.key.expose(), "key of ann");

    // To choose is to use one's own account; another account is another credential.
    let chosen = json!({"repoCredentialSource": "user", "repoCredentialProfileId": "ann"});
    let patched = ben.client.patch(&path, chosen).await.expect(200);
    assert_eq!(patched.body["robot"]["enabled"], false);
    assert_eq!(test(&ann.client, &hook, &made).await["ok"], false, "Ben's token is not good");
    put(&ben.client, ME, json!({"github": null})).await;
    let gone = ann.client.post(&format!("{path}/test"), Value::Null).await.expect(400);
    assert!(gone.text("/message").starts_with("repo provider token is required"), "{}", gone.body);
}

#[tokio::test]
async fn a_robot_may_use_the_tenants_credentials() {
    let (app, hook, ann, _) = stage().await;
    let robots = format!("{}/robots", hook.path);
    ann.client.post(&robots, robot("global", None)).await.expect(400);
    let mut body = account(&app, "all", WRITE_TOKEN);
    let prefix = body["github"]["profiles"][0]["urlPrefix"].clone();
    body["github"]["profiles"]
        .as_array_mut()
        .expect("profiles")
        .push(json!({"id": "empty", "remark": "r", "urlPrefix": prefix}));
    put(&app.admin(), GLOBAL, body).await;
    for id in [None, Some("all")] {
        let made = ann.client.post(&robots, robot("global", id)).await.expect(201).text("/robot/id");
        assert_eq!(test(&ann.client, &hook, &made).await["robot"]["enabled"], true);
    }
    let refused = ann.client.post(&robots, robot("global", Some("empty"))).await.expect(400);
    assert_eq!(refused.text("/errors/0/message"), "selected global repo provider token is missing");
    let other = app.tenant("other").await;
    let theirs = other.client.post("/api/repos", json!({"provider": "github", "name": "theirs"})).await.expect(201);
    let refused =
        other.client.post(&format!("/api/repos/{}/robots", theirs.text("/repo/id")), robot("global", None)).await;
    assert_eq!(refused.expect(400).wrong_fields().len(), 2, "another tenant's are not there");
}

#[tokio::test]
async fn an_apps_private_key_is_not_tried_as_a_token() {
    let (app, hook, ann, _) = stage().await;
    let origin = app.double.as_ref().expect("a double").origin();
    let profile = json!({
        "id": "app", "remark": "r", "token": KEY, "tokenKind": "github_app", "appId": 1, "installationId": 2,
        "urlPrefix": format!("{origin}/github"),
    });
    let base = format!("{origin}/openai/v1");
    let model = json!({"profiles": [{"id": "app", "remark": "r", "apiKey": "sk", "apiBaseUrl": base}]});
    put(&app.admin(), GLOBAL, json!({"github": {"profiles": [profile]}, "codex": model})).await;
    let robots = format!("{}/robots", hook.path);
    let made = ann.client.post(&robots, robot("global", Some("app"))).await.expect(201).text("/robot/id");
    let calls = app.provider_calls();
    let tested = test(&ann.client, &hook, &made).await;
    assert_eq!(tested["git"]["ok"], false, "it is no key: {tested}");
    assert!(!tested.to_string().contains("PRIVATE KEY"), "{tested}");
    assert_eq!(app.provider_calls(), calls + 1, "only the model provider was asked");
}
