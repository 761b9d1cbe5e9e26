//! What lies below a repository (contract: reviewboard 7, child resources).

use super::answer::{Media, Reply, link};
use super::call::Call;
use super::item::readable;
use super::problems::Code;
use super::view;
use crate::Repos;
use axum::extract::State;
use axum::response::Response;
use repoplane_api::Problem;
use serde_json::json;

/// `reviewboard_repository_info`: Git has none; clients expect this and go on.
pub(crate) async fn info(State(repos): State<Repos>, call: Call) -> Response {
    let found = readable(&repos, &call).await;
    call.answer(found.and_then(|_| Err(Code::NotSupported.problem())))
}

/// `reviewboard_repository_users`: who may read a repository is told natively.
pub(crate) async fn users(State(repos): State<Repos>, call: Call) -> Response {
    let list = none(&repos, &call, "users/", "users", Media::USERS).await;
    call.answer(list)
}

/// `reviewboard_repository_groups`.
pub(crate) async fn groups(State(repos): State<Repos>, call: Call) -> Response {
    let list = none(&repos, &call, "groups/", "groups", Media::GROUPS).await;
    call.answer(list)
}

/// `reviewboard_diff_file_attachments`.
pub(crate) async fn diff_file_attachments(State(repos): State<Repos>, call: Call) -> Response {
    let kind = Media::DIFF_FILE_ATTACHMENTS;
    let list = none(&repos, &call, "diff-file-attachments/", "diff_file_attachments", kind).await;
    call.answer(list)
}

/// A list that is always empty here.
async fn none(repos: &Repos, call: &Call, path: &str, member: &str, media: Media) -> Result<Reply, Problem> {
    let repository = readable(repos, call).await?;
    let here = format!("{}{path}", view::place(&call.origin, repository.number));
    let asked = if call.raw_query.is_empty() { here.clone() } else { format!("{here}?{}", call.raw_query) };
    let links = json!({"self": link(&asked, "GET"), "create": link(&here, "POST")});
    Ok(Reply::ok(media, json!({member: [], "total_results": 0, "links": links})))
}
