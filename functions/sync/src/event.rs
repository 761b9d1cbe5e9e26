//! What the function is invoked with.

use aws_lambda_events::sqs::{SqsEvent, SqsMessage};
use repoplane_store::SyncJob;
use serde::Deserialize;
use serde_json::Value;

/// An invocation.
#[derive(Debug)]
pub enum Event {
    /// EventBridge Scheduler, every minute: `{"schedule": "tick"}`.
    Tick,
    /// EventBridge Scheduler, every hour: `{"schedule": "sweep"}`.
    Sweep,
    /// A batch of the queue `sync-jobs`.
    Jobs(Vec<Message>),
}

/// One message of the queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its id, by which a failure is reported.
    pub id: String,
    /// What it asks for; `None` when it cannot be read.
    pub job: Option<SyncJob>,
}

/// The event is of no known kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("neither a schedule ({{\"schedule\": \"tick\" or \"sweep\"}}) nor a batch of SQS messages")]
pub struct InvalidEvent;

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Schedule {
    Tick,
    Sweep,
}

#[derive(Deserialize)]
struct Scheduled {
    schedule: Schedule,
}

impl Event {
    /// What an event asks for, in one word for the log.
    pub fn kind(event: &Value) -> &'static str {
        match event["schedule"].as_str() {
            _ if event.get("Records").is_some() => "jobs",
            Some("tick") => "tick",
            Some("sweep") => "sweep",
            Some(_) | None => "unknown",
        }
    }

    /// Reads an event.
    ///
    /// # Errors
    /// [`InvalidEvent`].
    pub fn read(event: Value) -> Result<Self, InvalidEvent> {
        if event.get("Records").is_some() {
            let batch: SqsEvent = serde_json::from_value(event).map_err(|_| InvalidEvent)?;
            return Ok(Self::Jobs(batch.records.into_iter().map(Message::of).collect()));
        }
        let Scheduled { schedule } = serde_json::from_value(event).map_err(|_| InvalidEvent)?;
        Ok(match schedule {
            Schedule::Tick => Self::Tick,
            Schedule::Sweep => Self::Sweep,
        })
    }
}

impl Message {
    fn of(message: SqsMessage) -> Self {
        let job = message.body.as_deref().and_then(|body| serde_json::from_str(body).ok());
        Self { id: message.message_id.unwrap_or_default(), job }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn schedules_and_batches_are_told_apart() {
        assert!(matches!(Event::read(json!({"schedule": "tick"})), Ok(Event::Tick)));
        assert!(matches!(Event::read(json!({"schedule": "sweep", "extra": 1})), Ok(Event::Sweep)));
        let body = r#"{"repository":"rep_01k2z6m3v0q9w8e7r6t5y4n3k2"}"#;
        let records = json!({"Records": [{"messageId": "a", "body": body}, {"messageId": "b", "body": "x"}]});
        let Ok(Event::Jobs(messages)) = Event::read(records) else { panic!("a batch") };
        assert_eq!(messages[0].job.unwrap().repository.to_string(), "rep_01k2z6m3v0q9w8e7r6t5y4n3k2");
        assert_eq!((messages[1].id.as_str(), messages[1].job), ("b", None));
        for other in [json!({}), json!({"schedule": "x"}), json!([]), json!(null), json!({"Records": 1})] {
            assert_eq!(Event::read(other).unwrap_err(), InvalidEvent);
        }
    }
}
