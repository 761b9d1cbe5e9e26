//! Every row of the contract's guard table, for both providers.

use super::super::fixtures::{self, robot};
use super::super::mapping::map_event;
use super::*;
use Provider::{Github, Gitlab};
use serde_json::json;

fn reason(provider: Provider, event: &str, payload: &Value, robots: &[Robot]) -> Option<String> {
    let robots: Vec<_> = robots.iter().collect();
    guard(provider, map_event(provider, event, payload).unwrap(), payload, &robots)
}

fn bots() -> Vec<Robot> {
    let mut known = robot(1, "Rev Bot");
    known.account.username = Some("Rev-Account".into());
    known.account.display_name = Some("Review Machine".into());
    known.account.user_id = Some("777".into());
    vec![known, robot(2, "@Plain")]
}

#[test]
fn pushes() {
    let sha = "a".repeat(40);
    let zero = "0".repeat(40);
    let push = |title: &str| {
        let commits = json!([{"id": sha, "message": title}]);
        json!({"ref": "refs/heads/main", "after": sha, "checkout_sha": sha, "commits": commits})
    };
    let two = |first: &str, second: &str| {
        json!({"ref": "refs/heads/main", "after": sha,
               "commits": [{"id": "b", "message": first}, {"id": sha, "message": second}]})
    };
    let picked = "fix\n\n(cherry picked from commit 0123456789abcdef)";
    let long = format!("Merge {}", "x".repeat(100));
    let cut = format!("merge commit ignored (e.g. \"Merge {}\")", "x".repeat(74));
    let merge = "merge commit ignored (e.g. \"Merge branch 'x'\")";
    let cherry = "cherry-pick commit ignored (e.g. \"Cherry-pick: y\")";
    let tag = json!({"ref": "refs/tags/v1", "after": sha, "commits": [{"id": sha, "message": "x"}]});
    let tag_gone = json!({"ref": "refs/tags/v1", "after": zero, "deleted": true, "commits": []});
    let both = [
        ("4.5/guard/push", push("add x"), None),
        (
            "4.5/guard/push-empty",
            json!({"ref": "refs/heads/main", "after": sha, "commits": []}),
            Some("push without commits ignored"),
        ),
        (
            "4.5/guard/push-empty",
            json!({"ref": "refs/heads/main", "commits": [], "total_commits_count": 0}),
            Some("push without commits ignored"),
        ),
        ("4.5/guard/push-empty", json!({"ref": "refs/heads/main", "commits": [], "total_commits_count": 3}), None),
        ("4.5/guard/push-merge", push("Merge branch 'x'\n\nbody"), Some(merge)),
        ("4.5/guard/push-merge", push(&long), Some(cut.as_str())),
        ("4.5/guard/push-merge", push("merge"), Some("merge commit ignored (e.g. \"merge\")")),
        ("4.5/guard/push-merge", push("Merged by hand"), None),
        ("4.5/guard/push-merge", two("Merge branch 'x'", "add y"), None),
        ("4.5/guard/push-merge", two("add y", "Merge branch 'x'"), Some(merge)),
        ("4.5/guard/push-cherry-pick", two(picked, "Cherry-pick: y"), Some(cherry)),
        ("4.5/guard/push-cherry-pick", two("cherry pick z", "Cherry-pick: y"), Some(cherry)),
        ("4.5/guard/push-cherry-pick", two(picked, "add y"), None),
        ("4.5/guard/push-cherry-pick", push("x\n\ncherry picked from commit 012"), None),
        ("4.5/guard/push-cherry-pick", push("uncherry-picked"), None),
        ("4.5/guard/push-not-a-branch", tag, Some("push ref refs/tags/v1 ignored (not a branch)")),
    ];
    for (row, payload, expected) in both {
        let found = reason(Github, "push", &payload, &[]);
        assert_eq!(found.as_deref(), expected, "{row} github");
        let found = reason(Gitlab, "Push Hook", &payload, &[]);
        assert_eq!(found.as_deref(), expected, "{row} gitlab");
    }
    let gone = json!({"ref": "refs/heads/x", "after": zero, "checkout_sha": null, "deleted": true, "commits": []});
    let delete = Some("push delete ignored".to_owned());
    assert_eq!(reason(Github, "push", &gone, &[]), delete, "4.5/guard/push-delete");
    assert_eq!(reason(Gitlab, "Push Hook", &gone, &[]), delete, "4.5/guard/push-delete");
    assert_eq!(reason(Github, "push", &tag_gone, &[]), delete, "{}: asked first at GitHub", "4.5/guard/push-delete");
    let tag = Some("push ref refs/tags/v1 ignored (not a branch)".to_owned());
    assert_eq!(reason(Gitlab, "Push Hook", &tag_gone, &[]), tag, "{}: first at GitLab", "4.5/guard/push-not-a-branch");
}

#[test]
fn issues() {
    let github =
        |action: Value, login: &str| json!({"action": action, "issue": {}, "sender": {"login": login, "id": 5}});
    let gitlab = |action: Value, name: &str| {
        let user = json!({"username": name, "id": 5});
        json!({"object_attributes": {"action": action}, "user": user})
    };
    let cases = [
        ("4.5/guard/issue-action", Github, github(json!("opened"), "ann"), None),
        ("4.5/guard/issue-action", Github, github(json!(null), "ann"), None),
        ("4.5/guard/issue-reopened", Github, github(json!("reopened"), "ann"), None),
        ("4.5/guard/issue-bot", Github, github(json!("opened"), "REV-account"), Some("bot issue ignored")),
        ("4.5/guard/issue-bot", Github, github(json!("reopened"), "rev-account"), Some("bot issue ignored")),
        ("4.5/guard/issue-bot", Github, github(json!("opened"), "plain"), Some("bot issue ignored")),
        ("4.5/guard/issue-bot", Github, github(json!("opened"), "review machine"), Some("bot issue ignored")),
        ("4.5/guard/issue-bot", Github, github(json!("opened"), "rev bot"), None),
        ("4.5/guard/issue-action", Gitlab, gitlab(json!("open"), "ann"), None),
        ("4.5/guard/issue-action", Gitlab, gitlab(json!("create"), "ann"), None),
        ("4.5/guard/issue-action", Gitlab, gitlab(json!(null), "ann"), None),
        ("4.5/guard/issue-action", Gitlab, gitlab(json!("close"), "ann"), Some("issue action close ignored")),
        ("4.5/guard/issue-action", Gitlab, gitlab(json!("update"), "rev-account"), Some("issue action update ignored")),
        ("4.5/guard/issue-reopened", Gitlab, gitlab(json!("reopen"), "ann"), None),
        ("4.5/guard/issue-bot", Gitlab, gitlab(json!("open"), "rev-account"), Some("bot issue ignored")),
    ];
    for (row, provider, payload, expected) in cases {
        let event = if provider == Github { "issues" } else { "Issue Hook" };
        assert_eq!(reason(provider, event, &payload, &bots()).as_deref(), expected, "{row} {payload}");
    }
    let by_id = json!({"action": "opened", "issue": {}, "sender": {"login": "renamed", "id": 777}});
    assert!(reason(Github, "issues", &by_id, &bots()).is_some(), "{}: by account id", "4.5/guard/issue-bot");
}

#[test]
fn merge_requests() {
    let github = |login: &str| json!({"action": "synchronize", "pull_request": {}, "sender": {"login": login}});
    let gitlab = |name: &str| json!({"object_attributes": {"action": "update"}, "user": {"username": name}});
    let row = "4.5/guard/mr-bot";
    assert_eq!(reason(Github, "pull_request", &github("ann"), &bots()), None, "{row}");
    let found = reason(Github, "pull_request", &github("Rev-Account"), &bots());
    assert_eq!(found.as_deref(), Some("bot pull request ignored"), "{row}");
    assert_eq!(reason(Gitlab, "Merge Request Hook", &gitlab("ann"), &bots()), None, "{row}");
    let found = reason(Gitlab, "Merge Request Hook", &gitlab("Rev-Account"), &bots());
    assert_eq!(found.as_deref(), Some("bot merge request ignored"), "{row}");
}

#[test]
fn comments() {
    let github = |login: &str| json!({"action": "created", "issue": {}, "comment": {}, "sender": {"login": login}});
    let gitlab = |extra: Value, name: &str| {
        let mut note = json!({"noteable_type": "Issue", "author_id": 5});
        note.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        json!({"object_attributes": note, "user": {"username": name}})
    };
    let own = Some("self comment ignored");
    for (event, payload, expected) in [
        ("issue_comment", github("ann"), None),
        ("issue_comment", github("rev-account"), own),
        ("commit_comment", github("rev-account"), own),
        ("commit_comment", json!({"comment": {"user": {"login": "plain"}}}), own),
        ("issue_comment", json!({"issue": {"pull_request": {}}, "sender": {"login": "plain"}}), own),
    ] {
        assert_eq!(
            reason(Github, event, &payload, &bots()).as_deref(),
            expected,
            "{} {payload}",
            "4.5/guard/comment-bot"
        );
    }
    for (row, payload, expected) in [
        ("4.5/guard/comment-bot", gitlab(json!({}), "ann"), None),
        ("4.5/guard/comment-bot", gitlab(json!({"action": "create"}), "ann"), None),
        ("4.5/guard/comment-bot", gitlab(json!({}), "rev-account"), Some("self note ignored")),
        ("4.5/guard/comment-bot", gitlab(json!({"author_id": 777}), "renamed"), Some("self note ignored")),
        ("4.5/guard/comment-bot", gitlab(json!({"system": true}), "ann"), Some("self note ignored")),
        ("4.5/guard/comment-edited", gitlab(json!({"action": "update"}), "ann"), Some("note update ignored")),
        ("4.5/guard/comment-edited", gitlab(json!({"action": "update"}), "rev-account"), Some("note update ignored")),
    ] {
        assert_eq!(reason(Gitlab, "Note Hook", &payload, &bots()).as_deref(), expected, "{row} {payload}");
    }
}

#[test]
fn what_no_row_speaks_of_is_not_enabled() {
    let row = "4.5/guard/else";
    for (event_type, sub_type) in [
        (EventType::Commit, SubType::Updated),
        (EventType::Commit, SubType::Reopened),
        (EventType::Issue, SubType::Updated),
        (EventType::MergeRequest, SubType::Reopened),
    ] {
        let found = guard(Github, MappedEvent { event_type, sub_type }, &json!({}), &[]);
        assert_eq!(found.as_deref(), Some("event type not enabled yet"), "{row}");
    }
}

#[test]
fn real_payloads_meet_their_guards() {
    for fixture in fixtures::all().into_iter().filter(|fixture| fixture.mapped.is_some()) {
        let found = reason(fixture.provider, fixture.event, &fixture.payload(), &bots());
        assert_eq!(found.as_deref(), fixture.guarded, "{}", fixture.name);
    }
}

/// Every event that is mapped, as a robot's own doing and as somebody else's.
#[test]
fn what_a_robot_did_wakes_no_robot() {
    let github = |login: &str| json!({"action": "x", "sender": {"login": login, "id": 1}});
    let gitlab = |login: &str| json!({"user": {"username": login, "id": 1}});
    for line in DECLARATIONS.iter().filter(|line| line.on_request) {
        let payload = |login: &str| if line.provider == Github { github(login) } else { gitlab(login) };
        let found = |login: &str| guard(line.provider, line.event, &payload(login), &bots().iter().collect::<Vec<_>>());
        assert_eq!(found("ann"), None, "{line:?}");
        let own = found("Rev-Account").unwrap_or_default();
        assert!(own.contains("bot ") || own.contains("self "), "{line:?}: {own}");
    }
}

#[test]
fn robots_are_known_by_other_members_too() {
    let event = |event_type, sub_type| MappedEvent { event_type, sub_type };
    let (review, run) =
        (event(EventType::MergeRequest, SubType::Reviewed), event(EventType::Pipeline, SubType::Failed));
    let tag = event(EventType::Tag, SubType::Created);
    for (provider, event, payload, reason) in [
        (Github, review, json!({"review": {"user": {"login": "rev-account"}}}), "self review ignored"),
        (Github, run, json!({"workflow_run": {"actor": {"login": "rev-account"}}}), "bot pipeline ignored"),
        (Github, run, json!({"workflow_run": {"triggering_actor": {"login": "plain"}}}), "bot pipeline ignored"),
        (Gitlab, tag, json!({"user_username": "rev-account"}), "bot tag ignored"),
        (Gitlab, tag, json!({"user_username": "renamed", "user_id": 777}), "bot tag ignored"),
        (Github, event_of_label(), json!({"sender": {"login": "x", "id": 777}}), "bot issue ignored"),
    ] {
        let bots = bots();
        let found = guard(provider, event, &payload, &bots.iter().collect::<Vec<_>>());
        assert_eq!(found.as_deref(), Some(reason), "{payload}");
    }
}

fn event_of_label() -> MappedEvent {
    MappedEvent { event_type: EventType::Issue, sub_type: SubType::Labeled }
}
