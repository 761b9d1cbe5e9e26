//! API Gateway v2 events, as they reach a deployed function.

use base64::Engine as _;
use repoplane_local::line::Line;
use serde_json::{Value, json};

/// One HTTP API event (API Gateway: payload format 2.0).
#[derive(Debug, Clone)]
pub struct Event {
    method: String,
    path: String,
    query: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Event {
    /// An event for a method and a target: path, and query after `?`.
    pub fn new(method: &str, target: &str) -> Self {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        Self {
            method: method.to_owned(),
            path: path.to_owned(),
            query: query.to_owned(),
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    /// Adds a header, in place of one with this name.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(other, _)| !other.eq_ignore_ascii_case(name));
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same event for another path.
    #[must_use]
    pub fn at(mut self, path: &str) -> Self {
        path.clone_into(&mut self.path);
        self
    }

    /// Sets the body, raw.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// The body, if it is JSON by its own account.
    pub(crate) fn json_body(&self) -> Option<Value> {
        let is_json = |(name, value): &(String, String)| name == "content-type" && value == "application/json";
        self.headers.iter().any(is_json).then(|| serde_json::from_slice(&self.body).ok()).flatten()
    }

    /// The event's JSON. Bodies travel as base64, as the gateway sends anything that is not plain text.
    pub fn json(&self) -> Value {
        let headers: serde_json::Map<String, Value> =
            self.headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), json!(value))).collect();
        let mut event = json!({
            "version": "2.0",
            "routeKey": "$default",
            "rawPath": self.path,
            "rawQueryString": self.query,
            "headers": headers,
            "requestContext": {
                "accountId": "123456789012",
                "apiId": "api-id",
                "domainName": "api.example.com",
                "domainPrefix": "api",
                "http": {
                    "method": self.method,
                    "path": self.path,
                    "protocol": "HTTP/1.1",
                    "sourceIp": "192.0.2.1",
                    "userAgent": "test",
                },
                "requestId": "test-request",
                "routeKey": "$default",
                "stage": "$default",
                "time": "20/Jan/2026:08:00:00 +0000",
                "timeEpoch": 1_768_896_000_000_i64,
            },
            "isBase64Encoded": false,
        });
        if !self.body.is_empty() {
            event["body"] = json!(base64::engine::general_purpose::STANDARD.encode(&self.body));
            event["isBase64Encoded"] = json!(true);
        }
        event
    }
}

/// Every item of the table, unmarshalled no further than the wire's own JSON.
pub async fn scan(line: &Line) -> Vec<Value> {
    let mut items = Vec::new();
    let mut start = Value::Null;
    loop {
        let mut request = json!({"TableName": "repoplane"});
        if !start.is_null() {
            request["ExclusiveStartKey"] = start;
        }
        let answer = line.engines().call("DynamoDB_20120810.Scan", request.to_string().into_bytes()).await;
        let mut answer: Value = serde_json::from_slice(&answer.body).expect("the engine answers JSON");
        if let Some(page) = answer["Items"].as_array_mut() {
            items.append(page);
        }
        start = answer["LastEvaluatedKey"].take();
        if start.is_null() {
            return items;
        }
    }
}
