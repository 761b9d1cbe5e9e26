//! Deliveries: what came in, why it ended as it did, and the tasks that it made, in one transaction.
//!
//! The summary (which lists read) lies in the repository's partition of deliveries; the whole record and the compressed
//! body in a partition of the delivery's own. How long they live is said in [`crate::lifetime`].

use crate::commit::{CommitError, Guard, Lost, Writes};
use crate::decision::WithRecord;
use crate::error::StoreError;
use crate::idempotency::{KeptAnswer, Once, is_repeated};
use crate::item::{self, Attributes, Item, number, text};
use crate::keys;
use crate::lifetime::{CHUNKS, Life};
use crate::operational_events::ToldRejection;
use crate::table::{MAX_EXAMINED, Range};
use crate::tasks::{for_dispatch, locator_item, task_item, traced};
use crate::{Store, WriteError};
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use flate2::read::{GzDecoder, GzEncoder};
use repoplane_domain::access::{Members, Principal};
use repoplane_domain::audit::{AuditAction, AuditEntry};
use repoplane_domain::delivery::{Delivery, DeliveryResult, DeliverySummary, ErrorLayer};
use repoplane_domain::error::{DomainError, Kind};
use repoplane_domain::id::{AuditId, DeliveryId, RepositoryId, RobotId, TenantId, WriteId};
use repoplane_domain::operational_event::of_delivery;
use repoplane_domain::repository::Repository;
use repoplane_domain::task::{Task, TaskGroup, Trace};
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
/// Replays that a delivery's detail shows (contract: hookcode 3.8).
const MAX_SHOWN_REPLAYS: usize = 20;
/// How often one delivery may be run again: each leaves a line on it, and an item has 400 KB.
const MAX_REPLAYS: usize = 100;
/// Where a delivery was run again, oldest first; on its detail.
const REPLAYS: &str = "replays";
/// The value of a chunk.
const BYTES: &str = "bytes";

/// A delivery that passed verification, ready to be written with all it causes.
#[derive(Debug)]
pub struct VerifiedDelivery<'a> {
    /// The record.
    pub delivery: &'a Delivery,
    /// The raw body.
    pub body: &'a [u8],
    /// Keys by which a twin is recognised.
    pub twin_keys: &'a [TwinKey],
    /// Whether twins shall be answered with this delivery's result: only for accepted ones.
    pub claims_twins: bool,
    /// The tasks, each with its group, and the rule whose one scheduled task it is.
    pub tasks: &'a [(Task, TaskGroup, Option<String>)],
    /// The call that brought it: its tasks keep it.
    pub trace: Option<Trace>,
    /// How long the delivery is kept, unless a task of it is open for longer.
    pub retention_days: u16,
    /// Set when it is rejected and told of.
    pub told: Option<ToldRejection>,
    /// Set when it runs a kept delivery again.
    pub replay: Option<Replay<'a>>,
}

/// A key by which a delivery's twin is recognised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TwinKey {
    /// The key.
    pub key: String,
    /// How long it is remembered.
    pub life: Duration,
    /// The hook that brought the delivery, when another delivery of that hook with this key is no twin.
    pub via: Option<String>,
}

/// A kept delivery that is run again because somebody asked for it.
#[derive(Debug, Clone, Copy)]
pub struct Replay<'a> {
    /// The kept delivery.
    pub of: DeliveryId,
    /// Who asked.
    pub author: &'a Principal,
    /// The call, if it may be repeated.
    pub once: Option<&'a Once>,
    /// What the call answers.
    pub answer: &'a KeptAnswer,
}

/// Which deliveries a list shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeliveryFilter {
    /// Only with this end.
    pub result: Option<DeliveryResult>,
    /// Only of this event: the provider's header or our type.
    pub event: Option<String>,
    /// Only those that ended here.
    pub error_layer: Option<ErrorLayer>,
    /// Only with this code.
    pub code: Option<String>,
    /// Only those whose id, provider's id, event or reason contains this text, ignoring case.
    pub text: Option<String>,
    /// Not before this time.
    pub from: Option<Timestamp>,
    /// Before this time.
    pub until: Option<Timestamp>,
    /// Oldest first instead of newest first.
    pub ascending: bool,
}

impl DeliveryFilter {
    fn shows(&self, delivery: &DeliverySummary) -> bool {
        let is = |wanted: &Option<String>, places: &[&Option<String>]| {
            let Some(wanted) = wanted else { return true };
            places.iter().any(|place| place.as_ref().is_some_and(|place| place.eq_ignore_ascii_case(wanted)))
        };
        self.result.is_none_or(|result| result == delivery.result)
            && is(&self.event, &[&delivery.event_name, &delivery.mapped_event_type])
            && self.error_layer.is_none_or(|layer| Some(layer) == delivery.error_layer)
            && is(&self.code, &[&delivery.code])
            && self.text.as_ref().is_none_or(|text| {
                let text = text.to_lowercase();
                let id = Some(delivery.id.to_string());
                let places = [&id, &delivery.delivery_id, &delivery.event_name, &delivery.message, &delivery.code];
                places.into_iter().flatten().any(|place| place.to_lowercase().contains(&text))
            })
    }
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
    /// A call with the same idempotency key came before; nothing was written.
    Repeated,
}

/// One page of summaries, newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeliveryPage {
    /// The summaries.
    pub deliveries: Vec<DeliverySummary>,
    /// The delivery after which more may follow.
    pub next: Option<DeliveryId>,
}

/// A delivery with the body that was kept.
#[derive(Debug, Clone, PartialEq)]
pub struct KeptDelivery {
    /// The record.
    pub delivery: Delivery,
    /// The raw body; none for posts that proved nothing, and once it was deleted.
    pub body: Option<Vec<u8>>,
    /// Where it was run again, newest first, at most [`MAX_SHOWN_REPLAYS`].
    pub replays: Vec<DeliverySummary>,
    /// Whether it may not be run again any more.
    pub exhausted: bool,
}

/// A delivery with what decides who may look at it, read by one call.
#[derive(Debug, Clone, PartialEq)]
pub struct FoundDelivery {
    /// The record of its repository.
    pub repository: Repository,
    /// The members of its repository.
    pub members: Members,
    /// The delivery, if the repository has it.
    pub kept: Option<KeptDelivery>,
}

impl Store {
    /// Records a post that proved nothing: no body, a short life.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn record_unverified(
        &self,
        delivery: &Delivery,
        told: Option<ToldRejection>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut writes = Writes::default();
        record(&mut writes, delivery, Life::Until(now.plus(UNVERIFIED_LIFE)), 0)?;
        self.tell_rejection(&mut writes, delivery, told, now)?;
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
        for TwinKey { key, life, via } in verified.twin_keys {
            let key = keys::twin(repository, key);
            match (via, verified.claims_twins) {
                (None, true) => writes.claim(Item::new(&key, &twin)?.expiring(now.plus(*life)), Guard::Twin),
                (None, false) => writes.need_free(key, Guard::Twin),
                (Some(via), true) => {
                    writes.claim_via(Item::new(&key, &twin)?.expiring(now.plus(*life)), via, Guard::Twin);
                }
                (Some(via), false) => writes.need_free_via(key, via, Guard::Twin),
            }
        }
        for (task, group, scheduled_rule) in verified.tasks {
            if let Some(rule) = scheduled_rule {
                let key = keys::scheduled_claim(repository, task.robot_id, rule);
                let guard = Guard::Scheduled { robot: task.robot_id.to_string(), rule: rule.clone() };
                writes.claim(Item::new(&key, &task.id)?, guard);
            }
            let item = for_dispatch(task_item(task, scheduled_rule.is_some())?, task);
            writes.create(traced(item, verified.trace.as_ref().map(Trace::as_str)));
            writes.create(locator_item(task)?);
            upsert_group(&mut writes, group, now)?;
        }
        record(&mut writes, delivery, life, chunks.len())?;
        self.tell_rejection(&mut writes, delivery, verified.told, now)?;
        if let Some(replay) = &verified.replay {
            self.link_replay(&mut writes, delivery, replay, now)?;
        }
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
            Err(CommitError::Lost(lost)) if is_repeated(&lost) => return Ok(DeliveryCommit::Repeated),
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

    fn tell_rejection(
        &self,
        writes: &mut Writes,
        delivery: &Delivery,
        told: Option<ToldRejection>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let Some(ToldRejection { tenant, earlier }) = told else { return Ok(()) };
        self.tell(writes, (tenant, delivery.summary.repo_id), of_delivery(&delivery.summary, earlier), now)
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
                | Guard::CredentialName
                | Guard::Credential
                | Guard::Attached
                | Guard::Username
                | Guard::SkillName
                | Guard::Twin
                | Guard::Bootstrap
                | Guard::BootstrapToken
                | Guard::Lease
                | Guard::Repeated
                | Guard::Fresh
                | Guard::Issuer
                | Guard::ProductName
                | Guard::Product
                | Guard::Project
                | Guard::Unused => None,
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

    /// Notes on the kept delivery where it was run again, and by whom in the audit log.
    fn link_replay(
        &self,
        writes: &mut Writes,
        delivery: &Delivery,
        replay: &Replay<'_>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let (id, repository) = (delivery.summary.id, delivery.summary.repo_id);
        let line = AttributeValue::L(vec![item::encode(&delivery.summary)?]);
        writes.update_counted(
            keys::delivery_detail(replay.of),
            "SET replays = list_append(if_not_exists(replays, :none), :line), write_id = :write_id",
            "attribute_exists(pk)",
            vec![(":none", AttributeValue::L(Vec::new())), (":line", line)],
        );
        let audit = AuditId::new(now, &*self.ids);
        let entry = AuditEntry::by(replay.author, audit, AuditAction::RepoDeliveryRedelivered, replay.of, now);
        let details = serde_json::json!({"deliveryId": id, "result": delivery.summary.result});
        writes.audit(&entry.on(repository).with(details))?;
        writes.keep(replay.once, || replay.answer.clone(), now)
    }

    /// One page of a repository's deliveries, strictly after a delivery. A filtered page may be short and yet be followed
    /// by more.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn deliveries(
        &self,
        repository: RepositoryId,
        filter: &DeliveryFilter,
        after: Option<DeliveryId>,
        limit: usize,
        now: Timestamp,
    ) -> Result<DeliveryPage, StoreError> {
        let range = Range::partition(keys::deliveries_partition(repository));
        let start = |at: Timestamp| DeliveryId::start_of(at).to_string();
        let range = range.between(filter.from.map(start), filter.until.map(start));
        let after = after.map(|id| id.to_string());
        let range = if filter.ascending { range.forwards_after(after) } else { range.backwards_after(after) };
        let keep = |item: Attributes| {
            let delivery: DeliverySummary = item::into_value("delivery", item)?;
            Ok(filter.shows(&delivery).then_some(delivery))
        };
        let found = self.table.walk(&range, (limit, MAX_EXAMINED), now, keep).await?;
        let next = found.next.as_deref().and_then(|id| id.parse().ok());
        Ok(DeliveryPage { deliveries: found.rows.into_iter().map(|(_, delivery)| delivery).collect(), next })
    }

    /// A delivery of a repository of the caller's tenant, whole, with the repository's record and members: one call, and
    /// a second one for the rest of a large body.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn find_delivery(
        &self,
        tenant: TenantId,
        repository: RepositoryId,
        id: DeliveryId,
        now: Timestamp,
    ) -> Result<Option<FoundDelivery>, StoreError> {
        let wanted = [keys::delivery_detail(id), keys::delivery_chunk(id, 0)];
        let found = self.with_record(repository, wanted).await?.filter(|found| found.repository.tenant == tenant);
        let Some(WithRecord { repository: record, members, mut items }) = found else { return Ok(None) };
        let whole = |item: &Attributes| chunk_of(item).is_none_or(|bytes| bytes.len() < CHUNK_BYTES);
        if !items.iter().all(whole) {
            items = self.table.query(&Range::partition(keys::delivery_partition(id))).await?;
        }
        items.retain(|item| item::is_alive(item, now));
        let kept = kept(&items)?.filter(|kept| kept.delivery.summary.repo_id == repository);
        Ok(Some(FoundDelivery { repository: record, members, kept }))
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
        Ok(kept(&items)?.filter(|kept| kept.delivery.summary.repo_id == repository))
    }

    /// Deletes what a delivery brought and keeps the record of it. Deleting again changes nothing.
    ///
    /// # Errors
    /// Not found, storage failures.
    pub async fn delete_delivery_content(
        &self,
        author: &Principal,
        repository: RepositoryId,
        id: DeliveryId,
        now: Timestamp,
    ) -> Result<DeliverySummary, WriteError> {
        let missing = || DomainError::NotFound(Kind::Delivery);
        let summary = self.table.get(&keys::delivery_summary(repository, id), true).await?;
        let summary = summary.filter(|item| item::is_alive(item, now)).ok_or_else(missing)?;
        let stored: DeliverySummary = item::value("delivery", &summary)?;
        if stored.content_deleted_at.is_some() {
            return Ok(stored);
        }
        let next = DeliverySummary { content_deleted_at: Some(now), ..stored };
        let mut writes = Writes::default();
        let expression = "SET #data.contentDeletedAt = :at, write_id = :write_id, chunks = :chunks";
        for key in [keys::delivery_summary(repository, id), keys::delivery_detail(id)] {
            let values = vec![(":at", text(now.to_string())), (":chunks", number(0))];
            writes.update_counted(key, expression, "attribute_exists(pk)", values);
        }
        let chunks: usize = item::number_of(&summary, CHUNKS).unwrap_or_default();
        (0..chunks).for_each(|index| writes.delete(keys::delivery_chunk(id, index)));
        let audit = AuditId::new(now, &*self.ids);
        let entry = AuditEntry::by(author, audit, AuditAction::RepoDeliveryContentDeleted, id, now).on(repository);
        writes.audit(&entry.with(serde_json::json!({"bytes": next.payload_bytes})))?;
        self.commit_new(&writes, now).await?;
        Ok(next)
    }
}

/// The bytes of a chunk; `None` for any other item.
fn chunk_of(item: &Attributes) -> Option<&[u8]> {
    item.get(BYTES)?.as_b().ok().map(AsRef::as_ref)
}

/// A delivery from the items of its partition.
fn kept(items: &[Attributes]) -> Result<Option<KeptDelivery>, StoreError> {
    let is_detail = |item: &&Attributes| item.contains_key(item::DATA);
    let Some(detail) = items.iter().find(is_detail) else { return Ok(None) };
    let delivery: Delivery = item::value("delivery", detail)?;
    let mut replays: Vec<DeliverySummary> = match detail.get(REPLAYS) {
        Some(lines) => serde_dynamo::from_attribute_value(lines.clone())
            .map_err(|error| StoreError::corrupt("replays of a delivery", error))?,
        None => Vec::new(),
    };
    replays.reverse();
    let exhausted = replays.len() >= MAX_REPLAYS;
    replays.truncate(MAX_SHOWN_REPLAYS);
    let compressed: Vec<u8> = items.iter().filter_map(chunk_of).flatten().copied().collect();
    let body = if compressed.is_empty() { None } else { Some(decompress(&compressed)?) };
    Ok(Some(KeptDelivery { delivery, body, replays, exhausted }))
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
