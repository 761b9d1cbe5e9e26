//! How a call to a Git provider identifies itself: what a profile and the value behind it come to.

use crate::repository::Provider;
use crate::robot::wire_names;
use crate::secret::Secret;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What kind of token a Git profile holds. It decides what the token can be used for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GitTokenKind {
    /// A person's access token, classic or fine-grained (GitHub), or a personal access token (GitLab).
    #[default]
    Personal,
    /// GitLab: a project access token; behind it is a bot user of that project.
    Project,
    /// GitLab: a group access token; behind it is a bot user of that group.
    Group,
    /// GitLab: a deploy token. It reads Git over https, not the REST API.
    Deploy,
    /// A GitHub App's private key, which is exchanged for short-lived tokens of one installation.
    GithubApp,
}
wire_names!(GitTokenKind {
    Personal = "personal",
    Project = "project",
    Group = "group",
    Deploy = "deploy",
    GithubApp = "github_app",
});

impl GitTokenKind {
    /// The one provider that knows this kind; `None` when every provider does.
    pub fn provider(self) -> Option<Provider> {
        match self {
            Self::Personal => None,
            Self::Project | Self::Group | Self::Deploy => Some(Provider::Gitlab),
            Self::GithubApp => Some(Provider::Github),
        }
    }

    /// Whether a profile shows nothing of it.
    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// What a Git profile is kept for, where reading and writing have profiles of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProfileAccess {
    /// For reading alone.
    Read,
    /// For writing.
    Write,
}
wire_names!(ProfileAccess { Read = "read", Write = "write" });

/// What a call wants a Git profile for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// It only looks.
    Read,
    /// It changes something at the provider.
    Write,
}

/// Where a call takes its identity from (contract: hookcode 2.7, 2.8). There is no fall-through between sources.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AccessSource {
    /// The calling user's account.
    User,
    /// The repository; the tenant's template for it when it has no Git profiles of its own.
    Repo,
    /// The tenant.
    Global,
    /// Nowhere: no authorization is sent.
    Anonymous,
}

/// A GitHub App as one installation (GitHub REST: apps).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GithubApp {
    /// The app's id.
    pub app_id: u64,
    /// The installation's id.
    pub installation_id: u64,
    /// The app's private key, PEM.
    pub private_key: Secret,
}

/// Who a call to a Git provider comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GitAccess {
    /// Nobody: no authorization is sent.
    Anonymous,
    /// The holder of a token.
    Token {
        /// Never [`GitTokenKind::GithubApp`].
        kind: GitTokenKind,
        /// Git user name, where one is set.
        username: Option<String>,
        /// The token.
        token: Secret,
    },
    /// An installation of a GitHub App.
    App(GithubApp),
    /// The holder of a key for ssh.
    Key(SshKey),
}

/// A private key for ssh.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SshKey {
    /// Git user name, where one is set; the one in a remote's address comes first.
    pub username: Option<String>,
    /// The key, in OpenSSH's form or as PEM.
    pub private_key: Secret,
    /// What opens it, where it is locked.
    pub passphrase: Option<Secret>,
}

impl GitAccess {
    /// A personal token.
    pub fn personal(token: Secret) -> Self {
        Self::Token { kind: GitTokenKind::Personal, username: None, token }
    }
}
