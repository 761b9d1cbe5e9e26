//! Names of a tree, made fit to be stored and shown.

use std::fmt::Write;

/// Longest path that is told, in bytes as it is shown: more than Linux lets a program name (`PATH_MAX`).
pub const MAX_SHOWN_PATH: usize = 4_096;

/// A name of a tree as text, or `None` for one that Git itself does not check out: none, `.`, `..`, `.git` in any case, one
/// with a slash or a zero byte in it (Git: `fsck`, `hasDot`, `hasDotdot`, `hasDotgit`, `fullPathname`).
///
/// What is not UTF-8, control characters and the backslash are written `\xNN`, byte by byte: two names never look alike.
pub fn shown_name(name: &[u8]) -> Option<String> {
    let refused = matches!(name, b"" | b"." | b"..") || name.eq_ignore_ascii_case(b".git");
    if refused || name.iter().any(|byte| matches!(byte, b'/' | 0)) {
        return None;
    }
    let mut shown = String::with_capacity(name.len());
    for chunk in name.utf8_chunks() {
        for character in chunk.valid().chars() {
            if character.is_control() || character == '\\' {
                escape(&mut shown, character.encode_utf8(&mut [0; 4]).as_bytes());
            } else {
                shown.push(character);
            }
        }
        escape(&mut shown, chunk.invalid());
    }
    Some(shown)
}

/// A path as text, part by part; `None` when a part is none or the whole is longer than [`MAX_SHOWN_PATH`].
pub fn shown_path(path: &str) -> Option<String> {
    if path.len() > MAX_SHOWN_PATH {
        return None;
    }
    let parts: Option<Vec<String>> = path.split('/').map(|part| shown_name(part.as_bytes())).collect();
    parts.map(|parts| parts.join("/")).filter(|path| path.len() <= MAX_SHOWN_PATH)
}

fn escape(shown: &mut String, bytes: &[u8]) {
    for byte in bytes {
        // Writing to a text cannot fail.
        let _ = write!(shown, "\\x{byte:02x}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    #[test]
    fn names_are_text_and_those_that_git_refuses_are_none() {
        for (name, expected) in [
            (&b"SKILL.md"[..], Some("SKILL.md")),
            ("größe 🙂".as_bytes(), Some("größe 🙂")),
            (b"gr\xf6\xdfe", Some(r"gr\xf6\xdfe")),
            (b"a\nb\x1b[31m\x7f", Some(r"a\x0ab\x1b[31m\x7f")),
            ("\u{85}".as_bytes(), Some(r"\xc2\x85")),
            (br"a\xffb", Some(r"a\x5cxffb")),
            (b"...", Some("...")),
            (b".gitignore", Some(".gitignore")),
            (b"", None),
            (b".", None),
            (b"..", None),
            (b".git", None),
            (b".GiT", None),
            (b"/etc", None),
            (b"a/b", None),
            (b"a\0b", None),
        ] {
            assert_eq!(shown_name(name).as_deref(), expected, "{name:?}");
        }
    }

    #[test]
    fn a_path_is_none_when_a_part_is() {
        for (path, expected) in [
            ("a/b.md", Some("a/b.md")),
            ("a\t/b", Some(r"a\x09/b")),
            ("/a", None),
            ("a/", None),
            ("a//b", None),
            ("a/../b", None),
            ("a/.git/config", None),
            ("", None),
        ] {
            assert_eq!(shown_path(path).as_deref(), expected, "{path:?}");
        }
        assert_eq!(shown_path(&"x".repeat(MAX_SHOWN_PATH)).map(|path| path.len()), Some(MAX_SHOWN_PATH));
        assert_eq!(shown_path(&"x".repeat(MAX_SHOWN_PATH + 1)), None);
        assert_eq!(shown_path(&"\\".repeat(MAX_SHOWN_PATH)), None);
    }

    proptest! {
        #[test]
        fn two_names_never_look_alike(names in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..4), 0..200)) {
            let mut seen = BTreeMap::new();
            for name in names {
                if let Some(shown) = shown_name(&name) {
                    prop_assert!(!shown.chars().any(|c| c.is_control() || c == '/'));
                    let before = seen.insert(shown, name.clone());
                    prop_assert!(before.is_none_or(|before| before == name));
                }
            }
        }
    }
}
