//! Clauses, rules and which robots they wake (contract: hookcode 4.5, operators and result).

use super::context::{Context, FieldValue};
use super::mapping::{DECLARATIONS, EventType, MappedEvent, SubType};
use super::mention::handle;
use super::payload::cut_bytes;
use super::prompt::select_prompt;
use crate::automation::{AutomationConfig, Clause, Match, Operator, Rule};
use crate::repository::Provider;
use crate::robot::Robot;
use std::collections::BTreeSet;
use wildmatch::WildMatch;

/// Patterns see at most this much of a text, in bytes: their cost grows with the product of both lengths, and anybody
/// may write a long comment. Long texts are what `textContainsAny` is for.
pub const MAX_GLOB_TEXT_BYTES: usize = 8 * 1024;

/// One robot that is to be woken, by which rule and with what prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved<'a> {
    /// The robot.
    pub robot: &'a Robot,
    /// The rule that fired.
    pub rule: &'a Rule,
    /// The prompt before rendering.
    pub prompt: String,
}

/// Rules in order, actions in order; disabled events, rules, actions and robots are passed over; every robot fires at
/// most once, for the first rule that wakes it. `robots` may hold disabled ones.
pub fn resolve<'a>(
    config: &'a AutomationConfig,
    event_type: EventType,
    sub_type: SubType,
    context: &Context,
    robots: &[&'a Robot],
) -> Vec<Resolved<'a>> {
    let Some(event) = config.events.get(event_type.as_str()).filter(|event| event.enabled) else { return Vec::new() };
    let mut seen = BTreeSet::new();
    let mut resolved = Vec::new();
    for rule in event.rules.iter().filter(|rule| fires(rule, event_type, sub_type, context)) {
        for action in rule.actions.iter().filter(|action| action.enabled) {
            let robot = robots.iter().find(|robot| robot.enabled && robot.id.to_string() == action.robot_id);
            let Some(robot) = robot.filter(|robot| seen.insert(robot.id)) else { continue };
            resolved.push(Resolved { robot, rule, prompt: select_prompt(robot, action) });
        }
    }
    resolved
}

/// Whether an enabled rule names an event. For an event that comes on request this decides whether it counts at all
/// (see [`super::mapping`]): its type's key must be there and, if the subtype must be named, one rule must do so.
pub(super) fn is_named(config: &AutomationConfig, event: MappedEvent) -> bool {
    let rules = config.events.get(event.event_type.as_str()).filter(|event| event.enabled);
    rules.is_some_and(|rules| rules.rules.iter().any(|rule| rule.enabled && names(rule, event)))
}

/// The event headers that a provider has to send for the rules to fire, in the order of the mapping.
pub fn needed_events(config: &AutomationConfig, provider: Provider) -> Vec<&'static str> {
    let mut needed = Vec::new();
    for line in DECLARATIONS.iter().filter(|line| line.provider == provider && is_named(config, line.event)) {
        if !needed.contains(&line.event_name) {
            needed.push(line.event_name);
        }
    }
    needed
}

/// Whether a rule fires: it is enabled, it names the event if it has to, and it matches.
pub(super) fn fires(rule: &Rule, event_type: EventType, sub_type: SubType, context: &Context) -> bool {
    rule.enabled
        && names(rule, MappedEvent { event_type, sub_type })
        && matches(rule.matching.as_ref(), event_type, context)
}

/// All of `all` and, if there are any, one of `any`; without a match, always.
fn matches(matching: Option<&Match>, event_type: EventType, context: &Context) -> bool {
    let Some(matching) = matching else { return true };
    let holds = |clause: &Clause| holds(clause, event_type, context);
    matching.all.iter().all(holds) && (matching.any.is_empty() || matching.any.iter().any(holds))
}

/// Whether a rule says that it means an event. Where the subtype must be named ([`MappedEvent::is_named_only`]), one of
/// its clauses has to do so; a pattern of wildcards alone names nothing.
fn names(rule: &Rule, event: MappedEvent) -> bool {
    !event.is_named_only() || rule.matching.as_ref().is_some_and(|matching| names_sub_type(matching, event.sub_type))
}

fn names_sub_type(matching: &Match, sub_type: SubType) -> bool {
    let sub_type = sub_type.as_str();
    let is_it = |text: &str| text.trim().eq_ignore_ascii_case(sub_type);
    matching.all.iter().chain(&matching.any).filter(|clause| clause.field == "event.subType" && !clause.negate).any(
        |clause| match clause.op {
            Operator::Equals => clause.value.as_deref().is_some_and(is_it),
            Operator::In | Operator::ContainsAny => values(clause).any(is_it),
            Operator::MatchesAny => {
                values(clause).any(|glob| glob.chars().any(|c| !matches!(c, '*' | '?')) && glob_matches(glob, sub_type))
            }
            Operator::Exists | Operator::TextContainsAny => false,
        },
    )
}

/// Issues have no branch: a clause on one always holds, negated or not.
pub(crate) fn is_branch_field(field: &str) -> bool {
    field == "push.branch" || field.starts_with("branch.")
}

fn holds(clause: &Clause, event_type: EventType, context: &Context) -> bool {
    if event_type == EventType::Issue && is_branch_field(&clause.field) {
        return true;
    }
    applies(clause, context.lookup(&clause.field)) != clause.negate
}

fn applies(clause: &Clause, value: Option<&FieldValue>) -> bool {
    match value {
        // Undefined has neither text nor entries, whatever it is compared with.
        None => false,
        Some(FieldValue::Text(text)) => compare(clause, std::slice::from_ref(text)),
        Some(FieldValue::List(items)) => match clause.op {
            Operator::Exists => !items.is_empty(),
            Operator::ContainsAny => compare(clause, items),
            Operator::TextContainsAny => compare(clause, &[items.join(" ")]),
            Operator::Equals | Operator::In | Operator::MatchesAny => compare(clause, &[items.join(",")]),
        },
        Some(FieldValue::Each(items)) => compare(clause, items),
    }
}

/// Whether the clause holds for one of the texts.
fn compare(clause: &Clause, texts: &[String]) -> bool {
    match clause.op {
        Operator::Exists => texts.iter().any(|text| !text.trim().is_empty()),
        Operator::Equals => {
            let wanted = lower(clause.value.as_deref().unwrap_or_default());
            texts.iter().any(|text| lower(text) == wanted)
        }
        Operator::In => {
            let wanted: BTreeSet<String> = values(clause).map(lower).collect();
            texts.iter().any(|text| wanted.contains(&lower(text)))
        }
        Operator::ContainsAny => {
            let wanted: BTreeSet<String> = values(clause).filter_map(|value| entry(clause, value)).collect();
            texts.iter().filter_map(|text| entry(clause, text)).any(|entry| wanted.contains(&entry))
        }
        Operator::MatchesAny => texts.iter().any(|text| values(clause).any(|glob| glob_matches(glob, text.trim()))),
        Operator::TextContainsAny => {
            let parts: Vec<String> = values(clause).map(str::to_lowercase).collect();
            texts.iter().map(|text| lower(text)).any(|text| parts.iter().any(|part| text.contains(part)))
        }
    }
}

/// An entry of a list as it is compared. Mentions are compared as handles, so that `Rev Bot` finds `@rev-bot`.
fn entry(clause: &Clause, text: &str) -> Option<String> {
    if clause.field == "comment.mentions" {
        return handle(text);
    }
    Some(lower(text)).filter(|text| !text.is_empty())
}

/// The clause's values that are not blank.
fn values(clause: &Clause) -> impl Iterator<Item = &str> {
    clause.values.iter().flatten().map(|value| value.trim()).filter(|value| !value.is_empty())
}

fn lower(text: &str) -> String {
    text.trim().to_lowercase()
}

/// Anchored, ignoring case; `*` is any run of characters, also across `/`, `?` is one.
fn glob_matches(glob: &str, text: &str) -> bool {
    WildMatch::new_case_insensitive(glob).matches(cut_bytes(text, MAX_GLOB_TEXT_BYTES))
}

#[cfg(test)]
mod naive;
#[cfg(test)]
mod tests;
