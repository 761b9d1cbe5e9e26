//! GitLab's part of the double.

use super::forge::{Forge, guard};
use super::{
    Account, EMPTY_OWNER, LISTED, MISSING_OWNER, PUBLIC_OWNER, Query, activity, gitlab_page, header, hooks, number,
    refusal, tree,
};
use axum::extract::{FromRequestParts, OptionalFromRequestParts, Path};
use axum::http::StatusCode;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use repoplane_domain::repository::Provider;
use serde_json::{Value, json};

pub(super) fn router(forge: Forge) -> Router {
    Router::new()
        .route("/user", get(gitlab_user))
        .route("/users/{owner}/projects", get(listed_of))
        .route("/groups/{owner}/projects", get(listed_of))
        .route("/projects", get(listed_of_user))
        .route("/projects/{id}", get(gitlab_project))
        .route("/projects/{id}/members/all/{user_id}", get(gitlab_member))
        .route("/projects/{id}/repository/commits", get(commits))
        .route("/projects/{id}/repository/branches", get(branches))
        .route("/projects/{id}/repository/branches/{branch}", get(branch))
        .route("/projects/{id}/repository/tree", get(whole_tree))
        .route("/projects/{id}/repository/blobs/{sha}/raw", get(raw_blob))
        .route("/projects/{id}/merge_requests", get(merge_requests))
        .route("/projects/{id}/issues", get(issues))
        .route("/projects/{id}/hooks", get(hooks::gitlab_list).post(hooks::gitlab_create))
        .route(
            "/projects/{id}/hooks/{hook}",
            get(hooks::gitlab_show).put(hooks::gitlab_change).delete(hooks::gitlab_delete),
        )
        .route("/projects/{id}/hooks/{hook}/events", get(hooks::gitlab_events))
        .fallback(async || refusal(StatusCode::NOT_FOUND, json!({"error": "404 Not Found"})))
        .layer(from_fn_with_state((Provider::Gitlab, forge.clone()), guard))
        .with_state(forge)
}

/// The account of a GitLab call: `Private-Token`, or `Authorization: Bearer` for OAuth.
pub(super) struct Gitlab(pub(super) Account);

impl<S: Send + Sync> FromRequestParts<S> for Gitlab {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Response> {
        let bearer = || header(&parts.headers, AUTHORIZATION.as_str())?.strip_prefix("Bearer ");
        let token = header(&parts.headers, "private-token").or_else(bearer);
        let unauthorized = || refusal(StatusCode::UNAUTHORIZED, json!({"message": "401 Unauthorized"}));
        token.and_then(Account::of_token).map(Self).ok_or_else(unauthorized)
    }
}

impl<S: Send + Sync> OptionalFromRequestParts<S> for Gitlab {
    type Rejection = Response;

    /// Nobody may ask too; a token that is sent must be a good one.
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Option<Self>, Response> {
        if !parts.headers.contains_key(AUTHORIZATION) && !parts.headers.contains_key("private-token") {
            return Ok(None);
        }
        <Self as FromRequestParts<S>>::from_request_parts(parts, state).await.map(Some)
    }
}

/// GitLab REST: `GET /user`.
async fn gitlab_user(Gitlab(account): Gitlab) -> Json<Value> {
    Json(json!({
        "id": account.id(),
        "username": account.login(),
        "name": account.name(),
        "state": "active",
        "locked": false,
        "avatar_url": null,
        "web_url": format!("https://gitlab.com/{}", account.login()),
        "created_at": "2024-01-01T00:00:00.000Z",
        "bio": "",
        "bot": false,
        "public_email": account.email(),
        "email": account.email(),
        "commit_email": account.email(),
        "two_factor_enabled": true,
        "external": false,
        "private_profile": false,
    }))
}

/// GitLab REST: `GET /projects/:id`, by number or by path.
async fn gitlab_project(caller: Option<Gitlab>, Path(id): Path<String>) -> Response {
    let Some((id, path)) = seen(caller.as_ref(), &id) else { return missing_project() };
    Json(body(caller.map(|Gitlab(account)| account), id, &path)).into_response()
}

fn body(account: Option<Account>, id: u64, path: &str) -> Value {
    let (group, name) = path.rsplit_once('/').unwrap_or(("demo", path));
    let is_public = is_of(path, PUBLIC_OWNER);
    let access = account.map(|account| json!({"access_level": account.access_level(), "notification_level": 3}));
    json!({
        "id": id,
        "description": null,
        "name": name,
        "name_with_namespace": path.replace('/', " / "),
        "path": name,
        "path_with_namespace": path,
        "created_at": "2024-01-01T00:00:00.000Z",
        "default_branch": "main",
        "topics": [],
        "ssh_url_to_repo": format!("git@gitlab.com:{path}.git"),
        "http_url_to_repo": format!("https://gitlab.com/{path}.git"),
        "web_url": format!("https://gitlab.com/{path}"),
        "last_activity_at": "2024-01-01T00:00:00.000Z",
        "namespace": {"id": number(group), "name": group, "path": group, "kind": "group", "full_path": group},
        "visibility": if is_public { "public" } else { "private" },
        "archived": false,
        "empty_repo": is_of(path, EMPTY_OWNER),
        "permissions": {"project_access": access, "group_access": null},
    })
}

/// GitLab REST: `GET /projects/:id/members/all/:user_id`. Each account sees its own membership.
async fn gitlab_member(Gitlab(account): Gitlab, Path((id, user)): Path<(String, String)>) -> Response {
    if project(&id).is_none() {
        return missing_project();
    }
    if user != account.id().to_string() {
        return refusal(StatusCode::NOT_FOUND, json!({"message": "404 Not found"}));
    }
    let body = json!({
        "id": account.id(),
        "username": account.login(),
        "name": account.name(),
        "state": "active",
        "locked": false,
        "avatar_url": null,
        "web_url": format!("https://gitlab.com/{}", account.login()),
        "created_at": "2024-01-01T00:00:00.000Z",
        "expires_at": null,
        "access_level": account.access_level(),
        "membership_state": "active",
    });
    Json(body).into_response()
}

/// Number and path of a project; `None` for a path of [`MISSING_OWNER`] or without a group.
pub(super) fn project(id: &str) -> Option<(u64, String)> {
    if let Ok(number) = id.parse::<u64>() {
        return Some((number, format!("demo/project-{number}")));
    }
    let (group, _) = id.split_once('/')?;
    (!group.eq_ignore_ascii_case(MISSING_OWNER)).then(|| (number(id), id.to_owned()))
}

pub(super) fn missing_project() -> Response {
    refusal(StatusCode::NOT_FOUND, json!({"message": "404 Project Not Found"}))
}

fn is_of(path: &str, owner: &str) -> bool {
    path.split('/').next().is_some_and(|first| first.eq_ignore_ascii_case(owner))
}

/// Nobody sees public projects only.
fn seen(caller: Option<&Gitlab>, id: &str) -> Option<(u64, String)> {
    project(id).filter(|(_, path)| caller.is_some() || is_of(path, PUBLIC_OWNER))
}

fn listed(account: Account, owner: &str) -> impl ExactSizeIterator<Item = Value> {
    let count = usize::try_from(LISTED).unwrap_or_default();
    (0..count).map(move |index| {
        let path = format!("{owner}/project-{index}");
        body(Some(account), number(&path), &path)
    })
}

/// GitLab REST: `GET /projects`.
async fn listed_of_user(Gitlab(account): Gitlab, query: Query) -> Response {
    gitlab_page(&query, listed(account, "demo"))
}

/// GitLab REST: `GET /groups/:id/projects` and `GET /users/:user_id/projects`.
async fn listed_of(Gitlab(account): Gitlab, Path(owner): Path<String>, query: Query) -> Response {
    if is_of(&owner, MISSING_OWNER) {
        return refusal(StatusCode::NOT_FOUND, json!({"message": "404 Group Not Found"}));
    }
    gitlab_page(&query, listed(account, &owner))
}

/// GitLab REST: `GET /projects/:id/repository/commits`.
async fn commits(caller: Option<Gitlab>, Path(id): Path<String>, query: Query) -> Response {
    match seen(caller.as_ref(), &id) {
        None => missing_project(),
        Some((_, path)) if is_of(&path, EMPTY_OWNER) => {
            refusal(StatusCode::NOT_FOUND, json!({"message": "404 Repository Not Found"}))
        }
        Some((_, path)) => gitlab_page(&query, activity::gitlab_commits(&path)),
    }
}

/// What is on the branch of a project; absent, in GitLab's words, where there is no such thing.
fn on_branch(caller: Option<&Gitlab>, id: &str, what: &str, found: impl FnOnce(&str) -> Option<Response>) -> Response {
    let Some((_, path)) = seen(caller, id) else { return missing_project() };
    let found = if is_of(&path, EMPTY_OWNER) { None } else { found(&path) };
    found.unwrap_or_else(|| refusal(StatusCode::NOT_FOUND, json!({"message": format!("404 {what} Not Found")})))
}

/// GitLab REST: `GET /projects/:id/repository/branches`.
async fn branches(caller: Option<Gitlab>, Path(id): Path<String>, query: Query) -> Response {
    let Some((_, path)) = seen(caller.as_ref(), &id) else { return missing_project() };
    let branch = (!is_of(&path, EMPTY_OWNER)).then(|| tree::gitlab_branch(&path));
    gitlab_page(&query, branch.into_iter())
}

/// GitLab REST: `GET /projects/:id/repository/branches/:branch`.
async fn branch(caller: Option<Gitlab>, Path((id, branch)): Path<(String, String)>) -> Response {
    let found = |path: &str| (branch == tree::BRANCH).then(|| Json(tree::gitlab_branch(path)).into_response());
    on_branch(caller.as_ref(), &id, "Branch", found)
}

/// GitLab REST: `GET /projects/:id/repository/tree`.
async fn whole_tree(caller: Option<Gitlab>, Path(id): Path<String>, query: Query) -> Response {
    on_branch(caller.as_ref(), &id, "Tree", |path| tree::gitlab_tree(path, &query))
}

/// GitLab REST: `GET /projects/:id/repository/blobs/:sha/raw`.
async fn raw_blob(caller: Option<Gitlab>, Path((id, sha)): Path<(String, String)>) -> Response {
    on_branch(caller.as_ref(), &id, "Blob", |_| tree::content(&sha).map(IntoResponse::into_response))
}

/// GitLab REST: `GET /projects/:id/merge_requests`.
async fn merge_requests(caller: Option<Gitlab>, Path(id): Path<String>, query: Query) -> Response {
    seen(caller.as_ref(), &id)
        .map_or_else(missing_project, |(_, path)| gitlab_page(&query, activity::gitlab_merge_requests(&path)))
}

/// GitLab REST: `GET /projects/:id/issues`.
async fn issues(caller: Option<Gitlab>, Path(id): Path<String>, query: Query) -> Response {
    seen(caller.as_ref(), &id)
        .map_or_else(missing_project, |(_, path)| gitlab_page(&query, activity::gitlab_issues(&path)))
}
