//! Making a project, or changing the one that is there, and getting it ready to be registered.

use crate::failed::{Failed, Why, at};
use crate::{FORWARD_TIMEOUT, Provisioner, Reached, home_of};
use repoplane_domain::credential::{SecretEdit, SecretName};
use repoplane_domain::id::{RepositoryId, TenantId, UserId};
use repoplane_domain::product::{Visibility, product_of};
use repoplane_domain::provisioning::{
    INTENT_LEASE, Intent, KnownHook, ProjectBefore, ProjectHome, ProjectTrail, Provisioned, Purpose, Trail, key_title,
};
use repoplane_domain::repository::{WantedHook, webhook_path_of};
use repoplane_domain::time::Timestamp;
use repoplane_providers::{
    Created, DeployKey, DeployKeySpec, HookSpec, ProjectSpec, ProviderHook, ProviderProject, Step, new_deploy_key,
};
use repoplane_store::{DecisionSet, StoreError};
use std::collections::BTreeSet;
use tokio::time::Instant;

/// What a project shall be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Whose.
    pub tenant: TenantId,
    /// Who asks for it.
    pub user: UserId,
    /// Where it is made.
    pub home: ProjectHome,
    /// The repository's namespace.
    pub namespace: String,
    /// The repository's name, which is the path of the project.
    pub name: String,
    /// What people read; stays as it is, or is the path, without.
    pub display_name: Option<String>,
    /// Who may see it; stays as it is, or is the provider's default, without.
    pub visibility: Option<Visibility>,
    /// What it is for; stays as it is without.
    pub description: Option<String>,
    /// What its webhook is to send, in the provider's words; without any there is no hook.
    pub events: BTreeSet<String>,
}

/// A project that only has to be registered. Until then it is kept in mind; who does not register it gives it to
/// [`Provisioner::abandon`].
#[derive(Debug)]
pub struct Ready {
    /// What the registering transaction must settle.
    pub intent: Intent,
    /// The repository as it was when the name was got; absent for a new one.
    pub known: Option<DecisionSet>,
    /// What the registry keeps of the project.
    pub provisioned: Provisioned,
    /// The project as the provider has it now.
    pub project: ProviderProject,
    /// Private parts of new deploy keys, for the repository's secret document.
    pub secrets: Vec<SecretEdit>,
}

/// What is known before anything is changed.
struct Found {
    project: ProviderProject,
    keys: Vec<DeployKey>,
    hook: Option<ProviderHook>,
}

impl Provisioner {
    /// Makes the project or changes the one that is there: project, deploy keys, webhook. The
    /// repository of the name is looked up again once no other call is at the name.
    ///
    /// # Errors
    /// [`Failed`]; what was done at the provider is taken back by then, as far as [`Failed::left`] does not name it.
    pub async fn save(&self, wanted: &Wanted, now: Timestamp) -> Result<Ready, Failed> {
        let deadline = Instant::now() + FORWARD_TIMEOUT;
        let reached = self.reach(wanted.tenant, &wanted.home).await?;
        let (mut intent, known) = self.begin_save(wanted, now, deadline).await?;
        let steps = self.steps(wanted, &reached, &mut intent, known.as_ref(), now);
        let done = tokio::time::timeout_at(deadline, steps).await.unwrap_or(Err(Why::Timeout));
        match done {
            Ok((provisioned, project, secrets)) => Ok(Ready { intent, known, provisioned, project, secrets }),
            Err(why) => Err(Failed { why, left: self.abandon(&intent, now).await }),
        }
    }

    /// Gets the name, for the repository that has it then or for a new one.
    async fn begin_save(
        &self,
        wanted: &Wanted,
        now: Timestamp,
        deadline: Instant,
    ) -> Result<(Intent, Option<DecisionSet>), Failed> {
        let mut seen = self.lookup(wanted).await?;
        let mut reserved = None;
        loop {
            let (repository, number) = match (&seen, reserved) {
                (Some(set), _) => (set.repository.id, set.repository.number),
                (None, Some(reserved)) => reserved,
                (None, None) => *reserved.insert(self.store.reserve_repository(wanted.tenant, now).await?),
            };
            let intent = self.begin(new_intent(wanted, repository, number, now), now, deadline).await?;
            let current = self.lookup(wanted).await?;
            if current.as_ref().map(|set| set.repository.id) == seen.as_ref().map(|set| set.repository.id) {
                return Ok((intent, current));
            }
            self.store.end_intent(&intent, now).await?;
            seen = current;
        }
    }

    /// The repository that has the name now.
    async fn lookup(&self, wanted: &Wanted) -> Result<Option<DecisionSet>, StoreError> {
        let Some(product) = product_of(&wanted.namespace) else { return Ok(None) };
        self.store.code_repo(wanted.tenant, product, &wanted.name).await
    }

    async fn steps(
        &self,
        wanted: &Wanted,
        reached: &Reached,
        intent: &mut Intent,
        known: Option<&DecisionSet>,
        now: Timestamp,
    ) -> Result<(Provisioned, ProviderProject, Vec<SecretEdit>), Why> {
        let Reached { providers, access } = reached;
        let home = home_of(&wanted.home);
        let registered = known.and_then(|set| set.repository.product.as_ref()?.provisioned.as_ref());
        let found = match self.find(wanted, reached, intent, registered).await? {
            Some(found) => found,
            None => self.make(wanted, reached, intent, now).await?,
        };
        let id = found.project.id;
        let spec = spec_of(wanted, &found.project, &intent.trail.project);
        if let ProjectTrail::Untouched = intent.trail.project {
            let next = intent.with_trail(trail_of(&found));
            self.advance(intent, next, now).await?;
        }
        let project = match spec {
            Some(spec) => providers.edit_project(&home, access, id, &spec).await.map_err(at(Step::Project))?.value,
            None => found.project,
        };

        let (mut keys, mut secrets) = (Vec::new(), Vec::new());
        for (index, can_push) in [false, true].into_iter().enumerate() {
            let before = registered.and_then(|registered| registered.keys.get(index));
            let stands = |key: &&DeployKey| Some(&key.id) == before && key.can_push == can_push;
            if let Some(key) = found.keys.iter().find(stands) {
                keys.push(key.id.clone());
                continue;
            }
            let title = key_title(intent.number, can_push);
            let pair = new_deploy_key(&title).map_err(|_no_randomness| Why::NoKey)?;
            let spec = DeployKeySpec { title, key: pair.public, can_push };
            let key = providers.add_deploy_key(&home, access, id, &spec).await.map_err(at(Step::DeployKeys))?.value;
            keys.push(key.id);
            secrets.push(SecretEdit::put(SecretName::deploy_key(can_push), pair.private));
        }

        let hook = self.hook(wanted, reached, intent, known, (id, found.hook.as_ref()), now).await?;
        let provisioned = Provisioned {
            project_id: id,
            path: project.path.clone(),
            ssh_url: project.ssh_url.clone(),
            http_url: project.http_url.clone(),
            keys,
            hook,
        };
        Ok((provisioned, project, secrets))
    }

    /// The project that is there, with its keys and our hook.
    async fn find(
        &self,
        wanted: &Wanted,
        reached: &Reached,
        intent: &Intent,
        registered: Option<&Provisioned>,
    ) -> Result<Option<Found>, Why> {
        let Reached { providers, access } = reached;
        let home = home_of(&wanted.home);
        let mut project = match registered {
            Some(registered) => {
                let found = providers.project(&home, access, registered.project_id).await;
                found.map_err(at(Step::Project))?.value
            }
            None => None,
        };
        if project.is_none() {
            project = providers.find_project(&home, access, &wanted.name).await.map_err(at(Step::Project))?.value;
        }
        let Some(project) = project else { return Ok(None) };
        if project.is_being_deleted {
            return Err(Why::BeingDeleted);
        }
        let keys = providers.deploy_keys(&home, access, project.id).await.map_err(at(Step::DeployKeys))?.value;
        let titles = [false, true].map(|can_push| key_title(intent.number, can_push));
        let keys = keys.into_iter().filter(|key| titles.contains(&key.title)).collect();
        let id = project.id.to_string();
        let hooks = providers.list_hooks(&home.project(&id), access).await.map_err(at(Step::Hook))?.value;
        let path = webhook_path_of(wanted.home.provider, intent.repository);
        let hook = hooks.into_iter().find(|hook| hook.url.ends_with(&path));
        Ok(Some(Found { project, keys, hook }))
    }

    /// Makes the project under the intent's mark.
    async fn make(
        &self,
        wanted: &Wanted,
        reached: &Reached,
        intent: &mut Intent,
        now: Timestamp,
    ) -> Result<Found, Why> {
        let Reached { providers, access } = reached;
        let home = home_of(&wanted.home);
        let owner = providers.project_owner(&home, access).await.map_err(Why::Owner)?.value;
        let next = intent.with_trail(Trail { project: ProjectTrail::Making, ..Trail::default() });
        self.advance(intent, next, now).await?;
        let spec = ProjectSpec {
            path: wanted.name.clone(),
            name: wanted.display_name.clone(),
            visibility: wanted.visibility.map(Into::into),
            description: Some(intent.mark()),
        };
        let created = providers.create_project(&home, access, &owner, &spec).await.map_err(at(Step::Project))?.value;
        match created {
            Created::Made(project) => {
                let project_trail = ProjectTrail::Made { id: project.id };
                let next = intent.with_trail(Trail { project: project_trail, ..Trail::default() });
                self.advance(intent, next, now).await?;
                Ok(Found { project, keys: Vec::new(), hook: None })
            }
            Created::Taken { reason } => {
                // Nothing was made; somebody else's may have come to the path since it was looked for.
                let next = intent.with_trail(Trail::default());
                self.advance(intent, next, now).await?;
                self.find(wanted, reached, intent, None).await?.ok_or(Why::PathTaken { reason })
            }
        }
    }

    /// Makes the project's webhook what it should be; its id.
    async fn hook(
        &self,
        wanted: &Wanted,
        reached: &Reached,
        intent: &Intent,
        known: Option<&DecisionSet>,
        (id, there): (u64, Option<&ProviderHook>),
        now: Timestamp,
    ) -> Result<Option<String>, Why> {
        let Some(public_url) = &self.public_url else { return Ok(there.map(|hook| hook.id.clone())) };
        let Reached { providers, access } = reached;
        let home = home_of(&wanted.home);
        let mut events = wanted.events.clone();
        // What robots wait for goes on coming where their hook was set up before.
        if let Some(set) = known.filter(|set| set.state.provider_hook.is_some()) {
            let automation = set.automation.as_ref().map(|stored| &stored.config);
            events.extend(WantedHook::of(&set.repository, automation, public_url).events);
        }
        if events.is_empty() {
            if let Some(hook) = there {
                providers.drop_hook(&home, access, id, &hook.id).await.map_err(at(Step::Hook))?;
            }
            return Ok(None);
        }
        let secret = self.store.webhook_secret_of(wanted.tenant, intent.repository, known, now).await?;
        let path = webhook_path_of(wanted.home.provider, intent.repository);
        let url = format!("{}{path}", public_url.trim_end_matches('/'));
        let spec = HookSpec { url, secret, events, active: true };
        let known = there.map(|hook| hook.id.as_str());
        let hook = providers.write_project_hook(&home, access, id, (known, &spec)).await.map_err(at(Step::Hook))?;
        Ok(Some(hook.id))
    }
}

fn new_intent(wanted: &Wanted, repository: RepositoryId, number: u64, now: Timestamp) -> Intent {
    Intent {
        tenant: wanted.tenant,
        namespace: wanted.namespace.clone(),
        name: wanted.name.clone(),
        repository,
        number,
        home: wanted.home.clone(),
        purpose: Purpose::Save,
        trail: Trail::default(),
        user: wanted.user,
        begun_at: now,
        until: now.plus(INTENT_LEASE),
        take_backs: 0,
        version: 1,
    }
}

/// What is about to be changed of what is there.
fn trail_of(found: &Found) -> Trail {
    let Found { project, keys, hook } = found;
    let before = ProjectBefore {
        name: project.name.clone(),
        visibility: project.visibility.kept(),
        description: project.description.clone(),
    };
    Trail {
        project: ProjectTrail::Changing { id: project.id, before },
        known_keys: keys.iter().map(|key| key.id.clone()).collect(),
        known_hook: hook.as_ref().map(|hook| KnownHook { id: hook.id.clone(), events: hook.events.clone() }),
    }
}

/// What has to be changed of a project; `None` for nothing. One that was just made still has the mark as its description.
fn spec_of(wanted: &Wanted, project: &ProviderProject, trail: &ProjectTrail) -> Option<ProjectSpec> {
    let visibility = wanted.visibility.map(repoplane_providers::Visibility::from);
    let made = matches!(trail, ProjectTrail::Made { .. });
    let description = wanted.description.clone().or_else(|| made.then(String::new));
    let spec = ProjectSpec {
        path: String::new(),
        name: wanted.display_name.clone().filter(|name| *name != project.name),
        visibility: visibility.filter(|visibility| *visibility != project.visibility),
        description: description.filter(|text| *text != project.description),
    };
    (spec != ProjectSpec::default()).then_some(spec)
}
