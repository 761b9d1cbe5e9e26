//! The import, for the API's document.

use super::schemas;
use crate::import::HEAD;
use repoplane_api::openapi::schema::{self, Object};
use repoplane_api::openapi::{Access, Operation};
use repoplane_api::problem::ProblemType;
use repoplane_domain::access::Scope;
use repoplane_domain::id::RepositoryId;
use repoplane_domain::repository::MAX_IMPORT;
use serde_json::{Value, json};

pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::new("repos_import", super::operations::REPOSITORIES, "Register many repositories at once")
            .idempotent()
            .text(
                "Each item is registered for itself, as by `repos_create`; the caller becomes the owner of each. One that is \
                 registered already, by its identity or remote, is `exists` with the repository's id, so that the call can be \
                 sent again. A name that a repository of another identity has is `failed` with `REPO_NAME_TAKEN`; items \
                 without an identity are known by nothing else. A wrong item is `failed` with its errors and stops no other; \
                 of those that claim the same, the first one in the list comes first. Storage that does not answer makes an \
                 item `failed` with `UNAVAILABLE`; an answer that is kept for an `Idempotency-Key` keeps those as well, so \
                 send them again with another key. Webhook secrets are not shown here: set the webhooks up with \
                 `repos_set_provider_hook`, or rotate their secrets. Records of more than 300 KB together are shown by \
                 their `id`, `number`, `provider`, `namespace` and `name` alone.",
            )
            .access(Access::Scope(Scope::ReposWrite))
            .body(Object::new().required("repositories", items(), "What to register, in this order."))
            .ok(
                "How each item ended.",
                Object::new()
                    .required("results", schema::array(result()), "The items' ends, in the order of the list.")
                    .required("created", schema::count(), "How many were registered.")
                    .required("existing", schema::count(), "How many had been registered before.")
                    .required("failed", schema::count(), "How many are not registered."),
            )
            .problem(ProblemType::ValidationFailed, &[]),
    ]
}

fn items() -> Value {
    let mut items = schema::array_up_to(schema::reference("ImportRepo"), MAX_IMPORT);
    items["minItems"] = json!(1);
    items
}

/// One item: what registers a repository, without what an import does not take.
pub(super) fn import_repo() -> Value {
    let mut item = schemas::create_repo();
    if let Some(properties) = item["properties"].as_object_mut() {
        properties.remove("webhookSecret");
        let on = schema::nullable(schema::one_of(&["on"]));
        properties.insert("webhookVerification".to_owned(), schema::described(on, "Webhooks must be signed."));
    }
    item
}

fn result() -> Value {
    let mut repo = schemas::repo();
    repo["required"] = json!(HEAD);
    let error = Object::new()
        .required("pointer", schema::text(), "Where it is in the body, as a JSON pointer.")
        .required("message", schema::text(), "What is wrong.");
    Object::new()
        .required("index", schema::integer(0..=MAX_IMPORT as i64 - 1), "Which item of the list it is.")
        .required("status", schema::one_of(&["created", "exists", "failed"]), "How it ended.")
        .optional("repo", repo, "The new repository.")
        .optional(
            "conflictingResourceId",
            schema::id(RepositoryId::PREFIX),
            "The repository that has the identity or, when it failed, the name.",
        )
        .optional("code", schema::pattern("^[A-Z_]+$"), "Why it failed, for programs.")
        .optional("message", schema::text(), "Why it failed, for people.")
        .optional("errors", schema::array(error.into()), "The item's wrong fields.")
        .schema()
}
