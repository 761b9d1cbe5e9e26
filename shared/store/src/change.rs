//! Changing a repository: a plan on the decision set becomes one transaction, tried again on a fresh read after a lost race.

use crate::commit::{CommitError, Guard, Lost, Writes, jittered};
use crate::decision::{DecisionSet, StoredAutomation, StoredCredentials, StoredMembers};
use crate::error::StoreError;
use crate::idempotency::{KeptAnswer, Once, is_repeated};
use crate::item::{self, Item};
use crate::keys::{self, Key, Part, Unique};
use crate::places::plan_places;
use crate::product_uses::{need_project, plan_project};
use crate::secret_writes::{OwnedDocument, SecretWrites};
use crate::state::state_item;
use crate::vault_uses::plan_credential;
use crate::{Store, WriteError};
use repoplane_domain::access::{Members, Principal, Right, authorize};
use repoplane_domain::audit::AuditEntry;
use repoplane_domain::automation::AutomationConfig;
use repoplane_domain::credential::{CredentialProfiles, SecretEdit};
use repoplane_domain::error::{Conflict, DomainError, Kind};
use repoplane_domain::id::{RobotId, WriteId};
use repoplane_domain::operational_event::{of_archive, of_automation, of_robots};
use repoplane_domain::preview_env::PreviewEnv;
use repoplane_domain::product::unknown_project;
use repoplane_domain::provisioning::Intent;
use repoplane_domain::repository::{Repository, RepositoryState, UNKNOWN_CREDENTIAL};
use repoplane_domain::robot::Robot;
use repoplane_domain::time::Timestamp;
use std::time::Duration;

/// How long a change is tried again before the caller hears of the conflict.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);
/// Longest pause between two tries.
pub(crate) const MAX_PAUSE: Duration = Duration::from_millis(200);

/// What a command wants changed; what it does not name stays.
#[derive(Debug)]
pub struct Plan<T> {
    /// The record, one version up.
    pub repository: Option<Repository>,
    /// The members.
    pub members: Option<Members>,
    /// The automation configuration.
    pub automation: Option<AutomationConfig>,
    /// Robots, new or one version up.
    pub robots: Vec<Robot>,
    /// A robot to remove.
    pub removed_robot: Option<RobotId>,
    /// The masked profiles.
    pub profiles: Option<CredentialProfiles>,
    /// The keys of the preview environment.
    pub preview_env: Option<PreviewEnv>,
    /// Values for the vault.
    pub secrets: Vec<SecretEdit>,
    /// The call at a provider whose result this registers.
    pub settles: Option<Intent>,
    /// Whether the project that the record names must be there.
    pub needs_project: bool,
    /// What the audit log says.
    pub audit: Vec<AuditEntry>,
    /// What the caller is told.
    pub answer: T,
}

impl<T> Plan<T> {
    /// Changes nothing.
    pub fn nothing(answer: T) -> Self {
        Self {
            repository: None,
            members: None,
            automation: None,
            robots: Vec::new(),
            removed_robot: None,
            profiles: None,
            preview_env: None,
            secrets: Vec::new(),
            settles: None,
            needs_project: false,
            audit: Vec::new(),
            answer,
        }
    }
}

/// Who changes a repository, by which right, and when.
#[derive(Debug, Clone, Copy)]
pub struct Author<'a> {
    /// The caller.
    pub principal: &'a Principal,
    /// The right that every try checks again: the repository may be archived meanwhile.
    pub right: Right,
    /// The time of the change.
    pub now: Timestamp,
}

/// Adds the answer of a call that may be repeated, once it is known what the change leaves.
type Keep<'a> = dyn Fn(&DecisionSet, &mut Writes) -> Result<(), StoreError> + Sync + 'a;

impl Store {
    /// Runs a plan on the set that was read for the request; after a lost race, again on a fresh one.
    ///
    /// # Errors
    /// What the plan or the author's right says; a name or identity that is taken; `WRITE_CONFLICT` when the race was
    /// lost until the deadline; storage failures.
    pub async fn change<T: Sync>(
        &self,
        author: Author<'_>,
        set: DecisionSet,
        plan: impl FnMut(&DecisionSet) -> Result<Plan<T>, DomainError>,
    ) -> Result<(DecisionSet, T), WriteError> {
        let unkept = |_: &DecisionSet, _: &T| KeptAnswer::ok(serde_json::Value::Null);
        self.act(author, set, None, plan, unkept).await
    }

    /// As [`Store::change`], for a call that may be repeated: the answer rides in the transaction.
    ///
    /// # Errors
    /// As [`Store::change`]; [`WriteError::Repeated`] when a call with its key came before.
    pub async fn act<T: Sync>(
        &self,
        author: Author<'_>,
        mut set: DecisionSet,
        once: Option<&Once>,
        mut plan: impl FnMut(&DecisionSet) -> Result<Plan<T>, DomainError>,
        answer: impl Fn(&DecisionSet, &T) -> KeptAnswer + Sync,
    ) -> Result<(DecisionSet, T), WriteError> {
        let started = tokio::time::Instant::now();
        let id = set.repository.id;
        let mut pause = Duration::from_millis(10);
        loop {
            authorize(author.principal, &set.repository, &set.members.members, author.right)?;
            let planned = plan(&set)?;
            let writes = match planned.secrets.is_empty() {
                true => set.credentials.writes.clone(),
                false => set.credentials.writes.one_more(author.now, "this repository")?,
            };
            let keep = |next: &DecisionSet, writes: &mut Writes| {
                writes.keep(once, || answer(next, &planned.answer), author.now)
            };
            match self.try_change(&set, &planned, writes, (author.now, started.elapsed()), &keep).await {
                Ok(changed) => {
                    self.access.invalidate(&id).await;
                    if planned.repository.is_some() {
                        self.entries.invalidate(&author.principal.tenant).await;
                    }
                    return Ok((changed, planned.answer));
                }
                Err(CommitError::Store(error)) => return Err(error.into()),
                Err(CommitError::Lost(lost)) if is_repeated(&lost) => return Err(WriteError::Repeated),
                Err(CommitError::Lost(lost)) => {
                    if let Some(refusal) = refused(&lost) {
                        return Err(refusal.into());
                    }
                }
            }
            if started.elapsed() >= DEADLINE {
                let conflict = Conflict::new("WRITE_CONFLICT", "others kept changing the repository; try again");
                return Err(DomainError::Conflict(conflict).into());
            }
            tokio::time::sleep(jittered(pause)).await;
            pause = (pause * 2).min(MAX_PAUSE);
            let fresh = self.repository(author.principal.tenant, id).await?;
            set = fresh.ok_or(DomainError::NotFound(Kind::Repository))?;
        }
    }

    async fn try_change<T: Sync>(
        &self,
        set: &DecisionSet,
        plan: &Plan<T>,
        secret_writes: SecretWrites,
        (now, waited): (Timestamp, Duration),
        keep: &Keep<'_>,
    ) -> Result<DecisionSet, CommitError> {
        let (mut writes, mut next) = (Writes::default(), set.clone());
        next.credentials.writes = secret_writes;
        plan_record(&mut writes, &mut next, set, plan)?;
        plan_members(&mut writes, &mut next, set, plan)?;
        plan_robots(&mut writes, &mut next, set, plan)?;
        plan_automation(&mut writes, &mut next, set, plan)?;
        next.check_size()?;
        self.tell_change(&mut writes, set, &next, now)?;
        for entry in &plan.audit {
            writes.audit(entry)?;
        }
        if let Some(intent) = &plan.settles {
            writes.settle(intent);
        }
        let write = WriteId::new(now, &*self.ids);
        if plan.secrets.is_empty() {
            if plan.profiles.is_some() || plan.preview_env.is_some() {
                next.credentials = planned_credentials(&next, plan);
                let read = (set.credentials.version > 0).then_some(set.credentials.version);
                writes.replace(credentials_item(&next)?, read);
            }
            keep(&next, &mut writes)?;
            self.table.commit(&writes, write, now).await?;
            return Ok(next);
        }
        let document = OwnedDocument {
            item: keys::part(set.repository.id, Part::Credentials),
            version: set.credentials.version,
            name: self.vault.name_of(set.repository.tenant, &set.repository.id.to_string()),
            pointer: set.credentials.secrets.as_ref(),
        };
        self.commit_secrets(&document, &plan.secrets, (write, now, waited), writes, |pointer, lease, writes| {
            next.credentials = StoredCredentials { secrets: Some(pointer), ..planned_credentials(&next, plan) };
            writes.replace_leased(credentials_item(&next)?, lease, Guard::Lease);
            keep(&next, writes)?;
            Ok(next)
        })
        .await
    }

    /// What the change of a record, its rules and its robots means to those who operate the registry.
    fn tell_change(
        &self,
        writes: &mut Writes,
        set: &DecisionSet,
        next: &DecisionSet,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let (before, after) = (set.automation.as_ref(), next.automation.as_ref());
        let rules = after.and_then(|after| of_automation(before.map(|before| &before.config), &after.config));
        let facts = of_archive(&set.repository, &next.repository).into_iter().chain(rules);
        let facts = facts.chain(of_robots(&set.robots, &next.robots));
        self.tell(writes, (set.repository.tenant, set.repository.id), facts, now)
    }
}

/// Why a change cannot be made, whoever tries: what it names is not there, or another holds what it claims.
pub(crate) fn refused(lost: &[Lost]) -> Option<DomainError> {
    if lost.iter().any(|lost| lost.guard == Guard::Credential) {
        return Some(DomainError::invalid("/credential_id", UNKNOWN_CREDENTIAL));
    }
    if lost.iter().any(|lost| lost.guard == Guard::Product) {
        return Some(DomainError::NotFound(Kind::Product));
    }
    if lost.iter().any(|lost| lost.guard == Guard::Project) {
        return Some(unknown_project());
    }
    if let Some(full) = full(lost) {
        return Some(full);
    }
    taken(lost).map(DomainError::Conflict)
}

/// The domain's refusal of one more than there may be.
pub(crate) fn full(lost: &[Lost]) -> Option<DomainError> {
    lost.iter().find_map(|lost| {
        let Guard::Full(text) = &lost.guard else { return None };
        Some(DomainError::TooLarge(text.clone()))
    })
}

/// The domain's conflict for a claim that another holds.
pub(crate) fn taken(lost: &[Lost]) -> Option<Conflict> {
    lost.iter().find_map(|lost| {
        let conflict = match &lost.guard {
            Guard::Name => Conflict::new("REPO_NAME_TAKEN", "another repository of the namespace has this name"),
            Guard::Identity => {
                Conflict::new("REPO_IDENTITY_TAKEN", "another repository of the registry has this identity or remote")
            }
            Guard::Username => Conflict::new("USERNAME_TAKEN", "another user of the tenant has this name"),
            Guard::SkillName => Conflict::new("SKILL_NAME_TAKEN", "another skill of the repository has this name"),
            Guard::Bootstrap => Conflict::new("ALREADY_BOOTSTRAPPED", "the registry has its first tenant already"),
            Guard::BootstrapToken => {
                let text = "the bootstrap token was used before: put a new one into its secret";
                return Some(Conflict::new("BOOTSTRAP_TOKEN_USED", text));
            }
            Guard::PlatformName => Conflict::new("PLATFORM_NAME_TAKEN", "another platform has this name"),
            Guard::ProjectName => Conflict::new("PROJECT_NAME_TAKEN", "another project of the owner has this name"),
            Guard::PlatformProject => {
                let text = "a project of this name is in a repository of the platform";
                Conflict::new("PLATFORM_PROJECT_TAKEN", text)
            }
            Guard::InUse(text) => return Some(Conflict::new("IN_USE", *text)),
            Guard::CredentialName => Conflict::new("CREDENTIAL_NAME_TAKEN", "another credential has this name"),
            Guard::ProductName => Conflict::new("PRODUCT_NAME_TAKEN", "another product has this name"),
            // Whose an issuer is stays untold; `issuers` says the rest.
            Guard::Version
            | Guard::Twin
            | Guard::Scheduled { .. }
            | Guard::Lease
            | Guard::Repeated
            | Guard::Fresh
            | Guard::Credential
            | Guard::Attached
            | Guard::Issuer
            | Guard::Product
            | Guard::Project
            | Guard::Unused
            | Guard::Full(_) => return None,
        };
        let holder = lost.holder.as_ref().and_then(|item| item::value::<String>("claim", item).ok());
        Some(match holder {
            Some(holder) => conflict.held_by(holder),
            None => conflict,
        })
    })
}

/// What may be shown after the change, one version up.
fn planned_credentials<T>(set: &DecisionSet, plan: &Plan<T>) -> StoredCredentials {
    let mut next = set.credentials.clone();
    next.version += 1;
    if let Some(profiles) = &plan.profiles {
        next.profiles.clone_from(profiles);
    }
    if let Some(preview_env) = &plan.preview_env {
        next.preview_env.clone_from(preview_env);
    }
    next
}

fn credentials_item(set: &DecisionSet) -> Result<Item, StoreError> {
    let key = keys::part(set.repository.id, Part::Credentials);
    Ok(Item::new(&key, &set.credentials)?.versioned(set.credentials.version))
}

/// The record's item, in the list of its archived state.
pub(crate) fn record_item(repository: &Repository) -> Result<Item, StoreError> {
    let pk = keys::repositories_partition(repository.tenant, repository.archived_at.is_some());
    let sk = keys::repositories_sort(repository.updated_at, repository.id);
    let item = Item::new(&keys::part(repository.id, Part::Record), repository)?;
    Ok(item.versioned(repository.version).listed(pk, sk))
}

/// The unique texts that a record claims, each with its guard.
pub(crate) fn claims(repository: &Repository) -> Vec<(Unique, Guard)> {
    let name = Unique::Name { namespace: repository.namespace.clone(), name: repository.name.clone() };
    let identities = repository.identities().into_iter();
    let identities = identities.map(|identity| (Unique::Identity(identity.as_str().to_owned()), Guard::Identity));
    std::iter::once((name, Guard::Name)).chain(identities).collect()
}

fn plan_record<T>(
    writes: &mut Writes,
    next: &mut DecisionSet,
    set: &DecisionSet,
    plan: &Plan<T>,
) -> Result<(), StoreError> {
    let before = &set.repository;
    if plan.needs_project {
        need_project(writes, plan.repository.as_ref().unwrap_or(before));
    }
    let Some(after) = &plan.repository else {
        // What hangs on the record must not change under an archived one: the version that was authorised must stand.
        writes.need_version(keys::part(before.id, Part::Record), before.version);
        return Ok(());
    };
    plan_claims(writes, before, after)?;
    plan_credential(writes, before, after)?;
    plan_project(writes, before, after);
    writes.replace(record_item(after)?, Some(before.version));
    if let Some(state) = followed(set, plan, after) {
        writes.replace(state_item(before.id, &state)?, (set.state.version > 0).then_some(set.state.version));
        next.state = state;
    }
    next.repository = after.clone();
    Ok(())
}

/// The state after a plan that changes the record and perhaps the Git profiles; `None` when it stays.
fn followed<T>(set: &DecisionSet, plan: &Plan<T>, after: &Repository) -> Option<RepositoryState> {
    let state = set.state.followed(&set.repository, after, after.updated_at);
    let known = &set.credentials.profiles.repo_provider;
    if plan.profiles.as_ref().is_none_or(|profiles| profiles.repo_provider == *known) {
        return state;
    }
    state.as_ref().unwrap_or(&set.state).credentials_changed(after.updated_at).or(state)
}

/// Moves the unique texts, and the places where it is found, from what the record had to what it has now.
pub(crate) fn plan_claims(writes: &mut Writes, before: &Repository, after: &Repository) -> Result<(), StoreError> {
    let keyed = |repository: &Repository| -> Vec<(Key, Guard)> {
        let claims = claims(repository).into_iter();
        claims.map(|(unique, guard)| (keys::unique(repository.tenant, &unique), guard)).collect()
    };
    let (old, new) = (keyed(before), keyed(after));
    let lacks = |claims: &[(Key, Guard)], key: &Key| !claims.iter().any(|(other, _)| other == key);
    for (key, guard) in new.iter().filter(|(key, _)| lacks(&old, key)) {
        writes.claim(Item::new(key, &after.id)?, guard.clone());
    }
    for (key, _) in old.into_iter().filter(|(key, _)| lacks(&new, key)) {
        writes.delete(key);
    }
    plan_places(writes, before, after)
}

fn plan_members<T>(
    writes: &mut Writes,
    next: &mut DecisionSet,
    set: &DecisionSet,
    plan: &Plan<T>,
) -> Result<(), StoreError> {
    let Some(members) = &plan.members else { return Ok(()) };
    let (tenant, id) = (set.repository.tenant, set.repository.id);
    let before = &set.members;
    // A membership carries the role, so that a member's list needs no list of members.
    for member in members.iter().filter(|member| before.members.role_of(member.user_id) != Some(member.role)) {
        writes.put(Item::new(&keys::membership(tenant, member.user_id, id), &member.role)?);
    }
    for member in before.members.iter().filter(|member| members.role_of(member.user_id).is_none()) {
        writes.delete(keys::membership(tenant, member.user_id, id));
    }
    next.members = StoredMembers { members: members.clone(), version: before.version + 1 };
    let item = Item::new(&keys::part(id, Part::Members), &next.members)?.versioned(next.members.version);
    writes.replace(item, (before.version > 0).then_some(before.version));
    Ok(())
}

fn plan_robots<T>(
    writes: &mut Writes,
    next: &mut DecisionSet,
    set: &DecisionSet,
    plan: &Plan<T>,
) -> Result<(), StoreError> {
    let id = set.repository.id;
    for robot in &plan.robots {
        let item = Item::new(&keys::part(id, Part::Robot(robot.id)), robot)?.versioned(robot.version);
        match next.robots.iter_mut().find(|stored| stored.id == robot.id) {
            Some(stored) => {
                writes.replace(item, Some(stored.version));
                *stored = robot.clone();
            }
            None => {
                writes.create(item);
                next.robots.push(robot.clone());
            }
        }
    }
    if let Some(robot) = plan.removed_robot
        && let Some(at) = next.robots.iter().position(|stored| stored.id == robot)
    {
        let removed = next.robots.remove(at);
        writes.delete_version(keys::part(id, Part::Robot(robot)), removed.version);
    }
    Ok(())
}

fn plan_automation<T>(
    writes: &mut Writes,
    next: &mut DecisionSet,
    set: &DecisionSet,
    plan: &Plan<T>,
) -> Result<(), StoreError> {
    let stored = set.automation.as_ref();
    let config = match &plan.automation {
        Some(config) => config.clone(),
        // A rule that names the robot, or another default, may be on its way in: writing the configuration, though
        // unchanged, makes one of the two lose and look again.
        None if plan.removed_robot.is_some() || plan.robots.iter().any(|robot| becomes_default(robot, set)) => {
            stored.map_or_else(AutomationConfig::default_config, |automation| automation.config.clone())
        }
        None => return Ok(()),
    };
    let automation = StoredAutomation { config, version: stored.map_or(0, |automation| automation.version) + 1 };
    let item = Item::new(&keys::part(set.repository.id, Part::Automation), &automation)?.versioned(automation.version);
    writes.replace(item, stored.map(|automation| automation.version));
    next.automation = Some(automation);
    Ok(())
}

/// Whether a robot takes the place of the default of its permission.
fn becomes_default(robot: &Robot, set: &DecisionSet) -> bool {
    let was = set.robots.iter().find(|stored| stored.id == robot.id && stored.is_default);
    robot.is_default && was.is_none_or(|was| was.permission() != robot.permission())
}
