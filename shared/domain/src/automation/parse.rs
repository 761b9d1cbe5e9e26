//! Reading a configuration that a client wants stored (contract: hookcode 3.7; design 8.10 Q9 and Q20).
//!
//! Where the contract says that something is tolerated (a foreign version, an event's odd `enabled`, a blank robot), it
//! is. Everything else that would be lost in silence is refused with a pointer: a clause that vanishes makes a rule
//! fire more often than its owner asked for.

use super::{
    Action, AutomationConfig, Clause, EventRules, MAX_ACTIONS, MAX_CLAUSES, MAX_CONFIG_BYTES, MAX_ID_BYTES, MAX_RULES,
    MAX_VALUES, Match, Operator, Rule,
};
use crate::error::{DomainError, FieldErrors};
use crate::id::{ActionId, IdSource, RobotId, RuleId};
use crate::input::{Field, MAX_TEXT_BYTES, Object, pointer_token};
use crate::robot::TimeWindow;
use crate::time::Timestamp;
use crate::webhook::{EventType, SubType};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Version 1 had an event for each subtype; where they went, and by which subtype their rules are told apart now.
const VERSION_1_EVENTS: [(&str, EventType, SubType); 3] = [
    ("issue_created", EventType::Issue, SubType::Created),
    ("issue_comment", EventType::Issue, SubType::Commented),
    ("commit_review", EventType::Commit, SubType::Created),
];

/// Checks and normalises the request's member `config`; pointers start with `/config`.
///
/// # Errors
/// [`DomainError::Invalid`] with every wrong field, the contract's codes among them; [`DomainError::TooLarge`] when the
/// result is over [`MAX_CONFIG_BYTES`].
pub fn parse_config(
    body: &Value,
    robots_of_repository: &[RobotId],
    now: Timestamp,
    ids: &dyn IdSource,
) -> Result<AutomationConfig, DomainError> {
    if !body.is_object() {
        return Err(DomainError::invalid("/config", "config is required"));
    }
    let mut errors = FieldErrors::new();
    let mut reader = Reader {
        robots: robots_of_repository.iter().map(RobotId::to_string).collect(),
        now,
        ids,
        rule_ids: BTreeSet::new(),
        rule_count: 0,
    };
    let mut object = Object::at(body, "/config".to_owned(), &mut errors);
    let version = object.raw("version").and_then(Value::as_f64);
    let events = object.object("events").value();
    let events_at = object.pointer("events");
    object.finish();
    let version_1 = version.is_some_and(|version| (version - 1.0).abs() < f64::EPSILON);
    let config = match events {
        Some(events) if version_1 => reader.version_1(events, &events_at, &mut errors),
        Some(events) => reader.version_2(events, &events_at, &mut errors),
        None => AutomationConfig::default_config(),
    };
    if reader.rule_count > MAX_RULES {
        errors.push(events_at, format!("must have at most {MAX_RULES} rules in total"));
    }
    let config = errors.into_result(config)?;
    let size = serde_json::to_string(&config).map_or(0, |text| text.len());
    if size > MAX_CONFIG_BYTES {
        return Err(DomainError::TooLarge(format!("the automation config must be at most {MAX_CONFIG_BYTES} bytes")));
    }
    Ok(config)
}

struct Reader<'a> {
    robots: BTreeSet<String>,
    now: Timestamp,
    ids: &'a dyn IdSource,
    rule_ids: BTreeSet<String>,
    rule_count: usize,
}

impl Reader<'_> {
    fn version_2(&mut self, events: &Value, at: &str, errors: &mut FieldErrors) -> AutomationConfig {
        let mut config = AutomationConfig::default_config();
        for (key, value) in events.as_object().into_iter().flatten() {
            // Names become attribute names of the table, which takes no empty ones.
            if key.is_empty() || key.len() > MAX_ID_BYTES {
                let pointer = format!("{at}/{}", pointer_token(key));
                errors.push(pointer, format!("the name of an event must have 1 to {MAX_ID_BYTES} bytes"));
                continue;
            }
            let rules = self.event(value, key, format!("{at}/{}", pointer_token(key)), errors);
            config.events.insert(key.clone(), rules);
        }
        if let Some(issue) = config.events.get_mut(EventType::Issue.as_str()) {
            issue.rules.iter_mut().for_each(strip_branch_clauses);
        }
        config
    }

    /// The rules of version 1 keep firing for what they fired for. Anything else in it is lost, as the contract says.
    fn version_1(&mut self, events: &Value, at: &str, errors: &mut FieldErrors) -> AutomationConfig {
        let mut config = AutomationConfig::default_config();
        for event_type in EventType::STANDING {
            let mut enabled = None;
            for (key, _, sub_type) in VERSION_1_EVENTS.into_iter().filter(|(_, to, _)| *to == event_type) {
                let Some(value) = events.get(key) else { continue };
                let mut read = self.event(value, key, format!("{at}/{key}"), errors);
                read.rules.iter_mut().for_each(|rule| only_for(rule, sub_type));
                let Some(target) = config.events.get_mut(event_type.as_str()) else { continue };
                target.rules.append(&mut read.rules);
                enabled = Some(enabled.unwrap_or(false) || read.enabled);
                target.enabled = enabled.unwrap_or(true);
            }
        }
        if let Some(issue) = config.events.get_mut(EventType::Issue.as_str()) {
            issue.rules.iter_mut().for_each(strip_branch_clauses);
        }
        config
    }

    fn event(&mut self, value: &Value, key: &str, at: String, errors: &mut FieldErrors) -> EventRules {
        if value.is_null() {
            return EventRules::empty();
        }
        let rules_at = format!("{at}/rules");
        let mut object = Object::at(value, at, errors);
        let enabled = object.raw("enabled").and_then(Value::as_bool).unwrap_or(true);
        let raw = object.raw("rules").and_then(Value::as_array);
        object.finish();
        let mut rules = Vec::new();
        for (n, rule) in raw.into_iter().flatten().enumerate() {
            self.rule_count += 1;
            // Over the limit the count is all that matters; a million rules must not become a million errors.
            if self.rule_count <= MAX_RULES {
                rules.extend(self.rule(rule, key, format!("{rules_at}/{n}"), errors));
            }
        }
        EventRules { enabled, rules }
    }

    /// The checks with a code come first, in the contract's order.
    fn rule(&mut self, value: &Value, event_key: &str, at: String, errors: &mut FieldErrors) -> Option<Rule> {
        let mut object = Object::at(value, at, errors);
        if !value.is_object() {
            return None;
        }
        let said = |key: &str| value.get(key).and_then(Value::as_str).map(str::trim).unwrap_or_default();
        let details = json!({"eventKey": event_key, "ruleId": said("id"), "ruleName": said("name")});
        let coded = |object: &mut Object<'_, '_>, key: &str, code: &str, message: &str| {
            let pointer = object.pointer(key);
            object.errors().push_coded(pointer, code, message, Some(details.clone()));
        };

        let name = object.text("name");
        if matches!(&name, Field::Absent | Field::Null) || name.as_value().is_some_and(|name| name.trim().is_empty()) {
            coded(&mut object, "name", "RULE_NAME_REQUIRED", "Automation rule name is required");
        }
        let raw_window = object.raw("timeWindow").filter(|window| !window.is_null());
        let time_window = raw_window.and_then(hours);
        if raw_window.is_some() && time_window.is_none() {
            coded(&mut object, "timeWindow", "RULE_TIME_WINDOW_INVALID", "Automation rule timeWindow is invalid");
        }
        let raw_actions = object.raw("actions").and_then(Value::as_array).map_or(&[] as &[_], Vec::as_slice);
        if !raw_actions.iter().any(names_a_robot) {
            coded(&mut object, "actions", "RULE_ROBOT_REQUIRED", "Automation rule must select at least 1 robot");
        }

        if let Some(window @ Value::Object(_)) = raw_window {
            let mut window = object.nested("timeWindow", window);
            window.ignore(&["startHour", "endHour"]);
            window.finish();
        }
        let id = self.rule_id(&mut object);
        let enabled = object.boolean("enabled").value().unwrap_or(true);
        let matching = object.object("match").value();
        let matching = matching.and_then(|value| read_match(value, &mut object));
        let actions = self.actions(raw_actions, &mut object);
        object.finish();
        let name = name.value().unwrap_or_default().trim().to_owned();
        Some(Rule { id, name, enabled, matching, actions, time_window })
    }

    fn rule_id(&mut self, object: &mut Object<'_, '_>) -> String {
        let id = read_id(object);
        if id.is_empty() {
            return RuleId::new(self.now, self.ids).to_string();
        }
        if !self.rule_ids.insert(id.clone()) {
            object.error("id", "another rule has the same id");
        }
        id
    }

    fn actions(&self, raw: &[Value], object: &mut Object<'_, '_>) -> Vec<Action> {
        if raw.len() > MAX_ACTIONS {
            object.error("actions", format!("must have at most {MAX_ACTIONS} entries"));
            return Vec::new();
        }
        let mut seen = BTreeSet::new();
        let base = object.pointer("actions");
        let read = |(n, value): (usize, &Value)| self.action(value, format!("{base}/{n}"), &mut seen, object.errors());
        raw.iter().enumerate().filter_map(read).collect()
    }

    /// `None` for an action without a robot: the contract drops it.
    fn action(
        &self,
        value: &Value,
        at: String,
        seen: &mut BTreeSet<String>,
        errors: &mut FieldErrors,
    ) -> Option<Action> {
        let mut object = Object::at(value, at, errors);
        let robot_id = object.text("robotId").map(|id| id.trim().to_owned());
        let id = read_id(&mut object);
        let enabled = object.boolean("enabled").value().unwrap_or(true);
        let prompt_override = prompt(&mut object, "promptOverride");
        let prompt_patch = prompt(&mut object, "promptPatch");
        let robot_id = robot_id.value().filter(|id| !id.is_empty());
        if robot_id.as_ref().is_some_and(|id| !self.robots.contains(id)) {
            object.error("robotId", "unknown robot: it must be one of this repository");
        }
        if robot_id.is_some() && !id.is_empty() && !seen.insert(id.clone()) {
            object.error("id", "another action of the rule has the same id");
        }
        object.finish();
        let id = if id.is_empty() { ActionId::new(self.now, self.ids).to_string() } else { id };
        Some(Action { id, robot_id: robot_id?, enabled, prompt_override, prompt_patch })
    }
}

/// A chosen id without outer blanks; empty when there is none.
fn read_id(object: &mut Object<'_, '_>) -> String {
    object.text_up_to("id", MAX_ID_BYTES).value().unwrap_or_default().trim().to_owned()
}

/// Prompts are kept if they are text, and passed over if they are not.
fn prompt(object: &mut Object<'_, '_>, key: &'static str) -> Option<String> {
    match object.raw(key) {
        Some(Value::String(_)) => object.text(key).value(),
        Some(_) | None => None,
    }
}

/// Whether an action selects a robot, be it a known one or not. A disabled action counts.
fn names_a_robot(action: &Value) -> bool {
    match action.get("robotId") {
        None | Some(Value::Null) => false,
        Some(Value::String(id)) => !id.trim().is_empty(),
        // Of the wrong type: that is said at its own place.
        Some(_) => true,
    }
}

/// Two hours, 0–23, as numbers or numeric text, rounded down.
fn hours(window: &Value) -> Option<TimeWindow> {
    let hour = |key: &str| {
        let value = window.get(key)?;
        let hour = value.as_f64().or_else(|| value.as_str().and_then(|text| text.trim().parse().ok()))?.floor();
        // The range makes the conversion exact.
        (0.0..=23.0).contains(&hour).then_some(hour as u8)
    };
    Some(TimeWindow { start_hour: hour("startHour")?, end_hour: hour("endHour")? })
}

fn read_match<'v>(value: &'v Value, rule: &mut Object<'v, '_>) -> Option<Match> {
    let mut object = rule.nested("match", value);
    let lists = ["all", "any"].map(|key| {
        let items = object.array(key).value().map_or(&[] as &[_], Vec::as_slice);
        (items, object.pointer(key))
    });
    if lists.iter().map(|(items, _)| items.len()).sum::<usize>() > MAX_CLAUSES {
        let pointer = rule_pointer(&lists[0].1);
        object.errors().push(pointer, format!("must have at most {MAX_CLAUSES} clauses"));
        return None;
    }
    let [all, any] = lists.map(|(items, at)| {
        let read = |(n, value): (usize, &Value)| read_clause(value, format!("{at}/{n}"), object.errors());
        items.iter().enumerate().filter_map(read).collect::<Vec<_>>()
    });
    object.finish();
    (!all.is_empty() || !any.is_empty()).then_some(Match { all, any })
}

/// The pointer of the match from the pointer of one of its lists.
fn rule_pointer(list: &str) -> &str {
    list.rsplit_once('/').map_or(list, |(parent, _)| parent)
}

fn read_clause(value: &Value, at: String, errors: &mut FieldErrors) -> Option<Clause> {
    let mut object = Object::at(value, at, errors);
    if !value.is_object() {
        return None;
    }
    let field = object.text("field");
    let field = match field {
        Field::Value(field) if !field.trim().is_empty() => Some(field.trim().to_owned()),
        Field::Value(_) | Field::Absent | Field::Null => {
            object.error("field", "field is required");
            None
        }
        Field::Invalid => None,
    };
    let op = object.raw("op").and_then(Value::as_str).and_then(Operator::parse);
    if op.is_none() {
        let names = Operator::ALL.map(|(_, name)| name).join(", ");
        object.error("op", format!("unknown operator: it must be one of {names}"));
    }
    let negate = object.boolean("negate").value().unwrap_or(false);
    let wanted = object.text("value").value();
    let values = object.array("values").value().map(|items| read_values(items, &mut object));
    object.finish();
    Some(Clause { field: field?, op: op?, value: wanted, values, negate })
}

/// Trimmed texts; blank ones are dropped, as the contract says.
fn read_values(items: &[Value], clause: &mut Object<'_, '_>) -> Vec<String> {
    if items.len() > MAX_VALUES {
        clause.error("values", format!("must have at most {MAX_VALUES} entries"));
        return Vec::new();
    }
    let base = clause.pointer("values");
    let mut values = Vec::new();
    for (n, item) in items.iter().enumerate() {
        match item.as_str().map(str::trim) {
            None => clause.errors().push(format!("{base}/{n}"), "must be a string"),
            Some(text) if text.len() > MAX_TEXT_BYTES => {
                clause.errors().push(format!("{base}/{n}"), format!("must be at most {MAX_TEXT_BYTES} bytes"));
            }
            Some("") => {}
            Some(text) => values.push(text.to_owned()),
        }
    }
    values
}

/// Issues have no branch: such clauses are taken out, so that what is stored is what is asked.
fn strip_branch_clauses(rule: &mut Rule) {
    let Some(matching) = &mut rule.matching else { return };
    for clauses in [&mut matching.all, &mut matching.any] {
        clauses.retain(|clause| !crate::webhook::is_branch_field(&clause.field));
    }
    if matching.all.is_empty() && matching.any.is_empty() {
        rule.matching = None;
    }
}

/// Puts the subtype that was the event's name in version 1 in front of the rule's own clauses.
fn only_for(rule: &mut Rule, sub_type: SubType) {
    let clause = Clause {
        field: "event.subType".to_owned(),
        op: Operator::In,
        value: None,
        values: Some(vec![sub_type.as_str().to_owned()]),
        negate: false,
    };
    rule.matching.get_or_insert_default().all.insert(0, clause);
}
