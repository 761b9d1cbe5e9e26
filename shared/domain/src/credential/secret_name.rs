//! The one place that names the values of a secret document.

use crate::id::{RobotId, UserId};
use crate::repository::Provider;
use crate::robot::ModelProvider;
use crate::secret::Secret;
use crate::signing::Half;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The name of one value in its owner's secret document, like `git/bot`. Ids of profiles hold no slash, so that no two
/// kinds of value can share a name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SecretName(String);

impl SecretName {
    /// The token of a git profile.
    pub fn git(profile: &str) -> Self {
        Self(format!("git/{profile}"))
    }

    /// The token of a git profile of a user's account or of the tenant, where ids are unique for a provider only.
    pub fn account_git(provider: Provider, profile: &str) -> Self {
        Self(format!("git/{provider}/{profile}"))
    }

    /// The key of a model profile.
    pub fn model(provider: ModelProvider, profile: &str) -> Self {
        Self(format!("model/{provider}/{profile}"))
    }

    /// A robot's own git token.
    pub fn robot_token(robot: RobotId) -> Self {
        Self(format!("robot/{robot}/token"))
    }

    /// A robot's own model key.
    pub fn robot_model(robot: RobotId) -> Self {
        Self(format!("robot/{robot}/model"))
    }

    /// A variable of the preview environment.
    pub fn preview_env(key: &str) -> Self {
        Self(format!("env/{key}"))
    }

    /// A webhook secret that a user supplied, by its generation.
    pub fn webhook(generation: u32) -> Self {
        Self(format!("webhook/{generation}"))
    }

    /// One of the keys by which packages are signed.
    pub fn signing(half: Half) -> Self {
        Self(format!("signing/{}", half.to_string().to_ascii_lowercase()))
    }

    /// The private part of a deploy key of the repository's project: of the one that may only read, or may also push.
    pub fn deploy_key(can_push: bool) -> Self {
        Self(format!("ssh/{}", if can_push { "readwrite" } else { "readonly" }))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SecretName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AsRef<str> for SecretName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl From<SecretName> for String {
    fn from(name: SecretName) -> Self {
        name.0
    }
}

/// One change to a secret document. At most one for each name in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretEdit {
    /// Which value.
    pub name: SecretName,
    /// The new value; `None` removes it.
    pub value: Option<Secret>,
}

impl SecretEdit {
    /// Writes a value.
    pub fn put(name: SecretName, value: Secret) -> Self {
        Self { name, value: Some(value) }
    }

    /// Removes a value.
    pub fn remove(name: SecretName) -> Self {
        Self { name, value: None }
    }
}

/// Whose secret document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SecretOwner {
    /// The repository at hand.
    Repository,
    /// A user's account.
    User(UserId),
    /// The tenant's credentials.
    Tenant,
}

/// Where to find one value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretRef {
    /// Whose document.
    pub owner: SecretOwner,
    /// Which value in it.
    pub name: SecretName,
}
