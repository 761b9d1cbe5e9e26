//! `/api/groups`: groups of users.

use crate::platforms::{entry, number};
use axum::extract::State;
use repoplane_api::access::{Caller, PathParams};
use repoplane_api::body::{JsonBody, OptionalJsonBody};
use repoplane_api::{Answer, App, IfMatch, PostedBody, Problem, answer_once};
use repoplane_domain::access::{Principal, Scope};
use repoplane_domain::audit::AuditAction;
use repoplane_domain::error::{Denial, DomainError, Kind};
use repoplane_domain::platform::{CreateGroup, Group, PatchGroup, RelationRole, UserRef};
use repoplane_store::{GroupChange, KeptAnswer};
use serde_json::{Value, json};

pub(crate) fn user(user: &UserRef) -> Value {
    json!({"id": user.id, "number": user.number, "username": user.username})
}

/// One group on the wire.
fn view(group: &Group) -> Value {
    let members = group.members.iter().map(|member| json!({"user": user(&member.user), "role": member.role}));
    let mut view = json!({
        "number": group.number,
        "uname": group.uname,
        "owner": user(&group.owner),
        "members": members.collect::<Vec<_>>(),
        "createdAt": group.created_at,
        "updatedAt": group.updated_at,
    });
    if let Some(description) = &group.description {
        view["description"] = json!(description);
    }
    view
}

fn shown(group: &Group) -> KeptAnswer {
    KeptAnswer::ok(json!({"group": view(group)})).version(group.version)
}

fn need_owner(caller: &Principal, group: &Group) -> Result<(), DomainError> {
    match group.is_changed_by(caller) {
        true => Ok(()),
        false => Err(DomainError::Denied(Denial::PlatformManage)),
    }
}

/// `groups_list`.
pub(crate) async fn list(State(app): State<App>, Caller(caller): Caller) -> Result<Answer, Problem> {
    caller.need_scope(Scope::ReposRead)?;
    let groups = app.store.groups(caller.tenant).await?;
    Ok(Answer::ok(json!({"groups": groups.iter().map(view).collect::<Vec<_>>()})))
}

/// `groups_create`.
pub(crate) async fn create(
    State(app): State<App>,
    Caller(caller): Caller,
    PostedBody(posted): PostedBody,
) -> Result<Answer, Problem> {
    caller.need_scope(Scope::ReposWrite)?;
    let once = posted.once(&caller);
    let run = async {
        let command = CreateGroup::read(&posted.body)?;
        let render = |group: &Group| KeptAnswer {
            status: 201,
            location: Some(format!("/api/groups/{}", group.number)),
            ..shown(group)
        };
        let made = app.store.create_group(&caller, command, once.as_ref(), app.now(), render).await?;
        Ok(render(&made).into())
    };
    answer_once(&app, once.as_ref(), run).await
}

/// `groups_get`.
pub(crate) async fn show(
    State(app): State<App>,
    Caller(caller): Caller,
    params: PathParams,
) -> Result<Answer, Problem> {
    caller.need_scope(Scope::ReposRead)?;
    let number = number(&params, "group_number", Kind::Group)?;
    let group = app.store.group(caller.tenant, number).await?.ok_or(Problem::not_found(Kind::Group))?;
    Ok(shown(&group).into())
}

/// `groups_update`.
pub(crate) async fn change(
    State(app): State<App>,
    Caller(caller): Caller,
    params: PathParams,
    if_match: IfMatch,
    JsonBody(body): JsonBody,
) -> Result<Answer, Problem> {
    caller.need_scope(Scope::ReposWrite)?;
    let number = number(&params, "group_number", Kind::Group)?;
    let (patch, now) = (PatchGroup::read(&body)?, app.now());
    let change = |stored: &Group| {
        need_owner(&caller, stored)?;
        if_match.check(stored.version)?;
        let group = patch.apply(stored, now);
        let entry = entry(&app, &caller, AuditAction::GroupUpdated, number);
        Ok(GroupChange { audit: entry.with_change(&view(stored), &view(&group)), group })
    };
    Ok(shown(&app.store.change_group(caller.tenant, number, now, change).await?).into())
}

/// `groups_delete`.
pub(crate) async fn remove(
    State(app): State<App>,
    Caller(caller): Caller,
    params: PathParams,
    if_match: IfMatch,
) -> Result<Answer, Problem> {
    caller.need_scope(Scope::ReposWrite)?;
    let number = number(&params, "group_number", Kind::Group)?;
    let check = |stored: &Group| {
        need_owner(&caller, stored)?;
        if_match.check(stored.version)
    };
    app.store.remove_group(&caller, number, app.now(), check).await?;
    Ok(Answer::ok(json!({"ok": true})))
}

/// The user that the path names.
async fn named(app: &App, caller: &Principal, params: &PathParams) -> Result<UserRef, Problem> {
    let number = number(params, "member_number", Kind::Member)?;
    let user = app.store.user_by_number(caller.tenant, number).await?.ok_or(Problem::not_found(Kind::Member))?;
    Ok(UserRef::from(&user))
}

/// `groups_set_member`.
pub(crate) async fn set_member(
    State(app): State<App>,
    Caller(caller): Caller,
    params: PathParams,
    if_match: IfMatch,
    OptionalJsonBody(body): OptionalJsonBody,
) -> Result<Answer, Problem> {
    caller.need_scope(Scope::ReposWrite)?;
    let number = number(&params, "group_number", Kind::Group)?;
    let (user, role, now) = (named(&app, &caller, &params).await?, RelationRole::read(&body)?, app.now());
    let change = |stored: &Group| {
        need_owner(&caller, stored)?;
        if_match.check(stored.version)?;
        let group = stored.with(user.clone(), role, now)?;
        let entry = entry(&app, &caller, AuditAction::GroupMemberAdded, number);
        Ok(GroupChange { group, audit: entry.with(json!({"username": user.username, "role": role})) })
    };
    Ok(shown(&app.store.change_group(caller.tenant, number, now, change).await?).into())
}

/// `groups_remove_member`.
pub(crate) async fn remove_member(
    State(app): State<App>,
    Caller(caller): Caller,
    params: PathParams,
    if_match: IfMatch,
) -> Result<Answer, Problem> {
    caller.need_scope(Scope::ReposWrite)?;
    let number = number(&params, "group_number", Kind::Group)?;
    let (user, now) = (named(&app, &caller, &params).await?, app.now());
    let change = |stored: &Group| {
        need_owner(&caller, stored)?;
        if_match.check(stored.version)?;
        let group = stored.without(user.id, now)?;
        let entry = entry(&app, &caller, AuditAction::GroupMemberRemoved, number);
        Ok(GroupChange { group, audit: entry.with(json!({"username": user.username})) })
    };
    Ok(shown(&app.store.change_group(caller.tenant, number, now, change).await?).into())
}
