//! Registering and listing repositories.

use crate::change::{claims, record_item, refused, taken};
use crate::commit::{CommitError, Guard, Lost, Writes};
use crate::decision::DecisionSet;
use crate::error::StoreError;
use crate::idempotency::{KeptAnswer, Once, is_repeated};
use crate::item::{self, Attributes, Item};
use crate::keys::{self, Key, Part, Tally, Unique};
use crate::places::places;
use crate::product_uses::{need_project, take_product};
use crate::provisioning::Settlement;
use crate::state::state_item;
use crate::table::{MAX_EXAMINED, Range};
use crate::vault_uses::take_credential;
use crate::{Store, WriteError};
use repoplane_domain::access::{Member, Members, Principal, RepositoryRole};
use repoplane_domain::audit::{AuditAction, AuditEntry};
use repoplane_domain::credential::{CredentialProfiles, SecretEdit};
use repoplane_domain::error::{Conflict, DomainError};
use repoplane_domain::id::{AuditId, RepositoryId, TenantId, WriteId};
use repoplane_domain::platform::{MAX_REPOSITORIES_OF_PLATFORM, platform_of};
use repoplane_domain::repository::{CreateRepository, Identity, Provider, Repository, WebhookSecretSource};
use repoplane_domain::time::Timestamp;
use std::collections::{BTreeSet, HashMap, HashSet};

/// Memberships that a member's list looks at.
const MAX_MEMBERSHIPS: usize = 1_000;

/// Which archived states a list shows (contract: hookcode 2.1).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the variants say it")]
pub enum ArchiveFilter {
    #[default]
    Active,
    Archived,
    All,
}

/// Which repositories a list shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RepositoryFilter {
    /// By archived state.
    pub archived: ArchiveFilter,
    /// Only of this provider.
    pub provider: Option<Provider>,
    /// Only enabled, or only disabled ones.
    pub enabled: Option<bool>,
    /// Only those whose name, description, identity or remote contains this text, ignoring case.
    pub text: Option<String>,
}

impl RepositoryFilter {
    fn shows(&self, repository: &Repository) -> bool {
        let archived = match self.archived {
            ArchiveFilter::Active => repository.archived_at.is_none(),
            ArchiveFilter::Archived => repository.archived_at.is_some(),
            ArchiveFilter::All => true,
        };
        archived
            && self.provider.is_none_or(|provider| provider == repository.provider)
            && self.enabled.is_none_or(|enabled| enabled == repository.enabled)
            && self.text.as_ref().is_none_or(|text| {
                let text = text.to_lowercase();
                let places = [
                    Some(&repository.name),
                    repository.description.as_ref(),
                    repository.external_id.as_ref(),
                    repository.remote_url.as_ref(),
                ];
                places.into_iter().flatten().any(|place| place.to_lowercase().contains(&text))
            })
    }
}

/// A place in a list: newest change first, then the greater id.
pub type RepositoryPosition = (Timestamp, RepositoryId);

/// One repository of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositoryRow {
    /// The record.
    pub repository: Repository,
    /// The caller's role.
    pub role: Option<RepositoryRole>,
}

/// One page of a list, newest change first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RepositoryPage {
    /// The rows.
    pub rows: Vec<RepositoryRow>,
    /// The place after which more may follow.
    pub next: Option<RepositoryPosition>,
}

/// What a repository finds where it is made.
#[derive(Debug, Clone, Default)]
pub(crate) struct Company {
    /// Who else is a member from the beginning.
    pub(crate) members: Members,
    /// Whether the project that the record names must be there.
    pub(crate) needs_project: bool,
    /// What a call at its provider got ready for it.
    pub(crate) settlement: Option<Settlement>,
    /// How it is logged in at its remote.
    pub(crate) login: Option<Login>,
}

/// Credential profiles that a repository has from the beginning, and their values.
#[derive(Debug, Clone, Default)]
pub struct Login {
    /// The masked profiles.
    pub profiles: CredentialProfiles,
    /// Their values, for the vault.
    pub secrets: Vec<SecretEdit>,
}

/// The caller as the first owner.
pub(crate) fn owner(principal: &Principal) -> Member {
    Member {
        user_id: principal.user,
        username: principal.username.clone(),
        display_name: principal.display_name.clone(),
        email: principal.email.clone(),
        role: RepositoryRole::Owner,
    }
}

/// What every new repository has: its claims, its place in the lists, its record, state and members.
pub(crate) fn register(writes: &mut Writes, set: &DecisionSet) -> Result<(), StoreError> {
    let repository = &set.repository;
    let (tenant, id) = (repository.tenant, repository.id);
    for (unique, guard) in claims(repository) {
        writes.claim(Item::new(&keys::unique(tenant, &unique), &id)?, guard);
    }
    take_credential(writes, repository)?;
    writes.create(record_item(repository)?);
    writes.create(state_item(id, &set.state)?);
    for place in places(repository)? {
        writes.create(place);
    }
    writes.create(Item::new(&keys::part(id, Part::Members), &set.members)?.versioned(1));
    for member in set.members.members.iter() {
        writes.create(Item::new(&keys::membership(tenant, member.user_id, id), &member.role)?);
    }
    if let Some(platform) = platform_of(&repository.namespace) {
        let full = format!("a platform has at most {MAX_REPOSITORIES_OF_PLATFORM} repositories");
        writes.count_one(keys::tally(tenant, Tally::Platform(platform)), MAX_REPOSITORIES_OF_PLATFORM, full);
    }
    Ok(())
}

impl Store {
    /// A repository as it would be registered, without registering it: with an id and a number of nobody's.
    ///
    /// # Errors
    /// Limits of the record.
    pub fn preview_repository(
        &self,
        principal: &Principal,
        command: CreateRepository,
        now: Timestamp,
    ) -> Result<DecisionSet, DomainError> {
        let id = RepositoryId::new(now, &*self.ids);
        let repository = command.into_repository(id, 0, principal.tenant, principal.user, now)?;
        Ok(DecisionSet::of_new(repository, Members::default()))
    }

    /// Registers a repository; the caller becomes its owner.
    ///
    /// # Errors
    /// `REPO_NAME_TAKEN` and `REPO_IDENTITY_TAKEN` with the holder, limits, storage failures.
    pub async fn create_repository(
        &self,
        principal: &Principal,
        command: CreateRepository,
        once: Option<&Once>,
        now: Timestamp,
        answer: impl Fn(&DecisionSet) -> KeptAnswer,
    ) -> Result<DecisionSet, WriteError> {
        self.create_among(principal, command, &Company::default(), once, now, answer).await
    }

    /// As [`Store::create_repository`], with credential profiles of its own from the beginning.
    ///
    /// # Errors
    /// As [`Store::create_repository`].
    pub async fn create_with_login(
        &self,
        principal: &Principal,
        command: CreateRepository,
        login: Login,
        once: Option<&Once>,
        now: Timestamp,
        answer: impl Fn(&DecisionSet) -> KeptAnswer,
    ) -> Result<DecisionSet, WriteError> {
        let company = Company { login: Some(login), ..Company::default() };
        self.create_among(principal, command, &company, once, now, answer).await
    }

    /// Whether nobody else holds what a record would claim: asked before a remote is, which takes its time. What decides
    /// is the transaction.
    ///
    /// # Errors
    /// `REPO_NAME_TAKEN` and `REPO_IDENTITY_TAKEN` with the holder, storage failures.
    pub async fn check_claims(&self, repository: &Repository) -> Result<(), WriteError> {
        let keyed = |(unique, guard)| (keys::unique(repository.tenant, &unique), guard);
        let claims: Vec<(Key, Guard)> = claims(repository).into_iter().map(keyed).collect();
        let wanted: Vec<Key> = claims.iter().map(|(key, _)| key.clone()).collect();
        let mut held = HashMap::new();
        for item in self.table.batch_get(&wanted, true).await? {
            if item::value::<RepositoryId>("claim", &item)? != repository.id {
                held.insert(item::text_of(&item, keys::PK).unwrap_or_default().to_owned(), item);
            }
        }
        let lost =
            claims.into_iter().filter_map(|(key, guard)| Some(Lost { guard, holder: Some(held.remove(&key.pk)?) }));
        match taken(&lost.collect::<Vec<_>>()) {
            Some(conflict) => Err(DomainError::Conflict(conflict).into()),
            None => Ok(()),
        }
    }

    /// The repositories that a user is a member of.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn memberships(&self, principal: &Principal) -> Result<HashSet<RepositoryId>, StoreError> {
        let range = Range::partition(keys::memberships_partition(principal.tenant, principal.user));
        let found = self.table.query(&range).await?;
        let ids = found.iter().take(MAX_MEMBERSHIPS).filter_map(|item| item::text_of(item, keys::SK)?.parse().ok());
        Ok(ids.collect())
    }

    /// As [`Store::create_repository`], with what it finds where it is made.
    pub(crate) async fn create_among(
        &self,
        principal: &Principal,
        command: CreateRepository,
        company: &Company,
        once: Option<&Once>,
        now: Timestamp,
        answer: impl Fn(&DecisionSet) -> KeptAnswer,
    ) -> Result<DecisionSet, WriteError> {
        let settlement = company.settlement.as_ref();
        let (id, number) = match settlement {
            Some(Settlement { intent, .. }) => (intent.repository, intent.number),
            None => self.reserve_repository(principal.tenant, now).await?,
        };
        let supplied = command.webhook_secret.clone();
        let repository = command.into_repository(id, number, principal.tenant, principal.user, now)?;
        let mut members = Members::of_owner(owner(principal));
        for member in company.members.iter().filter(|member| member.user_id != principal.user) {
            members.add(member.clone())?;
        }
        let mut set = DecisionSet::of_new(repository, members);

        if let Some(login) = &company.login {
            set.credentials.profiles.clone_from(&login.profiles);
        }
        let mut writes = Writes::default();
        register(&mut writes, &set)?;
        let repository = &set.repository;
        if let Some(platform) = platform_of(&repository.namespace) {
            writes.need_existing(keys::platform(principal.tenant, platform));
        }
        take_product(&mut writes, repository);
        if company.needs_project {
            need_project(&mut writes, repository);
        }
        writes.keep(once, || answer(&set), now)?;
        let entry = AuditEntry::by(principal, AuditId::new(now, &*self.ids), AuditAction::RepoCreated, id, now).on(id);
        writes.audit(&entry.with(serde_json::json!({"name": repository.name, "provider": repository.provider})))?;
        let mut edits = settlement.map(|settlement| settlement.secrets.clone()).unwrap_or_default();
        edits.extend(company.login.iter().flat_map(|login| login.secrets.iter().cloned()));
        if let (WebhookSecretSource::Supplied { value }, Some(secret)) = (&repository.webhook.secret, supplied) {
            edits.push(SecretEdit::put(value.clone(), secret));
        }
        if let Some(settlement) = settlement {
            writes.settle(&settlement.intent);
        }
        if !edits.is_empty() {
            // The owner is new: nobody else can write its document, so no lease is needed.
            let mut document = crate::vault::Document::default();
            for edit in edits {
                document.set(edit.name.as_str(), edit.value);
            }
            let name = self.vault.name_of(principal.tenant, &id.to_string());
            let pointer = self.vault.put(&name, false, document, &*self.ids).await?;
            set.credentials.secrets = Some(pointer);
        }
        if set.credentials.secrets.is_some() || company.login.is_some() {
            set.credentials.version = 1;
            writes.create(Item::new(&keys::part(id, Part::Credentials), &set.credentials)?.versioned(1));
        }
        match self.table.commit(&writes, WriteId::new(now, &*self.ids), now).await {
            Ok(()) => {}
            Err(CommitError::Store(error)) => return Err(error.into()),
            Err(CommitError::Lost(lost)) if is_repeated(&lost) => return Err(WriteError::Repeated),
            Err(CommitError::Lost(lost)) => {
                let clash = || Conflict::new("WRITE_CONFLICT", "the repository could not be created; try again");
                return Err(refused(&lost).unwrap_or_else(|| DomainError::Conflict(clash())).into());
            }
        }
        self.entries.invalidate(&principal.tenant).await;
        if let Some(pointer) = &set.credentials.secrets {
            self.vault.mark_committed(pointer, None).await;
        }
        if set.state.sync.next_sync_at.is_some_and(|at| at <= now) {
            self.send_sync_job(id).await;
        }
        Ok(set)
    }

    /// One page of the repositories that a caller may see, newest change first, strictly after a place. A filtered page may
    /// be short and yet be followed by more.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn repositories(
        &self,
        principal: &Principal,
        filter: &RepositoryFilter,
        after: Option<RepositoryPosition>,
        limit: usize,
        now: Timestamp,
    ) -> Result<RepositoryPage, StoreError> {
        let (mut rows, frontier) = if principal.sees_all_repositories() {
            self.all_repositories(principal, filter, after, limit, now).await?
        } else {
            (self.member_repositories(principal, filter, after).await?, None)
        };
        let position = |row: &RepositoryRow| (row.repository.updated_at, row.repository.id);
        rows.sort_by_key(|row| std::cmp::Reverse(position(row)));
        // Behind the frontier a list that was not read to its end may have rows that belong in between.
        rows.retain(|row| frontier.is_none_or(|frontier| position(row) >= frontier));
        let next = if rows.len() > limit { rows.get(limit - 1).map(position) } else { frontier };
        rows.truncate(limit);
        Ok(RepositoryPage { rows, next })
    }

    /// For administrators: one Query for each archived state, whatever the registry's size.
    async fn all_repositories(
        &self,
        principal: &Principal,
        filter: &RepositoryFilter,
        after: Option<RepositoryPosition>,
        limit: usize,
        now: Timestamp,
    ) -> Result<(Vec<RepositoryRow>, Option<RepositoryPosition>), StoreError> {
        let states: &[bool] = match filter.archived {
            ArchiveFilter::Active => &[false],
            ArchiveFilter::Archived => &[true],
            ArchiveFilter::All => &[false, true],
        };
        let after = after.map(|(at, id)| keys::repositories_sort(at, id));
        // Who passes every check has the same role everywhere: no list of members is asked.
        let role = principal.role_in(&Members::default());
        let (mut rows, mut frontier) = (Vec::new(), None);
        for archived in states {
            let range = Range::partition(keys::repositories_partition(principal.tenant, *archived));
            let range = range.of_index(keys::LISTS).backwards_after(after.clone());
            let keep = |item: Attributes| {
                let repository: Repository = item::into_value("repository", item)?;
                Ok(filter.shows(&repository).then_some(RepositoryRow { repository, role }))
            };
            let found = self.table.walk(&range, (limit, MAX_EXAMINED), now, keep).await?;
            rows.extend(found.rows.into_iter().map(|(_, row)| row));
            frontier = frontier.max(found.next.as_deref().and_then(keys::parse_repositories_sort));
        }
        Ok((rows, frontier))
    }

    /// For members: their memberships, then the records; the cost follows the memberships.
    async fn member_repositories(
        &self,
        principal: &Principal,
        filter: &RepositoryFilter,
        after: Option<RepositoryPosition>,
    ) -> Result<Vec<RepositoryRow>, StoreError> {
        let range = Range::partition(keys::memberships_partition(principal.tenant, principal.user));
        let mut roles: HashMap<RepositoryId, Option<RepositoryRole>> = HashMap::new();
        for membership in self.table.query(&range).await?.iter().take(MAX_MEMBERSHIPS) {
            if let Some(id) = item::text_of(membership, keys::SK).and_then(|id| id.parse().ok()) {
                roles.insert(id, item::value("membership", membership)?);
            }
        }
        let wanted: Vec<_> = roles.keys().map(|id| keys::part(*id, Part::Record)).collect();
        let mut rows = Vec::new();
        for item in self.table.batch_get(&wanted, false).await? {
            let repository: Repository = item::into_value("repository", item)?;
            let follows = after.is_none_or(|after| (repository.updated_at, repository.id) < after);
            if follows && filter.shows(&repository) {
                rows.push(RepositoryRow { role: roles.get(&repository.id).copied().flatten(), repository });
            }
        }
        Ok(rows)
    }

    /// Which repositories of a tenant hold which of these identities; what nobody holds is left out. What was claimed less
    /// than a second ago may be missing: a claim is decided by its transaction, not by this.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn registered(
        &self,
        tenant: TenantId,
        identities: &BTreeSet<Identity>,
    ) -> Result<HashMap<Identity, RepositoryId>, StoreError> {
        let claim = |identity: &Identity| keys::unique(tenant, &Unique::Identity(identity.as_str().to_owned()));
        let claims: HashMap<String, (Key, &Identity)> = identities
            .iter()
            .map(|identity| (claim(identity), identity))
            .map(|(key, identity)| (key.pk.clone(), (key, identity)))
            .collect();
        let wanted: Vec<Key> = claims.values().map(|(key, _)| key.clone()).collect();
        let mut holders = HashMap::new();
        for item in self.table.batch_get(&wanted, false).await? {
            if let Some((_, identity)) = item::text_of(&item, keys::PK).and_then(|pk| claims.get(pk)) {
                holders.insert((*identity).clone(), item::value("claim", &item)?);
            }
        }
        Ok(holders)
    }

    /// How many tasks and task groups of a repository are open.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn count_open(&self, repository: RepositoryId) -> Result<(u64, u64), StoreError> {
        let range = Range::partition(keys::open_partition(repository)).of_index(keys::OPEN);
        let (mut tasks, mut groups, mut start) = (0, 0, None);
        loop {
            // The index holds keys alone, so both are told apart by one Query; counting in the engine would take two.
            let (page, next) = self.table.page(&range, None, start).await?;
            for key in page.iter().filter_map(|item| item::text_of(item, keys::OPEN_SK)) {
                if key.starts_with(keys::TASKS) {
                    tasks += 1;
                } else {
                    groups += 1;
                }
            }
            start = next;
            if start.is_none() {
                return Ok((tasks, groups));
            }
        }
    }
}
