//! Credential templates: the tenant's profiles with a prefix, as repositories show them.

use super::{GLOBAL, github, put};
use repoplane_tests::{Hook, TestApp};
use serde_json::{Value, json};

/// What a repository inherits, as an instance with cold caches shows it.
async fn inherited(app: &TestApp, hook: &Hook) -> Value {
    let shown = app.second_instance().admin().get(&hook.path).await.expect(200);
    shown.body["repoScopedCredentials"]["repoProvider"]["inherited"].clone()
}

async fn register(app: &TestApp, external_id: &str) -> Hook {
    let name = external_id.replace('/', "-");
    Hook::register(app, "github", json!({"name": name, "externalId": external_id})).await
}

#[tokio::test]
async fn a_repository_without_profiles_shows_the_template_that_serves_it() {
    let app = TestApp::start().await;
    let template = |id: &str, prefix: &str| json!({"id": id, "remark": format!("for {id}"), "token": "t", "urlPrefix": prefix, "access": "read"});
    let body = json!({"github": {"profiles": [
        {"id": "plain", "remark": "serves who names it", "token": "t"},
        template("host", "https://GitHub.com"),
        template("acme", "https://github.com/Acme/"),
    ]}});
    let changed = app.admin().patch(GLOBAL, body).await.expect(200);
    assert_eq!(changed.body["credentials"]["github"]["profiles"][1]["urlPrefix"], "https://github.com/");
    let (acme, evil) = (register(&app, "acme/widgets").await, register(&app, "acme-evil/widgets").await);
    let expected = json!({
        "profileId": "acme", "remark": "for acme", "urlPrefix": "https://github.com/Acme/", "access": "read",
        "hasToken": true,
    });
    assert_eq!(inherited(&app, &acme).await, expected);
    assert_eq!(inherited(&app, &evil).await["profileId"], "host");
    let lab = Hook::register(&app, "gitlab", json!({"name": "acme/widgets"})).await;
    assert_eq!(inherited(&app, &lab).await, Value::Null, "GitLab's templates are others");
    assert_eq!(inherited(&app, &register(&app, "4711").await).await, Value::Null, "no path, no template");

    let own = json!({"repoProviderCredential": {"profiles": [{"id": "own", "remark": "own"}]}});
    put(&app.admin(), &acme.path, own).await;
    assert_eq!(inherited(&app, &acme).await, Value::Null, "its own profiles come first, with a token or without");
    put(&app.admin(), &acme.path, json!({"repoProviderCredential": null})).await;
    assert_eq!(inherited(&app, &acme).await["profileId"], "acme");
    put(&app.admin(), GLOBAL, json!({"github": {"removeProfileIds": ["acme"]}})).await;
    assert_eq!(inherited(&app, &acme).await["profileId"], "host");
}

#[tokio::test]
async fn a_repository_costs_one_call_more_once_in_half_a_minute_only_while_it_may_be_served() {
    let app = TestApp::start().await;
    let hook = register(&app, "acme/widgets").await;
    let instance = app.second_instance();
    let cost = async || {
        instance.line.take_calls();
        instance.admin().get(&hook.path).await.expect(200);
        instance.line.take_calls()
    };
    instance.admin().get("/api/me").await.expect(200);
    assert_eq!(cost().await, ["Query", "GetItem"]);
    assert_eq!(cost().await, ["Query"]);
    // A change by the same instance is seen at once.
    put(&instance.admin(), GLOBAL, github("p", "t")).await;
    put(&instance.admin(), GLOBAL, json!({"github": {"profiles": [{"id": "p", "urlPrefix": "https://github.com"}]}}))
        .await;
    let shown = instance.admin().get(&hook.path).await.expect(200);
    assert_eq!(shown.body["repoScopedCredentials"]["repoProvider"]["inherited"]["profileId"], "p");
    let own = json!({"repoProviderCredential": {"profiles": [{"id": "own", "remark": "own"}]}});
    put(&app.admin(), &hook.path, own).await;
    let cold = app.second_instance();
    cold.admin().get("/api/me").await.expect(200);
    cold.line.take_calls();
    cold.admin().get(&hook.path).await.expect(200);
    assert_eq!(cold.line.take_calls(), ["Query"]);
}
