//! Robots of a repository: list, create, change, test, delete (contract: hookcode 2.12–2.16).

mod handlers;

use axum::Router;
use axum::extract::FromRef;
use axum::routing::{get, patch, post};
use repoplane_api::App;
use repoplane_providers::Egress;

/// What the handlers share.
#[derive(Clone)]
struct Robots {
    app: App,
    egress: Egress,
}

impl FromRef<Robots> for App {
    fn from_ref(state: &Robots) -> Self {
        state.app.clone()
    }
}

/// The function's routes; provider calls go out through `egress`.
pub fn router(app: App, egress: Egress) -> Router {
    Router::new()
        .route("/api/repos/{id}/robots", get(handlers::list).post(handlers::create))
        .route("/api/repos/{id}/robots/{robot_id}", patch(handlers::change).delete(handlers::remove))
        .route("/api/repos/{id}/robots/{robot_id}/test", post(handlers::test))
        .with_state(Robots { app, egress })
}
