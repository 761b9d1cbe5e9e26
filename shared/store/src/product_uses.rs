//! How many repositories a product and its projects have: kept in the transaction that makes, changes or removes a record,
//! whatever API asks for it, so that nothing can be deleted that is in use, and nothing comes into what is gone.

use crate::commit::{Guard, Writes};
use crate::item::number;
use crate::keys::{self, Key};
use repoplane_domain::product::product_of;
use repoplane_domain::repository::Repository;

/// One more.
pub(crate) const MORE: &str = "SET repositories = if_not_exists(repositories, :zero) + :one, write_id = :write_id";
/// One less.
const LESS: &str = "SET repositories = if_not_exists(repositories, :one) - :one, write_id = :write_id";

/// The number of a record's project's repositories; `None` without one.
fn uses_of_project(repository: &Repository) -> Option<Key> {
    let (product, code) = (product_of(&repository.namespace)?, repository.product.as_ref()?);
    (!code.project.is_empty()).then(|| keys::project_uses(repository.tenant, product, &code.project))
}

fn more(writes: &mut Writes, key: Key) {
    writes.update_once(key, MORE, vec![(":zero", number(0)), (":one", number(1))]);
}

fn less(writes: &mut Writes, key: Key) {
    writes.update_once(key, LESS, vec![(":one", number(1))]);
}

/// A new repository belongs to its product, which must be there.
pub(crate) fn take_product(writes: &mut Writes, repository: &Repository) {
    let Some(product) = product_of(&repository.namespace) else { return };
    writes.need_present(keys::product(repository.tenant, product), Guard::Product);
    more(writes, keys::product_uses(repository.tenant, product));
    if let Some(uses) = uses_of_project(repository) {
        more(writes, uses);
    }
}

/// A repository leaves its product.
pub(crate) fn leave_product(writes: &mut Writes, repository: &Repository) {
    let Some(product) = product_of(&repository.namespace) else { return };
    less(writes, keys::product_uses(repository.tenant, product));
    if let Some(uses) = uses_of_project(repository) {
        less(writes, uses);
    }
}

/// Moves the use from the project that the record named to the one that it names now.
pub(crate) fn plan_project(writes: &mut Writes, before: &Repository, after: &Repository) {
    let (old, new) = (uses_of_project(before), uses_of_project(after));
    if old == new {
        return;
    }
    if let Some(old) = old {
        less(writes, old);
    }
    if let Some(new) = new {
        more(writes, new);
    }
}

/// The project that a record names must be there.
pub(crate) fn need_project(writes: &mut Writes, repository: &Repository) {
    let project = repository.product.as_ref().map(|code| code.project.as_str()).filter(|project| !project.is_empty());
    if let (Some(product), Some(project)) = (product_of(&repository.namespace), project) {
        writes.need_present(keys::project(repository.tenant, product, project), Guard::Project);
    }
}
