//! The OpenID Connect issuers of a tenant, for the API's document.

use repoplane_api::openapi::schema::{self, Object};
use repoplane_api::openapi::{Access, Operation};
use repoplane_api::problem::ProblemType;
use repoplane_domain::access::Scope;
use repoplane_domain::id::IssuerId;
use repoplane_domain::oidc::{
    MAX_AUDIENCE_BYTES, MAX_AUDIENCES, MAX_ISSUER_BYTES, MAX_ISSUERS, MAX_JWKS_URI_BYTES, SigningAlgorithm, UserClaim,
};
use serde_json::{Value, json};

const TAG: &str = "OpenID Connect issuers";

pub(super) fn operations() -> Vec<Operation> {
    let admin = |id, summary| Operation::new(id, TAG, summary).access(Access::Administrator);
    let one = |id, summary| admin(id, summary).path("issuer_id", schema::id(IssuerId::PREFIX), "The issuer.");
    let shown = || Object::new().required("issuer", schema::reference("Issuer"), "The issuer.");
    vec![
        admin("issuers_list", "List the tenant's OpenID Connect issuers").text("The oldest comes first.").ok(
            "All of them.",
            Object::new().required("issuers", schema::array(schema::reference("Issuer")), "The issuers."),
        ),
        admin("issuers_create", "Take the tokens of an OpenID Connect issuer")
            .idempotent()
            .text(format!(
                "Its signed tokens are taken as bearer tokens from then on. One speaks for the user of the tenant whom \
                 `userClaim` names (`sub` and `preferred_username` by username; `email`, if `email_verified`, by an e-mail \
                 address that no other user has); no user is made by a token. It may what `scopes` say, narrowed by the \
                 token's own `scope`, in the repositories that the user is a member of, and never administers. An issuer \
                 belongs to one tenant of the registry. A tenant has at most {MAX_ISSUERS}."
            ))
            .body(create())
            .created("The issuer.", shown())
            .problem(ProblemType::Conflict, &["ISSUER_TAKEN", "WRITE_CONFLICT"])
            .problem(ProblemType::LimitExceeded, &["LIMIT_EXCEEDED"]),
        one("issuers_get", "Look at an OpenID Connect issuer").ok("The issuer.", shown()),
        one("issuers_update", "Change an OpenID Connect issuer")
            .conditional()
            .text("Its URL stays. It is so everywhere within 30 seconds.")
            .body(patch())
            .ok("The issuer as it is now.", shown())
            .problem(ProblemType::Conflict, &["WRITE_CONFLICT"]),
        one("issuers_delete", "Delete an OpenID Connect issuer")
            .conditional()
            .text("Its tokens are refused everywhere within 30 seconds; its URL is free again.")
            .ok("It is gone.", schema::reference("Done"))
            .problem(ProblemType::Conflict, &["WRITE_CONFLICT"]),
    ]
}

fn list(items: Value, most: usize) -> Value {
    json!({"type": "array", "items": items, "minItems": 1, "maxItems": most})
}

fn audiences() -> Value {
    list(json!({"type": "string", "minLength": 1, "maxLength": MAX_AUDIENCE_BYTES, "pattern": r"\S"}), MAX_AUDIENCES)
}

fn algorithms() -> Value {
    list(schema::one_of(&SigningAlgorithm::ALL.map(SigningAlgorithm::as_str)), SigningAlgorithm::ALL.len())
}

fn scopes() -> Value {
    list(schema::one_of(&Scope::OF_A_PLATFORM.map(Scope::as_str)), Scope::OF_A_PLATFORM.len())
}

fn user_claim() -> Value {
    schema::one_of(&UserClaim::ALL.map(UserClaim::as_str))
}

fn address(most: usize) -> Value {
    json!({"type": "string", "maxLength": most, "pattern": "^https://"})
}

/// The fields that can be changed.
fn settings(object: Object) -> Object {
    object
        .optional(
            "jwksUri",
            schema::nullable(address(MAX_JWKS_URI_BYTES)),
            "Where its keys are; found by its discovery document unless said.",
        )
        .optional("algorithms", schema::nullable(algorithms()), "How its tokens may be signed; all unless said.")
        .optional("userClaim", schema::nullable(user_claim()), "Which claim names the user; `sub` unless said.")
        .optional("enabled", schema::nullable(schema::boolean()), "Whether its tokens are taken; true unless said.")
}

fn create() -> Value {
    let object = Object::new()
        .required("issuer", address(MAX_ISSUER_BYTES), "Its URL, letter by letter as in the tokens' `iss`.")
        .required("audiences", audiences(), "A token must be meant for one of these.")
        .required("scopes", scopes(), "What its tokens may be used for at most.");
    settings(object).schema()
}

fn patch() -> Value {
    let object = Object::new().optional("audiences", audiences(), "A token must be meant for one of these.").optional(
        "scopes",
        scopes(),
        "What its tokens may be used for at most.",
    );
    settings(object).schema()
}

/// One issuer.
pub(super) fn issuer() -> Value {
    Object::new()
        .required("id", schema::id(IssuerId::PREFIX), "Its id.")
        .required("issuer", schema::text(), "Its URL, letter by letter as in the tokens' `iss`.")
        .required("audiences", schema::array(schema::text()), "A token must be meant for one of these.")
        .optional("jwksUri", schema::text(), "Where its keys are; absent when its discovery document says so.")
        .required("algorithms", algorithms(), "How its tokens may be signed.")
        .required("userClaim", user_claim(), "Which claim names the user.")
        .required("scopes", scopes(), "What its tokens may be used for at most.")
        .required("enabled", schema::boolean(), "Whether its tokens are taken.")
        .required("createdAt", schema::time(), "When it was made.")
        .required("updatedAt", schema::time(), "When it last changed.")
        .schema()
}
