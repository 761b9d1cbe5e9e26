//! What a form does to a repository (contract: reviewboard 8.2–8.6).

use super::{ReviewForm, ReviewSettings, archived_name};
use crate::error::{DomainError, FieldErrors};
use crate::repository::{CreateRepository, DEFAULT_NAMESPACE, RemotePlace, Repository, RepositoryState};
use crate::time::Timestamp;

/// A repository as a form leaves it.
#[derive(Debug, Clone, PartialEq)]
pub struct Saved {
    /// The record.
    pub repository: Repository,
    /// Whether its remote has to be asked before it may be kept.
    pub verify: bool,
}

impl ReviewForm {
    /// A new repository.
    ///
    /// # Errors
    /// [`DomainError::Invalid`] with every wrong field.
    pub fn create(&self) -> Result<CreateRepository, DomainError> {
        let mut errors = FieldErrors::new();
        self.check(true, &mut errors);
        let path = self.path.clone().unwrap_or_default();
        let review = self.settings(&ReviewSettings { public: true, ..ReviewSettings::default() }, &mut errors);
        errors.into_result(())?;
        let place = RemotePlace::of_remote(&path);
        let name = self.name.clone().unwrap_or_default();
        Ok(CreateRepository { review: Some(review), ..CreateRepository::at(DEFAULT_NAMESPACE.to_owned(), name, place) })
    }

    /// The record after the form; what was not sent stays. Archiving is another step: [`Repository::archived_for_review`].
    ///
    /// # Errors
    /// [`DomainError::Invalid`] with every wrong field; limits of the record; `REPO_IDENTITY_LOCKED`.
    pub fn change(&self, stored: &Repository, state: &RepositoryState, now: Timestamp) -> Result<Saved, DomainError> {
        let mut errors = FieldErrors::new();
        self.check(false, &mut errors);
        let before = stored.review_settings();
        let review = self.settings(&before, &mut errors);
        let mut next = stored.clone();
        if let Some(name) = self.name.as_ref().filter(|name| **name != stored.shown_name()) {
            if stored.namespace == DEFAULT_NAMESPACE {
                next.name.clone_from(name);
            } else {
                errors.push("/name", format!("A repository of {} keeps the name that it has there.", stored.namespace));
            }
        }
        let path = self.path.as_ref().filter(|path| **path != stored.shown_url());
        if path.is_some() && stored.namespace != DEFAULT_NAMESPACE {
            errors.push("/path", format!("A repository of {} stays where it is there.", stored.namespace));
        }
        errors.into_result(())?;
        if let Some(path) = path {
            next = next.moved(RemotePlace::of_remote(path), state)?;
        }
        let verify = self.needs_verification(path.is_some(), &before, &review);
        if review != before {
            next.review = Some(review);
        }
        if next != *stored {
            next.updated_at = now;
            next.version += 1;
        }
        Ok(Saved { repository: next.within_limit()?, verify })
    }

    /// Whether it takes a repository out of lists or into them, which is for the tenant's administrators and tools.
    pub fn hides_or_shows(&self, stored: &Repository) -> bool {
        self.visible.is_some_and(|visible| visible != stored.review_settings().visible)
    }

    /// Whether the remote is asked: when what access to it depends on has changed, or lists begin to show it; not while
    /// it is hidden.
    fn needs_verification(&self, moved: bool, before: &ReviewSettings, after: &ReviewSettings) -> bool {
        let login = self.password.is_some() || after.username != before.username;
        let asked = moved || login || self.trust_host || after.raw_file_url != before.raw_file_url;
        after.visible && (asked || !before.visible)
    }

    fn settings(&self, stored: &ReviewSettings, errors: &mut FieldErrors) -> ReviewSettings {
        let mut next = stored.clone();
        for (field, value) in [
            (&mut next.mirror_path, &self.mirror_path),
            (&mut next.bug_tracker, &self.bug_tracker),
            (&mut next.encoding, &self.encoding),
            (&mut next.username, &self.username),
            (&mut next.raw_file_url, &self.raw_file_url),
        ] {
            if let Some(value) = value {
                field.clone_from(value);
            }
        }
        next.public = self.public.unwrap_or(next.public);
        next.visible = self.visible.unwrap_or(next.visible);
        next.extra_data = self.extra_data.apply(&stored.extra_data, errors);
        next
    }
}

impl Repository {
    /// Archives and frees name and remote for another; a repeat only renames, from the time of it.
    pub fn archived_for_review(&self, now: Timestamp) -> Self {
        let mut review = self.review_settings();
        let own_name = review.archived_from.take().unwrap_or_else(|| self.name.clone());
        let name = archived_name(&own_name, now);
        let review = ReviewSettings { public: false, archived_from: Some(own_name), ..review };
        Self {
            name,
            review: Some(review),
            archived_at: Some(self.archived_at.unwrap_or(now)),
            updated_at: now,
            version: self.version + 1,
            ..self.clone()
        }
    }

    /// Whether another may have its name and remote, because a review tool archived it.
    pub fn is_freed(&self) -> bool {
        self.review.as_ref().is_some_and(|review| review.archived_from.is_some())
    }

    /// The name under which it claims its own again, and the settings without the mark.
    pub(crate) fn reclaimed(&self) -> Option<(String, ReviewSettings)> {
        let mut review = self.review.clone()?;
        let name = review.archived_from.take()?;
        Some((name, review))
    }
}
