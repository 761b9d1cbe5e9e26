//! Receiving webhooks; the deliveries that were received; the tasks that came of them
//! (contract: hookcode 2.9, 2.10, 3.8, 3.9, 4.6).

mod answers;
mod deliveries;
pub mod describe;
mod organisation;
mod payload;
mod receive;
mod redeliver;
mod rejections;
mod tasks;
mod unverified;

use axum::Router;
use axum::extract::FromRef;
use rejections::Rejections;
use repoplane_api::{App, Routes};
use unverified::UnverifiedLimit;

/// What the handlers share.
#[derive(Clone)]
pub struct Webhooks {
    app: App,
    unverified: UnverifiedLimit,
    rejections: Rejections,
}

impl FromRef<Webhooks> for App {
    fn from_ref(state: &Webhooks) -> Self {
        state.app.clone()
    }
}

/// The function's operations.
pub fn routes() -> Routes<Webhooks> {
    Routes::new()
        .post("webhook_github", "/api/webhook/github/{id}", receive::github)
        .post("webhook_gitlab", "/api/webhook/gitlab/{id}", receive::gitlab)
        .post("webhook_github_organisation", "/api/webhook/github/hooks/{hook_id}", organisation::github)
        .post("webhook_gitlab_group", "/api/webhook/gitlab/hooks/{hook_id}", organisation::gitlab)
        .get("repos_list_webhook_deliveries", "/api/repos/{id}/webhook-deliveries", deliveries::list)
        .get("repos_get_webhook_delivery", "/api/repos/{id}/webhook-deliveries/{delivery_id}", deliveries::show)
        .get(
            "repos_get_webhook_delivery_payload",
            "/api/repos/{id}/webhook-deliveries/{delivery_id}/payload",
            payload::download,
        )
        .post(
            "repos_redeliver_webhook_delivery",
            "/api/repos/{id}/webhook-deliveries/{delivery_id}/redeliver",
            redeliver::redeliver,
        )
        .delete(
            "repos_delete_webhook_delivery_content",
            "/api/repos/{id}/webhook-deliveries/{delivery_id}/content",
            deliveries::delete_content,
        )
        .get("tasks_list", "/api/repos/{id}/tasks", tasks::list)
        .get("tasks_get", "/api/tasks/{id}", tasks::show)
        .patch("tasks_update", "/api/tasks/{id}", tasks::change)
        .post("tasks_claim", "/api/tasks/{id}/claim", tasks::claim)
        .post("tasks_retry", "/api/tasks/{id}/retry", tasks::retry)
        .post("tasks_cancel", "/api/tasks/{id}/cancel", tasks::cancel)
}

/// The function's router.
pub fn router(app: App) -> Router {
    routes().with_state(Webhooks { app, unverified: UnverifiedLimit::new(), rejections: Rejections::new() })
}
