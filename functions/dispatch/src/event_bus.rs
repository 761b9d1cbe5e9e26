//! The event bus: what operators' tools subscribe to. Rules on it say who gets which events.

use aws_sdk_eventbridge::error::DisplayErrorContext;
use aws_sdk_eventbridge::primitives::DateTime;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use repoplane_domain::operational_event::OperationalEvent;

/// Where all events come from, as receivers see it: the member `source`.
pub const SOURCE: &str = "repoplane";
/// Entries of one call (EventBridge: PutEvents). The largest event, one that names rules, is far below a tenth of the 256 KB
/// that a call may have.
const BATCH: usize = 10;

/// Where events are sent.
#[derive(Debug, Clone)]
pub struct EventBus {
    client: aws_sdk_eventbridge::Client,
    name: String,
}

impl EventBus {
    /// A bus by its name or ARN.
    pub fn new(client: aws_sdk_eventbridge::Client, name: impl Into<String>) -> Self {
        Self { client, name: name.into() }
    }

    /// Sends events in their order, ten a call. Says which were not taken, by their place, each with the reason. After a
    /// call that failed as a whole no other is made: the bus is not there.
    pub(crate) async fn send(&self, events: &[OperationalEvent]) -> Vec<(usize, String)> {
        let mut refused = Vec::new();
        for (at, chunk) in events.chunks(BATCH).enumerate() {
            let first = at * BATCH;
            let entries = chunk.iter().map(|event| self.entry(event)).collect();
            let answer = match Box::pin(self.client.put_events().set_entries(Some(entries)).send()).await {
                Ok(answer) => answer,
                Err(error) => {
                    let reason = DisplayErrorContext(error).to_string();
                    refused.extend((first..events.len()).map(|place| (place, reason.clone())));
                    return refused;
                }
            };
            // An entry for each that was sent, in the same order (EventBridge: PutEvents).
            for (place, entry) in answer.entries().iter().enumerate().take(chunk.len()) {
                if let Some(code) = entry.error_code() {
                    let message = entry.error_message().unwrap_or_default();
                    refused.push((first + place, format!("{code}: {message}")));
                }
            }
        }
        refused
    }

    fn entry(&self, event: &OperationalEvent) -> PutEventsRequestEntry {
        PutEventsRequestEntry::builder()
            .source(SOURCE)
            .detail_type(event.fact.kind())
            .detail(event.message().to_string())
            .time(DateTime::from_millis(event.time().as_millisecond()))
            .event_bus_name(&self.name)
            .build()
    }
}
