//! Handing over in a test: the stream and its schedule run when the test says so, on the real function.

use crate::TestApp;
use repoplane_dispatch::{DispatchFunction, EventBus};
use repoplane_local::event_bus::EVENTS;
use repoplane_local::queues;
use repoplane_local::stream_mapping::{Batch, StreamMapping};
use serde_json::{Value, json};

impl TestApp {
    /// The function.
    pub fn dispatch(&self) -> DispatchFunction {
        let bus = EventBus::new(self.line.eventbridge(), EVENTS);
        DispatchFunction::new(self.app.clone()).with_event_bus(Some(bus))
    }

    fn stream_mapping(&self) -> StreamMapping {
        StreamMapping::new(self.dispatch(), self.line.engines().stream().clone(), self.stream.clone())
    }

    /// The records of the stream that the mapping's filter has let through since the start, handled or not.
    pub fn stream_records(&self) -> Vec<Value> {
        self.line.engines().stream().after(self.first_record, usize::MAX)
    }

    /// Has the function handle what is new in the stream, until nothing is left or a batch fails. Says how many records
    /// that were.
    pub async fn drain_stream(&self) -> usize {
        self.stream_mapping().drain().await
    }

    /// Has the function handle one batch of the stream.
    pub async fn stream_batch(&self) -> Batch {
        self.stream_mapping().once().await
    }

    /// Loses what is new in the stream, as when nobody reads it for a day.
    pub fn lose_stream(&self) {
        self.stream_mapping().skip();
    }

    /// Invokes the function as its schedule does.
    pub async fn dispatch_tick(&self) -> Value {
        self.dispatch().handle(json!({"schedule": "tick"})).await.expect("the schedule's invocation")
    }

    /// Takes everything that is in the queue of tasks out of it: the bodies, oldest first.
    pub async fn robot_queue(&self) -> Vec<Value> {
        let client = self.line.fork().sqs();
        let (url, _) = queues::create_tasks(&client).await.expect("the queues");
        let mut bodies = Vec::new();
        loop {
            let call = client.receive_message().queue_url(&url).max_number_of_messages(10);
            let page = call.send().await.expect("the queue of tasks").messages.unwrap_or_default();
            if page.is_empty() {
                return bodies;
            }
            for message in page {
                let handle = message.receipt_handle.unwrap_or_default();
                client.delete_message().queue_url(&url).receipt_handle(handle).send().await.expect("the message");
                bodies.push(serde_json::from_str(&message.body.unwrap_or_default()).expect("JSON"));
            }
        }
    }
}
