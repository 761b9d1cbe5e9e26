//! The `repos` function: repositories, members, access, and every path that no other function has.

use repoplane_providers::{Egress, EgressSettings};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let egress = Egress::new(EgressSettings::from_environment()?);
    repoplane_api::lambda::run_dialects(|app| {
        let dialects = repoplane_repos::dialects(&app);
        (repoplane_repos::router(app, egress), dialects)
    })
    .await
}
