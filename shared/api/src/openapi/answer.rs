//! What an operation answers when all is well.

use serde_json::{Map, Value, json};

/// One successful answer.
#[derive(Debug, Clone)]
pub struct Answer {
    pub(super) status: u16,
    description: &'static str,
    headers: Map<String, Value>,
    content: Map<String, Value>,
}

impl Answer {
    /// An answer without a body.
    pub fn new(status: u16, description: &'static str) -> Self {
        Self { status, description, headers: Map::new(), content: Map::new() }
    }

    /// An answer with a JSON body.
    pub fn json(status: u16, description: &'static str, schema: impl Into<Value>) -> Self {
        Self::new(status, description).with_content("application/json", schema)
    }

    /// Adds a representation.
    #[must_use]
    pub fn with_content(mut self, media_type: &str, schema: impl Into<Value>) -> Self {
        self.content.insert(media_type.to_owned(), json!({"schema": schema.into()}));
        self
    }

    /// Adds a header.
    #[must_use]
    pub fn with_header(mut self, name: &str, schema: Value, text: &str) -> Self {
        self.headers.insert(name.to_owned(), json!({"description": text, "schema": schema, "required": true}));
        self
    }

    /// Adds a header that not every answer has.
    #[must_use]
    pub fn with_optional_header(mut self, name: &str, schema: Value, text: &str) -> Self {
        self.headers.insert(name.to_owned(), json!({"description": text, "schema": schema}));
        self
    }

    /// Whether the answer carries an entity tag: JSON that is not a receipt does.
    pub(super) fn is_tagged(&self) -> bool {
        matches!(self.status, 200 | 201) && self.content.contains_key("application/json")
    }

    pub(super) fn render(&self) -> Value {
        let mut headers = self.headers.clone();
        headers.insert("x-request-id".to_owned(), json!({"$ref": "#/components/headers/RequestId"}));
        let mut answer = json!({"description": self.description, "headers": headers});
        if !self.content.is_empty() {
            answer["content"] = json!(self.content);
        }
        answer
    }
}
