//! Which git token and which model key a robot uses, and the checks on choosing them (contract: hookcode 2.13–2.15).
//!
//! The texts of one table exclude each other, so each table ends at its first; the source never falls through to
//! another one.

use super::activation::TOKEN_REQUIRED;
use super::input::GitInput;
use super::{CredentialSource, ModelConfig, ModelProvider, Permission, Robot};
use crate::credential::{
    CredentialStores, GitTokenRef, ModelKeyRef, Profile, Purpose, SecretName, SecretOwner, SecretRef,
    TOKEN_NOT_FOR_HOST,
};
use crate::error::DomainError;
use crate::id::UserId;
use crate::input::Field;
use std::collections::BTreeSet;

/// What is wrong with a choice: the field below the body's root, and the contract's text.
pub(super) type Refusal = (&'static str, String);

/// A git credential that passed the checks.
pub(super) struct GitChoice {
    pub(super) source: CredentialSource,
    pub(super) profile: Option<String>,
    /// Whose account the source `user` means.
    pub(super) user: Option<UserId>,
}

/// What a choice is checked against.
pub(super) struct Chooser<'a> {
    pub(super) stores: CredentialStores<'a>,
    pub(super) caller: UserId,
    pub(super) permission: Permission,
}

/// The stores beside the repository's own that are needed to check or to use a robot's credentials.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccountsNeeded {
    /// Of these users.
    pub users: BTreeSet<UserId>,
    /// Of the tenant.
    pub global: bool,
}

impl AccountsNeeded {
    pub(super) fn add(&mut self, source: CredentialSource, user: Option<UserId>) {
        match source {
            CredentialSource::User => self.users.extend(user),
            CredentialSource::Global => self.global = true,
            CredentialSource::Robot | CredentialSource::Repo => {}
        }
    }
}

impl Robot {
    /// The stores that its credentials are in: those of the users who chose them, never of who happens to call.
    pub fn accounts(&self) -> AccountsNeeded {
        let mut needed = AccountsNeeded::default();
        needed.add(self.credential_source, self.credential_user);
        needed.add(self.model.credential_source, self.model_user);
        // A repository without Git profiles falls to the tenant's template.
        needed.global |= self.credential_source == CredentialSource::Repo && self.credential_profile.is_none();
        needed
    }
}

/// What a robot that may write needs its token for.
fn purpose(permission: Permission) -> Purpose {
    match permission {
        Permission::Read => Purpose::Read,
        Permission::Write => Purpose::Write,
    }
}

const SOURCE: &str = "/repoCredentialSource";
const PROFILE: &str = "/repoCredentialProfileId";
const TOKEN: &str = "/token";
const REMARK: &str = "/repoCredentialRemark";

/// The git credential of a new robot.
pub(super) fn choose_git(input: &GitInput, chooser: &Chooser<'_>) -> Result<GitChoice, Refusal> {
    let token = input.token.as_value().is_some();
    let source = match (input.source.as_value(), token, input.profile.as_value()) {
        (Some(source), _, _) => *source,
        (None, true, _) => CredentialSource::Robot,
        (None, false, Some(_)) => {
            return refuse(SOURCE, "repoCredentialSource is required when selecting a credential profile");
        }
        (None, false, None) => return refuse(SOURCE, "repoCredentialSource and repoCredentialProfileId are required"),
    };
    check_git(input, source, (input.profile.as_value().cloned(), Some(chooser.caller)), chooser)
}

/// The git credential of a patched robot; only when the body speaks of it.
pub(super) fn rechoose_git(input: &GitInput, stored: &Robot, chooser: &Chooser<'_>) -> Result<GitChoice, Refusal> {
    let source = match input.source.as_value() {
        Some(source) => *source,
        None if stored.credential_source == CredentialSource::Robot && input.profile.as_value().is_some() => {
            return refuse(SOURCE, "repoCredentialSource is required when selecting a credential profile");
        }
        None => stored.credential_source,
    };
    let mut profile = if source == CredentialSource::Robot { None } else { stored.credential_profile.clone() };
    input.profile.clone().patch(&mut profile);
    check_git(input, source, (profile, input.user(stored, chooser.caller)), chooser)
}

impl GitInput {
    /// Whose account a patched robot uses: the caller's when the body chooses, else still that of who chose before.
    pub(super) fn user(&self, stored: &Robot, caller: UserId) -> Option<UserId> {
        let chooses = self.source.as_value().is_some() || self.profile.is_present();
        if chooses { Some(caller) } else { stored.credential_user }
    }
}

fn check_git(
    input: &GitInput,
    source: CredentialSource,
    (profile, user): (Option<String>, Option<UserId>),
    chooser: &Chooser<'_>,
) -> Result<GitChoice, Refusal> {
    let user = user.filter(|_| source == CredentialSource::User);
    let (owner, place, missing) = match source {
        CredentialSource::Robot => {
            if profile.is_some() {
                return refuse(PROFILE, "repoCredentialProfileId must be null when repoCredentialSource=robot");
            }
            return Ok(GitChoice { source, profile, user });
        }
        CredentialSource::User => {
            (user.map(SecretOwner::User), "your account", "selected repo credential profile token is missing")
        }
        CredentialSource::Repo => {
            (Some(SecretOwner::Repository), "repo-scoped", "selected repo-scoped repo provider token is missing")
        }
        CredentialSource::Global => {
            (Some(SecretOwner::Tenant), "global", "selected global repo provider token is missing")
        }
    };
    if input.token.as_value().is_some() {
        return refuse(TOKEN, "token must be null when repoCredentialSource is user/repo/global");
    }
    if profile.is_none() && source != CredentialSource::Global {
        return refuse(PROFILE, "repoCredentialProfileId is required when repoCredentialSource is user/repo");
    }
    if input.remark.is_present() {
        return refuse(REMARK, "repoCredentialRemark is only supported for repoCredentialSource=robot");
    }
    let purpose = purpose(chooser.permission);
    let id = profile.as_deref();
    match owner.and_then(|owner| chooser.stores.git_profile(owner, id, purpose)) {
        None if owner.is_some_and(|owner| chooser.stores.is_withheld(owner, id, purpose)) => {
            refuse(PROFILE, TOKEN_NOT_FOR_HOST)
        }
        None => refuse(PROFILE, format!("repoCredentialProfileId does not exist in {place} credentials")),
        Some((_, found)) if !found.has_secret() => refuse(PROFILE, missing),
        Some(_) => Ok(GitChoice { source, profile, user }),
    }
}

/// Whether the key that a model config names is there; `user` is whose account the source `user` means.
pub(super) fn check_model(
    provider: ModelProvider,
    config: &ModelConfig,
    user: Option<UserId>,
    stores: &CredentialStores<'_>,
) -> Result<(), Refusal> {
    const KEY: &str = "/modelProviderConfig/credential/apiKey";
    const ID: &str = "/modelProviderConfig/credentialProfileId";
    let id = config.credential_profile.as_deref();
    let (owner, place, missing) = match config.credential_source {
        CredentialSource::Robot if config.has_own_key() => return Ok(()),
        CredentialSource::Robot => return refuse(KEY, format!("{provider} apiKey is required (robot credential)")),
        CredentialSource::User | CredentialSource::Repo if id.is_none() => {
            return refuse(
                ID,
                format!("{provider} credentialProfileId is required when credentialSource is user/repo"),
            );
        }
        CredentialSource::User => {
            let missing = format!("selected {provider} profile apiKey is missing");
            (user.map(SecretOwner::User), "your account", missing)
        }
        CredentialSource::Repo => {
            (Some(SecretOwner::Repository), "repo-scoped", format!("selected repo-scoped {provider} apiKey is missing"))
        }
        CredentialSource::Global => {
            (Some(SecretOwner::Tenant), "global", format!("selected global {provider} apiKey is missing"))
        }
    };
    match owner.and_then(|owner| stores.model_profile(owner, provider, id)) {
        None => refuse(ID, format!("{provider} credentialProfileId does not exist in {place} credentials")),
        Some(found) if !found.has_secret() => refuse(ID, missing),
        Some(_) => Ok(()),
    }
}

fn refuse<T>(field: &'static str, text: impl Into<String>) -> Result<T, Refusal> {
    Err((field, text.into()))
}

/// Where a robot's git token is.
///
/// # Errors
/// [`TOKEN_REQUIRED`] when the robot's source has none; nothing is recorded of that.
pub fn git_token_ref(robot: &Robot, stores: &CredentialStores<'_>) -> Result<GitTokenRef, DomainError> {
    let found = match owner(robot.credential_source, robot.credential_user) {
        Place::Robot => robot.has_token.then(|| {
            let name = SecretName::robot_token(robot.id);
            GitTokenRef::personal(SecretRef { owner: SecretOwner::Repository, name }, None)
        }),
        Place::Store(owner) => {
            stores.git_token(owner, robot.credential_profile.as_deref(), purpose(robot.permission()))
        }
        Place::Nowhere => None,
    };
    let mut found = found.ok_or_else(|| DomainError::invalid("", TOKEN_REQUIRED))?;
    if robot.clone_username.is_some() {
        found.username.clone_from(&robot.clone_username);
    }
    Ok(found)
}

/// Where a robot's model key is; `None` when its source has none.
pub fn model_key_ref(robot: &Robot, stores: &CredentialStores<'_>) -> Option<ModelKeyRef> {
    let (provider, config) = (robot.model_provider, &robot.model);
    match owner(config.credential_source, robot.model_user) {
        Place::Robot if config.has_own_key() => {
            let key = SecretRef { owner: SecretOwner::Repository, name: SecretName::robot_model(robot.id) };
            let api_base_url = config.credential.as_ref().and_then(|credential| credential.api_base_url.clone());
            Some(ModelKeyRef { key, api_base_url })
        }
        Place::Store(owner) => stores.model_key(owner, provider, config.credential_profile.as_deref()),
        Place::Robot | Place::Nowhere => None,
    }
}

enum Place {
    Robot,
    Store(SecretOwner),
    Nowhere,
}

fn owner(source: CredentialSource, user: Option<UserId>) -> Place {
    match source {
        CredentialSource::Robot => Place::Robot,
        CredentialSource::User => user.map_or(Place::Nowhere, |user| Place::Store(SecretOwner::User(user))),
        CredentialSource::Repo => Place::Store(SecretOwner::Repository),
        CredentialSource::Global => Place::Store(SecretOwner::Tenant),
    }
}

/// Fields that cannot be judged: one of them has the wrong type, which has been said already.
pub(super) fn is_unreadable(input: &GitInput) -> bool {
    matches!(input.source, Field::Invalid)
        || matches!(input.profile, Field::Invalid)
        || matches!(input.token, Field::Invalid)
        || matches!(input.remark, Field::Invalid)
}
