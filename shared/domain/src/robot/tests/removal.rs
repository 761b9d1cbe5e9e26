//! The contract's rows on deleting a robot.

use super::*;
use crate::automation::AutomationConfig;

fn automation(robot: RobotId) -> AutomationConfig {
    let action = |id: String, enabled| json!({"id": "a", "robotId": id, "enabled": enabled});
    let rule = |id, name, enabled, actions| json!({"id": id, "name": name, "enabled": enabled, "actions": actions});
    let other = "rob_other".to_owned();
    serde_json::from_value(json!({"version": 2, "events": {
        "commit": {"enabled": true, "rules": [rule("r0", "Other", true, vec![action(other, true)])]},
        "issue": {"enabled": false, "rules": [
            rule("r1", "Triage", false, vec![action(robot.to_string(), false), action(robot.to_string(), true)]),
            rule("r2", " ", true, vec![action(robot.to_string(), true)]),
        ]},
    }}))
    .expect("the config is well-formed")
}

#[test]
fn a_robot_in_use_stays() {
    let id = "2.16/in-use";
    let robot = own(&World::new()).robot;
    let Err(DomainError::Conflict(conflict)) = remove_robot(&robot, Some(&automation(robot.id))) else {
        panic!("{id}: the robot is in use")
    };
    assert_eq!(
        (conflict.code, conflict.message.as_str()),
        ("ROBOT_IN_USE", "Robot is referenced by automation rules"),
        "{id}"
    );
    let usages = json!([
        {"eventKey": "issue", "ruleId": "r1", "ruleName": "Triage"},
        {"eventKey": "issue", "ruleId": "r2", "ruleName": "Unnamed rule"},
    ]);
    assert_eq!(conflict.details, Some(json!({"usages": usages})), "2.16/usages");
}

#[test]
fn a_robot_goes_with_its_own_values() {
    let id = "2.16/deleted";
    let robot = own(&World::new()).robot;
    let other = RobotId::new(at(0), &Fixed(50));
    let expected = [(format!("robot/{}/token", robot.id), None), (format!("robot/{}/model", robot.id), None)];
    assert_eq!(edits(&remove_robot(&robot, Some(&automation(other))).unwrap()), expected, "{id}");
    assert_eq!(edits(&remove_robot(&robot, None).unwrap()), expected, "{id}");
    let default = Robot { is_default: true, ..robot };
    assert_eq!(edits(&remove_robot(&default, None).unwrap()), expected, "2.16/default-promotes-nobody");
    let plain = World::new().create(&body()).unwrap().robot;
    assert_eq!(remove_robot(&plain, None).unwrap(), [], "{id}: nothing of its own");
}
