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

fn on_request(provider: Provider, event: &str, payload: &Value) -> Vec<String> {
    let named = |event: MappedEvent| format!("{} {}", event.event_type.as_str(), event.sub_type.as_str());
    map_on_request(provider, event, payload).into_iter().map(named).collect()
}

#[test]
fn what_github_posts_is_more_on_request() {
    let with = |action: &str, rest: Value| {
        let mut payload = json!({"action": action});
        payload.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        payload
    };
    let issue = |action: &str| with(action, json!({"issue": {}}));
    let pr = |action: &str, merged: bool| with(action, json!({"pull_request": {"merged": merged}}));
    let push = |name: &str, created: bool, deleted: bool| json!({"ref": name, "created": created, "deleted": deleted});
    let run = |conclusion: &str| with("completed", json!({"workflow_run": {"conclusion": conclusion}}));
    let suite = |app: &str| with("completed", json!({"check_suite": {"conclusion": "success", "app": {"slug": app}}}));
    let review = json!({"review": {}, "pull_request": {}});
    let comment = json!({"comment": {}, "pull_request": {}});
    for (event, payload, expected) in [
        ("issues", issue("labeled"), "issue labeled"),
        ("issues", issue("unlabeled"), "issue unlabeled"),
        ("issues", issue("closed"), "issue closed"),
        ("issues", issue("opened"), ""),
        ("issues", issue("assigned"), ""),
        ("pull_request", pr("labeled", false), "merge_request labeled"),
        ("pull_request", pr("unlabeled", false), "merge_request unlabeled"),
        ("pull_request", pr("closed", false), "merge_request closed"),
        ("pull_request", pr("closed", true), "merge_request merged"),
        ("pull_request", pr("ready_for_review", false), "merge_request ready_for_review"),
        ("pull_request", pr("converted_to_draft", false), "merge_request converted_to_draft"),
        ("pull_request", pr("reopened", false), ""),
        ("pull_request_review", with("submitted", review.clone()), "merge_request reviewed"),
        ("pull_request_review", with("dismissed", review), ""),
        ("pull_request_review_comment", with("created", comment.clone()), "merge_request review_commented"),
        ("pull_request_review_comment", with("edited", comment), ""),
        ("release", with("published", json!({"release": {}})), "release published"),
        ("release", with("created", json!({"release": {}})), ""),
        ("push", push("refs/tags/v1", true, false), "tag created"),
        ("push", push("refs/tags/v1", false, false), "tag updated"),
        ("push", push("refs/tags/v1", false, true), "tag deleted"),
        ("push", push("refs/heads/main", true, false), ""),
        ("create", json!({"ref": "v1", "ref_type": "tag"}), ""),
        ("workflow_run", run("success"), "pipeline succeeded"),
        ("workflow_run", run("failure"), "pipeline failed"),
        ("workflow_run", run("timed_out"), "pipeline failed"),
        ("workflow_run", run("cancelled"), "pipeline canceled"),
        ("workflow_run", run("skipped"), "pipeline skipped"),
        ("workflow_run", run("action_required"), "pipeline action_required"),
        ("workflow_run", with("requested", json!({"workflow_run": {"conclusion": null}})), ""),
        ("check_suite", suite("a-ci"), "pipeline succeeded"),
        ("check_suite", suite("github-actions"), ""),
        ("discussion", with("created", json!({"discussion": {}})), "discussion created"),
        ("discussion_comment", with("created", json!({"discussion": {}, "comment": {}})), "discussion commented"),
        ("discussion_comment", with("deleted", json!({"discussion": {}, "comment": {}})), ""),
    ] {
        assert_eq!(on_request(Provider::Github, event, &payload).join(","), expected, "{event} {payload}");
    }
}

#[test]
fn a_body_under_the_header_of_another_event_is_no_event_on_request() {
    // The header is not signed: a comment that is sent again as a review must not become one.
    let comment = json!({"action": "submitted", "comment": {}, "pull_request": {}});
    let discussed = json!({"action": "created", "discussion": {}, "comment": {}});
    for (event, payload) in [
        ("pull_request_review", comment),
        ("discussion", discussed),
        ("release", json!({"action": "published"})),
        ("workflow_run", json!({"action": "completed", "check_suite": {"conclusion": "success"}})),
    ] {
        assert!(on_request(Provider::Github, event, &payload).is_empty(), "{event} {payload}");
    }
    let pipeline = json!({"object_kind": "build", "object_attributes": {"status": "success"}});
    assert!(on_request(Provider::Gitlab, "Pipeline Hook", &pipeline).is_empty());
    assert!(on_request(Provider::Gitlab, "Release Hook", &json!({"object_kind": "x", "action": "create"})).is_empty());
}

#[test]
fn real_payloads_are_more_on_request() {
    let expected = [
        ("github/push/tag", "tag created"),
        ("github/push/tag_deleted", "tag deleted"),
        ("gitlab/issue/close", "issue closed"),
        ("gitlab/issue/labeled", "issue labeled"),
        ("gitlab/issue/unlabeled", "issue unlabeled"),
        ("gitlab/merge_request/approved", "merge_request reviewed"),
        ("gitlab/merge_request/close", "merge_request closed"),
        ("gitlab/merge_request/draft", "merge_request converted_to_draft"),
        ("gitlab/merge_request/labels_changed", "merge_request labeled,merge_request unlabeled"),
        ("gitlab/merge_request/merge", "merge_request merged"),
        ("gitlab/merge_request/ready", "merge_request ready_for_review"),
        ("gitlab/pipeline/failed", "pipeline failed"),
        ("gitlab/pipeline/merge_request", "pipeline failed"),
        ("gitlab/pipeline/success", "pipeline succeeded"),
        ("gitlab/release/create", "release published"),
        ("gitlab/tag_push/created", "tag created"),
        ("gitlab/tag_push/deleted", "tag deleted"),
    ];
    for fixture in fixtures::all() {
        let found = on_request(fixture.provider, fixture.event, &fixture.payload()).join(",");
        let wanted = expected.iter().find(|(name, _)| *name == fixture.name).map_or("", |(_, events)| events);
        assert_eq!(found, wanted, "{}", fixture.name);
    }
}

#[test]
fn every_line_is_reached_and_names_what_it_says() {
    for line in DECLARATIONS {
        let payload = fixtures::fitting(&line, json!({}));
        let (standing, more) = (
            map_event(line.provider, line.event_name, &payload),
            map_on_request(line.provider, line.event_name, &payload),
        );
        assert_eq!(standing == Some(line.event), !line.on_request, "{line:?}");
        assert_eq!(more.contains(&line.event), line.on_request, "{line:?}: {more:?}");
        let is_new = line.event.is_named_only() || !EventType::STANDING.contains(&line.event.event_type);
        let reopened = line.event.sub_type == SubType::Reopened;
        assert_eq!(line.on_request, is_new && !reopened, "{line:?}: what came later asks first");
    }
    let names: Vec<_> = SubType::ALL.iter().map(|sub_type| json!(sub_type)).collect();
    assert_eq!(names, SubType::ALL.map(|sub_type| json!(sub_type.as_str())));
    for sub_type in SubType::ALL {
        assert!(DECLARATIONS.iter().any(|line| line.event.sub_type == sub_type), "{sub_type:?} is never mapped");
    }
}

proptest::proptest! {
    #[test]
    fn any_body_under_any_header_is_mapped_without_panic(
        odd in super::super::context::tests::odd_json(),
        line in proptest::sample::select(DECLARATIONS.to_vec()),
        header in "\\PC{0,20}",
    ) {
        for provider in [Provider::Github, Provider::Gitlab, Provider::Git] {
            for event in [line.event_name, &header] {
                let _ = map_event(provider, event, &odd);
                let more = map_on_request(provider, event, &odd);
                let once: std::collections::HashSet<_> = more.iter().collect();
                proptest::prop_assert_eq!(once.len(), more.len(), "one event twice");
            }
        }
    }
}
