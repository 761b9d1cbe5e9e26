//! The credentials of a tenant's vault (contract: shiftagent 8): each is a record and a secret document of its own.

use crate::change::taken;
use crate::commit::{CommitError, Guard, Lost, Writes};
use crate::credentials::NoAccess;
use crate::error::StoreError;
use crate::idempotency::{KeptAnswer, Once, is_repeated};
use crate::item::{self, Attributes, Item, number, number_of};
use crate::keys::{self, Unique};
use crate::roster::Place;
use crate::table::{MAX_EXAMINED, Range};
use crate::tenants::write_conflict;
use crate::vault::{Document, SecretPointer};
use crate::{Store, WriteError};
use repoplane_domain::access::Principal;
use repoplane_domain::audit::{AuditAction, AuditEntry};
use repoplane_domain::credential::GitAccess;
use repoplane_domain::error::{Conflict, DomainError, Kind};
use repoplane_domain::id::{AuditId, CredentialId, TenantId, WriteId};
use repoplane_domain::repository::Repository;
use repoplane_domain::time::Timestamp;
use repoplane_domain::vault_credential::{CreateVaultCredential, Unusable, VAULT_SECRET, VaultCredential};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// A credential and where its secret is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoredCredential {
    pub(crate) credential: VaultCredential,
    pub(crate) secret: SecretPointer,
}

/// One page of credentials, newest first whichever way it was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CredentialPage {
    /// The credentials.
    pub credentials: Vec<VaultCredential>,
    /// Whether there may be more in the direction of reading.
    pub more: bool,
}

impl Store {
    /// Makes a credential. Its secret is put before the record that points at it: nobody sees one without the other.
    ///
    /// # Errors
    /// `CREDENTIAL_NAME_TAKEN` with the holder, storage failures.
    pub async fn create_vault_credential(
        &self,
        author: &Principal,
        command: CreateVaultCredential,
        once: Option<&Once>,
        now: Timestamp,
        answer: impl Fn(&VaultCredential) -> KeptAnswer,
    ) -> Result<VaultCredential, WriteError> {
        let (tenant, id) = (author.tenant, CredentialId::new(now, &*self.ids));
        let mut document = Document::default();
        document.set(VAULT_SECRET, Some(command.secret.clone()));
        let credential = command.into_credential(id, tenant, now);
        let mut writes = Writes::default();
        writes.keep(once, || answer(&credential), now)?;
        let name = Unique::CredentialName(credential.name.clone());
        writes.claim(Item::new(&keys::unique(tenant, &name), &id)?, Guard::CredentialName);
        let audit = AuditId::new(now, &*self.ids);
        let entry = AuditEntry::by(author, audit, AuditAction::VaultCredentialCreated, id, now);
        writes.audit(&entry.with(json!({"name": credential.name, "type": credential.kind})))?;
        let secret = self.vault.put(&self.vault.name_of(tenant, &id.to_string()), false, document, &*self.ids).await?;
        let stored = StoredCredential { credential, secret };
        let item = Item::new(&keys::vault_credential(tenant, id), &stored)?;
        writes.create(item.with("used_by", number(0)));
        match self.table.commit(&writes, WriteId::new(now, &*self.ids), now).await {
            Ok(()) => {}
            Err(CommitError::Store(error)) => return Err(error.into()),
            Err(CommitError::Lost(lost)) => {
                self.forget_secret(Some(&stored.secret)).await;
                return Err(not_made(&lost));
            }
        }
        self.vault.mark_committed(&stored.secret, None).await;
        Ok(stored.credential)
    }

    /// Whether a tenant has a credential.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn has_vault_credential(&self, tenant: TenantId, id: CredentialId) -> Result<bool, StoreError> {
        Ok(self.table.get(&keys::vault_credential(tenant, id), true).await?.is_some())
    }

    /// One page of a tenant's credentials, newest first, all or those of one type.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn vault_credentials(
        &self,
        tenant: TenantId,
        kind: Option<&str>,
        from: Option<Place<CredentialId>>,
        limit: usize,
        now: Timestamp,
    ) -> Result<CredentialPage, StoreError> {
        let range = Place::range(from, keys::vault_partition(tenant));
        let keep = |item: Attributes| {
            let stored: StoredCredential = item::into_value("credential", item)?;
            Ok(Some(stored.credential).filter(|credential| kind.is_none_or(|kind| credential.kind == kind)))
        };
        let found = self.table.walk(&range, (limit, MAX_EXAMINED), now, keep).await?;
        let mut credentials: Vec<_> = found.rows.into_iter().map(|(_, credential)| credential).collect();
        if !range.backwards {
            credentials.reverse();
        }
        Ok(CredentialPage { credentials, more: found.next.is_some() })
    }

    /// Deletes a credential that no repository uses, with its secret.
    ///
    /// # Errors
    /// Not found; `CREDENTIAL_IN_USE` with one repository that uses it; storage failures.
    pub async fn remove_vault_credential(
        &self,
        author: &Principal,
        id: CredentialId,
        now: Timestamp,
    ) -> Result<(), WriteError> {
        let tenant = author.tenant;
        let absent = || DomainError::NotFound(Kind::VaultCredential);
        let stored = self.stored_credential(tenant, id).await?.ok_or_else(absent)?;
        let mut writes = Writes::default();
        writes.delete_unused(keys::vault_credential(tenant, id));
        writes.delete(keys::unique(tenant, &Unique::CredentialName(stored.credential.name.clone())));
        let audit = AuditId::new(now, &*self.ids);
        let entry = AuditEntry::by(author, audit, AuditAction::VaultCredentialDeleted, id, now);
        writes.audit(&entry.with(json!({"name": stored.credential.name, "type": stored.credential.kind})))?;
        match self.table.commit(&writes, WriteId::new(now, &*self.ids), now).await {
            Ok(()) => {}
            Err(CommitError::Store(error)) => return Err(error.into()),
            Err(CommitError::Lost(lost)) => {
                let held = lost.into_iter().find_map(|lost| lost.holder).ok_or_else(absent)?;
                return Err(self.is_used(id, &held).await?.into());
            }
        }
        self.forget_secret(Some(&stored.secret)).await;
        Ok(())
    }

    /// A credential with the pointer to its secret.
    pub(crate) async fn stored_credential(
        &self,
        tenant: TenantId,
        id: CredentialId,
    ) -> Result<Option<StoredCredential>, StoreError> {
        let item = self.table.get(&keys::vault_credential(tenant, id), true).await?;
        item.map(|item| item::into_value("credential", item)).transpose()
    }

    /// How a repository is reached with a credential. It is good for the host that the repository is at: the record lets go
    /// of it when it moves to another.
    pub(crate) async fn vault_access(
        &self,
        repository: &Repository,
        id: CredentialId,
    ) -> Result<Result<GitAccess, NoAccess>, StoreError> {
        let Some(stored) = self.stored_credential(repository.tenant, id).await? else {
            return Ok(Err(NoAccess::NoToken));
        };
        let document = self.vault.read(Some(&stored.secret)).await?;
        let Some(secret) = document.get(VAULT_SECRET) else { return Ok(Err(NoAccess::NoToken)) };
        let access = stored.credential.git_access(repository, secret.clone());
        Ok(access.map_err(|Unusable(reason)| NoAccess::Unusable(reason)))
    }

    /// Who uses a credential that should go.
    async fn is_used(&self, id: CredentialId, item: &Attributes) -> Result<DomainError, StoreError> {
        let range = Range::partition(keys::vault_uses_partition(id));
        let (uses, _) = self.table.page(&range, Some(1), None).await?;
        let count: u64 = number_of(item, "used_by").unwrap_or(1);
        let text = match count {
            1 => "1 repository uses the credential: let it name another first".to_owned(),
            count => format!("{count} repositories use the credential: let them name another first"),
        };
        let conflict = Conflict::new("CREDENTIAL_IN_USE", text);
        Ok(DomainError::Conflict(match uses.first().and_then(|item| item::text_of(item, keys::SK)) {
            Some(repository) => conflict.held_by(repository),
            None => conflict,
        }))
    }
}

fn not_made(lost: &[Lost]) -> WriteError {
    if is_repeated(lost) {
        return WriteError::Repeated;
    }
    DomainError::Conflict(taken(lost).unwrap_or_else(write_conflict)).into()
}
