//! The worker on a repository that is fed by its projects: what their spec files say becomes its source packages.
//!
//! A job looks at the next projects by their numbers, as many as its time allows, and asks those that have a remote for the
//! head of their branch. The files of a head that was read before are not read again. What one project's remote or files
//! refuse is told, and holds back no other.

use crate::scan::Place;
use crate::{Looked, Scanner, SyncFunction};
use repoplane_api::observe::carried;
use repoplane_domain::access::NetworkSettings;
use repoplane_domain::credential::GitAccess;
use repoplane_domain::error::DomainError;
use repoplane_domain::id::LeaseId;
use repoplane_domain::package::{Harvest, Published, may_publish};
use repoplane_domain::platform::BuildProject;
use repoplane_domain::repository::{Begun, MAX_PROJECTS_A_JOB, Provider, SpecsRead, unread_projects};
use repoplane_domain::secret::sha256_hex;
use repoplane_domain::trusted_host::TrustedHosts;
use repoplane_providers::{Answered, BranchHead, Fault, ProviderError, Target};
use repoplane_store::{DecisionSet, LinkSpecs, SpecLink, StoreError, WriteError};
use std::collections::HashMap;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// Heads that are asked for at the same time.
const HEADS_AT_ONCE: usize = 8;
/// After this time no further files are read: a job ends before [`crate::JOB_TIMEOUT`], and its lease lasts longer.
const READING_TIME: Duration = Duration::from_secs(90);
/// Longest time that one project's files may take.
const PROJECT_TIMEOUT: Duration = Duration::from_secs(60);

/// What a job has found so far.
#[derive(Debug, Default)]
struct Reading {
    rows: Vec<Published>,
    /// What is to be remembered of links, by their places.
    found: Vec<(usize, Option<LinkSpecs>)>,
    /// The number of the last project that was looked at.
    last: Option<u64>,
}

impl<S: Scanner> SyncFunction<S> {
    /// Looks at the projects of a repository.
    pub(crate) async fn read_projects(
        &self,
        set: &DecisionSet,
        lease: LeaseId,
        network: &NetworkSettings,
    ) -> Result<Looked, StoreError> {
        let store = &self.app.store;
        let set = match store.begin_sync(set, lease, self.app.now()).await? {
            Begun::Taken(state) => DecisionSet { state, ..set.clone() },
            Begun::Busy => return Ok(Looked::Nothing("somebody is at it")),
            Begun::GivenUp(_) => return Ok(Looked::GivenUp),
        };
        let read = match may_publish(&set.repository) {
            Ok(()) => self.publish_projects(&set, network).await?,
            Err(refused) => held_back(refused),
        };
        let ended = match store.end_spec_sync(&set, lease, &read, self.app.now()).await? {
            None => Looked::Dropped,
            Some(_) if read.wrong.is_some() => Looked::Failed,
            Some(_) => Looked::Synced,
        };
        Ok(ended)
    }

    /// Reads the next projects and publishes what they say.
    async fn publish_projects(&self, set: &DecisionSet, network: &NetworkSettings) -> Result<SpecsRead, StoreError> {
        let (store, id) = (&self.app.store, set.repository.id);
        let mut links = store.spec_links(id).await?;
        let after = set.state.sync.after_project;
        let first = links.partition_point(|link| after.is_some_and(|after| link.project() <= after));
        let end = links.len().min(first + MAX_PROJECTS_A_JOB);
        let projects = store.projects_of_links(set.repository.tenant, &links[first..end]).await?;
        let trusted = store.trust_of(set.repository.tenant).await?;
        let reach = Reach { network: network.clone(), trusted };
        let mut reading = Reading::default();
        let until = Instant::now() + READING_TIME;
        let mut place = first;
        'projects: while place < end {
            let next = end.min(place + HEADS_AT_ONCE);
            let asked = links[place..next].iter().filter_map(|link| projects.get(&link.project()));
            let mut heads = self.heads_of(asked.filter(|project| project.is_read()), &reach).await;
            for (at, link) in links.iter().enumerate().take(next).skip(place) {
                // One is read whatever the time, so that every job comes further.
                if at > first && Instant::now() >= until {
                    break 'projects;
                }
                let found = match (projects.get(&link.project()), heads.remove(&link.project())) {
                    (Some(project), Some(head)) => {
                        Some(self.read_project(link, (project, head), &reach, &mut reading.rows).await)
                    }
                    // There is nothing to be read of it, or no more.
                    (None, _) | (_, None) => None,
                };
                reading.found.push((at, found));
                reading.last = Some(link.project());
            }
            place = next;
        }
        if let Some(refused) = self.publish_rows(set, reading.rows).await? {
            return Ok(refused);
        }
        for (at, found) in reading.found {
            store.remember_specs(id, &mut links[at], found, self.app.now()).await?;
        }
        let more = reading.last.filter(|last| links.last().is_some_and(|link| link.project() > *last));
        // What is wrong is told at the end, of all of them.
        let wrong = links.iter().filter_map(|link| Some((link.name(), link.specs()?.wrong()?)));
        Ok(SpecsRead { wrong: if more.is_some() { None } else { unread_projects(wrong) }, after_project: more })
    }

    /// The heads of some projects' branches by the projects' numbers, asked for at the same time.
    async fn heads_of(
        &self,
        projects: impl Iterator<Item = &BuildProject>,
        reach: &Reach,
    ) -> HashMap<u64, Result<BranchHead, ProviderError>> {
        let mut asked = JoinSet::new();
        for project in projects {
            let (scanner, project, reach) = (self.scanner.clone(), project.clone(), reach.clone());
            asked.spawn(carried(async move {
                let head = scanner.head(&place_of(&project, &reach)).await;
                (project.number, head.map(|head| head.value))
            }));
        }
        asked.join_all().await.into_iter().collect()
    }

    /// What is known of a project after its head was asked for; the packages of files that were read are added to `rows`.
    async fn read_project(
        &self,
        link: &SpecLink,
        (project, head): (&BuildProject, Result<BranchHead, ProviderError>),
        reach: &Reach,
        rows: &mut Vec<Published>,
    ) -> LinkSpecs {
        let source = source_of(project);
        let known = link.specs().filter(|known| known.source == source).cloned();
        let known = known.unwrap_or(LinkSpecs { source, ..LinkSpecs::default() });
        let unread = |reason: String| LinkSpecs { unread: Some(reason), ..known.clone() };
        let head = match head {
            Ok(head) => head,
            Err(error) => return unread(reason_of(&error)),
        };
        if known.commit.as_deref() == Some(head.commit.as_str()) {
            return LinkSpecs { unread: None, ..known };
        }
        let place = place_of(project, reach);
        let tree = match tokio::time::timeout(PROJECT_TIMEOUT, self.scanner.specs(&place, &head)).await {
            Ok(Ok(Answered { value, .. })) => value,
            // The next sync reads it where it is then.
            Ok(Err(error)) if error.fault() == Fault::Moved => return unread("its branch moved meanwhile".to_owned()),
            Ok(Err(error)) => return unread(reason_of(&error)),
            Err(_elapsed) => return unread("its files took too long".to_owned()),
        };
        let harvest = Harvest::of(project.number, &tree);
        rows.extend(harvest.packages);
        LinkSpecs { commit: Some(head.commit), unresolved: harvest.unresolved, unread: None, ..known }
    }

    /// Publishes what was read; says how the job ends when that is refused, so that nothing is remembered as read.
    async fn publish_rows(&self, set: &DecisionSet, mut rows: Vec<Published>) -> Result<Option<SpecsRead>, StoreError> {
        if rows.is_empty() {
            return Ok(None);
        }
        // A project that was removed meanwhile took its packages with it.
        let left = self.app.store.project_numbers_in(set.repository.id).await?;
        rows.retain(|row| left.contains(&row.project));
        if rows.is_empty() {
            return Ok(None);
        }
        match self.app.store.publish_read_packages(set, &rows, self.app.now()).await {
            Ok(published) => {
                tracing::info!(repo.id = %set.repository.id, ?published, "Published what spec files say");
                Ok(None)
            }
            Err(WriteError::Domain(refused)) => Ok(Some(held_back(refused))),
            Err(WriteError::Store(StoreError::Limit(text))) => Ok(Some(held_back(DomainError::TooLarge(text)))),
            Err(WriteError::Store(error)) => Err(error),
            // Said of calls with a key of their own alone.
            Err(WriteError::Repeated) => Err(StoreError::Contended),
        }
    }
}

/// What the calls for projects may reach, and whom they may trust.
#[derive(Debug, Clone)]
struct Reach {
    network: NetworkSettings,
    trusted: TrustedHosts,
}

/// Nothing is published now: the sync says why, and begins anew at its next time.
fn held_back(refused: DomainError) -> SpecsRead {
    let reason = match refused {
        DomainError::Conflict(conflict) => conflict.message,
        DomainError::TooLarge(text) => text,
        DomainError::NotFound(_)
        | DomainError::Denied(_)
        | DomainError::Invalid(_)
        | DomainError::Stale
        | DomainError::TooOften { .. } => "the packages could not be published".to_owned(),
    };
    SpecsRead { wrong: Some(reason), after_project: None }
}

/// Where a project's sources are. Nobody's remote is asked with another one's credentials, and a project has none of its own.
fn place_of<'a>(project: &'a BuildProject, reach: &'a Reach) -> Place<'a> {
    let remote_url = project.remote_url.as_deref();
    let target = Target { provider: Provider::Git, api_base_url: None, identity: "", remote_url };
    Place {
        target,
        branch: Some(&project.branch),
        access: &GitAccess::Anonymous,
        network: &reach.network,
        trusted: &reach.trusted,
    }
}

/// What a commit is the commit of: another remote or branch is read anew.
fn source_of(project: &BuildProject) -> String {
    let remote = project.remote_url.as_deref().unwrap_or_default();
    sha256_hex(format!("{remote}\n{}", project.branch).as_bytes())
}

fn reason_of(error: &ProviderError) -> String {
    error.connection_failure(true).message
}
