//! What a webhook sends, in GitLab's words (contract: nautes 6.2), and what GitHub calls the same.

/// GitLab's attribute and GitHub's events for it (GitLab REST: project webhooks; GitHub: webhook events and payloads).
///
/// | here and at GitLab | at GitHub | why |
/// | --- | --- | --- |
/// | `push_events`, `tag_push_events` | `push` | one event for branches and tags |
/// | `merge_requests_events` | `pull_request` | |
/// | `note_events` | `issue_comment`, `commit_comment`, `pull_request_review_comment` | one for each place |
/// | `issues_events` | `issues` | |
/// | `pipeline_events`, `job_events` | `workflow_run`, `workflow_job` | Actions are GitHub's pipelines |
/// | `releases_events` | `release` | |
/// | `deployment_events` | `deployment`, `deployment_status` | GitLab tells both by one |
/// | `confidential_issues_events`, `confidential_note_events` | none | GitHub has no confidential issues |
pub const EVENTS: [(&str, &[&str]); 11] = [
    ("confidential_issues_events", &[]),
    ("confidential_note_events", &[]),
    ("deployment_events", &["deployment", "deployment_status"]),
    ("issues_events", &["issues"]),
    ("job_events", &["workflow_job"]),
    ("merge_requests_events", &["pull_request"]),
    ("note_events", &["commit_comment", "issue_comment", "pull_request_review_comment"]),
    ("pipeline_events", &["workflow_run"]),
    ("push_events", &["push"]),
    ("releases_events", &["release"]),
    ("tag_push_events", &["push"]),
];

/// GitHub's events for one of GitLab's; empty for those that GitHub has not, and for what is no event.
pub fn at_github(event: &str) -> &'static [&'static str] {
    EVENTS.iter().find(|(known, _)| *known == event).map_or(&[], |(_, events)| events)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_event_but_the_confidential_ones_has_a_counterpart() {
        for (event, events) in EVENTS {
            assert_eq!(events.is_empty(), event.starts_with("confidential_"), "{event}");
            assert_eq!(at_github(event), events);
        }
        let known: BTreeSet<_> = EVENTS.iter().map(|(event, _)| event).collect();
        assert_eq!(known.len(), EVENTS.len());
        assert!(at_github("wiki_page_events").is_empty() && at_github("").is_empty());
    }
}
