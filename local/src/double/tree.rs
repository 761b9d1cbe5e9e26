//! What is on the branch of the double's repositories: the same in each, a README and two skills, and it never moves.

use super::{Query, activity, number};
use axum::Json;
use axum::http::HeaderValue;
use axum::http::header::LINK;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// The only branch.
pub(super) const BRANCH: &str = "main";

/// Entries of a page of a list by token (GitLab REST: pagination).
const PAGE: usize = 20;

const README: &str = "# Demo\n\nA repository of the provider double.\n";
const RELEASE_NOTES: &str = "---\nname: release-notes\n\
    description: Writes release notes from merged changes. Use it when a release is cut.\nlicense: Apache-2.0\n---\n\
    # Release notes\n\nOne line for each merged change, the most visible first.\n";
const TRIAGE: &str = "---\nname: triage\ndescription: Labels new issues and asks for what is missing in them.\n\
    allowed-tools: Bash(gh issue:*) Read\nmetadata:\n  team: platform\n---\n\
    # Triage\n\nRead the issue, choose a label, and run `scripts/label.sh`.\n";
const LABEL: &str = "#!/bin/sh\nexec gh issue edit \"$1\" --add-label \"$2\"\n";

/// Mode, path and content of everything on the branch, in Git's order; a folder has no content.
const ENTRIES: [(&str, &str, Option<&str>); 8] = [
    ("100644", "README.md", Some(README)),
    ("040000", "skills", None),
    ("040000", "skills/release-notes", None),
    ("100644", "skills/release-notes/SKILL.md", Some(RELEASE_NOTES)),
    ("040000", "skills/triage", None),
    ("100644", "skills/triage/SKILL.md", Some(TRIAGE)),
    ("040000", "skills/triage/scripts", None),
    ("100755", "skills/triage/scripts/label.sh", Some(LABEL)),
];

/// The newest commit of the branch.
pub(super) fn head() -> String {
    activity::sha(activity::COMMITS)
}

/// A hash that belongs to a content, or to the folder at a path.
fn object(path: &str, content: Option<&str>) -> String {
    let (mark, of) = content.map_or((0x07ee_0000, path), |content| (0xb10b_0000_u32, content));
    format!("{mark:08x}{:032x}", number(of))
}

/// The content that a hash belongs to.
pub(super) fn content(sha: &str) -> Option<&'static str> {
    ENTRIES.iter().find_map(|(_, path, content)| content.filter(|_| object(path, *content) == sha))
}

/// The folder that a commit or a tree is of: the root is empty, any other ends with a slash.
fn folder(revision: &str) -> Option<String> {
    if [BRANCH, "HEAD", &head(), &object("", None)].contains(&revision) {
        return Some(String::new());
    }
    let is_it = |(_, path, content): &&(&str, &str, Option<&str>)| content.is_none() && object(path, None) == revision;
    ENTRIES.iter().find(is_it).map(|(_, path, _)| format!("{path}/"))
}

/// GitHub REST: a reference.
pub(super) fn github_reference(repository: &str) -> Value {
    let (at, sha) = (format!("https://api.github.com/repos/{repository}/git"), head());
    json!({
        "ref": format!("refs/heads/{BRANCH}"),
        "node_id": "REF_demo",
        "url": format!("{at}/refs/heads/{BRANCH}"),
        "object": {"type": "commit", "sha": sha, "url": format!("{at}/commits/{sha}")},
    })
}

/// GitHub REST: a tree, by the id of a commit or of a folder; paths are those below it.
pub(super) fn github_tree(repository: &str, revision: &str, recursive: bool) -> Option<Value> {
    let below = folder(revision)?;
    let at = format!("https://api.github.com/repos/{repository}/git");
    let entries = ENTRIES.iter().filter_map(|(mode, path, content)| {
        let shown = path.strip_prefix(below.as_str()).filter(|shown| recursive || !shown.contains('/'))?;
        let sha = object(path, *content);
        Some(match content {
            Some(content) => json!({
                "path": shown, "mode": mode, "type": "blob", "size": content.len(), "sha": sha,
                "url": format!("{at}/blobs/{sha}"),
            }),
            None => {
                json!({"path": shown, "mode": mode, "type": "tree", "sha": sha, "url": format!("{at}/trees/{sha}")})
            }
        })
    });
    let tree: Vec<Value> = entries.collect();
    Some(json!({"sha": revision, "url": format!("{at}/trees/{revision}"), "tree": tree, "truncated": false}))
}

/// GitHub REST: a blob.
pub(super) fn github_blob(repository: &str, sha: &str) -> Option<Value> {
    let content = content(sha)?;
    Some(json!({
        "content": STANDARD.encode(content),
        "encoding": "base64",
        "url": format!("https://api.github.com/repos/{repository}/git/blobs/{sha}"),
        "sha": sha,
        "size": content.len(),
        "node_id": format!("B_demo{}", number(content)),
    }))
}

/// GitHub REST: the branch, one of a list.
pub(super) fn github_branch(repository: &str) -> Value {
    let sha = head();
    let url = format!("https://api.github.com/repos/{repository}/commits/{sha}");
    json!({"name": BRANCH, "commit": {"sha": sha, "url": url}, "protected": true})
}

/// GitLab REST: the branch.
pub(super) fn gitlab_branch(path: &str) -> Value {
    json!({
        "name": BRANCH,
        "merged": false,
        "protected": true,
        "default": true,
        "developers_can_push": false,
        "developers_can_merge": false,
        "can_push": false,
        "web_url": format!("https://gitlab.com/{path}/-/tree/{BRANCH}"),
        "commit": activity::gitlab_commits(path).next(),
    })
}

/// GitLab REST: a page of the tree, by the token that the page before named (keyset-based pagination).
pub(super) fn gitlab_tree(path: &str, query: &Query) -> Option<Response> {
    let text = |name: &str| query.get(name).map(String::as_str);
    let below = folder(text("ref").unwrap_or(BRANCH))?;
    let within = text("path").filter(|within| !within.is_empty()).map_or(below, |within| format!("{within}/"));
    let recursive = text("recursive") == Some("true");
    let shown = |path: &str| path.strip_prefix(&within).is_some_and(|rest| recursive || !rest.contains('/'));
    let size = text("per_page").and_then(|size| size.parse().ok()).unwrap_or(PAGE).clamp(1, 100);
    let mut entries: Vec<Value> = ENTRIES
        .iter()
        .filter(|(_, path, _)| shown(path))
        .map(|(mode, path, content)| {
            let kind = if content.is_some() { "blob" } else { "tree" };
            json!({
                "id": object(path, *content), "name": path.rsplit('/').next(), "type": kind, "path": path, "mode": mode,
            })
        })
        .collect();
    if let Some(token) = text("page_token") {
        let seen = entries.iter().position(|entry| entry["id"] == token)?;
        entries.drain(..=seen);
    }
    let is_last = entries.len() <= size;
    entries.truncate(size);
    let next = entries.last().and_then(|entry| entry["id"].as_str()).filter(|_| !is_last).map(|token| {
        let at = format!("https://gitlab.com/api/v4/projects/{}/repository/tree", number(path));
        let asked = format!("pagination=keyset&per_page={size}&recursive={recursive}&ref={}", head());
        HeaderValue::from_str(&format!("<{at}?{asked}&page_token={token}>; rel=\"next\""))
    });
    let mut answer = Json(entries).into_response();
    if let Some(Ok(link)) = next {
        answer.headers_mut().insert(LINK, link);
    }
    Some(answer)
}
