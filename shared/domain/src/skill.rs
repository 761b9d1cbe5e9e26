//! Skills: instructions for robots that lie in a repository as `**/SKILL.md`, catalogued by its syncs.
//!
//! A walk through a branch brings back its folders ([`WalkedTree`]); [`catalogue`] says what that changes of the skills that
//! are known. A version that can do more than the accepted one is escalated until somebody [`accept`]s it.

mod acceptance;
mod catalogue;
mod collector;
mod folder;
mod front_matter;
mod lint;
mod manual;
mod name;
mod record;
mod tree;

pub use acceptance::{MAX_VERSION_BYTES, accept, read_acceptance};
pub use catalogue::{CatalogueChange, CatalogueCounts, NameChange, TooManySkills, catalogue};
pub use collector::{
    FolderCollector, ListedEntry, MAX_FOLDER_DEPTH, MAX_KEPT_ENTRIES, MAX_MANIFESTS_BYTES, MAX_SKILL_FOLDERS, TooMuch,
};
pub use folder::{MAX_SCRIPT_BYTES, MAX_SCRIPTS};
pub use front_matter::{
    FrontMatter, MAX_COMPATIBILITY_CHARS, MAX_DESCRIPTION_CHARS, MAX_FRONT_MATTER_BYTES, MAX_LICENSE_CHARS,
    MAX_METADATA_KEY_CHARS, MAX_METADATA_KEYS, MAX_METADATA_VALUE_CHARS, MAX_SKILL_NAME_CHARS, MAX_TOOL_CHARS,
    MAX_TOOLS, is_skill_name, read_front_matter,
};
pub use lint::{Lint, LintCode, MAX_LINT_CHARS, MAX_LINTS};
pub use manual::{
    MAX_MANUAL_DESCRIPTION_CHARS, MAX_MANUAL_NAME_CHARS, MAX_MANUAL_PATH_CHARS, MAX_MANUAL_VERSION_CHARS, ManualSkill,
};
pub use name::{MAX_SHOWN_PATH, shown_name, shown_path};
pub use record::{Accepted, Escalation, MAX_SKILLS, Powers, Skill, SkillSource, SkillStatus};
pub use tree::{
    EntryKind, MAX_MANIFEST_BYTES, MAX_SKILL_FILES, Manifest, SKILL_FILE, SkillFolder, TreeEntry, WalkedTree,
};

#[cfg(test)]
mod tests;
