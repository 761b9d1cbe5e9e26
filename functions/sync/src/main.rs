//! The `sync` function: schedule and queue events, no HTTP.

use lambda_runtime::{LambdaEvent, service_fn};
use repoplane_providers::{Egress, EgressSettings, Providers};
use repoplane_sync::{ProviderScanner, SyncFunction};
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    repoplane_api::lambda::init_logs();
    let app = repoplane_api::lambda::app_from_environment().await?;
    let providers = Providers::new(Egress::new(EgressSettings::from_environment()?));
    let sync = SyncFunction::new(app, ProviderScanner::new(providers));
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Value>| {
        let sync = sync.clone();
        async move { sync.handle(event.payload).await }
    }))
    .await
}
