//! What happened in the double's repositories: the same in each, in several pages.

use serde_json::{Value, json};

/// Commits of a repository.
pub(super) const COMMITS: usize = 23;
/// Closed pull requests, of which every second was merged; merge requests are the merged ones alone.
const PULLS: usize = 14;
/// Issues; GitHub lists pull requests among them.
const ISSUES: usize = 12;

const CREATED: &str = "2024-01-01T00:00:00Z";
const CHANGED: &str = "2024-01-02T00:00:00Z";

/// A hash that belongs to the n-th commit.
pub(super) fn sha(number: usize) -> String {
    format!("{:08x}{number:032x}", 0xc0ff_ee00 + number)
}

/// GitHub REST: commits, newest first.
pub(super) fn github_commits(repository: &str) -> impl ExactSizeIterator<Item = Value> {
    (1..COMMITS + 1).rev().map(move |number| {
        let (sha, by) =
            (sha(number), json!({"name": "Demo Writer", "email": "demo-writer@demo.example", "date": CHANGED}));
        json!({
            "sha": sha,
            "node_id": format!("C_demo{number}"),
            "url": format!("https://api.github.com/repos/{repository}/commits/{sha}"),
            "html_url": format!("https://github.com/{repository}/commit/{sha}"),
            "commit": {
                "message": format!("Change {number}\n\nA change of the demo."),
                "author": by,
                "committer": by,
                "comment_count": 0,
            },
            "author": null,
            "committer": null,
            "parents": [],
        })
    })
}

/// GitHub REST: closed pull requests.
pub(super) fn github_pulls(repository: &str) -> impl ExactSizeIterator<Item = Value> {
    (1..PULLS + 1).rev().map(move |index| {
        let number = ISSUES + index;
        json!({
            "id": 7_000 + number,
            "number": number,
            "state": "closed",
            "title": format!("Pull request {number}"),
            "html_url": format!("https://github.com/{repository}/pull/{number}"),
            "created_at": CREATED,
            "updated_at": CHANGED,
            "closed_at": CHANGED,
            "merged_at": if index.is_multiple_of(2) { json!(CHANGED) } else { Value::Null },
            "draft": false,
        })
    })
}

/// GitHub REST: issues, with the pull requests among them.
pub(super) fn github_issues(repository: &str) -> impl ExactSizeIterator<Item = Value> {
    (1..ISSUES + PULLS + 1).rev().map(move |number| {
        let is_pull = number > ISSUES;
        let kind = if is_pull { "pull" } else { "issues" };
        let mut issue = json!({
            "id": 8_000 + number,
            "number": number,
            "state": if number.is_multiple_of(3) { "closed" } else { "open" },
            "title": format!("Issue {number}"),
            "html_url": format!("https://github.com/{repository}/{kind}/{number}"),
            "created_at": CREATED,
            "updated_at": CHANGED,
        });
        if is_pull {
            issue["pull_request"] = json!({"url": format!("https://api.github.com/repos/{repository}/pulls/{number}")});
        }
        issue
    })
}

/// GitLab REST: commits, newest first.
pub(super) fn gitlab_commits(path: &str) -> impl ExactSizeIterator<Item = Value> {
    (1..COMMITS + 1).rev().map(move |number| {
        let sha = sha(number);
        json!({
            "id": sha,
            "short_id": sha.get(..8),
            "title": format!("Change {number}"),
            "message": format!("Change {number}\n\nA change of the demo."),
            "author_name": "Demo Writer",
            "author_email": "demo-writer@demo.example",
            "created_at": CREATED,
            "committed_date": CHANGED,
            "parent_ids": [],
            "web_url": format!("https://gitlab.com/{path}/-/commit/{sha}"),
        })
    })
}

/// GitLab REST: merged merge requests.
pub(super) fn gitlab_merge_requests(path: &str) -> impl ExactSizeIterator<Item = Value> {
    (1..PULLS / 2 + 1).rev().map(move |iid| change(path, "merge_requests", "merged", iid))
}

/// GitLab REST: issues.
pub(super) fn gitlab_issues(path: &str) -> impl ExactSizeIterator<Item = Value> {
    (1..ISSUES + 1)
        .rev()
        .map(move |iid| change(path, "issues", if iid.is_multiple_of(3) { "closed" } else { "opened" }, iid))
}

fn change(path: &str, kind: &str, state: &str, iid: usize) -> Value {
    json!({
        "id": 9_000 + iid,
        "iid": iid,
        "title": format!("Number {iid}"),
        "description": null,
        "state": state,
        "created_at": CREATED,
        "updated_at": CHANGED,
        "web_url": format!("https://gitlab.com/{path}/-/{kind}/{iid}"),
    })
}
