//! What a skill's folder says: its front matter, its version, and what it lets a robot do.

use super::front_matter::{FrontMatter, read_front_matter};
use super::lint::{Lint, LintCode};
use super::record::Powers;
use super::tree::{EntryKind, MAX_MANIFEST_BYTES, MAX_SKILL_FILES, Manifest, SKILL_FILE, SkillFolder, TreeEntry};
use sha2::{Digest, Sha256};

/// Scripts of one skill that are kept.
pub const MAX_SCRIPTS: usize = 256;
/// Bytes of their paths together: a skill is one item of the table, and names them up to three times.
pub const MAX_SCRIPT_BYTES: usize = 32 * 1024;
/// Where a skill's programs are (open skill format).
const SCRIPTS: &str = "scripts";

/// A good folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct GoodFolder {
    pub(super) front_matter: FrontMatter,
    pub(super) version: String,
    pub(super) powers: Powers,
}

/// The path of a folder's `SKILL.md`.
pub(super) fn manifest_path(folder: &str) -> String {
    if folder.is_empty() { SKILL_FILE.to_owned() } else { format!("{folder}/{SKILL_FILE}") }
}

/// Reads a folder; `path` is its own, empty for the repository's root.
///
/// # Errors
/// What is wrong with it.
pub(super) fn read_folder(path: &str, folder: &SkillFolder) -> Result<GoodFolder, Vec<Lint>> {
    let fault = |code, message: String| Err(vec![Lint::whole(code, message)]);
    let bytes = match &folder.manifest {
        Manifest::Bytes(bytes) => bytes,
        Manifest::TooLarge(size) => {
            let message = format!("the file has {size} bytes; at most {MAX_MANIFEST_BYTES} are read");
            return fault(LintCode::ManifestTooLarge, message);
        }
        Manifest::LfsPointer => {
            let message = "the file is kept in Git LFS; put it into Git itself";
            return fault(LintCode::ManifestLfsPointer, message.to_owned());
        }
        Manifest::Symlink => {
            let message = "the file is a symbolic link, and links are not followed; put the file here";
            return fault(LintCode::ManifestSymlink, message.to_owned());
        }
        Manifest::Missing(reason) => {
            return fault(LintCode::ManifestMissing, format!("the file could not be read: {reason}"));
        }
    };
    let name = path.rsplit('/').next().filter(|name| !name.is_empty());
    let front_matter = read_front_matter(bytes, name)?;
    if folder.truncated {
        return fault(LintCode::FolderTooLarge, format!("the folder has more than {MAX_SKILL_FILES} entries"));
    }
    let scripts: Vec<String> =
        folder.entries.iter().filter(|entry| is_script(entry)).map(|entry| entry.path.clone()).collect();
    if scripts.len() > MAX_SCRIPTS || scripts.iter().map(String::len).sum::<usize>() > MAX_SCRIPT_BYTES {
        let message = format!(
            "the folder has more than {MAX_SCRIPTS} scripts, or their paths more than {MAX_SCRIPT_BYTES} bytes"
        );
        return fault(LintCode::TooManyScripts, message);
    }
    let powers = Powers { scripts: sorted(scripts), tools: front_matter.allowed_tools.clone() };
    Ok(GoodFolder { version: version_of(&folder.entries), powers, front_matter })
}

fn sorted(mut paths: Vec<String>) -> Vec<String> {
    paths.sort_unstable();
    paths.dedup();
    paths
}

/// What may be run: everything below `scripts/`, and what is marked so elsewhere. A link or another repository in the place
/// of `scripts` counts too: what it leads to is not known.
fn is_script(entry: &TreeEntry) -> bool {
    match entry.path.strip_prefix(SCRIPTS) {
        Some("") => matches!(entry.kind, EntryKind::Symlink | EntryKind::Submodule | EntryKind::Executable),
        Some(rest) if rest.starts_with('/') => true,
        Some(_) | None => entry.kind == EntryKind::Executable && entry.path != SKILL_FILE,
    }
}

/// The digest of a folder: any other file, content or mode in it is another version. Its own place does not count.
fn version_of(entries: &[TreeEntry]) -> String {
    let mut entries: Vec<&TreeEntry> = entries.iter().collect();
    entries.sort_unstable();
    let mut digest = Sha256::new();
    for TreeEntry { path, kind, object } in entries {
        let kind = match kind {
            EntryKind::File => "file",
            EntryKind::Executable => "executable",
            EntryKind::Symlink => "symlink",
            EntryKind::Submodule => "submodule",
        };
        // Lengths first: no entry can be read as part of another.
        digest.update(format!("{}:{path}{kind}:{}:{object}", path.len(), object.len()));
    }
    format!("sha256:{}", hex::encode(digest.finalize()))
}
