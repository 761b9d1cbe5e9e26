//! Finding a repository by its number, and those of a product or a platform.

use crate::Store;
use crate::decision::DecisionSet;
use crate::error::StoreError;
use crate::item;
use crate::keys::{self, Key, Part};
use crate::table::Range;
use repoplane_domain::id::{RepositoryId, TenantId};
use repoplane_domain::repository::{DEFAULT_NAMESPACE, Repository};

/// The items by which a repository is found besides its claims; each holds its id.
pub(crate) fn places(repository: &Repository) -> Vec<Key> {
    let Repository { tenant, id, namespace, .. } = repository;
    let mut places = vec![keys::roster(*tenant, *id), keys::repository_number(*tenant, repository.number)];
    if namespace != DEFAULT_NAMESPACE {
        places.push(keys::namespace_entry(*tenant, namespace, *id));
    }
    places
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
        let mut records = Vec::new();
        for entry in self.table.query(&range).await? {
            let id: RepositoryId = item::value("place", &entry)?;
            records.push(keys::part(id, Part::Record));
        }
        let found = self.table.batch_get(&records, true).await?.into_iter();
        let mut found: Vec<Repository> =
            found.map(|item| item::into_value("repository", item)).collect::<Result<_, _>>()?;
        found.sort_by_key(|repository| repository.number);
        Ok(found)
    }
}
