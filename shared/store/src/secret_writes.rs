//! The one way in which a secret document is written, whoever owns it.
//!
//! One writer at a time: a short lease on the owner's item, then the new version of the document is put, then the item's
//! pointer moves in the transaction of the change, then the label follows. Who finds the lease taken reads again and
//! merges, so that parallel writers lose nothing.

use crate::Store;
use crate::commit::{CommitError, Guard, Lost, Writes};
use crate::error::StoreError;
use crate::item::{self, number, text};
use crate::keys::Key;
use crate::vault::SecretPointer;
use repoplane_domain::credential::SecretEdit;
use repoplane_domain::error::DomainError;
use repoplane_domain::id::{LeaseId, WriteId};
use repoplane_domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How long a writer may hold a secret document; long enough for three calls, short enough to outlive a dead writer.
const LEASE: Duration = Duration::from_secs(10);
/// Writes of one owner's secret document on one UTC day (Secrets Manager: about 100 versions a day).
const MAX_SECRET_WRITES: u32 = 90;

/// Versions of a secret document on one UTC day: the service keeps about 100 that are younger than a day.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretWrites {
    /// The day, `YYYY-MM-DD`.
    pub day: String,
    /// How many.
    pub count: u32,
}

impl SecretWrites {
    /// Counts one more write of the document of `whose`.
    pub(crate) fn one_more(&self, now: Timestamp, whose: &str) -> Result<Self, DomainError> {
        let day = now.day();
        let count = if self.day == day { self.count } else { 0 };
        if count >= MAX_SECRET_WRITES {
            let detail =
                format!("secrets of {whose} were changed {MAX_SECRET_WRITES} times today; try again tomorrow (UTC)");
            let second_of_day = now.as_second().rem_euclid(86_400);
            let retry_after = Duration::from_secs((86_400 - second_of_day).unsigned_abs());
            return Err(DomainError::TooOften { detail, retry_after });
        }
        Ok(Self { day, count: count + 1 })
    }
}

/// A secret document and the item that points at it, as they were read.
pub(crate) struct OwnedDocument<'a> {
    /// The item with the pointer, which also holds the lease.
    pub(crate) item: Key,
    /// Its version; 0 when it is absent, or there only as a lease.
    pub(crate) version: u64,
    /// The document's name.
    pub(crate) name: String,
    /// The version that counts now, if there is one.
    pub(crate) pointer: Option<&'a SecretPointer>,
}

impl Store {
    /// Writes values and the change that points at them. `point` adds the item with the new pointer, in place of the
    /// one under the lease, and whatever depends on it.
    pub(crate) async fn commit_secrets<T>(
        &self,
        owner: &OwnedDocument<'_>,
        edits: &[SecretEdit],
        (write, now, waited): (WriteId, Timestamp, Duration),
        writes: Writes,
        point: impl FnOnce(SecretPointer, &str, &mut Writes) -> Result<T, StoreError>,
    ) -> Result<T, CommitError> {
        // The change is as of its request, but a lease runs out by the time that has really passed.
        let lease = self.lease(owner, now.plus(waited)).await?;
        let written = self.write_document(owner, edits, (write, now), writes, |pointer, writes| {
            point(pointer, &lease.to_string(), writes)
        });
        let written = written.await;
        if written.is_err() {
            self.release(owner, &lease).await;
        }
        written
    }

    /// Puts the new document version, commits the change that points at it, and labels the version.
    async fn write_document<T>(
        &self,
        owner: &OwnedDocument<'_>,
        edits: &[SecretEdit],
        (write, now): (WriteId, Timestamp),
        mut writes: Writes,
        point: impl FnOnce(SecretPointer, &mut Writes) -> Result<T, StoreError>,
    ) -> Result<T, CommitError> {
        let mut document = (*self.vault.read(owner.pointer).await?).clone();
        for edit in edits {
            document.set(edit.name.as_str(), edit.value.clone());
        }
        let pointer = self.vault.put(&owner.name, owner.pointer.is_some(), document, &*self.ids).await?;
        let written = point(pointer.clone(), &mut writes)?;
        self.table.commit(&writes, write, now).await?;
        self.vault.mark_committed(&pointer, owner.pointer).await;
        Ok(written)
    }

    /// Takes the document for writing, if it is free and still as it was read.
    async fn lease(&self, owner: &OwnedDocument<'_>, now: Timestamp) -> Result<LeaseId, CommitError> {
        let lease = LeaseId::new(now, &*self.ids);
        let call = self.table.client.update_item().table_name(&self.table.name);
        let call = call.set_key(Some(item::key_attributes(&owner.item)));
        // An item that exists only as a lease has no version and no value.
        let unchanged = if owner.version > 0 { "#version = :version" } else { "attribute_not_exists(#version)" };
        let free = "attribute_not_exists(lease) OR lease_until <= :now";
        let call = call
            .update_expression("SET lease = :lease, lease_until = :until")
            .condition_expression(format!("({free} OR lease = :lease) AND {unchanged}"))
            .expression_attribute_names("#version", item::VERSION)
            .expression_attribute_values(":lease", text(lease.to_string()))
            .expression_attribute_values(":until", number(now.plus(LEASE).as_millisecond()))
            .expression_attribute_values(":now", number(now.as_millisecond()));
        let call =
            if owner.version > 0 { call.expression_attribute_values(":version", number(owner.version)) } else { call };
        match call.send().await {
            Ok(_) => Ok(lease),
            // A transaction of someone else in the way is as good as their lease.
            Err(error)
                if error.as_service_error().is_some_and(|e| {
                    e.is_conditional_check_failed_exception() || e.is_transaction_conflict_exception()
                }) =>
            {
                Err(CommitError::Lost(vec![Lost { guard: Guard::Lease, holder: None }]))
            }
            Err(error) => Err(CommitError::Store(StoreError::table(error))),
        }
    }

    /// Gives the document back after a failed change; if that fails too, the lease runs out by itself.
    async fn release(&self, owner: &OwnedDocument<'_>, lease: &LeaseId) {
        let call = self.table.client.update_item().table_name(&self.table.name);
        let call = call.set_key(Some(item::key_attributes(&owner.item)));
        let call = call.update_expression("REMOVE lease, lease_until").condition_expression("lease = :lease");
        let released = call.expression_attribute_values(":lease", text(lease.to_string())).send().await;
        if let Err(error) = released {
            let error = StoreError::table(error);
            tracing::warn!(secret.name = %owner.name, %error, "Could not release a secret document; its lease will run out");
        }
    }
}
