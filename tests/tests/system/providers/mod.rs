//! What is asked of providers (contract: hookcode 2.7, 2.8, 2.11, 4.7).

mod activity;
mod addresses;
mod bounds;
mod connection;
mod faults;
mod hook;
mod listing;
mod meta;
mod models;

use repoplane_tests::{Hook, TestApp};
use serde_json::Value;

/// What is known of a repository's connection.
async fn connection(app: &TestApp, hook: &Hook) -> Value {
    app.second_instance().admin().get(&hook.path).await.expect(200).body["repo"]["connection"].clone()
}
