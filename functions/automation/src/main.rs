//! The `automation` function: the automation configuration of a repository.

use repoplane_providers::{Egress, EgressSettings, FetchedKeys};
use std::sync::Arc;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let keys = Arc::new(FetchedKeys::new(Egress::new(EgressSettings::from_environment()?)));
    repoplane_api::lambda::run("automation", keys, repoplane_automation::router).await
}
