//! Repositories and credentials by their ids: newest first, and from a place in both directions (contract: shiftagent 7.2).

use crate::Store;
use crate::decision::StoredMembers;
use crate::error::StoreError;
use crate::item::{self, Attributes};
use crate::keys::{self, Key, Part};
use crate::places::name_claims;
use crate::state::read_state;
use crate::table::{MAX_EXAMINED, Range};
use repoplane_domain::access::Principal;
use repoplane_domain::id::RepositoryId;
use repoplane_domain::repository::{Repository, RepositoryState};
use repoplane_domain::time::Timestamp;
use std::collections::HashMap;

/// Bytes of the records on one page: an answer fits into Lambda's 6 MB however large they are, escaped and all.
const PAGE_BYTES: usize = 2 * 1024 * 1024;

/// Where a page begins, in a list whose newest row is the first. Both are strict; what is gone is a place, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place<I> {
    /// The rows that follow it: older ones.
    After(I),
    /// The rows right before it: newer ones.
    Before(I),
}

impl<I: ToString> Place<I> {
    /// The rows of a partition from there on, whose sort keys are ids.
    pub(crate) fn range(from: Option<Self>, partition: String) -> Range {
        let range = Range::partition(partition);
        match from {
            Some(Self::Before(id)) => range.forwards_after(Some(id.to_string())),
            Some(Self::After(id)) => range.backwards_after(Some(id.to_string())),
            None => range.backwards_after(None),
        }
    }
}

/// One repository of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RosterRow {
    /// The record.
    pub repository: Repository,
    /// What background work knows.
    pub state: RepositoryState,
}

/// One page of repositories, newest first whichever way it was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RosterPage {
    /// The rows.
    pub rows: Vec<RosterRow>,
    /// Whether there may be more in the direction of reading.
    pub more: bool,
}

impl Store {
    /// One page of the repositories with a remote that a caller may see: all of the tenant's, or a member's.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn roster(
        &self,
        principal: &Principal,
        from: Option<Place<RepositoryId>>,
        limit: usize,
        now: Timestamp,
    ) -> Result<RosterPage, StoreError> {
        let partition = match principal.sees_all_repositories() {
            true => keys::roster_partition(principal.tenant),
            false => keys::memberships_partition(principal.tenant, principal.user),
        };
        let newer = matches!(from, Some(Place::Before(_)));
        let (mut rows, mut from, mut examined, mut bytes) = (Vec::new(), from, 0, 0);
        let more = loop {
            let range = Place::range(from, partition.clone());
            let key = |item: Attributes| Ok(item::text_of(&item, keys::SK).and_then(|id| id.parse().ok()));
            let budget = (limit - rows.len(), MAX_EXAMINED - examined);
            let found = self.table.walk::<RepositoryId>(&range, budget, now, key).await?;
            let ids: Vec<RepositoryId> = found.rows.into_iter().map(|(_, id)| id).collect();
            examined += ids.len().max(1);
            let mut known = self.rows_of(&ids).await?;
            let (count, mut full) = (rows.len(), false);
            for row in ids.iter().filter_map(|id| known.remove(id)).filter(|row| row.repository.has_remote()) {
                bytes += serde_json::to_vec(&row.repository).map_or(PAGE_BYTES, |json| json.len());
                full = bytes > PAGE_BYTES && count + rows.len() > 0;
                if full {
                    break;
                }
                rows.push(row);
            }
            let next: Option<RepositoryId> = found.next.as_deref().and_then(|id| id.parse().ok());
            match next {
                _ if full => break true,
                None => break false,
                Some(_) if rows.len() >= limit || examined >= MAX_EXAMINED => break true,
                Some(id) => from = Some(if newer { Place::Before(id) } else { Place::After(id) }),
            }
        };
        if newer {
            rows.reverse();
        }
        Ok(RosterPage { rows, more })
    }

    /// The repositories that are shown by a name: one of `registry`, or one of another namespace that is named with it.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn shown_as(&self, principal: &Principal, name: &str) -> Result<Vec<RosterRow>, StoreError> {
        let claims = self.table.batch_get(&name_claims(principal.tenant, name), true).await?;
        let mut ids =
            claims.iter().map(|claim| item::value("claim", claim)).collect::<Result<Vec<RepositoryId>, _>>()?;
        ids.sort_unstable_by(|a, b| b.cmp(a));
        if !principal.sees_all_repositories() {
            let members: Vec<Key> = ids.iter().map(|id| keys::part(*id, Part::Members)).collect();
            let mut visible = Vec::new();
            for item in self.table.batch_get(&members, true).await? {
                let pk = item::text_of(&item, keys::PK).unwrap_or_default().to_owned();
                let stored: StoredMembers = item::into_value("members", item)?;
                if principal.role_in(&stored.members).is_some() {
                    visible.push(pk);
                }
            }
            ids.retain(|id| visible.contains(&keys::repository_partition(*id)));
        }
        let mut known = self.rows_of(&ids).await?;
        let rows = ids.iter().filter_map(|id| known.remove(id));
        Ok(rows.filter(|row| row.repository.has_remote() && row.repository.shown_name() == name).collect())
    }

    /// Records and states of repositories; what is gone meanwhile is left out.
    async fn rows_of(&self, ids: &[RepositoryId]) -> Result<HashMap<RepositoryId, RosterRow>, StoreError> {
        let wanted: Vec<Key> =
            ids.iter().flat_map(|id| [keys::part(*id, Part::Record), keys::part(*id, Part::State)]).collect();
        let (mut records, mut states) = (Vec::new(), HashMap::new());
        for item in self.table.batch_get(&wanted, false).await? {
            let pk = item::text_of(&item, keys::PK).unwrap_or_default().to_owned();
            match item::text_of(&item, keys::SK).and_then(Part::parse) {
                Some(Part::Record) => records.push(item::into_value::<Repository>("repository", item)?),
                Some(Part::State) => drop(states.insert(pk, read_state(item)?)),
                Some(Part::Members | Part::Automation | Part::Robot(_) | Part::Credentials) | None => {}
            }
        }
        let row = |repository: Repository| {
            let state = states.remove(&keys::repository_partition(repository.id)).unwrap_or_default();
            (repository.id, RosterRow { repository, state })
        };
        Ok(records.into_iter().map(row).collect())
    }
}
