//! What is known of a repository's connection to its provider: how the last real call ended.

use super::{Repository, RepositoryState};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Longest message that is kept, in characters.
pub const MAX_CONNECTION_MESSAGE_CHARS: usize = 500;

/// Whether the provider can be reached as the registry would reach it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConnectionStatus {
    /// The last call that tells of it succeeded.
    Ok,
    /// It failed.
    Failing,
}

/// Why a call to the provider failed, as a stable code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ConnectionReason {
    /// The provider does not take the token.
    TokenRejected,
    /// The provider wants a credential and none was sent.
    AuthRequired,
    /// The provider knows the token but denies the call.
    Forbidden,
    /// The provider knows no such repository, or does not show it to this credential.
    NotFound,
    /// The provider wants to be left alone for a while.
    RateLimited,
    /// The provider does not take what was asked of it.
    Refused,
    /// No answer, or an answer of a server that is out of order.
    Unavailable,
    /// An answer that the provider does not document.
    BadAnswer,
    /// The address must not be called.
    AddressRefused,
    /// The host shows a key or a certificate that is not trusted.
    HostUntrusted,
    /// Identity, address or token cannot be put into a call; nothing was sent.
    Unusable,
}

impl ConnectionReason {
    /// All of them, for documentation.
    pub const ALL: [Self; 11] = [
        Self::TokenRejected,
        Self::AuthRequired,
        Self::Forbidden,
        Self::NotFound,
        Self::RateLimited,
        Self::Refused,
        Self::Unavailable,
        Self::BadAnswer,
        Self::AddressRefused,
        Self::HostUntrusted,
        Self::Unusable,
    ];

    /// The code on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TokenRejected => "TOKEN_REJECTED",
            Self::AuthRequired => "AUTH_REQUIRED",
            Self::Forbidden => "FORBIDDEN",
            Self::NotFound => "NOT_FOUND",
            Self::RateLimited => "RATE_LIMITED",
            Self::Refused => "REFUSED",
            Self::Unavailable => "UNAVAILABLE",
            Self::BadAnswer => "BAD_ANSWER",
            Self::AddressRefused => "ADDRESS_REFUSED",
            Self::HostUntrusted => "HOST_UNTRUSTED",
            Self::Unusable => "UNUSABLE",
        }
    }

    /// Whether it tells of the credential rather than of the place: then it says something of the repository only when
    /// the credential was the registry's own.
    fn is_of_the_credential(self) -> bool {
        match self {
            Self::TokenRejected
            | Self::AuthRequired
            | Self::Forbidden
            | Self::NotFound
            | Self::RateLimited
            | Self::Refused => true,
            Self::Unavailable | Self::BadAnswer | Self::AddressRefused | Self::HostUntrusted | Self::Unusable => false,
        }
    }
}

/// A call that failed, as it is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionFailure {
    /// Why.
    pub reason: ConnectionReason,
    /// The same for people; free of secrets.
    pub message: String,
}

/// How a real call to the provider ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionAttempt {
    /// Whether the call went out with a credential that the registry holds for the repository (its own, an inherited or
    /// the tenant's), or with none because it has none. A caller's own token, or calling without one on purpose, tells of
    /// the place but not of the registry's access.
    pub as_registry: bool,
    /// Why it failed, if it did.
    pub failure: Option<ConnectionFailure>,
    /// When it was made.
    pub at: Timestamp,
}

/// The connection as last seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Connection {
    /// Whether it works.
    pub status: ConnectionStatus,
    /// Why it does not.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<ConnectionReason>,
    /// The same for people; free of secrets.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub message: Option<String>,
    /// When it was last tried.
    pub attempted_at: Timestamp,
    /// Since when every try has succeeded; absent while it fails.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ok_since: Option<Timestamp>,
}

impl Connection {
    /// What is known after one more attempt; `None` when the attempt says nothing of the repository, or is older than what
    /// is known.
    pub fn after(known: Option<&Self>, attempt: &ConnectionAttempt) -> Option<Self> {
        if known.is_some_and(|known| known.attempted_at > attempt.at) {
            return None;
        }
        match &attempt.failure {
            None => {
                let credential_fails =
                    known.and_then(|known| known.reason).is_some_and(|reason| reason.is_of_the_credential());
                if credential_fails && !attempt.as_registry {
                    return None;
                }
                let since = known.and_then(|known| known.ok_since).unwrap_or(attempt.at);
                let (reason, message) = (None, None);
                Some(Self {
                    status: ConnectionStatus::Ok,
                    reason,
                    message,
                    attempted_at: attempt.at,
                    ok_since: Some(since),
                })
            }
            Some(failure) if failure.reason.is_of_the_credential() && !attempt.as_registry => None,
            Some(failure) => Some(Self {
                status: ConnectionStatus::Failing,
                reason: Some(failure.reason),
                message: Some(failure.message.chars().take(MAX_CONNECTION_MESSAGE_CHARS).collect()),
                attempted_at: attempt.at,
                ok_since: None,
            }),
        }
    }

    /// On the wire; `unknown` before the first attempt.
    pub fn public_view(known: Option<&Self>) -> Value {
        known.map_or_else(|| json!({"status": "unknown"}), |known| json!(known))
    }
}

impl RepositoryState {
    /// The state after one more attempt, one version up; `None` when nothing changes.
    #[must_use]
    pub fn attempted(&self, attempt: &ConnectionAttempt) -> Option<Self> {
        let connection = Connection::after(self.connection.as_ref(), attempt)?;
        Some(Self { connection: Some(connection), version: self.version + 1, ..self.clone() })
    }
}

impl Repository {
    /// How the provider is told which repository: the external id, else the name; blank is neither.
    pub fn provider_identity(&self) -> Option<&str> {
        let filled = |text: &&str| !text.is_empty();
        let external = self.external_id.as_deref().map(str::trim).filter(filled);
        external.or_else(|| Some(self.name.trim()).filter(filled))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second)
    }

    fn attempt(second: i64, as_registry: bool, reason: Option<ConnectionReason>) -> ConnectionAttempt {
        let failure = reason.map(|reason| ConnectionFailure { reason, message: "why".to_owned() });
        ConnectionAttempt { as_registry, failure, at: at(second) }
    }

    type Attempts<'a> = &'a [(i64, bool, Option<ConnectionReason>)];

    /// Plays attempts and says what is known at the end: status, reason, since when it works.
    fn play(attempts: Attempts<'_>) -> Option<(ConnectionStatus, Option<ConnectionReason>, Option<Timestamp>)> {
        let mut state = RepositoryState::default();
        for (second, as_registry, reason) in attempts {
            state = state.attempted(&attempt(*second, *as_registry, *reason)).unwrap_or(state);
        }
        state.connection.map(|known| (known.status, known.reason, known.ok_since))
    }

    #[test]
    fn what_is_known_follows_the_attempts() {
        use ConnectionReason::{NotFound, TokenRejected, Unavailable};
        use ConnectionStatus::{Failing, Ok};
        let rows: &[(&str, Attempts<'_>, _)] = &[
            ("nothing yet", &[], None),
            ("a first success", &[(1, true, None)], Some((Ok, None, Some(at(1))))),
            ("it keeps working", &[(1, true, None), (5, true, None)], Some((Ok, None, Some(at(1))))),
            (
                "it breaks",
                &[(1, true, None), (5, true, Some(TokenRejected))],
                Some((Failing, Some(TokenRejected), None)),
            ),
            ("it is mended", &[(1, true, Some(TokenRejected)), (5, true, None)], Some((Ok, None, Some(at(5))))),
            (
                "a caller's bad token says nothing",
                &[(1, true, None), (5, false, Some(TokenRejected))],
                Some((Ok, None, Some(at(1)))),
            ),
            ("nor that an outsider sees nothing", &[(5, false, Some(NotFound))], None),
            (
                "a server that is down is down for all",
                &[(1, true, None), (5, false, Some(Unavailable))],
                Some((Failing, Some(Unavailable), None)),
            ),
            ("and up for all", &[(1, false, Some(Unavailable)), (5, false, None)], Some((Ok, None, Some(at(5))))),
            (
                "a caller's good token mends no bad one",
                &[(1, true, Some(TokenRejected)), (5, false, None)],
                Some((Failing, Some(TokenRejected), None)),
            ),
            (
                "a late answer is not news",
                &[(5, true, None), (1, true, Some(Unavailable))],
                Some((Ok, None, Some(at(5)))),
            ),
        ];
        for (rule, attempts, expected) in rows {
            assert_eq!(play(attempts), *expected, "{rule}");
        }
    }

    #[test]
    fn messages_are_bounded() {
        let failure = ConnectionFailure { reason: ConnectionReason::Unavailable, message: "é".repeat(9_999) };
        let attempt = ConnectionAttempt { as_registry: true, failure: Some(failure), at: at(1) };
        let known = Connection::after(None, &attempt).unwrap();
        assert_eq!(known.message.unwrap().chars().count(), MAX_CONNECTION_MESSAGE_CHARS);
    }

    #[test]
    fn the_wire_says_unknown_before_the_first_attempt() {
        assert_eq!(Connection::public_view(None), json!({"status": "unknown"}));
        let known = Connection::after(None, &attempt(0, true, Some(ConnectionReason::NotFound))).unwrap();
        let expected = json!({"status": "failing", "reason": "NOT_FOUND", "message": "why", "attemptedAt": "1970-01-01T00:00:00.000Z"});
        assert_eq!(Connection::public_view(Some(&known)), expected);
        for reason in ConnectionReason::ALL {
            assert_eq!(json!(reason), json!(reason.as_str()));
        }
    }
}
