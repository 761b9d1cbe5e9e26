use super::*;
use crate::error::FieldErrors;
use crate::id::IdSource;
use crate::input::Object;
use crate::repository::Provider;
use crate::secret::Secret;
use serde_json::{Value, json};

mod accounts;
mod properties;
mod rows;

/// What no serialised form may ever hold.
pub(super) const CANARY: &str = "canary-7f3a9c";

pub(super) struct Fixed(pub u128);
impl IdSource for Fixed {
    fn random(&self) -> u128 {
        self.0
    }
}

pub(super) fn at(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(1_768_896_000_000 + ms)
}

pub(super) fn read(body: &Value) -> (CredentialPatch, FieldErrors) {
    let mut errors = FieldErrors::new();
    let mut object = Object::root(body, &mut errors);
    let patch = read_patch(&mut object, Provider::Github);
    object.finish();
    (patch, errors)
}

/// Reads and applies a body that must be fine.
pub(super) fn patch(profiles: &mut CredentialProfiles, body: &Value) -> Vec<(String, Option<String>)> {
    let (patch, errors) = read(body);
    assert!(errors.is_empty(), "{errors:?}");
    let edits = patch.apply(profiles, at(0), &Fixed(7)).expect("the patch applies");
    edits.into_iter().map(|edit| (edit.name.into(), edit.value.map(|secret| secret.expose().to_owned()))).collect()
}

/// The errors of reading, else those of applying to nothing.
pub(super) fn refused(body: &Value) -> FieldErrors {
    let (patch, errors) = read(body);
    if !errors.is_empty() {
        return errors;
    }
    patch.apply(&mut CredentialProfiles::default(), at(0), &Fixed(7)).expect_err("the patch is refused")
}

pub(super) fn put(name: &str, value: &str) -> (String, Option<String>) {
    (name.to_owned(), Some(value.to_owned()))
}

pub(super) fn gone(name: &str) -> (String, Option<String>) {
    (name.to_owned(), None)
}

#[test]
fn names_in_the_secret_document_are_told_once() {
    let robot = crate::id::RobotId::new(at(0), &Fixed(1));
    let names = [
        (SecretName::git("bot"), "git/bot".to_owned()),
        (SecretName::model(ModelProvider::ClaudeCode, "m.1"), "model/claude_code/m.1".to_owned()),
        (SecretName::robot_token(robot), format!("robot/{robot}/token")),
        (SecretName::robot_model(robot), format!("robot/{robot}/model")),
        (SecretName::webhook(3), "webhook/3".to_owned()),
    ];
    for (name, text) in names {
        assert_eq!(name.as_str(), text);
        assert_eq!(serde_json::to_value(&name).unwrap(), json!(text));
    }
}

#[test]
fn debug_of_a_patch_and_its_edits_hides_values() {
    let (patch, _) =
        read(&json!({"repoProviderCredential": {"profiles": [{"id": "a", "remark": "r", "token": CANARY}]}}));
    assert!(!format!("{patch:?}").contains(CANARY));
    let edits = patch.apply(&mut CredentialProfiles::default(), at(0), &Fixed(1)).unwrap();
    assert!(!format!("{edits:?}").contains(CANARY));
    assert_eq!(edits[0].value, Some(Secret::new(CANARY)));
}

#[test]
fn limits_are_errors_with_a_pointer() {
    let many: Vec<Value> = (0..=MAX_PROFILES).map(|n| json!({"id": format!("p{n}"), "remark": "r"})).collect();
    let long = "x".repeat(MAX_SECRET_BYTES + 1);
    let big: Vec<Value> =
        (0..10).map(|n| json!({"id": format!("p{n}"), "remark": "r", "token": "x".repeat(MAX_SECRET_BYTES)})).collect();
    let wide: Vec<Value> = (0..MAX_PROFILES)
        .map(|n| json!({"id": format!("p{n}"), "remark": "r", "apiBaseUrl": format!("https://x/{}", "y".repeat(1900))}))
        .collect();
    let cases = [
        (json!({"repoProviderCredential": {"profiles": many}}), "/repoProviderCredential/profiles"),
        (
            json!({"repoProviderCredential": {"profiles": [{"id": "a", "remark": "r", "token": long}]}}),
            "/repoProviderCredential/profiles/0/token",
        ),
        (
            json!({"repoProviderCredential": {"profiles": [{"id": "a/b", "remark": "r"}]}}),
            "/repoProviderCredential/profiles/0/id",
        ),
        (
            json!({"repoProviderCredential": {"profiles": [{"id": "a", "remark": "r", "token": "a\nb"}]}}),
            "/repoProviderCredential/profiles/0/token",
        ),
        (json!({"repoProviderCredential": {"profiles": big}}), "/repoProviderCredential"),
        (json!({"modelProviderCredential": {"gemini_cli": {"profiles": wide}}}), "/modelProviderCredential/gemini_cli"),
    ];
    for (body, pointer) in cases {
        let errors = refused(&body);
        assert_eq!(errors.as_slice().len(), 1, "{pointer}: {errors:?}");
        assert_eq!(errors.as_slice()[0].pointer, pointer);
    }
}

#[test]
fn an_error_changes_nothing() {
    let mut profiles = CredentialProfiles::default();
    patch(&mut profiles, &json!({"repoProviderCredential": {"profiles": [{"id": "a", "remark": "r", "token": "t"}]}}));
    let before = profiles.clone();
    let (bad, _) = read(&json!({"repoProviderCredential": {"removeProfileIds": ["a"], "profiles": [{"id": "b"}]}}));
    bad.apply(&mut profiles, at(1), &Fixed(1)).unwrap_err();
    assert_eq!(profiles, before);
}
