//! Sessions that stand for a token: their keys, and the caller behind one.

use crate::Store;
use crate::error::StoreError;
use crate::item::{self, Item};
use crate::keys;
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
        let nonce = u64::try_from(self.ids.random() & u128::from(u64::MAX)).unwrap_or_default();
        let session = Session { tenant, token_hash: sha256_hex(token.expose().as_bytes()), began: now, nonce };
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
        let known = sha256_hex(cookie.as_bytes());
        let (ended, record) =
            tokio::try_join!(self.is_ended(&known, now), self.record_of_hash(session.token_hash, false, now))?;
        if ended {
            return Ok(None);
        }
        let principal = record.and_then(|record| record.principal(now));
        Ok(principal.filter(|principal| principal.tenant == session.tenant))
    }

    /// Ends the session of a cookie before its time; elsewhere it may be believed for half a minute more. One that is none
    /// of ours has nothing to end.
    ///
    /// # Errors
    /// [`StoreError`] when table or vault fail.
    pub async fn end_session(&self, cookie: &str, now: Timestamp) -> Result<(), StoreError> {
        let Some(unverified) = Session::read(cookie, now) else { return Ok(()) };
        let Some(key) = self.session_key(unverified.tenant(), unverified.key_number()).await? else { return Ok(()) };
        let Some(session) = unverified.verified(&key) else { return Ok(()) };
        let known = sha256_hex(cookie.as_bytes());
        let item = Item::new(&keys::ended_session(&known), &session.tenant)?.expiring(session.ends_at());
        self.table.put(item.into_attributes()).await?;
        self.ended_sessions.insert(known, true).await;
        Ok(())
    }

    /// Whether a session was ended, by the hash of its cookie.
    async fn is_ended(&self, known: &str, now: Timestamp) -> Result<bool, StoreError> {
        if let Some(ended) = self.ended_sessions.get(known).await {
            return Ok(ended);
        }
        let item = self.table.get(&keys::ended_session(known), true).await?;
        let ended = item.is_some_and(|item| item::is_alive(&item, now));
        self.ended_sessions.insert(known.to_owned(), ended).await;
        Ok(ended)
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
