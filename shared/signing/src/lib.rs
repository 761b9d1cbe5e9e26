//! OpenPGP key pairs: read, compared and found fit for signing (RFC 9580).
//!
//! A crate of its own because OpenPGP brings two dozen ciphers and a source of randomness: only who takes keys links it, and
//! the domain, whose rules these are, stays pure.
//!
//! ```
//! use repoplane_domain::secret::Secret;
//! use repoplane_domain::signing::{Half, KeyFault, SentKeys};
//!
//! let keys = SentKeys { public: Secret::new("no key"), secret: Secret::new("no key") };
//! assert_eq!(
//!     repoplane_signing::check(&keys),
//!     Err(vec![KeyFault::Wrong(Half::Public), KeyFault::Wrong(Half::Secret)]),
//! );
//! ```

use pgp::composed::{PublicOrSecret, SignedPublicKey, SignedSecretKey};
use pgp::types::KeyDetails;
use repoplane_domain::signing::{Half, KeyFault, SentKeys};

/// Subkeys that one key may have; what signs has one or two.
pub const MAX_SUBKEYS: usize = 32;

/// How armor begins (RFC 9580, 6.2).
const BEGIN: &str = "-----BEGIN PGP ";
/// How armor ends.
const END: &str = "-----END PGP ";

/// The fingerprint of a pair, in upper-case hex.
///
/// # Errors
/// Everything that is wrong with either key, or with the two of them (contract: abf 4.11).
pub fn check(keys: &SentKeys) -> Result<String, Vec<KeyFault>> {
    let public = read(keys.public.expose()).ok_or(KeyFault::Wrong(Half::Public)).and_then(|key| match key {
        PublicOrSecret::Public(key) => Ok(key),
        PublicOrSecret::Secret(_) => Err(KeyFault::SecretAsPublic),
    });
    let secret = read(keys.secret.expose()).ok_or(KeyFault::Wrong(Half::Secret)).and_then(|key| match key {
        PublicOrSecret::Secret(key) => Ok(key),
        PublicOrSecret::Public(_) => Err(KeyFault::PublicAsSecret),
    });
    let (public, secret) = match (public, secret) {
        (Ok(public), Ok(secret)) => (public, secret),
        (public, secret) => return Err(public.err().into_iter().chain(secret.err()).collect()),
    };
    let (of_public, of_secret) = (fingerprint(&public), fingerprint_of_secret(&secret));
    let mut faults = Vec::new();
    if of_public != of_secret {
        faults.push(KeyFault::NoPair);
    }
    if has_passphrase(&secret) {
        faults.push(KeyFault::Passphrase);
    }
    if faults.is_empty() { Ok(of_public) } else { Err(faults) }
}

/// The one key of an armored text; `None` for anything else, and with anything before or after it: what is kept as the
/// public key must hold nothing but that.
fn read(armored: &str) -> Option<PublicOrSecret> {
    let armored = armored.trim();
    let is_one = armored.starts_with(BEGIN) && armored.matches(BEGIN).count() == 1;
    let last = armored.lines().next_back()?;
    if !(is_one && last.starts_with(END) && armored.matches(END).count() == 1) {
        return None;
    }
    let (mut keys, _headers) = PublicOrSecret::from_armor_many(armored.as_bytes()).ok()?;
    let key = keys.next()?.ok()?;
    let subkeys = match &key {
        PublicOrSecret::Public(key) => key.public_subkeys.len(),
        PublicOrSecret::Secret(key) => key.public_subkeys.len() + key.secret_subkeys.len(),
    };
    (subkeys <= MAX_SUBKEYS && keys.next().is_none()).then_some(key)
}

fn fingerprint(key: &SignedPublicKey) -> String {
    format!("{:X}", key.primary_key.fingerprint())
}

fn fingerprint_of_secret(key: &SignedSecretKey) -> String {
    format!("{:X}", key.primary_key.fingerprint())
}

/// Whether a part of the key is locked, or is not there at all.
fn has_passphrase(key: &SignedSecretKey) -> bool {
    let subkeys = key.secret_subkeys.iter().map(|subkey| subkey.key.secret_params());
    std::iter::once(key.primary_key.secret_params()).chain(subkeys).any(|params| params.is_encrypted())
}

#[cfg(test)]
mod tests;
