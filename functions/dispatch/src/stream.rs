//! A batch of the table's stream.

use crate::DispatchFunction;
use crate::event::{Record, Told};
use repoplane_store::{OutboxKey, StoreError};
use serde::Serialize;
use std::collections::HashSet;

/// The answer to a batch (AWS Lambda: partial batch failures of streams): everything from the record that is named comes again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StreamAnswer {
    /// The first record that could not be handled; none when all were.
    pub batch_item_failures: Vec<Failure>,
}

/// A record that could not be handled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// Its sequence number.
    pub item_identifier: String,
}

impl DispatchFunction {
    /// Hands over what a batch tells of. A record that cannot be read is told in the log and skipped: waiting for it would
    /// hold the whole shard up, and what it told of, if anything, is found by the tick.
    ///
    /// # Errors
    /// [`StoreError`] when nothing can be read: the whole batch comes again.
    pub async fn stream(&self, records: &[Record]) -> Result<StreamAnswer, StoreError> {
        let mut seen = HashSet::new();
        let mut keys: Vec<OutboxKey> = Vec::new();
        let mut malformed = 0;
        for record in records {
            match &record.told {
                // Changed twice: it is sent once, as it is now.
                Told::Outbox(key) if seen.insert(*key) => keys.push(*key),
                Told::Outbox(_) | Told::Nothing => {}
                Told::Malformed(keys) => {
                    let sequence_number = record.sequence_number.as_deref().unwrap_or_default();
                    tracing::error!(sequence_number, keys, "A record of the stream cannot be read; it is skipped");
                    malformed += 1;
                }
            }
        }
        let done = self.hand_over(&keys).await?;
        tracing::info!(
            records = records.len(),
            sent = done.sent,
            dropped = done.dropped,
            refused = done.refused.len(),
            malformed,
            "Handled a batch of the stream"
        );
        // An event that the bus did not take waits for the tick: tasks must not wait behind it.
        let is_refused = |record: &&Record| match &record.told {
            Told::Outbox(key @ OutboxKey::Task(..)) => done.refused.contains(key),
            Told::Outbox(OutboxKey::Event(_)) | Told::Nothing | Told::Malformed(_) => false,
        };
        let first = records.iter().find(is_refused);
        // Without a number an empty identifier fails the whole batch (AWS Lambda: partial batch failures).
        let failure =
            first.map(|record| Failure { item_identifier: record.sequence_number.clone().unwrap_or_default() });
        Ok(StreamAnswer { batch_item_failures: failure.into_iter().collect() })
    }
}
