//! How long and how much.
//!
//! | kind of call | connecting | whole call | body | requests at most |
//! | --- | --- | --- | --- | --- |
//! | [`CallKind::Api`] | 3 s | 12 s | 5 MB | 6: one, 3 redirects, 2 retries |
//! | [`CallKind::Git`] | 3 s | 20 s | 20 MB | 6 |
//! | [`CallKind::Pack`] | 3 s | 120 s | 100 MB | 1 |
//!
//! The whole call counts from the name lookup to the last byte of the last answer, with every redirect, every retry
//! and every pause between them: no call holds its caller longer.

use super::message::CallKind;
use std::time::Duration;

/// Longest wait for a connection: name lookup, TCP and TLS together.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Longest time of one call to an API with its redirects and retries, from the lookup to the last byte of the body.
pub const TOTAL_TIMEOUT: Duration = Duration::from_secs(12);
/// Longest body of an API's answer, in bytes, as sent and as unpacked.
pub const MAX_BODY: usize = 5_000_000;
/// Longest time of one call of Git's protocol: below the 30 s after which the HTTP API ends a request.
pub const GIT_TOTAL_TIMEOUT: Duration = Duration::from_secs(20);
/// Longest body of an answer of Git's protocol, in bytes: what a function's memory bears beside its copy.
pub const GIT_MAX_BODY: usize = 20_000_000;
/// Longest time in which the contents of a repository come: no HTTP request waits for them.
pub const PACK_TOTAL_TIMEOUT: Duration = Duration::from_secs(120);
/// Longest body with the contents of a repository, in bytes: what a function's disk bears with its index beside it.
pub const PACK_MAX_BODY: usize = 100_000_000;
/// Longest pause before the first retry; it doubles for the next. The actual one is random between nothing and this.
pub const RETRY_PAUSE: Duration = Duration::from_millis(400);
/// Most retries of one call, over all its redirects.
pub const MAX_RETRIES: u32 = 2;
/// Most redirects that one call follows.
pub const MAX_REDIRECTS: u32 = 3;

/// Time and size limits of a kind of call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Longest wait for a connection.
    pub connect: Duration,
    /// Longest time of one call with its redirects and retries.
    pub total: Duration,
    /// Longest body, in bytes, as sent and as unpacked.
    pub body: usize,
    /// Longest pause before the first retry; it doubles for the next.
    pub retry_pause: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self::of(CallKind::Api)
    }
}

impl Limits {
    /// The limits of a kind of call when nothing else is set.
    pub const fn of(kind: CallKind) -> Self {
        let (total, body) = match kind {
            CallKind::Api => (TOTAL_TIMEOUT, MAX_BODY),
            CallKind::Git => (GIT_TOTAL_TIMEOUT, GIT_MAX_BODY),
            CallKind::Pack => (PACK_TOTAL_TIMEOUT, PACK_MAX_BODY),
        };
        Self { connect: CONNECT_TIMEOUT, total, body, retry_pause: RETRY_PAUSE }
    }
}
