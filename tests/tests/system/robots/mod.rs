//! `/api/repos/:id/robots` (contract: hookcode 2.12–2.16).

mod change;
mod create;
mod list;
mod races;
mod remove;
mod test;

use repoplane_tests::{Hook, TestApp};
use serde_json::{Value, json};

/// A repository with the profiles `bot` and `team`, and the path of its robots.
async fn repository(app: &TestApp) -> (Hook, String) {
    let hook = Hook::github(app).await;
    hook.add_credentials(app, repoplane_local::double::WRITE_TOKEN).await;
    let path = format!("{}/robots", hook.path);
    (hook, path)
}

/// A good body of a create, with some fields of a test's own.
fn body(fields: Value) -> Value {
    let mut body = json!({
        "name": "Triage", "promptDefault": "Look at {{issue.title}}",
        "repoCredentialSource": "repo", "repoCredentialProfileId": "bot",
        "modelProviderConfig": {"credentialSource": "repo", "credentialProfileId": "team"},
    });
    body.as_object_mut().expect("an object").extend(fields.as_object().cloned().unwrap_or_default());
    body
}

/// A robot as an instance with cold caches shows it.
async fn read(app: &TestApp, path: &str, id: &str) -> Value {
    let list = app.second_instance().admin().get(path).await.expect(200);
    let robots = list.body["robots"].as_array().cloned().unwrap_or_default();
    robots.into_iter().find(|robot| robot["id"] == id).unwrap_or_default()
}

/// A value of the repository's secret document, read with cold caches.
async fn secret(app: &TestApp, hook: &Hook, name: &str) -> Option<String> {
    let cold = app.second_instance();
    let set = cold.store().decision_set(hook.repo.parse().expect("an id")).await.expect("a read").expect("the repo");
    let found = cold.store().repository_secret(&set, name).await.expect("a read");
    found.map(|secret| secret.expose().to_owned())
}
