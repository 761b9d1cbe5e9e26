//! The table's stream, as the function that is mapped to it sees it: the records that pass the mapping's filter, newest last.
//!
//! The embedded engine has a stream of its own, but it keeps every image for ever and looks through all of them at every
//! write. This one stands between the callers and the engine, keeps only what passes the filter, and forgets the oldest.
//! It begins anew with every start; what it forgot is found by the tick, as in the cloud.

use crate::engines::Answer;
use crate::table::TEMPLATE;
use dynoxide::Database;
use repoplane_store::keys;
use serde_json::{Map, Value, json};
use std::collections::VecDeque;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

/// Records that are kept.
const KEPT: usize = 10_000;
/// What comes before the number of a record: DynamoDB's numbers have 21 digits or more.
const FIRST_NUMBER: u128 = 100_000_000_000_000_000_000;

/// What a mapping says of the records that it wants, as the template declares it.
static PATTERNS: LazyLock<Vec<Value>> = LazyLock::new(|| {
    let template: serde_yaml_ng::Value = serde_yaml_ng::from_str(TEMPLATE).unwrap_or_default();
    let filters = &template["Resources"]["DispatchMapping"]["Properties"]["FilterCriteria"]["Filters"];
    let filters = filters.as_sequence().into_iter().flatten();
    filters.filter_map(|filter| serde_json::from_str(filter["Pattern"].as_str()?).ok()).collect()
});

/// The stream of one engine. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Stream {
    records: Arc<Mutex<Records>>,
}

#[derive(Debug, Default)]
struct Records {
    kept: VecDeque<(u64, Value)>,
    last: u64,
}

/// What a write is about to do to one item.
struct Write {
    key: Value,
    /// The whole item, for a put.
    put: Option<Value>,
}

impl Stream {
    fn records(&self) -> MutexGuard<'_, Records> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The records after one, oldest first, each as Lambda hands it over (AWS Lambda: using Lambda with DynamoDB).
    pub fn after(&self, number: u64, limit: usize) -> Vec<Value> {
        let records = self.records();
        let later = records.kept.iter().filter(|(at, _)| *at > number);
        later.take(limit).map(|(_, record)| record.clone()).collect()
    }

    /// The number of the newest record; 0 before the first.
    pub fn end(&self) -> u64 {
        self.records().last
    }

    /// Makes a call of the engine and notes what it did.
    pub(crate) fn watch(
        &self,
        database: &Database,
        operation: &str,
        body: &[u8],
        call: impl FnOnce() -> Answer,
    ) -> Answer {
        let request = || serde_json::from_slice::<Value>(body).unwrap_or_default();
        let (table, writes) = match operation {
            "PutItem" | "UpdateItem" | "TransactWriteItems" => writes_of(operation, &request()),
            _ => return call(),
        };
        let writes: Vec<Write> = writes.into_iter().filter(Write::is_wanted).collect();
        if writes.is_empty() {
            return call();
        }
        // Held from the first look to the last, so that images and order are those of the engine.
        let mut records = self.records();
        let before: Vec<bool> = writes.iter().map(|write| item(database, &table, &write.key).is_some()).collect();
        let answer = call();
        if answer.status == 200 {
            for (write, existed) in writes.iter().zip(before) {
                if let Some(image) = item(database, &table, &write.key) {
                    records.add(&write.key, &image, existed);
                }
            }
        }
        answer
    }
}

impl Records {
    fn add(&mut self, key: &Value, image: &Value, existed: bool) {
        let number = self.last + 1;
        let record = json!({
            "eventID": format!("{number:032x}"),
            "eventName": if existed { "MODIFY" } else { "INSERT" },
            "eventVersion": "1.1",
            "eventSource": "aws:dynamodb",
            "awsRegion": crate::engines::REGION,
            "eventSourceARN": "arn:aws:dynamodb:us-east-1:123456789012:table/repoplane/stream/2026-01-01T00:00:00.000",
            "dynamodb": {
                "ApproximateCreationDateTime": 1_767_225_600,
                "Keys": key,
                "NewImage": image,
                "SequenceNumber": (FIRST_NUMBER + u128::from(number)).to_string(),
                "SizeBytes": image.to_string().len(),
                "StreamViewType": "NEW_AND_OLD_IMAGES",
            },
        });
        if !passes(&record) {
            return;
        }
        self.last = number;
        self.kept.push_back((number, record));
        if self.kept.len() > KEPT {
            self.kept.pop_front();
        }
    }
}

impl Write {
    /// A put shows all there will be; what an update makes is seen only afterwards.
    fn is_wanted(&self) -> bool {
        self.put.as_ref().is_none_or(|item| passes(&json!({"dynamodb": {"NewImage": item}})))
    }
}

/// The number of a record by its sequence number; `None` for one that is not of this stream.
pub(crate) fn number_of(sequence_number: &str) -> Option<u64> {
    u64::try_from(sequence_number.parse::<u128>().ok()?.checked_sub(FIRST_NUMBER)?).ok()
}

/// Whether the mapping's filter lets a record through.
pub fn passes(record: &Value) -> bool {
    PATTERNS.iter().any(|pattern| matches(pattern, record))
}

/// The part of Lambda's event filtering that the template uses (AWS Lambda: filter rule syntax): members, and for a leaf a
/// list of texts that it may be, or whether it exists.
fn matches(pattern: &Value, found: &Value) -> bool {
    match pattern {
        Value::Object(members) => members.iter().all(|(name, pattern)| matches(pattern, &found[name])),
        Value::Array(rules) => rules.iter().any(|rule| match rule["exists"].as_bool() {
            Some(exists) => exists != found.is_null(),
            None => rule == found,
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// The table, and the items that a call writes and leaves there.
fn writes_of(operation: &str, request: &Value) -> (Value, Vec<Write>) {
    let put = |part: &Value| Write { key: key_of(&part["Item"]), put: Some(part["Item"].clone()) };
    let update = |part: &Value| Write { key: part["Key"].clone(), put: None };
    match operation {
        "PutItem" => (request["TableName"].clone(), vec![put(request)]),
        "UpdateItem" => (request["TableName"].clone(), vec![update(request)]),
        _ => {
            let parts: Vec<&Value> = request["TransactItems"].as_array().into_iter().flatten().collect();
            let tables = parts.iter().flat_map(|part| [&part["Put"]["TableName"], &part["Update"]["TableName"]]);
            let table = tables.into_iter().find(|name| name.is_string()).cloned().unwrap_or_default();
            let writes = parts.iter().filter_map(|part| match (part.get("Put"), part.get("Update")) {
                (Some(part), _) => Some(put(part)),
                (None, Some(part)) => Some(update(part)),
                (None, None) => None,
            });
            (table, writes.collect())
        }
    }
}

fn key_of(item: &Value) -> Value {
    let parts = [keys::PK, keys::SK].into_iter().map(|name| (name.to_owned(), item[name].clone()));
    Value::Object(parts.collect::<Map<_, _>>())
}

fn item(database: &Database, table: &Value, key: &Value) -> Option<Value> {
    let request = json!({"TableName": table, "Key": key, "ConsistentRead": true});
    let answer = database.get_item(serde_json::from_value(request).ok()?).ok()?;
    serde_json::to_value(answer).ok()?.get_mut("Item").map(Value::take).filter(Value::is_object)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_templates_filter_is_read_and_lets_only_marked_items_through() {
        assert_eq!(PATTERNS.len(), 1);
        let record = |image: Value| json!({"eventName": "INSERT", "dynamodb": {"NewImage": image}});
        assert!(passes(&record(json!({"undispatched_pk": {"S": "UNDISPATCHED#0"}}))));
        for other in [json!({}), json!({"undispatched_pk": {"N": "1"}}), json!({"pk": {"S": "x"}}), Value::Null] {
            assert!(!passes(&record(other.clone())), "{other}");
        }
    }

    #[test]
    fn patterns_are_members_and_rules() {
        let pattern = json!({"a": ["x", "y"], "b": {"c": [{"exists": false}]}});
        assert!(matches(&pattern, &json!({"a": "y"})));
        assert!(!matches(&pattern, &json!({"a": "z"})));
        assert!(!matches(&pattern, &json!({"a": "x", "b": {"c": 1}})));
    }
}
