//! `/api/platforms`: platforms and who has to do with them.

use axum::extract::State;
use repoplane_api::access::{Administrator, Caller, PathParams};
use repoplane_api::body::{JsonBody, OptionalJsonBody};
use repoplane_api::{Answer, App, IfMatch, PostedBody, Problem, answer_once};
use repoplane_domain::access::{Principal, Scope, TokenKind};
use repoplane_domain::audit::{AuditAction, AuditEntry};
use repoplane_domain::error::{DomainError, Kind};
use repoplane_domain::id::AuditId;
use repoplane_domain::platform::{
    Asking, BuildAction, CreatePlatform, Group, Party, PatchPlatform, Platform, Relation, RelationRole, Standing,
};
use repoplane_store::{DecisionSet, KeptAnswer, PlatformChange};
use serde_json::{Value, json};

/// A user or a group on the wire.
pub(crate) fn party(party: &Party) -> Value {
    json!({"type": party.actor.kind(), "number": party.number, "uname": party.uname})
}

fn relation(relation: &Relation) -> Value {
    let mut view = party(&relation.party);
    view["role"] = json!(relation.role);
    view
}

/// One platform on the wire.
fn view(platform: &Platform) -> Value {
    let mut view = json!({
        "number": platform.number,
        "name": platform.name,
        "type": platform.platform_type,
        "visibility": platform.visibility,
        "released": platform.released,
        "owner": party(&platform.owner),
        "distribType": platform.distrib_type,
        "members": platform.relations.iter().map(relation).collect::<Vec<_>>(),
        "createdAt": platform.created_at,
        "updatedAt": platform.updated_at,
    });
    for (name, value) in [("defaultBranch", &platform.default_branch), ("description", &platform.description)] {
        if let Some(value) = value {
            view[name] = json!(value);
        }
    }
    if let Some(parent) = platform.parent {
        view["parent"] = json!(parent);
    }
    view
}

fn shown(platform: &Platform) -> KeptAnswer {
    KeptAnswer::ok(json!({"platform": view(platform)})).version(platform.version)
}

/// A number of the path.
pub(crate) fn number(params: &PathParams, name: &str, kind: Kind) -> Result<u64, Problem> {
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit()) && text.len() <= 16;
    params.get(name).filter(|text| digits(text)).and_then(|text| text.parse().ok()).ok_or(Problem::not_found(kind))
}

/// What the audit log says of a change.
pub(crate) fn entry(app: &App, author: &Principal, action: AuditAction, target: u64) -> AuditEntry {
    let now = app.now();
    AuditEntry::by(author, AuditId::new(now, app.store.ids()), action, target, now)
}

/// The groups that decide on a platform.
async fn groups(app: &App, caller: &Principal, platform: u64) -> Result<Vec<Group>, Problem> {
    let platform = app.store.platform(caller.tenant, platform).await?.ok_or(Problem::not_found(Kind::Platform))?;
    Ok(app.store.groups_named(caller.tenant, &platform.groups()).await?)
}

/// Whether a caller may do something with a platform itself.
fn check(
    caller: &Principal,
    groups: &[Group],
    platform: &Platform,
    action: BuildAction<'_>,
) -> Result<(), DomainError> {
    Standing::of(Asking { principal: caller, groups }, platform, None).need(platform, action)
}

/// What a caller is on a platform, and in one of its repositories if one is given.
pub(crate) async fn standing(
    app: &App,
    principal: &Principal,
    platform: &Platform,
    set: Option<&DecisionSet>,
) -> Result<Standing, Problem> {
    let named = platform.groups();
    let groups = match named.is_empty() {
        true => Vec::new(),
        false => app.store.groups_named(principal.tenant, &named).await?,
    };
    let listed = set.and_then(|set| set.members.members.role_of(principal.user));
    let mut standing = Standing::of(Asking { principal, groups: &groups }, platform, listed);
    if !standing.sees() {
        // A member of any repository of the platform may look at all of it.
        standing.viewer = app.store.is_member_on(principal.tenant, principal.user, platform.number).await?;
    }
    Ok(standing)
}

/// `platforms_list`.
pub(crate) async fn list(State(app): State<App>, Caller(caller): Caller) -> Result<Answer, Problem> {
    caller.need_scope(Scope::ReposRead)?;
    if caller.kind == TokenKind::Personal {
        // The caller's own comes into being with the first look.
        app.store.need_personal_platform(caller.tenant, caller.user, app.now()).await?;
    }
    let platforms = app.store.visible_platforms(&caller, app.now()).await?;
    Ok(Answer::ok(json!({"platforms": platforms.iter().map(view).collect::<Vec<_>>()})))
}

/// `platforms_create`.
pub(crate) async fn create(
    State(app): State<App>,
    Administrator(caller): Administrator,
    PostedBody(posted): PostedBody,
) -> Result<Answer, Problem> {
    let once = posted.once(&caller);
    let run = async {
        let command = CreatePlatform::read(&posted.body)?;
        let owner = owner(&app, &caller, command.owner_group).await?;
        let render = |platform: &Platform| KeptAnswer {
            status: 201,
            location: Some(format!("/api/platforms/{}", platform.number)),
            ..shown(platform)
        };
        let made = app.store.create_platform(&caller, (command, owner), once.as_ref(), app.now(), render).await?;
        Ok(render(&made).into())
    };
    answer_once(&app, once.as_ref(), run).await
}

/// Who owns what the caller makes: the caller, or a group that is the caller's own; any, for who passes every check.
pub(crate) async fn owner(app: &App, caller: &Principal, group: Option<u64>) -> Result<Party, Problem> {
    let Some(number) = group else {
        let user = app.store.user(caller.tenant, caller.user).await?;
        return Ok(Party::from(&user.ok_or(Problem::not_found(Kind::User))?));
    };
    let group = app.store.group(caller.tenant, number).await?;
    match group.filter(|group| group.is_changed_by(caller)) {
        Some(group) => Ok(group.party()),
        None => Err(DomainError::invalid("/ownerGroup", "no group of yours has this number").into()),
    }
}

/// `platforms_get`.
pub(crate) async fn show(
    State(app): State<App>,
    Caller(caller): Caller,
    params: PathParams,
) -> Result<Answer, Problem> {
    caller.need_scope(Scope::ReposRead)?;
    let number = number(&params, "platform_number", Kind::Platform)?;
    let platform = app.store.platform(caller.tenant, number).await?.ok_or(Problem::not_found(Kind::Platform))?;
    let standing = standing(&app, &caller, &platform, None).await?;
    standing.need(&platform, BuildAction::Show)?;
    Ok(shown(&platform).into())
}

/// `platforms_update`.
pub(crate) async fn change(
    State(app): State<App>,
    Caller(caller): Caller,
    params: PathParams,
    if_match: IfMatch,
    JsonBody(body): JsonBody,
) -> Result<Answer, Problem> {
    caller.need_scope(Scope::ReposWrite)?;
    let number = number(&params, "platform_number", Kind::Platform)?;
    let (groups, now) = (groups(&app, &caller, number).await?, app.now());
    let patch = PatchPlatform::read(&body)?;
    let change = |stored: &Platform| {
        check(&caller, &groups, stored, BuildAction::Administer)?;
        if_match.check(stored.version)?;
        let platform = patch.apply(stored, now)?;
        let entry = entry(&app, &caller, AuditAction::PlatformUpdated, number);
        Ok(PlatformChange { audit: entry.with_change(&view(stored), &view(&platform)), platform })
    };
    Ok(shown(&app.store.change_platform(caller.tenant, number, now, change).await?).into())
}

/// `platforms_delete`.
pub(crate) async fn remove(
    State(app): State<App>,
    Caller(caller): Caller,
    params: PathParams,
    if_match: IfMatch,
) -> Result<Answer, Problem> {
    caller.need_scope(Scope::ReposWrite)?;
    let number = number(&params, "platform_number", Kind::Platform)?;
    let groups = groups(&app, &caller, number).await?;
    let check = |stored: &Platform| {
        check(&caller, &groups, stored, BuildAction::Administer)?;
        if_match.check(stored.version)
    };
    app.store.remove_platform(&caller, number, app.now(), check).await?;
    Ok(Answer::ok(json!({"ok": true})))
}

/// The user or the group that the path names.
async fn named(app: &App, caller: &Principal, params: &PathParams) -> Result<Party, Problem> {
    let missing = || Problem::not_found(Kind::Member);
    let number = number(params, "member_number", Kind::Member)?;
    let found = match params.get("member_kind") {
        Some("users") => app.store.user_by_number(caller.tenant, number).await?.as_ref().map(Party::from),
        Some("groups") => app.store.group(caller.tenant, number).await?.map(|group| group.party()),
        Some(_) | None => None,
    };
    found.ok_or_else(missing)
}

/// `platforms_set_member`.
pub(crate) async fn set_member(
    State(app): State<App>,
    Caller(caller): Caller,
    params: PathParams,
    if_match: IfMatch,
    OptionalJsonBody(body): OptionalJsonBody,
) -> Result<Answer, Problem> {
    caller.need_scope(Scope::ReposWrite)?;
    let number = number(&params, "platform_number", Kind::Platform)?;
    let (groups, now) = (groups(&app, &caller, number).await?, app.now());
    let party = named(&app, &caller, &params).await?;
    let role = RelationRole::read(&body)?;
    let change = |stored: &Platform| {
        check(&caller, &groups, stored, BuildAction::Administer)?;
        if_match.check(stored.version)?;
        let platform = stored.with(party.clone(), role, now)?;
        let entry = entry(&app, &caller, AuditAction::PlatformMemberAdded, number);
        let audit = entry.with(json!({"type": party.actor.kind(), "uname": party.uname, "role": role}));
        Ok(PlatformChange { platform, audit })
    };
    Ok(shown(&app.store.change_platform(caller.tenant, number, now, change).await?).into())
}

/// `platforms_remove_member`.
pub(crate) async fn remove_member(
    State(app): State<App>,
    Caller(caller): Caller,
    params: PathParams,
    if_match: IfMatch,
) -> Result<Answer, Problem> {
    caller.need_scope(Scope::ReposWrite)?;
    let number = number(&params, "platform_number", Kind::Platform)?;
    let (groups, now) = (groups(&app, &caller, number).await?, app.now());
    let party = named(&app, &caller, &params).await?;
    let change = |stored: &Platform| {
        check(&caller, &groups, stored, BuildAction::Administer)?;
        if_match.check(stored.version)?;
        let platform = stored.without(party.actor, now)?;
        let entry = entry(&app, &caller, AuditAction::PlatformMemberRemoved, number);
        let audit = entry.with(json!({"type": party.actor.kind(), "uname": party.uname}));
        Ok(PlatformChange { platform, audit })
    };
    Ok(shown(&app.store.change_platform(caller.tenant, number, now, change).await?).into())
}
