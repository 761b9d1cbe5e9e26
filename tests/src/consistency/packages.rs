//! Packages: every list is of a repository of a platform, and counts what it holds.

use super::items::{Found, Index};
use super::{Complaints, is_deleted, unless};
use base64::Engine as _;
use flate2::read::GzDecoder;
use serde_json::Value;
use std::collections::BTreeSet;
use std::io::Read;

/// A list counts its packages, whose ids were given out, are its own and ascend, and names their projects.
pub(super) fn list(index: &Index, found: &Found) -> Complaints {
    let repository = found.pk.trim_start_matches("REPO#");
    if is_deleted(index, repository) {
        return Vec::new();
    }
    let Some(record) = index.get(&found.pk, "D#1RECORD") else { return vec!["its repository is missing".to_owned()] };
    let Some((projects, rows)) = rows(found) else { return vec!["is no list".to_owned()] };
    let given = index.get(&format!("COUNTER#{}", record.data_text("tenant")), "PACKAGES");
    let given = given.and_then(|counter| counter.number("n")).unwrap_or_default();
    let ids: BTreeSet<i64> = rows.iter().filter_map(|row| row[0].as_i64()).collect();
    let counted = found.number("packages").unwrap_or(-1);
    let complaints = [
        unless(record.data["build"].is_object(), "is not of a platform's repository"),
        unless(usize::try_from(counted) == Ok(rows.len()), format!("counts {counted} packages of {}", rows.len())),
        unless(ids.len() == rows.len(), "has packages of one id"),
        unless(rows.is_sorted_by_key(|row| row[0].as_i64()), "is not in the order of ids"),
        unless(
            rows.iter().filter_map(|row| row[6].as_u64()).collect::<BTreeSet<_>>() == projects,
            "names other projects",
        ),
        unless(ids.last().is_none_or(|id| *id <= given), "has an id that nobody gave"),
        unless(found.number("version").is_some_and(|version| version > 0), "has no version"),
    ];
    complaints.into_iter().flatten().collect()
}

/// The projects in the first line, and the packages below it.
fn rows(found: &Found) -> Option<(BTreeSet<u64>, Vec<Value>)> {
    let bytes = base64::engine::general_purpose::STANDARD.decode(found.data.as_str()?).ok()?;
    let mut text = String::new();
    GzDecoder::new(&*bytes).read_to_string(&mut text).ok()?;
    let (projects, rows) = text.split_once('\n').unwrap_or((&text, ""));
    let rows: Result<_, _> = rows.lines().map(serde_json::from_str).collect();
    Some((serde_json::from_str(projects).ok()?, rows.ok()?))
}

/// Who asked for packages is forgotten some day.
pub(super) fn asked(found: &Found) -> Complaints {
    let ends = found.number("ends").zip(found.number("expires_at"));
    unless(ends.is_some_and(|(ends, expires)| expires * 1_000 >= ends), "is not kept until its end")
        .into_iter()
        .collect()
}
