//! Who and what belongs to a repository: members, projects, and the lock of a mirror (contract: abf 4.7–4.10, 4.12, 4.13).

use super::problems::{not_done, refused};
use super::repositories::change_record;
use super::{Call, Found, view};
use axum::extract::State;
use repoplane_api::problem::ProblemType;
use repoplane_api::{Answer, App, Problem};
use repoplane_domain::access::{Member, RepositoryRole, Right, User, authorize};
use repoplane_domain::audit::{AuditAction, AuditEntry};
use repoplane_domain::error::{Denial, DomainError};
use repoplane_domain::id::AuditId;
use repoplane_domain::platform::{Asking, BuildAction, BuildProject};
use repoplane_store::{Author, DecisionSet, Plan};
use serde_json::json;

const NOT_ADDED: &str = "Member has not been added to repository";
const NOT_REMOVED: &str = "Member has not been removed from repository";
const PROJECT_NOT_ADDED: &str = "Project has not been added to repository";
const PROJECT_NOT_REMOVED: &str = "Project has not been removed from repository";
const PROJECT_UNREADABLE: &str = "You have no access to read this project";
const PROJECT_TAKEN: &str = "Project adding error. A project with such name already exists in one repository of platform. \
                             Remove the old project first";

/// Whom a call names.
enum Named {
    User(Box<User>),
    Group(u64),
}

/// The user or the group of a call; its kind is named by exactly one of two words.
async fn named(app: &App, call: &Call, unknown: &str) -> Result<Named, Problem> {
    let (params, tenant) = (call.params()?, call.principal.tenant);
    let number = params.number("member_id").ok_or_else(|| refused(unknown))?;
    let found = match params.plain("type") {
        Some("User") => app.store.user_by_number(tenant, number).await?.map(|user| Named::User(Box::new(user))),
        Some("Group") => app.store.group(tenant, number).await?.map(|group| Named::Group(group.number)),
        Some(_) | None => None,
    };
    found.ok_or_else(|| refused(unknown))
}

/// `abf_add_member`.
pub(super) async fn add_member(State(app): State<App>, call: Call) -> Result<Answer, Problem> {
    let found = Found::of(&app, &call, |_| BuildAction::ChangeMembers).await?;
    let number = found.number();
    let (kind, id) = match named(&app, &call, NOT_ADDED).await? {
        Named::User(user) => {
            let id = user.number;
            change_members(&app, &call, found, &user, true).await.map_err(|problem| not_done(problem, NOT_ADDED))?;
            ("User", id)
        }
        Named::Group(group) => {
            let now = app.now();
            let next = |stored: &_| repoplane_domain::repository::Repository::with_group(stored, group, now);
            let added = change_record(&app, &call, found, AuditAction::RepoMemberAdded, next).await;
            added.map_err(|problem| not_done(problem, NOT_ADDED))?;
            ("Group", group)
        }
    };
    Ok(Answer::ok(view::done(number, &format!("{kind} '{id}' has been added to repository successfully"))))
}

/// `abf_remove_member`.
pub(super) async fn remove_member(State(app): State<App>, call: Call) -> Result<Answer, Problem> {
    let found = Found::of(&app, &call, |_| BuildAction::ChangeMembers).await?;
    let number = found.number();
    let (kind, id) = match named(&app, &call, NOT_REMOVED).await? {
        Named::User(user) => {
            let id = user.number;
            change_members(&app, &call, found, &user, false).await.map_err(|problem| not_done(problem, NOT_REMOVED))?;
            ("User", id)
        }
        Named::Group(group) => {
            let now = app.now();
            let next = |stored: &repoplane_domain::repository::Repository| Ok(stored.without_group(group, now));
            let removed = change_record(&app, &call, found, AuditAction::RepoMemberRemoved, next).await;
            removed.map_err(|problem| not_done(problem, NOT_REMOVED))?;
            ("Group", group)
        }
    };
    Ok(Answer::ok(view::done(number, &format!("{kind} '{id}' has been removed from repository successfully"))))
}

/// Puts a user on a repository's list of members, or takes one off; both as often as one likes.
async fn change_members(app: &App, call: &Call, found: Found, user: &User, wanted: bool) -> Result<(), Problem> {
    let now = app.now();
    authorize(&call.principal, &found.set.repository, &found.set.members.members, Right::Granted)?;
    let plan = |set: &DecisionSet| {
        let mut members = set.members.members.clone();
        if members.get(user.id).is_some() == wanted {
            return Ok(Plan::nothing(()));
        }
        let action = match wanted {
            true => {
                members.add(Member {
                    user_id: user.id,
                    username: user.username.clone(),
                    display_name: user.display_name.clone(),
                    email: user.email.clone(),
                    role: RepositoryRole::Member,
                })?;
                AuditAction::RepoMemberAdded
            }
            false => {
                members.remove(user.id)?;
                AuditAction::RepoMemberRemoved
            }
        };
        let audit = AuditId::new(now, app.store.ids());
        let entry = AuditEntry::by(&call.principal, audit, action, user.id, now).on(set.repository.id);
        let entry = entry.with(json!({"username": user.username, "role": RepositoryRole::Member}));
        Ok(Plan { members: Some(members), audit: vec![entry], ..Plan::nothing(()) })
    };
    let author = Author { principal: &call.principal, right: Right::Granted, now };
    app.store.change(author, found.set, plan).await?;
    Ok(())
}

/// `abf_add_project`.
pub(super) async fn add_project(State(app): State<App>, call: Call) -> Result<Answer, Problem> {
    let found = Found::of(&app, &call, |_| BuildAction::ChangeProjects).await?;
    let params = call.params()?;
    let project = params.number("project_id").ok_or_else(|| refused(PROJECT_NOT_ADDED))?;
    let tenant = call.principal.tenant;
    let stored = app.store.build_project(tenant, project).await?.ok_or_else(|| refused(PROJECT_NOT_ADDED))?;
    let owners: Vec<u64> = stored.owner.group().into_iter().collect();
    let groups = app.store.groups_named(tenant, &owners).await?;
    let check =
        |stored: &BuildProject| match stored.is_readable_by(Asking { principal: &call.principal, groups: &groups }) {
            true => Ok(()),
            false => Err(DomainError::Denied(Denial::PlatformAccess)),
        };
    if check(&stored).is_err() {
        return Err(refused(PROJECT_UNREADABLE));
    }
    let author = Author { principal: &call.principal, right: Right::Granted, now: app.now() };
    app.store.add_project(author, &found.set, project, check).await.map_err(|error| {
        let problem = Problem::from(error);
        match (problem.kind(), problem.code()) {
            (ProblemType::Conflict, Some("PLATFORM_PROJECT_TAKEN")) => refused(PROJECT_TAKEN),
            // It went, or was hidden, meanwhile.
            (ProblemType::NotFound, _) => refused(PROJECT_NOT_ADDED),
            (ProblemType::Forbidden, Some("PLATFORM_ACCESS_DENIED")) => refused(PROJECT_UNREADABLE),
            _ => not_done(problem, PROJECT_NOT_ADDED),
        }
    })?;
    let message = format!("Project '{project}' has been added to repository successfully");
    Ok(Answer::ok(view::done(found.number(), &message)))
}

/// `abf_remove_project`: what is not there is as good as removed.
pub(super) async fn remove_project(State(app): State<App>, call: Call) -> Result<Answer, Problem> {
    let found = Found::of(&app, &call, |_| BuildAction::ChangeProjects).await?;
    let params = call.params()?;
    let failed = |problem: Problem| not_done(problem, PROJECT_NOT_REMOVED);
    let granted = authorize(&call.principal, &found.set.repository, &found.set.members.members, Right::Granted);
    granted.map_err(|error| failed(error.into()))?;
    if let Some(project) = params.number("project_id") {
        let author = Author { principal: &call.principal, right: Right::Granted, now: app.now() };
        let removed = app.store.remove_project_from(author, &found.set, project).await;
        removed.map_err(|error| failed(error.into()))?;
        // Also of one that is not there: the call may have been cut off between the two.
        let packages = app.store.remove_packages_of(author, &found.set, project).await;
        packages.map_err(|error| failed(error.into()))?;
    }
    let message = format!("Project '{}' has been removed from repository successfully", params.echo("project_id"));
    Ok(Answer::ok(view::done(found.number(), &message)))
}

/// `abf_add_lock`.
pub(super) async fn add_lock(State(app): State<App>, call: Call) -> Result<Answer, Problem> {
    let found = Found::of(&app, &call, |_| BuildAction::Lock).await?;
    let (number, now) = (found.number(), app.now());
    let holder = call.principal.username.clone();
    let locked =
        change_record(&app, &call, found, AuditAction::RepoLocked, |stored| Ok(stored.locked(&holder, now))).await;
    locked.map_err(|problem| not_done(problem, "'.repo.lock' file has not been added to repository"))?;
    Ok(Answer::ok(view::done(number, "'.repo.lock' file has been added to repository successfully")))
}

/// `abf_remove_lock`.
pub(super) async fn remove_lock(State(app): State<App>, call: Call) -> Result<Answer, Problem> {
    let found = Found::of(&app, &call, |_| BuildAction::Lock).await?;
    let (number, now) = (found.number(), app.now());
    let unlocked =
        change_record(&app, &call, found, AuditAction::RepoUnlocked, |stored| Ok(stored.unlocked(now))).await;
    unlocked.map_err(|problem| not_done(problem, "'.repo.lock' file has not been removed from repository"))?;
    Ok(Answer::ok(view::done(number, "'.repo.lock' file has been removed from repository successfully")))
}
