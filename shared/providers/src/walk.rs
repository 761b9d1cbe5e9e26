//! Reading a branch: its newest commit, and of that commit everything that a catalogue of skills needs.

use crate::egress::EgressError;
use crate::error::{ProviderError, Service};
use crate::fault::Fault;
use repoplane_domain::skill::{FolderCollector, MAX_MANIFESTS_BYTES, Manifest, TooMuch, WalkedTree};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Longest time of a walk, however many calls it takes.
pub const WALK_TIMEOUT: Duration = Duration::from_secs(120);

/// Entries that are read of a tree through an API, folders among them.
pub(crate) const MAX_LISTED: usize = 300_000;

/// The newest commit of a branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BranchHead {
    /// The branch, as far as it is known: none when a provider was asked for its default branch and did not name it.
    pub branch: Option<String>,
    /// The commit's hash in hexadecimal digits.
    pub commit: String,
}

impl BranchHead {
    /// A head whose commit is what it should be: 40 digits of SHA-1 or 64 of SHA-256.
    pub(crate) fn new(
        service: impl Into<Service>,
        branch: Option<&str>,
        commit: String,
    ) -> Result<Self, ProviderError> {
        if !is_object_id(&commit) {
            return Err(ProviderError::answer(service, "the commit's id is not a hash"));
        }
        Ok(Self { branch: branch.map(str::to_owned), commit: commit.to_ascii_lowercase() })
    }
}

/// Whether a text is an object's id.
pub(crate) fn is_object_id(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Where contents come from.
pub(crate) trait Contents: Sync {
    /// The content of one object, or why there is none.
    fn read(&self, object: &str) -> impl Future<Output = Result<Manifest, ProviderError>> + Send;
}

/// Contents that are read a few at a time, each one once.
struct Reading<'a, C> {
    service: Service,
    from: &'a C,
    queue: Mutex<Vec<String>>,
    read: Mutex<(HashMap<String, Manifest>, usize)>,
}

impl<C: Contents> Reading<'_, C> {
    async fn one_after_the_other(&self) -> Result<(), ProviderError> {
        loop {
            let Some(object) = lock(&self.queue).pop() else { return Ok(()) };
            let manifest = self.from.read(&object).await?;
            let mut read = lock(&self.read);
            if let Manifest::Bytes(bytes) = &manifest {
                read.1 += bytes.len();
            }
            if read.1 > MAX_MANIFESTS_BYTES {
                return Err(ProviderError::too_large(self.service, TooMuch::Manifests));
            }
            read.0.insert(object, manifest);
        }
    }
}

/// Reads what the collector wants.
pub(crate) async fn finish(
    service: Service,
    collector: FolderCollector,
    from: &impl Contents,
) -> Result<WalkedTree, ProviderError> {
    let queue: Vec<String> = collector.wanted().into_iter().map(str::to_owned).collect();
    let reading = Reading { service, from, queue: Mutex::new(queue), read: Mutex::default() };
    let reader = || reading.one_after_the_other();
    tokio::try_join!(reader(), reader(), reader(), reader())?;
    let (contents, _bytes) = reading.read.into_inner().unwrap_or_else(PoisonError::into_inner);
    collector.finish(&contents).map_err(|too_much| ProviderError::too_large(service, too_much))
}

/// A content that is not given, or is too long to be.
pub(crate) fn unread(error: ProviderError) -> Result<Manifest, ProviderError> {
    if let ProviderError::Network { source, .. } = &error
        && let EgressError::TooLarge { limit, .. } = **source
    {
        return Ok(Manifest::TooLarge(limit as u64 + 1));
    }
    if error.fault() == Fault::NotFound { Ok(Manifest::Missing(error.to_string())) } else { Err(error) }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is kept here is whole after every statement, whoever panicked.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
