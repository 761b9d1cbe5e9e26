//! The tick: what the stream has missed is sent. Its cost follows what is waiting, not the number of tasks.

use crate::DispatchFunction;
use repoplane_store::StoreError;
use serde::Serialize;

/// What a tick did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Ticked {
    /// What the stream had missed.
    pub missed: usize,
    /// Of this, what was sent.
    pub sent: usize,
    /// Of this, what nobody needs to hear of any more.
    pub dropped: usize,
    /// Of this, what could not be sent; it stays for the next tick.
    pub refused: usize,
}

impl DispatchFunction {
    /// Sends what has stood in the outbox for too long. Two ticks at once, or a tick and the stream, may send the same
    /// thing twice.
    ///
    /// # Errors
    /// [`StoreError`] when nothing can be read.
    pub async fn tick(&self) -> Result<Ticked, StoreError> {
        let missed = self.app.store.missed(self.app.now()).await?;
        let done = self.hand_over(&missed).await?;
        let refused = done.refused.len();
        let ticked = Ticked { missed: missed.len(), sent: done.sent, dropped: done.dropped, refused };
        if ticked.missed > 0 {
            tracing::warn!(?ticked, "Sent what the stream had missed");
        }
        Ok(ticked)
    }
}
