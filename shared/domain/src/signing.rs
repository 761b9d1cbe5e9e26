//! The keys by which a repository's packages are signed (contract: abf 4.11).
//!
//! What a key says is read by the crate `signing`, which knows OpenPGP; the rules and their words are here.

use crate::credential::{SecretEdit, SecretName};
use crate::id::UserId;
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
    /// Takes the two texts that were sent.
    ///
    /// # Errors
    /// Every fault of either.
    pub fn read(public: Option<&str>, secret: Option<&str>) -> Result<Self, Vec<KeyFault>> {
        let mut faults = Vec::new();
        let mut half = |text: Option<&str>, half: Half| {
            let Some(text) = text.filter(|text| !text.trim().is_empty()) else {
                faults.push(KeyFault::Blank(half));
                return Secret::new("");
            };
            if text.chars().count() > MAX_KEY_CHARS {
                faults.push(KeyFault::TooLong(half));
            }
            Secret::new(text)
        };
        let keys = Self { public: half(public, Half::Public), secret: half(secret, Half::Secret) };
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn abf_4_11_keys_are_there_and_not_too_long() {
        let long = "x".repeat(MAX_KEY_CHARS);
        assert!(SentKeys::read(Some(&long), Some("y")).is_ok());
        let longer = format!("{long}x");
        for (public, secret, said) in [
            (None, None, vec!["Public key can't be blank", "Secret key can't be blank"]),
            (Some(" \n"), Some("y"), vec!["Public key can't be blank"]),
            (Some("x"), Some(&*longer), vec!["Secret key is too long (maximum is 10000 characters)"]),
        ] {
            let faults = SentKeys::read(public, secret).unwrap_err();
            assert_eq!(faults.iter().map(ToString::to_string).collect::<Vec<_>>(), said);
        }
    }

    #[test]
    fn both_keys_go_to_the_vault_and_neither_is_shown() {
        let keys = SentKeys::read(Some("a public one"), Some("a secret one")).unwrap();
        assert!(!format!("{keys:?}").contains(" one"), "{keys:?}");
        let names: Vec<String> = keys.edits().into_iter().map(|edit| edit.name.to_string()).collect();
        assert_eq!(names, ["signing/public", "signing/secret"]);
    }
}
