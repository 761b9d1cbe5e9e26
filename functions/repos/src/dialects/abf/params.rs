//! What a call says: in its query, a form or JSON, flat or inside `repository` (contract: abf 1, bodies).

use repoplane_api::Problem;
use repoplane_api::problem::ProblemType;
use repoplane_domain::error::FieldErrors;
use repoplane_domain::platform::{INVALID, MAX_NUMBER};
use repoplane_domain::secret::Secret;
use serde_json::{Map, Value};

/// The member that mutations may wrap their inputs in.
const WRAPPER: &str = "repository";
/// The parameter that may hold a token.
const TOKEN: &str = "authentication_token";

/// The inputs of a call.
#[derive(Clone, Default)]
pub(super) struct Params {
    flat: Map<String, Value>,
    wrapped: Map<String, Value>,
}

/// A whole number from 0 in the one way in which it is written.
pub(super) fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.len() <= 16 && text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|_| digits)
}

impl Params {
    /// Reads a call's inputs; those of the body win over those of the query.
    ///
    /// # Errors
    /// 400 for what is no JSON, 415 for what is neither JSON nor a form.
    pub(super) fn read(query: &str, media_type: Option<&str>, bytes: &[u8]) -> Result<Self, Problem> {
        let mut params = Self::default();
        params.add_pairs(query.as_bytes());
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Ok(params);
        }
        let essence =
            media_type.and_then(|text| text.split(';').next()).unwrap_or_default().trim().to_ascii_lowercase();
        let is_json = essence.is_empty()
            || essence == "application/json"
            || (essence.starts_with("application/") && essence.ends_with("+json"));
        if is_json {
            let body: Value = serde_json::from_slice(bytes)
                .map_err(|error| Problem::new(ProblemType::MalformedBody, error.to_string()))?;
            params.add_object(body);
            return Ok(params);
        }
        if essence == "application/x-www-form-urlencoded" {
            params.add_pairs(bytes);
            return Ok(params);
        }
        Err(Problem::new(ProblemType::UnsupportedMediaType, "send application/json or a form"))
    }

    fn add_pairs(&mut self, text: &[u8]) {
        for (name, value) in form_urlencoded::parse(text) {
            let value = Value::String(value.into_owned());
            let inner = name.strip_prefix(WRAPPER).and_then(|rest| rest.strip_prefix('[')?.strip_suffix(']'));
            match inner {
                Some(inner) => self.wrapped.insert(inner.to_owned(), value),
                None => self.flat.insert(name.into_owned(), value),
            };
        }
    }

    /// A body that is no object says nothing.
    fn add_object(&mut self, body: Value) {
        let Value::Object(mut members) = body else { return };
        if let Some(Value::Object(wrapped)) = members.remove(WRAPPER) {
            self.wrapped.extend(wrapped);
        }
        self.flat.extend(members);
    }

    fn get(&self, name: &str) -> Option<&Value> {
        self.wrapped.get(name).or_else(|| self.flat.get(name))
    }

    /// The token, if there is one. It is never inside.
    pub(super) fn token(&self) -> Option<Secret> {
        self.flat.get(TOKEN)?.as_str().map(str::trim).filter(|text| !text.is_empty()).map(Secret::new)
    }

    /// A text of the query or the body, as it stands; only texts.
    pub(super) fn plain(&self, name: &str) -> Option<&str> {
        self.get(name)?.as_str()
    }

    /// A text; null is as good as an empty one. Numbers and truths are texts as well.
    pub(super) fn text(&self, name: &str, errors: &mut FieldErrors) -> Option<String> {
        match self.get(name)? {
            Value::Null => Some(String::new()),
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            Value::Bool(truth) => Some(truth.to_string()),
            Value::Array(_) | Value::Object(_) => {
                errors.push(format!("/{name}"), INVALID);
                None
            }
        }
    }

    /// A truth, in any of the ways in which forms write one; null is none.
    pub(super) fn boolean(&self, name: &str, errors: &mut FieldErrors) -> Option<bool> {
        let value = self.get(name)?;
        let word = value.as_str().map(str::to_ascii_lowercase);
        let truth = match (value, word.as_deref()) {
            (Value::Null, _) => return None,
            (Value::Bool(truth), _) => Some(*truth),
            (_, Some("true" | "t" | "1" | "on" | "yes")) => Some(true),
            (_, Some("false" | "f" | "0" | "off" | "no")) => Some(false),
            (Value::Number(number), _) if number.as_u64() == Some(1) => Some(true),
            (Value::Number(number), _) if number.as_u64() == Some(0) => Some(false),
            _ => None,
        };
        if truth.is_none() {
            errors.push(format!("/{name}"), INVALID);
        }
        truth
    }

    /// A number of something; what is none names nothing.
    pub(super) fn number(&self, name: &str) -> Option<u64> {
        match self.get(name)? {
            Value::Number(value) => value.as_u64().filter(|value| *value <= MAX_NUMBER.unsigned_abs()),
            Value::String(text) => number(text.trim()),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        }
    }

    /// What was sent, for an answer that says it again; bounded, and nothing but letters and digits.
    pub(super) fn echo(&self, name: &str) -> String {
        let text = match self.get(name) {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Number(number)) => number.to_string(),
            Some(Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_)) | None => String::new(),
        };
        text.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.')).take(MAX_ECHO).collect()
    }
}

/// Longest value that an answer says again, in characters.
const MAX_ECHO: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str, media_type: Option<&str>, body: &str) -> Params {
        Params::read(query, media_type, body.as_bytes()).map_err(|problem| problem.detail().to_owned()).unwrap()
    }

    #[test]
    fn every_form_says_the_same() {
        let form = Some("application/x-www-form-urlencoded");
        let json = Some("application/json; charset=utf-8");
        for params in [
            read("publish_without_qa=false&platform_id=7", None, ""),
            read("repository%5Bpublish_without_qa%5D=0&platform_id=7", None, ""),
            read("", form, "publish_without_qa=f&platform_id=7"),
            read("", form, "repository[publish_without_qa]=off&repository[platform_id]=7"),
            read("", json, r#"{"publish_without_qa": false, "platform_id": 7}"#),
            read("", json, r#"{"repository": {"publish_without_qa": "false", "platform_id": "7"}}"#),
            read("platform_id=8", None, r#"{"repository": {"publish_without_qa": 0, "platform_id": 7}}"#),
        ] {
            let mut errors = FieldErrors::new();
            assert_eq!(params.boolean("publish_without_qa", &mut errors), Some(false));
            assert_eq!(params.number("platform_id"), Some(7));
            assert!(errors.is_empty());
        }
    }

    #[test]
    fn wrong_kinds_are_named_and_foreign_bodies_say_nothing() {
        let params = read("", None, r#"{"a": [1], "b": "maybe", "c": {"d": 1}, "e": null}"#);
        let mut errors = FieldErrors::new();
        assert_eq!((params.text("a", &mut errors), params.boolean("b", &mut errors)), (None, None));
        assert_eq!((params.number("c"), params.text("e", &mut errors)), (None, Some(String::new())));
        let pointers: Vec<_> = errors.as_slice().iter().map(|error| error.pointer.as_str()).collect();
        assert_eq!(pointers, ["/a", "/b"]);
        assert_eq!(read("", None, "[1, 2]").number("a"), None);
        assert!(Params::read("", None, b"{\"a\"").is_err());
        assert!(Params::read("", Some("multipart/form-data"), b"x").is_err());
    }

    #[test]
    fn numbers_have_one_spelling_and_echoes_are_harmless() {
        for text in ["", "-1", "+1", "1.0", "1e3", "0x1", "99999999999999999", "1 ", "\u{661}"] {
            assert_eq!(number(text), None, "{text}");
        }
        assert_eq!(number("30"), Some(30));
        assert_eq!(read("a=<b>%0d%0a'1'", None, "").echo("a"), "b1");
        assert_eq!(read(&format!("a={}", "9".repeat(100)), None, "").echo("a").len(), MAX_ECHO);
    }
}
