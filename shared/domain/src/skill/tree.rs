//! What a walk through a branch brings back: the folders that hold a skill, however large the tree around them is.

use std::collections::BTreeMap;

/// The file that makes a folder a skill (open skill format). Its name is compared as it is written.
pub const SKILL_FILE: &str = "SKILL.md";
/// Largest `SKILL.md` that is read, in bytes.
pub const MAX_MANIFEST_BYTES: u64 = 256 * 1024;
/// Files of one skill's folder that are told apart, the manifest among them.
pub const MAX_SKILL_FILES: usize = 2_000;

/// What a tree says an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum EntryKind {
    /// A file.
    File,
    /// A file that may be run.
    Executable,
    /// A symbolic link. It is never followed.
    Symlink,
    /// A commit of another repository. It is never entered.
    Submodule,
}

/// One entry of a skill's folder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TreeEntry {
    /// Path below the folder, `/` between its parts. What of a name is not UTF-8 is written `\xNN`.
    pub path: String,
    /// What it is.
    pub kind: EntryKind,
    /// Its object's id in hexadecimal digits: equal ids are equal contents.
    pub object: String,
}

/// The content of a `SKILL.md`, or why there is none to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Manifest {
    /// The file's bytes, at most [`MAX_MANIFEST_BYTES`].
    Bytes(Vec<u8>),
    /// It has more bytes than are read; so many.
    TooLarge(u64),
    /// It is a pointer to a file in Git LFS, whose content is somewhere else.
    LfsPointer,
    /// It is a symbolic link.
    Symlink,
    /// The provider did not give it, although the tree names it; in words.
    Missing(String),
}

/// A folder that holds a `SKILL.md`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SkillFolder {
    /// The file.
    pub manifest: Manifest,
    /// Everything in the folder and below, the manifest among them and those of skills in folders of it left out; sorted by
    /// path. In the root of the repository only the manifest and what is below `scripts/`, `references/` and `assets/`.
    pub entries: Vec<TreeEntry>,
    /// Whether there are more than [`MAX_SKILL_FILES`] entries, so that not all of them are told.
    pub truncated: bool,
}

/// What a walk through a branch brings back.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WalkedTree {
    /// The skills by their folder: its path from the root, without a slash at its ends; empty for the root itself. What of
    /// a name is not UTF-8 is written `\xNN`.
    pub folders: BTreeMap<String, SkillFolder>,
    /// Files of the whole tree.
    pub files: u64,
}
