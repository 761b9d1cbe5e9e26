//! The queue of syncs as the template declares it: how long a message that was received stays hidden, and how often it is
//! given out before it goes to the dead letters.

use crate::table::TEMPLATE;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::DisplayErrorContext;
use serde::Deserialize;
use std::collections::BTreeMap;

/// URL of the queue, as the engine makes it.
pub const SYNC_JOBS_URL: &str = "https://sqs.us-east-1.amazonaws.com/123456789012/repoplane-sync-jobs";
/// Name of the queue.
const SYNC_JOBS: &str = "repoplane-sync-jobs";
/// Name of the queue of the messages that were given up.
const DEAD_LETTERS: &str = "repoplane-sync-jobs-dead";

/// The queues cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// The template does not declare them as expected.
    #[error("the template does not declare the queue of syncs: {0}")]
    Template(String),
    /// The engine refused.
    #[error("the queues cannot be used: {0}")]
    Engine(String),
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Template {
    resources: BTreeMap<String, serde_yaml_ng::Value>,
}

/// The queue of syncs and what becomes of its messages.
#[derive(Debug, Clone)]
pub struct SyncQueues {
    /// URL of the queue.
    pub jobs: String,
    /// URL of the queue of the messages that were given up.
    pub dead_letters: String,
    /// How often a message is given out.
    pub max_receives: u32,
    /// Seconds for which a message that was given out is hidden.
    pub visibility_seconds: i32,
}

/// Creates the queues, unless they exist.
///
/// # Errors
/// [`QueueError`].
pub async fn create(client: &Client) -> Result<SyncQueues, QueueError> {
    let declared = |what: &str| QueueError::Template(what.to_owned());
    let template: Template = serde_yaml_ng::from_str(TEMPLATE).map_err(|error| declared(&error.to_string()))?;
    let properties = template.resources.get("SyncJobs").map(|queue| &queue["Properties"]);
    let properties = properties.ok_or_else(|| declared("SyncJobs is missing"))?;
    let number = |value: &serde_yaml_ng::Value, what| value.as_u64().ok_or_else(|| declared(what));
    let visibility = number(&properties["VisibilityTimeout"], "VisibilityTimeout")?;
    let max_receives = number(&properties["RedrivePolicy"]["maxReceiveCount"], "maxReceiveCount")?;
    let make = async |name: &str| {
        let made = client.create_queue().queue_name(name).send().await;
        let made = made.map_err(|error| QueueError::Engine(DisplayErrorContext(error).to_string()))?;
        made.queue_url.ok_or_else(|| QueueError::Engine("a queue has no URL".to_owned()))
    };
    Ok(SyncQueues {
        jobs: make(SYNC_JOBS).await?,
        dead_letters: make(DEAD_LETTERS).await?,
        max_receives: u32::try_from(max_receives).unwrap_or(u32::MAX),
        visibility_seconds: i32::try_from(visibility).unwrap_or(i32::MAX),
    })
}
