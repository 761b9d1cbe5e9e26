//! OpenID Connect issuers: each belongs to one tenant of the registry, and its tokens lead to that tenant.
//!
//! A token names its issuer and no tenant. What is needed to check it lies under the issuer's URL, as a copy that changes
//! in the transaction of the tenant's own record and is the claim on the URL at the same time.

use crate::commit::{CommitError, Guard, Lost, Writes};
use crate::error::StoreError;
use crate::idempotency::{KeptAnswer, Once, is_repeated};
use crate::item::{self, Item, number};
use crate::keys::{self, Counter};
use crate::table::Range;
use crate::tenants::{RACES, pause_after, write_conflict};
use crate::{Store, WriteError};
use repoplane_domain::access::Principal;
use repoplane_domain::audit::{AuditAction, AuditEntry};
use repoplane_domain::error::{Conflict, DomainError, Kind};
use repoplane_domain::id::{AuditId, IssuerId, TenantId, WriteId};
use repoplane_domain::oidc::{CreateIssuer, Issuer, MAX_ISSUERS};
use repoplane_domain::secret::sha256_hex;
use repoplane_domain::time::Timestamp;
use std::sync::Arc;

impl Store {
    /// Makes an issuer.
    ///
    /// # Errors
    /// `ISSUER_TAKEN` when the registry has it, whoever's it is; over [`MAX_ISSUERS`]; storage failures.
    pub async fn create_issuer(
        &self,
        author: &Principal,
        command: CreateIssuer,
        once: Option<&Once>,
        now: Timestamp,
        answer: impl Fn(&Issuer) -> KeptAnswer,
    ) -> Result<Issuer, WriteError> {
        let issuer = command.into_issuer(IssuerId::new(now, &*self.ids), author.tenant, now);
        let mut writes = Writes::default();
        writes.keep(once, || answer(&issuer), now)?;
        writes.claim(Item::new(&keys::issuer_claim(&issuer.issuer), &issuer)?, Guard::Issuer);
        count_issuer(&mut writes, author.tenant);
        writes.create(issuer_item(&issuer)?);
        let audit = AuditId::new(now, &*self.ids);
        let entry = AuditEntry::by(author, audit, AuditAction::IssuerCreated, issuer.id, now);
        writes.audit(&entry.with(serde_json::json!({"issuer": issuer.issuer})))?;
        match self.table.commit(&writes, WriteId::new(now, &*self.ids), now).await {
            Ok(()) => {}
            Err(CommitError::Store(error)) => return Err(error.into()),
            Err(CommitError::Lost(lost)) => return Err(not_made(&lost)),
        }
        // Someone may have come with its token before it was known.
        self.missing_issuers.invalidate(&sha256_hex(issuer.issuer.as_bytes())).await;
        Ok(issuer)
    }

    /// The issuers of a tenant, oldest first.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn issuers(&self, tenant: TenantId) -> Result<Vec<Issuer>, StoreError> {
        let range = Range::partition(keys::tenant_partition(tenant)).begins(keys::ISSUERS);
        let items = self.table.query(&range).await?;
        items.into_iter().map(|item| item::into_value("issuer", item)).collect()
    }

    /// An issuer of the caller's tenant.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn issuer(&self, tenant: TenantId, id: IssuerId) -> Result<Option<Issuer>, StoreError> {
        let item = self.table.get(&keys::issuer(tenant, id), true).await?;
        item.map(|item| item::into_value("issuer", item)).transpose()
    }

    /// Changes an issuer; after a lost race, again on a fresh read. `view` is what the audit log compares.
    ///
    /// # Errors
    /// Not found, what the change says, a race lost to the end, storage failures.
    pub async fn change_issuer(
        &self,
        author: &Principal,
        id: IssuerId,
        now: Timestamp,
        change: impl Fn(&Issuer) -> Result<Issuer, DomainError>,
        view: impl Fn(&Issuer) -> serde_json::Value,
    ) -> Result<Issuer, WriteError> {
        for attempt in 0..RACES {
            let stored = self.own_issuer(author.tenant, id).await?;
            let next = change(&stored)?;
            let mut writes = Writes::default();
            writes.replace(issuer_item(&next)?, Some(stored.version));
            writes.put(Item::new(&keys::issuer_claim(&next.issuer), &next)?);
            let entry = AuditEntry::by(author, AuditId::new(now, &*self.ids), AuditAction::IssuerUpdated, id, now);
            writes.audit(&entry.with_change(&view(&stored), &view(&next)))?;
            if self.commit_if_current(&writes, now).await? {
                self.forget_issuer(&next).await;
                return Ok(next);
            }
            pause_after(attempt).await;
        }
        Err(DomainError::Conflict(write_conflict()).into())
    }

    /// Deletes an issuer; its URL is free again.
    ///
    /// # Errors
    /// Not found, what `check` says, a race lost to the end, storage failures.
    pub async fn remove_issuer(
        &self,
        author: &Principal,
        id: IssuerId,
        now: Timestamp,
        check: impl Fn(&Issuer) -> Result<(), DomainError>,
    ) -> Result<(), WriteError> {
        for attempt in 0..RACES {
            let stored = self.own_issuer(author.tenant, id).await?;
            check(&stored)?;
            let mut writes = Writes::default();
            writes.delete_version(keys::issuer(author.tenant, id), stored.version);
            writes.delete(keys::issuer_claim(&stored.issuer));
            let key = keys::counter(author.tenant, Counter::Issuers);
            writes.update_once(key, "SET issuers = issuers - :one", vec![(":one", number(1))]);
            let entry = AuditEntry::by(author, AuditId::new(now, &*self.ids), AuditAction::IssuerDeleted, id, now);
            writes.audit(&entry.with(serde_json::json!({"issuer": stored.issuer})))?;
            if self.commit_if_current(&writes, now).await? {
                self.forget_issuer(&stored).await;
                return Ok(());
            }
            pause_after(attempt).await;
        }
        Err(DomainError::Conflict(write_conflict()).into())
    }

    /// The issuer of a URL, letter by letter, whosever it is: for a token, which names no tenant. Believed for half a
    /// minute; that there is none, for some seconds.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn issuer_of_token(&self, url: &str) -> Result<Option<Arc<Issuer>>, StoreError> {
        let hash = sha256_hex(url.as_bytes());
        if let Some(issuer) = self.issuers.get(&hash).await {
            return Ok(Some(issuer));
        }
        if self.missing_issuers.get(&hash).await.is_some() {
            return Ok(None);
        }
        let Some(item) = self.table.get(&keys::issuer_claim(url), true).await? else {
            self.missing_issuers.insert(hash, ()).await;
            return Ok(None);
        };
        let issuer: Arc<Issuer> = Arc::new(item::into_value("issuer", item)?);
        self.issuers.insert(hash, Arc::clone(&issuer)).await;
        Ok(Some(issuer))
    }

    async fn own_issuer(&self, tenant: TenantId, id: IssuerId) -> Result<Issuer, WriteError> {
        Ok(self.issuer(tenant, id).await?.ok_or(DomainError::NotFound(Kind::Issuer))?)
    }

    async fn forget_issuer(&self, issuer: &Issuer) {
        self.issuers.invalidate(&sha256_hex(issuer.issuer.as_bytes())).await;
    }
}

fn issuer_item(issuer: &Issuer) -> Result<Item, StoreError> {
    Ok(Item::new(&keys::issuer(issuer.tenant, issuer.id), issuer)?.versioned(issuer.version))
}

/// Counts one more issuer of the tenant, unless it has as many as it may.
fn count_issuer(writes: &mut Writes, tenant: TenantId) {
    writes.update_counted(
        keys::counter(tenant, Counter::Issuers),
        "SET issuers = if_not_exists(issuers, :zero) + :one, write_id = :write_id",
        "attribute_not_exists(issuers) OR issuers < :most",
        vec![(":zero", number(0)), (":one", number(1)), (":most", number(MAX_ISSUERS))],
    );
}

/// Why an issuer was not made. Whose a taken one is stays untold: it may be another tenant's.
fn not_made(lost: &[Lost]) -> WriteError {
    if is_repeated(lost) {
        return WriteError::Repeated;
    }
    let lost_by = |guard: Guard| lost.iter().any(|lost| lost.guard == guard);
    if lost_by(Guard::Issuer) {
        let text = "the registry has this issuer already, in this tenant or in another";
        return DomainError::Conflict(Conflict::new("ISSUER_TAKEN", text)).into();
    }
    // Only the count has a version to lose against.
    if lost_by(Guard::Version) {
        return DomainError::TooLarge(format!("a tenant has at most {MAX_ISSUERS} issuers")).into();
    }
    DomainError::Conflict(write_conflict()).into()
}
