//! The tick: what is due is queued. Its cost follows what is due, not the number of repositories.

use crate::{Scanner, SyncFunction};
use repoplane_api::observe::{self, Metric, carried};
use repoplane_store::{DueSync, StoreError};
use serde::Serialize;
use tokio::task::JoinSet;

/// Repositories that are taken at the same time.
const PARALLEL: usize = 16;

/// What a tick did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Ticked {
    /// Repositories that were due.
    pub due: usize,
    /// Of these, those that another tick or a worker took first.
    pub taken_by_others: usize,
    /// Jobs that were queued.
    pub queued: usize,
    /// Age of the most overdue, in seconds.
    pub oldest_seconds: u64,
    /// Calls at providers that had left something there.
    #[serde(skip_serializing_if = "is_zero")]
    pub calls_left: usize,
    /// Of these, those of which nothing is left now.
    #[serde(skip_serializing_if = "is_zero")]
    pub calls_settled: usize,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

impl<S: Scanner> SyncFunction<S> {
    /// Queues what is due. Two ticks at once share the work: each repository is taken by one of them, by planning its next
    /// sync. What cannot be queued is made due again.
    ///
    /// # Errors
    /// [`StoreError`] when nothing can be read.
    pub async fn tick(&self) -> Result<Ticked, StoreError> {
        let now = self.app.now();
        let due = self.app.store.due_syncs(now).await?;
        let oldest = due.iter().map(|due| now.since(due.since)).max().unwrap_or_default();
        let mut ticked = Ticked { due: due.len(), oldest_seconds: oldest.as_secs(), ..Ticked::default() };
        observe::count(Metric::SyncsDue, f64::from(u32::try_from(ticked.due).unwrap_or(u32::MAX)));
        observe::count(Metric::SyncAgeSeconds, oldest.as_secs_f64());
        let mut rest = due.into_iter();
        let mut running = JoinSet::new();
        let mut taken = Vec::new();
        loop {
            while running.len() < PARALLEL
                && let Some(due) = rest.next()
            {
                let store = self.app.store.clone();
                running.spawn(carried(async move { (store.take_due(&due, now).await, due) }));
            }
            let Some(ended) = running.join_next().await else { break };
            match ended {
                Ok((Ok(true), due)) => taken.push(due),
                Ok((Ok(false), _)) => ticked.taken_by_others += 1,
                Ok((Err(error), due)) => {
                    tracing::warn!(repo.id = %due.repository, %error, "Could not take a due repository; it stays due");
                }
                Err(error) => tracing::error!(%error, "Taking a due repository ended unexpectedly"),
            }
        }
        // The most overdue first: the shards come one after the other.
        taken.sort_by_key(|due| due.since);
        ticked.queued = self.queue(&taken).await;
        if ticked.due > 0 {
            tracing::info!(
                due = ticked.due,
                queued = ticked.queued,
                oldest = ticked.oldest_seconds,
                "Queued due syncs"
            );
        }
        self.take_back(&mut ticked).await;
        Ok(ticked)
    }

    /// What unfinished calls left at providers. It is read anew at the next tick, so a failure is only logged.
    async fn take_back(&self, ticked: &mut Ticked) {
        let Some(provisioner) = &self.provisioner else { return };
        match Box::pin(provisioner.take_back_left(self.app.now())).await {
            Ok(done) => {
                (ticked.calls_left, ticked.calls_settled) = (done.found, done.settled);
                if done.found > 0 {
                    tracing::info!(?done, "Took back what calls had left at providers");
                }
            }
            Err(error) => tracing::warn!(%error, "Could not look for what calls left at providers"),
        }
    }

    async fn queue(&self, taken: &[DueSync]) -> usize {
        let ids: Vec<_> = taken.iter().map(|due| due.repository).collect();
        let refused = self.app.store.send_sync_jobs(&ids).await;
        for due in taken.iter().filter(|due| refused.contains(&due.repository)) {
            if let Err(error) = self.app.store.give_back_due(due, self.app.now()).await {
                tracing::warn!(repo.id = %due.repository, %error, "A sync that could not be queued waits for its next time");
            }
        }
        taken.len() - refused.len()
    }
}
