//! `/api/repos/:id/members`: who belongs to a repository. The list has one version for all of it.

use crate::view;
use axum::extract::State;
use repoplane_api::access::{Manage, PathParams, Read, Repo};
use repoplane_api::body::JsonBody;
use repoplane_api::idempotency::Failed;
use repoplane_api::{Answer, App, IfMatch, PostedBody, Problem, answer_once};
use repoplane_domain::access::{
    AddMember, Member, MemberSelector, Members, RepositoryRole, Right, may_touch, read_role,
};
use repoplane_domain::audit::{AuditAction, AuditEntry};
use repoplane_domain::error::{DomainError, Kind};
use repoplane_domain::id::{AuditId, UserId};
use repoplane_store::{Author, DecisionSet, KeptAnswer, Once, Plan};
use serde_json::{Value, json};

/// `repos_list_members`.
pub(crate) async fn list(repo: Repo<Read>) -> Answer {
    let members: Vec<_> = repo.set.members.members.iter().map(view::member).collect();
    Answer::ok(json!({"members": members})).version(repo.set.members.version)
}

/// `repos_add_member`.
pub(crate) async fn add(
    State(app): State<App>,
    repo: Repo<Manage>,
    if_match: IfMatch,
    PostedBody(posted): PostedBody,
) -> Result<Answer, Problem> {
    let once = posted.once(&repo.principal);
    let run = async {
        let command = AddMember::read(&posted.body)?;
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
        let location = format!("/api/repos/{}/members/{}", repo.set.repository.id, member.user_id);
        let render = |set: &DecisionSet, (): &()| {
            let body = json!({"member": view::member(&member)});
            KeptAnswer::created(location.clone(), body).version(set.members.version)
        };
        let change = |role, members: &mut Members| {
            may_touch(role, command.role)?;
            members.add(member.clone())
        };
        let edit = Edit { action: AuditAction::RepoMemberAdded, user: member.user_id, once: once.as_ref() };
        let set = edit_members(&app, &repo, (edit, &if_match), change, render).await?;
        Ok(render(&set, &()).into())
    };
    answer_once(&app, once.as_ref(), run).await
}

/// `repos_update_member_role`.
pub(crate) async fn change(
    State(app): State<App>,
    params: PathParams,
    repo: Repo<Manage>,
    if_match: IfMatch,
    JsonBody(body): JsonBody,
) -> Result<Answer, Problem> {
    let user: UserId = params.id("user_id", Kind::Member)?;
    let role = read_role(&body)?;
    let change = |own, members: &mut Members| {
        may_touch(own, role.max(members.role_of(user).unwrap_or(RepositoryRole::Member)))?;
        members.set_role(user, role)
    };
    let edit = Edit { action: AuditAction::RepoMemberUpdated, user, once: None };
    let set = edit_members(&app, &repo, (edit, &if_match), change, unkept).await.map_err(Problem::from)?;
    let member = set.members.members.get(user).map(view::member);
    Ok(Answer::ok(json!({"member": member})).version(set.members.version))
}

/// `repos_remove_member`.
pub(crate) async fn remove(
    State(app): State<App>,
    params: PathParams,
    repo: Repo<Manage>,
    if_match: IfMatch,
) -> Result<Answer, Problem> {
    let user: UserId = params.id("user_id", Kind::Member)?;
    let change = |role, members: &mut Members| {
        may_touch(role, members.role_of(user).unwrap_or(RepositoryRole::Member))?;
        members.remove(user)
    };
    let edit = Edit { action: AuditAction::RepoMemberRemoved, user, once: None };
    let set = edit_members(&app, &repo, (edit, &if_match), change, unkept).await.map_err(Problem::from)?;
    Ok(Answer::ok(json!({"ok": true})).version(set.members.version))
}

/// What happens to which member.
struct Edit<'a> {
    action: AuditAction,
    user: UserId,
    once: Option<&'a Once>,
}

fn unkept(_: &DecisionSet, (): &()) -> KeptAnswer {
    KeptAnswer::ok(Value::Null)
}

async fn edit_members(
    app: &App,
    repo: &Repo<Manage>,
    (edit, if_match): (Edit<'_>, &IfMatch),
    change: impl Fn(Option<RepositoryRole>, &mut Members) -> Result<(), DomainError>,
    render: impl Fn(&DecisionSet, &()) -> KeptAnswer + Sync,
) -> Result<DecisionSet, Failed> {
    let now = app.now();
    let author = Author { principal: &repo.principal, right: Right::Manage, now };
    let plan = |set: &DecisionSet| {
        if_match.check(set.members.version)?;
        let mut members = set.members.members.clone();
        // After a lost race the caller may be less than at the start.
        change(repo.principal.role_in(&members), &mut members)?;
        let role = |members: &Members| json!({"role": members.role_of(edit.user)});
        let id = AuditId::new(now, app.store.ids());
        let repository = set.repository.id;
        let entry = AuditEntry::by(&repo.principal, id, edit.action, repository, now).on(repository);
        let entry = entry.with(json!({"userId": edit.user}));
        let audit = vec![entry.with_change(&role(&set.members.members), &role(&members))];
        Ok(Plan { members: Some(members), audit, ..Plan::nothing(()) })
    };
    let (set, ()) = app.store.act(author, repo.set.clone(), edit.once, plan, render).await?;
    Ok(set)
}
