//! Projects of a product.

use crate::change::refused;
use crate::commit::{Guard, Writes};
use crate::error::StoreError;
use crate::item::{self, Item, number};
use crate::keys;
use crate::products::is_used;
use crate::race::Race;
use crate::table::Range;
use crate::{Store, WriteError};
use repoplane_domain::access::{Principal, RepositoryRole};
use repoplane_domain::audit::{AuditAction, AuditEntry};
use repoplane_domain::error::{DomainError, Kind};
use repoplane_domain::id::{AuditId, TenantId};
use repoplane_domain::product::{Product, Project, resource_in_use};
use repoplane_domain::time::Timestamp;
use serde_json::json;

impl Store {
    /// The projects of a product, by name.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn projects(&self, tenant: TenantId, product: &str) -> Result<Vec<Project>, StoreError> {
        let range = Range::partition(keys::product_partition(tenant, product)).begins(keys::PROJECTS);
        self.table.query(&range).await?.into_iter().map(|item| item::into_value("project", item)).collect()
    }

    /// One project.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn project(&self, tenant: TenantId, product: &str, name: &str) -> Result<Option<Project>, StoreError> {
        let item = self.table.get(&keys::project(tenant, product, name), true).await?;
        item.map(|item| item::into_value("project", item)).transpose()
    }

    /// Makes a project, or says anew what it is.
    ///
    /// # Errors
    /// The product is gone, a right, a race lost to the end, storage failures.
    pub async fn save_project(
        &self,
        principal: &Principal,
        product: &Product,
        project: &Project,
        now: Timestamp,
    ) -> Result<(), WriteError> {
        product.need_role(principal, RepositoryRole::Maintainer)?;
        let tenant = principal.tenant;
        let mut race = Race::new();
        loop {
            let stored = self.project(tenant, &product.name, &project.name).await?;
            if stored.as_ref() == Some(project) {
                return Ok(());
            }
            let mut writes = Writes::default();
            writes.need_present(keys::product(tenant, &product.name), Guard::Product);
            let item = Item::new(&keys::project(tenant, &product.name, &project.name), project)?;
            match stored {
                Some(_) => writes.replace_existing(item),
                None => {
                    writes.create(item);
                    let more = "SET projects = if_not_exists(projects, :zero) + :one, write_id = :write_id";
                    let values = vec![(":zero", number(0)), (":one", number(1))];
                    writes.update_once(keys::product_uses(tenant, &product.name), more, values);
                }
            }
            self.audit_project(&mut writes, principal, AuditAction::ProjectSaved, project, now)?;
            let Some(lost) = self.try_commit(&writes, now).await? else { return Ok(()) };
            if let Some(refusal) = refused(&lost) {
                return Err(refusal.into());
            }
            race.again().await?;
        }
    }

    /// Deletes a project, there or not. With `skip` also one that repositories name.
    ///
    /// # Errors
    /// A right, `RESOURCE_IN_USE`, a race lost to the end, storage failures.
    pub async fn remove_project(
        &self,
        principal: &Principal,
        product: &Product,
        name: &str,
        skip: bool,
        now: Timestamp,
    ) -> Result<(), WriteError> {
        product.need_role(principal, RepositoryRole::Maintainer)?;
        let tenant = principal.tenant;
        let mut race = Race::new();
        loop {
            let Some(project) = self.project(tenant, &product.name, name).await? else { return Ok(()) };
            let mut writes = Writes::default();
            writes.delete_existing(keys::project(tenant, &product.name, name));
            if !skip {
                writes.delete_if_unused(keys::project_uses(tenant, &product.name, name));
            }
            let less = "SET projects = if_not_exists(projects, :one) - :one, write_id = :write_id";
            writes.update_once(keys::product_uses(tenant, &product.name), less, vec![(":one", number(1))]);
            self.audit_project(&mut writes, principal, AuditAction::ProjectDeleted, &project, now)?;
            let Some(lost) = self.try_commit(&writes, now).await? else { return Ok(()) };
            if is_used(&lost) {
                return Err(resource_in_use("repositories of the product name the project").into());
            }
            if self.product(tenant, &product.name).await?.is_none() {
                return Err(DomainError::NotFound(Kind::Product).into());
            }
            race.again().await?;
        }
    }

    fn audit_project(
        &self,
        writes: &mut Writes,
        principal: &Principal,
        action: AuditAction,
        project: &Project,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let target = format!("{}/{}", project.product, project.name);
        let entry = AuditEntry::by(principal, AuditId::new(now, &*self.ids), action, target, now);
        writes.audit(&entry.with(json!({"language": project.language})))
    }
}
