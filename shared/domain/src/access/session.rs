//! A session of a tool that gives its token once and a cookie afterwards (contract: reviewboard 5.1).
//!
//! Nothing is stored: the cookie names the token that it stands for by its hash, says since when, and is signed. It is good
//! as long as the token is, and no longer than [`SESSION_LIFE`]. Keys are derived for a span of time each, so that they
//! change by themselves.

use crate::id::TenantId;
use crate::secret::Secret;
use crate::time::Timestamp;
use std::time::Duration;

/// How long a session lasts, whatever is done with it.
pub const SESSION_LIFE: Duration = Duration::from_secs(14 * 86_400);
/// How long one key signs new sessions, in seconds; it verifies for [`SESSION_LIFE`] longer.
const KEY_SPAN: i64 = 30 * 86_400;
/// How far the clock of another instance may be ahead, in seconds.
const SKEW: i64 = 60;
const VERSION: &str = "1";
/// Longest text that is looked at, in bytes.
const MAX_COOKIE_BYTES: usize = 256;
const HASH_DIGITS: usize = 64;

/// A session: whose token, since when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The tenant of the token, whose key signs.
    pub tenant: TenantId,
    /// The SHA-256 of the token's text, in hex: where its record is.
    pub token_hash: String,
    /// When it began.
    pub began: Timestamp,
    /// What tells it from other sessions of the token: random.
    pub nonce: u64,
}

impl Session {
    /// Which of a tenant's keys signs it.
    pub fn key_number(&self) -> i64 {
        self.began.as_second().div_euclid(KEY_SPAN)
    }

    /// When it is over, whatever is done with it.
    pub fn ends_at(&self) -> Timestamp {
        self.began.plus(SESSION_LIFE)
    }

    /// The cookie's value.
    pub fn seal(&self, key: &Secret) -> Secret {
        let claim = self.claim();
        let mac = hex::encode(key.hmac_sha256(&[claim.as_bytes()]));
        Secret::new(format!("{claim}.{mac}"))
    }

    fn claim(&self) -> String {
        format!("{VERSION}.{}.{}.{}.{:016x}", self.tenant, self.token_hash, self.began.as_second(), self.nonce)
    }

    /// What a cookie says, and the signature that is still to be checked; `None` for what no cookie of ours looks like, and
    /// for a session that is over.
    pub fn read(cookie: &str, now: Timestamp) -> Option<Unverified> {
        if cookie.len() > MAX_COOKIE_BYTES {
            return None;
        }
        let (claim, mac) = cookie.rsplit_once('.')?;
        let mut parts = claim.split('.');
        let (version, tenant, hash, began) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let nonce = u64::from_str_radix(parts.next()?, 16).ok()?;
        let is_hash = hash.len() == HASH_DIGITS && hash.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if version != VERSION || parts.next().is_some() || !is_hash {
            return None;
        }
        let began = began.parse::<i64>().ok()?;
        let age = now.as_second().checked_sub(began)?;
        if age < -SKEW || age > i64::try_from(SESSION_LIFE.as_secs()).ok()? {
            return None;
        }
        let (tenant, began) = (tenant.parse().ok()?, Timestamp::from_second(began));
        let session = Self { tenant, token_hash: hash.to_owned(), began, nonce };
        // One spelling only: what was signed is what is read.
        (session.claim() == claim).then(|| Unverified { session, mac: mac.to_owned() })
    }
}

/// A session whose signature has not been checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unverified {
    session: Session,
    mac: String,
}

impl Unverified {
    /// The tenant whose key has to be asked for.
    pub fn tenant(&self) -> TenantId {
        self.session.tenant
    }

    /// Which of its keys.
    pub fn key_number(&self) -> i64 {
        self.session.key_number()
    }

    /// The session, if the key has signed it.
    pub fn verified(self, key: &Secret) -> Option<Session> {
        let expected = self.session.seal(key);
        let cookie = format!("{}.{}", self.session.claim(), self.mac);
        expected.matches(cookie.as_bytes()).then_some(self.session)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const DAY: i64 = 86_400;

    fn session(began: i64) -> Session {
        let tenant = TenantId::start_of(Timestamp::from_second(5));
        Session { tenant, token_hash: "ab".repeat(32), began: Timestamp::from_second(began), nonce: 7 }
    }

    fn opened(cookie: &str, key: &str, now: i64) -> Option<Session> {
        Session::read(cookie, Timestamp::from_second(now))?.verified(&Secret::new(key))
    }

    #[test]
    fn a_sealed_session_is_read_until_it_is_over() {
        let sealed = session(1000).seal(&Secret::new("key"));
        for (now, expected) in
            [(1000, true), (940, true), (939, false), (1000 + 14 * DAY, true), (1001 + 14 * DAY, false)]
        {
            assert_eq!(opened(sealed.expose(), "key", now).is_some(), expected, "{now}");
        }
        assert_eq!(opened(sealed.expose(), "key", 1000), Some(session(1000)));
        assert_eq!(opened(sealed.expose(), "other key", 1000), None);
    }

    #[test]
    fn keys_change_with_time() {
        assert_eq!(session(0).key_number(), session(30 * DAY - 1).key_number());
        assert_ne!(session(0).key_number(), session(30 * DAY).key_number());
    }

    #[test]
    fn one_changed_letter_is_noticed() {
        let sealed = session(1000).seal(&Secret::new("key")).expose().to_owned();
        for at in 0..sealed.len() {
            let letter = if &sealed[at..=at] == "1" { "2" } else { "1" };
            let changed = format!("{}{letter}{}", &sealed[..at], &sealed[at + 1..]);
            assert_eq!(opened(&changed, "key", 1000), None, "{changed}");
        }
    }

    proptest! {
        #[test]
        fn no_text_is_taken_without_the_key(text in "\\PC{0,300}", now in 0i64..(1 << 33)) {
            prop_assert_eq!(opened(&text, "key", now), None);
        }
    }
}
