//! Callers with a token that an OpenID Connect issuer signed.
//!
//! What a signature proves is kept for half a minute; whether the issuer is enabled, what its tokens may do and who the
//! user is are looked up beside it, each believed as long as an access token is. So nothing that was taken back is
//! believed for longer than that.

use crate::app::App;
use moka::future::Cache;
use repoplane_domain::access::Principal;
use repoplane_domain::id::{AccessTokenId, IdSource, IssuerId};
use repoplane_domain::oidc::{IssuerKeys, Jwt, NoIssuerKeys, Subject, TokenRefusal};
use repoplane_domain::secret::{Secret, sha256_hex};
use repoplane_domain::time::Timestamp;
use repoplane_store::{StoreError, platform_principal};
use std::sync::Arc;
use std::time::Duration;

/// How long a signature is not checked again.
const VERIFIED_LIFE: Duration = Duration::from_secs(30);
const CACHED_TOKENS: u64 = 10_000;

/// What an application knows of other people's tokens. Cheap to clone; clones share what is kept.
#[derive(Clone)]
pub struct Federation {
    keys: Arc<dyn IssuerKeys>,
    verified: Cache<String, Arc<VerifiedToken>>,
}

/// A token whose signature was checked.
struct VerifiedToken {
    /// The issuer's URL, by which it is looked up.
    url: String,
    issuer: IssuerId,
    /// Another version may mean other keys, audiences or scopes.
    version: u64,
    subject: Subject,
    id: AccessTokenId,
}

impl Default for Federation {
    /// Knows no issuer's keys.
    fn default() -> Self {
        Self::new(Arc::new(NoIssuerKeys))
    }
}

impl Federation {
    /// Checks signatures with these keys.
    pub fn new(keys: Arc<dyn IssuerKeys>) -> Self {
        let verified = Cache::builder().max_capacity(CACHED_TOKENS).time_to_live(VERIFIED_LIFE).build();
        Self { keys, verified }
    }

    /// The same keys, and nothing else that is kept: another instance.
    #[must_use]
    pub fn apart(&self) -> Self {
        Self::new(Arc::clone(&self.keys))
    }
}

/// The id by which the audit log names a token of an issuer: the same wherever it is used, and no help to guess it.
struct HashedToken<'t>(&'t str);

impl IdSource for HashedToken<'_> {
    fn random(&self) -> u128 {
        u128::from_str_radix(&sha256_hex(self.0.as_bytes())[..20], 16).unwrap_or_default()
    }
}

impl App {
    /// The caller behind a token that an issuer signed.
    pub(crate) async fn caller_of_issuer(
        &self,
        text: &Secret,
        now: Timestamp,
    ) -> Result<Option<Principal>, StoreError> {
        let hash = sha256_hex(text.expose().as_bytes());
        let token = match self.federation.verified.get(&hash).await {
            Some(token) if self.still_holds(&token, now).await? => token,
            Some(_) | None => {
                let Some(token) = self.verify(text.expose(), now).await?.map(Arc::new) else { return Ok(None) };
                self.federation.verified.insert(hash, Arc::clone(&token)).await;
                token
            }
        };
        let Some(issuer) = self.store.issuer_of_token(&token.url).await? else { return Ok(None) };
        let subject = &token.subject;
        let user = self.store.user_of_claim(issuer.tenant, subject.claim, &subject.name).await?;
        let user = user.filter(|user| !user.disabled);
        Ok(user.map(|user| platform_principal(&user, issuer.tenant, token.id, subject.scopes.clone())))
    }

    /// Whether a token that was good is, by its time and by an issuer that has not changed since.
    async fn still_holds(&self, token: &VerifiedToken, now: Timestamp) -> Result<bool, StoreError> {
        if token.subject.expires_at <= now {
            return Ok(false);
        }
        let issuer = self.store.issuer_of_token(&token.url).await?;
        Ok(issuer.is_some_and(|issuer| (issuer.id, issuer.version) == (token.issuer, token.version)))
    }

    async fn verify(&self, text: &str, now: Timestamp) -> Result<Option<VerifiedToken>, StoreError> {
        let Ok(jwt) = Jwt::read(text) else { return Ok(None) };
        let Some(issuer) = self.store.issuer_of_token(&jwt.claims.iss).await? else { return Ok(None) };
        let checked = async {
            let subject = jwt.claims.check(&issuer, now)?;
            if !issuer.algorithms.contains(&jwt.algorithm) {
                return Err(TokenRefusal::Algorithm);
            }
            let network = Box::pin(async { self.store.network_of(issuer.tenant).await.ok() });
            self.federation.keys.verify(&issuer, &jwt, network, now).await?;
            Ok(subject)
        };
        match checked.await {
            Ok(subject) => {
                let id = AccessTokenId::new(subject.issued_at, &HashedToken(text));
                let url = jwt.claims.iss.clone();
                Ok(Some(VerifiedToken { url, issuer: issuer.id, version: issuer.version, subject, id }))
            }
            Err(refusal) => {
                // The bearer hears nothing of it: who made the issuer looks here.
                tracing::info!(issuer.id = %issuer.id, %refusal, "Refused a token of an issuer");
                Ok(None)
            }
        }
    }
}
