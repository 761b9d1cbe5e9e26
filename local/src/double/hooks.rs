//! Hooks of the double's repositories, kept in memory. Only an administrator may manage them, as at the real providers.

use super::github::{Github, github_missing};
use super::gitlab::{Gitlab, missing_project, project};
use super::{Account, MISSING_OWNER, Query, github_page, gitlab_page, refusal};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Hooks of one repository that are kept, the limit of GitLab.
const MAX_KEPT: usize = 100;
/// A hook whose URL has this in it is one whose deliveries fail.
const FAILING: &str = "failing";

/// Hooks by repository and id.
#[derive(Debug, Clone, Default)]
pub(super) struct Hooks(Arc<Mutex<BTreeMap<String, BTreeMap<u64, Value>>>>);

impl Hooks {
    fn all(&self) -> MutexGuard<'_, BTreeMap<String, BTreeMap<u64, Value>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn list(&self, repository: &str) -> Vec<Value> {
        self.all().get(repository).into_iter().flat_map(BTreeMap::values).cloned().collect()
    }

    fn get(&self, repository: &str, hook: u64) -> Option<Value> {
        self.all().get(repository)?.get(&hook).cloned()
    }

    /// Keeps a new hook, which gets an id; `None` when there are too many.
    fn add(&self, repository: &str, mut hook: Value) -> Option<Value> {
        let mut all = self.all();
        let id = all.values().flat_map(BTreeMap::keys).max().map_or(1, |last| last + 1);
        let of_repository = all.entry(repository.to_owned()).or_default();
        if of_repository.len() >= MAX_KEPT {
            return None;
        }
        hook["id"] = json!(id);
        of_repository.insert(id, hook.clone());
        Some(hook)
    }

    /// Every hook of every repository.
    pub(super) fn everything(&self) -> Vec<Value> {
        self.all().values().flat_map(BTreeMap::values).cloned().collect()
    }

    /// Lets the hooks of a repository that is gone go with it.
    pub(super) fn forget(&self, repository: &str) {
        self.all().remove(repository);
    }

    fn put(&self, repository: &str, hook: u64, value: &Value) {
        self.all().entry(repository.to_owned()).or_default().insert(hook, value.clone());
    }

    fn remove(&self, repository: &str, hook: u64) -> bool {
        self.all().get_mut(repository).is_some_and(|hooks| hooks.remove(&hook).is_some())
    }
}

/// GitHub hides hooks from those who may not manage them.
fn github_key(account: Account, owner: &str, repo: &str) -> Option<String> {
    let seen = account == Account::Admin && !owner.eq_ignore_ascii_case(MISSING_OWNER);
    seen.then(|| format!("{owner}/{repo}").to_ascii_lowercase())
}

fn invalid(message: &str) -> Response {
    let body = json!({
        "message": "Validation Failed",
        "errors": [{"resource": "Hook", "code": "custom", "message": message}],
        "documentation_url": "https://docs.github.com/rest",
        "status": "422",
    });
    refusal(StatusCode::UNPROCESSABLE_ENTITY, body)
}

/// Takes over what a body says, with the secret masked.
fn github_apply(hook: &mut Value, body: &Value) {
    for name in ["active", "events"] {
        if let Some(value) = body.get(name) {
            hook[name] = value.clone();
        }
    }
    if let Some(config) = body.get("config") {
        hook["config"] = config.clone();
        if config.get("secret").is_some() {
            hook["config"]["secret"] = json!("********");
        }
    }
}

/// GitHub REST: `GET /repos/{owner}/{repo}/hooks`.
pub(super) async fn github_list(
    State(hooks): State<Hooks>,
    Github(account): Github,
    Path((owner, repo)): Path<(String, String)>,
    query: Query,
) -> Response {
    let Some(key) = github_key(account, &owner, &repo) else { return github_missing() };
    github_page(&query, hooks.list(&key).into_iter())
}

/// GitHub REST: `POST /repos/{owner}/{repo}/hooks`.
pub(super) async fn github_create(
    State(hooks): State<Hooks>,
    Github(account): Github,
    Path((owner, repo)): Path<(String, String)>,
    Json(body): Json<Value>,
) -> Response {
    let Some(key) = github_key(account, &owner, &repo) else { return github_missing() };
    let url = &body["config"]["url"];
    if !url.is_string() {
        return invalid("url is missing");
    }
    if hooks.list(&key).iter().any(|hook| hook["config"]["url"] == *url && hook["events"] == body["events"]) {
        return invalid("Hook already exists on this repository");
    }
    let status = if url.as_str().is_some_and(|url| url.contains(FAILING)) { json!(500) } else { Value::Null };
    let mut hook = json!({
        "type": "Repository", "id": 0, "name": "web", "active": true, "events": ["push"],
        "created_at": "2024-01-01T00:00:00Z", "updated_at": "2024-01-01T00:00:00Z",
        "last_response": {"code": status, "status": "unused", "message": null},
    });
    github_apply(&mut hook, &body);
    match hooks.add(&key, hook) {
        Some(hook) => (StatusCode::CREATED, Json(hook)).into_response(),
        None => invalid("The limit of hooks has been reached"),
    }
}

/// GitHub REST: `GET /repos/{owner}/{repo}/hooks/{hook_id}`.
pub(super) async fn github_show(
    State(hooks): State<Hooks>,
    Github(account): Github,
    Path((owner, repo, hook)): Path<(String, String, u64)>,
) -> Response {
    let found = github_key(account, &owner, &repo).and_then(|key| hooks.get(&key, hook));
    found.map_or_else(github_missing, |hook| Json(hook).into_response())
}

/// GitHub REST: `PATCH /repos/{owner}/{repo}/hooks/{hook_id}`.
pub(super) async fn github_change(
    State(hooks): State<Hooks>,
    Github(account): Github,
    Path((owner, repo, id)): Path<(String, String, u64)>,
    Json(body): Json<Value>,
) -> Response {
    let Some(key) = github_key(account, &owner, &repo) else { return github_missing() };
    let Some(mut hook) = hooks.get(&key, id) else { return github_missing() };
    github_apply(&mut hook, &body);
    hooks.put(&key, id, &hook);
    Json(hook).into_response()
}

/// GitHub REST: `DELETE /repos/{owner}/{repo}/hooks/{hook_id}`.
pub(super) async fn github_delete(
    State(hooks): State<Hooks>,
    Github(account): Github,
    Path((owner, repo, hook)): Path<(String, String, u64)>,
) -> Response {
    let is_gone = github_key(account, &owner, &repo).is_some_and(|key| hooks.remove(&key, hook));
    if is_gone { StatusCode::NO_CONTENT.into_response() } else { github_missing() }
}

/// GitHub REST: `GET /repos/{owner}/{repo}/hooks/{hook_id}/deliveries`.
pub(super) async fn github_deliveries(
    State(hooks): State<Hooks>,
    Github(account): Github,
    Path((owner, repo, hook)): Path<(String, String, u64)>,
) -> Response {
    let found = github_key(account, &owner, &repo).and_then(|key| hooks.get(&key, hook));
    let Some(hook) = found else { return github_missing() };
    let fails = hook["config"]["url"].as_str().is_some_and(|url| url.contains(FAILING));
    let (status, status_code) = if fails { ("Server Error", 500) } else { ("OK", 202) };
    Json(json!([{
        "id": 1, "guid": "0b989ba4-242f-11e5-81e1-c7b6966d2516", "delivered_at": "2024-01-02T00:00:00Z",
        "redelivery": false, "duration": 0.03, "status": status, "status_code": status_code, "event": "ping",
        "action": null, "installation_id": null, "repository_id": null,
    }]))
    .into_response()
}

/// GitLab shows hooks to maintainers only.
fn gitlab_key(account: Account, id: &str) -> Result<String, Box<Response>> {
    let (_, path) = project(id).ok_or_else(|| Box::new(missing_project()))?;
    if account != Account::Admin {
        return Err(Box::new(refusal(StatusCode::FORBIDDEN, json!({"message": "403 Forbidden"}))));
    }
    Ok(path.to_ascii_lowercase())
}

fn gitlab_missing() -> Response {
    refusal(StatusCode::NOT_FOUND, json!({"message": "404 Not found"}))
}

/// Takes over what a body says; the token is never shown.
fn gitlab_apply(hook: &mut Value, body: &Value) {
    for (name, value) in body.as_object().into_iter().flatten().filter(|(name, _)| *name != "token") {
        hook[name] = value.clone();
    }
}

/// GitLab REST: `GET /projects/:id/hooks`.
pub(super) async fn gitlab_list(
    State(hooks): State<Hooks>,
    Gitlab(account): Gitlab,
    Path(id): Path<String>,
    query: Query,
) -> Response {
    match gitlab_key(account, &id) {
        Ok(key) => gitlab_page(&query, hooks.list(&key).into_iter()),
        Err(refusal) => *refusal,
    }
}

/// GitLab REST: `POST /projects/:id/hooks`.
pub(super) async fn gitlab_create(
    State(hooks): State<Hooks>,
    Gitlab(account): Gitlab,
    Path(id): Path<String>,
    Json(body): Json<Value>,
) -> Response {
    let key = match gitlab_key(account, &id) {
        Ok(key) => key,
        Err(refusal) => return *refusal,
    };
    if !body["url"].as_str().is_some_and(|url| url.starts_with("http")) {
        return refusal(StatusCode::UNPROCESSABLE_ENTITY, json!({"error": "Invalid url given"}));
    }
    let mut hook = json!({
        "id": 0, "push_events": true, "enable_ssl_verification": true, "alert_status": "executable",
        "disabled_until": null, "created_at": "2024-01-01T00:00:00.000Z",
    });
    gitlab_apply(&mut hook, &body);
    match hooks.add(&key, hook) {
        Some(hook) => (StatusCode::CREATED, Json(hook)).into_response(),
        None => {
            let message = format!("Maximum number of project hooks ({MAX_KEPT}) exceeded");
            refusal(StatusCode::UNPROCESSABLE_ENTITY, json!({"error": message}))
        }
    }
}

/// GitLab REST: `GET /projects/:id/hooks/:hook_id`.
pub(super) async fn gitlab_show(
    State(hooks): State<Hooks>,
    Gitlab(account): Gitlab,
    Path((id, hook)): Path<(String, u64)>,
) -> Response {
    match gitlab_key(account, &id) {
        Ok(key) => hooks.get(&key, hook).map_or_else(gitlab_missing, |hook| Json(hook).into_response()),
        Err(refusal) => *refusal,
    }
}

/// GitLab REST: `PUT /projects/:id/hooks/:hook_id`.
pub(super) async fn gitlab_change(
    State(hooks): State<Hooks>,
    Gitlab(account): Gitlab,
    Path((id, hook_id)): Path<(String, u64)>,
    Json(body): Json<Value>,
) -> Response {
    let key = match gitlab_key(account, &id) {
        Ok(key) => key,
        Err(refusal) => return *refusal,
    };
    let Some(mut hook) = hooks.get(&key, hook_id) else { return gitlab_missing() };
    gitlab_apply(&mut hook, &body);
    hooks.put(&key, hook_id, &hook);
    Json(hook).into_response()
}

/// GitLab REST: `DELETE /projects/:id/hooks/:hook_id`.
pub(super) async fn gitlab_delete(
    State(hooks): State<Hooks>,
    Gitlab(account): Gitlab,
    Path((id, hook)): Path<(String, u64)>,
) -> Response {
    match gitlab_key(account, &id) {
        Ok(key) if hooks.remove(&key, hook) => StatusCode::NO_CONTENT.into_response(),
        Ok(_) => gitlab_missing(),
        Err(refusal) => *refusal,
    }
}

/// GitLab REST: `GET /projects/:id/hooks/:hook_id/events`.
pub(super) async fn gitlab_events(
    State(hooks): State<Hooks>,
    Gitlab(account): Gitlab,
    Path((id, hook)): Path<(String, u64)>,
) -> Response {
    let hook = match gitlab_key(account, &id) {
        Ok(key) => hooks.get(&key, hook),
        Err(refusal) => return *refusal,
    };
    let Some(hook) = hook else { return gitlab_missing() };
    let fails = hook["url"].as_str().is_some_and(|url| url.contains(FAILING));
    let status = if fails { "internal error" } else { "200" };
    Json(json!([{"id": 1, "url": hook["url"], "trigger": "push_hooks", "execution_duration": 1.08,
        "response_status": status}]))
    .into_response()
}
