//! A key set, of which only the keys are kept that an issuer's tokens may be signed by.
//!
//! Source: RFC 7517, 4 and 5; RFC 7518, 6.2 and 6.3 (EC, RSA); RFC 8037, 2 (Ed25519).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::DecodingKey;
use repoplane_domain::oidc::SigningAlgorithm;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeSet;

/// Keys of a set that are looked at.
const MAX_KEYS: usize = 100;
/// Shortest RSA modulus, in bits; shorter ones can be factored (NIST SP 800-131A).
const MIN_RSA_BITS: usize = 2048;
/// Longest RSA modulus, in bits: what a signature costs to check grows with it.
const MAX_RSA_BITS: usize = 8192;
/// A coordinate of P-256, and an Ed25519 key, in bytes.
const POINT_BYTES: usize = 32;

/// The usable keys of an issuer.
pub(super) struct KeySet(Vec<Key>);

struct Key {
    id: String,
    algorithm: SigningAlgorithm,
    key: DecodingKey,
}

/// RFC 7517, 5. Keys are read one by one: one that cannot be read does not spoil the others.
#[derive(Deserialize)]
struct Document {
    keys: Vec<Value>,
}

/// RFC 7517, 4, with the members of the three types.
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: String,
    #[serde(rename = "use")]
    purpose: Option<String>,
    key_ops: Option<Vec<String>>,
    alg: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl KeySet {
    /// Reads a set; `None` when it is none. Keys for encryption, of other types or algorithms, or too weak are left out.
    pub(super) fn read(document: &[u8], algorithms: &BTreeSet<SigningAlgorithm>) -> Option<Self> {
        let document: Document = serde_json::from_slice(document).ok()?;
        let read = |value| serde_json::from_value::<Jwk>(value).ok()?.key(algorithms);
        Some(Self(document.keys.into_iter().take(MAX_KEYS).filter_map(read).collect()))
    }

    /// The keys of an id for an algorithm.
    pub(super) fn named(&self, id: &str, algorithm: SigningAlgorithm) -> impl Iterator<Item = &DecodingKey> {
        self.0.iter().filter(move |key| key.id == id && key.algorithm == algorithm).map(|key| &key.key)
    }

    /// Whether there is such a key.
    pub(super) fn has(&self, id: &str, algorithm: SigningAlgorithm) -> bool {
        self.named(id, algorithm).next().is_some()
    }
}

impl Jwk {
    /// The key, for the one algorithm that its type is good for.
    fn key(self, algorithms: &BTreeSet<SigningAlgorithm>) -> Option<Key> {
        let algorithm = match (self.kty.as_str(), self.crv.as_deref()) {
            ("RSA", None) => SigningAlgorithm::Rs256,
            ("EC", Some("P-256")) => SigningAlgorithm::Es256,
            ("OKP", Some("Ed25519")) => SigningAlgorithm::EdDsa,
            _ => return None,
        };
        let signs = self.purpose.as_deref().is_none_or(|purpose| purpose == "sig")
            && self.key_ops.as_ref().is_none_or(|ops| ops.iter().any(|op| op == "verify"));
        // RFC 9864 calls EdDSA on this curve by its full name.
        let named = |alg: &str| alg == algorithm.as_str() || (algorithm == SigningAlgorithm::EdDsa && alg == "Ed25519");
        if !signs || !self.alg.as_deref().is_none_or(named) || !algorithms.contains(&algorithm) {
            return None;
        }
        let key = match algorithm {
            SigningAlgorithm::Rs256 => rsa(&decode(self.n?)?, &decode(self.e?)?)?,
            SigningAlgorithm::Es256 => {
                let (x, y) = (point(self.x?)?, point(self.y?)?);
                DecodingKey::from_ec_der(&[&[4], x.as_slice(), y.as_slice()].concat())
            }
            SigningAlgorithm::EdDsa => DecodingKey::from_ed_der(&point(self.x?)?),
        };
        Some(Key { id: self.kid, algorithm, key })
    }
}

fn rsa(n: &[u8], e: &[u8]) -> Option<DecodingKey> {
    let significant = &n[n.iter().position(|byte| *byte != 0)?..];
    let bits = significant.len() * 8 - significant[0].leading_zeros() as usize;
    let sound = (MIN_RSA_BITS..=MAX_RSA_BITS).contains(&bits);
    sound.then(|| DecodingKey::from_rsa_raw_components(significant, e))
}

fn decode(text: String) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

fn point(text: String) -> Option<Vec<u8>> {
    decode(text).filter(|bytes| bytes.len() == POINT_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn all() -> BTreeSet<SigningAlgorithm> {
        SigningAlgorithm::ALL.into()
    }

    fn bytes(length: usize) -> String {
        URL_SAFE_NO_PAD.encode(vec![0x81; length])
    }

    fn with(mut key: Value, patch: Value) -> Value {
        key.as_object_mut().unwrap().extend(patch.as_object().unwrap().clone());
        key
    }

    fn is_kept(key: &Value, algorithms: &BTreeSet<SigningAlgorithm>) -> bool {
        let set = KeySet::read(json!({"keys": [{"kty": "none"}, 7, key]}).to_string().as_bytes(), algorithms).unwrap();
        !set.0.is_empty()
    }

    #[test]
    fn only_keys_that_may_sign_are_kept() {
        let rsa = || json!({"kty": "RSA", "kid": "k", "n": bytes(256), "e": "AQAB"});
        let ec = || json!({"kty": "EC", "kid": "k", "crv": "P-256", "x": bytes(32), "y": bytes(32)});
        let ed = || json!({"kty": "OKP", "kid": "k", "crv": "Ed25519", "x": bytes(32)});
        for (key, kept) in [
            (rsa(), true),
            (with(rsa(), json!({"use": "sig", "alg": "RS256", "key_ops": ["verify"], "x5c": ["x"]})), true),
            (with(rsa(), json!({"use": "enc"})), false),
            (with(rsa(), json!({"key_ops": ["encrypt"]})), false),
            (with(rsa(), json!({"alg": "RS512"})), false),
            (with(rsa(), json!({"alg": "HS256"})), false),
            (with(rsa(), json!({"n": bytes(255)})), false),
            (with(rsa(), json!({"n": URL_SAFE_NO_PAD.encode([vec![0, 0], vec![0x7f; 255]].concat())})), false),
            (with(rsa(), json!({"n": bytes(1025)})), false),
            (with(rsa(), json!({"n": ""})), false),
            (with(rsa(), json!({"kid": null})), false),
            (json!({"kty": "oct", "kid": "k", "k": bytes(32)}), false),
            (ec(), true),
            (with(ec(), json!({"crv": "P-384"})), false),
            (with(ec(), json!({"y": bytes(31)})), false),
            (ed(), true),
            (with(ed(), json!({"alg": "Ed25519"})), true),
            (with(ed(), json!({"crv": "X25519"})), false),
            (with(ed(), json!({"x": bytes(33)})), false),
        ] {
            assert_eq!(is_kept(&key, &all()), kept, "{key}");
        }
        assert!(!is_kept(&rsa(), &[SigningAlgorithm::Es256].into()), "the issuer is pinned to another");
    }

    #[test]
    fn what_is_no_set_is_none_and_a_long_one_is_cut() {
        for text in ["", "[]", "{}", r#"{"keys": {}}"#, "\u{0}"] {
            assert!(KeySet::read(text.as_bytes(), &all()).is_none(), "{text}");
        }
        let key = json!({"kty": "OKP", "kid": "k", "crv": "Ed25519", "x": bytes(32)});
        let set = KeySet::read(json!({"keys": vec![key; MAX_KEYS + 1]}).to_string().as_bytes(), &all()).unwrap();
        assert_eq!(set.0.len(), MAX_KEYS);
    }
}
