//! The vault: one secret document per owner in Secrets Manager, read by version through a warm cache.
//!
//! Writers never read "current": the owner's record in the table points at the version that counts, so a document that
//! was put but not committed is never seen. The committed version keeps a staging label, because versions without a label
//! are dropped by the service.

use crate::error::StoreError;
use crate::meter::metered_vault;
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::types::{Filter, FilterNameStringType, Tag};
use moka::future::Cache;
use repoplane_domain::id::{IdSource, TenantId};
use repoplane_domain::secret::Secret;
use repoplane_domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

/// Largest document, in bytes (Secrets Manager: SecretString).
const MAX_DOCUMENT_BYTES: usize = 64 * 1024;
/// Staging label of the version that the table points at.
const COMMITTED: &str = "repoplane-committed";
/// Documents of one page of a list (Secrets Manager: ListSecrets).
const PAGE: i32 = 100;
/// How long a document stays in memory after its last use.
const CACHE_IDLE: Duration = Duration::from_secs(15 * 60);
/// Documents in memory.
const CACHE_DOCUMENTS: u64 = 1_000;

/// Which version of which document counts.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SecretPointer {
    /// The document's name in the vault.
    pub name: String,
    /// The version.
    pub version: String,
}

/// A document as the service lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ListedSecret {
    pub(crate) name: String,
    pub(crate) created_at: Option<Timestamp>,
}

/// A page of documents.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct SecretList {
    pub(crate) secrets: Vec<ListedSecret>,
    /// Where the next page begins.
    pub(crate) next: Option<String>,
}

/// The values of one owner, by name.
#[derive(Debug, Clone, Default)]
pub struct Document(BTreeMap<String, Secret>);

impl Document {
    /// One value.
    pub fn get(&self, name: &str) -> Option<&Secret> {
        self.0.get(name)
    }

    /// Sets a value, or removes it.
    pub fn set(&mut self, name: impl Into<String>, value: Option<Secret>) {
        let name = name.into();
        match value {
            Some(value) => self.0.insert(name, value),
            None => self.0.remove(&name),
        };
    }

    fn encode(&self) -> Result<Secret, StoreError> {
        let plain: BTreeMap<&str, &str> = self.0.iter().map(|(name, value)| (name.as_str(), value.expose())).collect();
        let json =
            Secret::new(serde_json::to_string(&plain).map_err(|error| StoreError::corrupt("secret document", error))?);
        if json.expose().len() > MAX_DOCUMENT_BYTES {
            return Err(StoreError::Limit(format!(
                "all credentials of one owner together may have at most {MAX_DOCUMENT_BYTES} bytes"
            )));
        }
        Ok(json)
    }

    fn decode(json: &str) -> Result<Self, StoreError> {
        // The parser's message quotes no values, but its source is dropped all the same: it has seen secrets.
        let plain: BTreeMap<String, String> = serde_json::from_str(json)
            .map_err(|_| StoreError::corrupt("secret document", std::io::Error::other("not a JSON object of texts")))?;
        Ok(Self(plain.into_iter().map(|(name, value)| (name, Secret::new(value))).collect()))
    }
}

/// A client that is built at its first call.
type LazyClient = LazyLock<Client, Box<dyn FnOnce() -> Client + Send>>;

/// The vault on one client.
#[derive(Clone)]
pub struct Vault {
    client: Arc<LazyClient>,
    prefix: String,
    key: Option<String>,
    documents: Cache<SecretPointer, Arc<Document>>,
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Vault").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

impl Vault {
    /// A vault whose secrets are named `<prefix>/<tenant>/<owner>`.
    pub fn new(client: Client, prefix: impl Into<String>) -> Self {
        Self::lazy(|| client, prefix)
    }

    /// As [`Vault::new`], on a client that is built when the first secret is asked for: most requests need none.
    pub fn lazy(client: impl FnOnce() -> Client + Send + 'static, prefix: impl Into<String>) -> Self {
        let client: LazyClient = LazyLock::new(Box::new(move || metered_vault(&client())));
        let documents = Cache::builder().max_capacity(CACHE_DOCUMENTS).time_to_idle(CACHE_IDLE).build();
        Self { client: Arc::new(client), prefix: prefix.into(), key: None, documents }
    }

    /// The same vault, whose new secrets are encrypted with this KMS key; without one, with the key that AWS manages.
    #[must_use]
    pub fn with_key(mut self, key: Option<String>) -> Self {
        self.key = key;
        self
    }

    /// The name of an owner's document.
    pub(crate) fn name_of(&self, tenant: TenantId, owner: &str) -> String {
        format!("{}/{tenant}/{owner}", self.prefix)
    }

    /// Tenant and owner in the name of a document; `None` for a secret that is none of ours.
    pub(crate) fn parse_name<'a>(&self, name: &'a str) -> Option<(TenantId, &'a str)> {
        let (tenant, owner) = name.strip_prefix(&self.prefix)?.strip_prefix('/')?.split_once('/')?;
        Some((tenant.parse().ok()?, owner))
    }

    /// A page of the documents that are not deleted.
    pub(crate) async fn list(&self, start: Option<&str>) -> Result<SecretList, StoreError> {
        let ours = |key: FilterNameStringType, value: &str| Filter::builder().key(key).values(value).build();
        let call = self.client.list_secrets().max_results(PAGE).set_next_token(start.map(str::to_owned));
        let call = call.filters(ours(FilterNameStringType::TagKey, "application"));
        let call = call.filters(ours(FilterNameStringType::TagValue, "repoplane"));
        let answer = call.send().await.map_err(StoreError::vault)?;
        let listed = answer.secret_list.unwrap_or_default().into_iter().filter(|entry| entry.deleted_date.is_none());
        let secrets = listed.filter_map(|entry| {
            let created_at = entry.created_date.map(|at| Timestamp::from_second(at.secs()));
            Some(ListedSecret { name: entry.name?, created_at })
        });
        Ok(SecretList { secrets: secrets.collect(), next: answer.next_token })
    }

    /// The document that a pointer names; an owner without one has no values.
    pub(crate) async fn read(&self, pointer: Option<&SecretPointer>) -> Result<Arc<Document>, StoreError> {
        let Some(pointer) = pointer else { return Ok(Arc::default()) };
        if let Some(document) = self.documents.get(pointer).await {
            return Ok(document);
        }
        let call = self.client.get_secret_value().secret_id(&pointer.name).version_id(&pointer.version);
        let answer = call.send().await.map_err(StoreError::vault)?;
        let document = Arc::new(Document::decode(answer.secret_string().unwrap_or("{}"))?);
        self.documents.insert(pointer.clone(), Arc::clone(&document)).await;
        Ok(document)
    }

    /// Puts a new version, which nobody sees until a pointer names it.
    pub(crate) async fn put(
        &self,
        name: &str,
        exists: bool,
        document: Document,
        ids: &dyn IdSource,
    ) -> Result<SecretPointer, StoreError> {
        let json = document.encode()?;
        let token = format!("{:032x}", ids.random());
        let created = if exists {
            None
        } else {
            let call = self.client.create_secret().name(name).client_request_token(&token).secret_string(json.expose());
            let call = call.tags(Tag::builder().key("application").value("repoplane").build());
            match call.set_kms_key_id(self.key.clone()).send().await {
                Ok(answer) => answer.version_id,
                // A writer before us created it and never committed: its version stays unseen, ours is put beside it.
                Err(error) if error.as_service_error().is_some_and(|e| e.is_resource_exists_exception()) => None,
                Err(error) => return Err(StoreError::vault(error)),
            }
        };
        let version = match created {
            Some(version) => Some(version),
            None => {
                let call = self.client.put_secret_value().secret_id(name).client_request_token(&token);
                call.secret_string(json.expose()).send().await.map_err(StoreError::vault)?.version_id
            }
        };
        // The service names the version after the token unless it says otherwise.
        let pointer = SecretPointer { name: name.to_owned(), version: version.unwrap_or(token) };
        self.documents.insert(pointer.clone(), Arc::new(document)).await;
        Ok(pointer)
    }

    /// Moves the label to the version that the table points at now. The change is durable already: a failure here is
    /// logged and mended by the next writer, long before the service would drop the version.
    pub(crate) async fn mark_committed(&self, new: &SecretPointer, old: Option<&SecretPointer>) {
        if let Err(error) = self.try_mark_committed(new, old.map(|old| old.version.clone())).await {
            tracing::warn!(secret.name = %new.name, error = %error, "Could not label the committed secret version");
        }
    }

    async fn try_mark_committed(&self, new: &SecretPointer, old: Option<String>) -> Result<(), StoreError> {
        let label = |remove_from: Option<String>| {
            let call = self.client.update_secret_version_stage().secret_id(&new.name).version_stage(COMMITTED);
            call.move_to_version_id(&new.version).set_remove_from_version_id(remove_from).send()
        };
        if label(old).await.is_ok() {
            return Ok(());
        }
        // The label is not where the table says: a writer died between its commit and its label.
        let described = self.client.describe_secret().secret_id(&new.name).send().await.map_err(StoreError::vault)?;
        let mut versions = described.version_ids_to_stages.unwrap_or_default().into_iter();
        let holder =
            versions.find(|(_, stages)| stages.iter().any(|stage| stage == COMMITTED)).map(|(version, _)| version);
        label(holder.filter(|version| *version != new.version)).await.map(drop).map_err(StoreError::vault)
    }

    /// Deletes an owner's document with its owner. The service keeps it for some days, during which its name stays taken.
    pub(crate) async fn delete(&self, name: &str) -> Result<(), StoreError> {
        match self.client.delete_secret().secret_id(name).send().await {
            Ok(_) => Ok(()),
            Err(error) if error.as_service_error().is_some_and(|e| e.is_resource_not_found_exception()) => Ok(()),
            Err(error) => Err(StoreError::vault(error)),
        }
    }

    /// Whether the vault answers: to a question for a secret that nobody has.
    pub(crate) async fn probe(&self) -> Result<(), StoreError> {
        match self.client.describe_secret().secret_id(format!("{}/health", self.prefix)).send().await {
            Ok(_) => Ok(()),
            Err(error) if error.as_service_error().is_some_and(|e| e.is_resource_not_found_exception()) => Ok(()),
            Err(error) => Err(StoreError::vault(error)),
        }
    }

    /// The text of a secret that the deployment made (the bootstrap token), current version, uncached.
    pub async fn read_plain(&self, name: &str) -> Result<Option<Secret>, StoreError> {
        match self.client.get_secret_value().secret_id(name).send().await {
            Ok(answer) => Ok(answer.secret_string.map(Secret::new)),
            Err(error) if error.as_service_error().is_some_and(|e| e.is_resource_not_found_exception()) => Ok(None),
            Err(error) => Err(StoreError::vault(error)),
        }
    }
}
