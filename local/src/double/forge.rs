//! Projects that are made at the double, with their deploy keys: those of owners whose name begins with [`FORGE_OWNER`]
//! exist only once they were made. What a test wants to go wrong goes wrong here, before or after it was done.

use super::github::{Github, github_missing};
use super::gitlab::{Gitlab, missing_project};
use super::hooks::Hooks;
use super::{Account, number, refusal};
use axum::Json;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{FromRef, FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use repoplane_domain::repository::Provider;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// Projects of owners whose name begins so exist only once they were made.
pub const FORGE_OWNER: &str = "forge";
/// The first number of a project that was made: above all that belong to names.
const FIRST_ID: u64 = 1 << 32;
/// Longest body that is read, in bytes.
const MAX_BODY: usize = 100_000;

/// What goes wrong.
#[derive(Debug, Clone)]
pub enum Failure {
    /// The answer has this status and body, and nothing was done.
    Status(u16, Value),
    /// It was done, and the connection breaks before the answer is told.
    Lost,
    /// It was not done, and no answer ever comes; who waits on [`Forges::reached`] is told that the call is here.
    Hang,
    /// It was done, and no answer ever comes; as [`Failure::Hang`].
    HangAfter,
}

/// A call that shall go wrong.
#[derive(Debug, Clone)]
struct Fault {
    method: Method,
    /// The end of the call's decoded path.
    end: String,
    failure: Failure,
    /// How often it still goes wrong.
    times: u32,
}

/// Both providers' projects, for tests to look at and to break.
#[derive(Debug, Clone, Default)]
pub struct Forges {
    github: Forge,
    gitlab: Forge,
}

/// The projects of one provider.
#[derive(Debug, Clone, Default)]
pub(super) struct Forge {
    pub(super) hooks: Hooks,
    kept: Arc<Mutex<Kept>>,
    reached: Arc<Notify>,
}

#[derive(Debug, Default)]
struct Kept {
    projects: BTreeMap<u64, Value>,
    keys: BTreeMap<u64, BTreeMap<u64, Value>>,
    last: u64,
    faults: Vec<Fault>,
    calls: Vec<String>,
}

impl FromRef<Forge> for Hooks {
    fn from_ref(forge: &Forge) -> Self {
        forge.hooks.clone()
    }
}

impl Forges {
    pub(super) fn of(&self, provider: Provider) -> &Forge {
        match provider {
            Provider::Github => &self.github,
            Provider::Gitlab | Provider::Git => &self.gitlab,
        }
    }

    /// Lets the next `times` calls of this method, whose decoded path ends so, go wrong.
    pub fn fail(&self, provider: Provider, (method, end): (Method, &str), failure: Failure, times: u32) {
        self.of(provider).kept().faults.push(Fault { method, end: end.to_owned(), failure, times });
    }

    /// Lets everything go right again.
    pub fn heal(&self) {
        for forge in [&self.github, &self.gitlab] {
            forge.kept().faults.clear();
        }
    }

    /// Waits until a call has come that is never answered.
    pub async fn reached(&self, provider: Provider) {
        self.of(provider).reached.notified().await;
    }

    /// The projects that are there, as the provider shows them.
    pub fn projects(&self, provider: Provider) -> Vec<Value> {
        self.of(provider).kept().projects.values().cloned().collect()
    }

    /// The deploy keys of all projects.
    pub fn deploy_keys(&self, provider: Provider) -> Vec<Value> {
        self.of(provider).kept().keys.values().flat_map(BTreeMap::values).cloned().collect()
    }

    /// The hooks of all projects.
    pub fn hooks(&self, provider: Provider) -> Vec<Value> {
        self.of(provider).hooks.everything()
    }

    /// Method and decoded path of every call that was about a project that can be made, oldest first.
    pub fn calls(&self, provider: Provider) -> Vec<String> {
        self.of(provider).kept().calls.clone()
    }

    /// Makes a project as somebody else would, and says its number.
    pub fn make(&self, provider: Provider, owner: &str, path: &str, description: &str) -> u64 {
        let forge = self.of(provider);
        let body = json!({"description": description, "private": true, "visibility": "private"});
        forge.kept().make(provider, owner, path, &body)["id"].as_u64().unwrap_or_default()
    }

    /// Takes a project away as somebody else would.
    pub fn unmake(&self, provider: Provider, id: u64) {
        self.of(provider).unmake(provider, id);
    }
}

impl Forge {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn unmake(&self, provider: Provider, id: u64) -> bool {
        let gone = {
            let mut kept = self.kept();
            kept.keys.remove(&id);
            kept.projects.remove(&id)
        };
        if let Some(project) = &gone {
            self.hooks.forget(&hooks_key(provider, project));
        }
        gone.is_some()
    }

    /// What shall go wrong with this call, if anything.
    fn fault(&self, method: &Method, path: &str) -> Option<Failure> {
        let mut kept = self.kept();
        let fault = kept
            .faults
            .iter_mut()
            .find(|fault| fault.times > 0 && fault.method == *method && path.ends_with(&fault.end))?;
        fault.times -= 1;
        Some(fault.failure.clone())
    }
}

/// Under what [`Hooks`] keeps the hooks of a project.
fn hooks_key(provider: Provider, project: &Value) -> String {
    let text = |name: &str| project[name].as_str().unwrap_or_default().to_ascii_lowercase();
    match provider {
        Provider::Github => text("full_name"),
        Provider::Gitlab | Provider::Git => format!("demo/project-{}", project["id"]),
    }
}

impl Kept {
    fn make(&mut self, provider: Provider, owner: &str, path: &str, body: &Value) -> Value {
        self.last += 1;
        let id = FIRST_ID + self.last;
        let full = format!("{owner}/{path}");
        let mut project = match provider {
            Provider::Github => json!({
                "id": id, "name": path, "full_name": full, "private": false, "visibility": "public",
                "owner": {"login": owner, "id": number(owner), "type": "Organization"},
                "html_url": format!("https://github.com/{full}"), "description": null, "default_branch": "main",
                "clone_url": format!("https://github.com/{full}.git"),
                "ssh_url": format!("git@github.com:{full}.git"), "archived": false,
                "permissions": {"admin": true, "maintain": true, "push": true, "triage": true, "pull": true},
            }),
            Provider::Gitlab | Provider::Git => json!({
                "id": id, "name": path, "path": path, "path_with_namespace": full, "description": null,
                "visibility": "private", "default_branch": "main", "archived": false, "empty_repo": true,
                "web_url": format!("https://gitlab.com/{full}"),
                "ssh_url_to_repo": format!("git@gitlab.com:{full}.git"),
                "http_url_to_repo": format!("https://gitlab.com/{full}.git"),
                "namespace": {"id": number(owner), "path": owner, "kind": "group", "full_path": owner},
            }),
        };
        apply(provider, &mut project, body);
        self.projects.insert(id, project.clone());
        project
    }

    fn find(&self, full_name: &str) -> Option<u64> {
        let is = |project: &&Value| {
            let name = project["path_with_namespace"].as_str().or_else(|| project["full_name"].as_str());
            name.is_some_and(|name| name.eq_ignore_ascii_case(full_name))
        };
        self.projects.values().find(is)?["id"].as_u64()
    }
}

/// Takes over what a body says of a project.
fn apply(provider: Provider, project: &mut Value, body: &Value) {
    let names: &[&str] = match provider {
        Provider::Github => &["description", "private", "visibility"],
        Provider::Gitlab | Provider::Git => &["description", "name", "visibility"],
    };
    for name in names {
        if let Some(value) = body.get(name) {
            project[*name] = value.clone();
        }
    }
    if provider == Provider::Github
        && let Some(private) = body["private"].as_bool()
    {
        project["visibility"] = json!(if private { "private" } else { "public" });
    }
}

/// A call, as far as it matters here.
struct Asked {
    provider: Provider,
    account: Option<Account>,
    method: Method,
    body: Value,
}

/// Stands before the routes of a provider: answers what is about projects that can be made, and lets the rest through.
pub(super) async fn guard(
    State((provider, forge)): State<(Provider, Forge)>,
    request: Request,
    next: Next,
) -> Response {
    let (mut parts, body) = request.into_parts();
    let path = decoded(parts.uri.path());
    let Ok(bytes) = to_bytes(body, MAX_BODY).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let failure = forge.fault(&parts.method, &path);
    match &failure {
        Some(Failure::Status(status, body)) => {
            let status = StatusCode::from_u16(*status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            return refusal(status, body.clone());
        }
        Some(Failure::Hang) => {
            forge.reached.notify_one();
            return std::future::pending().await;
        }
        Some(Failure::Lost | Failure::HangAfter) | None => {}
    }
    let answer = done(provider, &forge, &mut parts, &bytes, next).await;
    match failure {
        Some(Failure::Lost) => broken(),
        Some(Failure::HangAfter) => {
            forge.reached.notify_one();
            std::future::pending().await
        }
        Some(Failure::Status(..) | Failure::Hang) | None => answer,
    }
}

async fn done(provider: Provider, forge: &Forge, parts: &mut Parts, bytes: &Bytes, next: Next) -> Response {
    let account = match provider {
        Provider::Github => Github::from_request_parts(parts, &()).await.ok().map(|Github(account)| account),
        Provider::Gitlab | Provider::Git => {
            Gitlab::from_request_parts(parts, &()).await.ok().map(|Gitlab(account)| account)
        }
    };
    let body = serde_json::from_slice(bytes).unwrap_or_default();
    let asked = Asked { provider, account, method: parts.method.clone(), body };
    let path = parts.uri.path().to_owned();
    let segments: Vec<String> = path.split('/').skip(1).map(decoded).collect();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    if let Some(answer) = forge.answer(&asked, &segments) {
        return answer;
    }
    next.run(Request::from_parts(std::mem::replace(parts, Request::new(()).into_parts().0), Body::from(bytes.clone())))
        .await
}

/// An answer whose body breaks off.
fn broken() -> Response {
    let mut answer = Response::new(Body::from("{"));
    answer.headers_mut().insert("content-length", axum::http::HeaderValue::from_static("1000"));
    answer
}

fn decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned()
}

fn is_forge(owner: &str) -> bool {
    owner.get(..FORGE_OWNER.len()).is_some_and(|start| start.eq_ignore_ascii_case(FORGE_OWNER))
}

fn no_content() -> Response {
    StatusCode::NO_CONTENT.into_response()
}

impl Forge {
    /// `None` for what is about other repositories, and for hooks of a project that is there.
    fn answer(&self, asked: &Asked, segments: &[&str]) -> Option<Response> {
        match asked.provider {
            Provider::Github => self.github(asked, segments),
            Provider::Gitlab | Provider::Git => self.gitlab(asked, segments),
        }
    }

    fn github(&self, asked: &Asked, segments: &[&str]) -> Option<Response> {
        match segments {
            ["users", owner] if is_forge(owner) => {
                Some(Json(json!({"login": owner, "id": number(owner), "type": "Organization"})).into_response())
            }
            ["orgs", owner, "repos"] if is_forge(owner) && asked.method == Method::POST => {
                self.note(asked, segments);
                Some(self.create(asked, owner, "name"))
            }
            ["repositories", id] if id.parse::<u64>().is_ok_and(|id| id >= FIRST_ID) => {
                self.note(asked, segments);
                Some(self.project(asked, id.parse().ok()))
            }
            ["repos", owner, name, rest @ ..] if is_forge(owner) => {
                self.note(asked, segments);
                let id = self.kept().find(&format!("{owner}/{name}"));
                self.below(asked, id, rest)
            }
            _ => None,
        }
    }

    fn gitlab(&self, asked: &Asked, segments: &[&str]) -> Option<Response> {
        match segments {
            ["groups", path] if is_forge(path) => {
                let body = json!({"id": number(path), "name": path, "path": path, "full_path": path,
                    "visibility": "private", "web_url": format!("https://gitlab.com/groups/{path}")});
                Some(if asked.account.is_some() { Json(body).into_response() } else { missing_group() })
            }
            ["groups", "missing"] => Some(missing_group()),
            ["projects"] if asked.method == Method::POST => {
                self.note(asked, segments);
                let group = asked.body["namespace_id"].as_u64()?;
                let known = ["forge", "forge-a", "forge-b", "forge/team"];
                let owner = known.into_iter().find(|owner| number(owner) == group)?;
                Some(self.create(asked, owner, "path"))
            }
            ["projects", id, rest @ ..] => {
                let made = id.parse::<u64>().ok().filter(|id| *id >= FIRST_ID);
                if made.is_none() && !is_forge(id) {
                    return None;
                }
                self.note(asked, segments);
                let id = match made {
                    Some(id) => self.kept().projects.contains_key(&id).then_some(id),
                    None => self.kept().find(id),
                };
                self.below(asked, id, rest)
            }
            _ => None,
        }
    }

    fn note(&self, asked: &Asked, segments: &[&str]) {
        self.kept().calls.push(format!("{} /{}", asked.method, segments.join("/")));
    }

    fn missing(&self, asked: &Asked) -> Response {
        match asked.provider {
            Provider::Github => github_missing(),
            Provider::Gitlab | Provider::Git => missing_project(),
        }
    }

    /// The project itself, or its keys.
    fn below(&self, asked: &Asked, id: Option<u64>, rest: &[&str]) -> Option<Response> {
        let Some(id) = id else { return Some(self.missing(asked)) };
        match rest {
            [] => Some(self.project(asked, Some(id))),
            ["keys" | "deploy_keys", rest @ ..] => Some(self.keys(asked, id, rest)),
            _ => None,
        }
    }

    fn create(&self, asked: &Asked, owner: &str, member: &str) -> Response {
        if asked.account != Some(Account::Admin) {
            let message = match asked.provider {
                Provider::Github => "You need admin access to the organization before adding a repository to it.",
                Provider::Gitlab | Provider::Git => "403 Forbidden",
            };
            return refusal(StatusCode::FORBIDDEN, json!({"message": message}));
        }
        let Some(path) = asked.body[member].as_str() else {
            return refusal(StatusCode::BAD_REQUEST, json!({"error": format!("{member} is missing")}));
        };
        let mut kept = self.kept();
        if kept.find(&format!("{owner}/{path}")).is_some() {
            return match asked.provider {
                Provider::Github => {
                    let error = json!({"resource": "Repository", "code": "custom", "field": "name",
                        "message": "name already exists on this account"});
                    let body = json!({"message": "Repository creation failed.", "errors": [error], "status": "422"});
                    refusal(StatusCode::UNPROCESSABLE_ENTITY, body)
                }
                Provider::Gitlab | Provider::Git => {
                    let words = json!(["has already been taken"]);
                    let message = json!({"project_namespace.name": words, "name": words, "path": words});
                    refusal(StatusCode::BAD_REQUEST, json!({"message": message}))
                }
            };
        }
        let project = kept.make(asked.provider, owner, path, &asked.body);
        (StatusCode::CREATED, Json(project)).into_response()
    }

    fn project(&self, asked: &Asked, id: Option<u64>) -> Response {
        let Some(id) = id else { return self.missing(asked) };
        let found = self.kept().projects.get(&id).cloned();
        let (Some(mut project), Some(account)) = (found, asked.account) else { return self.missing(asked) };
        if asked.method != Method::GET && account != Account::Admin {
            return refusal(StatusCode::FORBIDDEN, json!({"message": "403 Forbidden"}));
        }
        if asked.method == Method::DELETE {
            self.unmake(asked.provider, id);
            return match asked.provider {
                Provider::Github => no_content(),
                Provider::Gitlab | Provider::Git => {
                    (StatusCode::ACCEPTED, Json(json!({"message": "202 Accepted"}))).into_response()
                }
            };
        }
        if asked.method != Method::GET {
            apply(asked.provider, &mut project, &asked.body);
            self.kept().projects.insert(id, project.clone());
        }
        Json(project).into_response()
    }

    fn keys(&self, asked: &Asked, id: u64, rest: &[&str]) -> Response {
        if asked.account != Some(Account::Admin) {
            return self.missing(asked);
        }
        let mut kept = self.kept();
        if asked.method == Method::POST {
            let key = asked.body["key"].as_str().unwrap_or_default();
            if !key.starts_with("ssh-ed25519 ") {
                let body = json!({"message": "Validation Failed", "errors": [{"message": "key is invalid"}]});
                return refusal(StatusCode::UNPROCESSABLE_ENTITY, body);
            }
            if kept.keys.values().flat_map(BTreeMap::values).any(|known| known["key"] == key) {
                let body = json!({"message": "Validation Failed", "errors": [{"message": "key is already in use"}]});
                return refusal(StatusCode::UNPROCESSABLE_ENTITY, body);
            }
            kept.last += 1;
            let number = kept.last;
            let mut value = json!({"id": number, "title": asked.body["title"], "key": key,
                "created_at": "2024-01-01T00:00:00Z"});
            for member in ["read_only", "can_push"] {
                if let Some(said) = asked.body.get(member) {
                    value[member] = said.clone();
                }
            }
            kept.keys.entry(id).or_default().insert(number, value.clone());
            return (StatusCode::CREATED, Json(value)).into_response();
        }
        match rest.first().and_then(|key| key.parse::<u64>().ok()) {
            None => Json(json!(kept.keys.get(&id).into_iter().flat_map(BTreeMap::values).collect::<Vec<_>>()))
                .into_response(),
            Some(key) => match kept.keys.entry(id).or_default().remove(&key) {
                Some(_) => no_content(),
                None => self.missing(asked),
            },
        }
    }
}

fn missing_group() -> Response {
    refusal(StatusCode::NOT_FOUND, json!({"message": "404 Group Not Found"}))
}
