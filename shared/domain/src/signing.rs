//! The keys by which a repository's packages are signed (contract: abf 4.11).
//!
//! What a key says is read by the crate `signing`, which knows OpenPGP; the rules and their words are here.

use crate::credential::{SecretEdit, SecretName};
use crate::id::UserId;
use crate::input::Object;
use crate::secret::Secret;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Longest key, armored, in characters (contract: abf 4.11).
pub const MAX_KEY_CHARS: usize = 10_000;

/// Which of the two keys of a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Half {
    /// The one that everybody may have.
    Public,
    /// The one that signs.
    Secret,
}

/// What is wrong with a pair of keys; its text is the contract's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyFault {
    /// Nothing, or not a text.
    #[error("{0} key can't be blank")]
    Blank(Half),
    /// Over [`MAX_KEY_CHARS`].
    #[error("{0} key is too long (maximum is {MAX_KEY_CHARS} characters)")]
    TooLong(Half),
    /// Not one armored key of OpenPGP.
    #[error("{0} key wrong")]
    Wrong(Half),
    /// The secret key stands where the public one belongs.
    #[error("Public key contains secret key")]
    SecretAsPublic,
    /// The public key stands where the secret one belongs.
    #[error("Secret key contains public key")]
    PublicAsSecret,
    /// Their fingerprints differ.
    #[error("Secret key keys are imported, but it is not a key pair (ids differ)")]
    NoPair,
    /// Nobody is there to say the passphrase when packages are signed.
    #[error("Secret key contains passphrase")]
    Passphrase,
}

impl fmt::Display for Half {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Public => "Public",
            Self::Secret => "Secret",
        })
    }
}

/// A pair of keys as it was sent: of the right length, and not yet looked into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentKeys {
    /// The public key, armored. Not shown either: a caller may have taken the wrong one.
    pub public: Secret,
    /// The secret key, armored.
    pub secret: Secret,
}

impl SentKeys {
    /// Reads the members `public` and `secret` of an object. Others are left to the caller.
    ///
    /// # Errors
    /// Every fault of either.
    pub fn read(object: &mut Object<'_, '_>) -> Result<Self, Vec<KeyFault>> {
        let mut faults = Vec::new();
        let mut half = |key: &'static str, half: Half| {
            let text = match object.raw(key).and_then(serde_json::Value::as_str) {
                Some(text) if !text.trim().is_empty() => text,
                Some(_) | None => {
                    faults.push(KeyFault::Blank(half));
                    return Secret::new("");
                }
            };
            if text.chars().count() > MAX_KEY_CHARS {
                faults.push(KeyFault::TooLong(half));
            }
            Secret::new(text)
        };
        let keys = Self { public: half("public", Half::Public), secret: half("secret", Half::Secret) };
        if faults.is_empty() { Ok(keys) } else { Err(faults) }
    }

    /// What the repository's secret document is to hold.
    pub fn edits(self) -> Vec<SecretEdit> {
        vec![
            SecretEdit::put(SecretName::signing(Half::Public), self.public),
            SecretEdit::put(SecretName::signing(Half::Secret), self.secret),
        ]
    }
}

/// What may be shown of a repository's pair.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SigningKey {
    /// The fingerprint of both, in upper-case hex.
    pub key_id: String,
    /// Who set it.
    pub user: UserId,
    /// When.
    pub set_at: Timestamp,
}
