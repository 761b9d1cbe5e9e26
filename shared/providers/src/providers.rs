//! What the functions ask of providers, on one egress client.

use crate::activity::{Activity, ActivityPages};
use crate::call::{Caller, unsupported};
use crate::egress::{Egress, EgressError};
use crate::error::{ProviderError, Service};
use crate::git::{RemoteRefs, Verified, VerifyError};
use crate::github::app::Installations;
use crate::hooks::{HookSpec, ProviderHook};
use crate::listing::RepositoryPage;
use crate::meta::Meta;
use crate::models::ModelList;
use crate::target::{Answered, Target};
use crate::token_test::TokenReport;
use crate::walk::{BranchHead, WALK_TIMEOUT};
use crate::{git, github, gitlab, models};
use repoplane_domain::access::NetworkSettings;
use repoplane_domain::credential::{GitAccess, GitTokenKind};
use repoplane_domain::package::SpecTree;
use repoplane_domain::repository::Provider;
use repoplane_domain::robot::ModelProvider;
use repoplane_domain::secret::Secret;
use repoplane_domain::skill::WalkedTree;
use repoplane_domain::trusted_host::TrustedHosts;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Longest time of one question to a provider, which may take several calls: the HTTP API ends a request after 30 s.
pub const QUESTION_TIMEOUT: Duration = Duration::from_secs(20);

/// Every provider behind one guarded client. Cheap to clone; clones share connections and caches.
///
/// Every question ends after [`QUESTION_TIMEOUT`] with [`crate::Fault::Unavailable`], a walk after [`WALK_TIMEOUT`].
#[derive(Debug, Clone)]
pub struct Providers {
    pub(crate) egress: Egress,
    pub(crate) installations: Arc<Installations>,
    /// Where the packs of plain Git remotes are kept while they are walked; `None` is the system's place for such.
    pub(crate) scratch: Option<Arc<Path>>,
}

impl Providers {
    /// All providers, called through `egress`.
    pub fn new(egress: Egress) -> Self {
        Self { egress, installations: Arc::default(), scratch: None }
    }

    /// The same, which keeps what a walk needs for a while in this directory rather than the system's temporary one.
    #[must_use]
    pub fn with_scratch(self, directory: &Path) -> Self {
        Self { scratch: Some(directory.into()), ..self }
    }

    /// The same for the calls of one tenant, which may also reach and trust what its settings name.
    #[must_use]
    pub fn for_tenant(&self, network: &NetworkSettings) -> Self {
        Self { egress: self.egress.for_tenant(network), ..self.clone() }
    }

    /// The same, which takes these hosts of plain Git remotes for the ones that are meant.
    #[must_use]
    pub fn trusting(&self, hosts: &TrustedHosts) -> Self {
        Self { egress: self.egress.trusting(hosts), ..self.clone() }
    }

    /// Whether a remote can be read, whoever its provider is: see [`git::verify_remote`].
    ///
    /// # Errors
    /// [`VerifyError`], one for each thing that a caller can do about it.
    pub async fn verify(
        &self,
        remote: &str,
        access: &GitAccess,
        trusted: &TrustedHosts,
    ) -> Result<Verified, VerifyError> {
        git::verify_remote(&self.egress, remote, access, trusted).await
    }

    /// What the provider tells about a repository. A plain Git remote and a GitLab deploy token are answered over Git.
    ///
    /// The provider is asked every time: an answer that is kept is given only after it said that it still holds.
    ///
    /// # Errors
    /// [`ProviderError`] when the provider does not answer as documented.
    pub async fn meta(&self, target: &Target<'_>, access: &GitAccess) -> Result<Answered<Meta>, ProviderError> {
        let question = async {
            match target.provider {
                Provider::Github => {
                    let caller = github::caller(self, target.api_base_url, access)?.revalidating();
                    Ok(caller.answered(github::meta(&caller, target.identity).await?))
                }
                Provider::Gitlab if is_deploy_token(access) => {
                    let remote = gitlab::clone_url(target)?;
                    git::meta(&self.egress, target.provider, &remote, access).await
                }
                Provider::Gitlab => {
                    let caller = gitlab::caller(self, target.api_base_url, access)?.revalidating();
                    Ok(caller.answered(gitlab::meta(&caller, target.identity).await?))
                }
                Provider::Git => git::meta(&self.egress, target.provider, target.remote()?, access).await,
            }
        };
        in_time(target.provider, QUESTION_TIMEOUT, question).await
    }

    /// Branches and HEAD of a remote, over Git's protocol: inside https or ssh, or bare.
    ///
    /// # Errors
    /// [`ProviderError`]; [`crate::Fault::Untrusted`] also for an ssh host that nobody has trusted.
    pub async fn ls_remote(&self, remote: &str, access: &GitAccess) -> Result<Answered<RemoteRefs>, ProviderError> {
        in_time(Provider::Git, QUESTION_TIMEOUT, git::ls_remote(&self.egress, Provider::Git, remote, access)).await
    }

    /// The newest commit of a branch, or of the default branch: the cheapest question whose answer tells whether anything
    /// changed. It is one call, and one more where GitHub knows the repository by its number or a plain Git remote speaks
    /// the second version of its protocol.
    ///
    /// # Errors
    /// [`ProviderError`]; [`crate::Fault::NoBranch`] and [`crate::Fault::NoCommits`] only of a repository that is there.
    pub async fn branch_head(
        &self,
        target: &Target<'_>,
        access: &GitAccess,
        branch: Option<&str>,
    ) -> Result<Answered<BranchHead>, ProviderError> {
        let question = async {
            match target.provider {
                Provider::Github => {
                    let caller = github::caller(self, target.api_base_url, access)?.revalidating();
                    Ok(caller.answered(github::tree::head(&caller, target.identity, branch).await?))
                }
                Provider::Gitlab if is_deploy_token(access) => {
                    let remote = gitlab::clone_url(target)?;
                    git::head(&self.egress, target.provider, &remote, access, branch).await
                }
                Provider::Gitlab => {
                    let caller = gitlab::caller(self, target.api_base_url, access)?.revalidating();
                    Ok(caller.answered(gitlab::tree::head(&caller, target.identity, branch).await?))
                }
                Provider::Git => git::head(&self.egress, target.provider, target.remote()?, access, branch).await,
            }
        };
        in_time(target.provider, QUESTION_TIMEOUT, question).await
    }

    /// Everything that a catalogue of skills needs of one commit. It ends after [`WALK_TIMEOUT`].
    ///
    /// # Errors
    /// [`ProviderError`]; [`crate::Fault::Moved`] when the commit is not given any more, [`crate::Fault::TooLarge`] when
    /// there is more than is read.
    pub async fn walk(
        &self,
        target: &Target<'_>,
        access: &GitAccess,
        head: &BranchHead,
    ) -> Result<Answered<WalkedTree>, ProviderError> {
        let question = async {
            match target.provider {
                Provider::Github => {
                    let caller = github::caller(self, target.api_base_url, access)?;
                    Ok(caller.answered(github::tree::walk(&caller, target.identity, head).await?))
                }
                Provider::Gitlab if is_deploy_token(access) => {
                    let remote = gitlab::clone_url(target)?;
                    git::walk(self, target.provider, &remote, access, head).await
                }
                Provider::Gitlab => {
                    let caller = gitlab::caller(self, target.api_base_url, access)?;
                    Ok(caller.answered(gitlab::tree::walk(&caller, target.identity, head).await?))
                }
                Provider::Git => git::walk(self, target.provider, target.remote()?, access, head).await,
            }
        };
        in_time(target.provider, WALK_TIMEOUT, question).await
    }

    /// The spec files of one commit of a plain Git remote, in its root and in `SPECS/`. It ends after [`WALK_TIMEOUT`].
    ///
    /// # Errors
    /// As [`Self::walk`].
    pub async fn specs(
        &self,
        remote: &str,
        access: &GitAccess,
        head: &BranchHead,
    ) -> Result<Answered<SpecTree>, ProviderError> {
        in_time(Provider::Git, WALK_TIMEOUT, git::walk_specs(self, Provider::Git, remote, access, head)).await
    }

    /// One page each of newest commits, merged changes and issues (contract: hookcode 2.8).
    ///
    /// # Errors
    /// [`ProviderError`] when one of the three parts is not answered as documented.
    pub async fn activity(
        &self,
        target: &Target<'_>,
        access: &GitAccess,
        pages: ActivityPages,
    ) -> Result<Answered<Activity>, ProviderError> {
        let question = async {
            let caller = self.api(target, access)?.revalidating();
            let activity = match target.provider {
                Provider::Github => github::activity::read(&caller, target.identity, pages).await?,
                Provider::Gitlab | Provider::Git => gitlab::activity::read(&caller, target.identity, pages).await?,
            };
            Ok(caller.answered(activity))
        };
        in_time(target.provider, QUESTION_TIMEOUT, question).await
    }

    /// Whose access it is, and what that account may do with the repository (contract: hookcode 4.4).
    ///
    /// # Errors
    /// [`ProviderError`], whose text is the test's message; [`ProviderError::NoApi`] for a plain Git remote.
    pub async fn test_access(
        &self,
        target: &Target<'_>,
        access: &GitAccess,
    ) -> Result<Answered<TokenReport>, ProviderError> {
        if target.provider == Provider::Git {
            return Err(ProviderError::NoApi);
        }
        let question = async {
            let (caller, identity) = (self.api(target, access)?, target.identity);
            let report = match (target.provider, access) {
                (Provider::Github, GitAccess::App(app)) => {
                    github::account::of_app(self, &caller, target.api_base_url, identity, app).await?
                }
                (Provider::Github, GitAccess::Anonymous | GitAccess::Token { .. } | GitAccess::Key(_)) => {
                    github::account::of_token(&caller, identity).await?
                }
                (Provider::Gitlab | Provider::Git, _) => gitlab::account::of_token(&caller, identity).await?,
            };
            Ok(caller.answered(report))
        };
        in_time(target.provider, QUESTION_TIMEOUT, question).await
    }

    /// All hooks of a repository, at most [`crate::MAX_HOOKS`]; what their last deliveries came to is told as far as
    /// the list says it.
    ///
    /// # Errors
    /// [`ProviderError`] when the provider does not answer as documented.
    pub async fn list_hooks(
        &self,
        target: &Target<'_>,
        access: &GitAccess,
    ) -> Result<Answered<Vec<ProviderHook>>, ProviderError> {
        let question = async {
            let caller = self.api(target, access)?.revalidating();
            let hooks = match target.provider {
                Provider::Github => github::hooks::list(&caller, target.identity).await?,
                Provider::Gitlab | Provider::Git => gitlab::hooks::list(&caller, target.identity).await?,
            };
            Ok(caller.answered(hooks))
        };
        in_time(target.provider, QUESTION_TIMEOUT, question).await
    }

    /// One hook and what its last deliveries came to, as far as the provider tells it.
    ///
    /// # Errors
    /// [`ProviderError`] when the provider does not answer as documented.
    pub async fn hook(
        &self,
        target: &Target<'_>,
        access: &GitAccess,
        id: &str,
    ) -> Result<Answered<ProviderHook>, ProviderError> {
        let question = async {
            let caller = self.api(target, access)?;
            let hook = match target.provider {
                Provider::Github => github::hooks::show(&caller, target.identity, id).await?,
                Provider::Gitlab | Provider::Git => gitlab::hooks::show(&caller, target.identity, id).await?,
            };
            Ok(caller.answered(hook))
        };
        in_time(target.provider, QUESTION_TIMEOUT, question).await
    }

    /// Creates a hook. It is not tried a second time: a hook may stand although its answer was lost.
    ///
    /// # Errors
    /// [`ProviderError`]; [`crate::Fault::Refused`] when the provider does not take the hook.
    pub async fn create_hook(
        &self,
        target: &Target<'_>,
        access: &GitAccess,
        spec: &HookSpec,
    ) -> Result<Answered<ProviderHook>, ProviderError> {
        self.write_hook(target, access, None, spec).await
    }

    /// Makes a hook what the specification says.
    ///
    /// # Errors
    /// As [`Self::create_hook`].
    pub async fn update_hook(
        &self,
        target: &Target<'_>,
        access: &GitAccess,
        id: &str,
        spec: &HookSpec,
    ) -> Result<Answered<ProviderHook>, ProviderError> {
        self.write_hook(target, access, Some(id), spec).await
    }

    async fn write_hook(
        &self,
        target: &Target<'_>,
        access: &GitAccess,
        id: Option<&str>,
        spec: &HookSpec,
    ) -> Result<Answered<ProviderHook>, ProviderError> {
        let question = async {
            let (caller, identity) = (self.api(target, access)?, target.identity);
            caller.hide(&spec.secret);
            let hook = match target.provider {
                Provider::Github => github::hooks::write(&caller, identity, id, spec).await?,
                Provider::Gitlab | Provider::Git => gitlab::hooks::write(&caller, identity, id, spec).await?,
            };
            Ok(caller.answered(hook))
        };
        in_time(target.provider, QUESTION_TIMEOUT, question).await
    }

    /// Deletes a hook.
    ///
    /// # Errors
    /// [`ProviderError`]; [`crate::Fault::NotFound`] when it is gone already.
    pub async fn delete_hook(
        &self,
        target: &Target<'_>,
        access: &GitAccess,
        id: &str,
    ) -> Result<Answered<()>, ProviderError> {
        let question = async {
            let caller = self.api(target, access)?;
            match target.provider {
                Provider::Github => github::hooks::delete(&caller, target.identity, id).await?,
                Provider::Gitlab | Provider::Git => gitlab::hooks::delete(&caller, target.identity, id).await?,
            }
            Ok(caller.answered(()))
        };
        in_time(target.provider, QUESTION_TIMEOUT, question).await
    }

    /// A page of the repositories that an access can see, of all owners or of one. `cursor` is the `next` of the page
    /// before, with the same owner.
    ///
    /// # Errors
    /// [`ProviderError`]; [`crate::Fault::Unusable`] also for a cursor that no page gave.
    pub async fn list_repositories(
        &self,
        provider: Provider,
        api_base_url: Option<&str>,
        access: &GitAccess,
        owner: Option<&str>,
        cursor: Option<&str>,
    ) -> Result<Answered<RepositoryPage>, ProviderError> {
        let question = async {
            let target = Target { provider, api_base_url, identity: "", remote_url: None };
            let caller = self.api(&target, access)?;
            let owner = owner.map(str::trim).filter(|owner| !owner.is_empty());
            let page = match provider {
                Provider::Github => github::listing::page(&caller, access, owner, cursor).await?,
                Provider::Gitlab | Provider::Git => gitlab::listing::page(&caller, access, owner, cursor).await?,
            };
            Ok(caller.answered(page))
        };
        in_time(provider, QUESTION_TIMEOUT, question).await
    }

    /// The models that a key may use (contract: hookcode 2.11).
    ///
    /// # Errors
    /// [`ProviderError::ModelKeyInvalid`] when the key is refused; else [`ProviderError`].
    pub async fn models(
        &self,
        provider: ModelProvider,
        api_base_url: Option<&str>,
        key: &Secret,
    ) -> Result<Answered<ModelList>, ProviderError> {
        in_time(provider, QUESTION_TIMEOUT, models::list(&self.egress, provider, api_base_url, key)).await
    }

    /// Whether a model provider takes a key: one call, whatever the number of its models.
    ///
    /// # Errors
    /// As [`Self::models`].
    pub async fn check_model_key(
        &self,
        provider: ModelProvider,
        api_base_url: Option<&str>,
        key: &Secret,
    ) -> Result<Answered<()>, ProviderError> {
        in_time(provider, QUESTION_TIMEOUT, models::check_key(&self.egress, provider, api_base_url, key)).await
    }

    /// A caller of the provider's API; a plain Git remote has none.
    fn api<'a>(&'a self, target: &Target<'_>, access: &'a GitAccess) -> Result<Caller<'a>, ProviderError> {
        match target.provider {
            Provider::Github => github::caller(self, target.api_base_url, access),
            Provider::Gitlab => gitlab::caller(self, target.api_base_url, access),
            Provider::Git => Err(unsupported(target.provider)),
        }
    }
}

pub(crate) fn is_deploy_token(access: &GitAccess) -> bool {
    matches!(access, GitAccess::Token { kind: GitTokenKind::Deploy, .. })
}

pub(crate) async fn in_time<T>(
    service: impl Into<Service>,
    limit: Duration,
    question: impl Future<Output = Result<T, ProviderError>>,
) -> Result<T, ProviderError> {
    tokio::time::timeout(limit, question).await.unwrap_or_else(|_| {
        Err(ProviderError::network(service, EgressError::Timeout { host: "the provider".to_owned() }))
    })
}
