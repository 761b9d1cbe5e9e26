//! Calls that their senders may repeat: the answer is kept in the transaction of its effect, so that there is never an
//! effect without an answer to repeat (design: HTTP conventions, `Idempotency-Key`).

use crate::commit::{CommitError, Guard, Lost, Writes};
use crate::error::StoreError;
use crate::item::{self, Item, number, text};
use crate::keys::{self, Key};
use crate::{Store, WriteError};
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure;
use repoplane_domain::access::Principal;
use repoplane_domain::id::{LeaseId, WriteId};
use repoplane_domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::time::Duration;

/// How long an answer is kept for repeats.
const KEPT: Duration = Duration::from_secs(24 * 3600);
/// How long a call with effects outside the table is taken to be in flight; longer than any of them may run.
const IN_FLIGHT: Duration = Duration::from_secs(40);
/// The lease of a call in flight, beside its value.
const LEASE: &str = "lease";

/// A call that may be repeated: whose it is, by which key, and what it asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Once {
    key: Key,
    fingerprint: String,
    lease: Option<LeaseId>,
}

impl Once {
    /// The call of a principal with a key of its choice; the fingerprint tells one request from another.
    pub fn new(principal: &Principal, key: &str, fingerprint: impl Into<String>) -> Self {
        let key = keys::idempotency(principal.tenant, principal.user, key);
        Self { key, fingerprint: fingerprint.into(), lease: None }
    }
}

/// An answer as it is kept: no secret is ever in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KeptAnswer {
    /// Status.
    pub status: u16,
    /// Where a new resource is.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub location: Option<String>,
    /// Version of the resource in the answer.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub version: Option<u64>,
    /// The body, without what is shown once only.
    pub body: Value,
    /// Names of the members that are shown once only.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub withheld: Vec<String>,
}

impl KeptAnswer {
    /// 200 with a body.
    pub fn ok(body: Value) -> Self {
        Self { status: 200, location: None, version: None, body, withheld: Vec::new() }
    }

    /// 201 with a body and the place of what was made.
    pub fn created(location: impl Into<String>, body: Value) -> Self {
        Self { status: 201, location: Some(location.into()), ..Self::ok(body) }
    }

    /// Names the version of the resource.
    #[must_use]
    pub fn version(self, version: u64) -> Self {
        Self { version: Some(version), ..self }
    }

    /// Names a member that is shown in the first answer only.
    #[must_use]
    pub fn withholding(mut self, member: &str) -> Self {
        self.withheld.push(member.to_owned());
        self
    }
}

/// What is known of a call that came before with the same key.
#[derive(Debug, Clone, PartialEq)]
pub enum Earlier {
    /// It ended with this answer.
    Answered(KeptAnswer),
    /// It asked for something else.
    AnotherRequest,
    /// It has not ended; worth asking again after this span.
    InFlight(Duration),
}

#[derive(Debug, Serialize, Deserialize)]
struct Record {
    fingerprint: String,
    /// As JSON text: an answer is only ever read whole.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    answer: Option<String>,
    /// While in flight: until when, in milliseconds since the epoch.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    until: Option<i64>,
}

impl Writes {
    /// Keeps the answer of a call that may be repeated; nothing without a key.
    pub(crate) fn keep(
        &mut self,
        once: Option<&Once>,
        answer: impl FnOnce() -> KeptAnswer,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let Some(once) = once else { return Ok(()) };
        let answer = serde_json::to_string(&answer()).map_err(|error| StoreError::corrupt("answer", error))?;
        let record = Record { fingerprint: once.fingerprint.clone(), answer: Some(answer), until: None };
        let item = Item::new(&once.key, &record)?.expiring(now.plus(KEPT));
        match &once.lease {
            Some(lease) => self.replace_leased(item, &lease.to_string(), Guard::Repeated),
            None => self.claim(item, Guard::Repeated),
        }
        Ok(())
    }
}

impl Store {
    /// What is known of an earlier call with this key.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn earlier(&self, once: &Once, now: Timestamp) -> Result<Option<Earlier>, StoreError> {
        let item = self.table.get(&once.key, true).await?.filter(|item| item::is_alive(item, now));
        let Some(item) = item else { return Ok(None) };
        let own = once.lease.map(|lease| lease.to_string());
        if own.is_some() && item::text_of(&item, LEASE) == own.as_deref() {
            return Ok(None);
        }
        let record: Record = item::value("idempotency record", &item)?;
        if record.fingerprint != once.fingerprint {
            return Ok(Some(Earlier::AnotherRequest));
        }
        if let Some(answer) = record.answer {
            let answer = serde_json::from_str(&answer).map_err(|error| StoreError::corrupt("kept answer", error))?;
            return Ok(Some(Earlier::Answered(answer)));
        }
        let until = Timestamp::from_millisecond(record.until.unwrap_or_default());
        Ok((until > now).then(|| Earlier::InFlight(until.since(now).max(Duration::from_secs(1)))))
    }

    /// Marks a call as in flight before it has effects outside the table, unless one with its key came before. The mark
    /// runs out by itself when the call dies.
    ///
    /// # Errors
    /// [`WriteError::Repeated`] when one came before; storage failures.
    pub async fn begin(&self, once: Option<Once>, now: Timestamp) -> Result<Option<Once>, WriteError> {
        let Some(once) = once else { return Ok(None) };
        let lease = LeaseId::new(now, &*self.ids);
        let until = now.plus(IN_FLIGHT);
        let record =
            Record { fingerprint: once.fingerprint.clone(), answer: None, until: Some(until.as_millisecond()) };
        let item = Item::new(&once.key, &record)?.expiring(now.plus(KEPT)).with(LEASE, text(lease.to_string()));
        let item = item.with("until", number(until.as_millisecond()));
        let call = self.table.client.put_item().table_name(&self.table.name).set_item(Some(item.into_attributes()));
        let call = call
            .condition_expression("attribute_not_exists(pk) OR expires_at <= :now OR #until <= :ms")
            .expression_attribute_names("#until", "until")
            .expression_attribute_values(":now", number(now.as_second()))
            .expression_attribute_values(":ms", number(now.as_millisecond()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let error = match call.send().await {
            Ok(_) => return Ok(Some(Once { lease: Some(lease), ..once })),
            Err(error) => error,
        };
        match error.as_service_error() {
            Some(PutItemError::ConditionalCheckFailedException(failed)) => {
                let holder = failed.item().and_then(|item| item::text_of(item, LEASE));
                // Our own mark: an earlier try landed and its answer was lost.
                let ours = holder == Some(lease.to_string().as_str());
                if ours { Ok(Some(Once { lease: Some(lease), ..once })) } else { Err(WriteError::Repeated) }
            }
            Some(failed) if failed.is_transaction_conflict_exception() => Err(WriteError::Repeated),
            Some(_) | None => Err(StoreError::table(error).into()),
        }
    }

    /// Takes the mark of a call in flight away after it failed, so that it may be tried again at once. If that fails
    /// too, the mark runs out.
    pub async fn abandon(&self, once: &Once) {
        let Some(lease) = &once.lease else { return };
        let call = self.table.client.delete_item().table_name(&self.table.name);
        let call = call.set_key(Some(item::key_attributes(&once.key))).condition_expression("lease = :lease");
        let gone = call.expression_attribute_values(":lease", text(lease.to_string())).send().await;
        if let Err(error) = gone {
            let error = StoreError::table(error);
            tracing::warn!(%error, "Could not take the mark of a failed call away; it runs out");
        }
    }

    /// Keeps the answer of a call that found nothing to change.
    ///
    /// # Errors
    /// [`WriteError::Repeated`] when a call with its key came before; storage failures.
    pub async fn keep_answer(&self, once: &Once, answer: &KeptAnswer, now: Timestamp) -> Result<(), WriteError> {
        let mut writes = Writes::default();
        writes.keep(Some(once), || answer.clone(), now)?;
        match self.table.commit(&writes, WriteId::new(now, &*self.ids), now).await {
            Ok(()) => Ok(()),
            Err(CommitError::Store(error)) => Err(error.into()),
            Err(CommitError::Lost(_)) => Err(WriteError::Repeated),
        }
    }
}

/// Whether the call lost against an earlier one with its key.
pub(crate) fn is_repeated(lost: &[Lost]) -> bool {
    lost.iter().any(|lost| lost.guard == Guard::Repeated)
}
