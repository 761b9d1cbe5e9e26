//! The issuers whose tokens a tenant takes.

use crate::access::Scope;
use crate::error::{DomainError, FieldErrors};
use crate::id::{IssuerId, TenantId};
use crate::input::{Field, Object};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeSet;
use url::Url;

/// Issuers that one tenant may have.
pub const MAX_ISSUERS: usize = 10;
/// Audiences that one issuer may have.
pub const MAX_AUDIENCES: usize = 10;
/// Longest audience, in bytes.
pub const MAX_AUDIENCE_BYTES: usize = 255;
/// Longest URL of an issuer, in bytes.
pub const MAX_ISSUER_BYTES: usize = 512;
/// Longest address of an issuer's keys, in bytes.
pub const MAX_JWKS_URI_BYTES: usize = 2048;

/// How a token may be signed: by asymmetric keys alone, so that who checks a signature could not have made it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum SigningAlgorithm {
    /// RSA PKCS #1 v1.5 with SHA-256 (RFC 7518, 3.3).
    #[serde(rename = "RS256")]
    Rs256,
    /// ECDSA on P-256 with SHA-256 (RFC 7518, 3.4).
    #[serde(rename = "ES256")]
    Es256,
    /// Ed25519 (RFC 8037).
    #[serde(rename = "EdDSA")]
    EdDsa,
}

impl SigningAlgorithm {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Rs256, Self::Es256, Self::EdDsa];

    /// The name in a token's header.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
        }
    }

    /// Reads the name; it is case-sensitive (RFC 7515, 4.1.1).
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == text)
    }
}

/// Which claim names the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UserClaim {
    /// `sub`, compared with the user's name.
    Sub,
    /// `email`, compared with the user's e-mail address; only with `email_verified`.
    Email,
    /// `preferred_username`, compared with the user's name.
    PreferredUsername,
}

impl UserClaim {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Sub, Self::Email, Self::PreferredUsername];

    /// The claim's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sub => "sub",
            Self::Email => "email",
            Self::PreferredUsername => "preferred_username",
        }
    }

    /// Reads the claim's name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == text)
    }
}

/// An issuer whose tokens a tenant takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Issuer {
    /// Its id.
    pub id: IssuerId,
    /// Whose it is; no other tenant of the registry has it.
    pub tenant: TenantId,
    /// Its URL, letter by letter as in the tokens' `iss`. Never changes.
    pub issuer: String,
    /// A token must be meant for one of these.
    pub audiences: Vec<String>,
    /// Where its keys are; found by its discovery document when absent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub jwks_uri: Option<String>,
    /// How its tokens may be signed.
    pub algorithms: BTreeSet<SigningAlgorithm>,
    /// Which claim names the user.
    pub user_claim: UserClaim,
    /// What its tokens may be used for at most.
    pub scopes: BTreeSet<Scope>,
    /// `false` refuses its tokens.
    pub enabled: bool,
    /// Creation time.
    pub created_at: Timestamp,
    /// Time of the last change.
    pub updated_at: Timestamp,
    /// Counts changes, from 1.
    pub version: u64,
}

/// A checked body of `POST /api/issuers`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateIssuer {
    issuer: String,
    audiences: Vec<String>,
    jwks_uri: Option<String>,
    algorithms: BTreeSet<SigningAlgorithm>,
    user_claim: UserClaim,
    scopes: BTreeSet<Scope>,
    enabled: bool,
}

impl CreateIssuer {
    /// Reads `{issuer, audiences, scopes, jwksUri?, algorithms?, userClaim?, enabled?}`.
    ///
    /// # Errors
    /// [`DomainError::Invalid`] with every wrong field.
    pub fn read(body: &Value) -> Result<Self, DomainError> {
        let mut errors = FieldErrors::new();
        let mut object = Object::root(body, &mut errors);
        let issuer = read_issuer(&mut object);
        let audiences = read_audiences(&mut object);
        let scopes = read_scopes(&mut object);
        for (name, given) in [("audiences", is_given(&audiences)), ("scopes", is_given(&scopes))] {
            if !given {
                object.error(name, format!("{name} is required"));
            }
        }
        let command = Self {
            issuer,
            audiences: audiences.value().unwrap_or_default(),
            jwks_uri: read_jwks_uri(&mut object).value(),
            algorithms: read_algorithms(&mut object).value().unwrap_or_else(|| SigningAlgorithm::ALL.into()),
            user_claim: read_user_claim(&mut object).value().unwrap_or(UserClaim::Sub),
            scopes: scopes.value().unwrap_or_default(),
            enabled: object.boolean("enabled").value().unwrap_or(true),
        };
        object.finish();
        errors.into_result(command)
    }

    /// Makes the issuer.
    pub fn into_issuer(self, id: IssuerId, tenant: TenantId, now: Timestamp) -> Issuer {
        Issuer {
            id,
            tenant,
            issuer: self.issuer,
            audiences: self.audiences,
            jwks_uri: self.jwks_uri,
            algorithms: self.algorithms,
            user_claim: self.user_claim,
            scopes: self.scopes,
            enabled: self.enabled,
            created_at: now,
            updated_at: now,
            version: 1,
        }
    }
}

/// A checked body of `PATCH /api/issuers/:id`. The URL is the issuer's for good: another one is another issuer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatchIssuer {
    audiences: Field<Vec<String>>,
    jwks_uri: Field<String>,
    algorithms: Field<BTreeSet<SigningAlgorithm>>,
    user_claim: Field<UserClaim>,
    scopes: Field<BTreeSet<Scope>>,
    enabled: Field<bool>,
}

impl PatchIssuer {
    /// Reads the body. `null` finds the keys by discovery again, and gives algorithms and user claim what they are when
    /// nothing is said.
    ///
    /// # Errors
    /// [`DomainError::Invalid`] with every wrong field.
    pub fn read(body: &Value) -> Result<Self, DomainError> {
        let mut errors = FieldErrors::new();
        let mut object = Object::root(body, &mut errors);
        let patch = Self {
            audiences: read_audiences(&mut object),
            jwks_uri: read_jwks_uri(&mut object),
            algorithms: read_algorithms(&mut object),
            user_claim: read_user_claim(&mut object),
            scopes: read_scopes(&mut object),
            enabled: object.boolean("enabled"),
        };
        for (name, is_null) in [("audiences", patch.audiences == Field::Null), ("scopes", patch.scopes == Field::Null)]
        {
            if is_null {
                object.error(name, format!("{name} is required"));
            }
        }
        object.finish();
        errors.into_result(patch)
    }

    /// Applies the patch to what is stored.
    #[must_use]
    pub fn apply(&self, stored: &Issuer, now: Timestamp) -> Issuer {
        let mut next = stored.clone();
        if let Field::Value(audiences) = &self.audiences {
            next.audiences.clone_from(audiences);
        }
        self.jwks_uri.clone().patch(&mut next.jwks_uri);
        match &self.algorithms {
            Field::Value(algorithms) => next.algorithms.clone_from(algorithms),
            Field::Null => next.algorithms = SigningAlgorithm::ALL.into(),
            Field::Absent | Field::Invalid => {}
        }
        match self.user_claim {
            Field::Value(claim) => next.user_claim = claim,
            Field::Null => next.user_claim = UserClaim::Sub,
            Field::Absent | Field::Invalid => {}
        }
        if let Field::Value(scopes) = &self.scopes {
            next.scopes.clone_from(scopes);
        }
        if let Field::Value(enabled) = self.enabled {
            next.enabled = enabled;
        }
        next.updated_at = now;
        next.version += 1;
        next
    }
}

/// Whether a text is an https URL with a host and without user, password and fragment.
pub fn is_https(text: &str) -> bool {
    let plain = text.starts_with("https://") && text.bytes().all(|byte| byte.is_ascii_graphic());
    plain
        && Url::parse(text).is_ok_and(|url| {
            let named = url.host_str().is_some_and(|host| !host.is_empty());
            named && url.username().is_empty() && url.password().is_none() && url.fragment().is_none()
        })
}

/// Whether a list that must be there is, good or not.
fn is_given<T>(field: &Field<T>) -> bool {
    matches!(field, Field::Value(_) | Field::Invalid)
}

/// OpenID Connect Discovery 1.0, 3: https, without query and fragment.
fn read_issuer(object: &mut Object<'_, '_>) -> String {
    match object.text_up_to("issuer", MAX_ISSUER_BYTES) {
        Field::Value(text) if is_https(&text) && !text.contains('?') => text,
        Field::Invalid => String::new(),
        Field::Absent | Field::Null | Field::Value(_) => {
            object.error("issuer", "must be an https URL without user, query or fragment, as in the tokens' iss");
            String::new()
        }
    }
}

fn read_jwks_uri(object: &mut Object<'_, '_>) -> Field<String> {
    object.text_up_to("jwksUri", MAX_JWKS_URI_BYTES).and_then(|text| {
        if is_https(&text) {
            return Field::Value(text);
        }
        object.error("jwksUri", "must be an https URL without user or fragment");
        Field::Invalid
    })
}

fn read_audiences(object: &mut Object<'_, '_>) -> Field<Vec<String>> {
    let audience = |text: &str| {
        let plain = !text.trim().is_empty() && text.len() <= MAX_AUDIENCE_BYTES && !text.contains(char::is_control);
        plain.then(|| text.to_owned())
    };
    let message = format!("must be a text of 1 to {MAX_AUDIENCE_BYTES} bytes on one line");
    read_list(object, "audiences", MAX_AUDIENCES, &message, audience)
}

fn read_algorithms(object: &mut Object<'_, '_>) -> Field<BTreeSet<SigningAlgorithm>> {
    let message = "must be one of RS256, ES256, EdDSA";
    read_list(object, "algorithms", SigningAlgorithm::ALL.len(), message, SigningAlgorithm::parse)
        .map(BTreeSet::from_iter)
}

fn read_user_claim(object: &mut Object<'_, '_>) -> Field<UserClaim> {
    object.text("userClaim").and_then(|text| match UserClaim::parse(&text) {
        Some(claim) => Field::Value(claim),
        None => {
            object.error("userClaim", "userClaim must be sub, email or preferred_username");
            Field::Invalid
        }
    })
}

fn read_scopes(object: &mut Object<'_, '_>) -> Field<BTreeSet<Scope>> {
    let scope = |text: &str| Scope::OF_A_PLATFORM.into_iter().find(|scope| scope.as_str() == text);
    let message = "must be one of repos:read, repos:write, tasks:read, tasks:write";
    read_list(object, "scopes", Scope::OF_A_PLATFORM.len(), message, scope).map(BTreeSet::from_iter)
}

/// A list of 1 to `most` different texts.
fn read_list<T: PartialEq>(
    object: &mut Object<'_, '_>,
    key: &'static str,
    most: usize,
    message: &str,
    read: impl Fn(&str) -> Option<T>,
) -> Field<Vec<T>> {
    object.array(key).and_then(|items| {
        if items.is_empty() || items.len() > most {
            object.error(key, format!("must have 1 to {most} entries"));
            return Field::Invalid;
        }
        let base = object.pointer(key);
        let mut list = Vec::new();
        for (index, item) in items.iter().enumerate() {
            match item.as_str().and_then(&read) {
                Some(value) if list.contains(&value) => {}
                Some(value) => list.push(value),
                None => object.errors().push(format!("{base}/{index}"), message),
            }
        }
        Field::Value(list)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn wrong(result: Result<impl std::fmt::Debug, DomainError>) -> Vec<String> {
        let Err(DomainError::Invalid(errors)) = result else { panic!("{result:?}") };
        errors.as_slice().iter().map(|error| error.pointer.clone()).collect()
    }

    fn body() -> Value {
        json!({"issuer": "https://login.example.com/", "audiences": ["plane"], "scopes": ["repos:read"]})
    }

    fn issuer() -> Issuer {
        let now = Timestamp::from_second(0);
        CreateIssuer::read(&body()).unwrap().into_issuer(IssuerId::start_of(now), TenantId::start_of(now), now)
    }

    #[test]
    fn what_is_not_said_has_a_default() {
        let issuer = issuer();
        assert_eq!(issuer.issuer, "https://login.example.com/", "letter by letter");
        assert_eq!((issuer.algorithms.len(), issuer.user_claim, issuer.enabled), (3, UserClaim::Sub, true));
    }

    #[test]
    fn all_wrong_fields_are_named() {
        let all = json!({
            "issuer": "http://login.example.com", "audiences": ["a", 7, "", "b\n"], "jwksUri": "ftp://x",
            "algorithms": ["RS256", "HS256", "none"], "userClaim": "name", "scopes": ["admin", "repos:read"],
            "enabled": "yes", "secret": "x",
        });
        let expected = [
            "/issuer",
            "/audiences/1",
            "/audiences/2",
            "/audiences/3",
            "/scopes/0",
            "/jwksUri",
            "/algorithms/1",
            "/algorithms/2",
            "/userClaim",
            "/enabled",
            "/secret",
        ];
        assert_eq!(wrong(CreateIssuer::read(&all)), expected);
        assert_eq!(wrong(CreateIssuer::read(&json!({}))), ["/issuer", "/audiences", "/scopes"]);
        let lists = json!({"audiences": [], "scopes": ["operator"], "algorithms": []});
        assert_eq!(wrong(PatchIssuer::read(&lists)), ["/audiences", "/algorithms", "/scopes/0"]);
        let many = json!({"audiences": vec!["a"; MAX_AUDIENCES + 1], "scopes": null});
        assert_eq!(wrong(PatchIssuer::read(&many)), ["/audiences", "/scopes"]);
        assert_eq!(wrong(PatchIssuer::read(&json!({"issuer": "https://a.example"}))), ["/issuer"]);
    }

    #[test]
    fn an_issuer_is_a_plain_https_url() {
        for (text, good) in [
            ("https://login.example.com", true),
            ("https://login.example.com:8443/realms/a", true),
            ("https://login.example.com?x=1", false),
            ("https://login.example.com#x", false),
            ("https://user@login.example.com", false),
            ("https://:p@login.example.com", false),
            (" https://login.example.com", false),
            ("https://login.example.com/a b", false),
            ("https://löwe.example", false),
            ("HTTPS://login.example.com", false),
            ("https://", false),
            ("login.example.com", false),
        ] {
            let mut body = body();
            body["issuer"] = json!(text);
            assert_eq!(CreateIssuer::read(&body).is_ok(), good, "{text}");
        }
    }

    #[test]
    fn a_patch_keeps_what_it_does_not_name() {
        let now = Timestamp::from_second(9);
        let mut stored = issuer();
        stored.jwks_uri = Some("https://login.example.com/keys".to_owned());
        stored.algorithms = [SigningAlgorithm::EdDsa].into();
        let patch = json!({"enabled": false, "jwksUri": null, "scopes": ["tasks:write"]});
        let next = PatchIssuer::read(&patch).unwrap().apply(&stored, now);
        assert_eq!((next.enabled, &next.jwks_uri, next.scopes.len()), (false, &None, 1));
        assert_eq!((next.version, next.updated_at, &next.audiences), (2, now, &stored.audiences));
        assert_eq!(next.algorithms, stored.algorithms);
        let next = PatchIssuer::read(&json!({"algorithms": null})).unwrap().apply(&stored, now);
        assert_eq!(next.algorithms.len(), 3);
    }
}
