//! Repositories of a product, by their names in it.

use crate::attachments::attached_to;
use crate::decision::DecisionSet;
use crate::error::StoreError;
use crate::idempotency::KeptAnswer;
use crate::item;
use crate::keys::{self, Key, Unique};
use crate::provisioning::Settlement;
use crate::race::{Race, is_race};
use crate::repositories::Company;
use crate::{Author, Plan, Store, WriteError};
use repoplane_domain::access::{Principal, RepositoryRole, Right};
use repoplane_domain::audit::{AuditAction, AuditEntry};
use repoplane_domain::error::{Conflict, DomainError, Kind};
use repoplane_domain::id::{AuditId, RepositoryId, TenantId};
use repoplane_domain::product::{Product, ProjectFacts, SaveCodeRepo, namespace_of, need_removable, resource_in_use};
use repoplane_domain::repository::{Identity, Repository};
use repoplane_domain::time::Timestamp;
use serde_json::json;
use std::collections::{BTreeSet, HashSet};

/// A project that was made or changed at its provider, and only has to be registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MadeProject {
    /// What goes with the registration.
    pub settlement: Settlement,
    /// The repository that is registered already.
    pub known: Option<DecisionSet>,
    /// The project as its provider shows it.
    pub facts: ProjectFacts,
}

impl Store {
    /// A repository of a product by its name there, ignoring case.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn code_repo(
        &self,
        tenant: TenantId,
        product: &str,
        name: &str,
    ) -> Result<Option<DecisionSet>, StoreError> {
        let claim = Unique::Name { namespace: namespace_of(product), name: name.to_owned() };
        let Some(item) = self.table.get(&keys::unique(tenant, &claim), true).await? else { return Ok(None) };
        let id: RepositoryId = item::value("claim", &item)?;
        self.repository(tenant, id).await
    }

    /// The repositories of a product that a caller may see, by number.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn code_repos(&self, principal: &Principal, product: &str) -> Result<Vec<Repository>, StoreError> {
        let tenant = principal.tenant;
        let mut found = self.repositories_of_namespace(tenant, &namespace_of(product)).await?;
        if !principal.sees_all_repositories() {
            let wanted: Vec<Key> = found.iter().map(|row| keys::membership(tenant, principal.user, row.id)).collect();
            let held = self.table.batch_get(&wanted, true).await?;
            let own: HashSet<&str> = held.iter().filter_map(|item| item::text_of(item, keys::SK)).collect();
            found.retain(|row| own.contains(row.id.to_string().as_str()));
        }
        Ok(found)
    }

    /// The repository that claims a remote, whatever it belongs to.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn registered_at(&self, tenant: TenantId, remote: &str) -> Result<Option<DecisionSet>, StoreError> {
        let identities: BTreeSet<Identity> = Identity::of_remote(remote).into_iter().collect();
        match self.registered(tenant, &identities).await?.into_values().next() {
            Some(id) => self.repository(tenant, id).await,
            None => Ok(None),
        }
    }

    /// Saves a repository of a product that is not connected to its Git server: makes it, or changes it. `skip` leaves out
    /// whether its project is there.
    ///
    /// # Errors
    /// What the body breaks, rights, the product or the project is gone, a race lost to the end, storage failures.
    pub async fn save_code_repo(
        &self,
        principal: &Principal,
        product: &Product,
        name: &str,
        said: &SaveCodeRepo,
        skip: bool,
        now: Timestamp,
    ) -> Result<DecisionSet, WriteError> {
        said.check(name, product.provider(), skip)?;
        let mut race = Race::new();
        let mut shares_remote = false;
        loop {
            let stored = self.code_repo(principal.tenant, &product.name, name).await?;
            let saved = match stored {
                None => {
                    product.need_role(principal, RepositoryRole::Maintainer)?;
                    let command = said.create(product, name, shares_remote)?;
                    let company =
                        Company { members: product.members.clone(), needs_project: !skip, ..Company::default() };
                    let unkept = |_: &DecisionSet| KeptAnswer::ok(serde_json::Value::Null);
                    self.create_among(principal, command, &company, None, now, unkept).await
                }
                Some(set) => self.change_code_repo(principal, product, set, said, skip, now).await,
            };
            match saved {
                Ok(set) => return Ok(set),
                // Another was faster, or it was deleted under the change: what is there now is saved.
                Err(WriteError::Domain(DomainError::Conflict(conflict))) if conflict.code == "REPO_NAME_TAKEN" => {}
                Err(WriteError::Domain(DomainError::NotFound(Kind::Repository))) => {}
                // Products know theirs by path: one that is registered elsewhere keeps its identity.
                Err(WriteError::Domain(DomainError::Conflict(conflict))) if conflict.code == "REPO_IDENTITY_TAKEN" => {
                    shares_remote = true;
                    continue;
                }
                Err(error) if is_race(&error) => {}
                Err(error) => return Err(error),
            }
            race.again().await?;
        }
    }

    async fn change_code_repo(
        &self,
        principal: &Principal,
        product: &Product,
        set: DecisionSet,
        said: &SaveCodeRepo,
        skip: bool,
        now: Timestamp,
    ) -> Result<DecisionSet, WriteError> {
        let provider = product.provider();
        let needs_project = !skip && !said.project.is_empty();
        let plan = |set: &DecisionSet| {
            let next = said.apply(provider, &set.repository, now)?;
            let mut plan = Plan { needs_project, ..Plan::nothing(()) };
            if let Some(next) = next {
                let audit = AuditId::new(now, &*self.ids);
                let entry = AuditEntry::by(principal, audit, AuditAction::RepoUpdated, next.id, now).on(next.id);
                let view = |record: &Repository| json!({"product": record.product, "description": record.description});
                plan.audit = vec![entry.with_change(&view(&set.repository), &view(&next))];
                plan.repository = Some(next);
            }
            Ok(plan)
        };
        let author = Author { principal, right: Right::Manage, now };
        Ok(self.change(author, set, plan).await?.0)
    }

    /// Registers a repository of a product whose project was made or changed at its provider, or changes what is registered
    /// of it. The call's intent goes in the same transaction.
    ///
    /// # Errors
    /// Rights, archived, the product or the project is gone, a race lost to the end, storage failures.
    pub async fn save_connected(
        &self,
        principal: &Principal,
        (product, name): (&Product, &str),
        (said, skip): (&SaveCodeRepo, bool),
        made: MadeProject,
        now: Timestamp,
    ) -> Result<DecisionSet, WriteError> {
        let MadeProject { settlement, known, facts } = made;
        let home = settlement.intent.home.clone();
        let Some(set) = known else {
            product.need_role(principal, RepositoryRole::Maintainer)?;
            let company = Company {
                members: product.members.clone(),
                needs_project: !skip,
                settlement: Some(settlement),
                ..Company::default()
            };
            let unkept = |_: &DecisionSet| KeptAnswer::ok(serde_json::Value::Null);
            let command = |shares_remote| said.create_connected(product, (name, &home, shares_remote), &facts);
            let made = self.create_among(principal, command(false), &company, None, now, unkept).await;
            let is_taken = |error: &WriteError| matches!(error, WriteError::Domain(DomainError::Conflict(taken)) if taken.code == "REPO_IDENTITY_TAKEN");
            return match made {
                // Products know theirs by path: one that is registered elsewhere keeps its identity.
                Err(error) if is_taken(&error) => {
                    self.create_among(principal, command(true), &company, None, now, unkept).await
                }
                made => made,
            };
        };
        let needs_project = !skip && !said.project.is_empty();
        let plan = |set: &DecisionSet| {
            let next = said.apply_connected(&home, &facts, &set.repository, now);
            let audit = AuditId::new(now, &*self.ids);
            let entry = AuditEntry::by(principal, audit, AuditAction::RepoUpdated, next.id, now).on(next.id);
            let view = |record: &Repository| json!({"product": record.product, "description": record.description});
            let entry = entry.with_change(&view(&set.repository), &view(&next));
            Ok(Plan {
                needs_project,
                repository: Some(next),
                secrets: settlement.secrets.clone(),
                settles: Some(settlement.intent.clone()),
                audit: vec![entry],
                ..Plan::nothing(())
            })
        };
        let author = Author { principal, right: Right::Manage, now };
        Ok(self.change(author, set, plan).await?.0)
    }

    /// Deletes a repository of a product. With `skip` also one that something works with; that lets go of it first.
    ///
    /// # Errors
    /// Rights, archived, `RESOURCE_IN_USE`, a race lost to the end, storage failures.
    pub async fn remove_code_repo(
        &self,
        principal: &Principal,
        set: DecisionSet,
        skip: bool,
        now: Timestamp,
    ) -> Result<(), WriteError> {
        let (tenant, id) = (set.repository.tenant, set.repository.id);
        let author = Author { principal, right: principal.deletes_by(), now };
        let check = |set: &DecisionSet| {
            let automation = set.automation.as_ref().map(|automation| &automation.config);
            need_removable(&set.repository, automation, &set.robots, skip)
        };
        let (mut race, mut set) = (Race::new(), set);
        loop {
            match self.remove_repository(author, set.clone(), skip, check).await {
                Ok(_) | Err(WriteError::Domain(DomainError::NotFound(Kind::Repository))) => return Ok(()),
                Err(WriteError::Domain(DomainError::Conflict(conflict))) if is_guarded(&conflict) && !skip => {
                    return Err(resource_in_use(&conflict.message).into());
                }
                Err(WriteError::Domain(DomainError::Conflict(conflict))) if conflict.code == "REPO_ATTACHED" => {
                    let author = Author { right: Right::ManageArchived, ..author };
                    for host in attached_to(self, id).await? {
                        match self.detach(author, &set, &host).await {
                            Ok(()) | Err(WriteError::Domain(DomainError::NotFound(Kind::Attachment))) => {}
                            Err(error) => return Err(error),
                        }
                    }
                }
                Err(error) if is_race(&error) => {}
                Err(error) => return Err(error),
            }
            race.again().await?;
            let Some(fresh) = self.repository(tenant, id).await? else { return Ok(()) };
            set = fresh;
        }
    }
}

/// Whether a deletion was refused because something works with the repository.
fn is_guarded(conflict: &Conflict) -> bool {
    matches!(conflict.code, "REPO_ATTACHED" | "REPO_HAS_OPEN_TASKS")
}
