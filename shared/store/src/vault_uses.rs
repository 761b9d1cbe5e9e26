//! Which repositories use which credential of the vault: kept in the transaction that changes a record, whatever API asks
//! for it, so that a credential in use cannot be deleted and a deleted one cannot come into use.

use crate::commit::{Guard, Writes};
use crate::error::StoreError;
use crate::item::{Item, number};
use crate::keys;
use repoplane_domain::repository::Repository;

/// A new repository uses the credential that its record names.
pub(crate) fn take_credential(writes: &mut Writes, repository: &Repository) -> Result<(), StoreError> {
    let Some(credential) = repository.credential else { return Ok(()) };
    writes.put(Item::empty(&keys::vault_use(credential, repository.id)));
    writes.update_existing(
        keys::vault_credential(repository.tenant, credential),
        "SET used_by = used_by + :one, write_id = :write_id",
        vec![(":one", number(1))],
        Guard::Credential,
    );
    Ok(())
}

/// A repository lets go of the credential that its record named.
pub(crate) fn leave_credential(writes: &mut Writes, repository: &Repository) {
    let Some(credential) = repository.credential else { return };
    writes.delete(keys::vault_use(credential, repository.id));
    let key = keys::vault_credential(repository.tenant, credential);
    writes.update_once(key, "SET used_by = used_by - :one", vec![(":one", number(1))]);
}

/// Moves the use from what the record named to what it names now.
pub(crate) fn plan_credential(writes: &mut Writes, before: &Repository, after: &Repository) -> Result<(), StoreError> {
    if before.credential == after.credential {
        return Ok(());
    }
    leave_credential(writes, before);
    take_credential(writes, after)
}
