//! The API's document, assembled from what the functions route and describe.

use repoplane_api::openapi::{Part, document};
use serde_json::Value;
use std::sync::LazyLock;

/// The document without examples: what every answer of every test is held against.
pub static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    document(&parts()).unwrap_or_else(|error| panic!("routes and descriptions do not fit together: {error}"))
});

/// The functions' parts of it.
fn parts() -> Vec<Part> {
    vec![
        Part {
            routes: repoplane_repos::routes().list().to_vec(),
            operations: repoplane_repos::describe::describe(),
            schemas: repoplane_repos::describe::schemas(),
        },
        Part {
            routes: repoplane_robots::routes().list().to_vec(),
            operations: repoplane_robots::describe::describe(),
            schemas: repoplane_robots::describe::schemas(),
        },
        Part {
            routes: repoplane_automation::routes().list().to_vec(),
            operations: repoplane_automation::describe::describe(),
            schemas: repoplane_automation::describe::schemas(),
        },
        Part {
            routes: repoplane_webhooks::routes().list().to_vec(),
            operations: repoplane_webhooks::describe::describe(),
            schemas: repoplane_webhooks::describe::schemas(),
        },
    ]
}
