//! Skills: instructions for robots that lie in a repository as `**/SKILL.md`, catalogued by its syncs.

mod tree;

pub use tree::{
    EntryKind, MAX_MANIFEST_BYTES, MAX_SKILL_FILES, Manifest, SKILL_FILE, SkillFolder, TreeEntry, WalkedTree,
};
