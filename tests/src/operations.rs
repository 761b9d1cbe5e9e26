//! The table of operations, for people.

use crate::document::DOCUMENT;
use serde_json::Value;
use std::fmt::Write as _;

/// The operations that the project was asked for first, in that order, each with the test that covers it.
pub(crate) const FIRST: [(&str, &str, &str); 18] = [
    ("repos_list", "GET /api/repos", "tests/tests/system/repos/list.rs"),
    ("repos_create", "POST /api/repos", "tests/tests/system/repos/create.rs"),
    ("repos_get", "GET /api/repos/{id}", "tests/tests/system/repos/show.rs"),
    ("repos_patch", "PATCH /api/repos/{id}", "tests/tests/system/repos/change.rs"),
    ("repos_archive", "POST /api/repos/{id}/archive", "tests/tests/system/repos/archive.rs"),
    ("repos_unarchive", "POST /api/repos/{id}/unarchive", "tests/tests/system/repos/archive.rs"),
    ("repos_get_provider_meta", "GET /api/repos/{id}/provider-meta", "tests/tests/system/providers/meta.rs"),
    (
        "repos_get_provider_activity",
        "GET /api/repos/{id}/provider-activity",
        "tests/tests/system/providers/activity.rs",
    ),
    (
        "repos_list_webhook_deliveries",
        "GET /api/repos/{id}/webhook-deliveries",
        "tests/tests/system/deliveries/list.rs",
    ),
    (
        "repos_get_webhook_delivery",
        "GET /api/repos/{id}/webhook-deliveries/{delivery_id}",
        "tests/tests/system/main_job.rs",
    ),
    (
        "repos_list_model_provider_models",
        "POST /api/repos/{id}/model-credentials/models",
        "tests/tests/system/providers/models.rs",
    ),
    ("repos_list_robots", "GET /api/repos/{id}/robots", "tests/tests/system/robots/list.rs"),
    ("repos_create_robot", "POST /api/repos/{id}/robots", "tests/tests/system/robots/create.rs"),
    ("repos_patch_robot", "PATCH /api/repos/{id}/robots/{robot_id}", "tests/tests/system/robots/change.rs"),
    ("repos_test_robot", "POST /api/repos/{id}/robots/{robot_id}/test", "tests/tests/system/robots/test.rs"),
    ("repos_delete_robot", "DELETE /api/repos/{id}/robots/{robot_id}", "tests/tests/system/robots/remove.rs"),
    ("repos_get_automation", "GET /api/repos/{id}/automation", "tests/tests/system/automation.rs"),
    ("repos_put_automation", "PUT /api/repos/{id}/automation", "tests/tests/system/automation.rs"),
];

/// The page: the first operations with their state, then all that are served.
pub(crate) fn operations_page() -> String {
    let mut page = String::from(
        "# Operations\n\n\
         Written by `cargo openapi` from the API's document, [openapi.json](openapi.json); `/docs` shows the same for reading \
         and trying.\n\n\
         ## The first eighteen\n\n\
         | operationId | method and path | test |\n| --- | --- | --- |\n",
    );
    // Writing to a text does not fail.
    for (id, route, test) in FIRST {
        let _ = writeln!(page, "| `{id}` | `{route}` | [{test}](../{test}) |");
    }
    page.push_str(
        "\n## All that are served\n\n\
         *Scope* is what the token must have; *role* what its holder must be in the repository; *archived* what happens when \
         the repository is archived. A star after the id: takes `Idempotency-Key`; a plus: takes `If-Match`.\n\n\
         | operationId | method and path | scope | role | success | archived |\n| --- | --- | --- | --- | --- | --- |\n",
    );
    for (path, methods) in DOCUMENT["paths"].as_object().into_iter().flatten() {
        for (method, operation) in methods.as_object().into_iter().flatten() {
            let _ = writeln!(page, "{}", row(path, method, operation));
        }
    }
    page
}

fn row(path: &str, method: &str, operation: &Value) -> String {
    let known = &operation["x-repoplane"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mark = |name: &str, sign: &'static str| if known[name] == true { sign } else { "" };
    let scope = match (known["scope"].as_str(), known["public"] == true) {
        (Some("signature"), _) => "the webhook's secret".to_owned(),
        (Some("bootstrap"), _) => "the bootstrap token".to_owned(),
        (Some(scope), _) => format!("`{scope}`"),
        (None, true) => "public".to_owned(),
        (None, false) => "any token".to_owned(),
    };
    let statuses = operation["responses"].as_object().into_iter().flatten();
    let success: Vec<_> =
        statuses.map(|(status, _)| status.as_str()).filter(|status| status.starts_with('2')).collect();
    let archived = match known["archived"].as_str() {
        Some("not-below-a-repository") | None => String::new(),
        Some(word) => word.to_owned(),
    };
    format!(
        "| `{}`{}{} | `{} {path}` | {scope} | {} | {} | {archived} |",
        text(&operation["operationId"]),
        mark("idempotent", "\\*"),
        mark("conditional", "+"),
        method.to_ascii_uppercase(),
        text(&known["role"]),
        success.join(", "),
    )
}
