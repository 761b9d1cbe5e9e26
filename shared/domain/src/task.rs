//! Tasks: what automation hands to robots (contract: hookcode 3.9; statuses and leases: ours).

use crate::error::{Conflict, DomainError, FieldErrors};
use crate::id::{DeliveryId, LeaseId, RepositoryId, RobotId, TaskId};
use crate::input::{Field, Object};
use crate::repository::Provider;
use crate::robot::TimeWindow;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::time::Duration;

mod about;
mod trace;

pub use about::groups_about;
pub use trace::Trace;

/// Shortest lease, in seconds.
pub const MIN_LEASE_SECONDS: i64 = 60;
/// Longest lease, in seconds.
pub const MAX_LEASE_SECONDS: i64 = 3600;
/// Lease when the worker asks for none, in seconds.
pub const DEFAULT_LEASE_SECONDS: i64 = 600;
/// Longest name of a worker, in bytes.
pub const MAX_WORKER_BYTES: usize = 200;
/// Longest result of a task, in bytes.
pub const MAX_RESULT_BYTES: usize = 64 * 1024;
/// Steps in which the opening of a window is looked for: all zones lie whole quarters of an hour apart.
const QUARTER: Duration = Duration::from_secs(15 * 60);
/// Quarters of a day and an hour: a day is so long when clocks are set back.
const QUARTERS_OF_A_DAY: u32 = 100;
/// Deepest result of a task: lists and objects within each other.
pub const MAX_RESULT_DEPTH: usize = 16;

/// Where a task stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the contract's words")]
pub enum TaskStatus {
    Queued,
    WaitingApproval,
    Processing,
    Succeeded,
    Failed,
    Commented,
    Cancelled,
}

impl TaskStatus {
    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::WaitingApproval => "waiting_approval",
            Self::Processing => "processing",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Commented => "commented",
            Self::Cancelled => "cancelled",
        }
    }

    /// Reads the wire name.
    pub fn parse(text: &str) -> Option<Self> {
        use TaskStatus::{Cancelled, Commented, Failed, Processing, Queued, Succeeded, WaitingApproval};
        [Queued, WaitingApproval, Processing, Succeeded, Failed, Commented, Cancelled]
            .into_iter()
            .find(|status| status.as_str() == text)
    }

    /// Whether nothing more will happen to the task.
    pub fn is_final(self) -> bool {
        match self {
            Self::Queued | Self::WaitingApproval | Self::Processing => false,
            Self::Succeeded | Self::Failed | Self::Commented | Self::Cancelled => true,
        }
    }

    /// The legal moves of `PATCH /api/tasks/:id`. Claiming is not among them: it needs a worker.
    pub fn may_become(self, next: Self) -> bool {
        match self {
            Self::Queued | Self::WaitingApproval => next == Self::Cancelled,
            Self::Processing => matches!(next, Self::Succeeded | Self::Failed | Self::Commented),
            Self::Succeeded | Self::Failed | Self::Commented | Self::Cancelled => false,
        }
    }
}

/// What a task group gathers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the contract's words")]
pub enum GroupKind {
    Issue,
    MergeRequest,
    Commit,
    Task,
}

/// Follow-up events on one issue, merge request or commit land in one group per robot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskGroup {
    /// `grp_` and a hash of the binding key, so that two writers agree on it without asking.
    pub id: String,
    /// What it gathers.
    pub kind: GroupKind,
    /// `<repo>:<robot>:issue:<n>` and so on.
    pub binding_key: String,
    /// Title of the first task.
    pub title: String,
    /// Issue number.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub issue_id: Option<i64>,
    /// Merge request or pull request number.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub mr_id: Option<i64>,
    /// Commit.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub commit_sha: Option<String>,
    /// Repository.
    pub repo_id: RepositoryId,
    /// Robot.
    pub robot_id: RobotId,
}

/// When a task may run (contract: hookcode 4.5, `__schedule`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Schedule {
    /// `trigger`: the rule's window; `robot`: the robot's.
    pub source: String,
    /// The window.
    pub window: TimeWindow,
    /// The zone of its hours.
    pub timezone: String,
    /// The rule, when the window is a rule's.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub rule_id: Option<String>,
}

/// A worker's exclusive hold on a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Lease {
    /// Shown only to who claimed.
    pub id: LeaseId,
    /// Who claimed.
    pub worker: String,
    /// After this the task is queued again.
    pub expires_at: Timestamp,
}

/// A task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Task {
    /// Its id.
    pub id: TaskId,
    /// The delivery that caused it.
    pub delivery_id: DeliveryId,
    /// Its group.
    pub group_id: String,
    /// `issue`, `commit` or `merge_request`.
    pub event_type: String,
    /// `created`, `updated`, `commented`, `reopened`.
    pub event_sub_type: String,
    /// Where it stands; see [`Task::status_at`] for leases that ran out.
    pub status: TaskStatus,
    /// One line for people.
    pub title: String,
    /// The prompt of the action and the robot, before rendering.
    pub prompt_custom: String,
    /// The prompt as rendered when the task was made.
    pub prompt: String,
    /// Provider of the repository.
    pub repo_provider: Provider,
    /// Repository.
    pub repo_id: RepositoryId,
    /// Robot.
    pub robot_id: RobotId,
    /// Rule that fired.
    pub rule_id: String,
    /// GitLab project.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub project_id: Option<i64>,
    /// Git ref to work on.
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none", default)]
    pub git_ref: Option<String>,
    /// Merge request or pull request number.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub mr_id: Option<i64>,
    /// Issue number.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub issue_id: Option<i64>,
    /// Commit.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub commit_sha: Option<String>,
    /// Member behind the event, if known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub actor_user_id: Option<String>,
    /// When it may run.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub schedule: Option<Schedule>,
    /// How often a lease ran out or a worker gave up.
    pub retries: u32,
    /// What the worker reported.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub result: Option<serde_json::Value>,
    /// The current or last hold.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub lease: Option<Lease>,
    /// Creation time.
    pub created_at: Timestamp,
    /// Time of the last change.
    pub updated_at: Timestamp,
    /// Counts changes, from 1.
    pub version: u64,
}

/// A checked body of `POST /api/tasks/:id/claim`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimTask {
    worker: String,
    lease: Duration,
    renews: Option<LeaseId>,
}

impl ClaimTask {
    /// Reads `{worker, leaseSeconds?, leaseId?}`; with the id of the current lease it is a renewal.
    ///
    /// # Errors
    /// [`DomainError::Invalid`] with every wrong field.
    pub fn read(body: &Value) -> Result<Self, DomainError> {
        let mut errors = FieldErrors::new();
        let mut object = Object::root(body, &mut errors);
        let worker = match object.text_up_to("worker", MAX_WORKER_BYTES).map(|text| text.trim().to_owned()) {
            Field::Value(worker) if !worker.is_empty() => worker,
            Field::Invalid => String::new(),
            Field::Absent | Field::Null | Field::Value(_) => {
                object.error("worker", "worker is required: a name to recognise the claim by");
                String::new()
            }
        };
        let seconds = object.integer("leaseSeconds", MIN_LEASE_SECONDS..=MAX_LEASE_SECONDS).value();
        let lease = Duration::from_secs(seconds.unwrap_or(DEFAULT_LEASE_SECONDS).unsigned_abs());
        let renews = read_lease(&mut object).value();
        object.finish();
        errors.into_result(Self { worker, lease, renews })
    }
}

/// A checked body of `PATCH /api/tasks/:id`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatchTask {
    status: TaskStatus,
    lease: Option<LeaseId>,
    result: Option<Value>,
}

impl PatchTask {
    /// Reads `{status, leaseId?, result?}`.
    ///
    /// # Errors
    /// [`DomainError::Invalid`] with every wrong field.
    pub fn read(body: &Value) -> Result<Self, DomainError> {
        let mut errors = FieldErrors::new();
        let mut object = Object::root(body, &mut errors);
        let status = match object.text("status") {
            Field::Value(text) => TaskStatus::parse(&text),
            Field::Absent | Field::Null | Field::Invalid => None,
        };
        if status.is_none() {
            object.error("status", "status must be succeeded, failed, commented or cancelled");
        }
        let lease = read_lease(&mut object).value();
        let result = object.raw("result").filter(|value| !value.is_null()).cloned();
        if result.as_ref().is_some_and(|value| value.to_string().len() > MAX_RESULT_BYTES) {
            object.error("result", format!("must be at most {MAX_RESULT_BYTES} bytes of JSON"));
        }
        if result.as_ref().is_some_and(|value| !is_storable(value, MAX_RESULT_DEPTH)) {
            let text = format!(
                "must be nested at most {MAX_RESULT_DEPTH} deep, without empty names and with numbers below 1e125"
            );
            object.error("result", text);
        }
        object.finish();
        errors.into_result(Self { status: status.unwrap_or(TaskStatus::Failed), lease, result })
    }
}

/// Whether the table can keep a value as it is: names are not empty, and depth and numbers have bounds.
fn is_storable(value: &Value, depth: usize) -> bool {
    match value {
        Value::Null | Value::Bool(_) | Value::String(_) => true,
        Value::Number(number) => {
            let size = number.as_f64().map_or(0.0, f64::abs);
            size == 0.0 || (1e-125..1e125).contains(&size)
        }
        Value::Array(items) => depth > 0 && items.iter().all(|item| is_storable(item, depth - 1)),
        Value::Object(members) => {
            depth > 0 && members.iter().all(|(name, member)| !name.is_empty() && is_storable(member, depth - 1))
        }
    }
}

fn read_lease(object: &mut Object<'_, '_>) -> Field<LeaseId> {
    object.text("leaseId").and_then(|text| match text.parse() {
        Ok(id) => Field::Value(id),
        Err(_) => {
            object.error("leaseId", "not a valid lease id");
            Field::Invalid
        }
    })
}

impl Task {
    /// Where the task stands now: a lease that ran out means queued again.
    pub fn status_at(&self, now: Timestamp) -> TaskStatus {
        let abandoned = self.lease.as_ref().is_none_or(|lease| lease.expires_at <= now);
        if self.status == TaskStatus::Processing && abandoned { TaskStatus::Queued } else { self.status }
    }

    /// Gives the task to a worker, or renews the worker's hold.
    ///
    /// # Errors
    /// `TASK_LEASED` while another holds it, `TASK_NOT_CLAIMABLE` when it is not queued, `TASK_OUTSIDE_WINDOW`.
    pub fn claim(&self, command: &ClaimTask, id: LeaseId, now: Timestamp) -> Result<Self, DomainError> {
        let conflict = |code, message: &str| Err(DomainError::Conflict(Conflict::new(code, message)));
        let expires_at = now.plus(command.lease);
        let lease = match self.status_at(now) {
            TaskStatus::Processing => match &self.lease {
                Some(held) if command.renews == Some(held.id) => Lease { expires_at, ..held.clone() },
                Some(_) | None => return conflict("TASK_LEASED", "another worker holds the task"),
            },
            TaskStatus::Queued if command.renews.is_some() => {
                return conflict("TASK_LEASE_LOST", "the lease ran out; claim the task anew, without leaseId");
            }
            TaskStatus::Queued => match &self.schedule {
                Some(schedule) if !schedule.is_active(now) => {
                    return conflict("TASK_OUTSIDE_WINDOW", "the task is scheduled for other hours of the day");
                }
                Some(_) | None => Lease { id, worker: command.worker.clone(), expires_at },
            },
            TaskStatus::WaitingApproval
            | TaskStatus::Succeeded
            | TaskStatus::Failed
            | TaskStatus::Commented
            | TaskStatus::Cancelled => return conflict("TASK_NOT_CLAIMABLE", "only a queued task can be claimed"),
        };
        // A stored `processing` that is queued by now had a worker who never came back.
        let abandoned = self.status == TaskStatus::Processing && self.status_at(now) == TaskStatus::Queued;
        Ok(Self {
            status: TaskStatus::Processing,
            lease: Some(lease),
            retries: self.retries + u32::from(abandoned),
            updated_at: now,
            version: self.version + 1,
            ..self.clone()
        })
    }

    /// Moves the task on, by the legal moves only; a task in work answers only to its lease. Who repeats the end of a task,
    /// because the first answer was lost, finds it as it is.
    ///
    /// # Errors
    /// `TASK_LEASE_REQUIRED`, `TASK_STATUS_ILLEGAL`.
    pub fn patch(&self, command: &PatchTask, now: Timestamp) -> Result<Self, DomainError> {
        let status = self.status_at(now);
        if self.was_ended_by(command) {
            return Ok(self.clone());
        }
        if status == TaskStatus::Processing && self.lease.as_ref().map(|lease| lease.id) != command.lease {
            let message = "the task is in work: send the leaseId that the claim answered";
            return Err(DomainError::Conflict(Conflict::new("TASK_LEASE_REQUIRED", message)));
        }
        if !status.may_become(command.status) {
            let message = format!("a {} task cannot become {}", status.as_str(), command.status.as_str());
            return Err(DomainError::Conflict(Conflict::new("TASK_STATUS_ILLEGAL", message)));
        }
        Ok(Self {
            status: command.status,
            result: command.result.clone().or_else(|| self.result.clone()),
            updated_at: now,
            version: self.version + 1,
            ..self.clone()
        })
    }
}

impl Task {
    /// From when on a worker can take the task: its last change, or the opening of its window.
    pub fn ready_at(&self) -> Timestamp {
        self.schedule.as_ref().map_or(self.updated_at, |schedule| schedule.opens_at(self.updated_at))
    }

    /// Queues a task that has ended once more: the same prompt for the same robot, without the last end's report.
    ///
    /// # Errors
    /// `TASK_NOT_ENDED` while it is queued or in work.
    pub fn retried(&self, now: Timestamp) -> Result<Self, DomainError> {
        if !self.status.is_final() {
            let message = format!("a {} task has not ended; it cannot be retried", self.status_at(now).as_str());
            return Err(DomainError::Conflict(Conflict::new("TASK_NOT_ENDED", message)));
        }
        Ok(Self {
            status: TaskStatus::Queued,
            lease: None,
            result: None,
            retries: self.retries + 1,
            updated_at: now,
            version: self.version + 1,
            ..self.clone()
        })
    }

    /// Takes a task off the queue. Who cancels twice finds it cancelled.
    ///
    /// # Errors
    /// `TASK_STATUS_ILLEGAL` while a worker holds it, and once it has ended otherwise.
    pub fn cancelled(&self, now: Timestamp) -> Result<Self, DomainError> {
        if self.status == TaskStatus::Cancelled {
            return Ok(self.clone());
        }
        let status = self.status_at(now);
        if !status.may_become(TaskStatus::Cancelled) {
            let message = format!("a {} task cannot be cancelled", status.as_str());
            return Err(DomainError::Conflict(Conflict::new("TASK_STATUS_ILLEGAL", message)));
        }
        let version = self.version + 1;
        Ok(Self { status: TaskStatus::Cancelled, lease: None, updated_at: now, version, ..self.clone() })
    }

    /// Whether this very command ended the task: same end, same hold, nothing new to report. Cancelling needs no hold.
    fn was_ended_by(&self, command: &PatchTask) -> bool {
        let same_hold = match self.status {
            TaskStatus::Cancelled => true,
            TaskStatus::Queued
            | TaskStatus::WaitingApproval
            | TaskStatus::Processing
            | TaskStatus::Succeeded
            | TaskStatus::Failed
            | TaskStatus::Commented => self.lease.as_ref().map(|lease| lease.id) == command.lease,
        };
        let nothing_new = command.result.is_none() || command.result == self.result;
        self.status.is_final() && self.status == command.status && same_hold && nothing_new
    }
}

impl Schedule {
    /// Whether the window is open.
    pub fn is_active(&self, now: Timestamp) -> bool {
        crate::webhook::is_active(self.window, now, &self.timezone)
    }

    /// From when on the task may run: now while the window is open, else when it opens next.
    pub fn opens_at(&self, now: Timestamp) -> Timestamp {
        if self.is_active(now) {
            return now;
        }
        let quarter = QUARTER.as_secs().cast_signed();
        let begun = Timestamp::from_second(now.as_second() / quarter * quarter);
        let mut quarters = (1..=QUARTERS_OF_A_DAY).map(|count| begun.plus(QUARTER * count));
        quarters.find(|at| self.is_active(*at)).unwrap_or(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_opens_at_its_hour_wherever_it_is() {
        // 2026-01-20T00:00:00Z
        let at = |minutes: i64| Timestamp::from_second(1_768_867_200 + minutes * 60);
        let cases = [
            (9, 12, "UTC", 8 * 60 + 7, 9 * 60),
            (9, 12, "UTC", 9 * 60 + 7, 9 * 60 + 7),
            (9, 12, "UTC", 12 * 60, 33 * 60),
            (22, 2, "UTC", 3 * 60 + 59, 22 * 60),
            (5, 5, "UTC", 77, 77),
            (9, 10, "Europe/Berlin", 0, 8 * 60),
            (9, 10, "Asia/Kolkata", 0, 3 * 60 + 30),
            (9, 10, "Asia/Kathmandu", 0, 3 * 60 + 15),
        ];
        for (start_hour, end_hour, zone, now, opens) in cases {
            let window = TimeWindow { start_hour, end_hour };
            let schedule = Schedule { source: "robot".into(), window, timezone: zone.into(), rule_id: None };
            assert_eq!(schedule.opens_at(at(now)), at(opens), "{start_hour}-{end_hour} {zone}");
        }
    }
}
