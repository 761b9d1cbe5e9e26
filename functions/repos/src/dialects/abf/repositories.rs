//! Repositories of platforms: get, create, update, destroy, and their projects (contract: abf 4.1–4.6).

use super::paging::Page;
use super::params::Params;
use super::problems::{not_done, refused};
use super::{Call, Found, standing, view};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use repoplane_api::idempotency::Failed;
use repoplane_api::{Answer, App, Problem, answer_once};
use repoplane_domain::access::{Right, authorize};
use repoplane_domain::audit::{AuditAction, AuditEntry};
use repoplane_domain::error::FieldErrors;
use repoplane_domain::id::{AuditId, UserId};
use repoplane_domain::platform::{BuildAction, BuildChange, BuildProject};
use repoplane_domain::repository::{CreateRepository, Repository};
use repoplane_store::{Author, DecisionSet, KeptAnswer, Plan};
use serde_json::{Value, json};
use std::collections::{BTreeSet, HashMap};

const NOT_CREATED: &str = "Repository has not been created";
const NOT_UPDATED: &str = "Repository has not been updated";
const NOT_DESTROYED: &str = "Repository has not been destroyed";

/// `abf_get_repository`.
pub(super) async fn show(State(app): State<App>, call: Call) -> Result<Answer, Problem> {
    let found = Found::of(&app, &call, |_| BuildAction::Show).await?;
    Ok(Answer::ok(view::repository(&found.set.repository, &found.platform)))
}

/// `abf_list_repository_projects`.
pub(super) async fn projects(State(app): State<App>, call: Call) -> Result<Response, Problem> {
    let found = Found::of(&app, &call, |_| BuildAction::Show).await?;
    let (repository, page) = (&found.set.repository, Page::of(call.params()?));
    let tenant = call.principal.tenant;
    let linked = app.store.projects_in((tenant, repository.id), page.skip(), page.rows(), app.now()).await?;
    let users = maintainers(&app, &call, &linked.projects).await?;
    let caller = &call.principal.username;
    let rows = linked.projects.iter().map(|project| view::listed_project(project, &users, &call.asked, caller));
    Ok(page.answer(&call, view::projects(repository, rows.collect()), linked.more))
}

/// Those who see to projects.
pub(super) async fn maintainers(
    app: &App,
    call: &Call,
    projects: &[BuildProject],
) -> Result<HashMap<UserId, repoplane_domain::access::User>, Problem> {
    let ids: BTreeSet<UserId> = projects.iter().map(|project| project.maintainer.id).collect();
    let users = app.store.users(call.principal.tenant, &ids).await?;
    Ok(users.into_iter().map(|user| (user.id, user)).collect())
}

/// What a call says of a repository's settings.
fn change(params: &Params, errors: &mut FieldErrors) -> BuildChange {
    let branch = params.text("publish_builds_only_from_branch", errors);
    BuildChange {
        description: params.text("description", errors),
        publish_without_qa: params.boolean("publish_without_qa", errors),
        synchronizing_publications: params.boolean("synchronizing_publications", errors),
        publish_builds_only_from_branch: branch.map(|branch| (!branch.trim().is_empty()).then_some(branch)),
    }
}

/// `abf_create_repository`.
pub(super) async fn create(State(app): State<App>, call: Call) -> Result<Answer, Problem> {
    let once = call.once()?;
    let tenant = call.principal.tenant;
    let params = call.params()?;
    let number = params.number("platform_id");
    let platform = match number {
        Some(number) => app.store.platform(tenant, number).await?,
        None => None,
    };
    call.need_scope()?;
    let unknown = || not_done(refused("Platform is unknown"), &format!("{NOT_CREATED}. Platform is unknown"));
    let platform = platform.ok_or_else(unknown)?;
    let standing = standing(&app, &call.principal, &platform, None).await?;
    standing.need(&platform, BuildAction::Create(params.plain("name").unwrap_or_default()))?;
    let run = async {
        let mut errors = FieldErrors::new();
        let name = params.text("name", &mut errors);
        let command = change(params, &mut errors).create(platform.number, name, platform.is_main(), &mut errors);
        let command: CreateRepository = errors.into_result(command)?;
        let render = |set: &DecisionSet| {
            KeptAnswer::ok(view::done(set.repository.number, "Repository has been created successfully"))
        };
        let set = app.store.create_repository(&call.principal, command, once.as_ref(), app.now(), render).await?;
        Ok::<Answer, Failed>(render(&set).into())
    };
    answer_once(&app, once.as_ref(), run).await.map_err(|problem| not_done(problem, NOT_CREATED))
}

/// What the audit log compares.
fn audited(repository: &Repository) -> Value {
    json!({"description": repository.description, "build": repository.build})
}

/// Changes a repository's record by a right of its platform.
pub(super) async fn change_record(
    app: &App,
    call: &Call,
    found: Found,
    action: AuditAction,
    next: impl Fn(&Repository) -> Result<Option<Repository>, repoplane_domain::error::DomainError>,
) -> Result<(), Problem> {
    let now = app.now();
    // A change that changes nothing is one, too.
    authorize(&call.principal, &found.set.repository, &found.set.members.members, Right::Granted)?;
    if next(&found.set.repository)?.is_none() {
        return Ok(());
    }
    let plan = |set: &DecisionSet| {
        let Some(record) = next(&set.repository)? else { return Ok(Plan::nothing(())) };
        let audit = AuditId::new(now, app.store.ids());
        let entry = AuditEntry::by(&call.principal, audit, action, record.id, now).on(record.id);
        let entry = entry.with_change(&audited(&set.repository), &audited(&record));
        Ok(Plan { repository: Some(record), audit: vec![entry], ..Plan::nothing(()) })
    };
    let author = Author { principal: &call.principal, right: Right::Granted, now };
    app.store.change(author, found.set, plan).await?;
    Ok(())
}

/// `abf_update_repository`.
pub(super) async fn update(State(app): State<App>, call: Call) -> Result<Answer, Problem> {
    let found = Found::of(&app, &call, |_| BuildAction::Update).await?;
    let (number, is_main, now) = (found.number(), found.platform.is_main(), app.now());
    let params = call.params()?;
    let run = async {
        let mut errors = FieldErrors::new();
        let said = change(params, &mut errors);
        said.check_change(is_main, &mut errors);
        errors.into_result(())?;
        change_record(&app, &call, found, AuditAction::RepoUpdated, |stored| Ok(said.apply(stored, now))).await
    };
    run.await.map_err(|problem| not_done(problem, NOT_UPDATED))?;
    Ok(Answer::ok(view::done(number, "Repository has been updated successfully")))
}

fn destroy(name: &str) -> BuildAction<'_> {
    BuildAction::Destroy(name)
}

/// `abf_delete_repository`.
pub(super) async fn remove(State(app): State<App>, call: Call) -> Result<Response, Problem> {
    let found = Found::of(&app, &call, destroy).await?;
    let number = found.number();
    let author = Author { principal: &call.principal, right: Right::Granted, now: app.now() };
    let removed = app.store.remove_repository(author, found.set, true, |_| Ok(())).await;
    removed.map_err(|error| not_done(error.into(), NOT_DESTROYED))?;
    Ok(Answer::ok(view::done(number, "Repository has been destroyed successfully")).into_response())
}
