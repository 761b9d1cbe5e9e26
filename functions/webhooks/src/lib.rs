//! Receiving webhooks; the deliveries that were received; the tasks that came of them
//! (contract: hookcode 2.9, 2.10, 3.8, 3.9, 4.6).

mod deliveries;
mod payload;
mod receive;
mod tasks;
mod unverified;

use axum::Router;
use axum::extract::FromRef;
use axum::routing::{get, post};
use repoplane_api::App;
use unverified::UnverifiedLimit;

/// What the handlers share.
#[derive(Clone)]
struct Webhooks {
    app: App,
    unverified: UnverifiedLimit,
}

impl FromRef<Webhooks> for App {
    fn from_ref(state: &Webhooks) -> Self {
        state.app.clone()
    }
}

/// The function's routes.
pub fn router(app: App) -> Router {
    Router::new()
        .route("/api/webhook/github/{id}", post(receive::github))
        .route("/api/webhook/gitlab/{id}", post(receive::gitlab))
        .route("/api/repos/{id}/webhook-deliveries", get(deliveries::list))
        .route("/api/repos/{id}/webhook-deliveries/{delivery_id}", get(deliveries::show))
        .route("/api/repos/{id}/webhook-deliveries/{delivery_id}/payload", get(payload::download))
        .route("/api/repos/{id}/tasks", get(tasks::list))
        .route("/api/tasks/{id}", get(tasks::show).patch(tasks::change))
        .route("/api/tasks/{id}/claim", post(tasks::claim))
        .with_state(Webhooks { app, unverified: UnverifiedLimit::new() })
}
