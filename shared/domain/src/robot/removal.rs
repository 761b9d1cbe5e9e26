//! Deleting a robot (contract: hookcode 2.16).

use super::Robot;
use crate::automation::{AutomationConfig, rules_using_robot};
use crate::credential::{SecretEdit, SecretName};
use crate::error::{Conflict, DomainError};
use serde_json::json;

/// Whether the robot may go, and what goes with it from the secret document. Nobody is promoted to be the default.
///
/// # Errors
/// 409 `ROBOT_IN_USE` with the rules that name it.
pub fn remove_robot(robot: &Robot, automation: Option<&AutomationConfig>) -> Result<Vec<SecretEdit>, DomainError> {
    let usages = automation.map(|config| rules_using_robot(config, robot.id)).unwrap_or_default();
    if !usages.is_empty() {
        let conflict = Conflict::new("ROBOT_IN_USE", "Robot is referenced by automation rules");
        return Err(DomainError::Conflict(conflict.with_details(json!({ "usages": usages }))));
    }
    let token = robot.has_token.then(|| SecretName::robot_token(robot.id));
    let key = robot.model.has_own_key().then(|| SecretName::robot_model(robot.id));
    Ok(token.into_iter().chain(key).map(SecretEdit::remove).collect())
}
