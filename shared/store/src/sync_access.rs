//! How a sync identifies itself to a repository's remote: by the credential that the record names, else by the repository's
//! own Git profile or the tenant's template for it, else not at all.

use crate::Store;
use crate::credentials::NoAccess;
use crate::decision::DecisionSet;
use crate::error::StoreError;
use repoplane_domain::credential::{GitAccess, Purpose, SecretOwner};
use repoplane_domain::vault_credential::{Unusable, VAULT_SECRET};

impl Store {
    /// The access that a sync has, and whether it is the registry's own to the repository, so that how it ends tells of the
    /// connection: it always is, since nobody is calling.
    ///
    /// There is no fall-through from a credential that was named: what it cannot do is told, not hidden behind another. A
    /// credential is good for the host that its repository is at: the record lets go of it when it moves to another.
    ///
    /// # Errors
    /// [`StoreError`] when the table or the vault fails.
    pub async fn sync_access(&self, set: &DecisionSet) -> Result<Result<(GitAccess, bool), NoAccess>, StoreError> {
        let access = match set.repository.credential {
            Some(_) => self.vault_access(set).await?,
            None => match self.git_access_of(set, &[], SecretOwner::Repository, None, Purpose::Read).await? {
                Err(NoAccess::NoToken) => Ok(GitAccess::Anonymous),
                found => found,
            },
        };
        Ok(access.map(|access| (access, true)))
    }

    async fn vault_access(&self, set: &DecisionSet) -> Result<Result<GitAccess, NoAccess>, StoreError> {
        let Some(id) = set.repository.credential else { return Ok(Err(NoAccess::NoToken)) };
        let Some(stored) = self.stored_credential(set.repository.tenant, id).await? else {
            return Ok(Err(NoAccess::NoToken));
        };
        let document = self.vault.read(Some(&stored.secret)).await?;
        let Some(secret) = document.get(VAULT_SECRET) else { return Ok(Err(NoAccess::NoToken)) };
        let access = stored.credential.git_access(&set.repository, secret.clone());
        Ok(access.map_err(|Unusable(reason)| NoAccess::Unusable(reason)))
    }
}
