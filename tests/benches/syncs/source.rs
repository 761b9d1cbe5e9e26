//! Where the repositories come from: `git http-backend`, and as much of GitHub's REST API as a sync asks, both on the same
//! repositories. It runs in a process of its own, so that what it takes is not counted.

use super::meter::Asked;
use axum::body::Bytes;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, StatusCode};
use repoplane_providers::Egress;
use repoplane_tests::git_server::{GatewayAnswer, GatewayRequest, Repositories, backend};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use tokio::task::spawn_blocking;

/// A repository with one file. Whatever the second part of its path, it is the same one: `/small/17.git`.
pub(super) const SMALL: &str = "small";
/// A repository of [`FILES`] files.
pub(super) const LARGE: &str = "large";
/// Files of the large repository.
pub(super) const FILES: usize = 10_000;
/// Skills of the large repository.
pub(super) const SKILLS: usize = 200;
/// Longest question that is read, in bytes.
const MAX_QUESTION: usize = 16 * 1024 * 1024;

#[derive(Clone)]
struct Serving {
    repositories: Arc<Repositories>,
    given: Arc<AtomicU64>,
    /// What Git answered to a request, and said to a command: a thousand equal ones need not start it a thousand times.
    answered: Arc<Mutex<HashMap<String, GatewayAnswer>>>,
    said: Arc<Mutex<HashMap<String, String>>>,
}

/// Serves the repositories as long as the runtime lives; the origin. `None` where Git is missing.
pub(super) async fn serve() -> Option<String> {
    let repositories = Repositories::new()?;
    repositories.filled(&format!("{SMALL}.git"));
    repositories.large(&format!("{LARGE}.git"), FILES, SKILLS);
    let (given, answered, said) = Default::default();
    let serving = Serving { repositories: Arc::new(repositories), given, answered, said };
    let github = Router::new()
        .route("/repos/{owner}/{repo}/commits", get(commits))
        .route("/repos/{owner}/{repo}/git/trees/{sha}", get(tree))
        .route("/repos/{owner}/{repo}/git/blobs/{sha}", get(blob));
    let router = Router::new()
        .nest("/github/api/v3", github)
        .route("/given", get(async |State(serving): State<Serving>| serving.given.load(Ordering::Relaxed).to_string()))
        .route("/change", post(change))
        .fallback(git)
        .with_state(serving);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let origin = format!("http://{}", listener.local_addr().expect("its address"));
    tokio::spawn(async move { axum::serve(listener, router).await });
    Some(origin)
}

impl Serving {
    fn give(&self, body: Vec<u8>) -> Bytes {
        self.given.fetch_add(body.len() as u64, Ordering::Relaxed);
        body.into()
    }

    fn answer(&self, answer: GatewayAnswer) -> Response {
        let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (status, [("content-type", answer.content_type)], self.give(answer.body)).into_response()
    }

    fn json(&self, body: &Value) -> Response {
        ([("content-type", "application/json")], self.give(body.to_string().into_bytes())).into_response()
    }

    /// What Git says of a repository.
    async fn git(&self, owner: &str, arguments: &[&str]) -> String {
        let (repositories, name) = (self.repositories.clone(), format!("{owner}.git"));
        let key = format!("{name} {arguments:?}");
        if let Some(said) = self.said.lock().expect("no panic").get(&key) {
            return said.clone();
        }
        let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
        let asked = spawn_blocking(move || {
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            repositories.git(&name, &arguments)
        });
        let said = asked.await.expect("Git answers");
        self.said.lock().expect("no panic").insert(key, said.clone());
        said
    }
}

/// Git's own protocol.
async fn git(State(serving): State<Serving>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, MAX_QUESTION).await.expect("a body");
    let Some((owner, rest)) = parts.uri.path()[1..].split_once('/') else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let path = format!("/{owner}.git/{}", rest.split_once('/').unwrap_or_default().1);
    let key =
        format!("{} {path} {:?} {:?} {body:?}", parts.method, parts.uri.query(), parts.headers.get("git-protocol"));
    let known = serving.answered.lock().expect("no panic").get(&key).cloned();
    if let Some(known) = known {
        return serving.answer(known);
    }
    let root = serving.repositories.root().to_owned();
    let answered = spawn_blocking(move || {
        let header = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
        let request = GatewayRequest {
            method: parts.method.as_str(),
            path: &path,
            query: parts.uri.query().unwrap_or_default(),
            content_type: header("content-type").unwrap_or_default(),
            protocol: header("git-protocol"),
            body: &body,
            partial: true,
        };
        backend(&root, request)
    });
    let answer = answered.await.expect("Git answers");
    serving.answered.lock().expect("no panic").insert(key, answer.clone());
    serving.answer(answer)
}

/// GitHub REST: list commits, with the `ETag` by which it can be asked again.
async fn commits(
    State(serving): State<Serving>,
    Path((owner, _)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    let sha = serving.git(&owner, &["rev-parse", "refs/heads/trunk"]).await;
    let etag = format!("\"{sha}\"");
    if headers.get("if-none-match").is_some_and(|known| known.as_bytes() == etag.as_bytes()) {
        return (StatusCode::NOT_MODIFIED, [("etag", etag)]).into_response();
    }
    ([("etag", etag)], serving.json(&json!([{"sha": sha}]))).into_response()
}

/// GitHub REST: get a tree, with everything below it.
async fn tree(State(serving): State<Serving>, Path((owner, repo, sha)): Path<(String, String, String)>) -> Response {
    let listed = serving.git(&owner, &["ls-tree", "-r", "-t", "-l", &sha]).await;
    let api = format!("https://api.github.com/repos/{owner}/{repo}/git");
    let entry = |line: &str| {
        let (about, path) = line.split_once('\t')?;
        let [mode, kind, object, size]: [&str; 4] = about.split_whitespace().collect::<Vec<_>>().try_into().ok()?;
        let url = format!("{api}/{kind}s/{object}");
        let mut entry = json!({"path": path, "mode": mode, "type": kind, "sha": object, "url": url});
        // A folder has none.
        if let Ok(size) = size.parse::<u64>() {
            entry["size"] = json!(size);
        }
        Some(entry)
    };
    let entries: Vec<Value> = listed.lines().filter_map(entry).collect();
    serving.json(&json!({"sha": sha, "url": format!("{api}/trees/{sha}"), "tree": entries, "truncated": false}))
}

/// GitHub REST: get a blob.
async fn blob(State(serving): State<Serving>, Path((owner, repo, sha)): Path<(String, String, String)>) -> Response {
    let content = serving.git(&owner, &["cat-file", "blob", &sha]).await;
    let url = format!("https://api.github.com/repos/{owner}/{repo}/git/blobs/{sha}");
    let (size, content) = (content.len(), STANDARD.encode(content));
    serving.json(&json!({"sha": sha, "url": url, "size": size, "content": content, "encoding": "base64"}))
}

/// Changes one file of the large repository.
async fn change(State(serving): State<Serving>) -> Json<String> {
    serving.answered.lock().expect("no panic").clear();
    serving.said.lock().expect("no panic").clear();
    let changed = spawn_blocking(move || {
        let (repositories, name) = (serving.repositories, format!("{LARGE}.git"));
        let head = repositories.git(&name, &["rev-parse", "refs/heads/trunk"]);
        let content = format!("changed after {head}");
        let commit = format!(
            "commit refs/heads/trunk\ncommitter A <a@x.example> 1700000001 +0000\ndata 0\nfrom {head}\n\
             M 100644 inline skills/skill-0/part-0/file-0.txt\ndata {}\n{content}\n",
            content.len()
        );
        repositories.git_reading(&name, &["fast-import", "--quiet"], commit.as_bytes());
        repositories.git(&name, &["rev-parse", "refs/heads/trunk"])
    });
    Json(changed.await.expect("Git commits"))
}

/// The server of another process.
pub(super) struct Source {
    /// Its origin.
    pub(super) origin: String,
    /// Through which it is asked for repositories.
    pub(super) egress: Egress,
    client: reqwest::Client,
}

impl Source {
    pub(super) fn at(origin: &str, egress: Egress) -> Self {
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        Self { origin: origin.to_owned(), egress, client }
    }

    /// What it has been asked and has given so far.
    pub(super) async fn asked(&self) -> Asked {
        let answer = self.client.get(format!("{}/given", self.origin)).send().await.expect("an answer");
        let bytes = answer.text().await.expect("text").parse().expect("a number");
        Asked { requests: self.egress.calls(), bytes }
    }

    /// Changes one file of the large repository.
    pub(super) async fn change(&self) {
        let answer = self.client.post(format!("{}/change", self.origin)).send().await.expect("an answer");
        answer.error_for_status().expect("a new commit");
    }
}
