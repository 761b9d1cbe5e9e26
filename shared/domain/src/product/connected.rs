//! Saving a repository of a product whose projects are made at its provider.

use super::{CodeRepo, Product, ProviderConnection, SaveCodeRepo, Visibility};
use crate::error::{DomainError, FieldErrors};
use crate::provisioning::{EVENTS, ProjectHome, Provisioned, at_github};
use crate::repository::{CreateRepository, Provider, RemotePlace, Repository};
use crate::time::Timestamp;
use std::collections::BTreeSet;

/// A project as its provider shows it after a save.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectFacts {
    /// What the registry keeps of it.
    pub provisioned: Provisioned,
    /// What people read.
    pub name: String,
    /// GitHub's `owner/repo`, GitLab's path with its groups.
    pub full_name: String,
    /// Who may see it, if that is told.
    pub visibility: Option<Visibility>,
    /// What it is for; empty when that is not said.
    pub description: String,
}

/// What a save says of the project itself; what it leaves out stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AskedProject {
    /// What people shall read.
    pub display_name: Option<String>,
    /// Who may see it.
    pub visibility: Option<Visibility>,
    /// What it is for.
    pub description: Option<String>,
}

impl ProviderConnection {
    /// Where projects are made.
    pub fn home(&self) -> ProjectHome {
        let Self { provider, api_base_url, owner, credential, delete_at_provider: _ } = self.clone();
        ProjectHome { provider, api_base_url, owner, credential }
    }

    /// Whether a repository's project is at the same server.
    pub fn is_where(&self, repository: &Repository) -> bool {
        self.provider == repository.provider && self.api_base_url == repository.api_base_url
    }
}

impl SaveCodeRepo {
    /// Checks what the product's provider could not do. `skip` leaves out what may come later, as for
    /// [`SaveCodeRepo::check`].
    ///
    /// # Errors
    /// [`DomainError::Invalid`] with every event that GitHub has not, and with a name that is not the path there.
    pub fn check_connected(&self, name: &str, provider: Provider, skip: bool) -> Result<(), DomainError> {
        let mut errors = FieldErrors::new();
        if provider == Provider::Github {
            if let Some(side) = self.side(provider)?.filter(|side| !side.name.is_empty() && side.name != name) {
                let message =
                    format!("GitHub shows repositories by their path alone: name must be {name}, not {}", side.name);
                errors.push_coded("/git/github/name", "RESOURCE_NOT_MATCH", message, None);
            }
            for (index, event) in self.webhook_events.iter().enumerate() {
                let is_known = EVENTS.iter().any(|(known, _)| known == event);
                if !skip && is_known && at_github(event).is_empty() {
                    let message = format!("webhook.events: GitHub has nothing like {event:?}");
                    errors.push_coded(format!("/webhook/events/{index}"), "INVALID_WEBHOOK_EVENT", message, None);
                }
            }
        }
        errors.into_result(())
    }

    /// What the project's webhook is to send, in its provider's words. What nobody knows is left out: it was let pass for
    /// later.
    pub fn events_at(&self, provider: Provider) -> BTreeSet<String> {
        let known = self.webhook_events.iter().filter(|event| EVENTS.iter().any(|(known, _)| known == event));
        match provider {
            Provider::Github => known.flat_map(|event| at_github(event)).map(|event| (*event).to_owned()).collect(),
            Provider::Gitlab | Provider::Git => known.cloned().collect(),
        }
    }

    /// What people shall read of the project, who may see it and what it is for, as far as that is said.
    ///
    /// # Errors
    /// What [`SaveCodeRepo::check`] says of the Git side.
    pub fn asked(&self, provider: Provider, name: &str) -> Result<AskedProject, DomainError> {
        let Some(side) = self.side(provider)? else { return Ok(AskedProject::default()) };
        // GitHub has no name beside the path.
        let display_name = (provider != Provider::Github).then(|| side.name_or(name));
        let description = Some(side.description.clone()).filter(|text| !text.is_empty());
        Ok(AskedProject { display_name, visibility: Some(side.visibility()), description })
    }

    /// The repository as it is registered beside its new project.
    pub fn create_connected(
        &self,
        product: &Product,
        (name, home, shares_remote): (&str, &ProjectHome, bool),
        facts: &ProjectFacts,
    ) -> CreateRepository {
        let place = RemotePlace {
            provider: Some(home.provider),
            external_id: Some(external_id(home.provider, facts)),
            api_base_url: home.api_base_url.clone(),
            remote_url: None,
            shares_remote,
            credential: Some(home.credential),
            description: Some(facts.description.clone()).filter(|text| !text.is_empty()),
        };
        CreateRepository::in_product(&product.name, name.to_owned(), place, self.code_connected(facts))
    }

    /// The record as it is after its project was changed, one version up. One that was only written down before is now
    /// the project.
    pub fn apply_connected(
        &self,
        home: &ProjectHome,
        facts: &ProjectFacts,
        stored: &Repository,
        now: Timestamp,
    ) -> Repository {
        Repository {
            product: Some(self.code_connected(facts)),
            provider: home.provider,
            external_id: Some(external_id(home.provider, facts)),
            external_aliases: if home.provider == stored.provider {
                stored.external_aliases.clone()
            } else {
                Vec::new()
            },
            api_base_url: home.api_base_url.clone(),
            remote_url: None,
            credential: stored.credential.filter(|_| home.provider == stored.provider).or(Some(home.credential)),
            description: Some(facts.description.clone()).filter(|text| !text.is_empty()),
            updated_at: now,
            version: stored.version + 1,
            ..stored.clone()
        }
    }

    fn code_connected(&self, facts: &ProjectFacts) -> CodeRepo {
        let provisioned = Some(facts.provisioned.clone());
        CodeRepo { provisioned, ..self.code(facts.name.clone(), facts.visibility) }
    }
}

/// The id by which webhooks name the project first.
fn external_id(provider: Provider, facts: &ProjectFacts) -> String {
    match provider {
        Provider::Github => facts.full_name.clone(),
        Provider::Gitlab | Provider::Git => facts.provisioned.project_id.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::product::{GitSide, SaidGit};

    fn save(events: &[&str], github: Option<&str>) -> SaveCodeRepo {
        let side = |name: &str| GitSide {
            name: name.into(),
            path: "web".into(),
            visibility: "private".into(),
            ..GitSide::default()
        };
        SaveCodeRepo {
            webhook_events: events.iter().map(ToString::to_string).collect(),
            git: Some(SaidGit { github: github.map(side), ..SaidGit::default() }),
            ..SaveCodeRepo::default()
        }
    }

    #[test]
    fn what_github_has_not_is_refused_there_and_named() {
        let body = save(&["push_events", "confidential_note_events", "", "confidential_issues_events"], Some("Web UI"));
        let Err(DomainError::Invalid(errors)) = body.check_connected("web", Provider::Github, false) else { panic!() };
        let pointers: Vec<_> = errors.as_slice().iter().map(|error| error.pointer.as_str()).collect();
        assert_eq!(pointers, ["/git/github/name", "/webhook/events/1", "/webhook/events/3"]);
        let Err(DomainError::Invalid(errors)) = body.check_connected("web", Provider::Github, true) else { panic!() };
        assert_eq!(errors.as_slice().len(), 1, "what may come later is let pass; a name does not");
        assert!(body.check_connected("web", Provider::Gitlab, false).is_ok());
        assert!(save(&["push_events"], Some("web")).check_connected("web", Provider::Github, false).is_ok());
    }

    #[test]
    fn events_are_told_in_the_providers_words_once() {
        let body = save(&["tag_push_events", "push_events", "", "future_events", "note_events"], None);
        let set = |names: &[&str]| names.iter().map(ToString::to_string).collect::<BTreeSet<_>>();
        assert_eq!(body.events_at(Provider::Gitlab), set(&["note_events", "push_events", "tag_push_events"]));
        let github = ["commit_comment", "issue_comment", "pull_request_review_comment", "push"];
        assert_eq!(body.events_at(Provider::Github), set(&github));
    }
}
