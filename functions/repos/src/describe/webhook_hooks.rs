//! The webhooks of organisations, for the API's document.

use super::schemas::{rotation, withholding};
use repoplane_api::openapi::schema::{self, Object};
use repoplane_api::openapi::{Access, Operation, Parameter};
use repoplane_api::problem::ProblemType;
use repoplane_api::query::{DEFAULT_PAGE, MAX_PAGE};
use repoplane_domain::id::HookId;
use repoplane_domain::input::MAX_TEXT_BYTES;
use repoplane_domain::organisation_hook::MAX_HOOKS;
use repoplane_domain::repository::{MAX_NAME_BYTES, MAX_WEBHOOK_SECRET_BYTES};
use serde_json::{Value, json};

const TAG: &str = "Organisation webhooks";

pub(super) fn operations() -> Vec<Operation> {
    let admin = |id, summary| Operation::new(id, TAG, summary).access(Access::Administrator);
    let one = |id, summary| admin(id, summary).path("hook_id", schema::id(HookId::PREFIX), "The webhook.");
    let secret = |answer: Object| {
        withholding(answer.optional("webhookSecret", schema::text(), "Its secret, shown once."), &["webhookSecret"])
    };
    vec![
        admin("webhook_hooks_list", "List the webhooks of organisations")
            .text("The latest comes first. `nextCursor` is there only when there is more.")
            .parameter(Parameter::limit(DEFAULT_PAGE, MAX_PAGE))
            .parameter(Parameter::cursor())
            .ok(
                "A page of webhooks.",
                Object::new()
                    .required("hooks", schema::array(schema::reference("OrganisationHook")), "The webhooks.")
                    .optional("nextCursor", schema::text(), "For the next page, if there is one."),
            )
            .problem(ProblemType::ValidationFailed, &["INVALID_CURSOR"]),
        admin("webhook_hooks_create", "Make a webhook for a whole organisation")
            .idempotent()
            .text(format!(
                "One webhook in the settings of a GitHub organisation or a GitLab group, instead of one for each repository. \
                 What it brings goes to the repository of the tenant that is registered with the payload's identity. \
                 `webhookSecret` is shown in this one answer. A tenant has at most {MAX_HOOKS}."
            ))
            .body(create())
            .created("The webhook, with its secret.", secret(shown()))
            .problem(ProblemType::Conflict, &["WRITE_CONFLICT"])
            .problem(ProblemType::LimitExceeded, &["LIMIT_EXCEEDED"]),
        one("webhook_hooks_get", "Look at an organisation's webhook").ok("The webhook.", shown()),
        one("webhook_hooks_update", "Change an organisation's webhook")
            .conditional()
            .text("Provider and base URL stay. It is so everywhere within 30 seconds.")
            .body(
                Object::new()
                    .optional("owner", owner(), "The organisation or group that it speaks for; null for all.")
                    .optional("description", description(), "Free text; null removes it.")
                    .optional("enabled", schema::nullable(schema::boolean()), "Whether what it brings is taken in."),
            )
            .ok("The webhook as it is now.", shown())
            .problem(ProblemType::Conflict, &["WRITE_CONFLICT"]),
        one("webhook_hooks_delete", "Delete an organisation's webhook")
            .conditional()
            .text("What it brings is refused everywhere within 30 seconds. Deliveries and tasks that came of it stay.")
            .ok("It is gone.", schema::reference("Done"))
            .problem(ProblemType::Conflict, &["WRITE_CONFLICT"]),
        one("webhook_hooks_rotate_secret", "Rotate the secret of an organisation's webhook")
            .idempotent()
            .conditional()
            .text(
                "The new secret is shown in this one answer and good at once; the old one stays accepted for \
                 `overlapSeconds`, and in no case more than 30 seconds beyond them.",
            )
            .optional_body(rotation())
            .ok(
                "The webhook, with its new secret.",
                secret(shown()).optional(
                    "previousAcceptedUntil",
                    schema::time(),
                    "Until when the old secret is accepted.",
                ),
            )
            .problem(ProblemType::Conflict, &["WRITE_CONFLICT"])
            .problem(ProblemType::TooManyChanges, &["TOO_MANY_CHANGES"])
            .problem(ProblemType::LimitExceeded, &["LIMIT_EXCEEDED"]),
    ]
}

fn shown() -> Object {
    Object::new().required("hook", schema::reference("OrganisationHook"), "The webhook.").required(
        "webhookPath",
        schema::text(),
        "Where the provider posts.",
    )
}

/// Names between slashes.
fn owner() -> Value {
    schema::nullable(schema::text_up_to(MAX_NAME_BYTES))
}

fn description() -> Value {
    schema::nullable(schema::text_up_to(MAX_TEXT_BYTES))
}

fn create() -> Value {
    Object::new()
        .required("provider", json!({"type": "string", "enum": ["github", "gitlab"]}), "Where the organisation is.")
        .optional(
            "owner",
            owner(),
            "The organisation or the path of the group: only repositories below it are spoken for. All unless said.",
        )
        .optional(
            "apiBaseUrl",
            schema::nullable(schema::text_up_to(2048)),
            "GitHub's REST base or GitLab's root, unless it is the public service.",
        )
        .optional("description", description(), "Free text.")
        .optional(
            "enabled",
            schema::nullable(schema::boolean()),
            "Whether what it brings is taken in; true unless said.",
        )
        .optional(
            "webhookSecret",
            schema::nullable(schema::text_up_to(MAX_WEBHOOK_SECRET_BYTES)),
            "A secret of your own; without it one is derived.",
        )
        .schema()
}

/// One webhook.
pub(super) fn hook() -> Value {
    Object::new()
        .required("id", schema::id(HookId::PREFIX), "Its id.")
        .required("provider", schema::one_of(&["github", "gitlab"]), "Where the organisation is.")
        .optional("owner", schema::text(), "The organisation or the path of the group; absent when it speaks for all.")
        .optional("apiBaseUrl", schema::text(), "GitHub's REST base or GitLab's root; absent for the public service.")
        .optional("description", schema::text(), "Free text.")
        .required("enabled", schema::boolean(), "Whether what it brings is taken in.")
        .required("secretGeneration", schema::count(), "Counts the secrets that it has had, from 1.")
        .required("createdAt", schema::time(), "When it was made.")
        .required("updatedAt", schema::time(), "When it last changed.")
        .schema()
}
