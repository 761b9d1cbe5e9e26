//! Projects in the repositories of platforms.
//!
//! A link lies in its repository's partition, so that it goes with it. It holds the project's name for the whole platform,
//! and stands in the project's record, whose version it moves: a project that goes meets one that is added.

mod specs;

pub use specs::{LinkSpecs, SpecLink};

use crate::build_projects::project_item;
use crate::commit::{CommitError, Guard, Lost, Writes};
use crate::decision::DecisionSet;
use crate::error::StoreError;
use crate::item::{self, Attributes, Item, text};
use crate::keys::{self, Key, Part, Unique};
use crate::table::Range;
use crate::tenants::{RACES, pause_after, write_conflict};
use crate::{Author, Store, WriteError};
use repoplane_domain::access::authorize;
use repoplane_domain::audit::{AuditAction, AuditEntry};
use repoplane_domain::error::{Conflict, DomainError, Kind};
use repoplane_domain::id::{AuditId, RepositoryId, TenantId, WriteId};
use repoplane_domain::platform::{BuildProject, ProjectPlace, platform_of};
use repoplane_domain::repository::Repository;
use repoplane_domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::{BTreeSet, HashMap};

/// Projects of one repository at most that a list looks at.
const MAX_LISTED: usize = 200_000;

/// A project in a repository.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Link {
    tenant: TenantId,
    platform: u64,
    project: u64,
    name: String,
    /// What the last syncs found of its spec files.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    specs: Option<LinkSpecs>,
}

impl Link {
    fn claim(&self) -> Key {
        keys::unique(self.tenant, &Unique::PlatformProject { platform: self.platform, name: self.name.clone() })
    }
}

/// One page of a repository's projects, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LinkedProjects {
    /// The projects.
    pub projects: Vec<BuildProject>,
    /// Whether more follow.
    pub more: bool,
}

fn platform(repository: &Repository) -> Result<u64, DomainError> {
    platform_of(&repository.namespace).ok_or(DomainError::NotFound(Kind::Platform))
}

/// Who holds a project's name on the platform, if somebody does.
fn holder_of(lost: &[Lost]) -> Option<RepositoryId> {
    let held = lost.iter().find(|lost| lost.guard == Guard::PlatformProject)?;
    item::text_of(held.holder.as_ref()?, "via")?.parse().ok()
}

impl Store {
    /// Adds a project to a repository of a platform. `check` says whether the caller may read it.
    ///
    /// # Errors
    /// `PLATFORM_PROJECT_TAKEN` when a repository of the platform has one of that name; the project is not there; what
    /// `check` and the author's right say; a race lost to the end; storage failures.
    pub async fn add_project(
        &self,
        author: Author<'_>,
        set: &DecisionSet,
        number: u64,
        check: impl Fn(&BuildProject) -> Result<(), DomainError>,
    ) -> Result<(), WriteError> {
        let (now, mut set, mut stale) = (author.now, set.clone(), None::<RepositoryId>);
        for attempt in 0..RACES {
            let repository = &set.repository;
            let (tenant, id) = (repository.tenant, repository.id);
            authorize(author.principal, repository, &set.members.members, author.right)?;
            let stored = self.build_project(tenant, number).await?.ok_or(DomainError::NotFound(Kind::Project))?;
            check(&stored)?;
            let place = ProjectPlace { repository: id, number: repository.number, platform: platform(repository)? };
            let link =
                Link { tenant, platform: place.platform, project: number, name: stored.name.clone(), specs: None };
            let mut writes = Writes::default();
            let (holder, from) = (id.to_string(), stale.map(|id| id.to_string()));
            let claim = Item::new(&link.claim(), &id)?;
            writes.claim_from(claim, (&holder, from.as_deref()), Guard::PlatformProject);
            writes.create(Item::new(&keys::project_link(id, &stored.name, number), &link)?.versioned(1));
            writes.replace(project_item(&stored.added_to(place, now)?)?, Some(stored.version));
            writes.need_version(keys::part(id, Part::Record), repository.version);
            self.audit_link(&mut writes, &author, (repository, &stored), AuditAction::RepoProjectAdded)?;
            match self.table.commit(&writes, WriteId::new(now, &*self.ids), now).await {
                Ok(()) => {
                    if stored.is_read() {
                        self.sync_soon(id, now).await;
                    }
                    return Ok(());
                }
                Err(CommitError::Store(error)) => return Err(error.into()),
                Err(CommitError::Lost(lost)) => {
                    if let Some(holder) = holder_of(&lost) {
                        // The sweep has not come to what a deleted repository held.
                        if self.table.get(&keys::tombstone(holder), true).await?.is_none() {
                            return Err(taken(holder).into());
                        }
                        stale = Some(holder);
                    }
                }
            }
            pause_after(attempt).await;
            set = self.repository(tenant, id).await?.ok_or(DomainError::NotFound(Kind::Repository))?;
        }
        Err(DomainError::Conflict(write_conflict()).into())
    }

    /// Takes a project out of a repository; whether it was there.
    ///
    /// # Errors
    /// What the author's right says, a race lost to the end, storage failures.
    pub async fn remove_project_from(
        &self,
        author: Author<'_>,
        set: &DecisionSet,
        number: u64,
    ) -> Result<bool, WriteError> {
        let (now, mut set) = (author.now, set.clone());
        for attempt in 0..RACES {
            let repository = &set.repository;
            let (tenant, id) = (repository.tenant, repository.id);
            authorize(author.principal, repository, &set.members.members, author.right)?;
            let stored = self.build_project(tenant, number).await?;
            let Some(stored) = stored.filter(|stored| stored.repositories.iter().any(|place| place.repository == id))
            else {
                return Ok(false);
            };
            let link = Link {
                tenant,
                platform: platform(repository)?,
                project: number,
                name: stored.name.clone(),
                specs: None,
            };
            let mut writes = Writes::default();
            writes.delete_version(keys::project_link(id, &stored.name, number), 1);
            writes.delete(link.claim());
            writes.replace(project_item(&stored.removed_from(id, now))?, Some(stored.version));
            writes.need_version(keys::part(id, Part::Record), repository.version);
            self.audit_link(&mut writes, &author, (repository, &stored), AuditAction::RepoProjectRemoved)?;
            match self.table.commit(&writes, WriteId::new(now, &*self.ids), now).await {
                Ok(()) => return Ok(true),
                Err(CommitError::Store(error)) => return Err(error.into()),
                Err(CommitError::Lost(_)) => {}
            }
            pause_after(attempt).await;
            set = self.repository(tenant, id).await?.ok_or(DomainError::NotFound(Kind::Repository))?;
        }
        Err(DomainError::Conflict(write_conflict()).into())
    }

    fn audit_link(
        &self,
        writes: &mut Writes,
        author: &Author<'_>,
        (repository, project): (&Repository, &BuildProject),
        action: AuditAction,
    ) -> Result<(), StoreError> {
        let audit = AuditId::new(author.now, &*self.ids);
        let entry = AuditEntry::by(author.principal, audit, action, repository.id, author.now).on(repository.id);
        writes.audit(&entry.with(json!({"project": project.number, "name": project.full_name()})))
    }

    /// Projects of a repository by name, after skipping some.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn projects_in(
        &self,
        (tenant, repository): (TenantId, RepositoryId),
        skip: usize,
        limit: usize,
        now: Timestamp,
    ) -> Result<LinkedProjects, StoreError> {
        if skip >= MAX_LISTED {
            return Ok(LinkedProjects::default());
        }
        let range = Range::partition(keys::repository_partition(repository)).begins(keys::PROJECTS);
        let number = |item: Attributes| Ok(Some(item::into_value::<Link>("link", item)?.project));
        let found = self.table.walk(&range, (skip + limit, MAX_LISTED), now, number).await?;
        let numbers: Vec<u64> = found.rows.into_iter().skip(skip).map(|(_, number)| number).collect();
        let wanted: Vec<Key> = numbers.iter().map(|number| keys::build_project(tenant, *number)).collect();
        let mut projects: HashMap<u64, BuildProject> = HashMap::new();
        for item in self.table.batch_get(&wanted, true).await? {
            let project: BuildProject = item::into_value("project", item)?;
            projects.insert(project.number, project);
        }
        let projects = numbers.iter().filter_map(|number| projects.remove(number)).collect();
        Ok(LinkedProjects { projects, more: found.next.is_some() })
    }

    /// The numbers of all projects that a repository has.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn project_numbers_in(&self, repository: RepositoryId) -> Result<BTreeSet<u64>, StoreError> {
        let range = Range::partition(keys::repository_partition(repository)).begins(keys::PROJECTS);
        let links = self.table.query(&range).await?.into_iter();
        links.map(|item| Ok(item::into_value::<Link>("link", item)?.project)).collect()
    }

    /// What a project held for a deleted repository is given back, unless another repository took it meanwhile.
    pub(crate) async fn clear_project(&self, item: &Attributes, repository: RepositoryId) -> Result<(), StoreError> {
        let link: Link = item::value("link", item)?;
        let values = HashMap::from([(":via".to_owned(), text(repository.to_string()))]);
        self.table.delete_if(&link.claim(), "via = :via", values).await.map(drop)
    }
}

fn taken(holder: RepositoryId) -> DomainError {
    let text = "a project of this name is in a repository of the platform";
    DomainError::Conflict(Conflict::new("PLATFORM_PROJECT_TAKEN", text).held_by(holder))
}
