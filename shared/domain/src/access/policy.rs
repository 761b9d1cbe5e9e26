//! What a single token may do to which resource, narrower than its scopes (contract: reviewboard 5.2).

use crate::input::{Field, Object, pointer_token};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// Stands for every resource, object or method.
const ALL: &str = "*";
/// The methods that a rule may name.
pub const POLICY_METHODS: [&str; 7] = ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"];
/// Most resources of a policy, and most objects of a resource.
pub const MAX_POLICY_ENTRIES: usize = 100;
/// Longest policy id of a resource and longest id of an object, in bytes.
pub const MAX_POLICY_NAME_BYTES: usize = 100;

/// A policy: for resources by their policy id, for objects by their id, the methods that are allowed and blocked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenPolicy {
    resources: BTreeMap<String, BTreeMap<String, MethodRule>>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct MethodRule {
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    allow: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    block: Vec<String>,
}

impl MethodRule {
    /// What it says of a method: one that is named before all of them, blocking before allowing.
    fn says(&self, method: &str) -> Option<bool> {
        let names = |list: &[String], name: &str| list.iter().any(|known| known == name);
        [method, ALL].iter().find_map(|name| {
            let allowed = names(&self.allow, name).then_some(true);
            if names(&self.block, name) { Some(false) } else { allowed }
        })
    }
}

impl TokenPolicy {
    /// Whether a method may be used on an object of a resource; on the resource itself without one. What the policy does
    /// not speak of is allowed.
    pub fn allows(&self, resource: &str, object: Option<&str>, method: &str) -> bool {
        let entries = [resource, ALL].into_iter().filter_map(|name| self.resources.get(name));
        let rules = entries.flat_map(|objects| object.into_iter().chain([ALL]).filter_map(|name| objects.get(name)));
        let said = rules.into_iter().find_map(|rule| rule.says(method));
        said.unwrap_or(true)
    }

    /// Reads the field `policy` of a body.
    pub(super) fn read(object: &mut Object<'_, '_>) -> Field<Self> {
        let pointer = object.pointer("policy");
        object.object("policy").and_then(|value| {
            let mut policy = Self::default();
            let known = object.errors().as_slice().len();
            let mut body = Object::at(value, pointer, object.errors());
            let resources = body.object("resources");
            let pointer = body.pointer("resources");
            if matches!(resources, Field::Absent | Field::Null) {
                body.error("resources", "resources is required");
            }
            body.finish();
            let Field::Value(resources) = resources else { return Field::Invalid };
            for (name, objects) in entries(object, &pointer, resources) {
                let pointer = format!("{pointer}/{}", pointer_token(name));
                let rules = entries(object, &pointer, objects);
                let rules = rules.into_iter().map(|(id, rule)| {
                    let pointer = format!("{pointer}/{}", pointer_token(id));
                    (id.clone(), read_rule(rule, pointer, object))
                });
                policy.resources.insert(name.clone(), rules.collect());
            }
            if object.errors().as_slice().len() > known { Field::Invalid } else { Field::Value(policy) }
        })
    }
}

/// The members of an object that is bounded in number and names; none of another value.
fn entries<'v>(object: &mut Object<'_, '_>, pointer: &str, value: &'v Value) -> Vec<(&'v String, &'v Value)> {
    let Some(map) = value.as_object() else {
        object.errors().push(pointer, "must be an object");
        return Vec::new();
    };
    if map.len() > MAX_POLICY_ENTRIES {
        object.errors().push(pointer, format!("must have at most {MAX_POLICY_ENTRIES} members"));
        return Vec::new();
    }
    let (good, bad): (Vec<_>, Vec<_>) =
        map.iter().partition(|(name, _)| (1..=MAX_POLICY_NAME_BYTES).contains(&name.len()));
    if !bad.is_empty() {
        object.errors().push(pointer, format!("names must have 1 to {MAX_POLICY_NAME_BYTES} bytes"));
    }
    good
}

fn read_rule(value: &Value, pointer: String, object: &mut Object<'_, '_>) -> MethodRule {
    let mut rule = Object::at(value, pointer, object.errors());
    let allow = read_methods(&mut rule, "allow");
    let block = read_methods(&mut rule, "block");
    rule.finish();
    MethodRule { allow, block }
}

fn read_methods(rule: &mut Object<'_, '_>, key: &'static str) -> Vec<String> {
    let Field::Value(list) = rule.array(key) else { return Vec::new() };
    let known = |text: &&str| *text == ALL || POLICY_METHODS.contains(text);
    let methods: Vec<String> = list.iter().filter_map(Value::as_str).filter(known).map(str::to_owned).collect();
    if methods.len() < list.len() {
        rule.error(key, format!("must name methods: *, {}", POLICY_METHODS.join(", ")));
    }
    methods
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::FieldErrors;
    use serde_json::json;

    fn read(policy: Value) -> Result<TokenPolicy, Vec<String>> {
        let body = json!({ "policy": policy });
        let mut errors = FieldErrors::new();
        let policy = TokenPolicy::read(&mut Object::root(&body, &mut errors)).value();
        policy.ok_or_else(|| errors.as_slice().iter().map(|error| error.pointer.clone()).collect())
    }

    #[test]
    fn the_nearest_entry_decides_and_a_named_method_before_all() {
        let policy = read(json!({"resources": {
            "repository": {"42": {"allow": ["*"], "block": ["DELETE"]}, "*": {"block": ["*"], "allow": ["GET", "PUT"]},
                           "7": {"allow": ["PUT"], "block": ["PUT"]}},
            "*": {"*": {"block": ["POST"]}},
        }}))
        .unwrap();
        for (resource, object, method, allowed) in [
            ("repository", Some("42"), "PUT", true),
            ("repository", Some("42"), "DELETE", false),
            ("repository", Some("1"), "GET", true),
            ("repository", Some("1"), "DELETE", false),
            ("repository", Some("7"), "PUT", false),
            ("repository", Some("7"), "GET", true),
            ("repository", None, "POST", false),
            ("session", None, "DELETE", true),
            ("session", None, "POST", false),
        ] {
            assert_eq!(policy.allows(resource, object, method), allowed, "{resource} {object:?} {method}");
        }
        assert!(read(json!({"resources": {}})).unwrap().allows("repository", None, "DELETE"));
    }

    #[test]
    fn every_wrong_part_is_named() {
        for (policy, pointers) in [
            (json!(7), vec!["/policy"]),
            (json!({}), vec!["/policy/resources"]),
            (json!({"resources": {}, "more": 1}), vec!["/policy/more"]),
            (json!({"resources": {"a": 7}}), vec!["/policy/resources/a"]),
            (json!({"resources": {"a": {"b": []}}}), vec!["/policy/resources/a/b"]),
            (
                json!({"resources": {"a": {"*": {"allow": ["get"], "block": "GET", "x": 1}}}}),
                vec!["/policy/resources/a/*/allow", "/policy/resources/a/*/block", "/policy/resources/a/*/x"],
            ),
        ] {
            assert_eq!(read(policy.clone()).unwrap_err(), pointers, "{policy}");
        }
    }
}
