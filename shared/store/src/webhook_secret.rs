//! Webhook secrets: derived from the tenant's master key, or read from their owner's document when a user supplied one.

use crate::Store;
use crate::decision::DecisionSet;
use crate::error::StoreError;
use crate::organisation_hooks::StoredHook;
use crate::tenants::WEBHOOK_MASTER_KEY;
use crate::vault::SecretPointer;
use repoplane_domain::id::{RepositoryId, TenantId};
use repoplane_domain::repository::{WebhookSecretSource, WebhookSettings};
use repoplane_domain::secret::Secret;
use repoplane_domain::time::Timestamp;

/// Whose webhook secrets they are, and where its supplied ones lie.
struct Owner<'a> {
    tenant: TenantId,
    id: String,
    webhook: &'a WebhookSettings,
    secrets: Option<&'a SecretPointer>,
}

impl Store {
    /// The current webhook secret and, during an overlap, the one before it.
    ///
    /// # Errors
    /// [`StoreError`] when the table or the vault fails.
    pub async fn webhook_secrets(
        &self,
        set: &DecisionSet,
        now: Timestamp,
    ) -> Result<(Secret, Option<Secret>), StoreError> {
        let repository = &set.repository;
        let (id, secrets) = (repository.id.to_string(), set.credentials.secrets.as_ref());
        self.secrets_of(&Owner { tenant: repository.tenant, id, webhook: &repository.webhook, secrets }, now).await
    }

    /// The current webhook secret of a repository, or what that of a new one will be.
    ///
    /// # Errors
    /// [`StoreError`] when the table or the vault fails.
    pub async fn webhook_secret_of(
        &self,
        tenant: TenantId,
        id: RepositoryId,
        known: Option<&DecisionSet>,
        now: Timestamp,
    ) -> Result<Secret, StoreError> {
        if let Some(set) = known {
            return Ok(self.webhook_secrets(set, now).await?.0);
        }
        let webhook = WebhookSettings::first(None);
        let owner = Owner { tenant, id: id.to_string(), webhook: &webhook, secrets: None };
        Ok(self.secrets_of(&owner, now).await?.0)
    }

    /// As [`Store::webhook_secrets`], of an organisation's webhook.
    ///
    /// # Errors
    /// [`StoreError`] when the table or the vault fails.
    pub async fn hook_secrets(
        &self,
        stored: &StoredHook,
        now: Timestamp,
    ) -> Result<(Secret, Option<Secret>), StoreError> {
        let (hook, secrets) = (&stored.hook, stored.secrets.as_ref());
        self.secrets_of(&Owner { tenant: hook.tenant, id: hook.id.to_string(), webhook: &hook.webhook, secrets }, now)
            .await
    }

    async fn secrets_of(&self, owner: &Owner<'_>, now: Timestamp) -> Result<(Secret, Option<Secret>), StoreError> {
        let current = self.webhook_secret(owner, &owner.webhook.secret).await?;
        let previous = match owner.webhook.previous.as_ref().filter(|previous| previous.accepted_until > now) {
            Some(previous) => Some(self.webhook_secret(owner, &previous.source).await?),
            None => None,
        };
        Ok((current, previous))
    }

    async fn webhook_secret(&self, owner: &Owner<'_>, source: &WebhookSecretSource) -> Result<Secret, StoreError> {
        let missing = |what| StoreError::corrupt(what, std::io::Error::other("the value is not in the vault"));
        match source {
            WebhookSecretSource::Derived { generation } => self.derived_secret(owner, *generation).await,
            WebhookSecretSource::Supplied { value } => {
                let document = self.vault.read(owner.secrets).await?;
                document.get(value.as_str()).cloned().ok_or_else(|| missing("webhook secret"))
            }
        }
    }

    async fn derived_secret(&self, owner: &Owner<'_>, generation: u32) -> Result<Secret, StoreError> {
        let missing = |what| StoreError::corrupt(what, std::io::Error::other("not there"));
        let tenant = self.tenant_record(owner.tenant).await?.ok_or_else(|| missing("tenant"))?;
        let document = self.vault.read(Some(&tenant.secrets)).await?;
        let master = document.get(WEBHOOK_MASTER_KEY).ok_or_else(|| missing("webhook master key"))?;
        let mac = master.hmac_sha256(&[owner.id.as_bytes(), b"\0", &generation.to_be_bytes()]);
        // 48 hex characters, as HookCode's clients know them (contract: hookcode 2.2).
        let hex: String = mac.iter().take(24).map(|byte| format!("{byte:02x}")).collect();
        Ok(Secret::new(hex))
    }

    /// The value of a repository's secret document.
    ///
    /// # Errors
    /// [`StoreError`] when the vault fails.
    pub async fn repository_secret(&self, set: &DecisionSet, name: &str) -> Result<Option<Secret>, StoreError> {
        Ok(self.vault.read(set.credentials.secrets.as_ref()).await?.get(name).cloned())
    }
}
