//! Reading a JSON body field by field, so that *all* wrong fields are reported and unknown ones are refused.
//!
//! ```
//! use repoplane_domain::error::FieldErrors;
//! use repoplane_domain::input::{Field, Object};
//!
//! let body = serde_json::json!({"name": 7, "colour": "red"});
//! let mut errors = FieldErrors::new();
//! let mut object = Object::root(&body, &mut errors);
//! let name = object.text("name");
//! object.finish();
//! assert_eq!(name, Field::Invalid);
//! let pointers: Vec<_> = errors.as_slice().iter().map(|e| e.pointer.as_str()).collect();
//! assert_eq!(pointers, ["/name", "/colour"]);
//! ```

use crate::error::FieldErrors;
use serde_json::{Map, Value};

/// The longest text any field takes, in bytes, unless its own rule is tighter.
pub const MAX_TEXT_BYTES: usize = 8 * 1024;

/// What the body says of one field.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Field<T> {
    /// The field is not there: keep what is stored.
    #[default]
    Absent,
    /// An explicit `null`.
    Null,
    /// A value of the right type.
    Value(T),
    /// A value of the wrong type; the error has been recorded.
    Invalid,
}

impl<T> Field<T> {
    /// Maps the value.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Field<U> {
        match self {
            Self::Absent => Field::Absent,
            Self::Null => Field::Null,
            Self::Value(value) => Field::Value(f(value)),
            Self::Invalid => Field::Invalid,
        }
    }

    /// Maps the value, or finds it invalid (the caller has recorded why).
    pub fn and_then<U>(self, f: impl FnOnce(T) -> Field<U>) -> Field<U> {
        match self {
            Self::Absent => Field::Absent,
            Self::Null => Field::Null,
            Self::Value(value) => f(value),
            Self::Invalid => Field::Invalid,
        }
    }

    /// The value, if there is one.
    pub fn value(self) -> Option<T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Absent | Self::Null | Self::Invalid => None,
        }
    }

    /// The value by reference, if there is one.
    pub fn as_value(&self) -> Option<&T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Absent | Self::Null | Self::Invalid => None,
        }
    }

    /// Whether the body does not speak of the field.
    pub fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }

    /// Whether the field is there with a good or a null value.
    pub fn is_present(&self) -> bool {
        matches!(self, Self::Null | Self::Value(_))
    }

    /// Applies a patch to an optional stored value: absent keeps, null clears, a value replaces.
    pub fn patch(self, stored: &mut Option<T>) {
        match self {
            Self::Absent | Self::Invalid => {}
            Self::Null => *stored = None,
            Self::Value(value) => *stored = Some(value),
        }
    }
}

/// Escapes one reference token of a JSON pointer (RFC 6901).
pub fn pointer_token(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// One JSON object being read. Errors go to the list that was handed in.
pub struct Object<'v, 'e> {
    map: Option<&'v Map<String, Value>>,
    pointer: String,
    known: Vec<&'static str>,
    errors: &'e mut FieldErrors,
}

impl<'v, 'e> Object<'v, 'e> {
    /// Starts with a whole body; anything but an object is one error and reads as empty.
    pub fn root(body: &'v Value, errors: &'e mut FieldErrors) -> Self {
        Self::at(body, String::new(), errors)
    }

    /// Starts at a nested value.
    pub fn at(value: &'v Value, pointer: String, errors: &'e mut FieldErrors) -> Self {
        let map = value.as_object();
        if map.is_none() {
            errors.push(pointer.clone(), "must be an object");
        }
        Self { map, pointer, known: Vec::new(), errors }
    }

    /// The pointer of a field of this object.
    pub fn pointer(&self, key: &str) -> String {
        format!("{}/{}", self.pointer, pointer_token(key))
    }

    /// Records an error of a field.
    pub fn error(&mut self, key: &str, message: impl Into<String>) {
        let pointer = self.pointer(key);
        self.errors.push(pointer, message);
    }

    /// The list of errors, for codes and details.
    pub fn errors(&mut self) -> &mut FieldErrors {
        self.errors
    }

    /// The raw value of a field; `null` is a value here.
    pub fn raw(&mut self, key: &'static str) -> Option<&'v Value> {
        self.known.push(key);
        self.map.and_then(|map| map.get(key))
    }

    fn typed<T>(&mut self, key: &'static str, what: &str, read: impl FnOnce(&'v Value) -> Option<T>) -> Field<T> {
        match self.raw(key) {
            None => Field::Absent,
            Some(Value::Null) => Field::Null,
            Some(value) => match read(value) {
                Some(value) => Field::Value(value),
                None => {
                    self.error(key, format!("must be {what}"));
                    Field::Invalid
                }
            },
        }
    }

    /// A text of at most [`MAX_TEXT_BYTES`] without control characters other than line breaks and tabs.
    pub fn text(&mut self, key: &'static str) -> Field<String> {
        self.text_up_to(key, MAX_TEXT_BYTES)
    }

    /// A text of at most `limit` bytes.
    pub fn text_up_to(&mut self, key: &'static str, limit: usize) -> Field<String> {
        let text = self.typed(key, "a string", |value| value.as_str().map(str::to_owned));
        if let Field::Value(value) = &text {
            if value.len() > limit {
                self.error(key, format!("must be at most {limit} bytes"));
                return Field::Invalid;
            }
            if value.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
                self.error(key, "must not contain control characters");
                return Field::Invalid;
            }
        }
        text
    }

    /// A text of at most `limit` characters, as it stands.
    pub fn text_of_chars(&mut self, key: &'static str, limit: usize) -> Field<String> {
        self.typed(key, "a string", |value| value.as_str().map(str::to_owned)).and_then(|text| {
            if text.chars().count() > limit {
                self.error(key, format!("must be at most {limit} characters"));
                return Field::Invalid;
            }
            Field::Value(text)
        })
    }

    /// A text of at most `limit` bytes without outer blanks; a blank one is as good as null.
    pub fn trimmed(&mut self, key: &'static str, limit: usize) -> Field<String> {
        self.text_up_to(key, limit).and_then(|text| match text.trim() {
            "" => Field::Null,
            trimmed => Field::Value(trimmed.to_owned()),
        })
    }

    /// As [`Object::trimmed`], without line breaks and tabs.
    pub fn line(&mut self, key: &'static str, limit: usize) -> Field<String> {
        self.trimmed(key, limit).and_then(|text| {
            if text.contains(char::is_control) {
                self.error(key, "must be one line");
                return Field::Invalid;
            }
            Field::Value(text)
        })
    }

    /// A boolean.
    pub fn boolean(&mut self, key: &'static str) -> Field<bool> {
        self.typed(key, "true or false", Value::as_bool)
    }

    /// An integer within a range, both ends included.
    pub fn integer(&mut self, key: &'static str, range: std::ops::RangeInclusive<i64>) -> Field<i64> {
        let what = format!("an integer from {} to {}", range.start(), range.end());
        // JSON Schema counts 1.0 among the integers, and so do clients whose language has one kind of number.
        let whole = |value: &Value| {
            let number = value.as_f64().filter(|n| n.fract() == 0.0 && n.abs() < 9_007_199_254_740_992.0)?;
            Some(number as i64)
        };
        self.typed(key, &what, |value| value.as_i64().or_else(|| whole(value)).filter(|n| range.contains(n)))
    }

    /// A list, as it stands.
    pub fn array(&mut self, key: &'static str) -> Field<&'v Vec<Value>> {
        self.typed(key, "an array", Value::as_array)
    }

    /// An object, as it stands; read it on with [`Object::nested`].
    pub fn object(&mut self, key: &'static str) -> Field<&'v Value> {
        self.typed(key, "an object", |value| value.is_object().then_some(value))
    }

    /// Reads a nested value with the same list of errors.
    pub fn nested<'s>(&'s mut self, key: &str, value: &'v Value) -> Object<'v, 's> {
        let pointer = self.pointer(key);
        Object::at(value, pointer, self.errors)
    }

    /// Fields that are taken and not looked at, so that existing clients keep working.
    pub fn ignore(&mut self, keys: &[&'static str]) {
        self.known.extend_from_slice(keys);
    }

    /// Refuses every field that was not asked for.
    pub fn finish(self) {
        let Some(map) = self.map else { return };
        for key in map.keys().filter(|key| !self.known.contains(&key.as_str())) {
            self.errors.push(format!("{}/{}", self.pointer, pointer_token(key)), "unknown field");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn all_fields_are_reported_not_only_the_first() {
        let body = json!({"a": 1, "b": "x", "c": {"d/e": true}});
        let mut errors = FieldErrors::new();
        let mut object = Object::root(&body, &mut errors);
        assert_eq!(object.text("a"), Field::Invalid);
        assert_eq!(object.integer("b", 0..=23), Field::Invalid);
        let Field::Value(c) = object.object("c") else { panic!("c is an object") };
        object.nested("c", c).finish();
        object.finish();
        let pointers: Vec<_> = errors.as_slice().iter().map(|e| e.pointer.as_str()).collect();
        assert_eq!(pointers, ["/a", "/b", "/c/d~1e"]);
    }

    #[test]
    fn null_bytes_and_over_long_texts_are_refused() {
        let body = json!({"a": "x\u{0}", "b": "y".repeat(MAX_TEXT_BYTES + 1)});
        let mut errors = FieldErrors::new();
        let mut object = Object::root(&body, &mut errors);
        assert_eq!(object.text("a"), Field::Invalid);
        assert_eq!(object.text("b"), Field::Invalid);
    }
}
