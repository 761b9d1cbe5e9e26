//! Credential profiles: named git tokens and model keys of a repository (contract: hookcode 3.3).
//!
//! What is stored and shown here is *masked*: who has a token, never the token. The values themselves live in a flat
//! secret document of their owner, under the names that [`SecretName`] gives them; commands hand back [`SecretEdit`]s
//! for the store to write.

use crate::robot::ModelProvider;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

mod access;
mod account;
mod apply;
mod base_url;
mod git_detail;
mod patch;
mod pick;
mod resolve;
mod secret_name;
mod site;
mod template;
mod view;

pub use access::{AccessSource, GitAccess, GitTokenKind, GithubApp, ProfileAccess, Purpose, SshKey};
pub use account::{AccountPatch, AccountProfiles};
pub use base_url::http_base_url;
pub use git_detail::{GitPatch, MAX_APP_ID};
pub use patch::{CredentialPatch, ProfilePatch, ProfileScope, SetChange, SetPatch, is_profile_id, read_patch};
pub use resolve::{CredentialStores, GitTokenRef, ModelKeyRef};
pub use secret_name::{SecretEdit, SecretName, SecretOwner, SecretRef};
pub(crate) use site::is_same_host;
pub use site::{Site, TOKEN_NOT_FOR_HOST};
pub use template::{InvalidPrefix, MAX_URL_PREFIX_BYTES, RepositoryUrl, UrlPrefix};

/// Profiles in one set.
pub const MAX_PROFILES: usize = 50;
/// Longest id of a profile, in bytes.
pub const MAX_PROFILE_ID_BYTES: usize = 100;
/// Longest remark, in bytes.
pub const MAX_REMARK_BYTES: usize = 200;
/// Longest git user name, in bytes.
pub const MAX_CLONE_USERNAME_BYTES: usize = 200;
/// Longest base address of a model provider, in bytes.
pub const MAX_API_BASE_URL_BYTES: usize = 2048;
/// Longest token or key, in bytes.
pub const MAX_SECRET_BYTES: usize = 8 * 1024;
/// All profiles of one owner as stored, in bytes: they share a partition that is read whole.
pub const MAX_PROFILES_BYTES: usize = 64 * 1024;
/// All values of one owner's secret document, in bytes. The store checks it, since only the store sees the values.
pub const MAX_SECRET_DOCUMENT_BYTES: usize = 64 * 1024;

/// A git account at a provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GitProfile {
    /// Chosen by the client, or ours.
    pub id: String,
    /// What people call it.
    pub remark: String,
    /// Whether its token is in the vault.
    pub has_token: bool,
    /// Git user name for clones.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub clone_username: Option<String>,
    /// What its token is.
    #[serde(skip_serializing_if = "GitTokenKind::is_default", default)]
    pub token_kind: GitTokenKind,
    /// The app's id, for [`GitTokenKind::GithubApp`] alone.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub app_id: Option<u64>,
    /// The installation's id, for [`GitTokenKind::GithubApp`] alone.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub installation_id: Option<u64>,
    /// What it is kept for; both when absent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub access: Option<ProfileAccess>,
    /// Which repositories without Git profiles of their own it serves; in the tenant's store alone.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub url_prefix: Option<UrlPrefix>,
    /// Creation time.
    pub created_at: Timestamp,
    /// Time of the last change.
    pub updated_at: Timestamp,
}

/// An account at a model provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ModelProfile {
    /// Chosen by the client, or ours.
    pub id: String,
    /// What people call it.
    pub remark: String,
    /// Where the provider listens, when not at its usual address.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub api_base_url: Option<String>,
    /// Whether its key is in the vault.
    pub has_api_key: bool,
    /// Creation time.
    pub created_at: Timestamp,
    /// Time of the last change.
    pub updated_at: Timestamp,
}

/// Profiles of one kind, in order of creation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProfileSet<P> {
    /// At most [`MAX_PROFILES`].
    #[serde(default = "Vec::new")]
    pub profiles: Vec<P>,
    /// One of them, or none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub default_profile_id: Option<String>,
}

impl<P> Default for ProfileSet<P> {
    fn default() -> Self {
        Self { profiles: Vec::new(), default_profile_id: None }
    }
}

/// What git and model profiles have in common.
pub trait Profile {
    /// Its id.
    fn id(&self) -> &str;
    /// Whether its token or key is in the vault.
    fn has_secret(&self) -> bool;
}

impl Profile for GitProfile {
    fn id(&self) -> &str {
        &self.id
    }
    fn has_secret(&self) -> bool {
        self.has_token
    }
}

impl Profile for ModelProfile {
    fn id(&self) -> &str {
        &self.id
    }
    fn has_secret(&self) -> bool {
        self.has_api_key
    }
}

impl<P: Profile> ProfileSet<P> {
    /// The profile of this id.
    pub fn get(&self, id: &str) -> Option<&P> {
        self.profiles.iter().find(|profile| profile.id() == id)
    }

    /// The profile to use: an explicit id must exist; without one the default, else the first.
    pub fn pick(&self, id: Option<&str>) -> Option<&P> {
        match id {
            Some(id) => self.get(id),
            None => self.default_profile_id.as_deref().and_then(|id| self.get(id)).or_else(|| self.profiles.first()),
        }
    }
}

/// All profiles of one owner, masked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CredentialProfiles {
    /// Accounts at the repository's git provider.
    pub repo_provider: ProfileSet<GitProfile>,
    /// Accounts by model provider; absent means none.
    pub model_provider: BTreeMap<ModelProvider, ProfileSet<ModelProfile>>,
}

impl CredentialProfiles {
    /// The model profile to use, by the rule of [`ProfileSet::pick`].
    pub fn pick_model(&self, provider: ModelProvider, id: Option<&str>) -> Option<&ModelProfile> {
        self.model_provider.get(&provider)?.pick(id)
    }
}

#[cfg(test)]
mod tests;
