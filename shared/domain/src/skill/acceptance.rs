//! Who lets a skill do more: a version that can do more than the accepted one is marked until somebody accepts it.

use super::record::{Accepted, Escalation, Skill};
use crate::error::{Conflict, DomainError, FieldErrors};
use crate::id::UserId;
use crate::input::Object;
use crate::time::Timestamp;
use serde_json::{Value, json};

/// Bytes of the version that a call names: a digest, or what was written by hand.
pub const MAX_VERSION_BYTES: usize = 1_024;

/// Judges the version that a scan found. On a repository's first scan everything is accepted as found: whoever registers a
/// repository trusts what it holds. Later, a version that can do no more than the accepted one is accepted by itself, and
/// from then on it is the measure, so that what it gave up is an addition when it comes back.
pub(super) fn judge(skill: &mut Skill, first: bool, now: Timestamp) {
    let Some(version) = &skill.version else { return };
    let accepted = skill.accepted.as_ref().map(|accepted| accepted.powers.clone()).unwrap_or_default();
    let added = skill.powers.beyond(&accepted);
    if !first && !added.is_empty() {
        let since = skill.escalation.as_ref().map_or(now, |escalation| escalation.since);
        skill.escalation = Some(Escalation { since, added });
        return;
    }
    skill.escalation = None;
    if skill.accepted.as_ref().is_none_or(|accepted| accepted.version != *version) {
        skill.accepted = Some(Accepted { version: version.clone(), at: now, by: None, powers: skill.powers.clone() });
    }
}

/// Reads the body of `POST /api/repos/:id/skills/:skill_id/accept`: the version that the caller looked at, if it says so.
///
/// # Errors
/// [`DomainError::Invalid`] with every wrong field.
pub fn read_acceptance(body: &Value) -> Result<Option<String>, DomainError> {
    let mut errors = FieldErrors::new();
    let mut object = Object::root(body, &mut errors);
    let version = object.text_up_to("version", MAX_VERSION_BYTES).value();
    object.finish();
    errors.into_result(version)
}

/// Accepts what a skill's version can do. `None` when there is nothing to accept.
///
/// # Errors
/// `SKILL_VERSION_CHANGED` when `expected` is not its version any more: who looked at one version accepts no other.
pub fn accept(skill: &Skill, expected: Option<&str>, by: UserId, now: Timestamp) -> Result<Option<Skill>, DomainError> {
    if expected.is_some() && expected != skill.version.as_deref() {
        let text = "the skill has another version than the one named: look at it again";
        let conflict = Conflict::new("SKILL_VERSION_CHANGED", text);
        return Err(DomainError::Conflict(match &skill.version {
            Some(version) => conflict.with_details(json!({"currentVersion": version})),
            None => conflict,
        }));
    }
    let (Some(_), Some(version)) = (&skill.escalation, &skill.version) else { return Ok(None) };
    let accepted = Accepted { version: version.clone(), at: now, by: Some(by), powers: skill.powers.clone() };
    let next = Skill {
        escalation: None,
        accepted: Some(accepted),
        updated_at: now,
        revision: skill.revision + 1,
        ..skill.clone()
    };
    Ok(Some(next))
}
