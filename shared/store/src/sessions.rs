//! Sessions that stand for a token: their keys, and the caller behind one.

use crate::Store;
use crate::error::StoreError;
use crate::tenants::WEBHOOK_MASTER_KEY;
use repoplane_domain::access::{Principal, Session};
use repoplane_domain::id::TenantId;
use repoplane_domain::secret::{Secret, sha256_hex};
use repoplane_domain::time::Timestamp;

impl Store {
    /// The cookie of a session that begins now and stands for a token's text.
    ///
    /// # Errors
    /// [`StoreError`] when table or vault fail.
    pub async fn begin_session(&self, tenant: TenantId, token: &Secret, now: Timestamp) -> Result<Secret, StoreError> {
        let session = Session { tenant, token_hash: sha256_hex(token.expose().as_bytes()), began: now };
        let missing = || StoreError::corrupt("tenant", std::io::Error::other("not there"));
        let key = self.session_key(tenant, session.key_number()).await?.ok_or_else(missing)?;
        Ok(session.seal(&key))
    }

    /// The caller behind a session's cookie; `None` for one that is none of ours, is over, or whose token is no longer good.
    ///
    /// # Errors
    /// [`StoreError`] when table or vault fail.
    pub async fn session_caller(&self, cookie: &str, now: Timestamp) -> Result<Option<Principal>, StoreError> {
        let Some(unverified) = Session::read(cookie, now) else { return Ok(None) };
        let Some(key) = self.session_key(unverified.tenant(), unverified.key_number()).await? else { return Ok(None) };
        let Some(session) = unverified.verified(&key) else { return Ok(None) };
        let record = self.record_of_hash(session.token_hash, false, now).await?;
        let principal = record.and_then(|record| record.principal(now));
        Ok(principal.filter(|principal| principal.tenant == session.tenant))
    }

    /// A tenant's key for the sessions of a span of time; `None` for a tenant that is not there. It is kept nowhere: it
    /// comes of the tenant's master key, which is in the vault.
    async fn session_key(&self, tenant: TenantId, number: i64) -> Result<Option<Secret>, StoreError> {
        let Some(record) = self.tenant_record(tenant).await? else { return Ok(None) };
        let document = self.vault.read(Some(&record.secrets)).await?;
        let missing = || StoreError::corrupt("master key", std::io::Error::other("not in the vault"));
        let master = document.get(WEBHOOK_MASTER_KEY).ok_or_else(missing)?;
        Ok(Some(Secret::new(sha256_hex(&master.hmac_sha256(&[b"session\0", &number.to_be_bytes()])))))
    }
}
