//! Deliveries: what came in, why it ended as it did, and the tasks that it made, in one transaction.
//!
//! The summary (which lists read) lies in the repository's partition of deliveries; the whole record and the compressed
//! body in a partition of the delivery's own. How long they live is said in [`crate::lifetime`].

use crate::Store;
use crate::commit::{CommitError, Guard, Lost, Writes};
use crate::error::StoreError;
use crate::item::{self, Attributes, Item, number, text};
use crate::keys;
use crate::lifetime::Life;
use crate::table::Range;
use crate::tasks::task_item;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use flate2::read::{GzDecoder, GzEncoder};
use repoplane_domain::delivery::{Delivery, DeliverySummary};
use repoplane_domain::id::{DeliveryId, RepositoryId, RobotId, WriteId};
use repoplane_domain::task::{Task, TaskGroup};
use repoplane_domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::io::Read;
use std::time::Duration;

/// Compressed bytes in one item (DynamoDB: an item has at most 400 KB).
pub(crate) const CHUNK_BYTES: usize = 350 * 1024;
/// Compressed bodies up to this size ride in the delivery's own transaction (DynamoDB: 4 MB in all).
pub(crate) const INLINE_BYTES: usize = 3 * 1024 * 1024;
/// What a task may take of that transaction beside its share of the rest: two prompts, and what surrounds them.
const TASK_BYTES: usize = 40 * 1024;
/// Life of chunks that were put before a transaction which then never came.
const ORPHAN_LIFE: Duration = Duration::from_secs(24 * 3600);
/// Life of records of posts that proved nothing (design: webhook flow).
const UNVERIFIED_LIFE: Duration = Duration::from_secs(3 * 24 * 3600);
/// The largest body a kept delivery can unfold to; more than any function can receive.
const MAX_BODY_BYTES: u64 = 16 * 1024 * 1024;
/// The value of a chunk.
const BYTES: &str = "bytes";

/// A delivery that passed verification, ready to be written with all it causes.
#[derive(Debug)]
pub struct VerifiedDelivery<'a> {
    /// The record.
    pub delivery: &'a Delivery,
    /// The raw body.
    pub body: &'a [u8],
    /// Keys by which a twin is recognised, each with its life.
    pub twin_keys: &'a [(String, Duration)],
    /// Whether twins shall be answered with this delivery's result: only for accepted ones.
    pub claims_twins: bool,
    /// The tasks, each with its group, and the rule whose one scheduled task it is.
    pub tasks: &'a [(Task, TaskGroup, Option<String>)],
    /// How long the delivery is kept, unless a task of it is open for longer.
    pub retention_days: u16,
}

/// What an accepted delivery answered, for its twins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TwinResult {
    /// The accepted delivery.
    pub delivery: DeliveryId,
    /// The body it was answered with.
    pub response: serde_json::Value,
}

/// How writing a delivery ended.
#[derive(Debug, Clone, PartialEq)]
pub enum DeliveryCommit {
    /// It is durable with its tasks.
    Recorded,
    /// An accepted twin came first; nothing was written.
    Twin(TwinResult),
    /// These scheduled tasks (robot, rule) are queued already; nothing was written.
    AlreadyScheduled(Vec<(RobotId, String)>),
}

/// One page of summaries, newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeliveryPage {
    /// The summaries.
    pub deliveries: Vec<DeliverySummary>,
    /// Whether more exist after the last.
    pub more: bool,
}

/// A delivery with the body that was kept.
#[derive(Debug, Clone, PartialEq)]
pub struct KeptDelivery {
    /// The record.
    pub delivery: Delivery,
    /// The raw body; none for posts that proved nothing.
    pub body: Option<Vec<u8>>,
}

impl Store {
    /// Records a post that proved nothing: no body, a short life.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn record_unverified(&self, delivery: &Delivery, now: Timestamp) -> Result<(), StoreError> {
        let mut writes = Writes::default();
        record(&mut writes, delivery, Life::Until(now.plus(UNVERIFIED_LIFE)), 0)?;
        match self.table.commit(&writes, WriteId::new(now, &*self.ids), now).await {
            Ok(()) => Ok(()),
            Err(CommitError::Store(error)) => Err(error),
            Err(CommitError::Lost(_)) => Err(StoreError::Contended),
        }
    }

    /// Writes a verified delivery with its tasks, groups and twin keys, all or nothing.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails; nothing is written then, or all of it is and a repeated post is its twin.
    pub async fn commit_delivery(
        &self,
        verified: &VerifiedDelivery<'_>,
        now: Timestamp,
    ) -> Result<DeliveryCommit, StoreError> {
        let delivery = verified.delivery;
        let (id, repository) = (delivery.summary.id, delivery.summary.repo_id);
        let kept_until = now.plus(Duration::from_secs(u64::from(verified.retention_days) * 86_400));
        let life = Life::of(verified.tasks.len(), kept_until);
        let compressed = compress(verified.body)?;
        let inline = compressed.len() + verified.tasks.len() * TASK_BYTES <= INLINE_BYTES;
        let chunks: Vec<_> = compressed.chunks(CHUNK_BYTES).enumerate().collect();

        let mut writes = Writes::default();
        let twin = TwinResult { delivery: id, response: delivery.response.clone() };
        for (key, life) in verified.twin_keys {
            let key = keys::twin(repository, key);
            if verified.claims_twins {
                writes.claim(Item::new(&key, &twin)?.expiring(now.plus(*life)), Guard::Twin);
            } else {
                writes.need_free(key, Guard::Twin);
            }
        }
        for (task, group, scheduled_rule) in verified.tasks {
            if let Some(rule) = scheduled_rule {
                let key = keys::scheduled_claim(repository, task.robot_id, rule);
                let guard = Guard::Scheduled { robot: task.robot_id.to_string(), rule: rule.clone() };
                writes.claim(Item::new(&key, &task.id)?, guard);
            }
            writes.create(
                task_item(task, scheduled_rule.is_some())?
                    .undispatched(keys::undispatched_partition(task.id), task.id.to_string()),
            );
            writes.create(Item::new(&keys::task_locator(task.id), &repository)?);
            upsert_group(&mut writes, group, now)?;
        }
        record(&mut writes, delivery, life, chunks.len())?;
        for (index, chunk) in &chunks {
            let item = chunk_item(id, *index, chunk);
            if inline {
                writes.create(life.limit(item));
            } else {
                self.table.put(item.expiring(now.plus(ORPHAN_LIFE)).into_attributes()).await?;
            }
        }
        match self.table.commit(&writes, WriteId::new(now, &*self.ids), now).await {
            Ok(()) => {}
            Err(CommitError::Store(error)) => return Err(error),
            Err(CommitError::Lost(lost)) => {
                let ended = self.lost_delivery(repository, &lost).await?;
                if let (DeliveryCommit::Twin(twin), false) = (&ended, inline) {
                    // The first post may have ended before it came to this.
                    self.settle_body(repository, twin.delivery).await?;
                }
                return Ok(ended);
            }
        }
        if !inline {
            self.settle_body(repository, id).await?;
        }
        Ok(DeliveryCommit::Recorded)
    }

    async fn lost_delivery(&self, repository: RepositoryId, lost: &[Lost]) -> Result<DeliveryCommit, StoreError> {
        let twin = lost.iter().find(|lost| lost.guard == Guard::Twin).and_then(|lost| lost.holder.as_ref());
        if let Some(twin) = twin {
            let twin: TwinResult = item::value("twin", twin)?;
            self.count_twin(repository, twin.delivery).await;
            return Ok(DeliveryCommit::Twin(twin));
        }
        let scheduled: Vec<_> = lost
            .iter()
            .filter_map(|lost| match &lost.guard {
                Guard::Scheduled { robot, rule } => Some((robot.parse().ok()?, rule.clone())),
                Guard::Version
                | Guard::Name
                | Guard::Identity
                | Guard::Username
                | Guard::Twin
                | Guard::Bootstrap
                | Guard::Lease
                | Guard::Fresh => None,
            })
            .collect();
        if scheduled.is_empty() { Err(StoreError::Contended) } else { Ok(DeliveryCommit::AlreadyScheduled(scheduled)) }
    }

    /// A twin is counted on the delivery it repeats; a hint, so a failure is only logged.
    async fn count_twin(&self, repository: RepositoryId, delivery: DeliveryId) {
        let key = keys::delivery_summary(repository, delivery);
        let call = self.table.client.update_item().table_name(&self.table.name);
        let call = call.set_key(Some(item::key_attributes(&key))).condition_expression("attribute_exists(pk)");
        let call = call.update_expression("ADD twins :one").expression_attribute_values(":one", number(1));
        if let Err(error) = call.send().await {
            let error = StoreError::table(error);
            tracing::warn!(delivery.id = %delivery, %error, "Could not count a repeated delivery");
        }
    }

    /// One page of a repository's deliveries, newest first, strictly after a delivery.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn deliveries(
        &self,
        repository: RepositoryId,
        after: Option<DeliveryId>,
        limit: usize,
        now: Timestamp,
    ) -> Result<DeliveryPage, StoreError> {
        let range = Range::partition(keys::deliveries_partition(repository));
        let range = range.backwards_after(after.map(|id| id.to_string()));
        let (items, more) = self.table.alive_page(&range, limit, now).await?;
        let deliveries = items.iter().map(|item| item::value("delivery", item)).collect::<Result<_, _>>()?;
        Ok(DeliveryPage { deliveries, more })
    }

    /// A delivery of a repository, whole.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn delivery(
        &self,
        repository: RepositoryId,
        id: DeliveryId,
        now: Timestamp,
    ) -> Result<Option<KeptDelivery>, StoreError> {
        let mut items = self.table.query(&Range::partition(keys::delivery_partition(id))).await?;
        items.retain(|item| item::is_alive(item, now));
        let is_chunk = |item: &Attributes| item::text_of(item, keys::SK).is_some_and(|sk| sk.starts_with(keys::BODY));
        let Some(detail) = items.iter().find(|item| !is_chunk(item)) else { return Ok(None) };
        let delivery: Delivery = item::value("delivery", detail)?;
        if delivery.summary.repo_id != repository {
            return Ok(None);
        }
        let mut compressed = Vec::new();
        for chunk in items.iter().filter(|item| is_chunk(item)) {
            let bytes = chunk.get(BYTES).and_then(|bytes| bytes.as_b().ok());
            compressed.extend_from_slice(bytes.map_or(&[], |bytes| bytes.as_ref()));
        }
        let body = if compressed.is_empty() { None } else { Some(decompress(&compressed)?) };
        Ok(Some(KeptDelivery { delivery, body }))
    }
}

/// The summary and the whole record.
fn record(writes: &mut Writes, delivery: &Delivery, life: Life, chunks: usize) -> Result<(), StoreError> {
    let summary = &delivery.summary;
    let key = keys::delivery_summary(summary.repo_id, summary.id);
    writes.create(life.count_on(Item::new(&key, summary)?, chunks));
    writes.create(life.limit(Item::new(&keys::delivery_detail(summary.id), delivery)?));
    Ok(())
}

/// Makes the group or leaves it as it is: two deliveries on one issue agree on the id without asking.
fn upsert_group(writes: &mut Writes, group: &TaskGroup, now: Timestamp) -> Result<(), StoreError> {
    let expression = "SET #data = if_not_exists(#data, :data), created_at = if_not_exists(created_at, :now), \
                      updated_at = :now, open_pk = :open_pk, open_sk = :open_sk ADD tasks :one";
    writes.update_once(
        keys::group(group.repo_id, &group.id),
        expression,
        vec![
            (":data", item::encode(group)?),
            (":now", text(now.to_string())),
            (":open_pk", text(keys::open_partition(group.repo_id))),
            (":open_sk", text(format!("{}{}", keys::GROUPS, group.id))),
            (":one", number(1)),
        ],
    );
    Ok(())
}

fn chunk_item(id: DeliveryId, index: usize, chunk: &[u8]) -> Item {
    let bytes = AttributeValue::B(Blob::new(chunk));
    Item::empty(&keys::delivery_chunk(id, index)).with(BYTES, bytes)
}

fn compress(body: &[u8]) -> Result<Vec<u8>, StoreError> {
    let mut compressed = Vec::new();
    let mut encoder = GzEncoder::new(body, flate2::Compression::fast());
    encoder.read_to_end(&mut compressed).map_err(|error| StoreError::corrupt("delivery body", error))?;
    Ok(compressed)
}

fn decompress(compressed: &[u8]) -> Result<Vec<u8>, StoreError> {
    let mut body = Vec::new();
    let mut decoder = GzDecoder::new(compressed).take(MAX_BODY_BYTES);
    decoder.read_to_end(&mut body).map_err(|error| StoreError::corrupt("delivery body", error))?;
    Ok(body)
}
