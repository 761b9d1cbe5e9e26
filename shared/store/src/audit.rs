//! Reading the audit log. Entries are written by the changes that they tell of, in the same transaction.

use crate::Store;
use crate::error::StoreError;
use crate::item::{self, Attributes};
use crate::keys;
use crate::table::{MAX_EXAMINED, Range};
use repoplane_domain::audit::AuditEntry;
use repoplane_domain::id::{AuditId, RepositoryId, TenantId};
use repoplane_domain::time::Timestamp;

/// One page of the log, newest first.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AuditPage {
    /// The entries.
    pub entries: Vec<AuditEntry>,
    /// The entry after which more follow.
    pub next: Option<AuditId>,
}

fn entry(item: Attributes) -> Result<Option<AuditEntry>, StoreError> {
    item::into_value("audit entry", item).map(Some)
}

impl Store {
    /// One page of what was done on a repository, strictly after an entry.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn audit_of_repository(
        &self,
        repository: RepositoryId,
        after: Option<AuditId>,
        limit: usize,
        now: Timestamp,
    ) -> Result<AuditPage, StoreError> {
        let range = Range::partition(keys::audit_partition(repository)).of_index(keys::LISTS);
        let range = range.backwards_after(after.map(|id| id.to_string()));
        let found = self.table.walk(&range, (limit, MAX_EXAMINED), now, entry).await?;
        let next = found.next.as_deref().and_then(|id| id.parse().ok());
        Ok(AuditPage { entries: found.rows.into_iter().map(|(_, entry)| entry).collect(), next })
    }

    /// One page of what was done in a tenant on one UTC day (`YYYY-MM-DD`), strictly after an entry: one Query for each
    /// of the day's shards.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn audit_of_day(
        &self,
        tenant: TenantId,
        day: &str,
        after: Option<AuditId>,
        limit: usize,
        now: Timestamp,
    ) -> Result<AuditPage, StoreError> {
        let mut entries = Vec::new();
        for partition in keys::audit_partitions(tenant, day) {
            let range = Range::partition(partition).backwards_after(after.map(|id| id.to_string()));
            // One more than the page shows: the caller learns whether more exist.
            let found = self.table.walk(&range, (limit + 1, MAX_EXAMINED), now, entry).await?;
            entries.extend(found.rows.into_iter().map(|(_, entry)| entry));
        }
        entries.sort_by_key(|entry| std::cmp::Reverse(entry.id));
        let next = if entries.len() > limit { entries.get(limit - 1).map(|entry| entry.id) } else { None };
        entries.truncate(limit);
        Ok(AuditPage { entries, next })
    }
}
