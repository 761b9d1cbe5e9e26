//! The contract's rows: each id under `tests/rows` is quoted by a test, and no required one is left out.

use crate::workspace::{read, root, sources};
use std::collections::BTreeSet;

/// The list of the rows that must be among the others.
const REQUIRED: &str = "required.txt";

/// The ids of one list.
fn ids(name: &str) -> BTreeSet<String> {
    let text = read(&format!("tests/rows/{name}"));
    text.lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty() && !line.starts_with('#')).collect()
}

/// The lists that the tests stand for.
fn lists() -> Vec<String> {
    let entries = std::fs::read_dir(root().join("tests/rows")).expect("the lists");
    let names = entries.map(|entry| entry.expect("a list").file_name().to_string_lossy().into_owned());
    let mut names: Vec<_> = names.filter(|name| name.ends_with(".txt") && name != REQUIRED).collect();
    names.sort();
    names
}

#[test]
fn every_listed_row_is_quoted_by_a_test() {
    let sources: String = sources().into_iter().map(|(_, text)| text).collect();
    let mut missing = Vec::new();
    for list in lists() {
        // Quoted alone, or at the start of a message.
        let quoted = |id: &str| ["\"", ":", " "].iter().any(|end| sources.contains(&format!("\"{id}{end}")));
        let untested = ids(&list).into_iter().filter(|id| !quoted(id));
        missing.extend(untested.map(|id| format!("{list}: {id}")));
    }
    assert!(missing.is_empty(), "no test quotes {missing:#?}");
}

#[test]
fn every_required_row_is_listed() {
    let listed: BTreeSet<String> = lists().iter().flat_map(|list| ids(list)).collect();
    let missing: Vec<_> = ids(REQUIRED).into_iter().filter(|id| !listed.contains(id)).collect();
    assert!(missing.is_empty(), "no list has {missing:#?}");
}
