//! What a webhook is answered: the contract's body, or a problem document that has its members.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, StatusCode};
use repoplane_api::Problem;
use repoplane_api::observe::{self, Metric};
use repoplane_api::problem::ProblemType;
use repoplane_domain::id::DeliveryId;
use repoplane_domain::webhook::Refusal;
use repoplane_store::StoreError;
use serde_json::Value;

/// Names the delivery in every recorded answer, so that a provider's log leads to ours.
const DELIVERY_HEADER: HeaderName = HeaderName::from_static("x-repoplane-delivery");

/// Counts a post by how it was answered; one that met a failure of ours is neither taken in nor refused.
pub(crate) fn counted(answer: Result<Response, Problem>) -> Result<Response, Problem> {
    let status = answer.as_ref().map_or_else(Problem::status, Response::status);
    if status.is_success() {
        observe::count(Metric::WebhooksAccepted, 1.0);
    } else if status.is_client_error() {
        observe::count(Metric::WebhooksRejected, 1.0);
    }
    answer
}

pub(crate) fn accepted(id: DeliveryId, body: Value) -> Response {
    with_delivery((StatusCode::ACCEPTED, Json(body)).into_response(), id)
}

/// What a refusal answers, with the delivery that records it.
pub(crate) fn answer_refusal(refusal: &Refusal, recorded: Option<DeliveryId>) -> Response {
    if refusal.status < 400 {
        let response = (StatusCode::ACCEPTED, Json(refusal.body())).into_response();
        return recorded.into_iter().fold(response, with_delivery);
    }
    let problem = Problem::new(ProblemType::WebhookRejected, refusal.message.clone())
        .with_status(refusal.status)
        .with_error(refusal.error)
        .with_members(refusal.members.clone());
    let problem = match refusal.code {
        Some(code) => problem.with_code(code),
        None => problem,
    };
    recorded.into_iter().fold(problem, naming).into_response()
}

/// The problem with the delivery that it is recorded as.
pub(crate) fn naming(problem: Problem, id: DeliveryId) -> Problem {
    observe::delivery(id);
    match HeaderValue::from_str(&id.to_string()) {
        Ok(name) => problem.with_header(DELIVERY_HEADER, name),
        Err(_) => problem,
    }
}

/// Storage did not take it in: the sender may post again, and will not make a second task.
pub(crate) fn not_taken_in(error: StoreError) -> Problem {
    Problem::from(error).with_error("Failed to enqueue task")
}

pub(crate) fn with_delivery(mut response: Response, id: DeliveryId) -> Response {
    observe::delivery(id);
    if let Ok(name) = HeaderValue::from_str(&id.to_string()) {
        response.headers_mut().insert(DELIVERY_HEADER, name);
    }
    response
}
