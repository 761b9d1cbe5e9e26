//! Deleting a robot (contract: hookcode 2.16).

use super::Robot;
use crate::automation::AutomationConfig;
use crate::credential::{SecretEdit, SecretName};
use crate::error::{Conflict, DomainError};
use crate::id::RobotId;
use serde_json::{Value, json};

/// The rules that name a robot, one entry for each; disabled rules and actions count.
pub fn usages(robot: RobotId, automation: &AutomationConfig) -> Vec<Value> {
    let id = robot.to_string();
    let rules = automation.events.iter().flat_map(|(event, rules)| rules.rules.iter().map(move |rule| (event, rule)));
    rules
        .filter(|(_, rule)| rule.actions.iter().any(|action| action.robot_id == id))
        .map(|(event, rule)| {
            let name = if rule.name.trim().is_empty() { "Unnamed rule" } else { &rule.name };
            json!({ "eventKey": event, "ruleId": rule.id, "ruleName": name })
        })
        .collect()
}

/// Whether the robot may go, and what goes with it from the secret document. Nobody is promoted to be the default.
///
/// # Errors
/// 409 `ROBOT_IN_USE` with the rules that name it.
pub fn remove_robot(robot: &Robot, automation: Option<&AutomationConfig>) -> Result<Vec<SecretEdit>, DomainError> {
    let usages = automation.map(|config| usages(robot.id, config)).unwrap_or_default();
    if !usages.is_empty() {
        let conflict = Conflict::new("ROBOT_IN_USE", "Robot is referenced by automation rules");
        return Err(DomainError::Conflict(conflict.with_details(json!({ "usages": usages }))));
    }
    let token = robot.has_token.then(|| SecretName::robot_token(robot.id));
    let key = robot.model.has_own_key().then(|| SecretName::robot_model(robot.id));
    Ok(token.into_iter().chain(key).map(SecretEdit::remove).collect())
}
