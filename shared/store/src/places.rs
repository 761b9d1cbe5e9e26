//! Where a repository is found besides its claims: among all, by its number, in its namespace, by its remotes.
//!
//! The item among all carries what lists of review tools look at, so that they read no records to count or to sort. It is
//! written when that changes, not with every record.

use crate::Store;
use crate::commit::Writes;
use crate::decision::{DecisionSet, StoredMembers};
use crate::error::StoreError;
use crate::item::{self, Item};
use crate::keys::{self, Key, Part, Unique};
use crate::table::Range;
use futures_util::future::try_join_all;
use repoplane_domain::access::Members;
use repoplane_domain::id::{RepositoryId, TenantId};
use repoplane_domain::repository::{DEFAULT_NAMESPACE, Repository, normalize_remote};
use repoplane_domain::review::Entry;
use std::collections::{BTreeSet, HashSet};
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

/// The claims that a repository may have that is shown by a name: in the usual namespace, or in one that the name begins
/// with.
pub(crate) fn name_claims(tenant: TenantId, name: &str) -> Vec<Key> {
    let claim = |namespace: &str, name: &str| {
        keys::unique(tenant, &Unique::Name { namespace: namespace.to_owned(), name: name.to_owned() })
    };
    let mut claims = vec![claim(DEFAULT_NAMESPACE, name)];
    // A namespace has two parts, and names may have slashes.
    if let Some((at, _)) = name.match_indices('/').nth(1) {
        claims.push(claim(&name[..at], &name[at + 1..]));
    }
    claims
}

impl Store {
    /// A repository of the caller's tenant by its number; another tenant's does not exist. Where it is is known for good
    /// once it was asked for.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn repository_by_number(&self, tenant: TenantId, number: u64) -> Result<Option<DecisionSet>, StoreError> {
        let Some(id) = self.id_of_number(tenant, number).await? else { return Ok(None) };
        self.repository(tenant, id).await
    }

    /// As [`Store::repository_by_number`], the record alone, with its members where they are needed: what reads need that
    /// show nothing else.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn record_by_number(
        &self,
        tenant: TenantId,
        number: u64,
        with_members: bool,
    ) -> Result<Option<(Repository, Members)>, StoreError> {
        let Some(id) = self.id_of_number(tenant, number).await? else { return Ok(None) };
        let of_tenant = |record: &Repository| record.tenant == tenant;
        if !with_members {
            let record = self.table.get(&keys::part(id, Part::Record), true).await?;
            let record = record.map(|item| item::into_value("repository", item)).transpose()?;
            return Ok(record.filter(of_tenant).map(|record| (record, Members::default())));
        }
        let (mut record, mut members) = (None, Members::default());
        for item in self.table.batch_get(&[keys::part(id, Part::Record), keys::part(id, Part::Members)], true).await? {
            match item::text_of(&item, keys::SK).and_then(Part::parse) {
                Some(Part::Record) => record = Some(item::into_value::<Repository>("repository", item)?),
                Some(Part::Members) => members = item::into_value::<StoredMembers>("members", item)?.members,
                _ => {}
            }
        }
        Ok(record.filter(of_tenant).map(|record| (record, members)))
    }

    /// The repository of a number, which is known for good once it was asked for.
    async fn id_of_number(&self, tenant: TenantId, number: u64) -> Result<Option<RepositoryId>, StoreError> {
        if let Some(id) = self.numbers.get(&(tenant, number)).await {
            return Ok(Some(id));
        }
        let key = keys::repository_number(tenant, number);
        let Some(item) = self.table.get(&key, true).await? else { return Ok(None) };
        let id: RepositoryId = item::value("number", &item)?;
        self.numbers.insert((tenant, number), id).await;
        Ok(Some(id))
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

    /// The repositories that have one of these addresses, in any of its spellings, as their own or as the second one: one
    /// Query for each.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn repositories_at(
        &self,
        tenant: TenantId,
        remotes: &[String],
    ) -> Result<HashSet<RepositoryId>, StoreError> {
        let remotes: BTreeSet<String> = remotes.iter().filter_map(|remote| normalize_remote(remote).ok()).collect();
        let ranges: Vec<Range> =
            remotes.iter().map(|remote| Range::partition(keys::remote_partition(tenant, remote))).collect();
        let found = try_join_all(ranges.iter().map(|range| self.table.query(range))).await?;
        found.iter().flatten().map(|entry| item::value("place", entry)).collect()
    }

    /// The repositories that are shown by one of these names beside those of other namespaces: one BatchGet.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn repositories_named(
        &self,
        tenant: TenantId,
        names: &[String],
    ) -> Result<HashSet<RepositoryId>, StoreError> {
        let wanted: HashSet<Key> = names.iter().flat_map(|name| name_claims(tenant, name)).collect();
        let claims = self.table.batch_get(&wanted.into_iter().collect::<Vec<_>>(), true).await?;
        claims.iter().map(|claim| item::value("claim", claim)).collect()
    }

    /// What lists look at of all repositories of a tenant, by number; believed for half a minute, or until this
    /// instance changes one of them.
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
