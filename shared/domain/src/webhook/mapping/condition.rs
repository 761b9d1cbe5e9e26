//! What a payload must be like to be an event: data, so that the mapping and its page cannot disagree.

use super::super::labels::gitlab_label_changes;
use super::super::payload::{is_object, text};
use serde_json::Value;
use std::fmt;

/// A condition on a payload. Members are named by JSON pointer.
#[derive(Debug, Clone, Copy)]
pub enum Condition {
    /// The member is one of these texts.
    Is(&'static str, &'static [&'static str]),
    /// The member is one of these texts, or there is none.
    IsOrAbsent(&'static str, &'static [&'static str]),
    /// The member is none of these texts; it may be absent.
    IsNot(&'static str, &'static [&'static str]),
    /// The member is a text that begins so.
    Starts(&'static str, &'static str),
    /// The member is `true`.
    True(&'static str),
    /// The member is `false`.
    False(&'static str),
    /// The member is anything but `true`.
    NotTrue(&'static str),
    /// The member is anything but `false`.
    NotFalse(&'static str),
    /// There is an object.
    Has(&'static str),
    /// There is no object.
    Lacks(&'static str),
    /// The member is a hash of nothing but zeros, as Git names what does not exist.
    Zeros(&'static str),
    /// The member is the hash of something.
    Hash(&'static str),
    /// GitLab: `changes.labels` has a new label.
    LabelsAdded,
    /// GitLab: `changes.labels` lost a label.
    LabelsRemoved,
}

impl Condition {
    /// Whether a payload is so.
    pub fn holds(&self, payload: &Value) -> bool {
        let is = |pointer: &str, wanted: bool| payload.pointer(pointer).and_then(Value::as_bool) == Some(wanted);
        let hash = |pointer: &str| text(payload, pointer).filter(|text| text.len() >= 7);
        let zeros = |text: &str| text.bytes().all(|b| b == b'0');
        match *self {
            Self::Is(pointer, texts) => text(payload, pointer).is_some_and(|text| texts.contains(&text)),
            Self::IsOrAbsent(pointer, texts) => text(payload, pointer).is_none_or(|text| texts.contains(&text)),
            Self::IsNot(pointer, texts) => text(payload, pointer).is_none_or(|text| !texts.contains(&text)),
            Self::Starts(pointer, start) => text(payload, pointer).is_some_and(|text| text.starts_with(start)),
            Self::True(pointer) => is(pointer, true),
            Self::False(pointer) => is(pointer, false),
            Self::NotTrue(pointer) => !is(pointer, true),
            Self::NotFalse(pointer) => !is(pointer, false),
            Self::Has(pointer) => is_object(payload, pointer),
            Self::Lacks(pointer) => !is_object(payload, pointer),
            Self::Zeros(pointer) => hash(pointer).is_some_and(zeros),
            Self::Hash(pointer) => hash(pointer).is_some_and(|text| !zeros(text)),
            Self::LabelsAdded => gitlab_label_changes(payload).is_some_and(|changes| !changes.added.is_empty()),
            Self::LabelsRemoved => gitlab_label_changes(payload).is_some_and(|changes| !changes.removed.is_empty()),
        }
    }
}

/// For people, in Markdown.
impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let member = |pointer: &str| format!("`{}`", pointer.trim_start_matches('/').replace('/', "."));
        let any = |texts: &[&str]| texts.iter().map(|text| format!("`{text}`")).collect::<Vec<_>>().join(" or ");
        match *self {
            Self::Is(pointer, texts) => write!(f, "{} is {}", member(pointer), any(texts)),
            Self::IsOrAbsent(pointer, texts) => write!(f, "{} is absent or {}", member(pointer), any(texts)),
            Self::IsNot(pointer, texts) => write!(f, "{} is not {}", member(pointer), any(texts)),
            Self::Starts(pointer, start) => write!(f, "{} begins with `{start}`", member(pointer)),
            Self::True(pointer) => write!(f, "{} is true", member(pointer)),
            Self::False(pointer) => write!(f, "{} is false", member(pointer)),
            Self::NotTrue(pointer) => write!(f, "{} is not true", member(pointer)),
            Self::NotFalse(pointer) => write!(f, "{} is not false", member(pointer)),
            Self::Has(pointer) => write!(f, "has {}", member(pointer)),
            Self::Lacks(pointer) => write!(f, "has no {}", member(pointer)),
            Self::Zeros(pointer) => write!(f, "{} is all zeros", member(pointer)),
            Self::Hash(pointer) => write!(f, "{} is a hash", member(pointer)),
            Self::LabelsAdded => write!(f, "`changes.labels` has a new label"),
            Self::LabelsRemoved => write!(f, "`changes.labels` lost a label"),
        }
    }
}
