//! Access tokens: found by the hash of their text, believed for half a minute.

use crate::commit::Writes;
use crate::error::StoreError;
use crate::idempotency::{KeptAnswer, Once};
use crate::item::{self, Attributes, Item};
use crate::keys;
use crate::table::Range;
use crate::tenants::{MAX_TOKENS_OF_USER, RACES, pause_after, write_conflict};
use crate::{Store, WriteError};
use repoplane_domain::access::{AccessToken, CreateAccessToken, Principal, TokenKind, User};
use repoplane_domain::audit::{AuditAction, AuditEntry};
use repoplane_domain::error::{DomainError, Kind};
use repoplane_domain::id::{AccessTokenId, AuditId, TenantId, UserId};
use repoplane_domain::operational_event::{OperationalEvent, of_access_token};
use repoplane_domain::secret::{Secret, sha256_hex};
use repoplane_domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

/// `lastUsedAt` is written at most this often.
const LAST_USED_STEP: Duration = Duration::from_secs(3600);

/// A token with its user, as one item: authentication is one read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenRecord {
    /// The token.
    pub token: AccessToken,
    /// The user behind it.
    pub user: User,
}

impl TokenRecord {
    /// The caller, unless the token ran out or its user is disabled.
    pub fn principal(&self, now: Timestamp) -> Option<Principal> {
        let alive = self.token.expires_at.is_none_or(|at| at > now) && !self.user.disabled;
        alive.then(|| Principal {
            tenant: self.token.tenant,
            user: self.user.id,
            username: self.user.username.clone(),
            display_name: self.user.display_name.clone(),
            email: self.user.email.clone(),
            roles: self.user.roles.clone(),
            token: self.token.id,
            kind: self.token.kind,
            scopes: self.token.scopes.clone(),
            policy: self.token.policy.clone(),
        })
    }
}

/// A new token; its text is shown in this one answer.
#[derive(Debug, Clone)]
pub struct IssuedToken {
    /// The text.
    pub text: Secret,
    /// The record.
    pub token: AccessToken,
}

/// The item that a token's text leads to.
pub(crate) fn token_item(hash: &str, record: &TokenRecord, expires: Option<Timestamp>) -> Result<Item, StoreError> {
    let item = Item::new(&keys::token(hash), record)?;
    Ok(match expires {
        Some(at) => item.expiring(at),
        None => item,
    })
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ListedToken {
    pub(crate) token: AccessToken,
    hash: String,
}

impl Store {
    /// What is stored of a token, run out or not. With `fresh` the caches are not asked.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn token_record(
        &self,
        text: &Secret,
        fresh: bool,
        now: Timestamp,
    ) -> Result<Option<Arc<TokenRecord>>, StoreError> {
        self.record_of_hash(sha256_hex(text.expose().as_bytes()), fresh, now).await
    }

    /// As [`Store::token_record`], by the hash of the text.
    pub(crate) async fn record_of_hash(
        &self,
        hash: String,
        fresh: bool,
        now: Timestamp,
    ) -> Result<Option<Arc<TokenRecord>>, StoreError> {
        if !fresh {
            if let Some(record) = self.tokens.get(&hash).await {
                return Ok(Some(record));
            }
            if self.missing_tokens.get(&hash).await.is_some() {
                return Ok(None);
            }
        }
        let item = self.table.get(&keys::token(&hash), true).await?.filter(|item| item::is_alive(item, now));
        let Some(item) = item else {
            self.missing_tokens.insert(hash, ()).await;
            return Ok(None);
        };
        let record: Arc<TokenRecord> = Arc::new(item::value("access token", &item)?);
        self.tokens.insert(hash.clone(), Arc::clone(&record)).await;
        self.note_use(&hash, &record, now).await;
        Ok(Some(record))
    }

    /// The caller behind a token's text. With `fresh` the caches are not asked: for calls that administer, which no token
    /// that was given in exchange may.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn authenticate(
        &self,
        text: &Secret,
        fresh: bool,
        now: Timestamp,
    ) -> Result<Option<Principal>, StoreError> {
        if text.expose().starts_with(TokenKind::Platform.prefix()) {
            return self.exchanged(text, now).await;
        }
        let record = self.token_record(text, fresh, now).await?;
        Ok(record.and_then(|record| record.principal(now)))
    }

    /// Writes `lastUsedAt` when it is an hour old. It is a hint: a failure is only logged.
    async fn note_use(&self, hash: &str, record: &TokenRecord, now: Timestamp) {
        if record.token.last_used_at.is_some_and(|at| now.since(at) < LAST_USED_STEP) {
            return;
        }
        let (tenant, user, id) = (record.token.tenant, record.token.user, record.token.id);
        for key in [keys::token(hash), keys::token_of(tenant, user, id)] {
            let call = self.table.client.update_item().table_name(&self.table.name);
            let call = call.set_key(Some(item::key_attributes(&key))).condition_expression("attribute_exists(pk)");
            let call = call.update_expression("SET #data.#token.lastUsedAt = :now");
            let call = call.expression_attribute_names("#data", "data").expression_attribute_names("#token", "token");
            let call = call.expression_attribute_values(":now", item::text(now.to_string()));
            if let Err(error) = call.send().await {
                let error = StoreError::table(error);
                tracing::warn!(token.id = %id, %error, "Could not note the use of a token");
            }
        }
    }

    /// The tokens of a user that have not run out, oldest first.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn access_tokens(
        &self,
        tenant: TenantId,
        user: UserId,
        now: Timestamp,
    ) -> Result<Vec<AccessToken>, StoreError> {
        let tokens = self.tokens_with_hashes(tenant, user, now).await?;
        Ok(tokens.into_iter().map(|(_, token)| token).collect())
    }

    /// Makes a token for the caller, or for the user that the command names. Its text comes from the caller's randomness and is not kept.
    ///
    /// # Errors
    /// Limits and storage failures.
    pub async fn create_access_token(
        &self,
        author: &Principal,
        command: CreateAccessToken,
        (text, once): (Secret, Option<&Once>),
        now: Timestamp,
        answer: impl Fn(&AccessToken) -> KeptAnswer,
    ) -> Result<IssuedToken, WriteError> {
        let id = command.user.unwrap_or(author.user);
        let missing = || DomainError::invalid("/userId", "no such user in the tenant");
        for attempt in 0..RACES {
            let stored = self.user(author.tenant, id).await?.ok_or_else(missing)?;
            if self.tokens_with_hashes(author.tenant, id, now).await?.len() >= MAX_TOKENS_OF_USER {
                let message = format!("a user has at most {MAX_TOKENS_OF_USER} access tokens; revoke one first");
                return Err(DomainError::TooLarge(message).into());
            }
            // The token carries what the user is now. A version for each new token makes it meet a change of the user
            // at the same time: whoever comes second looks again.
            let user = User { version: stored.version + 1, ..stored.clone() };
            let mut writes = Writes::default();
            let item = Item::new(&keys::user(author.tenant, id), &user)?.versioned(user.version);
            writes.replace(item, Some(stored.version));
            let issued = self.add_token(&mut writes, command.clone(), author.tenant, &user, text.clone(), now)?;
            let audit = AuditId::new(now, &*self.ids);
            let token = &issued.token;
            let entry = AuditEntry::by(author, audit, AuditAction::AccessTokenCreated, token.id, now);
            writes.audit(&entry.with(serde_json::json!({
                "name": token.name, "kind": token.kind, "scopes": token.scopes, "userId": token.user,
            })))?;
            writes.keep(once, || answer(token), now)?;
            if self.commit_if_current(&writes, now).await? {
                // Someone may have tried the text before it was good.
                self.missing_tokens.invalidate(&sha256_hex(text.expose().as_bytes())).await;
                return Ok(issued);
            }
            pause_after(attempt).await;
        }
        Err(DomainError::Conflict(write_conflict()).into())
    }

    /// Revokes one of the caller's tokens.
    ///
    /// # Errors
    /// Not found, storage failures.
    pub async fn revoke_access_token(
        &self,
        author: &Principal,
        id: AccessTokenId,
        now: Timestamp,
    ) -> Result<(), WriteError> {
        let key = keys::token_of(author.tenant, author.user, id);
        let item = self.table.get(&key, true).await?.ok_or(DomainError::NotFound(Kind::AccessToken))?;
        let listed: ListedToken = item::value("access token", &item)?;
        let mut writes = Writes::default();
        writes.delete(key);
        writes.delete(keys::token(&listed.hash));
        writes.audit(&AuditEntry::by(
            author,
            AuditId::new(now, &*self.ids),
            AuditAction::AccessTokenRevoked,
            id,
            now,
        ))?;
        self.commit_new(&writes, now).await?;
        self.tokens.invalidate(&listed.hash).await;
        Ok(())
    }

    pub(crate) fn add_token(
        &self,
        writes: &mut Writes,
        command: CreateAccessToken,
        tenant: TenantId,
        user: &User,
        text: Secret,
        now: Timestamp,
    ) -> Result<IssuedToken, StoreError> {
        let token = command.into_token(AccessTokenId::new(now, &*self.ids), tenant, user.id, text.expose(), now);
        let hash = sha256_hex(text.expose().as_bytes());
        let expires = token.expires_at;
        let record = TokenRecord { token: token.clone(), user: user.clone() };
        writes.create(token_item(&hash, &record, expires)?);
        let listed =
            Item::new(&keys::token_of(tenant, user.id, token.id), &ListedToken { token: token.clone(), hash })?;
        writes.create(match expires {
            Some(at) => listed.expiring(at),
            None => listed,
        });
        // Lies in the outbox until it is time to tell; whether the token is still there is looked at then.
        if let Some((fact, due)) = of_access_token(&token) {
            writes.tell(&OperationalEvent::new(fact, tenant, None, due, &*self.ids))?;
        }
        Ok(IssuedToken { text, token })
    }

    /// One token of a user, with its hash.
    pub(crate) async fn token_with_hash(
        &self,
        tenant: TenantId,
        user: UserId,
        id: AccessTokenId,
    ) -> Result<Option<(String, AccessToken)>, StoreError> {
        let item = self.table.get(&keys::token_of(tenant, user, id), true).await?;
        let listed: Option<ListedToken> = item.map(|item| item::into_value("access token", item)).transpose()?;
        Ok(listed.map(|listed| (listed.hash, listed.token)))
    }

    pub(crate) async fn tokens_with_hashes(
        &self,
        tenant: TenantId,
        user: UserId,
        now: Timestamp,
    ) -> Result<Vec<(String, AccessToken)>, StoreError> {
        let range = Range::partition(keys::tenant_partition(tenant)).begins(keys::tokens_of(user));
        let items = self.table.query(&range).await?;
        let alive = items.iter().filter(|item: &&Attributes| item::is_alive(item, now));
        alive
            .map(|item| item::value("access token", item).map(|listed: ListedToken| (listed.hash, listed.token)))
            .collect()
    }
}
