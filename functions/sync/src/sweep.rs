//! The sweep.
use crate::{Scanner, SyncFunction};
use repoplane_store::StoreError;
use serde::Serialize;

/// What a sweep did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Swept {}

impl<S: Scanner> SyncFunction<S> {
    /// Sweeps.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn sweep(&self) -> Result<Swept, StoreError> {
        Ok(Swept {})
    }
}
