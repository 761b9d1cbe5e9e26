//! What a platform's repository can be told: made, changed, locked, and which groups are named with it (contract: abf 4).

use super::names::{INVALID, MAX_ABF_NAME, MAX_BUILD_DESCRIPTION, check_text, is_line, is_repository_name, too_long};
use super::{BuildSettings, PublishLock};
use crate::error::{DomainError, FieldErrors};
use crate::repository::{CreateRepository, Repository, is_branch_name};
use crate::time::Timestamp;

/// Longest name of the branch that alone is published from, in characters (contract: abf 3).
pub const MAX_PUBLISH_BRANCH: usize = 255;
/// Groups named with one repository at most.
pub const MAX_REPOSITORY_GROUPS: usize = 100;

/// What a call says of a repository's settings; what it does not name stays, or is as usual for a new one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BuildChange {
    /// Free text, not blank.
    pub description: Option<String>,
    /// As [`BuildSettings::publish_without_qa`].
    pub publish_without_qa: Option<bool>,
    /// As [`BuildSettings::synchronizing_publications`].
    pub synchronizing_publications: Option<bool>,
    /// As [`BuildSettings::publish_builds_only_from_branch`]; `Some(None)` clears it.
    pub publish_builds_only_from_branch: Option<Option<String>>,
}

impl BuildChange {
    fn check(&self, is_main: bool, errors: &mut FieldErrors) {
        if let Some(Some(branch)) = &self.publish_builds_only_from_branch {
            let pointer = "/publish_builds_only_from_branch";
            if branch.chars().count() > MAX_PUBLISH_BRANCH {
                errors.push(pointer, too_long(MAX_PUBLISH_BRANCH));
            } else if !is_branch_name(branch) {
                errors.push(pointer, INVALID);
            } else if !is_main {
                errors.push(pointer, "is for main platforms only");
            }
        }
    }

    /// Checks a change of a repository.
    pub fn check_change(&self, is_main: bool, errors: &mut FieldErrors) {
        if let Some(description) = &self.description {
            check_text(Some(description), ("description", MAX_BUILD_DESCRIPTION), is_line, errors);
        }
        self.check(is_main, errors);
    }

    /// The command for a new repository of a platform.
    pub fn create(
        self,
        platform: u64,
        name: Option<String>,
        is_main: bool,
        errors: &mut FieldErrors,
    ) -> CreateRepository {
        check_text(name.as_deref(), ("name", MAX_ABF_NAME), is_repository_name, errors);
        check_text(self.description.as_deref(), ("description", MAX_BUILD_DESCRIPTION), is_line, errors);
        self.check(is_main, errors);
        let settings = BuildSettings {
            publish_without_qa: self.publish_without_qa.unwrap_or(true),
            synchronizing_publications: self.synchronizing_publications.unwrap_or(false),
            publish_builds_only_from_branch: self.publish_builds_only_from_branch.flatten(),
            ..BuildSettings::default()
        };
        CreateRepository::in_platform(
            platform,
            name.unwrap_or_default(),
            self.description.unwrap_or_default(),
            settings,
        )
    }

    /// Applies it; `None` when that changes nothing.
    pub fn apply(&self, stored: &Repository, now: Timestamp) -> Option<Repository> {
        let mut next = stored.clone();
        if let Some(description) = &self.description {
            next.description = Some(description.clone());
        }
        let build = next.build.as_mut()?;
        build.publish_without_qa = self.publish_without_qa.unwrap_or(build.publish_without_qa);
        build.synchronizing_publications = self.synchronizing_publications.unwrap_or(build.synchronizing_publications);
        if let Some(branch) = &self.publish_builds_only_from_branch {
            build.publish_builds_only_from_branch.clone_from(branch);
        }
        next.changed_from(stored, now)
    }
}

impl Repository {
    /// One version up, unless it is what it was.
    fn changed_from(self, stored: &Self, now: Timestamp) -> Option<Self> {
        (self != *stored).then(|| Self { updated_at: now, version: stored.version + 1, ..self })
    }

    fn with_build(&self, now: Timestamp, change: impl FnOnce(&mut BuildSettings)) -> Option<Self> {
        let mut next = self.clone();
        change(next.build.as_mut()?);
        next.changed_from(self, now)
    }

    /// With nothing published into it any more while a mirror copies it; `None` when it is locked already.
    pub fn locked(&self, holder: &str, now: Timestamp) -> Option<Self> {
        self.with_build(now, |build| {
            build.lock.get_or_insert_with(|| PublishLock { holder: holder.to_owned(), since: now });
        })
    }

    /// Without a lock; `None` when it has none.
    pub fn unlocked(&self, now: Timestamp) -> Option<Self> {
        self.with_build(now, |build| build.lock = None)
    }

    /// As its platform is released: administrators alone publish. `None` when that is so already.
    pub fn released(&self, now: Timestamp) -> Option<Self> {
        self.with_build(now, |build| build.publish_without_qa = false)
    }

    /// With a group named among its members; it gives the group's own members no right (contract: abf 2). `None` when it
    /// is named already.
    ///
    /// # Errors
    /// [`DomainError::TooLarge`] over [`MAX_REPOSITORY_GROUPS`].
    pub fn with_group(&self, group: u64, now: Timestamp) -> Result<Option<Self>, DomainError> {
        let next = self.with_build(now, |build| {
            build.groups.insert(group);
        });
        let count = next.as_ref().and_then(|next| next.build.as_ref()).map_or(0, |build| build.groups.len());
        if count > MAX_REPOSITORY_GROUPS {
            return Err(DomainError::TooLarge(format!("a repository names at most {MAX_REPOSITORY_GROUPS} groups")));
        }
        Ok(next)
    }

    /// Without a group; `None` when it is not named.
    pub fn without_group(&self, group: u64, now: Timestamp) -> Option<Self> {
        self.with_build(now, |build| {
            build.groups.remove(&group);
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{RepositoryId, TenantId, UserId};

    fn made(change: BuildChange, name: &str, is_main: bool) -> Result<Repository, DomainError> {
        let mut errors = FieldErrors::new();
        let command = change.create(7, Some(name.to_owned()), is_main, &mut errors);
        let now = Timestamp::from_second(0);
        let command = errors.into_result(command)?;
        command.into_repository(RepositoryId::start_of(now), 1, TenantId::start_of(now), UserId::start_of(now), now)
    }

    fn described(text: &str) -> BuildChange {
        BuildChange { description: Some(text.to_owned()), ..BuildChange::default() }
    }

    #[test]
    fn a_new_repository_publishes_without_qa_unless_said() {
        let repository = made(described("x"), "main", true).unwrap();
        assert_eq!(repository.namespace, "platform/7");
        let build = repository.build.unwrap();
        assert!(build.publish_without_qa && !build.synchronizing_publications && build.lock.is_none());
    }

    #[test]
    fn wrong_settings_are_named_together() {
        let branch = Some(Some("a..b".to_owned()));
        let change = BuildChange { publish_builds_only_from_branch: branch, ..described("  ") };
        let Err(DomainError::Invalid(errors)) = made(change, "Main", true) else { panic!("all of it is wrong") };
        let pointers: Vec<_> = errors.as_slice().iter().map(|error| error.pointer.as_str()).collect();
        assert_eq!(pointers, ["/name", "/description", "/publish_builds_only_from_branch"]);
        let branch = Some(Some("stable".to_owned()));
        let change = BuildChange { publish_builds_only_from_branch: branch, ..described("x") };
        assert!(made(change.clone(), "main", true).is_ok());
        assert!(made(change, "main", false).is_err());
    }

    #[test]
    fn what_is_so_already_is_no_change() {
        let now = Timestamp::from_second(5);
        let stored = made(described("x"), "main", true).unwrap();
        assert_eq!(described("x").apply(&stored, now), None);
        assert_eq!(BuildChange::default().apply(&stored, now), None);
        let next = described("y").apply(&stored, now).unwrap();
        assert_eq!((next.version, next.updated_at, next.description.as_deref()), (2, now, Some("y")));
        let locked = stored.locked("mirror", now).unwrap();
        assert_eq!(locked.locked("another", Timestamp::from_second(9)), None);
        assert_eq!(locked.unlocked(now).unwrap().build, stored.build);
        assert_eq!(stored.unlocked(now), None);
        let grouped = stored.with_group(3, now).unwrap().unwrap();
        assert_eq!(grouped.with_group(3, now), Ok(None));
        assert_eq!(grouped.without_group(4, now), None);
        assert!(grouped.without_group(3, now).unwrap().build.unwrap().groups.is_empty());
        assert!(!stored.released(now).unwrap().build.unwrap().publish_without_qa);
    }
}
