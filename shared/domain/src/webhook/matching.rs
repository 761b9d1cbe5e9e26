//! Clauses, rules and which robots they wake (contract: hookcode 4.5, operators and result).

use super::context::{Context, FieldValue};
use super::mapping::{EventType, SubType};
use super::mention::handle;
use super::payload::cut_bytes;
use super::prompt::select_prompt;
use crate::automation::{AutomationConfig, Clause, Match, Operator, Rule};
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

/// Whether a rule fires: it is enabled, it matches, and for a reopened issue it says so.
pub(super) fn fires(rule: &Rule, event_type: EventType, sub_type: SubType, context: &Context) -> bool {
    let wanted = sub_type != SubType::Reopened || rule.matching.as_ref().is_some_and(names_reopened);
    rule.enabled && wanted && matches(rule.matching.as_ref(), event_type, context)
}

/// All of `all` and, if there are any, one of `any`; without a match, always.
fn matches(matching: Option<&Match>, event_type: EventType, context: &Context) -> bool {
    let Some(matching) = matching else { return true };
    let holds = |clause: &Clause| holds(clause, event_type, context);
    matching.all.iter().all(holds) && (matching.any.is_empty() || matching.any.iter().any(holds))
}

/// Reopened issues came late to the contract: rules written for every issue must not start to fire twice for one. So
/// a rule has to name the subtype; a pattern of wildcards alone names nothing.
fn names_reopened(matching: &Match) -> bool {
    let reopened = SubType::Reopened.as_str();
    let is_it = |text: &str| text.trim().eq_ignore_ascii_case(reopened);
    matching.all.iter().chain(&matching.any).filter(|clause| clause.field == "event.subType" && !clause.negate).any(
        |clause| match clause.op {
            Operator::Equals => clause.value.as_deref().is_some_and(is_it),
            Operator::In | Operator::ContainsAny => values(clause).any(is_it),
            Operator::MatchesAny => {
                values(clause).any(|glob| glob.chars().any(|c| !matches!(c, '*' | '?')) && glob_matches(glob, reopened))
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
    // Undefined has neither text nor entries, whatever it is compared with.
    let Some(value) = value else { return false };
    match clause.op {
        Operator::Exists => match value {
            FieldValue::Text(text) => !text.trim().is_empty(),
            FieldValue::List(items) => !items.is_empty(),
        },
        Operator::Equals => same(&joined(value, ","), clause.value.as_deref().unwrap_or_default()),
        Operator::In => {
            let value = joined(value, ",");
            values(clause).any(|wanted| same(&value, wanted))
        }
        Operator::ContainsAny => shares(clause, value),
        Operator::MatchesAny => {
            let value = joined(value, ",");
            values(clause).any(|glob| glob_matches(glob, value.trim()))
        }
        Operator::TextContainsAny => {
            let text = joined(value, " ").trim().to_lowercase();
            values(clause).any(|part| text.contains(&part.to_lowercase()))
        }
    }
}

/// The clause's values that are not blank.
fn values(clause: &Clause) -> impl Iterator<Item = &str> {
    clause.values.iter().flatten().map(|value| value.trim()).filter(|value| !value.is_empty())
}

fn joined<'v>(value: &'v FieldValue, by: &str) -> std::borrow::Cow<'v, str> {
    match value {
        FieldValue::Text(text) => text.as_str().into(),
        FieldValue::List(items) => items.join(by).into(),
    }
}

fn same(a: &str, b: &str) -> bool {
    a.trim().to_lowercase() == b.trim().to_lowercase()
}

/// Whether the list, or the single value, has an entry in common with the clause. Mentions are compared as handles, so
/// that `Rev Bot` finds `@rev-bot`.
fn shares(clause: &Clause, value: &FieldValue) -> bool {
    let form = |text: &str| -> Option<String> {
        if clause.field == "comment.mentions" {
            return handle(text);
        }
        let text = text.trim().to_lowercase();
        (!text.is_empty()).then_some(text)
    };
    let wanted: BTreeSet<String> = values(clause).filter_map(form).collect();
    let is_wanted = |entry: &str| form(entry).is_some_and(|entry| wanted.contains(&entry));
    match value {
        FieldValue::Text(text) => is_wanted(text),
        FieldValue::List(items) => items.iter().any(|item| is_wanted(item)),
    }
}

/// Anchored, ignoring case; `*` is any run of characters, also across `/`, `?` is one.
fn glob_matches(glob: &str, text: &str) -> bool {
    WildMatch::new_case_insensitive(glob).matches(cut_bytes(text, MAX_GLOB_TEXT_BYTES))
}

#[cfg(test)]
mod naive;
#[cfg(test)]
mod tests;
