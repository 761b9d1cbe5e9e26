//! A clock that a test moves by hand, and ids that are counted.

use repoplane_api::Clock;
use repoplane_domain::id::IdSource;
use repoplane_domain::time::Timestamp;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

/// Stands still until it is moved; every reading is one millisecond later, so that what is made later sorts later.
#[derive(Debug, Clone)]
pub struct TestClock(Arc<AtomicI64>);

impl TestClock {
    /// 2026-01-20T08:00:00Z, a Tuesday.
    pub(crate) fn new() -> Self {
        Self(Arc::new(AtomicI64::new(1_768_896_000_000)))
    }

    /// Moves on.
    pub fn advance(&self, span: Duration) {
        self.0.fetch_add(i64::try_from(span.as_millis()).unwrap_or(i64::MAX), Ordering::SeqCst);
    }

    /// Where it stands, without moving it.
    pub fn peek(&self) -> Timestamp {
        Timestamp::from_millisecond(self.0.load(Ordering::SeqCst))
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.0.fetch_add(1, Ordering::SeqCst))
    }
}

/// A clock that goes wrong by the same span all the time, as that of another machine may.
#[derive(Debug, Clone)]
pub(crate) struct Skewed {
    /// The right time.
    pub(crate) clock: TestClock,
    /// By how much it is ahead, in milliseconds; behind when negative.
    pub(crate) ahead: i64,
}

impl Clock for Skewed {
    fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.clock.now().as_millisecond() + self.ahead)
    }
}

/// Ids in a row, the same in every run.
#[derive(Debug, Default)]
pub struct CountedIds(AtomicU64);

impl CountedIds {
    /// Starts at one.
    pub fn new() -> Self {
        Self::default()
    }
}

impl IdSource for CountedIds {
    fn random(&self) -> u128 {
        let count = self.0.fetch_add(1, Ordering::Relaxed) + 1;
        // Rising, and with low digits that do not look alike.
        (u128::from(count) << 48) | u128::from(count.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 16)
    }
}
