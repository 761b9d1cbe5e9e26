//! The credential profiles of a user's account and of a tenant, by provider (contract: hookcode 3.3, last lines).

use super::apply::Change;
use super::patch::{Kind, ProfileScope, read_set};
use super::{GitProfile, ModelProfile, ProfileSet, SecretEdit, SetChange};
use crate::error::{DomainError, FieldErrors};
use crate::id::IdSource;
use crate::input::Object;
use crate::repository::Provider;
use crate::robot::ModelProvider;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// All profiles of an account, masked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AccountProfiles {
    /// Accounts at Git providers; absent means none.
    pub git: BTreeMap<Provider, ProfileSet<GitProfile>>,
    /// Accounts by model provider; absent means none.
    pub models: BTreeMap<ModelProvider, ProfileSet<ModelProfile>>,
}

impl AccountProfiles {
    /// The profiles for one Git provider, if there are any.
    pub fn git(&self, provider: Provider) -> Option<&ProfileSet<GitProfile>> {
        self.git.get(&provider)
    }

    /// The model profile to use, by the rule of [`ProfileSet::pick`].
    pub fn pick_model(&self, provider: ModelProvider, id: Option<&str>) -> Option<&ModelProfile> {
        self.models.get(&provider)?.pick(id)
    }
}

/// What a body says of an account's profiles. Plain data: it can be applied again to a fresh copy after a lost race.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountPatch {
    scope: ProfileScope,
    git: BTreeMap<Provider, SetChange>,
    models: BTreeMap<ModelProvider, SetChange>,
}

impl AccountPatch {
    /// Reads a body: a patch or null under the name of each provider.
    ///
    /// # Errors
    /// Every wrong field.
    pub fn read(body: &Value, scope: ProfileScope) -> Result<Self, DomainError> {
        let mut errors = FieldErrors::new();
        let mut object = Object::root(body, &mut errors);
        let models = ModelProvider::ALL
            .map(|provider| (provider, read_set(&mut object, provider.as_str(), &Kind::Model { provider, scope })));
        let git = Provider::ALL
            .map(|provider| (provider, read_set(&mut object, provider.as_str(), &Kind::Git { provider, scope })));
        object.finish();
        errors.into_result(Self { scope, git: git.into(), models: models.into() })
    }

    /// Changes the profiles and says what to write to the account's secret document. Nothing is changed on an error.
    ///
    /// # Errors
    /// What is wrong with the profiles after merging, and profiles beyond the limits.
    pub fn apply(
        &self,
        stored: &mut AccountProfiles,
        now: Timestamp,
        ids: &dyn IdSource,
    ) -> Result<Vec<SecretEdit>, FieldErrors> {
        let mut change = Change::new(now, ids);
        let (mut next, scope) = (stored.clone(), self.scope);
        for (provider, patch) in &self.models {
            let kind = Kind::Model { provider: *provider, scope };
            change.set(next.models.entry(*provider).or_default(), patch, &kind);
        }
        for (provider, patch) in &self.git {
            let kind = Kind::Git { provider: *provider, scope };
            change.set(next.git.entry(*provider).or_default(), patch, &kind);
        }
        next.models.retain(|_, set| *set != ProfileSet::default());
        next.git.retain(|_, set| *set != ProfileSet::default());
        let edits = change.finish(&next, self.models.values().chain(self.git.values()))?;
        *stored = next;
        Ok(edits)
    }
}
