//! A second evaluator, written from the contract's tables alone and with no regard to speed, to compare the first with.

use super::super::context::{Context, FieldValue};
use crate::automation::{AutomationConfig, Clause, Operator, Rule};

/// `(rule, robot)` in order.
pub(super) fn resolve(
    config: &AutomationConfig,
    event: &str,
    context: &Context,
    enabled: &[String],
) -> Vec<(String, String)> {
    let mut out: Vec<(String, String)> = vec![];
    if let Some(rules) = config.events.get(event) {
        if !rules.enabled {
            return out;
        }
        for rule in &rules.rules {
            if rule.enabled && rule_holds(rule, event, context) {
                for action in &rule.actions {
                    let fired = out.iter().any(|(_, robot)| *robot == action.robot_id);
                    if action.enabled && enabled.contains(&action.robot_id) && !fired {
                        out.push((rule.id.clone(), action.robot_id.clone()));
                    }
                }
            }
        }
    }
    out
}

fn rule_holds(rule: &Rule, event: &str, context: &Context) -> bool {
    let none = vec![];
    let (all, any) = rule.matching.as_ref().map_or((&none, &none), |m| (&m.all, &m.any));
    let mut ok = true;
    for clause in all {
        ok = ok && clause_holds(clause, event, context);
    }
    if !any.is_empty() {
        let mut one = false;
        for clause in any {
            one = one || clause_holds(clause, event, context);
        }
        ok = ok && one;
    }
    let sub_type = texts(context.lookup("event.subType")).concat();
    // Spelled out: the first event types, and the subtypes that came after the first three.
    let first_types = ["issue", "commit", "merge_request"];
    let first_sub_types = ["created", "updated", "commented"];
    if first_types.contains(&event) && !first_sub_types.contains(&sub_type.as_str()) {
        let mut named = false;
        for clause in all.iter().chain(any) {
            let literal: Vec<String> = clause.values.clone().unwrap_or_default();
            let says = match clause.op {
                Operator::Equals => lower(clause.value.as_deref().unwrap_or("")) == sub_type,
                Operator::In | Operator::ContainsAny => literal.iter().any(|v| lower(v) == sub_type),
                Operator::MatchesAny => literal
                    .iter()
                    .any(|v| !v.trim().replace(['*', '?'], "").is_empty() && glob(&chars(v), &chars(&sub_type))),
                Operator::Exists | Operator::TextContainsAny => false,
            };
            named = named || (clause.field == "event.subType" && !clause.negate && says);
        }
        ok = ok && named;
    }
    ok
}

fn clause_holds(clause: &Clause, event: &str, context: &Context) -> bool {
    if event == "issue"
        && (clause.field == "push.branch"
            || clause.field.split('.').next() == Some("branch") && clause.field.contains('.'))
    {
        return true;
    }
    let value = context.lookup(&clause.field);
    if let Some(FieldValue::Each(list)) = value {
        let alone = |entry: &String| {
            let context = Context::of([("entry", FieldValue::Text(entry.clone()))]);
            clause_holds(&Clause { field: "entry".into(), negate: false, ..clause.clone() }, "commit", &context)
        };
        return list.iter().any(alone) != clause.negate;
    }
    let wanted: Vec<String> =
        clause.values.clone().unwrap_or_default().iter().map(|v| lower(v)).filter(|v| !v.is_empty()).collect();
    let whole = lower(&texts(value).join(","));
    let ok = value.is_some()
        && match clause.op {
            Operator::Exists => match value {
                Some(FieldValue::List(list) | FieldValue::Each(list)) => !list.is_empty(),
                Some(FieldValue::Text(text)) => !text.trim().is_empty(),
                None => false,
            },
            Operator::Equals => whole == lower(clause.value.as_deref().unwrap_or("")),
            Operator::In => wanted.contains(&whole),
            Operator::ContainsAny => texts(value).iter().any(|entry| {
                wanted.iter().any(|w| {
                    if clause.field == "comment.mentions" {
                        !slug(w).is_empty() && slug(w) == slug(entry)
                    } else {
                        *w == lower(entry)
                    }
                })
            }),
            Operator::MatchesAny => wanted.iter().any(|w| glob(&chars(w), &chars(&whole))),
            Operator::TextContainsAny => {
                let text = lower(&texts(value).join(" "));
                wanted.iter().any(|w| text.contains(w.as_str()))
            }
        };
    if clause.negate { !ok } else { ok }
}

fn texts(value: Option<&FieldValue>) -> Vec<String> {
    match value {
        None => vec![],
        Some(FieldValue::Text(text)) => vec![text.clone()],
        Some(FieldValue::List(list) | FieldValue::Each(list)) => list.clone(),
    }
}

fn lower(text: &str) -> String {
    text.trim().to_lowercase()
}

fn chars(text: &str) -> Vec<char> {
    lower(text).chars().collect()
}

/// Tries every way to cut the text.
pub(super) fn glob(pattern: &[char], text: &[char]) -> bool {
    match pattern {
        [] => text.is_empty(),
        ['*', rest @ ..] => (0..=text.len()).any(|n| glob(rest, &text[n..])),
        [p, rest @ ..] => match text {
            [t, tail @ ..] => (*p == '?' || p == t) && glob(rest, tail),
            [] => false,
        },
    }
}

fn slug(text: &str) -> String {
    let text = lower(text);
    let text = text.strip_prefix('@').unwrap_or(&text).trim();
    let mut dashed: String =
        text.chars().map(|c| if "abcdefghijklmnopqrstuvwxyz0123456789_-".contains(c) { c } else { '-' }).collect();
    while dashed.contains("--") {
        dashed = dashed.replace("--", "-");
    }
    dashed.trim_matches(|c| c == '-' || c == '_').to_owned()
}
