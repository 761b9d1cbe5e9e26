//! The one way in which the table is written: a change set becomes one transaction, or nothing.
//!
//! The audit entry, the mark of undispatched tasks and the idempotency record ride in the same transaction as the change
//! itself. A try that timed out but landed is recognised by the transaction's client token and by its write id; conflict
//! and throttle cancellations are retried with jitter; a condition that fails is told apart by what it guarded.

use crate::error::StoreError;
use crate::item::{self, Attributes, Item, VERSION, WRITE_ID, number, text};
use crate::keys::{self, Key};
use crate::table::Table;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    CancellationReason, ConditionCheck, Delete, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
};
use repoplane_domain::audit::AuditEntry;
use repoplane_domain::id::WriteId;
use repoplane_domain::time::Timestamp;
use std::time::Duration;

/// Items of one transaction (DynamoDB: TransactWriteItems).
pub(crate) const MAX_OPERATIONS: usize = 100;
/// How often a transaction that lost against others is tried again.
const RETRIES: u32 = 5;
/// The first pause between tries; doubled each time, with full jitter.
const FIRST_PAUSE: Duration = Duration::from_millis(25);

/// What a condition guards, so that its failure can be told apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Guard {
    /// The item must still have the version that was read.
    Version,
    /// The unique name is taken.
    Name,
    /// The identity is taken.
    Identity,
    /// The user name is taken.
    Username,
    /// The name of a credential of the vault is taken.
    CredentialName,
    /// A credential of the vault must be there, or must be in nobody's use.
    Credential,
    /// A repository must be attached to nobody.
    Attached,
    /// The registry has the issuer already.
    Issuer,
    /// The name of a product is taken.
    ProductName,
    /// The product must be there.
    Product,
    /// The project must be there.
    Project,
    /// Nothing may belong to the product or the project.
    Unused,
    /// Another skill of the repository has the name.
    SkillName,
    /// An accepted twin of this delivery exists.
    Twin,
    /// A scheduled task of this robot and rule is queued already.
    Scheduled { robot: String, rule: String },
    /// The registry has its first tenant already.
    Bootstrap,
    /// The deployment's own token was used before.
    BootstrapToken,
    /// The lease is not ours any more.
    Lease,
    /// A call with this idempotency key came before.
    Repeated,
    /// A new id exists already: impossible but for a landed retry.
    Fresh,
}

/// A guard that failed, and the item that made it fail.
#[derive(Debug, Clone)]
pub(crate) struct Lost {
    pub(crate) guard: Guard,
    pub(crate) holder: Option<Attributes>,
}

/// Why nothing was written.
#[derive(Debug)]
pub(crate) enum CommitError {
    /// At least one guard failed, in the order of the change set.
    Lost(Vec<Lost>),
    /// Storage failed.
    Store(StoreError),
}

impl From<StoreError> for CommitError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

#[derive(Debug, Clone)]
enum Action {
    Put(Attributes),
    Delete(Key),
    Check(Key),
    Set(Key, String),
}

#[derive(Debug, Clone)]
struct Operation {
    action: Action,
    condition: Option<&'static str>,
    /// Values of the condition and the update; `:now` is filled in at commit.
    values: Vec<(&'static str, aws_sdk_dynamodb::types::AttributeValue)>,
    guard: Guard,
}

/// Absent, or gone by its TTL though not yet swept.
const FREE: &str = "attribute_not_exists(pk) OR expires_at <= :now";
/// As [`FREE`], or left by the one who takes it again.
const FREE_OR_OURS: &str = "attribute_not_exists(pk) OR expires_at <= :now OR via = :via";
const ABSENT: &str = "attribute_not_exists(pk)";
const SAME_VERSION: &str = "#version = :version";
/// Absent, or there only as a lease.
const NO_VERSION: &str = "attribute_not_exists(#version)";

/// Everything that one command changes. Order matters only for which failed guard is reported first.
#[derive(Debug, Clone, Default)]
pub(crate) struct Writes {
    operations: Vec<Operation>,
}

impl Writes {
    fn push(&mut self, action: Action, condition: Option<&'static str>, guard: Guard) -> &mut Operation {
        self.operations.push(Operation { action, condition, values: Vec::new(), guard });
        let last = self.operations.len() - 1;
        &mut self.operations[last]
    }

    /// Puts an item whose id is new.
    pub(crate) fn create(&mut self, item: Item) {
        self.push(Action::Put(item.into_attributes()), Some(ABSENT), Guard::Fresh);
    }

    /// Puts an item, whatever was there.
    pub(crate) fn put(&mut self, item: Item) {
        self.push(Action::Put(item.into_attributes()), None, Guard::Fresh);
    }

    /// Puts an item in place of the version that was read; `None` when there was none.
    pub(crate) fn replace(&mut self, item: Item, read: Option<u64>) {
        let action = Action::Put(item.into_attributes());
        match read {
            Some(version) => {
                let operation = self.push(action, Some(SAME_VERSION), Guard::Version);
                operation.values.push((":version", number(version)));
            }
            None => {
                self.push(action, Some(NO_VERSION), Guard::Version);
            }
        }
    }

    /// Puts an item in place of one that must still be there.
    pub(crate) fn replace_existing(&mut self, item: Item) {
        self.push(Action::Put(item.into_attributes()), Some("attribute_exists(pk)"), Guard::Version);
    }

    /// Puts an item in place of one on which we hold the lease.
    pub(crate) fn replace_leased(&mut self, item: Item, lease: &str, guard: Guard) {
        let operation = self.push(Action::Put(item.into_attributes()), Some("lease = :lease"), guard);
        operation.values.push((":lease", text(lease)));
    }

    /// Takes something that only one may hold.
    pub(crate) fn claim(&mut self, item: Item, guard: Guard) {
        self.push(Action::Put(item.into_attributes()), Some(FREE), guard);
    }

    /// Demands that nobody holds something, without taking it.
    pub(crate) fn need_free(&mut self, key: Key, guard: Guard) {
        self.push(Action::Check(key), Some(FREE), guard);
    }

    /// Demands that an item is there.
    pub(crate) fn need_existing(&mut self, key: Key) {
        self.push(Action::Check(key), Some("attribute_exists(pk)"), Guard::Version);
    }

    /// Demands that an item is there, and says by a guard that it was not.
    pub(crate) fn need_present(&mut self, key: Key, guard: Guard) {
        self.push(Action::Check(key), Some("attribute_exists(pk)"), guard);
    }

    /// Deletes the numbers of a product that has no repositories, and only the projects that were counted.
    pub(crate) fn delete_uses(&mut self, key: Key, projects: usize) {
        let condition = "(attribute_not_exists(repositories) OR repositories = :zero) \
                         AND (attribute_not_exists(projects) OR projects = :projects)";
        let operation = self.push(Action::Delete(key), Some(condition), Guard::Unused);
        operation.values = vec![(":zero", number(0)), (":projects", number(projects))];
    }

    /// Deletes the number of a project's repositories, which must be none.
    pub(crate) fn delete_if_unused(&mut self, key: Key) {
        let condition = "attribute_not_exists(repositories) OR repositories = :zero";
        self.push(Action::Delete(key), Some(condition), Guard::Unused).values = vec![(":zero", number(0))];
    }

    /// Takes something that only one may hold, who may take it again; `via` tells who.
    pub(crate) fn claim_via(&mut self, item: Item, via: &str, guard: Guard) {
        let item = item.with("via", text(via));
        self.push(Action::Put(item.into_attributes()), Some(FREE_OR_OURS), guard).values = vec![(":via", text(via))];
    }

    /// Demands that nobody but `via` holds something, without taking it.
    pub(crate) fn need_free_via(&mut self, key: Key, via: &str, guard: Guard) {
        self.push(Action::Check(key), Some(FREE_OR_OURS), guard).values = vec![(":via", text(via))];
    }

    /// Demands that an item still has the version that was read.
    pub(crate) fn need_version(&mut self, key: Key, version: u64) {
        let operation = self.push(Action::Check(key), Some(SAME_VERSION), Guard::Version);
        operation.values.push((":version", number(version)));
    }

    /// Deletes an item, there or not.
    pub(crate) fn delete(&mut self, key: Key) {
        self.push(Action::Delete(key), None, Guard::Fresh);
    }

    /// Deletes the version that was read.
    pub(crate) fn delete_version(&mut self, key: Key, version: u64) {
        let operation = self.push(Action::Delete(key), Some(SAME_VERSION), Guard::Version);
        operation.values.push((":version", number(version)));
    }

    /// Deletes an item that must still be there.
    pub(crate) fn delete_existing(&mut self, key: Key) {
        self.push(Action::Delete(key), Some("attribute_exists(pk)"), Guard::Version);
    }

    /// Deletes an item that nobody uses.
    pub(crate) fn delete_unused(&mut self, key: Key) {
        self.push(Action::Delete(key), Some("used_by = :zero"), Guard::Credential).values = vec![(":zero", number(0))];
    }

    /// Demands that a counter is absent or zero.
    pub(crate) fn need_none_attached(&mut self, key: Key) {
        let operation = self.push(
            Action::Check(key),
            Some("attribute_not_exists(attachments) OR attachments = :zero"),
            Guard::Attached,
        );
        operation.values = vec![(":zero", number(0))];
    }

    /// Updates an item that must be there, and says by a guard that it was not.
    pub(crate) fn update_existing(
        &mut self,
        key: Key,
        expression: &str,
        values: Vec<(&'static str, aws_sdk_dynamodb::types::AttributeValue)>,
        guard: Guard,
    ) {
        self.push(Action::Set(key, expression.to_owned()), Some("attribute_exists(pk)"), guard).values = values;
    }

    /// Updates an item, unless this change set does so already: a transaction may touch an item only once.
    /// `#data` stands for the value.
    pub(crate) fn update_once(
        &mut self,
        key: Key,
        expression: &str,
        values: Vec<(&'static str, aws_sdk_dynamodb::types::AttributeValue)>,
    ) {
        let touched = |operation: &Operation| matches!(&operation.action, Action::Set(other, _) if *other == key);
        if !self.operations.iter().any(touched) {
            self.push(Action::Set(key, expression.to_owned()), None, Guard::Fresh).values = values;
        }
    }

    /// Updates a counted attribute of an item that must still have the count that was read as `:read`. The expression sets
    /// the item's write id to `:write_id`.
    pub(crate) fn update_counted(
        &mut self,
        key: Key,
        expression: &str,
        condition: &'static str,
        values: Vec<(&'static str, aws_sdk_dynamodb::types::AttributeValue)>,
    ) {
        self.push(Action::Set(key, expression.to_owned()), Some(condition), Guard::Version).values = values;
    }

    /// Adds an audit entry.
    pub(crate) fn audit(&mut self, entry: &AuditEntry) -> Result<(), StoreError> {
        let item = Item::new(&keys::audit(entry.tenant, entry.id), entry)?;
        self.create(match entry.repository {
            Some(repository) => item.listed(keys::audit_partition(repository), entry.id.to_string()),
            None => item,
        });
        Ok(())
    }

    pub(crate) fn len(&self) -> usize {
        self.operations.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.operations.is_empty()
    }
}

impl Table {
    /// Writes it all, or nothing.
    pub(crate) async fn commit(&self, writes: &Writes, id: WriteId, now: Timestamp) -> Result<(), CommitError> {
        if writes.is_empty() {
            return Ok(());
        }
        if writes.len() > MAX_OPERATIONS {
            return Err(CommitError::Store(StoreError::Limit(format!(
                "one change touches {} items; at most {MAX_OPERATIONS} fit",
                writes.len()
            ))));
        }
        let items =
            writes.operations.iter().map(|operation| self.encode(operation, id, now)).collect::<Result<Vec<_>, _>>()?;
        let mut pause = FIRST_PAUSE;
        for _ in 0..=RETRIES {
            let call = self.client.transact_write_items().set_transact_items(Some(items.clone()));
            let error = match call.client_request_token(id.to_string()).send().await {
                Ok(_) => return Ok(()),
                Err(error) => error,
            };
            match verdict(&error, writes, id) {
                Verdict::Landed => return Ok(()),
                Verdict::Lost(lost) => return Err(CommitError::Lost(lost)),
                Verdict::Again => {}
                Verdict::Failed => return Err(CommitError::Store(StoreError::table(error))),
            }
            tokio::time::sleep(jittered(pause)).await;
            pause *= 2;
        }
        Err(CommitError::Store(StoreError::Contended))
    }

    fn encode(&self, operation: &Operation, id: WriteId, now: Timestamp) -> Result<TransactWriteItem, StoreError> {
        let broken = |error| StoreError::corrupt("write", error);
        let mut values = std::collections::HashMap::new();
        for (name, value) in &operation.values {
            values.insert((*name).to_owned(), value.clone());
        }
        if matches!(operation.condition, Some(FREE | FREE_OR_OURS)) {
            values.insert(":now".to_owned(), number(now.as_second()));
        }
        if matches!(&operation.action, Action::Set(_, expression) if expression.contains(":write_id")) {
            values.insert(":write_id".to_owned(), text(id.to_string()));
        }
        let names = matches!(operation.condition, Some(SAME_VERSION | NO_VERSION))
            .then(|| std::collections::HashMap::from([("#version".to_owned(), VERSION.to_owned())]));
        let values = (!values.is_empty()).then_some(values);
        let condition = operation.condition.map(str::to_owned);
        let old = condition.is_some().then_some(ReturnValuesOnConditionCheckFailure::AllOld);
        let write = TransactWriteItem::builder();
        Ok(match &operation.action {
            Action::Put(attributes) => {
                let mut attributes = attributes.clone();
                attributes.insert(WRITE_ID.to_owned(), text(id.to_string()));
                let put = Put::builder()
                    .table_name(&self.name)
                    .set_item(Some(attributes))
                    .set_condition_expression(condition);
                let put = put.set_expression_attribute_values(values).set_expression_attribute_names(names);
                write.put(put.set_return_values_on_condition_check_failure(old).build().map_err(broken)?)
            }
            Action::Delete(key) => {
                let delete = Delete::builder().table_name(&self.name).set_key(Some(item::key_attributes(key)));
                let delete = delete.set_condition_expression(condition).set_expression_attribute_values(values);
                let delete =
                    delete.set_expression_attribute_names(names).set_return_values_on_condition_check_failure(old);
                write.delete(delete.build().map_err(broken)?)
            }
            Action::Check(key) => {
                let check = ConditionCheck::builder().table_name(&self.name).set_key(Some(item::key_attributes(key)));
                let check = check.set_condition_expression(condition).set_expression_attribute_values(values);
                let check =
                    check.set_expression_attribute_names(names).set_return_values_on_condition_check_failure(old);
                write.condition_check(check.build().map_err(broken)?)
            }
            Action::Set(key, expression) => {
                let update = Update::builder().table_name(&self.name).set_key(Some(item::key_attributes(key)));
                let update = update.update_expression(expression).set_expression_attribute_values(values);
                let update =
                    update.set_condition_expression(condition).set_return_values_on_condition_check_failure(old);
                let update = if expression.contains("#data") {
                    update.expression_attribute_names("#data", item::DATA)
                } else {
                    update
                };
                write.update(update.build().map_err(broken)?)
            }
        }
        .build())
    }
}

enum Verdict {
    Landed,
    Lost(Vec<Lost>),
    Again,
    Failed,
}

fn verdict<R>(error: &SdkError<TransactWriteItemsError, R>, writes: &Writes, id: WriteId) -> Verdict {
    let Some(error) = error.as_service_error() else { return Verdict::Failed };
    if error.is_transaction_in_progress_exception() {
        return Verdict::Again;
    }
    let TransactWriteItemsError::TransactionCanceledException(cancelled) = error else { return Verdict::Failed };
    let reasons = cancelled.cancellation_reasons();
    let failed: Vec<(&Operation, &CancellationReason)> = writes
        .operations
        .iter()
        .zip(reasons)
        .filter(|(_, reason)| reason.code() == Some("ConditionalCheckFailed"))
        .collect();
    if failed.is_empty() {
        let passing = |code| {
            matches!(
                code,
                "TransactionConflict" | "ThrottlingError" | "ProvisionedThroughputExceeded" | "RequestLimitExceeded"
            )
        };
        let again = reasons.iter().any(|reason| reason.code().is_some_and(passing));
        return if again { Verdict::Again } else { Verdict::Failed };
    }
    // Every failed condition met an item of this very write: an earlier try landed and its answer was lost.
    let ours = id.to_string();
    let is_ours =
        |reason: &CancellationReason| reason.item().and_then(|item| item::text_of(item, WRITE_ID)) == Some(&ours);
    if failed.iter().all(|(_, reason)| is_ours(reason)) {
        return Verdict::Landed;
    }
    let lost = failed.into_iter().filter(|(_, reason)| !is_ours(reason));
    Verdict::Lost(
        lost.map(|(operation, reason)| Lost { guard: operation.guard.clone(), holder: reason.item().cloned() })
            .collect(),
    )
}

/// A random span up to `pause`: full jitter.
pub(crate) fn jittered(pause: Duration) -> Duration {
    let random = getrandom::u32().unwrap_or(u32::MAX / 2);
    pause.mul_f64(f64::from(random) / f64::from(u32::MAX))
}
