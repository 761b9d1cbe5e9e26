//! The tree of a commit, walked through the objects of a pack.

use super::pack::{Objects, PackFault};
use gix_hash::{Kind, ObjectId};
use gix_object::tree::EntryKind as GitKind;
use gix_object::{CommitRefIter, Kind as ObjectKind, TreeRefIter};
use repoplane_domain::skill::{
    EntryKind, FolderCollector, ListedEntry, MAX_FOLDER_DEPTH, MAX_SHOWN_PATH, Manifest, SKILL_FILE, TooMuch,
    shown_name,
};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};

/// Entries of a tree that are looked at, folders among them.
const MAX_ENTRIES: usize = 2_000_000;
/// Longest list of one folder, in bytes as Git has it.
const MAX_FOLDER_BYTES: usize = 8_000_000;
/// Longest paths of folders that are still to be looked at, in bytes together.
const MAX_PENDING: usize = 64_000_000;
/// Entries that are handed on at once.
const BATCH: usize = 1_000;

/// What a walk through a tree ends with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TreeFault {
    /// The pack does not hold what it should.
    Pack(PackFault),
    /// More than is catalogued.
    TooMuch(TooMuch),
}

impl From<PackFault> for TreeFault {
    fn from(fault: PackFault) -> Self {
        Self::Pack(fault)
    }
}

impl From<TooMuch> for TreeFault {
    fn from(too_much: TooMuch) -> Self {
        Self::TooMuch(too_much)
    }
}

/// Collects the folders with skills of a commit.
pub(super) fn collect(
    objects: &mut Objects,
    commit: &ObjectId,
    stop: &AtomicBool,
) -> Result<FolderCollector, TreeFault> {
    let hash = commit.kind();
    let data = objects.find(commit, ObjectKind::Commit)?.ok_or(PackFault::Broken)?;
    let root = CommitRefIter::from_bytes(data, hash).tree_id().map_err(|_| PackFault::Broken)?;
    let mut collector = FolderCollector::new();
    let mut pending = Pending { folders: vec![(String::new(), root)], bytes: 0 };
    let mut entries = 0;
    while let Some((prefix, tree)) = pending.pop() {
        if stop.load(Ordering::Relaxed) {
            return Err(PackFault::Stopped.into());
        }
        // Git knows the empty tree without having it.
        let Some(data) = objects.find(&tree, ObjectKind::Tree)? else {
            if tree == ObjectId::empty_tree(hash) {
                continue;
            }
            return Err(PackFault::Broken.into());
        };
        if data.len() > MAX_FOLDER_BYTES {
            return Err(PackFault::TooLarge("it has a folder whose list has more than 8,000,000 bytes").into());
        }
        entries += folder(data, hash, &prefix, &mut collector, &mut pending)?;
        if entries > MAX_ENTRIES {
            return Err(PackFault::TooLarge("its tree has more than 2,000,000 entries").into());
        }
    }
    Ok(collector)
}

/// Folders that are still to be looked at: their paths and trees.
struct Pending {
    folders: Vec<(String, ObjectId)>,
    bytes: usize,
}

impl Pending {
    fn push(&mut self, path: String, tree: ObjectId) -> Result<(), PackFault> {
        self.bytes += path.len();
        if self.bytes > MAX_PENDING {
            return Err(PackFault::TooLarge("it has too many folders with long names"));
        }
        self.folders.push((path, tree));
        Ok(())
    }

    fn pop(&mut self) -> Option<(String, ObjectId)> {
        let (path, tree) = self.folders.pop()?;
        self.bytes -= path.len();
        Some((path, tree))
    }
}

/// Takes one folder's list; how many entries it has.
fn folder(
    data: &[u8],
    hash: Kind,
    prefix: &str,
    collector: &mut FolderCollector,
    pending: &mut Pending,
) -> Result<usize, TreeFault> {
    let depth = if prefix.is_empty() { 0 } else { prefix.split('/').count() };
    let (mut batch, mut entries) = (Vec::new(), 0);
    // The manifest goes first: it decides whose the others are.
    for is_manifest in [true, false] {
        for entry in TreeRefIter::from_bytes(data, hash) {
            let entry = entry.map_err(|_| PackFault::Broken)?;
            let name: &[u8] = entry.filename;
            if (name == SKILL_FILE.as_bytes()) != is_manifest {
                continue;
            }
            entries += 1;
            // What Git would not check out is left out, and so is what is too deep or too long to be named.
            let Some(name) = shown_name(name).filter(|_| depth < MAX_FOLDER_DEPTH) else { continue };
            let path = if prefix.is_empty() { name } else { format!("{prefix}/{name}") };
            if path.len() > MAX_SHOWN_PATH {
                continue;
            }
            let kind = match entry.mode.kind() {
                GitKind::Tree => {
                    if depth + 1 < MAX_FOLDER_DEPTH {
                        pending.push(path, entry.oid.to_owned())?;
                    }
                    continue;
                }
                GitKind::Blob => EntryKind::File,
                GitKind::BlobExecutable => EntryKind::Executable,
                GitKind::Link => EntryKind::Symlink,
                GitKind::Commit => EntryKind::Submodule,
            };
            batch.push(ListedEntry { path, kind, object: entry.oid.to_string(), size: None });
            if batch.len() >= BATCH {
                collector.add(&batch)?;
                batch.clear();
            }
        }
    }
    collector.add(&batch)?;
    Ok(entries)
}

/// The contents of files, as far as the pack has them.
pub(super) fn contents(
    objects: &mut Objects,
    wanted: &[String],
    stop: &AtomicBool,
) -> Result<HashMap<String, Manifest>, PackFault> {
    let mut contents = HashMap::new();
    for object in wanted {
        if stop.load(Ordering::Relaxed) {
            return Err(PackFault::Stopped);
        }
        let id = ObjectId::from_hex(object.as_bytes()).map_err(|_| PackFault::Broken)?;
        if let Some(data) = objects.find(&id, ObjectKind::Blob)? {
            contents.insert(object.clone(), Manifest::of(data));
        }
    }
    Ok(contents)
}
