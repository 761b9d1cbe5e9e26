//! Which git token and which model key a robot uses, and the checks on choosing them (contract: hookcode 2.13–2.15).
//!
//! The texts of one table exclude each other, so each table ends at its first; the source never falls through to
//! another one.

use super::activation::TOKEN_REQUIRED;
use super::input::GitInput;
use super::{CredentialSource, ModelConfig, ModelProvider, Robot};
use crate::credential::{CredentialProfiles, CredentialStores, Profile, SecretName, SecretOwner, SecretRef};
use crate::error::DomainError;
use crate::id::UserId;
use crate::input::Field;

/// What is wrong with a choice: the field below the body's root, and the contract's text.
pub(super) type Refusal = (&'static str, String);

/// A git credential that passed the checks.
pub(super) struct GitChoice {
    pub(super) source: CredentialSource,
    pub(super) profile: Option<String>,
}

const SOURCE: &str = "/repoCredentialSource";
const PROFILE: &str = "/repoCredentialProfileId";
const TOKEN: &str = "/token";
const REMARK: &str = "/repoCredentialRemark";

/// The git credential of a new robot.
pub(super) fn choose_git(input: &GitInput, stores: &CredentialStores<'_>) -> Result<GitChoice, Refusal> {
    let token = input.token.as_value().is_some();
    let source = match (input.source.as_value(), token, input.profile.as_value()) {
        (Some(source), _, _) => *source,
        (None, true, _) => CredentialSource::Robot,
        (None, false, Some(_)) => {
            return refuse(SOURCE, "repoCredentialSource is required when selecting a credential profile");
        }
        (None, false, None) => return refuse(SOURCE, "repoCredentialSource and repoCredentialProfileId are required"),
    };
    check_git(input, source, input.profile.as_value().cloned(), stores)
}

/// The git credential of a patched robot; only when the body speaks of it.
pub(super) fn rechoose_git(
    input: &GitInput,
    stored: &Robot,
    stores: &CredentialStores<'_>,
) -> Result<GitChoice, Refusal> {
    let source = match input.source.as_value() {
        Some(source) => *source,
        None if stored.credential_source == CredentialSource::Robot && input.profile.as_value().is_some() => {
            return refuse(SOURCE, "repoCredentialSource is required when selecting a credential profile");
        }
        None => stored.credential_source,
    };
    let mut profile = if source == CredentialSource::Robot { None } else { stored.credential_profile.clone() };
    input.profile.clone().patch(&mut profile);
    check_git(input, source, profile, stores)
}

fn check_git(
    input: &GitInput,
    source: CredentialSource,
    profile: Option<String>,
    stores: &CredentialStores<'_>,
) -> Result<GitChoice, Refusal> {
    if source == CredentialSource::Robot {
        if profile.is_some() {
            return refuse(PROFILE, "repoCredentialProfileId must be null when repoCredentialSource=robot");
        }
        return Ok(GitChoice { source, profile });
    }
    if input.token.as_value().is_some() {
        return refuse(TOKEN, "token must be null when repoCredentialSource is user/repo/global");
    }
    if profile.is_none() && source != CredentialSource::Global {
        return refuse(PROFILE, "repoCredentialProfileId is required when repoCredentialSource is user/repo");
    }
    if input.remark.is_present() {
        return refuse(REMARK, "repoCredentialRemark is only supported for repoCredentialSource=robot");
    }
    let (found, place, missing) = match source {
        CredentialSource::Robot => return Ok(GitChoice { source, profile }),
        CredentialSource::User => (stores.user, "your account", "selected repo credential profile token is missing"),
        CredentialSource::Repo => {
            (Some(stores.repo), "repo-scoped", "selected repo-scoped repo provider token is missing")
        }
        CredentialSource::Global => (stores.global, "global", "selected global repo provider token is missing"),
    };
    match found.and_then(|store| store.repo_provider.pick(profile.as_deref())) {
        None => refuse(PROFILE, format!("repoCredentialProfileId does not exist in {place} credentials")),
        Some(found) if !found.has_secret() => refuse(PROFILE, missing),
        Some(_) => Ok(GitChoice { source, profile }),
    }
}

/// Whether the key that a model config names is there.
pub(super) fn check_model(
    provider: ModelProvider,
    config: &ModelConfig,
    stores: &CredentialStores<'_>,
) -> Result<(), Refusal> {
    const KEY: &str = "/modelProviderConfig/credential/apiKey";
    const ID: &str = "/modelProviderConfig/credentialProfileId";
    let id = config.credential_profile.as_deref();
    let (store, place, missing) = match config.credential_source {
        CredentialSource::Robot if config.has_own_key() => return Ok(()),
        CredentialSource::Robot => return refuse(KEY, format!("{provider} apiKey is required (robot credential)")),
        CredentialSource::User | CredentialSource::Repo if id.is_none() => {
            return refuse(
                ID,
                format!("{provider} credentialProfileId is required when credentialSource is user/repo"),
            );
        }
        CredentialSource::User => {
            (stores.user, "your account", format!("selected {provider} profile apiKey is missing"))
        }
        CredentialSource::Repo => {
            (Some(stores.repo), "repo-scoped", format!("selected repo-scoped {provider} apiKey is missing"))
        }
        CredentialSource::Global => (stores.global, "global", format!("selected global {provider} apiKey is missing")),
    };
    match store.and_then(|store| store.pick_model(provider, id)) {
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
pub fn git_token_ref(robot: &Robot, stores: &CredentialStores<'_>) -> Result<SecretRef, DomainError> {
    let place = Place { user: robot.credential_user, stores };
    let own = || robot.has_token.then(|| SecretName::robot_token(robot.id));
    let of = |store: &CredentialProfiles| {
        let profile = store.repo_provider.pick(robot.credential_profile.as_deref())?;
        profile.has_token.then(|| SecretName::git(&profile.id))
    };
    place.find(robot.credential_source, own, of).ok_or_else(|| DomainError::invalid("", TOKEN_REQUIRED))
}

/// Where a robot's model key is and which address it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelKeyRef {
    /// The key.
    pub key: SecretRef,
    /// Address beside the key; the provider's usual one without.
    pub api_base_url: Option<String>,
}

/// Where a robot's model key is; `None` when its source has none.
pub fn model_key_ref(robot: &Robot, stores: &CredentialStores<'_>) -> Option<ModelKeyRef> {
    let (provider, config) = (robot.model_provider, &robot.model);
    let place = Place { user: robot.credential_user, stores };
    let own = || config.has_own_key().then(|| SecretName::robot_model(robot.id));
    let pick = |store: &CredentialProfiles| {
        store.pick_model(provider, config.credential_profile.as_deref()).filter(|profile| profile.has_api_key).cloned()
    };
    let of = |store: &CredentialProfiles| pick(store).map(|profile| SecretName::model(provider, &profile.id));
    let key = place.find(config.credential_source, own, of)?;
    let api_base_url = match config.credential_source {
        CredentialSource::Robot => config.credential.as_ref().and_then(|credential| credential.api_base_url.clone()),
        CredentialSource::User | CredentialSource::Repo | CredentialSource::Global => {
            place.store(config.credential_source).and_then(pick).and_then(|profile| profile.api_base_url)
        }
    };
    Some(ModelKeyRef { key, api_base_url })
}

struct Place<'a> {
    user: Option<UserId>,
    stores: &'a CredentialStores<'a>,
}

impl<'a> Place<'a> {
    fn store(&self, source: CredentialSource) -> Option<&'a CredentialProfiles> {
        match source {
            CredentialSource::Robot => None,
            CredentialSource::User => self.stores.user,
            CredentialSource::Repo => Some(self.stores.repo),
            CredentialSource::Global => self.stores.global,
        }
    }

    fn find(
        &self,
        source: CredentialSource,
        own: impl FnOnce() -> Option<SecretName>,
        of: impl FnOnce(&CredentialProfiles) -> Option<SecretName>,
    ) -> Option<SecretRef> {
        let owner = match source {
            CredentialSource::Robot | CredentialSource::Repo => SecretOwner::Repository,
            CredentialSource::User => SecretOwner::User(self.user?),
            CredentialSource::Global => SecretOwner::Tenant,
        };
        let name = match source {
            CredentialSource::Robot => own()?,
            CredentialSource::User | CredentialSource::Repo | CredentialSource::Global => of(self.store(source)?)?,
        };
        Some(SecretRef { owner, name })
    }
}

/// Fields that cannot be judged: one of them has the wrong type, which has been said already.
pub(super) fn is_unreadable(input: &GitInput) -> bool {
    matches!(input.source, Field::Invalid)
        || matches!(input.profile, Field::Invalid)
        || matches!(input.token, Field::Invalid)
        || matches!(input.remark, Field::Invalid)
}
