//! The environment of previews: variables whose values are write-only (contract: hookcode 3.4).
//!
//! Which keys there are is stored and shown; the values live in the repository's secret document.

use crate::credential::{SecretEdit, SecretName};
use crate::error::{DomainError, FieldErrors};
use crate::input::{Field, MAX_TEXT_BYTES, Object};
use crate::secret::Secret;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Variables of one repository.
pub const MAX_VARIABLES: usize = 100;
/// Longest key, in bytes.
pub const MAX_KEY_BYTES: usize = 100;
/// Keys that the preview itself sets.
const RESERVED: [&str; 11] =
    ["PORT", "HOST", "BROWSER", "NODE_ENV", "PATH", "PWD", "HOME", "SHELL", "TMP", "TEMP", "TMPDIR"];
const RESERVED_PREFIX: &str = "HOOKCODE_";
/// Hosts on which a fixed port would clash with the port that the preview is given.
const LOCAL_HOSTS: [&str; 4] = ["localhost", "127.0.0.1", "0.0.0.0", "::1"];

/// The variables of a repository: each key, and whether it has a value.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PreviewEnv(BTreeMap<String, bool>);

/// A checked `previewEnvConfig` of a repository's patch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PreviewEnvPatch {
    wipe: bool,
    remove: Vec<String>,
    entries: Vec<(String, Field<Secret>)>,
}

impl PreviewEnv {
    /// `previewEnvConfig` as it is shown: sorted, always secret.
    pub fn public_view(&self) -> Value {
        let variable =
            |(key, has_value): (&String, &bool)| json!({"key": key, "isSecret": true, "hasValue": has_value});
        json!({"variables": self.0.iter().map(variable).collect::<Vec<_>>()})
    }
}

impl PreviewEnvPatch {
    /// Reads the field `previewEnvConfig`: `{entries?, removeKeys?}`, or null, which removes everything.
    pub fn read(object: &mut Object<'_, '_>) -> Self {
        match object.object("previewEnvConfig") {
            Field::Absent | Field::Invalid => Self::default(),
            Field::Null => Self { wipe: true, ..Self::default() },
            Field::Value(value) => {
                let mut config = object.nested("previewEnvConfig", value);
                let patch =
                    Self { wipe: false, remove: read_removals(&mut config), entries: read_entries(&mut config) };
                config.finish();
                patch
            }
        }
    }

    /// Changes the variables and says what to write to the secret document.
    ///
    /// # Errors
    /// [`DomainError::TooLarge`] over [`MAX_VARIABLES`].
    pub fn apply(&self, stored: &mut PreviewEnv) -> Result<Vec<SecretEdit>, DomainError> {
        let mut next = if self.wipe { BTreeMap::new() } else { stored.0.clone() };
        let mut edits = BTreeMap::new();
        let gone = stored.0.keys().filter(|_| self.wipe).chain(&self.remove);
        for key in gone {
            next.remove(key);
            edits.insert(key.clone(), None);
        }
        for (key, value) in &self.entries {
            match value {
                Field::Value(value) => {
                    next.insert(key.clone(), true);
                    edits.insert(key.clone(), Some(value.clone()));
                }
                Field::Null => {
                    next.remove(key);
                    edits.insert(key.clone(), None);
                }
                Field::Absent | Field::Invalid => {
                    next.entry(key.clone()).or_insert(false);
                }
            }
        }
        if next.len() > MAX_VARIABLES {
            return Err(DomainError::TooLarge(format!("a preview environment has at most {MAX_VARIABLES} variables")));
        }
        // What never had a value has nothing to remove.
        edits.retain(|key, value| value.is_some() || stored.0.get(key) == Some(&true));
        stored.0 = next;
        Ok(edits.into_iter().map(|(key, value)| SecretEdit { name: SecretName::preview_env(&key), value }).collect())
    }
}

fn read_removals(config: &mut Object<'_, '_>) -> Vec<String> {
    let Field::Value(items) = config.array("removeKeys") else { return Vec::new() };
    let base = config.pointer("removeKeys");
    let mut keys = Vec::new();
    for (i, item) in items.iter().enumerate() {
        match item.as_str() {
            Some(key) => keys.push(key.trim().to_uppercase()),
            None => config.errors().push(format!("{base}/{i}"), "must be a string"),
        }
    }
    keys
}

fn read_entries(config: &mut Object<'_, '_>) -> Vec<(String, Field<Secret>)> {
    let Field::Value(items) = config.array("entries") else { return Vec::new() };
    let base = config.pointer("entries");
    let mut entries = Vec::new();
    for (i, item) in items.iter().enumerate() {
        entries.extend(read_entry(item, format!("{base}/{i}"), config.errors()));
    }
    entries
}

fn read_entry(item: &Value, pointer: String, errors: &mut FieldErrors) -> Option<(String, Field<Secret>)> {
    let mut entry = Object::at(item, pointer, errors);
    let key = entry.trimmed("key", MAX_KEY_BYTES).map(|key| key.to_uppercase());
    let value = entry.text_up_to("value", MAX_TEXT_BYTES);
    // Values are always secret, whatever the client says.
    entry.boolean("secret");
    let key = match key {
        Field::Value(key) => key,
        Field::Invalid => return None,
        Field::Absent | Field::Null => {
            entry.error("key", "repo env key is required");
            return None;
        }
    };
    if !is_key(&key) {
        entry.error("key", format!("repo env key \"{key}\" must be uppercase A-Z, 0-9, underscore"));
    } else if RESERVED.contains(&key.as_str()) || key.starts_with(RESERVED_PREFIX) {
        entry.error("key", format!("repo env key \"{key}\" is reserved"));
    }
    if let Field::Value(value) = &value {
        if value.trim().is_empty() {
            entry.error("value", format!("repo env value is required for \"{key}\""));
        } else if has_fixed_local_port(value) {
            entry.error("value", format!("repo env \"{key}\" must not hardcode local preview ports"));
        }
    }
    entry.finish();
    Some((key, value.map(Secret::new)))
}

fn is_key(key: &str) -> bool {
    key.starts_with(|c: char| c.is_ascii_uppercase())
        && key.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
}

/// Whether a value names a local address with a port of its own choice, and leaves no room for the preview's.
fn has_fixed_local_port(value: &str) -> bool {
    if value.contains("{{PORT}}") || value.contains("{{PORT:") {
        return false;
    }
    let text = value.to_ascii_lowercase().replace("[::1]", "::1");
    LOCAL_HOSTS.iter().any(|host| {
        text.match_indices(host).any(|(at, host)| {
            let rest = text.get(at + host.len()..).unwrap_or_default();
            let digits = rest.strip_prefix(':').map(|port| port.bytes().take_while(u8::is_ascii_digit).count());
            digits.is_some_and(|digits| digits >= 2)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(config: Value) -> (PreviewEnvPatch, FieldErrors) {
        let body = json!({"previewEnvConfig": config});
        let mut errors = FieldErrors::new();
        let patch = PreviewEnvPatch::read(&mut Object::root(&body, &mut errors));
        (patch, errors)
    }

    fn env(keys: &[(&str, bool)]) -> PreviewEnv {
        PreviewEnv(keys.iter().map(|(key, has)| ((*key).to_owned(), *has)).collect())
    }

    #[test]
    fn wrong_entries_have_the_contract_texts() {
        let local = "repo env \"URL\" must not hardcode local preview ports";
        for (row, entry, pointer, text) in [
            ("3.4/key-required", json!({"key": " ", "value": "x"}), "key", "repo env key is required"),
            (
                "3.4/key-form",
                json!({"key": "1a", "value": "x"}),
                "key",
                "repo env key \"1A\" must be uppercase A-Z, 0-9, underscore",
            ),
            ("3.4/key-reserved", json!({"key": "path", "value": "x"}), "key", "repo env key \"PATH\" is reserved"),
            (
                "3.4/key-reserved-prefix",
                json!({"key": "hookcode_x", "value": "x"}),
                "key",
                "repo env key \"HOOKCODE_X\" is reserved",
            ),
            ("3.4/value-blank", json!({"key": "A", "value": " "}), "value", "repo env value is required for \"A\""),
            ("3.4/local-port", json!({"key": "URL", "value": "http://localhost:3000/x"}), "value", local),
            ("3.4/local-port", json!({"key": "URL", "value": "ws://[::1]:3000"}), "value", local),
            ("3.4/value-type", json!({"key": "A", "value": 1}), "value", "must be a string"),
        ] {
            let (_, errors) = read(json!({"entries": [entry]}));
            let found: Vec<_> = errors.as_slice().iter().map(|e| (e.pointer.as_str(), e.message.as_str())).collect();
            assert_eq!(found, [(format!("/previewEnvConfig/entries/0/{pointer}").as_str(), text)], "{row}");
        }
        for value in
            ["http://localhost:{{PORT}}/x", "http://127.0.0.1:{{PORT:api}}", "localhost", "https://example.com:3000"]
        {
            let (_, errors) = read(json!({"entries": [{"key": "URL", "value": value}]}));
            assert!(errors.is_empty(), "3.4/port-template: {value}");
        }
    }

    #[test]
    fn a_patch_sets_keeps_deletes_and_wipes() {
        let stored = env(&[("A", true), ("B", true), ("C", false)]);
        let apply = |config: Value| {
            let (patch, errors) = read(config);
            assert!(errors.is_empty());
            let mut next = stored.clone();
            let edits = patch.apply(&mut next).unwrap();
            let edits: Vec<_> = edits.iter().map(|edit| (edit.name.to_string(), edit.value.is_some())).collect();
            (next, edits)
        };
        let edit = |name: &str, set: bool| (name.to_owned(), set);
        for (row, config, expected, edits) in [
            (
                "3.4/set",
                json!({"entries": [{"key": " d ", "value": "x", "secret": false}]}),
                env(&[("A", true), ("B", true), ("C", false), ("D", true)]),
                vec![edit("env/D", true)],
            ),
            ("3.4/absent-keeps", json!({"entries": [{"key": "A"}]}), stored.clone(), vec![]),
            (
                "3.4/null-deletes",
                json!({"entries": [{"key": "A", "value": null}]}),
                env(&[("B", true), ("C", false)]),
                vec![edit("env/A", false)],
            ),
            (
                "3.4/remove-keys",
                json!({"removeKeys": ["b", "c", "nope"]}),
                env(&[("A", true)]),
                vec![edit("env/B", false)],
            ),
            ("3.4/null-wipes", Value::Null, env(&[]), vec![edit("env/A", false), edit("env/B", false)]),
        ] {
            assert_eq!(apply(config), (expected, edits), "{row}");
        }
    }

    #[test]
    fn the_view_is_sorted_and_shows_no_value() {
        let view = env(&[("Z", true), ("A", false)]).public_view();
        let expected = json!({"variables": [
            {"key": "A", "isSecret": true, "hasValue": false}, {"key": "Z", "isSecret": true, "hasValue": true},
        ]});
        assert_eq!(view, expected, "3.4/view");
    }

    proptest! {
        #[test]
        fn any_value_is_looked_at_without_panic(value in ".{0,60}") {
            has_fixed_local_port(&value);
        }
    }
}
