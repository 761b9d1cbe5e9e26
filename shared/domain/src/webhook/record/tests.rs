//! The record of each kind of ending.

use super::super::check::pre_check;
use super::super::decide::{MAX_TASKS, ScheduleClaim, Target, decide};
use super::super::fixtures::{self, Counter, config, now, repository, robot, rule};
use super::super::headers::WebhookHeaders;
use super::*;
use crate::delivery::StepStatus;
use crate::repository::Provider;
use crate::robot::{Robot, TimeWindow};

const SECRET: &str = "sha256=not-to-be-kept";

fn headers() -> WebhookHeaders {
    let long = "x".repeat(5000);
    WebhookHeaders::new([
        ("X-GitHub-Event", "issues"),
        ("X-GitHub-Delivery", long.as_str()),
        ("X-Hub-Signature-256", SECRET),
        ("User-Agent", "GitHub-Hookshot/1"),
    ])
}

fn recorded(ending: Ending, trace: TraceLog, payload: Option<&Value>, response: Value) -> Delivery {
    let headers = headers();
    let incoming = Incoming { endpoint: Provider::Github, headers: &headers, raw: br#"{"b":1,"a":2}"# };
    record(Recording {
        id: DeliveryId::new(now(), &Counter::new()),
        repository: fixtures::repository_id(),
        incoming,
        payload,
        ending,
        response,
        source: TraceSource::Ingress,
        trace,
    })
}

#[test]
fn an_unverified_record_keeps_hash_size_and_reason() {
    let mut archived = repository(Provider::Github);
    archived.archived_at = Some(now());
    let headers = headers();
    let incoming = Incoming { endpoint: Provider::Github, headers: &headers, raw: b"{}" };
    let mut trace = TraceLog::new(now());
    let refusal = pre_check(&archived, &incoming, &mut trace).unwrap_err();
    let delivery = recorded(Ending::from(&refusal), trace, None, refusal.body());
    let summary = &delivery.summary;
    assert_eq!((summary.result, summary.http_status), (DeliveryResult::Skipped, 202), "{}", "4.6/02");
    assert_eq!(summary.error_layer, Some(ErrorLayer::RepoState), "{}", "4.6/02");
    assert_eq!(summary.signature_verified, None);
    assert_eq!(summary.payload_hash, sha256_hex(br#"{"b":1,"a":2}"#));
    assert_eq!((summary.payload_bytes, summary.event_name.as_deref()), (13, Some("issues")));
    assert_eq!(summary.delivery_id.as_ref().map(String::len), Some(MAX_NAME_BYTES));
    assert_eq!(delivery.response, json!({"skipped": true, "reason": "repo archived"}));
    assert!(!serde_json::to_string(&delivery).unwrap().contains(SECRET));
    assert_eq!(serde_json::to_value(&delivery).unwrap()["matchedRuleIds"], json!([]), "always a list");
}

fn accepted(robots: &[Robot], window: Option<TimeWindow>) -> (Decision, TraceLog, Value) {
    let all: Vec<&Robot> = robots.iter().collect();
    let mut wanted = rule("r1", &all);
    wanted.time_window = window;
    let automation = config(&[wanted]);
    let repository = repository(Provider::Github);
    let target = Target { repository: &repository, robots, automation: Some(&automation), members: &[] };
    let payload = fixtures::named("github/issues/opened").payload();
    let ids = Counter::new();
    let headers = headers();
    let incoming = Incoming { endpoint: Provider::Github, headers: &headers, raw: b"" };
    let mut trace = TraceLog::new(now());
    trace.success(StepKey::Signature, None);
    let decision = decide(&target, &incoming, &payload, DeliveryId::new(now(), &ids), &ids, &mut trace);
    (decision, trace, payload)
}

#[test]
fn row_18_is_recorded_with_its_tasks() {
    let row = "4.6/18";
    let (decision, trace, payload) = accepted(&[robot(1, "a"), robot(2, "b")], None);
    let delivery = recorded(Ending::from(&decision), trace, Some(&payload), decision.body());
    let summary = &delivery.summary;
    assert_eq!(
        (summary.result, summary.message.as_deref()),
        (DeliveryResult::Accepted, Some("tasks created")),
        "{row}"
    );
    assert_eq!((summary.error_layer, summary.code.as_deref()), (None, None), "{row}");
    assert_eq!(summary.mapped_event_type.as_deref(), Some("issue"), "{row}");
    assert_eq!(summary.signature_verified, Some(true), "{row}");
    assert_eq!(summary.matched_rule_ids, ["r1"], "{row}");
    assert_eq!(
        (summary.matched_robot_ids.len(), summary.task_ids.len(), summary.task_group_ids.len()),
        (2, 2, 2),
        "{row}"
    );
    assert_eq!(summary.payload_hash, payload_hash(&payload), "{row}");
    let last = delivery.debug_trace.steps.last().unwrap();
    assert_eq!((last.key, last.status), (StepKey::Tasks, StepStatus::Success), "{row}");
    assert_eq!(delivery.debug_trace.resolved_actions.len(), 2, "{row}");
    assert_eq!(delivery.debug_trace.task_ids, summary.task_ids, "{row}");
}

#[test]
fn taken_claims_and_the_limit_are_named_in_the_trace() {
    let night = Some(TimeWindow { start_hour: 22, end_hour: 6 });
    let rev = robot(1, "a");
    let (decision, trace, payload) = accepted(std::slice::from_ref(&rev), night);
    let claim = ScheduleClaim { robot: rev.id, rule: "r1".into() };
    let decision = decision.without(&[claim]);
    let delivery = recorded(Ending::from(&decision), trace, Some(&payload), decision.body());
    let message = "no tasks created after schedule checks";
    assert_eq!(delivery.summary.result, DeliveryResult::Accepted, "{}", "4.5/schedule/outside");
    assert_eq!(delivery.summary.message.as_deref(), Some(message), "{}", "4.5/schedule/outside");
    assert!(delivery.summary.task_ids.is_empty());
    let last = delivery.debug_trace.steps.last().unwrap();
    assert_eq!(last.meta.as_ref().unwrap()["alreadyQueued"][0]["ruleId"], "r1");

    let many: Vec<Robot> = (1..=22).map(|n| robot(n, "r")).collect();
    let (decision, trace, payload) = accepted(&many, None);
    let delivery = recorded(Ending::from(&decision), trace, Some(&payload), decision.body());
    assert_eq!(delivery.summary.task_ids.len(), MAX_TASKS);
    let last = delivery.debug_trace.steps.last().unwrap();
    assert_eq!((last.message.as_deref(), last.status), (Some("task limit"), StepStatus::Skipped));
    assert_eq!(last.meta.as_ref().unwrap()["leftOut"].as_array().map(Vec::len), Some(2));
}

#[test]
fn row_19_names_what_failed_in_the_record_only() {
    let row = "4.6/19";
    let ending = Ending::internal("the table did not answer");
    let delivery = recorded(ending, TraceLog::new(now()), None, json!({"error": "Failed to enqueue task"}));
    let summary = &delivery.summary;
    assert_eq!((summary.result, summary.http_status), (DeliveryResult::Error, 500), "{row}");
    assert_eq!(summary.code.as_deref(), Some("INTERNAL_ERROR"), "{row}");
    assert_eq!(summary.error_layer, Some(ErrorLayer::Internal), "{row}");
    let last = delivery.debug_trace.steps.last().unwrap();
    assert_eq!((last.key, last.message.as_deref()), (StepKey::Internal, Some("the table did not answer")), "{row}");
}
