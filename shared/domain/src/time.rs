//! Instants. Every time on the wire is ISO 8601 in UTC with milliseconds (contract: hookcode 1.3).

use std::fmt;
use std::time::Duration;

/// An instant in UTC, to the millisecond.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(jiff::Timestamp);

impl Timestamp {
    /// From milliseconds since the Unix epoch; out of range is clamped.
    pub fn from_millisecond(ms: i64) -> Self {
        Self(jiff::Timestamp::from_millisecond(ms).unwrap_or(if ms < 0 {
            jiff::Timestamp::MIN
        } else {
            jiff::Timestamp::MAX
        }))
    }

    /// From whole seconds since the Unix epoch; out of range is clamped.
    pub fn from_second(s: i64) -> Self {
        Self::from_millisecond(s.saturating_mul(1000))
    }

    /// Milliseconds since the Unix epoch.
    pub fn as_millisecond(self) -> i64 {
        self.0.as_millisecond()
    }

    /// Whole seconds since the Unix epoch, the unit of the table's TTL attribute.
    pub fn as_second(self) -> i64 {
        self.0.as_second()
    }

    /// This instant plus a span; saturates at the end of the calendar.
    pub fn plus(self, span: Duration) -> Self {
        let ms = i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
        Self::from_millisecond(self.as_millisecond().saturating_add(ms))
    }

    /// How long ago `earlier` was; zero when it lies ahead.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.as_millisecond().saturating_sub(earlier.as_millisecond()).max(0).cast_unsigned())
    }

    /// The hour of the day, 0–23, in an IANA time zone; `None` for an unknown zone.
    pub fn hour_in(self, zone: &str) -> Option<u8> {
        let zone = jiff::tz::TimeZone::get(zone).ok()?;
        Some(self.0.to_zoned(zone).hour().cast_unsigned())
    }

    /// The UTC day as `YYYY-MM-DD`.
    pub fn day(self) -> String {
        self.0.strftime("%Y-%m-%d").to_string()
    }
}

/// Whether an IANA time zone of this name exists in the bundled database.
pub fn is_time_zone(name: &str) -> bool {
    jiff::tz::TimeZone::get(name).is_ok()
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3}", self.0)
    }
}

impl std::str::FromStr for Timestamp {
    type Err = InvalidTimestamp;
    fn from_str(text: &str) -> Result<Self, InvalidTimestamp> {
        let at: jiff::Timestamp = text.parse().map_err(|_| InvalidTimestamp)?;
        Ok(Self::from_millisecond(at.as_millisecond()))
    }
}

/// A text is no instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an ISO 8601 instant, like 2026-01-20T08:00:00Z")]
pub struct InvalidTimestamp;

impl serde::Serialize for Timestamp {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Timestamp {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let at = jiff::Timestamp::deserialize(d)?;
        Ok(Self::from_millisecond(at.as_millisecond()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wire_form_has_three_decimals_and_reads_back() {
        let at = Timestamp::from_millisecond(1_768_896_000_000);
        assert_eq!(at.to_string(), "2026-01-20T08:00:00.000Z");
        let text = serde_json::to_string(&at).unwrap();
        assert_eq!(serde_json::from_str::<Timestamp>(&text).unwrap(), at);
    }

    #[test]
    fn hours_follow_the_zone_and_its_summer_time() {
        let winter = Timestamp::from_millisecond(1_768_896_000_000);
        assert_eq!(winter.hour_in("UTC"), Some(8));
        assert_eq!(winter.hour_in("Europe/Berlin"), Some(9));
        let summer = winter.plus(Duration::from_secs(180 * 86_400));
        assert_eq!(summer.hour_in("Europe/Berlin"), Some(10));
        assert_eq!(winter.hour_in("Mars/Olympus"), None);
    }
}
