//! What every handler shares, built once when the function starts.

use crate::limits::RateLimits;
use crate::oidc::Federation;
use crate::problem::{Problem, ProblemType};
use repoplane_domain::access::{Exchange, ExchangedToken, Principal, TokenKind};
use repoplane_domain::id::{IdSource, TenantId};
use repoplane_domain::oidc::{IssuerKeys, is_jwt};
use repoplane_domain::secret::Secret;
use repoplane_domain::time::Timestamp;
use repoplane_store::{Store, StoreError};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// The version of the product.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
/// The commit it was built from, or `unknown`.
pub const COMMIT: &str = env!("REPOPLANE_COMMIT");

/// The time, injected so that a test can choose it.
pub trait Clock: Send + Sync {
    /// The current instant.
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millisecond(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }
}

/// Ids from the operating system's randomness. Those of one process rise even within a millisecond, so that what was
/// made first sorts first.
#[derive(Debug)]
pub struct SystemIds {
    count: AtomicU32,
}

impl SystemIds {
    /// Starts counting at a random place in the lower half of the range, so that ids of two processes interleave.
    pub fn new() -> Self {
        Self { count: AtomicU32::new(getrandom::u32().unwrap_or_default() >> 1) }
    }
}

impl Default for SystemIds {
    fn default() -> Self {
        Self::new()
    }
}

impl IdSource for SystemIds {
    fn random(&self) -> u128 {
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        let noise = getrandom::u64().unwrap_or_else(|_| u64::from(count)) >> 16;
        (u128::from(count) << 48) | u128::from(noise)
    }
}

/// How a function finds its surroundings.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Name of the secret that holds the bootstrap token; without it the registry cannot be bootstrapped over HTTP.
    pub bootstrap_secret: Option<String>,
    /// Where providers reach this API, like `https://plane.example.com`; without it no webhook can be set up for a user.
    pub public_url: Option<String>,
    /// The root of the Git server where the code of new products lives, like `https://git.example.com`.
    pub git_base_url: Option<String>,
    /// The tenant whose public repositories review tools show to who has no token; without one nobody is let in so.
    pub anonymous_tenant: Option<TenantId>,
    /// The largest answer that gets through what stands in front of the function, in bytes as it is encoded there; without
    /// one there is no bound.
    pub max_answer_bytes: Option<usize>,
}

/// What every handler shares. Cheap to clone.
#[derive(Clone)]
pub struct App {
    /// Records and secrets.
    pub store: Store,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Surroundings.
    pub settings: Arc<Settings>,
    /// Tokens that others sign.
    pub federation: Federation,
    /// How often one caller may call.
    pub limits: RateLimits,
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("App").field("store", &self.store).finish_non_exhaustive()
    }
}

impl App {
    /// An app on the machine's clock. It takes no issuer's tokens until it is given their keys, and has no rate limits
    /// until it is given some.
    pub fn new(store: Store, settings: Settings) -> Self {
        let federation = Federation::default();
        Self {
            store,
            clock: Arc::new(SystemClock),
            settings: Arc::new(settings),
            federation,
            limits: RateLimits::off(),
        }
    }

    /// The same app, which checks the tokens of OpenID Connect issuers with these keys.
    #[must_use]
    pub fn with_issuer_keys(self, keys: Arc<dyn IssuerKeys>) -> Self {
        Self { federation: Federation::new(keys), ..self }
    }

    /// The same app with rate limits.
    #[must_use]
    pub fn with_limits(self, limits: RateLimits) -> Self {
        Self { limits, ..self }
    }

    /// The caller behind a token's text, whoever made it. With `fresh` the caches are not asked: for calls that
    /// administer, which no platform token may.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn authenticate(&self, text: &Secret, fresh: bool) -> Result<Option<Principal>, StoreError> {
        match is_jwt(text.expose()) {
            true => self.caller_of_issuer(text, self.now()).await,
            false => self.store.authenticate(text, fresh, self.now()).await,
        }
    }

    /// Gives a tool a short-lived token that speaks for a user of its tenant (contract: shiftagent 12). What comes of it
    /// is a [`TokenKind::Platform`] principal. It ends within half a minute of its key's revocation or its user's end.
    ///
    /// # Errors
    /// [`repoplane_domain::error::Denial::TokenKind`] unless `key` is an integration token; wrong at `/scopes`;
    /// [`repoplane_domain::error::Kind::User`] not found, also for a disabled one; storage failures.
    pub async fn exchange(&self, key: &Principal, exchange: &Exchange) -> Result<(Secret, ExchangedToken), Problem> {
        let text = random_token(TokenKind::Platform.prefix()).map_err(|error| {
            tracing::error!(%error, "The operating system has no randomness to give");
            Problem::new(ProblemType::Internal, "no randomness for a token")
        })?;
        let token = self.store.exchange_token(key, exchange.clone(), &text, self.now()).await?;
        Ok((text, token))
    }

    /// The current instant.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

/// A new token's text: prefix and 256 random bits.
///
/// # Errors
/// When the operating system has no randomness to give.
pub fn random_token(prefix: &str) -> Result<Secret, getrandom::Error> {
    use base64::Engine as _;
    let mut bytes = [0u8; 32];
    getrandom::fill(&mut bytes)?;
    Ok(Secret::new(format!("{prefix}{}", base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes))))
}
