//! Registering and changing a repository by its address alone, beside others of the same remote (contract: shiftagent 6,
//! 7.1).

use super::commands::{MAX_URL_BYTES, Settings, within_limit};
use super::{
    CreateRepository, DEFAULT_NAMESPACE, DEFAULT_SYNC_INTERVAL_MINUTES, GitHost, Provider, RemotePlace, Repository,
    is_branch_name, normalize_remote,
};
use crate::access::Principal;
use crate::credential::RepositoryUrl;
use crate::error::{DomainError, FieldErrors};
use crate::id::CredentialId;
use crate::input::{Field, Object, pointer_token};
use crate::time::Timestamp;
use serde_json::Value;
use std::collections::BTreeMap;
use url::Url;

/// Longest name, in characters (contract: shiftagent 4).
pub const MAX_REGISTERED_NAME_CHARS: usize = 255;
/// Keys of the metadata (contract: shiftagent 4).
pub const MAX_NOTES: usize = 50;
/// Longest key of the metadata, in characters; the contract sets no limit.
pub const MAX_NOTE_KEY_CHARS: usize = 255;
/// Longest value of the metadata, in characters (contract: shiftagent 4).
pub const MAX_NOTE_CHARS: usize = 500;
/// The branch that is scanned unless another is named (contract: shiftagent 4).
pub const DEFAULT_BRANCH: &str = "main";
/// What is said of a credential that is not there.
pub const UNKNOWN_CREDENTIAL: &str = "no credential has this id";

const CREDENTIALS_IN_URL: &str =
    "must not hold a user or password: keep them in a credential, and name it by credential_id";

/// The words for where a repository is, with what they stand for (contract: shiftagent 4).
pub const REGISTERED_PROVIDERS: [(&str, Provider, Option<GitHost>); 5] = [
    ("github", Provider::Github, None),
    ("gitlab", Provider::Gitlab, None),
    ("bitbucket", Provider::Git, Some(GitHost::Bitbucket)),
    ("azure_devops", Provider::Git, Some(GitHost::AzureDevops)),
    ("generic", Provider::Git, None),
];

/// A checked body of `POST /repositories` (contract: shiftagent 7.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisterRepository {
    /// What is registered.
    pub command: CreateRepository,
    /// The credential that it names.
    pub credential: Option<CredentialId>,
}

impl RegisterRepository {
    /// Reads the body. What comes is of use only when no error was added.
    pub fn read(body: &Value, errors: &mut FieldErrors) -> Self {
        let mut object = Object::root(body, errors);
        let name = required(&mut object, "name", read_name);
        let repo_url = required(&mut object, "repo_url", read_url);
        let branch = known(&mut object, "branch", read_branch);
        let provider = known(&mut object, "provider", read_provider);
        let credential = read_credential(&mut object).value();
        let metadata = known(&mut object, "metadata", |object, _| read_notes(object)).unwrap_or_default();
        object.finish();
        let (provider, git_host) = provider.unwrap_or((Provider::Git, None));
        let repo_url = repo_url.unwrap_or_default();
        let mut place = Place::default();
        if provider != Provider::Git && !repo_url.is_empty() {
            match Place::of(provider, &repo_url) {
                Some(found) => place = found,
                None => errors.push("/repo_url", format!("is not the address of a repository at {provider}")),
            }
        }
        let settings = Settings {
            external_id: place.external_id,
            api_base_url: place.api_base_url,
            remote_url: Some(repo_url),
            git_host,
            credential,
            shares_remote: true,
            metadata,
            branch: Some(branch.unwrap_or_else(|| DEFAULT_BRANCH.to_owned())),
            sync_interval_minutes: Some(DEFAULT_SYNC_INTERVAL_MINUTES),
            ..Settings::default()
        };
        let command = CreateRepository {
            provider,
            namespace: DEFAULT_NAMESPACE.to_owned(),
            name: name.unwrap_or_default(),
            settings,
            product: None,
            build: None,
            review: None,
            webhook_secret: None,
            verification: true,
        };
        Self { command, credential }
    }
}

/// A checked body of `PATCH /repositories/{repository_id}` (contract: shiftagent 6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpdateRepository {
    name: Option<String>,
    branch: Option<String>,
    credential: Field<CredentialId>,
    metadata: Option<BTreeMap<String, String>>,
}

impl UpdateRepository {
    /// Reads the body. What comes is of use only when no error was added.
    pub fn read(body: &Value, errors: &mut FieldErrors) -> Self {
        let mut object = Object::root(body, errors);
        let update = Self {
            name: known(&mut object, "name", read_name),
            branch: known(&mut object, "branch", read_branch),
            credential: read_credential(&mut object),
            metadata: known(&mut object, "metadata", |object, _| read_notes(object)),
        };
        object.finish();
        update
    }

    /// The credential that it names.
    pub fn credential(&self) -> Option<CredentialId> {
        self.credential.as_value().copied()
    }

    /// Applies it to a fresh copy of the record; `None` when that changes nothing. Saying again what is so changes nothing.
    ///
    /// # Errors
    /// [`DomainError::Invalid`] for a new name outside the namespace `registry`, [`DomainError::TooLarge`].
    pub fn apply(&self, stored: &Repository, now: Timestamp) -> Result<Option<Repository>, DomainError> {
        let mut next = stored.clone();
        if let Some(name) = self.name.as_ref().filter(|name| **name != stored.shown_name()) {
            if stored.namespace != DEFAULT_NAMESPACE {
                let text = format!("a repository of {} keeps the name that it has there", stored.namespace);
                return Err(DomainError::invalid("/name", text));
            }
            next.name.clone_from(name);
        }
        if let Some(branch) = self.branch.as_ref().filter(|branch| branch.as_str() != stored.shown_branch()) {
            next.branch = Some(branch.clone());
        }
        self.credential.clone().patch(&mut next.credential);
        if let Some(metadata) = &self.metadata {
            next.metadata.clone_from(metadata);
        }
        if next == *stored {
            return Ok(None);
        }
        next.updated_at = now;
        next.version += 1;
        within_limit(next).map(Some)
    }
}

/// The credentials of the vault are the tenant's: who sees only some of its repositories may name none, since naming one
/// sends it where the repository is.
///
/// # Errors
/// [`DomainError::Invalid`] as for a credential that is not there.
pub fn may_name_credential(principal: &Principal, credential: Option<CredentialId>) -> Result<(), DomainError> {
    match credential {
        Some(_) if principal.need_vault().is_err() => Err(DomainError::invalid("/credential_id", UNKNOWN_CREDENTIAL)),
        Some(_) | None => Ok(()),
    }
}

/// Where a URL is at a provider with an API.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Place {
    external_id: Option<String>,
    api_base_url: Option<String>,
}

impl Place {
    /// Reads an https, ssh or scp-like address; `None` when its path is none that the provider has.
    fn of(provider: Provider, repo_url: &str) -> Option<Self> {
        let normal = normalize_remote(repo_url).ok()?;
        let (authority, path) = normal.split_once('/')?;
        let url = Url::parse(repo_url).ok().filter(|_| repo_url.contains("://"));
        let scheme = url.as_ref().map_or("ssh", Url::scheme);
        let is_web = matches!(scheme, "https" | "http");
        // The port of another protocol is not that of the API.
        let host = if is_web { authority } else { authority.rsplit_once(':').map_or(authority, |(host, _)| host) };
        let parts = path.split('/').count();
        let (public, api, fits) = match provider {
            Provider::Github => (["github.com", "www.github.com", "ssh.github.com"], "/api/v3", parts == 2),
            Provider::Gitlab => (["gitlab.com", "www.gitlab.com", "altssh.gitlab.com"], "", parts >= 2),
            Provider::Git => return None,
        };
        let scheme = if scheme == "http" { "http" } else { "https" };
        let api_base_url = match host {
            _ if public.contains(&host) => None,
            // GitHub Enterprise Cloud with data residency (GitHub REST: `https://api.SUBDOMAIN.ghe.com`).
            _ if provider == Provider::Github && host.ends_with(".ghe.com") => Some(format!("https://api.{host}")),
            _ => Some(format!("{scheme}://{host}{api}")),
        };
        fits.then(|| Self { external_id: Some(path.to_owned()), api_base_url })
    }
}

impl RemotePlace {
    /// Where a remote is: at one of the public services, whose API serves it too, else plain Git.
    pub fn of_remote(remote_url: &str) -> Self {
        let public = |provider| {
            let place = Place::of(provider, remote_url).filter(|place| place.api_base_url.is_none())?;
            Some(Self { provider: Some(provider), external_id: place.external_id, ..Self::default() })
        };
        let place = public(Provider::Github).or_else(|| public(Provider::Gitlab)).unwrap_or_default();
        Self { remote_url: Some(remote_url.to_owned()), ..place }
    }
}

impl Repository {
    /// Whether it has a Git remote, as far as it is known: without one it is a record of builds alone.
    pub fn has_remote(&self) -> bool {
        self.provider != Provider::Git || self.remote_url.is_some()
    }

    /// The name beside those of other namespaces (contract: shiftagent 12).
    pub fn shown_name(&self) -> String {
        match self.namespace.as_str() {
            DEFAULT_NAMESPACE => self.name.clone(),
            namespace => format!("{namespace}/{}", self.name),
        }
    }

    /// The remote as it was given, else what Git clones it by, else where its provider shows it by its number.
    pub fn shown_url(&self) -> String {
        if let Some(remote) = &self.remote_url {
            return remote.clone();
        }
        if let Some(url) = RepositoryUrl::of(self) {
            return url.clone_url();
        }
        let (base, id) = (self.api_base_url.as_deref(), self.external_id.as_deref().unwrap_or_default().trim());
        match self.provider {
            Provider::Gitlab => format!("{}/projects/{id}", base.unwrap_or("https://gitlab.com").trim_end_matches('/')),
            Provider::Github | Provider::Git => {
                format!("{}/repositories/{id}", base.unwrap_or("https://api.github.com").trim_end_matches('/'))
            }
        }
    }

    /// The branch that is scanned, where one has to be named.
    pub fn shown_branch(&self) -> &str {
        self.scanned_branch().unwrap_or(DEFAULT_BRANCH)
    }

    /// The word for where it is (contract: shiftagent 4).
    pub fn registered_provider(&self) -> &'static str {
        let is_it = |(_, provider, host): &&(&str, Provider, Option<GitHost>)| {
            *provider == self.provider && *host == self.git_host.filter(|_| *provider == Provider::Git)
        };
        REGISTERED_PROVIDERS.iter().find(is_it).map_or("generic", |(word, ..)| word)
    }
}

/// Reads a field that must be there.
fn required<T>(
    object: &mut Object<'_, '_>,
    key: &'static str,
    read: impl FnOnce(&mut Object<'_, '_>, &'static str) -> Field<T>,
) -> Option<T> {
    let field = read(object, key);
    if matches!(field, Field::Absent | Field::Null) {
        object.error(key, format!("{key} is required"));
    }
    field.value()
}

/// Reads a field that may be left out, but not null.
fn known<T>(
    object: &mut Object<'_, '_>,
    key: &'static str,
    read: impl FnOnce(&mut Object<'_, '_>, &'static str) -> Field<T>,
) -> Option<T> {
    let field = read(object, key);
    if matches!(field, Field::Null) {
        object.error(key, format!("{key} must not be null"));
    }
    field.value()
}

/// A name as it is written: not blank, without control characters.
pub(crate) fn read_name(object: &mut Object<'_, '_>, key: &'static str) -> Field<String> {
    object.text_of_chars(key, MAX_REGISTERED_NAME_CHARS).and_then(|name| {
        if name.trim().is_empty() || name.contains(char::is_control) {
            object.error(key, "must be one line of at least one character");
            return Field::Invalid;
        }
        Field::Value(name)
    })
}

fn read_url(object: &mut Object<'_, '_>, key: &'static str) -> Field<String> {
    object.text_up_to(key, MAX_URL_BYTES).and_then(|text| {
        let url = Url::parse(&text).ok().filter(|_| text.contains("://"));
        let is_web = |url: &Url| matches!(url.scheme(), "https" | "http");
        let carries = |url: &Url| url.password().is_some() || (is_web(url) && !url.username().is_empty());
        if url.as_ref().is_some_and(carries) {
            object.error(key, CREDENTIALS_IN_URL);
            return Field::Invalid;
        }
        if normalize_remote(&text).is_err() || text.trim() != text {
            object.error(key, "must be an https, http, ssh or git URL, or user@host:path");
            return Field::Invalid;
        }
        Field::Value(text)
    })
}

pub(crate) fn read_branch(object: &mut Object<'_, '_>, key: &'static str) -> Field<String> {
    object.text_of_chars(key, MAX_REGISTERED_NAME_CHARS).and_then(|name| {
        if is_branch_name(&name) {
            return Field::Value(name);
        }
        object.error(key, "must be the name of a branch, without refs/heads/");
        Field::Invalid
    })
}

fn read_provider(object: &mut Object<'_, '_>, key: &'static str) -> Field<(Provider, Option<GitHost>)> {
    object.text(key).and_then(|text| match REGISTERED_PROVIDERS.iter().find(|(word, ..)| *word == text) {
        Some((_, provider, host)) => Field::Value((*provider, *host)),
        None => {
            object.error(key, "must be github, gitlab, bitbucket, azure_devops or generic");
            Field::Invalid
        }
    })
}

/// A malformed id is that of a credential which is not there.
fn read_credential(object: &mut Object<'_, '_>) -> Field<CredentialId> {
    object.text("credential_id").and_then(|text| match text.parse() {
        Ok(id) => Field::Value(id),
        Err(_) => {
            object.error("credential_id", UNKNOWN_CREDENTIAL);
            Field::Invalid
        }
    })
}

/// `metadata`: the caller's own notes, keys and values both texts.
pub(crate) fn read_notes(object: &mut Object<'_, '_>) -> Field<BTreeMap<String, String>> {
    object.object("metadata").and_then(|value| {
        let base = object.pointer("metadata");
        let entries: Vec<(&String, &Value)> = value.as_object().into_iter().flatten().collect();
        if entries.len() > MAX_NOTES {
            object.error("metadata", format!("must have at most {MAX_NOTES} keys"));
            return Field::Invalid;
        }
        let mut notes = BTreeMap::new();
        for (key, value) in entries {
            let fits = |text: &str, most| text.chars().count() <= most;
            let wrong = match value.as_str() {
                _ if key.is_empty() || !fits(key, MAX_NOTE_KEY_CHARS) => {
                    Some(format!("the key must have 1 to {MAX_NOTE_KEY_CHARS} characters"))
                }
                Some(text) if fits(text, MAX_NOTE_CHARS) => {
                    notes.insert(key.clone(), text.to_owned());
                    None
                }
                Some(_) | None => Some(format!("must be a string of at most {MAX_NOTE_CHARS} characters")),
            };
            if let Some(wrong) = wrong {
                object.errors().push(format!("{base}/{}", pointer_token(key)), wrong);
            }
        }
        Field::Value(notes)
    })
}

#[cfg(test)]
mod tests;
