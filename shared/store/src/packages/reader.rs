//! All packages of a repository, read from its lists one after another.

use super::list::{List, Rows};
use crate::error::StoreError;
use repoplane_domain::package::Package;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Cursor;

/// The packages of a repository in ascending order of their ids. What is in memory is the compressed lists and one package of
/// each.
pub struct Packages {
    lists: Vec<Rows<Cursor<Vec<u8>>>>,
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
