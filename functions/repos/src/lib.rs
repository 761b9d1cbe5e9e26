//! Repositories, their members and credentials; tenants, users and tokens; health and version.
//!
//! This function is the API's `$default` route: a path that nobody else has is answered here.

mod identity;
mod members;
mod repositories;
mod tenants;
mod tokens;
mod users;
mod view;

use axum::Router;
use axum::routing::{delete, get, patch, post};
use repoplane_api::App;
use serde_json::{Value, json};

/// The function's routes.
pub fn router(app: App) -> Router {
    Router::new()
        .route("/", get(welcome))
        .route("/health", get(health))
        .route("/version", get(version))
        .route("/api/bootstrap", post(identity::bootstrap))
        .route("/api/me", get(identity::me))
        .route("/api/access-tokens", get(tokens::list).post(tokens::create))
        .route("/api/access-tokens/{token_id}", delete(tokens::revoke))
        .route("/api/tenants", get(tenants::list).post(tenants::create))
        .route("/api/tenants/{tenant_id}", patch(tenants::change))
        .route("/api/users", get(users::list).post(users::create))
        .route("/api/users/{user_id}", patch(users::change))
        .route("/api/repos", get(repositories::list).post(repositories::create))
        .route("/api/repos/{id}", get(repositories::show).patch(repositories::change))
        .route("/api/repos/{id}/archive", post(repositories::archive))
        .route("/api/repos/{id}/unarchive", post(repositories::unarchive))
        .route("/api/repos/{id}/webhook-secret/rotate", post(repositories::rotate_webhook_secret))
        .route("/api/repos/{id}/members", get(members::list).post(members::add))
        .route("/api/repos/{id}/members/{user_id}", patch(members::change).delete(members::remove))
        .with_state(app)
}

async fn welcome() -> axum::Json<Value> {
    axum::Json(json!({
        "name": "repoplane",
        "version": repoplane_api::app::VERSION,
        "links": {"health": "/health", "version": "/version", "me": "/api/me", "repositories": "/api/repos"},
    }))
}

/// Alive, and nothing more: it asks neither table nor vault, so that a health check costs nothing.
async fn health() -> axum::Json<Value> {
    axum::Json(json!({"status": "ok"}))
}

async fn version() -> axum::Json<Value> {
    axum::Json(json!({"version": repoplane_api::app::VERSION, "commit": repoplane_api::app::COMMIT}))
}
