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
