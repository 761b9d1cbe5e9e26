//! `Server-Timing` (W3C Server Timing): how long an answer took, and for a caller that is known also what it cost.

use http::HeaderValue;
use repoplane_store::Usage;
use std::time::Duration;

/// The header's value. The whole time is told to everybody in whole milliseconds, which is no more than a caller measures;
/// the rest only to whom was answered what they asked for: what a refusal cost could tell why it was one.
pub(crate) fn server_timing(elapsed: Duration, usage: Option<Usage>) -> Option<HeaderValue> {
    let Some(usage) = usage else {
        return HeaderValue::from_str(&format!("total;dur={}", elapsed.as_millis())).ok();
    };
    let mut text = format!("total;dur={:.1}", elapsed.as_secs_f64() * 1e3);
    let units = usage.read_units + usage.write_units;
    text.push_str(&format!(", db;desc=\"{}, {}\"", counted(usage.table_calls, "call"), units_of(units)));
    if usage.secret_calls > 0 {
        text.push_str(&format!(", vault;desc=\"{}\"", counted(usage.secret_calls, "call")));
    }
    if usage.queue_calls > 0 {
        text.push_str(&format!(", queue;desc=\"{}\"", counted(usage.queue_calls, "call")));
    }
    HeaderValue::from_str(&text).ok()
}

fn counted(count: u64, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

fn units_of(units: f64) -> String {
    format!("{units} unit{}", if units == 1.0 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_is_known_hears_what_it_cost() {
        let elapsed = Duration::from_micros(12_345);
        let text = |usage| server_timing(elapsed, usage).unwrap();
        assert_eq!(text(None), "total;dur=12");
        let usage = Usage { table_calls: 2, read_units: 0.5, write_units: 1.0, ..Usage::default() };
        assert_eq!(text(Some(usage)), "total;dur=12.3, db;desc=\"2 calls, 1.5 units\"");
        let usage = Usage { table_calls: 1, read_units: 1.0, secret_calls: 1, queue_calls: 3, ..Usage::default() };
        let expected = "total;dur=12.3, db;desc=\"1 call, 1 unit\", vault;desc=\"1 call\", queue;desc=\"3 calls\"";
        assert_eq!(text(Some(usage)), expected);
    }
}
