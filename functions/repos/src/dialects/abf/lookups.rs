//! What clients ask before they change a repository: platforms, projects, groups and users (contract: abf 8.1).

use super::paging::Page;
use super::repositories::maintainers;
use super::{Call, standing, view};
use axum::extract::State;
use axum::response::Response;
use repoplane_api::{Answer, App, Problem};
use repoplane_domain::access::TokenKind;
use repoplane_domain::error::{Denial, DomainError, Kind};
use repoplane_domain::platform::{Asking, BuildAction, BuildProject, Platform, namespace_of};
use serde_json::{Value, json};
use std::collections::HashMap;

/// Longest text that is searched for, in characters.
const MAX_QUERY: usize = 100;

/// The platforms that a caller may look at, the caller's own among them.
async fn visible(app: &App, call: &Call) -> Result<Vec<Platform>, Problem> {
    call.need_scope()?;
    if call.principal.kind == TokenKind::Personal {
        // It comes into being when somebody could first meet it.
        app.store.need_personal_platform(call.principal.tenant, call.principal.user, app.now()).await?;
    }
    Ok(app.store.visible_platforms(&call.principal, app.now()).await?)
}

/// `abf_search`: platforms by a part of their names.
pub(super) async fn search(State(app): State<App>, call: Call) -> Result<Response, Problem> {
    let params = call.params()?;
    let wanted: String = params.plain("query").unwrap_or_default().trim().chars().take(MAX_QUERY).collect();
    let wanted = wanted.to_lowercase();
    let kind = params.plain("type").unwrap_or("all").to_owned();
    let page = Page::of(params);
    if !matches!(kind.as_str(), "all" | "platforms") {
        call.need_scope()?;
        return Ok(page.answer(&call, json!({"results": {}, "query": wanted, "type": kind}), false));
    }
    let mut found = visible(&app, &call).await?;
    if let Some(name) = wanted.strip_suffix(repoplane_domain::platform::PERSONAL_SUFFIX)
        && !found.iter().any(|platform| platform.name.to_lowercase() == wanted)
    {
        // Another user's, who was never here.
        app.store.need_personal_platform_of(call.principal.tenant, name, app.now()).await?;
        found = app.store.visible_platforms(&call.principal, app.now()).await?;
    }
    found.retain(|platform| platform.name.to_lowercase().contains(&wanted));
    found.sort_by(|a, b| a.name.cmp(&b.name));
    let (rows, more) = page.cut(found);
    let platforms: Vec<Value> = rows.iter().map(view::found_platform).collect();
    let body = json!({"results": {"platforms": platforms}, "query": wanted, "type": kind});
    Ok(page.answer(&call, body, more))
}

/// `abf_list_platforms`.
pub(super) async fn platforms(State(app): State<App>, call: Call) -> Result<Response, Problem> {
    let page = Page::of(call.params()?);
    let (rows, more) = page.cut(visible(&app, &call).await?);
    let numbers: Vec<u64> = rows.iter().map(|platform| platform.number).collect();
    let mut repositories = app.store.repositories_of_platforms(call.principal.tenant, &numbers).await?;
    let rows = rows
        .iter()
        .map(|platform| view::listed_platform(platform, &repositories.remove(&platform.number).unwrap_or_default()));
    let body = json!({"platforms": rows.collect::<Vec<_>>(), "url": "/api/v1/platforms.json"});
    Ok(page.answer(&call, body, more))
}

/// `abf_get_platform`.
pub(super) async fn platform(State(app): State<App>, call: Call) -> Result<Answer, Problem> {
    let tenant = call.principal.tenant;
    let missing = || Problem::not_found(Kind::Platform);
    let platform = app.store.platform(tenant, call.number().ok_or_else(missing)?).await?.ok_or_else(missing)?;
    call.need_scope()?;
    standing(&app, &call.principal, &platform, None).await?.need(&platform, BuildAction::Show)?;
    let repositories = app.store.repositories_of_namespace(tenant, &namespace_of(platform.number)).await?;
    Ok(Answer::ok(view::platform(&platform, &repositories)))
}

/// A project that the caller may look at.
async fn readable(app: &App, call: &Call, project: Option<BuildProject>) -> Result<BuildProject, Problem> {
    let project = project.ok_or_else(|| Problem::not_found(Kind::Project))?;
    call.need_scope()?;
    let owners: Vec<u64> = project.owner.group().into_iter().collect();
    let groups = app.store.groups_named(call.principal.tenant, &owners).await?;
    match project.is_readable_by(Asking { principal: &call.principal, groups: &groups }) {
        true => Ok(project),
        false => Err(DomainError::Denied(Denial::PlatformAccess).into()),
    }
}

/// `abf_find_project`: by owner and name.
pub(super) async fn project_id(State(app): State<App>, call: Call) -> Result<Answer, Problem> {
    let (params, tenant) = (call.params()?, call.principal.tenant);
    let project = match (params.plain("owner"), params.plain("name")) {
        (Some(owner), Some(name)) => match app.store.party_by_name(tenant, owner).await? {
            Some(owner) => app.store.project_by_name(tenant, owner.actor, name).await?,
            None => None,
        },
        _ => None,
    };
    let project = readable(&app, &call, project).await?;
    let id = json!({"id": project.number, "name": project.name, "fullname": project.full_name()});
    Ok(Answer::ok(json!({"project": id})))
}

/// `abf_get_project`.
pub(super) async fn project(State(app): State<App>, call: Call) -> Result<Answer, Problem> {
    let tenant = call.principal.tenant;
    let number = call.number().ok_or_else(|| Problem::not_found(Kind::Project))?;
    let project = readable(&app, &call, app.store.project(tenant, number).await?).await?;
    let places = app.store.repositories_of_project(&project).await?;
    let numbers: Vec<u64> = places.iter().map(|(_, place)| place.platform).collect();
    let platforms: HashMap<u64, Platform> = app.store.platforms_named(tenant, &numbers).await?;
    let place = |(repository, place): (_, repoplane_domain::platform::ProjectPlace)| {
        Some((repository, platforms.get(&place.platform)?.clone()))
    };
    let places: Vec<_> = places.into_iter().filter_map(place).collect();
    let users = maintainers(&app, &call, std::slice::from_ref(&project)).await?;
    Ok(Answer::ok(view::project(&project, (&users, &places), &call.asked, &call.principal.username)))
}

/// `abf_get_group`.
pub(super) async fn group(State(app): State<App>, call: Call) -> Result<Answer, Problem> {
    let missing = || Problem::not_found(Kind::Group);
    let number = call.number().ok_or_else(missing)?;
    let group = app.store.group(call.principal.tenant, number).await?.ok_or_else(missing)?;
    call.need_scope()?;
    Ok(Answer::ok(view::group(&group)))
}

/// `abf_get_user`.
pub(super) async fn user(State(app): State<App>, call: Call) -> Result<Answer, Problem> {
    let missing = || Problem::not_found(Kind::User);
    let number = call.number().ok_or_else(missing)?;
    let user = app.store.user_by_number(call.principal.tenant, number).await?.ok_or_else(missing)?;
    call.need_scope()?;
    Ok(Answer::ok(view::user(&user)))
}
