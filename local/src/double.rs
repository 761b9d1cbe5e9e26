//! The built-in provider double: a small GitHub and GitLab in memory, so that the tour works without any account.
//!
//! It answers the endpoints that this system calls, in the shapes that the providers publish for them, with example
//! values of its own. Every repository exists except those of the owner [`MISSING_OWNER`], with two skills on its branch;
//! what a caller may do depends on the token alone. GitHub is served under `/github/api/v3` like an Enterprise Server, GitLab under `/gitlab`, and
//! the model providers under `/openai/v1`, `/anthropic` and `/gemini/v1beta`. Hooks, and projects that were made, are
//! kept until the process ends.

mod activity;
mod forge;
mod github;
mod github_app;
mod gitlab;
mod hooks;
mod models;
mod tree;

use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use repoplane_domain::repository::Provider;
use serde_json::Value;
use std::collections::HashMap;

pub use forge::{FORGE_OWNER, Failure, Forges};
pub use github_app::{APP_ID, INSTALLATION_ID};
pub use models::MODEL_KEY;

/// This token's account administers every repository.
pub const ADMIN_TOKEN: &str = "demo-admin-token";
/// This token's account may push to every repository.
pub const WRITE_TOKEN: &str = "demo-write-token";
/// This token's account may only read.
pub const READ_TOKEN: &str = "demo-read-token";
/// Repositories of this owner do not exist.
pub const MISSING_OWNER: &str = "missing";
/// Repositories of this owner are public: they can be seen without a token.
pub const PUBLIC_OWNER: &str = "public";
/// Repositories of this owner have no commit.
pub const EMPTY_OWNER: &str = "empty";

/// Repositories that every listing shows, one more than fits a page of the providers.
const LISTED: u64 = 101;

/// All providers. Mount it at the root of a server, so that the origin's paths are those of the real products.
pub fn router() -> Router {
    router_on(&Forges::default())
}

/// The same, whose projects can be looked at and broken.
pub fn router_on(forges: &Forges) -> Router {
    Router::new()
        .nest("/github/api/v3", github::router(forges.of(Provider::Github).clone()))
        .nest("/gitlab/api/v4", gitlab::router(forges.of(Provider::Gitlab).clone()))
        .merge(models::router())
}

/// Who a demo token belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Account {
    Admin,
    Writer,
    Reader,
}

impl Account {
    fn of_token(token: &str) -> Option<Self> {
        match token {
            ADMIN_TOKEN => Some(Self::Admin),
            WRITE_TOKEN => Some(Self::Writer),
            READ_TOKEN => Some(Self::Reader),
            _ => None,
        }
    }

    fn id(self) -> u64 {
        match self {
            Self::Admin => 9001,
            Self::Writer => 9002,
            Self::Reader => 9003,
        }
    }

    fn login(self) -> &'static str {
        match self {
            Self::Admin => "demo-admin",
            Self::Writer => "demo-writer",
            Self::Reader => "demo-reader",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Admin => "Demo Admin",
            Self::Writer => "Demo Writer",
            Self::Reader => "Demo Reader",
        }
    }

    fn email(self) -> String {
        format!("{}@demo.example", self.login())
    }

    /// GitLab's access level: owner, developer, reporter.
    fn access_level(self) -> u64 {
        match self {
            Self::Admin => 50,
            Self::Writer => 30,
            Self::Reader => 20,
        }
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn refusal(status: StatusCode, body: Value) -> Response {
    (status, Json(body)).into_response()
}

/// The query parameters of a list.
type Query = axum::extract::Query<HashMap<String, String>>;

/// A page of a list and the numbers of this page and of the last.
fn page(query: &Query, all: impl ExactSizeIterator<Item = Value>) -> (Vec<Value>, usize, usize) {
    let number = |name: &str, otherwise: usize| query.get(name).and_then(|text| text.parse().ok()).unwrap_or(otherwise);
    let (page, per_page) = (number("page", 1).max(1), number("per_page", 20).clamp(1, 100));
    let last = all.len().div_ceil(per_page).max(1);
    (all.skip((page - 1).saturating_mul(per_page)).take(per_page).collect(), page, last)
}

/// A page as GitHub answers it: `Link` where there is more than one.
fn github_page(query: &Query, all: impl ExactSizeIterator<Item = Value>) -> Response {
    let (items, page, last) = page(query, all);
    let link = |page: usize, relation: &str| format!("<https://api.github.com/?page={page}>; rel=\"{relation}\"");
    let mut answer = Json(items).into_response();
    let links = if page < last { link(page + 1, "next") + ", " + &link(last, "last") } else { link(1, "first") };
    if last > 1
        && let Ok(links) = HeaderValue::from_str(&links)
    {
        answer.headers_mut().insert("link", links);
    }
    answer
}

/// A page as GitLab answers it.
fn gitlab_page(query: &Query, all: impl ExactSizeIterator<Item = Value>) -> Response {
    let (items, page, last) = page(query, all);
    let next = if page < last { (page + 1).to_string() } else { String::new() };
    ([("x-page", page.to_string()), ("x-next-page", next)], Json(items)).into_response()
}

/// A number that always belongs to this name (FNV-1a, cut to 31 bits as real ids are small), ignoring case.
fn number(name: &str) -> u64 {
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte.to_ascii_lowercase())).wrapping_mul(0x0100_0000_01b3)
    });
    hash % 0x7fff_ffff + 1
}

#[cfg(test)]
mod tests;
