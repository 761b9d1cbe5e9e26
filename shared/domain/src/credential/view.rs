//! How profiles look on the wire: `repoScopedCredentials` and the stores of accounts (contract: hookcode 3.3).

use super::{AccountProfiles, CredentialProfiles, GitProfile, ModelProfile, ProfileSet, UrlPrefix};
use crate::repository::Provider;
use crate::robot::ModelProvider;
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

impl CredentialProfiles {
    /// The public form. All three model providers are there, also without profiles.
    pub fn public_view(&self) -> Value {
        json!({ "repoProvider": set(&self.repo_provider, git), "modelProvider": models(&self.model_provider) })
    }
}

impl AccountProfiles {
    /// The public form. Every provider is there, also without profiles.
    pub fn public_view(&self) -> Value {
        let none = ProfileSet::default();
        let mut view = models(&self.models);
        view.extend(Provider::ALL.map(|one| (one.to_string(), set(self.git(one).unwrap_or(&none), git))));
        Value::Object(view)
    }
}

impl GitProfile {
    /// What a repository shows of the tenant's template that serves it.
    pub fn inherited_view(&self) -> Value {
        let view = json!({ "profileId": self.id, "remark": self.remark, "hasToken": self.has_token });
        self.with_detail(with(view, "urlPrefix", self.url_prefix.as_ref().map(UrlPrefix::as_str)))
    }

    /// Adds what is not the default of kind and access.
    fn with_detail(&self, view: Value) -> Value {
        let kind = (!self.token_kind.is_default()).then_some(self.token_kind.as_str());
        with(with(view, "tokenKind", kind), "access", self.access.map(|access| access.as_str()))
    }
}

fn models(sets: &BTreeMap<ModelProvider, ProfileSet<ModelProfile>>) -> Map<String, Value> {
    let none = ProfileSet::default();
    let view = |provider: ModelProvider| set(sets.get(&provider).unwrap_or(&none), model);
    ModelProvider::ALL.into_iter().map(|provider| (provider.to_string(), view(provider))).collect()
}

fn set<P>(set: &ProfileSet<P>, view: fn(&P) -> Value) -> Value {
    let profiles: Vec<Value> = set.profiles.iter().map(view).collect();
    with(json!({ "profiles": profiles }), "defaultProfileId", set.default_profile_id.as_ref())
}

fn git(profile: &GitProfile) -> Value {
    let view = json!({
        "id": profile.id,
        "remark": profile.remark,
        "hasToken": profile.has_token,
        "createdAt": profile.created_at,
        "updatedAt": profile.updated_at,
    });
    let view = with(view, "cloneUsername", profile.clone_username.as_ref());
    let view = with(with(view, "appId", profile.app_id), "installationId", profile.installation_id);
    profile.with_detail(with(view, "urlPrefix", profile.url_prefix.as_ref().map(UrlPrefix::as_str)))
}

fn model(profile: &ModelProfile) -> Value {
    let view = json!({
        "id": profile.id,
        "remark": profile.remark,
        "hasApiKey": profile.has_api_key,
        "createdAt": profile.created_at,
        "updatedAt": profile.updated_at,
    });
    with(view, "apiBaseUrl", profile.api_base_url.as_ref())
}

/// Unset optional members are left out, not null.
fn with(mut view: Value, key: &str, value: Option<impl Serialize>) -> Value {
    if let Some(value) = value {
        view[key] = json!(value);
    }
    view
}
