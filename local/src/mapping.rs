//! What stands between the queue and the function in the cloud: the event source mapping that invokes it with batches, and
//! the queue's redrive policy. And what stands in for the schedules.

use crate::queues::SyncQueues;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::DisplayErrorContext;
use aws_sdk_sqs::types::{Message, MessageSystemAttributeName};
use repoplane_sync::{Scanner, SyncFunction};
use serde_json::{Value, json};
use std::time::Duration;

/// Messages of one invocation, as in the template.
const BATCH: i32 = 10;
/// How often the schedule ticks here; in the cloud every minute.
const TICK: Duration = Duration::from_secs(2);
/// How often the sweep runs.
const SWEEP: Duration = Duration::from_secs(3600);
/// How long the queue is left alone when it is empty.
const IDLE: Duration = Duration::from_millis(200);
/// How long a message that failed waits here; in the cloud for its visibility timeout.
const AGAIN_SECONDS: i32 = 5;

/// The queue could not be used.
#[derive(Debug, thiserror::Error)]
#[error("the queue cannot be used: {0}")]
pub struct MappingError(String);

impl MappingError {
    fn of<E: std::error::Error>(error: E) -> Self {
        Self(DisplayErrorContext(error).to_string())
    }
}

/// The queue of syncs, mapped to the function.
#[derive(Debug, Clone)]
pub struct Mapping<S> {
    sync: SyncFunction<S>,
    client: Client,
    queues: SyncQueues,
    again_seconds: i32,
}

impl<S: Scanner> Mapping<S> {
    /// A mapping of these queues to this function.
    pub fn new(sync: SyncFunction<S>, client: Client, queues: SyncQueues) -> Self {
        Self { sync, client, queues, again_seconds: AGAIN_SECONDS }
    }

    /// The same, but a message that failed is given out again at once.
    #[must_use]
    pub fn impatient(self) -> Self {
        Self { again_seconds: 0, ..self }
    }

    /// Takes one batch and has it done. Says how many messages it had.
    ///
    /// # Errors
    /// [`MappingError`].
    pub async fn once(&self) -> Result<usize, MappingError> {
        let call = self.client.receive_message().queue_url(&self.queues.jobs).max_number_of_messages(BATCH);
        let call = call.visibility_timeout(self.queues.visibility_seconds);
        let call = call.message_system_attribute_names(MessageSystemAttributeName::ApproximateReceiveCount);
        let received = call.send().await.map_err(MappingError::of)?.messages.unwrap_or_default();
        let count = received.len();
        let mut batch = Vec::new();
        for message in received {
            if receives(&message) > self.queues.max_receives {
                self.bury(&message).await?;
            } else {
                batch.push(message);
            }
        }
        if batch.is_empty() {
            return Ok(count);
        }
        let records: Vec<Value> = batch.iter().map(record).collect();
        let answer = self.sync.handle(json!({"Records": records})).await;
        // An invocation that fails as a whole fails all its messages.
        let all = || batch.iter().filter_map(|message| message.message_id.clone()).collect();
        let failed: Vec<String> = match answer {
            Ok(answer) => answer["batchItemFailures"].as_array().map_or_else(Vec::new, |failures| {
                failures.iter().filter_map(|one| Some(one["itemIdentifier"].as_str()?.to_owned())).collect()
            }),
            Err(error) => {
                tracing::error!(%error, "The sync function failed");
                all()
            }
        };
        for message in &batch {
            let Some(handle) = message.receipt_handle() else { continue };
            let again = message.message_id().is_some_and(|id| failed.iter().any(|failed| failed == id));
            if again {
                let call = self.client.change_message_visibility().queue_url(&self.queues.jobs).receipt_handle(handle);
                call.visibility_timeout(self.again_seconds).send().await.map_err(MappingError::of)?;
            } else {
                self.delete(handle).await?;
            }
        }
        Ok(count)
    }

    /// Takes batches until the queue gives none. Says how many messages there were.
    ///
    /// # Errors
    /// [`MappingError`].
    pub async fn drain(&self) -> Result<usize, MappingError> {
        let mut all = 0;
        loop {
            match self.once().await? {
                0 => return Ok(all),
                count => all += count,
            }
        }
    }

    /// Runs schedules and queue for as long as the server does.
    pub async fn run(self) {
        tokio::join!(self.every("tick", TICK), self.every("sweep", SWEEP), self.listen());
    }

    async fn listen(&self) {
        loop {
            match self.once().await {
                Ok(0) => tokio::time::sleep(IDLE).await,
                Ok(_) => {}
                Err(error) => {
                    tracing::error!(%error, "The queue of syncs stands still");
                    tokio::time::sleep(TICK).await;
                }
            }
        }
    }

    async fn every(&self, schedule: &str, pause: Duration) {
        loop {
            tokio::time::sleep(pause).await;
            if let Err(error) = self.sync.handle(json!({"schedule": schedule})).await {
                tracing::error!(%error, schedule, "A schedule's invocation failed");
            }
        }
    }

    /// A message that was given out too often goes to the dead letters.
    async fn bury(&self, message: &Message) -> Result<(), MappingError> {
        let body = message.body().unwrap_or_default();
        let call = self.client.send_message().queue_url(&self.queues.dead_letters).message_body(body);
        call.send().await.map_err(MappingError::of)?;
        match message.receipt_handle() {
            Some(handle) => self.delete(handle).await,
            None => Ok(()),
        }
    }

    async fn delete(&self, handle: &str) -> Result<(), MappingError> {
        let call = self.client.delete_message().queue_url(&self.queues.jobs).receipt_handle(handle);
        call.send().await.map(drop).map_err(MappingError::of)
    }
}

fn receives(message: &Message) -> u32 {
    let count = message.attributes().and_then(|all| all.get(&MessageSystemAttributeName::ApproximateReceiveCount));
    count.and_then(|count| count.parse().ok()).unwrap_or(1)
}

/// A message as Lambda hands it over (AWS Lambda: using Lambda with Amazon SQS).
fn record(message: &Message) -> Value {
    json!({
        "messageId": message.message_id,
        "receiptHandle": message.receipt_handle,
        "body": message.body,
        "attributes": {"ApproximateReceiveCount": receives(message).to_string()},
        "messageAttributes": {},
        "md5OfBody": message.md5_of_body,
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:repoplane-sync-jobs",
        "awsRegion": crate::engines::REGION,
    })
}
