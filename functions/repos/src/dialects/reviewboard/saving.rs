//! Making, changing, archiving and deleting repositories (contract: reviewboard 8).
//!
//! All or nothing: a form is checked whole, then names and paths, then the remote, then everything is written at once.

use super::answer::{Media, Reply};
use super::call::Call;
use super::item::{changeable, shown};
use super::problems::Code;
use super::verification::verify;
use crate::Repos;
use crate::repositories::{audited, entry};
use axum::extract::State;
use axum::response::Response;
use http::Method;
use repoplane_api::problem::ProblemType;
use repoplane_api::{App, Problem, answer_once};
use repoplane_domain::access::{Principal, Right, authorize};
use repoplane_domain::audit::AuditAction;
use repoplane_domain::credential::{CredentialProfiles, SecretEdit};
use repoplane_domain::error::{Conflict, Denial, DomainError, FieldErrors};
use repoplane_domain::repository::Repository;
use repoplane_domain::review::ReviewForm;
use repoplane_domain::time::Timestamp;
use repoplane_store::{Author, DecisionSet, Login, Plan, WriteError};
use serde_json::json;

/// Says that a repository is archived rather than deleted, because something works with it.
const IN_USE: &str = "REPO_IN_USE";
/// The refusals of deleting that mean the same.
const KEPT: [&str; 3] = [IN_USE, "REPO_HAS_OPEN_TASKS", "REPO_ATTACHED"];

/// `reviewboard_create_repository`.
pub(crate) async fn create(State(repos): State<Repos>, call: Call) -> Response {
    let created = match call.method == Method::POST {
        true => created(&repos, &call).await,
        false => Err(Problem::new(ProblemType::MethodNotAllowed, "")),
    };
    call.answer(created)
}

/// `reviewboard_update_repository`.
pub(crate) async fn update(State(repos): State<Repos>, call: Call) -> Response {
    let updated = updated(&repos, &call).await;
    call.answer(updated)
}

/// `reviewboard_delete_repository`.
pub(crate) async fn remove(State(repos): State<Repos>, call: Call) -> Response {
    let removed = removed(&repos, &call).await;
    call.answer(removed)
}

/// `reviewboard_override_method`: a POST that stands for another method.
pub(crate) async fn in_disguise(State(repos): State<Repos>, call: Call) -> Response {
    let done = match call.method {
        Method::PUT => updated(&repos, &call).await,
        Method::DELETE => removed(&repos, &call).await,
        _ => Err(Problem::new(ProblemType::MethodNotAllowed, "")),
    };
    call.answer(done)
}

async fn created(repos: &Repos, call: &Call) -> Result<Reply, Problem> {
    let (app, principal, form) = (&repos.app, call.principal()?, call.review_form());
    let mut errors = FieldErrors::new();
    form.check_presence(&mut errors);
    errors.into_result(())?;
    if !principal.sees_all_repositories() {
        let text = "Only administrators of the tenant, and tools, may add repositories";
        return Err(Code::PermissionDenied.problem().with_detail(text));
    }
    let once = call.once(principal)?;
    let run = async {
        let (command, now) = (form.create()?, app.now());
        let mut preview = app.store.preview_repository(principal, command.clone(), now)?;
        app.store.check_claims(&preview.repository).await?;
        let patch = form.login_patch(preview.repository.provider);
        let profiles = &mut preview.credentials.profiles;
        let secrets = patch.apply(profiles, now, app.store.ids()).map_err(DomainError::Invalid)?;
        let login = Login { profiles: profiles.clone(), secrets };
        if preview.repository.review_settings().visible {
            verify(repos, principal, &preview, &login.secrets, form.trust_host).await?;
        }
        let render = |set: &DecisionSet| shown(&set.repository, call).created().kept();
        let set = match patch.is_empty() {
            true => app.store.create_repository(principal, command, once.as_ref(), now, render).await?,
            false => app.store.create_with_login(principal, command, login, once.as_ref(), now, render).await?,
        };
        Ok(render(&set).into())
    };
    let (kept, replayed) = answer_once(app, once.as_ref(), run).await?.into_kept();
    Ok(Reply::of_kept(Media::REPOSITORY, kept, replayed))
}

async fn updated(repos: &Repos, call: &Call) -> Result<Reply, Problem> {
    let (set, principal) = changeable(repos, call).await?;
    let form = call.review_form();
    if form.only_archives() {
        let set = archived(&repos.app, principal, set).await?;
        return Ok(shown(&set.repository, call));
    }
    authorize(principal, &set.repository, &set.members.members, Right::Manage)?;
    let now = repos.app.now();
    let plan = |set: &DecisionSet| planned(&repos.app, principal, &form, set, now);
    let checked = plan(&set)?;
    let mut preview = set.clone();
    preview.repository = checked.repository.clone();
    preview.credentials.profiles = checked.profiles.clone();
    if claims_more(&set.repository, &preview.repository) {
        repos.app.store.check_claims(&preview.repository).await?;
    }
    if checked.verify {
        verify(repos, principal, &preview, &checked.secrets, form.trust_host).await?;
    }
    if checked.is_as(&set) && !form.archive_name {
        return Ok(shown(&set.repository, call));
    }
    let fields = call.field_names();
    let change = |set: &DecisionSet| {
        let Planned { repository, profiles, secrets, verify } = plan(set)?;
        if verify && repository.shown_url() != preview.repository.shown_url() {
            // Somebody else has moved it meanwhile, to where nobody has asked.
            let text = "another change of the repository came between; try again";
            return Err(DomainError::Conflict(Conflict::new("WRITE_CONFLICT", text)));
        }
        let next = if form.archive_name { repository.archived_for_review(now) } else { repository };
        let seen = |record, profiles| audited(record, profiles, &set.credentials.preview_env);
        let before = seen(&set.repository, &set.credentials.profiles);
        let entry = entry(&repos.app, principal, AuditAction::RepoUpdated, set, now);
        let entry = entry.with(json!({"fields": fields})).with_change(&before, &seen(&next, &profiles));
        let profiles = (profiles != set.credentials.profiles).then_some(profiles);
        Ok(Plan { repository: Some(next), profiles, secrets, audit: vec![entry], ..Plan::nothing(()) })
    };
    let author = Author { principal, right: Right::Manage, now };
    let (set, ()) = repos.app.store.change(author, set, change).await?;
    Ok(shown(&set.repository, call))
}

/// A repository and its login as a form leaves them.
struct Planned {
    repository: Repository,
    profiles: CredentialProfiles,
    secrets: Vec<SecretEdit>,
    verify: bool,
}

impl Planned {
    /// Whether nothing is different.
    fn is_as(&self, set: &DecisionSet) -> bool {
        self.repository == set.repository && self.profiles == set.credentials.profiles && self.secrets.is_empty()
    }
}

fn planned(
    app: &App,
    principal: &Principal,
    form: &ReviewForm,
    set: &DecisionSet,
    now: Timestamp,
) -> Result<Planned, DomainError> {
    if form.hides_or_shows(&set.repository) && !principal.sees_all_repositories() {
        return Err(DomainError::Denied(Denial::TenantAdministrator));
    }
    let saved = form.change(&set.repository, &set.state, now)?;
    let mut repository = saved.repository;
    let mut profiles = set.credentials.profiles.clone();
    let patch = form.login_patch(repository.provider);
    let secrets = patch.apply(&mut profiles, now, app.store.ids()).map_err(DomainError::Invalid)?;
    // What hangs on the record changes with a version of it.
    let login_changed = profiles != set.credentials.profiles || !secrets.is_empty();
    if repository.version == set.repository.version && (login_changed || form.archive_name) {
        repository.version += 1;
        repository.updated_at = now;
    }
    Ok(Planned { repository, profiles, secrets, verify: saved.verify })
}

/// Whether a record claims what it did not.
fn claims_more(before: &Repository, after: &Repository) -> bool {
    before.name != after.name || !after.identities().is_subset(&before.identities())
}

async fn removed(repos: &Repos, call: &Call) -> Result<Reply, Problem> {
    let (set, principal) = changeable(repos, call).await?;
    let author = Author { principal, right: Right::ManageArchived, now: repos.app.now() };
    let check = |set: &DecisionSet| match is_worked_with(set) {
        true => Err(DomainError::Conflict(Conflict::new(IN_USE, "something works with the repository"))),
        false => Ok(()),
    };
    let removed = match check(&set) {
        Ok(()) => repos.app.store.remove_repository(author, set.clone(), false, check).await.map(drop),
        Err(used) => Err(used.into()),
    };
    match removed {
        Ok(()) => {}
        Err(WriteError::Domain(DomainError::Conflict(conflict))) if KEPT.contains(&conflict.code) => {
            archived(&repos.app, principal, set).await?;
        }
        Err(error) => return Err(error.into()),
    }
    Ok(Reply::gone(Media::REPOSITORY))
}

fn is_worked_with(set: &DecisionSet) -> bool {
    set.repository.is_worked_with(set.automation.as_ref().map(|stored| &stored.config))
}

/// Archives a repository, so that another may have its name and its path.
async fn archived(app: &App, principal: &Principal, set: DecisionSet) -> Result<DecisionSet, Problem> {
    let now = app.now();
    let plan = |set: &DecisionSet| {
        let next = set.repository.archived_for_review(now);
        let view = |repository: &Repository| json!({"archivedAt": repository.archived_at, "name": repository.name});
        let entry = entry(app, principal, AuditAction::RepoArchived, set, now);
        let audit = vec![entry.with_change(&view(&set.repository), &view(&next))];
        Ok(Plan { repository: Some(next), audit, ..Plan::nothing(()) })
    };
    let author = Author { principal, right: Right::ManageArchived, now };
    Ok(app.store.change(author, set, plan).await?.0)
}
