//! The root, what the server is, and the session (contract: reviewboard 10, 11).

use super::answer::{Media, Reply, link};
use super::call::Call;
use axum::extract::State;
use axum::response::Response;
use repoplane_api::app::VERSION;
use repoplane_api::{App, Problem};
use repoplane_domain::review::TOOLS;
use serde_json::{Value, json};

/// The level of the API that is spoken, as clients compare it.
const API_LEVEL: &str = "8.1";

/// `reviewboard_root`.
pub(crate) async fn root(call: Call) -> Response {
    let url = |path: &str| format!("{}/api/{path}", call.origin);
    let body = json!({
        "capabilities": capabilities(),
        "product": product(),
        "site": site(&call.origin),
        "links": {
            "self": link(&url(""), "GET"),
            "info": link(&url("info/"), "GET"),
            "repositories": link(&url("repositories/"), "GET"),
            "review_requests": link(&url("review-requests/"), "GET"),
            "session": link(&url("session/"), "GET"),
        },
        "uri_templates": {
            "root": url(""),
            "info": url("info/"),
            "session": url("session/"),
            "repositories": url("repositories/"),
            "repository": url("repositories/{repository_id}/"),
            "repository_info": url("repositories/{repository_id}/info/"),
            "repository_branches": url("repositories/{repository_id}/branches/"),
            "repository_commits": url("repositories/{repository_id}/commits/"),
            // By both of their names.
            "branches": url("repositories/{repository_id}/branches/"),
            "commits": url("repositories/{repository_id}/commits/"),
            "repository_users": url("repositories/{repository_id}/users/"),
            "repository_groups": url("repositories/{repository_id}/groups/"),
            "diff_file_attachments": url("repositories/{repository_id}/diff-file-attachments/"),
            "review_requests": url("review-requests/"),
        },
    });
    call.answer(Ok(Reply::ok(Media::ROOT, body)))
}

/// `reviewboard_info`.
pub(crate) async fn info(call: Call) -> Response {
    let info = json!({"capabilities": capabilities(), "product": product(), "site": site(&call.origin)});
    call.answer(Ok(Reply::ok(Media::INFO, json!({"info": info}))))
}

/// `reviewboard_session`.
pub(crate) async fn session(call: Call) -> Response {
    let here = format!("{}/api/session/", call.origin);
    let asked = if call.raw_query.is_empty() { here.clone() } else { format!("{here}?{}", call.raw_query) };
    let mut session = json!({"authenticated": call.known().is_some(), "links": {"self": link(&asked, "GET")}});
    if let Some(principal) = call.known() {
        session["links"]["delete"] = link(&here, "DELETE");
        let expanded = call.shaping("expand").is_some_and(|names| names.split(',').any(|name| name == "user"));
        if expanded {
            session["user"] = json!({
                "username": principal.username,
                "fullname": principal.display_name.clone().unwrap_or_default(),
                "email": principal.email.clone().unwrap_or_default(),
                "is_active": true,
                "links": {},
            });
        } else {
            let user = format!("{}/api/users/{}/", call.origin, principal.username);
            session["links"]["user"] = json!({"href": user, "method": "GET", "title": principal.username});
        }
    }
    call.answer(Ok(Reply::ok(Media::SESSION, json!({"session": session}))))
}

/// `reviewboard_logout`.
pub(crate) async fn logout(State(app): State<App>, call: Call) -> Response {
    let ended = match call.session() {
        Some(session) => app.store.end_session(session.expose(), app.now()).await.map_err(Problem::from),
        None => Ok(()),
    };
    call.leaving().answer(ended.map(|()| Reply::gone(Media::SESSION)))
}

/// `reviewboard_list_review_requests`: there are none here; clients that ask end well.
pub(crate) async fn review_requests(call: Call) -> Response {
    let here = format!("{}/api/review-requests/", call.origin);
    let asked = if call.raw_query.is_empty() { here } else { format!("{here}?{}", call.raw_query) };
    let body = json!({"review_requests": [], "total_results": 0, "links": {"self": link(&asked, "GET")}});
    call.answer(Ok(Reply::ok(Media::REVIEW_REQUESTS, body)))
}

fn capabilities() -> Value {
    let tools: Vec<&str> = TOOLS.iter().map(|tool| tool.id).collect();
    json!({
        "authentication": {"client_web_login": false},
        "extra_data": {"json_patching": true},
        "scmtools": {"git": {"empty_files": true, "symlinks": true}, "supported_tools": tools},
    })
}

fn product() -> Value {
    json!({"name": "Repoplane", "version": VERSION, "package_version": API_LEVEL, "is_release": true})
}

fn site(origin: &str) -> Value {
    json!({"url": format!("{origin}/"), "administrators": [], "time_zone": "UTC"})
}
