//! A caller of the API: builds an event, sends it through the function's own decoding, reads the answer.

use crate::conformance::violation;
use crate::event::Event;
use axum::Router;
use base64::Engine as _;
use http::{HeaderMap, HeaderName, StatusCode, header};
use repoplane_api::gateway;
use serde_json::Value;

/// A caller with or without a token.
#[derive(Clone)]
pub struct Client {
    router: Router,
    token: Option<String>,
    headers: Vec<(String, String)>,
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Status.
    pub status: StatusCode,
    /// Headers.
    pub headers: HeaderMap,
    /// Raw body.
    pub bytes: Vec<u8>,
    /// The body as JSON; null when it is none.
    pub body: Value,
}

impl Answer {
    /// The answer, if it has this status; fails the test with the body otherwise.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.body);
        self
    }

    /// The entity tag.
    #[track_caller]
    pub fn etag(&self) -> String {
        let tag = self.headers.get("etag").and_then(|tag| tag.to_str().ok());
        tag.unwrap_or_else(|| panic!("no entity tag on {}", self.body)).to_owned()
    }

    /// The id of the delivery that a webhook's answer names.
    #[track_caller]
    pub fn delivery(&self) -> String {
        let id = self.headers.get("x-repoplane-delivery").and_then(|id| id.to_str().ok());
        id.unwrap_or_else(|| panic!("no delivery on {}", self.body)).to_owned()
    }

    /// Whether it is the answer of an earlier call with the same idempotency key.
    pub fn is_replayed(&self) -> bool {
        self.headers.get("idempotency-replayed").is_some_and(|value| value == "true")
    }

    /// A text of the body.
    #[track_caller]
    pub fn text(&self, pointer: &str) -> String {
        let found = self.body.pointer(pointer).and_then(Value::as_str);
        found.unwrap_or_else(|| panic!("no text at {pointer} in {}", self.body)).to_owned()
    }

    /// The pointers of the wrong fields, in order.
    pub fn wrong_fields(&self) -> Vec<String> {
        let errors = self.body["errors"].as_array().cloned().unwrap_or_default();
        errors.iter().map(|error| error["pointer"].as_str().unwrap_or_default().to_owned()).collect()
    }
}

impl Client {
    pub(crate) fn new(router: Router, token: Option<String>) -> Self {
        Self { router, token, headers: Vec::new() }
    }

    /// Somebody else at the same instance, whose caches they share.
    #[must_use]
    pub fn by(&self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self.clone() }
    }

    /// The same caller, sending one more header with every call.
    #[must_use]
    pub fn with(&self, name: &str, value: &str) -> Self {
        let mut client = self.clone();
        client.headers.push((name.to_owned(), value.to_owned()));
        client
    }

    /// The same caller, whose calls carry an idempotency key.
    #[must_use]
    pub fn once(&self, key: &str) -> Self {
        self.with("idempotency-key", key)
    }

    /// The same caller, whose calls are good for the version of an entity tag only.
    #[must_use]
    pub fn if_match(&self, tag: &str) -> Self {
        self.with("if-match", tag)
    }

    /// Sends a JSON body; `Value::Null` sends none.
    pub async fn call(&self, method: &str, target: &str, body: Value) -> Answer {
        let event = Event::new(method, target);
        let event = if body.is_null() {
            event
        } else {
            event.header("content-type", "application/json").body(body.to_string())
        };
        self.send(event).await
    }

    /// GET.
    pub async fn get(&self, target: &str) -> Answer {
        self.call("GET", target, Value::Null).await
    }

    /// POST.
    pub async fn post(&self, target: &str, body: Value) -> Answer {
        self.call("POST", target, body).await
    }

    /// PATCH.
    pub async fn patch(&self, target: &str, body: Value) -> Answer {
        self.call("PATCH", target, body).await
    }

    /// PUT.
    pub async fn put(&self, target: &str, body: Value) -> Answer {
        self.call("PUT", target, body).await
    }

    /// DELETE.
    pub async fn delete(&self, target: &str) -> Answer {
        self.call("DELETE", target, Value::Null).await
    }

    /// Sends an event as it stands, with the token and the caller's headers added.
    pub async fn send(&self, event: Event) -> Answer {
        let event = self.headers.iter().fold(event, |event, (name, value)| event.header(name, value));
        let event = match &self.token {
            Some(token) => event.header("authorization", &format!("Bearer {token}")),
            None => event,
        };
        self.send_json(&event.json()).await
    }

    /// Sends an event's JSON as it stands, without adding a token. Every answer is held against the API's document.
    pub async fn send_json(&self, event: &Value) -> Answer {
        let answer = self.send_raw(event).await;
        let status = answer["statusCode"].as_u64().and_then(|status| u16::try_from(status).ok()).expect("a status");
        let status = StatusCode::from_u16(status).expect("a status of HTTP");
        let pairs = answer["headers"].as_object().expect("headers").iter();
        let pairs = pairs.map(|(name, value)| (name.parse::<HeaderName>(), value.as_str().unwrap_or_default().parse()));
        let mut headers: HeaderMap =
            pairs.map(|(name, value)| (name.expect("a header's name"), value.expect("its value"))).collect();
        for cookie in answer["cookies"].as_array().into_iter().flatten() {
            let cookie = cookie.as_str().unwrap_or_default().parse().expect("a header's value");
            headers.append(header::SET_COOKIE, cookie);
        }
        let text = answer["body"].as_str().unwrap_or_default();
        let bytes = match answer["isBase64Encoded"].as_bool() {
            Some(true) => base64::engine::general_purpose::STANDARD.decode(text).expect("base64"),
            Some(false) | None => text.as_bytes().to_vec(),
        };
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        let answer = Answer { status, headers, bytes, body };
        let text = |pointer: &str| event.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let (method, path) = (text("/requestContext/http/method"), text("/rawPath"));
        if let Some(violation) = violation(method, path, &answer) {
            panic!("{method} {path} is not answered as documented: {violation}");
        }
        answer
    }

    /// Sends any JSON as an event and gives what goes back to the gateway, unchecked.
    pub async fn send_raw(&self, event: &Value) -> Value {
        let raw = serde_json::value::to_raw_value(event).expect("JSON");
        let Ok(answer) = gateway::answer(self.router.clone(), &raw, lambda_http::Context::default()).await;
        serde_json::to_value(answer).expect("an answer for the gateway")
    }
}
