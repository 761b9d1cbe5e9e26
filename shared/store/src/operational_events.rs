//! Operational events on their way out: each is an item of its own in the outbox, written in the transaction of what it
//! tells, and deleted once it was sent.
//!
//! One that is due later lies in the outbox until then, at the place of its time in the index. What it tells is looked at
//! again when it is sent.

use crate::Store;
use crate::access::ListedToken;
use crate::commit::Writes;
use crate::error::StoreError;
use crate::item::{self, Attributes, Item};
use crate::keys::{self, Key};
use crate::outbox::{Fate, Outgoing};
use repoplane_domain::access::AccessToken;
use repoplane_domain::id::{AccessTokenId, RepositoryId, SkillId, TenantId};
use repoplane_domain::operational_event::{EVENT_LIFE, ExpiringCredential, Fact, OperationalEvent, of_skill};
use repoplane_domain::skill::CatalogueChange;
use repoplane_domain::time::Timestamp;
use std::collections::{BTreeMap, HashMap};

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
        let (pk, sk) = (keys::undispatched_partition(event.id), keys::undispatched_sort(event.time(), event.id));
        self.create(item.undispatched(pk, sk));
        Ok(())
    }
}

/// The access tokens, read anew, that events of the outbox are about.
pub(crate) type ToldTokens = HashMap<AccessTokenId, AccessToken>;

/// What becomes of an event: the end of a token is news only while the token is there.
pub(crate) fn fate_of_event(found: &Attributes, tokens: &ToldTokens, now: Timestamp) -> Result<Fate, StoreError> {
    let event: OperationalEvent = item::value("operational event", found)?;
    if let Fact::CredentialExpiring {
        credential: ExpiringCredential::AccessToken { access_token_id, .. },
        expires_at,
    } = &event.fact
    {
        let is_same = tokens.get(access_token_id).is_some_and(|token| token.expires_at == Some(*expires_at));
        if !is_same || *expires_at <= now {
            return Ok(Fate::Drop("the token has ended or was revoked"));
        }
    }
    Ok(Fate::Send(Outgoing::Event(event)))
}

impl Store {
    /// The access tokens that events among these items are about: one more call, if there are any.
    pub(crate) async fn tokens_told_of(&self, items: &[Attributes], now: Timestamp) -> Result<ToldTokens, StoreError> {
        let about = |item: &Attributes| {
            keys::parse_event(item::text_of(item, keys::PK)?)?;
            let event: OperationalEvent = item::value("operational event", item).ok()?;
            let Fact::CredentialExpiring { credential, .. } = event.fact else { return None };
            let ExpiringCredential::AccessToken { access_token_id, user_id } = credential;
            Some(keys::token_of(event.tenant, user_id, access_token_id))
        };
        let wanted: Vec<Key> = items.iter().filter_map(about).collect();
        if wanted.is_empty() {
            return Ok(ToldTokens::new());
        }
        let found = self.table.batch_get(&wanted, true).await?;
        let alive = found.into_iter().filter(|item| item::is_alive(item, now));
        let listed = alive.map(|item| item::into_value::<ListedToken>("access token", item));
        listed.map(|listed| listed.map(|listed| (listed.token.id, listed.token))).collect()
    }

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
