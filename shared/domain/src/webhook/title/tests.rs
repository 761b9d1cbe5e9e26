//! Titles and groups.

use super::super::fixtures::{self, repository_id, robot};
use super::super::mapping::map_event;
use super::*;
use crate::id::TaskId;
use crate::webhook::fixtures::{Counter, now};
use serde_json::{Value, json};

fn subject(provider: Provider, event: &str, payload: &Value) -> Subject {
    Subject::read(provider, map_event(provider, event, payload).unwrap(), payload)
}

fn of_fixture(name: &str) -> Subject {
    let fixture = fixtures::named(name);
    subject(fixture.provider, fixture.event, &fixture.payload())
}

#[test]
fn titles_of_real_payloads() {
    let rev = robot(1, "Rev Bot");
    for (row, fixture, expected) in [
        (
            "4.5/title/github/commit",
            "github/push/branch",
            "Commit refs/heads/master · 6113728f · Initial commit · Rev Bot",
        ),
        (
            "4.5/title/github/pr",
            "github/pull_request/opened",
            "PR #2: Update the README with new information. · Rev Bot",
        ),
        (
            "4.5/title/github/issue",
            "github/issues/opened",
            "IssueCreated #1: Spelling error in the README file · Rev Bot",
        ),
        (
            "4.5/title/github/issue-reopened",
            "github/issues/reopened",
            "IssueReopened #1: Spelling error in the README file · Rev Bot",
        ),
        (
            "4.5/title/github/issue-comment",
            "github/issue_comment/created",
            "IssueComment · #1 · You are totally right! I'll get this fixed right away. · Rev Bot",
        ),
        (
            "4.5/title/github/commit-comment",
            "github/commit_comment/created",
            "CommitComment · This is a really good change! :+1: · Rev Bot",
        ),
        (
            "4.5/title/gitlab/commit",
            "gitlab/push/branch",
            "Commit workshop/widgets refs/heads/main · 7c0e1f5a · Count turns in a wider integer · Rev Bot",
        ),
        ("4.5/title/gitlab/mr", "gitlab/merge_request/open", "MR !7: Turn the left wheel forwards · Rev Bot"),
        ("4.5/title/gitlab/issue", "gitlab/issue/open", "IssueCreated #23: The left wheel turns backwards · Rev Bot"),
        (
            "4.5/title/gitlab/issue-comment",
            "gitlab/note/issue",
            "IssueComment · workshop/widgets · #23 · @rev-bot can you have a look? cc @ben · Rev Bot",
        ),
        (
            "4.5/title/gitlab/mr-comment",
            "gitlab/note/merge_request",
            "MRComment · workshop/widgets · !7 · Please squash this, @Rev-Bot. · Rev Bot",
        ),
        (
            "4.5/title/gitlab/commit-comment",
            "gitlab/note/commit",
            "CommitComment · workshop/widgets · Why *wider*, and not unsigned? · Rev Bot",
        ),
    ] {
        let provider = if fixture.starts_with("github") { Provider::Github } else { Provider::Gitlab };
        assert_eq!(task_title(provider, &of_fixture(fixture), &rev), expected, "{row}");
    }
}

#[test]
fn titles_of_updates_and_of_comments_on_pull_requests() {
    let rev = robot(1, "Rev");
    let pr = json!({"action": "edited", "pull_request": {"number": 3, "title": "T"}});
    let comment =
        json!({"issue": {"number": 3, "pull_request": {}}, "comment": {"body": format!("a\n b {}", "c".repeat(200))}});
    let mr = json!({"object_attributes": {"action": "update", "iid": 4, "id": 99, "title": "T"}});
    let title = |provider, event, payload| task_title(provider, &subject(provider, event, payload), &rev);
    assert_eq!(
        title(Provider::Github, "pull_request", &pr),
        "PRUpdated #3: T · Rev",
        "{}",
        "4.5/title/github/pr-updated"
    );
    let expected = format!("PRComment · #3 · a b {} · Rev", "c".repeat(76));
    assert_eq!(title(Provider::Github, "issue_comment", &comment), expected, "{}", "4.5/title/github/pr-comment");
    let expected = "MRUpdated !4: T · Rev";
    assert_eq!(title(Provider::Gitlab, "Merge Request Hook", &mr), expected, "{}", "4.5/title/gitlab/mr-updated");
    assert_eq!(title(Provider::Github, "push", &json!({})), "Commit · Rev");
}

#[test]
fn titles_are_bounded_and_keep_the_robots_name() {
    let issue = json!({"action": "opened", "issue": {"number": 3, "title": "é".repeat(5000)}});
    let title = task_title(Provider::Github, &subject(Provider::Github, "issues", &issue), &robot(1, "Rev"));
    assert_eq!(title.chars().count(), MAX_TITLE_CHARS);
    assert!(title.ends_with("é… · Rev"), "{title}");
    let long = robot(1, &"x".repeat(5000));
    let title = task_title(Provider::Github, &subject(Provider::Github, "issues", &issue), &long);
    assert_eq!(title.chars().count(), MAX_TITLE_CHARS);
}

#[test]
fn follow_ups_of_one_thing_share_a_group() {
    let ids = Counter::new();
    let (repository, a, b) = (repository_id(), robot(1, "a"), robot(2, "b"));
    let group = |subject: &Subject, robot| group_of(repository, robot, subject, TaskId::new(now(), &ids), "T");

    let opened = group(&of_fixture("gitlab/issue/open"), &a);
    assert_eq!(opened.binding_key, format!("{repository}:{}:issue:23", a.id), "{}", "4.5/group/issue");
    assert_eq!((opened.kind, opened.issue_id, opened.commit_sha.clone()), (GroupKind::Issue, Some(23), None));
    assert_eq!(opened.id, format!("grp_{}", &sha256_hex(opened.binding_key.as_bytes())[..32]));
    assert_eq!(opened.id, group(&of_fixture("gitlab/note/issue"), &a).id, "{}", "4.5/group/issue");
    assert_ne!(opened.id, group(&of_fixture("gitlab/issue/open"), &b).id, "{}: one for each robot", "4.5/group/issue");

    let mr = group(&of_fixture("gitlab/note/merge_request"), &a);
    assert_eq!(mr.binding_key, format!("{repository}:{}:merge_request:7", a.id), "{}", "4.5/group/merge_request");
    assert_eq!((mr.kind, mr.mr_id), (GroupKind::MergeRequest, Some(7)), "{}", "4.5/group/merge_request");

    let commit = group(&of_fixture("github/push/branch"), &a);
    assert_eq!(commit.kind, GroupKind::Commit, "{}", "4.5/group/commit");
    assert!(commit.binding_key.ends_with(":commit:6113728f27ae82c7b1a177c8d03f9e96e0adf246"), "{}", "4.5/group/commit");
    assert!(commit.commit_sha.is_some());

    let bare = subject(Provider::Github, "push", &json!({}));
    let (one, two) = (group(&bare, &a), group(&bare, &a));
    assert_eq!(one.kind, GroupKind::Task, "{}", "4.5/group/task");
    assert_ne!(one.id, two.id, "{}", "4.5/group/task");
}

/// Of an event that comes on request: the last one of the payload.
fn on_request(provider: Provider, event: &str, payload: &Value) -> Subject {
    let events = crate::webhook::map_on_request(provider, event, payload);
    Subject::read(provider, *events.last().unwrap(), payload)
}

#[test]
fn titles_and_groups_of_events_on_request() {
    let sha = "0a1b2c3d".repeat(5);
    let pull_request = json!({"number": 3, "title": "T", "merged": true, "head": {"ref": "fix", "sha": sha}});
    let pr = |action: &str, rest: Value| {
        let mut payload = json!({"action": action, "pull_request": pull_request});
        payload.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        payload
    };
    let discussion = json!({"number": 5, "title": "How?"});
    let said = json!({"body": "Like\nthis.", "commit_id": sha});
    let run = json!({"conclusion": "timed_out", "name": "CI", "head_branch": "main", "head_sha": sha});
    let suite =
        json!({"conclusion": "action_required", "app": {"name": "A CI"}, "head_branch": "main", "head_sha": sha});
    let commit = format!("commit:{sha}");
    for (event, payload, title, group) in [
        ("pull_request", pr("closed", json!({})), "PRMerged #3: T", "merge_request:3"),
        ("pull_request", pr("ready_for_review", json!({})), "PRReadyForReview #3: T", "merge_request:3"),
        ("pull_request_review", pr("submitted", json!({"review": {}})), "PRReviewed #3: T", "merge_request:3"),
        (
            "pull_request_review_comment",
            pr("created", json!({"comment": said})),
            "PRReviewComment · #3 · Like this.",
            "merge_request:3",
        ),
        (
            "issues",
            json!({"action": "unlabeled", "issue": {"number": 4, "title": "T"}}),
            "IssueUnlabeled #4: T",
            "issue:4",
        ),
        ("discussion", json!({"action": "created", "discussion": discussion}), "DiscussionCreated #5: How?", "task:"),
        (
            "discussion_comment",
            json!({"action": "created", "discussion": discussion, "comment": {"body": "So."}}),
            "DiscussionComment · #5 · So.",
            "task:",
        ),
        (
            "release",
            json!({"action": "published", "release": {"tag_name": "v1", "name": "v1"}}),
            "ReleasePublished v1",
            "task:",
        ),
        ("push", json!({"ref": "refs/tags/v1", "created": true, "after": sha}), "TagCreated v1 · 0a1b2c3d", &commit),
        (
            "workflow_run",
            json!({"action": "completed", "workflow_run": run}),
            "PipelineFailed main · 0a1b2c3d · CI",
            &commit,
        ),
        (
            "check_suite",
            json!({"action": "completed", "check_suite": suite}),
            "PipelineActionRequired main · 0a1b2c3d · A CI",
            &commit,
        ),
    ] {
        let subject = on_request(Provider::Github, event, &payload);
        let rev = robot(1, "Rev");
        assert_eq!(task_title(Provider::Github, &subject, &rev), format!("{title} · Rev"), "{event}");
        let task = TaskId::new(now(), &Counter::new());
        let key = group_of(repository_id(), &rev, &subject, task, "T").binding_key;
        assert!(key.starts_with(&format!("{}:{}:{group}", repository_id(), rev.id)), "{event}: {key}");
    }
}
