//! Making and changing tenants, users and tokens: what the bodies may say.

use super::{
    AccessToken, GlobalRole, NetworkPatch, NetworkSettings, Principal, Scope, Tenant, TokenKind, TokenPolicy, User,
};
use crate::error::{DomainError, FieldErrors};
use crate::id::{AccessTokenId, TenantId, UserId};
use crate::input::{Field, Object};
use crate::secret::Secret;
use crate::time::Timestamp;
use serde_json::Value;
use std::collections::BTreeSet;
use std::time::Duration;

/// Life of a token when nothing is said, in days (contract: hookcode 1.1).
pub const DEFAULT_TOKEN_DAYS: i64 = 90;
/// Longest life of a token, in days.
pub const MAX_TOKEN_DAYS: i64 = 3650;
/// Longest name of a user, a tenant or a token, in bytes.
pub const MAX_PERSON_BYTES: usize = 100;
/// Longest e-mail address, in bytes (RFC 5321, 4.5.3.1.3).
pub const MAX_EMAIL_BYTES: usize = 254;

/// A checked body of `POST /api/tenants` and of `POST /api/bootstrap`: a tenant and its first administrator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateTenant {
    name: String,
    /// The first administrator.
    pub administrator: CreateUser,
}

impl CreateTenant {
    /// Reads `{tenant, username, email?, displayName?}`.
    ///
    /// # Errors
    /// [`DomainError::Invalid`] with every wrong field.
    pub fn read(body: &Value) -> Result<Self, DomainError> {
        let mut errors = FieldErrors::new();
        let mut object = Object::root(body, &mut errors);
        let name = required_name(&mut object, "tenant");
        let mut administrator = read_user(&mut object);
        administrator.roles = BTreeSet::from([GlobalRole::Admin]);
        object.finish();
        errors.into_result(Self { name, administrator })
    }

    /// Makes the tenant.
    pub fn tenant(&self, id: TenantId, now: Timestamp) -> Tenant {
        Tenant {
            id,
            name: self.name.clone(),
            suspended: false,
            network: NetworkSettings::default(),
            created_at: now,
            updated_at: now,
            version: 1,
        }
    }
}

/// A checked body of `POST /api/bootstrap/recover`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recover {
    /// An enabled administrator of the first tenant.
    pub username: String,
}

impl Recover {
    /// Reads `{username}`.
    ///
    /// # Errors
    /// [`DomainError::Invalid`] with every wrong field.
    pub fn read(body: &Value) -> Result<Self, DomainError> {
        let mut errors = FieldErrors::new();
        let mut object = Object::root(body, &mut errors);
        let username = required_name(&mut object, "username");
        object.finish();
        errors.into_result(Self { username })
    }
}

/// A checked body of `PATCH /api/tenants/:id`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatchTenant {
    name: Option<String>,
    suspended: Option<bool>,
    network: NetworkPatch,
}

impl PatchTenant {
    /// Reads `{name?, suspended?, egressAllow?, caCertificates?}`; `certificate` says what is wrong with a text that
    /// shall be a certificate.
    ///
    /// # Errors
    /// [`DomainError::Invalid`] with every wrong field.
    pub fn read(body: &Value, certificate: impl Fn(&str) -> Result<(), String>) -> Result<Self, DomainError> {
        let mut errors = FieldErrors::new();
        let mut object = Object::root(body, &mut errors);
        let name = optional_name(&mut object, "name");
        let suspended = object.boolean("suspended").value();
        let network = NetworkPatch::read(&mut object, certificate);
        object.finish();
        errors.into_result(Self { name, suspended, network })
    }

    /// Applies it.
    #[must_use]
    pub fn apply(&self, stored: &Tenant, now: Timestamp) -> Tenant {
        Tenant {
            name: self.name.clone().unwrap_or_else(|| stored.name.clone()),
            suspended: self.suspended.unwrap_or(stored.suspended),
            network: self.network.apply(&stored.network),
            updated_at: now,
            version: stored.version + 1,
            ..stored.clone()
        }
    }
}

/// A checked body of `POST /api/auth/login` (contract: hookcode 1.1).
#[derive(Debug, Clone)]
pub struct Login {
    /// Whose token it is said to be.
    pub username: String,
    /// An access token: there are no passwords here.
    pub password: Secret,
}

impl Login {
    /// Reads `{username, password}`.
    ///
    /// # Errors
    /// [`DomainError::Invalid`] with every wrong field.
    pub fn read(body: &Value) -> Result<Self, DomainError> {
        let mut errors = FieldErrors::new();
        let mut object = Object::root(body, &mut errors);
        let mut required = |name: &'static str| match object.text(name) {
            Field::Value(text) if !text.trim().is_empty() => text,
            Field::Invalid => String::new(),
            Field::Absent | Field::Null | Field::Value(_) => {
                object.error(name, format!("{name} is required"));
                String::new()
            }
        };
        let username = required("username");
        let password = Secret::new(required("password").trim());
        object.finish();
        errors.into_result(Self { username, password })
    }
}

/// A checked body of `POST /api/users`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateUser {
    username: String,
    display_name: Option<String>,
    email: Option<String>,
    roles: BTreeSet<GlobalRole>,
}

impl CreateUser {
    /// Reads `{username, displayName?, email?, roles?}`.
    ///
    /// # Errors
    /// [`DomainError::Invalid`] with every wrong field.
    pub fn read(body: &Value) -> Result<Self, DomainError> {
        let mut errors = FieldErrors::new();
        let mut object = Object::root(body, &mut errors);
        let mut user = read_user(&mut object);
        user.roles = read_roles(&mut object).value().unwrap_or_default();
        object.finish();
        errors.into_result(user)
    }

    /// Makes the user.
    pub fn into_user(self, id: UserId, number: u64, now: Timestamp) -> User {
        User {
            id,
            number,
            username: self.username,
            display_name: self.display_name,
            email: self.email,
            roles: self.roles,
            disabled: false,
            created_at: now,
            updated_at: now,
            version: 1,
        }
    }
}

/// A checked body of `PATCH /api/users/:id`. The name is the user's for good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatchUser {
    display_name: Field<String>,
    email: Field<String>,
    roles: Option<BTreeSet<GlobalRole>>,
    disabled: Option<bool>,
}

impl PatchUser {
    /// Reads `{displayName?, email?, roles?, disabled?}`.
    ///
    /// # Errors
    /// [`DomainError::Invalid`] with every wrong field.
    pub fn read(body: &Value) -> Result<Self, DomainError> {
        let mut errors = FieldErrors::new();
        let mut object = Object::root(body, &mut errors);
        let patch = Self {
            display_name: object.text_up_to("displayName", MAX_PERSON_BYTES),
            email: read_email(&mut object),
            roles: read_roles(&mut object).value(),
            disabled: object.boolean("disabled").value(),
        };
        object.finish();
        errors.into_result(patch)
    }

    /// Applies it.
    #[must_use]
    pub fn apply(&self, stored: &User, now: Timestamp) -> User {
        let mut next = stored.clone();
        self.display_name.clone().patch(&mut next.display_name);
        self.email.clone().patch(&mut next.email);
        if let Some(roles) = &self.roles {
            next.roles.clone_from(roles);
        }
        next.disabled = self.disabled.unwrap_or(stored.disabled);
        next.updated_at = now;
        next.version += 1;
        next
    }
}

/// A checked body of `POST /api/access-tokens`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateAccessToken {
    name: String,
    /// Whose it shall be, when not the caller's own: how a new user comes by a first token.
    pub user: Option<UserId>,
    /// Whom it shall speak for.
    pub kind: TokenKind,
    scopes: BTreeSet<Scope>,
    policy: Option<TokenPolicy>,
    life: Option<Duration>,
}

impl CreateAccessToken {
    /// Reads `{name, userId?, kind?, scopes, policy?, expiresInDays?}`.
    ///
    /// # Errors
    /// [`DomainError::Invalid`] with every wrong field; scopes that the caller does not hold are wrong too.
    pub fn read(body: &Value, principal: &Principal) -> Result<Self, DomainError> {
        let mut errors = FieldErrors::new();
        let mut object = Object::root(body, &mut errors);
        let name = required_name(&mut object, "name");
        let kind = match object.text("kind") {
            Field::Value(kind) if kind == "integration" => TokenKind::Integration,
            Field::Value(kind) if kind != "personal" => {
                object.error("kind", "kind must be personal or integration");
                TokenKind::Personal
            }
            Field::Absent | Field::Null | Field::Invalid | Field::Value(_) => TokenKind::Personal,
        };
        let user = object.text("userId").and_then(|text| match text.parse::<UserId>() {
            Ok(user) => Field::Value(user),
            Err(error) => {
                object.error("userId", error.to_string());
                Field::Invalid
            }
        });
        let user = user.value().filter(|user| *user != principal.user);
        if user.is_some() && kind == TokenKind::Integration {
            object.error("userId", "an integration token is nobody's: leave userId out");
        }
        let scopes = read_scopes(&mut object, principal);
        let days = match object.integer("expiresInDays", 0..=MAX_TOKEN_DAYS) {
            Field::Value(days) => days,
            Field::Null => 0,
            Field::Absent | Field::Invalid => DEFAULT_TOKEN_DAYS,
        };
        if days == 0 && kind == TokenKind::Personal {
            object.error("expiresInDays", "a personal token must expire: send 1 to 3650");
        }
        let policy = TokenPolicy::read(&mut object).value();
        object.finish();
        let life = (days > 0).then(|| Duration::from_secs(days.unsigned_abs() * 86_400));
        errors.into_result(Self { name, user, kind, scopes, policy, life })
    }

    /// A token that bootstrap hands out.
    pub fn of_bootstrap(name: &str, scopes: impl IntoIterator<Item = Scope>) -> Self {
        let life = Some(Duration::from_secs(DEFAULT_TOKEN_DAYS.unsigned_abs() * 86_400));
        let scopes = scopes.into_iter().collect();
        Self { name: name.to_owned(), user: None, kind: TokenKind::Personal, scopes, policy: None, life }
    }

    /// Makes the token's record; `text` is shown once and not kept.
    pub fn into_token(
        self,
        id: AccessTokenId,
        tenant: TenantId,
        user: UserId,
        text: &str,
        now: Timestamp,
    ) -> AccessToken {
        AccessToken {
            id,
            tenant,
            user,
            name: self.name,
            kind: self.kind,
            prefix: text.chars().take(self.kind.prefix().len() + 4).collect(),
            scopes: self.scopes,
            created_at: now,
            expires_at: self.life.map(|life| now.plus(life)),
            policy: self.policy,
            last_used_at: None,
        }
    }
}

fn read_user(object: &mut Object<'_, '_>) -> CreateUser {
    let username = match object.text_up_to("username", MAX_PERSON_BYTES) {
        Field::Value(name) if is_username(&name) => name,
        Field::Invalid => String::new(),
        Field::Absent | Field::Null | Field::Value(_) => {
            object.error("username", "username is required: letters, digits, '.', '_' and '-'");
            String::new()
        }
    };
    CreateUser {
        username,
        display_name: object.text_up_to("displayName", MAX_PERSON_BYTES).value(),
        email: read_email(object).value(),
        roles: BTreeSet::new(),
    }
}

fn is_username(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
}

fn read_email(object: &mut Object<'_, '_>) -> Field<String> {
    object.text_up_to("email", MAX_EMAIL_BYTES).and_then(|text| {
        if text.split_once('@').is_some_and(|(name, host)| !name.is_empty() && !host.is_empty()) {
            return Field::Value(text);
        }
        object.error("email", "must be an e-mail address");
        Field::Invalid
    })
}

fn read_roles(object: &mut Object<'_, '_>) -> Field<BTreeSet<GlobalRole>> {
    object.array("roles").and_then(|items| {
        let known = |item: &Value| GlobalRole::ALL.into_iter().find(|role| item.as_str() == Some(role.as_str()));
        match items.iter().map(known).collect::<Option<BTreeSet<GlobalRole>>>() {
            Some(roles) => Field::Value(roles),
            None => {
                object.error("roles", "roles are admin and system");
                Field::Invalid
            }
        }
    })
}

fn read_scopes(object: &mut Object<'_, '_>, principal: &Principal) -> BTreeSet<Scope> {
    let items = match object.array("scopes") {
        Field::Value(items) if !items.is_empty() => items,
        Field::Invalid => return BTreeSet::new(),
        Field::Absent | Field::Null | Field::Value(_) => {
            object.error("scopes", "at least one scope is required");
            return BTreeSet::new();
        }
    };
    let base = object.pointer("scopes");
    let mut scopes = BTreeSet::new();
    for (i, item) in items.iter().enumerate() {
        let scope = Scope::OF_A_TENANT.into_iter().find(|scope| item.as_str() == Some(scope.as_str()));
        match scope {
            Some(scope) if principal.has_scope(scope) => {
                scopes.insert(scope);
            }
            Some(scope) => {
                let message = format!("your own token does not have the scope {}", scope.as_str());
                object.errors().push(format!("{base}/{i}"), message);
            }
            None => {
                let known: Vec<_> = Scope::OF_A_TENANT.iter().map(|scope| scope.as_str()).collect();
                object.errors().push(format!("{base}/{i}"), format!("must be one of {}", known.join(", ")));
            }
        }
    }
    scopes
}

fn required_name(object: &mut Object<'_, '_>, key: &'static str) -> String {
    match object.text_up_to(key, MAX_PERSON_BYTES).map(|text| text.trim().to_owned()) {
        Field::Value(text) if !text.is_empty() => text,
        Field::Invalid => String::new(),
        Field::Absent | Field::Null | Field::Value(_) => {
            object.error(key, format!("{key} is required"));
            String::new()
        }
    }
}

fn optional_name(object: &mut Object<'_, '_>, key: &'static str) -> Option<String> {
    let text = object.text_up_to(key, MAX_PERSON_BYTES).value()?.trim().to_owned();
    if text.is_empty() {
        object.error(key, format!("{key} must not be blank"));
        return None;
    }
    Some(text)
}
