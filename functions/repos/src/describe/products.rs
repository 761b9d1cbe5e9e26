//! Products, for the API's document.

use repoplane_api::openapi::schema::{self, Object};
use repoplane_api::openapi::{Access, Operation};
use repoplane_api::problem::ProblemType;
use repoplane_domain::access::Scope;
use repoplane_domain::id::{CredentialId, UserId};
use repoplane_domain::product::{MAX_OWNER_BYTES, MAX_PRODUCT_MEMBERS};
use serde_json::{Value, json};

const TAG: &str = "Products";

pub(super) fn operations() -> Vec<Operation> {
    let product = || Object::new().required("product", schema::reference("Product"), "The product.");
    let named = |operation: Operation| operation.path("name", schema::text(), "The product's name.");
    vec![
        Operation::new("products_list", TAG, "List the products that the caller may see")
            .access(Access::Scope(Scope::ReposRead))
            .text("By name. Products are made and deleted at `/api/v1/products`.")
            .ok(
                "The products.",
                Object::new().required("products", schema::array(schema::reference("Product")), "The products."),
            ),
        named(Operation::new("products_get", TAG, "Look at a product").access(Access::Scope(Scope::ReposRead)))
            .ok("The product.", product())
            .problem(ProblemType::NotFound, &["NOT_FOUND"]),
        named(Operation::new("products_update", TAG, "Connect a product to its Git server").access(Access::Administrator))
            .conditional()
            .text(
                "With a `connection`, saving a repository of the product makes or changes its project there, with two \
                 deploy keys and a webhook; `null` only writes repositories down again. The connection is replaced whole, \
                 and so are `members`. Projects stay when their repositories are deleted, unless `deleteAtProvider` is set.",
            )
            .body(
                Object::new()
                    .optional("baseUrl", schema::text_up_to(MAX_OWNER_BYTES), "The root of the Git server.")
                    .optional("connection", schema::nullable(connection(true)), "How projects are made there.")
                    .optional(
                        "members",
                        schema::array_up_to(
                            Object::new()
                                .required("userId", schema::id(UserId::PREFIX), "The user.")
                                .required("role", schema::one_of(&["owner", "maintainer", "member"]), "What it may do.")
                                .schema(),
                            MAX_PRODUCT_MEMBERS,
                        ),
                        "All who work in the product; one of them owns it.",
                    ),
            )
            .ok("The product as it is now.", product())
            .problem(ProblemType::NotFound, &["NOT_FOUND"])
            .problem(ProblemType::Conflict, &["PRODUCT_HAS_PROJECTS", "WRITE_CONFLICT"]),
    ]
}

fn connection(asked: bool) -> Value {
    let provider = if asked {
        json!({"type": "string", "enum": ["github", "gitlab"]})
    } else {
        schema::one_of(&["github", "gitlab"])
    };
    let base = schema::text_up_to(2048);
    let object = Object::new()
        .required("provider", provider, "Whose server it is.")
        .optional(
            "apiBaseUrl",
            if asked { schema::nullable(base) } else { base },
            "GitHub's REST base or GitLab's root, unless it is the public service.",
        )
        .required("owner", schema::text_up_to(MAX_OWNER_BYTES), "GitLab's group or GitHub's organisation or account.")
        .required(
            "credentialId",
            schema::id(CredentialId::PREFIX),
            "The credential of the vault that it is done with.",
        );
    let deletes = "Whether deleting a repository deletes its project with all code; false unless said.";
    if asked {
        object.optional("deleteAtProvider", schema::nullable(schema::boolean()), deletes).schema()
    } else {
        object.required("deleteAtProvider", schema::boolean(), deletes).schema()
    }
}

/// One product.
pub(super) fn product() -> Value {
    Object::new()
        .required("name", schema::text(), "Its name, which is its path at the Git server.")
        .required("displayName", schema::text(), "Its name for people.")
        .required("description", schema::text(), "What it is for.")
        .required("baseUrl", schema::text(), "The root of the Git server.")
        .required(
            "connection",
            schema::nullable(connection(false)),
            "How projects are made there; null for not at all.",
        )
        .required("members", schema::array(schema::reference("Member")), "Who works in it.")
        .required("createdAt", schema::time(), "When it was made.")
        .required("updatedAt", schema::time(), "When it last changed.")
        .schema()
}
