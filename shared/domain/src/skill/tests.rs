//! Skills, by the rules: what is read, what a scan changes, who lets one do more.

mod acceptance;
mod catalogue;
mod front_matter;
mod manual;
mod properties;

use super::*;
use crate::id::{IdSource, RepositoryId};
use crate::time::Timestamp;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counts up: no two ids are the same.
#[derive(Default)]
pub(super) struct Counting(AtomicU64);

impl IdSource for Counting {
    fn random(&self) -> u128 {
        u128::from(self.0.fetch_add(1, Ordering::Relaxed)) + 1
    }
}

pub(super) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second)
}

pub(super) fn repository() -> RepositoryId {
    RepositoryId::start_of(at(0))
}

/// A repository that is scanned again and again.
#[derive(Default)]
pub(super) struct Scanned {
    pub(super) skills: Vec<Skill>,
    pub(super) change: CatalogueChange,
    pub(super) tree: WalkedTree,
    ids: Counting,
    scans: i64,
}

impl Scanned {
    /// Puts a folder: its `SKILL.md`, and other files with a mark of their content. A path that ends in `*` may be run.
    pub(super) fn folder(&mut self, path: &str, manifest: impl Into<Vec<u8>>, files: &[(&str, &str)]) -> &mut Self {
        let bytes = manifest.into();
        let entry = |path: &str, kind, object: String| TreeEntry { path: path.to_owned(), kind, object };
        let mut entries = vec![entry(SKILL_FILE, EntryKind::File, crate::secret::sha256_hex(&bytes))];
        for (file, mark) in files {
            let kind = if file.ends_with('*') { EntryKind::Executable } else { EntryKind::File };
            entries.push(entry(file.trim_end_matches('*'), kind, (*mark).to_owned()));
        }
        entries.sort();
        self.tree
            .folders
            .insert(path.to_owned(), SkillFolder { manifest: Manifest::Bytes(bytes), entries, truncated: false });
        self
    }

    /// A folder with a good `SKILL.md` of the folder's own name.
    pub(super) fn good(&mut self, path: &str, more: &str, files: &[(&str, &str)]) -> &mut Self {
        let name = path.rsplit('/').next().unwrap_or_default();
        self.folder(path, format!("---\nname: {name}\ndescription: d\n{more}---\nbody\n"), files)
    }

    pub(super) fn gone(&mut self, path: &str) -> &mut Self {
        self.tree.folders.remove(path);
        self
    }

    /// One more scan, each a second after the one before; the change is applied.
    pub(super) fn scan(&mut self) -> &mut Self {
        self.scans += 1;
        let first = self.scans == 1;
        let change = catalogue(&self.skills, &self.tree, first, repository(), at(self.scans), &self.ids).unwrap();
        self.skills = applied(&self.skills, &change);
        self.change = change;
        self
    }

    pub(super) fn at_path(&self, path: &str) -> &Skill {
        let wanted = if path.is_empty() { SKILL_FILE.to_owned() } else { format!("{path}/{SKILL_FILE}") };
        self.skills.iter().find(|skill| skill.path.as_deref() == Some(&wanted)).unwrap()
    }

    pub(super) fn codes(&self, path: &str) -> Vec<LintCode> {
        self.at_path(path).lint.iter().map(|lint| lint.code).collect()
    }
}

/// The skills once a change was made.
pub(super) fn applied(known: &[Skill], change: &CatalogueChange) -> Vec<Skill> {
    let is_in = |list: &[Skill], skill: &Skill| list.iter().any(|other| other.id == skill.id);
    let kept = known.iter().filter(|skill| !is_in(&change.removed, skill) && !is_in(&change.put, skill));
    kept.chain(&change.put).cloned().collect()
}
