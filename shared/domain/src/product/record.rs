//! Products: who works in them, and where their code lives.

use super::git::Chain;
use super::{SaidGit, Visibility, need_path};
use crate::access::{Member, Members, Principal, RepositoryRole};
use crate::error::{Denial, DomainError};
use crate::id::{CredentialId, TenantId};
use crate::repository::Provider;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use url::Url;

/// Members that a product may have: each becomes one of every repository that is made in it, in its one transaction.
pub const MAX_PRODUCT_MEMBERS: usize = 50;
/// Where code lives when nothing else is known: a name that leads nowhere (RFC 2606), rather than to somebody's server.
pub const DEFAULT_GIT_BASE: &str = "https://git.invalid";
const MAX_BASE_URL_BYTES: usize = 1024;

const CHAIN: Chain = Chain {
    above: &[],
    missing: "invalid SaveProductRequest.Git: value is required",
    git: "invalid SaveProductRequest.Git: embedded message failed validation",
    needs_github_name: false,
};

/// A product's place at its Git server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProductGit {
    /// For people.
    pub name: String,
    /// Who may see it; what the server sets by itself while nothing was said.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub visibility: Option<Visibility>,
    /// Free text.
    #[serde(default)]
    pub description: String,
}

/// How the registry makes repositories at a product's Git server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProviderConnection {
    /// GitHub or GitLab.
    pub provider: Provider,
    /// GitHub REST base or GitLab site root; the public service without.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub api_base_url: Option<String>,
    /// The path of the group, or the organisation.
    pub owner: String,
    /// The credential of the vault that it acts with.
    pub credential: CredentialId,
    /// Whether deleting a repository deletes its code as well.
    #[serde(default)]
    pub delete_at_provider: bool,
}

/// A product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Product {
    /// Whose.
    pub tenant: TenantId,
    /// Its name, which is its path at the Git server; unique in the tenant, ignoring case.
    pub name: String,
    /// Its place at the Git server.
    pub git: ProductGit,
    /// The Git server's root, like `https://git.example.com`.
    pub base_url: String,
    /// How repositories are made there; without, they are only written down.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub connection: Option<ProviderConnection>,
    /// Who works in it.
    pub members: Members,
    /// Creation time.
    pub created_at: Timestamp,
    /// Time of the last change.
    pub updated_at: Timestamp,
    /// Counts changes, from 1.
    pub version: u64,
}

/// What saving a product says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SaveProduct {
    /// The Git side.
    pub git: Option<SaidGit>,
}

impl SaveProduct {
    /// Checks what the body says by itself.
    ///
    /// # Errors
    /// [`DomainError::Invalid`] with code `VALIDATOR` and the first rule that is broken.
    pub fn check_body(&self) -> Result<(), DomainError> {
        CHAIN.check(self.git.as_ref()).map(drop)
    }

    /// Checks it against the name in the address.
    ///
    /// # Errors
    /// [`DomainError::Invalid`] with the code of what does not fit.
    pub fn check(&self, name: &str) -> Result<(), DomainError> {
        self.check_body()?;
        need_path("product_name", name)?;
        self.side().map_or(Ok(()), |side| side.check(name))
    }

    /// A product may be made for either server before it is connected to one.
    fn side(&self) -> Option<&super::GitSide> {
        self.git.as_ref().and_then(|git| git.gitlab.as_ref().or(git.github.as_ref()))
    }

    /// The product as it is made.
    pub fn create(&self, name: &str, base_url: &str, owner: Member, tenant: TenantId, now: Timestamp) -> Product {
        let side = self.side();
        let git = ProductGit {
            name: side.map_or_else(|| name.to_owned(), |side| side.name_or(name)),
            visibility: side.map(super::GitSide::visibility),
            description: side.map(|side| side.description.clone()).unwrap_or_default(),
        };
        Product {
            tenant,
            name: name.to_owned(),
            git,
            base_url: base_url.trim_end_matches('/').to_owned(),
            connection: None,
            members: Members::of_owner(owner),
            created_at: now,
            updated_at: now,
            version: 1,
        }
    }

    /// The product as it is then; `None` when nothing changes. An empty description says nothing.
    pub fn apply(&self, stored: &Product, now: Timestamp) -> Option<Product> {
        let side = self.side()?;
        let mut next = stored.clone();
        next.git.name = side.name_or(&stored.name);
        next.git.visibility = Some(side.visibility());
        if !side.description.is_empty() {
            next.git.description.clone_from(&side.description);
        }
        if next == *stored {
            return None;
        }
        (next.updated_at, next.version) = (now, stored.version + 1);
        Some(next)
    }
}

impl Product {
    /// The provider whose words its Git side is told in.
    pub fn provider(&self) -> Provider {
        self.connection.as_ref().map_or(Provider::Gitlab, |connection| connection.provider)
    }

    /// The role of a caller; `None` for one who must not know of it.
    pub fn role_of(&self, principal: &Principal) -> Option<RepositoryRole> {
        principal.role_in(&self.members)
    }

    /// Demands a role.
    ///
    /// # Errors
    /// [`DomainError::Denied`].
    pub fn need_role(&self, principal: &Principal, needed: RepositoryRole) -> Result<(), DomainError> {
        if self.role_of(principal) >= Some(needed) {
            return Ok(());
        }
        Err(DomainError::Denied(match needed {
            RepositoryRole::Member => Denial::RepositoryAccess,
            RepositoryRole::Maintainer => Denial::RepositoryManage,
            RepositoryRole::Owner => Denial::RepositoryOwner,
        }))
    }

    /// Where a repository of it is cloned from.
    pub fn https_url(&self, path: &str) -> String {
        let group = self.connection.as_ref().map_or(&self.name, |connection| &connection.owner);
        format!("{}/{group}/{path}.git", self.base_url)
    }
}

/// Whether a text can be the root of a Git server: `https://host`, perhaps with a port and a path.
pub fn is_base_url(text: &str) -> bool {
    let is_root = |url: &Url| {
        matches!(url.scheme(), "https" | "http")
            && url.host_str().is_some()
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none()
    };
    text.len() <= MAX_BASE_URL_BYTES && Url::parse(text).is_ok_and(|url| is_root(&url))
}

/// The ssh form of an https address, as GitLab tells it; empty for what is none. The port of the site is not that of ssh.
pub fn ssh_url(https_url: &str) -> String {
    let url = Url::parse(https_url).ok().filter(|url| matches!(url.scheme(), "https" | "http"));
    let form = |url: Url| Some(format!("ssh://git@{}{}", url.host_str()?, url.path()));
    url.and_then(form).unwrap_or_default()
}
