//! A signed token taken apart: nothing of it is believed yet.
//!
//! Source: RFC 7515 (JWS, compact serialisation), RFC 7519 (JWT), RFC 8725 (best current practices).

use super::claims::Claims;
use super::issuer::SigningAlgorithm;
use super::keys::TokenRefusal;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::Value;

/// Longest token that is looked into, in bytes.
pub const MAX_JWT_BYTES: usize = 8 * 1024;
/// Longest key id that is looked up, in bytes.
const MAX_KEY_ID_BYTES: usize = 256;
/// What tokens that may speak for a user say of their type (RFC 7519, 5.1; RFC 9068, 2.1). A logout token, for example,
/// is signed by the same keys and says otherwise.
const TYPES: [&str; 4] = ["jwt", "at+jwt", "application/jwt", "application/at+jwt"];

/// Whether a bearer's text has the shape of a signed token: three parts, the first of which begins a JSON object. No
/// access token of the registry looks like it.
pub fn is_jwt(text: &str) -> bool {
    let parts = text.split('.').filter(|part| !part.is_empty()).count();
    text.starts_with("eyJ") && parts == 3 && text.bytes().filter(|byte| *byte == b'.').count() == 2
}

/// A token taken apart.
pub struct Jwt<'t> {
    /// The algorithm that its header names, one of those that any issuer may use.
    pub algorithm: SigningAlgorithm,
    /// The key that its header names.
    pub key_id: String,
    /// What it claims.
    pub claims: Claims,
    /// What is signed.
    pub message: &'t str,
    /// The signature, base64url.
    pub signature: &'t str,
}

/// What a header may say. Parameters that change how a signature is checked, or bring a key along, must not be there.
#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    typ: Option<String>,
    crit: Option<Value>,
    b64: Option<Value>,
    zip: Option<Value>,
    cty: Option<Value>,
    jwk: Option<Value>,
    jku: Option<Value>,
    x5u: Option<Value>,
    x5c: Option<Value>,
}

impl Header {
    fn is_plain(&self) -> bool {
        let others = [&self.crit, &self.b64, &self.zip, &self.cty, &self.jwk, &self.jku, &self.x5u, &self.x5c];
        let typed = self.typ.as_deref().is_none_or(|typ| TYPES.iter().any(|known| known.eq_ignore_ascii_case(typ)));
        typed && others.into_iter().all(Option::is_none)
    }
}

impl<'t> Jwt<'t> {
    /// Takes a token apart.
    ///
    /// # Errors
    /// [`TokenRefusal::Malformed`], [`TokenRefusal::Header`], [`TokenRefusal::Algorithm`] (one that no issuer may use,
    /// `none` among them), [`TokenRefusal::Key`] when it names none.
    pub fn read(text: &'t str) -> Result<Self, TokenRefusal> {
        let malformed = || TokenRefusal::Malformed;
        if text.len() > MAX_JWT_BYTES || !is_jwt(text) {
            return Err(malformed());
        }
        let (message, signature) = text.rsplit_once('.').ok_or_else(malformed)?;
        let (header, claims) = message.split_once('.').ok_or_else(malformed)?;
        let header: Header = decode(header).ok_or_else(malformed)?;
        if !header.is_plain() {
            return Err(TokenRefusal::Header);
        }
        let algorithm = SigningAlgorithm::parse(&header.alg).ok_or(TokenRefusal::Algorithm)?;
        let key_id = header.kid.filter(|id| !id.is_empty() && id.len() <= MAX_KEY_ID_BYTES);
        let key_id = key_id.ok_or(TokenRefusal::Key)?;
        Ok(Self { algorithm, key_id, claims: decode(claims).ok_or_else(malformed)?, message, signature })
    }
}

fn decode<T: serde::de::DeserializeOwned>(part: &str) -> Option<T> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn token(header: &Value, claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        format!("{}.{}.c2ln", part(header), part(claims))
    }

    fn claims() -> Value {
        json!({"iss": "https://login.example.com", "aud": "plane", "exp": 9, "iat": 1, "sub": "ann"})
    }

    #[test]
    fn a_token_is_taken_apart() {
        let text = token(&json!({"alg": "ES256", "kid": "k", "typ": "at+JWT"}), &claims());
        let Ok(jwt) = Jwt::read(&text) else { panic!("{text}") };
        assert_eq!((jwt.algorithm, jwt.key_id.as_str()), (SigningAlgorithm::Es256, "k"));
        assert_eq!(format!("{}.{}", jwt.message, jwt.signature), text);
    }

    #[test]
    fn headers_that_change_what_a_signature_means_are_refused() {
        let with = |name: &str, value: Value| {
            let mut header = json!({"alg": "RS256", "kid": "k"});
            header[name] = value;
            Jwt::read(&token(&header, &claims())).map(|_| ())
        };
        for (name, value) in [
            ("crit", json!(["exp"])),
            ("b64", json!(false)),
            ("zip", json!("DEF")),
            ("cty", json!("JWT")),
            ("jwk", json!({"kty": "oct", "k": "AA"})),
            ("jku", json!("https://evil.example/keys")),
            ("x5u", json!("https://evil.example/cert")),
            ("x5c", json!(["AA"])),
            ("typ", json!("logout+jwt")),
        ] {
            assert_eq!(with(name, value), Err(TokenRefusal::Header), "{name}");
        }
        for alg in ["none", "None", "HS256", "HS512", "PS256", "ES384", "rs256", ""] {
            assert_eq!(with("alg", json!(alg)), Err(TokenRefusal::Algorithm), "{alg}");
        }
        for id in [json!(""), json!(null), json!("k".repeat(MAX_KEY_ID_BYTES + 1))] {
            assert_eq!(with("kid", id), Err(TokenRefusal::Key));
        }
        assert_eq!(with("alg", json!(7)), Err(TokenRefusal::Malformed));
    }

    #[test]
    fn what_is_not_a_token_is_refused() {
        let good = token(&json!({"alg": "RS256", "kid": "k"}), &claims());
        assert!(is_jwt(&good));
        for text in ["rpt_abc", "sk_int_abc", "rpt_a.b.c", "eyJ", "eyJ.a", "eyJ..a", "eyJ.a.b.c", ".eyJ.a", "eyJ.a.."] {
            assert!(!is_jwt(text), "{text}");
        }
        let twice = URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256","kid":"k","kid":"l"}"#);
        let long = format!("{good}{}", "A".repeat(MAX_JWT_BYTES));
        let padded = good.replacen('.', "=.", 1);
        for text in [&long, &padded, &format!("{twice}.e30.c2ln"), "eyJ.a.b", &good.replace('.', ". ")] {
            assert_eq!(Jwt::read(text).map(|_| ()), Err(TokenRefusal::Malformed), "{text}");
        }
        let without = |name: &str| {
            let mut claims = claims();
            claims.as_object_mut().unwrap().remove(name);
            Jwt::read(&token(&json!({"alg": "RS256", "kid": "k"}), &claims)).map(|_| ())
        };
        for name in ["iss", "aud", "exp", "iat"] {
            assert_eq!(without(name), Err(TokenRefusal::Malformed), "{name}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic(text in "(eyJ)?[A-Za-z0-9_.=-]{0,80}", other in "\\PC{0,60}") {
            let _ = Jwt::read(&text);
            let _ = Jwt::read(&other);
        }
    }
}
