//! How many posts that proved nothing are recorded: enough to find a wrong secret, not enough to fill a table.

use moka::sync::Cache;
use repoplane_domain::id::RepositoryId;
use repoplane_domain::time::Timestamp;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// Records a minute for each repository and reason, in one instance of the function.
const PER_MINUTE: u32 = 20;
/// Counts of minutes gone by are forgotten after this.
const COUNT_LIFE: Duration = Duration::from_secs(120);
/// Repositories and reasons that are counted at once.
const COUNTED: u64 = 10_000;

/// Counts posts that proved nothing.
#[derive(Clone)]
pub(crate) struct UnverifiedLimit {
    /// By repository, reason and minute.
    counts: Cache<(RepositoryId, String, i64), Arc<AtomicU32>>,
}

impl UnverifiedLimit {
    pub(crate) fn new() -> Self {
        Self { counts: Cache::builder().max_capacity(COUNTED).time_to_live(COUNT_LIFE).build() }
    }

    /// Whether one more may be recorded.
    pub(crate) fn admits(&self, repository: RepositoryId, reason: &str, now: Timestamp) -> bool {
        let minute = now.as_second().div_euclid(60);
        let count = self.counts.get_with((repository, reason.to_owned(), minute), Arc::default);
        let before = count.fetch_add(1, Ordering::Relaxed);
        if before == PER_MINUTE {
            tracing::warn!(repo.id = %repository, reason, "Too many unverified posts; the rest of the minute is not recorded");
        }
        before < PER_MINUTE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_for_each_repository_reason_and_minute() {
        let limit = UnverifiedLimit::new();
        let repository = |n| RepositoryId::start_of(Timestamp::from_millisecond(n));
        let now = Timestamp::from_second(120);
        let admitted = (0..100).filter(|_| limit.admits(repository(1), "invalid signature", now)).count();
        assert_eq!(admitted, 20);
        assert!(limit.admits(repository(1), "missing x-hub-signature-256", now));
        assert!(limit.admits(repository(2), "invalid signature", now));
        assert!(limit.admits(repository(1), "invalid signature", Timestamp::from_second(180)));
    }
}
