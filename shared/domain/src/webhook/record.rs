//! The delivery as it is stored, put together from its pieces (contract: hookcode 3.8).

use super::body::payload_hash;
use super::decide::{Decision, Plan};
use super::headers::Incoming;
use super::mapping::EventType;
use super::payload::cut_bytes;
use super::refusal::Refusal;
use super::trace::TraceLog;
use crate::delivery::{
    Delivery, DeliveryResult, DeliverySummary, ErrorLayer, ReplayMode, ResolvedAction, StepKey, Trace,
};
use crate::id::{DeliveryId, RepositoryId};
use crate::secret::sha256_hex;
use serde_json::{Value, json};

/// Longest event name and provider's delivery id that are stored, in bytes: both are headers, as long as the sender
/// likes.
const MAX_NAME_BYTES: usize = 200;
/// Longest prompt in the trace, in bytes: all actions of a delivery share one stored item. The tasks have it whole.
const MAX_TRACED_PROMPT_BYTES: usize = 4 * 1024;

/// How a delivery ended, for its record.
#[derive(Debug, Clone, PartialEq)]
pub struct Ending {
    result: DeliveryResult,
    status: u16,
    code: Option<&'static str>,
    message: String,
    layer: Option<ErrorLayer>,
    mapped: Option<EventType>,
    plan: Option<Plan>,
}

impl Ending {
    /// Row 19: something of ours failed. The message is what the record says; the sender is told only that its event
    /// could not be taken in.
    pub fn internal(message: impl Into<String>) -> Self {
        Self {
            result: DeliveryResult::Error,
            status: 500,
            code: Some("INTERNAL_ERROR"),
            message: message.into(),
            layer: Some(ErrorLayer::Internal),
            mapped: None,
            plan: None,
        }
    }

    /// How it ended.
    pub fn result(&self) -> DeliveryResult {
        self.result
    }

    /// The sentence recorded.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl From<&Refusal> for Ending {
    fn from(refusal: &Refusal) -> Self {
        Self {
            result: refusal.result,
            status: refusal.status,
            code: refusal.code,
            message: refusal.message.clone(),
            layer: Some(refusal.layer),
            mapped: None,
            plan: None,
        }
    }
}

impl From<&Decision> for Ending {
    fn from(decision: &Decision) -> Self {
        match decision {
            Decision::Skipped(skip) => Self {
                result: DeliveryResult::Skipped,
                status: 202,
                code: None,
                message: skip.reason.clone(),
                layer: Some(skip.layer),
                mapped: skip.mapped.map(|mapped| mapped.event_type),
                plan: None,
            },
            Decision::Accepted(plan) => Self {
                result: DeliveryResult::Accepted,
                status: 202,
                code: None,
                message: match plan.tasks.as_slice() {
                    [] => "no tasks created after schedule checks".to_owned(),
                    [..] => "tasks created".to_owned(),
                },
                layer: None,
                mapped: Some(plan.mapped.event_type),
                plan: Some((**plan).clone()),
            },
        }
    }
}

/// Why an event is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TraceSource {
    /// A provider posted it.
    Ingress,
    /// Somebody asked for this delivery again.
    Replay(DeliveryId),
}

impl TraceSource {
    fn as_str(self) -> &'static str {
        match self {
            Self::Ingress => "ingress",
            Self::Replay(_) => "replay",
        }
    }

    fn replayed(self) -> Option<DeliveryId> {
        match self {
            Self::Ingress => None,
            Self::Replay(id) => Some(id),
        }
    }
}

/// The pieces of a record.
#[derive(Debug, Clone)]
pub struct Recording<'a> {
    /// Id of the delivery; its time is the record's.
    pub id: DeliveryId,
    /// The repository that the path named.
    pub repository: RepositoryId,
    /// The post.
    pub incoming: Incoming<'a>,
    /// The decoded body, given only once it has been verified: of an unverified post the raw body is hashed.
    pub payload: Option<&'a Value>,
    /// How it ended.
    pub ending: Ending,
    /// The body as answered.
    pub response: Value,
    /// Why the event was looked at.
    pub source: TraceSource,
    /// The steps so far.
    pub trace: TraceLog,
}

/// Puts a record together.
pub fn record(recording: Recording<'_>) -> Delivery {
    let Recording { id, repository, incoming, payload, ending, response, source, mut trace } = recording;
    if let Some(plan) = &ending.plan {
        finish(&mut trace, plan, &ending.message);
    } else if ending.result == DeliveryResult::Error {
        trace.failed(StepKey::Internal, ending.code, &ending.message);
    }
    let event_name = Some(cut_bytes(incoming.event_name(), MAX_NAME_BYTES).to_owned());
    let guid = incoming.headers.delivery_guid(incoming.endpoint).map(|guid| cut_bytes(guid, MAX_NAME_BYTES).to_owned());
    let resolved = ending.plan.as_ref().map_or(&[] as &[ResolvedAction], |plan| &plan.resolved);
    let tasks = ending.plan.as_ref().map_or(&[] as &[_], |plan| &plan.tasks);
    let task_ids: Vec<String> = tasks.iter().map(|planned| planned.task.id.to_string()).collect();
    let task_group_ids: Vec<String> = tasks.iter().map(|planned| planned.group.id.clone()).collect();
    Delivery {
        summary: DeliverySummary {
            id,
            repo_id: repository,
            provider: incoming.endpoint,
            event_name: event_name.clone(),
            mapped_event_type: ending.mapped.map(|mapped| mapped.as_str().to_owned()),
            delivery_id: guid,
            result: ending.result,
            http_status: ending.status,
            code: ending.code.map(str::to_owned),
            message: Some(ending.message.clone()),
            payload_hash: payload.map_or_else(|| sha256_hex(incoming.raw), payload_hash),
            payload_bytes: incoming.raw.len() as u64,
            signature_verified: trace.signature_verified(),
            error_layer: ending.layer,
            matched_rule_ids: distinct(resolved.iter().map(|action| &action.rule_id)),
            matched_robot_ids: distinct(resolved.iter().map(|action| &action.robot_id)),
            task_ids: task_ids.clone(),
            task_group_ids: task_group_ids.clone(),
            replay_of_event_id: source.replayed(),
            replay_mode: source.replayed().map(|_| ReplayMode::CurrentConfig),
            content_deleted_at: None,
            created_at: id.created_at(),
        },
        headers: incoming.headers.recordable(),
        response,
        debug_trace: Trace {
            source: source.as_str().to_owned(),
            provider: incoming.endpoint,
            event_name,
            replay_of_event_id: source.replayed(),
            replay_mode: source.replayed().map(|_| ReplayMode::CurrentConfig),
            steps: trace.steps().to_vec(),
            resolved_actions: resolved.iter().map(traced).collect(),
            task_ids,
            task_group_ids,
        },
    }
}

fn traced(action: &ResolvedAction) -> ResolvedAction {
    let prompt = action.prompt_custom.as_deref().map(|prompt| cut_bytes(prompt, MAX_TRACED_PROMPT_BYTES).to_owned());
    ResolvedAction { prompt_custom: prompt, ..action.clone() }
}

/// Adds the step `tasks`, which could not be known before the storage's transaction.
fn finish(trace: &mut TraceLog, plan: &Plan, message: &str) {
    let waiting: Vec<Value> =
        plan.taken.iter().map(|claim| json!({"robotId": claim.robot, "ruleId": claim.rule})).collect();
    let mut meta = json!({"created": plan.tasks.len()});
    if !waiting.is_empty() {
        meta["alreadyQueued"] = waiting.into();
    }
    trace.found(StepKey::Tasks, Some(message), meta);
    if !plan.over_limit.is_empty() {
        let left_out: Vec<Value> = plan
            .over_limit
            .iter()
            .map(|action| json!({"robotId": action.robot_id, "ruleId": action.rule_id}))
            .collect();
        trace.skipped(StepKey::Tasks, "task limit", Some(json!({ "leftOut": left_out })));
    }
}

fn distinct<'a>(ids: impl Iterator<Item = &'a String>) -> Vec<String> {
    let mut seen = Vec::new();
    for id in ids {
        if !seen.contains(id) {
            seen.push(id.clone());
        }
    }
    seen
}

#[cfg(test)]
mod tests;
