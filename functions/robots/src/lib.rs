//! Robots of a repository: list, create, change, test, delete (contract: hookcode 2.12–2.16).

pub mod describe;
mod handlers;

use axum::Router;
use axum::extract::FromRef;
use repoplane_api::{App, Routes};
use repoplane_providers::{Egress, Providers};

/// What the handlers share.
#[derive(Clone)]
pub struct Robots {
    app: App,
    providers: Providers,
}

impl FromRef<Robots> for App {
    fn from_ref(state: &Robots) -> Self {
        state.app.clone()
    }
}

/// The function's operations.
pub fn routes() -> Routes<Robots> {
    Routes::new()
        .get("repos_list_robots", "/api/repos/{id}/robots", handlers::list)
        .post("repos_create_robot", "/api/repos/{id}/robots", handlers::create)
        .get("repos_get_robot", "/api/repos/{id}/robots/{robot_id}", handlers::show)
        .patch("repos_patch_robot", "/api/repos/{id}/robots/{robot_id}", handlers::change)
        .delete("repos_delete_robot", "/api/repos/{id}/robots/{robot_id}", handlers::remove)
        .post("repos_test_robot", "/api/repos/{id}/robots/{robot_id}/test", handlers::test)
}

/// The function's router; provider calls go out through `egress`.
pub fn router(app: App, egress: Egress) -> Router {
    routes().with_state(Robots { app, providers: Providers::new(egress) })
}
