//! `/api/credentials/me` and `/api/credentials/global`, and what uses them: robots, templates, provider calls.

mod kinds;
mod profiles;
mod resolution;
mod rights;
mod robots;
mod templates;

use repoplane_tests::{Client, TestApp};
use serde_json::{Value, json};

const ME: &str = "/api/credentials/me";
const GLOBAL: &str = "/api/credentials/global";

/// Two short lines that look like a private key.
const KEY: &str = "-----BEGIN RSA PRIVATE KEY-----\nMIIBOgIBAAJBAKj34GkxFhD9\n-----END RSA PRIVATE KEY-----";

/// One profile for GitHub with a token.
fn github(id: &str, token: &str) -> Value {
    json!({"github": {"profiles": [{"id": id, "remark": "r", "token": token}]}})
}

/// The profiles as an instance with cold caches shows them to the holder of a token.
async fn shown(app: &TestApp, token: &str, path: &str) -> Value {
    app.second_instance().client(token).get(path).await.expect(200).body["credentials"].clone()
}

/// The values of the secret document whose name ends like this, current version.
async fn document(app: &TestApp, owner: &str) -> Value {
    let vault = app.line.secrets_manager();
    let listed = vault.list_secrets().send().await.expect("a list");
    let name = listed.secret_list().iter().filter_map(|secret| secret.name()).find(|name| name.ends_with(owner));
    let Some(name) = name else { return Value::Null };
    let found = vault.get_secret_value().secret_id(name).send().await.expect("a value");
    serde_json::from_str(found.secret_string().unwrap_or_default()).expect("JSON")
}

fn bare(profile: &Value) -> Value {
    let mut profile = profile.clone();
    for key in ["createdAt", "updatedAt"] {
        assert!(profile.as_object_mut().expect("a profile").remove(key).is_some(), "{key}");
    }
    profile
}

async fn put(client: &Client, path: &str, body: Value) {
    client.patch(path, body).await.expect(200);
}
