//! `/api/repos/:id/members`: who belongs to a repository.

use crate::view;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use repoplane_api::access::{Manage, PathParams, Read, Repo};
use repoplane_api::body::JsonBody;
use repoplane_api::{App, Problem};
use repoplane_domain::access::{
    AddMember, Member, MemberSelector, Members, RepositoryRole, Right, may_touch, read_role,
};
use repoplane_domain::audit::{AuditAction, AuditEntry};
use repoplane_domain::error::{DomainError, Kind};
use repoplane_domain::id::{AuditId, UserId};
use repoplane_store::{Author, DecisionSet, Plan};
use serde_json::{Value, json};

/// `repos_list_members`.
pub(crate) async fn list(repo: Repo<Read>) -> Json<Value> {
    let members: Vec<_> = repo.set.members.members.iter().map(view::member).collect();
    Json(json!({"members": members}))
}

/// `repos_add_member`.
pub(crate) async fn add(
    State(app): State<App>,
    repo: Repo<Manage>,
    JsonBody(body): JsonBody,
) -> Result<Response, Problem> {
    let command = AddMember::read(&body)?;
    let tenant = repo.principal.tenant;
    let (user, field) = match &command.user {
        MemberSelector::Id(id) => (app.store.user(tenant, *id).await?, "/userId"),
        MemberSelector::Username(name) => (app.store.user_by_name(tenant, name).await?, "/username"),
    };
    let user = user.ok_or_else(|| DomainError::invalid(field, "no such user in the tenant"))?;
    let member = Member {
        user_id: user.id,
        username: user.username,
        display_name: user.display_name,
        email: user.email,
        role: command.role,
    };
    let details = json!({"userId": member.user_id, "role": member.role});
    change_members(&app, &repo, (AuditAction::RepoMemberAdded, details), |role, members| {
        may_touch(role, command.role)?;
        members.add(member.clone())
    })
    .await?;
    let location = format!("/api/repos/{}/members/{}", repo.set.repository.id, member.user_id);
    let answer = Json(json!({"member": view::member(&member)}));
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], answer).into_response())
}

/// `repos_update_member_role`.
pub(crate) async fn change(
    State(app): State<App>,
    params: PathParams,
    repo: Repo<Manage>,
    JsonBody(body): JsonBody,
) -> Result<Json<Value>, Problem> {
    let user: UserId = params.id("user_id", Kind::Member)?;
    let role = read_role(&body)?;
    let details = json!({"userId": user, "role": role});
    let set = change_members(&app, &repo, (AuditAction::RepoMemberUpdated, details), |own, members| {
        may_touch(own, role.max(members.role_of(user).unwrap_or(RepositoryRole::Member)))?;
        members.set_role(user, role)
    })
    .await?;
    Ok(Json(json!({"member": set.members.members.get(user).map(view::member)})))
}

/// `repos_remove_member`.
pub(crate) async fn remove(
    State(app): State<App>,
    params: PathParams,
    repo: Repo<Manage>,
) -> Result<Json<Value>, Problem> {
    let user: UserId = params.id("user_id", Kind::Member)?;
    let details = json!({"userId": user});
    change_members(&app, &repo, (AuditAction::RepoMemberRemoved, details), |role, members| {
        may_touch(role, members.role_of(user).unwrap_or(RepositoryRole::Member))?;
        members.remove(user)
    })
    .await?;
    Ok(Json(json!({"ok": true})))
}

async fn change_members(
    app: &App,
    repo: &Repo<Manage>,
    (action, details): (AuditAction, Value),
    change: impl Fn(Option<RepositoryRole>, &mut Members) -> Result<(), DomainError>,
) -> Result<DecisionSet, Problem> {
    let now = app.now();
    let author = Author { principal: &repo.principal, right: Right::Manage, now };
    let plan = |set: &DecisionSet| {
        let mut members = set.members.members.clone();
        // After a lost race the caller may be less than at the start.
        change(repo.principal.role_in(&members), &mut members)?;
        let id = AuditId::new(now, app.store.ids());
        let entry = AuditEntry::by(&repo.principal, id, action, set.repository.id, now).on(set.repository.id);
        Ok(Plan { members: Some(members), audit: vec![entry.with(details.clone())], ..Plan::nothing(()) })
    };
    let (set, ()) = app.store.change(author, repo.set.clone(), plan).await?;
    Ok(set)
}
