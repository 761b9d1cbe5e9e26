//! The `dispatch` function: the table's stream and a schedule, no HTTP.

use lambda_runtime::{LambdaEvent, service_fn};
use repoplane_api::Observer;
use repoplane_dispatch::{DispatchFunction, Event, EventBus};
use serde_json::Value;

/// Name or ARN of the bus for operational events; without one they stay in the outbox.
const EVENT_BUS: &str = "REPOPLANE_EVENT_BUS";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    repoplane_api::lambda::init_logs();
    let config = repoplane_api::lambda::aws_config().await?;
    let bus = std::env::var(EVENT_BUS).ok().filter(|name| !name.is_empty());
    let bus = bus.map(|name| EventBus::new(aws_sdk_eventbridge::Client::new(&config), name));
    let dispatch = DispatchFunction::new(repoplane_api::lambda::app_from_environment().await?).with_event_bus(bus);
    let observer = Observer::of_function("dispatch");
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Value>| {
        let (dispatch, observer) = (dispatch.clone(), observer.clone());
        async move {
            let kind = Event::kind(&event.payload);
            observer.invocation(kind, dispatch.handle(event.payload)).await
        }
    }))
    .await
}
