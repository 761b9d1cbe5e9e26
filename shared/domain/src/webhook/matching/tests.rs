//! Operators, rules and results, and the comparison with a naive evaluator.

use super::super::fixtures::{config, robot, robot_id, rule};
use super::*;
use crate::automation::EventRules;
use proptest::prelude::*;
use std::slice::from_ref;

fn text(text: &str) -> FieldValue {
    FieldValue::Text(text.to_owned())
}

fn list(items: &[&str]) -> FieldValue {
    FieldValue::List(items.iter().map(|item| (*item).to_owned()).collect())
}

fn clause(field: &str, op: Operator, value: Option<&str>, values: &[&str]) -> Clause {
    Clause {
        field: field.to_owned(),
        op,
        value: value.map(str::to_owned),
        values: (!values.is_empty()).then(|| values.iter().map(|value| (*value).to_owned()).collect()),
        negate: false,
    }
}

fn context() -> Context {
    Context::of([
        ("event.subType", text("created")),
        ("branch.name", text(" Release/2.0 ")),
        ("text.all", text("Fix the Ölpumpe\nplease")),
        ("comment.body", text("")),
        ("issue.assignees", list(&["ann", "ben"])),
        ("comment.mentions", list(&["@rev-bot"])),
        ("comment.mentionRobotIds", list(&[])),
    ])
}

#[test]
fn operators() {
    use Operator::{ContainsAny, Equals, Exists, In, MatchesAny, TextContainsAny};
    let cases = [
        ("4.5/op/exists", clause("text.all", Exists, None, &[]), true),
        ("4.5/op/exists", clause("comment.body", Exists, None, &[]), false),
        ("4.5/op/exists", clause("issue.assignees", Exists, None, &[]), true),
        ("4.5/op/exists", clause("comment.mentionRobotIds", Exists, None, &[]), false),
        ("4.5/op/exists", clause("no.such", Exists, None, &[]), false),
        ("4.5/op/equals", clause("branch.name", Equals, Some(" release/2.0"), &[]), true),
        ("4.5/op/equals", clause("branch.name", Equals, Some("release"), &[]), false),
        ("4.5/op/equals", clause("comment.body", Equals, None, &[]), true),
        ("4.5/op/equals", clause("no.such", Equals, None, &[]), false),
        ("4.5/op/in", clause("branch.name", In, None, &["main", "RELEASE/2.0"]), true),
        ("4.5/op/in", clause("branch.name", In, None, &["main"]), false),
        ("4.5/op/in", clause("branch.name", In, Some("Release/2.0"), &[]), false),
        ("4.5/op/containsAny", clause("issue.assignees", ContainsAny, None, &["cy", "BEN "]), true),
        ("4.5/op/containsAny", clause("issue.assignees", ContainsAny, None, &["be"]), false),
        ("4.5/op/containsAny", clause("branch.name", ContainsAny, None, &["release/2.0"]), true),
        ("4.5/op/containsAny", clause("comment.mentions", ContainsAny, None, &["Rev Bot"]), true),
        ("4.5/op/containsAny", clause("comment.mentions", ContainsAny, None, &["@REV-bot"]), true),
        ("4.5/op/containsAny", clause("comment.mentions", ContainsAny, None, &["rev"]), false),
        ("4.5/op/matchesAny", clause("branch.name", MatchesAny, None, &["release/*"]), true),
        ("4.5/op/matchesAny", clause("branch.name", MatchesAny, None, &["*2.0"]), true),
        ("4.5/op/matchesAny", clause("branch.name", MatchesAny, None, &["re*0", "x"]), true),
        ("4.5/op/matchesAny", clause("branch.name", MatchesAny, None, &["release/2?0"]), true),
        ("4.5/op/matchesAny", clause("branch.name", MatchesAny, None, &["release/?"]), false),
        ("4.5/op/matchesAny", clause("branch.name", MatchesAny, None, &["elease/*"]), false),
        ("4.5/op/matchesAny", clause("branch.name", MatchesAny, None, &["release/2.[0]"]), false),
        ("4.5/op/matchesAny", clause("text.all", MatchesAny, None, &["fix*please"]), true),
        ("4.5/op/textContainsAny", clause("text.all", TextContainsAny, None, &["x", "ölPUMPE"]), true),
        ("4.5/op/textContainsAny", clause("text.all", TextContainsAny, None, &["fixed"]), false),
        ("4.5/op/textContainsAny", clause("issue.assignees", TextContainsAny, None, &["n b"]), true),
        ("4.5/op/textContainsAny", clause("text.all", TextContainsAny, None, &[" "]), false),
    ];
    for (row, clause, expected) in cases {
        let event = EventType::Commit;
        assert_eq!(holds(&clause, event, &context()), expected, "{row} {clause:?}");
        let flipped = Clause { negate: true, ..clause };
        assert_eq!(holds(&flipped, event, &context()), !expected, "{} {flipped:?}", "4.5/op/negate");
    }
}

#[test]
fn issues_have_no_branch() {
    for field in ["push.branch", "branch.name", "branch.role", "branch.x"] {
        for negate in [false, true] {
            let clause = Clause { negate, ..clause(field, Operator::Equals, Some("never"), &[]) };
            assert!(holds(&clause, EventType::Issue, &context()), "{} {field}", "4.5/op/issue-branch");
            assert_eq!(
                holds(&clause, EventType::MergeRequest, &context()),
                negate,
                "{} {field}",
                "4.5/op/issue-branch"
            );
        }
    }
    assert!(!is_branch_field("branch") && !is_branch_field("push.branches"));
}

fn with(all: &[Clause], any: &[Clause]) -> Rule {
    Rule { matching: Some(Match { all: all.to_vec(), any: any.to_vec() }), ..rule("r", &[]) }
}

#[test]
fn a_rule_needs_all_of_all_and_one_of_any() {
    let yes = clause("event.subType", Operator::Equals, Some("created"), &[]);
    let no = clause("event.subType", Operator::Equals, Some("updated"), &[]);
    let fires = |rule: &Rule| super::fires(rule, EventType::Commit, SubType::Created, &context());
    let cases = [
        ("4.5/rule/no-match", rule("r", &[]), true),
        ("4.5/rule/no-match", with(&[], &[]), true),
        ("4.5/rule/disabled", Rule { enabled: false, ..rule("r", &[]) }, false),
        ("4.5/rule/all", with(&[yes.clone(), yes.clone()], &[]), true),
        ("4.5/rule/all", with(&[yes.clone(), no.clone()], &[]), false),
        ("4.5/rule/any", with(&[], &[no.clone(), yes.clone()]), true),
        ("4.5/rule/any", with(&[], &[no.clone(), no.clone()]), false),
        ("4.5/rule/any", with(from_ref(&yes), from_ref(&no)), false),
        ("4.5/rule/any", with(&[no], &[yes]), false),
    ];
    for (row, rule, expected) in cases {
        assert_eq!(fires(&rule), expected, "{row}");
    }
}

#[test]
fn reopened_issues_wake_only_rules_that_name_them() {
    use Operator::{ContainsAny, Equals, Exists, In, MatchesAny, TextContainsAny};
    let context = Context::of([("event.subType", text("reopened")), ("event.type", text("issue"))]);
    let fires = |rule: &Rule| super::fires(rule, EventType::Issue, SubType::Reopened, &context);
    let on = |op, value: Option<&str>, values: &[&str]| clause("event.subType", op, value, values);
    let not_created = Clause { negate: true, ..on(Equals, Some("created"), &[]) };
    let any_issue = clause("event.type", Equals, Some("issue"), &[]);
    let named_or_any = [on(Equals, Some("reopened"), &[]), any_issue.clone()];
    let not_named = [Clause { negate: true, ..on(Equals, Some("reopened"), &[]) }, any_issue.clone()];
    for (rule, expected) in [
        (rule("r", &[]), false),
        (with(&[], &not_named), false),
        (with(from_ref(&any_issue), &[]), false),
        (with(&[on(Equals, Some(" Reopened"), &[])], &[]), true),
        (with(&[on(In, None, &["created", "reopened"])], &[]), true),
        (with(&[on(ContainsAny, None, &["reopened"])], &[]), true),
        (with(&[on(MatchesAny, None, &["re*"])], &[]), true),
        (with(&[on(MatchesAny, None, &["*"])], &[]), false),
        (with(&[on(MatchesAny, None, &["????????"])], &[]), false),
        (with(&[on(Exists, None, &[])], &[]), false),
        (with(&[on(TextContainsAny, None, &["open"])], &[]), false),
        (with(&[not_created], &[]), false),
        (with(from_ref(&any_issue), &named_or_any), true),
    ] {
        assert_eq!(fires(&rule), expected, "{} {:?}", "4.5/rule/reopened", rule.matching);
    }
}

#[test]
fn results_keep_the_order_and_wake_each_robot_once() {
    let row = "4.5/result/first-rule-wins";
    let (a, b) = (robot(1, "a"), robot(2, "b"));
    let off = Robot { enabled: false, ..robot(3, "off") };
    let robots = [&a, &b, &off];
    let context = context();
    let resolved = |config: &AutomationConfig| {
        resolve(config, EventType::Commit, SubType::Created, &context, &robots)
            .iter()
            .map(|resolved| format!("{}/{}", resolved.rule.id, resolved.robot.name))
            .collect::<Vec<_>>()
    };
    let none: [&str; 0] = [];
    let silent = Rule { enabled: false, ..rule("r0", &[&a]) };
    let rules = [silent, rule("r1", &[&b]), rule("r2", &[&off, &a, &b]), rule("r3", &[&a])];
    assert_eq!(resolved(&config(&rules)), ["r1/b", "r2/a"], "{row}");

    let mut quiet = config(&rules);
    quiet.events.get_mut("commit").unwrap().rules[1].actions[0].enabled = false;
    assert_eq!(resolved(&quiet), ["r2/a", "r2/b"], "{}", "4.5/result/disabled-action");
    quiet.events.get_mut("commit").unwrap().enabled = false;
    assert_eq!(resolved(&quiet), none, "{}", "4.5/result/disabled-event");
    quiet.events.clear();
    assert_eq!(resolved(&quiet), none, "{}", "4.5/result/disabled-event");

    let mut stray = rule("r1", &[&a]);
    stray.actions[0].robot_id = robot_id(99).to_string();
    assert_eq!(resolved(&config(&[stray, rule("r2", &[&off])])), none, "{}", "4.5/result/unknown-robot");
}

const WORDS: [&str; 14] =
    ["created", "reopened", "labeled", "l*d", "a", "Ab", "a/b", "*", "a*", "?b", "@Rev Bot", "rev-bot", " ", "re*ed"];

fn arbitrary_clause() -> impl Strategy<Value = Clause> {
    let fields = proptest::sample::select(vec![
        "event.subType",
        "branch.name",
        "push.branch",
        "text.all",
        "issue.assignees",
        "labels",
        "comment.mentions",
        "no.such",
    ]);
    let ops = proptest::sample::select(vec![
        Operator::Equals,
        Operator::In,
        Operator::ContainsAny,
        Operator::MatchesAny,
        Operator::Exists,
        Operator::TextContainsAny,
    ]);
    let word = proptest::sample::select(WORDS.to_vec());
    let values = proptest::option::of(proptest::collection::vec(word.clone(), 0..4));
    (fields, ops, proptest::option::of(word), values, any::<bool>()).prop_map(|(field, op, value, values, negate)| {
        Clause {
            field: field.to_owned(),
            op,
            value: value.map(str::to_owned),
            values: values.map(|values| values.into_iter().map(str::to_owned).collect()),
            negate,
        }
    })
}

fn arbitrary_rule() -> impl Strategy<Value = Rule> {
    let clauses = || proptest::collection::vec(arbitrary_clause(), 0..3);
    let action = (1u128..5, any::<bool>());
    let actions = proptest::collection::vec(action, 0..4);
    (any::<bool>(), proptest::option::of((clauses(), clauses())), actions, 0u32..1000).prop_map(
        |(enabled, matching, actions, id)| {
            let mut rule = rule(&format!("r{id}"), &[]);
            rule.enabled = enabled;
            rule.matching = matching.map(|(all, any)| Match { all, any });
            rule.actions = actions
                .into_iter()
                .map(|(n, enabled)| crate::automation::Action {
                    id: "a".into(),
                    robot_id: robot_id(n).to_string(),
                    enabled,
                    prompt_override: None,
                    prompt_patch: None,
                })
                .collect();
            rule
        },
    )
}

fn arbitrary_context(sub_type: &'static str) -> impl Strategy<Value = Context> {
    let word = proptest::sample::select(WORDS.to_vec());
    let words = proptest::collection::vec(word.clone(), 0..3);
    (word.clone(), word, words.clone(), words).prop_map(move |(branch, all, assignees, mentions)| {
        Context::of([
            ("event.subType", text(sub_type)),
            ("branch.name", text(branch)),
            ("push.branch", text(branch)),
            ("text.all", text(all)),
            ("labels", FieldValue::Each(assignees.iter().map(|word| (*word).to_owned()).collect())),
            ("issue.assignees", list(&assignees)),
            ("comment.mentions", list(&mentions)),
        ])
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn both_evaluators_agree(
        rules in proptest::collection::vec(arbitrary_rule(), 0..5),
        created in arbitrary_context("created"),
        reopened in arbitrary_context("reopened"),
        labeled in arbitrary_context("labeled"),
        event_enabled: bool,
    ) {
        let robots: Vec<Robot> = (1..5).map(|n| Robot { enabled: n != 4, ..robot(n, "r") }).collect();
        let refs: Vec<&Robot> = robots.iter().collect();
        let enabled: Vec<String> = (1..4).map(|n| robot_id(n).to_string()).collect();
        let mut config = config(&[]);
        for event_type in EventType::ALL {
            let event = EventRules { enabled: event_enabled, rules: rules.clone() };
            config.events.insert(event_type.as_str().to_owned(), event);
            let cases =
                [(SubType::Created, &created), (SubType::Reopened, &reopened), (SubType::Labeled, &labeled)];
            for (sub_type, context) in cases {
                let fast: Vec<_> = resolve(&config, event_type, sub_type, context, &refs)
                    .into_iter()
                    .map(|resolved| (resolved.rule.id.clone(), resolved.robot.id.to_string()))
                    .collect();
                prop_assert_eq!(fast, naive::resolve(&config, event_type.as_str(), context, &enabled));
            }
        }
    }

    #[test]
    fn globs_agree(pattern in "[ab*?/É]{0,8}", text in "[abé/É]{0,10}") {
        let lower = |text: &str| text.to_lowercase().chars().collect::<Vec<_>>();
        prop_assert_eq!(glob_matches(&pattern, &text), naive::glob(&lower(&pattern), &lower(&text)));
    }

    #[test]
    fn any_text_and_glob_are_compared_without_panic(pattern in "\\PC{0,30}", text in "\\PC{0,30}") {
        let _ = glob_matches(&pattern, &text);
    }
}

#[test]
fn patterns_look_at_a_bounded_part_of_a_text() {
    let long = format!("{}end", "a".repeat(MAX_GLOB_TEXT_BYTES));
    assert!(glob_matches("a*", &long));
    assert!(!glob_matches("*end", &long));
    assert!(glob_matches("*?", &"é".repeat(MAX_GLOB_TEXT_BYTES)), "never cut through a character");
}

#[test]
fn entries_of_our_lists_are_compared_one_by_one() {
    use Operator::{ContainsAny, Equals, Exists, In, MatchesAny, TextContainsAny};
    let each = |items: &[&str]| FieldValue::Each(items.iter().map(|item| (*item).to_owned()).collect());
    let context = Context::of([("paths", each(&["docs/a.md", "src/b.rs"])), ("label", each(&[]))]);
    for (clause, expected) in [
        (clause("paths", Equals, Some("SRC/b.rs"), &[]), true),
        (clause("paths", Equals, Some("docs/a.md,src/b.rs"), &[]), false),
        (clause("paths", In, None, &["x", "docs/a.md"]), true),
        (clause("paths", ContainsAny, None, &["src/b.rs"]), true),
        (clause("paths", MatchesAny, None, &["src/*"]), true),
        (clause("paths", MatchesAny, None, &["src/*.md"]), false),
        (clause("paths", TextContainsAny, None, &["b.r"]), true),
        (clause("paths", TextContainsAny, None, &["md src"]), false),
        (clause("paths", Exists, None, &[]), true),
        (clause("label", Exists, None, &[]), false),
        (clause("label", Equals, None, &[]), false),
        (clause("label", MatchesAny, None, &["*"]), false),
    ] {
        assert_eq!(holds(&clause, EventType::Commit, &context), expected, "{clause:?}");
        let flipped = Clause { negate: true, ..clause };
        assert_eq!(holds(&flipped, EventType::Commit, &context), !expected, "{flipped:?}");
    }
}

#[test]
fn later_subtypes_wake_only_rules_that_name_them() {
    for event_type in EventType::ALL {
        for sub_type in SubType::ALL {
            let event = MappedEvent { event_type, sub_type };
            let context = Context::of([("event.subType", text(sub_type.as_str()))]);
            let fires = |rule: &Rule| super::fires(rule, event_type, sub_type, &context);
            let named = with(&[clause("event.subType", Operator::Equals, Some(sub_type.as_str()), &[])], &[]);
            assert!(fires(&named), "{event:?}");
            assert_eq!(fires(&rule("r", &[])), !event.is_named_only(), "{event:?}");
            let any = with(&[clause("event.subType", Operator::MatchesAny, None, &["*"])], &[]);
            assert_eq!(fires(&any), !event.is_named_only(), "{event:?}");
        }
    }
}
