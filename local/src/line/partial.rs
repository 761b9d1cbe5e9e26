//! A batch of which only the first part is done: what an engine does when it is short of something.

use crate::engines::Answer;
use serde_json::{Value, json};

/// How an engine names what it has not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// DynamoDB `BatchGetItem`: the keys come back as `UnprocessedKeys`.
    Get,
    /// SQS `SendMessageBatch`: entries are listed under `Failed`.
    Send,
    /// EventBridge `PutEvents`: entries are answered in order, failed ones by a code.
    Put,
}

/// A batch in two parts.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Partial {
    kind: Kind,
    done: Value,
    left: Vec<Value>,
    table: String,
}

/// Splits a call behind its first entry; `None` for what is no batch, or has one entry alone.
pub(super) fn split(target: &str, body: &[u8]) -> Option<Partial> {
    let operation = target.rsplit_once('.').map_or(target, |(_, operation)| operation);
    let mut done: Value = serde_json::from_slice(body).ok()?;
    let (kind, table) = match operation {
        "BatchGetItem" => (Kind::Get, done["RequestItems"].as_object()?.keys().next()?.clone()),
        "SendMessageBatch" => (Kind::Send, String::new()),
        "PutEvents" => (Kind::Put, String::new()),
        _ => return None,
    };
    let entries = match kind {
        Kind::Get => &mut done["RequestItems"][&table]["Keys"],
        Kind::Send | Kind::Put => &mut done["Entries"],
    };
    let entries = entries.as_array_mut().filter(|entries| entries.len() > 1)?;
    let left = entries.split_off(1);
    Some(Partial { kind, done, left, table })
}

impl Partial {
    /// The call for the part that is done.
    pub(super) fn done(&self) -> Vec<u8> {
        self.done.to_string().into_bytes()
    }

    /// The engine's answer to that part, as it would be to the whole.
    pub(super) fn merge(&self, answer: Answer) -> Answer {
        let Ok(mut body) = serde_json::from_slice::<Value>(&answer.body) else { return answer };
        match self.kind {
            Kind::Get => {
                let mut asked = self.done["RequestItems"][&self.table].clone();
                asked["Keys"] = json!(self.left);
                body["UnprocessedKeys"] = json!({ self.table.as_str(): asked });
            }
            Kind::Send => {
                let failed = |entry: &Value| json!({"Id": entry["Id"], "Code": "InternalError", "SenderFault": false, "Message": "a fault on purpose"});
                body["Failed"] = self.left.iter().map(failed).collect();
            }
            Kind::Put => {
                let mut entries = body["Entries"].as_array().cloned().unwrap_or_default();
                let failed = json!({"ErrorCode": "InternalFailure", "ErrorMessage": "a fault on purpose"});
                entries.extend(self.left.iter().map(|_| failed.clone()));
                body["FailedEntryCount"] = json!(self.left.len());
                body["Entries"] = json!(entries);
            }
        }
        Answer { body: body.to_string().into_bytes(), ..answer }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(target: &str, call: Value, answer: Value) -> Option<(Value, Value)> {
        let partial = split(target, call.to_string().as_bytes())?;
        let merged = partial.merge(Answer { status: 200, body: answer.to_string().into_bytes() });
        Some((partial.done, serde_json::from_slice(&merged.body).unwrap()))
    }

    #[test]
    fn each_batch_says_what_is_left_in_its_own_way() {
        let call = json!({"RequestItems": {"t": {"Keys": [1, 2, 3], "ConsistentRead": true}}});
        let (done, answer) = told("DynamoDB_20120810.BatchGetItem", call, json!({"Responses": {"t": ["a"]}})).unwrap();
        assert_eq!(done["RequestItems"]["t"]["Keys"], json!([1]));
        assert_eq!(answer["UnprocessedKeys"], json!({"t": {"Keys": [2, 3], "ConsistentRead": true}}));

        let call = json!({"Entries": [{"Id": "0"}, {"Id": "1"}]});
        let (_, answer) = told("AmazonSQS.SendMessageBatch", call, json!({"Successful": [{"Id": "0"}]})).unwrap();
        assert_eq!(answer["Failed"][0]["Id"], "1");
        assert_eq!(answer["Successful"], json!([{"Id": "0"}]));

        let call = json!({"Entries": [{}, {}, {}]});
        let (_, answer) = told("AWSEvents.PutEvents", call, json!({"Entries": [{"EventId": "e"}]})).unwrap();
        assert_eq!((&answer["FailedEntryCount"], answer["Entries"].as_array().map(Vec::len)), (&json!(2), Some(3)));
        assert_eq!(answer["Entries"][0], json!({"EventId": "e"}));
    }

    #[test]
    fn what_is_no_batch_of_several_is_left_alone() {
        assert_eq!(split("DynamoDB_20120810.Query", b"{}"), None);
        assert_eq!(split("AmazonSQS.SendMessageBatch", br#"{"Entries": [{"Id": "0"}]}"#), None);
        assert_eq!(split("AmazonSQS.SendMessageBatch", b"no JSON"), None);
    }
}
