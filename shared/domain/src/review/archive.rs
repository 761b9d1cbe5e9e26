//! The name that an archived repository gets, so that its own is free at once (contract: reviewboard 8.6).

use super::form::MAX_REVIEW_NAME_CHARS;
use crate::time::Timestamp;

/// What the name of an archived repository begins with.
pub const ARCHIVED_NAME_PREFIX: &str = "ar:";

/// `ar:<name>:<hex of unix time>`, the name cut so that the whole stays within [`MAX_REVIEW_NAME_CHARS`].
pub fn archived_name(name: &str, now: Timestamp) -> String {
    let at = format!("{:x}", now.as_second().max(0));
    let room = MAX_REVIEW_NAME_CHARS - ARCHIVED_NAME_PREFIX.len() - 1 - at.len();
    let name: String = name.chars().take(room).collect();
    format!("{ARCHIVED_NAME_PREFIX}{name}:{at}")
}
