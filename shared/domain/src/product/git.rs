//! The Git side of a body: what is said of a group or a repository at its server (contract: nautes 3, 6.1).
//!
//! The rules end at the first that is broken, and say so in the chain of the contract.

use super::Visibility;
use super::naming::check_name;
use crate::error::{DomainError, FieldErrors};
use crate::repository::Provider;

/// Longest description, in bytes (GitLab: 2000 characters).
const MAX_DESCRIPTION_BYTES: usize = 8 * 1024;

/// What is said of one repository or group; what was left out is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GitSide {
    /// For people; the path when empty.
    pub name: String,
    /// The last part of its address; that of the call when empty.
    pub path: String,
    /// `public` or `private`.
    pub visibility: String,
    /// Free text; empty says nothing.
    pub description: String,
}

/// Both forms in which a body may say it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SaidGit {
    /// For GitLab.
    pub gitlab: Option<GitSide>,
    /// For GitHub.
    pub github: Option<GitSide>,
}

/// A body that breaks a rule, with the chain of messages that ends in the rule (contract: nautes 6.1).
pub fn invalid_body(pointer: &str, chain: &[&str]) -> DomainError {
    let mut errors = FieldErrors::new();
    errors.push_coded(pointer, "VALIDATOR", chain.join(" | caused by: "), None);
    DomainError::Invalid(errors)
}

/// How the messages of one kind of body are linked.
pub(super) struct Chain {
    /// The links above the Git side.
    pub(super) above: &'static [&'static str],
    /// The end for a body without a Git side.
    pub(super) missing: &'static str,
    /// The link of the Git side, between those above and its parts.
    pub(super) git: &'static str,
    /// Whether GitHub's name and path must be there.
    pub(super) needs_github_name: bool,
}

const GITLAB: &str = "invalid Git.Gitlab: embedded message failed validation";
const GITHUB: &str = "invalid Git.Github: embedded message failed validation";

impl Chain {
    /// Checks a Git side, GitLab before GitHub.
    pub(super) fn check<'a>(&self, git: Option<&'a SaidGit>) -> Result<&'a SaidGit, DomainError> {
        let fail = |pointer: &str, end: &[&str]| Err(invalid_body(pointer, &[self.above, end].concat()));
        let Some(git) = git else { return fail("/git", &[self.missing]) };
        let is_visibility = |side: &GitSide| matches!(side.visibility.as_str(), "public" | "private");
        if let Some(gitlab) = &git.gitlab
            && !is_visibility(gitlab)
        {
            let end = "invalid Gitlab.Visibility: value must be in list [public private]";
            return fail("/git/gitlab/visibility", &[self.git, GITLAB, end]);
        }
        let Some(github) = &git.github else { return Ok(git) };
        let too_short = "value length must be at least 1 runes";
        for (field, link, value) in [("name", "Name", &github.name), ("path", "Path", &github.path)] {
            if self.needs_github_name && value.is_empty() {
                let end = format!("invalid Github.{link}: {too_short}");
                return fail(&format!("/git/github/{field}"), &[self.git, GITHUB, &end]);
            }
        }
        if !is_visibility(github) {
            let end = "invalid Github.Visibility: value must be in list [public private]";
            return fail("/git/github/visibility", &[self.git, GITHUB, end]);
        }
        Ok(git)
    }
}

impl SaidGit {
    /// The form that is meant for a provider; the other one is not looked at beside it.
    ///
    /// # Errors
    /// [`DomainError::Invalid`] with code `RESOURCE_NOT_MATCH` when only the other one is there.
    pub(super) fn of(&self, provider: Provider) -> Result<Option<&GitSide>, DomainError> {
        let (own, other, words) = match provider {
            Provider::Github => (&self.github, &self.gitlab, ("github", "gitlab")),
            Provider::Gitlab | Provider::Git => (&self.gitlab, &self.github, ("gitlab", "github")),
        };
        if own.is_none() && other.is_some() {
            let mut errors = FieldErrors::new();
            let message = format!("the product's code does not live at {}: send git.{}", words.1, words.0);
            errors.push_coded(format!("/git/{}", words.1), "RESOURCE_NOT_MATCH", message, None);
            return Err(DomainError::Invalid(errors));
        }
        Ok(own.as_ref())
    }
}

impl GitSide {
    /// What the server will not take, or what names something else than the call does.
    pub(super) fn check(&self, path: &str) -> Result<(), DomainError> {
        let mut errors = FieldErrors::new();
        if !self.name.is_empty() {
            check_name("/git/name", &self.name, &mut errors);
        }
        if !self.path.is_empty() && self.path != path {
            let message = format!("git path must be {path}, the name in the address of the call");
            errors.push_coded("/git/path", "RESOURCE_NOT_MATCH", message, None);
        }
        if self.description.len() > MAX_DESCRIPTION_BYTES {
            let message = format!("description may have at most {MAX_DESCRIPTION_BYTES} bytes");
            errors.push_coded("/git/description", "INVALID_DESCRIPTION", message, None);
        }
        errors.into_result(())
    }

    /// The name for people.
    pub(super) fn name_or(&self, path: &str) -> String {
        if self.name.is_empty() { path.to_owned() } else { self.name.clone() }
    }

    /// The visibility that was asked for.
    pub(super) fn visibility(&self) -> Visibility {
        if self.visibility == "public" { Visibility::Public } else { Visibility::Private }
    }
}
