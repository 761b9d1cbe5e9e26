//! Platform tokens: short-lived ones that speak for one user of the tenant and never administer it. A tool gets one in
//! exchange for its own (contract: shiftagent 2, 12); an OpenID Connect issuer signs others.

use super::{Principal, Scope, TokenKind};
use crate::error::{Denial, DomainError, FieldErrors};
use crate::id::{AccessTokenId, TenantId, UserId};
use crate::input::{Field, Object};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeSet;
use std::time::Duration;

/// Shortest life of an exchanged token (contract: shiftagent 12).
pub const MIN_EXCHANGE_TTL: Duration = Duration::from_secs(60);
/// Its life when nothing is said.
pub const DEFAULT_EXCHANGE_TTL: Duration = Duration::from_secs(900);
/// Its longest life.
pub const MAX_EXCHANGE_TTL: Duration = Duration::from_secs(3600);

/// The scopes that both sides grant: who may write on one side and read on the other may read.
pub fn common_scopes(one: &BTreeSet<Scope>, other: &BTreeSet<Scope>) -> BTreeSet<Scope> {
    let grants = |side: &BTreeSet<Scope>, needed: Scope| side.iter().any(|scope| scope.grants(needed));
    let common: BTreeSet<Scope> =
        Scope::OF_A_TENANT.into_iter().filter(|scope| grants(one, *scope) && grants(other, *scope)).collect();
    let implied = |scope: &Scope| common.iter().any(|wider| wider != scope && wider.grants(*scope));
    common.iter().copied().filter(|scope| !implied(scope)).collect()
}

/// What a tool asks for: a token that speaks for a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    /// For whom.
    pub user: UserId,
    /// How long.
    pub ttl: Duration,
    /// What for; all that the tool's own key may when nothing is said.
    pub scopes: Option<BTreeSet<Scope>>,
}

/// A token that was given in exchange, as stored: never its text, only a SHA-256 that is its key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExchangedToken {
    /// Its id.
    pub id: AccessTokenId,
    /// Its tenant.
    pub tenant: TenantId,
    /// For whom it speaks.
    pub user: UserId,
    /// What it may be used for.
    pub scopes: BTreeSet<Scope>,
    /// The tool's key that it was given for, and ends with.
    pub key: AccessTokenId,
    /// Creation time.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
}

impl Exchange {
    /// Reads `{user_id, ttl_seconds?, scopes?}` (contract: shiftagent 12).
    ///
    /// # Errors
    /// [`DomainError::Invalid`] with every wrong field.
    pub fn read(body: &Value) -> Result<Self, DomainError> {
        let mut errors = FieldErrors::new();
        let mut object = Object::root(body, &mut errors);
        let user = match object.text("user_id") {
            Field::Value(text) => text.parse::<UserId>().ok(),
            Field::Absent | Field::Null | Field::Invalid => None,
        };
        if user.is_none() {
            object.error("user_id", "must be the id of a user");
        }
        let bounds = MIN_EXCHANGE_TTL.as_secs().cast_signed()..=MAX_EXCHANGE_TTL.as_secs().cast_signed();
        let ttl = object.integer("ttl_seconds", bounds).value();
        let scopes = object.array("scopes").and_then(|items| {
            let named = |item: &Value| {
                let word = item.as_str()?;
                // This API's own word for it.
                let word = if word == "repositories:write" { Scope::ReposWrite.as_str() } else { word };
                Scope::OF_A_TENANT.into_iter().find(|scope| scope.as_str() == word)
            };
            match items.iter().map(named).collect::<Option<BTreeSet<Scope>>>() {
                Some(scopes) => Field::Value(scopes),
                None => {
                    object.error("scopes", "must be scopes that a token can have");
                    Field::Invalid
                }
            }
        });
        object.finish();
        let ttl = ttl.map(|seconds| Duration::from_secs(seconds.unsigned_abs()));
        let read = user.map(|user| Self::new(user, ttl, scopes.value()));
        errors.into_result(())?;
        read.unwrap_or_else(|| Err(DomainError::invalid("/user_id", "must be the id of a user")))
    }

    /// An exchange whose life lies within the bounds.
    ///
    /// # Errors
    /// [`DomainError::Invalid`] at `/ttl_seconds`.
    pub fn new(user: UserId, ttl: Option<Duration>, scopes: Option<BTreeSet<Scope>>) -> Result<Self, DomainError> {
        let ttl = ttl.unwrap_or(DEFAULT_EXCHANGE_TTL);
        if !(MIN_EXCHANGE_TTL..=MAX_EXCHANGE_TTL).contains(&ttl) {
            return Err(DomainError::invalid("/ttl_seconds", "must be an integer from 60 to 3600"));
        }
        Ok(Self { user, ttl, scopes })
    }

    /// Makes the token. It may do what the key may and is asked for, but never administer.
    ///
    /// # Errors
    /// [`Denial::TokenKind`] unless a tool's key asks; [`DomainError::Invalid`] at `/scopes` for one that the key does not
    /// have, or that no such token can have.
    pub fn into_token(self, key: &Principal, id: AccessTokenId, now: Timestamp) -> Result<ExchangedToken, DomainError> {
        key.need_integration_key()?;
        let most = common_scopes(&key.scopes, &Scope::OF_A_PLATFORM.into());
        let scopes = match self.scopes {
            None => most,
            Some(asked) => {
                let refused = |asked: &&Scope| !most.iter().any(|scope| scope.grants(**asked));
                if let Some(refused) = asked.iter().find(refused) {
                    let text = format!("this key cannot give the scope {}", refused.as_str());
                    return Err(DomainError::invalid("/scopes", text));
                }
                asked
            }
        };
        let expires_at = now.plus(self.ttl);
        let (tenant, user, key) = (key.tenant, self.user, key.token);
        Ok(ExchangedToken { id, tenant, user, scopes, key, created_at: now, expires_at })
    }
}

impl Principal {
    /// Demands a tool's key.
    ///
    /// # Errors
    /// [`Denial::TokenKind`].
    pub fn need_integration_key(&self) -> Result<(), DomainError> {
        match self.kind {
            TokenKind::Integration => Ok(()),
            TokenKind::Personal | TokenKind::Platform => Err(DomainError::Denied(Denial::TokenKind)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::{GlobalRole, RepositoryRole};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second)
    }

    fn principal(kind: TokenKind, scopes: &[Scope]) -> Principal {
        Principal {
            tenant: TenantId::start_of(at(0)),
            user: UserId::start_of(at(1)),
            username: "ann".to_owned(),
            display_name: None,
            email: None,
            roles: [GlobalRole::Admin].into(),
            token: AccessTokenId::start_of(at(2)),
            kind,
            scopes: scopes.iter().copied().collect(),
            policy: None,
        }
    }

    fn exchange(key: &Principal, scopes: Option<&[Scope]>) -> Result<ExchangedToken, DomainError> {
        let scopes = scopes.map(|scopes| scopes.iter().copied().collect());
        let exchange = Exchange::new(UserId::start_of(at(5)), None, scopes)?;
        exchange.into_token(key, AccessTokenId::start_of(at(9)), at(9))
    }

    #[test]
    fn scopes_in_common_are_those_that_both_grant() {
        use Scope::{Admin, Operator, ReposRead, ReposWrite, TasksRead, TasksWrite};
        for (one, other, expected) in [
            (vec![ReposWrite], vec![ReposRead], vec![ReposRead]),
            (vec![ReposWrite, TasksRead], vec![ReposWrite, TasksWrite], vec![ReposWrite, TasksRead]),
            (vec![Admin, Operator], vec![ReposRead], vec![]),
            (vec![Operator], vec![Operator], vec![]),
        ] {
            let set = |list: &[Scope]| list.iter().copied().collect::<BTreeSet<_>>();
            let common = common_scopes(&set(&one), &set(&other));
            assert_eq!(common, set(&expected), "{one:?} {other:?}");
            assert_eq!(common, common_scopes(&set(&other), &set(&one)));
        }
    }

    #[test]
    fn an_exchanged_token_may_no_more_than_its_key_and_never_administers() {
        let key = principal(TokenKind::Integration, &Scope::OF_A_TENANT);
        let token = exchange(&key, None).unwrap();
        assert_eq!(token.scopes, [Scope::ReposWrite, Scope::TasksWrite].into());
        assert_eq!((token.key, token.expires_at), (key.token, at(909)));
        let narrow = principal(TokenKind::Integration, &[Scope::ReposWrite]);
        assert_eq!(exchange(&narrow, Some(&[Scope::ReposRead])).unwrap().scopes, [Scope::ReposRead].into());
        for scope in [Scope::TasksRead, Scope::Admin, Scope::Operator] {
            assert!(matches!(exchange(&narrow, Some(&[scope])), Err(DomainError::Invalid(_))), "{scope:?}");
        }
        assert!(matches!(exchange(&key, Some(&[Scope::Admin])), Err(DomainError::Invalid(_))));
    }

    #[test]
    fn only_a_tools_key_exchanges_and_only_for_an_hour() {
        for kind in [TokenKind::Personal, TokenKind::Platform] {
            let denied = exchange(&principal(kind, &Scope::OF_A_TENANT), None);
            assert_eq!(denied, Err(DomainError::Denied(Denial::TokenKind)));
        }
        for (ttl, good) in [(59, false), (60, true), (3600, true), (3601, false)] {
            let ttl = Some(Duration::from_secs(ttl));
            assert_eq!(Exchange::new(UserId::start_of(at(5)), ttl, None).is_ok(), good, "{ttl:?}");
        }
    }

    #[test]
    fn a_platform_token_never_administers_whatever_its_user_may() {
        let platform = principal(TokenKind::Platform, &Scope::OF_A_TENANT);
        assert!(!platform.sees_all_repositories());
        assert_eq!(platform.need_administrator(), Err(DomainError::Denied(Denial::TenantAdministrator)));
        assert_eq!(platform.need_token_management(), Err(DomainError::Denied(Denial::TokenKind)));
        assert_eq!(platform.role_as(None), None);
        assert_eq!(platform.role_as(Some(RepositoryRole::Member)), Some(RepositoryRole::Member));
    }
}
