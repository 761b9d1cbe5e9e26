//! What the function is invoked with.

use aws_lambda_events::dynamodb::EventRecord;
use repoplane_store::OutboxKey;
use serde::Deserialize;
use serde_json::Value;

/// An invocation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// EventBridge Scheduler, every minute: `{"schedule": "tick"}`.
    Tick,
    /// A batch of the table's stream, oldest first.
    Stream(Vec<Record>),
}

/// One record of the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its place in the stream, by which a failure is reported.
    pub sequence_number: Option<String>,
    /// What it tells of.
    pub told: Told,
}

/// What a record tells of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// Something stands in the outbox.
    Outbox(OutboxKey),
    /// Nothing that is to be sent: the mapping's filter should have kept it away.
    Nothing,
    /// It cannot be read; what the log may say of it, which is its keys.
    Malformed(String),
}

/// The event is of no known kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("neither a schedule ({{\"schedule\": \"tick\"}}) nor a batch of a DynamoDB stream")]
pub struct InvalidEvent;

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Schedule {
    Tick,
}

#[derive(Deserialize)]
struct Scheduled {
    schedule: Schedule,
}

impl Event {
    /// What an event asks for, in one word for the log.
    pub fn kind(event: &Value) -> &'static str {
        if event.get("Records").is_some() { "stream" } else { "tick" }
    }

    /// Reads an event.
    ///
    /// # Errors
    /// [`InvalidEvent`].
    pub fn read(mut event: Value) -> Result<Self, InvalidEvent> {
        match event.get_mut("Records").map(Value::take) {
            Some(Value::Array(records)) => Ok(Self::Stream(records.into_iter().map(Record::of).collect())),
            Some(_) => Err(InvalidEvent),
            None => {
                let Scheduled { schedule: Schedule::Tick } = serde_json::from_value(event).map_err(|_| InvalidEvent)?;
                Ok(Self::Tick)
            }
        }
    }
}

impl Record {
    /// Each record is read for itself: one that cannot be read takes none of the others along.
    fn of(record: Value) -> Self {
        let change = &record["dynamodb"];
        let sequence_number = change["SequenceNumber"].as_str().map(str::to_owned);
        let keys = change["Keys"].to_string();
        let told = match serde_json::from_value::<EventRecord>(record) {
            Ok(record) => match OutboxKey::of_image(record.change.new_image) {
                Ok(Some(key)) => Told::Outbox(key),
                Ok(None) => Told::Nothing,
                Err(_) => Told::Malformed(keys),
            },
            Err(_) => Told::Malformed(keys),
        };
        Self { sequence_number, told }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const REPOSITORY: &str = "rep_01k2z6m3v0q9w8e7r6t5y4n3k2";
    const TASK: &str = "tsk_01k2z6m3v0q9w8e7r6t5y4n3k3";

    fn record(image: Value) -> Value {
        json!({
            "eventID": "1", "eventName": "INSERT", "awsRegion": "eu-central-1", "eventSource": "aws:dynamodb",
            "dynamodb": {
                "SequenceNumber": "100", "SizeBytes": 9, "StreamViewType": "NEW_AND_OLD_IMAGES",
                "Keys": {"pk": {"S": "REPO#x"}}, "NewImage": image,
            },
        })
    }

    fn told(record: Value) -> Told {
        let Ok(Event::Stream(mut records)) = Event::read(json!({"Records": [record]})) else { panic!("a batch") };
        records.remove(0).told
    }

    #[test]
    fn schedule_and_stream_are_told_apart() {
        assert_eq!(Event::read(json!({"schedule": "tick", "extra": 1})), Ok(Event::Tick));
        assert_eq!(Event::read(json!({"Records": []})), Ok(Event::Stream(Vec::new())));
        for other in [json!({}), json!({"schedule": "sweep"}), json!([]), json!(null), json!({"Records": 1})] {
            assert_eq!(Event::read(other), Err(InvalidEvent));
        }
    }

    #[test]
    fn a_record_tells_where_something_waits_and_nothing_else_of_it() {
        let image = json!({
            "pk": {"S": format!("REPO#{REPOSITORY}")}, "sk": {"S": format!("TASK#{TASK}")},
            "undispatched_pk": {"S": "UNDISPATCHED#1"}, "undispatched_sk": {"S": "x"}, "data": {"M": {}},
        });
        let key = OutboxKey::Task(REPOSITORY.parse().unwrap(), TASK.parse().unwrap());
        assert_eq!(told(record(image.clone())), Told::Outbox(key));
        let mut unmarked = image.clone();
        unmarked.as_object_mut().unwrap().remove("undispatched_pk");
        assert_eq!(told(record(unmarked)), Told::Nothing);
        let mut removed = record(Value::Null);
        removed["eventName"] = json!("REMOVE");
        assert_eq!(told(removed), Told::Nothing);

        let mut stranger = image.clone();
        stranger["sk"] = json!({"S": "SOMETHING#else"});
        let mut broken = image;
        broken["data"] = json!({"NOT A TYPE": 1});
        for malformed in [record(stranger), record(broken), record(json!(7)), json!({}), json!("x"), json!(null)] {
            let Told::Malformed(keys) = told(malformed.clone()) else { panic!("{malformed}") };
            assert!(!keys.contains("data"), "{keys}");
        }
    }
}
