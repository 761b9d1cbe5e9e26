//! The queue `sync-jobs`: which repositories a worker is to look at. A job is a hint, not a promise: what is to be done stands
//! in the repository's state, and a job that is lost is found by the tick.

use crate::Store;
use crate::error::StoreError;
use crate::meter::metered_queue;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::DisplayErrorContext;
use aws_sdk_sqs::types::{QueueAttributeName, SendMessageBatchRequestEntry};
use repoplane_domain::id::RepositoryId;
use serde::{Deserialize, Serialize};
use std::sync::{Arc, LazyLock};

/// Messages of one call (SQS: SendMessageBatch).
const BATCH: usize = 10;

/// The body of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncJob {
    /// The repository to look at.
    pub repository: RepositoryId,
}

/// A client that is built at its first call.
pub(crate) type LazyClient = LazyLock<Client, Box<dyn FnOnce() -> Client + Send>>;

/// Where jobs are sent.
#[derive(Debug, Clone)]
pub struct SyncQueue {
    client: Arc<LazyClient>,
    url: String,
}

impl SyncQueue {
    /// A queue by its URL.
    pub fn new(client: Client, url: impl Into<String>) -> Self {
        Self::lazy(|| client, url)
    }

    /// As [`SyncQueue::new`], on a client that is built when the first job is sent: most requests send none.
    pub fn lazy(client: impl FnOnce() -> Client + Send + 'static, url: impl Into<String>) -> Self {
        let client: LazyClient = LazyLock::new(Box::new(move || metered_queue(&client())));
        Self { client: Arc::new(client), url: url.into() }
    }

    /// Whether the queue answers.
    pub(crate) async fn probe(&self) -> Result<(), StoreError> {
        let call = self.client.get_queue_attributes().queue_url(&self.url);
        let call = call.attribute_names(QueueAttributeName::ApproximateNumberOfMessages);
        let unavailable =
            |error| StoreError::Unavailable { engine: "queue", reason: DisplayErrorContext(error).to_string() };
        call.send().await.map(drop).map_err(unavailable)
    }

    /// Sends jobs, ten a call. Says which were not taken, each with the reason.
    async fn send(&self, repositories: &[RepositoryId]) -> Vec<(RepositoryId, String)> {
        let mut refused = Vec::new();
        for chunk in repositories.chunks(BATCH) {
            match self.send_batch(chunk).await {
                Ok(ids) => refused.extend(ids),
                Err(error) => refused.extend(chunk.iter().map(|id| (*id, error.to_string()))),
            }
        }
        refused
    }

    async fn send_batch(&self, chunk: &[RepositoryId]) -> Result<Vec<(RepositoryId, String)>, StoreError> {
        let mut call = self.client.send_message_batch().queue_url(&self.url);
        for (index, repository) in chunk.iter().enumerate() {
            let body = serde_json::to_string(&SyncJob { repository: *repository });
            let body = body.map_err(|error| StoreError::corrupt("sync job", error))?;
            let entry = SendMessageBatchRequestEntry::builder().id(index.to_string()).message_body(body);
            call = call.entries(entry.build().map_err(|error| StoreError::corrupt("sync job", error))?);
        }
        let unavailable =
            |error| StoreError::Unavailable { engine: "queue", reason: DisplayErrorContext(error).to_string() };
        let answer = Box::pin(call.send()).await.map_err(unavailable)?;
        let failed = answer.failed().iter().filter_map(|failed| {
            let index: usize = failed.id().parse().ok()?;
            Some((*chunk.get(index)?, failed.message().unwrap_or_else(|| failed.code()).to_owned()))
        });
        Ok(failed.collect())
    }
}

impl Store {
    /// Hands repositories to the workers; those that could not be handed over are returned. Nothing is lost by that: they
    /// stay due.
    pub async fn send_sync_jobs(&self, repositories: &[RepositoryId]) -> Vec<RepositoryId> {
        let Some(queue) = &self.sync_queue else { return repositories.to_vec() };
        let refused = queue.send(repositories).await;
        for (id, reason) in &refused {
            tracing::warn!(repo.id = %id, %reason, "Could not queue a sync; the tick will");
        }
        refused.into_iter().map(|(id, _)| id).collect()
    }

    /// Hands one repository to the workers, if that can be done at once.
    pub(crate) async fn send_sync_job(&self, repository: RepositoryId) {
        self.send_sync_jobs(&[repository]).await;
    }
}
