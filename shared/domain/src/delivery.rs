//! Deliveries: every webhook that came in, with the steps that decided it (contract: hookcode 3.8).

use crate::id::{DeliveryId, RepositoryId};
use crate::repository::Provider;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How a delivery ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the contract's words")]
pub enum DeliveryResult {
    Accepted,
    Skipped,
    Rejected,
    Error,
}

/// Where a delivery that was not accepted ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the contract's words")]
pub enum ErrorLayer {
    RepoLookup,
    RepoState,
    ProviderMismatch,
    ScopeValidation,
    SignatureValidation,
    NameBinding,
    RepoBinding,
    RobotResolution,
    EventMapping,
    Guard,
    RuleMatch,
    TaskCreation,
    DryRun,
    Replay,
    Internal,
}

/// What happened at one step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the contract's words")]
pub enum StepStatus {
    Success,
    Skipped,
    Failed,
}

/// The steps in the order in which they are reached. `dedupe` is ours, between `signature` and `name-binding`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the contract's words")]
pub enum StepKey {
    Repo,
    RepoState,
    Provider,
    Scope,
    Signature,
    Dedupe,
    NameBinding,
    RepoBinding,
    Hydrate,
    Verified,
    Received,
    Robots,
    Mapping,
    Guard,
    Rules,
    Tasks,
    Internal,
}

impl StepKey {
    /// The step's title for people.
    pub fn title(self) -> &'static str {
        match self {
            Self::Repo => "Find the repository",
            Self::RepoState => "Check that the repository takes webhooks",
            Self::Provider => "Check the provider",
            Self::Scope => "Check the hook's scope",
            Self::Signature => "Verify the signature",
            Self::Dedupe => "Look for an accepted twin",
            Self::NameBinding => "Compare the repository's name",
            Self::RepoBinding => "Compare the repository's identity",
            Self::Hydrate => "Fill in what the payload knows",
            Self::Verified => "Mark the webhook as verified",
            Self::Received => "Take the event in",
            Self::Robots => "Find enabled robots",
            Self::Mapping => "Map the event",
            Self::Guard => "Guard against noise and loops",
            Self::Rules => "Match the rules",
            Self::Tasks => "Create the tasks",
            Self::Internal => "Handle an internal error",
        }
    }
}

/// One step of the trace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Which step.
    pub key: StepKey,
    /// Its title.
    pub title: String,
    /// How it went.
    pub status: StepStatus,
    /// When.
    pub at: Timestamp,
    /// A code of contract 4.6.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub code: Option<String>,
    /// A sentence.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub message: Option<String>,
    /// What else explains it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub meta: Option<Value>,
}

/// One action that the rules decided on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ResolvedAction {
    /// The rule.
    pub rule_id: String,
    /// The robot.
    pub robot_id: String,
    /// The prompt before rendering.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub prompt_custom: Option<String>,
    /// The window that applies.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub time_window: Option<crate::robot::TimeWindow>,
    /// `rule`: actions come from rules only.
    pub source: String,
}

/// Why the delivery ended as it did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Trace {
    /// `ingress` or `replay`.
    pub source: String,
    /// Provider of the endpoint.
    pub provider: Provider,
    /// Event header.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub event_name: Option<String>,
    /// The delivery that was run again.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub replay_of_event_id: Option<DeliveryId>,
    /// How it was run again.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub replay_mode: Option<ReplayMode>,
    /// Reached steps, in order.
    pub steps: Vec<Step>,
    /// What the rules decided.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub resolved_actions: Vec<ResolvedAction>,
    /// Tasks made.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub task_ids: Vec<String>,
    /// Groups of those tasks.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub task_group_ids: Vec<String>,
}

/// What lists show of a delivery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeliverySummary {
    /// Its id.
    pub id: DeliveryId,
    /// The repository that the path named.
    pub repo_id: RepositoryId,
    /// Provider of the endpoint.
    pub provider: Provider,
    /// Event header; empty when it was missing.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub event_name: Option<String>,
    /// Set once mapping succeeded.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub mapped_event_type: Option<String>,
    /// `x-github-delivery` or `x-gitlab-event-uuid`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub delivery_id: Option<String>,
    /// How it ended.
    pub result: DeliveryResult,
    /// Status answered.
    pub http_status: u16,
    /// Code of contract 4.6.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub code: Option<String>,
    /// Reason.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub message: Option<String>,
    /// SHA-256 of the payload as JSON with sorted keys (unverified posts: of the raw body), hex.
    pub payload_hash: String,
    /// Size of the raw body in bytes.
    pub payload_bytes: u64,
    /// Absent when the check was not reached.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub signature_verified: Option<bool>,
    /// Where it ended, unless accepted.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub error_layer: Option<ErrorLayer>,
    /// Rules that fired.
    pub matched_rule_ids: Vec<String>,
    /// Robots that were woken.
    pub matched_robot_ids: Vec<String>,
    /// Tasks made.
    pub task_ids: Vec<String>,
    /// Their groups.
    pub task_group_ids: Vec<String>,
    /// The delivery that this one ran again.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub replay_of_event_id: Option<DeliveryId>,
    /// How it was run again.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub replay_mode: Option<ReplayMode>,
    /// When its payload was deleted on request.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub content_deleted_at: Option<Timestamp>,
    /// When it came in.
    pub created_at: Timestamp,
}

/// How a delivery is run again (contract: hookcode 3.8). The other modes choose robots and rules by hand; here the
/// configuration does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReplayMode {
    /// By the rules as they are now.
    CurrentConfig,
}

/// A delivery whole, without its payload (which is stored apart).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Delivery {
    /// What lists show.
    #[serde(flatten)]
    pub summary: DeliverySummary,
    /// Request headers without those that carry secrets.
    pub headers: std::collections::BTreeMap<String, String>,
    /// Body answered.
    pub response: Value,
    /// The steps.
    pub debug_trace: Trace,
}
