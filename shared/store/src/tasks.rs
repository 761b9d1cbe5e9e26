//! Tasks: read by id or by repository, changed under their version.

use crate::commit::{CommitError, Writes, jittered};
use crate::decision::DecisionSet;
use crate::error::StoreError;
use crate::item::{self, Attributes, Item};
use crate::keys;
use crate::table::Range;
use crate::{Store, WriteError};
use aws_sdk_dynamodb::types::AttributeValue;
use repoplane_domain::access::Principal;
use repoplane_domain::audit::{AuditAction, AuditEntry};
use repoplane_domain::error::{Conflict, DomainError, Kind};
use repoplane_domain::id::{AuditId, RepositoryId, TaskId, WriteId};
use repoplane_domain::task::{Task, TaskStatus};
use repoplane_domain::time::Timestamp;
use std::time::Duration;

/// How often a change that lost a race is made again on a fresh read.
const TRIES: u32 = 8;
/// The first pause between tries; doubled each time, with full jitter.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
/// Set on the one scheduled task that a rule may have queued for a robot.
const HOLDS_SCHEDULE: &str = "holds_schedule";

/// One page of tasks, newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TaskPage {
    /// The tasks.
    pub tasks: Vec<Task>,
    /// Whether more exist after the last.
    pub more: bool,
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

impl Store {
    /// The repository of a task; it never changes, so it is remembered for good.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn repository_of_task(&self, id: TaskId) -> Result<Option<RepositoryId>, StoreError> {
        if let Some(repository) = self.locators.get(&id).await {
            return Ok(Some(repository));
        }
        let Some(item) = self.table.get(&keys::task_locator(id), true).await? else { return Ok(None) };
        let repository = item::value("task locator", &item)?;
        self.locators.insert(id, repository).await;
        Ok(Some(repository))
    }

    /// A task of a repository.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn task(&self, repository: RepositoryId, id: TaskId) -> Result<Option<Task>, StoreError> {
        let item = self.table.get(&keys::task(repository, id), true).await?;
        item.map(|item| item::value("task", &item)).transpose()
    }

    /// One page of a repository's tasks, newest first, strictly after a task.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn tasks(
        &self,
        repository: RepositoryId,
        after: Option<TaskId>,
        limit: usize,
        now: Timestamp,
    ) -> Result<TaskPage, StoreError> {
        let range = Range::partition(keys::repository_partition(repository)).begins(keys::TASKS);
        let range = range.backwards_after(after.map(|id| format!("{}{id}", keys::TASKS)));
        let (items, more) = self.table.alive_page(&range, limit, now).await?;
        let tasks = items.iter().map(|item| item::value("task", item)).collect::<Result<_, _>>()?;
        Ok(TaskPage { tasks, more })
    }

    /// Changes a task by a rule of the domain, under the version that was read; after a lost race, again on a fresh read, so
    /// that the caller hears what the winner's change means for it. A rule that changes nothing writes nothing.
    ///
    /// # Errors
    /// What the rule says, `WRITE_CONFLICT` when others were faster every time, storage failures.
    pub async fn change_task(
        &self,
        author: &Principal,
        set: &DecisionSet,
        id: TaskId,
        action: AuditAction,
        now: Timestamp,
        change: impl Fn(&Task) -> Result<Task, DomainError>,
    ) -> Result<Task, WriteError> {
        let repository = set.repository.id;
        let mut pause = FIRST_PAUSE;
        for _ in 0..TRIES {
            let item = self.table.get(&keys::task(repository, id), true).await?;
            let item = item.ok_or(DomainError::NotFound(Kind::Task))?;
            let stored: Task = item::value("task", &item)?;
            let next = change(&stored)?;
            if next == stored {
                return Ok(stored);
            }
            let holds = item.contains_key(HOLDS_SCHEDULE);
            let keeps = holds && next.status == TaskStatus::Queued;
            let mut writes = Writes::default();
            writes.replace(keep_dispatch_mark(task_item(&next, keeps)?, &item), Some(stored.version));
            if holds && !keeps {
                writes.delete(keys::scheduled_claim(repository, stored.robot_id, &stored.rule_id));
            }
            let ends = next.status.is_final() && !stored.status.is_final();
            let leaves_body = ends && self.count_off(&mut writes, &next, now).await?;
            let entry = AuditEntry::by(author, AuditId::new(now, &*self.ids), action, id, now).on(repository);
            writes.audit(&entry.with(serde_json::json!({"from": stored.status_at(now), "to": next.status})))?;
            match self.table.commit(&writes, WriteId::new(now, &*self.ids), now).await {
                Ok(()) => {
                    if leaves_body && let Err(error) = self.settle_body(repository, next.delivery_id).await {
                        tracing::warn!(delivery.id = %next.delivery_id, %error, "Could not limit the life of a body; it stays");
                    }
                    return Ok(next);
                }
                Err(CommitError::Store(error)) => return Err(error.into()),
                Err(CommitError::Lost(_)) => {}
            }
            tokio::time::sleep(jittered(pause)).await;
            pause *= 2;
        }
        let conflict = Conflict::new("WRITE_CONFLICT", "others kept changing the task; try again");
        Err(DomainError::Conflict(conflict).into())
    }
}

/// A task that no queue has yet stays marked whatever else happens to it; only the dispatcher takes the mark away.
fn keep_dispatch_mark(item: Item, before: &Attributes) -> Item {
    match (item::text_of(before, keys::UNDISPATCHED_PK), item::text_of(before, keys::UNDISPATCHED_SK)) {
        (Some(pk), Some(sk)) => item.undispatched(pk.to_owned(), sk.to_owned()),
        _ => item,
    }
}
