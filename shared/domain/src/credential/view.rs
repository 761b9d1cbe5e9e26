//! How profiles look on the wire: `repoScopedCredentials` (contract: hookcode 3.3).

use super::{CredentialProfiles, GitProfile, ModelProfile, ProfileSet};
use crate::robot::ModelProvider;
use serde_json::{Map, Value, json};

impl CredentialProfiles {
    /// The public form. All three model providers are there, also without profiles.
    pub fn public_view(&self) -> Value {
        let none = ProfileSet::default();
        let models: Map<String, Value> = ModelProvider::ALL
            .into_iter()
            .map(|provider| (provider.to_string(), set(self.model_provider.get(&provider).unwrap_or(&none), model)))
            .collect();
        json!({ "repoProvider": set(&self.repo_provider, git), "modelProvider": models })
    }
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
    with(view, "cloneUsername", profile.clone_username.as_ref())
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
fn with(mut view: Value, key: &str, value: Option<&String>) -> Value {
    if let Some(value) = value {
        view[key] = json!(value);
    }
    view
}
