//! Platform tokens: whom they speak for is looked up, not written down in them, so that they end with it.
//!
//! A token that was given in exchange is an item of its own, opaque to its bearer. A signed one would save that item's
//! write, but checking it would take a key from the vault in every function, and forging it no more than that key;
//! either way the tool's key and the user are looked up, each believed for half a minute.

use crate::access::TokenRecord;
use crate::commit::Writes;
use crate::error::StoreError;
use crate::item::{self, Item};
use crate::keys::{self, Unique};
use crate::table::Range;
use crate::{Store, WriteError};
use repoplane_domain::access::{Exchange, ExchangedToken, Principal, Scope, TokenKind, User};
use repoplane_domain::audit::{AuditAction, AuditEntry};
use repoplane_domain::error::{DomainError, Kind};
use repoplane_domain::id::{AccessTokenId, AuditId, TenantId, UserId};
use repoplane_domain::oidc::UserClaim;
use repoplane_domain::secret::{Secret, sha256_hex};
use repoplane_domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::sync::Arc;

/// A token that was given in exchange, and the key that it ends with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ExchangedRecord {
    token: ExchangedToken,
    /// SHA-256 of the tool's key: where its item is.
    key_hash: String,
}

/// Who calls with a platform token: never as an administrator, whatever the user may with a token of their own.
pub fn platform_principal(user: &User, tenant: TenantId, token: AccessTokenId, scopes: BTreeSet<Scope>) -> Principal {
    Principal {
        tenant,
        user: user.id,
        username: user.username.clone(),
        display_name: user.display_name.clone(),
        email: user.email.clone(),
        roles: BTreeSet::new(),
        token,
        kind: TokenKind::Platform,
        scopes,
        policy: None,
    }
}

impl Store {
    /// Gives a tool a token that speaks for a user of its tenant. The text comes from the caller's randomness and is not
    /// kept. It ends with the tool's key at the latest.
    ///
    /// # Errors
    /// What the exchange says; [`Kind::User`] not found, also for a disabled one; [`Kind::AccessToken`] not found when the
    /// key was revoked meanwhile; storage failures.
    pub async fn exchange_token(
        &self,
        key: &Principal,
        exchange: Exchange,
        text: &Secret,
        now: Timestamp,
    ) -> Result<ExchangedToken, WriteError> {
        let mut token = exchange.into_token(key, AccessTokenId::new(now, &*self.ids), now)?;
        let (user, own) =
            tokio::try_join!(self.user(key.tenant, token.user), self.token_with_hash(key.tenant, key.user, key.token))?;
        user.filter(|user| !user.disabled).ok_or(DomainError::NotFound(Kind::User))?;
        let (key_hash, own) = own.ok_or(DomainError::NotFound(Kind::AccessToken))?;
        token.expires_at = own.expires_at.map_or(token.expires_at, |end| end.min(token.expires_at));
        let hash = sha256_hex(text.expose().as_bytes());
        let record = ExchangedRecord { token, key_hash };
        let mut writes = Writes::default();
        writes.create(Item::new(&keys::exchanged_token(&hash), &record)?.expiring(record.token.expires_at));
        let token = &record.token;
        let audit = AuditId::new(now, &*self.ids);
        let entry = AuditEntry::by(key, audit, AuditAction::AccessTokenExchanged, token.id, now);
        writes.audit(&entry.with(serde_json::json!({
            "userId": token.user, "scopes": token.scopes, "expiresAt": token.expires_at,
        })))?;
        self.commit_new(&writes, now).await?;
        // Someone may have tried the text before it was good.
        self.missing_tokens.invalidate(&hash).await;
        Ok(record.token)
    }

    /// The caller behind a token that was given in exchange, while its key and its user are good.
    pub(crate) async fn exchanged(&self, text: &Secret, now: Timestamp) -> Result<Option<Principal>, StoreError> {
        let Some(record) = self.exchanged_record(text, now).await?.filter(|record| record.token.expires_at > now)
        else {
            return Ok(None);
        };
        let (tenant, user) = (record.token.tenant, record.token.user);
        let (key, user) = tokio::try_join!(self.key_record(&record.key_hash, now), self.believed_user(tenant, user))?;
        let key = key.and_then(|key| key.principal(now));
        let Some(user) = user.filter(|user| !user.disabled && key.is_some()) else { return Ok(None) };
        Ok(Some(platform_principal(&user, tenant, record.token.id, record.token.scopes.clone())))
    }

    async fn exchanged_record(
        &self,
        text: &Secret,
        now: Timestamp,
    ) -> Result<Option<Arc<ExchangedRecord>>, StoreError> {
        let hash = sha256_hex(text.expose().as_bytes());
        if let Some(record) = self.exchanged.get(&hash).await {
            return Ok(Some(record));
        }
        if self.missing_tokens.get(&hash).await.is_some() {
            return Ok(None);
        }
        let item = self.table.get(&keys::exchanged_token(&hash), true).await?;
        let Some(item) = item.filter(|item| item::is_alive(item, now)) else {
            self.missing_tokens.insert(hash, ()).await;
            return Ok(None);
        };
        let record: Arc<ExchangedRecord> = Arc::new(item::into_value("exchanged token", item)?);
        self.exchanged.insert(hash, Arc::clone(&record)).await;
        Ok(Some(record))
    }

    /// A tool's key by its hash; as a token that calls, but not used by it.
    async fn key_record(&self, hash: &str, now: Timestamp) -> Result<Option<Arc<TokenRecord>>, StoreError> {
        if let Some(record) = self.tokens.get(hash).await {
            return Ok(Some(record));
        }
        let item = self.table.get(&keys::token(hash), true).await?;
        let Some(item) = item.filter(|item| item::is_alive(item, now)) else { return Ok(None) };
        let record: Arc<TokenRecord> = Arc::new(item::into_value("access token", item)?);
        self.tokens.insert(hash.to_owned(), Arc::clone(&record)).await;
        Ok(Some(record))
    }

    /// A user, believed for half a minute.
    async fn believed_user(&self, tenant: TenantId, id: UserId) -> Result<Option<Arc<User>>, StoreError> {
        if let Some(user) = self.users.get(&(tenant, id)).await {
            return Ok(Some(user));
        }
        let Some(user) = self.user(tenant, id).await?.map(Arc::new) else { return Ok(None) };
        self.users.insert((tenant, id), Arc::clone(&user)).await;
        Ok(Some(user))
    }

    /// The user that an issuer's claim names, believed for half a minute: by name, or by an e-mail address that no other
    /// user of the tenant has. Case is ignored.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn user_of_claim(
        &self,
        tenant: TenantId,
        claim: UserClaim,
        name: &str,
    ) -> Result<Option<Arc<User>>, StoreError> {
        let known = (tenant, claim, name.to_lowercase());
        let id = match self.subjects.get(&known).await {
            Some(id) => id,
            None => {
                let Some(id) = self.find_subject(tenant, claim, name).await? else { return Ok(None) };
                self.subjects.insert(known.clone(), id).await;
                id
            }
        };
        let user = self.believed_user(tenant, id).await?;
        let (_, _, name) = known;
        // An address may have changed since it was looked up.
        let still = |user: &Arc<User>| match claim {
            UserClaim::Sub | UserClaim::PreferredUsername => user.username.to_lowercase() == name,
            UserClaim::Email => user.email.as_ref().is_some_and(|email| email.to_lowercase() == name),
        };
        Ok(user.filter(still))
    }

    async fn find_subject(&self, tenant: TenantId, claim: UserClaim, name: &str) -> Result<Option<UserId>, StoreError> {
        match claim {
            UserClaim::Sub | UserClaim::PreferredUsername => {
                let taken = keys::unique(tenant, &Unique::Username(name.to_owned()));
                let claim = self.table.get(&taken, true).await?;
                claim.map(|claim| item::into_value("claim", claim)).transpose()
            }
            UserClaim::Email => {
                let range = Range::partition(keys::email_partition(tenant, name));
                let (mut found, _) = self.table.page(&range, Some(2), None).await?;
                let only = if found.len() == 1 { found.pop() } else { None };
                only.map(|item| item::into_value("e-mail", item)).transpose()
            }
        }
    }
}

/// Lets a user be found by the e-mail address; nobody owns one, so two users may have the same.
pub(crate) fn write_email(
    writes: &mut Writes,
    tenant: TenantId,
    before: Option<&User>,
    user: &User,
) -> Result<(), StoreError> {
    let key = |user: &User| user.email.as_deref().map(|email| keys::email(tenant, email, user.id));
    let (old, new) = (before.and_then(key), key(user));
    if old == new {
        return Ok(());
    }
    if let Some(old) = old {
        writes.delete(old);
    }
    if let Some(new) = new {
        writes.put(Item::new(&new, &user.id)?);
    }
    Ok(())
}
