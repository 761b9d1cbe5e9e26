//! How long deliveries live: for the repository's retention, and never shorter than their open tasks.
//!
//! The table's TTL cannot ask whether a task is open. So a delivery with tasks starts without any: its summary counts the
//! open ones, and every task that ends counts itself off in its own transaction. The one that leaves none gives summary,
//! detail and body their time to live in that transaction: until the end of the retention, at least one more day.

use crate::Store;
use crate::commit::Writes;
use crate::deliveries::{CHUNK_BYTES, INLINE_BYTES};
use crate::error::StoreError;
use crate::item::{self, Attributes, Item, number, number_of};
use crate::keys::{self, Key};
use repoplane_domain::id::{DeliveryId, RepositoryId};
use repoplane_domain::task::Task;
use repoplane_domain::time::Timestamp;
use std::time::Duration;

/// How many tasks of the delivery are open; on the summary, absent when it made none.
const OPEN_TASKS: &str = "open_tasks";
/// End of the retention, in seconds since the epoch; beside [`OPEN_TASKS`].
const KEPT_UNTIL: &str = "kept_until";
/// How many chunks the body has; on the summary.
pub(crate) const CHUNKS: &str = "chunks";
/// Nothing was counted meanwhile, and the body was not deleted: an update of a chunk that is gone would make a new one.
const SAME_BODY: &str = "open_tasks = :read AND chunks = :chunks";
/// A delivery stays at least so long after its last task ended: whoever ended it may want to look.
const AFTER_LAST_TASK: Duration = Duration::from_secs(24 * 3600);

/// How long a delivery lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Life {
    /// Until this moment.
    Until(Timestamp),
    /// Until this moment, and as long as any of its tasks is open.
    WhileOpen { tasks: usize, kept_until: Timestamp },
}

impl Life {
    /// The life of a delivery that made so many tasks.
    pub(crate) fn of(tasks: usize, kept_until: Timestamp) -> Self {
        if tasks == 0 { Self::Until(kept_until) } else { Self::WhileOpen { tasks, kept_until } }
    }

    /// On the detail and the chunks.
    pub(crate) fn limit(self, item: Item) -> Item {
        match self {
            Self::Until(at) => item.expiring(at),
            Self::WhileOpen { .. } => item,
        }
    }

    /// On the summary, which also counts.
    pub(crate) fn count_on(self, item: Item, chunks: usize) -> Item {
        let item = self.limit(item).with(CHUNKS, number(chunks));
        match self {
            Self::Until(_) => item,
            Self::WhileOpen { tasks, kept_until } => {
                item.with(OPEN_TASKS, number(tasks)).with(KEPT_UNTIL, number(kept_until.as_second()))
            }
        }
    }
}

impl Store {
    /// Counts a task that ends off its delivery, in the change set of that end. Answers whether its body is too large for
    /// a transaction: then [`Store::settle_body`] is due after the commit.
    pub(crate) async fn count_off(
        &self,
        writes: &mut Writes,
        task: &Task,
        summary: Option<Attributes>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let key = keys::delivery_summary(task.repo_id, task.delivery_id);
        let summary = self.or_read(summary, &key).await?;
        let Some(summary) = summary else { return Ok(false) };
        let open: u64 = number_of(&summary, OPEN_TASKS).unwrap_or_default();
        let chunks: usize = number_of(&summary, CHUNKS).unwrap_or_default();
        let mut values = vec![(":read", number(open)), (":left", number(open.saturating_sub(1)))];
        let counted = "SET open_tasks = :left, write_id = :write_id";
        match open {
            // Its last task has ended already, or it never counted any.
            0 => return Ok(false),
            1 => {}
            2.. => {
                writes.update_counted(key, counted, "open_tasks = :read", values);
                return Ok(false);
            }
        }
        let kept_until = Timestamp::from_second(number_of(&summary, KEPT_UNTIL).unwrap_or_default());
        let expires = number(kept_until.max(now.plus(AFTER_LAST_TASK)).as_second());
        values.extend([(":at", expires.clone()), (":chunks", number(chunks))]);
        writes.update_counted(key, &format!("{counted}, expires_at = :at"), SAME_BODY, values);
        let mut expire = |key: Key| writes.update_once(key, "SET expires_at = :at", vec![(":at", expires.clone())]);
        expire(keys::delivery_detail(task.delivery_id));
        let fits = chunks * CHUNK_BYTES <= INLINE_BYTES;
        if fits {
            (0..chunks).for_each(|index| expire(keys::delivery_chunk(task.delivery_id, index)));
        }
        Ok(!fits)
    }

    /// An item that was read with the task, or is read now: after a lost race what was read is old.
    async fn or_read(&self, item: Option<Attributes>, key: &Key) -> Result<Option<Attributes>, StoreError> {
        match item {
            Some(item) => Ok(Some(item)),
            None => self.table.get(key, true).await,
        }
    }

    /// Counts a task that is queued again on to its delivery, in the change set of that. Answers whether its body is too
    /// large for a transaction, as [`Store::count_off`]; `None` when the delivery is not kept any more.
    pub(crate) async fn count_on(
        &self,
        writes: &mut Writes,
        task: &Task,
        summary: Option<Attributes>,
        now: Timestamp,
    ) -> Result<Option<bool>, StoreError> {
        let key = keys::delivery_summary(task.repo_id, task.delivery_id);
        let summary = self.or_read(summary, &key).await?;
        let Some(summary) = summary.filter(|summary| item::is_alive(summary, now)) else { return Ok(None) };
        let open: u64 = number_of(&summary, OPEN_TASKS).unwrap_or_default();
        let chunks: usize = number_of(&summary, CHUNKS).unwrap_or_default();
        let values = vec![(":read", number(open)), (":left", number(open + 1)), (":chunks", number(chunks))];
        let counted = "SET open_tasks = :left, write_id = :write_id REMOVE expires_at";
        writes.update_counted(key, counted, SAME_BODY, values);
        if open > 0 {
            return Ok(Some(false));
        }
        let mut keep = |key: Key| writes.update_once(key, "REMOVE expires_at", Vec::new());
        keep(keys::delivery_detail(task.delivery_id));
        let fits = chunks * CHUNK_BYTES <= INLINE_BYTES;
        if fits {
            (0..chunks).for_each(|index| keep(keys::delivery_chunk(task.delivery_id, index)));
        }
        Ok(Some(!fits))
    }

    /// Gives the chunks of a body the life of their summary: a large body lies outside the delivery's transactions.
    pub(crate) async fn settle_body(&self, repository: RepositoryId, id: DeliveryId) -> Result<(), StoreError> {
        let key = keys::delivery_summary(repository, id);
        let Some(summary) = self.table.get(&key, true).await? else { return Ok(()) };
        let chunks: usize = number_of(&summary, CHUNKS).unwrap_or_default();
        self.settle_chunks(id, 0..chunks, number_of(&summary, keys::EXPIRES_AT)).await
    }

    /// Gives chunks of a body an end in seconds since the epoch, or none.
    pub(crate) async fn settle_chunks(
        &self,
        id: DeliveryId,
        chunks: std::ops::Range<usize>,
        expires: Option<i64>,
    ) -> Result<(), StoreError> {
        for index in chunks {
            let key = keys::delivery_chunk(id, index);
            let call = self.table.client.update_item().table_name(&self.table.name);
            let call = call.set_key(Some(item::key_attributes(&key))).condition_expression("attribute_exists(pk)");
            let call = match expires {
                Some(at) => {
                    call.update_expression("SET expires_at = :at").expression_attribute_values(":at", number(at))
                }
                None => call.update_expression("REMOVE expires_at"),
            };
            match call.send().await {
                Ok(_) => {}
                // Swept meanwhile: nothing is left to keep.
                Err(error) if error.as_service_error().is_some_and(|e| e.is_conditional_check_failed_exception()) => {}
                Err(error) => return Err(StoreError::table(error)),
            }
        }
        Ok(())
    }
}
