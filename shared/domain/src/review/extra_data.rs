//! Free data that tools keep with a repository, and how a form changes it (contract: reviewboard 8.1).

use crate::error::FieldErrors;
use json_patch::Patch;
use serde_json::{Map, Number, Value};

/// The largest data, in bytes of JSON.
pub const MAX_EXTRA_DATA_BYTES: usize = 64 * 1024;
/// Most operations of one JSON patch.
pub const MAX_PATCH_OPERATIONS: usize = 200;
/// Keys that begin so are never shown and never written from outside.
const HIDDEN: &str = "__";

const FIELD: &str = "/extra_data";

/// What a form does to the data: a merge patch (RFC 7396), then a patch (RFC 6902), then single keys.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ExtraDataEdit {
    merge: Option<Map<String, Value>>,
    patch: Option<Patch>,
    keys: Vec<(String, Option<Value>)>,
}

impl ExtraDataEdit {
    /// Reads one field of a form; `false` for a field of another kind.
    pub(super) fn read(&mut self, name: &str, value: &str, errors: &mut FieldErrors) -> bool {
        match name {
            "extra_data:json" => match parsed::<Map<String, Value>>(value) {
                Some(merge) => self.merge = Some(merge),
                None => errors.push(FIELD, "The merge patch is not a JSON object, or too large."),
            },
            "extra_data:json-patch" => match parsed::<Patch>(value) {
                Some(patch) if patch.0.len() <= MAX_PATCH_OPERATIONS => self.patch = Some(patch),
                Some(_) => errors.push(FIELD, format!("The patch has more than {MAX_PATCH_OPERATIONS} operations.")),
                None => errors.push(FIELD, "The patch is not a JSON patch (RFC 6902), or too large."),
            },
            other => {
                let Some(key) = other.strip_prefix("extra_data.") else { return false };
                if !key.is_empty() && !key.starts_with(HIDDEN) {
                    self.keys.push((key.to_owned(), single(value)));
                }
            }
        }
        true
    }

    /// Whether nothing is asked for.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The data after it. Keys that are hidden stay as they were, whatever the patches say of them.
    pub(super) fn apply(&self, stored: &Map<String, Value>, errors: &mut FieldErrors) -> Map<String, Value> {
        let mut data = Value::Object(stored.clone());
        if let Some(merge) = &self.merge {
            json_patch::merge(&mut data, &Value::Object(merge.clone()));
        }
        for operation in self.patch.iter().flat_map(|patch| &patch.0) {
            // One by one: a copy doubles what is there, and twenty of them would fill the memory.
            let before = json_patch::patch(&mut data, std::slice::from_ref(operation));
            if before.is_err() || !data.is_object() || is_too_large(&data) {
                errors.push(FIELD, "The patch does not fit the data, or makes too much of it.");
                return stored.clone();
            }
        }
        let Value::Object(mut data) = data else { return stored.clone() };
        for (key, value) in &self.keys {
            match value {
                Some(value) => data.insert(key.clone(), value.clone()),
                None => data.remove(key),
            };
        }
        let data = hidden_kept(data, stored);
        if is_too_large(&Value::Object(data.clone())) {
            errors.push(FIELD, format!("The data would have more than {MAX_EXTRA_DATA_BYTES} bytes."));
            return stored.clone();
        }
        data
    }
}

/// The data as it is shown: without hidden keys, at any depth.
pub fn shown(data: &Map<String, Value>) -> Map<String, Value> {
    let visible = data.iter().filter(|(key, _)| !key.starts_with(HIDDEN));
    visible.map(|(key, value)| (key.clone(), shown_value(value))).collect()
}

fn shown_value(value: &Value) -> Value {
    match value {
        Value::Object(map) => Value::Object(shown(map)),
        Value::Array(list) => Value::Array(list.iter().map(shown_value).collect()),
        plain @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => plain.clone(),
    }
}

/// `data` with the hidden keys of `stored`, at any depth that both have.
fn hidden_kept(data: Map<String, Value>, stored: &Map<String, Value>) -> Map<String, Value> {
    let mut kept: Map<String, Value> = data
        .into_iter()
        .filter(|(key, _)| !key.starts_with(HIDDEN))
        .map(|(key, value)| {
            let before = stored.get(&key).and_then(Value::as_object).cloned().unwrap_or_default();
            (key, inner_hidden_kept(value, &before))
        })
        .collect();
    let hidden = stored.iter().filter(|(key, _)| key.starts_with(HIDDEN));
    kept.extend(hidden.map(|(key, value)| (key.clone(), value.clone())));
    kept
}

fn inner_hidden_kept(value: Value, stored: &Map<String, Value>) -> Value {
    match value {
        Value::Object(map) => Value::Object(hidden_kept(map, stored)),
        Value::Array(list) => {
            Value::Array(list.into_iter().map(|value| inner_hidden_kept(value, &Map::new())).collect())
        }
        plain @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => plain,
    }
}

/// The value that a text stands for; `None` takes the key away.
fn single(text: &str) -> Option<Value> {
    if text.is_empty() {
        return None;
    }
    if text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("false") {
        return Some(Value::Bool(text.eq_ignore_ascii_case("true")));
    }
    if let Ok(number) = text.parse::<i64>() {
        return Some(Value::Number(number.into()));
    }
    let number = text.parse::<f64>().ok().and_then(Number::from_f64);
    Some(number.map_or_else(|| Value::String(text.to_owned()), Value::Number))
}

fn parsed<T: serde::de::DeserializeOwned>(text: &str) -> Option<T> {
    if text.len() > MAX_EXTRA_DATA_BYTES {
        return None;
    }
    serde_json::from_str(text).ok()
}

fn is_too_large(value: &Value) -> bool {
    serde_json::to_vec(value).map_or(true, |json| json.len() > MAX_EXTRA_DATA_BYTES)
}
