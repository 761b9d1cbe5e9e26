//! One message: claimed, done, reported, and only then deleted.

use crate::api::{Api, ApiError, Claimed};
use crate::command;
use aws_sdk_sqs::error::DisplayErrorContext;
use aws_sdk_sqs::types::Message;
use reqwest::StatusCode;
use serde::Deserialize;
use serde_json::json;
use std::time::Duration;

/// The version of the messages that this worker reads (docs/schemas/robot-task.v1.json).
const SCHEMA: u32 = 1;
/// How long receiving waits for a message (SQS: long polling, 20 s at most).
const WAIT_SECONDS: i32 = 20;
/// How much longer a message is hidden than its task is held: it comes back when the task can be claimed again.
const MARGIN: Duration = Duration::from_secs(60);
/// For how long a message is hidden whose task waits for its hours of the day, or for somebody to unarchive its repository.
const LATER: Duration = Duration::from_secs(3600);
/// How often a report that was not answered is sent.
const REPORTS: u32 = 5;

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Handled {
    /// Its task has been done, and how it ended was reported.
    Done,
    /// There was nothing to do for it, or not now.
    Left,
    /// Somebody wants the worker to end.
    Interrupted,
    /// The token is not good for anything: going on would only empty the queue into its dead letters.
    Refused,
}

/// The body of a message; members that are new are none of our business.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RobotTask {
    schema: u32,
    task_id: String,
    repository_id: String,
    robot_id: String,
    delivery_id: String,
    #[serde(default)]
    trace_id: String,
}

/// A worker.
pub(crate) struct Worker {
    pub(crate) api: Api,
    pub(crate) queue: aws_sdk_sqs::Client,
    pub(crate) queue_url: String,
    pub(crate) command: String,
    pub(crate) name: String,
    pub(crate) lease: Duration,
    pub(crate) time_limit: Duration,
}

impl Worker {
    /// Waits for a message, for a while.
    pub(crate) async fn receive(&self) -> Result<Option<Message>, String> {
        let call = self.queue.receive_message().queue_url(&self.queue_url).max_number_of_messages(1);
        let call = call.wait_time_seconds(WAIT_SECONDS).visibility_timeout(seconds(self.lease + MARGIN));
        let answer = call.send().await.map_err(|error| DisplayErrorContext(error).to_string())?;
        Ok(answer.messages.unwrap_or_default().into_iter().next())
    }

    /// Does what a message tells of.
    pub(crate) async fn handle(&self, message: &Message) -> Handled {
        let body = serde_json::from_str::<RobotTask>(message.body().unwrap_or_default());
        let Some(told) = body.ok().filter(|told| told.schema == SCHEMA) else {
            // Another worker may be newer; if none is, it ends among the dead letters.
            eprintln!("a message that this worker cannot read");
            return Handled::Left;
        };
        let task = &told.task_id;
        let claimed = match self.api.claim(task, &self.name, self.lease, None).await {
            Ok(claimed) => claimed,
            Err(error) => return self.not_claimed(message, task, &error).await,
        };
        eprintln!("{task}: claimed");
        let environment = [
            ("REPOPLANE_TASK_ID", told.task_id.as_str()),
            ("REPOPLANE_REPOSITORY_ID", &told.repository_id),
            ("REPOPLANE_ROBOT_ID", &told.robot_id),
            ("REPOPLANE_DELIVERY_ID", &told.delivery_id),
            ("REPOPLANE_TRACE_ID", &told.trace_id),
        ];
        // The command ends with the future that runs it.
        let ended = tokio::select! {
            ended = command::run(&self.command, &claimed.task.prompt, &environment, self.time_limit) => ended,
            error = self.hold(message, task, &claimed) => {
                eprintln!("{task}: lost: {error}");
                return Handled::Left;
            }
            _ = tokio::signal::ctrl_c() => {
                // A hold cannot be given back. The message comes back when it has run out.
                self.hide(message, self.lease).await;
                eprintln!("{task}: left for another worker");
                return Handled::Interrupted;
            }
        };
        let (status, result) = match ended {
            Ok(ended) if ended.code == Some(0) => ("succeeded", json!({"exitCode": 0, "output": ended.output})),
            Ok(ended) => ("failed", json!({"exitCode": ended.code, "output": ended.output})),
            Err(error) => ("failed", json!({"output": format!("the command cannot be run: {error}")})),
        };
        match self.report(task, status, &claimed, &result).await {
            Ok(()) => {
                eprintln!("{task}: {status}");
                self.delete(message).await;
                Handled::Done
            }
            Err(error) => {
                eprintln!("{task}: {status}, which could not be reported: {error}");
                Handled::Left
            }
        }
    }

    /// What a refused claim means for the message.
    async fn not_claimed(&self, message: &Message, task: &str, error: &ApiError) -> Handled {
        eprintln!("{task}: not claimed: {error}");
        let ApiError::Refused { status, code, .. } = error else { return Handled::Left };
        match (*status, code.as_str()) {
            (StatusCode::UNAUTHORIZED, _) => return Handled::Refused,
            // Gone, ended, or waiting for approval: whoever queues it again sends a message of its own.
            (StatusCode::NOT_FOUND, _) | (StatusCode::CONFLICT, "TASK_NOT_CLAIMABLE") => self.delete(message).await,
            (StatusCode::CONFLICT, "TASK_OUTSIDE_WINDOW") | (StatusCode::FORBIDDEN, _) => {
                self.hide(message, LATER).await
            }
            // Another worker is at it, should it come to its end; or Repoplane is not well. The message comes back.
            _ => {}
        }
        Handled::Left
    }

    /// Renews the hold on a task and on its message until one of them cannot be renewed.
    async fn hold(&self, message: &Message, task: &str, claimed: &Claimed) -> ApiError {
        let mut failures = 0;
        loop {
            tokio::time::sleep(self.lease / 3).await;
            match self.api.claim(task, &self.name, self.lease, Some(&claimed.lease_id)).await {
                Ok(_) => {
                    failures = 0;
                    self.hide(message, self.lease + MARGIN).await;
                }
                // There is time for one more try before the lease runs out.
                Err(error @ ApiError::NoAnswer(_)) if failures == 0 => {
                    failures += 1;
                    eprintln!("{task}: not renewed: {error}");
                }
                Err(error) => return error,
            }
        }
    }

    /// Reports an end; the same report twice is one, so it is sent until it is answered.
    async fn report(
        &self,
        task: &str,
        status: &str,
        claimed: &Claimed,
        result: &serde_json::Value,
    ) -> Result<(), ApiError> {
        let mut pause = Duration::from_secs(1);
        for _ in 1..REPORTS {
            match self.api.report(task, status, &claimed.lease_id, result).await {
                Err(ApiError::NoAnswer(_)) => {}
                Err(ApiError::Refused { status, .. }) if status.is_server_error() => {}
                answered => return answered,
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
        self.api.report(task, status, &claimed.lease_id, result).await
    }

    /// Hides the message for some time from now on. When that fails it comes back sooner, which does no harm.
    async fn hide(&self, message: &Message, time: Duration) {
        let Some(handle) = message.receipt_handle() else { return };
        let call = self.queue.change_message_visibility().queue_url(&self.queue_url).receipt_handle(handle);
        if let Err(error) = call.visibility_timeout(seconds(time)).send().await {
            eprintln!("a message could not be hidden: {}", DisplayErrorContext(error));
        }
    }

    /// Deletes the message. When that fails it comes back, and its task cannot be claimed.
    async fn delete(&self, message: &Message) {
        let Some(handle) = message.receipt_handle() else { return };
        let call = self.queue.delete_message().queue_url(&self.queue_url).receipt_handle(handle);
        if let Err(error) = call.send().await {
            eprintln!("a message could not be deleted: {}", DisplayErrorContext(error));
        }
    }
}

fn seconds(time: Duration) -> i32 {
    i32::try_from(time.as_secs()).unwrap_or(i32::MAX)
}
