//! The name that an archived repository gets, so that its own is free at once (contract: reviewboard 8.6).

use super::form::MAX_REVIEW_NAME_CHARS;
use crate::automation::AutomationConfig;
use crate::repository::Repository;
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

impl Repository {
    /// Whether something works with it that does not hang on it alone, so that a review tool's delete archives it: rules
    /// of automation, or what refers to it from outside. Open tasks and attachments are counted where they are kept.
    pub fn is_worked_with(&self, automation: Option<&AutomationConfig>) -> bool {
        self.external_references > 0 || automation.is_some_and(AutomationConfig::has_rules)
    }
}
