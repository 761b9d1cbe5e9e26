//! From a source to one git token or model key: which profile it is, and where its value is kept.

use super::{
    AccountProfiles, CredentialProfiles, GitAccess, GitProfile, GitTokenKind, GithubApp, ModelProfile, ProfileSet,
    Purpose, RepositoryUrl, SecretName, SecretOwner, SecretRef, Site,
};
use crate::id::UserId;
use crate::repository::Provider;
use crate::robot::ModelProvider;
use crate::secret::Secret;
use std::collections::BTreeMap;

/// Where the profiles for one repository's calls are looked up. A store that was not read holds nothing.
#[derive(Debug, Clone, Copy)]
pub struct CredentialStores<'a> {
    /// The repository's provider: of an account only the Git profiles for it are looked at.
    pub provider: Provider,
    /// Where the repository lies, which decides on the tenant's templates.
    pub url: Option<&'a RepositoryUrl>,
    /// The site that the repository's calls go to, which decides whose tokens may follow.
    pub site: Option<&'a Site>,
    /// Profiles of the repository.
    pub repo: &'a CredentialProfiles,
    /// Profiles of the accounts of those users that matter. Nobody's profile is ever taken for another's.
    pub users: &'a BTreeMap<UserId, AccountProfiles>,
    /// Profiles of the tenant.
    pub global: Option<&'a AccountProfiles>,
}

impl<'a> CredentialStores<'a> {
    /// The Git profile to use, with its owner: a repository without Git profiles falls to the tenant's template for it,
    /// unless a profile is named. Tokens of accounts and of the tenant follow only where they are meant to go.
    pub fn git_profile(
        &self,
        owner: SecretOwner,
        id: Option<&str>,
        purpose: Purpose,
    ) -> Option<(SecretOwner, &'a GitProfile)> {
        let profile = match owner {
            SecretOwner::Repository => {
                let own = &self.repo.repo_provider;
                if own.profiles.is_empty() && id.is_none() {
                    return self.template(purpose).map(|template| (SecretOwner::Tenant, template));
                }
                own.pick_for(purpose, id)
            }
            SecretOwner::User(_) | SecretOwner::Tenant => {
                let follows = |profile: &GitProfile| profile.may_follow(self.provider, self.url, self.site);
                self.account(owner)?.pick_among(purpose, id, follows)
            }
        };
        profile.map(|profile| (owner, profile))
    }

    /// Whether an account has a profile to use, but none whose token may follow to where the repository is.
    pub fn is_withheld(&self, owner: SecretOwner, id: Option<&str>, purpose: Purpose) -> bool {
        let any = self.account(owner).and_then(|set| set.pick_for(purpose, id));
        any.is_some() && self.git_profile(owner, id, purpose).is_none()
    }

    /// The Git profiles of an account for the provider.
    fn account(&self, owner: SecretOwner) -> Option<&'a ProfileSet<GitProfile>> {
        match owner {
            SecretOwner::Repository => None,
            SecretOwner::User(user) => self.users.get(&user)?.git(self.provider),
            SecretOwner::Tenant => self.global?.git(self.provider),
        }
    }

    /// The tenant's template for the repository, when it has no Git profiles of its own.
    pub fn template(&self, purpose: Purpose) -> Option<&'a GitProfile> {
        if !self.repo.repo_provider.profiles.is_empty() {
            return None;
        }
        self.global?.git(self.provider)?.template_for(self.url?, purpose)
    }

    /// The git token to use; `None` when there is no such profile or it has no token.
    pub fn git_token(&self, owner: SecretOwner, id: Option<&str>, purpose: Purpose) -> Option<GitTokenRef> {
        let (owner, profile) = self.git_profile(owner, id, purpose)?;
        GitTokenRef::of(owner, self.provider, profile)
    }

    /// The model profile to use: an explicit id must exist; without one the default, else the first.
    pub fn model_profile(
        &self,
        owner: SecretOwner,
        provider: ModelProvider,
        id: Option<&str>,
    ) -> Option<&'a ModelProfile> {
        match owner {
            SecretOwner::Repository => self.repo.pick_model(provider, id),
            SecretOwner::User(user) => self.users.get(&user)?.pick_model(provider, id),
            SecretOwner::Tenant => self.global?.pick_model(provider, id),
        }
    }

    /// The model key to use; `None` when there is no such profile or it has no key.
    pub fn model_key(&self, owner: SecretOwner, provider: ModelProvider, id: Option<&str>) -> Option<ModelKeyRef> {
        let profile = self.model_profile(owner, provider, id).filter(|profile| profile.has_api_key)?;
        let key = SecretRef { owner, name: SecretName::model(provider, &profile.id) };
        Some(ModelKeyRef { key, api_base_url: profile.api_base_url.clone() })
    }
}

/// Where a git token is, and what it is used as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitTokenRef {
    /// The token, or the app's private key.
    pub secret: SecretRef,
    /// Git user name, where one is set.
    pub username: Option<String>,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Token(GitTokenKind),
    App { app_id: u64, installation_id: u64 },
}

impl GitTokenRef {
    /// A personal token.
    pub(crate) fn personal(secret: SecretRef, username: Option<String>) -> Self {
        Self { secret, username, kind: Kind::Token(GitTokenKind::Personal) }
    }

    fn of(owner: SecretOwner, provider: Provider, profile: &GitProfile) -> Option<Self> {
        if !profile.has_token {
            return None;
        }
        let name = match owner {
            SecretOwner::Repository => SecretName::git(&profile.id),
            SecretOwner::User(_) | SecretOwner::Tenant => SecretName::account_git(provider, &profile.id),
        };
        let kind = match profile.token_kind {
            GitTokenKind::GithubApp => Kind::App { app_id: profile.app_id?, installation_id: profile.installation_id? },
            kind @ (GitTokenKind::Personal | GitTokenKind::Project | GitTokenKind::Group | GitTokenKind::Deploy) => {
                Kind::Token(kind)
            }
        };
        Some(Self { secret: SecretRef { owner, name }, username: profile.clone_username.clone(), kind })
    }

    /// Whether the value is an app's private key, which is never sent anywhere.
    pub fn is_app(&self) -> bool {
        matches!(self.kind, Kind::App { .. })
    }

    /// How a call identifies itself, with the value at hand.
    pub fn access(&self, value: Secret) -> GitAccess {
        match self.kind {
            Kind::Token(kind) => GitAccess::Token { kind, username: self.username.clone(), token: value },
            Kind::App { app_id, installation_id } => {
                GitAccess::App(GithubApp { app_id, installation_id, private_key: value })
            }
        }
    }
}

/// Where a model key is and which address it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelKeyRef {
    /// The key.
    pub key: SecretRef,
    /// Address beside the key; the provider's usual one without.
    pub api_base_url: Option<String>,
}
