//! Skills that are added by hand.

use super::*;
use crate::error::DomainError;
use crate::id::SkillId;

fn make(said: ManualSkill) -> Result<Skill, DomainError> {
    Skill::manual(said, SkillId::start_of(at(1)), repository(), at(1))
}

fn named(name: &str) -> ManualSkill {
    ManualSkill { name: name.to_owned(), ..ManualSkill::default() }
}

#[test]
fn it_counts_has_no_powers_and_nothing_to_accept() {
    let said = ManualSkill { version: Some("2".to_owned()), description: Some("d".to_owned()), ..named("deploy") };
    let skill = make(said).unwrap();
    assert_eq!((skill.status(), skill.is_counted(), skill.revision), (SkillStatus::Ok, true, 1));
    assert_eq!((skill.source, skill.version.as_deref()), (SkillSource::Manual, Some("2")));
    assert!(skill.powers.is_empty() && skill.accepted.is_none());
}

#[test]
fn names_are_those_of_the_contract() {
    for good in ["a", "9", "a--b-", &"x".repeat(MAX_MANUAL_NAME_CHARS)] {
        assert!(make(named(good)).is_ok(), "{good}");
    }
    for bad in ["", "-a", "A", "a b", "a\n", "ä", &"x".repeat(MAX_MANUAL_NAME_CHARS + 1)] {
        assert!(make(named(bad)).is_err(), "{bad}");
    }
}

#[test]
fn all_wrong_fields_are_named() {
    let map = [("a/b".to_owned(), "x".repeat(MAX_METADATA_VALUE_CHARS + 1)), (String::new(), "x".to_owned())];
    let said = ManualSkill {
        description: Some("ü".repeat(MAX_MANUAL_DESCRIPTION_CHARS + 1)),
        version: Some("ü".repeat(MAX_MANUAL_VERSION_CHARS + 1)),
        path: Some("a\0".to_owned()),
        metadata: map.into(),
        ..named("?")
    };
    let Err(DomainError::Invalid(errors)) = make(said) else { panic!("refused") };
    let pointers: Vec<_> = errors.as_slice().iter().map(|error| error.pointer.as_str()).collect();
    assert_eq!(pointers, ["/name", "/description", "/version", "/path", "/metadata/", "/metadata/a~1b"]);
    let many = (0..=MAX_METADATA_KEYS).map(|n| (n.to_string(), String::new())).collect();
    let Err(DomainError::Invalid(errors)) = make(ManualSkill { metadata: many, ..named("a") }) else {
        panic!("refused")
    };
    assert_eq!(errors.as_slice()[0].pointer, "/metadata");
}
