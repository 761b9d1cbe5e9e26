//! What is told: of two states, the change.

use super::{DisabledRule, ExpiringCredential, Fact, Loss};
use crate::access::AccessToken;
use crate::automation::{AutomationConfig, Rule};
use crate::delivery::{DeliveryResult, DeliverySummary};
use crate::repository::{Connection, ConnectionReason, ConnectionStatus, Repository, RepositoryState};
use crate::robot::Robot;
use crate::skill::Skill;
use crate::time::Timestamp;
use crate::webhook::EventType;
use std::time::Duration;

/// Longest name or reason that an event quotes, in characters.
pub const MAX_SHOWN_CHARS: usize = 200;
/// Rules that an event names; the rest is counted.
pub const MAX_SHOWN_RULES: usize = 20;
/// How long before its end a credential is said to end; of a life shorter than twice this, half of it.
pub const TOKEN_NOTICE: Duration = Duration::from_secs(7 * 24 * 3600);

fn shown(text: &str) -> String {
    text.chars().take(MAX_SHOWN_CHARS).collect()
}

/// A repository's connection or sync began to fail, or works again.
pub fn of_state(before: &RepositoryState, after: &RepositoryState) -> Vec<Fact> {
    let connection = of_connection(before.connection.as_ref(), after.connection.as_ref());
    connection.into_iter().chain(of_sync(before, after)).collect()
}

fn of_connection(before: Option<&Connection>, after: Option<&Connection>) -> Option<Fact> {
    let fails = |known: &Connection| known.status == ConnectionStatus::Failing;
    let (failed, after) = (before.filter(|known| fails(known)), after?);
    match (failed, fails(after)) {
        (None, true) => Some(Fact::ConnectionFailed {
            reason: after.reason.unwrap_or(ConnectionReason::Unavailable),
            message: after.message.clone().unwrap_or_default(),
        }),
        (Some(failed), false) => Some(Fact::ConnectionRestored { was: failed.reason }),
        (None, false) | (Some(_), true) => None,
    }
}

/// A scan under way, or a change of what is scanned, mends nothing: only a success does. Being given up is told even of what
/// fails already, for nobody looks at it any more.
fn of_sync(before: &RepositoryState, after: &RepositoryState) -> Option<Fact> {
    let (was, is) = (&before.sync, &after.sync);
    let given_up = was.given_up_until.is_none() && is.given_up_until.is_some();
    match (was.failing_since, is.failing_since) {
        (None, Some(_)) => {}
        (Some(_), Some(_)) if given_up => {}
        (Some(failing_since), None) => {
            return Some(Fact::SyncRecovered { failing_since, commit: is.commit.clone() });
        }
        (None, None) | (Some(_), Some(_)) => return None,
    }
    let reason = is.error.clone().unwrap_or_default();
    Some(Fact::SyncFailed { reason, given_up, next_sync_at: is.next_sync_at })
}

/// A repository went into the archive, or came out of it.
pub fn of_archive(before: &Repository, after: &Repository) -> Option<Fact> {
    let name = || shown(&after.name);
    match (before.archived_at, after.archived_at) {
        (None, Some(_)) => Some(Fact::Archived { name: name() }),
        (Some(_), None) => Some(Fact::Unarchived { name: name() }),
        (None, None) | (Some(_), Some(_)) => None,
    }
}

/// A repository is deleted.
pub fn of_removal(repository: &Repository) -> Fact {
    Fact::Deleted { name: shown(&repository.name), provider: repository.provider }
}

/// Rules that could wake a robot before and cannot any more: by themselves, by their event or by the last of their
/// actions. All of one change are one event.
pub fn of_automation(before: Option<&AutomationConfig>, after: &AutomationConfig) -> Option<Fact> {
    let mut rules = Vec::new();
    let mut count = 0;
    for (event, rule) in firing(before?) {
        let kept = after.events.get(event).and_then(|set| set.rules.iter().find(|kept| kept.id == rule.id));
        // Who puts rules without ids gives them new ones each time: then the name tells.
        let goes_on = |other: &Rule| if kept.is_some() { other.id == rule.id } else { other.name == rule.name };
        if firing(after).any(|(other_event, other)| other_event == event && goes_on(other)) {
            continue;
        }
        count += 1;
        if rules.len() < MAX_SHOWN_RULES {
            rules.push(DisabledRule {
                event: event.to_owned(),
                rule_id: rule.id.clone(),
                name: shown(&rule.name),
                change: if kept.is_some() { Loss::Disabled } else { Loss::Removed },
            });
        }
    }
    (count > 0).then_some(Fact::RulesDisabled { rules, count })
}

/// The rules that can wake a robot, with their events. What stands under no type of event never fires.
fn firing(config: &AutomationConfig) -> impl Iterator<Item = (&str, &Rule)> {
    let known = |event: &str| EventType::ALL.iter().any(|known| known.as_str() == event);
    let events = config.events.iter().filter(move |(event, set)| set.enabled && known(event));
    let rules = events.flat_map(|(event, set)| set.rules.iter().map(move |rule| (event.as_str(), rule)));
    rules.filter(|(_, rule)| rule.enabled && rule.actions.iter().any(|action| action.enabled))
}

/// Robots that worked before and do not any more.
pub fn of_robots<'a>(before: &'a [Robot], after: &'a [Robot]) -> impl Iterator<Item = Fact> {
    before.iter().filter(|robot| robot.enabled).filter_map(|robot| {
        let change = match after.iter().find(|kept| kept.id == robot.id) {
            None => Loss::Removed,
            Some(kept) if kept.enabled => return None,
            Some(_) => Loss::Disabled,
        };
        Some(Fact::RobotDisabled { robot_id: robot.id, name: shown(&robot.name), change })
    })
}

/// A skill that a scan changed can do more than was accepted, since this very change.
pub fn of_skill(skill: &Skill) -> Option<Fact> {
    let escalation = skill.escalation.as_ref().filter(|escalation| escalation.since == skill.updated_at)?;
    Some(Fact::SkillEscalated {
        skill_id: skill.id,
        name: skill.name.clone(),
        version: skill.version.clone(),
        added_scripts: escalation.added.scripts.len(),
        added_tools: escalation.added.tools.len(),
    })
}

/// A webhook that was rejected; who ran one again by hand was answered. `earlier` counts those that were not told.
pub fn of_delivery(delivery: &DeliverySummary, earlier: u32) -> Option<Fact> {
    if delivery.result != DeliveryResult::Rejected || delivery.replay_of_event_id.is_some() {
        return None;
    }
    Some(Fact::DeliveryRejected {
        delivery_id: delivery.id,
        layer: delivery.error_layer,
        code: delivery.code.clone(),
        reason: shown(delivery.message.as_deref().unwrap_or_default()),
        http_status: delivery.http_status,
        earlier,
    })
}

/// What is to be told of a new access token, and when; `None` for one that does not end.
pub fn of_access_token(token: &AccessToken) -> Option<(Fact, Timestamp)> {
    let expires_at = token.expires_at?;
    let life = expires_at.since(token.created_at);
    let due = token.created_at.plus(life.saturating_sub(TOKEN_NOTICE).max(life / 2));
    let credential = ExpiringCredential::AccessToken { access_token_id: token.id, user_id: token.user };
    Some((Fact::CredentialExpiring { credential, expires_at }, due))
}
