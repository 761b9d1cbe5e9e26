//! Tenants and users; the first ones come from bootstrap.

use crate::change::{full, taken};
use crate::commit::{CommitError, Guard, Writes, jittered};
use crate::error::StoreError;
use crate::idempotency::{KeptAnswer, Once, is_repeated};
use crate::item::{self, Item};
use crate::keys::{self, Counter, Unique};
use crate::platform_tokens::write_email;
use crate::table::Range;
use crate::vault::{Document, SecretPointer};
use crate::{IssuedToken, Store, TokenRecord, WriteError};
use repoplane_domain::access::{
    CreateAccessToken, CreateTenant, CreateUser, NetworkSettings, Principal, Recover, Tenant, User,
};
use repoplane_domain::audit::{AuditAction, AuditEntry};
use repoplane_domain::error::{Conflict, DomainError, Kind};
use repoplane_domain::id::{AuditId, TenantId, UserId, WriteId};
use repoplane_domain::secret::{Secret, sha256_hex};
use repoplane_domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

/// Name of the tenant's webhook master key in its secret document.
pub(crate) const WEBHOOK_MASTER_KEY: &str = "webhook-master-key";
/// Tokens that one user may have.
pub(crate) const MAX_TOKENS_OF_USER: usize = 40;
/// How often a change of a user is tried again after a lost race.
pub(crate) const RACES: u32 = 8;
const FIRST_PAUSE: Duration = Duration::from_millis(20);
/// Administrators that a refused recovery names.
const NAMED: usize = 10;

/// A tenant and where its secrets are.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct TenantRecord {
    pub(crate) tenant: Tenant,
    pub(crate) secrets: SecretPointer,
}

/// 256 bits from the operating system: ids may be guessable, keys may not.
fn random_key() -> Result<Secret, StoreError> {
    let mut bytes = [0u8; 32];
    getrandom::fill(&mut bytes)
        .map_err(|error| StoreError::Unavailable { engine: "randomness", reason: error.to_string() })?;
    Ok(Secret::new(bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>()))
}

/// Who makes a tenant.
#[derive(Debug, Clone, Copy)]
pub enum Authorship<'a> {
    /// Nobody yet: it is the registry's first, or a conflict.
    Bootstrap {
        /// The deployment's own token, if there was one; it is void then.
        token: Option<&'a Secret>,
    },
    /// The registry's operator, by a call that may be repeated.
    Operator {
        /// The operator.
        principal: &'a Principal,
        /// The call's key.
        once: Option<&'a Once>,
    },
}

/// Makes a value of the deployment's own secret void; it may have been used before.
fn use_up(writes: &mut Writes, token: &Secret, now: Timestamp) -> Result<(), StoreError> {
    let hash = sha256_hex(token.expose().as_bytes());
    writes.claim(Item::new(&keys::used_bootstrap_token(&hash), &now)?, Guard::BootstrapToken);
    Ok(())
}

impl Store {
    /// The record of a tenant, believed for half a minute.
    pub(crate) async fn tenant_record(&self, id: TenantId) -> Result<Option<Arc<TenantRecord>>, StoreError> {
        if let Some(record) = self.tenants.get(&id).await {
            return Ok(Some(record));
        }
        let Some(item) = self.table.get(&keys::tenant(id), false).await? else { return Ok(None) };
        let record: Arc<TenantRecord> = Arc::new(item::value("tenant", &item)?);
        self.tenants.insert(id, Arc::clone(&record)).await;
        Ok(Some(record))
    }

    /// Whether a tenant is suspended (as of at most half a minute ago).
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn is_suspended(&self, tenant: TenantId) -> Result<bool, StoreError> {
        Ok(self.tenant_record(tenant).await?.is_none_or(|record| record.tenant.suspended))
    }

    /// What a tenant's outgoing calls may reach and trust (as of at most half a minute ago).
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn network_of(&self, tenant: TenantId) -> Result<NetworkSettings, StoreError> {
        let record = self.tenant_record(tenant).await?;
        Ok(record.map(|record| record.tenant.network.clone()).unwrap_or_default())
    }

    /// Makes a tenant, its first administrator and that administrator's tokens, all or nothing.
    ///
    /// # Errors
    /// `ALREADY_BOOTSTRAPPED`, storage failures.
    pub async fn create_tenant(
        &self,
        command: &CreateTenant,
        tokens: Vec<(CreateAccessToken, Secret)>,
        author: Authorship<'_>,
        now: Timestamp,
        answer: impl Fn(&Tenant, &User) -> KeptAnswer,
    ) -> Result<(Tenant, User, Vec<IssuedToken>), WriteError> {
        let tenant = command.tenant(TenantId::new(now, &*self.ids), now);
        let number = self.table.next_number(&keys::counter(tenant.id, Counter::Users)).await?;
        let user = command.administrator.clone().into_user(UserId::new(now, &*self.ids), number, now);
        let mut document = Document::default();
        document.set(WEBHOOK_MASTER_KEY, Some(random_key()?));
        let name = self.vault.name_of(tenant.id, &tenant.id.to_string());
        let secrets = self.vault.put(&name, false, document, &*self.ids).await?;
        let record = TenantRecord { tenant, secrets };

        let mut writes = Writes::default();
        if let Authorship::Bootstrap { token } = author {
            writes.claim(Item::new(&keys::bootstrap(), &record.tenant.id)?, Guard::Bootstrap);
            if let Some(token) = token {
                use_up(&mut writes, token, now)?;
            }
        }
        let tenant = &record.tenant;
        writes.create(Item::new(&keys::tenant(tenant.id), &record)?.versioned(1));
        writes.create(Item::new(&keys::tenant_entry(tenant.id), tenant)?);
        self.add_user(&mut writes, tenant.id, &user)?;
        let mut issued = Vec::new();
        for (command, text) in tokens {
            issued.push(self.add_token(&mut writes, command, tenant.id, &user, text, now)?);
        }
        let audit = AuditId::new(now, &*self.ids);
        let entry = match author {
            Authorship::Operator { principal, once } => {
                writes.keep(once, || answer(tenant, &user), now)?;
                AuditEntry::by(principal, audit, AuditAction::TenantCreated, tenant.id, now)
            }
            Authorship::Bootstrap { .. } => {
                AuditEntry::by_system(tenant.id, audit, AuditAction::TenantCreated, tenant.id, now)
            }
        };
        writes.audit(&entry.with(serde_json::json!({"name": tenant.name, "administrator": user.username})))?;
        self.commit_new(&writes, now).await?;
        self.vault.mark_committed(&record.secrets, None).await;
        Ok((record.tenant, user, issued))
    }

    /// Gives an administrator of the first tenant new tokens, for who could put a new value into the deployment's own
    /// secret: each value is good for one call.
    ///
    /// # Errors
    /// `NOT_BOOTSTRAPPED`; `BOOTSTRAP_TOKEN_USED`; `NOT_AN_ADMINISTRATOR` with the names of those who are; storage failures.
    pub async fn recover_administrator(
        &self,
        recover: &Recover,
        token: &Secret,
        tokens: Vec<(CreateAccessToken, Secret)>,
        now: Timestamp,
    ) -> Result<(User, Vec<IssuedToken>), WriteError> {
        let conflict = |code, text: String| DomainError::Conflict(Conflict::new(code, text));
        let Some(tenant) = self.first_tenant().await? else {
            let text = "the registry has no tenant yet: bootstrap it";
            return Err(conflict("NOT_BOOTSTRAPPED", text.to_owned()).into());
        };
        let user = self.user_by_name(tenant, &recover.username).await?.filter(User::administers);
        let Some(user) = user else {
            let users = self.list_users(tenant).await?;
            let names: Vec<String> =
                users.into_iter().filter(User::administers).map(|user| user.username).take(NAMED).collect();
            let text = format!("this is no enabled administrator of the first tenant; {} is", names.join(", "));
            return Err(conflict("NOT_AN_ADMINISTRATOR", text).into());
        };
        let mut writes = Writes::default();
        use_up(&mut writes, token, now)?;
        let mut issued = Vec::new();
        for (command, text) in tokens {
            issued.push(self.add_token(&mut writes, command, tenant, &user, text, now)?);
        }
        let audit = AuditId::new(now, &*self.ids);
        let entry = AuditEntry::by_system(tenant, audit, AuditAction::AdministratorRecovered, user.id, now);
        writes.audit(&entry.with(serde_json::json!({"username": user.username})))?;
        self.commit_new(&writes, now).await?;
        Ok((user, issued))
    }

    /// Whether the registry has its first tenant.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn is_bootstrapped(&self) -> Result<bool, StoreError> {
        Ok(self.table.get(&keys::bootstrap(), true).await?.is_some())
    }

    /// The first tenant, once there is one.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn first_tenant(&self) -> Result<Option<TenantId>, StoreError> {
        let item = self.table.get(&keys::bootstrap(), true).await?;
        item.map(|item| item::value("bootstrap", &item)).transpose()
    }

    /// All tenants, oldest first (operator).
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn list_tenants(&self) -> Result<Vec<Tenant>, StoreError> {
        let items = self.table.query(&Range::partition(keys::TENANTS.to_owned())).await?;
        items.iter().map(|item| item::value("tenant", item)).collect()
    }

    /// One tenant, fresh (operator).
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn tenant(&self, id: TenantId) -> Result<Option<Tenant>, StoreError> {
        let item = self.table.get(&keys::tenant(id), true).await?;
        Ok(item.map(|item| item::value::<TenantRecord>("tenant", &item)).transpose()?.map(|record| record.tenant))
    }

    /// Changes a tenant (operator); after a lost race, again on a fresh read. `view` is what the audit log compares.
    ///
    /// # Errors
    /// Not found, what the change says, a race lost to the end, storage failures.
    pub async fn change_tenant(
        &self,
        author: &Principal,
        id: TenantId,
        now: Timestamp,
        change: impl Fn(&Tenant) -> Result<Tenant, DomainError>,
        view: impl Fn(&Tenant) -> serde_json::Value,
    ) -> Result<Tenant, WriteError> {
        for attempt in 0..RACES {
            let item = self.table.get(&keys::tenant(id), true).await?.ok_or(DomainError::NotFound(Kind::Tenant))?;
            let stored: TenantRecord = item::value("tenant", &item)?;
            let record = TenantRecord { tenant: change(&stored.tenant)?, secrets: stored.secrets };
            let mut writes = Writes::default();
            let item = Item::new(&keys::tenant(id), &record)?.versioned(record.tenant.version);
            writes.replace(item, Some(stored.tenant.version));
            writes.put(Item::new(&keys::tenant_entry(id), &record.tenant)?);
            let entry = AuditEntry::by(author, AuditId::new(now, &*self.ids), AuditAction::TenantUpdated, id, now);
            let entry = entry.with_change(&view(&stored.tenant), &view(&record.tenant));
            writes.audit(&AuditEntry { tenant: id, ..entry })?;
            if self.commit_if_current(&writes, now).await? {
                self.tenants.invalidate(&id).await;
                return Ok(record.tenant);
            }
            pause_after(attempt).await;
        }
        Err(DomainError::Conflict(write_conflict()).into())
    }

    /// The users of a tenant, oldest first.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn list_users(&self, tenant: TenantId) -> Result<Vec<User>, StoreError> {
        let items = self.table.query(&Range::partition(keys::tenant_partition(tenant)).begins(keys::USERS)).await?;
        items.iter().map(|item| item::value("user", item)).collect()
    }

    /// One user.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn user(&self, tenant: TenantId, id: UserId) -> Result<Option<User>, StoreError> {
        let item = self.table.get(&keys::user(tenant, id), true).await?;
        item.map(|item| item::value("user", &item)).transpose()
    }

    /// One user by name, ignoring case.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn user_by_name(&self, tenant: TenantId, name: &str) -> Result<Option<User>, StoreError> {
        let claim = self.table.get(&keys::unique(tenant, &Unique::Username(name.to_owned())), true).await?;
        let Some(claim) = claim else { return Ok(None) };
        // Groups have their names in the same space.
        let holder: String = item::value("claim", &claim)?;
        match holder.parse::<UserId>() {
            Ok(user) => self.user(tenant, user).await,
            Err(_) => Ok(None),
        }
    }

    /// Makes a user.
    ///
    /// # Errors
    /// `USERNAME_TAKEN`, storage failures.
    pub async fn create_user(
        &self,
        author: &Principal,
        command: CreateUser,
        once: Option<&Once>,
        now: Timestamp,
        answer: impl Fn(&User) -> KeptAnswer,
    ) -> Result<User, WriteError> {
        let number = self.table.next_number(&keys::counter(author.tenant, Counter::Users)).await?;
        let user = command.into_user(UserId::new(now, &*self.ids), number, now);
        let mut writes = Writes::default();
        self.add_user(&mut writes, author.tenant, &user)?;
        let entry = AuditEntry::by(author, AuditId::new(now, &*self.ids), AuditAction::UserCreated, user.id, now);
        writes.audit(&entry.with(serde_json::json!({"username": user.username, "roles": user.roles})))?;
        writes.keep(once, || answer(&user), now)?;
        self.commit_new(&writes, now).await?;
        Ok(user)
    }

    /// Changes a user, and what the user's tokens say of them, in one transaction.
    ///
    /// # Errors
    /// Not found, `LAST_ADMINISTRATOR`, a lost race, storage failures.
    pub async fn change_user(
        &self,
        author: &Principal,
        id: UserId,
        now: Timestamp,
        change: impl Fn(&User) -> Result<User, DomainError>,
    ) -> Result<User, WriteError> {
        for attempt in 0..RACES {
            let stored = self.user(author.tenant, id).await?.ok_or(DomainError::NotFound(Kind::User))?;
            let user = change(&stored)?;
            let mut writes = Writes::default();
            let item = Item::new(&keys::user(author.tenant, id), &user)?.versioned(user.version);
            writes.replace(item, Some(stored.version));
            if stored.administers() && !user.administers() {
                let other = self.other_administrator(author.tenant, id).await?;
                // Two administrators who demote each other at the same moment must not both succeed.
                writes.need_version(keys::user(author.tenant, other.id), other.version);
            }
            write_email(&mut writes, author.tenant, Some(&stored), &user)?;
            let tokens = self.tokens_with_hashes(author.tenant, id, now).await?;
            for (hash, token) in &tokens {
                let record = TokenRecord { token: token.clone(), user: user.clone() };
                writes.replace_existing(crate::access::token_item(hash, &record, token.expires_at)?);
            }
            let entry = AuditEntry::by(author, AuditId::new(now, &*self.ids), AuditAction::UserUpdated, id, now);
            let view = |user: &User| {
                serde_json::json!({
                    "displayName": user.display_name, "email": user.email, "roles": user.roles, "disabled": user.disabled,
                })
            };
            writes.audit(&entry.with_change(&view(&stored), &view(&user)))?;
            if self.commit_if_current(&writes, now).await? {
                for (hash, _) in &tokens {
                    self.tokens.invalidate(hash).await;
                }
                self.users.invalidate(&(author.tenant, id)).await;
                return Ok(user);
            }
            pause_after(attempt).await;
        }
        Err(DomainError::Conflict(write_conflict()).into())
    }

    /// An administrator beside this user: without one, nobody could administer the tenant any more.
    async fn other_administrator(&self, tenant: TenantId, id: UserId) -> Result<User, WriteError> {
        let users = self.list_users(tenant).await?;
        let other = users.into_iter().find(|user| user.id != id && user.administers());
        let last = || {
            let text = "the last administrator of a tenant cannot be disabled or demoted";
            DomainError::Conflict(Conflict::new("LAST_ADMINISTRATOR", text))
        };
        Ok(other.ok_or_else(last)?)
    }

    fn add_user(&self, writes: &mut Writes, tenant: TenantId, user: &User) -> Result<(), StoreError> {
        let unique = keys::unique(tenant, &Unique::Username(user.username.clone()));
        writes.claim(Item::new(&unique, &user.id)?, Guard::Username);
        writes.create(Item::new(&keys::user(tenant, user.id), user)?.versioned(user.version));
        writes.create(Item::new(&keys::user_number(tenant, user.number), &user.id)?);
        write_email(writes, tenant, None, user)
    }

    /// Commits a change that is not tried again: a lost race is the caller's to hear of.
    pub(crate) async fn commit_new(&self, writes: &Writes, now: Timestamp) -> Result<(), WriteError> {
        let committed = self.commit_if_current(writes, now).await?;
        if committed { Ok(()) } else { Err(DomainError::Conflict(write_conflict()).into()) }
    }

    /// Commits; `false` when what was read is not current any more, so that it must be read again.
    pub(crate) async fn commit_if_current(&self, writes: &Writes, now: Timestamp) -> Result<bool, WriteError> {
        match self.table.commit(writes, WriteId::new(now, &*self.ids), now).await {
            Ok(()) => Ok(true),
            Err(CommitError::Store(error)) => Err(error.into()),
            Err(CommitError::Lost(lost)) if is_repeated(&lost) => Err(WriteError::Repeated),
            Err(CommitError::Lost(lost)) => {
                let refusal = full(&lost).or_else(|| taken(&lost).map(DomainError::Conflict));
                refusal.map_or(Ok(false), |refusal| Err(refusal.into()))
            }
        }
    }
}

/// What the caller hears when the race was lost to the end.
pub(crate) fn write_conflict() -> Conflict {
    Conflict::new("WRITE_CONFLICT", "someone else changed it at the same time; try again")
}

/// A pause before the next try, longer each time.
pub(crate) async fn pause_after(attempt: u32) {
    tokio::time::sleep(jittered(FIRST_PAUSE * 2u32.pow(attempt))).await;
}
