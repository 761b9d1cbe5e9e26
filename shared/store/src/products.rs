//! Products: made, changed and deleted by conditional writes, tried again on a fresh read after a lost race.

use crate::change::refused;
use crate::commit::{Guard, Lost, Writes};
use crate::error::StoreError;
use crate::item::{self, Item};
use crate::keys::{self, Unique};
use crate::race::Race;
use crate::repositories::owner;
use crate::table::Range;
use crate::{Store, WriteError};
use repoplane_domain::access::{Principal, RepositoryRole};
use repoplane_domain::audit::{AuditAction, AuditEntry};
use repoplane_domain::error::{DomainError, Kind};
use repoplane_domain::id::{AuditId, TenantId};
use repoplane_domain::product::{Product, SaveProduct, resource_in_use};
use repoplane_domain::time::Timestamp;
use serde_json::json;

/// Projects that go in the transaction of their product; of more, the others go before.
const PROJECTS_AT_ONCE: usize = 40;

pub(crate) fn is_used(lost: &[Lost]) -> bool {
    lost.iter().any(|lost| lost.guard == Guard::Unused)
}

fn product_item(product: &Product) -> Result<Item, StoreError> {
    Ok(Item::new(&keys::product(product.tenant, &product.name), product)?.versioned(product.version))
}

impl Store {
    /// A product of a tenant, whoever works in it.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn product(&self, tenant: TenantId, name: &str) -> Result<Option<Product>, StoreError> {
        // The engine takes no empty key.
        if name.is_empty() {
            return Ok(None);
        }
        let item = self.table.get(&keys::product(tenant, name), true).await?;
        item.map(|item| item::into_value("product", item)).transpose()
    }

    /// A product that a caller may see; to others it does not exist.
    ///
    /// # Errors
    /// Not found; storage failures.
    pub async fn visible_product(&self, principal: &Principal, name: &str) -> Result<Product, WriteError> {
        let product = self.product(principal.tenant, name).await?;
        let visible = product.filter(|product| product.role_of(principal).is_some());
        Ok(visible.ok_or(DomainError::NotFound(Kind::Product))?)
    }

    /// The products that a caller may see, by name.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn products(&self, principal: &Principal) -> Result<Vec<Product>, StoreError> {
        let range = Range::partition(keys::products_partition(principal.tenant));
        let items = self.table.query(&range).await?.into_iter();
        let mut products: Vec<Product> =
            items.map(|item| item::into_value("product", item)).collect::<Result<_, _>>()?;
        products.retain(|product| product.role_of(principal).is_some());
        Ok(products)
    }

    /// Makes a product, whose owner the caller becomes, or changes it. `base_url` is where the code of a new one lives.
    ///
    /// # Errors
    /// What the body breaks, `PRODUCT_NAME_TAKEN`, a right, a race lost to the end, storage failures.
    pub async fn save_product(
        &self,
        principal: &Principal,
        name: &str,
        said: &SaveProduct,
        base_url: &str,
        now: Timestamp,
    ) -> Result<Product, WriteError> {
        said.check(name)?;
        let mut race = Race::new();
        let mut lost: Vec<Lost> = Vec::new();
        loop {
            let Some(stored) = self.product(principal.tenant, name).await? else {
                // Nobody made it meanwhile: another product has the name in other letters.
                if let Some(refusal) = refused(&lost) {
                    return Err(refusal.into());
                }
                let product = said.create(name, base_url, owner(principal), principal.tenant, now);
                let mut writes = Writes::default();
                let claim = keys::unique(principal.tenant, &Unique::ProductName(name.to_owned()));
                writes.claim(Item::new(&claim, &product.name)?, Guard::ProductName);
                writes.create(product_item(&product)?);
                self.audit_product(&mut writes, principal, AuditAction::ProductCreated, &product, now)?;
                match self.try_commit(&writes, now).await? {
                    None => return Ok(product),
                    Some(by) => lost = by,
                }
                race.again().await?;
                continue;
            };
            return self.change_product(principal, stored, now, |stored| Ok(said.apply(stored, now))).await;
        }
    }

    /// Changes a product that the caller maintains; `change` says what it is then, or that nothing changes.
    ///
    /// # Errors
    /// Not found, a right, what `change` says, a race lost to the end, storage failures.
    pub async fn change_product(
        &self,
        principal: &Principal,
        mut stored: Product,
        now: Timestamp,
        change: impl Fn(&Product) -> Result<Option<Product>, DomainError>,
    ) -> Result<Product, WriteError> {
        let mut race = Race::new();
        loop {
            if stored.role_of(principal).is_none() {
                return Err(DomainError::NotFound(Kind::Product).into());
            }
            stored.need_role(principal, RepositoryRole::Maintainer)?;
            let Some(next) = change(&stored)? else { return Ok(stored) };
            let mut writes = Writes::default();
            writes.replace(product_item(&next)?, Some(stored.version));
            self.audit_product(&mut writes, principal, AuditAction::ProductUpdated, &next, now)?;
            if self.try_commit(&writes, now).await?.is_none() {
                return Ok(next);
            }
            race.again().await?;
            let fresh = self.product(principal.tenant, &stored.name).await?;
            stored = fresh.ok_or(DomainError::NotFound(Kind::Product))?;
        }
    }

    /// Deletes a product without repositories; its projects go with it.
    ///
    /// # Errors
    /// Not found, a right, `RESOURCE_IN_USE`, a race lost to the end, storage failures.
    pub async fn remove_product(&self, principal: &Principal, name: &str, now: Timestamp) -> Result<(), WriteError> {
        let tenant = principal.tenant;
        let mut race = Race::new();
        loop {
            let product = self.visible_product(principal, name).await?;
            product.need_role(principal, owner_of(principal))?;
            if !self
                .table
                .page(&Range::partition(keys::namespace_partition(tenant, &namespace(name))), Some(1), None)
                .await?
                .0
                .is_empty()
            {
                return Err(resource_in_use("the product has repositories: delete them first").into());
            }
            let projects = self.projects(tenant, name).await?;
            let mut writes = Writes::default();
            for project in projects.iter().take(PROJECTS_AT_ONCE) {
                writes.delete(keys::project(tenant, name, &project.name));
            }
            if projects.len() > PROJECTS_AT_ONCE {
                writes.need_version(keys::product(tenant, name), product.version);
                let gone = vec![(":gone", item::number(PROJECTS_AT_ONCE))];
                let less = "SET projects = projects - :gone, write_id = :write_id";
                writes.update_once(keys::product_uses(tenant, name), less, gone);
            } else {
                writes.delete_version(keys::product(tenant, name), product.version);
                writes.delete_uses(keys::product_uses(tenant, name), projects.len());
                writes.delete(keys::unique(tenant, &Unique::ProductName(name.to_owned())));
                self.audit_product(&mut writes, principal, AuditAction::ProductDeleted, &product, now)?;
            }
            let lost = self.try_commit(&writes, now).await?;
            if lost.is_none() && projects.len() <= PROJECTS_AT_ONCE {
                self.forget_uses(tenant, name, now).await;
                return Ok(());
            }
            if lost.is_some() {
                race.again().await?;
            }
        }
    }

    /// The numbers of projects that no repository names any more; they hold nothing, so a failure is only logged.
    async fn forget_uses(&self, tenant: TenantId, product: &str, now: Timestamp) {
        let range = Range::partition(keys::product_partition(tenant, product)).begins(format!("{}#", keys::USES));
        let uses = match self.table.query(&range).await {
            Ok(uses) => uses,
            Err(error) => return tracing::warn!(%error, "Could not read the numbers of a deleted product's projects"),
        };
        for uses in uses {
            let Some(sk) = item::text_of(&uses, keys::SK) else { continue };
            let mut writes = Writes::default();
            writes.delete_if_unused(keys::Key { pk: keys::product_partition(tenant, product), sk: sk.to_owned() });
            if let Err(error) = self.try_commit(&writes, now).await {
                tracing::warn!(%error, "Could not delete the number of a deleted product's project");
            }
        }
    }

    fn audit_product(
        &self,
        writes: &mut Writes,
        principal: &Principal,
        action: AuditAction,
        product: &Product,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let entry = AuditEntry::by(principal, AuditId::new(now, &*self.ids), action, &product.name, now);
        let details = json!({"name": product.name, "git": product.git, "baseUrl": product.base_url, "connection": product.connection});
        writes.audit(&entry.with(details))
    }
}

fn namespace(product: &str) -> String {
    repoplane_domain::product::namespace_of(product)
}

/// The role that deletes: a tool acts by its scope alone, a person must own it (design: rights across dialects).
fn owner_of(principal: &Principal) -> RepositoryRole {
    use repoplane_domain::access::Right;
    match principal.deletes_by() {
        Right::Own => RepositoryRole::Owner,
        Right::Read | Right::Manage | Right::ManageArchived | Right::Granted | Right::Inspect => {
            RepositoryRole::Maintainer
        }
    }
}
