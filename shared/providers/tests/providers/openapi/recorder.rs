//! Stands between the client and the mock and takes down what is asked and what the mock finds wrong with it.

use super::description::Description;
use super::{UNDESCRIBED, Who};
use axum::Router;
use axum::body::{Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, LINK};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, StatusCode};
use repoplane_providers::{Egress, EgressRequest, EgressResponse, Providers};
use serde_json::Value;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use url::Url;

/// A personal token.
pub(super) const TOKEN: &str = "ghp_16C7e42F292c6912E7710c838347Ae178B4a";
/// One whose account shows neither id nor address, so that its addresses are asked for.
pub(super) const NAMELESS: &str = "ghp_26C7e42F292c6912E7710c838347Ae178B4a";
/// The only owner that is an organization; the mock would take everyone for one.
pub(super) const ORGANIZATION: &str = "octo-org";
/// Whose the token is, in GitHub's examples.
pub(super) const USER: &str = "octocat";

/// Largest page (GitHub REST: pagination); the description says it in words only.
const MAX_PAGE: u32 = 100;

/// Where lists end: GitHub's examples name a next page on every one.
const LAST_PAGE: u32 = 3;

#[derive(Clone)]
pub(super) struct Recorder {
    address: SocketAddr,
    mock: SocketAddr,
    towards_mock: Egress,
    description: Arc<Description>,
    notes: Arc<Mutex<Notes>>,
}

#[derive(Default)]
struct Notes {
    requests: usize,
    seen: BTreeSet<String>,
    violations: BTreeSet<String>,
    inconsistent: BTreeSet<String>,
}

impl Recorder {
    pub(super) async fn start(mock: SocketAddr, description: Description) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let towards_mock = crate::server::egress(mock);
        let recorder = Self { address, mock, towards_mock, description: Arc::new(description), notes: Arc::default() };
        let router = Router::new().fallback(pass).with_state(recorder.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        recorder
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(super) fn providers(&self) -> Providers {
        Providers::new(crate::server::egress(self.address))
    }

    /// How many requests came.
    pub(super) fn requests(&self) -> usize {
        self.notes.lock().unwrap().requests
    }

    /// Their kinds.
    pub(super) fn seen(&self) -> BTreeSet<String> {
        self.notes.lock().unwrap().seen.clone()
    }

    /// What GitHub's description does not allow.
    pub(super) fn violations(&self) -> BTreeSet<String> {
        self.notes.lock().unwrap().violations.clone()
    }

    /// Paths whose example is not as its own schema has it.
    pub(super) fn inconsistent(&self) -> BTreeSet<String> {
        self.notes.lock().unwrap().inconsistent.clone()
    }

    /// Takes a request down. What the description does not name, a mock lets pass; so names are checked here.
    fn note(&self, parts: &Parts, body: &[u8], path: &str) {
        let (method, mut wrong) = (parts.method.as_str(), Vec::new());
        let query: BTreeSet<(String, String)> =
            url::form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes()).into_owned().collect();
        let mut members = BTreeSet::new();
        if !body.is_empty() {
            collect(&serde_json::from_slice(body).unwrap(), "", &mut members);
        }
        let template = match self.description.operation(method, path) {
            Some(operation) => {
                let names = query.iter().map(|(name, _)| name);
                wrong.extend(
                    names
                        .filter(|name| !operation.query.contains(*name))
                        .map(|name| format!("?{name} is not described")),
                );
                wrong
                    .extend(members.difference(&operation.members).map(|member| format!("+{member} is not described")));
                operation.template
            }
            None => {
                wrong.push("no such operation".to_owned());
                path.to_owned()
            }
        };
        let size = query.iter().find(|(name, _)| name == "per_page");
        if size.is_some_and(|(_, size)| size.parse().is_ok_and(|size: u32| !(1..=MAX_PAGE).contains(&size))) {
            wrong.push("per_page is out of range".to_owned());
        }
        let is_stand_in = parts.uri.path() != path;
        if is_stand_in && self.description.operation(method, parts.uri.path()).is_some() {
            wrong.push("GitHub describes it by now".to_owned());
        }
        let template = if is_stand_in { UNDESCRIBED } else { template.as_str() };
        let mut kind = format!("{method} {template}");
        kind.extend(query.iter().map(|(name, _)| format!(" ?{name}")));
        kind.extend(members.iter().map(|member| format!(" +{member}")));
        let mut notes = self.notes.lock().unwrap();
        notes.requests += 1;
        notes.violations.extend(wrong.into_iter().map(|wrong| format!("{kind}: {wrong}")));
        notes.seen.insert(format!("{kind} by {}", who(&parts.headers)));
    }

    fn violation(&self, parts: &Parts, text: &str) {
        let text = format!("{} {}: {text}", parts.method, parts.uri);
        self.notes.lock().unwrap().violations.insert(text);
    }

    /// Takes down what the mock found. It looks at its answer, too, and GitHub's examples are not all as GitHub's
    /// schemas have them; that is none of the request's fault.
    fn note_violations(&self, parts: &Parts, found: &Value) {
        for one in found.as_array().unwrap() {
            if one["location"][0] == "response" {
                self.notes.lock().unwrap().inconsistent.insert(parts.uri.path().to_owned());
            } else {
                self.violation(parts, &one.to_string());
            }
        }
    }

    /// Asks the mock the same, as its description puts it.
    async fn ask(&self, parts: &Parts, body: Bytes, path: &str) -> EgressResponse {
        let mut url = Url::parse(&format!("http://{}{path}", self.mock)).unwrap();
        url.set_query(parts.uri.query());
        let mut request = EgressRequest::new(parts.method.clone(), url).body(body);
        for name in [AUTHORIZATION, CONTENT_TYPE] {
            if let Some(value) = parts.headers.get(&name) {
                request = request.header(name, value.clone());
            }
        }
        // GitHub recommends its own media type, and describes the answers to it as plain JSON.
        assert_eq!(parts.headers[ACCEPT], "application/vnd.github+json");
        self.towards_mock.send(request.header(ACCEPT, HeaderValue::from_static("application/json"))).await.unwrap()
    }
}

async fn pass(State(recorder): State<Recorder>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, 1 << 20).await.unwrap();
    let by_number = parts.uri.path().strip_prefix("/repositories/");
    let path = if by_number.is_some() { "/repos/octocat/Hello-World" } else { parts.uri.path() };
    recorder.note(&parts, &body, path);
    let answer = recorder.ask(&parts, body, path).await;
    let is_problem = answer.headers.get(CONTENT_TYPE).is_some_and(|kind| kind == "application/problem+json");
    if is_problem || !answer.status.is_success() {
        recorder.violation(&parts, &format!("{} {}", answer.status, String::from_utf8_lossy(&answer.body)));
    }
    if let Some(found) = answer.headers.get("sl-violations") {
        recorder.note_violations(&parts, &serde_json::from_slice(found.as_bytes()).unwrap());
    }
    changed(&parts, path, answer)
}

/// What the mock cannot know of its answers.
fn changed(parts: &Parts, path: &str, answer: EgressResponse) -> Response {
    let mut body = answer.body;
    if path.strip_prefix("/orgs/").is_some_and(|rest| !rest.starts_with(ORGANIZATION)) {
        return (StatusCode::NOT_FOUND, r#"{"message":"Not Found"}"#).into_response();
    }
    if path == "/user" && parts.headers.get(AUTHORIZATION).is_some_and(|value| value == &format!("Bearer {NAMELESS}")) {
        let mut user: Value = serde_json::from_slice(&body).unwrap();
        user.as_object_mut().unwrap().retain(|name, _| name != "email" && name != "id");
        body = user.to_string().into_bytes();
    }
    // No example has a skill, and so none would lead to a content.
    if path.contains("/git/trees/") {
        body = String::from_utf8(body).unwrap().replace("file.rb", "SKILL.md").into_bytes();
    }
    let mut response = (answer.status, body).into_response();
    if let Some(link) = answer.headers.get(LINK).filter(|_| page(parts) < LAST_PAGE) {
        response.headers_mut().insert(LINK, link.clone());
    }
    response
}

fn page(parts: &Parts) -> u32 {
    let query = parts.uri.query().unwrap_or_default();
    let page = url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "page");
    page.map_or(1, |(_, page)| page.parse().unwrap())
}

fn who(headers: &HeaderMap) -> Who {
    let Some(value) = headers.get(AUTHORIZATION) else { return Who::Nobody };
    match value.to_str().unwrap() {
        claim if claim.starts_with("Bearer eyJ") => Who::App,
        token if token == format!("Bearer {TOKEN}") || token == format!("Bearer {NAMELESS}") => Who::Token,
        _of_the_example => Who::Installation,
    }
}

/// Names of an object's members and of theirs.
fn collect(value: &Value, prefix: &str, members: &mut BTreeSet<String>) {
    for (name, member) in value.as_object().into_iter().flatten() {
        members.insert(format!("{prefix}{name}"));
        collect(member, &format!("{prefix}{name}."), members);
    }
}
