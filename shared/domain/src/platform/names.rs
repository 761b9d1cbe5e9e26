//! Names of what ABF knows, and what is said of wrong ones: in the words of its framework, without the field's name
//! (Rails: `errors.messages`).

use crate::error::FieldErrors;
use crate::input::{Field, Object};

/// A value that must be there is not.
pub const BLANK: &str = "can't be blank";
/// A value is not of its form.
pub const INVALID: &str = "is invalid";
/// Another has it.
pub const TAKEN: &str = "has already been taken";
/// A name that only personal platforms have.
pub(super) const RESERVED: &str = "is reserved";

/// A value has too many characters.
pub fn too_long(max: usize) -> String {
    format!("is too long (maximum is {max} characters)")
}

/// Longest name of a repository, a platform, a project or a group, in characters (contract: abf 3).
pub const MAX_ABF_NAME: usize = 100;
/// Longest description of a repository, in characters (contract: abf 3).
pub const MAX_BUILD_DESCRIPTION: usize = 100;
/// Longest description of a platform, a group or a project, in characters.
pub const MAX_PLATFORM_DESCRIPTION: usize = 1000;

/// A repository's name: `^[a-z0-9_-]+$` (contract: abf 3).
pub fn is_repository_name(text: &str) -> bool {
    consists(text, |b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-'))
}

/// A platform's name: `[\w.-]+` (contract: abf 3).
pub fn is_platform_name(text: &str) -> bool {
    consists(text, |b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'))
}

/// A project's name: what RPM takes as the name of a package.
pub fn is_project_name(text: &str) -> bool {
    text.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric() || b == b'_')
        && consists(text, |b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-' | b'+'))
}

/// A group's name: `[a-z0-9_]+` (contract: abf 3).
pub fn is_group_name(text: &str) -> bool {
    consists(text, |b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

fn consists(text: &str, of: impl Fn(u8) -> bool) -> bool {
    !text.is_empty() && text.bytes().all(of)
}

/// Checks a text that must be there.
pub fn check_text(
    text: Option<&str>,
    (key, max): (&str, usize),
    is_good: impl Fn(&str) -> bool,
    errors: &mut FieldErrors,
) {
    let pointer = format!("/{key}");
    match text {
        None => errors.push(pointer, BLANK),
        Some(text) if text.trim().is_empty() => errors.push(pointer, BLANK),
        Some(text) if text.chars().count() > max => errors.push(pointer, too_long(max)),
        Some(text) if !is_good(text) => errors.push(pointer, INVALID),
        Some(_) => {}
    }
}

/// Whether a text is one that may be shown on one line.
pub fn is_line(text: &str) -> bool {
    !text.contains(char::is_control)
}

/// A required name of a JSON body.
pub(super) fn read_name(object: &mut Object<'_, '_>, key: &'static str, is_name: fn(&str) -> bool) -> String {
    let name = object.text_of_chars(key, MAX_ABF_NAME);
    if name == Field::Invalid {
        return String::new();
    }
    let name = name.value();
    let pointer = object.pointer(key);
    check_text(name.as_deref(), (pointer.trim_start_matches('/'), MAX_ABF_NAME), is_name, object.errors());
    name.unwrap_or_default()
}

/// An optional text of a JSON body, one line; null and blank clear it.
pub(super) fn read_line(object: &mut Object<'_, '_>, key: &'static str, max: usize) -> Field<String> {
    object.text_of_chars(key, max).and_then(|text| {
        if !is_line(&text) {
            object.error(key, "must be one line");
            return Field::Invalid;
        }
        match text.trim() {
            "" => Field::Null,
            text => Field::Value(text.to_owned()),
        }
    })
}

/// A word of a few.
pub(super) fn read_word<T: Copy>(
    object: &mut Object<'_, '_>,
    key: &'static str,
    words: &[(&'static str, T)],
) -> Field<T> {
    object.text(key).and_then(|text| match words.iter().find(|(word, _)| *word == text) {
        Some((_, value)) => Field::Value(*value),
        None => {
            let known: Vec<_> = words.iter().map(|(word, _)| *word).collect();
            object.error(key, format!("must be {}", known.join(" or ")));
            Field::Invalid
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_of_the_contracts_forms() {
        for (is_name, good, bad) in [
            (is_repository_name as fn(&str) -> bool, vec!["main", "non-free_2"], vec!["", "Main", "a b", "a.b", "ä"]),
            (is_platform_name, vec!["rosa2012.1", "A_b-c"], vec!["", "a b", "a/b", "é"]),
            (is_project_name, vec!["gtk+3.0", "_x", "Perl-Foo"], vec!["", "-x", ".git", "a/b", "a b"]),
            (is_group_name, vec!["abf", "a_1"], vec!["", "Abf", "a-b", "a.b"]),
        ] {
            assert!(good.iter().all(|name| is_name(name)), "{good:?}");
            assert!(!bad.iter().any(|name| is_name(name)), "{bad:?}");
        }
    }

    #[test]
    fn a_wrong_text_is_told_once() {
        let said = |text: Option<&str>| {
            let mut errors = FieldErrors::new();
            check_text(text, ("name", 3), is_repository_name, &mut errors);
            errors.as_slice().first().map(|error| error.message.clone())
        };
        assert_eq!(said(None).as_deref(), Some(BLANK));
        assert_eq!(said(Some("  ")).as_deref(), Some(BLANK));
        assert_eq!(said(Some("ABCD")), Some(too_long(3)));
        assert_eq!(said(Some("A")).as_deref(), Some(INVALID));
        assert_eq!(said(Some("abc")), None);
    }
}
