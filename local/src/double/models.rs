//! The lists of models of the three model providers.

use super::{Query, header, refusal};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

/// The key that all three take.
pub const MODEL_KEY: &str = "demo-model-key";

/// Ids that each provider lists, after its own prefix.
const MODELS: [&str; 3] = ["demo-large", "demo-medium", "demo-small"];

pub(super) fn router() -> Router {
    Router::new()
        .route("/openai/v1/models", get(openai))
        .route("/anthropic/v1/models", get(anthropic))
        .route("/gemini/v1beta/models", get(gemini))
}

/// OpenAI API: `GET /v1/models`.
async fn openai(headers: HeaderMap) -> Response {
    if header(&headers, "authorization").and_then(|text| text.strip_prefix("Bearer ")) != Some(MODEL_KEY) {
        let error = json!({"message": "Incorrect API key provided.", "type": "invalid_request_error", "param": null,
            "code": "invalid_api_key"});
        return refusal(StatusCode::UNAUTHORIZED, json!({"error": error}));
    }
    let models = MODELS.map(|id| json!({"id": id, "object": "model", "created": 1_700_000_000, "owned_by": "demo"}));
    Json(json!({"object": "list", "data": models})).into_response()
}

/// Anthropic API: `GET /v1/models`, in pages of two.
async fn anthropic(headers: HeaderMap, query: Query) -> Response {
    let error = |status, kind: &str, message: &str| {
        refusal(status, json!({"type": "error", "error": {"type": kind, "message": message}}))
    };
    if header(&headers, "x-api-key") != Some(MODEL_KEY) {
        return error(StatusCode::UNAUTHORIZED, "authentication_error", "invalid x-api-key");
    }
    if header(&headers, "anthropic-version").is_none() {
        return error(StatusCode::BAD_REQUEST, "invalid_request_error", "anthropic-version: header is required");
    }
    let after = query.get("after_id").and_then(|id| MODELS.iter().position(|known| known == id));
    let start = after.map_or(0, |index| index + 1);
    let models: Vec<Value> = MODELS
        .iter()
        .skip(start)
        .take(2)
        .map(|id| json!({"type": "model", "id": id, "display_name": id, "created_at": "2024-01-01T00:00:00Z"}))
        .collect();
    let has_more = start + models.len() < MODELS.len();
    let id = |model: Option<&Value>| model.map(|model| model["id"].clone());
    let (first, last) = (id(models.first()), id(models.last()));
    Json(json!({"data": models, "has_more": has_more, "first_id": first, "last_id": last})).into_response()
}

/// Gemini API: `GET /v1beta/models`, in two pages.
async fn gemini(headers: HeaderMap, query: Query) -> Response {
    if header(&headers, "x-goog-api-key") != Some(MODEL_KEY) {
        let details = json!([{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}]);
        let error = json!({"code": 400, "message": "API key not valid. Please pass a valid API key.",
            "status": "INVALID_ARGUMENT", "details": details});
        return refusal(StatusCode::BAD_REQUEST, json!({"error": error}));
    }
    let model = |id: &&str| json!({"name": format!("models/{id}"), "displayName": id, "version": "001"});
    let (first, rest) = MODELS.split_at(2);
    if query.get("pageToken").is_some_and(|token| token == "second") {
        return Json(json!({"models": rest.iter().map(model).collect::<Vec<_>>()})).into_response();
    }
    let models: Vec<_> = first.iter().map(model).collect();
    Json(json!({"models": models, "nextPageToken": "second"})).into_response()
}
