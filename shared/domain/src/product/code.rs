//! Saving a repository of a product (contract: nautes 4): what the product knows of it is replaced whole, what is said of the
//! Git server is merged.

use super::git::Chain;
use super::project::MAX_PROJECT_BYTES;
use super::{CodeRepo, GitSide, Product, SaidGit, need_path};
use crate::error::{DomainError, FieldErrors};
use crate::repository::{CreateRepository, Provider, RemotePlace, Repository};
use crate::time::Timestamp;

/// The events that a webhook may send (contract: nautes 6.2).
pub const WEBHOOK_EVENTS: [&str; 11] = [
    "confidential_issues_events",
    "confidential_note_events",
    "deployment_events",
    "issues_events",
    "job_events",
    "merge_requests_events",
    "note_events",
    "pipeline_events",
    "push_events",
    "releases_events",
    "tag_push_events",
];
/// Entries that a list of events may have; they may repeat.
pub const MAX_EVENTS: usize = 100;
/// Longest entry, in bytes.
const MAX_EVENT_BYTES: usize = 255;

/// How the rules of 6.1 are told.
const CHAIN: Chain = Chain {
    above: &["invalid SaveRequest.Body: embedded message failed validation"],
    missing: "invalid SaveRequest_Body.Git: value is required",
    git: "invalid SaveRequest_Body.Git: embedded message failed validation",
    needs_github_name: true,
};

/// What a Save says; what was left out is empty or false.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SaveCodeRepo {
    /// The project; empty for none.
    pub project: String,
    /// What the webhook is to send.
    pub webhook_events: Vec<String>,
    /// Deployments are described in it.
    pub deployment_runtime: bool,
    /// Pipelines run from it.
    pub pipeline_runtime: bool,
    /// The Git side.
    pub git: Option<SaidGit>,
}

impl SaveCodeRepo {
    /// Checks what the body says by itself (contract: nautes 6.1), whoever sends it.
    ///
    /// # Errors
    /// [`DomainError::Invalid`] with code `VALIDATOR` and the first rule that is broken.
    pub fn check_body(&self) -> Result<(), DomainError> {
        CHAIN.check(self.git.as_ref()).map(drop)
    }

    /// Checks it against its place. `skip` leaves out what may come later (contract: nautes 4): whether the events are
    /// known ones.
    ///
    /// # Errors
    /// [`DomainError::Invalid`] with the code of what does not fit.
    pub fn check(&self, name: &str, provider: Provider, skip: bool) -> Result<(), DomainError> {
        self.check_body()?;
        need_path("coderepo_name", name)?;
        if let Some(side) = self.side(provider)? {
            side.check(name)?;
        }
        let mut errors = FieldErrors::new();
        if self.project.len() > MAX_PROJECT_BYTES {
            let message = format!("project may have at most {MAX_PROJECT_BYTES} bytes");
            errors.push_coded("/project", "INVALID_NAME", message, None);
        }
        if self.webhook_events.len() > MAX_EVENTS {
            let message = format!("webhook.events may have at most {MAX_EVENTS} entries");
            errors.push_coded("/webhook/events", "INVALID_WEBHOOK_EVENT", message, None);
        }
        for (index, event) in self.webhook_events.iter().enumerate().take(MAX_EVENTS) {
            let is_known = event.is_empty() || WEBHOOK_EVENTS.contains(&event.as_str());
            if event.len() > MAX_EVENT_BYTES || !(skip || is_known) {
                let shown: String = event.chars().take(80).collect();
                let message = format!("webhook.events: {shown:?} is none of {}", WEBHOOK_EVENTS.join(", "));
                errors.push_coded(format!("/webhook/events/{index}"), "INVALID_WEBHOOK_EVENT", message, None);
            }
        }
        errors.into_result(())
    }

    pub(super) fn side(&self, provider: Provider) -> Result<Option<&GitSide>, DomainError> {
        self.git.as_ref().map_or(Ok(None), |git| git.of(provider))
    }

    /// The repository as it is made, in a product without a connection to its server; beside another one of the same
    /// remote if `shares_remote`.
    ///
    /// # Errors
    /// What [`SaveCodeRepo::check`] says of the Git side.
    pub fn create(&self, product: &Product, name: &str, shares_remote: bool) -> Result<CreateRepository, DomainError> {
        let side = self.side(product.provider())?;
        let place = RemotePlace {
            remote_url: Some(product.https_url(name)),
            shares_remote,
            description: side.map(|side| side.description.clone()).filter(|text| !text.is_empty()),
            ..RemotePlace::default()
        };
        let display_name = side.map_or_else(|| name.to_owned(), |side| side.name_or(name));
        let code = self.code(display_name, side.map(GitSide::visibility));
        Ok(CreateRepository::in_product(&product.name, name.to_owned(), place, code))
    }

    /// The record as it is then; `None` when nothing changes.
    ///
    /// # Errors
    /// What [`SaveCodeRepo::check`] says of the Git side.
    pub fn apply(
        &self,
        provider: Provider,
        stored: &Repository,
        now: Timestamp,
    ) -> Result<Option<Repository>, DomainError> {
        let side = self.side(provider)?;
        let before = stored.product.as_ref();
        let kept = || before.map_or_else(|| stored.name.clone(), |code| code.display_name.clone());
        let display_name = side.map_or_else(kept, |side| side.name_or(&stored.name));
        let visibility = side.map(GitSide::visibility).or_else(|| before.and_then(|code| code.visibility));
        let mut next = stored.clone();
        let provisioned = before.and_then(|code| code.provisioned.clone());
        next.product = Some(CodeRepo { provisioned, ..self.code(display_name, visibility) });
        if let Some(side) = side.filter(|side| !side.description.is_empty()) {
            next.description = Some(side.description.clone());
        }
        if next == *stored {
            return Ok(None);
        }
        next.updated_at = now;
        next.version += 1;
        Ok(Some(next))
    }

    pub(super) fn code(&self, display_name: String, visibility: Option<super::Visibility>) -> CodeRepo {
        CodeRepo {
            project: self.project.clone(),
            webhook_events: self.webhook_events.clone(),
            deployment_runtime: self.deployment_runtime,
            pipeline_runtime: self.pipeline_runtime,
            display_name,
            visibility,
            provisioned: None,
        }
    }
}

#[cfg(test)]
mod tests;
