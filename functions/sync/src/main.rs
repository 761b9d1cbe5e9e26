//! The `sync` function: schedule and queue events, no HTTP.

use lambda_runtime::{LambdaEvent, service_fn};
use repoplane_api::Observer;
use repoplane_providers::{Egress, EgressSettings, Providers};
use repoplane_provisioning::Provisioner;
use repoplane_sync::{Event, ProviderScanner, SyncFunction};
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    repoplane_api::lambda::init_logs();
    let app = repoplane_api::lambda::app_from_environment().await?;
    let providers = Providers::new(Egress::new(EgressSettings::from_environment()?));
    let provisioner = Provisioner::new(app.store.clone(), providers.clone(), app.settings.public_url.clone());
    let sync = SyncFunction::new(app, ProviderScanner::new(providers)).taking_back(provisioner);
    let observer = Observer::of_function("sync");
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Value>| {
        let (sync, observer) = (sync.clone(), observer.clone());
        async move {
            let kind = Event::kind(&event.payload);
            observer.invocation(kind, sync.handle(event.payload)).await
        }
    }))
    .await
}
