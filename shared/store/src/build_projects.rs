//! Projects: found by number, and by owner and name.

use crate::commit::{Guard, Writes};
use crate::error::StoreError;
use crate::idempotency::{KeptAnswer, Once};
use crate::item::{self, Attributes, Item};
use crate::keys::{self, Counter, Key, Part, Unique};
use crate::platforms::{disown_one, need_owner, own_one};
use crate::table::{MAX_EXAMINED, Range};
use crate::tenants::{RACES, pause_after, write_conflict};
use crate::{Store, WriteError};
use repoplane_domain::access::Principal;
use repoplane_domain::audit::{AuditAction, AuditEntry};
use repoplane_domain::error::{Conflict, DomainError, Kind};
use repoplane_domain::id::{AuditId, TenantId};
use repoplane_domain::platform::{Actor, BuildProject, CreateProject, Party, ProjectPlace, UserRef};
use repoplane_domain::repository::Repository;
use repoplane_domain::time::Timestamp;
use serde_json::json;
use std::collections::{BTreeSet, HashMap};

/// A project that a command changed, and what the audit log says of it.
#[derive(Debug, Clone)]
pub struct ProjectChange {
    /// The project, one version up.
    pub project: BuildProject,
    /// What was done.
    pub audit: AuditEntry,
}

/// One page of projects, newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProjectPage {
    /// The projects.
    pub projects: Vec<BuildProject>,
    /// The number of the project after which more may follow.
    pub next: Option<u64>,
}

/// A project's item, in the list of its tenant's.
pub(crate) fn project_item(project: &BuildProject) -> Result<Item, StoreError> {
    let item = Item::new(&keys::build_project(project.tenant, project.number), project)?.versioned(project.version);
    Ok(item.listed(keys::projects_partition(project.tenant), keys::ordinal(project.number)))
}

fn name_of(tenant: TenantId, owner: Actor, name: &str) -> Key {
    keys::unique(tenant, &Unique::ProjectName { owner, name: name.to_owned() })
}

impl Store {
    /// A project.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn build_project(&self, tenant: TenantId, number: u64) -> Result<Option<BuildProject>, StoreError> {
        let item = self.table.get(&keys::build_project(tenant, number), true).await?;
        item.map(|item| item::into_value("project", item)).transpose()
    }

    /// Those of some projects that are there, by their numbers.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn build_projects_numbered(
        &self,
        tenant: TenantId,
        numbers: &BTreeSet<u64>,
    ) -> Result<HashMap<u64, BuildProject>, StoreError> {
        let wanted: Vec<Key> = numbers.iter().map(|number| keys::build_project(tenant, *number)).collect();
        let found = self.table.batch_get(&wanted, false).await?.into_iter();
        let keyed = found.map(|item| {
            let project: BuildProject = item::into_value("project", item)?;
            Ok((project.number, project))
        });
        keyed.collect()
    }

    /// A project by its owner and its name, ignoring case.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn build_project_by_name(
        &self,
        tenant: TenantId,
        owner: Actor,
        name: &str,
    ) -> Result<Option<BuildProject>, StoreError> {
        let Some(claim) = self.table.get(&name_of(tenant, owner, name), true).await? else { return Ok(None) };
        let holder: String = item::value("claim", &claim)?;
        match holder.strip_prefix("project/").and_then(|number| number.parse().ok()) {
            Some(number) => self.build_project(tenant, number).await,
            None => Ok(None),
        }
    }

    /// One page of a tenant's projects, newest first, strictly after a number. `keep` says which of them are wanted.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn build_projects(
        &self,
        tenant: TenantId,
        after: Option<u64>,
        limit: usize,
        now: Timestamp,
        keep: impl Fn(&BuildProject) -> bool,
    ) -> Result<ProjectPage, StoreError> {
        let range = Range::partition(keys::projects_partition(tenant)).of_index(keys::LISTS);
        let range = range.backwards_after(after.map(keys::ordinal));
        let keep = |item: Attributes| {
            let project: BuildProject = item::into_value("project", item)?;
            Ok(keep(&project).then_some(project))
        };
        let found = self.table.walk(&range, (limit, MAX_EXAMINED), now, keep).await?;
        let next = found.next.as_deref().and_then(|number| number.parse().ok());
        Ok(ProjectPage { projects: found.rows.into_iter().map(|(_, project)| project).collect(), next })
    }

    /// The repositories that a project is in, with what their places say; those that were deleted since are left out.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn repositories_of_build_project(
        &self,
        project: &BuildProject,
    ) -> Result<Vec<(Repository, ProjectPlace)>, StoreError> {
        let wanted: Vec<Key> =
            project.repositories.iter().map(|place| keys::part(place.repository, Part::Record)).collect();
        let mut found = Vec::new();
        for item in self.table.batch_get(&wanted, true).await? {
            let repository: Repository = item::into_value("repository", item)?;
            if let Some(place) = project.repositories.iter().find(|place| place.repository == repository.id) {
                found.push((repository, *place));
            }
        }
        found.sort_by_key(|(repository, _)| repository.number);
        Ok(found)
    }

    /// Makes a project.
    ///
    /// # Errors
    /// `PROJECT_NAME_TAKEN`, storage failures.
    pub async fn create_build_project(
        &self,
        author: &Principal,
        (command, owner, maintainer): (CreateProject, Party, UserRef),
        once: Option<&Once>,
        now: Timestamp,
        answer: impl Fn(&BuildProject) -> KeptAnswer,
    ) -> Result<BuildProject, WriteError> {
        let tenant = author.tenant;
        let number = self.table.next_number(&keys::counter(tenant, Counter::Projects)).await?;
        let project = command.into_project(number, tenant, (owner, maintainer), now);
        let mut writes = Writes::default();
        writes.keep(once, || answer(&project), now)?;
        let name = name_of(tenant, project.owner.actor, &project.name);
        writes.claim(Item::new(&name, &format!("project/{number}"))?, Guard::ProjectName);
        need_owner(&mut writes, tenant, project.owner.actor);
        own_one(&mut writes, tenant, project.owner.actor);
        writes.create(project_item(&project)?);
        let entry = AuditEntry::by(author, AuditId::new(now, &*self.ids), AuditAction::ProjectCreated, number, now);
        writes.audit(&entry.with(json!({"name": project.full_name()})))?;
        self.commit_new(&writes, now).await?;
        Ok(project)
    }

    /// Changes a project; after a lost race, again on a fresh read.
    ///
    /// # Errors
    /// Not found, what the change says, a race lost to the end, storage failures.
    pub async fn change_build_project(
        &self,
        tenant: TenantId,
        number: u64,
        now: Timestamp,
        change: impl Fn(&BuildProject) -> Result<ProjectChange, DomainError>,
    ) -> Result<BuildProject, WriteError> {
        for attempt in 0..RACES {
            let stored = self.build_project(tenant, number).await?.ok_or(DomainError::NotFound(Kind::Project))?;
            let ProjectChange { project, audit } = change(&stored)?;
            let mut writes = Writes::default();
            writes.replace(project_item(&project)?, Some(stored.version));
            writes.audit(&audit)?;
            if self.commit_if_current(&writes, now).await? {
                return Ok(project);
            }
            pause_after(attempt).await;
        }
        Err(DomainError::Conflict(write_conflict()).into())
    }

    /// Deletes a project that is in no repository.
    ///
    /// # Errors
    /// Not found, `IN_USE`, what `check` says, a race lost to the end, storage failures.
    pub async fn remove_build_project(
        &self,
        author: &Principal,
        number: u64,
        now: Timestamp,
        check: impl Fn(&BuildProject) -> Result<(), DomainError>,
    ) -> Result<(), WriteError> {
        let tenant = author.tenant;
        for attempt in 0..RACES {
            let stored = self.build_project(tenant, number).await?.ok_or(DomainError::NotFound(Kind::Project))?;
            check(&stored)?;
            if !self.repositories_of_build_project(&stored).await?.is_empty() {
                let text = "the project is in repositories; remove it from them first";
                return Err(DomainError::Conflict(Conflict::new("IN_USE", text)).into());
            }
            let mut writes = Writes::default();
            // Being added to a repository is a change of the project: whoever comes second looks again.
            writes.delete_version(keys::build_project(tenant, number), stored.version);
            writes.delete(name_of(tenant, stored.owner.actor, &stored.name));
            disown_one(&mut writes, tenant, stored.owner.actor);
            let audit = AuditId::new(now, &*self.ids);
            let entry = AuditEntry::by(author, audit, AuditAction::ProjectDeleted, number, now);
            writes.audit(&entry.with(json!({"name": stored.full_name()})))?;
            if self.commit_if_current(&writes, now).await? {
                return Ok(());
            }
            pause_after(attempt).await;
        }
        Err(DomainError::Conflict(write_conflict()).into())
    }
}
