//! What every handler shares, built once when the function starts.

use repoplane_domain::id::IdSource;
use repoplane_domain::secret::Secret;
use repoplane_domain::time::Timestamp;
use repoplane_store::Store;
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
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("App").field("store", &self.store).finish_non_exhaustive()
    }
}

impl App {
    /// An app on the machine's clock.
    pub fn new(store: Store, settings: Settings) -> Self {
        Self { store, clock: Arc::new(SystemClock), settings: Arc::new(settings) }
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
