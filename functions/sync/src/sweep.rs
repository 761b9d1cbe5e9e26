//! The sweep: what deletions and failed writes left behind.

use crate::{Scanner, SyncFunction};
use repoplane_store::StoreError;
use serde::Serialize;

/// What a sweep did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Swept {
    /// Deleted repositories that are wholly gone now.
    pub repositories_cleared: usize,
    /// Deleted repositories of which something is left for the next sweep.
    pub repositories_left: usize,
    /// Secret documents that were looked at.
    pub secrets_seen: usize,
    /// Secret documents without an owner, which were deleted.
    pub secrets_deleted: usize,
}

impl<S: Scanner> SyncFunction<S> {
    /// Sweeps. Two sweeps at once delete the same things, which does no harm.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails; what was swept until then stays swept.
    pub async fn sweep(&self) -> Result<Swept, StoreError> {
        let now = self.app.now();
        let repositories = self.app.store.sweep_repositories(now).await?;
        let secrets = self.app.store.sweep_secrets(now).await?;
        let swept = Swept {
            repositories_cleared: repositories.cleared,
            repositories_left: repositories.left,
            secrets_seen: secrets.seen,
            secrets_deleted: secrets.deleted,
        };
        tracing::info!(?swept, "Swept");
        Ok(swept)
    }
}
