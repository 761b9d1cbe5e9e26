//! The outbox: what a transaction leaves to be sent to others. An item stands in it as long as it carries the mark, the keys
//! of the index `undispatched`. The table's stream tells of new marks; the index tells what the stream has missed.
//!
//! What is sent is read anew, so a record of the stream that comes late or twice sends nothing that was sent before, and
//! each thing as it is by then. Sending comes first and taking the mark away after it: at least once, never lost.

use crate::Store;
use crate::error::StoreError;
use crate::item::{self, Attributes, number, text};
use crate::keys::{self, Key, Part};
use crate::meter::metered;
use crate::operational_events::fate_of_event;
use crate::table::Range;
use crate::task_queue::{ROBOT_TASK_SCHEMA, RobotTask, TaskMessage};
use crate::tasks::TRACE;
use repoplane_domain::id::{EventId, RepositoryId, TaskId, TenantId};
use repoplane_domain::operational_event::OperationalEvent;
use repoplane_domain::repository::Repository;
use repoplane_domain::task::{Task, TaskStatus, Trace};
use repoplane_domain::time::Timestamp;
use std::collections::{HashMap, HashSet};
use std::time::Duration;
use tokio::task::JoinSet;

/// How long the stream has to send something before the tick does.
pub const OUTBOX_GRACE: Duration = Duration::from_secs(60);
/// Items that one tick takes from one shard of the index; the rest waits for the next tick.
pub const MAX_MISSED: i32 = 200;
/// How far the clocks of two functions may lie apart.
const SKEW: Duration = Duration::from_secs(5);

/// What waits in the outbox, by where it lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OutboxKey {
    /// A task for the queue `robot-tasks`.
    Task(RepositoryId, TaskId),
    /// An operational event for the event bus.
    Event(EventId),
}

/// An item in the outbox is of no known kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an item of no known kind in the outbox")]
pub struct UnknownItem;

impl OutboxKey {
    /// What an image of the table's stream says to be in the outbox; `None` when it does not carry the mark.
    ///
    /// # Errors
    /// [`UnknownItem`] for a marked item that cannot be told by its key.
    pub fn of_image(image: serde_dynamo::Item) -> Result<Option<Self>, UnknownItem> {
        let image: Attributes = image.into();
        if item::text_of(&image, keys::UNDISPATCHED_PK).is_none() {
            return Ok(None);
        }
        Self::of(&image).map(Some).ok_or(UnknownItem)
    }

    fn of(attributes: &Attributes) -> Option<Self> {
        let (pk, sk) = (item::text_of(attributes, keys::PK)?, item::text_of(attributes, keys::SK)?);
        let task = keys::parse_task(pk, sk).map(|(repository, task)| Self::Task(repository, task));
        task.or_else(|| keys::parse_event(pk).map(Self::Event))
    }

    fn key(self) -> Key {
        match self {
            Self::Task(repository, task) => keys::task(repository, task),
            Self::Event(id) => keys::event(id),
        }
    }

    /// What has to be read beside it.
    fn needs(self) -> Option<Key> {
        match self {
            Self::Task(repository, _) => Some(keys::part(repository, Part::Record)),
            // What an event needs stands in the event.
            Self::Event(_) => None,
        }
    }
}

/// What is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outgoing {
    /// To the queue `robot-tasks`.
    Task(TaskMessage),
    /// To the event bus.
    Event(OperationalEvent),
}

/// What becomes of something in the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It is sent; then its mark is taken away, or, of what was there only to be sent, all of it.
    Send(Outgoing),
    /// Nobody needs to hear of it any more, for this reason; only its mark is taken away.
    Drop(&'static str),
}

/// Something in the outbox, as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// Where it lies.
    pub key: OutboxKey,
    /// What becomes of it.
    pub fate: Fate,
    mark: String,
    version: u64,
}

impl Store {
    /// What the stream has missed: marked for longer than [`OUTBOX_GRACE`], the longest first; at most [`MAX_MISSED`] of
    /// each shard of the index.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn missed(&self, now: Timestamp) -> Result<Vec<OutboxKey>, StoreError> {
        let mut asked = JoinSet::new();
        for partition in keys::undispatched_partitions() {
            let range = Range::partition(partition).of_index(keys::UNDISPATCHED);
            let table = self.table.clone();
            asked.spawn(metered(async move { table.page(&range, Some(MAX_MISSED), None).await }));
        }
        let mut missed = Vec::new();
        for page in asked.join_all().await {
            for item in page?.0 {
                let since = item::text_of(&item, keys::UNDISPATCHED_SK).and_then(keys::parse_undispatched_sort);
                if since.is_some_and(|since| since.plus(OUTBOX_GRACE) > now) {
                    continue;
                }
                match OutboxKey::of(&item) {
                    Some(key) => missed.push((since, key)),
                    None => tracing::error!(key = ?where_of(&item), "An item of no known kind in the outbox"),
                }
            }
        }
        missed.sort_by_key(|(since, _)| *since);
        Ok(missed.into_iter().map(|(_, key)| key).collect())
    }

    /// Reads what stands in the outbox, in the order of the keys. Left out is what carries no mark any more, what is to be
    /// sent later, and, with a line in the log, what cannot be read: it keeps its mark.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn waiting(&self, wanted: &[OutboxKey], now: Timestamp) -> Result<Vec<Waiting>, StoreError> {
        let needed: HashSet<Key> = wanted.iter().filter_map(|key| key.needs()).collect();
        let all: Vec<Key> = wanted.iter().map(|key| key.key()).chain(needed).collect();
        let items = self.table.batch_get(&all, true).await?;
        let by_key: HashMap<_, _> = items.iter().filter_map(|item| Some((where_of(item)?, item))).collect();
        let find = |key: Key| by_key.get(&(key.pk.as_str(), key.sk.as_str())).copied();
        let tokens = self.tokens_told_of(&items, now).await?;
        let mut waiting = Vec::new();
        for key in wanted {
            let Some(found) = find(key.key()) else { continue };
            let Some(mark) = item::text_of(found, keys::UNDISPATCHED_SK) else { continue };
            if keys::parse_undispatched_sort(mark).is_some_and(|ready| ready > now.plus(SKEW)) {
                continue;
            }
            let fate = match key {
                OutboxKey::Task(..) => fate(found, key.needs().and_then(find)),
                OutboxKey::Event(_) => fate_of_event(found, &tokens, now),
            };
            match fate {
                Ok(fate) => {
                    let version = item::number_of(found, item::VERSION).unwrap_or_default();
                    waiting.push(Waiting { key: *key, fate, mark: mark.to_owned(), version });
                }
                Err(error) => tracing::error!(?key, %error, "Something in the outbox cannot be read"),
            }
        }
        Ok(waiting)
    }

    /// Sends the tasks among what is to be sent, in this order. Says which were not taken, each with the reason.
    pub async fn send_outgoing(&self, waiting: &[Waiting]) -> Vec<(OutboxKey, String)> {
        let tasks: (Vec<OutboxKey>, Vec<TaskMessage>) = waiting.iter().filter_map(task_of).unzip();
        let refused = match &self.task_queue {
            Some(queue) => queue.send(&tasks.1).await,
            None => (0..tasks.1.len()).map(|place| (place, "no queue of tasks is set".to_owned())).collect(),
        };
        refused.into_iter().filter_map(|(place, reason)| Some((*tasks.0.get(place)?, reason))).collect()
    }

    /// Takes the mark away, or deletes what was there only to be sent. `false` when another was faster, or when the item has
    /// changed since it was read: then it stays in the outbox as it is now.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails; it is sent once more then.
    pub async fn leave_outbox(&self, sent: &Waiting) -> Result<bool, StoreError> {
        if let OutboxKey::Event(_) = sent.key {
            return self.table.delete(&sent.key.key()).await.map(|()| true);
        }
        let values = HashMap::from([
            (":mark".to_owned(), text(sent.mark.clone())),
            (":version".to_owned(), number(sent.version)),
        ]);
        let expression = "REMOVE undispatched_pk, undispatched_sk";
        let unchanged = "undispatched_sk = :mark AND version = :version";
        self.table.update_if(&sent.key.key(), expression, unchanged, values).await
    }
}

fn where_of(item: &Attributes) -> Option<(&str, &str)> {
    Some((item::text_of(item, keys::PK)?, item::text_of(item, keys::SK)?))
}

fn task_of(waiting: &Waiting) -> Option<(OutboxKey, TaskMessage)> {
    match &waiting.fate {
        Fate::Send(Outgoing::Task(message)) => Some((waiting.key, message.clone())),
        Fate::Send(Outgoing::Event(_)) | Fate::Drop(_) => None,
    }
}

/// What becomes of an item, by what it is now. A task in work is told of as well: should its worker never come back, the
/// message is what somebody else learns it from.
fn fate(found: &Attributes, record: Option<&Attributes>) -> Result<Fate, StoreError> {
    let task: Task = item::value("task", found)?;
    match task.status {
        TaskStatus::Queued | TaskStatus::Processing => {}
        TaskStatus::WaitingApproval => return Ok(Fate::Drop("it waits for approval, which marks it again")),
        TaskStatus::Succeeded | TaskStatus::Failed | TaskStatus::Commented | TaskStatus::Cancelled => {
            return Ok(Fate::Drop("it has ended"));
        }
    }
    let Some(record) = record else { return Ok(Fate::Drop("its repository is gone")) };
    let repository: Repository = item::value("repository", record)?;
    let trace = item::text_of(found, TRACE).and_then(Trace::parse);
    Ok(Fate::Send(Outgoing::Task(message_of(task, repository.tenant, trace))))
}

fn message_of(task: Task, tenant_id: TenantId, trace: Option<Trace>) -> TaskMessage {
    let body = RobotTask {
        schema: ROBOT_TASK_SCHEMA,
        task_id: task.id,
        repository_id: task.repo_id,
        tenant_id,
        robot_id: task.robot_id,
        delivery_id: task.delivery_id,
        event_type: task.event_type,
        event_sub_type: task.event_sub_type,
        trace_id: trace.as_ref().map(|trace| trace.id().to_owned()),
    };
    TaskMessage { body, trace }
}
