//! Where a repository is found besides its claims: among all, by its number, in its namespace, by its remotes.
//!
//! The item among all carries what lists of review tools look at, so that they read no records to count or to sort. It is
//! written when that changes, not with every record.

use crate::Store;
use crate::commit::Writes;
use crate::decision::DecisionSet;
use crate::error::StoreError;
use crate::item::{self, Item};
use crate::keys::{self, Key, Part};
use crate::table::Range;
use repoplane_domain::id::{RepositoryId, TenantId};
use repoplane_domain::repository::{DEFAULT_NAMESPACE, Repository, normalize_remote};
use repoplane_domain::review::Entry;
use std::collections::BTreeSet;
use std::sync::Arc;

/// The items by which a repository is found.
pub(crate) fn places(repository: &Repository) -> Result<Vec<Item>, StoreError> {
    let Repository { tenant, id, namespace, .. } = repository;
    let mut places = vec![
        Item::new(&keys::roster(*tenant, *id), &Entry::of(repository))?,
        Item::new(&keys::repository_number(*tenant, repository.number), id)?,
    ];
    if namespace != DEFAULT_NAMESPACE {
        places.push(Item::new(&keys::namespace_entry(*tenant, namespace, *id), id)?);
    }
    for remote in remotes(repository) {
        places.push(Item::new(&keys::remote_entry(*tenant, &remote, *id), id)?);
    }
    Ok(places)
}

/// Its address and the second one, in one spelling.
fn remotes(repository: &Repository) -> BTreeSet<String> {
    if !repository.has_remote() {
        return BTreeSet::new();
    }
    let mirror = repository.review.as_ref().map(|review| review.mirror_path.clone());
    [Some(repository.shown_url()), mirror]
        .into_iter()
        .flatten()
        .filter_map(|text| normalize_remote(&text).ok())
        .collect()
}

/// Moves the items from where the repository was found to where it is found now.
pub(crate) fn plan_places(writes: &mut Writes, before: &Repository, after: &Repository) -> Result<(), StoreError> {
    let (old, new) = (places(before)?, places(after)?);
    for item in new.iter().filter(|item| !old.iter().any(|old| old == *item)) {
        writes.put(item.clone());
    }
    for item in old.into_iter().filter(|item| !new.iter().any(|new| new.key() == item.key())) {
        writes.delete(item.key());
    }
    Ok(())
}

impl Store {
    /// A repository of the caller's tenant by its number; another tenant's does not exist. Where it is is known for good
    /// once it was asked for.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn repository_by_number(&self, tenant: TenantId, number: u64) -> Result<Option<DecisionSet>, StoreError> {
        let id = match self.numbers.get(&(tenant, number)).await {
            Some(id) => id,
            None => {
                let key = keys::repository_number(tenant, number);
                let Some(item) = self.table.get(&key, true).await? else { return Ok(None) };
                let id: RepositoryId = item::value("number", &item)?;
                self.numbers.insert((tenant, number), id).await;
                id
            }
        };
        self.repository(tenant, id).await
    }

    /// The repositories of a product or a platform, oldest first. One that was made a moment ago is among them.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn repositories_of_namespace(
        &self,
        tenant: TenantId,
        namespace: &str,
    ) -> Result<Vec<Repository>, StoreError> {
        let range = Range::partition(keys::namespace_partition(tenant, namespace));
        let mut ids = Vec::new();
        for entry in self.table.query(&range).await? {
            ids.push(item::value("place", &entry)?);
        }
        self.records_of(&ids).await
    }

    /// The records of repositories, by number; what is gone is left out.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn records_of(&self, ids: &[RepositoryId]) -> Result<Vec<Repository>, StoreError> {
        let records: Vec<Key> = ids.iter().map(|id| keys::part(*id, Part::Record)).collect();
        let found = self.table.batch_get(&records, true).await?.into_iter();
        let mut found: Vec<Repository> =
            found.map(|item| item::into_value("repository", item)).collect::<Result<_, _>>()?;
        found.sort_by_key(|repository| repository.number);
        Ok(found)
    }

    /// The repositories that have an address, in any of its spellings, as their own or as the second one.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn repositories_at(&self, tenant: TenantId, remote: &str) -> Result<Vec<RepositoryId>, StoreError> {
        let Ok(remote) = normalize_remote(remote) else { return Ok(Vec::new()) };
        let range = Range::partition(keys::remote_partition(tenant, &remote));
        let entries = self.table.query(&range).await?;
        entries.iter().map(|entry| item::value("place", entry)).collect()
    }

    /// What lists look at of all repositories of a tenant, by number; believed for half a minute.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn entries(&self, tenant: TenantId) -> Result<Arc<Vec<Entry>>, StoreError> {
        if let Some(entries) = self.entries.get(&tenant).await {
            return Ok(entries);
        }
        let found = self.table.query(&Range::partition(keys::roster_partition(tenant)).backwards_after(None)).await?;
        let entries = found.into_iter().map(|item| item::into_value("entry", item));
        let mut entries: Vec<Entry> = entries.collect::<Result<_, _>>()?;
        entries.sort_by_key(|entry| entry.number);
        let entries = Arc::new(entries);
        self.entries.insert(tenant, Arc::clone(&entries)).await;
        Ok(entries)
    }
}
