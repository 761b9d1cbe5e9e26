//! From a caller or a robot to the one git token or model key that it may use: the profile is picked by the domain, its
//! value read from its owner's document.

use crate::Store;
use crate::accounts::AccountOwner;
use crate::decision::DecisionSet;
use crate::error::StoreError;
use repoplane_domain::access::Principal;
use repoplane_domain::credential::{
    AccessSource, AccountProfiles, CredentialProfiles, CredentialStores, GitAccess, GitProfile, GitTokenRef,
    ModelKeyRef, Purpose, RepositoryUrl, SecretEdit, SecretOwner, SecretRef, Site,
};
use repoplane_domain::id::{TenantId, UserId};
use repoplane_domain::repository::Provider;
use repoplane_domain::robot::{AccountsNeeded, ModelProvider, Robot, git_token_ref, model_key_ref};
use repoplane_domain::secret::Secret;
use std::collections::BTreeMap;

/// The credential profiles beside a repository's own, as far as a call needs them, and what the tenant's templates go by.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Accounts {
    users: BTreeMap<UserId, AccountProfiles>,
    global: Option<AccountProfiles>,
    url: Option<RepositoryUrl>,
    site: Option<Site>,
}

/// Why a source has no access to give.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoAccess {
    /// It has no token, or knows no such profile.
    NoToken,
    /// It has one that must not be sent to where the call goes.
    NotForHost,
    /// It names a credential of the vault that cannot be used for this, and why.
    Unusable(&'static str),
}

impl Accounts {
    /// Where a repository's calls and robots look their profiles up.
    pub fn stores<'a>(&'a self, set: &'a DecisionSet) -> CredentialStores<'a> {
        self.stores_of(set.repository.provider, &set.credentials.profiles)
    }

    fn stores_of<'a>(&'a self, provider: Provider, repo: &'a CredentialProfiles) -> CredentialStores<'a> {
        let (url, site) = (self.url.as_ref(), self.site.as_ref());
        CredentialStores { provider, url, site, repo, users: &self.users, global: self.global.as_ref() }
    }
}

/// An account at a model provider, ready for a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelAccess {
    /// Where the provider listens; at its usual address without.
    pub api_base_url: Option<String>,
    /// The key.
    pub key: Secret,
}

impl Store {
    /// Reads the stores that are needed beside a repository's own. With `fresh` the caches are not asked: for calls that
    /// choose a profile, which may have been made a moment ago at another instance.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn accounts(
        &self,
        set: &DecisionSet,
        needed: &AccountsNeeded,
        fresh: bool,
    ) -> Result<Accounts, StoreError> {
        let mut accounts = self.accounts_of(set.repository.tenant, needed, fresh).await?;
        accounts.url = RepositoryUrl::of(&set.repository);
        accounts.site = Site::of(&set.repository);
        Ok(accounts)
    }

    async fn accounts_of(
        &self,
        tenant: TenantId,
        needed: &AccountsNeeded,
        fresh: bool,
    ) -> Result<Accounts, StoreError> {
        let mut accounts = Accounts::default();
        for user in &needed.users {
            let account = self.account(tenant, AccountOwner::User(*user), fresh).await?;
            accounts.users.insert(*user, account.profiles.clone());
        }
        if needed.global {
            accounts.global = Some(self.account(tenant, AccountOwner::Tenant, fresh).await?.profiles.clone());
        }
        Ok(accounts)
    }

    /// The tenant's template that a repository without Git profiles of its own is served by, as a call that only looks
    /// finds it.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn inherited_git_profile(&self, set: &DecisionSet) -> Result<Option<GitProfile>, StoreError> {
        if !set.credentials.profiles.repo_provider.profiles.is_empty() {
            return Ok(None);
        }
        let Some(url) = RepositoryUrl::of(&set.repository) else { return Ok(None) };
        let account = self.account(set.repository.tenant, AccountOwner::Tenant, false).await?;
        let profiles = account.profiles.git(set.repository.provider);
        Ok(profiles.and_then(|profiles| profiles.template_for(&url, Purpose::Read)).cloned())
    }

    /// How a caller's call to a repository's provider identifies itself (contract: hookcode 2.7).
    ///
    /// # Errors
    /// [`StoreError`] when the table or the vault fails.
    pub async fn git_access(
        &self,
        set: &DecisionSet,
        principal: &Principal,
        source: AccessSource,
        profile_id: Option<&str>,
        purpose: Purpose,
    ) -> Result<Result<GitAccess, NoAccess>, StoreError> {
        self.git_access_with(set, &[], principal, source, profile_id, purpose).await
    }

    /// How the registry itself reaches a repository, without any caller: by the credential of the vault that the record
    /// names, else by the repository's own token or an inherited one, else as nobody. There is no fall-through from a
    /// credential that was named: that it cannot be used is told, not hidden behind another.
    ///
    /// # Errors
    /// [`StoreError`] when the table or the vault fails.
    pub async fn sync_access(&self, set: &DecisionSet) -> Result<Result<GitAccess, NoAccess>, StoreError> {
        if let Some(credential) = set.repository.credential {
            return self.vault_access(&set.repository, credential).await;
        }
        let template = set.credentials.profiles.repo_provider.profiles.is_empty();
        let accounts = self.accounts(set, &needed(SecretOwner::Repository, template), false).await?;
        let stores = accounts.stores(set);
        match stores.git_token(SecretOwner::Repository, None, Purpose::Read) {
            Some(token) => Ok(self.git_value(set, &token).await?.ok_or(NoAccess::NoToken)),
            None if stores.is_withheld(SecretOwner::Repository, None, Purpose::Read) => Ok(Err(NoAccess::NotForHost)),
            None => Ok(Ok(GitAccess::Anonymous)),
        }
    }

    /// Whether a repository has a Git token to be read with, of its own or inherited; the token itself is not fetched.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn has_git_token(&self, set: &DecisionSet) -> Result<bool, StoreError> {
        let template = set.credentials.profiles.repo_provider.profiles.is_empty();
        let accounts = self.accounts(set, &needed(SecretOwner::Repository, template), false).await?;
        Ok(accounts.stores(set).git_token(SecretOwner::Repository, None, Purpose::Read).is_some())
    }

    /// As [`Store::git_access`], for a set as it would be after a change: values that the change would write are taken from
    /// its edits.
    ///
    /// # Errors
    /// [`StoreError`] when the table or the vault fails.
    pub async fn git_access_with(
        &self,
        set: &DecisionSet,
        edits: &[SecretEdit],
        principal: &Principal,
        source: AccessSource,
        profile_id: Option<&str>,
        purpose: Purpose,
    ) -> Result<Result<GitAccess, NoAccess>, StoreError> {
        let Some(owner) = owner_of(source, principal) else { return Ok(Ok(GitAccess::Anonymous)) };
        let template = profile_id.is_none() && set.credentials.profiles.repo_provider.profiles.is_empty();
        let accounts = self.accounts(set, &needed(owner, template), false).await?;
        let stores = accounts.stores(set);
        let Some(token) = stores.git_token(owner, profile_id, purpose) else {
            return Ok(Err(no_access(&stores, owner, profile_id, purpose)));
        };
        let edited =
            edits.iter().find(|edit| token.secret.owner == SecretOwner::Repository && edit.name == token.secret.name);
        let access = match edited {
            Some(edit) => edit.value.clone().map(|value| token.access(value)),
            None => self.git_value(set, &token).await?,
        };
        Ok(access.ok_or(NoAccess::NoToken))
    }

    /// As [`Store::git_access`], for a call to a provider's API that is about no repository: the source `repo` has nothing
    /// then.
    ///
    /// # Errors
    /// [`StoreError`] when the table or the vault fails.
    pub async fn provider_access(
        &self,
        (provider, api_base_url): (Provider, Option<&str>),
        principal: &Principal,
        source: AccessSource,
        profile_id: Option<&str>,
        purpose: Purpose,
    ) -> Result<Result<GitAccess, NoAccess>, StoreError> {
        let Some(owner) = owner_of(source, principal) else { return Ok(Ok(GitAccess::Anonymous)) };
        let Some(account) = account_of(owner) else { return Ok(Err(NoAccess::NoToken)) };
        let mut accounts = self.accounts_of(principal.tenant, &needed(owner, false), false).await?;
        accounts.site = Site::of_api(provider, api_base_url);
        let none = CredentialProfiles::default();
        let stores = accounts.stores_of(provider, &none);
        let Some(token) = stores.git_token(owner, profile_id, purpose) else {
            return Ok(Err(no_access(&stores, owner, profile_id, purpose)));
        };
        let value = self.account_secret(principal.tenant, account, token.secret.name.as_str()).await?;
        Ok(value.map(|value| token.access(value)).ok_or(NoAccess::NoToken))
    }

    /// A caller's account at a model provider. `None` when the source has no key, as for a profile id that it does not
    /// know, and for the source `anonymous`.
    ///
    /// # Errors
    /// [`StoreError`] when the table or the vault fails.
    pub async fn model_access(
        &self,
        set: &DecisionSet,
        principal: &Principal,
        source: AccessSource,
        provider: ModelProvider,
        profile_id: Option<&str>,
    ) -> Result<Option<ModelAccess>, StoreError> {
        let Some(owner) = owner_of(source, principal) else { return Ok(None) };
        let accounts = self.accounts(set, &needed(owner, false), false).await?;
        let key = accounts.stores(set).model_key(owner, provider, profile_id);
        self.model_value(set, key).await
    }

    /// How a robot identifies itself to the repository's provider; `None` when its source has no token.
    ///
    /// # Errors
    /// [`StoreError`] when the table or the vault fails.
    pub async fn robot_git_access(&self, set: &DecisionSet, robot: &Robot) -> Result<Option<GitAccess>, StoreError> {
        let accounts = self.accounts(set, &robot.accounts(), false).await?;
        match git_token_ref(robot, &accounts.stores(set)) {
            Ok(token) => self.git_value(set, &token).await,
            Err(_) => Ok(None),
        }
    }

    /// A robot's account at its model provider; `None` when its source has no key.
    ///
    /// # Errors
    /// [`StoreError`] when the table or the vault fails.
    pub async fn robot_model_access(
        &self,
        set: &DecisionSet,
        robot: &Robot,
    ) -> Result<Option<ModelAccess>, StoreError> {
        let accounts = self.accounts(set, &robot.accounts(), false).await?;
        self.model_value(set, model_key_ref(robot, &accounts.stores(set))).await
    }

    /// A git token that was picked, with its value; `None` when the value is gone.
    ///
    /// # Errors
    /// [`StoreError`] when the table or the vault fails.
    pub async fn git_value(&self, set: &DecisionSet, token: &GitTokenRef) -> Result<Option<GitAccess>, StoreError> {
        Ok(self.secret(set, &token.secret).await?.map(|value| token.access(value)))
    }

    async fn model_value(
        &self,
        set: &DecisionSet,
        key: Option<ModelKeyRef>,
    ) -> Result<Option<ModelAccess>, StoreError> {
        let Some(ModelKeyRef { key, api_base_url }) = key else { return Ok(None) };
        Ok(self.secret(set, &key).await?.map(|key| ModelAccess { api_base_url, key }))
    }

    /// One value, from the document of whoever owns it; another tenant's owner has none here.
    async fn secret(&self, set: &DecisionSet, secret: &SecretRef) -> Result<Option<Secret>, StoreError> {
        let (tenant, name) = (set.repository.tenant, secret.name.as_str());
        match account_of(secret.owner) {
            Some(account) => self.account_secret(tenant, account, name).await,
            None => self.repository_secret(set, name).await,
        }
    }
}

/// Whose profiles a source means; nobody's for a call without identity.
fn owner_of(source: AccessSource, principal: &Principal) -> Option<SecretOwner> {
    match source {
        AccessSource::User => Some(SecretOwner::User(principal.user)),
        AccessSource::Repo => Some(SecretOwner::Repository),
        AccessSource::Global => Some(SecretOwner::Tenant),
        AccessSource::Anonymous => None,
    }
}

/// The account behind an owner that is no repository.
fn account_of(owner: SecretOwner) -> Option<AccountOwner> {
    match owner {
        SecretOwner::Repository => None,
        SecretOwner::User(user) => Some(AccountOwner::User(user)),
        SecretOwner::Tenant => Some(AccountOwner::Tenant),
    }
}

/// Why no token was found.
fn no_access(stores: &CredentialStores<'_>, owner: SecretOwner, id: Option<&str>, purpose: Purpose) -> NoAccess {
    if stores.is_withheld(owner, id, purpose) { NoAccess::NotForHost } else { NoAccess::NoToken }
}

fn needed(owner: SecretOwner, template: bool) -> AccountsNeeded {
    match owner {
        SecretOwner::Repository => AccountsNeeded { global: template, ..AccountsNeeded::default() },
        SecretOwner::User(user) => AccountsNeeded { users: [user].into(), global: false },
        SecretOwner::Tenant => AccountsNeeded { global: true, ..AccountsNeeded::default() },
    }
}
