//! What can go wrong by the rules, free of any transport. Each dialect maps these to its own statuses in one table.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One wrong field: where (RFC 6901 pointer into the body, or `?name` for a query parameter) and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldError {
    /// JSON pointer into the request body; empty for the body as a whole.
    pub pointer: String,
    /// What is wrong, in the words of the contract where it has some.
    pub message: String,
    /// A stable code where the contract names one, like `RULE_NAME_REQUIRED`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub code: Option<String>,
    /// Members that the contract puts beside the code.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub details: Option<Value>,
}

/// Every wrong field of one request, in the order of the contract's checks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FieldErrors(Vec<FieldError>);

impl FieldErrors {
    /// No errors yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one wrong field.
    pub fn push(&mut self, pointer: impl Into<String>, message: impl Into<String>) {
        self.0.push(FieldError { pointer: pointer.into(), message: message.into(), code: None, details: None });
    }

    /// Adds one wrong field with the contract's code.
    pub fn push_coded(
        &mut self,
        pointer: impl Into<String>,
        code: &str,
        message: impl Into<String>,
        details: Option<Value>,
    ) {
        self.0.push(FieldError {
            pointer: pointer.into(),
            message: message.into(),
            code: Some(code.to_owned()),
            details,
        });
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The errors found so far.
    pub fn as_slice(&self) -> &[FieldError] {
        &self.0
    }

    /// `value` when nothing is wrong, else all the errors.
    ///
    /// # Errors
    /// [`DomainError::Invalid`] with every wrong field.
    pub fn into_result<T>(self, value: T) -> Result<T, DomainError> {
        if self.0.is_empty() { Ok(value) } else { Err(DomainError::Invalid(self)) }
    }
}

/// What kind of thing was looked for and not found, or is not visible to the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the variants are the nouns of the domain")]
pub enum Kind {
    AccessToken,
    Attachment,
    Delivery,
    Group,
    Issuer,
    Member,
    OrganisationHook,
    Product,
    Platform,
    Project,
    Repository,
    Robot,
    Skill,
    Task,
    Tenant,
    TrustedHost,
    User,
    VaultCredential,
}

/// Why a caller may not do something (contract: hookcode 1.1, 4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denial {
    /// Not a member of the repository.
    RepositoryAccess,
    /// Needs maintainer or owner.
    RepositoryManage,
    /// Needs owner.
    RepositoryOwner,
    /// The token lacks the scope named.
    Scope(crate::access::Scope),
    /// Needs the tenant's administrator.
    TenantAdministrator,
    /// Not one of those who may look at a platform, a project or a group.
    PlatformAccess,
    /// Needs an administrator of the platform, or an owner of the project or the group.
    PlatformManage,
    /// The repository is archived, hence read-only.
    Archived,
    /// The tenant is suspended.
    TenantSuspended,
    /// Not with this kind of token.
    TokenKind,
}

/// Something else already holds what was asked for, or the state does not allow it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// Stable code, upper-case with underscores for contract codes.
    pub code: &'static str,
    /// What a person should know.
    pub message: String,
    /// The id of the holder, where there is one.
    pub holder: Option<String>,
    /// Members that the contract puts beside the code (`usages`, …).
    pub details: Option<Value>,
}

impl Conflict {
    /// A conflict with a code and a sentence.
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), holder: None, details: None }
    }

    /// Names the holder.
    #[must_use]
    pub fn held_by(mut self, holder: impl ToString) -> Self {
        self.holder = Some(holder.to_string());
        self
    }

    /// Adds the contract's members.
    #[must_use]
    pub fn with_details(mut self, details: Value) -> Self {
        self.details = Some(details);
        self
    }
}

/// A rule says no. A variant exists only where a program treats it differently.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DomainError {
    /// Absent, or not visible to the caller's tenant.
    #[error("{0:?} not found")]
    NotFound(Kind),
    /// Visible, but not allowed.
    #[error("not allowed: {0:?}")]
    Denied(Denial),
    /// The input is wrong; all fields are named.
    #[error("invalid input: {0:?}")]
    Invalid(FieldErrors),
    /// The request is fine but the state is not.
    #[error("conflict {}: {}", .0.code, .0.message)]
    Conflict(Conflict),
    /// The caller named a version that is not the current one any more.
    #[error("not the version that the caller knows")]
    Stale,
    /// Fine, but not now: changed too often.
    #[error("too often: {detail}")]
    TooOften {
        /// What a person should know.
        detail: String,
        /// When it is worth trying again.
        retry_after: std::time::Duration,
    },
    /// Well-formed, but beyond a limit of the registry.
    #[error("over a limit: {0}")]
    TooLarge(String),
}

impl DomainError {
    /// One wrong field, for checks that end at the first.
    pub fn invalid(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        let mut errors = FieldErrors::new();
        errors.push(pointer, message);
        Self::Invalid(errors)
    }
}
