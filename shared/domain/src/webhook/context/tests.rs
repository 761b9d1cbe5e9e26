//! The fields of the context, one by one.

use super::super::fixtures::{self, repository, robot};
use super::super::mapping::map_event;
use super::*;
use crate::repository::{Branch, Provider};
use Provider::{Github, Gitlab};
use proptest::prelude::*;
use serde_json::json;

fn read(provider: Provider, event: &str, payload: &Value, robots: &[Robot]) -> Context {
    let mut repository = repository(provider);
    let branch = |name: &str, note: Option<&str>, is_default| Branch {
        name: name.into(),
        note: note.map(str::to_owned),
        is_default,
    };
    repository.branches = vec![
        branch("trunk", None, true),
        branch("dev", Some("Dev branch"), false),
        branch("qa", Some("Test branch"), false),
        branch("old", Some("Main branch"), false),
        branch("misc", Some("dev branch"), false),
    ];
    let robots: Vec<_> = robots.iter().collect();
    Context::read(&repository, map_event(provider, event, payload).unwrap(), payload, &robots)
}

fn text(context: &Context, path: &str) -> String {
    match context.lookup(path) {
        Some(FieldValue::Text(text)) => text.clone(),
        other => panic!("{path}: {other:?}"),
    }
}

fn list(context: &Context, path: &str) -> Vec<String> {
    match context.lookup(path) {
        Some(FieldValue::List(list)) => list.clone(),
        other => panic!("{path}: {other:?}"),
    }
}

#[test]
fn branches_and_their_roles() {
    let push = |name: &str| json!({"ref": name});
    let pr = json!({"action": "opened", "pull_request": {"base": {"ref": "dev"}, "head": {"ref": "qa"}}});
    let mr = json!({"object_attributes": {"target_branch": "qa", "source_branch": "dev"}});
    let note =
        json!({"object_attributes": {"noteable_type": "MergeRequest"}, "merge_request": {"target_branch": "qa"}});
    let issue = json!({"action": "opened", "issue": {}});
    for (row, provider, event, payload, name, role) in [
        ("4.5/context/branch", Github, "push", push("refs/heads/trunk"), "trunk", "main"),
        ("4.5/context/branch", Github, "push", push("refs/heads/a/b"), "a/b", "other"),
        ("4.5/context/branch", Gitlab, "Push Hook", push("refs/tags/v1"), "refs/tags/v1", "other"),
        ("4.5/context/branch", Github, "pull_request", pr, "dev", "dev"),
        ("4.5/context/branch", Gitlab, "Merge Request Hook", mr, "qa", "test"),
        ("4.5/context/branch", Gitlab, "Note Hook", note, "qa", "test"),
        ("4.5/context/branch", Github, "issues", issue, "", "unknown"),
        ("4.5/context/branch-role", Github, "push", push("refs/heads/old"), "old", "main"),
        ("4.5/context/branch-role", Github, "push", push("refs/heads/misc"), "misc", "other"),
        ("4.5/context/branch-role", Github, "push", json!({}), "", "unknown"),
    ] {
        let context = read(provider, event, &payload, &[]);
        assert_eq!(text(&context, "branch.name"), name, "{row} {payload}");
        assert_eq!(text(&context, "push.branch"), name, "{row} {payload}");
        assert_eq!(text(&context, "branch.role"), role, "{row} {payload}");
    }
}

#[test]
fn events_are_named() {
    let context = read(Github, "issues", &json!({"action": "reopened", "issue": {}}), &[]);
    assert_eq!(text(&context, "event.type"), "issue", "{}", "4.5/context/event");
    assert_eq!(text(&context, "event.subType"), "reopened", "{}", "4.5/context/event");
    assert_eq!(context.lookup("event"), None, "{}", "4.5/context/undefined");
    assert_eq!(context.lookup("issue.title"), None, "{}", "4.5/context/undefined");
    for path in Context::FIELDS {
        assert!(context.lookup(path).is_some(), "{path}");
    }
}

#[test]
fn assignees_come_from_every_place() {
    let payload = json!({
        "action": "opened", "assignees": [{"username": "Ann", "login": "x"}],
        "object_attributes": {"assignees": [{"login": "Ben"}], "assignee": {"name": "Cy D"}},
        "issue": {"assignees": [{"id": 5}, {}, 7, {"username": "ann"}], "assignee": {"login": "eve"}}
    });
    let context = read(Github, "issues", &payload, &[]);
    assert_eq!(list(&context, "issue.assignees"), ["ann", "ben", "5", "cy d", "eve"], "{}", "4.5/context/assignees");
}

#[test]
fn comments_and_whom_they_mention() {
    let mut bot = robot(1, "Rev Bot");
    bot.account.username = Some("acme-rev".into());
    let mut shown = robot(2, "Other");
    shown.account.display_name = Some("The Écrivain".into());
    let robots = [bot, shown, robot(3, "Silent")];
    let body = "@Rev-Bot and @acme-rev, see @nobody; @the-crivain";
    let payload = json!({"action": "created", "issue": {}, "comment": {"body": body}});
    let context = read(Github, "issue_comment", &payload, &robots);
    assert_eq!(text(&context, "comment.body"), body, "{}", "4.5/context/comment-body");
    let mentions = ["@rev-bot", "@acme-rev", "@nobody", "@the-crivain"];
    assert_eq!(list(&context, "comment.mentions"), mentions, "{}", "4.5/context/mentions");
    let ids = [robots[0].id.to_string(), robots[1].id.to_string()];
    assert_eq!(list(&context, "comment.mentionRobotIds"), ids, "{}", "4.5/context/mention-robot-ids");
    assert_eq!(text(&context, "text.all"), body, "{}", "4.5/context/text-all");
    let note = fixtures::named("gitlab/note/merge_request");
    let context = read(Gitlab, note.event, &note.payload(), &robots);
    assert_eq!(
        list(&context, "comment.mentionRobotIds"),
        [robots[0].id.to_string()],
        "{}",
        "4.5/context/mention-robot-ids"
    );
}

#[test]
fn the_whole_text_is_title_and_description_or_the_commits_first_lines() {
    let row = "4.5/context/text-all";
    let issue = json!({"action": "opened", "issue": {"title": "T", "body": "B"}});
    assert_eq!(text(&read(Github, "issues", &issue, &[]), "text.all"), "T\n\nB", "{row}");
    let stray = json!({"action": "opened", "issue": {"title": "T"}, "comment": {"body": "C"}});
    assert_eq!(text(&read(Github, "issues", &stray, &[]), "text.all"), "T", "{row}");
    let untold = json!({"action": "opened", "issue": {"title": "T", "body": null}});
    assert_eq!(text(&read(Github, "issues", &untold, &[]), "text.all"), "T", "{row}");
    let mr = json!({"object_attributes": {"title": "T", "description": "D"}});
    assert_eq!(text(&read(Gitlab, "Merge Request Hook", &mr, &[]), "text.all"), "T\n\nD", "{row}");
    let push =
        json!({"ref": "r", "commits": [{"message": "one\n\nmore"}, {"title": "two", "message": "x"}, {"id": 3}]});
    assert_eq!(text(&read(Github, "push", &push, &[]), "text.all"), "one\ntwo", "{row}");
}

#[test]
fn long_texts_are_cut_for_matching() {
    let payload = json!({"action": "created", "issue": {}, "comment": {"body": "é".repeat(MAX_FIELD_BYTES)}});
    let context = read(Github, "issue_comment", &payload, &[]);
    assert!(text(&context, "comment.body").len() <= MAX_FIELD_BYTES);
    let payload = json!({"ref": "r", "commits": vec![json!({"message": "x".repeat(1000)}); 1000]});
    assert!(text(&read(Github, "push", &payload, &[]), "text.all").len() <= MAX_FIELD_BYTES);
}

/// JSON that has the providers' member names in all the wrong places.
pub(in super::super) fn odd_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[@a-zé{} ]{0,8}".prop_map(Value::from),
    ];
    // Words that the mapping asks for, so that odd bodies are events often enough.
    let words = [
        "labeled",
        "closed",
        "submitted",
        "created",
        "published",
        "completed",
        "success",
        "failed",
        "update",
        "merge",
        "approved",
        "close",
        "reopen",
        "opened",
        "release",
        "pipeline",
        "Issue",
        "MergeRequest",
        "refs/tags/v1",
        "refs/heads/main",
        "0000000000",
        "abcdef0123",
    ];
    let leaf = prop_oneof![leaf, proptest::sample::select(words.to_vec()).prop_map(Value::from)];
    let names = [
        "action",
        "object_kind",
        "status",
        "conclusion",
        "workflow_run",
        "check_suite",
        "review",
        "release",
        "discussion",
        "merge_request",
        "changes",
        "labels",
        "label",
        "name",
        "previous",
        "current",
        "draft",
        "before",
        "author_id",
        "added",
        "author",
        "object_attributes",
        "issue",
        "comment",
        "body",
        "note",
        "noteable_type",
        "commits",
        "ref",
        "after",
        "assignees",
        "assignee",
        "sender",
        "login",
        "pull_request",
        "base",
        "head",
        "project",
        "id",
        "iid",
        "title",
        "message",
        "user",
    ];
    leaf.prop_recursive(4, 48, 6, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map(proptest::sample::select(names.to_vec()), inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_body_is_read_without_panic(payload in odd_json()) {
        let robots = [robot(1, "Rev")];
        let robots: Vec<_> = robots.iter().collect();
        for line in crate::webhook::DECLARATIONS {
            // Not only what the mapping lets through: reading must hold for any body.
            let (provider, mapped) = (line.provider, line.event);
            let _ = map_event(provider, line.event_name, &payload);
            let _ = crate::webhook::map_on_request(provider, line.event_name, &payload);
            let repository = repository(provider);
            let _ = super::super::guard::guard(provider, mapped, &payload, &robots);
            let context = Context::read(&repository, mapped, &payload, &robots);
            prop_assert_eq!(context.text("event.type"), Some(mapped.event_type.as_str().to_owned()));
            let subject = super::super::subject::Subject::read(provider, mapped, &payload);
            let title = super::super::title::task_title(provider, &subject, robots[0]);
            prop_assert!(title.ends_with(" · Rev"));
        }
    }
}

fn read_on_request(fixture: &str) -> Context {
    let fixture = fixtures::named(fixture);
    let payload = fixture.payload();
    let event = crate::webhook::map_on_request(fixture.provider, fixture.event, &payload)[0];
    Context::read(&repository(fixture.provider), event, &payload, &[])
}

#[test]
fn fields_of_real_payloads() {
    let of = |name: &str, path: &str| {
        let fixture = fixtures::named(name);
        read(fixture.provider, fixture.event, &fixture.payload(), &[]).text(path).unwrap()
    };
    for (fixture, path, expected) in [
        ("github/issues/opened", "author", "Codertocat"),
        ("github/issues/opened", "sender", "Codertocat"),
        ("github/issues/opened", "labels", "bug"),
        ("github/issues/opened", "title", "Spelling error in the README file"),
        ("github/issues/opened", "label", ""),
        ("github/issues/opened", "draft", ""),
        ("github/pull_request/opened", "draft", "false"),
        ("github/pull_request/opened", "branch.source", "changes"),
        ("github/pull_request/opened", "branch.target", "master"),
        ("github/issue_comment/created", "author", "Codertocat"),
        ("github/push/branch", "paths", "README.md"),
        ("gitlab/push/branch", "author", "Ada Berg"),
        ("gitlab/merge_request/open", "author", "ada"),
        ("gitlab/merge_request/open", "branch.source", "fix/left-wheel"),
        ("gitlab/merge_request/new_commits", "sender", "ben"),
        ("gitlab/note/merge_request", "branch.target", "main"),
    ] {
        assert_eq!(of(fixture, path), expected, "{fixture} {path}");
    }
    for (fixture, path, expected) in [
        ("gitlab/merge_request/labels_changed", "label", "bug, needs review"),
        ("gitlab/merge_request/labels_changed", "labels", "bug, needs review"),
        ("gitlab/merge_request/draft", "draft", "true"),
        ("gitlab/merge_request/approved", "review.state", "approved"),
        ("gitlab/release/create", "release.tag", "v1.4.0"),
        ("gitlab/release/create", "title", "Widgets 1.4"),
        ("gitlab/release/create", "text.all", "Widgets 1.4\n\nThe left wheel turns forwards."),
        ("gitlab/tag_push/created", "tag.name", "v1.4.0"),
        ("gitlab/pipeline/failed", "pipeline.status", "failed"),
        ("gitlab/pipeline/failed", "pipeline.name", "Widgets on main"),
        ("gitlab/pipeline/failed", "branch.name", "main"),
        ("gitlab/pipeline/merge_request", "branch.target", "main"),
        ("gitlab/pipeline/merge_request", "branch.source", "fix/left-wheel"),
    ] {
        assert_eq!(read_on_request(fixture).text(path).unwrap(), expected, "{fixture} {path}");
    }
}

#[test]
fn lists_are_bounded() {
    let many: Vec<String> = (0..5000).map(|n| format!("src/{n}.rs")).collect();
    let long: Vec<String> = (0..500).map(|n| format!("{n}{}", "x".repeat(1000))).collect();
    for files in [many, long] {
        let payload = json!({"ref": "refs/heads/main", "commits": [{"added": files, "modified": files}]});
        let context = read(Github, "push", &payload, &[]);
        let Some(FieldValue::Each(paths)) = context.lookup("paths") else { panic!("a list") };
        assert!(!paths.is_empty() && paths.len() <= MAX_LIST, "{}", paths.len());
        assert!(paths.iter().map(String::len).sum::<usize>() <= MAX_FIELD_BYTES);
    }
}

#[test]
fn a_field_is_empty_where_the_table_says_that_it_is_not() {
    let payload = json!({"label": {"name": "bug"}, "review": {"state": "approved"}, "ref": "refs/tags/v1",
        "pull_request": {"draft": true}, "release": {"tag_name": "v1"}, "commits": [{"added": ["a"]}]});
    for line in crate::webhook::DECLARATIONS {
        let context = Context::read(&repository(line.provider), line.event, &payload, &[]);
        for path in ["label", "review.state", "tag.name", "draft", "release.tag", "paths"] {
            let field = FIELDS.iter().find(|field| field.path == path).unwrap();
            let empty = context.text(path).unwrap().is_empty();
            assert!(empty || field.is_of(line.event), "{path} of {line:?}");
        }
    }
    assert!(FIELDS.is_sorted_by_key(|field| field.path), "the table is kept sorted");
}
