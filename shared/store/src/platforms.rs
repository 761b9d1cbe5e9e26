//! Platforms, and the personal ones that come with users and groups.
//!
//! A platform is one item with its relations. All platforms of a tenant lie in one partition: whoever lists them reads them
//! all, because who may see one is said by the platform itself.

use crate::change::record_item;
use crate::commit::{Guard, Writes};
use crate::decision::DecisionSet;
use crate::error::StoreError;
use crate::idempotency::{KeptAnswer, Once};
use crate::item::{self, Item};
use crate::keys::{self, Counter, Key, Part, Tally, Unique};
use crate::repositories::{ArchiveFilter, RepositoryFilter, register};
use crate::table::Range;
use crate::tenants::{RACES, pause_after, write_conflict};
use crate::{Store, WriteError};
use repoplane_domain::access::{Member, Members, Principal, RepositoryRole, User};
use repoplane_domain::audit::{AuditAction, AuditEntry};
use repoplane_domain::error::{Conflict, DomainError, FieldErrors, Kind};
use repoplane_domain::id::{AuditId, RepositoryId, TenantId, UserId};
use repoplane_domain::platform::{
    Actor, Asking, BuildChange, CreatePlatform, MAIN_REPOSITORY, Party, Platform, Standing, namespace_of,
    personal_platform_name, platform_of,
};
use repoplane_domain::repository::Repository;
use repoplane_domain::time::Timestamp;
use serde_json::json;
use std::collections::{BTreeSet, HashMap};

/// Why a platform cannot go.
const HAS_REPOSITORIES: &str = "the platform has repositories; delete them first";
/// Platforms and projects of one group at most.
pub(crate) const MAX_OF_GROUP: usize = 100_000;

/// A platform that a command changed, and what the audit log says of it.
#[derive(Debug, Clone)]
pub struct PlatformChange {
    /// The platform, one version up.
    pub platform: Platform,
    /// What was done.
    pub audit: AuditEntry,
}

/// What a new platform holds; a group is held by what it owns.
pub(crate) fn platform_claims(writes: &mut Writes, platform: &Platform) -> Result<(), StoreError> {
    let name = keys::unique(platform.tenant, &Unique::PlatformName(platform.name.clone()));
    writes.claim(Item::new(&name, &format!("platform/{}", platform.number))?, Guard::PlatformName);
    own_one(writes, platform.tenant, platform.owner.actor);
    Ok(())
}

/// One more thing is its owner's.
pub(crate) fn own_one(writes: &mut Writes, tenant: TenantId, owner: Actor) {
    if let Actor::Group(number) = owner {
        let full = format!("a group owns at most {MAX_OF_GROUP} platforms and projects");
        writes.count_one(keys::tally(tenant, Tally::Group(number)), MAX_OF_GROUP, full);
    }
}

/// One thing less is its owner's.
pub(crate) fn disown_one(writes: &mut Writes, tenant: TenantId, owner: Actor) {
    if let Actor::Group(number) = owner {
        writes.discount_one(keys::tally(tenant, Tally::Group(number)));
    }
}

/// A new thing's owner must be there still.
pub(crate) fn need_owner(writes: &mut Writes, tenant: TenantId, owner: Actor) {
    if let Actor::Group(number) = owner {
        writes.need_existing(keys::user_group(tenant, number));
    }
}

fn platform_item(platform: &Platform) -> Result<Item, StoreError> {
    Ok(Item::new(&keys::platform(platform.tenant, platform.number), platform)?.versioned(platform.version))
}

/// Who owns what comes with them.
fn first_member(user: &User) -> Member {
    Member {
        user_id: user.id,
        username: user.username.clone(),
        display_name: user.display_name.clone(),
        email: user.email.clone(),
        role: RepositoryRole::Owner,
    }
}

impl Store {
    /// A platform.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn platform(&self, tenant: TenantId, number: u64) -> Result<Option<Platform>, StoreError> {
        let item = self.table.get(&keys::platform(tenant, number), true).await?;
        item.map(|item| item::into_value("platform", item)).transpose()
    }

    /// The platforms of a tenant, oldest first.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn platforms(&self, tenant: TenantId) -> Result<Vec<Platform>, StoreError> {
        let items = self.table.query(&Range::partition(keys::platforms_partition(tenant))).await?;
        items.into_iter().map(|item| item::into_value("platform", item)).collect()
    }

    /// Makes a distribution.
    ///
    /// # Errors
    /// `PLATFORM_NAME_TAKEN`; a parent that is not there; storage failures.
    pub async fn create_platform(
        &self,
        author: &Principal,
        (command, owner): (CreatePlatform, Party),
        once: Option<&Once>,
        now: Timestamp,
        answer: impl Fn(&Platform) -> KeptAnswer,
    ) -> Result<Platform, WriteError> {
        let tenant = author.tenant;
        if let Some(parent) = command.parent
            && self.platform(tenant, parent).await?.is_none()
        {
            return Err(DomainError::invalid("/parent", "no such platform").into());
        }
        let number = self.table.next_number(&keys::counter(tenant, Counter::Platforms)).await?;
        let platform = command.into_platform(number, tenant, owner, now);
        let mut writes = Writes::default();
        writes.keep(once, || answer(&platform), now)?;
        platform_claims(&mut writes, &platform)?;
        need_owner(&mut writes, tenant, platform.owner.actor);
        writes.create(platform_item(&platform)?);
        let entry = AuditEntry::by(author, AuditId::new(now, &*self.ids), AuditAction::PlatformCreated, number, now);
        writes.audit(&entry.with(json!({"name": platform.name, "owner": platform.owner.uname})))?;
        self.commit_new(&writes, now).await?;
        Ok(platform)
    }

    /// The platform of a user's own, with its repository `main`; it is made when it is first needed, whoever needs it.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails; a race lost.
    pub async fn need_personal_platform(
        &self,
        tenant: TenantId,
        user: UserId,
        now: Timestamp,
    ) -> Result<(), WriteError> {
        if self.personal.get(&(tenant, user)).await.is_some() {
            return Ok(());
        }
        let Some(user) = self.user(tenant, user).await? else { return Ok(()) };
        let name = personal_platform_name(&user.username, user.number);
        let claim = keys::unique(tenant, &Unique::PlatformName(name));
        if self.table.get(&claim, true).await?.is_none() {
            if self.is_suspended(tenant).await? {
                // It is read, not written.
                return Ok(());
            }
            let mut writes = Writes::default();
            let platform = self.add_personal_platform(&mut writes, tenant, Party::from(&user), &user, now).await?;
            let audit = AuditId::new(now, &*self.ids);
            let entry = AuditEntry::by_system(tenant, audit, AuditAction::PlatformCreated, platform.number, now);
            writes.audit(&entry.with(json!({"name": platform.name, "owner": platform.owner.uname})))?;
            match self.commit_if_current(&writes, now).await {
                // Whoever else needed it at the same time made it.
                Ok(_) => {}
                Err(WriteError::Domain(DomainError::Conflict(conflict))) if conflict.code == "PLATFORM_NAME_TAKEN" => {}
                Err(error) => return Err(error),
            }
        }
        self.personal.insert((tenant, user.id), ()).await;
        Ok(())
    }

    /// Adds the platform that comes with a user or a group, and its repository `main`, which `first` owns.
    pub(crate) async fn add_personal_platform(
        &self,
        writes: &mut Writes,
        tenant: TenantId,
        owner: Party,
        first: &User,
        now: Timestamp,
    ) -> Result<Platform, WriteError> {
        let number = self.table.next_number(&keys::counter(tenant, Counter::Platforms)).await?;
        let repository = self.table.next_number(&keys::counter(tenant, Counter::Repositories)).await?;
        let platform = Platform::personal(number, tenant, owner, now);
        platform_claims(writes, &platform)?;
        writes.create(platform_item(&platform)?);
        let mut errors = FieldErrors::new();
        let described = BuildChange { description: Some(MAIN_REPOSITORY.to_owned()), ..BuildChange::default() };
        let command = described.create(number, Some(MAIN_REPOSITORY.to_owned()), false, &mut errors);
        let command = errors.into_result(command)?;
        let id = RepositoryId::new(now, &*self.ids);
        let mut record = command.into_repository(id, repository, tenant, first.id, now)?;
        if let Some(build) = &mut record.build {
            build.permanent = true;
        }
        let set = DecisionSet::of_new(record, Members::of_owner(first_member(first)));
        register(writes, &set)?;
        let entry =
            AuditEntry::by_system(tenant, AuditId::new(now, &*self.ids), AuditAction::RepoCreated, id, now).on(id);
        let Repository { name, provider, .. } = &set.repository;
        writes.audit(&entry.with(json!({"name": name, "provider": provider, "platform": platform.name})))?;
        Ok(platform)
    }

    /// Changes a platform; after a lost race, again on a fresh read. What turns released publishes nothing without its
    /// administrators from then on: its repositories change in the same transaction.
    ///
    /// # Errors
    /// Not found, what the change says, a race lost to the end, storage failures.
    pub async fn change_platform(
        &self,
        tenant: TenantId,
        number: u64,
        now: Timestamp,
        change: impl Fn(&Platform) -> Result<PlatformChange, DomainError>,
    ) -> Result<Platform, WriteError> {
        for attempt in 0..RACES {
            let stored = self.platform(tenant, number).await?.ok_or(DomainError::NotFound(Kind::Platform))?;
            let PlatformChange { platform, audit } = change(&stored)?;
            let mut writes = Writes::default();
            writes.replace(platform_item(&platform)?, Some(stored.version));
            writes.audit(&audit)?;
            let mut changed = Vec::new();
            if platform.released && !stored.released {
                for before in self.repositories_of_namespace(tenant, &namespace_of(number)).await? {
                    if let Some(after) = before.released(now) {
                        writes.replace(record_item(&after)?, Some(before.version));
                        changed.push(after.id);
                    }
                }
            }
            if self.commit_if_current(&writes, now).await? {
                for id in changed {
                    self.access.invalidate(&id).await;
                }
                return Ok(platform);
            }
            pause_after(attempt).await;
        }
        Err(DomainError::Conflict(write_conflict()).into())
    }

    /// Deletes a platform that has no repositories.
    ///
    /// # Errors
    /// Not found, `IN_USE`, what `check` says, a race lost to the end, storage failures.
    pub async fn remove_platform(
        &self,
        author: &Principal,
        number: u64,
        now: Timestamp,
        check: impl Fn(&Platform) -> Result<(), DomainError>,
    ) -> Result<(), WriteError> {
        for attempt in 0..RACES {
            let stored = self.platform(author.tenant, number).await?.ok_or(DomainError::NotFound(Kind::Platform))?;
            check(&stored)?;
            if !stored.is_main() {
                let text = "a personal platform comes and goes with its owner";
                return Err(DomainError::Conflict(Conflict::new("PLATFORM_PERMANENT", text)).into());
            }
            let mut writes = Writes::default();
            forget_platform(&mut writes, &stored);
            disown_one(&mut writes, author.tenant, stored.owner.actor);
            let audit = AuditId::new(now, &*self.ids);
            let entry = AuditEntry::by(author, audit, AuditAction::PlatformDeleted, number, now);
            writes.audit(&entry.with(json!({"name": stored.name})))?;
            if self.commit_if_current(&writes, now).await? {
                return Ok(());
            }
            pause_after(attempt).await;
        }
        Err(DomainError::Conflict(write_conflict()).into())
    }

    /// The platform of this name, ignoring case.
    pub(crate) async fn platform_by_name(&self, tenant: TenantId, name: &str) -> Result<Option<Platform>, StoreError> {
        let claim = keys::unique(tenant, &Unique::PlatformName(name.to_owned()));
        let Some(claim) = self.table.get(&claim, true).await? else { return Ok(None) };
        let holder: String = item::value("claim", &claim)?;
        match holder.strip_prefix("platform/").and_then(|number| number.parse().ok()) {
            Some(number) => self.platform(tenant, number).await,
            None => Ok(None),
        }
    }
}

/// A platform goes with its name, unless it has repositories.
pub(crate) fn forget_platform(writes: &mut Writes, platform: &Platform) {
    let (tenant, number) = (platform.tenant, platform.number);
    writes.delete_tally(keys::tally(tenant, Tally::Platform(number)), 0, HAS_REPOSITORIES);
    writes.delete_version(keys::platform(tenant, number), platform.version);
    writes.delete(keys::unique(tenant, &Unique::PlatformName(platform.name.clone())));
}

/// Repositories of a member that a list of platforms looks at.
const MAX_MEMBERSHIPS: usize = 1_000;

impl Store {
    /// Whether a user is a member of any repository of a platform.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn is_member_on(&self, tenant: TenantId, user: UserId, platform: u64) -> Result<bool, StoreError> {
        let memberships = Range::partition(keys::memberships_partition(tenant, user));
        let entries = Range::partition(keys::namespace_partition(tenant, &namespace_of(platform)));
        let (memberships, entries) = tokio::try_join!(self.table.query(&memberships), self.table.query(&entries))?;
        let ids = |items: &[item::Attributes]| -> BTreeSet<String> {
            items.iter().filter_map(|item| item::text_of(item, keys::SK)).map(str::to_owned).collect()
        };
        Ok(!ids(&memberships).is_disjoint(&ids(&entries)))
    }

    /// The platforms that a caller may look at, oldest first.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn visible_platforms(&self, principal: &Principal, now: Timestamp) -> Result<Vec<Platform>, StoreError> {
        let mut platforms = self.platforms(principal.tenant).await?;
        if principal.sees_all_repositories() {
            return Ok(platforms);
        }
        let mut named: Vec<u64> = platforms.iter().flat_map(Platform::groups).collect();
        named.sort_unstable();
        named.dedup();
        let groups = self.groups_named(principal.tenant, &named).await?;
        let asking = Asking { principal, groups: &groups };
        let sees = |platform: &Platform| Standing::of(asking, platform, None).sees();
        if platforms.iter().all(sees) {
            return Ok(platforms);
        }
        // Those that a caller sees only as the member of a repository.
        let all = RepositoryFilter { archived: ArchiveFilter::All, ..RepositoryFilter::default() };
        let own = self.repositories(principal, &all, None, MAX_MEMBERSHIPS, now).await?;
        let own: BTreeSet<u64> = own.rows.iter().filter_map(|row| platform_of(&row.repository.namespace)).collect();
        platforms.retain(|platform| own.contains(&platform.number) || sees(platform));
        Ok(platforms)
    }

    /// As [`Store::need_personal_platform`], of the user of a name, if there is one.
    ///
    /// # Errors
    /// As [`Store::need_personal_platform`].
    pub async fn need_personal_platform_of(
        &self,
        tenant: TenantId,
        username: &str,
        now: Timestamp,
    ) -> Result<(), WriteError> {
        match self.user_by_name(tenant, username).await? {
            Some(user) => self.need_personal_platform(tenant, user.id, now).await,
            None => Ok(()),
        }
    }

    /// Platforms by number; absent ones are left out.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn platforms_named(
        &self,
        tenant: TenantId,
        numbers: &[u64],
    ) -> Result<HashMap<u64, Platform>, StoreError> {
        let numbers: BTreeSet<u64> = numbers.iter().copied().collect();
        let wanted: Vec<Key> = numbers.into_iter().map(|number| keys::platform(tenant, number)).collect();
        let mut found = HashMap::new();
        for item in self.table.batch_get(&wanted, true).await? {
            let platform: Platform = item::into_value("platform", item)?;
            found.insert(platform.number, platform);
        }
        Ok(found)
    }

    /// The repositories of each of a page of platforms, oldest first: one Query for each, and the records together.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn repositories_of_platforms(
        &self,
        tenant: TenantId,
        numbers: &[u64],
    ) -> Result<HashMap<u64, Vec<Repository>>, StoreError> {
        let mut records = Vec::new();
        for number in numbers {
            let range = Range::partition(keys::namespace_partition(tenant, &namespace_of(*number)));
            for entry in self.table.query(&range).await? {
                let id: RepositoryId = item::value("place", &entry)?;
                records.push(keys::part(id, Part::Record));
            }
        }
        let mut found: HashMap<u64, Vec<Repository>> = HashMap::new();
        for item in self.table.batch_get(&records, false).await? {
            let repository: Repository = item::into_value("repository", item)?;
            if let Some(number) = platform_of(&repository.namespace) {
                found.entry(number).or_default().push(repository);
            }
        }
        for repositories in found.values_mut() {
            repositories.sort_by_key(|repository| repository.number);
        }
        Ok(found)
    }
}
