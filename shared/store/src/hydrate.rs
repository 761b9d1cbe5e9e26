//! The first verified webhook: the record learns what the payload knows, and the state that it was verified.

use crate::Store;
use crate::change::{plan_claims, record_item};
use crate::commit::{CommitError, Guard, Lost, Writes};
use crate::decision::DecisionSet;
use crate::error::StoreError;
use crate::item;
use crate::state::state_item;
use repoplane_domain::audit::{AuditAction, AuditEntry};
use repoplane_domain::id::{AuditId, RepositoryId, WriteId};
use repoplane_domain::repository::RepositoryState;
use repoplane_domain::time::Timestamp;
use repoplane_domain::webhook::Hydration;

/// How often what is taken is left out before giving up: once for the name, once for the other forms of the id.
const TRIES: u32 = 3;

/// How hydration ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hydrated {
    /// The set as it is now.
    Done(Box<DecisionSet>),
    /// Somebody was faster, perhaps with the same: what is to be filled in has to be decided again, on this set.
    Stale(Box<DecisionSet>),
    /// Another repository of the tenant has the payload's identity (contract: hookcode 4.6 row 12).
    IdentityTaken,
}

impl Store {
    /// Writes what the payload fills in and marks the webhook as verified, in a transaction of its own before the
    /// delivery's. What is taken and not needed (a longer name, a second form of the id) is left out.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn hydrate(
        &self,
        set: &DecisionSet,
        hydration: Option<&Hydration>,
        now: Timestamp,
    ) -> Result<Hydrated, StoreError> {
        let mut hydration = hydration.cloned().unwrap_or_default();
        for _ in 0..TRIES {
            let mut next = set.clone();
            hydration.apply(&mut next.repository);
            let mut writes = Writes::default();
            let fills_in = next.repository != set.repository;
            next.repository.webhook_verified_at = set.state.webhook_verified_at.or(Some(now));
            if next.repository != set.repository {
                next.repository.version += 1;
                if fills_in {
                    next.repository.updated_at = now;
                }
                plan_claims(&mut writes, &set.repository, &next.repository)?;
                writes.replace(record_item(&next.repository)?, Some(set.repository.version));
            }
            if set.state.webhook_verified_at.is_none() {
                let version = set.state.version + 1;
                next.state = RepositoryState { webhook_verified_at: Some(now), version, ..set.state.clone() };
                let read = (set.state.version > 0).then_some(set.state.version);
                writes.replace(state_item(set.repository.id, &next.state)?, read);
                let (id, tenant) = (set.repository.id, set.repository.tenant);
                let audit = AuditId::new(now, &*self.ids);
                writes
                    .audit(&AuditEntry::by_system(tenant, audit, AuditAction::RepoWebhookVerified, id, now).on(id))?;
            }
            let lost = match self.table.commit(&writes, WriteId::new(now, &*self.ids), now).await {
                Ok(()) => return Ok(Hydrated::Done(Box::new(next))),
                Err(CommitError::Store(error)) => return Err(error),
                Err(CommitError::Lost(lost)) => lost,
            };
            let overtaken = |lost: &Lost| lost.guard == Guard::Version || held_by(lost, set.repository.id);
            if lost.iter().any(overtaken) {
                let fresh = self.decision_set(set.repository.id).await?;
                return fresh.map(|fresh| Hydrated::Stale(Box::new(fresh))).ok_or(StoreError::Contended);
            }
            if lost.iter().any(|lost| lost.guard == Guard::Identity) {
                if hydration.binds_identity() {
                    return Ok(Hydrated::IdentityTaken);
                }
                hydration.external_aliases.clear();
            } else {
                hydration.name = None;
            }
        }
        Err(StoreError::Contended)
    }
}

/// Whether a claim failed on the very repository that makes it: another post on the same webhook came first.
fn held_by(lost: &Lost, id: RepositoryId) -> bool {
    let holder = lost.holder.as_ref().and_then(|holder| item::value::<RepositoryId>("claim", holder).ok());
    holder == Some(id)
}
