//! The list of known branches and the role that a branch plays in rules.

use super::{Branch, Repository};
use crate::error::FieldErrors;
use crate::input::{Field, Object};
use serde::Serialize;
use serde_json::Value;

/// The longest list of branches a repository takes.
pub const MAX_BRANCHES: usize = 500;
/// Longest name of a branch, in bytes.
pub const MAX_BRANCH_NAME_BYTES: usize = 255;
const MAX_NOTE_BYTES: usize = 500;

/// What a branch is for, as rules see it in `branch.role` (contract: hookcode 4.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the contract's words")]
pub enum BranchRole {
    Main,
    Dev,
    Test,
    Other,
    Unknown,
}

impl BranchRole {
    /// The name in rules.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Main => "main",
            Self::Dev => "dev",
            Self::Test => "test",
            Self::Other => "other",
            Self::Unknown => "unknown",
        }
    }
}

impl Repository {
    /// The role of a branch: the default branch is `main`, a note of exactly `Dev branch`, `Test branch` or
    /// `Main branch` says it, anything else is `other`; no branch at all is `unknown`.
    pub fn branch_role(&self, name: &str) -> BranchRole {
        if name.is_empty() {
            return BranchRole::Unknown;
        }
        match self.branches.iter().find(|branch| branch.name == name) {
            Some(branch) if branch.is_default => BranchRole::Main,
            Some(branch) => match branch.note.as_deref() {
                Some("Dev branch") => BranchRole::Dev,
                Some("Test branch") => BranchRole::Test,
                Some("Main branch") => BranchRole::Main,
                _ => BranchRole::Other,
            },
            None => BranchRole::Other,
        }
    }
}

/// Reads and normalises `branches` (contract: hookcode 3.1): nameless items are dropped, name and note trimmed, the
/// first of equal names wins, and only the first default stays one.
pub(super) fn read(object: &mut Object<'_, '_>) -> Field<Vec<Branch>> {
    object.array("branches").and_then(|items| {
        if items.len() > MAX_BRANCHES {
            object.error("branches", format!("must have at most {MAX_BRANCHES} entries"));
            return Field::Invalid;
        }
        let base = object.pointer("branches");
        Field::Value(normalize(items, &base, object.errors()))
    })
}

/// Whether Git takes a text as the name of a branch, without `refs/heads/` (git: check-ref-format).
pub fn is_branch_name(name: &str) -> bool {
    let forbidden = |c: char| c.is_ascii_control() || " ~^:?*[\\".contains(c);
    let part = |part: &str| !part.is_empty() && !part.starts_with('.') && !part.ends_with(".lock");
    (1..=MAX_BRANCH_NAME_BYTES).contains(&name.len())
        && !name.contains(forbidden)
        && !name.contains("..")
        && !name.contains("@{")
        && name != "@"
        && !name.ends_with('.')
        && !name.starts_with('-')
        && name.split('/').all(part)
}

/// Reads the name of one branch.
pub(super) fn read_name(object: &mut Object<'_, '_>, key: &'static str) -> Field<String> {
    object.trimmed(key, MAX_BRANCH_NAME_BYTES).and_then(|name| {
        if is_branch_name(&name) {
            return Field::Value(name);
        }
        object.error(key, "must be the name of a branch, without refs/heads/");
        Field::Invalid
    })
}

fn normalize(items: &[Value], base: &str, errors: &mut FieldErrors) -> Vec<Branch> {
    let mut branches: Vec<Branch> = Vec::new();
    for (i, item) in items.iter().enumerate() {
        let mut object = Object::at(item, format!("{base}/{i}"), errors);
        let name = object.text_up_to("name", MAX_BRANCH_NAME_BYTES).value().map(|name| name.trim().to_owned());
        let note = object.text_up_to("note", MAX_NOTE_BYTES).value().map(|note| note.trim().to_owned());
        let is_default = object.boolean("isDefault").value().unwrap_or(false);
        object.finish();
        let Some(name) = name.filter(|name| !name.is_empty()) else { continue };
        if branches.iter().any(|branch| branch.name == name) {
            continue;
        }
        let is_default = is_default && !branches.iter().any(|branch| branch.is_default);
        branches.push(Branch { name, note: note.filter(|note| !note.is_empty()), is_default });
    }
    branches
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn branches_are_normalised_as_in_contract_3_1() {
        let body = json!({"branches": [
            {"name": "  "}, {"name": " main ", "note": " ", "isDefault": true}, {"name": "main", "note": "again"},
            {"name": "dev", "note": " Dev branch ", "isDefault": true}, {"note": "nameless"}, {"name": "Main"}
        ]});
        let mut errors = FieldErrors::new();
        let branches = read(&mut Object::root(&body, &mut errors)).value().unwrap();
        assert!(errors.is_empty());
        assert_eq!(
            serde_json::to_value(branches).unwrap(),
            json!([{"name": "main", "isDefault": true}, {"name": "dev", "note": "Dev branch", "isDefault": false},
                   {"name": "Main", "isDefault": false}])
        );
    }

    #[test]
    fn names_that_git_refuses_are_refused() {
        for name in ["main", "feature/x", "v1.2", "a@b", "ümlaut", "HEAD2"] {
            assert!(is_branch_name(name), "{name}");
        }
        let long = "x".repeat(256);
        for name in [
            "", "@", "-x", "a b", "a..b", "a~1", "a^", "a:b", "a?", "a*", "a[", "a\\b", "a@{b", ".a", "a/.b", "a//b",
            "/a", "a/", "a.", "a.lock", "a.lock/b", "a\n", "a\u{7f}", &long,
        ] {
            assert!(!is_branch_name(name), "{name}");
        }
    }

    #[test]
    fn ten_thousand_branches_are_refused() {
        let body = json!({"branches": vec![json!({"name": "x"}); 10_000]});
        let mut errors = FieldErrors::new();
        assert_eq!(read(&mut Object::root(&body, &mut errors)), Field::Invalid);
        assert_eq!(errors.as_slice()[0].pointer, "/branches");
    }
}
