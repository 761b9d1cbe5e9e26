//! Webhook secrets: derived from the tenant's master key, or read from the repository's document when a user supplied one.

use crate::Store;
use crate::decision::DecisionSet;
use crate::error::StoreError;
use crate::tenants::WEBHOOK_MASTER_KEY;
use repoplane_domain::repository::{Repository, WebhookSecretSource};
use repoplane_domain::secret::Secret;
use repoplane_domain::time::Timestamp;

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
        let webhook = &set.repository.webhook;
        let current = self.webhook_secret(set, &webhook.secret).await?;
        let previous = match webhook.previous.as_ref().filter(|previous| previous.accepted_until > now) {
            Some(previous) => Some(self.webhook_secret(set, &previous.source).await?),
            None => None,
        };
        Ok((current, previous))
    }

    async fn webhook_secret(&self, set: &DecisionSet, source: &WebhookSecretSource) -> Result<Secret, StoreError> {
        let missing = |what| StoreError::corrupt(what, std::io::Error::other("the value is not in the vault"));
        match source {
            WebhookSecretSource::Derived { generation } => self.derived_secret(&set.repository, *generation).await,
            WebhookSecretSource::Supplied { value } => {
                let document = self.vault.read(set.credentials.secrets.as_ref()).await?;
                document.get(value.as_str()).cloned().ok_or_else(|| missing("webhook secret"))
            }
        }
    }

    async fn derived_secret(&self, repository: &Repository, generation: u32) -> Result<Secret, StoreError> {
        let missing = |what| StoreError::corrupt(what, std::io::Error::other("not there"));
        let tenant = self.tenant_record(repository.tenant).await?.ok_or_else(|| missing("tenant"))?;
        let document = self.vault.read(Some(&tenant.secrets)).await?;
        let master = document.get(WEBHOOK_MASTER_KEY).ok_or_else(|| missing("webhook master key"))?;
        let mac = master.hmac_sha256(&[repository.id.to_string().as_bytes(), b"\0", &generation.to_be_bytes()]);
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
