//! The repository part of Review Board's Web API (contract: reviewboard): `/api/`, `/api/info/`, `/api/session/`,
//! `/api/repositories/` and what lies below a repository.
//!
//! Hypermedia with media types of its own, forms, and errors by numbers. Every path ends in a slash. A token is given once
//! and a session's cookie afterwards. The order of checks is the contract's (5.5); what a call may do and does is decided
//! by the domain's rules for review tools.

mod answer;
mod call;
mod children;
mod commits;
pub(crate) mod describe;

mod form;
mod item;
mod listing;
pub(crate) mod problems;
mod root;
mod saving;
mod verification;
mod view;

use crate::Repos;
use crate::provider::warm::Warm;
use repoplane_api::{App, Dialect, Routes};

/// Its paths besides the root: these, and all below them.
pub(crate) const PREFIXES: [&str; 4] = ["/api/info", "/api/session", LIST, "/api/review-requests"];
/// The root of the API.
const ROOT: &str = "/api";
/// The list of repositories.
const LIST: &str = "/api/repositories";
/// The cookie of a session.
const COOKIE: &str = "rbsessionid";

/// Whether a path is one of its own.
pub(crate) fn owns(path: &str) -> bool {
    let path = path.trim_end_matches('/');
    let below = |rest: &str| rest.is_empty() || rest.starts_with('/');
    path == ROOT || PREFIXES.iter().any(|prefix| path.strip_prefix(prefix).is_some_and(below))
}

/// Whether a path is that of one repository.
fn is_item(path: &str) -> bool {
    let number = path.strip_prefix(LIST).and_then(|rest| rest.strip_prefix('/')).unwrap_or_default();
    let number = number.trim_end_matches('/');
    !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit())
}

/// Whether a path is the list of repositories.
fn is_list(path: &str) -> bool {
    path.trim_end_matches('/') == LIST
}

/// What remotes have told of branches and commits.
pub(crate) fn remembered() -> Warm {
    Warm::new(commits::ENTRIES, commits::LIFE)
}

/// The dialect for the edge.
pub(crate) fn dialect(app: &App) -> Dialect {
    let origin = app.settings.public_url.clone();
    Dialect {
        name: "reviewboard",
        owns,
        suffix: None,
        id_prefix: "req_",
        origin,
        render: problems::render,
        final_slash: true,
        any_media: true,
    }
}

/// Adds its operations.
pub(crate) fn routes(routes: Routes<Repos>) -> Routes<Repos> {
    routes
        .get("reviewboard_root", "/api/", root::root)
        .get("reviewboard_info", "/api/info/", root::info)
        .get("reviewboard_session", "/api/session/", root::session)
        .delete("reviewboard_logout", "/api/session/", root::logout)
        .get("reviewboard_list_review_requests", "/api/review-requests/", root::review_requests)
        .get("reviewboard_list_repositories", "/api/repositories/", listing::list)
        .post("reviewboard_create_repository", "/api/repositories/", saving::create)
        .get("reviewboard_get_repository", "/api/repositories/{repository_id}/", item::show)
        .put("reviewboard_update_repository", "/api/repositories/{repository_id}/", saving::update)
        .delete("reviewboard_delete_repository", "/api/repositories/{repository_id}/", saving::remove)
        .post("reviewboard_override_method", "/api/repositories/{repository_id}/", saving::in_disguise)
        .get("reviewboard_repository_info", "/api/repositories/{repository_id}/info/", children::info)
        .get("reviewboard_list_branches", "/api/repositories/{repository_id}/branches/", commits::branches)
        .get("reviewboard_list_commits", "/api/repositories/{repository_id}/commits/", commits::commits)
        .get("reviewboard_list_repository_users", "/api/repositories/{repository_id}/users/", children::users)
        .get("reviewboard_list_repository_groups", "/api/repositories/{repository_id}/groups/", children::groups)
        .get(
            "reviewboard_list_diff_file_attachments",
            "/api/repositories/{repository_id}/diff-file-attachments/",
            children::diff_file_attachments,
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_paths_are_told_from_others() {
        for (path, own) in [
            ("/api", true),
            ("/api/", true),
            ("/api/repositories", true),
            ("/api/repositories/1/nothing/", true),
            ("/api/review-requests/", true),
            ("/api/repos", false),
            ("/api/repositoriesx", false),
            ("/api/me", false),
            ("/", false),
            ("", false),
        ] {
            assert_eq!(owns(path), own, "{path}");
        }
        assert!(is_item("/api/repositories/12/") && !is_item("/api/repositories/12/info/") && !is_item(LIST));
        assert!(!is_item("/api/repositories/x/") && is_list("/api/repositories/"));
    }
}
