use super::*;
use proptest::prelude::*;
use repoplane_domain::time::Timestamp;

fn row(name: &str, epoch: u32, project: u64) -> Published {
    let (version, release) = ("1".to_owned(), "2".to_owned());
    let identity = PackageIdentity { name: name.to_owned(), epoch, version, release, kind: PackageKind::Binary };
    Published { identity, project, committer_name: Some("Bob".to_owned()), committer_email: None }
}

#[test]
fn what_is_there_keeps_its_id_and_what_is_new_follows_the_upload() {
    let mut packages = Vec::new();
    let rows = [row("a", 0, 1), row("b", 0, 1), row("a", 0, 1), row("a", 1, 1), row("b", 0, 2)];
    let fates = merge(&mut packages, rows.iter().enumerate(), 10);
    let expected = [Fate::Added, Fate::Added, Fate::Unchanged, Fate::Added, Fate::Changed];
    assert_eq!(fates.iter().map(|(_, fate)| *fate).collect::<Vec<_>>(), expected);
    assert_eq!(packages.iter().map(|package| package.id).collect::<Vec<_>>(), [10, 11, 13]);
    assert_eq!(packages[1].published.project, 2);
    let again = merge(&mut packages, rows[2..].iter().enumerate(), 90);
    assert!(again.iter().all(|(_, fate)| *fate == Fate::Unchanged), "{again:?}");
    assert_eq!(packages.len(), 3);
    // Numbered before the others, and later in the race for the list.
    merge(&mut packages, [row("c", 0, 1)].iter().enumerate(), 5);
    assert_eq!(packages.iter().map(|package| package.id).collect::<Vec<_>>(), [5, 10, 11, 13]);
}

#[test]
fn a_list_that_is_too_large_is_refused() {
    // Digits of a hash do not compress to less than half.
    let long = |index: u64| (0..3).map(|n| sha256_hex(format!("{index} {n}").as_bytes())).collect::<String>();
    let packages: Vec<Package> = (0..6_000).map(|id| Package { id, published: row(&long(id), 0, 1) }).collect();
    assert!(matches!(encode(&packages), Err(StoreError::Limit(_))));
    assert!(encode(&packages[..2_000]).is_ok());
}

proptest! {
    #[test]
    fn lists_read_back(names in prop::collection::vec("[a-z0-9._+-]{1,12}", 0..20), epoch in any::<u32>(), who in prop::option::of("\\PC{0,9}")) {
        let repository = RepositoryId::start_of(Timestamp::from_second(0));
        let packages: Vec<Package> = names.iter().zip(1..).map(|(name, id)| {
            Package { id, published: Published { committer_email: who.clone(), ..row(name, epoch, id) } }
        }).collect();
        let item = item(repository, 7, 3, (encode(&packages).unwrap(), packages.len()));
        let list = List::read(item.into_attributes()).unwrap();
        prop_assert_eq!((list.number, list.version, list.count), (7, 3, packages.len()));
        prop_assert_eq!(list.packages().unwrap(), packages);
    }

    #[test]
    fn every_package_has_one_list(name in "[a-z]{1,9}", epoch in any::<u32>()) {
        let identity = row(&name, epoch, 1).identity;
        prop_assert!(list_of(&identity) < LISTS);
    }
}
