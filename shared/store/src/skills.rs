//! Skills: listed in both directions, added by hand, accepted, and what a scan makes of all of them.
//!
//! Each lies in its repository's partition beside a claim on its name. An entry and the claims that it takes or gives up
//! change in one transaction, however many transactions a scan needs.

use crate::change::taken;
use crate::commit::{CommitError, Guard, Writes};
use crate::decision::{DecisionSet, WithRecord};
use crate::error::StoreError;
use crate::idempotency::{KeptAnswer, Once, is_repeated};
use crate::item::{self, Attributes, Item, number};
use crate::keys::{self, Part};
use crate::operational_events::SkillEvents;
use crate::roster::Place;
use crate::table::{MAX_EXAMINED, Range};
use crate::tenants::{RACES, pause_after, write_conflict};
use crate::{Author, Store, WriteError};
use repoplane_domain::access::{Members, Principal, authorize};
use repoplane_domain::audit::{AuditAction, AuditEntry};
use repoplane_domain::error::{DomainError, Kind};
use repoplane_domain::id::{AuditId, RepositoryId, SkillId, TenantId, WriteId};
use repoplane_domain::repository::Repository;
use repoplane_domain::skill::{CatalogueChange, MAX_SKILLS, ManualSkill, NameChange, Skill, SkillSource, SkillStatus};
use repoplane_domain::time::Timestamp;
use serde_json::json;
use std::collections::BTreeMap;

/// Operations of one of a scan's transactions; what is left of [`crate::commit::MAX_OPERATIONS`] is for what goes with it.
const BATCH_OPERATIONS: usize = 90;
/// Bytes of the skills in one of a scan's transactions (DynamoDB: 4 MB in all).
const BATCH_BYTES: usize = 3 * 1024 * 1024;

/// Bytes of the skills on one page: an answer fits into Lambda's 6 MB however large they are, escaped and all.
const PAGE_BYTES: usize = 2 * 1024 * 1024;

/// Which skills a list shows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SkillFilter {
    /// Only from there.
    pub source: Option<SkillSource>,
    /// Only those that are so.
    pub status: Option<SkillStatus>,
    /// Without those that were never good, which other APIs do not know.
    pub counted: bool,
}

impl SkillFilter {
    fn shows(&self, skill: &Skill) -> bool {
        self.source.is_none_or(|source| source == skill.source)
            && self.status.is_none_or(|status| status == skill.status())
            && (!self.counted || skill.is_counted())
    }
}

/// One page of skills, newest first whichever way it was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SkillPage {
    /// The skills.
    pub skills: Vec<Skill>,
    /// The skill after which, or before which, more may follow in the direction of reading.
    pub next: Option<SkillId>,
}

/// A skill with what decides who may touch it, read by one call.
#[derive(Debug, Clone, PartialEq)]
pub struct FoundSkill {
    /// The record of its repository.
    pub repository: Repository,
    /// The members of its repository.
    pub members: Members,
    /// The skill, if the repository has it.
    pub skill: Option<Skill>,
}

fn skill_of(item: Attributes) -> Result<Skill, StoreError> {
    item::into_value("skill", item)
}

fn skill_item(skill: &Skill) -> Result<Item, StoreError> {
    Ok(Item::new(&keys::skill(skill.repository, skill.id), skill)?.versioned(skill.revision))
}

impl Store {
    /// Everything that a repository's catalogue has, oldest first, strongly consistent: what a scan starts from.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn catalogue_of(&self, repository: RepositoryId) -> Result<Vec<Skill>, StoreError> {
        let range = Range::partition(keys::repository_partition(repository)).begins(keys::SKILLS);
        self.table.query(&range).await?.into_iter().map(skill_of).collect()
    }

    /// One page of a repository's skills. A page that is filtered, or whose skills are large, may be short and yet be
    /// followed by more.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn skills(
        &self,
        repository: RepositoryId,
        filter: &SkillFilter,
        from: Option<Place<SkillId>>,
        limit: usize,
        now: Timestamp,
    ) -> Result<SkillPage, StoreError> {
        let range = Range::partition(keys::repository_partition(repository)).begins(keys::SKILLS);
        let key = |id: SkillId| format!("{}{id}", keys::SKILLS);
        let (range, newer) = match from {
            Some(Place::Before(id)) => (range.forwards_after(Some(key(id))), true),
            Some(Place::After(id)) => (range.backwards_after(Some(key(id))), false),
            None => (range.backwards_after(None), false),
        };
        let keep = |item: Attributes| Ok(Some(skill_of(item)?).filter(|skill| filter.shows(skill)));
        let found = self.table.walk(&range, (limit, MAX_EXAMINED), now, keep).await?;
        let mut next = found.next.as_deref().and_then(|key| key.strip_prefix(keys::SKILLS)?.parse().ok());
        let mut skills: Vec<Skill> = found.rows.into_iter().map(|(_, skill)| skill).collect();
        let fitting = fitting(&skills);
        if fitting < skills.len() {
            skills.truncate(fitting);
            next = skills.last().map(|skill| skill.id);
        }
        if newer {
            skills.reverse();
        }
        Ok(SkillPage { skills, next })
    }

    /// A skill of the caller's tenant, with its repository's record and members; `None` without such a repository.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn skill(
        &self,
        tenant: TenantId,
        repository: RepositoryId,
        id: SkillId,
    ) -> Result<Option<FoundSkill>, StoreError> {
        let found = self.with_record(repository, [keys::skill(repository, id)]).await?;
        let Some(WithRecord { repository, members, items }) = found.filter(|found| found.repository.tenant == tenant)
        else {
            return Ok(None);
        };
        let skill = items.into_iter().next().map(skill_of).transpose()?;
        Ok(Some(FoundSkill { repository, members, skill }))
    }

    /// Adds a skill by hand.
    ///
    /// # Errors
    /// What the author's right says, every wrong field, `SKILL_NAME_TAKEN` with the holder, over [`MAX_SKILLS`],
    /// storage failures.
    pub async fn create_skill(
        &self,
        author: Author<'_>,
        set: &DecisionSet,
        said: ManualSkill,
        once: Option<&Once>,
        answer: impl Fn(&Skill) -> KeptAnswer,
    ) -> Result<Skill, WriteError> {
        let (repository, now) = (set.repository.id, author.now);
        authorize(author.principal, &set.repository, &set.members.members, author.right)?;
        let skill = Skill::manual(said, SkillId::new(now, &*self.ids), repository, now)?;
        let name = skill.name.as_deref().unwrap_or_default();
        let mut writes = Writes::default();
        writes.keep(once, || answer(&skill), now)?;
        // A skill must not outlive its repository.
        writes.need_existing(keys::part(repository, Part::Record));
        writes.claim(Item::new(&keys::skill_name(repository, name), &skill.id)?, Guard::SkillName);
        writes.create(skill_item(&skill)?);
        count_one_more(&mut writes, repository);
        let audit = AuditId::new(now, &*self.ids);
        let entry = AuditEntry::by(author.principal, audit, AuditAction::SkillCreated, skill.id, now).on(repository);
        writes.audit(&entry.with(json!({"name": skill.name})))?;
        match self.table.commit(&writes, WriteId::new(now, &*self.ids), now).await {
            Ok(()) => Ok(skill),
            Err(CommitError::Store(error)) => Err(error.into()),
            Err(CommitError::Lost(lost)) if is_repeated(&lost) => Err(WriteError::Repeated),
            Err(CommitError::Lost(lost)) => {
                if let Some(conflict) = taken(&lost) {
                    return Err(DomainError::Conflict(conflict).into());
                }
                let full = lost.iter().any(|lost| lost.guard == Guard::Version && lost.holder.is_some());
                Err(if full {
                    let text = format!("a repository has at most {MAX_SKILLS} skills");
                    DomainError::TooLarge(text).into()
                } else {
                    DomainError::NotFound(Kind::Repository).into()
                })
            }
        }
    }

    /// Changes a skill by a rule of the domain that accepts what it can do, under the revision that was read; after a lost
    /// race, again on a fresh read. A rule that says `None` changes nothing.
    ///
    /// # Errors
    /// What the rule says, not found, `WRITE_CONFLICT` when others were faster every time, storage failures.
    pub async fn accept_skill(
        &self,
        author: &Principal,
        mut skill: Skill,
        (once, now): (Option<&Once>, Timestamp),
        rule: impl Fn(&Skill) -> Result<Option<Skill>, DomainError>,
        answer: impl Fn(&Skill) -> KeptAnswer,
    ) -> Result<Skill, WriteError> {
        let (id, repository) = (skill.id, skill.repository);
        for attempt in 0..RACES {
            let Some(next) = rule(&skill)? else { return Ok(skill) };
            let mut writes = Writes::default();
            writes.keep(once, || answer(&next), now)?;
            writes.replace(skill_item(&next)?, Some(skill.revision));
            let added = skill.escalation.map(|escalation| escalation.added).unwrap_or_default();
            let details = json!({
                "name": next.name,
                "version": next.version,
                "addedScripts": added.scripts.len(),
                "addedTools": added.tools.len(),
            });
            let audit = AuditId::new(now, &*self.ids);
            let entry = AuditEntry::by(author, audit, AuditAction::SkillAccepted, id, now).on(repository);
            writes.audit(&entry.with(details))?;
            match self.table.commit(&writes, WriteId::new(now, &*self.ids), now).await {
                Ok(()) => return Ok(next),
                Err(CommitError::Store(error)) => return Err(error.into()),
                Err(CommitError::Lost(lost)) if is_repeated(&lost) => return Err(WriteError::Repeated),
                Err(CommitError::Lost(_)) => {}
            }
            pause_after(attempt).await;
            let fresh = self.table.get(&keys::skill(repository, id), true).await?;
            skill = fresh.map(skill_of).transpose()?.ok_or(DomainError::NotFound(Kind::Skill))?;
        }
        Err(DomainError::Conflict(write_conflict()).into())
    }

    /// Writes what a scan changes, and tells nobody. `false` when somebody was faster (an entry was accepted, a name was taken by hand, the
    /// repository is gone): then some of it may be written, and a fresh read catalogued again says what is left.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn put_catalogue(
        &self,
        repository: RepositoryId,
        change: &CatalogueChange,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        for mut writes in catalogue_batches(repository, change, &SkillEvents::new())? {
            writes.need_existing(keys::part(repository, Part::Record));
            match self.table.commit(&writes, WriteId::new(now, &*self.ids), now).await {
                Ok(()) => {}
                Err(CommitError::Store(error)) => return Err(error),
                Err(CommitError::Lost(_)) => return Ok(false),
            }
        }
        Ok(true)
    }
}

/// Counts one more skill in the repository's state, in the transaction that adds it, unless there are as many as may be. An
/// update in place: when the next sync is due is not touched, and whoever holds an older state has to read again.
fn count_one_more(writes: &mut Writes, repository: RepositoryId) {
    writes.update_counted(
        keys::part(repository, Part::State),
        "SET #data.sync.skillCount = #data.sync.skillCount + :one, #data.version = #data.version + :one, \
         version = version + :one, write_id = :write_id",
        "#data.sync.skillCount < :most",
        vec![(":one", number(1)), (":most", number(MAX_SKILLS))],
    );
}

/// What a scan changes as transactions of at most [`BATCH_OPERATIONS`] operations and about [`BATCH_BYTES`] bytes, to be
/// committed in this order. A caller may add a few operations to each. Entries between which a name changes hands are in
/// one: at no time is a name without its holder, or with two.
pub(crate) fn catalogue_batches(
    repository: RepositoryId,
    change: &CatalogueChange,
    events: &SkillEvents,
) -> Result<Vec<Writes>, StoreError> {
    let mut batches = vec![(Writes::default(), 0)];
    for group in groups(change) {
        let bytes = group.put.iter().map(|skill| bytes_of(skill)).sum::<usize>();
        let told: Vec<_> = group.put.iter().filter_map(|skill| events.get(&skill.id)).collect();
        let operations = group.put.len() + group.removed.len() + group.names.len() + told.len();
        let fits = |(writes, used): &(Writes, usize)| {
            writes.is_empty() || (writes.len() + operations <= BATCH_OPERATIONS && used + bytes <= BATCH_BYTES)
        };
        if !batches.last().is_some_and(fits) {
            batches.push((Writes::default(), 0));
        }
        if let Some((writes, used)) = batches.last_mut() {
            group.write(repository, writes)?;
            told.into_iter().try_for_each(|event| writes.tell(event))?;
            *used += bytes;
        }
    }
    Ok(batches.into_iter().map(|(writes, _)| writes).filter(|writes| !writes.is_empty()).collect())
}

/// How many of a page's first skills fit into it; at least one, so that every walk ends.
fn fitting(skills: &[Skill]) -> usize {
    let mut used = 0;
    let fits = skills.iter().take_while(|skill| {
        used += bytes_of(skill);
        used <= PAGE_BYTES
    });
    fits.count().max(1)
}

/// What a stored skill takes, nearly: an attribute's name and value are about as long as in JSON.
fn bytes_of(skill: &Skill) -> usize {
    serde_json::to_vec(skill).map_or(BATCH_BYTES, |json| json.len())
}

/// Entries that change in one transaction.
#[derive(Default)]
struct Group<'a> {
    put: Vec<&'a Skill>,
    removed: Vec<&'a Skill>,
    names: Vec<&'a NameChange>,
}

impl Group<'_> {
    fn write(&self, repository: RepositoryId, writes: &mut Writes) -> Result<(), StoreError> {
        for skill in &self.removed {
            writes.delete_version(keys::skill(repository, skill.id), skill.revision);
        }
        for skill in &self.put {
            match skill.revision {
                0 | 1 => writes.create(skill_item(skill)?),
                revision => writes.replace(skill_item(skill)?, Some(revision - 1)),
            }
        }
        for NameChange { name, from, to } in &self.names {
            let key = keys::skill_name(repository, name);
            match (from, to) {
                (None, Some(to)) => writes.claim(Item::new(&key, to)?, Guard::SkillName),
                (Some(_), Some(to)) => writes.replace_existing(Item::new(&key, to)?),
                (_, None) => writes.delete(key),
            }
        }
        Ok(())
    }
}

/// Entries by what has to change at once: those between which a name changes hands. There are seldom more than two, since
/// a name is that of its folder.
fn groups(change: &CatalogueChange) -> Vec<Group<'_>> {
    let mut leaders: BTreeMap<SkillId, SkillId> = BTreeMap::new();
    for NameChange { from, to, .. } in &change.names {
        if let (Some(from), Some(to)) = (from, to) {
            let (from, to) = (leader(&leaders, *from), leader(&leaders, *to));
            if from != to {
                leaders.insert(from, to);
            }
        }
    }
    let mut groups: BTreeMap<SkillId, Group<'_>> = BTreeMap::new();
    for skill in &change.put {
        groups.entry(leader(&leaders, skill.id)).or_default().put.push(skill);
    }
    for skill in &change.removed {
        groups.entry(leader(&leaders, skill.id)).or_default().removed.push(skill);
    }
    for name in &change.names {
        if let Some(id) = name.to.or(name.from) {
            groups.entry(leader(&leaders, id)).or_default().names.push(name);
        }
    }
    groups.into_values().collect()
}

fn leader(leaders: &BTreeMap<SkillId, SkillId>, id: SkillId) -> SkillId {
    let mut id = id;
    while let Some(next) = leaders.get(&id) {
        id = *next;
    }
    id
}

#[cfg(test)]
mod tests;
