//! What a caller hears of a product's repositories and projects that cannot be saved or must not go.

use crate::automation::AutomationConfig;
use crate::error::{Conflict, Denial, DomainError, FieldErrors};
use crate::repository::Repository;
use crate::robot::Robot;

/// The project that a repository names is not there.
pub fn unknown_project() -> DomainError {
    let mut errors = FieldErrors::new();
    let text = "project must be one of the product's projects, or empty";
    errors.push_coded("/project", "RESOURCE_NOT_EXIST", text, None);
    DomainError::Invalid(errors)
}

/// Something works with it, or belongs to it.
pub fn resource_in_use(text: &str) -> DomainError {
    DomainError::Conflict(Conflict::new("RESOURCE_IN_USE", text))
}

/// Whether a repository may go, as far as what hangs on its record says. With `skip` it may, whatever works in it.
///
/// # Errors
/// [`Denial::Archived`]; `RESOURCE_IN_USE` with what works with it (contract: nautes 10).
pub fn need_removable(
    repository: &Repository,
    automation: Option<&AutomationConfig>,
    robots: &[Robot],
    skip: bool,
) -> Result<(), DomainError> {
    if repository.archived_at.is_some() {
        return Err(DomainError::Denied(Denial::Archived));
    }
    match in_use(automation, robots).filter(|_| !skip) {
        Some(why) => Err(resource_in_use(&format!("the repository is in use: {why}"))),
        None => Ok(()),
    }
}

/// What works with a repository; `None` when nothing does.
fn in_use(automation: Option<&AutomationConfig>, robots: &[Robot]) -> Option<&'static str> {
    if !robots.is_empty() {
        return Some("robots work in it");
    }
    let has_rules = |config: &AutomationConfig| config.events.values().any(|event| !event.rules.is_empty());
    automation.is_some_and(has_rules).then_some("automation rules name it")
}
