//! How often one caller may call: token buckets in the memory of one instance of a function. They cost neither a write nor
//! a call, and are approximate by design: so many instances as the function has, so many times the rate gets through.

use crate::problem::{Problem, ProblemType};
use http::{HeaderName, HeaderValue, header};
use moka::sync::Cache;
use repoplane_domain::id::{AccessTokenId, HookId, RepositoryId};
use repoplane_domain::time::Timestamp;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Calls of one access token: `<per second>/<burst>`, or `off`.
const TOKEN_RATE: &str = "REPOPLANE_TOKEN_RATE";
/// Posts to one webhook, likewise.
const WEBHOOK_RATE: &str = "REPOPLANE_WEBHOOK_RATE";
/// Failed logins of one address within a minute, after which none is looked at any more: a number, or `off`.
const LOGIN_FAILURES: &str = "REPOPLANE_LOGIN_FAILURES";
/// Failed logins when nothing is set (contract: reviewboard 5.1).
const DEFAULT_LOGIN_FAILURES: u32 = 5;
/// How long failed logins are counted together.
const LOGIN_WINDOW: Duration = Duration::from_secs(60);
/// Calls of one token when nothing is set.
const DEFAULT_TOKEN_RATE: Rate = Rate { per_second: 50, burst: 200 };
/// Posts to one webhook when nothing is set. Providers send in bursts: a push of many branches is a post for each.
const DEFAULT_WEBHOOK_RATE: Rate = Rate { per_second: 50, burst: 500 };
/// Most that a rate or a burst may be set to.
const MAX_RATE: u32 = 1_000_000;
/// How many calls there may be at once (contract: reviewboard 3.2).
pub const RATE_LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
/// Callers that are counted at once; of more, those that were not seen for longest start anew.
const COUNTED: u64 = 10_000;

/// A rate: so many calls a second on average, and so many at once after a pause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Calls a second.
    pub per_second: u32,
    /// Calls at once.
    pub burst: u32,
}

/// A rate cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name} must be `off` or {form}; not {given:?}")]
pub struct InvalidRate {
    name: &'static str,
    form: String,
    given: String,
}

impl InvalidRate {
    fn new(name: &'static str, form: String, given: &str) -> Self {
        Self { name, form, given: given.chars().take(40).collect() }
    }
}

impl Rate {
    /// Reads `50/200`; `off` is none.
    fn read(name: &'static str, text: &str) -> Result<Option<Self>, InvalidRate> {
        if text.trim().eq_ignore_ascii_case("off") {
            return Ok(None);
        }
        let number = |text: &str| text.trim().parse().ok().filter(|number| (1..=MAX_RATE).contains(number));
        let rate = text.split_once('/').and_then(|(rate, burst)| Some((number(rate)?, number(burst)?)));
        let form = || format!("`<calls a second>/<calls at once>`, each 1 to {MAX_RATE}, like 50/200");
        let invalid = || InvalidRate::new(name, form(), text);
        rate.map(|(per_second, burst)| Some(Self { per_second, burst })).ok_or_else(invalid)
    }
}

/// Whose webhook it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Hooked {
    /// A repository's.
    Repository(RepositoryId),
    /// An organisation's.
    Organisation(HookId),
}

/// The rate limits of an instance. Cheap to clone; clones count together.
#[derive(Clone)]
pub struct RateLimits {
    tokens: Option<Buckets<AccessTokenId>>,
    webhooks: Option<Buckets<Hooked>>,
    logins: Option<FailedLogins>,
}

impl std::fmt::Debug for RateLimits {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let rates = (self.tokens.as_ref().map(|all| all.rate), self.webhooks.as_ref().map(|all| all.rate));
        f.debug_struct("RateLimits").field("token", &rates.0).field("webhook", &rates.1).finish_non_exhaustive()
    }
}

impl RateLimits {
    /// No limits.
    pub fn off() -> Self {
        Self::new(None, None)
    }

    /// Limits for the calls of one token and the posts to one webhook.
    pub fn new(token: Option<Rate>, webhook: Option<Rate>) -> Self {
        Self { tokens: token.map(Buckets::new), webhooks: webhook.map(Buckets::new), logins: None }
    }

    /// The same limits, and one for the failed logins of an address within a minute.
    #[must_use]
    pub fn with_failed_logins(self, most: Option<u32>) -> Self {
        Self { logins: most.map(FailedLogins::new), ..self }
    }

    /// The limits that the environment asks for.
    ///
    /// # Errors
    /// [`InvalidRate`].
    pub fn from_environment() -> Result<Self, InvalidRate> {
        let read = |name, usual| match std::env::var(name) {
            Ok(text) if !text.trim().is_empty() => Rate::read(name, &text),
            Ok(_) | Err(_) => Ok(Some(usual)),
        };
        let limits = Self::new(read(TOKEN_RATE, DEFAULT_TOKEN_RATE)?, read(WEBHOOK_RATE, DEFAULT_WEBHOOK_RATE)?);
        Ok(limits.with_failed_logins(FailedLogins::read(&std::env::var(LOGIN_FAILURES).unwrap_or_default())?))
    }

    /// The same limits with counts of their own: another instance.
    #[must_use]
    pub fn apart(&self) -> Self {
        let limits = Self::new(self.tokens.as_ref().map(|all| all.rate), self.webhooks.as_ref().map(|all| all.rate));
        limits.with_failed_logins(self.logins.as_ref().map(|logins| logins.most))
    }

    /// Whether an address has failed to log in too often just now; what nobody knows the address of never has.
    pub fn is_locked_out(&self, address: Option<IpAddr>, now: Timestamp) -> bool {
        self.logins.as_ref().zip(address).is_some_and(|(logins, address)| logins.of(address, now) > logins.most)
    }

    /// Counts a failed login.
    pub fn login_failed(&self, address: Option<IpAddr>, now: Timestamp) {
        if let Some((logins, address)) = self.logins.as_ref().zip(address) {
            logins.count(address, now);
        }
    }

    /// Counts a call of a token.
    ///
    /// # Errors
    /// 429 with `Retry-After` beyond its rate.
    pub fn admit_token(&self, token: AccessTokenId, now: Timestamp) -> Result<(), Problem> {
        admit(self.tokens.as_ref(), token, now, "This token calls too often")
    }

    /// Counts a post to a webhook.
    ///
    /// # Errors
    /// 429 with `Retry-After` beyond its rate.
    pub fn admit_webhook(&self, hook: Hooked, now: Timestamp) -> Result<(), Problem> {
        admit(self.webhooks.as_ref(), hook, now, "This webhook is posted to too often")
    }
}

/// Failed logins by address, of the last minute.
#[derive(Clone)]
struct FailedLogins {
    most: u32,
    counts: Cache<IpAddr, Arc<Mutex<Failures>>>,
}

/// How many, and since when they are counted.
#[derive(Debug)]
struct Failures {
    since: Timestamp,
    count: u32,
}

impl FailedLogins {
    fn new(most: u32) -> Self {
        Self { most, counts: Cache::builder().max_capacity(COUNTED).time_to_idle(LOGIN_WINDOW).build() }
    }

    /// Reads a number; `off` is none, and nothing the usual one.
    fn read(text: &str) -> Result<Option<u32>, InvalidRate> {
        match text.trim() {
            "" => Ok(Some(DEFAULT_LOGIN_FAILURES)),
            text if text.eq_ignore_ascii_case("off") => Ok(None),
            text => {
                let number = text.parse().ok().filter(|number| (1..=MAX_RATE).contains(number));
                let invalid = || InvalidRate::new(LOGIN_FAILURES, format!("1 to {MAX_RATE}"), text);
                number.map(Some).ok_or_else(invalid)
            }
        }
    }

    fn of(&self, address: IpAddr, now: Timestamp) -> u32 {
        let Some(failures) = self.counts.get(&address) else { return 0 };
        let failures = failures.lock().unwrap_or_else(PoisonError::into_inner);
        if now.since(failures.since) < LOGIN_WINDOW { failures.count } else { 0 }
    }

    fn count(&self, address: IpAddr, now: Timestamp) {
        let failures = self.counts.get_with(address, || Arc::new(Mutex::new(Failures { since: now, count: 0 })));
        let mut failures = failures.lock().unwrap_or_else(PoisonError::into_inner);
        if now.since(failures.since) >= LOGIN_WINDOW {
            *failures = Failures { since: now, count: 0 };
        }
        failures.count = failures.count.saturating_add(1);
    }
}

fn admit<K: Hash + Eq + Send + Sync + 'static>(
    buckets: Option<&Buckets<K>>,
    key: K,
    now: Timestamp,
    what: &str,
) -> Result<(), Problem> {
    let Some(wait) = buckets.and_then(|buckets| buckets.take(key, now)) else { return Ok(()) };
    // Whole seconds, and never none: who asks again at once would be refused again.
    let seconds = wait.as_millis().div_ceil(1000).max(1);
    let problem = Problem::new(ProblemType::RateLimited, format!("{what}; try again in {seconds} s"));
    let problem = problem.with_code("RATE_LIMITED").with_error("Too Many Requests");
    let seconds = u64::try_from(seconds).unwrap_or(u64::MAX);
    let limit = buckets.map_or(0, |buckets| buckets.rate.burst);
    let problem = problem.with_header(RATE_LIMIT, HeaderValue::from(limit));
    Err(problem.with_header(header::RETRY_AFTER, HeaderValue::from(seconds)))
}

/// A bucket for each caller.
#[derive(Clone)]
struct Buckets<K> {
    rate: Rate,
    buckets: Cache<K, Arc<Mutex<Bucket>>>,
}

/// What is left of a burst, in thousandths of a call, and when that was so.
#[derive(Debug)]
struct Bucket {
    left: u64,
    at: Timestamp,
}

impl<K: Hash + Eq + Send + Sync + 'static> Buckets<K> {
    fn new(rate: Rate) -> Self {
        // A bucket that was left alone for this long is full again.
        let refill = Duration::from_secs(u64::from(rate.burst.div_ceil(rate.per_second)) + 1);
        Self { rate, buckets: Cache::builder().max_capacity(COUNTED).time_to_idle(refill).build() }
    }

    /// Takes one; else says how long to wait for it.
    fn take(&self, key: K, now: Timestamp) -> Option<Duration> {
        let full = u64::from(self.rate.burst) * 1000;
        let bucket = self.buckets.get_with(key, || Arc::new(Mutex::new(Bucket { left: full, at: now })));
        let mut bucket = bucket.lock().unwrap_or_else(PoisonError::into_inner);
        // A clock that was set back refills nothing.
        let passed = u64::try_from(now.since(bucket.at).as_millis()).unwrap_or(u64::MAX);
        let refilled = bucket.left.saturating_add(passed.saturating_mul(u64::from(self.rate.per_second)));
        *bucket = Bucket { left: refilled.min(full), at: now.max(bucket.at) };
        match bucket.left.checked_sub(1000) {
            Some(left) => {
                bucket.left = left;
                None
            }
            None => Some(Duration::from_millis((1000 - bucket.left).div_ceil(u64::from(self.rate.per_second)))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: i64) -> Timestamp {
        Timestamp::from_millisecond(milliseconds)
    }

    #[test]
    fn a_burst_goes_through_then_the_rate() {
        let buckets = Buckets::new(Rate { per_second: 10, burst: 5 });
        let admitted = |from: i64, count: i64, step: i64| {
            (0..count).filter(|n| buckets.take("a", at(from + n * step)).is_none()).count()
        };
        assert_eq!(admitted(0, 20, 0), 5, "the burst");
        assert_eq!(
            buckets.take("a", at(0)),
            Some(Duration::from_millis(100)),
            "one is there after a tenth of a second"
        );
        assert_eq!(admitted(100, 100, 10), 10, "in the second after it ten more");
        assert_eq!(admitted(100_000, 20, 0), 5, "after a pause the burst again, and no more");
        assert!(buckets.take("b", at(0)).is_none(), "others have buckets of their own");
        assert!(buckets.take("a", at(50_000)).is_some(), "a clock that was set back gives nothing");
    }

    #[test]
    fn rates_are_read_and_bad_ones_are_named() {
        for (text, expected) in [
            ("50/200", Ok(Some(Rate { per_second: 50, burst: 200 }))),
            (" 1 / 1 ", Ok(Some(Rate { per_second: 1, burst: 1 }))),
            ("off", Ok(None)),
            ("OFF", Ok(None)),
        ] {
            assert_eq!(Rate::read(TOKEN_RATE, text), expected, "{text}");
        }
        for text in ["", "50", "0/1", "1/0", "-1/5", "1/1000001", "a/b", "1/2/3"] {
            let error = Rate::read(TOKEN_RATE, text).unwrap_err().to_string();
            assert!(error.contains(TOKEN_RATE), "{text}: {error}");
        }
    }

    #[test]
    fn whoever_fails_to_log_in_too_often_is_locked_out_for_the_rest_of_a_minute() {
        let limits = RateLimits::off().with_failed_logins(Some(2));
        let (address, other) = (Some(IpAddr::from([192, 0, 2, 1])), Some(IpAddr::from([192, 0, 2, 2])));
        for (at_second, locked_out) in [(0, false), (1, false), (2, false), (3, true), (59, true), (60, false)] {
            assert_eq!(limits.is_locked_out(address, at(at_second * 1000)), locked_out, "{at_second}");
            limits.login_failed(address, at(at_second * 1000));
        }
        assert!(!limits.is_locked_out(other, at(5)) && !limits.is_locked_out(None, at(5)));
        assert!(!limits.apart().is_locked_out(address, at(3000)), "another instance counts anew");
        assert_eq!(FailedLogins::read(" 7 "), Ok(Some(7)));
        assert_eq!(FailedLogins::read("OFF"), Ok(None));
        assert_eq!(FailedLogins::read(""), Ok(Some(DEFAULT_LOGIN_FAILURES)));
        for text in ["0", "-1", "x", "1000001"] {
            assert!(FailedLogins::read(text).unwrap_err().to_string().contains(LOGIN_FAILURES), "{text}");
        }
    }

    #[test]
    fn a_refusal_says_when_to_come_back() {
        let limits = RateLimits::new(Some(Rate { per_second: 1, burst: 1 }), None);
        let token = AccessTokenId::start_of(at(0));
        assert!(limits.admit_token(token, at(0)).is_ok());
        let problem = limits.admit_token(token, at(0)).unwrap_err();
        assert_eq!(problem.status(), 429);
        assert!(problem.headers().iter().any(|(name, value)| name == "retry-after" && value == "1"));
        assert!(limits.apart().admit_token(token, at(0)).is_ok(), "another instance counts anew");
        assert!(RateLimits::off().admit_token(token, at(0)).is_ok());
    }
}
