//! Reading a provider's body by JSON pointer. Bodies are foreign: every read may find nothing or another type.

use serde_json::Value;

/// The text at a pointer, if there is one and it is not blank; outer blanks are dropped.
pub(super) fn text<'v>(body: &'v Value, pointer: &str) -> Option<&'v str> {
    body.pointer(pointer).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty())
}

/// The first text found at a list of pointers.
pub(super) fn first_text<'v>(body: &'v Value, pointers: &[&str]) -> Option<&'v str> {
    pointers.iter().find_map(|pointer| text(body, pointer))
}

/// The first text as it stands: with its blanks, empty ones included.
pub(super) fn first_verbatim<'v>(body: &'v Value, pointers: &[&str]) -> Option<&'v str> {
    pointers.iter().find_map(|pointer| body.pointer(pointer).and_then(Value::as_str))
}

/// The whole number at a pointer; providers write ids as numbers, some proxies as text.
pub(super) fn integer(body: &Value, pointer: &str) -> Option<i64> {
    let value = body.pointer(pointer)?;
    value.as_i64().or_else(|| value.as_str().and_then(|text| text.trim().parse().ok()))
}

/// The first whole number found at a list of pointers.
pub(super) fn first_integer(body: &Value, pointers: &[&str]) -> Option<i64> {
    pointers.iter().find_map(|pointer| integer(body, pointer))
}

/// A number or a text, as text.
pub(super) fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// The id at a pointer, number or text.
pub(super) fn id(body: &Value, pointer: &str) -> Option<String> {
    body.pointer(pointer).and_then(plain)
}

/// The list at a pointer; anything else reads as empty.
pub(super) fn list<'v>(body: &'v Value, pointer: &str) -> &'v [Value] {
    body.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Whether an object stands at a pointer.
pub(super) fn is_object(body: &Value, pointer: &str) -> bool {
    body.pointer(pointer).is_some_and(Value::is_object)
}

/// The first `max` characters.
pub(super) fn cut_chars(text: &str, max: usize) -> &str {
    text.char_indices().nth(max).map_or(text, |(end, _)| &text[..end])
}

/// At most `max` bytes, never through a character.
pub(super) fn cut_bytes(text: &str, max: usize) -> &str {
    if text.len() <= max {
        return text;
    }
    let end = (0..=max).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    &text[..end]
}

/// The first line without outer blanks.
pub(super) fn first_line(text: &str) -> &str {
    text.trim_start().lines().next().unwrap_or_default().trim()
}

/// Everything on one line with single blanks, at most `max` characters.
pub(super) fn one_line(text: &str, max: usize) -> String {
    let mut line = String::new();
    for word in text.split_whitespace() {
        if !line.is_empty() {
            line.push(' ');
        }
        // Lines are shown in lists and terminals.
        line.extend(word.chars().filter(|c| !c.is_control()));
        // Stops early: the text may be megabytes long.
        if line.len() > max * 4 {
            break;
        }
    }
    cut_chars(&line, max).trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn another_type_reads_as_nothing() {
        let body = json!({"a": {"b": 7, "c": " x ", "d": null, "e": "12"}});
        assert_eq!(text(&body, "/a/b"), None);
        assert_eq!(text(&body, "/a/c"), Some("x"));
        assert_eq!(id(&body, "/a/b").as_deref(), Some("7"));
        assert_eq!(id(&body, "/a/d"), None);
        assert_eq!(integer(&body, "/a/e"), Some(12));
        assert!(list(&body, "/a").is_empty());
        assert!(is_object(&body, "/a"));
    }

    proptest! {
        #[test]
        fn cuts_keep_whole_characters(text in "\\PC{0,60}", max in 0usize..80) {
            prop_assert!(text.starts_with(cut_bytes(&text, max)));
            prop_assert!(cut_bytes(&text, max).len() <= max);
            prop_assert!(cut_chars(&text, max).chars().count() <= max);
            prop_assert!(one_line(&text, max).chars().count() <= max);
        }
    }
}
