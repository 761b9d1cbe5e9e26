//! The document that is checked in is the one that the code makes.

use crate::workspace::read;
use repoplane_tests::document::{ACCEPT, DOCUMENT, rendered};
use serde_json::Value;

#[tokio::test]
async fn what_is_checked_in_is_what_the_code_says() {
    for (file, text) in rendered().await {
        // Not `assert_eq`: nobody wants to read both.
        let fresh = read(file) == text;
        assert!(
            fresh,
            "{file} is stale: look at the change with `{ACCEPT}` and `git diff`, and commit it if it is meant"
        );
    }
}

#[test]
fn every_operation_has_an_example_of_each_json_answer_and_request() {
    let document: Value = serde_json::from_str(&read("docs/openapi.json")).expect("JSON");
    let mut missing = Vec::new();
    for (path, methods) in document["paths"].as_object().expect("paths") {
        for (method, operation) in methods.as_object().expect("methods") {
            let id = operation["operationId"].as_str().expect("an id");
            // A file is its own example, and a body that is not looked at has none.
            if path == "/api/openapi.json" || path.starts_with("/docs") {
                continue;
            }
            let pointer = |place: &str| operation.pointer(&format!("/{place}/content/application~1json"));
            let answer = ["200", "201", "202"].iter().find_map(|status| pointer(&format!("responses/{status}")));
            let lacks = |media: Option<&Value>| media.is_some_and(|media| media["examples"].is_null());
            let looked_at =
                operation["requestBody"]["content"]["application/json"]["schema"]["description"] != "Not looked at.";
            if lacks(answer) || (lacks(pointer("requestBody")) && looked_at) {
                missing.push(format!("{id} ({method} {path})"));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn every_operation_says_who_may_call_it() {
    for (path, methods) in DOCUMENT["paths"].as_object().expect("paths") {
        for (method, operation) in methods.as_object().expect("methods") {
            let known = &operation["x-repoplane"];
            for flag in ["idempotent", "conditional", "public"] {
                assert!(known[flag].is_boolean(), "{method} {path}: {flag}");
            }
            let archived = known["archived"].as_str().unwrap_or_default();
            let below = path.starts_with("/api/repos/{id}")
                || path.starts_with("/api/tasks/")
                || path.starts_with("/api/webhook/");
            assert_eq!(archived != "not-below-a-repository", below, "{method} {path}: {archived}");
            let public = known["public"] == true;
            assert_eq!(operation["security"].as_array().is_some_and(Vec::is_empty), public, "{method} {path}");
        }
    }
}
