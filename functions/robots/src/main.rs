//! The `robots` function: robots of a repository.

use repoplane_providers::{Egress, EgressSettings, FetchedKeys};
use std::sync::Arc;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let egress = Egress::new(EgressSettings::from_environment()?);
    let keys = Arc::new(FetchedKeys::new(egress.clone()));
    repoplane_api::lambda::run("robots", keys, |app| repoplane_robots::router(app, egress)).await
}
