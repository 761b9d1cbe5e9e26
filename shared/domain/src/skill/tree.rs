//! What a walk through a branch brings back: the folders that hold a skill, however large the tree around them is.

use std::collections::BTreeMap;

/// The file that makes a folder a skill (open skill format). Its name is compared as it is written.
pub const SKILL_FILE: &str = "SKILL.md";
/// Largest `SKILL.md` that is read, in bytes.
pub const MAX_MANIFEST_BYTES: u64 = 256 * 1024;
/// Files of one skill's folder that are told apart, the manifest among them.
pub const MAX_SKILL_FILES: usize = 2_000;

/// What a pointer to a file in Git LFS begins with (Git LFS: specification, the pointer).
const LFS_POINTER: &[u8] = b"version https://git-lfs.github.com/spec/v1";
/// A pointer is shorter than this, in bytes (Git LFS: specification, the pointer).
const MAX_LFS_POINTER: usize = 1_024;

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
    /// Path below the folder, `/` between its parts, each as [`crate::skill::shown_name`] writes it.
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
    /// It has more bytes than are read: so many, or where the provider does not say how many, at least so many.
    TooLarge(u64),
    /// It is a pointer to a file in Git LFS, whose content is somewhere else.
    LfsPointer,
    /// It is a symbolic link.
    Symlink,
    /// The provider did not give it, although the tree names it; in words.
    Missing(String),
}

impl Manifest {
    /// What the content of the file comes to.
    pub fn of(content: impl Into<Vec<u8>> + AsRef<[u8]>) -> Self {
        let bytes = content.as_ref();
        let size = bytes.len() as u64;
        if size > MAX_MANIFEST_BYTES {
            Self::TooLarge(size)
        } else if bytes.len() < MAX_LFS_POINTER && bytes.starts_with(LFS_POINTER) {
            Self::LfsPointer
        } else {
            Self::Bytes(content.into())
        }
    }
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
    /// The skills by their folder: its path from the root, without a slash at its ends; empty for the root itself. Each
    /// part is as [`crate::skill::shown_name`] writes it.
    pub folders: BTreeMap<String, SkillFolder>,
    /// Files of the whole tree, symbolic links among them, submodules not.
    pub files: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_is_its_content_unless_that_is_elsewhere_or_too_much() {
        let pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n".to_vec();
        let long = [pointer.clone(), vec![b' '; MAX_LFS_POINTER]].concat();
        let most = vec![b'x'; MAX_MANIFEST_BYTES as usize];
        let more = vec![b'x'; MAX_MANIFEST_BYTES as usize + 1];
        for (content, expected) in [
            (Vec::new(), Manifest::Bytes(Vec::new())),
            (pointer, Manifest::LfsPointer),
            (long.clone(), Manifest::Bytes(long)),
            (most.clone(), Manifest::Bytes(most)),
            (more, Manifest::TooLarge(MAX_MANIFEST_BYTES + 1)),
        ] {
            assert_eq!(Manifest::of(content), expected);
        }
    }
}
