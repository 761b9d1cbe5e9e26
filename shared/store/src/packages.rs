//! Packages of a repository: many, published in bulk, read whole.
//!
//! They lie in [`LISTS`] compressed lists by the hash of what tells a package apart: an upload of any size is one Query and
//! few transactions, and reading all of them is one Query. A list is replaced under the version that was read.

mod list;
mod reader;

use crate::commit::{CommitError, Writes};
use crate::decision::DecisionSet;
use crate::error::StoreError;
use crate::item::{self, Item};
use crate::keys::{self, Counter, Part};
use crate::table::Range;
use crate::tenants::{RACES, pause_after, write_conflict};
use crate::{Author, Store, WriteError};
use list::{LISTS, List, list_of};
pub use reader::Packages;
use repoplane_domain::access::authorize;
use repoplane_domain::audit::{AuditAction, AuditEntry};
use repoplane_domain::error::{DomainError, Kind};
use repoplane_domain::id::{AuditId, RepositoryId, TenantId, UserId, WriteId};
use repoplane_domain::package::{MAX_PACKAGES, Published, may_publish};
use repoplane_domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::time::Duration;

/// Bytes of the lists in one transaction (DynamoDB: 4 MB in all).
const BATCH_BYTES: usize = 3 * 1024 * 1024;
/// Between two requests for the packages of a platform (contract: abf 4.3).
const BETWEEN_REQUESTS: Duration = Duration::from_secs(15 * 60);

/// What an upload came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Publication {
    /// Packages that were not there.
    pub added: usize,
    /// Packages that were there with another project or committer.
    pub changed: usize,
    /// Packages that were there as they are.
    pub unchanged: usize,
}

/// Who asked last for packages of a platform, and how far a walk over pages has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackagesAsked {
    /// The user.
    pub user: UserId,
    /// Of which repository.
    pub repository: RepositoryId,
    /// The page that the same user may ask for next, within the same time.
    pub next_page: Option<u32>,
    /// From when on anybody may ask again.
    pub until: Timestamp,
    version: u64,
}

/// Who publishes, or takes back.
#[derive(Debug, Clone, Copy)]
enum By<'a> {
    /// A caller.
    Caller(Author<'a>),
    /// A sync, which read it from the sources.
    Sync(Timestamp),
}

impl By<'_> {
    fn now(&self) -> Timestamp {
        match self {
            Self::Caller(author) => author.now,
            Self::Sync(now) => *now,
        }
    }
}

/// How one row of an upload ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Added,
    Changed,
    Unchanged,
}

/// A list that is to be written, and the rows that it makes true.
struct Pending {
    number: u8,
    read: u64,
    list: Vec<u8>,
    count: usize,
    rows: Vec<(usize, Fate)>,
}

impl Store {
    /// Every package of a repository, in the order in which they were published, each decompressed when it is asked for.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails, and for a package that cannot be read.
    pub async fn packages(&self, repository: RepositoryId) -> Result<Packages, StoreError> {
        Packages::of(self.package_lists(repository).await?)
    }

    /// Publishes packages: what is there stays as it is, so that an upload may be sent again.
    ///
    /// # Errors
    /// What the author's right says, [`may_publish`], over [`MAX_PACKAGES`], the repository is gone, a race lost to the end,
    /// storage failures. Of an upload that ends so, some may be published: sending it again publishes the rest.
    pub async fn publish_packages(
        &self,
        author: Author<'_>,
        set: &DecisionSet,
        rows: &[Published],
    ) -> Result<Publication, WriteError> {
        self.publish(By::Caller(author), set, rows).await
    }

    /// Publishes what a sync has read of the repository's projects, by the same rules as an upload.
    ///
    /// # Errors
    /// As [`Self::publish_packages`], but for the right.
    pub async fn publish_read_packages(
        &self,
        set: &DecisionSet,
        rows: &[Published],
        now: Timestamp,
    ) -> Result<Publication, WriteError> {
        self.publish(By::Sync(now), set, rows).await
    }

    async fn publish(&self, by: By<'_>, set: &DecisionSet, rows: &[Published]) -> Result<Publication, WriteError> {
        let mut set = set.clone();
        let mut fates: Vec<Option<Fate>> = vec![None; rows.len()];
        let mut first_id = None;
        for attempt in 0..RACES {
            if let By::Caller(author) = &by {
                authorize(author.principal, &set.repository, &set.members.members, author.right)?;
            }
            may_publish(&set.repository)?;
            let tenant = set.repository.tenant;
            let first = match first_id {
                Some(first) => first,
                None => {
                    let last = self.table.next_numbers(&keys::counter(tenant, Counter::Packages), rows.len()).await?;
                    (last + 1).saturating_sub(u64::try_from(rows.len()).unwrap_or_default())
                }
            };
            first_id = Some(first);
            let pending = self.plan(set.repository.id, rows, first, &mut fates).await?;
            if self.commit_lists(by, &set, pending, &mut fates).await? {
                return Ok(count(&fates));
            }
            pause_after(attempt).await;
            set = self.reread(&set).await?;
        }
        Err(DomainError::Conflict(write_conflict()).into())
    }

    /// Takes the packages of a project out of a repository, in whatever state that is; says how many.
    ///
    /// # Errors
    /// The repository is gone, a race lost to the end, storage failures.
    pub async fn remove_packages_of(
        &self,
        author: Author<'_>,
        set: &DecisionSet,
        project: u64,
    ) -> Result<usize, WriteError> {
        let (tenant, id, mut removed) = (set.repository.tenant, set.repository.id, 0);
        for attempt in 0..RACES {
            let mut batches = vec![(Writes::default(), 0, 0)];
            for list in self.package_lists(id).await? {
                let mut packages = list.packages()?;
                let before = packages.len();
                packages.retain(|package| package.published.project != project);
                if packages.len() == before {
                    continue;
                }
                let bytes = list::encode(&packages)?;
                if batches.last().is_none_or(|(_, used, _)| used + bytes.len() > BATCH_BYTES) {
                    batches.push((Writes::default(), 0, 0));
                }
                if let Some((writes, used, gone)) = batches.last_mut() {
                    *used += bytes.len();
                    *gone += before - packages.len();
                    let item = list::item(id, list.number, list.version + 1, (bytes, packages.len()));
                    writes.replace(item, Some(list.version));
                }
            }
            let mut lost = false;
            for (mut writes, _, gone) in batches.into_iter().filter(|(writes, ..)| !writes.is_empty()) {
                writes.need_existing(keys::part(id, Part::Record));
                let details = json!({"projectId": project, "removed": gone});
                let by = By::Caller(author);
                self.audit_packages(&mut writes, by, (tenant, id), AuditAction::RepoPackagesRemoved, details)?;
                match self.commit_packages(&writes, author.now).await? {
                    true => removed += gone,
                    false => lost = true,
                }
                if lost {
                    break;
                }
            }
            if !lost {
                return Ok(removed);
            }
            pause_after(attempt).await;
            self.reread(set).await?;
        }
        Err(DomainError::Conflict(write_conflict()).into())
    }

    /// Who asked last for packages of a platform, while nobody else may.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn packages_asked(
        &self,
        tenant: TenantId,
        platform: u64,
        now: Timestamp,
    ) -> Result<Option<PackagesAsked>, StoreError> {
        let item = self.table.get(&keys::packages_asked(tenant, platform), true).await?;
        let asked: Option<PackagesAsked> = item.map(|item| item::into_value("request", item)).transpose()?;
        Ok(asked.filter(|asked| asked.until > now))
    }

    /// Begins the time in which packages of a platform may not be asked for again, or goes on to the next page of those that
    /// `asked` began with; `false` when somebody was faster.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn ask_packages(
        &self,
        (tenant, platform): (TenantId, u64),
        (user, repository): (UserId, RepositoryId),
        (asked, next_page): (Option<&PackagesAsked>, Option<u32>),
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let key = keys::packages_asked(tenant, platform);
        let until = asked.map_or_else(|| now.plus(BETWEEN_REQUESTS), |asked| asked.until);
        let version = asked.map_or(0, |asked| asked.version) + 1;
        let item = Item::new(&key, &PackagesAsked { user, repository, next_page, until, version })?;
        let item = item.versioned(version).expiring(until.plus(BETWEEN_REQUESTS));
        let mut writes = Writes::default();
        match asked {
            None => writes.begin_time(item, now, until),
            Some(asked) => {
                let ends = item::number(until.as_millisecond());
                writes.replace(item.with("ends", ends), Some(asked.version));
            }
        }
        self.commit_packages(&writes, now).await
    }

    async fn package_lists(&self, repository: RepositoryId) -> Result<Vec<List>, StoreError> {
        let range = Range::partition(keys::repository_partition(repository)).begins(keys::PACKAGES);
        self.table.query(&range).await?.into_iter().map(List::read).collect()
    }

    /// The lists that rows change. What is there as it is, is settled at once.
    async fn plan(
        &self,
        repository: RepositoryId,
        rows: &[Published],
        first_id: u64,
        fates: &mut [Option<Fate>],
    ) -> Result<Vec<Pending>, WriteError> {
        let stored = self.package_lists(repository).await?;
        let mut total: usize = stored.iter().map(|list| list.count).sum();
        let mut of_list: Vec<Vec<usize>> = vec![Vec::new(); usize::from(LISTS)];
        for (index, row) in rows.iter().enumerate() {
            of_list[usize::from(list_of(&row.identity))].push(index);
        }
        let mut pending = Vec::new();
        for (number, indexes) in (0..LISTS).zip(of_list).filter(|(_, indexes)| !indexes.is_empty()) {
            let list = stored.iter().find(|list| list.number == number);
            let mut packages = list.map_or_else(|| Ok(Vec::new()), List::packages)?;
            let before = packages.len();
            let changes = list::merge(&mut packages, indexes.into_iter().map(|index| (index, &rows[index])), first_id);
            for (index, _) in changes.iter().filter(|(_, fate)| *fate == Fate::Unchanged) {
                fates[*index].get_or_insert(Fate::Unchanged);
            }
            let rows: Vec<_> = changes.into_iter().filter(|(_, fate)| *fate != Fate::Unchanged).collect();
            if rows.is_empty() {
                continue;
            }
            total += packages.len() - before;
            let read = list.map_or(0, |list| list.version);
            pending.push(Pending { number, read, list: list::encode(&packages)?, count: packages.len(), rows });
        }
        if total > MAX_PACKAGES {
            let text = format!("a repository has at most {MAX_PACKAGES} packages; with these it would have {total}");
            return Err(DomainError::TooLarge(text).into());
        }
        Ok(pending)
    }

    /// Writes lists, as many in one transaction as fit; `false` when a race was lost, with what is settled by then.
    async fn commit_lists(
        &self,
        by: By<'_>,
        set: &DecisionSet,
        pending: Vec<Pending>,
        fates: &mut [Option<Fate>],
    ) -> Result<bool, WriteError> {
        let (tenant, id) = (set.repository.tenant, set.repository.id);
        let mut pending = pending.into_iter().peekable();
        while pending.peek().is_some() {
            let (mut writes, mut bytes, mut rows) = (Writes::default(), 0, Vec::new());
            writes.need_publishable(keys::part(id, Part::Record));
            while let Some(next) = pending.next_if(|next| bytes == 0 || bytes + next.list.len() <= BATCH_BYTES) {
                bytes += next.list.len();
                rows.extend(next.rows);
                let item = list::item(id, next.number, next.read + 1, (next.list, next.count));
                writes.replace(item, (next.read > 0).then_some(next.read));
            }
            let of = |wanted: Fate| rows.iter().filter(|(_, fate)| *fate == wanted).count();
            let details = json!({"added": of(Fate::Added), "changed": of(Fate::Changed)});
            self.audit_packages(&mut writes, by, (tenant, id), AuditAction::RepoPackagesPublished, details)?;
            if !self.commit_packages(&writes, by.now()).await? {
                return Ok(false);
            }
            for (index, fate) in rows {
                fates[index] = Some(fate);
            }
        }
        Ok(true)
    }

    fn audit_packages(
        &self,
        writes: &mut Writes,
        by: By<'_>,
        (tenant, repository): (TenantId, RepositoryId),
        action: AuditAction,
        details: serde_json::Value,
    ) -> Result<(), StoreError> {
        let id = AuditId::new(by.now(), &*self.ids);
        let entry = match by {
            By::Caller(author) => AuditEntry::by(author.principal, id, action, repository, author.now),
            By::Sync(now) => AuditEntry::by_system(tenant, id, action, repository, now),
        };
        writes.audit(&entry.on(repository).with(details))
    }

    async fn commit_packages(&self, writes: &Writes, now: Timestamp) -> Result<bool, StoreError> {
        match self.table.commit(writes, WriteId::new(now, &*self.ids), now).await {
            Ok(()) => Ok(true),
            Err(CommitError::Store(error)) => Err(error),
            Err(CommitError::Lost(_)) => Ok(false),
        }
    }

    async fn reread(&self, set: &DecisionSet) -> Result<DecisionSet, WriteError> {
        let fresh = self.repository(set.repository.tenant, set.repository.id).await?;
        Ok(fresh.ok_or(DomainError::NotFound(Kind::Repository))?)
    }
}

fn count(fates: &[Option<Fate>]) -> Publication {
    let of = |wanted: Fate| fates.iter().filter(|fate| **fate == Some(wanted)).count();
    Publication { added: of(Fate::Added), changed: of(Fate::Changed), unchanged: of(Fate::Unchanged) }
}
