//! Projects and their deploy keys at a provider, made, changed and removed for their product.

use crate::call::{Caller, unsupported};
use crate::error::ProviderError;
use crate::fault::Fault;
use crate::hooks::{HookSpec, ProviderHook};
use crate::meta::Visibility;
use crate::providers::{Providers, QUESTION_TIMEOUT, in_time};
use crate::target::{Answered, Target};
use crate::{github, gitlab};
use repoplane_domain::credential::GitAccess;
use repoplane_domain::repository::Provider;

/// Deploy keys of one project that are read.
pub const MAX_DEPLOY_KEYS: usize = 300;
/// Deploy keys on a page of the list.
pub(crate) const KEY_PAGE: usize = 100;

/// The group, organisation or account in which projects are made.
#[derive(Debug, Clone, Copy)]
pub struct Home<'a> {
    /// Whose service it is.
    pub provider: Provider,
    /// GitHub's REST base or GitLab's site root; without it the public service is asked.
    pub api_base_url: Option<&'a str>,
    /// GitLab's full path of the group, GitHub's name of the organisation or account.
    pub owner: &'a str,
}

impl<'a> Home<'a> {
    /// A project by the number that the provider gave it.
    pub fn project<'b>(&self, id: &'b str) -> Target<'b>
    where
        'a: 'b,
    {
        Target { provider: self.provider, api_base_url: self.api_base_url, identity: id, remote_url: None }
    }
}

/// What a [`Home`] turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OwnerKind {
    /// A GitLab group.
    Group,
    /// A GitHub organisation.
    Organisation,
    /// The account of whoever calls.
    Account,
}

/// The owner of projects, as the provider has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectOwner {
    /// The number that it keeps when it is renamed.
    pub id: u64,
    /// Its path or name as the provider writes it.
    pub path: String,
    /// What it is.
    pub kind: OwnerKind,
}

/// What a project shall be. What is `None` stays as it is, and for a new project is the provider's default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProjectSpec {
    /// The last part of its address; it is set once, when the project is made.
    pub path: String,
    /// What people read. GitHub has no such name and ignores it.
    pub name: Option<String>,
    /// Who can see it.
    pub visibility: Option<Visibility>,
    /// What it is for.
    pub description: Option<String>,
}

/// A project as the provider has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderProject {
    /// The number that it keeps when it is renamed or moved.
    pub id: u64,
    /// What people read; the path at GitHub.
    pub name: String,
    /// The last part of its address.
    pub path: String,
    /// GitHub's `owner/repo`, GitLab's path with its groups.
    pub full_name: String,
    /// Who can see it.
    pub visibility: Visibility,
    /// What it is for, letter by letter, so that it can be put back; empty when that is not said.
    pub description: String,
    /// Where Git finds it over ssh.
    pub ssh_url: String,
    /// Where Git finds it over https.
    pub http_url: String,
    /// Whether it is deleted already and only kept for a while (GitLab REST: `marked_for_deletion_on`).
    pub is_being_deleted: bool,
}

/// A deploy key that shall be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeployKeySpec {
    /// What it is called.
    pub title: String,
    /// The public part in OpenSSH's one-line form.
    pub key: String,
    /// Whether who holds the private part may push.
    pub can_push: bool,
}

/// A deploy key as the provider has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeployKey {
    /// The provider's id.
    pub id: String,
    /// What it is called.
    pub title: String,
    /// The public part in OpenSSH's one-line form; providers leave its comment out.
    pub key: String,
    /// Whether who holds the private part may push.
    pub can_push: bool,
}

/// Whether a project or a name could be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Created {
    /// It was made.
    Made(ProviderProject),
    /// Another project has the path, or another key the same text; nothing was made.
    Taken {
        /// The provider's words.
        reason: String,
    },
}

impl Providers {
    /// Who owns the projects of a home.
    ///
    /// # Errors
    /// [`ProviderError`]; [`Fault::NotFound`] when there is no such owner or it is not shown,
    /// [`Fault::Unusable`] for a GitHub account that is not the caller's.
    pub async fn project_owner(
        &self,
        home: &Home<'_>,
        access: &GitAccess,
    ) -> Result<Answered<ProjectOwner>, ProviderError> {
        let question = async {
            let caller = self.at(home, access)?;
            let owner = match home.provider {
                Provider::Github => github::provision::owner(&caller, home.owner, access).await?,
                Provider::Gitlab | Provider::Git => gitlab::provision::owner(&caller, home.owner).await?,
            };
            Ok(caller.answered(owner))
        };
        in_time(home.provider, QUESTION_TIMEOUT, question).await
    }

    /// The project of this path in a home; `None` when there is none or it is not shown.
    ///
    /// # Errors
    /// [`ProviderError`] when the provider does not answer as documented.
    pub async fn find_project(
        &self,
        home: &Home<'_>,
        access: &GitAccess,
        path: &str,
    ) -> Result<Answered<Option<ProviderProject>>, ProviderError> {
        let question = async {
            let caller = self.at(home, access)?;
            let found = match home.provider {
                Provider::Github => github::provision::find(&caller, home.owner, path).await,
                Provider::Gitlab | Provider::Git => gitlab::provision::find(&caller, home.owner, path).await,
            };
            Ok(caller.answered(absent_or(found)?))
        };
        in_time(home.provider, QUESTION_TIMEOUT, question).await
    }

    /// The project of this number; `None` when it is gone or not shown any more.
    ///
    /// # Errors
    /// [`ProviderError`] when the provider does not answer as documented.
    pub async fn project(
        &self,
        home: &Home<'_>,
        access: &GitAccess,
        id: u64,
    ) -> Result<Answered<Option<ProviderProject>>, ProviderError> {
        let question = async {
            let caller = self.at(home, access)?;
            let found = match home.provider {
                Provider::Github => github::provision::show(&caller, id).await,
                Provider::Gitlab | Provider::Git => gitlab::provision::show(&caller, id).await,
            };
            Ok(caller.answered(absent_or(found)?))
        };
        in_time(home.provider, QUESTION_TIMEOUT, question).await
    }

    /// Makes a project without any commit. It is not tried a second time: a project may stand although its answer was lost.
    ///
    /// # Errors
    /// [`ProviderError`]; [`Fault::Refused`] for what the provider does not take, but for a path that is taken.
    pub async fn create_project(
        &self,
        home: &Home<'_>,
        access: &GitAccess,
        owner: &ProjectOwner,
        spec: &ProjectSpec,
    ) -> Result<Answered<Created>, ProviderError> {
        let question = async {
            let caller = self.at(home, access)?;
            let made = match home.provider {
                Provider::Github => github::provision::create(&caller, owner, spec).await,
                Provider::Gitlab | Provider::Git => gitlab::provision::create(&caller, owner, spec).await,
            };
            Ok(caller.answered(match made {
                Ok(project) => Created::Made(project),
                Err(error) => Created::Taken { reason: taken(&error).ok_or(error)? },
            }))
        };
        in_time(home.provider, QUESTION_TIMEOUT, question).await
    }

    /// Changes name, visibility and description of a project, as far as the specification says them.
    ///
    /// # Errors
    /// [`ProviderError`]; [`Fault::NotFound`] when it is gone.
    pub async fn edit_project(
        &self,
        home: &Home<'_>,
        access: &GitAccess,
        id: u64,
        spec: &ProjectSpec,
    ) -> Result<Answered<ProviderProject>, ProviderError> {
        let question = async {
            let caller = self.at(home, access)?;
            let project = match home.provider {
                Provider::Github => github::provision::edit(&caller, id, spec).await?,
                Provider::Gitlab | Provider::Git => gitlab::provision::edit(&caller, id, spec).await?,
            };
            Ok(caller.answered(project))
        };
        in_time(home.provider, QUESTION_TIMEOUT, question).await
    }

    /// Deletes a project with all that is in it. That it is gone already is as good.
    ///
    /// # Errors
    /// [`ProviderError`] when the provider does not answer as documented.
    pub async fn delete_project(
        &self,
        home: &Home<'_>,
        access: &GitAccess,
        id: u64,
    ) -> Result<Answered<()>, ProviderError> {
        let question = async {
            let caller = self.at(home, access)?;
            let ended = match home.provider {
                Provider::Github => github::provision::delete(&caller, id).await,
                Provider::Gitlab | Provider::Git => gitlab::provision::delete(&caller, id).await,
            };
            absent_or(ended.map(Some))?;
            Ok(caller.answered(()))
        };
        in_time(home.provider, QUESTION_TIMEOUT, question).await
    }

    /// The deploy keys of a project, at most [`MAX_DEPLOY_KEYS`].
    ///
    /// # Errors
    /// [`ProviderError`] when the provider does not answer as documented.
    pub async fn deploy_keys(
        &self,
        home: &Home<'_>,
        access: &GitAccess,
        id: u64,
    ) -> Result<Answered<Vec<DeployKey>>, ProviderError> {
        let question = async {
            let caller = self.at(home, access)?;
            let keys = match home.provider {
                Provider::Github => github::provision::keys(&caller, id).await?,
                Provider::Gitlab | Provider::Git => gitlab::provision::keys(&caller, id).await?,
            };
            Ok(caller.answered(keys))
        };
        in_time(home.provider, QUESTION_TIMEOUT, question).await
    }

    /// Adds a deploy key.
    ///
    /// # Errors
    /// [`ProviderError`]; [`Fault::Refused`] for a key that is in use already.
    pub async fn add_deploy_key(
        &self,
        home: &Home<'_>,
        access: &GitAccess,
        id: u64,
        spec: &DeployKeySpec,
    ) -> Result<Answered<DeployKey>, ProviderError> {
        let question = async {
            let caller = self.at(home, access)?;
            let key = match home.provider {
                Provider::Github => github::provision::add_key(&caller, id, spec).await?,
                Provider::Gitlab | Provider::Git => gitlab::provision::add_key(&caller, id, spec).await?,
            };
            Ok(caller.answered(key))
        };
        in_time(home.provider, QUESTION_TIMEOUT, question).await
    }

    /// Removes a deploy key. That it, or its project, is gone already is as good.
    ///
    /// # Errors
    /// [`ProviderError`] when the provider does not answer as documented.
    pub async fn delete_deploy_key(
        &self,
        home: &Home<'_>,
        access: &GitAccess,
        id: u64,
        key: &str,
    ) -> Result<Answered<()>, ProviderError> {
        let question = async {
            let caller = self.at(home, access)?;
            let ended = match home.provider {
                Provider::Github => github::provision::delete_key(&caller, id, key).await,
                Provider::Gitlab | Provider::Git => gitlab::provision::delete_key(&caller, id, key).await,
            };
            absent_or(ended.map(Some))?;
            Ok(caller.answered(()))
        };
        in_time(home.provider, QUESTION_TIMEOUT, question).await
    }

    /// Removes a hook. That it, or its project, is gone already is as good.
    ///
    /// # Errors
    /// [`ProviderError`] when the provider does not answer as documented.
    pub async fn drop_hook(
        &self,
        home: &Home<'_>,
        access: &GitAccess,
        id: u64,
        hook: &str,
    ) -> Result<(), ProviderError> {
        let id = id.to_string();
        absent_or(self.delete_hook(&home.project(&id), access, hook).await.map(|_gone| Some(()))).map(|_gone| ())
    }

    /// Makes the one hook of a project that posts to the specification's address what the specification says. `known` is
    /// the id under which it was made before; a hook that is gone is made anew.
    ///
    /// # Errors
    /// [`ProviderError`] when the provider does not answer as documented.
    pub async fn write_project_hook(
        &self,
        home: &Home<'_>,
        access: &GitAccess,
        id: u64,
        (known, spec): (Option<&str>, &HookSpec),
    ) -> Result<ProviderHook, ProviderError> {
        let id = id.to_string();
        let target = home.project(&id);
        if let Some(known) = known {
            let updated = self.update_hook(&target, access, known, spec).await.map(|hook| Some(hook.value));
            if let Some(hook) = absent_or(updated)? {
                return Ok(hook);
            }
        }
        Ok(self.create_hook(&target, access, spec).await?.value)
    }

    /// A caller of the home's API; a plain Git remote has none.
    fn at<'a>(&'a self, home: &Home<'_>, access: &'a GitAccess) -> Result<Caller<'a>, ProviderError> {
        match home.provider {
            Provider::Github => github::caller(self, home.api_base_url, access),
            Provider::Gitlab => gitlab::caller(self, home.api_base_url, access),
            Provider::Git => Err(unsupported(home.provider)),
        }
    }
}

/// That something is not there is an answer.
fn absent_or<T>(found: Result<Option<T>, ProviderError>) -> Result<Option<T>, ProviderError> {
    match found {
        Err(error) if error.fault() == Fault::NotFound => Ok(None),
        found => found,
    }
}

/// The provider's words when it refuses because the path is another project's (GitLab: `has already been taken`;
/// GitHub: `name already exists on this account`).
fn taken(error: &ProviderError) -> Option<String> {
    let Fault::Refused { reason } = error.fault() else { return None };
    let words = reason.to_ascii_lowercase();
    ["already been taken", "already exists"].iter().any(|known| words.contains(known)).then_some(reason)
}
