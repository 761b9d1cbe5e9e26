//! Which prompt, and how its variables are filled in.

use super::super::fixtures::{self, repository, robot};
use super::super::mapping::{map_event, map_on_request};
use super::*;
use crate::repository::Branch;
use proptest::prelude::*;
use std::collections::BTreeMap;

fn action(over: Option<&str>, patch: Option<&str>) -> Action {
    Action {
        id: "a".into(),
        robot_id: "r".into(),
        enabled: true,
        prompt_override: over.map(str::to_owned),
        prompt_patch: patch.map(str::to_owned),
    }
}

#[test]
fn the_override_wins_else_default_and_patch() {
    let robot = robot(1, "Rev");
    let mut silent = robot.clone();
    silent.prompt_default = "  ".into();
    for (row, robot, action, expected) in [
        ("4.5/prompt/override", &robot, action(Some(" only this "), Some("p")), "only this"),
        ("4.5/prompt/default", &robot, action(None, None), "Look."),
        ("4.5/prompt/default", &robot, action(Some("  "), Some(" ")), "Look."),
        ("4.5/prompt/patch", &robot, action(None, Some("be brief\n")), "Look.\n\nbe brief"),
        ("4.5/prompt/patch", &silent, action(None, Some("be brief")), "be brief"),
    ] {
        assert_eq!(select_prompt(robot, &action), expected, "{row}");
    }
}

/// Renders a template for a fixture.
fn told(fixture: &str, template: &str) -> String {
    let fixture = fixtures::named(fixture);
    let payload = fixture.payload();
    let standing = map_event(fixture.provider, fixture.event, &payload);
    let on_request = || map_on_request(fixture.provider, fixture.event, &payload).into_iter().next();
    let mapped = standing.or_else(on_request).unwrap();
    let mut repository = repository(fixture.provider);
    repository.branches = vec![Branch { name: "main".into(), note: None, is_default: true }];
    let robot = Robot { language: Some("de".into()), ..robot(1, "Rev Bot") };
    let context = Context::read(&repository, mapped, &payload, &[&robot]);
    let subject = Subject::read(fixture.provider, mapped, &payload);
    let scope = PromptScope {
        repository: &repository,
        robot: &robot,
        subject: &subject,
        context: &context,
        task_id: "tsk_1",
        task_title: "Title",
        rule: ("r1", "Triage"),
    };
    render(template, |name| scope.value(name))
}

#[test]
fn variables_read_the_event_the_repository_and_the_robot() {
    let row = "4.5/prompt/variables";
    for (fixture, template, expected) in [
        (
            "github/issues/opened",
            "{{issue.number}} {{ issue.title }}|{{issue.url}}",
            "1 Spelling error in the README file|https://github.com/Codertocat/Hello-World/issues/1",
        ),
        (
            "github/issues/opened",
            "{{robot.name}}/{{robot.language}} {{repo.name}} {{repo.provider}} {{repo.defaultBranch}}",
            "Rev Bot/de Some words github main",
        ),
        ("github/issues/opened", "[{{mr.number}}{{commit.sha}}{{mr.title}}]", "[]"),
        ("github/issues/opened", "{{event.type}}.{{event.subType}} {{sender.login}}", "issue.created Codertocat"),
        (
            "github/issue_comment/created",
            "{{comment.author}}: {{comment.body}}",
            "Codertocat: You are totally right! I'll get this fixed right away.",
        ),
        (
            "github/push/branch",
            "{{commit.sha}} {{commit.title}} {{commit.branch}} {{task.ref}}",
            "6113728f27ae82c7b1a177c8d03f9e96e0adf246 Initial commit master refs/heads/master",
        ),
        (
            "github/pull_request/opened",
            "{{mr.number}} {{mr.sourceBranch}}->{{mergeRequest.targetBranch}}",
            "2 changes->master",
        ),
        (
            "gitlab/note/merge_request",
            "!{{mr.number}} {{mr.title}} {{comment.mentions}}",
            "!7 Turn the left wheel forwards @rev-bot",
        ),
        (
            "gitlab/issue/open",
            "{{issue.assignees}} {{task.issueId}} {{task.id}} {{task.title}} {{rule.name}}",
            "ben 23 tsk_1 Title Triage",
        ),
    ] {
        assert_eq!(told(fixture, template), expected, "{row}");
    }
}

#[test]
fn variables_read_the_events_on_request() {
    for (fixture, template, expected) in [
        (
            "gitlab/release/create",
            "{{release.name}} {{release.tag}} {{release.body}} {{release.url}}",
            "Widgets 1.4 v1.4.0 The left wheel turns forwards. \
             https://gitlab.example.com/workshop/widgets/-/releases/v1.4.0",
        ),
        (
            "gitlab/pipeline/failed",
            "{{pipeline.name}} {{pipeline.status}} {{pipeline.url}} {{commit.title}} {{task.ref}}",
            "Widgets on main failed https://gitlab.example.com/workshop/widgets/-/pipelines/880 \
             Count turns in a wider integer main",
        ),
        ("gitlab/tag_push/created", "{{tag.name}} {{task.ref}} {{sender}}", "v1.4.0 refs/tags/v1.4.0 ada"),
        ("gitlab/merge_request/approved", "{{review.state}} {{comment.author}} {{mr.number}}", "approved ben 7"),
        ("gitlab/merge_request/close", "[{{discussion.title}}{{release.name}}{{label}}]", "[]"),
    ] {
        assert_eq!(told(fixture, template), expected, "{fixture}");
    }
}

#[test]
fn every_listed_variable_is_known() {
    let context_fields = Context::FIELDS;
    for name in PROMPT_VARIABLES.iter().chain(&context_fields) {
        let template = format!("{{{{{name}}}}}");
        for fixture in ["github/push/branch", "gitlab/issue/open", "github/pull_request/opened"] {
            assert_ne!(told(fixture, &template), template, "{name} in {fixture}");
        }
    }
    let mut sorted = PROMPT_VARIABLES;
    sorted.sort_unstable();
    assert_eq!(sorted, PROMPT_VARIABLES, "the list is kept sorted");
}

#[test]
fn what_is_no_variable_stays_as_it_is_written() {
    let values = BTreeMap::from([("x", "1"), ("evil", "{{x}} {{"), ("half", "{{")]);
    let render = |template: &str| super::render(template, |name| values.get(name).map(|value| (*value).to_owned()));
    for (template, expected) in [
        ("", ""),
        ("{{y}} {{ y }} {{x }}", "{{y}} {{ y }} 1"),
        ("{{x", "{{x"),
        ("{{x}", "{{x}"),
        ("{{{x}}}", "{1}"),
        ("{{}} {{ }} {{x y}}", "{{}} {{ }} {{x y}}"),
        ("{{evil}}", "{{x}} {{"),
        ("{{half}}x}}", "{{x}}"),
        ("{ {x}} {{x}}{{x}}", "{ {x}} 11"),
        ("{{\nx\n}}", "1"),
        ("ä{{x}}ö", "ä1ö"),
    ] {
        assert_eq!(render(template), expected, "{template}");
    }
}

#[test]
fn a_prompt_is_bounded_and_says_that_it_was_cut() {
    let big = "é".repeat(MAX_PROMPT_BYTES);
    for template in ["{{x}}".to_owned(), "{{x}}".repeat(1000), big.clone(), format!("{{{{x}}}}{}", "{".repeat(20_000))]
    {
        let out = render(&template, |_| Some(big.clone()));
        assert!(out.len() <= MAX_PROMPT_BYTES, "{}", out.len());
        assert!(out.ends_with(CUT_MARK));
    }
    assert!(!render("short", |_| None).ends_with(CUT_MARK));
}

proptest! {
    #[test]
    fn what_a_value_brings_along_is_never_expanded(
        before in "[a-z ]{0,10}",
        after in "[a-z ]{0,10}",
        value in "[a-z{} .]{0,20}",
    ) {
        let out = render(&format!("{before}{{{{x}}}}{after}"), |name| (name == "x").then(|| value.clone()));
        prop_assert_eq!(out, format!("{before}{value}{after}"));
    }

    #[test]
    fn any_template_is_rendered_within_bounds(template in "[{}x. \\PC]{0,60}") {
        let out = render(&template, |name| (name == "x").then(|| "{{x}}".to_owned()));
        prop_assert!(out.len() <= MAX_PROMPT_BYTES);
        let kept = render(&template, |_| None);
        prop_assert_eq!(kept, template);
    }
}
