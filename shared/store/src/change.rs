//! Changing a repository: a plan on the decision set becomes one transaction, tried again on a fresh read after a lost race.

use crate::commit::{CommitError, Guard, Lost, Writes, jittered};
use crate::decision::{DecisionSet, SecretWrites, StoredAutomation, StoredCredentials, StoredMembers};
use crate::error::StoreError;
use crate::idempotency::{KeptAnswer, Once, is_repeated};
use crate::item::{self, Item, number, text};
use crate::keys::{self, Key, Part, Unique};
use crate::{Store, WriteError};
use repoplane_domain::access::{Members, Principal, Right, authorize};
use repoplane_domain::audit::AuditEntry;
use repoplane_domain::automation::AutomationConfig;
use repoplane_domain::credential::{CredentialProfiles, SecretEdit};
use repoplane_domain::error::{Conflict, DomainError, Kind};
use repoplane_domain::id::{LeaseId, RobotId, WriteId};
use repoplane_domain::preview_env::PreviewEnv;
use repoplane_domain::repository::Repository;
use repoplane_domain::robot::Robot;
use repoplane_domain::time::Timestamp;
use std::time::Duration;

/// How long a writer may hold a secret document; long enough for three calls, short enough to outlive a dead writer.
const LEASE: Duration = Duration::from_secs(10);
/// How long a change is tried again before the caller hears of the conflict.
const DEADLINE: Duration = Duration::from_secs(20);
/// Writes of one repository's secret document on one UTC day (Secrets Manager: about 100 versions a day).
const MAX_SECRET_WRITES: u32 = 90;
/// Longest pause between two tries.
const MAX_PAUSE: Duration = Duration::from_millis(200);

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
            let writes = count_writes(&set.credentials.writes, !planned.secrets.is_empty(), author.now)?;
            let keep = |next: &DecisionSet, writes: &mut Writes| {
                writes.keep(once, || answer(next, &planned.answer), author.now)
            };
            match self.try_change(&set, &planned, writes, (author.now, started.elapsed()), &keep).await {
                Ok(changed) => {
                    self.access.invalidate(&id).await;
                    return Ok((changed, planned.answer));
                }
                Err(CommitError::Store(error)) => return Err(error.into()),
                Err(CommitError::Lost(lost)) if is_repeated(&lost) => return Err(WriteError::Repeated),
                Err(CommitError::Lost(lost)) => {
                    if let Some(conflict) = taken(&lost) {
                        return Err(DomainError::Conflict(conflict).into());
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
        for entry in &plan.audit {
            writes.audit(entry)?;
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
        // The change is as of its request, but a lease runs out by the time that has really passed.
        let lease = self.lease_credentials(set, now.plus(waited)).await?;
        let written = self.write_secrets(set, next, plan, writes, (&lease, write, keep), now).await;
        if written.is_err() {
            self.release_credentials(set, &lease).await;
        }
        written
    }

    /// Puts the new document version, commits the change that points at it, and labels the version.
    async fn write_secrets<T: Sync>(
        &self,
        set: &DecisionSet,
        mut next: DecisionSet,
        plan: &Plan<T>,
        mut writes: Writes,
        (lease, write, keep): (&LeaseId, WriteId, &Keep<'_>),
        now: Timestamp,
    ) -> Result<DecisionSet, CommitError> {
        let old = set.credentials.secrets.as_ref();
        let mut document = (*self.vault.read(old).await?).clone();
        for edit in &plan.secrets {
            document.set(edit.name.as_str(), edit.value.clone());
        }
        let name = self.vault.name_of(set.repository.tenant, &set.repository.id.to_string());
        let pointer = self.vault.put(&name, old.is_some(), document, &*self.ids).await?;
        next.credentials = StoredCredentials { secrets: Some(pointer.clone()), ..planned_credentials(&next, plan) };
        writes.replace_leased(credentials_item(&next)?, &lease.to_string(), Guard::Lease);
        keep(&next, &mut writes)?;
        self.table.commit(&writes, write, now).await?;
        self.vault.mark_committed(&pointer, old).await;
        Ok(next)
    }

    /// Takes the secret document for writing, if it is free and still as it was read.
    async fn lease_credentials(&self, set: &DecisionSet, now: Timestamp) -> Result<LeaseId, CommitError> {
        let lease = LeaseId::new(now, &*self.ids);
        let key = keys::part(set.repository.id, Part::Credentials);
        let call = self.table.client.update_item().table_name(&self.table.name);
        let call = call.set_key(Some(item::key_attributes(&key)));
        // An item that exists only as a lease has no version and no value.
        let unchanged =
            if set.credentials.version > 0 { "#version = :version" } else { "attribute_not_exists(#version)" };
        let free = "attribute_not_exists(lease) OR lease_until <= :now";
        let call = call
            .update_expression("SET lease = :lease, lease_until = :until")
            .condition_expression(format!("({free} OR lease = :lease) AND {unchanged}"))
            .expression_attribute_names("#version", item::VERSION)
            .expression_attribute_values(":lease", text(lease.to_string()))
            .expression_attribute_values(":until", number(now.plus(LEASE).as_millisecond()))
            .expression_attribute_values(":now", number(now.as_millisecond()));
        let call = if set.credentials.version > 0 {
            call.expression_attribute_values(":version", number(set.credentials.version))
        } else {
            call
        };
        match call.send().await {
            Ok(_) => Ok(lease),
            // A transaction of someone else in the way is as good as their lease.
            Err(error)
                if error.as_service_error().is_some_and(|e| {
                    e.is_conditional_check_failed_exception() || e.is_transaction_conflict_exception()
                }) =>
            {
                Err(CommitError::Lost(vec![Lost { guard: Guard::Lease, holder: None }]))
            }
            Err(error) => Err(CommitError::Store(StoreError::table(error))),
        }
    }

    /// Gives the document back after a failed change; if that fails too, the lease runs out by itself.
    async fn release_credentials(&self, set: &DecisionSet, lease: &LeaseId) {
        let key = keys::part(set.repository.id, Part::Credentials);
        let call = self.table.client.update_item().table_name(&self.table.name);
        let call = call.set_key(Some(item::key_attributes(&key)));
        let call = call.update_expression("REMOVE lease, lease_until").condition_expression("lease = :lease");
        let released = call.expression_attribute_values(":lease", text(lease.to_string())).send().await;
        if let Err(error) = released {
            let error = StoreError::table(error);
            tracing::warn!(repo.id = %set.repository.id, %error, "Could not release a secret document; its lease will run out");
        }
    }
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
            Guard::Bootstrap => Conflict::new("ALREADY_BOOTSTRAPPED", "the registry has its first tenant already"),
            Guard::Version | Guard::Twin | Guard::Scheduled { .. } | Guard::Lease | Guard::Repeated | Guard::Fresh => {
                return None;
            }
        };
        let holder = lost.holder.as_ref().and_then(|item| item::value::<String>("claim", item).ok());
        Some(match holder {
            Some(holder) => conflict.held_by(holder),
            None => conflict,
        })
    })
}

/// Counts one more write of the document, if there is one.
pub(crate) fn count_writes(before: &SecretWrites, writes: bool, now: Timestamp) -> Result<SecretWrites, DomainError> {
    let day = now.day();
    let count = if before.day == day { before.count } else { 0 };
    if !writes {
        return Ok(before.clone());
    }
    if count >= MAX_SECRET_WRITES {
        let detail = format!("these secrets were changed {MAX_SECRET_WRITES} times today; try again tomorrow (UTC)");
        let second_of_day = now.as_second().rem_euclid(86_400);
        let retry_after = Duration::from_secs((86_400 - second_of_day).unsigned_abs());
        return Err(DomainError::TooOften { detail, retry_after });
    }
    Ok(SecretWrites { day, count: count + 1 })
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
    let Some(after) = &plan.repository else {
        // What hangs on the record must not change under an archived one: the version that was authorised must stand.
        writes.need_version(keys::part(before.id, Part::Record), before.version);
        return Ok(());
    };
    plan_claims(writes, before, after)?;
    writes.replace(record_item(after)?, Some(before.version));
    next.repository = after.clone();
    Ok(())
}

/// Moves the unique texts from what the record claimed to what it claims now.
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
    Ok(())
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
