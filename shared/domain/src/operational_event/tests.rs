//! What is told, as tables: of two states, the kinds that come out.

use super::*;
use crate::access::{AccessToken, Scope, TokenKind};
use crate::automation::AutomationConfig;
use crate::delivery::{DeliveryResult, DeliverySummary};
use crate::id::LeaseId;
use crate::repository::{
    Begun, ConnectionAttempt, ConnectionFailure, MAX_LOST_SCANS, RepositoryState, SyncOutcome, SyncState,
};
use std::collections::BTreeSet;

struct Fixed;
impl IdSource for Fixed {
    fn random(&self) -> u128 {
        7
    }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second)
}

fn kinds(facts: impl IntoIterator<Item = Fact>) -> Vec<&'static str> {
    facts.into_iter().map(|fact| fact.kind()).collect()
}

fn attempt(second: i64, reason: Option<ConnectionReason>) -> ConnectionAttempt {
    let failure = reason.map(|reason| ConnectionFailure { reason, message: "why".to_owned() });
    ConnectionAttempt { as_registry: true, failure, at: at(second) }
}

/// What happens, the ends of the tries in a row, and the kinds of events that they make.
type Row<'a> = (&'a str, &'a [Option<ConnectionReason>], &'a [&'a str]);

#[test]
fn a_connection_is_told_of_when_it_breaks_and_when_it_is_mended() {
    use ConnectionReason::{NotFound, Unavailable};
    let (failed, restored) = ("repository.connection_failed", "repository.connection_restored");
    let rows: &[Row<'_>] = &[
        ("it works from the start", &[None, None], &[]),
        ("it fails from the start", &[Some(NotFound)], &[failed]),
        ("it breaks", &[None, Some(NotFound)], &[failed]),
        ("it stays broken", &[None, Some(NotFound), Some(NotFound)], &[failed]),
        ("for another reason", &[None, Some(NotFound), Some(Unavailable)], &[failed]),
        ("it is mended", &[Some(NotFound), None, None], &[failed, restored]),
        ("and breaks again", &[Some(NotFound), None, Some(NotFound)], &[failed, restored, failed]),
    ];
    for (rule, attempts, expected) in rows {
        let mut state = RepositoryState::default();
        let mut told = Vec::new();
        for (second, reason) in (0..).zip(attempts.iter()) {
            let next = state.attempted(&attempt(second, *reason)).unwrap();
            told.extend(of_state(&state, &next));
            state = next;
        }
        assert_eq!(kinds(told), *expected, "{rule}");
    }
}

/// What may happen to a sync.
#[derive(Debug, Clone, Copy)]
enum Step {
    Succeeds,
    Fails,
    /// A scan is taken and lost, as often as it may be.
    GivenUp,
    /// The repository got other credentials.
    Credentials,
    /// A sync is asked for and taken, and has not ended.
    Begins,
}

#[test]
fn a_sync_is_told_of_when_it_begins_to_fail_is_given_up_and_succeeds_again() {
    use Step::{Begins, Credentials, Fails, GivenUp, Succeeds};
    let (failed, recovered) = ("sync.failed", "sync.recovered");
    let rows: &[(&str, &[Step], &[&str])] = &[
        ("it succeeds", &[Succeeds, Begins, Succeeds], &[]),
        ("it fails", &[Succeeds, Fails], &[failed]),
        ("it keeps failing, scan after scan", &[Fails, Begins, Fails, Fails], &[failed]),
        ("it recovers", &[Fails, Begins, Succeeds, Succeeds], &[failed, recovered]),
        ("new credentials mend nothing by themselves", &[Fails, Credentials, Fails], &[failed]),
        ("but what they mend is told", &[Fails, Credentials, Succeeds], &[failed, recovered]),
        ("it is given up", &[Succeeds, GivenUp], &[failed]),
        ("though it failed already", &[Fails, GivenUp], &[failed, failed]),
        ("once", &[GivenUp, GivenUp], &[failed]),
    ];
    let id = RepositoryId::start_of(at(0));
    for (rule, steps, expected) in rows {
        let mut state = RepositoryState {
            sync: SyncState { interval_minutes: Some(60), ..SyncState::default() },
            ..RepositoryState::default()
        };
        let mut told = Vec::new();
        let mut clock = 0;
        let mut go = |state: &mut RepositoryState, next: RepositoryState| {
            told.extend(of_state(state, &next));
            *state = next;
        };
        for step in *steps {
            clock += 100_000;
            let lease = LeaseId::start_of(at(clock));
            let end = |state: &RepositoryState, outcome: &SyncOutcome| {
                let lease = state.sync.lease.map(|lease| lease.id);
                match lease {
                    Some(lease) => state.sync_ended(id, lease, outcome, &attempt(clock, None)).unwrap(),
                    None => state.sync_checked(id, state.sync.generation, outcome, &attempt(clock, None)).unwrap(),
                }
            };
            match step {
                Succeeds => {
                    let commit = format!("c{clock}");
                    let next = end(&state, &SyncOutcome::Current { commit, skill_count: None });
                    go(&mut state, next);
                }
                Fails => {
                    let next = end(&state, &SyncOutcome::Failed { reason: "why".to_owned(), not_before: None });
                    go(&mut state, next);
                }
                Credentials => {
                    let next = state.credentials_changed(at(clock)).unwrap();
                    go(&mut state, next);
                }
                Begins => {
                    let Begun::Taken(next) = state.sync_begun(id, lease, at(clock)) else { panic!("{rule}: busy") };
                    go(&mut state, next);
                }
                GivenUp => {
                    for _ in 0..MAX_LOST_SCANS {
                        if let Begun::Taken(next) = state.sync_begun(id, lease, at(clock)) {
                            go(&mut state, next);
                            let next = state.sync_lost(id, lease, at(clock)).unwrap();
                            go(&mut state, next);
                        }
                    }
                    assert!(state.sync.is_given_up(at(clock)), "{rule}");
                }
            }
        }
        assert_eq!(kinds(told), *expected, "{rule}");
    }
}

fn config(rules: &[(&str, &str, bool, bool)]) -> AutomationConfig {
    let rule = |(_, id, enabled, action): &(&str, &str, bool, bool)| {
        json!({"id": id, "name": "n".repeat(999), "enabled": enabled,
               "actions": [{"id": "a", "robotId": "rob", "enabled": action}]})
    };
    let mut config = AutomationConfig::default_config();
    for row in rules {
        let set = config
            .events
            .entry(row.0.to_owned())
            .or_insert(serde_json::from_value(json!({"enabled": true, "rules": []})).unwrap());
        set.rules.push(serde_json::from_value(rule(row)).unwrap());
    }
    config
}

#[test]
fn rules_that_cease_to_fire_are_told_of_together() {
    let before = config(&[("issue", "a", true, true), ("issue", "b", false, true), ("never", "c", true, true)]);
    let silent = |change: &dyn Fn(&mut AutomationConfig)| {
        let mut after = before.clone();
        change(&mut after);
        of_automation(Some(&before), &after)
    };
    let told = |fact: Option<Fact>| match fact {
        Some(Fact::RulesDisabled { rules, count }) => {
            assert_eq!(rules.len(), count.min(MAX_SHOWN_RULES));
            rules.iter().map(|rule| (rule.rule_id.clone(), rule.change)).collect()
        }
        None => Vec::new(),
        other => panic!("{other:?}"),
    };
    let a = |change| vec![("a".to_owned(), change)];
    assert_eq!(told(silent(&|_| {})), vec![], "nothing changed");
    assert_eq!(told(silent(&|c| c.events.get_mut("issue").unwrap().rules[0].enabled = false)), a(Loss::Disabled));
    assert_eq!(told(silent(&|c| c.events.get_mut("issue").unwrap().enabled = false)), a(Loss::Disabled), "its event");
    let action = |c: &mut AutomationConfig| c.events.get_mut("issue").unwrap().rules[0].actions[0].enabled = false;
    assert_eq!(told(silent(&action)), a(Loss::Disabled), "its last action");
    assert_eq!(told(silent(&|c| c.events.get_mut("issue").unwrap().rules.clear())), a(Loss::Removed));
    let renamed = |c: &mut AutomationConfig| c.events.get_mut("issue").unwrap().rules[0].id = "z".to_owned();
    assert_eq!(told(silent(&renamed)), vec![], "the same rule under a new id");
    assert_eq!(told(silent(&|c| drop(c.events.remove("never")))), vec![], "it never fired");
    assert_eq!(told(of_automation(None, &before)), vec![], "the first configuration");
    let many: Vec<String> = (0..50).map(|n| n.to_string()).collect();
    let many: Vec<_> = many.iter().map(|id| ("commit", id.as_str(), true, true)).collect();
    let Some(Fact::RulesDisabled { rules, count }) = of_automation(Some(&config(&many)), &config(&[])) else {
        panic!()
    };
    assert_eq!((rules.len(), count, rules[0].name.chars().count()), (MAX_SHOWN_RULES, 50, MAX_SHOWN_CHARS));
}

#[test]
fn rejections_are_told_of_and_nothing_else() {
    let summary = |result: &str, replay: bool| -> DeliverySummary {
        let mut body = json!({
            "id": DeliveryId::start_of(at(1)), "repoId": RepositoryId::start_of(at(0)), "provider": "github",
            "result": result, "httpStatus": 401, "message": "x".repeat(999), "payloadHash": "", "payloadBytes": 1,
            "matchedRuleIds": [], "matchedRobotIds": [], "taskIds": [], "taskGroupIds": [], "createdAt": at(1),
        });
        if replay {
            body["replayOfEventId"] = json!(DeliveryId::start_of(at(0)));
        }
        serde_json::from_value(body).unwrap()
    };
    assert_eq!(summary("rejected", false).result, DeliveryResult::Rejected);
    let Some(Fact::DeliveryRejected { reason, earlier, .. }) = of_delivery(&summary("rejected", false), 3) else {
        panic!("a rejection is told");
    };
    assert_eq!((reason.chars().count(), earlier), (MAX_SHOWN_CHARS, 3));
    for (result, replay) in [("rejected", true), ("accepted", false), ("skipped", false), ("error", false)] {
        assert_eq!(of_delivery(&summary(result, replay), 0), None, "{result} {replay}");
    }
}

#[test]
fn the_end_of_a_token_is_told_a_week_before_or_half_its_life() {
    let day = 86_400;
    for (life, expected) in [(None, None), (Some(90), Some(83)), (Some(14), Some(7)), (Some(2), Some(1))] {
        let token = AccessToken {
            id: AccessTokenId::start_of(at(0)),
            tenant: TenantId::start_of(at(0)),
            user: UserId::start_of(at(0)),
            name: "ci".to_owned(),
            kind: TokenKind::Integration,
            prefix: "sk_int_abcd".to_owned(),
            scopes: BTreeSet::from([Scope::ReposRead]),
            created_at: at(0),
            expires_at: life.map(|days| at(days * day)),
            policy: None,
            last_used_at: None,
        };
        let due = of_access_token(&token).map(|(_, due)| due);
        assert_eq!(due, expected.map(|days| at(days * day)), "{life:?}");
    }
}

#[test]
fn a_message_names_tenant_repository_and_kind_beside_the_fact() {
    let (tenant, repository) = (TenantId::start_of(at(0)), RepositoryId::start_of(at(0)));
    let fact = Fact::ConnectionFailed { reason: ConnectionReason::NotFound, message: "gone".to_owned() };
    let event = OperationalEvent::new(fact, tenant, Some(repository), at(1), &Fixed);
    let expected = json!({
        "schema": 1, "id": event.id, "time": "1970-01-01T00:00:01.000Z", "tenantId": tenant,
        "repositoryId": repository, "kind": "repository.connection_failed", "reason": "NOT_FOUND", "message": "gone",
    });
    assert_eq!(event.message(), expected);
    let stored: OperationalEvent = serde_json::from_value(json!(event)).unwrap();
    assert_eq!(stored, event);
}
