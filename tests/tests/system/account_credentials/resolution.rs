//! From a source to a token or key: what a provider call of the store's own gets.

use super::{GLOBAL, KEY, ME, put};
use repoplane_domain::access::Principal;
use repoplane_domain::credential::{AccessSource, GitAccess, GitTokenKind, Purpose};
use repoplane_domain::repository::Provider;
use repoplane_domain::robot::ModelProvider;
use repoplane_domain::secret::Secret;
use repoplane_store::{DecisionSet, NoAccess};
use repoplane_tests::{ADMIN_TOKEN, Hook, TestApp};
use serde_json::{Value, json};

async fn principal(app: &TestApp, token: &str) -> Principal {
    let found = app.store().authenticate(&Secret::new(token), true, app.clock.peek()).await;
    found.expect("a read").expect("a principal")
}

async fn set(app: &TestApp, hook: &Hook) -> DecisionSet {
    app.store().decision_set(hook.repo.parse().expect("an id")).await.expect("a read").expect("the repository")
}

/// What a call gets on an instance with cold caches: the token, `anonymous`, or nothing.
async fn git(
    app: &TestApp,
    hook: &Hook,
    token: &str,
    (source, id, purpose): (AccessSource, Option<&str>, Purpose),
) -> Option<String> {
    let cold = app.second_instance();
    let (set, principal) = (set(&cold, hook).await, principal(&cold, token).await);
    let found = cold.store().git_access(&set, &principal, source, id, purpose).await.expect("a read");
    found.ok().map(told)
}

fn told(access: GitAccess) -> String {
    match access {
        GitAccess::Anonymous => "anonymous".to_owned(),
        GitAccess::Token { kind, username, token } => {
            let user = username.map(|user| format!("{user}:")).unwrap_or_default();
            format!("{kind} {user}{}", token.expose())
        }
        GitAccess::App(app) => {
            assert_eq!(app.private_key.expose(), KEY);
            format!("app {} {}", app.app_id, app.installation_id)
        }
        GitAccess::Key(_) => "an ssh key".to_owned(),
    }
}

fn profiles(list: Value) -> Value {
    json!({"profiles": list})
}

#[tokio::test]
async fn each_source_has_its_own_tokens_and_never_anothers() {
    let app = TestApp::start().await;
    let hook = Hook::register(&app, "github", json!({"name": "acme/widgets", "externalId": "acme/widgets"})).await;
    let (ann, ben) = (app.person("ann").await, app.person("ben").await);
    let own =
        json!([{"id": "a", "remark": "r", "token": "ann's", "cloneUsername": "ann"}, {"id": "none", "remark": "r"}]);
    put(
        &ann.client,
        ME,
        json!({"github": profiles(own), "gitlab": profiles(json!([{"id": "lab", "remark": "r", "token": "lab"}]))}),
    )
    .await;
    let global = json!([
        {"id": "r", "remark": "r", "token": "reading", "access": "read"},
        {"id": "w", "remark": "r", "token": "writing", "access": "write"},
        {"id": "app", "remark": "r", "token": KEY, "tokenKind": "github_app", "appId": 1, "installationId": 2},
        {"id": "t", "remark": "r", "token": "template", "urlPrefix": "https://github.com/acme/"},
        {"id": "x", "remark": "r", "token": "of others", "urlPrefix": "https://github.com/others/"},
    ]);
    put(&app.admin(), GLOBAL, json!({"github": profiles(global)})).await;
    let (user, repo, tenant) = (AccessSource::User, AccessSource::Repo, AccessSource::Global);
    let (read, write) = (Purpose::Read, Purpose::Write);
    let ask = async |token: &str, source, id, purpose| git(&app, &hook, token, (source, id, purpose)).await;
    for (row, token, source, id, purpose, expected) in [
        ("own", &ann.token, user, None, read, Some("personal ann:ann's")),
        ("own, named", &ann.token, user, Some("a"), write, Some("personal ann:ann's")),
        ("no token", &ann.token, user, Some("none"), read, None),
        ("of another provider", &ann.token, user, Some("lab"), read, None),
        ("unknown", &ann.token, user, Some("b"), read, None),
        ("nobody else's", &ben.token, user, None, read, None),
        ("nobody else's, named", &ben.token, user, Some("a"), read, None),
        ("the template", &ben.token, repo, None, read, Some("personal template")),
        ("a template is not named", &ben.token, repo, Some("t"), read, None),
        ("for reading", &ben.token, tenant, None, read, Some("personal reading")),
        ("for writing", &ben.token, tenant, None, write, Some("personal writing")),
        ("an app", &ben.token, tenant, Some("app"), write, Some("app 1 2")),
        ("for repositories elsewhere", &ben.token, tenant, Some("x"), read, None),
        ("anonymous", &ben.token, AccessSource::Anonymous, Some("a"), read, Some("anonymous")),
    ] {
        assert_eq!(ask(token, source, id, purpose).await.as_deref(), expected, "{row}");
    }
    let own = json!({"repoProviderCredential": profiles(json!([{"id": "bot", "remark": "r"}]))});
    put(&app.admin(), &hook.path, own).await;
    assert_eq!(
        ask(&ben.token, repo, None, read).await,
        None,
        "own profiles without a token are no reason to fall through"
    );
    let token = json!({"repoProviderCredential": profiles(json!([{"id": "bot", "token": "own"}]))});
    put(&app.admin(), &hook.path, token).await;
    assert_eq!(ask(&ben.token, repo, None, write).await.as_deref(), Some("personal own"));
}

#[tokio::test]
async fn without_a_repository_there_are_accounts_and_the_tenant() {
    let app = TestApp::start().await;
    let ann = app.person("ann").await;
    let deploy = json!([{"id": "d", "remark": "r", "token": "deploying", "tokenKind": "deploy"}]);
    put(&ann.client, ME, json!({"gitlab": profiles(deploy)})).await;
    let global = json!([
        {"id": "t", "remark": "r", "token": "template", "urlPrefix": "https://gitlab.com/acme/"},
        {"id": "g", "remark": "r", "token": "global"},
    ]);
    put(&app.admin(), GLOBAL, json!({"gitlab": profiles(global)})).await;
    let principal = principal(&app, &ann.token).await;
    let ask = async |provider, source, id| {
        let found = app.store().provider_access(provider, &principal, source, id, Purpose::Read).await;
        found.expect("a read").map(told)
    };
    let (lab, user) = ((Provider::Gitlab, None), AccessSource::User);
    let (none, withheld) = (Err(NoAccess::NoToken), Err(NoAccess::NotForHost));
    assert_eq!(ask(lab, user, None).await, Ok(format!("{} deploying", GitTokenKind::Deploy)));
    assert_eq!(ask((Provider::Github, None), user, None).await, none);
    assert_eq!(ask(lab, AccessSource::Global, Some("g")).await.as_deref(), Ok("personal global"));
    assert_eq!(ask(lab, AccessSource::Global, Some("t")).await.as_deref(), Ok("personal template"));
    assert_eq!(ask(lab, AccessSource::Repo, None).await, none);
    assert_eq!(ask(lab, AccessSource::Anonymous, None).await.as_deref(), Ok("anonymous"));
    // Nobody's token follows to a server of the caller's choice.
    let elsewhere = (Provider::Gitlab, Some("https://gitlab.example.com"));
    for (source, id) in
        [(user, None), (user, Some("d")), (AccessSource::Global, None), (AccessSource::Global, Some("t"))]
    {
        assert_eq!(ask(elsewhere, source, id).await, withheld, "{source:?} {id:?}");
    }
}

#[tokio::test]
async fn model_keys_follow_the_same_sources() {
    let app = TestApp::start().await;
    let hook = Hook::github(&app).await;
    let ann = app.person("ann").await;
    let key = |key: &str, base: Value| json!({"codex": profiles(json!([{"id": "m", "remark": "r", "apiKey": key, "apiBaseUrl": base}]))});
    put(&ann.client, ME, key("ann's", json!("https://proxy.example/v1"))).await;
    put(&app.admin(), GLOBAL, key("global", Value::Null)).await;
    put(&app.admin(), &hook.path, json!({"modelProviderCredential": key("repo", Value::Null)})).await;
    let (set, codex) = (set(&app, &hook).await, ModelProvider::Codex);
    let ask = async |token: &str, source, provider, id| {
        let principal = principal(&app, token).await;
        let found = app.store().model_access(&set, &principal, source, provider, id).await.expect("a read");
        found.map(|access| (access.key.expose().to_owned(), access.api_base_url))
    };
    let found = ask(&ann.token, AccessSource::User, codex, None).await;
    assert_eq!(found, Some(("ann's".to_owned(), Some("https://proxy.example/v1".to_owned()))));
    for (source, expected) in [(AccessSource::Repo, "repo"), (AccessSource::Global, "global")] {
        assert_eq!(ask(&ann.token, source, codex, Some("m")).await, Some((expected.to_owned(), None)));
        assert_eq!(ask(&ann.token, source, codex, Some("x")).await, None);
        assert_eq!(ask(&ann.token, source, ModelProvider::GeminiCli, None).await, None);
    }
    assert_eq!(ask(ADMIN_TOKEN, AccessSource::User, codex, None).await, None);
    assert_eq!(ask(&ann.token, AccessSource::Anonymous, codex, None).await, None);
}
