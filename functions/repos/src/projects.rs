//! `/api/projects`: what packages are built from.

use crate::groups::user;
use crate::platforms::{entry, number, owner, party};
use axum::extract::State;
use repoplane_api::access::{Caller, PathParams};
use repoplane_api::body::JsonBody;
use repoplane_api::cursor::{self, CursorScope};
use repoplane_api::query::QueryParams;
use repoplane_api::{Answer, App, IfMatch, PostedBody, Problem, answer_once};
use repoplane_domain::access::{Principal, Scope};
use repoplane_domain::audit::AuditAction;
use repoplane_domain::error::{Denial, DomainError, Kind};
use repoplane_domain::platform::{Asking, BuildProject, CreateProject, Group, PatchProject, UserRef};
use repoplane_store::{KeptAnswer, ProjectChange};
use serde_json::{Value, json};

/// One project on the wire.
fn view(project: &BuildProject) -> Value {
    let mut view = json!({
        "number": project.number,
        "name": project.name,
        "fullName": project.full_name(),
        "owner": party(&project.owner),
        "visibility": project.visibility,
        "maintainer": user(&project.maintainer),
        "branch": project.branch,
        "isPackage": project.is_package,
        "createdAt": project.created_at,
        "updatedAt": project.updated_at,
    });
    for (name, value) in [("description", &project.description), ("remoteUrl", &project.remote_url)] {
        if let Some(value) = value {
            view[name] = json!(value);
        }
    }
    view
}

fn shown(project: &BuildProject) -> KeptAnswer {
    KeptAnswer::ok(json!({"project": view(project)})).version(project.version)
}

/// The groups that decide on a project.
async fn groups(app: &App, caller: &Principal, project: &BuildProject) -> Result<Vec<Group>, Problem> {
    let owners: Vec<u64> = project.owner.group().into_iter().collect();
    Ok(app.store.groups_named(caller.tenant, &owners).await?)
}

async fn stored(app: &App, caller: &Principal, params: &PathParams) -> Result<(BuildProject, Vec<Group>), Problem> {
    let number = number(params, "project_number", Kind::Project)?;
    let project = app.store.project(caller.tenant, number).await?.ok_or(Problem::not_found(Kind::Project))?;
    let groups = groups(app, caller, &project).await?;
    Ok((project, groups))
}

fn need_owner(caller: &Principal, groups: &[Group], project: &BuildProject) -> Result<(), DomainError> {
    match project.is_changed_by(Asking { principal: caller, groups }) {
        true => Ok(()),
        false => Err(DomainError::Denied(Denial::PlatformManage)),
    }
}

/// The user who shall see to a project.
async fn maintainer(app: &App, caller: &Principal, number: Option<u64>) -> Result<Option<UserRef>, Problem> {
    let Some(number) = number else { return Ok(None) };
    let user = app.store.user_by_number(caller.tenant, number).await?;
    let user = user.ok_or_else(|| DomainError::invalid("/maintainer", "no such user in the tenant"))?;
    Ok(Some(UserRef::from(&user)))
}

/// `projects_list`.
pub(crate) async fn list(
    State(app): State<App>,
    Caller(caller): Caller,
    query: QueryParams,
) -> Result<Answer, Problem> {
    caller.need_scope(Scope::ReposRead)?;
    let scope = CursorScope::of_query(caller.tenant, &["projects"], &query);
    let after: Option<String> = cursor::decode(&scope, query.get("cursor"))?;
    let after = after.and_then(|number| number.parse().ok());
    let groups = match caller.sees_all_repositories() {
        true => Vec::new(),
        false => app.store.groups(caller.tenant).await?,
    };
    let keep = |project: &BuildProject| project.is_readable_by(Asking { principal: &caller, groups: &groups });
    let page = app.store.projects(caller.tenant, after, query.page_size(), app.now(), keep).await?;
    let mut answer = json!({"projects": page.projects.iter().map(view).collect::<Vec<_>>()});
    if let Some(next) = page.next {
        answer["nextCursor"] = json!(cursor::encode(&scope, next.to_string()));
    }
    Ok(Answer::ok(answer))
}

/// `projects_create`.
pub(crate) async fn create(
    State(app): State<App>,
    Caller(caller): Caller,
    PostedBody(posted): PostedBody,
) -> Result<Answer, Problem> {
    caller.need_scope(Scope::ReposWrite)?;
    let once = posted.once(&caller);
    let run = async {
        let command = CreateProject::read(&posted.body)?;
        let owner = owner(&app, &caller, command.owner_group).await?;
        let maintainer = match maintainer(&app, &caller, command.maintainer).await? {
            Some(user) => user,
            None => {
                let user = app.store.user(caller.tenant, caller.user).await?;
                UserRef::from(&user.ok_or(Problem::not_found(Kind::User))?)
            }
        };
        let render = |project: &BuildProject| KeptAnswer {
            status: 201,
            location: Some(format!("/api/projects/{}", project.number)),
            ..shown(project)
        };
        let command = (command, owner, maintainer);
        let made = app.store.create_project(&caller, command, once.as_ref(), app.now(), render).await?;
        Ok(render(&made).into())
    };
    answer_once(&app, once.as_ref(), run).await
}

/// `projects_get`.
pub(crate) async fn show(
    State(app): State<App>,
    Caller(caller): Caller,
    params: PathParams,
) -> Result<Answer, Problem> {
    caller.need_scope(Scope::ReposRead)?;
    let (project, groups) = stored(&app, &caller, &params).await?;
    if !project.is_readable_by(Asking { principal: &caller, groups: &groups }) {
        return Err(DomainError::Denied(Denial::PlatformAccess).into());
    }
    Ok(shown(&project).into())
}

/// `projects_update`.
pub(crate) async fn change(
    State(app): State<App>,
    Caller(caller): Caller,
    params: PathParams,
    if_match: IfMatch,
    JsonBody(body): JsonBody,
) -> Result<Answer, Problem> {
    caller.need_scope(Scope::ReposWrite)?;
    let (project, groups) = stored(&app, &caller, &params).await?;
    need_owner(&caller, &groups, &project)?;
    let (patch, now) = (PatchProject::read(&body)?, app.now());
    let maintainer = maintainer(&app, &caller, patch.maintainer).await?;
    let change = |stored: &BuildProject| {
        need_owner(&caller, &groups, stored)?;
        if_match.check(stored.version)?;
        let project = patch.apply(stored, maintainer.clone(), now);
        let entry = entry(&app, &caller, AuditAction::ProjectUpdated, stored.number);
        Ok(ProjectChange { audit: entry.with_change(&view(stored), &view(&project)), project })
    };
    Ok(shown(&app.store.change_project(caller.tenant, project.number, now, change).await?).into())
}

/// `projects_delete`.
pub(crate) async fn remove(
    State(app): State<App>,
    Caller(caller): Caller,
    params: PathParams,
    if_match: IfMatch,
) -> Result<Answer, Problem> {
    caller.need_scope(Scope::ReposWrite)?;
    let (project, groups) = stored(&app, &caller, &params).await?;
    let check = |stored: &BuildProject| {
        need_owner(&caller, &groups, stored)?;
        if_match.check(stored.version)
    };
    app.store.remove_project(&caller, project.number, app.now(), check).await?;
    Ok(Answer::ok(json!({"ok": true})))
}
