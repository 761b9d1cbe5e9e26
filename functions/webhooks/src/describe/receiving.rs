//! The endpoints that providers post to, for the API's document.

use super::repository;
use repoplane_api::openapi::schema::{self, Object};
use repoplane_api::openapi::{Access, Answer, Archived, Operation, Parameter};
use repoplane_api::problem::ProblemType;
use repoplane_domain::id::{DeliveryId, HookId};
use serde_json::{Value, json};

const WEBHOOKS: &str = "Webhooks";
const TAKEN_IN: &str = "Taken in: the tasks that came of it, or why there are none.";
const DELIVERY: &str = "x-repoplane-delivery";

pub(super) fn operations() -> Vec<Operation> {
    let own = |id, summary| {
        let answer = Answer::json(202, TAKEN_IN, schema::reference("WebhookAnswer")).with_header(
            DELIVERY,
            schema::id(DeliveryId::PREFIX),
            "The delivery that records it.",
        );
        receiving(repository(Operation::new(id, WEBHOOKS, summary)), answer).text(
            "Verified on the raw bytes, recorded, and durable with its tasks before the answer. The same delivery again is \
             answered with the first result and `duplicate_of`.",
        )
    };
    let organisations = |id, summary| {
        let operation = Operation::new(id, WEBHOOKS, summary);
        let operation = operation.path("hook_id", schema::id(HookId::PREFIX), "The webhook, as it was made.");
        let answer = Answer::json(202, TAKEN_IN, schema::reference("WebhookAnswer")).with_optional_header(
            DELIVERY,
            schema::id(DeliveryId::PREFIX),
            "The delivery that records it, of the repository that it speaks of.",
        );
        receiving(operation, answer)
            .text(
                "Verified on the raw bytes by the webhook's own secret. Then it goes to the repository of the tenant that is \
                 registered with the payload's identity, as if that one's own webhook had brought it; the same event by \
                 both makes its tasks once. What concerns no registered repository is skipped and not recorded.",
            )
            .problem_at(409, ProblemType::WebhookRejected, &["WEBHOOK_OWNER_MISMATCH"])
    };
    vec![
        of_github(own("webhook_github", "Receive a webhook of GitHub")),
        of_gitlab(own("webhook_gitlab", "Receive a webhook of GitLab")),
        of_github(organisations("webhook_github_organisation", "Receive the webhook of a GitHub organisation")),
        of_gitlab(organisations("webhook_gitlab_group", "Receive the webhook of a GitLab group")),
    ]
}

/// What every webhook answers.
fn receiving(operation: Operation, taken_in: Answer) -> Operation {
    operation
        .access(Access::Signature)
        .archived(Archived::Skipped)
        .answer(taken_in)
        .problem_at(
            400,
            ProblemType::WebhookRejected,
            &[
                "WEBHOOK_SCOPE_NOT_SUPPORTED",
                "WEBHOOK_PROVIDER_MISMATCH",
                "WEBHOOK_REPO_ID_MISSING",
                "WEBHOOK_BODY_INVALID",
                "WEBHOOK_EVENT_MISMATCH",
            ],
        )
        .problem_at(401, ProblemType::WebhookRejected, &["UNAUTHORIZED"])
        .problem_at(
            409,
            ProblemType::WebhookRejected,
            &[
                "WEBHOOK_REPO_NAME_MISMATCH",
                "WEBHOOK_REPO_BINDING_MISMATCH",
                "WEBHOOK_REPO_BASE_URL_MISMATCH",
                "WEBHOOK_BIND_FAILED",
            ],
        )
        .problem(ProblemType::MalformedBody, &[])
        .problem(ProblemType::BodyTooLarge, &[])
        .problem_at(413, ProblemType::WebhookRejected, &["WEBHOOK_BODY_TOO_LARGE"])
        .problem(ProblemType::Internal, &["INTERNAL_ERROR"])
}

fn event() -> Value {
    json!({"type": "object", "description": "The event, as the provider documents it."})
}

fn of_github(operation: Operation) -> Operation {
    let header = |name, text: &str| Parameter::header(name, schema::text(), text);
    let form = Object::new().required("payload", schema::text(), "The event's JSON.");
    operation
        .parameter(header("x-github-event", "The event's name."))
        .parameter(header("x-github-delivery", "GitHub's id of the delivery."))
        .parameter(header("x-hub-signature-256", "`sha256=` and the HMAC-SHA256 of the raw body, in hex."))
        .body_of(true, vec![("application/json", event()), ("application/x-www-form-urlencoded", form.into())])
}

fn of_gitlab(operation: Operation) -> Operation {
    let header = |name, text: &str| Parameter::header(name, schema::text(), text);
    operation
        .parameter(header("x-gitlab-event", "The event's name."))
        .parameter(header("x-gitlab-event-uuid", "GitLab's id of the event."))
        .parameter(header("idempotency-key", "GitLab's id of the delivery, the same for each of its retries."))
        .parameter(header("x-gitlab-token", "The webhook's secret."))
        .body(event())
}
