//! Credentials that stand for themselves: made once, and named by repositories (contract: shiftagent 8).
//!
//! Each owns a secret document of its own; the record beside it shows everything but the secret.

use crate::credential::{GitAccess, GitTokenKind, SshKey};
use crate::error::{DomainError, FieldErrors};
use crate::id::{CredentialId, TenantId};
use crate::input::{Field, Object};
use crate::repository::{GitHost, Provider, Repository, read_notes, read_registered_name};
use crate::secret::Secret;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use zeroize::Zeroizing;

/// Longest secret, in bytes: a document of it fits into the vault, escaped and all.
pub const MAX_VAULT_SECRET_BYTES: usize = 16 * 1024;
/// Longest type, in characters; the contract leaves the set open.
pub const MAX_VAULT_TYPE_CHARS: usize = 64;
/// The types that the contract names; others are taken as well.
pub const VAULT_TYPES: [&str; 6] = ["git_pat", "git_ssh_key", "api_key", "basic_auth", "oauth_token", "generic_secret"];
/// The name of the value in the credential's document.
pub const VAULT_SECRET: &str = "secret";

/// A credential without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VaultCredential {
    /// Its id.
    pub id: CredentialId,
    /// Whose it is.
    pub tenant: TenantId,
    /// What it is called; unique in the tenant, ignoring case.
    pub name: String,
    /// What the secret is; [`VAULT_TYPES`] or any other word.
    #[serde(rename = "type")]
    pub kind: String,
    /// The caller's own notes.
    #[serde(default)]
    pub metadata: BTreeMap<String, String>,
    /// Creation time.
    pub created_at: Timestamp,
    /// Time of the last change.
    pub updated_at: Timestamp,
}

/// A checked body of `POST /credentials`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateVaultCredential {
    name: String,
    kind: String,
    metadata: BTreeMap<String, String>,
    /// The secret.
    pub secret: Secret,
}

impl CreateVaultCredential {
    /// Reads the body.
    ///
    /// # Errors
    /// [`DomainError::Invalid`] with every wrong field; no message quotes the secret.
    pub fn read(body: &Value) -> Result<Self, DomainError> {
        let mut errors = FieldErrors::new();
        let mut object = Object::root(body, &mut errors);
        let name = needed(&mut object, "name", |object| read_registered_name(object, "name"));
        let kind = needed(&mut object, "type", read_type);
        let secret = needed(&mut object, "secret", read_secret);
        let metadata = read_notes(&mut object);
        if metadata == Field::Null {
            object.error("metadata", "metadata must not be null");
        }
        object.finish();
        errors.into_result(Self {
            name: name.unwrap_or_default(),
            kind: kind.unwrap_or_default(),
            metadata: metadata.value().unwrap_or_default(),
            secret: secret.unwrap_or_else(|| Secret::new("")),
        })
    }

    /// Makes the record.
    pub fn into_credential(self, id: CredentialId, tenant: TenantId, now: Timestamp) -> VaultCredential {
        let Self { name, kind, metadata, secret: _ } = self;
        VaultCredential { id, tenant, name, kind, metadata, created_at: now, updated_at: now }
    }
}

/// Why a credential cannot be used to read a repository, for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unusable(pub &'static str);

impl VaultCredential {
    /// How a call to a repository's host identifies itself with it: a token with the user name that the host wants beside
    /// one, user and password, or a key for ssh. Such a key stands there as it is, or, where a passphrase locks it, in JSON
    /// as `{"private_key", "passphrase"}`.
    ///
    /// # Errors
    /// [`Unusable`] for what should be a key, or a user and a password, and is not.
    pub fn git_access(&self, repository: &Repository, secret: Secret) -> Result<GitAccess, Unusable> {
        let token = |username: &str, token| GitAccess::Token {
            kind: GitTokenKind::Personal,
            username: Some(username.to_owned()),
            token,
        };
        match self.kind.as_str() {
            "git_ssh_key" => read_key(&secret).map(GitAccess::Key),
            "basic_auth" => match secret.expose().split_once(':') {
                Some((user, password)) if !user.trim().is_empty() && !password.is_empty() => {
                    Ok(token(user.trim(), Secret::new(password)))
                }
                Some(_) | None => Err(Unusable("a credential of type basic_auth must hold user:password")),
            },
            _ => Ok(token(token_user(repository), secret)),
        }
    }
}

impl VaultCredential {
    /// How a call to a provider's API identifies itself with it: APIs take a token, which is what is in the place of the
    /// password.
    ///
    /// # Errors
    /// [`Unusable`] for keys of ssh, and for what should be a user and a password and is not.
    pub fn api_access(&self, secret: Secret) -> Result<GitAccess, Unusable> {
        match self.kind.as_str() {
            "git_ssh_key" => Err(Unusable("an ssh key cannot be used: the provider's API wants a token")),
            "basic_auth" => match secret.expose().split_once(':') {
                Some((_, token)) if !token.is_empty() => Ok(GitAccess::personal(Secret::new(token))),
                Some(_) | None => Err(Unusable("a credential of type basic_auth must hold user:password")),
            },
            _ => Ok(GitAccess::personal(secret)),
        }
    }
}

/// A key with its passphrase.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LockedKey {
    private_key: Zeroizing<String>,
    passphrase: Zeroizing<String>,
}

fn read_key(secret: &Secret) -> Result<SshKey, Unusable> {
    const BAD: Unusable = Unusable(
        "a credential of type git_ssh_key must hold a private key in OpenSSH's form or as PEM, or JSON with private_key \
         and passphrase",
    );
    let text = secret.expose().trim_start();
    let (private_key, passphrase) = if text.starts_with('{') {
        let LockedKey { private_key, passphrase } = serde_json::from_str(text).map_err(|_| BAD)?;
        (Secret::new(private_key.as_str()), Some(Secret::new(passphrase.as_str())))
    } else {
        (secret.clone(), None)
    };
    if !private_key.expose().contains("PRIVATE KEY-----") {
        return Err(BAD);
    }
    Ok(SshKey { username: None, private_key, passphrase })
}

/// The user name beside a token in Git over https (GitHub: "Authenticating as a GitHub App installation"; GitLab: "OAuth 2.0
/// tokens"; Bitbucket: "Repository access tokens"; Azure DevOps takes any).
fn token_user(repository: &Repository) -> &'static str {
    match (repository.provider, repository.git_host) {
        (Provider::Github, _) => "x-access-token",
        (Provider::Gitlab, _) => "oauth2",
        (Provider::Git, Some(GitHost::Bitbucket)) => "x-token-auth",
        (Provider::Git, Some(GitHost::AzureDevops) | None) => "git",
    }
}

fn needed<T>(
    object: &mut Object<'_, '_>,
    key: &'static str,
    read: impl FnOnce(&mut Object<'_, '_>) -> Field<T>,
) -> Option<T> {
    let field = read(object);
    if matches!(field, Field::Absent | Field::Null) {
        object.error(key, format!("{key} is required"));
    }
    field.value()
}

fn read_type(object: &mut Object<'_, '_>) -> Field<String> {
    object.text_of_chars("type", MAX_VAULT_TYPE_CHARS).and_then(|kind| {
        if is_vault_type(&kind) {
            return Field::Value(kind);
        }
        object.error("type", "must be one word, like git_pat");
        Field::Invalid
    })
}

/// Whether a text can be the type of a credential.
pub fn is_vault_type(text: &str) -> bool {
    !text.is_empty()
        && text.chars().count() <= MAX_VAULT_TYPE_CHARS
        && !text.contains(|c: char| c.is_control() || c.is_whitespace())
}

fn read_secret(object: &mut Object<'_, '_>) -> Field<Secret> {
    let fits = |text: &str| (1..=MAX_VAULT_SECRET_BYTES).contains(&text.len()) && !text.contains('\0');
    match object.raw("secret") {
        None => Field::Absent,
        Some(Value::Null) => Field::Null,
        Some(Value::String(text)) if fits(text) => Field::Value(Secret::new(text.clone())),
        Some(_) => {
            object.error("secret", format!("must be a string of 1 to {MAX_VAULT_SECRET_BYTES} bytes"));
            Field::Invalid
        }
    }
}

#[cfg(test)]
mod tests;
