//! Rows 14–18 of the check table, from payload to tasks.

use super::super::fixtures::{self, Counter, config, now, repository, robot, rule};
use super::super::headers::WebhookHeaders;
use super::*;
use crate::automation::{Clause, Match, Operator, Rule};
use crate::delivery::StepStatus;
use crate::repository::Provider;
use crate::robot::TimeWindow;

struct Scene {
    repository: Repository,
    robots: Vec<Robot>,
    automation: Option<AutomationConfig>,
    members: Vec<ActorCandidate>,
}

impl Scene {
    fn new(provider: Provider, rules: &[Rule], robots: &[Robot]) -> Self {
        Self {
            repository: repository(provider),
            robots: robots.to_vec(),
            automation: Some(config(rules)),
            members: Vec::new(),
        }
    }

    fn decide(&self, event: &str, payload: &Value) -> (Decision, TraceLog) {
        let ids = Counter::new();
        let header = if self.repository.provider == Provider::Github { "x-github-event" } else { "x-gitlab-event" };
        let headers = WebhookHeaders::new([(header, event)]);
        let incoming = Incoming { endpoint: self.repository.provider, headers: &headers, raw: b"" };
        let target = Target {
            repository: &self.repository,
            robots: &self.robots,
            automation: self.automation.as_ref(),
            members: &self.members,
        };
        let mut trace = TraceLog::new(now());
        let decision = decide(&target, &incoming, payload, DeliveryId::new(now(), &ids), &ids, &mut trace);
        (decision, trace)
    }

    fn fixture(&self, name: &str) -> (Decision, TraceLog) {
        let fixture = fixtures::named(name);
        self.decide(fixture.event, &fixture.payload())
    }
}

fn plan(decision: &Decision) -> &Plan {
    match decision {
        Decision::Accepted(plan) => plan,
        Decision::Skipped(skip) => panic!("skipped: {}", skip.reason),
    }
}

#[test]
fn rows_14_to_17_skip_with_a_reason() {
    let rev = robot(1, "Rev");
    let always = [rule("r1", &[&rev])];
    let on = std::slice::from_ref(&rev);
    let off = [Robot { enabled: false, ..rev.clone() }];
    let open = fixtures::named("github/issues/opened").payload();
    let tag = fixtures::named("github/push/tag").payload();
    let scene = |robots: &[Robot], rules: &[Rule]| Scene::new(Provider::Github, rules, robots);
    let unset = Scene { automation: None, ..scene(on, &[]) };
    let tag_reason = "push ref refs/tags/simple-tag ignored (not a branch)";
    let cases = [
        (
            "4.6/14",
            scene(&[], &always),
            "issues",
            &open,
            "no enabled robot configured",
            ErrorLayer::RobotResolution,
            StepKey::Robots,
        ),
        (
            "4.6/14",
            scene(&off, &always),
            "ping",
            &open,
            "no enabled robot configured",
            ErrorLayer::RobotResolution,
            StepKey::Robots,
        ),
        (
            "4.6/15",
            scene(on, &always),
            "ping",
            &open,
            "event not supported",
            ErrorLayer::EventMapping,
            StepKey::Mapping,
        ),
        ("4.6/16", scene(on, &always), "push", &tag, tag_reason, ErrorLayer::Guard, StepKey::Guard),
        (
            "4.6/17",
            scene(on, &[]),
            "issues",
            &open,
            "no automation rule matched",
            ErrorLayer::RuleMatch,
            StepKey::Rules,
        ),
        ("4.6/17", unset, "issues", &open, "no automation rule matched", ErrorLayer::RuleMatch, StepKey::Rules),
    ];
    for (row, scene, event, payload, reason, layer, step) in cases {
        let (decision, trace) = scene.decide(event, payload);
        assert_eq!(decision.body(), json!({"skipped": true, "reason": reason}), "{row}");
        let Decision::Skipped(skip) = decision else { panic!("{row}: accepted") };
        assert_eq!(skip.layer, layer, "{row}");
        assert_eq!(skip.mapped.is_some(), matches!(layer, ErrorLayer::Guard | ErrorLayer::RuleMatch), "{row}");
        let last = trace.steps().last().unwrap();
        assert_eq!(
            (last.key, last.status, last.message.as_deref()),
            (step, StepStatus::Skipped, Some(reason)),
            "{row}"
        );
    }
}

#[test]
fn row_18_makes_a_task_for_each_robot() {
    let row = "4.6/18";
    let (rev, fix) = (robot(1, "Rev"), Robot { prompt_default: "Fix {{issue.title}}".into(), ..robot(2, "Fix") });
    let scene =
        Scene::new(Provider::Gitlab, &[rule("r1", &[&rev, &fix]), rule("r2", &[&rev])], &[rev.clone(), fix.clone()]);
    let (decision, trace) = scene.fixture("gitlab/issue/open");
    let tasks = decision.tasks();
    assert_eq!(tasks.len(), 2, "{row}");
    let body = json!({"tasks": tasks.iter().map(|planned| json!({
        "id": planned.task.id, "robotId": planned.task.robot_id, "groupId": planned.group.id
    })).collect::<Vec<_>>()});
    assert_eq!(decision.body(), body, "{row}");
    let task = &tasks[1].task;
    assert_eq!((task.status, task.version, task.robot_id), (TaskStatus::Queued, 1, fix.id), "{row}");
    assert_eq!((task.event_type.as_str(), task.event_sub_type.as_str()), ("issue", "created"), "{row}");
    assert_eq!((task.issue_id, task.project_id, task.mr_id), (Some(23), Some(42), None), "{row}");
    assert_eq!(task.title, "IssueCreated #23: The left wheel turns backwards · Fix", "{row}");
    assert_eq!(task.prompt, "Fix The left wheel turns backwards", "{row}");
    assert_eq!(task.prompt_custom, "Fix {{issue.title}}", "{row}");
    assert_eq!((task.group_id.as_str(), tasks[1].claim.as_ref()), (tasks[1].group.id.as_str(), None), "{row}");
    assert_ne!(tasks[0].task.id, task.id);
    let keys: Vec<_> = trace.steps().iter().map(|step| step.key).collect();
    assert_eq!(keys, [StepKey::Received, StepKey::Robots, StepKey::Mapping, StepKey::Guard, StepKey::Rules], "{row}");
    let resolved: Vec<_> = plan(&decision).resolved.iter().map(|action| action.rule_id.as_str()).collect();
    assert_eq!(resolved, ["r1", "r1"], "{row}");
}

#[test]
fn reopened_issues_make_tasks_only_for_rules_that_name_them() {
    let row = "4.5/rule/reopened";
    let rev = robot(1, "Rev");
    let named = Clause {
        field: "event.subType".into(),
        op: Operator::In,
        value: None,
        values: Some(vec!["created".into(), "reopened".into()]),
        negate: false,
    };
    let wants = Rule { matching: Some(Match { all: vec![named], any: vec![] }), ..rule("wants", &[&rev]) };
    for (provider, fixture) in [(Provider::Github, "github/issues/reopened"), (Provider::Gitlab, "gitlab/issue/reopen")]
    {
        let scene = Scene::new(provider, &[rule("all", &[&rev])], std::slice::from_ref(&rev));
        assert!(scene.fixture(fixture).0.tasks().is_empty(), "{row}");
        let scene = Scene::new(provider, &[rule("all", &[&rev]), wants.clone()], std::slice::from_ref(&rev));
        let (decision, _) = scene.fixture(fixture);
        assert_eq!(decision.tasks().len(), 1, "{row}");
        assert_eq!(decision.tasks()[0].task.rule_id, "wants", "{row}");
        assert_eq!(decision.tasks()[0].task.event_sub_type, "reopened", "{row}");
    }
}

#[test]
fn outside_a_rules_window_a_claim_is_needed_and_a_taken_one_drops_the_task() {
    // It is 8 o'clock in UTC.
    let (rev, fix) = (robot(1, "Rev"), robot(2, "Fix"));
    let window = |start_hour, end_hour| Some(TimeWindow { start_hour, end_hour });
    let night = Rule { time_window: window(22, 6), ..rule("night", &[&rev, &fix]) };
    let scene = |rule: &Rule| Scene::new(Provider::Github, std::slice::from_ref(rule), &[rev.clone(), fix.clone()]);
    let (decision, _) = scene(&night).fixture("github/issues/opened");
    let claims: Vec<_> = decision.tasks().iter().filter_map(|planned| planned.claim.clone()).collect();
    let claim = |robot: &Robot| ScheduleClaim { robot: robot.id, rule: "night".into() };
    assert_eq!(claims, [claim(&rev), claim(&fix)], "{}", "4.5/schedule/outside");
    let schedule = decision.tasks()[0].task.schedule.clone().unwrap();
    assert_eq!((schedule.source.as_str(), schedule.timezone.as_str()), ("trigger", "UTC"), "{}", "4.5/schedule/rule");

    let one_left = decision.without(&[claim(&rev)]);
    assert_eq!(one_left.tasks().len(), 1, "{}", "4.5/schedule/outside");
    assert_eq!(one_left.tasks()[0].task.robot_id, fix.id, "{}", "4.5/schedule/outside");
    let none_left = one_left.without(&[claim(&rev), claim(&fix)]);
    assert_eq!(none_left.body(), json!({"tasks": []}), "{}", "4.5/schedule/outside");
    assert_eq!(plan(&none_left).taken, [claim(&rev), claim(&fix)]);

    let day = Rule { time_window: window(8, 9), ..night.clone() };
    assert!(
        scene(&day).fixture("github/issues/opened").0.tasks().iter().all(|t| t.claim.is_none()),
        "{}",
        "4.5/schedule/inside"
    );
    let mut berlin = scene(&Rule { time_window: window(9, 10), ..night });
    berlin.repository.timezone = Some("Europe/Berlin".into());
    assert!(berlin.fixture("github/issues/opened").0.tasks()[0].claim.is_none(), "{}", "4.5/schedule/inside");

    let mut sleepy = rev.clone();
    sleepy.time_window = window(22, 6);
    let scene = Scene::new(Provider::Github, &[rule("r", &[&sleepy])], &[sleepy]);
    let (decision, _) = scene.fixture("github/issues/opened");
    assert_eq!(decision.tasks()[0].claim, None, "{}: robots' windows queue every task", "4.5/schedule/robot");
    assert!(decision.tasks()[0].task.schedule.is_some(), "{}", "4.5/schedule/robot");
}

#[test]
fn one_delivery_makes_a_bounded_number_of_tasks() {
    let robots: Vec<Robot> = (1..=25).map(|n| robot(n, "Rev")).collect();
    let all: Vec<&Robot> = robots.iter().collect();
    let scene = Scene::new(Provider::Github, &[rule("r1", &all)], &robots);
    let (decision, _) = scene.fixture("github/pull_request/opened");
    let plan = plan(&decision);
    assert_eq!((plan.tasks.len(), plan.over_limit.len(), plan.resolved.len()), (MAX_TASKS, 5, 25));
    assert_eq!(plan.over_limit[0].robot_id, robots[20].id.to_string());
    assert_eq!(plan.tasks[0].task.git_ref.as_deref(), Some("changes"), "{}", "4.5/title/meta-ref");
}

#[test]
fn the_actor_is_the_member_behind_the_event() {
    let row = "4.5/actor";
    let ids = Counter::new();
    let member = |username: &str, email: Option<&str>| ActorCandidate {
        user_id: UserId::new(now(), &ids),
        username: username.into(),
        email: email.map(str::to_owned),
    };
    let members =
        [member("ann", Some("ann@example.com")), member("coderTOcat", None), member("ada", Some("x@example.com"))];
    let rev = robot(1, "Rev");
    let actor = |provider, event: &str, payload: &Value| {
        let mut scene = Scene::new(provider, &[rule("r", &[&rev])], std::slice::from_ref(&rev));
        scene.members = members.to_vec();
        scene.decide(event, payload).0.tasks()[0].task.actor_user_id.clone()
    };
    let pr = fixtures::named("github/pull_request/opened").payload();
    assert_eq!(actor(Provider::Github, "pull_request", &pr), Some(members[1].user_id.to_string()), "{row}");
    let mr = fixtures::named("gitlab/merge_request/open").payload();
    assert_eq!(actor(Provider::Gitlab, "Merge Request Hook", &mr), Some(members[2].user_id.to_string()), "{row}");
    let by_mail = json!({"object_attributes": {}, "user": {"username": "else", "email": "ANN@example.com"}});
    assert_eq!(actor(Provider::Gitlab, "Merge Request Hook", &by_mail), Some(members[0].user_id.to_string()), "{row}");
    let nobody = json!({"action": "opened", "pull_request": {}, "sender": {"login": "else"}});
    assert_eq!(actor(Provider::Github, "pull_request", &nobody), None, "{row}");
    let unknown = json!({"action": "opened", "pull_request": {}});
    assert_eq!(actor(Provider::Github, "pull_request", &unknown), None, "{row}: no sender is nobody");
}

fn naming(id: &str, sub_type: &str, robots: &[&Robot]) -> Rule {
    let clause = Clause {
        field: "event.subType".into(),
        op: Operator::Equals,
        value: Some(sub_type.into()),
        values: None,
        negate: false,
    };
    Rule { matching: Some(Match { all: vec![clause], any: vec![] }), ..rule(id, robots) }
}

fn skipped(decision: &Decision) -> (&str, ErrorLayer) {
    match decision {
        Decision::Skipped(skip) => (&skip.reason, skip.layer),
        Decision::Accepted(_) => panic!("accepted"),
    }
}

#[test]
fn events_on_request_end_as_before_where_no_rule_names_them() {
    let rev = robot(1, "Rev");
    let (map, guard) = (ErrorLayer::EventMapping, ErrorLayer::Guard);
    for (fixture, reason, layer) in [
        ("gitlab/merge_request/merge", "event not supported", map),
        ("gitlab/merge_request/approved", "event not supported", map),
        ("gitlab/pipeline/failed", "event not supported", map),
        ("gitlab/release/create", "event not supported", map),
        ("gitlab/tag_push/created", "event not supported", map),
        ("gitlab/issue/close", "issue action close ignored", guard),
        ("gitlab/issue/labeled", "issue action update ignored", guard),
        ("github/push/tag", "push ref refs/tags/simple-tag ignored (not a branch)", guard),
    ] {
        let provider = fixtures::named(fixture).provider;
        let mut scene = Scene::new(provider, &[rule("all", &[&rev])], std::slice::from_ref(&rev));
        assert_eq!(skipped(&scene.fixture(fixture).0), (reason, layer), "{fixture}");
        // Neither a rule nor a whole event that is switched off names anything.
        let rules = ["closed", "merged", "labeled", "reviewed"].map(|name| naming(name, name, &[&rev]));
        let off = rules.map(|rule| Rule { enabled: false, ..rule });
        let mut automation = config(&off);
        for key in ["pipeline", "release", "tag"] {
            let event = crate::automation::EventRules { enabled: false, rules: vec![rule("r", &[&rev])] };
            automation.events.insert(key.into(), event);
        }
        scene.automation = Some(automation);
        assert_eq!(skipped(&scene.fixture(fixture).0), (reason, layer), "{fixture}: switched off");
    }
}

#[test]
fn a_rule_that_names_an_event_on_request_gets_it() {
    let rev = robot(1, "Rev");
    for (fixture, key, sub_type, title) in [
        ("gitlab/merge_request/merge", "merge_request", "merged", "MRMerged !7: Turn the left wheel forwards · Rev"),
        ("gitlab/issue/close", "issue", "closed", "IssueClosed #23: The left wheel turns backwards · Rev"),
        ("github/push/tag_deleted", "tag", "deleted", "TagDeleted simple-tag · Rev"),
        ("gitlab/tag_push/created", "tag", "created", "TagCreated workshop/widgets v1.4.0 · 7c0e1f5a · Rev"),
        (
            "gitlab/release/create",
            "release",
            "published",
            "ReleasePublished workshop/widgets v1.4.0: Widgets 1.4 · Rev",
        ),
        (
            "gitlab/pipeline/failed",
            "pipeline",
            "failed",
            "PipelineFailed workshop/widgets main · 7c0e1f5a · Widgets on main · Rev",
        ),
    ] {
        let provider = fixtures::named(fixture).provider;
        let mut scene = Scene::new(provider, &[], std::slice::from_ref(&rev));
        let mut automation = config(&[]);
        let rules = vec![naming("named", sub_type, &[&rev])];
        automation.events.insert(key.into(), crate::automation::EventRules { enabled: true, rules });
        scene.automation = Some(automation.clone());
        let (decision, trace) = scene.fixture(fixture);
        let task = &plan(&decision).tasks[0].task;
        assert_eq!((task.event_type.as_str(), task.event_sub_type.as_str()), (key, sub_type), "{fixture}");
        assert_eq!(task.title, title, "{fixture}");
        assert!(trace.steps().iter().all(|step| step.status == StepStatus::Success), "{fixture}");

        // Named, but for another value: that is a rule that does not match.
        automation.events.get_mut(key).unwrap().rules[0].matching.as_mut().unwrap().all.push(Clause {
            field: "sender".into(),
            op: Operator::Equals,
            value: Some("nobody".into()),
            values: None,
            negate: false,
        });
        scene.automation = Some(automation);
        let nothing = ("no automation rule matched", ErrorLayer::RuleMatch);
        assert_eq!(skipped(&scene.fixture(fixture).0), nothing, "{fixture}");
    }
}

#[test]
fn a_post_that_is_several_events_wakes_a_robot_once_and_old_rules_first() {
    let (rev, ux) = (robot(1, "Rev"), robot(2, "Ux"));
    let robots = [rev.clone(), ux.clone()];
    let rules = [naming("added", "labeled", &[&rev, &ux]), rule("every", &[&rev]), naming("gone", "unlabeled", &[&ux])];
    let scene = Scene::new(Provider::Gitlab, &rules, &robots);
    let (decision, trace) = scene.fixture("gitlab/merge_request/labels_changed");
    let made: Vec<_> = plan(&decision).tasks.iter().map(|planned| &planned.task).collect();
    let made: Vec<_> = made.iter().map(|task| (task.rule_id.as_str(), task.event_sub_type.as_str())).collect();
    assert_eq!(made, [("every", "updated"), ("added", "labeled")]);
    assert_eq!(plan(&decision).mapped.sub_type.as_str(), "updated");
    let mapping = trace.steps().iter().find(|step| step.key == StepKey::Mapping).unwrap();
    let named = |sub_type: &str| json!({"eventType": "merge_request", "subType": sub_type});
    let mut meta = named("updated");
    meta["also"] = json!([named("labeled"), named("unlabeled")]);
    assert_eq!(mapping.meta.as_ref(), Some(&meta));
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(500))]

    /// Whatever is posted: a rule that does not name the subtype makes no task for one that must be named.
    #[test]
    fn no_post_wakes_a_rule_that_does_not_name_it(
        odd in super::super::context::tests::odd_json(),
        line in proptest::sample::select(crate::webhook::DECLARATIONS.to_vec()),
        named in proptest::sample::select(crate::webhook::SubType::ALL.to_vec()),
        fits: bool,
    ) {
        let payload = if fits { fixtures::fitting(&line, odd) } else { odd };
        let robots = [robot(1, "Rev"), robot(2, "Other")];
        let rules = [naming("named", named.as_str(), &[&robots[0]]), rule("all", &[&robots[1]])];
        let mut scene = Scene::new(line.provider, &rules, &robots);
        let mut automation = config(&rules);
        for event_type in crate::webhook::EventType::ALL {
            let event = crate::automation::EventRules { enabled: true, rules: rules.to_vec() };
            automation.events.insert(event_type.as_str().into(), event);
        }
        scene.automation = Some(automation);
        for planned in scene.decide(line.event_name, &payload).0.tasks() {
            let task = &planned.task;
            let standing = ["issue", "commit", "merge_request"].contains(&task.event_type.as_str());
            let first = ["created", "updated", "commented"].contains(&task.event_sub_type.as_str());
            let free = !standing || first;
            proptest::prop_assert!(free || task.rule_id == "named", "{:?}", task);
            proptest::prop_assert!(task.rule_id != "named" || task.event_sub_type == named.as_str(), "{:?}", task);
        }
    }
}
