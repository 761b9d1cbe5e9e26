//! The API's document, assembled from what the functions route and describe.

use crate::examples::add_examples;
use crate::operations::operations_page;
use repoplane_api::openapi::{Part, document};
use serde_json::Value;
use std::sync::LazyLock;

/// The document without examples: what every answer of every test is held against.
pub static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    document(&parts()).unwrap_or_else(|error| panic!("routes and descriptions do not fit together: {error}"))
});

/// Where the document is checked in, from the root of the workspace.
pub const DOCUMENT_FILE: &str = "docs/openapi.json";
/// Where the table of operations is checked in.
pub const OPERATIONS_FILE: &str = "docs/operations.md";
/// What accepts a change of both.
pub const ACCEPT: &str = "cargo openapi";

/// The documents as they should be checked in: file and text.
pub async fn rendered() -> [(&'static str, String); 2] {
    let mut document = DOCUMENT.clone();
    add_examples(&mut document).await;
    let text = serde_json::to_string_pretty(&document).expect("JSON");
    [(DOCUMENT_FILE, format!("{text}\n")), (OPERATIONS_FILE, operations_page())]
}

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
