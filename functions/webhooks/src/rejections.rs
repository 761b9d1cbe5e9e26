//! Which rejected posts are told to those who operate the registry: enough to hear of a wrong secret, not one event for
//! every post of somebody who has none.

use moka::sync::Cache;
use repoplane_domain::id::RepositoryId;
use repoplane_domain::repository::Repository;
use repoplane_domain::time::Timestamp;
use repoplane_domain::webhook::Refusal;
use repoplane_store::ToldRejection;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// What was not told is forgotten after this.
const COUNT_LIFE: Duration = Duration::from_secs(3600);
/// Repositories and reasons that are counted at once.
const COUNTED: u64 = 10_000;

/// Counts rejected posts, in one instance of the function.
#[derive(Clone)]
pub(crate) struct Rejections {
    /// By repository and reason.
    counts: Cache<(RepositoryId, String), Arc<Mutex<Count>>>,
}

#[derive(Default)]
struct Count {
    /// The minute in which one was told.
    told_in: Option<i64>,
    /// How many were not, since then.
    untold: u32,
}

impl Rejections {
    pub(crate) fn new() -> Self {
        Self { counts: Cache::builder().max_capacity(COUNTED).time_to_idle(COUNT_LIFE).build() }
    }

    /// Whether a rejection is told: the first of a minute, for each repository and reason, which then counts those that
    /// were not.
    pub(crate) fn told(&self, repository: &Repository, refusal: &Refusal, now: Timestamp) -> Option<ToldRejection> {
        let minute = now.as_second().div_euclid(60);
        let count = self.counts.get_with((repository.id, refusal.message.clone()), Arc::default);
        let mut count = count.lock().unwrap_or_else(PoisonError::into_inner);
        if count.told_in == Some(minute) {
            count.untold = count.untold.saturating_add(1);
            return None;
        }
        count.told_in = Some(minute);
        Some(ToldRejection { tenant: repository.tenant, earlier: std::mem::take(&mut count.untold) })
    }
}
