//! The `robots` function: robots of a repository.

use repoplane_providers::{Egress, EgressSettings};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let egress = Egress::new(EgressSettings::from_environment()?);
    repoplane_api::lambda::run(|app| repoplane_robots::router(app, egress)).await
}
