//! What a token claims, checked against its issuer and the clock.
//!
//! Source: RFC 7519, 4.1; OpenID Connect Core 1.0, 2, 3.1.3.7 and 5.1; RFC 8693, 4.2 (`scope`).

use super::issuer::{Issuer, UserClaim};
use super::keys::TokenRefusal;
use crate::access::{Scope, common_scopes};
use crate::time::Timestamp;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::time::Duration;

/// By how much clocks may differ.
pub const LEEWAY: Duration = Duration::from_secs(60);
/// Longest time from a token's issue to its end: nobody can take back what is signed.
pub const MAX_LIFE: Duration = Duration::from_secs(24 * 60 * 60);
/// Longest name of a user that is looked up, in bytes (RFC 5321, 4.5.3.1.3: an e-mail address).
const MAX_SUBJECT_BYTES: usize = 254;

/// The claims that count; others are not looked at.
#[derive(Deserialize)]
pub struct Claims {
    /// Who signed it; to be believed only after the signature was checked with that issuer's keys.
    pub iss: String,
    aud: Texts,
    exp: f64,
    iat: f64,
    nbf: Option<f64>,
    sub: Option<String>,
    email: Option<String>,
    email_verified: Option<Verified>,
    preferred_username: Option<String>,
    scope: Option<Texts>,
}

/// One text or several.
#[derive(Deserialize)]
#[serde(untagged)]
enum Texts {
    One(String),
    Many(Vec<String>),
}

/// Some issuers write the boolean as a text.
#[derive(Deserialize)]
#[serde(untagged)]
enum Verified {
    Plain(bool),
    Text(String),
}

/// For whom a token speaks, by the issuer's word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// The claim that names the user.
    pub claim: UserClaim,
    /// The name or the e-mail address in it.
    pub name: String,
    /// What the token may be used for: what the issuer's may, narrowed by the token's own `scope`.
    pub scopes: BTreeSet<Scope>,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// From when on it is refused.
    pub expires_at: Timestamp,
}

impl Claims {
    /// Checks all that the signature does not.
    ///
    /// # Errors
    /// [`TokenRefusal`] says what is wrong first.
    pub fn check(&self, issuer: &Issuer, now: Timestamp) -> Result<Subject, TokenRefusal> {
        if !issuer.enabled {
            return Err(TokenRefusal::Disabled);
        }
        if self.iss != issuer.issuer {
            return Err(TokenRefusal::Issuer);
        }
        if !self.aud.any(|audience| issuer.audiences.iter().any(|known| known == audience)) {
            return Err(TokenRefusal::Audience);
        }
        let (issued_at, expires_at) = self.check_times(now)?;
        let name = self.user(issuer.user_claim).ok_or(TokenRefusal::Subject)?;
        let scopes = match &self.scope {
            None => issuer.scopes.clone(),
            Some(own) => common_scopes(&issuer.scopes, &own.scopes()),
        };
        Ok(Subject { claim: issuer.user_claim, name: name.to_owned(), scopes, issued_at, expires_at })
    }

    fn check_times(&self, now: Timestamp) -> Result<(Timestamp, Timestamp), TokenRefusal> {
        let (issued, expires) = (instant(self.iat)?, instant(self.exp)?);
        let begins = self.nbf.map(instant).transpose()?;
        let end = expires.plus(LEEWAY);
        if end <= now {
            return Err(TokenRefusal::Expired);
        }
        let latest = now.plus(LEEWAY);
        if issued > latest || begins.is_some_and(|begins| begins > latest) {
            return Err(TokenRefusal::NotYet);
        }
        if expires <= issued || expires.since(issued) > MAX_LIFE {
            return Err(TokenRefusal::Lifetime);
        }
        Ok((issued, end))
    }

    /// The claim that names the user. An e-mail address counts only when the issuer has checked whose it is: anybody
    /// could have written it into an account there.
    fn user(&self, claim: UserClaim) -> Option<&str> {
        let name = match claim {
            UserClaim::Sub => self.sub.as_deref(),
            UserClaim::PreferredUsername => self.preferred_username.as_deref(),
            UserClaim::Email => self.email.as_deref().filter(|_| self.has_verified_email()),
        };
        name.filter(|name| !name.is_empty() && name.len() <= MAX_SUBJECT_BYTES)
    }

    fn has_verified_email(&self) -> bool {
        match &self.email_verified {
            Some(Verified::Plain(verified)) => *verified,
            Some(Verified::Text(text)) => text == "true",
            None => false,
        }
    }
}

impl Texts {
    fn any(&self, holds: impl Fn(&str) -> bool) -> bool {
        match self {
            Self::One(text) => holds(text),
            Self::Many(texts) => texts.iter().any(|text| holds(text)),
        }
    }

    /// Those of our scopes that are among the words.
    fn scopes(&self) -> BTreeSet<Scope> {
        let named = |scope: &Scope| self.any(|text| text.split(' ').any(|word| word == scope.as_str()));
        Scope::OF_A_TENANT.into_iter().filter(named).collect()
    }
}

/// Seconds since the epoch, maybe with a fraction (RFC 7519, 2: NumericDate), up to the year 9999.
fn instant(seconds: f64) -> Result<Timestamp, TokenRefusal> {
    if !(0.0..253_402_300_800.0).contains(&seconds) {
        return Err(TokenRefusal::Malformed);
    }
    Ok(Timestamp::from_millisecond((seconds * 1000.0) as i64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{IssuerId, TenantId};
    use crate::oidc::CreateIssuer;
    use serde_json::{Value, json};

    const NOW: i64 = 1_000_000;

    fn issuer(patch: &Value) -> Issuer {
        let mut body = json!({
            "issuer": "https://login.example.com", "audiences": ["plane", "other"], "scopes": ["repos:write", "tasks:read"],
        });
        body.as_object_mut().unwrap().extend(patch.as_object().unwrap().clone());
        let now = Timestamp::from_second(0);
        CreateIssuer::read(&body).unwrap().into_issuer(IssuerId::start_of(now), TenantId::start_of(now), now)
    }

    fn claims(patch: &Value) -> Claims {
        let mut claims = json!({
            "iss": "https://login.example.com", "aud": "plane", "sub": "ann", "iat": NOW - 10, "exp": NOW + 600,
        });
        claims.as_object_mut().unwrap().extend(patch.as_object().unwrap().clone());
        serde_json::from_value(claims).unwrap()
    }

    fn check(issuer: &Issuer, patch: &Value) -> Result<Subject, TokenRefusal> {
        claims(patch).check(issuer, Timestamp::from_second(NOW))
    }

    #[test]
    fn a_token_is_held_to_its_issuer_and_the_clock() {
        let issuer = issuer(&json!({}));
        let day = 24 * 60 * 60;
        for (patch, expected) in [
            (json!({}), None),
            (json!({"aud": ["x", "other"]}), None),
            (json!({"exp": NOW as f64 + 0.5}), None),
            (json!({"exp": NOW - 59}), Some(TokenRefusal::Lifetime)),
            (json!({"iat": NOW - 90, "exp": NOW - 59}), None),
            (json!({"iat": NOW - 90, "exp": NOW - 60}), Some(TokenRefusal::Expired)),
            (json!({"iat": NOW + 60}), None),
            (json!({"iat": NOW + 61}), Some(TokenRefusal::NotYet)),
            (json!({"nbf": NOW + 60}), None),
            (json!({"nbf": NOW + 61}), Some(TokenRefusal::NotYet)),
            (json!({"exp": NOW - 10 + day}), None),
            (json!({"exp": NOW - 9 + day}), Some(TokenRefusal::Lifetime)),
            (json!({"exp": 1e18}), Some(TokenRefusal::Malformed)),
            (json!({"iat": -1}), Some(TokenRefusal::Malformed)),
            (json!({"iss": "https://login.example.com/"}), Some(TokenRefusal::Issuer)),
            (json!({"iss": "https://LOGIN.example.com"}), Some(TokenRefusal::Issuer)),
            (json!({"aud": "Plane"}), Some(TokenRefusal::Audience)),
            (json!({"aud": []}), Some(TokenRefusal::Audience)),
            (json!({"sub": null}), Some(TokenRefusal::Subject)),
            (json!({"sub": ""}), Some(TokenRefusal::Subject)),
            (json!({"sub": "a".repeat(255)}), Some(TokenRefusal::Subject)),
        ] {
            assert_eq!(check(&issuer, &patch).err(), expected, "{patch}");
        }
        let disabled = Issuer { enabled: false, ..issuer };
        assert_eq!(check(&disabled, &json!({})), Err(TokenRefusal::Disabled));
    }

    #[test]
    fn the_issuer_says_which_claim_names_the_user() {
        let all = json!({"sub": "s", "email": "e@example.com", "preferred_username": "p", "email_verified": true});
        for (claim, expected) in [("sub", "s"), ("email", "e@example.com"), ("preferred_username", "p")] {
            let issuer = issuer(&json!({"userClaim": claim}));
            assert_eq!(check(&issuer, &all).unwrap().name, expected);
        }
        let issuer = issuer(&json!({"userClaim": "email"}));
        for (verified, taken) in [
            (json!(true), true),
            (json!("true"), true),
            (json!(false), false),
            (json!("false"), false),
            (json!(null), false),
        ] {
            let patch = json!({"email": "e@example.com", "email_verified": verified});
            assert_eq!(check(&issuer, &patch).is_ok(), taken, "{verified}");
        }
    }

    #[test]
    fn a_token_may_be_narrower_than_its_issuer_and_never_wider() {
        let issuer = issuer(&json!({}));
        for (scope, expected) in [
            (json!(null), vec!["repos:write", "tasks:read"]),
            (json!("openid repos:read tasks:write"), vec!["repos:read", "tasks:read"]),
            (json!(["repos:write", "admin"]), vec!["repos:write"]),
            (json!("openid"), vec![]),
            (json!("admin operator"), vec![]),
        ] {
            let scopes = check(&issuer, &json!({"scope": scope})).unwrap().scopes;
            assert_eq!(scopes.into_iter().map(Scope::as_str).collect::<Vec<_>>(), expected, "{scope}");
        }
    }
}
