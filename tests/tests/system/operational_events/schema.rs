//! What receivers are promised: the schema says all that is sent, and every member that is sent.

use repoplane_domain::delivery::ErrorLayer;
use repoplane_domain::id::{AccessTokenId, DeliveryId, EventId, RepositoryId, RobotId, SkillId, TenantId, UserId};
use repoplane_domain::operational_event::{
    DisabledRule, ExpiringCredential, Fact, Loss, MAX_SHOWN_CHARS, MAX_SHOWN_RULES, OperationalEvent,
};
use repoplane_domain::repository::{ConnectionReason, MAX_CONNECTION_MESSAGE_CHARS, MAX_SYNC_ERROR_CHARS, Provider};
use repoplane_domain::time::Timestamp;
use serde_json::{Value, json};
use std::collections::BTreeSet;

fn schema() -> Value {
    let path = format!("{}/../docs/schemas/operational-event.v1.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).expect("the schema")).expect("JSON")
}

/// One of every kind, with all that it can have, and as long as it can be.
fn largest() -> Vec<Fact> {
    let at = Timestamp::from_second(1);
    let text = |chars: usize| "\u{1F980}".repeat(chars);
    let short = || text(MAX_SHOWN_CHARS);
    let rule =
        DisabledRule { event: "merge_request".into(), rule_id: "r".repeat(200), name: short(), change: Loss::Removed };
    let token =
        ExpiringCredential::AccessToken { access_token_id: AccessTokenId::start_of(at), user_id: UserId::start_of(at) };
    vec![
        Fact::ConnectionFailed { reason: ConnectionReason::NotFound, message: text(MAX_CONNECTION_MESSAGE_CHARS) },
        Fact::ConnectionRestored { was: Some(ConnectionReason::NotFound) },
        Fact::Archived { name: short() },
        Fact::Unarchived { name: short() },
        Fact::Deleted { name: short(), provider: Provider::Gitlab },
        Fact::SyncFailed { reason: text(MAX_SYNC_ERROR_CHARS), given_up: true, next_sync_at: Some(at) },
        Fact::SyncRecovered { failing_since: at, commit: Some("c".repeat(64)) },
        Fact::DeliveryRejected {
            delivery_id: DeliveryId::start_of(at),
            layer: Some(ErrorLayer::SignatureValidation),
            code: Some("UNAUTHORIZED".into()),
            reason: short(),
            http_status: 401,
            earlier: u32::MAX,
        },
        Fact::RulesDisabled { rules: vec![rule; MAX_SHOWN_RULES], count: 100 },
        Fact::RobotDisabled { robot_id: RobotId::start_of(at), name: short(), change: Loss::Disabled },
        Fact::SkillEscalated {
            skill_id: SkillId::start_of(at),
            name: Some("deploy".into()),
            version: Some("sha256:1".into()),
            added_scripts: 1,
            added_tools: 1,
        },
        Fact::CredentialExpiring { credential: token, expires_at: at },
    ]
}

fn message(fact: Fact) -> Value {
    let at = Timestamp::from_second(1);
    let (id, tenant) = (EventId::start_of(at), TenantId::start_of(at));
    OperationalEvent { id, tenant, repository: Some(RepositoryId::start_of(at)), fact }.message()
}

#[test]
fn every_kind_is_what_the_schema_says_and_no_member_is_unknown_to_it() {
    let schema = schema();
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let mut seen = BTreeSet::new();
    for fact in largest() {
        let kind = fact.kind();
        let message = message(fact);
        let errors: Vec<String> = validator.iter_errors(&message).map(|error| error.to_string()).collect();
        assert_eq!(errors, Vec::<String>::new(), "{kind}: {message}");
        let of_kind = schema["oneOf"].as_array().unwrap().iter().find(|one| one["title"] == kind).expect(kind);
        for name in message.as_object().unwrap().keys() {
            let known = [&schema, of_kind].iter().any(|place| place["properties"].get(name).is_some());
            assert!(known, "{kind} has {name}, unknown to the schema");
        }
        for name in of_kind["required"].as_array().unwrap().iter().filter_map(Value::as_str) {
            let mut less = message.clone();
            less.as_object_mut().unwrap().remove(name);
            assert!(!validator.is_valid(&less), "{kind} without {name}");
        }
        // Ten of these fit into one call (EventBridge: PutEvents, 256 KB).
        assert!(message.to_string().len() < 25 * 1024, "{kind}: {} bytes", message.to_string().len());
        seen.insert(kind);
    }
    let declared: BTreeSet<&str> =
        schema["oneOf"].as_array().unwrap().iter().map(|one| one["title"].as_str().unwrap()).collect();
    assert_eq!((&seen, &declared), (&BTreeSet::from(Fact::KINDS), &seen));
}

#[test]
fn the_schemas_words_are_the_codes_words() {
    let schema = schema();
    let of = |kind: &str, member: &str| {
        let one = schema["oneOf"].as_array().unwrap().iter().find(|one| one["title"] == kind).expect("a kind");
        one["properties"][member]["enum"].clone()
    };
    assert_eq!(of("repository.connection_failed", "reason"), json!(ConnectionReason::ALL));
    assert_eq!(of("repository.connection_restored", "was"), json!(ConnectionReason::ALL));
    assert_eq!(of("repository.deleted", "provider"), json!(Provider::ALL));
}

#[test]
fn the_page_names_every_kind() {
    let path = format!("{}/../docs/operational-events.md", env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(path).expect("the page");
    for kind in Fact::KINDS {
        assert!(page.contains(&format!("| `{kind}` |")), "{kind}");
    }
}
