//! Groups of users, and users by their numbers.

use crate::commit::{Guard, Writes};
use crate::error::StoreError;
use crate::idempotency::{KeptAnswer, Once};
use crate::item::{self, Item};
use crate::keys::{self, Counter, Key, Tally, Unique};
use crate::platforms::forget_platform;
use crate::table::Range;
use crate::tenants::{RACES, pause_after, write_conflict};
use crate::{Author, Store, WriteError};
use repoplane_domain::access::{Principal, Right, User};
use repoplane_domain::audit::{AuditAction, AuditEntry};
use repoplane_domain::error::{DomainError, Kind};
use repoplane_domain::id::{AuditId, TenantId, UserId};
use repoplane_domain::platform::{
    CreateGroup, Group, MAX_GROUPS, Party, UserRef, namespace_of, personal_platform_name,
};
use repoplane_domain::time::Timestamp;
use serde_json::json;
use std::collections::BTreeSet;

/// Why a group cannot go.
const OWNS: &str = "the group owns platforms or projects; delete them first";

/// A group that a command changed, and what the audit log says of it.
#[derive(Debug, Clone)]
pub struct GroupChange {
    /// The group, one version up.
    pub group: Group,
    /// What was done.
    pub audit: AuditEntry,
}

fn group_item(group: &Group) -> Result<Item, StoreError> {
    Ok(Item::new(&keys::user_group(group.tenant, group.number), group)?.versioned(group.version))
}

impl Store {
    /// A user by number.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn user_by_number(&self, tenant: TenantId, number: u64) -> Result<Option<User>, StoreError> {
        if let Some(id) = self.user_numbers.get(&(tenant, number)).await {
            return self.user(tenant, id).await;
        }
        let user = match self.table.get(&keys::user_number(tenant, number), true).await? {
            Some(item) => self.user(tenant, item::value("number", &item)?).await?,
            // Made before users were found by their numbers.
            None => self.list_users(tenant).await?.into_iter().find(|user| user.number == number),
        };
        if let Some(user) = &user {
            self.user_numbers.insert((tenant, number), user.id).await;
        }
        Ok(user)
    }

    /// Users by id, in any order; absent ones are left out.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn users(&self, tenant: TenantId, ids: &BTreeSet<UserId>) -> Result<Vec<User>, StoreError> {
        let wanted: Vec<Key> = ids.iter().map(|id| keys::user(tenant, *id)).collect();
        let items = self.table.batch_get(&wanted, false).await?.into_iter();
        items.map(|item| item::into_value("user", item)).collect()
    }

    /// A group.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn group(&self, tenant: TenantId, number: u64) -> Result<Option<Group>, StoreError> {
        let item = self.table.get(&keys::user_group(tenant, number), true).await?;
        item.map(|item| item::into_value("group", item)).transpose()
    }

    /// Groups by number, in any order; absent ones are left out, and without numbers nobody is asked.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn groups_named(&self, tenant: TenantId, numbers: &[u64]) -> Result<Vec<Group>, StoreError> {
        let wanted: Vec<Key> = numbers.iter().map(|number| keys::user_group(tenant, *number)).collect();
        let items = self.table.batch_get(&wanted, true).await?.into_iter();
        items.map(|item| item::into_value("group", item)).collect()
    }

    /// The groups of a tenant, oldest first.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn groups(&self, tenant: TenantId) -> Result<Vec<Group>, StoreError> {
        let items = self.table.query(&Range::partition(keys::groups_partition(tenant))).await?;
        items.into_iter().map(|item| item::into_value("group", item)).collect()
    }

    /// A user or a group by name, ignoring case; both share one space of names.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn party_by_name(&self, tenant: TenantId, name: &str) -> Result<Option<Party>, StoreError> {
        let claim = self.table.get(&keys::unique(tenant, &Unique::Username(name.to_owned())), true).await?;
        let Some(claim) = claim else { return Ok(None) };
        let holder: String = item::value("claim", &claim)?;
        if let Ok(user) = holder.parse::<UserId>() {
            return Ok(self.user(tenant, user).await?.as_ref().map(Party::from));
        }
        match holder.strip_prefix("group/").and_then(|number| number.parse().ok()) {
            Some(number) => Ok(self.group(tenant, number).await?.map(|group| group.party())),
            None => Ok(None),
        }
    }

    /// Makes a group with its personal platform; the caller owns it.
    ///
    /// # Errors
    /// `USERNAME_TAKEN`, over [`MAX_GROUPS`], storage failures.
    pub async fn create_group(
        &self,
        author: &Principal,
        command: CreateGroup,
        once: Option<&Once>,
        now: Timestamp,
        answer: impl Fn(&Group) -> KeptAnswer,
    ) -> Result<Group, WriteError> {
        let tenant = author.tenant;
        let user = self.user(tenant, author.user).await?.ok_or(DomainError::NotFound(Kind::User))?;
        let number = self.table.next_number(&keys::counter(tenant, Counter::Groups)).await?;
        let group = command.into_group(number, tenant, UserRef::from(&user), now);
        let mut writes = Writes::default();
        writes.keep(once, || answer(&group), now)?;
        let name = keys::unique(tenant, &Unique::Username(group.uname.clone()));
        writes.claim(Item::new(&name, &format!("group/{number}"))?, Guard::Username);
        writes.create(group_item(&group)?);
        let full = format!("a tenant has at most {MAX_GROUPS} groups");
        writes.count_one(keys::tally(tenant, Tally::Groups), MAX_GROUPS, full);
        self.add_personal_platform(&mut writes, tenant, group.party(), &user, now).await?;
        let entry = AuditEntry::by(author, AuditId::new(now, &*self.ids), AuditAction::GroupCreated, number, now);
        writes.audit(&entry.with(json!({"uname": group.uname})))?;
        self.commit_new(&writes, now).await?;
        Ok(group)
    }

    /// Changes a group; after a lost race, again on a fresh read.
    ///
    /// # Errors
    /// Not found, what the change says, a race lost to the end, storage failures.
    pub async fn change_group(
        &self,
        tenant: TenantId,
        number: u64,
        now: Timestamp,
        change: impl Fn(&Group) -> Result<GroupChange, DomainError>,
    ) -> Result<Group, WriteError> {
        for attempt in 0..RACES {
            let stored = self.group(tenant, number).await?.ok_or(DomainError::NotFound(Kind::Group))?;
            let GroupChange { group, audit } = change(&stored)?;
            let mut writes = Writes::default();
            writes.replace(group_item(&group)?, Some(stored.version));
            writes.audit(&audit)?;
            if self.commit_if_current(&writes, now).await? {
                return Ok(group);
            }
            pause_after(attempt).await;
        }
        Err(DomainError::Conflict(write_conflict()).into())
    }

    /// Deletes a group that owns nothing but its personal platform, with that platform and its repository `main`.
    ///
    /// # Errors
    /// Not found, `IN_USE`, what `check` says, a race lost to the end, storage failures.
    pub async fn remove_group(
        &self,
        author: &Principal,
        number: u64,
        now: Timestamp,
        check: impl Fn(&Group) -> Result<(), DomainError>,
    ) -> Result<(), WriteError> {
        let tenant = author.tenant;
        let owned = || DomainError::Conflict(repoplane_domain::error::Conflict::new("IN_USE", OWNS));
        for attempt in 0..RACES {
            let stored = self.group(tenant, number).await?.ok_or(DomainError::NotFound(Kind::Group))?;
            check(&stored)?;
            let platform = self.platform_by_name(tenant, &personal_platform_name(&stored.uname, number)).await?;
            let platform = platform.filter(|platform| platform.owner.group() == Some(number));
            let mut writes = Writes::default();
            if let Some(platform) = &platform {
                let repositories = self.repositories_of_namespace(tenant, &namespace_of(platform.number)).await?;
                if repositories.iter().any(|repository| !repository.build.as_ref().is_some_and(|own| own.permanent)) {
                    return Err(owned().into());
                }
                // The count first: what the group owns besides must be known before anything goes.
                if self.tallied(&keys::tally(tenant, Tally::Group(number))).await? > 1 {
                    return Err(owned().into());
                }
                for repository in repositories {
                    let Some(set) = self.repository(tenant, repository.id).await? else { continue };
                    let author = Author { principal: author, right: Right::Granted, now };
                    self.remove_with_platform(author, set, true, |_| Ok(())).await?;
                }
                forget_platform(&mut writes, platform);
            }
            writes.delete_tally(keys::tally(tenant, Tally::Group(number)), usize::from(platform.is_some()), OWNS);
            writes.delete_version(keys::user_group(tenant, number), stored.version);
            writes.delete(keys::unique(tenant, &Unique::Username(stored.uname.clone())));
            writes.discount_one(keys::tally(tenant, Tally::Groups));
            let audit = AuditId::new(now, &*self.ids);
            let entry = AuditEntry::by(author, audit, AuditAction::GroupDeleted, number, now);
            writes.audit(&entry.with(json!({"uname": stored.uname})))?;
            if self.commit_if_current(&writes, now).await? {
                return Ok(());
            }
            pause_after(attempt).await;
        }
        Err(DomainError::Conflict(write_conflict()).into())
    }

    async fn tallied(&self, key: &Key) -> Result<usize, StoreError> {
        let item = self.table.get(key, true).await?;
        Ok(item.as_ref().and_then(|item| item::number_of(item, "tallied")).unwrap_or_default())
    }
}
