//! The `repos` function: repositories, members, access, and every path that no other function has.

use repoplane_providers::{Egress, EgressSettings, FetchedKeys};
use std::sync::Arc;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let egress = Egress::new(EgressSettings::from_environment()?);
    let keys = Arc::new(FetchedKeys::new(egress.clone()));
    repoplane_api::lambda::run_dialects("repos", keys, |app| {
        let dialects = repoplane_repos::dialects(&app);
        (repoplane_repos::router(app, egress), dialects)
    })
    .await
}
