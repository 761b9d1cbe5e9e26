//! The contract's mapping, row by row, and what comes on request beside it.

use super::super::fixtures;
use super::*;
use serde_json::json;

#[test]
fn events_map_as_the_contract_says() {
    let gh = |action: &str| json!({"action": action, "issue": {}, "pull_request": {}});
    let gl = |action: &str| json!({"object_attributes": {"action": action}});
    let note = |kind: &str| json!({"object_attributes": {"noteable_type": kind}});
    let pr_comment = json!({"action": "created", "issue": {"pull_request": {"url": "x"}}});
    use Provider::{Github, Gitlab};
    let cases = [
        ("4.5/map/github/push", Github, "push", json!({}), Some("commit created")),
        ("4.5/map/github/commit_comment", Github, "commit_comment", json!({}), Some("commit commented")),
        ("4.5/map/github/commit_comment", Github, "commit_comment", gh("created"), Some("commit commented")),
        ("4.5/map/github/commit_comment", Github, "commit_comment", gh("deleted"), None),
        ("4.5/map/github/issues", Github, "issues", json!({}), Some("issue created")),
        ("4.5/map/github/issues", Github, "issues", gh("opened"), Some("issue created")),
        ("4.5/map/github/issues-reopened", Github, "issues", gh("reopened"), Some("issue reopened")),
        ("4.5/map/github/issues", Github, "issues", gh("labeled"), None),
        ("4.5/map/github/issues", Github, "issues", gh("closed"), None),
        ("4.5/map/github/issue_comment", Github, "issue_comment", json!({"issue": {}}), Some("issue commented")),
        ("4.5/map/github/issue_comment", Github, "issue_comment", gh("created"), Some("issue commented")),
        ("4.5/map/github/issue_comment-pr", Github, "issue_comment", pr_comment, Some("merge_request commented")),
        ("4.5/map/github/issue_comment", Github, "issue_comment", gh("edited"), None),
        ("4.5/map/github/issue_comment", Github, "issue_comment", gh("deleted"), None),
        ("4.5/map/github/pull_request", Github, "pull_request", json!({}), Some("merge_request created")),
        ("4.5/map/github/pull_request", Github, "pull_request", gh("opened"), Some("merge_request created")),
        ("4.5/map/github/pull_request", Github, "pull_request", gh("reopened"), Some("merge_request created")),
        ("4.5/map/github/pull_request", Github, "pull_request", gh("synchronize"), Some("merge_request updated")),
        ("4.5/map/github/pull_request", Github, "pull_request", gh("edited"), Some("merge_request updated")),
        ("4.5/map/github/pull_request", Github, "pull_request", gh("closed"), None),
        ("4.5/map/github/other", Github, "ping", json!({}), None),
        ("4.5/map/github/other", Github, "create", json!({}), None),
        ("4.5/map/github/other", Github, "pull_request_review", gh("submitted"), None),
        ("4.5/map/github/other", Github, "release", gh("published"), None),
        ("4.5/map/github/other", Github, "Push Hook", json!({}), None),
        ("4.5/map/gitlab/push", Gitlab, "Push Hook", json!({}), Some("commit created")),
        ("4.5/map/gitlab/issue", Gitlab, "Issue Hook", gl("open"), Some("issue created")),
        ("4.5/map/gitlab/issue", Gitlab, "Issue Hook", gl("close"), Some("issue created")),
        ("4.5/map/gitlab/issue", Gitlab, "Issue Hook", json!({}), Some("issue created")),
        ("4.5/map/gitlab/issue-reopen", Gitlab, "Issue Hook", gl("reopen"), Some("issue reopened")),
        ("4.5/map/gitlab/merge_request", Gitlab, "Merge Request Hook", json!({}), Some("merge_request created")),
        ("4.5/map/gitlab/merge_request", Gitlab, "Merge Request Hook", gl("open"), Some("merge_request created")),
        ("4.5/map/gitlab/merge_request", Gitlab, "Merge Request Hook", gl("reopen"), Some("merge_request created")),
        ("4.5/map/gitlab/merge_request", Gitlab, "Merge Request Hook", gl("create"), Some("merge_request created")),
        ("4.5/map/gitlab/merge_request", Gitlab, "Merge Request Hook", gl("update"), Some("merge_request updated")),
        ("4.5/map/gitlab/merge_request", Gitlab, "Merge Request Hook", gl("merge"), None),
        ("4.5/map/gitlab/note", Gitlab, "Note Hook", note("Issue"), Some("issue commented")),
        ("4.5/map/gitlab/note", Gitlab, "Note Hook", note("MergeRequest"), Some("merge_request commented")),
        ("4.5/map/gitlab/note", Gitlab, "Note Hook", note("Commit"), Some("commit commented")),
        ("4.5/map/gitlab/note", Gitlab, "Note Hook", note("Snippet"), None),
        ("4.5/map/gitlab/other", Gitlab, "Tag Push Hook", json!({}), None),
        ("4.5/map/gitlab/other", Gitlab, "Pipeline Hook", json!({}), None),
        ("4.5/map/gitlab/other", Gitlab, "Release Hook", json!({}), None),
    ];
    for (row, provider, event, payload, expected) in cases {
        let mapped = map_event(provider, event, &payload);
        let text = mapped.map(|m| format!("{} {}", m.event_type.as_str(), m.sub_type.as_str()));
        assert_eq!(text.as_deref(), expected, "{row}: {event} {payload}");
    }
}

#[test]
fn real_payloads_map() {
    for fixture in fixtures::all() {
        let mapped = map_event(fixture.provider, fixture.event, &fixture.payload());
        let text = mapped.map(|m| format!("{}/{}", m.event_type.as_str(), m.sub_type.as_str()));
        assert_eq!(text.as_deref(), fixture.mapped, "{}", fixture.name);
    }
}
