//! The queues as the template declares them: how long a message that was received stays hidden, and how often it is given
//! out before it goes to the dead letters.

use crate::table::TEMPLATE;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::DisplayErrorContext;
use aws_sdk_sqs::types::QueueAttributeName;
use serde::Deserialize;
use std::collections::BTreeMap;

/// URL of the queue, as the engine makes it.
pub const SYNC_JOBS_URL: &str = "https://sqs.us-east-1.amazonaws.com/123456789012/repoplane-sync-jobs";
/// URL of the queue by which tasks are handed over, as the engine makes it.
pub const ROBOT_TASKS_URL: &str = "https://sqs.us-east-1.amazonaws.com/123456789012/repoplane-robot-tasks";
/// Name of that queue.
const ROBOT_TASKS: &str = "repoplane-robot-tasks";
/// Name of the queue of its messages that were given up.
const ROBOT_TASKS_DEAD: &str = "repoplane-robot-tasks-dead";
/// What the ARNs of the engine's queues begin with.
const ARN: &str = "arn:aws:sqs:us-east-1:123456789012:";
/// Name of the queue of syncs.
const SYNC_JOBS: &str = "repoplane-sync-jobs";
/// Name of the queue of the messages that were given up.
const DEAD_LETTERS: &str = "repoplane-sync-jobs-dead";

/// The queues cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// The template does not declare them as expected.
    #[error("the template does not declare the queues: {0}")]
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

/// The numbers that the template gives a queue.
struct Declared {
    visibility: u64,
    max_receives: u64,
}

fn declared(queue: &str) -> Result<Declared, QueueError> {
    let missing = |what: &str| QueueError::Template(format!("{queue}: {what}"));
    let template: Template = serde_yaml_ng::from_str(TEMPLATE).map_err(|error| missing(&error.to_string()))?;
    let properties = template.resources.get(queue).map(|queue| &queue["Properties"]);
    let properties = properties.ok_or_else(|| missing("it is missing"))?;
    let number = |value: &serde_yaml_ng::Value, what| value.as_u64().ok_or_else(|| missing(what));
    Ok(Declared {
        visibility: number(&properties["VisibilityTimeout"], "VisibilityTimeout")?,
        max_receives: number(&properties["RedrivePolicy"]["maxReceiveCount"], "maxReceiveCount")?,
    })
}

/// Creates the queues of syncs, unless they exist.
///
/// # Errors
/// [`QueueError`].
pub async fn create(client: &Client) -> Result<SyncQueues, QueueError> {
    let Declared { visibility, max_receives } = declared("SyncJobs")?;
    Ok(SyncQueues {
        jobs: make(client, SYNC_JOBS, &[]).await?,
        dead_letters: make(client, DEAD_LETTERS, &[]).await?,
        max_receives: u32::try_from(max_receives).unwrap_or(u32::MAX),
        visibility_seconds: i32::try_from(visibility).unwrap_or(i32::MAX),
    })
}

/// Creates the queues of tasks, unless they exist; the engine itself hides and gives up messages as they say. URLs of the
/// queue and of its dead letters.
///
/// # Errors
/// [`QueueError`].
pub async fn create_tasks(client: &Client) -> Result<(String, String), QueueError> {
    let Declared { visibility, max_receives } = declared("RobotTasks")?;
    let dead_letters = make(client, ROBOT_TASKS_DEAD, &[]).await?;
    let redrive = format!(r#"{{"deadLetterTargetArn":"{ARN}{ROBOT_TASKS_DEAD}","maxReceiveCount":"{max_receives}"}}"#);
    let attributes =
        [(QueueAttributeName::VisibilityTimeout, visibility.to_string()), (QueueAttributeName::RedrivePolicy, redrive)];
    Ok((make(client, ROBOT_TASKS, &attributes).await?, dead_letters))
}

async fn make(client: &Client, name: &str, attributes: &[(QueueAttributeName, String)]) -> Result<String, QueueError> {
    let call = attributes
        .iter()
        .fold(client.create_queue().queue_name(name), |call, (name, value)| call.attributes(name.clone(), value));
    let made = call.send().await.map_err(|error| QueueError::Engine(DisplayErrorContext(error).to_string()))?;
    made.queue_url.ok_or_else(|| QueueError::Engine("a queue has no URL".to_owned()))
}
