//! The event bus: takes what is put on it, as EventBridge does, and remembers the last of it. There are no rules and no
//! targets here: what a receiver would get is read with [`EventBus::events`], and stands in the log.

use crate::engines::Answer;
use serde_json::{Value, json};
use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Name of the bus that local clients send to.
pub const EVENTS: &str = "repoplane-events";
/// Entries of one call (EventBridge: PutEvents).
const MAX_ENTRIES: usize = 10;
/// Bytes of all entries of one call (EventBridge: PutEvents entry size).
const MAX_BYTES: usize = 256 * 1024;
/// Events that are remembered.
const REMEMBERED: usize = 1_000;

/// The bus. Clones are one bus.
#[derive(Debug, Clone, Default)]
pub struct EventBus {
    kept: Arc<Mutex<Kept>>,
}

#[derive(Debug, Default)]
struct Kept {
    events: VecDeque<Value>,
    refused: BTreeSet<String>,
    count: u64,
}

impl EventBus {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was put on it, oldest first: the entries of the calls, each with its detail as JSON.
    pub fn events(&self) -> Vec<Value> {
        self.kept().events.iter().cloned().collect()
    }

    /// From now on, entries of these detail types fail one by one, as those do that the bus has no room for.
    pub fn refuse(&self, detail_types: &[&str]) {
        self.kept().refused = detail_types.iter().map(|&kind| kind.to_owned()).collect();
    }

    /// Answers `PutEvents` (EventBridge API: PutEvents).
    pub(crate) fn put_events(&self, body: &[u8]) -> Answer {
        let request: Value = serde_json::from_slice(body).unwrap_or_default();
        let entries = request["Entries"].as_array().map(Vec::as_slice).unwrap_or_default();
        let bytes: usize = entries.iter().map(size).sum();
        if !(1..=MAX_ENTRIES).contains(&entries.len()) || bytes > MAX_BYTES {
            let text = format!("{} entries of {bytes} bytes are not between 1 and {MAX_ENTRIES}", entries.len());
            return refusal(&text);
        }
        let answers: Vec<Value> = entries.iter().map(|entry| self.put(entry)).collect();
        let failed = answers.iter().filter(|answer| answer["ErrorCode"].is_string()).count();
        Answer { status: 200, body: json!({"FailedEntryCount": failed, "Entries": answers}).to_string().into_bytes() }
    }

    fn put(&self, entry: &Value) -> Value {
        let failed = |code: &str, text: &str| json!({"ErrorCode": code, "ErrorMessage": text});
        let text = |name: &str| entry[name].as_str().filter(|text| !text.is_empty());
        let (Some(_), Some(kind), Some(detail)) = (text("Source"), text("DetailType"), text("Detail")) else {
            return failed("InvalidArgument", "Source, DetailType and Detail are required");
        };
        let Ok(detail @ Value::Object(_)) = serde_json::from_str(detail) else {
            return failed("MalformedDetail", "Detail is malformed.");
        };
        if text("EventBusName") != Some(EVENTS) {
            return failed("InvalidArgument", "no such event bus");
        }
        let mut kept = self.kept();
        if kept.refused.contains(kind) {
            return failed("ThrottlingException", "a fault on purpose");
        }
        tracing::info!(kind, %detail, "Event");
        let mut event = entry.clone();
        event["Detail"] = detail;
        kept.events.push_back(event);
        if kept.events.len() > REMEMBERED {
            kept.events.pop_front();
        }
        kept.count += 1;
        json!({"EventId": format!("00000000-0000-4000-8000-{:012x}", kept.count)})
    }
}

/// What an entry counts (EventBridge: Calculating PutEvents event entry size).
fn size(entry: &Value) -> usize {
    let bytes = |name: &str| entry[name].as_str().map_or(0, str::len);
    let time = if entry["Time"].is_null() { 0 } else { 14 };
    time + bytes("Source") + bytes("DetailType") + bytes("Detail")
}

fn refusal(text: &str) -> Answer {
    Answer { status: 400, body: json!({"__type": "ValidationException", "message": text}).to_string().into_bytes() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(change: impl Fn(&mut Value)) -> Value {
        let mut entry = json!({"Source": "s", "DetailType": "k", "Detail": "{\"a\":1}", "EventBusName": EVENTS});
        change(&mut entry);
        entry
    }

    fn put(bus: &EventBus, entries: Vec<Value>) -> (u16, Value) {
        let answer = bus.put_events(json!({"Entries": entries}).to_string().as_bytes());
        (answer.status, serde_json::from_slice(&answer.body).unwrap())
    }

    #[test]
    fn good_entries_are_kept_and_bad_ones_fail_one_by_one() {
        let bus = EventBus::default();
        bus.refuse(&["full"]);
        let entries = vec![
            entry(|_| {}),
            entry(|entry| entry["Detail"] = json!("[]")),
            entry(|entry| entry["Source"] = json!("")),
            entry(|entry| entry["EventBusName"] = json!("another")),
            entry(|entry| entry["DetailType"] = json!("full")),
        ];
        let (status, answer) = put(&bus, entries);
        let codes: Vec<_> = answer["Entries"].as_array().unwrap().iter().map(|one| one["ErrorCode"].as_str()).collect();
        let expected = [
            None,
            Some("MalformedDetail"),
            Some("InvalidArgument"),
            Some("InvalidArgument"),
            Some("ThrottlingException"),
        ];
        assert_eq!((status, codes.as_slice(), &answer["FailedEntryCount"]), (200, expected.as_slice(), &json!(4)));
        assert_eq!(bus.events().len(), 1);
        assert_eq!(bus.events()[0]["Detail"], json!({"a": 1}));
    }

    #[test]
    fn a_call_has_one_to_ten_entries_and_a_bounded_size() {
        let bus = EventBus::default();
        let large = |entry: &mut Value| entry["Detail"] = json!(format!("{{\"a\":\"{}\"}}", "x".repeat(MAX_BYTES)));
        for entries in [vec![], vec![entry(|_| {}); 11], vec![entry(large)]] {
            assert_eq!(put(&bus, entries).0, 400);
        }
        assert_eq!(put(&bus, vec![entry(|_| {}); 10]).0, 200);
    }
}
