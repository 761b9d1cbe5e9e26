//! The decision set: all that a webhook or a command on a repository needs, read by one Query.

use crate::Store;
use crate::error::StoreError;
use crate::item::{self, Attributes};
use crate::keys::{self, Key, Part};
use crate::secret_writes::SecretWrites;
use crate::state::read_state;
use crate::table::Range;
use crate::vault::SecretPointer;
use repoplane_domain::access::{Members, Principal, RepositoryRole};
use repoplane_domain::automation::AutomationConfig;
use repoplane_domain::credential::CredentialProfiles;
use repoplane_domain::id::{RepositoryId, TenantId, UserId};
use repoplane_domain::preview_env::PreviewEnv;
use repoplane_domain::repository::{Repository, RepositoryState, SyncState};
use repoplane_domain::robot::Robot;
use repoplane_domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The largest decision set, in bytes of JSON: with room to spare for attribute names, it is one page of a Query
/// (DynamoDB: 1 MB).
const MAX_DECISION_SET_BYTES: usize = 900 * 1024;

fn bytes(value: &impl Serialize) -> usize {
    serde_json::to_vec(value).map_or(usize::MAX / 8, |json| json.len())
}

/// A list of members with its optimistic lock.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredMembers {
    /// The list.
    pub members: Members,
    /// Counts changes, from 1.
    pub version: u64,
}

/// An automation configuration with its optimistic lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredAutomation {
    /// The configuration.
    pub config: AutomationConfig,
    /// Counts changes, from 1.
    pub version: u64,
}

/// The masked credential profiles and the pointer to the values behind them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredCredentials {
    /// What may be shown of the profiles.
    pub profiles: CredentialProfiles,
    /// What may be shown of the preview environment.
    #[serde(default)]
    pub preview_env: PreviewEnv,
    /// Where the values are; absent while there are none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub secrets: Option<SecretPointer>,
    /// How often the values were written on the day of the last write.
    #[serde(default)]
    pub writes: SecretWrites,
    /// Counts changes, from 1; 0 is absent.
    pub version: u64,
}

/// A repository and all that hangs on it for a decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecisionSet {
    /// The record.
    pub repository: Repository,
    /// What background work knows.
    pub state: RepositoryState,
    /// The members.
    pub members: StoredMembers,
    /// The automation configuration, once one was put.
    pub automation: Option<StoredAutomation>,
    /// The robots, oldest first.
    pub robots: Vec<Robot>,
    /// The credential profiles.
    pub credentials: StoredCredentials,
}

impl DecisionSet {
    /// A fresh repository with nothing on it yet.
    pub(crate) fn of_new(repository: Repository, members: Members) -> Self {
        let sync = SyncState::registered(&repository, repository.created_at);
        Self {
            repository,
            state: RepositoryState { sync, version: 1, ..RepositoryState::default() },
            members: StoredMembers { members, version: 1 },
            automation: None,
            robots: Vec::new(),
            credentials: StoredCredentials::default(),
        }
    }

    /// Refuses a set that one Query could not read any more.
    ///
    /// # Errors
    /// [`StoreError::Limit`] over [`MAX_DECISION_SET_BYTES`].
    pub(crate) fn check_size(&self) -> Result<(), StoreError> {
        let bytes = bytes(&self.repository)
            + bytes(&self.members)
            + bytes(&self.automation)
            + bytes(&self.robots)
            + bytes(&self.credentials);
        if bytes <= MAX_DECISION_SET_BYTES {
            return Ok(());
        }
        Err(StoreError::Limit(format!(
            "the repository with its members, robots, rules and profiles would have {bytes} bytes; at most \
             {MAX_DECISION_SET_BYTES} fit"
        )))
    }

    fn read(items: Vec<Attributes>) -> Result<Option<Self>, StoreError> {
        let mut repository = None;
        let mut set =
            (RepositoryState::default(), StoredMembers::default(), None, Vec::new(), StoredCredentials::default());
        for attributes in items {
            match item::text_of(&attributes, keys::SK).and_then(Part::parse) {
                Some(Part::Record) => repository = Some(item::into_value("repository", attributes)?),
                Some(Part::State) => set.0 = read_state(attributes)?,
                Some(Part::Members) => set.1 = item::into_value("members", attributes)?,
                Some(Part::Automation) => set.2 = Some(item::into_value("automation", attributes)?),
                Some(Part::Robot(_)) => set.3.push(item::into_value("robot", attributes)?),
                // Without a version it is only a lease: the first value is still on its way.
                Some(Part::Credentials) if !attributes.contains_key(item::VERSION) => {}
                Some(Part::Credentials) => set.4 = item::into_value("credentials", attributes)?,
                None => {}
            }
        }
        let (state, members, automation, robots, credentials) = set;
        Ok(repository.map(|repository| Self { repository, state, members, automation, robots, credentials }))
    }
}

/// Items beside a repository, with its record and its members.
pub(crate) struct WithRecord {
    pub(crate) repository: Repository,
    pub(crate) members: Members,
    /// The items that were asked for, in any order; absent ones are left out.
    pub(crate) items: Vec<Attributes>,
}

/// Who may look at what lies beside a repository's decision set: all that a list needs to know of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositoryAccess {
    /// The repository.
    pub id: RepositoryId,
    /// Its tenant.
    pub tenant: TenantId,
    /// Set while it is read-only.
    pub archived_at: Option<Timestamp>,
    roles: BTreeMap<UserId, RepositoryRole>,
}

impl RepositoryAccess {
    fn of(repository: &Repository, members: &Members) -> Self {
        let roles = members.iter().map(|member| (member.user_id, member.role)).collect();
        Self { id: repository.id, tenant: repository.tenant, archived_at: repository.archived_at, roles }
    }

    /// What a caller is there.
    pub fn role_of(&self, principal: &Principal) -> Option<RepositoryRole> {
        principal.role_as(self.roles.get(&principal.user).copied())
    }
}

impl Store {
    /// Items by key, read by one call with the record and the members that decide who may see them; `None` without a
    /// repository.
    pub(crate) async fn with_record(
        &self,
        id: RepositoryId,
        wanted: impl IntoIterator<Item = Key>,
    ) -> Result<Option<WithRecord>, StoreError> {
        let mut all = vec![keys::part(id, Part::Record), keys::part(id, Part::Members)];
        all.extend(wanted);
        let (mut repository, mut members, mut items) = (None, StoredMembers::default(), Vec::new());
        for item in self.table.batch_get(&all, true).await? {
            match item::text_of(&item, keys::SK).and_then(Part::parse) {
                Some(Part::Record) => repository = Some(item::into_value::<Repository>("repository", item)?),
                Some(Part::Members) => members = item::into_value("members", item)?,
                Some(Part::State | Part::Automation | Part::Robot(_) | Part::Credentials) | None => items.push(item),
            }
        }
        Ok(repository.map(|repository| WithRecord { repository, members: members.members, items }))
    }

    /// Who may look at a repository's lists, believed for half a minute; another tenant's repository does not exist.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn access_to(
        &self,
        tenant: TenantId,
        id: RepositoryId,
    ) -> Result<Option<Arc<RepositoryAccess>>, StoreError> {
        if let Some(access) = self.access.get(&id).await {
            return Ok(Some(access).filter(|access| access.tenant == tenant));
        }
        let Some(WithRecord { repository, members, .. }) = self.with_record(id, []).await? else { return Ok(None) };
        let access = Arc::new(RepositoryAccess::of(&repository, &members));
        self.access.insert(id, Arc::clone(&access)).await;
        Ok(Some(access).filter(|access| access.tenant == tenant))
    }

    /// A repository of the caller's tenant; another tenant's does not exist.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn repository(&self, tenant: TenantId, id: RepositoryId) -> Result<Option<DecisionSet>, StoreError> {
        let set = self.decision_set(id).await?.filter(|set| set.repository.tenant == tenant);
        if let Some(set) = &set {
            // Read for another reason, and newer than what is believed.
            let access = RepositoryAccess::of(&set.repository, &set.members.members);
            self.access.insert(id, Arc::new(access)).await;
        }
        Ok(set)
    }

    /// A repository by its id alone: for webhooks, whose path names no tenant.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn decision_set(&self, id: RepositoryId) -> Result<Option<DecisionSet>, StoreError> {
        let range = Range::partition(keys::repository_partition(id)).begins(keys::DECISION_SET);
        DecisionSet::read(self.table.query(&range).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use repoplane_domain::automation::EventRules;
    use repoplane_domain::repository::CreateRepository;

    #[test]
    fn a_set_that_one_query_could_not_read_is_refused() {
        let now = Timestamp::from_second(0);
        let body = serde_json::json!({"provider": "github", "name": "acme/widgets"});
        let (id, tenant, user) = (RepositoryId::start_of(now), TenantId::start_of(now), UserId::start_of(now));
        let repository = CreateRepository::read(&body).unwrap().into_repository(id, 1, tenant, user, now).unwrap();
        let with_key = |bytes: usize| {
            let mut config = AutomationConfig::default_config();
            config.events.insert("x".repeat(bytes), EventRules { enabled: true, rules: Vec::new() });
            let automation = Some(StoredAutomation { config, version: 1 });
            DecisionSet { automation, ..DecisionSet::of_new(repository.clone(), Members::default()) }
        };
        assert!(with_key(MAX_DECISION_SET_BYTES - 10_000).check_size().is_ok());
        assert!(matches!(with_key(MAX_DECISION_SET_BYTES).check_size(), Err(StoreError::Limit(_))));
    }
}
