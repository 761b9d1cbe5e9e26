//! The `dispatch` function: the table's stream and a schedule, no HTTP.

use lambda_runtime::{LambdaEvent, service_fn};
use repoplane_dispatch::DispatchFunction;
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    repoplane_api::lambda::init_logs();
    let dispatch = DispatchFunction::new(repoplane_api::lambda::app_from_environment().await?);
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Value>| {
        let dispatch = dispatch.clone();
        async move { dispatch.handle(event.payload).await }
    }))
    .await
}
