//! GitHub Apps: a signed claim is exchanged for a short-lived token of one installation, which is kept and shared.
//!
//! Source: GitHub REST, "Generating a JSON Web Token for a GitHub App" and `POST
//! /app/installations/{installation_id}/access_tokens`.

use crate::call::{Call, Caller, Identification};
use crate::egress::Egress;
use crate::error::{ErrorAnswer, ProviderError};
use crate::fault::Fault;
use crate::github::HEADERS;
use http::Method;
use http::header::AUTHORIZATION;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use moka::Expiry;
use moka::future::Cache;
use repoplane_domain::credential::GithubApp;
use repoplane_domain::repository::Provider;
use repoplane_domain::secret::{Secret, sha256_hex};
use repoplane_domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use url::Url;

/// The claim begins in the past, against clocks that differ (GitHub's advice).
const CLAIM_BEGINS_BEFORE: u64 = 60;
/// Seconds for which the claim is good; GitHub takes at most ten minutes by its own clock.
const CLAIM_LIVES: u64 = 540;
/// A token is not used in its last minutes: a call must not outlive it.
const MARGIN: Duration = Duration::from_secs(5 * 60);
/// Longest time that a token is kept, whatever its answer says; GitHub's live one hour.
const LONGEST: Duration = Duration::from_secs(60 * 60);
/// Tokens that are kept.
const MAX_KEPT: u64 = 1_000;

/// Tokens of installations, kept until shortly before they end. Who asks at the same time shares one exchange.
pub(crate) struct Installations(Cache<Key, Arc<Installation>>);

/// The key's fingerprint is part of it: who does not have the key is not given a token of its app.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    base: String,
    app: u64,
    installation: u64,
    fingerprint: String,
}

/// What an installation may do now.
pub(crate) struct Installation {
    pub(crate) token: Secret,
    /// GitHub REST: permissions of the installation, for contents.
    pub(crate) contents: Option<String>,
    lives: Duration,
}

struct UntilItsEnd;

impl Expiry<Key, Arc<Installation>> for UntilItsEnd {
    fn expire_after_create(&self, _: &Key, made: &Arc<Installation>, _: Instant) -> Option<Duration> {
        Some(made.lives)
    }
}

impl fmt::Debug for Installations {
    /// Shows how many are kept.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Installations({})", self.0.entry_count())
    }
}

impl Default for Installations {
    fn default() -> Self {
        Self(Cache::builder().max_capacity(MAX_KEPT).expire_after(UntilItsEnd).build())
    }
}

/// GitHub REST: the answer to the exchange.
#[derive(Deserialize)]
struct AccessToken {
    token: String,
    expires_at: Timestamp,
    #[serde(default)]
    permissions: Permissions,
}

#[derive(Deserialize, Default)]
struct Permissions {
    contents: Option<String>,
}

/// RFC 7519: registered claims.
#[derive(Serialize)]
struct Claims {
    iat: u64,
    exp: u64,
    iss: String,
}

impl Installations {
    /// The installation's token, and whether it had been kept from an earlier call.
    pub(crate) async fn token(
        &self,
        egress: &Egress,
        base: &Url,
        app: &GithubApp,
    ) -> Result<(Arc<Installation>, bool), ProviderError> {
        // Boxed: this call is made inside of another.
        let made = Box::pin(exchange(egress, base, app));
        let entry = self.0.entry(Key::of(base, app)).or_try_insert_with(made).await;
        let entry = entry.map_err(|error: Arc<ProviderError>| (*error).clone())?;
        let kept = !entry.is_fresh();
        Ok((entry.into_value(), kept))
    }

    /// Forgets a token that was refused, unless another call has replaced it since.
    pub(crate) async fn forget(&self, base: &Url, app: &GithubApp, refused: &Arc<Installation>) {
        let key = Key::of(base, app);
        if self.0.get(&key).await.is_some_and(|kept| Arc::ptr_eq(&kept, refused)) {
            self.0.invalidate(&key).await;
        }
    }
}

impl Key {
    fn of(base: &Url, app: &GithubApp) -> Self {
        Self {
            base: base.as_str().trim_end_matches('/').to_owned(),
            app: app.app_id,
            installation: app.installation_id,
            fingerprint: sha256_hex(app.private_key.expose().as_bytes()),
        }
    }
}

async fn exchange(egress: &Egress, base: &Url, app: &GithubApp) -> Result<Arc<Installation>, ProviderError> {
    let caller = as_app(egress, base, app)?;
    let installation = app.installation_id.to_string();
    let path = ["app", "installations", &installation, "access_tokens"];
    let reply = caller.send(&Call::new(Method::POST, &path)).await.map_err(of_the_credential)?;
    let answer: AccessToken = reply.json()?;
    let left = answer.expires_at.since(Timestamp::from_second(i64::try_from(now()).unwrap_or(i64::MAX)));
    let lives = left.saturating_sub(MARGIN).min(LONGEST);
    let (token, contents) = (Secret::new(answer.token), answer.permissions.contents);
    Ok(Arc::new(Installation { token, contents, lives }))
}

/// An installation that is not there is the credential's fault, not the repository's.
fn of_the_credential(error: ProviderError) -> ProviderError {
    let ProviderError::Status(answer) = &error else { return error };
    if answer.fault != Fault::NotFound {
        return error;
    }
    let fault = Fault::TokenRejected { missing_scopes: Vec::new() };
    ProviderError::Status(Arc::new(ErrorAnswer { fault, ..(**answer).clone() }))
}

/// A caller that is the app itself, which may ask about itself and its installations only.
pub(crate) fn as_app<'a>(egress: &'a Egress, base: &Url, app: &GithubApp) -> Result<Caller<'a>, ProviderError> {
    let claim = claim(app, now())?;
    let identification = Identification::token(Provider::Github, AUTHORIZATION, "Bearer ", &claim)?;
    Ok(Caller::new(egress, Provider::Github, base.clone(), &HEADERS, identification, Some(&claim)))
}

/// The signed claim to be the app.
fn claim(app: &GithubApp, now: u64) -> Result<Secret, ProviderError> {
    let unusable = |_| {
        let reason = "the GitHub App's private key is not an RSA key in PEM form, as GitHub hands it out";
        ProviderError::unusable(Provider::Github, reason)
    };
    let key = EncodingKey::from_rsa_pem(app.private_key.expose().trim().as_bytes()).map_err(unusable)?;
    let iat = now.saturating_sub(CLAIM_BEGINS_BEFORE);
    let claims = Claims { iat, exp: now.saturating_add(CLAIM_LIVES), iss: app.app_id.to_string() };
    encode(&Header::new(Algorithm::RS256), &claims, &key).map(Secret::new).map_err(unusable)
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
