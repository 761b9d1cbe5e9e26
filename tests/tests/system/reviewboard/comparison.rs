//! How an answer differs from a recorded one.

use super::recording::Recording;
use repoplane_domain::secret::sha256_hex;
use repoplane_tests::Answer;
use serde_json::{Value, json};
use std::fmt;

/// The headers that are the same, to the letter.
const SAME: [&str; 6] =
    ["Content-Type", "Item-Content-Type", "WWW-Authenticate", "Allow", "Location", "X-Content-Type-Options"];
/// What every answer depends on, whatever else it does.
const VARY: [&str; 2] = ["Accept", "Cookie"];
/// What clients need to know of a session's cookie; how long it lives is each server's own.
const COOKIE: [&str; 4] = ["rbsessionid", "Path", "SameSite", ENDED];
/// Ends a session at the client.
const ENDED: &str = "Max-Age=0";
/// Stands for a text that nobody but people reads.
const TEXT: &str = "(a text)";

/// One way in which an answer is another.
pub(super) struct Difference {
    /// Where: `status`, the name of a header, or a JSON pointer into the body.
    pub(super) place: String,
    /// Whether the answer lacks a member that the recorded one has.
    pub(super) lacking: bool,
    recorded: Value,
    here: Value,
}

impl Difference {
    fn new(place: impl Into<String>, recorded: impl Into<Value>, here: impl Into<Value>) -> Self {
        Self { place: place.into(), lacking: false, recorded: recorded.into(), here: here.into() }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: recorded {}, here {}", self.place, self.recorded, self.here)
    }
}

/// All of them. `body` is the answer's with recorded addresses in it, `etag` what the caller knows of the answer.
pub(super) fn compare(recording: &Recording, answer: &Answer, body: &Value, etag: Option<&str>) -> Vec<Difference> {
    let mut found = Vec::new();
    if answer.status.as_u16() != recording.status() {
        found.push(Difference::new("status", recording.status(), answer.status.as_u16()));
    }
    let here = |name: &str| answer.headers.get(name).and_then(|value| value.to_str().ok());
    for name in SAME {
        if recording.header(name) != here(name) {
            found.push(Difference::new(name, recording.header(name), here(name)));
        }
    }
    let varies = |text: Option<&str>| {
        let names: Vec<&str> = text.unwrap_or_default().split(',').map(str::trim).collect();
        VARY.into_iter().filter(|name| names.contains(name)).collect::<Vec<_>>()
    };
    if varies(recording.header("Vary")) != varies(here("Vary")) {
        found.push(Difference::new("Vary", recording.header("Vary"), here("Vary")));
    }
    if let Some(cookie) = recording.header("Set-Cookie")
        && here("Set-Cookie").map(attributes) != Some(attributes(cookie))
    {
        found.push(Difference::new("Set-Cookie", cookie, here("Set-Cookie")));
    }
    let digest = sha256_hex(&answer.bytes);
    let tag = if recording.status() == 304 { etag } else { recording.has_digest().then_some(digest.as_str()) };
    if tag.is_some() && here("ETag") != tag {
        found.push(Difference::new("ETag", tag, here("ETag")));
    }
    if recording.json().is_null() && !answer.bytes.is_empty() {
        found.push(Difference::new("", Value::Null, body.clone()));
    } else {
        walk("", &without_texts(recording.json()), &without_texts(body), &mut found);
    }
    found
}

/// The parts of a cookie that are compared; not its value, which nobody else can make.
fn attributes(cookie: &str) -> Vec<&str> {
    let parts = cookie.split(';').map(str::trim);
    let parts = parts.map(|part| if part.starts_with(COOKIE[0]) { COOKIE[0] } else { part });
    let mut known: Vec<&str> = parts
        .filter(|part| COOKIE.iter().any(|known| part.split('=').next() == Some(known) || part == known))
        .collect();
    known.sort_unstable();
    known
}

/// A body whose texts for people are only there or not.
fn without_texts(body: &Value) -> Value {
    let mut body = body.clone();
    let is_text = |value: &Value| value.as_str().is_some_and(|text| !text.is_empty());
    if let Some(message) = body.pointer_mut("/err/msg").filter(|message| is_text(message)) {
        *message = json!(TEXT);
    }
    for texts in body.pointer_mut("/fields").and_then(Value::as_object_mut).into_iter().flatten().map(|(_, it)| it) {
        if texts.as_array().is_some_and(|texts| !texts.is_empty() && texts.iter().all(is_text)) {
            *texts = json!([TEXT]);
        }
    }
    body
}

fn walk(place: &str, recorded: &Value, here: &Value, found: &mut Vec<Difference>) {
    match (recorded, here) {
        (Value::Object(theirs), Value::Object(ours)) => {
            for (name, value) in theirs {
                let place = format!("{place}/{name}");
                match ours.get(name) {
                    Some(ours) => walk(&place, value, ours, found),
                    None => {
                        found.push(Difference { lacking: true, ..Difference::new(place, value.clone(), Value::Null) })
                    }
                }
            }
            for (name, value) in ours.iter().filter(|(name, _)| !theirs.contains_key(*name)) {
                found.push(Difference::new(format!("{place}/{name}"), Value::Null, value.clone()));
            }
        }
        (Value::Array(theirs), Value::Array(ours)) if theirs.len() == ours.len() => {
            for (index, (theirs, ours)) in theirs.iter().zip(ours).enumerate() {
                walk(&format!("{place}/{index}"), theirs, ours, found);
            }
        }
        _ if recorded == here => {}
        _ => found.push(Difference::new(place, recorded.clone(), here.clone())),
    }
}
