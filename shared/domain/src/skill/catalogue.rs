//! What a scan changes: the skills that are known, against the folders that the branch holds now.

use super::acceptance::judge;
use super::folder::{GoodFolder, manifest_path, read_folder};
use super::lint::{Lint, LintCode};
use super::name::MAX_SHOWN_PATH;
use super::record::{MAX_SKILLS, Powers, Skill, SkillSource, SkillStatus};
use super::tree::WalkedTree;
use crate::id::{IdSource, RepositoryId, SkillId};
use crate::time::Timestamp;
use std::collections::BTreeMap;

/// A repository holds more skills than are catalogued. Nothing of the scan is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the repository holds {found} skills; at most {MAX_SKILLS} are catalogued")]
pub struct TooManySkills {
    /// Folders with a skill, and skills that were added by hand.
    pub found: usize,
}

/// A name that another skill has than before, or nobody any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameChange {
    /// The name.
    pub name: String,
    /// Who had it.
    pub from: Option<SkillId>,
    /// Who has it.
    pub to: Option<SkillId>,
}

/// How many there are once the change is made, and how they came about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CatalogueCounts {
    /// Skills of the repository, those added by hand among them (contract: shiftagent 5, `skill_count`).
    pub skills: usize,
    /// Folders that were never good; not among the skills.
    pub invalid: usize,
    /// Skills whose version can do more than was accepted.
    pub escalated: usize,
    /// Entries that are new.
    pub added: usize,
    /// Entries that changed.
    pub changed: usize,
    /// Entries that vanished.
    pub removed: usize,
    /// Entries that stay as they are.
    pub unchanged: usize,
    /// Folders that are left out because their path is longer than [`MAX_SHOWN_PATH`].
    pub left_out: usize,
}

/// What a scan changes, and nothing else.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CatalogueChange {
    /// Entries that are new (revision 1) or changed (one revision up), in the order of their paths.
    pub put: Vec<Skill>,
    /// Entries that vanished, as they were.
    pub removed: Vec<Skill>,
    /// Names that change hands, in their order.
    pub names: Vec<NameChange>,
    /// Counts.
    pub counts: CatalogueCounts,
}

impl CatalogueChange {
    /// Whether everything stays as it is.
    pub fn is_empty(&self) -> bool {
        self.put.is_empty() && self.removed.is_empty()
    }
}

/// Who has a name already.
enum Holder<'a> {
    Manual(SkillId),
    Path(&'a str),
}

/// Catalogues what a walk found. `known` is everything that the repository has, `first` whether no scan of it succeeded
/// before. Skills added by hand stay as they are.
///
/// An entry is found again by its path, or, when its folder moved, by its name. Of two folders with one name, the first by
/// path (in the order of bytes) has it. A folder that is bad keeps its last good version, and that version's name.
///
/// # Errors
/// [`TooManySkills`].
pub fn catalogue(
    known: &[Skill],
    walked: &WalkedTree,
    first: bool,
    repository: RepositoryId,
    now: Timestamp,
    ids: &dyn IdSource,
) -> Result<CatalogueChange, TooManySkills> {
    let manual: Vec<&Skill> = known.iter().filter(|skill| skill.source == SkillSource::Manual).collect();
    let found = walked.folders.len() + manual.len();
    if found > MAX_SKILLS {
        return Err(TooManySkills { found });
    }
    // Not the order of the folders: `a-b/SKILL.md` comes before `a/SKILL.md`.
    let short = walked.folders.iter().filter(|(folder, _)| manifest_path(folder).len() <= MAX_SHOWN_PATH);
    let folders: BTreeMap<String, _> =
        short.map(|(folder, inside)| (manifest_path(folder), read_folder(folder, inside))).collect();
    let mut before = Before::of(known, |path| folders.contains_key(path));
    let mut holders: BTreeMap<String, Holder<'_>> =
        manual.iter().filter_map(|skill| Some((skill.name.clone()?, Holder::Manual(skill.id)))).collect();
    let mut after: Vec<(Option<&Skill>, Skill)> = Vec::with_capacity(folders.len());
    for (path, read) in &folders {
        let prior = before.by_path.remove(path.as_str());
        let name = match read {
            Ok(good) => Some(&good.front_matter.name),
            Err(_) => prior.and_then(|prior| prior.name.as_ref()),
        };
        let taken = name.and_then(|name| holders.get(name).map(|holder| taken_by(holder)));
        if let (Some(name), None) = (name, &taken) {
            holders.insert(name.clone(), Holder::Path(path));
        }
        let entry = match (read, taken) {
            (Ok(good), None) => {
                let prior = prior.or_else(|| before.by_name.remove(good.front_matter.name.as_str()));
                let base = base(prior, repository, now, ids);
                (prior, refreshed(base, path, good, first, now))
            }
            (Ok(_), Some(taken)) => (prior, invalid(base(prior, repository, now, ids), path, vec![taken])),
            (Err(lints), None) if prior.is_some_and(Skill::is_counted) => {
                (prior, Skill { lint: lints.clone(), ..base(prior, repository, now, ids) })
            }
            // Also when its name went to another: what is wrong with the file itself is what its author has to mend first.
            (Err(lints), _) => (prior, invalid(base(prior, repository, now, ids), path, lints.clone())),
        };
        after.push(entry);
    }
    let mut change = change(known, &manual, after, now);
    change.counts.left_out = walked.folders.len() - folders.len();
    Ok(change)
}

/// The discovered skills that are known: those whose path is there still, and the names of those that lost it.
struct Before<'a> {
    by_path: BTreeMap<&'a str, &'a Skill>,
    by_name: BTreeMap<&'a str, &'a Skill>,
}

impl<'a> Before<'a> {
    fn of(known: &'a [Skill], is_there: impl Fn(&str) -> bool) -> Self {
        let (mut by_path, mut by_name) = (BTreeMap::new(), BTreeMap::new());
        for skill in known.iter().filter(|skill| skill.source == SkillSource::Discovered) {
            match (&skill.path, &skill.name) {
                (Some(path), _) if is_there(path) => drop(by_path.entry(path.as_str()).or_insert(skill)),
                (_, Some(name)) => drop(by_name.entry(name.as_str()).or_insert(skill)),
                (_, None) => {}
            }
        }
        Self { by_path, by_name }
    }
}

fn taken_by(holder: &Holder<'_>) -> Lint {
    let message = match holder {
        Holder::Manual(id) => format!("the name is taken by {id}, which was added by hand"),
        Holder::Path(path) => format!("the name is taken by {path}"),
    };
    Lint::whole(LintCode::NameTaken, message)
}

fn base(prior: Option<&Skill>, repository: RepositoryId, now: Timestamp, ids: &dyn IdSource) -> Skill {
    let new = || Skill::unknown(SkillId::new(now, ids), repository, SkillSource::Discovered, now);
    prior.cloned().unwrap_or_else(new)
}

/// An entry with what its good folder says now.
fn refreshed(mut skill: Skill, path: &str, good: &GoodFolder, first: bool, now: Timestamp) -> Skill {
    let front_matter = good.front_matter.clone();
    skill.name = Some(front_matter.name);
    skill.description = Some(front_matter.description);
    skill.license = front_matter.license;
    skill.compatibility = front_matter.compatibility;
    skill.metadata = front_matter.metadata;
    skill.path = Some(path.to_owned());
    skill.version = Some(good.version.clone());
    skill.powers = good.powers.clone();
    skill.lint = Vec::new();
    judge(&mut skill, first, now);
    skill
}

/// An entry of a folder that cannot be used: it has no name and no version. What was accepted of it stays, for the day on
/// which it is good again.
fn invalid(skill: Skill, path: &str, lint: Vec<Lint>) -> Skill {
    Skill {
        name: None,
        description: None,
        version: None,
        path: Some(path.to_owned()),
        metadata: BTreeMap::new(),
        compatibility: None,
        license: None,
        powers: Powers::default(),
        lint,
        escalation: None,
        ..skill
    }
}

fn change(known: &[Skill], manual: &[&Skill], after: Vec<(Option<&Skill>, Skill)>, now: Timestamp) -> CatalogueChange {
    let mut change = CatalogueChange::default();
    let stays: std::collections::BTreeSet<SkillId> =
        manual.iter().map(|skill| skill.id).chain(after.iter().map(|(_, next)| next.id)).collect();
    change.removed = known.iter().filter(|skill| !stays.contains(&skill.id)).cloned().collect();
    change.names = names(known, manual, &after);
    let counts = &mut change.counts;
    (counts.skills, counts.unchanged, counts.removed) = (manual.len(), manual.len(), change.removed.len());
    for (prior, mut next) in after {
        match next.status() {
            SkillStatus::Ok => counts.skills += 1,
            SkillStatus::Invalid => counts.invalid += 1,
            SkillStatus::Escalated => {
                counts.skills += 1;
                counts.escalated += 1;
            }
        }
        match prior {
            Some(prior) if *prior == next => counts.unchanged += 1,
            Some(prior) => {
                counts.changed += 1;
                (next.updated_at, next.revision) = (now, prior.revision + 1);
                change.put.push(next);
            }
            None => {
                counts.added += 1;
                change.put.push(next);
            }
        }
    }
    change
}

fn names(known: &[Skill], manual: &[&Skill], after: &[(Option<&Skill>, Skill)]) -> Vec<NameChange> {
    let by_name = |skill: &Skill| Some((skill.name.clone()?, skill.id));
    let old: BTreeMap<String, SkillId> = known.iter().filter_map(by_name).collect();
    let next = after.iter().map(|(_, next)| next);
    let new: BTreeMap<String, SkillId> = manual.iter().copied().chain(next).filter_map(by_name).collect();
    let all: std::collections::BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let both = all.into_iter().map(|name| (name, old.get(name).copied(), new.get(name).copied()));
    both.filter(|(_, from, to)| from != to)
        .map(|(name, from, to)| NameChange { name: name.clone(), from, to })
        .collect()
}
