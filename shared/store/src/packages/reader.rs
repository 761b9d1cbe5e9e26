//! All packages of a repository, read from its lists one after another.

use super::list::{List, OwnRows};
use crate::error::StoreError;
use repoplane_domain::package::Package;
use std::collections::{BTreeMap, BTreeSet};

/// The packages of a repository in ascending order of their ids. What is in memory is the compressed lists and one package of
/// each.
pub struct Packages {
    lists: Vec<OwnRows>,
    /// The next package of each list that has one, by its id and the place of the list.
    next: BTreeMap<(u64, usize), Package>,
    projects: BTreeSet<u64>,
    state: String,
}

impl std::fmt::Debug for Packages {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Packages").field("state", &self.state).finish_non_exhaustive()
    }
}

impl Packages {
    pub(super) fn of(lists: Vec<List>) -> Result<Self, StoreError> {
        let state = lists.iter().map(|list| format!("{}.{} ", list.number, list.version)).collect();
        let mut all = Self { lists: Vec::new(), next: BTreeMap::new(), projects: BTreeSet::new(), state };
        for (place, list) in lists.into_iter().enumerate() {
            let (mut projects, rows) = list.open()?;
            all.projects.append(&mut projects);
            all.lists.push(rows);
            all.advance(place)?;
        }
        Ok(all)
    }

    /// The numbers of the projects that they are of.
    pub fn projects(&self) -> &BTreeSet<u64> {
        &self.projects
    }

    /// Differs when any package of the repository was added, changed or removed.
    pub fn state(&self) -> &str {
        &self.state
    }

    fn advance(&mut self, place: usize) -> Result<(), StoreError> {
        if let Some(package) = self.lists.get_mut(place).and_then(Iterator::next).transpose()? {
            self.next.insert((package.id, place), package);
        }
        Ok(())
    }
}

impl Iterator for Packages {
    type Item = Result<Package, StoreError>;

    /// After an error there is nothing more.
    fn next(&mut self) -> Option<Self::Item> {
        let ((_, place), package) = self.next.pop_first()?;
        match self.advance(place) {
            Ok(()) => Some(Ok(package)),
            Err(error) => {
                self.next.clear();
                Some(Err(error))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::list::{encode, item};
    use super::*;
    use proptest::prelude::*;
    use repoplane_domain::id::RepositoryId;
    use repoplane_domain::package::{PackageIdentity, PackageKind, Published};
    use repoplane_domain::time::Timestamp;

    fn package(id: u64) -> Package {
        let (name, version, release) = (format!("p{id}"), "1".to_owned(), "2".to_owned());
        let identity = PackageIdentity { name, epoch: 0, version, release, kind: PackageKind::Binary };
        Package { id, published: Published { identity, project: id % 3, committer_name: None, committer_email: None } }
    }

    fn list(number: u8, bytes: Vec<u8>) -> List {
        version_of(number, 3, bytes)
    }

    fn version_of(number: u8, version: u64, bytes: Vec<u8>) -> List {
        let item = item(RepositoryId::start_of(Timestamp::from_second(0)), number, version, (bytes, 0));
        List::read(item.into_attributes()).unwrap()
    }

    proptest! {
        #[test]
        fn lists_are_read_as_one(list_of in prop::collection::vec(0..5_u8, 0..60)) {
            let mut lists: Vec<Vec<Package>> = vec![Vec::new(); 5];
            for (id, list) in (1..).zip(&list_of) {
                lists[usize::from(*list)].push(package(id));
            }
            let stored = (0..).zip(&lists).map(|(number, packages)| list(number, encode(packages).unwrap()));
            let read = Packages::of(stored.collect()).unwrap();
            let projects: BTreeSet<u64> = (1..).take(list_of.len()).map(|id: u64| id % 3).collect();
            prop_assert_eq!(read.projects(), &projects);
            let ids: Vec<u64> = read.map(|package| package.unwrap().id).collect();
            prop_assert_eq!(ids, (1..).take(list_of.len()).collect::<Vec<u64>>());
        }
    }

    #[test]
    fn a_list_that_breaks_off_ends_the_reading() {
        let whole: Vec<Package> = (0..20_000).map(|id| package(id * 2)).collect();
        let mut broken = encode(&whole).unwrap();
        broken.truncate(broken.len() / 2);
        let other: Vec<Package> = (0..20_000).map(|id| package(id * 2 + 1)).collect();
        let mut read = Packages::of(vec![list(0, broken), list(1, encode(&other).unwrap())]).unwrap();
        let good = read.by_ref().take_while(Result::is_ok).count();
        assert!((1..40_000).contains(&good), "{good}");
        assert!(read.next().is_none());
    }

    #[test]
    fn the_state_tells_lists_and_their_versions() {
        let state = |lists: Vec<List>| Packages::of(lists).unwrap().state().to_owned();
        let bytes = || encode(&[package(1)]).unwrap();
        let one = state(vec![list(1, bytes())]);
        assert_eq!(one, state(vec![list(1, bytes())]));
        assert_ne!(one, state(vec![list(2, bytes())]));
        assert_ne!(one, state(vec![version_of(1, 4, bytes())]));
    }
}
