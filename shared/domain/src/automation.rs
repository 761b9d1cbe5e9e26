//! Automation: which events wake which robots (contract: hookcode 3.7).

use crate::id::RobotId;
use crate::robot::TimeWindow;
use crate::webhook::EventType;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

mod parse;

pub use parse::parse_config;

/// Most rules of a configuration, over all events.
pub const MAX_RULES: usize = 100;
/// Most actions of a rule.
pub const MAX_ACTIONS: usize = 20;
/// Most clauses of a rule, `all` and `any` together.
pub const MAX_CLAUSES: usize = 50;
/// Most values of a clause.
pub const MAX_VALUES: usize = 200;
/// Longest id of a rule or action that a client may choose, in bytes: ids become parts of keys.
pub const MAX_ID_BYTES: usize = 200;
/// Largest configuration, in bytes of JSON: it shares the repository's decision set (design 4).
pub const MAX_CONFIG_BYTES: usize = 200 * 1024;

/// The whole configuration of a repository, normalised.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AutomationConfig {
    /// Always 2 when stored.
    pub version: u32,
    /// By event type; `issue`, `commit` and `merge_request` are always there. Keys that are no event type are kept but
    /// never fire.
    pub events: BTreeMap<String, EventRules>,
}

impl AutomationConfig {
    /// Whether there is any rule, switched on or not.
    pub fn has_rules(&self) -> bool {
        self.events.values().any(|event| !event.rules.is_empty())
    }
}

/// The rules of one event type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventRules {
    /// `false` silences all the rules.
    pub enabled: bool,
    /// In order of evaluation.
    pub rules: Vec<Rule>,
}

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rule {
    /// Unique within the configuration.
    pub id: String,
    /// Not blank.
    pub name: String,
    /// `false` silences the rule.
    pub enabled: bool,
    /// Absent means always.
    #[serde(rename = "match", skip_serializing_if = "Option::is_none", default)]
    pub matching: Option<Match>,
    /// At least one.
    pub actions: Vec<Action>,
    /// Beats the robot's window.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub time_window: Option<TimeWindow>,
}

/// All of `all`, and one of `any` if there are any.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Match {
    /// Every one must hold.
    #[serde(default)]
    pub all: Vec<Clause>,
    /// One must hold, if there are any.
    #[serde(default)]
    pub any: Vec<Clause>,
}

/// One condition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clause {
    /// Dotted path into the event's context.
    pub field: String,
    /// How to compare.
    pub op: Operator,
    /// For `equals`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub value: Option<String>,
    /// For the other operators.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub values: Option<Vec<String>>,
    /// Flips the result.
    pub negate: bool,
}

/// How a clause compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "described in the contract's table, see `webhook::matching`")]
pub enum Operator {
    Equals,
    In,
    ContainsAny,
    MatchesAny,
    Exists,
    TextContainsAny,
}

/// One robot to wake.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Action {
    /// Within the rule.
    pub id: String,
    /// A robot of this repository.
    pub robot_id: String,
    /// `false` silences the action.
    pub enabled: bool,
    /// Replaces the robot's prompt.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub prompt_override: Option<String>,
    /// Follows the robot's prompt.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub prompt_patch: Option<String>,
}

impl Operator {
    const ALL: [(Self, &'static str); 6] = [
        (Self::Equals, "equals"),
        (Self::In, "in"),
        (Self::ContainsAny, "containsAny"),
        (Self::MatchesAny, "matchesAny"),
        (Self::Exists, "exists"),
        (Self::TextContainsAny, "textContainsAny"),
    ];

    /// Reads the wire name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(_, name)| *name == text).map(|(operator, _)| operator)
    }
}

impl AutomationConfig {
    /// What a repository has before anyone stored rules: every event on, no rule (contract: hookcode 2.3, 2.17).
    pub fn default_config() -> Self {
        Self {
            version: 2,
            events: EventType::STANDING.map(|event| (event.as_str().to_owned(), EventRules::empty())).into(),
        }
    }
}

impl EventRules {
    fn empty() -> Self {
        Self { enabled: true, rules: Vec::new() }
    }
}

/// A rule that names a robot (contract: hookcode 2.16, `ROBOT_IN_USE`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Usage {
    /// Which event's rule.
    pub event_key: String,
    /// The rule.
    pub rule_id: String,
    /// Its name; `Unnamed rule` when it has none.
    pub rule_name: String,
}

/// The rules that name a robot, one entry for each. Disabled rules and actions count: they may be enabled again.
pub fn rules_using_robot(config: &AutomationConfig, robot: RobotId) -> Vec<Usage> {
    let robot = robot.to_string();
    let uses = |rule: &&Rule| rule.actions.iter().any(|action| action.robot_id == robot);
    let usage = |event_key: &str, rule: &Rule| Usage {
        event_key: event_key.to_owned(),
        rule_id: rule.id.clone(),
        rule_name: if rule.name.trim().is_empty() { "Unnamed rule".to_owned() } else { rule.name.clone() },
    };
    let events = config.events.iter();
    events.flat_map(|(key, event)| event.rules.iter().filter(uses).map(move |rule| usage(key, rule))).collect()
}

#[cfg(test)]
mod tests;
