//! The queue `robot-tasks`: workers hear from it which tasks wait for them. A message names a task and holds nothing of it:
//! who may see the task claims it over HTTP.

use crate::error::StoreError;
use crate::meter::metered_queue;
use crate::queue::LazyClient;
use aws_sdk_sqs::error::DisplayErrorContext;
use aws_sdk_sqs::types::{
    MessageSystemAttributeNameForSends, MessageSystemAttributeValue, SendMessageBatchRequestEntry,
};
use repoplane_domain::id::{DeliveryId, RepositoryId, RobotId, TaskId, TenantId};
use repoplane_domain::task::Trace;
use serde::{Deserialize, Serialize};
use std::sync::{Arc, LazyLock};

/// Messages of one call (SQS: SendMessageBatch).
const BATCH: usize = 10;
/// Version of the body (docs/schemas/robot-task.v1.json).
pub const ROBOT_TASK_SCHEMA: u32 = 1;

/// The body of a message: ids, and what kind of event it was. Readers ignore members that they do not know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RobotTask {
    /// [`ROBOT_TASK_SCHEMA`].
    pub schema: u32,
    /// The task to claim.
    pub task_id: TaskId,
    /// Its repository.
    pub repository_id: RepositoryId,
    /// The tenant of the repository: who serves several has a token for each.
    pub tenant_id: TenantId,
    /// The robot that is to do it.
    pub robot_id: RobotId,
    /// The delivery that caused it.
    pub delivery_id: DeliveryId,
    /// Type of the event, as in the task.
    pub event_type: String,
    /// What happened, as in the task.
    pub event_sub_type: String,
    /// By what the webhook is found in the logs.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub trace_id: Option<String>,
}

/// A message and what goes beside its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskMessage {
    /// The body.
    pub body: RobotTask,
    /// The trace that the message goes on with.
    pub trace: Option<Trace>,
}

impl TaskMessage {
    fn entry(&self, id: usize) -> Result<SendMessageBatchRequestEntry, StoreError> {
        let body = serde_json::to_string(&self.body).map_err(|error| StoreError::corrupt("robot task", error))?;
        let mut entry = SendMessageBatchRequestEntry::builder().id(id.to_string()).message_body(body);
        if let Some(header) = self.trace.as_ref().and_then(Trace::x_ray) {
            let value = MessageSystemAttributeValue::builder().data_type("String").string_value(header).build();
            let value = value.map_err(|error| StoreError::corrupt("robot task", error))?;
            entry = entry.message_system_attributes(MessageSystemAttributeNameForSends::AwsTraceHeader, value);
        }
        entry.build().map_err(|error| StoreError::corrupt("robot task", error))
    }
}

/// Where tasks are handed over.
#[derive(Debug, Clone)]
pub struct TaskQueue {
    client: Arc<LazyClient>,
    url: String,
}

impl TaskQueue {
    /// A queue by its URL.
    pub fn new(client: aws_sdk_sqs::Client, url: impl Into<String>) -> Self {
        Self::lazy(|| client, url)
    }

    /// As [`TaskQueue::new`], on a client that is built when the first message is sent.
    pub fn lazy(client: impl FnOnce() -> aws_sdk_sqs::Client + Send + 'static, url: impl Into<String>) -> Self {
        let client: LazyClient = LazyLock::new(Box::new(move || metered_queue(&client())));
        Self { client: Arc::new(client), url: url.into() }
    }

    /// Sends messages in their order, ten a call. Says which were not taken, by their place, each with the reason. After a
    /// call that failed as a whole no other is made: the queue is not there.
    pub(crate) async fn send(&self, messages: &[TaskMessage]) -> Vec<(usize, String)> {
        let mut refused = Vec::new();
        for (at, chunk) in messages.chunks(BATCH).enumerate() {
            let first = at * BATCH;
            match self.send_batch(chunk).await {
                Ok(places) => refused.extend(places.into_iter().map(|(place, reason)| (first + place, reason))),
                Err(error) => {
                    refused.extend((first..messages.len()).map(|place| (place, error.to_string())));
                    return refused;
                }
            }
        }
        refused
    }

    async fn send_batch(&self, chunk: &[TaskMessage]) -> Result<Vec<(usize, String)>, StoreError> {
        let mut call = self.client.send_message_batch().queue_url(&self.url);
        for (place, message) in chunk.iter().enumerate() {
            call = call.entries(message.entry(place)?);
        }
        let unavailable =
            |error| StoreError::Unavailable { engine: "queue", reason: DisplayErrorContext(error).to_string() };
        let answer = Box::pin(call.send()).await.map_err(unavailable)?;
        let failed = answer.failed().iter().filter_map(|failed| {
            let place: usize = failed.id().parse().ok().filter(|place| *place < chunk.len())?;
            Some((place, failed.message().unwrap_or_else(|| failed.code()).to_owned()))
        });
        Ok(failed.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use repoplane_domain::time::Timestamp;

    fn message(trace: Option<&str>) -> TaskMessage {
        let at = Timestamp::from_second(1_768_867_200);
        let body = RobotTask {
            schema: ROBOT_TASK_SCHEMA,
            task_id: TaskId::start_of(at),
            repository_id: RepositoryId::start_of(at),
            tenant_id: TenantId::start_of(at),
            robot_id: RobotId::start_of(at),
            delivery_id: DeliveryId::start_of(at),
            event_type: "issue".into(),
            event_sub_type: "created".into(),
            trace_id: None,
        };
        TaskMessage { body, trace: trace.and_then(Trace::parse) }
    }

    #[test]
    fn only_an_x_ray_header_goes_on_as_one() {
        let x_ray = "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1";
        for (trace, expected) in [(Some(x_ray), Some(x_ray)), (Some("req_7"), None), (None, None)] {
            let entry = message(trace).entry(0).unwrap();
            let attributes = entry.message_system_attributes();
            let sent = attributes.and_then(|all| all.get(&MessageSystemAttributeNameForSends::AwsTraceHeader));
            assert_eq!(sent.and_then(|value| value.string_value()), expected, "{trace:?}");
        }
    }

    #[test]
    fn a_body_reads_back_and_bears_members_that_are_new() {
        let body = message(None).body;
        let mut text = serde_json::to_value(&body).unwrap();
        assert_eq!(text.get("traceId"), None);
        text["priority"] = 1.into();
        assert_eq!(serde_json::from_value::<RobotTask>(text).unwrap(), body);
    }
}
