//! The repository's webhook at its provider: set up, compared and removed for the user.

use super::fault::problem_of;
use super::reach::{Choice, Reach, in_time, target_of};
use super::validate::no_token;
use crate::Repos;
use axum::extract::State;
use repoplane_api::access::{Manage, ManageArchived, Repo};
use repoplane_api::idempotency::{Failed, answer_marked, keep_unchanged};
use repoplane_api::problem::ProblemType;
use repoplane_api::query::QueryParams;
use repoplane_api::{Answer, Posted, Problem};
use repoplane_domain::access::Principal;
use repoplane_domain::audit::{AuditAction, AuditEntry};
use repoplane_domain::credential::Purpose;
use repoplane_domain::error::FieldErrors;
use repoplane_domain::id::AuditId;
use repoplane_domain::input::Object;
use repoplane_domain::repository::{
    Drift, Provider, ProviderHookRef, RepositoryState, SeenHook, WantedHook, drift, is_right,
};
use repoplane_providers::{HookSpec, ProviderHook, Target};
use repoplane_store::{DecisionSet, KeptAnswer, Once};
use serde_json::{Value, json};

/// What a call on the hook needs: the way to the provider, and what the hook should be.
struct Job<'a> {
    repos: &'a Repos,
    set: &'a DecisionSet,
    principal: &'a Principal,
    target: Target<'a>,
    reach: Reach,
    wanted: WantedHook,
}

/// `repos_get_provider_hook`: compares, and changes nothing.
pub(crate) async fn show(
    State(repos): State<Repos>,
    repo: Repo<ManageArchived>,
    query: QueryParams,
) -> Result<Answer, Problem> {
    let job = Job::prepare(&repos, (&repo.set, &repo.principal), &read_query(&query)?).await?;
    let (seen, _) = in_time(job.look()).await?;
    let known = repo.set.state.provider_hook.as_ref();
    let drift = drift(&job.wanted, known, seen.as_ref().map(|hook| &hook.seen));
    Ok(Answer::ok(job.view(seen.as_ref(), &drift)))
}

/// `repos_set_provider_hook`: creates the hook or makes it what it should be.
pub(crate) async fn set(State(repos): State<Repos>, repo: Repo<Manage>, posted: Posted) -> Result<Answer, Problem> {
    let once = posted.once(&repo.principal);
    answer_marked(&repos.app, once, |once| set_up(&repos, &repo, &posted.body, once)).await
}

async fn set_up(repos: &Repos, repo: &Repo<Manage>, body: &Value, once: Option<Once>) -> Result<Answer, Failed> {
    let mut errors = FieldErrors::new();
    let mut object = Object::root(body, &mut errors);
    let choice = Choice::of_body(&mut object);
    object.finish();
    errors.into_result(())?;
    let job = Job::prepare(repos, (&repo.set, &repo.principal), &choice).await?;
    let Reconciled { hook, change, before, set } = in_time(job.reconcile()).await?;
    let now = repos.app.now();
    if change != "none" {
        let id = hook.seen.id.clone();
        let set_up = ProviderHookRef { id, secret_generation: job.wanted.secret_generation, set_at: now };
        let entry = job.audit(AuditAction::RepoProviderHookSet, &hook.seen.id);
        let codes: Vec<_> = before.iter().map(Drift::code).collect();
        let entry = entry.with(json!({"change": change, "drift": codes, "events": job.wanted.events}));
        let next = |state: &RepositoryState| Some(state.with_provider_hook(Some(set_up.clone())));
        repos.app.store.change_state(&set, Some(&entry), now, next).await?;
    }
    let rest = if change == "none" { before } else { Vec::new() };
    let mut view = job.view(Some(&hook), &rest);
    view["change"] = json!(change);
    keep_unchanged(&repos.app, once.as_ref(), KeptAnswer::ok(view)).await
}

/// `repos_delete_provider_hook`: removes the hook at the provider; that there is none is as good.
pub(crate) async fn remove(
    State(repos): State<Repos>,
    repo: Repo<Manage>,
    query: QueryParams,
) -> Result<Answer, Problem> {
    let job = Job::prepare(&repos, (&repo.set, &repo.principal), &read_query(&query)?).await?;
    let (seen, set) = in_time(job.take_away()).await?;
    let now = repos.app.now();
    let known = repo.set.state.provider_hook.as_ref().map(|known| known.id.clone());
    if let Some(id) = seen.as_ref().map(|hook| hook.seen.id.clone()).or(known) {
        let entry = job.audit(AuditAction::RepoProviderHookRemoved, &id);
        let next = |state: &RepositoryState| Some(state.with_provider_hook(None));
        repos.app.store.change_state(&set, Some(&entry), now, next).await?;
    }
    Ok(Answer::ok(json!({"ok": true, "removed": seen.is_some()})))
}

fn read_query(query: &QueryParams) -> Result<Choice, Problem> {
    let mut errors = FieldErrors::new();
    let choice = Choice::of_strict_query(query, &mut errors);
    Ok(errors.into_result(choice)?)
}

/// A hook as the provider shows it, and as it is compared.
struct Found {
    seen: SeenHook,
    hook: ProviderHook,
}

impl Found {
    fn of(hook: ProviderHook) -> Self {
        let seen = SeenHook {
            id: hook.id.clone(),
            url: hook.url.clone(),
            events: hook.events.clone(),
            active: hook.active,
            well_formed: !hook.insecure && hook.content_type.as_deref().is_none_or(|kind| kind == "json"),
            failing: hook.last_delivery.as_ref().is_some_and(|last| !last.ok),
        };
        Self { seen, hook }
    }
}

/// The hook as it is now, what was done to it, how it differed before, and the repository with what asking has left.
struct Reconciled {
    hook: Found,
    change: &'static str,
    before: Vec<Drift>,
    set: DecisionSet,
}

impl<'a> Job<'a> {
    /// # Errors
    /// 400 for a plain Git repository and for a source without a token, 409 without a public address.
    async fn prepare(
        repos: &'a Repos,
        (set, principal): (&'a DecisionSet, &'a Principal),
        choice: &Choice,
    ) -> Result<Self, Problem> {
        let repository = &set.repository;
        if repository.provider == Provider::Git {
            let text = "provider git has no webhooks that could be set up";
            return Err(Problem::new(ProblemType::ValidationFailed, text).with_code("REPO_PROVIDER_UNSUPPORTED"));
        }
        let public_url = repos.app.settings.public_url.as_deref().ok_or_else(|| {
            let text = "the registry does not know at which address providers reach it; its operator sets REPOPLANE_PUBLIC_URL";
            Problem::new(ProblemType::Conflict, text).with_code("PUBLIC_URL_NOT_SET")
        })?;
        let automation = set.automation.as_ref().map(|stored| &stored.config);
        let wanted = WantedHook::of(repository, automation, public_url);
        let target = target_of(repository)?;
        let reach = repos.reach(set, principal, choice, Purpose::Write).await?;
        let reach = reach.filter(|reach| !reach.is_anonymous()).ok_or_else(|| no_token(choice))?;
        Ok(Self { repos, set, principal, target, reach, wanted })
    }

    /// The repository's hook at the provider, with what its last deliveries came to, and the repository with what asking
    /// for it has left.
    async fn look(&self) -> Result<(Option<Found>, DecisionSet), Problem> {
        let Reach { providers, access, .. } = &self.reach;
        let now = self.repos.app.now();
        let listed = providers.list_hooks(&self.target, access).await;
        let set = DecisionSet { state: self.reach.note(self.repos, self.set, &listed, now).await, ..self.set.clone() };
        let listed = listed.map_err(|error| self.problem(&error))?.value;
        let hooks: Vec<SeenHook> = listed.into_iter().map(|hook| Found::of(hook).seen).collect();
        let known = self.set.state.provider_hook.as_ref();
        let path = self.set.repository.webhook_path();
        let Some(found) = self.wanted.find(known, &path, &hooks) else { return Ok((None, set)) };
        let hook = providers.hook(&self.target, access, &found.id).await;
        Ok((Some(Found::of(hook.map_err(|error| self.problem(&error))?.value)), set))
    }

    /// Makes the hook at the provider what it should be.
    async fn reconcile(&self) -> Result<Reconciled, Problem> {
        let known = self.set.state.provider_hook.as_ref();
        let (seen, set) = self.look().await?;
        let before = drift(&self.wanted, known, seen.as_ref().map(|hook| &hook.seen));
        let (hook, change) = match seen {
            Some(hook) if is_right(known, &hook.seen, &before) => (hook, "none"),
            Some(hook) => (self.write(Some(&hook.seen.id)).await?, "updated"),
            None => (self.write(None).await?, "created"),
        };
        Ok(Reconciled { hook, change, before, set })
    }

    /// Removes the hook, if there is one.
    async fn take_away(&self) -> Result<(Option<Found>, DecisionSet), Problem> {
        let (seen, set) = self.look().await?;
        if let Some(hook) = &seen {
            let ended = self.reach.providers.delete_hook(&self.target, &self.reach.access, &hook.seen.id).await;
            ended.map_err(|error| self.problem(&error))?;
        }
        Ok((seen, set))
    }

    /// Creates the hook, or makes it what it should be.
    async fn write(&self, id: Option<&str>) -> Result<Found, Problem> {
        let app = &self.repos.app;
        let (secret, _) = app.store.webhook_secrets(self.set, app.now()).await?;
        let WantedHook { url, events, .. } = self.wanted.clone();
        let spec = HookSpec { url, secret, events, active: true };
        let Reach { providers, access, .. } = &self.reach;
        let written = match id {
            Some(id) => providers.update_hook(&self.target, access, id, &spec).await,
            None => providers.create_hook(&self.target, access, &spec).await,
        };
        Ok(Found::of(written.map_err(|error| self.problem(&error))?.value))
    }

    fn problem(&self, error: &repoplane_providers::ProviderError) -> Problem {
        problem_of(error, false)
    }

    fn audit(&self, action: AuditAction, hook: &str) -> AuditEntry {
        let (app, id) = (&self.repos.app, self.set.repository.id);
        let now = app.now();
        AuditEntry::by(self.principal, AuditId::new(now, app.store.ids()), action, hook, now).on(id)
    }

    /// `{wanted, hook?, inSync, drift}`; a hook's secret is in neither.
    fn view(&self, found: Option<&Found>, drift: &[Drift]) -> Value {
        let mut view = json!({
            "wanted": {"url": self.wanted.url, "events": self.wanted.events},
            "inSync": drift.is_empty(),
            "drift": drift.iter().map(Drift::public_view).collect::<Vec<_>>(),
        });
        if let Some(Found { hook, .. }) = found {
            let mut shown = json!({"id": hook.id, "url": hook.url, "events": hook.events, "active": hook.active});
            if let Some(last) = &hook.last_delivery {
                let mut delivery = json!({"ok": last.ok});
                for (member, value) in [("at", &last.at), ("failingSince", &last.failing_since)] {
                    if let Some(value) = value {
                        delivery[member] = json!(value);
                    }
                }
                if let Some(status) = last.status_code {
                    delivery["statusCode"] = json!(status);
                }
                shown["lastDelivery"] = delivery;
            }
            view["hook"] = shown;
        }
        view
    }
}
