//! The keys of OpenID Connect issuers: fetched through the guarded client, kept, and fetched again when they changed.
//!
//! | what | bound |
//! | --- | --- |
//! | keys are believed for | [`KEYS_LIFE`] |
//! | an issuer that has keys here is asked again, for whatever reason, once in | [`ASK_PAUSE`] |
//! | an issuer that has none here yet, once in | [`FIRST_ASK_PAUSE`] |
//! | keys serve on while the issuer is down for | [`STALE_LIFE`] |
//! | discovery and keys together take at most | [`FETCH_TIMEOUT`] |
//!
//! Source: OpenID Connect Discovery 1.0, 4; RFC 7517 (JWK).

mod key_set;

use crate::egress::{Egress, EgressError, EgressRequest};
use http::StatusCode;
use jsonwebtoken::Algorithm;
use jsonwebtoken::crypto::verify;
use key_set::KeySet;
use moka::sync::Cache;
use repoplane_domain::id::IssuerId;
use repoplane_domain::oidc::{
    Issuer, IssuerKeys, Jwt, NetworkOf, SigningAlgorithm, TokenRefusal, Verification, is_https,
};
use repoplane_domain::time::Timestamp;
use serde::Deserialize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use url::Url;

/// How long an issuer's keys are believed.
pub const KEYS_LIFE: Duration = Duration::from_secs(10 * 60);
/// Shortest time between two questions to an issuer whose keys are here, however many unknown ones are named.
pub const ASK_PAUSE: Duration = Duration::from_secs(60);
/// Shortest time between two questions to an issuer that has never answered here.
pub const FIRST_ASK_PAUSE: Duration = Duration::from_secs(10);
/// How long keys serve that the issuer does not confirm any more.
pub const STALE_LIFE: Duration = Duration::from_secs(60 * 60);
/// Longest time of one question: discovery and keys. A caller waits for it.
pub const FETCH_TIMEOUT: Duration = Duration::from_secs(8);
/// Longest document that is read, in bytes.
pub const MAX_DOCUMENT_BYTES: usize = 256 * 1024;
/// Issuers whose keys are kept.
const MAX_KEPT: u64 = 1_000;

/// Every issuer's keys, behind one guarded client. Cheap to clone; clones share what is kept.
#[derive(Clone)]
pub struct FetchedKeys {
    egress: Egress,
    /// A change of an issuer may name other keys: its version is part of what they are found by.
    kept: Cache<(IssuerId, u64), Arc<Kept>>,
}

impl std::fmt::Debug for FetchedKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "FetchedKeys({})", self.kept.entry_count())
    }
}

/// What is kept of one issuer.
#[derive(Default)]
struct Kept {
    known: Mutex<Known>,
    /// Held while the issuer is asked.
    asking: tokio::sync::Mutex<()>,
}

#[derive(Default, Clone)]
struct Known {
    keys: Option<(Arc<KeySet>, Timestamp)>,
    asked_at: Option<Timestamp>,
}

impl Known {
    fn age(&self, now: Timestamp) -> Option<Duration> {
        self.keys.as_ref().map(|(_, at)| now.since(*at))
    }

    /// The keys, unless they are older than `most`.
    fn within(&self, most: Duration, now: Timestamp) -> Option<&Arc<KeySet>> {
        self.keys.as_ref().filter(|_| self.age(now).is_some_and(|age| age < most)).map(|(keys, _)| keys)
    }

    fn may_ask(&self, now: Timestamp) -> bool {
        let pause = if self.keys.is_some() { ASK_PAUSE } else { FIRST_ASK_PAUSE };
        self.asked_at.is_none_or(|at| now.since(at) >= pause)
    }
}

impl Kept {
    fn known(&self) -> Known {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(&self, change: impl FnOnce(&mut Known)) {
        change(&mut self.known.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// Why an issuer's keys are not to be had.
#[derive(Debug, thiserror::Error)]
enum FetchError {
    #[error(transparent)]
    Egress(#[from] EgressError),
    #[error("the network settings of the tenant cannot be read")]
    Network,
    #[error("no answer within {FETCH_TIMEOUT:?}")]
    Timeout,
    #[error("{what} is answered with status {status}")]
    Status { what: &'static str, status: StatusCode },
    #[error("{0} is no document of its kind, or a too long one")]
    Document(&'static str),
    #[error("the discovery document names another issuer")]
    OtherIssuer,
}

impl FetchedKeys {
    /// Keys that are fetched through `egress`.
    pub fn new(egress: Egress) -> Self {
        Self { egress, kept: Cache::builder().max_capacity(MAX_KEPT).build() }
    }

    async fn check(
        &self,
        issuer: &Issuer,
        jwt: &Jwt<'_>,
        network: NetworkOf<'_>,
        now: Timestamp,
    ) -> Result<(), TokenRefusal> {
        let kept = self.kept.get_with((issuer.id, issuer.version), Arc::default);
        let known = kept.known();
        if let Some(answer) = known.within(KEYS_LIFE, now).and_then(|keys| signed_by(keys, jwt)) {
            return answer;
        }
        // Who has a key that is only old does not wait for the one who asks already.
        let asking = match kept.asking.try_lock() {
            Ok(asking) => asking,
            Err(_) => match known.within(STALE_LIFE, now).and_then(|keys| signed_by(keys, jwt)) {
                Some(answer) => return answer,
                None => kept.asking.lock().await,
            },
        };
        let known = kept.known();
        let fresh = known.within(KEYS_LIFE, now).is_some_and(|keys| keys.has(&jwt.key_id, jwt.algorithm));
        if !fresh && known.may_ask(now) {
            kept.note(|known| known.asked_at = Some(now));
            match self.fetch(issuer, network).await {
                Ok(keys) => kept.note(|known| known.keys = Some((Arc::new(keys), now))),
                Err(error) => tracing::warn!(issuer.id = %issuer.id, %error, "Could not fetch the keys of an issuer"),
            }
        }
        drop(asking);
        let known = kept.known();
        let keys = known.within(STALE_LIFE, now).ok_or(TokenRefusal::KeysUnavailable)?;
        signed_by(keys, jwt).unwrap_or(Err(TokenRefusal::Key))
    }

    async fn fetch(&self, issuer: &Issuer, network: NetworkOf<'_>) -> Result<KeySet, FetchError> {
        let fetching = async {
            let network = network.await.ok_or(FetchError::Network)?;
            let egress = self.egress.for_tenant(&network);
            let address = match &issuer.jwks_uri {
                Some(address) => address.clone(),
                None => discover(&egress, issuer).await?,
            };
            let document = get(&egress, &address, "the key set").await?;
            KeySet::read(&document, &issuer.algorithms).ok_or(FetchError::Document("the key set"))
        };
        tokio::time::timeout(FETCH_TIMEOUT, fetching).await.unwrap_or(Err(FetchError::Timeout))
    }
}

impl IssuerKeys for FetchedKeys {
    fn verify<'a>(
        &'a self,
        issuer: &'a Issuer,
        jwt: &'a Jwt<'a>,
        network: NetworkOf<'a>,
        now: Timestamp,
    ) -> Verification<'a> {
        Box::pin(self.check(issuer, jwt, network, now))
    }
}

/// Whether a token is signed by the key that it names; `None` when the key is not there.
fn signed_by(keys: &KeySet, jwt: &Jwt<'_>) -> Option<Result<(), TokenRefusal>> {
    let mut named = keys.named(&jwt.key_id, jwt.algorithm).peekable();
    named.peek()?;
    let algorithm = match jwt.algorithm {
        SigningAlgorithm::Rs256 => Algorithm::RS256,
        SigningAlgorithm::Es256 => Algorithm::ES256,
        SigningAlgorithm::EdDsa => Algorithm::EdDSA,
    };
    let good = named.any(|key| verify(jwt.signature, jwt.message.as_bytes(), key, algorithm).unwrap_or(false));
    Some(if good { Ok(()) } else { Err(TokenRefusal::Signature) })
}

/// OpenID Connect Discovery 1.0, 3 and 4.
#[derive(Deserialize)]
struct Discovery {
    issuer: String,
    jwks_uri: String,
}

/// Where an issuer's own document says that its keys are.
async fn discover(egress: &Egress, issuer: &Issuer) -> Result<String, FetchError> {
    const WHAT: &str = "the discovery document";
    let address = format!("{}/.well-known/openid-configuration", issuer.issuer.trim_end_matches('/'));
    let found: Discovery =
        serde_json::from_slice(&get(egress, &address, WHAT).await?).map_err(|_| FetchError::Document(WHAT))?;
    if found.issuer != issuer.issuer {
        return Err(FetchError::OtherIssuer);
    }
    if is_https(&found.jwks_uri) { Ok(found.jwks_uri) } else { Err(FetchError::Document(WHAT)) }
}

async fn get(egress: &Egress, address: &str, what: &'static str) -> Result<Vec<u8>, FetchError> {
    let url = Url::parse(address).map_err(|_| FetchError::Document(what))?;
    let answer = egress.send(EgressRequest::get(url)).await?;
    if answer.status != StatusCode::OK {
        return Err(FetchError::Status { what, status: answer.status });
    }
    if answer.body.len() > MAX_DOCUMENT_BYTES { Err(FetchError::Document(what)) } else { Ok(answer.body) }
}
