//! Which folder of a tree an entry belongs to, found while the tree goes by: only folders with a skill are kept.

use super::record::MAX_SKILLS;
use super::tree::{
    EntryKind, MAX_MANIFEST_BYTES, MAX_SKILL_FILES, Manifest, SKILL_FILE, SkillFolder, TreeEntry, WalkedTree,
};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Folders with a skill that one repository may have: as many as are catalogued.
pub const MAX_SKILL_FOLDERS: usize = MAX_SKILLS;
/// Entries that are kept of all folders together; further ones are left out of their folders, which say so.
pub const MAX_KEPT_ENTRIES: usize = 200_000;
/// Bytes of all skills' manifests together.
pub const MAX_MANIFESTS_BYTES: usize = 32_000_000;
/// Parts of the longest path that is looked at; what lies deeper is left out.
pub const MAX_FOLDER_DEPTH: usize = 64;

/// What belongs to a skill in the root of a repository, beside its manifest: there the other folders are the project itself.
const ROOT_FOLDERS: [&str; 3] = ["scripts/", "references/", "assets/"];

/// One entry of a tree, folders not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedEntry {
    /// Path from the root, as [`super::shown_path`] writes it.
    pub path: String,
    /// What it is.
    pub kind: EntryKind,
    /// Its object's id in hexadecimal digits.
    pub object: String,
    /// Its size in bytes, where the list tells it.
    pub size: Option<u64>,
}

/// A repository has more of something than is catalogued.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TooMuch {
    /// More than [`MAX_SKILL_FOLDERS`].
    #[error("it has more than {MAX_SKILL_FOLDERS} skills")]
    Skills,
    /// More than [`MAX_MANIFESTS_BYTES`].
    #[error("its {SKILL_FILE} files have together more than {MAX_MANIFESTS_BYTES} bytes")]
    Manifests,
}

/// Collects the folders that hold a skill from the entries of a tree.
///
/// An entry belongs to the nearest folder above it that holds a [`SKILL_FILE`]. What comes out does not depend on the order
/// of entries within a list.
#[derive(Debug, Default)]
pub struct FolderCollector {
    folders: HashMap<String, Folder>,
    kept: usize,
    files: u64,
}

#[derive(Debug)]
struct Folder {
    manifest: ListedEntry,
    /// Sorted by path; the manifest is not among them.
    entries: BTreeSet<TreeEntry>,
    truncated: bool,
}

impl FolderCollector {
    /// A collector that has seen nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a list of entries, each entry once in all lists. A folder's manifest comes before or together with everything
    /// else in the folder and below, for it decides whose that is.
    ///
    /// # Errors
    /// [`TooMuch::Skills`].
    pub fn add(&mut self, list: &[ListedEntry]) -> Result<(), TooMuch> {
        let list = || list.iter().filter(|entry| entry.path.split('/').count() <= MAX_FOLDER_DEPTH);
        for entry in list().filter(|entry| entry.kind != EntryKind::Submodule) {
            let (folder, name) = entry.path.rsplit_once('/').unwrap_or(("", &entry.path));
            if name == SKILL_FILE {
                let found = || Folder { manifest: entry.clone(), entries: BTreeSet::new(), truncated: false };
                self.folders.entry(folder.to_owned()).or_insert_with(found);
                if self.folders.len() > MAX_SKILL_FOLDERS {
                    return Err(TooMuch::Skills);
                }
            }
        }
        for entry in list() {
            self.files += u64::from(entry.kind != EntryKind::Submodule);
            self.assign(entry);
        }
        Ok(())
    }

    fn assign(&mut self, entry: &ListedEntry) {
        let mut folder = entry.path.as_str();
        while !folder.is_empty() {
            folder = folder.rsplit_once('/').map_or("", |(above, _name)| above);
            let Some(found) = self.folders.get_mut(folder) else { continue };
            let path = entry.path.strip_prefix(folder).unwrap_or_default().trim_start_matches('/');
            let of_the_project = folder.is_empty() && !ROOT_FOLDERS.iter().any(|below| path.starts_with(below));
            if path != SKILL_FILE && !of_the_project {
                let entry = TreeEntry { path: path.to_owned(), kind: entry.kind, object: entry.object.clone() };
                found.keep(entry, &mut self.kept);
            }
            return;
        }
    }

    /// The objects whose content is to be read: manifests that are files and, as far as it is known, not too large.
    pub fn wanted(&self) -> BTreeSet<&str> {
        let manifests = self.folders.values().map(|folder| &folder.manifest);
        manifests.filter(|entry| is_read(entry)).map(|entry| entry.object.as_str()).collect()
    }

    /// What was collected, with the contents that were read, by object.
    ///
    /// # Errors
    /// [`TooMuch::Manifests`]: one content counts in every folder that has it.
    pub fn finish(self, contents: &HashMap<String, Manifest>) -> Result<WalkedTree, TooMuch> {
        let (mut folders, mut bytes) = (BTreeMap::new(), 0);
        for (path, folder) in self.folders {
            let folder = folder.finish(contents);
            if let Manifest::Bytes(content) = &folder.manifest {
                bytes += content.len();
            }
            if bytes > MAX_MANIFESTS_BYTES {
                return Err(TooMuch::Manifests);
            }
            folders.insert(path, folder);
        }
        Ok(WalkedTree { folders, files: self.files })
    }
}

impl Folder {
    /// Keeps an entry, or of too many those that come first by path.
    fn keep(&mut self, entry: TreeEntry, kept: &mut usize) {
        *kept += usize::from(self.entries.insert(entry));
        if self.entries.len() >= MAX_SKILL_FILES || *kept > MAX_KEPT_ENTRIES {
            self.entries.pop_last();
            *kept -= 1;
            self.truncated = true;
        }
    }

    fn finish(self, contents: &HashMap<String, Manifest>) -> SkillFolder {
        let ListedEntry { kind, object, size, .. } = self.manifest;
        let manifest = match (kind, size) {
            (EntryKind::Symlink, _) => Manifest::Symlink,
            (_, Some(size)) if size > MAX_MANIFEST_BYTES => Manifest::TooLarge(size),
            _ => contents.get(&object).cloned().unwrap_or_else(|| Manifest::Missing("it was not given".to_owned())),
        };
        let mut entries: Vec<TreeEntry> = self.entries.into_iter().collect();
        let own = TreeEntry { path: SKILL_FILE.to_owned(), kind, object };
        let place = entries.partition_point(|entry| entry.path < own.path);
        entries.insert(place, own);
        SkillFolder { manifest, entries, truncated: self.truncated }
    }
}

fn is_read(entry: &ListedEntry) -> bool {
    entry.kind != EntryKind::Symlink && entry.size.is_none_or(|size| size <= MAX_MANIFEST_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn file(path: &str) -> ListedEntry {
        ListedEntry { path: path.to_owned(), kind: EntryKind::File, object: format!("id of {path}"), size: None }
    }

    fn collected(list: &[ListedEntry]) -> WalkedTree {
        let mut collector = FolderCollector::new();
        collector.add(list).unwrap();
        let contents: HashMap<_, _> =
            collector.wanted().into_iter().map(|id| (id.to_owned(), Manifest::Bytes(id.into()))).collect();
        collector.finish(&contents).unwrap()
    }

    fn paths(walked: &WalkedTree) -> Vec<(&str, Vec<&str>)> {
        let told = walked
            .folders
            .iter()
            .map(|(path, folder)| (path.as_str(), folder.entries.iter().map(|entry| entry.path.as_str()).collect()));
        told.collect()
    }

    #[test]
    fn an_entry_belongs_to_the_nearest_skill_above_it() {
        let all = [
            "README.md",
            "a/SKILL.md",
            "a/b/c/notes.md",
            "a/b/skill.md",
            "a/inner/SKILL.md",
            "a/inner/run.sh",
            "a/inner.md",
            "ab/SKILL.md",
            "b/none.md",
            "c/SKILL.md/not-a-file",
        ];
        let walked = collected(&all.map(file));
        let expected = [
            ("a", vec!["SKILL.md", "b/c/notes.md", "b/skill.md", "inner.md"]),
            ("a/inner", vec!["SKILL.md", "run.sh"]),
            ("ab", vec!["SKILL.md"]),
        ];
        assert_eq!((paths(&walked), walked.files), (expected.to_vec(), 10));
        assert_eq!(walked.folders["a"].manifest, Manifest::Bytes("id of a/SKILL.md".into()));
    }

    #[test]
    fn a_skill_in_the_root_has_three_folders() {
        let all = ["SKILL.md", "Cargo.toml", "scripts/x/run.sh", "references/a.md", "assets/b", "src/a", "scriptsx/a"];
        let nested = ["assets/inner/SKILL.md", "assets/inner/c"];
        let walked = collected(&all.iter().chain(&nested).map(|path| file(path)).collect::<Vec<_>>());
        let root = vec!["SKILL.md", "assets/b", "references/a.md", "scripts/x/run.sh"];
        assert_eq!(paths(&walked), [("", root), ("assets/inner", vec!["SKILL.md", "c"])]);
    }

    #[test]
    fn what_kind_the_manifest_is_decides_whether_it_is_read() {
        let with = |path: &str, kind, size| ListedEntry { kind, size, ..file(path) };
        let list = [
            with("link/SKILL.md", EntryKind::Symlink, Some(4)),
            with("run/SKILL.md", EntryKind::Executable, Some(4)),
            with("large/SKILL.md", EntryKind::File, Some(MAX_MANIFEST_BYTES + 1)),
            with("most/SKILL.md", EntryKind::File, Some(MAX_MANIFEST_BYTES)),
            with("module/SKILL.md", EntryKind::Submodule, None),
            with("module", EntryKind::Submodule, None),
        ];
        let mut collector = FolderCollector::new();
        collector.add(&list).unwrap();
        assert_eq!(collector.wanted(), ["id of most/SKILL.md", "id of run/SKILL.md"].into());
        let walked = collector.finish(&HashMap::new()).unwrap();
        let told: Vec<_> = walked.folders.iter().map(|(path, folder)| (path.as_str(), &folder.manifest)).collect();
        let missing = Manifest::Missing("it was not given".to_owned());
        let large = Manifest::TooLarge(MAX_MANIFEST_BYTES + 1);
        assert_eq!(told, [("large", &large), ("link", &Manifest::Symlink), ("most", &missing), ("run", &missing)]);
        assert_eq!(walked.files, 4);
    }

    #[test]
    fn of_too_many_the_first_are_kept_whatever_the_order() {
        let mut list = vec![file("s/SKILL.md")];
        list.extend((0..MAX_SKILL_FILES).map(|number| file(&format!("s/{number:05}"))));
        for _ in 0..2 {
            let walked = collected(&list);
            let folder = &walked.folders["s"];
            assert_eq!((folder.entries.len(), folder.truncated), (MAX_SKILL_FILES, true));
            assert_eq!((folder.entries[0].path.as_str(), walked.files), ("00000", MAX_SKILL_FILES as u64 + 1));
            assert_eq!(folder.entries[MAX_SKILL_FILES - 1].path, "SKILL.md");
            assert_eq!(folder.entries[MAX_SKILL_FILES - 2].path, format!("{:05}", MAX_SKILL_FILES - 2));
            list.reverse();
        }
        list.retain(|entry| entry.path != "s/00000");
        assert!(!collected(&list).folders["s"].truncated, "exactly as many as are kept");
    }

    #[test]
    fn what_is_kept_is_bounded_over_all_folders() {
        let skills = MAX_KEPT_ENTRIES / (MAX_SKILL_FILES - 1) + 2;
        let mut collector = FolderCollector::new();
        for skill in 0..skills {
            let mut list = vec![file(&format!("{skill}/SKILL.md"))];
            list.extend((1..MAX_SKILL_FILES).map(|number| file(&format!("{skill}/{number}"))));
            collector.add(&list).unwrap();
        }
        let walked = collector.finish(&HashMap::new()).unwrap();
        let kept: usize = walked.folders.values().map(|folder| folder.entries.len()).sum();
        assert_eq!(kept, MAX_KEPT_ENTRIES + skills);
        assert!(walked.folders.values().any(|folder| folder.truncated));
    }

    #[test]
    fn too_many_skills_and_too_deep_folders() {
        let list: Vec<_> = (0..=MAX_SKILL_FOLDERS).map(|number| file(&format!("{number}/SKILL.md"))).collect();
        assert_eq!(FolderCollector::new().add(&list[1..]), Ok(()));
        assert_eq!(FolderCollector::new().add(&list), Err(TooMuch::Skills));
        let deep = |depth: usize| file(&format!("{}SKILL.md", "d/".repeat(depth - 1)));
        let walked = collected(&[deep(MAX_FOLDER_DEPTH), deep(MAX_FOLDER_DEPTH + 1)]);
        assert_eq!((walked.folders.len(), walked.files), (1, 1));
    }

    #[test]
    fn one_content_in_many_folders_counts_in_each() {
        let content = Manifest::Bytes(vec![b'x'; MAX_MANIFEST_BYTES as usize]);
        let contents: HashMap<_, _> = [("same".to_owned(), content)].into();
        let most = MAX_MANIFESTS_BYTES / MAX_MANIFEST_BYTES as usize;
        for (folders, expected) in [(most, Ok(most)), (most + 1, Err(TooMuch::Manifests))] {
            let mut collector = FolderCollector::new();
            let same = |number| ListedEntry { object: "same".to_owned(), ..file(&format!("{number}/SKILL.md")) };
            collector.add(&(0..folders).map(same).collect::<Vec<_>>()).unwrap();
            assert_eq!(collector.finish(&contents).map(|walked| walked.folders.len()), expected);
        }
    }

    /// The rules once more, in the plainest words: for each folder with a skill, all entries below it but those below
    /// another such folder inside it.
    fn naive(list: &[ListedEntry]) -> BTreeMap<String, Vec<String>> {
        let is_manifest = |path: &str| path == SKILL_FILE || path.ends_with("/SKILL.md");
        let folders: BTreeSet<String> = list
            .iter()
            .filter(|entry| is_manifest(&entry.path))
            .map(|entry| entry.path[..entry.path.len() - SKILL_FILE.len()].to_owned())
            .collect();
        let belongs = |path: &str, folder: &str| {
            let inner = folders.iter().any(|other| other.len() > folder.len() && path.starts_with(other.as_str()));
            let fits = !folder.is_empty()
                || path == SKILL_FILE
                || ["scripts/", "references/", "assets/"].iter().any(|below| path.starts_with(below));
            path.starts_with(folder) && !inner && fits
        };
        let told = folders.iter().map(|folder| {
            let inside: BTreeSet<String> = list
                .iter()
                .filter(|entry| belongs(&entry.path, folder))
                .map(|entry| entry.path[folder.len()..].to_owned())
                .collect();
            (folder.trim_end_matches('/').to_owned(), inside.into_iter().collect())
        });
        told.collect()
    }

    proptest! {
        #[test]
        fn it_is_as_the_plainest_words_have_it(
            paths in prop::collection::btree_set("((a|b|scripts|assets)/){0,4}(SKILL\\.md|x|y)", 0..40),
            shuffled in any::<prop::sample::Index>(),
        ) {
            let mut list: Vec<_> = paths.iter().map(|path| file(path)).collect();
            let expected = naive(&list);
            if !list.is_empty() {
                let middle = shuffled.index(list.len());
                list.rotate_left(middle);
            }
            let whole = collected(&list);
            // The same tree folder by folder, those above before those below.
            let mut by_folder: BTreeMap<(usize, String), Vec<ListedEntry>> = BTreeMap::new();
            for entry in list {
                let folder = entry.path.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned();
                by_folder.entry((folder.split('/').count(), folder)).or_default().push(entry);
            }
            let mut collector = FolderCollector::new();
            for folder in by_folder.values() {
                collector.add(folder).unwrap();
            }
            let streamed = collector.finish(&HashMap::new()).unwrap();
            for walked in [&whole, &streamed] {
                let told: BTreeMap<String, Vec<String>> = walked.folders.iter().map(|(path, folder)| {
                    (path.clone(), folder.entries.iter().map(|entry| entry.path.clone()).collect())
                }).collect();
                prop_assert_eq!(&told, &expected);
            }
        }
    }
}
