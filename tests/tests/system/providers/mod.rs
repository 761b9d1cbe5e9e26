//! What is asked of providers (contract: hookcode 2.7, 2.8, 2.11, 4.7).

mod activity;
mod addresses;
mod connection;
mod faults;
mod hook;
mod listing;
mod meta;
mod models;

use repoplane_tests::{Hook, ProviderDouble, TestApp};
use serde_json::{Value, json};

/// A repository at the double, with a Git profile `bot` if there is a token for it.
async fn at_double(app: &TestApp, provider: &'static str, name: &str, token: Option<&str>) -> Hook {
    let double = app.double.as_ref().expect("a double");
    let base = if provider == "github" { double.github() } else { double.gitlab() };
    let body = json!({"name": format!("{name} at {provider}"), "externalId": name, "apiBaseUrl": base});
    let hook = Hook::register(app, provider, body).await;
    if let Some(token) = token {
        hook.add_credentials(app, token).await;
    }
    hook
}

/// An account of the caller's with a token that may go to the double.
fn own_token(double: &ProviderDouble, token: &str) -> Value {
    let prefix = |site: &str| format!("{}/{site}", double.origin());
    let profile =
        |site| json!({"profiles": [{"id": "own", "remark": "own", "token": token, "urlPrefix": prefix(site)}]});
    json!({"github": profile("github"), "gitlab": profile("gitlab")})
}

/// What is known of a repository's connection.
async fn connection(app: &TestApp, hook: &Hook) -> Value {
    app.second_instance().admin().get(&hook.path).await.expect(200).body["repo"]["connection"].clone()
}
