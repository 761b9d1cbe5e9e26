//! The spec files of a commit: those in its root and in one folder, found through the objects of a pack.

use super::pack::{Objects, PackFault};
use gix_hash::{Kind, ObjectId};
use gix_object::tree::EntryKind as GitKind;
use gix_object::{CommitRefIter, Kind as ObjectKind, TreeRefIter};
use repoplane_domain::package::{MAX_SPEC_FILES, SPEC_ENDING, SPEC_FOLDER, SpecContent, SpecTree};
use repoplane_domain::skill::shown_name;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};

/// Longest list of one folder, in bytes as Git has it.
const MAX_FOLDER_BYTES: usize = 8_000_000;

/// What the trees of a commit say of its spec files.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Paths, and the objects of those that are files.
    files: Vec<(String, Option<ObjectId>)>,
    more: bool,
    committer_name: Option<String>,
    committer_email: Option<String>,
}

/// Looks for the spec files of a commit.
pub(super) fn find(objects: &mut Objects, commit: &ObjectId) -> Result<Found, PackFault> {
    let hash = commit.kind();
    let data = objects.find(commit, ObjectKind::Commit)?.ok_or(PackFault::Broken)?;
    let root = CommitRefIter::from_bytes(data, hash).tree_id().map_err(|_| PackFault::Broken)?;
    let mut found = Found::default();
    // Who made it is told with the packages; a commit whose maker cannot be read is one all the same.
    if let Ok(committer) = CommitRefIter::from_bytes(data, hash).committer() {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        found.committer_name = Some(text(committer.name));
        found.committer_email = Some(text(committer.email));
    }
    if let Some(folder) = found.folder(objects, hash, "", &root)? {
        found.folder(objects, hash, SPEC_FOLDER, &folder)?;
    }
    Ok(found)
}

impl Found {
    /// Takes the spec files of one folder, and says which tree the folder of spec files in it is.
    fn folder(
        &mut self,
        objects: &mut Objects,
        hash: Kind,
        prefix: &str,
        tree: &ObjectId,
    ) -> Result<Option<ObjectId>, PackFault> {
        // Git knows the empty tree without having it.
        let Some(data) = objects.find(tree, ObjectKind::Tree)? else {
            return if *tree == ObjectId::empty_tree(hash) { Ok(None) } else { Err(PackFault::Broken) };
        };
        if data.len() > MAX_FOLDER_BYTES {
            return Err(PackFault::TooLarge("it has a folder whose list has more than 8,000,000 bytes"));
        }
        let mut inner = None;
        for entry in TreeRefIter::from_bytes(data, hash) {
            let entry = entry.map_err(|_| PackFault::Broken)?;
            let name: &[u8] = entry.filename;
            let object = match entry.mode.kind() {
                GitKind::Tree if name == SPEC_FOLDER.as_bytes() => {
                    inner = Some(entry.oid.to_owned());
                    continue;
                }
                GitKind::Blob | GitKind::BlobExecutable => Some(entry.oid.to_owned()),
                GitKind::Link => None,
                GitKind::Tree | GitKind::Commit => continue,
            };
            if !name.ends_with(SPEC_ENDING.as_bytes()) {
                continue;
            }
            // What Git would not check out is left out.
            let Some(name) = shown_name(name) else { continue };
            if self.files.len() >= MAX_SPEC_FILES {
                self.more = true;
                break;
            }
            let path = if prefix.is_empty() { name } else { format!("{prefix}/{name}") };
            self.files.push((path, object));
        }
        Ok(inner)
    }

    /// The objects whose contents are needed, each once.
    pub(super) fn wanted(&self) -> Vec<ObjectId> {
        let mut wanted: Vec<ObjectId> = self.files.iter().filter_map(|(_, object)| *object).collect();
        wanted.sort_unstable();
        wanted.dedup();
        wanted
    }

    /// The files with their contents.
    pub(super) fn finish(self, contents: &HashMap<ObjectId, SpecContent>) -> SpecTree {
        let content = |object: Option<ObjectId>| match object {
            Some(object) => contents.get(&object).cloned().unwrap_or(SpecContent::Missing),
            None => SpecContent::Symlink,
        };
        SpecTree {
            files: self.files.into_iter().map(|(path, object)| (path, content(object))).collect(),
            more: self.more,
            committer_name: self.committer_name,
            committer_email: self.committer_email,
        }
    }
}

/// The contents of spec files, as far as the pack has them.
pub(super) fn contents(
    objects: &mut Objects,
    wanted: &[ObjectId],
    stop: &AtomicBool,
) -> Result<HashMap<ObjectId, SpecContent>, PackFault> {
    let mut contents = HashMap::new();
    for id in wanted {
        if stop.load(Ordering::Relaxed) {
            return Err(PackFault::Stopped);
        }
        if let Some(data) = objects.find(id, ObjectKind::Blob)? {
            contents.insert(*id, SpecContent::of(data));
        }
    }
    Ok(contents)
}
