//! GitHub's part of the double.

use super::forge::{Forge, guard};
use super::{
    Account, EMPTY_OWNER, LISTED, MISSING_OWNER, PUBLIC_OWNER, Query, activity, github_app, github_page, header, hooks,
    number, refusal, tree,
};
use axum::extract::{FromRequestParts, OptionalFromRequestParts, Path};
use axum::http::StatusCode;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use repoplane_domain::repository::Provider;
use serde_json::{Value, json};

pub(super) fn router(forge: Forge) -> Router {
    Router::new()
        .route("/user", get(github_user))
        .route("/user/emails", get(github_emails))
        .route("/user/repos", get(listed_of_user))
        .route("/users/{login}", get(github_app::bot))
        .route("/users/{owner}/repos", get(listed_of))
        .route("/orgs/{owner}/repos", get(listed_of))
        .route("/app", get(github_app::app))
        .route("/app/installations/{id}/access_tokens", post(github_app::exchange))
        .route("/installation/repositories", get(listed_of_installation))
        .route("/repos/{owner}/{repo}", get(github_repository))
        .route("/repos/{owner}/{repo}/commits", get(commits))
        .route("/repos/{owner}/{repo}/branches", get(branches))
        .route("/repos/{owner}/{repo}/git/ref/{*reference}", get(reference))
        .route("/repos/{owner}/{repo}/git/trees/{sha}", get(whole_tree))
        .route("/repos/{owner}/{repo}/git/blobs/{sha}", get(blob))
        .route("/repos/{owner}/{repo}/pulls", get(pulls))
        .route("/repos/{owner}/{repo}/issues", get(issues))
        .route("/repos/{owner}/{repo}/hooks", get(hooks::github_list).post(hooks::github_create))
        .route(
            "/repos/{owner}/{repo}/hooks/{hook}",
            get(hooks::github_show).patch(hooks::github_change).delete(hooks::github_delete),
        )
        .route("/repos/{owner}/{repo}/hooks/{hook}/deliveries", get(hooks::github_deliveries))
        .route("/repositories/{id}", get(github_repository_by_id))
        .fallback(async || github_missing())
        .layer(from_fn_with_state((Provider::Github, forge.clone()), guard))
        .with_state(forge)
}

/// The account of a GitHub call: `Authorization: Bearer` or the older `token`.
pub(super) struct Github(pub(super) Account);

impl<S: Send + Sync> FromRequestParts<S> for Github {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Response> {
        let text = header(&parts.headers, AUTHORIZATION.as_str()).and_then(|text| text.split_once(' '));
        let known = ["bearer", "token"];
        let token = text.filter(|(scheme, _)| known.contains(&scheme.to_ascii_lowercase().as_str()));
        token.and_then(|(_, token)| Account::of_token(token)).map(Self).ok_or_else(|| {
            let help = "https://docs.github.com/rest";
            let body = json!({"message": "Bad credentials", "documentation_url": help, "status": "401"});
            refusal(StatusCode::UNAUTHORIZED, body)
        })
    }
}

impl<S: Send + Sync> OptionalFromRequestParts<S> for Github {
    type Rejection = Response;

    /// Nobody may ask too; a token that is sent must be a good one.
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Option<Self>, Response> {
        if !parts.headers.contains_key(AUTHORIZATION) {
            return Ok(None);
        }
        <Self as FromRequestParts<S>>::from_request_parts(parts, state).await.map(Some)
    }
}

pub(super) fn github_missing() -> Response {
    let help = "https://docs.github.com/rest";
    refusal(StatusCode::NOT_FOUND, json!({"message": "Not Found", "documentation_url": help, "status": "404"}))
}

/// GitHub REST: `GET /user`.
async fn github_user(Github(account): Github) -> Json<Value> {
    let login = account.login();
    Json(json!({
        "login": login,
        "id": account.id(),
        "node_id": format!("U_demo{}", account.id()),
        "avatar_url": "",
        "url": format!("https://api.github.com/users/{login}"),
        "html_url": format!("https://github.com/{login}"),
        "type": "User",
        "site_admin": false,
        "name": account.name(),
        "company": null,
        "blog": "",
        "location": null,
        "email": account.email(),
        "hireable": null,
        "bio": null,
        "public_repos": 0,
        "public_gists": 0,
        "followers": 0,
        "following": 0,
        "created_at": "2024-01-01T00:00:00Z",
        "updated_at": "2024-01-01T00:00:00Z",
    }))
}

/// GitHub REST: `GET /user/emails`.
async fn github_emails(Github(account): Github) -> Json<Value> {
    let kept = format!("{}+{}@users.noreply.github.com", account.id(), account.login());
    Json(json!([
        {"email": account.email(), "primary": true, "verified": true, "visibility": "public"},
        {"email": kept, "primary": false, "verified": true, "visibility": null},
    ]))
}

/// GitHub REST: `GET /repos/{owner}/{repo}`.
async fn github_repository(caller: Option<Github>, Path((owner, repo)): Path<(String, String)>) -> Response {
    if !can_see(caller.as_ref(), &owner) {
        return github_missing();
    }
    let id = number(&format!("{owner}/{repo}"));
    Json(github_body(caller.map(|Github(account)| account), id, &owner, &repo)).into_response()
}

/// GitHub REST: `GET /repositories/{id}`.
async fn github_repository_by_id(Github(account): Github, Path(id): Path<String>) -> Response {
    match id.parse() {
        Ok(id) => Json(github_body(Some(account), id, "demo", &format!("repository-{id}"))).into_response(),
        Err(_) => github_missing(),
    }
}

fn github_body(account: Option<Account>, id: u64, owner: &str, repo: &str) -> Value {
    let full_name = format!("{owner}/{repo}");
    let is_public = owner.eq_ignore_ascii_case(PUBLIC_OWNER);
    let admin = account == Some(Account::Admin);
    let push = account.is_some_and(|account| account != Account::Reader);
    json!({
        "id": id,
        "node_id": format!("R_demo{id}"),
        "name": repo,
        "full_name": full_name,
        "private": !is_public,
        "owner": {
            "login": owner,
            "id": number(owner),
            "type": "Organization",
            "site_admin": false,
            "html_url": format!("https://github.com/{owner}"),
        },
        "html_url": format!("https://github.com/{full_name}"),
        "description": null,
        "fork": false,
        "url": format!("https://api.github.com/repos/{full_name}"),
        "clone_url": format!("https://github.com/{full_name}.git"),
        "ssh_url": format!("git@github.com:{full_name}.git"),
        "default_branch": "main",
        "archived": false,
        "disabled": false,
        "visibility": if is_public { "public" } else { "private" },
        "topics": [],
        "open_issues_count": 0,
        "created_at": "2024-01-01T00:00:00Z",
        "updated_at": "2024-01-01T00:00:00Z",
        "pushed_at": "2024-01-01T00:00:00Z",
        "permissions": {"admin": admin, "maintain": admin, "push": push, "triage": push, "pull": true},
    })
}

/// Nobody sees public repositories only, and no one sees those that do not exist.
fn can_see(caller: Option<&Github>, owner: &str) -> bool {
    !owner.eq_ignore_ascii_case(MISSING_OWNER) && (caller.is_some() || owner.eq_ignore_ascii_case(PUBLIC_OWNER))
}

fn listed(account: Account, owner: &str) -> impl ExactSizeIterator<Item = Value> {
    let count = usize::try_from(LISTED).unwrap_or_default();
    (0..count).map(move |index| {
        let name = format!("repository-{index}");
        github_body(Some(account), number(&format!("{owner}/{name}")), owner, &name)
    })
}

/// GitHub REST: `GET /user/repos`.
async fn listed_of_user(Github(account): Github, query: Query) -> Response {
    github_page(&query, listed(account, "demo"))
}

/// GitHub REST: `GET /orgs/{org}/repos` and `GET /users/{username}/repos`.
async fn listed_of(Github(account): Github, Path(owner): Path<String>, query: Query) -> Response {
    if owner.eq_ignore_ascii_case(MISSING_OWNER) {
        return github_missing();
    }
    github_page(&query, listed(account, &owner))
}

/// GitHub REST: `GET /installation/repositories`.
async fn listed_of_installation(Github(account): Github) -> Json<Value> {
    let repositories: Vec<Value> = listed(account, "demo").take(3).collect();
    Json(json!({"total_count": repositories.len(), "repository_selection": "selected", "repositories": repositories}))
}

/// GitHub REST: `GET /repos/{owner}/{repo}/commits`.
async fn commits(caller: Option<Github>, Path((owner, repo)): Path<(String, String)>, query: Query) -> Response {
    if !can_see(caller.as_ref(), &owner) {
        return github_missing();
    }
    if owner.eq_ignore_ascii_case(EMPTY_OWNER) {
        return empty();
    }
    github_page(&query, activity::github_commits(&format!("{owner}/{repo}")))
}

/// GitHub REST: `GET /repos/{owner}/{repo}/branches`.
async fn branches(caller: Option<Github>, Path((owner, repo)): Path<(String, String)>, query: Query) -> Response {
    if !can_see(caller.as_ref(), &owner) {
        return github_missing();
    }
    let is_empty = owner.eq_ignore_ascii_case(EMPTY_OWNER);
    let branch = (!is_empty).then(|| tree::github_branch(&format!("{owner}/{repo}")));
    github_page(&query, branch.into_iter())
}

fn empty() -> Response {
    refusal(StatusCode::CONFLICT, json!({"message": "Git Repository is empty.", "status": "409"}))
}

/// What is on the branch of a repository; absent where there is nothing by that name.
fn on_branch(caller: Option<&Github>, owner: &str, found: impl FnOnce() -> Option<Value>) -> Response {
    match found() {
        _ if !can_see(caller, owner) => github_missing(),
        _ if owner.eq_ignore_ascii_case(EMPTY_OWNER) => empty(),
        Some(found) => Json(found).into_response(),
        None => github_missing(),
    }
}

/// Owner, repository and the last part of a path.
type Below = Path<(String, String, String)>;

/// GitHub REST: `GET /repos/{owner}/{repo}/git/ref/{ref}`.
async fn reference(caller: Option<Github>, Path((owner, repo, reference)): Below) -> Response {
    let is_branch = reference.strip_prefix("heads/") == Some(tree::BRANCH);
    on_branch(caller.as_ref(), &owner, || is_branch.then(|| tree::github_reference(&format!("{owner}/{repo}"))))
}

/// GitHub REST: `GET /repos/{owner}/{repo}/git/trees/{tree_sha}`; whatever its value, `recursive` asks for everything below.
async fn whole_tree(caller: Option<Github>, Path((owner, repo, sha)): Below, query: Query) -> Response {
    let recursive = query.contains_key("recursive");
    on_branch(caller.as_ref(), &owner, || tree::github_tree(&format!("{owner}/{repo}"), &sha, recursive))
}

/// GitHub REST: `GET /repos/{owner}/{repo}/git/blobs/{file_sha}`.
async fn blob(caller: Option<Github>, Path((owner, repo, sha)): Below) -> Response {
    on_branch(caller.as_ref(), &owner, || tree::github_blob(&format!("{owner}/{repo}"), &sha))
}

/// GitHub REST: `GET /repos/{owner}/{repo}/pulls`.
async fn pulls(caller: Option<Github>, Path((owner, repo)): Path<(String, String)>, query: Query) -> Response {
    if !can_see(caller.as_ref(), &owner) {
        return github_missing();
    }
    github_page(&query, activity::github_pulls(&format!("{owner}/{repo}")))
}

/// GitHub REST: `GET /repos/{owner}/{repo}/issues`.
async fn issues(caller: Option<Github>, Path((owner, repo)): Path<(String, String)>, query: Query) -> Response {
    if !can_see(caller.as_ref(), &owner) {
        return github_missing();
    }
    github_page(&query, activity::github_issues(&format!("{owner}/{repo}")))
}
