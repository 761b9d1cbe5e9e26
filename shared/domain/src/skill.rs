//! Skills: instructions for robots that lie in a repository as `**/SKILL.md`, catalogued by its syncs.

mod collector;
mod name;
mod tree;

pub use collector::{
    FolderCollector, ListedEntry, MAX_FOLDER_DEPTH, MAX_KEPT_ENTRIES, MAX_MANIFESTS_BYTES, MAX_SKILL_FOLDERS, TooMuch,
};
pub use name::{MAX_SHOWN_PATH, shown_name, shown_path};
pub use tree::{
    EntryKind, MAX_MANIFEST_BYTES, MAX_SKILL_FILES, Manifest, SKILL_FILE, SkillFolder, TreeEntry, WalkedTree,
};
