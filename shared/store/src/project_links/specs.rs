//! What syncs know of the spec files of a repository's projects. It lies in the project's link, and goes with it.

use super::Link;
use crate::Store;
use crate::commit::{CommitError, Writes};
use crate::decision::DecisionSet;
use crate::error::StoreError;
use crate::item::{self, Item, text};
use crate::keys::{self, Key, Part};
use crate::table::Range;
use repoplane_domain::id::{LeaseId, RepositoryId, TenantId, WriteId};
use repoplane_domain::platform::BuildProject;
use repoplane_domain::repository::{RepositoryState, SpecsRead};
use repoplane_domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// What was found of one project's spec files.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LinkSpecs {
    /// Which remote and branch it was, as a hash.
    pub source: String,
    /// The commit whose files were read.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub commit: Option<String>,
    /// What could not be told from those files.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub unresolved: Option<String>,
    /// Why the last attempt read nothing.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub unread: Option<String>,
}

impl LinkSpecs {
    /// What is wrong with it.
    pub fn wrong(&self) -> Option<&str> {
        self.unread.as_deref().or(self.unresolved.as_deref())
    }
}

/// A project in a repository, as syncs see it.
#[derive(Debug, Clone)]
pub struct SpecLink {
    link: Link,
}

impl SpecLink {
    /// The project's number.
    pub fn project(&self) -> u64 {
        self.link.project
    }

    /// The project's name, without its owner's.
    pub fn name(&self) -> &str {
        &self.link.name
    }

    /// What was found of it; nothing as long as nobody looked.
    pub fn specs(&self) -> Option<&LinkSpecs> {
        self.link.specs.as_ref()
    }
}

impl Store {
    /// The projects of a repository with what syncs know of them, by their numbers.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn spec_links(&self, repository: RepositoryId) -> Result<Vec<SpecLink>, StoreError> {
        let range = Range::partition(keys::repository_partition(repository)).begins(keys::PROJECTS);
        let items = self.table.query(&range).await?.into_iter();
        let links: Result<Vec<_>, _> =
            items.map(|item| Ok(SpecLink { link: item::into_value::<Link>("link", item)? })).collect();
        let mut links = links?;
        links.sort_unstable_by_key(SpecLink::project);
        Ok(links)
    }

    /// The projects behind some links, by their numbers; those that are gone are left out.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn projects_of_links(
        &self,
        tenant: TenantId,
        links: &[SpecLink],
    ) -> Result<HashMap<u64, BuildProject>, StoreError> {
        let wanted: Vec<Key> = links.iter().map(|link| keys::build_project(tenant, link.project())).collect();
        let found = self.table.batch_get(&wanted, true).await?.into_iter();
        let keyed = found.map(|item| {
            let project: BuildProject = item::into_value("project", item)?;
            Ok((project.number, project))
        });
        keyed.collect()
    }

    /// Remembers what was found of a project; nothing when it is not in the repository any more.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn remember_specs(
        &self,
        repository: RepositoryId,
        link: &mut SpecLink,
        specs: Option<LinkSpecs>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        if link.link.specs == specs {
            return Ok(());
        }
        link.link.specs = specs;
        let mut writes = Writes::default();
        let key = keys::project_link(repository, &link.link.name, link.link.project);
        // A link has one version for life: it is there, or it is not.
        writes.replace(Item::new(&key, &link.link)?.versioned(1), Some(1));
        match self.table.commit(&writes, WriteId::new(now, &*self.ids), now).await {
            Ok(()) | Err(CommitError::Lost(_)) => Ok(()),
            Err(CommitError::Store(error)) => Err(error),
        }
    }

    /// Writes how a job on a repository's projects ended, while it is held by the job's lease; `None` when it is not. Where
    /// there is more to look at the next job is queued.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn end_spec_sync(
        &self,
        set: &DecisionSet,
        lease: LeaseId,
        read: &SpecsRead,
        now: Timestamp,
    ) -> Result<Option<RepositoryState>, StoreError> {
        let id = set.repository.id;
        let change = |state: &RepositoryState| state.specs_read(id, lease, read, now);
        let state = self.change_state(set, None, now, change).await?;
        if state.sync.generation != set.state.sync.generation || state.sync.lease.is_some() {
            return Ok(None);
        }
        if read.after_project.is_some() {
            // One that gets lost is made up for by the tick.
            self.send_sync_jobs(&[id]).await;
        }
        Ok(Some(state))
    }

    /// Makes a repository due whose next sync is planned for later. That it could not be is no failure: it is planned.
    pub(super) async fn sync_soon(&self, id: RepositoryId, now: Timestamp) {
        let values = HashMap::from([(":at".to_owned(), text(keys::due_sort(now, id)))]);
        let state = keys::part(id, Part::State);
        let moved = self.table.update_if(&state, "SET due_sk = :at", "due_sk > :at", values).await;
        if let Err(error) = moved {
            tracing::warn!(repo.id = %id, %error, "The sync of a repository with a new project waits for its time");
        }
    }
}
