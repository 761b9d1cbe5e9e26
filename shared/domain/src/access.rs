//! Who may do what: tenants, users, members, access tokens and scopes (contract: hookcode 1.1; design: rights).

use crate::error::{Denial, DomainError};
use crate::id::{AccessTokenId, TenantId, UserId};
use crate::repository::Repository;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

mod commands;
mod members;
mod network;
mod platform;
mod policy;
mod session;

pub use commands::{
    CreateAccessToken, CreateTenant, CreateUser, DEFAULT_TOKEN_DAYS, Login, MAX_EMAIL_BYTES, MAX_PERSON_BYTES,
    MAX_TOKEN_DAYS, PatchTenant, PatchUser, Recover,
};
pub(crate) use members::role_named;
pub use members::{AddMember, MAX_MEMBERS, Member, MemberSelector, Members, may_touch, read_role};
pub use network::{
    EgressPlace, MAX_CA_CERTIFICATE_BYTES, MAX_CA_CERTIFICATES, MAX_EGRESS_ALLOW, NetworkPatch, NetworkSettings,
    PlaceError, RUNTIME_PORT, is_metadata, is_this_machine, parse_host,
};
pub use platform::{DEFAULT_EXCHANGE_TTL, Exchange, ExchangedToken, MAX_EXCHANGE_TTL, MIN_EXCHANGE_TTL, common_scopes};
pub use policy::{MAX_POLICY_ENTRIES, MAX_POLICY_NAME_BYTES, POLICY_METHODS, TokenPolicy};
pub use session::{SESSION_LIFE, Session, Unverified};

/// What a token may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Scope {
    /// Read repositories, robots, automation and deliveries.
    #[serde(rename = "repos:read")]
    ReposRead,
    /// Change them.
    #[serde(rename = "repos:write")]
    ReposWrite,
    /// Read tasks.
    #[serde(rename = "tasks:read")]
    TasksRead,
    /// Claim and change tasks.
    #[serde(rename = "tasks:write")]
    TasksWrite,
    /// Administer the tenant, where the user behind the token is its administrator.
    #[serde(rename = "admin")]
    Admin,
    /// Manage tenants; issued by bootstrap only.
    #[serde(rename = "operator")]
    Operator,
}

impl Scope {
    /// Every scope that a token of a tenant can have.
    pub const OF_A_TENANT: [Self; 5] =
        [Self::ReposRead, Self::ReposWrite, Self::TasksRead, Self::TasksWrite, Self::Admin];

    /// Every scope that a platform token can have.
    pub const OF_A_PLATFORM: [Self; 4] = [Self::ReposRead, Self::ReposWrite, Self::TasksRead, Self::TasksWrite];

    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ReposRead => "repos:read",
            Self::ReposWrite => "repos:write",
            Self::TasksRead => "tasks:read",
            Self::TasksWrite => "tasks:write",
            Self::Admin => "admin",
            Self::Operator => "operator",
        }
    }

    /// Whether holding this scope grants `needed`: writing includes reading.
    pub fn grants(self, needed: Self) -> bool {
        self == needed
            || matches!((self, needed), (Self::ReposWrite, Self::ReposRead) | (Self::TasksWrite, Self::TasksRead))
    }
}

/// A tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tenant {
    /// Its id.
    pub id: TenantId,
    /// Its name.
    pub name: String,
    /// A suspended tenant is read-only to its callers.
    pub suspended: bool,
    /// What its outgoing calls may reach and trust besides the public Internet.
    #[serde(default)]
    pub network: NetworkSettings,
    /// Creation time.
    pub created_at: Timestamp,
    /// Time of the last change.
    pub updated_at: Timestamp,
    /// Counts changes, from 1.
    pub version: u64,
}

/// What a user is in the whole tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GlobalRole {
    /// Passes every repository check.
    Admin,
    /// A machine that builds or mirrors packages (contract: abf 2): it locks repositories and reads their keys.
    System,
}

impl GlobalRole {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Admin, Self::System];

    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::System => "system",
        }
    }
}

/// A user of a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct User {
    /// Its id.
    pub id: UserId,
    /// The small integer for dialects that need one.
    pub number: u64,
    /// Unique in the tenant, ignoring case.
    pub username: String,
    /// Name for people.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub display_name: Option<String>,
    /// E-mail.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub email: Option<String>,
    /// Roles in the whole tenant.
    pub roles: BTreeSet<GlobalRole>,
    /// A disabled user's tokens are refused.
    pub disabled: bool,
    /// Creation time.
    pub created_at: Timestamp,
    /// Time of the last change.
    pub updated_at: Timestamp,
    /// Counts changes, from 1.
    pub version: u64,
}

impl User {
    /// Whether the user administers the tenant now.
    pub fn administers(&self) -> bool {
        self.roles.contains(&GlobalRole::Admin) && !self.disabled
    }
}

/// What a user is in one repository, weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the contract's words")]
pub enum RepositoryRole {
    Member,
    Maintainer,
    Owner,
}

/// Whom a token speaks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TokenKind {
    /// A person: `rpt_…`; rights are the person's, narrowed by scopes.
    Personal,
    /// A tool: `sk_int_…`; rights are the scopes alone.
    Integration,
    /// A person, for a short time and by another's word: `rpp_…` that a tool got in exchange, or a token that an OpenID
    /// Connect issuer signed. Rights are those of a member, narrowed by scopes; it never administers the tenant.
    Platform,
}

impl TokenKind {
    /// What the token's text begins with.
    pub fn prefix(self) -> &'static str {
        match self {
            Self::Personal => "rpt_",
            Self::Integration => "sk_int_",
            Self::Platform => "rpp_",
        }
    }
}

/// An access token as stored: never its text, only a SHA-256 that is its key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AccessToken {
    /// Its id.
    pub id: AccessTokenId,
    /// Its tenant.
    pub tenant: TenantId,
    /// Who holds it, or who made it for a tool.
    pub user: UserId,
    /// What it is for, in the user's words.
    pub name: String,
    /// Whom it speaks for.
    pub kind: TokenKind,
    /// The first characters of its text, to recognise it by.
    pub prefix: String,
    /// What it may be used for.
    pub scopes: BTreeSet<Scope>,
    /// Creation time.
    pub created_at: Timestamp,
    /// When it ends; never for some integration tokens.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub expires_at: Option<Timestamp>,
    /// What it may do to which resource, where that is less than its scopes say.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub policy: Option<TokenPolicy>,
    /// Last use, to the hour.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub last_used_at: Option<Timestamp>,
}

/// Who is calling: a token and what is known of the user behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// The tenant, which bounds all that the caller can see.
    pub tenant: TenantId,
    /// The user behind the token.
    pub user: UserId,
    /// The user's name.
    pub username: String,
    /// The user's name for people.
    pub display_name: Option<String>,
    /// The user's e-mail.
    pub email: Option<String>,
    /// The user's roles in the tenant.
    pub roles: BTreeSet<GlobalRole>,
    /// The token.
    pub token: AccessTokenId,
    /// Whom it speaks for.
    pub kind: TokenKind,
    /// What it may be used for.
    pub scopes: BTreeSet<Scope>,
    /// What the token may do to which resource, where that is less.
    pub policy: Option<TokenPolicy>,
}

impl Principal {
    /// Whether the token has a scope, or one that includes it.
    pub fn has_scope(&self, needed: Scope) -> bool {
        self.scopes.iter().any(|scope| scope.grants(needed))
    }

    /// Demands a scope.
    ///
    /// # Errors
    /// [`Denial::Scope`].
    pub fn need_scope(&self, needed: Scope) -> Result<(), DomainError> {
        if self.has_scope(needed) { Ok(()) } else { Err(DomainError::Denied(Denial::Scope(needed))) }
    }

    /// Whether the caller passes every repository check: a person with the global role, or a tool, which acts by its scopes.
    pub fn sees_all_repositories(&self) -> bool {
        match self.kind {
            TokenKind::Personal => self.roles.contains(&GlobalRole::Admin),
            TokenKind::Integration => true,
            TokenKind::Platform => false,
        }
    }

    /// Demands one who may keep, name and delete credentials of the vault: tools, and people who administer the tenant. Naming
    /// one sends it to wherever the repository is.
    ///
    /// # Errors
    /// [`Denial::TenantAdministrator`].
    pub fn need_vault(&self) -> Result<(), DomainError> {
        match self.sees_all_repositories() {
            true => Ok(()),
            false => Err(DomainError::Denied(Denial::TenantAdministrator)),
        }
    }

    /// Demands the tenant's administrator, acting with scope `admin`.
    ///
    /// # Errors
    /// [`Denial::TenantAdministrator`] or [`Denial::Scope`].
    pub fn need_administrator(&self) -> Result<(), DomainError> {
        self.need_scope(Scope::Admin)?;
        let administrator = match self.kind {
            TokenKind::Personal => self.roles.contains(&GlobalRole::Admin),
            TokenKind::Integration => true,
            TokenKind::Platform => false,
        };
        if administrator { Ok(()) } else { Err(DomainError::Denied(Denial::TenantAdministrator)) }
    }

    /// Demands the right to manage tokens. A person manages their own; a tool's token belongs to whoever made it, and may
    /// touch that person's tokens only as an administrator. A platform token manages none: what it made would outlive it
    /// and could do more.
    ///
    /// # Errors
    /// As [`Principal::need_administrator`]; [`Denial::TokenKind`].
    pub fn need_token_management(&self) -> Result<(), DomainError> {
        match self.kind {
            TokenKind::Personal => Ok(()),
            TokenKind::Integration => self.need_administrator(),
            TokenKind::Platform => Err(DomainError::Denied(Denial::TokenKind)),
        }
    }

    /// The role in a repository: administrators are owners, tools act by scope as maintainers (as owners with `admin`),
    /// people have what the member list says.
    pub fn role_in(&self, members: &Members) -> Option<RepositoryRole> {
        self.role_as(members.role_of(self.user))
    }

    /// As [`Principal::role_in`], by what the member list says of the caller.
    pub fn role_as(&self, listed: Option<RepositoryRole>) -> Option<RepositoryRole> {
        match self.kind {
            TokenKind::Integration if self.has_scope(Scope::Admin) => Some(RepositoryRole::Owner),
            TokenKind::Integration => Some(RepositoryRole::Maintainer),
            TokenKind::Personal if self.roles.contains(&GlobalRole::Admin) => Some(RepositoryRole::Owner),
            TokenKind::Personal | TokenKind::Platform => listed,
        }
    }
}

/// What a caller wants to do with a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Right {
    /// Look at it: any member.
    Read,
    /// Change it: maintainer or owner; not while archived.
    Manage,
    /// Manage it even while archived (archive, unarchive, model lists).
    ManageArchived,
    /// Change it by a right that its platform gives, which was decided before; not while archived.
    Granted,
    /// Look at what only those who manage it may see (the audit log); archived or not.
    Inspect,
    /// What only an owner may, even while archived (delete).
    Own,
}

impl Principal {
    /// The right that deleting a repository needs where tools act by scope alone (design: rights across dialects): what a
    /// tool may change it may delete, a person must own it.
    pub fn deletes_by(&self) -> Right {
        match self.kind {
            TokenKind::Integration => Right::ManageArchived,
            TokenKind::Personal | TokenKind::Platform => Right::Own,
        }
    }
}

/// Decides whether a principal may do something with a repository that is in its tenant: role first, then archive.
///
/// # Errors
/// [`DomainError::Denied`] with the contract's reason (contract: hookcode 1.1, 4.1).
pub fn authorize(
    principal: &Principal,
    repository: &Repository,
    members: &Members,
    right: Right,
) -> Result<RepositoryRole, DomainError> {
    authorize_role(principal.role_in(members), repository.archived_at.is_some(), right)
}

/// As [`authorize`], for a role that is known already.
///
/// # Errors
/// As [`authorize`].
pub fn authorize_role(
    role: Option<RepositoryRole>,
    archived: bool,
    right: Right,
) -> Result<RepositoryRole, DomainError> {
    let denied = |denial| Err(DomainError::Denied(denial));
    let (needed, denial) = match right {
        Right::Read => (RepositoryRole::Member, Denial::RepositoryAccess),
        Right::Manage | Right::ManageArchived | Right::Inspect => {
            (RepositoryRole::Maintainer, Denial::RepositoryManage)
        }
        Right::Own => (RepositoryRole::Owner, Denial::RepositoryOwner),
        Right::Granted if archived => return denied(Denial::Archived),
        Right::Granted => return Ok(role.unwrap_or(RepositoryRole::Maintainer)),
    };
    let Some(role) = role.filter(|role| *role >= needed) else { return denied(denial) };
    match right {
        Right::Manage if archived => denied(Denial::Archived),
        Right::Read | Right::Manage | Right::ManageArchived | Right::Granted | Right::Inspect | Right::Own => Ok(role),
    }
}

/// The flags that clients show buttons by (contract: hookcode 1.1, table of permissions).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the contract's words")]
pub struct Permissions {
    pub can_read: bool,
    pub can_manage: bool,
    pub can_delete: bool,
    pub can_manage_members: bool,
    pub can_manage_tasks: bool,
}

impl Permissions {
    /// The flags of a role.
    pub fn of(role: Option<RepositoryRole>) -> Self {
        let manages = role >= Some(RepositoryRole::Maintainer);
        Self {
            can_read: role.is_some(),
            can_manage: manages,
            can_delete: role == Some(RepositoryRole::Owner),
            can_manage_members: manages,
            can_manage_tasks: manages,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permissions_follow_the_contract_table() {
        let row = |role| {
            let p = Permissions::of(role);
            [p.can_read, p.can_manage, p.can_manage_members, p.can_manage_tasks, p.can_delete]
        };
        assert_eq!(row(None), [false; 5]);
        assert_eq!(row(Some(RepositoryRole::Member)), [true, false, false, false, false]);
        assert_eq!(row(Some(RepositoryRole::Maintainer)), [true, true, true, true, false]);
        assert_eq!(row(Some(RepositoryRole::Owner)), [true; 5]);
    }

    #[test]
    fn writing_includes_reading_but_admin_includes_neither() {
        assert!(Scope::ReposWrite.grants(Scope::ReposRead));
        assert!(!Scope::ReposRead.grants(Scope::ReposWrite));
        assert!(!Scope::Admin.grants(Scope::ReposRead));
        assert!(!Scope::TasksWrite.grants(Scope::ReposRead));
    }
}
