//! What is taken, normalised and refused of a configuration.

#![expect(clippy::needless_pass_by_value, reason = "the builders are called with `json!` on the spot")]

use super::*;
use crate::error::{DomainError, FieldError};
use crate::webhook::fixtures::{Counter, now, robot_id};
use proptest::prelude::*;
use serde_json::{Value, json};

mod refused;

fn parse(config: &Value) -> Result<AutomationConfig, DomainError> {
    parse_config(config, &[robot_id(1), robot_id(2)], now(), &Counter::new())
}

fn stored(config: &Value) -> Value {
    serde_json::to_value(parse(config).unwrap()).unwrap()
}

fn refused(config: &Value) -> Vec<FieldError> {
    match parse(config) {
        Err(DomainError::Invalid(errors)) => errors.as_slice().to_vec(),
        other => panic!("{config}: {other:?}"),
    }
}

fn pointers(config: &Value) -> Vec<String> {
    refused(config).into_iter().map(|error| error.pointer).collect()
}

fn known() -> String {
    robot_id(1).to_string()
}

/// A good rule, with some members replaced.
fn rule(change: Value) -> Value {
    let mut rule = json!({"id": "r1", "name": "Triage", "actions": [{"id": "a1", "robotId": known()}]});
    rule.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    rule
}

fn with_rules(rules: Value) -> Value {
    json!({"version": 2, "events": {"issue": {"enabled": true, "rules": rules}}})
}

fn with_clause(clause: Value) -> Value {
    with_rules(json!([rule(json!({"match": {"all": [clause]}}))]))
}

#[test]
fn the_contracts_example_is_stored_as_it_is() {
    let robot = known();
    let example = json!({"version": 2, "events": {
        "issue": {"enabled": true, "rules": [
            {"id": "r1", "name": "Triage", "enabled": true,
             "match": {"any": [], "all": [
                {"field": "event.subType", "op": "in", "values": ["created"], "negate": false}]},
             "actions": [{"id": "a1", "robotId": robot, "enabled": true, "promptPatch": "be brief"}],
             "timeWindow": {"startHour": 22, "endHour": 6}}]},
        "commit": {"enabled": true, "rules": []}, "merge_request": {"enabled": true, "rules": []}}});
    assert_eq!(stored(&example), example, "{}", "3.7/example");
}

#[test]
fn version_and_events_are_filled_in() {
    let empty = json!({"enabled": true, "rules": []});
    let all = json!({"version": 2, "events": {"issue": empty, "commit": empty, "merge_request": empty}});
    for (row, config) in [
        ("3.7/version", json!({})),
        ("3.7/version", json!({"version": 3})),
        ("3.7/version", json!({"version": "1"})),
        ("3.7/events", json!({"version": 2, "events": null})),
        ("3.7/events", json!({"version": 2, "events": {"commit": null}})),
        ("3.7/event", json!({"events": {"issue": {}}})),
        ("3.7/event", json!({"events": {"issue": {"enabled": "no", "rules": {"x": 1}}}})),
    ] {
        assert_eq!(stored(&config), all, "{row} {config}");
    }
    assert_eq!(serde_json::to_value(AutomationConfig::default_config()).unwrap(), all, "{}", "3.7/events");
    let other = stored(&json!({"events": {"pipeline": {"enabled": false, "rules": [rule(json!({}))]}}}));
    assert_eq!(other["events"]["pipeline"]["enabled"], false, "{}", "3.7/events");
    assert_eq!(other["events"]["pipeline"]["rules"][0]["id"], "r1", "{}", "3.7/events");
    assert_eq!(
        stored(&json!({"events": {"issue": {"enabled": false}}}))["events"]["issue"]["enabled"],
        false,
        "{}",
        "3.7/event"
    );
}

#[test]
fn rules_and_actions_are_normalised() {
    let read = stored(&with_rules(json!([rule(json!({
        "id": " ", "name": "  Triage ", "actions": [
            {"robotId": format!(" {} ", known())}, {"id": "a2", "robotId": "  "}, {"robotId": null},
            {"id": " a3 ", "robotId": known(), "enabled": false, "promptOverride": 5, "promptPatch": "p"}
        ]
    }))])));
    let rule = &read["events"]["issue"]["rules"][0];
    assert!(rule["id"].as_str().unwrap().starts_with("rul_"), "{}", "3.7/rule");
    assert_eq!((&rule["name"], &rule["enabled"]), (&json!("Triage"), &json!(true)), "{}", "3.7/rule");
    assert!(rule.get("match").is_none() && rule.get("timeWindow").is_none(), "{}", "3.7/match");
    let actions = rule["actions"].as_array().unwrap();
    assert_eq!(actions.len(), 2, "{}: blank robots are dropped", "3.7/action");
    assert!(actions[0]["id"].as_str().unwrap().starts_with("act_"), "{}", "3.7/action");
    assert_eq!(
        actions[1],
        json!({"id": "a3", "robotId": known(), "enabled": false, "promptPatch": "p"}),
        "{}",
        "3.7/action"
    );
}

#[test]
fn hours_are_numbers_or_numeric_text_rounded_down() {
    let window = |value: Value| with_rules(json!([rule(json!({ "timeWindow": value }))]));
    for (given, expected) in [
        (json!({"startHour": 22, "endHour": 6}), json!({"startHour": 22, "endHour": 6})),
        (json!({"startHour": "22", "endHour": " 6.9 "}), json!({"startHour": 22, "endHour": 6})),
        (json!({"startHour": 0, "endHour": 23.99}), json!({"startHour": 0, "endHour": 23})),
        (json!(null), json!(null)),
    ] {
        let read = stored(&window(given.clone()));
        let read = read["events"]["issue"]["rules"][0].get("timeWindow").cloned().unwrap_or_default();
        assert_eq!(read, expected, "{} {given}", "3.7/rule-time-window");
    }
    for bad in [
        json!({"startHour": 24, "endHour": 6}),
        json!({"startHour": -1, "endHour": 6}),
        json!({"startHour": 1}),
        json!([]),
        json!("22-6"),
        json!({"startHour": "x", "endHour": 6}),
        json!({"startHour": "NaN", "endHour": 6}),
        json!({"startHour": -0.5, "endHour": 6}),
        json!(5),
        json!({}),
    ] {
        let errors = refused(&window(bad.clone()));
        let code = errors[0].code.as_deref();
        assert_eq!(code, Some("RULE_TIME_WINDOW_INVALID"), "{} {bad}", "3.7/RULE_TIME_WINDOW_INVALID");
        assert_eq!(errors[0].pointer, "/config/events/issue/rules/0/timeWindow", "{bad}");
    }
}

#[test]
fn clauses_are_read() {
    let op = |op: &str| with_clause(json!({"field": " text.all ", "op": op, "value": "v", "values": [" a ", "", "b"]}));
    for name in ["equals", "in", "containsAny", "matchesAny", "exists", "textContainsAny"] {
        let clause = stored(&op(name))["events"]["issue"]["rules"][0]["match"]["all"][0].clone();
        let expected = json!({"field": "text.all", "op": name, "value": "v", "values": ["a", "b"], "negate": false});
        assert_eq!(clause, expected, "{} {}", "3.7/op", "3.7/clause");
    }
    for empty in [json!({}), json!({"all": [], "any": []}), json!({"all": null}), json!(null)] {
        let read = stored(&with_rules(json!([rule(json!({ "match": empty }))])));
        assert!(read["events"]["issue"]["rules"][0].get("match").is_none(), "{}", "3.7/match");
    }
}

#[test]
fn issues_lose_their_branch_clauses_when_stored() {
    let on = |field: &str| json!({"field": field, "op": "exists", "negate": false});
    let matching = json!({"all": [on("branch.name"), on("text.all"), on("branch.role")], "any": [on("push.branch")]});
    let config = json!({"events": {
        "issue": {"rules": [
            rule(json!({"match": matching})), rule(json!({"id": "r2", "match": {"any": [on("branch.x")]}}))]},
        "commit": {"rules": [rule(json!({"id": "r3", "match": matching}))]}
    }});
    let read = stored(&config);
    let issue = &read["events"]["issue"]["rules"];
    assert_eq!(issue[0]["match"], json!({"all": [on("text.all")], "any": []}), "{}", "3.7/issue-rules");
    assert!(issue[1].get("match").is_none(), "{}", "3.7/issue-rules");
    assert_eq!(read["events"]["commit"]["rules"][0]["match"], matching, "{}", "3.7/issue-rules");
}

#[test]
fn version_1_is_migrated() {
    let one = |id: &str| rule(json!({"id": id, "match": {"all": [{"field": "text.all", "op": "exists"}]}}));
    let config = json!({"version": 1, "events": {
        "issue_created": {"enabled": false, "rules": [one("a")]},
        "issue_comment": {"enabled": true, "rules": [one("b")]},
        "commit_review": {"enabled": false, "rules": [rule(json!({"id": "c"}))]}, "other": {"rules": [one("d")]}
    }});
    let read = stored(&config);
    assert_eq!(read["version"], 2, "{}", "3.7/v1");
    let sub_type = |name: &str| json!({"field": "event.subType", "op": "in", "values": [name], "negate": false});
    let text = json!({"field": "text.all", "op": "exists", "negate": false});
    let issue = &read["events"]["issue"];
    assert_eq!(issue["enabled"], true, "{}: either", "3.7/v1");
    assert_eq!(issue["rules"][0]["match"]["all"], json!([sub_type("created"), text]), "{}", "3.7/v1");
    assert_eq!(issue["rules"][1]["match"]["all"], json!([sub_type("commented"), text]), "{}", "3.7/v1");
    let commit = &read["events"]["commit"];
    assert_eq!(commit["enabled"], false, "{}", "3.7/v1");
    assert_eq!(commit["rules"][0]["match"]["all"], json!([sub_type("created")]), "{}", "3.7/v1");
    let reverse = json!({"version": 1, "events": {"issue_created": {}, "issue_comment": {"enabled": false}}});
    assert_eq!(stored(&reverse)["events"]["issue"]["enabled"], true, "{}: either", "3.7/v1");
    let off = json!({"version": 1, "events": {"issue_comment": {"enabled": false}}});
    assert_eq!(stored(&off)["events"]["issue"]["enabled"], false, "{}: the other has no say", "3.7/v1");
    assert!(read["events"].get("other").is_none(), "{}", "3.7/v1");
    assert_eq!(stored(&read), read, "{}: what was migrated stays", "3.7/v1");
    let bad = json!({"version": 1, "events": {"issue_comment": {"rules": [{"id": "x"}]}}});
    let errors = refused(&bad);
    assert_eq!(errors[0].pointer, "/config/events/issue_comment/rules/0/name", "{}", "3.7/v1");
    assert_eq!(errors[0].details.as_ref().unwrap()["eventKey"], "issue_comment", "{}", "3.7/v1");
}

#[test]
fn rules_that_use_a_robot_are_found() {
    let config = json!({"events": {
        "issue": {"rules": [rule(json!({"enabled": false, "actions": [
            {"robotId": known(), "enabled": false}, {"robotId": known()}]}))]},
        "commit": {"rules": [rule(json!({"id": "r2", "actions": [{"robotId": robot_id(2)}]}))]}
    }});
    let mut config = parse(&config).unwrap();
    config.events.get_mut("commit").unwrap().rules[0].name = " ".into();
    let usage = |robot| serde_json::to_value(rules_using_robot(&config, robot_id(robot))).unwrap();
    assert_eq!(usage(1), json!([{"eventKey": "issue", "ruleId": "r1", "ruleName": "Triage"}]));
    assert_eq!(usage(2), json!([{"eventKey": "commit", "ruleId": "r2", "ruleName": "Unnamed rule"}]));
    assert_eq!(usage(3), json!([]));
}

/// JSON with the configuration's member names in all the wrong places.
fn odd_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(|n| json!(n)),
        (0..3i64).prop_map(Value::from),
        proptest::sample::select(vec!["", "in", "exists", "text.all", "branch.name", "r1"]).prop_map(Value::from),
        Just(json!(known())),
    ];
    let names = vec![
        "version",
        "events",
        "issue",
        "commit",
        "issue_created",
        "rules",
        "id",
        "name",
        "enabled",
        "match",
        "all",
        "any",
        "field",
        "op",
        "values",
        "value",
        "negate",
        "actions",
        "robotId",
        "promptPatch",
        "timeWindow",
        "startHour",
        "endHour",
    ];
    leaf.prop_recursive(7, 96, 6, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map(proptest::sample::select(names.clone()), inner, 0..7)
                .prop_map(|map| Value::Object(map.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_config_is_taken_or_refused_and_what_is_taken_stays(config in odd_json()) {
        match parse(&config) {
            Ok(once) => {
                let stored = serde_json::to_value(&once).unwrap();
                prop_assert_eq!(&parse(&stored).unwrap(), &once);
                prop_assert_eq!(serde_json::from_value::<AutomationConfig>(stored).unwrap(), once);
            }
            Err(DomainError::Invalid(errors)) => {
                for error in errors.as_slice() {
                    prop_assert!(error.pointer.starts_with("/config"), "{}", error.pointer);
                    // The pointer leads to the value, or to the member that is missing.
                    let parent = error.pointer.rsplit_once('/').unwrap().0.trim_start_matches("/config");
                    prop_assert!(config.pointer(parent).is_some(), "{}", error.pointer);
                }
            }
            Err(other) => prop_assert!(matches!(other, DomainError::TooLarge(_))),
        }
    }
}

#[test]
fn rules_of_the_newer_events_are_read_as_all_others_and_other_keys_are_kept() {
    let default: Vec<String> = AutomationConfig::default_config().events.into_keys().collect();
    assert_eq!(default, ["commit", "issue", "merge_request"], "nobody gets events that they did not ask for");
    for key in ["release", "tag", "pipeline", "discussion", "no_such_event"] {
        let body = |rule: Value| json!({"version": 2, "events": {key: {"rules": [rule]}}});
        let kept = &stored(&body(rule(json!({"id": " ", "name": " Tell "}))))["events"][key];
        assert_eq!((&kept["enabled"], &kept["rules"][0]["name"]), (&json!(true), &json!("Tell")), "{key}");
        assert!(kept["rules"][0]["id"].as_str().unwrap().starts_with("rul_"), "{key}");
        let at = format!("/config/events/{key}/rules/0");
        assert_eq!(pointers(&body(rule(json!({"name": " "})))), [format!("{at}/name")], "{key}");
        assert_eq!(pointers(&body(rule(json!({"actions": []})))), [format!("{at}/actions")], "{key}");
        let clause = json!({"match": {"all": [{"field": "sender", "op": "is"}]}});
        assert_eq!(pointers(&body(rule(clause))), [format!("{at}/match/all/0/op")], "{key}");
        assert_eq!(stored(&json!({"events": {key: null}}))["events"][key], json!({"enabled": true, "rules": []}));
    }
}
