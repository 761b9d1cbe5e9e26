//! What is left over: parts of deleted repositories, and secret documents whose owner is gone or never came to be.
//!
//! Leases need no sweep: those of tasks, calls and secret documents end by their own time, and a sync whose worker is gone
//! is found by the tick.

use crate::Store;
use crate::commit::{CommitError, Writes};
use crate::error::StoreError;
use crate::item::{self, Item};
use crate::keys::{self, Key};
use crate::table::Range;
use crate::vault::ListedSecret;
use repoplane_domain::id::{RepositoryId, WriteId};
use repoplane_domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::time::Duration;

/// How long a deletion or a fresh document is left alone: what was under way then has ended.
pub const SWEEP_AGE: Duration = Duration::from_secs(3600);
/// Deleted repositories that one sweep looks at in each shard.
const TOMBSTONES: i32 = 20;
/// Batches of parts that one sweep deletes of one repository; the rest waits for the next.
const BATCHES: usize = 200;
/// Pages of secrets that one sweep lists; the next one goes on behind them.
const SECRET_PAGES: usize = 20;

/// What a sweep over deleted repositories did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SweptRepositories {
    /// Deleted repositories of which nothing but the tombstone is left now.
    pub cleared: usize,
    /// Those that have parts left.
    pub left: usize,
}

/// What a sweep over the vault did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SweptSecrets {
    /// Documents that were looked at.
    pub seen: usize,
    /// Documents without an owner, which were deleted.
    pub deleted: usize,
}

/// Where the sweep over the vault stands.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Progress {
    next: Option<String>,
}

impl Store {
    /// Goes on with the deleted repositories of which parts are left.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn sweep_repositories(&self, now: Timestamp) -> Result<SweptRepositories, StoreError> {
        let mut swept = SweptRepositories::default();
        for partition in keys::removed_partitions() {
            let range = Range::partition(partition).of_index(keys::LISTS).forwards_after(None);
            let (page, _) = self.table.page(&range, Some(TOMBSTONES), None).await?;
            for tombstone in page {
                let id = item::text_of(&tombstone, keys::LIST_SK).and_then(|id| id.parse::<RepositoryId>().ok());
                let removed: Removal = item::value("tombstone", &tombstone)?;
                let Some(id) = id.filter(|_| now.since(removed.at) >= SWEEP_AGE) else { continue };
                if self.clear_batches(id, BATCHES, now).await? {
                    self.unmark(id, now).await?;
                    swept.cleared += 1;
                } else {
                    swept.left += 1;
                }
            }
        }
        Ok(swept)
    }

    async fn unmark(&self, id: RepositoryId, now: Timestamp) -> Result<(), StoreError> {
        let mut writes = Writes::default();
        writes.update_once(keys::tombstone(id), "REMOVE list_pk, list_sk", Vec::new());
        match self.table.commit(&writes, WriteId::new(now, &*self.ids), now).await {
            Ok(()) => Ok(()),
            Err(CommitError::Store(error)) => Err(error),
            Err(CommitError::Lost(_)) => Err(StoreError::Contended),
        }
    }

    /// Deletes secret documents whose owner does not exist. Documents of kinds of owners that are not known here stay.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn sweep_secrets(&self, now: Timestamp) -> Result<SweptSecrets, StoreError> {
        let stored = self.table.get(&keys::sweep_progress(), true).await?;
        let progress: Progress = stored.map(|item| item::value("progress", &item)).transpose()?.unwrap_or_default();
        let (mut swept, mut next) = (SweptSecrets::default(), progress.next.clone());
        for _ in 0..SECRET_PAGES {
            let page = match self.vault.list(next.as_deref()).await {
                Ok(page) => page,
                // The token is too old: the next sweep starts from the beginning.
                Err(_) if next.is_some() && next == progress.next => {
                    next = None;
                    break;
                }
                Err(error) => return Err(error),
            };
            swept.seen += page.secrets.len();
            swept.deleted += self.delete_orphans(&page.secrets, now).await?;
            next = page.next;
            if next.is_none() {
                break;
            }
        }
        if next != progress.next {
            self.table.put(Item::new(&keys::sweep_progress(), &Progress { next })?.into_attributes()).await?;
        }
        Ok(swept)
    }

    async fn delete_orphans(&self, secrets: &[ListedSecret], now: Timestamp) -> Result<usize, StoreError> {
        let old = secrets.iter().filter(|secret| secret.created_at.is_some_and(|at| now.since(at) >= SWEEP_AGE));
        let owned: Vec<(&str, Key)> =
            old.filter_map(|secret| Some((secret.name.as_str(), self.owner_of_secret(&secret.name)?))).collect();
        // A tenant owns two documents, and a key may be asked for once.
        let wanted: HashSet<Key> = owned.iter().map(|(_, key)| key.clone()).collect();
        let wanted: Vec<Key> = wanted.into_iter().collect();
        let found = self.table.batch_get(&wanted, true).await?;
        let exists = |key: &Key| {
            found.iter().any(|item| {
                item::text_of(item, keys::PK) == Some(&key.pk) && item::text_of(item, keys::SK) == Some(&key.sk)
            })
        };
        let mut deleted = 0;
        for (name, _) in owned.iter().filter(|(_, key)| !exists(key)) {
            self.vault.delete(name).await?;
            tracing::info!(secret.name = %name, "Deleted a secret document without an owner");
            deleted += 1;
        }
        Ok(deleted)
    }

    /// The item that must exist for a document to have an owner.
    fn owner_of_secret(&self, name: &str) -> Option<Key> {
        let (tenant, owner) = self.vault.parse_name(name)?;
        keys::owner_of_secret(tenant, owner)
    }
}

/// What a tombstone tells of the deletion.
#[derive(Deserialize)]
struct Removal {
    at: Timestamp,
}
