//! Tasks: read by id or by repository, changed under their version.

use crate::commit::{CommitError, Writes, jittered};
use crate::decision::WithRecord;
use crate::error::StoreError;
use crate::idempotency::{KeptAnswer, Once, is_repeated};
use crate::item::{self, Attributes, Item, text};
use crate::keys;
use crate::table::{MAX_EXAMINED, Range};
use crate::{Store, WriteError};
use aws_sdk_dynamodb::types::AttributeValue;
use repoplane_domain::access::{Members, Principal};
use repoplane_domain::audit::{AuditAction, AuditEntry};
use repoplane_domain::error::{Conflict, DomainError, Kind};
use repoplane_domain::id::{AuditId, DeliveryId, RepositoryId, RobotId, TaskId, TenantId, WriteId};
use repoplane_domain::repository::Repository;
use repoplane_domain::task::{Task, TaskStatus};
use repoplane_domain::time::Timestamp;
use std::time::Duration;

/// How often a change that lost a race is made again on a fresh read.
const TRIES: u32 = 8;
/// The first pause between tries; doubled each time, with full jitter.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
/// On the locator: the delivery that caused the task.
const DELIVERY: &str = "delivery";
/// The trace of the call that made the task: beside the task, since nobody is shown it.
pub(crate) const TRACE: &str = "trace";
/// Set on the one scheduled task that a rule may have queued for a robot.
const HOLDS_SCHEDULE: &str = "holds_schedule";

/// One page of tasks, newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TaskPage {
    /// The tasks.
    pub tasks: Vec<Task>,
    /// The task after which more may follow.
    pub next: Option<TaskId>,
}

/// A task's item: in the range of open tasks until nothing more will happen to it.
pub(crate) fn task_item(task: &Task, holds_schedule: bool) -> Result<Item, StoreError> {
    let mut item = Item::new(&keys::task(task.repo_id, task.id), task)?.versioned(task.version);
    if !task.status.is_final() {
        item = item.open(keys::open_partition(task.repo_id), format!("{}{}", keys::TASKS, task.id));
    }
    if holds_schedule {
        item = item.with(HOLDS_SCHEDULE, AttributeValue::Bool(true));
    }
    Ok(item)
}

/// Where a task lies. It never changes, so it is remembered for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Located {
    repository: RepositoryId,
    /// The delivery that caused it: a change of the task reads it in the same call.
    delivery: Option<DeliveryId>,
}

/// A task with what decides who may touch it, read by one call.
#[derive(Debug, Clone, PartialEq)]
pub struct FoundTask {
    /// The record of its repository.
    pub repository: Repository,
    /// The members of its repository.
    pub members: Members,
    /// The task.
    pub task: Task,
    item: Attributes,
    summary: Option<Attributes>,
}

/// Which tasks a list shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TaskFilter {
    /// Only in this status, as of the time of the call.
    pub status: Option<TaskStatus>,
    /// Only of this robot.
    pub robot: Option<RobotId>,
    /// Only of this type of event.
    pub event_type: Option<String>,
}

impl TaskFilter {
    fn shows(&self, task: &Task, now: Timestamp) -> bool {
        self.status.is_none_or(|status| status == task.status_at(now))
            && self.robot.is_none_or(|robot| robot == task.robot_id)
            && self.event_type.as_ref().is_none_or(|event_type| *event_type == task.event_type)
    }
}

/// The item by which a task is found by its id alone.
pub(crate) fn locator_item(task: &Task) -> Result<Item, StoreError> {
    let item = Item::new(&keys::task_locator(task.id), &task.repo_id)?;
    Ok(item.with(DELIVERY, text(task.delivery_id.to_string())))
}

impl Store {
    async fn locate(&self, id: TaskId) -> Result<Option<Located>, StoreError> {
        if let Some(located) = self.locators.get(&id).await {
            return Ok(Some(located));
        }
        let Some(item) = self.table.get(&keys::task_locator(id), true).await? else { return Ok(None) };
        let delivery = item::text_of(&item, DELIVERY).and_then(|id| id.parse().ok());
        let located = Located { repository: item::value("task locator", &item)?, delivery };
        self.locators.insert(id, located).await;
        Ok(Some(located))
    }

    /// A task of the caller's tenant, with its repository's record and members.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn find_task(&self, tenant: TenantId, id: TaskId) -> Result<Option<FoundTask>, StoreError> {
        let Some(Located { repository, delivery }) = self.locate(id).await? else { return Ok(None) };
        let summary = delivery.map(|delivery| keys::delivery_summary(repository, delivery));
        let wanted = std::iter::once(keys::task(repository, id)).chain(summary);
        let found = self.with_record(repository, wanted).await?.filter(|found| found.repository.tenant == tenant);
        let Some(WithRecord { repository, members, items }) = found else { return Ok(None) };
        let is_task = |item: &Attributes| item::text_of(item, keys::SK).is_some_and(|sk| sk.starts_with(keys::TASKS));
        let (task, summary): (Vec<_>, Vec<_>) = items.into_iter().partition(is_task);
        let Some(item) = task.into_iter().next() else { return Ok(None) };
        let task = item::value("task", &item)?;
        Ok(Some(FoundTask { repository, members, task, item, summary: summary.into_iter().next() }))
    }

    /// One page of a repository's tasks, newest first, strictly after a task. A filtered page may be short and yet be
    /// followed by more.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn tasks(
        &self,
        repository: RepositoryId,
        filter: &TaskFilter,
        after: Option<TaskId>,
        limit: usize,
        now: Timestamp,
    ) -> Result<TaskPage, StoreError> {
        let range = Range::partition(keys::repository_partition(repository)).begins(keys::TASKS);
        let range = range.backwards_after(after.map(|id| format!("{}{id}", keys::TASKS)));
        let keep = |item: Attributes| {
            let task: Task = item::into_value("task", item)?;
            Ok(filter.shows(&task, now).then_some(task))
        };
        let found = self.table.walk(&range, (limit, MAX_EXAMINED), now, keep).await?;
        let next = found.next.as_deref().and_then(|key| key.strip_prefix(keys::TASKS)?.parse().ok());
        Ok(TaskPage { tasks: found.rows.into_iter().map(|(_, task)| task).collect(), next })
    }

    /// Changes a task by a rule of the domain, under the version that was read; after a lost race, again on a fresh read, so
    /// that the caller hears what the winner's change means for it. A rule that changes nothing writes nothing.
    ///
    /// # Errors
    /// What the rule says, `WRITE_CONFLICT` when others were faster every time, storage failures.
    pub async fn change_task(
        &self,
        author: &Principal,
        found: FoundTask,
        (action, once): (AuditAction, Option<&Once>),
        now: Timestamp,
        change: impl Fn(&Task) -> Result<Task, DomainError>,
        answer: impl Fn(&Task) -> KeptAnswer,
    ) -> Result<Task, WriteError> {
        let FoundTask { repository, task, mut item, mut summary, .. } = found;
        let (repository, id) = (repository.id, task.id);
        let mut pause = FIRST_PAUSE;
        for _ in 0..TRIES {
            let stored: Task = item::value("task", &item)?;
            let next = change(&stored)?;
            if next == stored {
                return Ok(stored);
            }
            let holds = item.contains_key(HOLDS_SCHEDULE);
            let keeps = holds && next.status == TaskStatus::Queued;
            let comes_back = stored.status.is_final() && !next.status.is_final();
            let mut writes = Writes::default();
            let changed = task_item(&next, keeps)?;
            // Ended before, or waiting for approval: whoever heard of it then has forgotten it.
            let queued_anew = next.status == TaskStatus::Queued && stored.status != TaskStatus::Queued;
            let changed = if queued_anew { for_dispatch(changed, &next) } else { keep_dispatch_mark(changed, &item) };
            let changed = traced(changed, item::text_of(&item, TRACE));
            writes.replace(changed, Some(stored.version));
            if holds && !keeps {
                writes.delete(keys::scheduled_claim(repository, stored.robot_id, &stored.rule_id));
            }
            let ends = next.status.is_final() && !stored.status.is_final();
            let settles_body = if ends {
                self.count_off(&mut writes, &next, summary.take(), now).await?
            } else if comes_back {
                let counted = self.count_on(&mut writes, &next, summary.take(), now).await?;
                let text = "the delivery that caused the task is not kept any more";
                counted.ok_or_else(|| DomainError::Conflict(Conflict::new("TASK_DELIVERY_GONE", text)))?
            } else {
                false
            };
            let entry = AuditEntry::by(author, AuditId::new(now, &*self.ids), action, id, now).on(repository);
            let status = |status: TaskStatus| serde_json::json!({"status": status});
            writes.audit(&entry.with_change(&status(stored.status_at(now)), &status(next.status)))?;
            writes.keep(once, || answer(&next), now)?;
            match self.table.commit(&writes, WriteId::new(now, &*self.ids), now).await {
                Ok(()) => {
                    if settles_body && let Err(error) = self.settle_body(repository, next.delivery_id).await {
                        tracing::warn!(delivery.id = %next.delivery_id, %error, "Could not settle the life of a body");
                    }
                    return Ok(next);
                }
                Err(CommitError::Store(error)) => return Err(error.into()),
                Err(CommitError::Lost(lost)) if is_repeated(&lost) => return Err(WriteError::Repeated),
                Err(CommitError::Lost(_)) => {}
            }
            tokio::time::sleep(jittered(pause)).await;
            pause *= 2;
            let fresh = self.table.get(&keys::task(repository, id), true).await?;
            item = fresh.ok_or(DomainError::NotFound(Kind::Task))?;
        }
        let conflict = Conflict::new("WRITE_CONFLICT", "others kept changing the task; try again");
        Err(DomainError::Conflict(conflict).into())
    }
}

/// Marks a task as one that no queue has yet, from the time on at which a worker can take it.
pub(crate) fn for_dispatch(item: Item, task: &Task) -> Item {
    item.undispatched(keys::undispatched_partition(task.id), keys::undispatched_sort(task.ready_at(), task.id))
}

/// Notes which call made a task.
pub(crate) fn traced(item: Item, trace: Option<&str>) -> Item {
    match trace {
        Some(trace) => item.with(TRACE, text(trace)),
        None => item,
    }
}

/// A task that no queue has yet stays marked whatever else happens to it; only the dispatcher takes the mark away.
fn keep_dispatch_mark(item: Item, before: &Attributes) -> Item {
    match (item::text_of(before, keys::UNDISPATCHED_PK), item::text_of(before, keys::UNDISPATCHED_SK)) {
        (Some(pk), Some(sk)) => item.undispatched(pk.to_owned(), sk.to_owned()),
        _ => item,
    }
}
