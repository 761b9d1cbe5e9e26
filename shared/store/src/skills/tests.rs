//! How a scan's change is cut into transactions.

use super::*;
use repoplane_domain::id::IdSource;
use repoplane_domain::skill::{EntryKind, MAX_SKILLS, Manifest, SkillFolder, TreeEntry, WalkedTree, catalogue};
use std::sync::atomic::{AtomicU64, Ordering};

#[derive(Default)]
struct Counting(AtomicU64);

impl IdSource for Counting {
    fn random(&self) -> u128 {
        u128::from(self.0.fetch_add(1, Ordering::Relaxed)) + 1
    }
}

fn repository() -> RepositoryId {
    RepositoryId::start_of(Timestamp::from_second(0))
}

/// Folders, each with the name in its file and so many bytes of script paths.
fn walked(folders: impl IntoIterator<Item = (String, String, usize)>) -> WalkedTree {
    let folder = |(path, name, bytes): (String, String, usize)| {
        let manifest = Manifest::Bytes(format!("---\nname: {name}\ndescription: d\n---\n").into_bytes());
        let script = TreeEntry { path: format!("scripts/{}", "x".repeat(bytes)), kind: EntryKind::File, object: name };
        (path, SkillFolder { manifest, entries: vec![script], truncated: false })
    };
    WalkedTree { folders: folders.into_iter().map(folder).collect(), files: 0 }
}

fn scan(known: &[Skill], tree: &WalkedTree, ids: &Counting) -> CatalogueChange {
    catalogue(known, tree, known.is_empty(), repository(), Timestamp::from_second(1), ids).unwrap()
}

#[test]
fn no_change_is_no_transaction() {
    assert!(catalogue_batches(repository(), &CatalogueChange::default(), &SkillEvents::new()).unwrap().is_empty());
}

#[test]
fn every_transaction_has_room_left_and_all_of_it_is_written() {
    let named = |n: usize| (format!("s{n}"), format!("s{n}"), 10);
    let change = scan(&[], &walked((0..MAX_SKILLS).map(named)), &Counting::default());
    let batches = catalogue_batches(repository(), &change, &SkillEvents::new()).unwrap();
    assert!(batches.iter().all(|writes| (1..=BATCH_OPERATIONS).contains(&writes.len())));
    // A skill and its name each.
    assert_eq!(batches.iter().map(Writes::len).sum::<usize>(), 2 * MAX_SKILLS);
    assert_eq!(batches.len(), (2 * MAX_SKILLS).div_ceil(BATCH_OPERATIONS));
}

#[test]
fn large_skills_share_no_transaction_that_is_too_large() {
    let named = |n: usize| (format!("s{n}"), format!("s{n}"), 10);
    let mut change = scan(&[], &walked((0..200).map(named)), &Counting::default());
    for skill in &mut change.put {
        skill.description = Some("x".repeat(100 * 1024));
    }
    let batches = catalogue_batches(repository(), &change, &SkillEvents::new()).unwrap();
    let bytes: usize = change.put.iter().map(bytes_of).sum();
    assert!(bytes > 3 * BATCH_BYTES, "{bytes}");
    assert!(batches.len() > bytes / BATCH_BYTES && batches.iter().all(|writes| writes.len() < BATCH_OPERATIONS));
    assert_eq!(batches.iter().map(Writes::len).sum::<usize>(), 400);
}

#[test]
fn a_name_that_changes_hands_does_so_in_one_transaction() {
    let ids = Counting::default();
    let fill = (0..300).map(|n| (format!("f{n}"), format!("f{n}"), 1));
    let first = scan(&[], &walked(fill.clone().chain([("z/web".to_owned(), "web".to_owned(), 1)])), &ids);
    // The root takes the name from the folder: by the order of paths it is the first.
    let root = [(String::new(), "web".to_owned(), 1), ("z/web".to_owned(), "web".to_owned(), 1)];
    let second = scan(&first.put, &walked(fill.chain(root)), &ids);
    let change = second.names.iter().find(|change| change.name == "web").unwrap();
    assert!(change.from.is_some() && change.to.is_some() && change.from != change.to);
    let all = groups(&second);
    let group = all.iter().find(|group| group.names.contains(&change)).unwrap();
    let mut ids_of: Vec<_> = group.put.iter().map(|skill| Some(skill.id)).collect();
    ids_of.sort();
    assert_eq!(ids_of, [change.from, change.to]);
    // And back again, while everything else vanishes.
    let third = scan(&second.put, &walked([("z/web".to_owned(), "web".to_owned(), 1)]), &ids);
    let group = groups(&third).into_iter().find(|group| !group.put.is_empty()).unwrap();
    assert_eq!((group.put.len(), group.removed.len(), group.names.len()), (1, 1, 1));
}
