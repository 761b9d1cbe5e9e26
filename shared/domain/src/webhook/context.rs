//! What a clause can read of an event (contract: hookcode 4.5, context).

use super::mapping::MappedEvent;
use crate::repository::Repository;
use crate::robot::Robot;
use serde_json::Value;
use std::collections::BTreeMap;

mod fields;

use fields::Reading;
pub use fields::{FIELDS, Field};

/// Longest text that clauses look at, in bytes. Texts are cut there, so that no payload makes matching slow.
pub const MAX_FIELD_BYTES: usize = 64 * 1024;
/// Most entries of a list. All of them together are at most [`MAX_FIELD_BYTES`] long.
pub(super) const MAX_LIST: usize = 1000;

/// The value of a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FieldValue {
    /// One text, empty when the event has none.
    Text(String),
    /// Several texts that the contract compares as one.
    List(Vec<String>),
    /// Several texts, of which one is enough.
    Each(Vec<String>),
}

/// The fields of one event, by dotted path. Anything else is undefined.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Context(BTreeMap<&'static str, FieldValue>);

impl Context {
    /// Every path there is.
    pub const FIELDS: [&'static str; FIELDS.len()] = paths();

    /// Reads a mapped payload. `robots` are the enabled ones: only they can be mentioned.
    pub fn read(repository: &Repository, event: MappedEvent, payload: &Value, robots: &[&Robot]) -> Self {
        let reading = Reading::new(repository, event, payload, robots);
        Self::of(FIELDS.iter().map(|field| (field.path, field.value(&reading))))
    }

    pub(super) fn of(fields: impl IntoIterator<Item = (&'static str, FieldValue)>) -> Self {
        Self(fields.into_iter().collect())
    }

    /// The value of a field; `None` for a path that does not exist.
    pub fn lookup(&self, path: &str) -> Option<&FieldValue> {
        self.0.get(path)
    }

    /// The value of a field as one text, lists joined by commas and blanks, for prompts.
    pub fn text(&self, path: &str) -> Option<String> {
        self.lookup(path).map(|value| match value {
            FieldValue::Text(text) => text.clone(),
            FieldValue::List(items) | FieldValue::Each(items) => items.join(", "),
        })
    }
}

/// The table's paths.
const fn paths() -> [&'static str; FIELDS.len()] {
    let mut paths = [""; FIELDS.len()];
    let mut n = 0;
    while n < FIELDS.len() {
        paths[n] = FIELDS[n].path;
        n += 1;
    }
    paths
}

#[cfg(test)]
pub(super) mod tests;
