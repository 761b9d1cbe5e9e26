//! JSON Schema 2020-12, as far as this API needs it.

use serde_json::{Map, Value, json};

/// Line breaks and tabs are the only control characters that a text may hold.
const TEXT: &str = "^[^\\u0000-\\u0008\\u000b\\u000c\\u000e-\\u001f\\u007f-\\u009f]*$";
/// Outer blanks are cut off; what remains is one line.
const LINE: &str = "^[\\t\\n\\r \\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]*[^\\u0000-\\u001f\\u007f-\\u009f]*[\\t\\n\\r \\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]*$";
/// A character that is neither blank nor a control character.
const SOLID: &str = "[^\\u0000-\\u0020\\u007f-\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]";

/// Any JSON.
pub fn anything() -> Value {
    json!({})
}

/// A text in an answer.
pub fn text() -> Value {
    json!({"type": "string"})
}

/// A text in a request, of at most this many bytes; line breaks and tabs are its only control characters.
pub fn text_up_to(bytes: usize) -> Value {
    json!({"type": "string", "maxLength": bytes, "pattern": TEXT})
}

/// A text in a request that is not blank.
pub fn solid_text_up_to(bytes: usize) -> Value {
    let mut schema = text_up_to(bytes);
    schema["allOf"] = json!([{"pattern": SOLID}]);
    schema
}

/// One line in a request, of at most this many bytes.
pub fn line_up_to(bytes: usize) -> Value {
    json!({"type": "string", "maxLength": bytes, "pattern": LINE})
}

/// One line in a request that is not blank.
pub fn solid_line_up_to(bytes: usize) -> Value {
    let mut schema = line_up_to(bytes);
    schema["allOf"] = json!([{"pattern": SOLID}]);
    schema
}

/// A text of a form.
pub fn pattern(pattern: &str) -> Value {
    json!({"type": "string", "pattern": pattern})
}

/// An id with this prefix.
pub fn id(prefix: &str) -> Value {
    // A ULID has 128 bits in 26 characters, so the first one is at most 7.
    pattern(&format!("^{prefix}_[0-7][0-9a-hjkmnp-tv-z]{{25}}$"))
}

/// An instant in UTC, to the millisecond.
pub fn time() -> Value {
    json!({"type": "string", "format": "date-time"})
}

/// A boolean.
pub fn boolean() -> Value {
    json!({"type": "boolean"})
}

/// An integer within a range, both ends included.
pub fn integer(range: std::ops::RangeInclusive<i64>) -> Value {
    json!({"type": "integer", "minimum": range.start(), "maximum": range.end()})
}

/// A number of things.
pub fn count() -> Value {
    json!({"type": "integer", "minimum": 0})
}

/// One of a few words.
pub fn one_of(words: &[&str]) -> Value {
    json!({"type": "string", "enum": words})
}

/// Exactly this value.
pub fn constant(value: impl Into<Value>) -> Value {
    json!({"const": value.into()})
}

/// A list.
pub fn array(items: Value) -> Value {
    json!({"type": "array", "items": items})
}

/// A list of at most so many.
pub fn array_up_to(items: Value, most: usize) -> Value {
    json!({"type": "array", "items": items, "maxItems": most})
}

/// An object whose keys are the caller's.
pub fn map(values: Value) -> Value {
    json!({"type": "object", "additionalProperties": values})
}

/// One of the shared schemas.
pub fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

/// A schema of which these members must be there as well.
pub fn requiring(schema: Value, members: &[&str]) -> Value {
    json!({"allOf": [schema, {"required": members}]})
}

/// A schema or null.
pub fn nullable(mut schema: Value) -> Value {
    if let Some(words) = schema.get_mut("enum").and_then(Value::as_array_mut) {
        words.push(Value::Null);
    }
    match schema.get("type").cloned() {
        Some(Value::String(name)) => {
            schema["type"] = json!([name, "null"]);
            // What is asked of the text as a whole is not asked of null.
            schema
        }
        _ => json!({"anyOf": [schema, {"type": "null"}]}),
    }
}

/// A schema with a sentence for people.
pub fn described(mut schema: Value, text: &str) -> Value {
    schema["description"] = json!(text);
    schema
}

/// A schema with the value that an absent member stands for.
pub fn defaulting(mut schema: Value, value: impl Into<Value>) -> Value {
    schema["default"] = value.into();
    schema
}

/// An object that has no members but those named.
#[derive(Debug, Clone, Default)]
pub struct Object {
    properties: Map<String, Value>,
    required: Vec<&'static str>,
}

impl Object {
    /// Without members yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// A member that is always there.
    #[must_use]
    pub fn required(mut self, name: &'static str, schema: Value, text: &str) -> Self {
        self.required.push(name);
        self.optional(name, schema, text)
    }

    /// A member that may be missing.
    #[must_use]
    pub fn optional(mut self, name: &'static str, schema: Value, text: &str) -> Self {
        let schema = if text.is_empty() { schema } else { described(schema, text) };
        self.properties.insert(name.to_owned(), schema);
        self
    }

    /// The schema.
    pub fn schema(self) -> Value {
        let mut schema = json!({"type": "object", "properties": self.properties, "additionalProperties": false});
        if !self.required.is_empty() {
            schema["required"] = json!(self.required);
        }
        schema
    }
}

impl Object {
    /// The schema of one that may have members besides, which nobody reads.
    pub fn schema_open(self) -> Value {
        let mut schema = self.schema();
        if let Some(members) = schema.as_object_mut() {
            members.remove("additionalProperties");
        }
        schema
    }
}

impl From<Object> for Value {
    fn from(object: Object) -> Self {
        object.schema()
    }
}

/// What the registry stands on, each part with how it is.
pub fn parts() -> Value {
    let part = Object::new()
        .required("name", one_of(&["table", "vault", "queue"]), "The part.")
        .required(
            "state",
            one_of(&["ok", "failing", "timed_out", "absent"]),
            "How it is; `absent` when this deployment has none.",
        )
        .required("durationMs", json!({"type": "number", "minimum": 0}), "How long it took to find out.");
    array(part.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_is_added_to_any_kind_of_schema() {
        assert_eq!(nullable(boolean()), json!({"type": ["boolean", "null"]}));
        assert_eq!(nullable(one_of(&["a"])), json!({"type": ["string", "null"], "enum": ["a", null]}));
        assert_eq!(nullable(reference("A"))["anyOf"][1], json!({"type": "null"}));
    }

    #[test]
    fn an_object_refuses_what_it_does_not_name() {
        let schema = Object::new().required("a", text(), "").optional("b", boolean(), "B.").schema();
        assert_eq!(schema["required"], json!(["a"]));
        assert_eq!(schema["additionalProperties"], false);
        assert_eq!(schema["properties"]["b"]["description"], "B.");
    }
}
