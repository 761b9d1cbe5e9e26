//! What is refused, where the pointer leads and which code it carries.

use super::*;

#[test]
fn what_is_no_object_is_required() {
    for config in [json!(null), json!([]), json!([{"version": 2}]), json!("x"), json!(7), json!(true)] {
        let errors = refused(&config);
        assert_eq!(errors.len(), 1, "{}", "3.7/config");
        assert_eq!(
            (errors[0].pointer.as_str(), errors[0].message.as_str()),
            ("/config", "config is required"),
            "{}",
            "3.7/config"
        );
    }
}

#[test]
fn the_three_codes_come_in_the_contracts_order_with_their_details() {
    let config = json!({"events": {
        "commit": {"rules": [{"id": "c", "name": "C", "actions": [{"robotId": ""}]}]},
        "issue": {"rules": [
            {"id": "r1", "name": " ", "timeWindow": 7, "actions": []}, rule(json!({"id": "r2", "name": null}))]}
    }});
    let errors = refused(&config);
    let told: Vec<_> =
        errors.iter().map(|e| (e.pointer.as_str(), e.code.as_deref().unwrap(), e.message.as_str())).collect();
    let robot = ("RULE_ROBOT_REQUIRED", "Automation rule must select at least 1 robot");
    let name = ("RULE_NAME_REQUIRED", "Automation rule name is required");
    assert_eq!(
        told,
        [
            ("/config/events/commit/rules/0/actions", robot.0, robot.1),
            ("/config/events/issue/rules/0/name", name.0, name.1),
            (
                "/config/events/issue/rules/0/timeWindow",
                "RULE_TIME_WINDOW_INVALID",
                "Automation rule timeWindow is invalid"
            ),
            ("/config/events/issue/rules/0/actions", robot.0, robot.1),
            ("/config/events/issue/rules/1/name", name.0, name.1),
        ],
        "{} {} {}",
        "3.7/RULE_NAME_REQUIRED",
        "3.7/RULE_TIME_WINDOW_INVALID",
        "3.7/RULE_ROBOT_REQUIRED"
    );
    assert_eq!(
        errors[0].details,
        Some(json!({"eventKey": "commit", "ruleId": "c", "ruleName": "C"})),
        "{}",
        "3.7/details"
    );
    assert_eq!(
        errors[4].details,
        Some(json!({"eventKey": "issue", "ruleId": "r2", "ruleName": ""})),
        "{}",
        "3.7/details"
    );
    for actions in [json!(null), json!([]), json!("x"), json!([{}]), json!([{"robotId": null}])] {
        let errors = refused(&with_rules(json!([rule(json!({ "actions": actions }))])));
        assert_eq!(errors[0].code.as_deref(), Some("RULE_ROBOT_REQUIRED"), "{}", "3.7/RULE_ROBOT_REQUIRED");
    }
    let disabled = json!([{"robotId": known(), "enabled": false}]);
    assert!(parse(&with_rules(json!([rule(json!({ "actions": disabled }))]))).is_ok(), "{}", "3.7/RULE_ROBOT_REQUIRED");
}

#[test]
fn nothing_that_would_widen_a_rule_is_dropped_in_silence() {
    let at = "/config/events/issue/rules/0";
    for (row, config, pointer) in [
        ("3.7/op", with_clause(json!({"field": "text.all", "op": "like"})), "/match/all/0/op"),
        ("3.7/op", with_clause(json!({"field": "text.all", "op": "Equals"})), "/match/all/0/op"),
        ("3.7/op", with_clause(json!({"field": "text.all"})), "/match/all/0/op"),
        ("3.7/clause", with_clause(json!({"op": "exists"})), "/match/all/0/field"),
        ("3.7/clause", with_clause(json!({"field": "  ", "op": "exists"})), "/match/all/0/field"),
        ("3.7/clause", with_clause(json!({"field": 7, "op": "exists"})), "/match/all/0/field"),
        ("3.7/clause", with_clause(json!("x")), "/match/all/0"),
        ("3.7/clause", with_clause(json!({"field": "a", "op": "in", "values": "x"})), "/match/all/0/values"),
        ("3.7/clause", with_clause(json!({"field": "a", "op": "in", "values": ["x", 5]})), "/match/all/0/values/1"),
        ("3.7/clause", with_clause(json!({"field": "a", "op": "equals", "value": 5})), "/match/all/0/value"),
        ("3.7/clause", with_clause(json!({"field": "a", "op": "exists", "negate": "no"})), "/match/all/0/negate"),
        ("3.7/match", with_rules(json!([rule(json!({"match": []}))])), "/match"),
        ("3.7/match", with_rules(json!([rule(json!({"match": {"any": {}}}))])), "/match/any"),
        ("3.7/action", with_rules(json!([rule(json!({"actions": [{"robotId": "rob_x"}]}))])), "/actions/0/robotId"),
        ("3.7/action", with_rules(json!([rule(json!({"actions": [{"robotId": robot_id(9)}]}))])), "/actions/0/robotId"),
        ("3.7/action", with_rules(json!([rule(json!({"actions": [{"robotId": 5}]}))])), "/actions/0/robotId"),
        ("3.7/action", with_rules(json!([rule(json!({"actions": [{"robotId": known()}, 5]}))])), "/actions/1"),
        ("3.7/rule", with_rules(json!([rule(json!({"enabled": "no"}))])), "/enabled"),
        ("3.7/rule", with_rules(json!([rule(json!({"id": 5}))])), "/id"),
        ("3.7/rule", with_rules(json!([7])), ""),
        ("3.7/unknown-field", with_rules(json!([rule(json!({"when": 1}))])), "/when"),
        ("3.7/unknown-field", with_rules(json!([rule(json!({"match": {"none": []}}))])), "/match/none"),
        ("3.7/unknown-field", with_clause(json!({"field": "a", "op": "exists", "not": true})), "/match/all/0/not"),
        (
            "3.7/unknown-field",
            with_rules(json!([rule(json!({"actions": [{"robotId": known(), "x/y": 1}]}))])),
            "/actions/0/x~1y",
        ),
        (
            "3.7/unknown-field",
            with_rules(json!([rule(json!({"timeWindow": {"startHour": 1, "endHour": 2, "tz": "x"}}))])),
            "/timeWindow/tz",
        ),
    ] {
        assert_eq!(pointers(&config), [format!("{at}{pointer}")], "{row} {config}");
    }
    assert_eq!(pointers(&json!({"version": 2, "rules": []})), ["/config/rules"], "{}", "3.7/unknown-field");
    assert_eq!(
        pointers(&json!({"events": {"issue": {"x": 1}}})),
        ["/config/events/issue/x"],
        "{}",
        "3.7/unknown-field"
    );
    assert_eq!(pointers(&json!({"events": []})), ["/config/events"], "{}", "3.7/events");
    assert_eq!(pointers(&json!({"events": {"a/b": 5}})), ["/config/events/a~1b"], "{}", "3.7/events");
}

#[test]
fn ids_are_unique() {
    let twice = json!({"events": {
        "issue": {"rules": [rule(json!({})), rule(json!({}))]}, "commit": {"rules": [rule(json!({"id": " r1 "}))]}
    }});
    let expected = ["/config/events/issue/rules/0/id", "/config/events/issue/rules/1/id"];
    assert_eq!(pointers(&twice), expected, "{}: over all events", "3.7/duplicate-id");
    let action = json!({"id": "a", "robotId": known()});
    let actions =
        with_rules(json!([rule(json!({"actions": [action, action]})), rule(json!({"id": "r2", "actions": [action]}))]));
    assert_eq!(
        pointers(&actions),
        ["/config/events/issue/rules/0/actions/1/id"],
        "{}: within a rule",
        "3.7/duplicate-id"
    );
    assert!(parse(&with_rules(json!([rule(json!({"id": ""})), rule(json!({"id": null}))]))).is_ok());
}

#[test]
fn limits_hold() {
    let rules = |n: usize| -> Vec<Value> { (0..n).map(|n| rule(json!({"id": format!("r{n}")}))).collect() };
    assert!(parse(&with_rules(json!(rules(MAX_RULES)))).is_ok());
    assert_eq!(pointers(&with_rules(json!(rules(MAX_RULES + 1)))), ["/config/events"]);
    let actions = vec![json!({"robotId": known()}); MAX_ACTIONS + 1];
    assert_eq!(
        pointers(&with_rules(json!([rule(json!({ "actions": actions }))]))),
        ["/config/events/issue/rules/0/actions"]
    );
    let clauses = vec![json!({"field": "text.all", "op": "exists"}); 26];
    let many = with_rules(json!([rule(json!({"match": {"all": clauses, "any": clauses}}))]));
    assert_eq!(pointers(&many), ["/config/events/issue/rules/0/match"]);
    let values = vec!["x"; MAX_VALUES + 1];
    let wide = with_clause(json!({"field": "text.all", "op": "in", "values": values}));
    assert_eq!(pointers(&wide), ["/config/events/issue/rules/0/match/all/0/values"]);
    let long = "x".repeat(8 * 1024 + 1);
    assert_eq!(pointers(&with_clause(json!({"field": "a", "op": "in", "values": [long]}))).len(), 1);
    assert_eq!(pointers(&with_rules(json!([rule(json!({ "name": long }))]))), ["/config/events/issue/rules/0/name"]);
    assert_eq!(
        pointers(&with_rules(json!([rule(json!({"id": "x".repeat(201)}))]))),
        ["/config/events/issue/rules/0/id"]
    );
    let action = json!({"robotId": known(), "promptOverride": "x".repeat(8000), "promptPatch": "y".repeat(8000)});
    let heavy: Vec<Value> = (0..20).map(|n| rule(json!({"id": n.to_string(), "actions": [action]}))).collect();
    assert!(matches!(parse(&with_rules(json!(heavy))), Err(DomainError::TooLarge(_))));
}
