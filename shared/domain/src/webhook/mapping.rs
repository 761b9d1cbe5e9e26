//! Which event of ours a provider's event is (contract: hookcode 4.5, event mapping; quirk Q10).

use super::payload::{is_object, text};
use crate::repository::Provider;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What an event is about: the key of its rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the contract's words")]
pub enum EventType {
    Issue,
    Commit,
    MergeRequest,
}

impl EventType {
    /// All of them, in the contract's order.
    pub const ALL: [Self; 3] = [Self::Issue, Self::Commit, Self::MergeRequest];

    /// The name on the wire and in configurations.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Issue => "issue",
            Self::Commit => "commit",
            Self::MergeRequest => "merge_request",
        }
    }
}

/// What happened to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SubType {
    /// New: opened, pushed.
    Created,
    /// Changed.
    Updated,
    /// Somebody wrote a comment on it.
    Commented,
    /// An issue came back. Only rules that name this subtype fire for it.
    Reopened,
}

impl SubType {
    /// The name on the wire and in clauses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Updated => "updated",
            Self::Commented => "commented",
            Self::Reopened => "reopened",
        }
    }
}

/// An event in our words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct MappedEvent {
    /// What it is about.
    pub event_type: EventType,
    /// What happened.
    pub sub_type: SubType,
}

/// Maps a provider's event; `None` for `event not supported`.
pub fn map_event(provider: Provider, event_name: &str, payload: &Value) -> Option<MappedEvent> {
    let (event_type, sub_type) = match provider {
        Provider::Github => map_github(event_name, payload),
        Provider::Gitlab => map_gitlab(event_name, payload),
        Provider::Git => None,
    }?;
    Some(MappedEvent { event_type, sub_type })
}

fn map_github(event_name: &str, payload: &Value) -> Option<(EventType, SubType)> {
    use EventType::{Commit, Issue, MergeRequest};
    use SubType::{Commented, Created, Reopened, Updated};
    let action = text(payload, "/action");
    let is_new = matches!(action, None | Some("created"));
    match event_name {
        "push" => Some((Commit, Created)),
        "commit_comment" => is_new.then_some((Commit, Commented)),
        "issues" => match action {
            None | Some("opened") => Some((Issue, Created)),
            Some("reopened") => Some((Issue, Reopened)),
            Some(_) => None,
        },
        // A pull request is an issue with more: its comments come as comments of an issue.
        "issue_comment" if is_object(payload, "/issue/pull_request") => is_new.then_some((MergeRequest, Commented)),
        "issue_comment" => is_new.then_some((Issue, Commented)),
        "pull_request" => match action {
            None | Some("opened" | "reopened") => Some((MergeRequest, Created)),
            Some("synchronize" | "edited") => Some((MergeRequest, Updated)),
            Some(_) => None,
        },
        _ => None,
    }
}

fn map_gitlab(event_name: &str, payload: &Value) -> Option<(EventType, SubType)> {
    use EventType::{Commit, Issue, MergeRequest};
    use SubType::{Commented, Created, Reopened, Updated};
    let action = text(payload, "/object_attributes/action");
    match event_name {
        "Push Hook" => Some((Commit, Created)),
        // Every other action maps as well; the guard names it in its reason.
        "Issue Hook" if action == Some("reopen") => Some((Issue, Reopened)),
        "Issue Hook" => Some((Issue, Created)),
        "Merge Request Hook" => match action {
            None | Some("open" | "reopen" | "create") => Some((MergeRequest, Created)),
            Some("update") => Some((MergeRequest, Updated)),
            Some(_) => None,
        },
        "Note Hook" => match text(payload, "/object_attributes/noteable_type") {
            Some("Issue") => Some((Issue, Commented)),
            Some("MergeRequest") => Some((MergeRequest, Commented)),
            Some("Commit") => Some((Commit, Commented)),
            Some(_) | None => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
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
}
