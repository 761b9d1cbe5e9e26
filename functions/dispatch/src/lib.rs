//! Handing over: what transactions have left in the table's outbox goes out, tasks to the queue `robot-tasks`, operational
//! events to the event bus.
//!
//! The table's stream tells of it within moments; the tick finds what the stream has missed. Both read the outbox, send, and
//! only then take the mark away, so either may come twice, late or at the same time as the other: nothing is lost by that,
//! and what is sent twice is claimed once.

mod event;
mod event_bus;
mod hand_over;
mod stream;
mod tick;

pub use event::{Event, InvalidEvent, Record, Told};
pub use event_bus::{EventBus, SOURCE};
pub use stream::{Failure, StreamAnswer};
pub use tick::Ticked;

use repoplane_api::App;
use serde_json::{Value, json};

/// The function on its surroundings. Cheap to clone.
#[derive(Debug, Clone)]
pub struct DispatchFunction {
    app: App,
    bus: Option<EventBus>,
}

impl DispatchFunction {
    /// The function on an app whose store knows the queue of tasks.
    pub fn new(app: App) -> Self {
        Self { app, bus: None }
    }

    /// The same with the bus for operational events; without one they stay in the outbox.
    #[must_use]
    pub fn with_event_bus(self, bus: Option<EventBus>) -> Self {
        Self { bus, ..self }
    }

    /// Answers one invocation: the stream's or the schedule's.
    ///
    /// # Errors
    /// [`InvalidEvent`] for an event of no known kind; storage failures. What the queue refuses is named in the answer.
    pub async fn handle(&self, event: Value) -> Result<Value, lambda_runtime::Error> {
        match Event::read(event)? {
            Event::Tick => Ok(json!(Box::pin(self.tick()).await?)),
            Event::Stream(records) => Ok(json!(Box::pin(self.stream(&records)).await?)),
        }
    }
}
