//! Registering and listing repositories.

use crate::change::{claims, record_item, taken};
use crate::commit::{CommitError, Writes};
use crate::decision::DecisionSet;
use crate::error::StoreError;
use crate::item::{self, Item};
use crate::keys::{self, Counter, Part};
use crate::table::Range;
use crate::{Store, WriteError};
use repoplane_domain::access::{Member, Members, Principal, RepositoryRole};
use repoplane_domain::audit::{AuditAction, AuditEntry};
use repoplane_domain::credential::SecretEdit;
use repoplane_domain::error::{Conflict, DomainError};
use repoplane_domain::id::{AuditId, RepositoryId, WriteId};
use repoplane_domain::repository::{CreateRepository, Repository, RepositoryState, WebhookSecretSource};
use repoplane_domain::time::Timestamp;
use std::collections::HashMap;

/// Memberships that a member's list looks at.
const MAX_MEMBERSHIPS: usize = 1_000;

/// Which archived states a list shows (contract: hookcode 2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the variants say it")]
pub enum ArchiveFilter {
    Active,
    Archived,
    All,
}

/// One repository of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositoryRow {
    /// The record.
    pub repository: Repository,
    /// What background work knows.
    pub state: RepositoryState,
    /// The caller's role.
    pub role: Option<RepositoryRole>,
}

/// One page of a list, newest change first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RepositoryPage {
    /// The rows.
    pub rows: Vec<RepositoryRow>,
    /// Whether more exist after the last row.
    pub more: bool,
}

impl Store {
    /// Registers a repository; the caller becomes its owner.
    ///
    /// # Errors
    /// `REPO_NAME_TAKEN` and `REPO_IDENTITY_TAKEN` with the holder, limits, storage failures.
    pub async fn create_repository(
        &self,
        principal: &Principal,
        command: CreateRepository,
        now: Timestamp,
    ) -> Result<DecisionSet, WriteError> {
        let number = self.table.next_number(&keys::counter(principal.tenant, Counter::Repositories)).await?;
        let id = RepositoryId::new(now, &*self.ids);
        let supplied = command.webhook_secret.clone();
        let repository = command.into_repository(id, number, principal.tenant, principal.user, now)?;
        let owner = Member {
            user_id: principal.user,
            username: principal.username.clone(),
            display_name: principal.display_name.clone(),
            email: principal.email.clone(),
            role: RepositoryRole::Owner,
        };
        let mut set = DecisionSet::of_new(repository, Members::of_owner(owner));

        let mut writes = Writes::default();
        let repository = &set.repository;
        for (unique, guard) in claims(repository) {
            writes.claim(Item::new(&keys::unique(principal.tenant, &unique), &id)?, guard);
        }
        writes.create(record_item(repository)?);
        writes.create(Item::new(&keys::part(id, Part::Members), &set.members)?.versioned(1));
        writes.create(Item::empty(&keys::membership(principal.tenant, principal.user, id)));
        let entry = AuditEntry::by(principal, AuditId::new(now, &*self.ids), AuditAction::RepoCreated, id, now).on(id);
        writes.audit(&entry.with(serde_json::json!({"name": repository.name, "provider": repository.provider})))?;
        let edit = match (&repository.webhook.secret, supplied) {
            (WebhookSecretSource::Supplied { value }, Some(secret)) => {
                Some(SecretEdit { name: value.clone(), value: Some(secret) })
            }
            (WebhookSecretSource::Supplied { .. } | WebhookSecretSource::Derived { .. }, _) => None,
        };
        if let Some(edit) = edit {
            // The owner is new: nobody else can write its document, so no lease is needed.
            let mut document = crate::vault::Document::default();
            document.set(edit.name.as_str(), edit.value);
            let name = self.vault.name_of(principal.tenant, &id.to_string());
            let pointer = self.vault.put(&name, false, document, &*self.ids).await?;
            set.credentials.secrets = Some(pointer);
            set.credentials.version = 1;
            writes.create(Item::new(&keys::part(id, Part::Credentials), &set.credentials)?.versioned(1));
        }
        match self.table.commit(&writes, WriteId::new(now, &*self.ids), now).await {
            Ok(()) => {}
            Err(CommitError::Store(error)) => return Err(error.into()),
            Err(CommitError::Lost(lost)) => {
                let clash = || Conflict::new("WRITE_CONFLICT", "the repository could not be created; try again");
                return Err(DomainError::Conflict(taken(&lost).unwrap_or_else(clash)).into());
            }
        }
        if let Some(pointer) = &set.credentials.secrets {
            self.vault.mark_committed(pointer, None).await;
        }
        Ok(set)
    }

    /// One page of the repositories that a caller may see, newest change first, strictly after a position.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn repositories(
        &self,
        principal: &Principal,
        filter: ArchiveFilter,
        after: Option<(Timestamp, RepositoryId)>,
        limit: usize,
        now: Timestamp,
    ) -> Result<RepositoryPage, StoreError> {
        let mut repositories = if principal.sees_all_repositories() {
            self.all_repositories(principal, filter, after, limit, now).await?
        } else {
            self.member_repositories(principal, filter, after).await?
        };
        repositories.sort_by_key(|repository| std::cmp::Reverse((repository.updated_at, repository.id)));
        let more = repositories.len() > limit;
        repositories.truncate(limit);
        // Who passes every check has the same role everywhere: no list of members is asked.
        let parts: &[Part] =
            if principal.sees_all_repositories() { &[Part::State] } else { &[Part::State, Part::Members] };
        let keys: Vec<_> = repositories
            .iter()
            .flat_map(|repository| parts.iter().map(|part| keys::part(repository.id, *part)))
            .collect();
        let mut states = HashMap::new();
        let mut members = HashMap::new();
        for item in self.table.batch_get(&keys).await? {
            let pk = item::text_of(&item, keys::PK).unwrap_or_default().to_owned();
            match item::text_of(&item, keys::SK).and_then(Part::parse) {
                Some(Part::State) => {
                    states.insert(pk, item::value::<RepositoryState>("repository state", &item)?);
                }
                Some(Part::Members) => {
                    members.insert(pk, item::value::<crate::StoredMembers>("members", &item)?);
                }
                Some(Part::Record | Part::Automation | Part::Robot(_) | Part::Credentials) | None => {}
            }
        }
        let rows = repositories.into_iter().map(|repository| {
            let pk = keys::repository_partition(repository.id);
            let role = principal.role_in(&members.remove(&pk).unwrap_or_default().members);
            RepositoryRow { role, state: states.remove(&pk).unwrap_or_default(), repository }
        });
        Ok(RepositoryPage { rows: rows.collect(), more })
    }

    /// For administrators: one Query for each archived state, whatever the registry's size.
    async fn all_repositories(
        &self,
        principal: &Principal,
        filter: ArchiveFilter,
        after: Option<(Timestamp, RepositoryId)>,
        limit: usize,
        now: Timestamp,
    ) -> Result<Vec<Repository>, StoreError> {
        let states: &[bool] = match filter {
            ArchiveFilter::Active => &[false],
            ArchiveFilter::Archived => &[true],
            ArchiveFilter::All => &[false, true],
        };
        let after = after.map(|(at, id)| keys::repositories_sort(at, id));
        let mut repositories = Vec::new();
        for archived in states {
            let range = Range::partition(keys::repositories_partition(principal.tenant, *archived));
            let range = range.of_index(keys::LISTS).backwards_after(after.clone());
            // One more than the page shows: the caller learns whether more exist.
            let (items, _) = self.table.alive_page(&range, limit + 1, now).await?;
            for item in &items {
                repositories.push(item::value("repository", item)?);
            }
        }
        Ok(repositories)
    }

    /// For members: their memberships, then the records; the cost follows the memberships.
    async fn member_repositories(
        &self,
        principal: &Principal,
        filter: ArchiveFilter,
        after: Option<(Timestamp, RepositoryId)>,
    ) -> Result<Vec<Repository>, StoreError> {
        let range = Range::partition(keys::memberships_partition(principal.tenant, principal.user));
        let memberships = self.table.query(&range).await?;
        let ids = memberships.iter().filter_map(|item| item::text_of(item, keys::SK)?.parse().ok());
        let wanted: Vec<_> = ids.take(MAX_MEMBERSHIPS).map(|id| keys::part(id, Part::Record)).collect();
        let mut repositories: Vec<Repository> = Vec::new();
        for item in self.table.batch_get(&wanted).await? {
            repositories.push(item::value("repository", &item)?);
        }
        repositories.retain(|repository| {
            let shown = match filter {
                ArchiveFilter::Active => repository.archived_at.is_none(),
                ArchiveFilter::Archived => repository.archived_at.is_some(),
                ArchiveFilter::All => true,
            };
            shown && after.is_none_or(|after| (repository.updated_at, repository.id) < after)
        });
        Ok(repositories)
    }

    /// How many tasks and task groups of a repository are open.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn count_open(&self, repository: RepositoryId) -> Result<(u64, u64), StoreError> {
        let range = Range::partition(keys::open_partition(repository)).of_index(keys::OPEN);
        let tasks = self.table.count(&range.clone().begins(keys::TASKS)).await?;
        let groups = self.table.count(&range.begins(keys::GROUPS)).await?;
        Ok((tasks, groups))
    }
}
