//! Operational events on their way out: each is an item of its own in the outbox, written in the transaction of what it
//! tells, and deleted once it was sent.
//!
//! One that is due later lies in the outbox until then: its place in the index of what is not sent yet is its id, and that
//! begins with the time. What it tells is looked at again when it is sent.

use crate::Store;
use crate::commit::Writes;
use crate::error::StoreError;
use crate::item::Item;
use crate::keys;
use repoplane_domain::id::{RepositoryId, SkillId, TenantId};
use repoplane_domain::operational_event::{EVENT_LIFE, Fact, OperationalEvent, of_skill};
use repoplane_domain::skill::CatalogueChange;
use repoplane_domain::time::Timestamp;
use std::collections::BTreeMap;

/// A rejected post that is told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ToldRejection {
    /// Whose repository it was for.
    pub tenant: TenantId,
    /// Posts that were rejected for the same reason since the last one that was told.
    pub earlier: u32,
}

/// What a scan tells, by the skill that it is about: it goes with that skill's transaction.
pub(crate) type SkillEvents = BTreeMap<SkillId, OperationalEvent>;

impl Writes {
    /// Puts an event into the outbox.
    pub(crate) fn tell(&mut self, event: &OperationalEvent) -> Result<(), StoreError> {
        let item = Item::new(&keys::event(event.id), event)?.expiring(event.time().plus(EVENT_LIFE));
        self.create(item.undispatched(keys::undispatched_event_partition(event.id), event.id.to_string()));
        Ok(())
    }
}

impl Store {
    /// Puts what happened to a repository into the outbox.
    pub(crate) fn tell(
        &self,
        writes: &mut Writes,
        (tenant, repository): (TenantId, RepositoryId),
        facts: impl IntoIterator<Item = Fact>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        for fact in facts {
            writes.tell(&OperationalEvent::new(fact, tenant, Some(repository), now, &*self.ids))?;
        }
        Ok(())
    }

    /// What a scan's change tells of skills.
    pub(crate) fn skill_events(
        &self,
        tenant: TenantId,
        repository: RepositoryId,
        change: &CatalogueChange,
        now: Timestamp,
    ) -> SkillEvents {
        let event = |fact| OperationalEvent::new(fact, tenant, Some(repository), now, &*self.ids);
        change.put.iter().filter_map(|skill| Some((skill.id, event(of_skill(skill)?)))).collect()
    }
}
