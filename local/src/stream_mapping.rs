//! What stands between the table's stream and the function `dispatch` in the cloud: the event source mapping that invokes it
//! with batches, and again from the record on that it names. And what stands in for its schedule.

use crate::stream::{Stream, number_of};
use crate::table::TEMPLATE;
use repoplane_dispatch::DispatchFunction;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How often the schedule ticks here; in the cloud every minute.
const TICK: Duration = Duration::from_secs(10);
/// How long the stream is left alone when nothing is new.
const IDLE: Duration = Duration::from_millis(100);
/// How long a batch that failed waits before it comes again.
const AGAIN: Duration = Duration::from_secs(1);

/// Up to which record the stream was handled. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Position(Arc<AtomicU64>);

/// How a batch ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Batch {
    /// There was nothing new.
    Nothing,
    /// All of it was handled: so many records.
    Done(usize),
    /// Some of it comes again.
    Failed,
}

/// The stream, mapped to the function.
#[derive(Debug, Clone)]
pub struct StreamMapping {
    dispatch: DispatchFunction,
    stream: Stream,
    position: Position,
    size: usize,
    retries: u64,
}

impl StreamMapping {
    /// A mapping of this stream to this function, from a position on.
    pub fn new(dispatch: DispatchFunction, stream: Stream, position: Position) -> Self {
        let template: serde_yaml_ng::Value = serde_yaml_ng::from_str(TEMPLATE).unwrap_or_default();
        let declared = |name: &str| template["Resources"]["DispatchMapping"]["Properties"][name].as_u64();
        let size = declared("BatchSize").and_then(|size| usize::try_from(size).ok()).unwrap_or(1);
        Self { dispatch, stream, position, size, retries: declared("MaximumRetryAttempts").unwrap_or_default() }
    }

    /// Has one batch handled.
    pub async fn once(&self) -> Batch {
        let batch = self.stream.after(self.position.0.load(Ordering::Relaxed), self.size);
        let number = |record: &Value| record["dynamodb"]["SequenceNumber"].as_str().and_then(number_of);
        let Some(last) = batch.last().and_then(number) else { return Batch::Nothing };
        let count = batch.len();
        let answer = match self.dispatch.handle(json!({"Records": batch})).await {
            Ok(answer) => answer,
            Err(error) => {
                tracing::error!(%error, "The dispatch function failed");
                return Batch::Failed;
            }
        };
        let failures = answer["batchItemFailures"].as_array().into_iter().flatten();
        let failures = failures.map(|failure| failure["itemIdentifier"].as_str().and_then(number_of));
        // The lowest counts; without a number the whole batch comes again.
        match failures.min() {
            None => {
                self.position.0.store(last, Ordering::Relaxed);
                Batch::Done(count)
            }
            Some(failed) => {
                if let Some(failed) = failed {
                    self.position.0.store(failed - 1, Ordering::Relaxed);
                }
                Batch::Failed
            }
        }
    }

    /// Has batches handled until nothing is new or one fails. Says how many records there were.
    pub async fn drain(&self) -> usize {
        let mut all = 0;
        while let Batch::Done(count) = self.once().await {
            all += count;
        }
        all
    }

    /// Goes on behind what there is now, as a stream does whose records nobody has read in time.
    pub fn skip(&self) {
        self.position.0.store(self.stream.end(), Ordering::Relaxed);
    }

    /// Runs stream and schedule for as long as the server does.
    pub async fn run(self) {
        tokio::join!(self.listen(), self.tick());
    }

    async fn listen(&self) {
        let mut failures = 0;
        loop {
            match self.once().await {
                Batch::Nothing => tokio::time::sleep(IDLE).await,
                Batch::Done(_) => failures = 0,
                Batch::Failed if failures < self.retries => {
                    failures += 1;
                    tokio::time::sleep(AGAIN).await;
                }
                Batch::Failed => {
                    tracing::error!("A batch of the stream is given up; the tick finds what was in it");
                    self.skip();
                }
            }
        }
    }

    async fn tick(&self) {
        loop {
            tokio::time::sleep(TICK).await;
            if let Err(error) = self.dispatch.handle(json!({"schedule": "tick"})).await {
                tracing::error!(%error, "The dispatch function's tick failed");
            }
        }
    }
}
