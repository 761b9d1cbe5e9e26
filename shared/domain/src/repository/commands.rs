//! Registering and changing a repository: what the bodies may say and what that does to the record.

use super::webhook_secret::{SecretChange, read_overlap, read_webhook_secret};
use super::{
    Branch, DEFAULT_SYNC_INTERVAL_MINUTES, GitHost, Provider, Repository, RepositoryState, SYNC_INTERVAL_MINUTES,
    WebhookSettings, branches, normalize_remote,
};
use crate::credential::is_same_host;
use crate::error::{Conflict, DomainError, FieldErrors};
use crate::id::{CredentialId, RepositoryId, TenantId, UserId};
use crate::input::{Field, Object};
use crate::platform::{BuildSettings, platform_of};
use crate::product::{CodeRepo, product_of};
use crate::review::ReviewSettings;
use crate::secret::Secret;
use crate::time::{Timestamp, is_time_zone};
use serde_json::Value;
use std::collections::BTreeMap;
use url::Url;

/// Longest name, in bytes.
pub const MAX_NAME_BYTES: usize = 255;
/// Shortest and longest life of deliveries, in days.
pub const RETENTION_DAYS: std::ops::RangeInclusive<i64> = 1..=365;
/// Life of deliveries when nothing is said, in days.
pub const DEFAULT_RETENTION_DAYS: u16 = 30;
/// Things outside that can refer to a repository, at most.
pub const MAX_EXTERNAL_REFERENCES: u32 = 1_000_000_000;
/// The namespace of repositories that belong to no product or platform.
pub const DEFAULT_NAMESPACE: &str = "registry";
/// The largest record, in bytes of JSON (design: the decision set fits one query).
pub const MAX_RECORD_BYTES: usize = 200 * 1024;
const MAX_EXTERNAL_ID_BYTES: usize = 512;
pub(super) const MAX_URL_BYTES: usize = 2048;
const MAX_METADATA_ENTRIES: usize = 50;
const MAX_METADATA_KEY_BYTES: usize = 100;
const MAX_METADATA_VALUE_BYTES: usize = 1000;

/// A checked body of `POST /api/repos` (contract: hookcode 2.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateRepository {
    pub(crate) provider: Provider,
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) settings: Settings,
    pub(crate) product: Option<CodeRepo>,
    pub(crate) build: Option<BuildSettings>,
    pub(crate) review: Option<ReviewSettings>,
    /// The user's own webhook secret, if any.
    pub webhook_secret: Option<Secret>,
    /// `false` asks to switch webhook verification off, which is the administrator's to do.
    pub verification: bool,
}

/// Where a repository is that another record leads to: one of a product or a platform.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RemotePlace {
    /// A provider with an API; plain Git, or no remote at all, without.
    pub provider: Option<Provider>,
    /// As [`Repository::external_id`].
    pub external_id: Option<String>,
    /// As [`Repository::api_base_url`].
    pub api_base_url: Option<String>,
    /// As [`Repository::remote_url`].
    pub remote_url: Option<String>,
    /// As [`Repository::shares_remote`].
    pub shares_remote: bool,
    /// As [`Repository::credential`].
    pub credential: Option<CredentialId>,
    /// As [`Repository::description`].
    pub description: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Settings {
    pub(crate) external_id: Option<String>,
    pub(crate) api_base_url: Option<String>,
    pub(crate) remote_url: Option<String>,
    pub(crate) git_host: Option<GitHost>,
    pub(crate) credential: Option<CredentialId>,
    pub(crate) shares_remote: bool,
    pub(crate) description: Option<String>,
    pub(crate) metadata: BTreeMap<String, String>,
    pub(crate) branches: Vec<Branch>,
    pub(crate) branch: Option<String>,
    pub(crate) sync_interval_minutes: Option<u16>,
    pub(crate) timezone: Option<String>,
    pub(crate) retention_days: Option<u16>,
}

impl CreateRepository {
    /// Reads the body.
    ///
    /// # Errors
    /// [`DomainError::Invalid`] with every wrong field, in the contract's order.
    pub fn read(body: &Value) -> Result<Self, DomainError> {
        let mut errors = FieldErrors::new();
        let command = Self::read_at(body, String::new(), &mut errors);
        errors.into_result(command)
    }

    /// Reads the body at a place of a greater one. What comes is of use only when no error was added.
    pub(super) fn read_at(body: &Value, pointer: String, errors: &mut FieldErrors) -> Self {
        let mut object = Object::at(body, pointer, errors);
        let given = object.text("provider");
        let provider = given.as_value().and_then(|text| Provider::parse(text));
        if provider.is_none() && given != Field::Invalid {
            object.error("provider", "provider must be gitlab, github or git");
        }
        let name = read_name(&mut object, true);
        check_namespace(&mut object);
        let settings = Settings {
            external_id: read_external_id(&mut object).value(),
            api_base_url: read_api_base_url(&mut object).value(),
            remote_url: read_remote(&mut object).value(),
            git_host: None,
            credential: None,
            shares_remote: false,
            description: object.text("description").value().filter(|text| !text.trim().is_empty()),
            metadata: read_metadata(&mut object).value().unwrap_or_default(),
            branches: branches::read(&mut object).value().unwrap_or_default(),
            branch: branches::read_name(&mut object, "branch").value(),
            sync_interval_minutes: match read_sync_interval(&mut object) {
                Field::Value(minutes) => Some(minutes),
                Field::Null => None,
                Field::Absent | Field::Invalid => Some(DEFAULT_SYNC_INTERVAL_MINUTES),
            },
            timezone: read_timezone(&mut object).value(),
            retention_days: read_retention(&mut object).value(),
        };
        let webhook_secret = read_webhook_secret(&mut object).value().filter(|secret| !secret.expose().is_empty());
        let verification = read_verification(&mut object).value().unwrap_or(true);
        object.ignore(&["skillDefaults"]);
        if provider == Some(Provider::Git) {
            if settings.external_id.is_some() {
                object.error("externalId", "externalId is not used with provider git; send remoteUrl");
            }
            if settings.remote_url.is_none() {
                object.error("remoteUrl", "remoteUrl is required with provider git");
            }
        }
        object.finish();
        // Both are there whenever nothing is wrong: their absence has been recorded above.
        let (provider, name) = (provider.unwrap_or(Provider::Git), name.value().unwrap_or_default());
        let namespace = DEFAULT_NAMESPACE.to_owned();
        let (product, build, review) = (None, None, None);
        Self { provider, namespace, name, settings, product, build, review, webhook_secret, verification }
    }

    /// A repository of another namespace, whose fields were checked by their own rules.
    pub(crate) fn at(namespace: String, name: String, place: RemotePlace) -> Self {
        // Without a remote there is nothing that a schedule could ask.
        let has_remote = place.remote_url.is_some() || place.external_id.is_some();
        let settings = Settings {
            sync_interval_minutes: has_remote.then_some(DEFAULT_SYNC_INTERVAL_MINUTES),
            external_id: place.external_id,
            api_base_url: place.api_base_url,
            remote_url: place.remote_url,
            credential: place.credential,
            shares_remote: place.shares_remote,
            description: place.description,
            ..Settings::default()
        };
        let provider = place.provider.unwrap_or(Provider::Git);
        let (product, build, review) = (None, None, None);
        Self { provider, namespace, name, settings, product, build, review, webhook_secret: None, verification: true }
    }

    /// Makes the record.
    ///
    /// # Errors
    /// [`DomainError::TooLarge`] when the record is over [`MAX_RECORD_BYTES`].
    pub fn into_repository(
        self,
        id: RepositoryId,
        number: u64,
        tenant: TenantId,
        creator: UserId,
        now: Timestamp,
    ) -> Result<Repository, DomainError> {
        let settings = self.settings;
        within_limit(Repository {
            id,
            number,
            tenant,
            namespace: self.namespace,
            name: self.name,
            provider: self.provider,
            external_id: settings.external_id,
            external_aliases: Vec::new(),
            api_base_url: settings.api_base_url,
            remote_url: settings.remote_url,
            description: settings.description,
            metadata: settings.metadata,
            git_host: settings.git_host,
            credential: settings.credential,
            shares_remote: settings.shares_remote,
            branches: settings.branches,
            branch: settings.branch,
            sync_interval_minutes: settings.sync_interval_minutes,
            timezone: settings.timezone,
            retention_days: settings.retention_days.unwrap_or(DEFAULT_RETENTION_DAYS),
            enabled: true,
            archived_at: None,
            product: self.product,
            build: self.build,
            review: self.review,
            external_references: 0,
            webhook: WebhookSettings {
                verification: self.verification,
                ..WebhookSettings::first(self.webhook_secret.as_ref())
            },
            webhook_verified_at: None,
            creator: Some(creator),
            created_at: now,
            updated_at: now,
            version: 1,
        })
    }
}

/// A checked body of `PATCH /api/repos/:id` (contract: hookcode 2.4), without its credential parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatchRepository {
    name: Field<String>,
    external_id: Field<String>,
    api_base_url: Field<String>,
    remote_url: Field<String>,
    description: Field<String>,
    metadata: Field<BTreeMap<String, String>>,
    branches: Field<Vec<Branch>>,
    branch: Field<String>,
    sync_interval_minutes: Field<u16>,
    enabled: Field<bool>,
    timezone: Field<String>,
    retention_days: Field<u16>,
    external_references: Field<u32>,
    /// The user's own webhook secret, if the body has one.
    pub secret: Option<SecretChange>,
    /// `Some(false)` asks to switch webhook verification off, which is the administrator's to do.
    pub verification: Option<bool>,
}

impl PatchRepository {
    /// Reads the fields of the record from a body that may also have credential parts; the caller finishes the object.
    pub fn read(object: &mut Object<'_, '_>) -> Self {
        let patch = Self {
            name: read_name(object, false),
            external_id: read_external_id(object),
            api_base_url: read_api_base_url(object),
            remote_url: read_remote(object),
            description: object.text("description"),
            metadata: read_metadata(object),
            branches: branches::read(object),
            branch: branches::read_name(object, "branch"),
            sync_interval_minutes: read_sync_interval(object),
            enabled: object.boolean("enabled"),
            timezone: read_timezone(object),
            retention_days: read_retention(object),
            external_references: read_references(object),
            secret: None,
            verification: read_verification(object).value(),
        };
        let secret = match read_webhook_secret(object) {
            Field::Absent | Field::Invalid => None,
            Field::Value(secret) if !secret.expose().is_empty() => Some(secret),
            Field::Null | Field::Value(_) => {
                object.error(
                    "webhookSecret",
                    "webhookSecret must not be blank; to switch verification off send webhookVerification: \"off\"",
                );
                None
            }
        };
        let overlap = read_overlap(object);
        object.ignore(&["skillDefaults"]);
        Self { secret: secret.map(|secret| SecretChange { supplied: Some(secret), overlap }), ..patch }
    }

    /// Applies the patch to a fresh copy of the record; run it again after a lost race.
    ///
    /// # Errors
    /// [`DomainError::Conflict`] `REPO_IDENTITY_LOCKED` (contract: hookcode 4.3), [`DomainError::Invalid`] for fields that
    /// do not fit the provider, [`DomainError::TooLarge`].
    pub fn apply(
        &self,
        stored: &Repository,
        state: &RepositoryState,
        now: Timestamp,
    ) -> Result<Repository, DomainError> {
        let mut next = stored.clone();
        if let Field::Value(name) = &self.name
            && *name != stored.shown_name()
        {
            // Elsewhere the name is a path that others know the repository by.
            if stored.namespace != DEFAULT_NAMESPACE {
                let text = "a repository of a product or a platform keeps its name";
                return Err(DomainError::invalid("/name", text));
            }
            next.name.clone_from(name);
        }
        if stored.build.is_some() && next.name != stored.name {
            return Err(DomainError::invalid("/name", "a platform's repository keeps its name"));
        }
        self.external_id.clone().patch(&mut next.external_id);
        self.api_base_url.clone().patch(&mut next.api_base_url);
        self.remote_url.clone().patch(&mut next.remote_url);
        self.description.clone().patch(&mut next.description);
        self.timezone.clone().patch(&mut next.timezone);
        self.branch.clone().patch(&mut next.branch);
        self.sync_interval_minutes.clone().patch(&mut next.sync_interval_minutes);
        match &self.metadata {
            Field::Value(metadata) => next.metadata.clone_from(metadata),
            Field::Null => next.metadata.clear(),
            Field::Absent | Field::Invalid => {}
        }
        match &self.branches {
            Field::Value(branches) => next.branches.clone_from(branches),
            Field::Null => next.branches.clear(),
            Field::Absent | Field::Invalid => {}
        }
        if let Field::Value(enabled) = self.enabled {
            next.enabled = enabled;
        }
        match self.retention_days {
            Field::Value(days) => next.retention_days = days,
            Field::Null => next.retention_days = DEFAULT_RETENTION_DAYS,
            Field::Absent | Field::Invalid => {}
        }
        match self.external_references {
            Field::Value(references) => next.external_references = references,
            Field::Null => next.external_references = 0,
            Field::Absent | Field::Invalid => {}
        }
        if let Some(verification) = self.verification {
            next.webhook.verification = verification;
        }
        if next.external_id != stored.external_id || next.api_base_url != stored.api_base_url {
            next.external_aliases.clear();
        }
        if !is_same_host(stored, &next) {
            // A credential of the vault was chosen for the host where the repository was; it does not follow to another.
            next.credential = None;
        }
        check_provider_fields(&next)?;
        check_lock(stored, &next, state)?;
        if let Some(change) = &self.secret {
            next.change_webhook_secret(change, now);
        }
        next.updated_at = now;
        next.version += 1;
        within_limit(next)
    }
}

impl Repository {
    /// Archives; a repeat keeps the first time and changes nothing (contract: hookcode 2.5).
    pub fn archived(&self, now: Timestamp) -> Option<Self> {
        if self.archived_at.is_some() {
            return None;
        }
        Some(Self { archived_at: Some(now), updated_at: now, version: self.version + 1, ..self.clone() })
    }

    /// Takes it out of the archive; `None` when it is not in it.
    pub fn unarchived(&self, now: Timestamp) -> Option<Self> {
        self.archived_at?;
        let mut next = Self { archived_at: None, updated_at: now, version: self.version + 1, ..self.clone() };
        if let Some((name, review)) = self.reclaimed() {
            (next.name, next.review) = (name, Some(review));
        }
        Some(next)
    }

    /// The same at another address, which may be another provider's.
    ///
    /// # Errors
    /// `REPO_IDENTITY_LOCKED` once a webhook was verified.
    pub(crate) fn moved(&self, place: RemotePlace, state: &RepositoryState) -> Result<Self, DomainError> {
        let mut next = self.clone();
        next.provider = place.provider.unwrap_or(Provider::Git);
        next.external_id = place.external_id;
        next.external_aliases.clear();
        next.api_base_url = place.api_base_url;
        next.remote_url = place.remote_url;
        next.git_host = None;
        if !is_same_host(self, &next) {
            next.credential = None;
        }
        check_lock(self, &next, state)?;
        Ok(next)
    }

    /// The record, if it is not too large.
    ///
    /// # Errors
    /// [`DomainError::TooLarge`].
    pub(crate) fn within_limit(self) -> Result<Self, DomainError> {
        within_limit(self)
    }

    /// The path that the provider's webhook points at.
    pub fn webhook_path(&self) -> String {
        webhook_path_of(self.provider, self.id)
    }
}

/// Where a provider posts the webhooks of a repository, which may not be there yet.
pub fn webhook_path_of(provider: Provider, id: RepositoryId) -> String {
    format!("/api/webhook/{provider}/{id}")
}

pub(super) fn within_limit(repository: Repository) -> Result<Repository, DomainError> {
    let bytes = serde_json::to_vec(&repository).map_or(usize::MAX, |json| json.len());
    if bytes > MAX_RECORD_BYTES {
        return Err(DomainError::TooLarge(format!(
            "the record would have {bytes} bytes; at most {MAX_RECORD_BYTES} fit"
        )));
    }
    Ok(repository)
}

fn check_provider_fields(next: &Repository) -> Result<(), DomainError> {
    if next.provider != Provider::Git {
        return Ok(());
    }
    if next.external_id.is_some() {
        return Err(DomainError::invalid("/externalId", "externalId is not used with provider git; send remoteUrl"));
    }
    if next.build.is_some() {
        return match next.remote_url {
            Some(_) => Err(DomainError::invalid("/remoteUrl", "a platform's repository has no remote of its own")),
            None => Ok(()),
        };
    }
    if next.remote_url.is_none() {
        return Err(DomainError::invalid("/remoteUrl", "remoteUrl is required with provider git"));
    }
    Ok(())
}

fn check_lock(stored: &Repository, next: &Repository, state: &RepositoryState) -> Result<(), DomainError> {
    if state.webhook_verified_at.is_none() {
        return Ok(());
    }
    let locked = |before: &Option<String>, after: &Option<String>| {
        before.as_deref().is_some_and(|text| !text.is_empty()) && before != after
    };
    for (field, before, after) in [
        ("externalId", &stored.external_id, &next.external_id),
        ("apiBaseUrl", &stored.api_base_url, &next.api_base_url),
    ] {
        if locked(before, after) {
            let message = format!("{field} is locked after webhook verification");
            return Err(DomainError::Conflict(Conflict::new("REPO_IDENTITY_LOCKED", message)));
        }
    }
    Ok(())
}

fn read_name(object: &mut Object<'_, '_>, required: bool) -> Field<String> {
    match object.text_up_to("name", MAX_NAME_BYTES).map(|name| name.trim().to_owned()) {
        Field::Value(name) if name.is_empty() => {
            object.error("name", "name is required");
            Field::Invalid
        }
        Field::Absent | Field::Null if required => {
            object.error("name", "name is required");
            Field::Invalid
        }
        Field::Null => Field::Absent,
        field @ (Field::Absent | Field::Value(_) | Field::Invalid) => field,
    }
}

/// Repositories of a product or a platform are made there, where what else belongs to them is known.
fn check_namespace(object: &mut Object<'_, '_>) {
    let Field::Value(text) = object.text_up_to("namespace", MAX_NAME_BYTES) else { return };
    if text == DEFAULT_NAMESPACE {
        return;
    }
    object.error("namespace", if product_of(&text).is_some() {
        "must be registry; a product's repositories are saved by POST /api/v1/products/{product_name}/coderepos/{coderepo_name}"
    } else if platform_of(&text).is_some() {
        "must be registry; a platform's repositories are made by POST /api/v1/repositories.json"
    } else {
        "must be registry"
    });
}

fn read_external_id(object: &mut Object<'_, '_>) -> Field<String> {
    object.trimmed("externalId", MAX_EXTERNAL_ID_BYTES)
}

pub(crate) fn read_api_base_url(object: &mut Object<'_, '_>) -> Field<String> {
    object.trimmed("apiBaseUrl", MAX_URL_BYTES).and_then(|text| {
        if is_base_url(&text) {
            return Field::Value(text);
        }
        object.error("apiBaseUrl", "must be an http or https URL without user, query or fragment");
        Field::Invalid
    })
}

fn is_base_url(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.host_str().is_some()
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none()
    })
}

fn read_remote(object: &mut Object<'_, '_>) -> Field<String> {
    object.trimmed("remoteUrl", MAX_URL_BYTES).and_then(|text| match normalize_remote(&text) {
        Ok(_) => Field::Value(text),
        Err(error) => {
            object.error("remoteUrl", error.to_string());
            Field::Invalid
        }
    })
}

fn read_metadata(object: &mut Object<'_, '_>) -> Field<BTreeMap<String, String>> {
    object.object("metadata").and_then(|value| {
        let mut metadata = BTreeMap::new();
        let base = object.pointer("metadata");
        let entries = value.as_object().into_iter().flatten();
        for (key, value) in entries {
            let pointer = format!("{base}/{}", crate::input::pointer_token(key));
            match value.as_str() {
                _ if key.is_empty() || key.len() > MAX_METADATA_KEY_BYTES => {
                    object.errors().push(pointer, format!("keys must have 1 to {MAX_METADATA_KEY_BYTES} bytes"));
                }
                Some(text) if text.len() <= MAX_METADATA_VALUE_BYTES => {
                    metadata.insert(key.clone(), text.to_owned());
                }
                _ => object
                    .errors()
                    .push(pointer, format!("must be a string of at most {MAX_METADATA_VALUE_BYTES} bytes")),
            }
        }
        if metadata.len() > MAX_METADATA_ENTRIES {
            object.error("metadata", format!("must have at most {MAX_METADATA_ENTRIES} entries"));
            return Field::Invalid;
        }
        Field::Value(metadata)
    })
}

fn read_timezone(object: &mut Object<'_, '_>) -> Field<String> {
    object.text_up_to("timezone", 64).and_then(|zone| {
        if is_time_zone(&zone) {
            return Field::Value(zone);
        }
        object.error("timezone", "must be an IANA time zone such as Europe/Berlin");
        Field::Invalid
    })
}

fn read_retention(object: &mut Object<'_, '_>) -> Field<u16> {
    object.integer("retentionDays", RETENTION_DAYS).map(|days| u16::try_from(days).unwrap_or(DEFAULT_RETENTION_DAYS))
}

fn read_references(object: &mut Object<'_, '_>) -> Field<u32> {
    let references = object.integer("externalReferences", 0..=i64::from(MAX_EXTERNAL_REFERENCES));
    references.map(|references| u32::try_from(references).unwrap_or(MAX_EXTERNAL_REFERENCES))
}

/// `null` switches scheduled syncs off.
fn read_sync_interval(object: &mut Object<'_, '_>) -> Field<u16> {
    let minutes = object.integer("syncIntervalMinutes", SYNC_INTERVAL_MINUTES);
    minutes.map(|minutes| u16::try_from(minutes).unwrap_or(DEFAULT_SYNC_INTERVAL_MINUTES))
}

fn read_verification(object: &mut Object<'_, '_>) -> Field<bool> {
    match object.text("webhookVerification") {
        Field::Value(text) if text == "on" => Field::Value(true),
        Field::Value(text) if text == "off" => Field::Value(false),
        Field::Value(_) => {
            object.error("webhookVerification", "must be on or off");
            Field::Invalid
        }
        Field::Null => Field::Absent,
        Field::Absent => Field::Absent,
        Field::Invalid => Field::Invalid,
    }
}
