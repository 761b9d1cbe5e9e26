//! Taking back what a call that was not finished did at a provider, in reverse order. All of it may be done twice.

use crate::egress::EgressError;
use crate::error::ProviderError;
use crate::fault::Fault;
use crate::hooks::HookSpec;
use crate::meta::Visibility;
use crate::providers::Providers;
use crate::provision::{Home, ProjectSpec};
use repoplane_domain::credential::GitAccess;
use repoplane_domain::product;
use repoplane_domain::provisioning::{Intent, KnownHook, ProjectBefore, ProjectTrail, key_title};
use repoplane_domain::repository::Provider;
use std::fmt;

/// A part of what is done at a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The project itself.
    Project,
    /// Its deploy keys.
    DeployKeys,
    /// Its webhook.
    Hook,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Project => "project",
            Self::DeployKeys => "deploy keys",
            Self::Hook => "webhook",
        })
    }
}

/// What could not be taken back.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the {step} could not be put back: {error}")]
pub struct NotTakenBack {
    /// What stayed.
    pub step: Step,
    /// Why.
    #[source]
    pub error: ProviderError,
}

impl NotTakenBack {
    /// What stayed could not be found out in time.
    pub fn untold(provider: Provider) -> Self {
        let source = EgressError::Timeout { host: "the provider".to_owned() };
        Self { step: Step::Project, error: ProviderError::network(provider, source) }
    }
}

/// The registry's webhook of a repository, as a project may have it.
#[derive(Debug, Clone, Copy)]
pub struct OurHook<'a> {
    /// The end of every address at which the registry takes posts for the repository.
    pub path: &'a str,
    /// What the hook was before, for one that was there.
    pub before: Option<&'a HookSpec>,
}

impl Providers {
    /// Takes back what an intent's trail says. What is gone already needs no taking back.
    ///
    /// # Errors
    /// Every part that stayed; the others were taken back.
    pub async fn take_back(
        &self,
        home: &Home<'_>,
        access: &GitAccess,
        intent: &Intent,
        hook: OurHook<'_>,
    ) -> Result<(), Vec<NotTakenBack>> {
        let failed = |step| move |error| vec![NotTakenBack { step, error }];
        match &intent.trail.project {
            ProjectTrail::Untouched => Ok(()),
            ProjectTrail::Making => {
                let found = self.find_project(home, access, &intent.name).await.map_err(failed(Step::Project))?.value;
                // Another's project may have come to the same path meanwhile.
                let Some(made) = found.filter(|project| project.description == intent.mark()) else { return Ok(()) };
                self.delete_project(home, access, made.id).await.map_err(failed(Step::Project))?;
                Ok(())
            }
            ProjectTrail::Made { id } => {
                self.delete_project(home, access, *id).await.map_err(failed(Step::Project))?;
                Ok(())
            }
            ProjectTrail::Changing { id, before } => {
                let known = intent.trail.known_hook.as_ref();
                let results = [
                    (Step::Hook, self.take_back_hook(home, access, *id, (known, hook)).await),
                    (Step::DeployKeys, self.take_back_keys(home, access, *id, intent).await),
                    (Step::Project, self.take_back_change(home, access, *id, before).await),
                ];
                let failed = results.into_iter().filter_map(|(step, done)| Some((step, done.err()?)));
                // A project that is gone has nothing that could be put back.
                let failed = failed.filter(|(_, error)| error.fault() != Fault::NotFound);
                let failed: Vec<_> = failed.map(|(step, error)| NotTakenBack { step, error }).collect();
                if failed.is_empty() { Ok(()) } else { Err(failed) }
            }
        }
    }

    /// Takes keys and hook of a repository away that is not registered any more; its project stays.
    ///
    /// # Errors
    /// As [`Self::take_back`].
    pub async fn clear_project(
        &self,
        home: &Home<'_>,
        access: &GitAccess,
        (id, intent): (u64, &Intent),
        hook_path: &str,
    ) -> Result<(), Vec<NotTakenBack>> {
        let hook = OurHook { path: hook_path, before: None };
        let results = [
            (Step::Hook, self.take_back_hook(home, access, id, (None, hook)).await),
            (Step::DeployKeys, self.take_back_keys(home, access, id, intent).await),
        ];
        let failed = results.into_iter().filter_map(|(step, done)| Some((step, done.err()?)));
        let failed = failed.filter(|(_, error)| error.fault() != Fault::NotFound);
        let failed: Vec<_> = failed.map(|(step, error)| NotTakenBack { step, error }).collect();
        if failed.is_empty() { Ok(()) } else { Err(failed) }
    }

    async fn take_back_hook(
        &self,
        home: &Home<'_>,
        access: &GitAccess,
        id: u64,
        (known, hook): (Option<&KnownHook>, OurHook<'_>),
    ) -> Result<(), ProviderError> {
        let text = id.to_string();
        let target = home.project(&text);
        let listed = self.list_hooks(&target, access).await?.value;
        for found in listed.iter().filter(|found| found.url.ends_with(hook.path)) {
            match (known.filter(|known| known.id == found.id), hook.before) {
                (Some(known), Some(spec)) => {
                    let spec = HookSpec { events: known.events.clone(), ..spec.clone() };
                    self.update_hook(&target, access, &found.id, &spec).await?;
                }
                (Some(_), None) => {}
                (None, _) => self.drop_hook(home, access, id, &found.id).await?,
            }
        }
        Ok(())
    }

    async fn take_back_keys(
        &self,
        home: &Home<'_>,
        access: &GitAccess,
        id: u64,
        intent: &Intent,
    ) -> Result<(), ProviderError> {
        let titles = [false, true].map(|can_push| key_title(intent.number, can_push));
        let keys = self.deploy_keys(home, access, id).await?.value;
        let ours = keys.iter().filter(|key| titles.contains(&key.title) && !intent.trail.known_keys.contains(&key.id));
        for key in ours {
            self.delete_deploy_key(home, access, id, &key.id).await?;
        }
        Ok(())
    }

    async fn take_back_change(
        &self,
        home: &Home<'_>,
        access: &GitAccess,
        id: u64,
        before: &ProjectBefore,
    ) -> Result<(), ProviderError> {
        let spec = ProjectSpec {
            path: String::new(),
            name: Some(before.name.clone()),
            visibility: before.visibility.map(Visibility::from),
            description: Some(before.description.clone()),
        };
        self.edit_project(home, access, id, &spec).await.map(|_as_before| ())
    }
}

impl From<product::Visibility> for Visibility {
    fn from(visibility: product::Visibility) -> Self {
        match visibility {
            product::Visibility::Public => Self::Public,
            product::Visibility::Internal => Self::Internal,
            product::Visibility::Private => Self::Private,
        }
    }
}

impl Visibility {
    /// As the registry keeps it; `None` when the provider does not tell.
    pub fn kept(self) -> Option<product::Visibility> {
        match self {
            Self::Public => Some(product::Visibility::Public),
            Self::Internal => Some(product::Visibility::Internal),
            Self::Private => Some(product::Visibility::Private),
            Self::Unknown => None,
        }
    }
}
