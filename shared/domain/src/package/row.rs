//! One row of an upload, checked field by field.

use super::{PackageIdentity, PackageKind, Published};
use crate::error::FieldErrors;
use crate::input::{Field, Object};
use serde_json::Value;

/// Longest name, version or release of a package, in bytes.
pub const MAX_PACKAGE_TEXT_BYTES: usize = 200;
/// Longest name or e-mail address of a committer, in bytes.
pub const MAX_PERSON_BYTES: usize = 254;
/// The greatest epoch (RPM: a 32-bit number).
pub const MAX_EPOCH: i64 = u32::MAX as i64;
/// The greatest number of a project.
const MAX_PROJECT: i64 = 9_007_199_254_740_991;

/// The columns of an upload as CSV, and the members of one as NDJSON.
pub(super) const COLUMNS: [&str; 8] =
    ["projectId", "name", "epoch", "version", "release", "type", "committerName", "committerEmail"];
/// Columns whose values are numbers.
pub(super) const NUMBERS: [&str; 2] = ["projectId", "epoch"];

/// Letters of a package's name beside letters and digits (RPM: `rpmCharCheck` of a name).
const NAME_MARKS: &[u8] = b"-._+";
/// Letters of a version or a release (RPM: `rpmCharCheck` of a version).
const VERSION_MARKS: &[u8] = b"._+~^";

/// Whether a text can be the name of a package.
pub(super) fn is_name(text: &str) -> bool {
    let first = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    text.as_bytes().first().is_some_and(first) && is_made_of(text, NAME_MARKS)
}

/// Whether a text can be a version or a release.
pub(super) fn is_version(text: &str) -> bool {
    is_made_of(text, VERSION_MARKS)
}

fn is_made_of(text: &str, marks: &[u8]) -> bool {
    (1..=MAX_PACKAGE_TEXT_BYTES).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || marks.contains(&byte))
}

/// Reads `{projectId, name, epoch?, version, release, type, committerName?, committerEmail?}`; its errors are added to the
/// list under `pointer`.
pub(super) fn read(value: &Value, pointer: String, errors: &mut FieldErrors) -> Published {
    let mut row = Object::at(value, pointer, errors);
    let project = match row.integer("projectId", 1..=MAX_PROJECT) {
        Field::Value(number) => number.unsigned_abs(),
        other @ (Field::Absent | Field::Null | Field::Invalid) => {
            needed(&mut row, "projectId", &other);
            0
        }
    };
    let name = text(&mut row, "name", is_name, "letters, digits, '.', '_', '+' and '-'");
    let epoch = row.integer("epoch", 0..=MAX_EPOCH).value().and_then(|epoch| u32::try_from(epoch).ok());
    let [version, release] = ["version", "release"]
        .map(|key| text(&mut row, key, is_version, "letters, digits, '.', '_', '+', '~' and '^'"));
    let said = row.text_up_to("type", MAX_PACKAGE_TEXT_BYTES);
    let kind = said.as_value().and_then(|text| PackageKind::parse(text));
    match (&said, kind) {
        (Field::Value(_), None) => row.error("type", "must be source or binary"),
        (Field::Absent | Field::Null, _) => needed(&mut row, "type", &said),
        (Field::Value(_) | Field::Invalid, _) => {}
    }
    let committer_name = row.line("committerName", MAX_PERSON_BYTES).value();
    let committer_email = row.line("committerEmail", MAX_PERSON_BYTES).value();
    row.finish();
    let kind = kind.unwrap_or(PackageKind::Source);
    let identity = PackageIdentity { name, epoch: epoch.unwrap_or_default(), version, release, kind };
    Published { identity, project, committer_name, committer_email }
}

/// A text that must be there and made of certain letters.
fn text(row: &mut Object<'_, '_>, key: &'static str, is_good: fn(&str) -> bool, letters: &str) -> String {
    match row.text_up_to(key, MAX_PACKAGE_TEXT_BYTES) {
        Field::Value(text) if is_good(&text) => text,
        Field::Value(_) => {
            row.error(key, format!("must be 1 to {MAX_PACKAGE_TEXT_BYTES} of {letters}"));
            String::new()
        }
        other @ (Field::Absent | Field::Null | Field::Invalid) => {
            needed(row, key, &other);
            String::new()
        }
    }
}

fn needed<T>(row: &mut Object<'_, '_>, key: &str, field: &Field<T>) {
    match field {
        Field::Absent | Field::Null => row.error(key, "is required"),
        Field::Value(_) | Field::Invalid => {}
    }
}
