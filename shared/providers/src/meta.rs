//! What a provider tells about a repository (contract: hookcode 2.7).

use crate::git::Head;

/// Who can see a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Visibility {
    /// Anyone.
    Public,
    /// Anyone with an account at the provider, or of the enterprise.
    Internal,
    /// Its members.
    Private,
    /// The provider does not tell.
    Unknown,
}

impl Visibility {
    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Internal => "internal",
            Self::Private => "private",
            Self::Unknown => "unknown",
        }
    }
}

/// What a repository is called at its provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The number that it keeps when it is renamed or moved.
    pub id: u64,
    /// GitHub's `owner/repo`, GitLab's path with its groups.
    pub full_name: String,
}

/// Facts about a repository. What the provider does not tell is absent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meta {
    /// Who can see it.
    pub visibility: Visibility,
    /// Its page, an http or https address.
    pub web_url: Option<String>,
    /// The branch that it shows first; absent for an empty repository.
    pub default_branch: Option<String>,
    /// What it is called; absent for a plain Git remote.
    pub identity: Option<Identity>,
    /// Whether it is read-only.
    pub archived: Option<bool>,
    /// What it is for, in its owners' words.
    pub description: Option<String>,
    /// Its branches, when it was asked over Git rather than over an API.
    pub heads: Option<Heads>,
}

/// Branches of a remote.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Heads {
    /// The first [`crate::MAX_HEADS`], in the remote's order.
    pub items: Vec<Head>,
    /// How many there are.
    pub total: usize,
}
