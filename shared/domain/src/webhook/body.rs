//! The body as JSON, and whether it is what its event header says (design 8.1).
//!
//! Only called after verification: the bytes are the sender's. The event header is not signed, so a signed body could
//! be posted again under another event's name; a header that clashes with the body's shape is therefore refused.

use super::headers::Incoming;
use super::payload::{cut_bytes, is_object, text};
use super::refusal::Refusal;
use super::trace::TraceLog;
use crate::delivery::{ErrorLayer, StepKey};
use crate::repository::Provider;
use crate::secret::Sha256Writer;
use serde_json::Value;
use std::io::Write;

/// Reads the body and cross-checks it with the event header.
///
/// GitHub's form-encoded hooks carry the JSON in the field `payload`; the signature covers the form.
///
/// # Errors
/// 400 `WEBHOOK_BODY_INVALID` when there is no JSON object in it, 400 `WEBHOOK_EVENT_MISMATCH` when it is another
/// event than the header says; both at layer `event_mapping`, where an event is understood or not.
pub fn open(incoming: &Incoming<'_>, trace: &mut TraceLog) -> Result<Value, Refusal> {
    let payload = decode(incoming).map_err(|why| {
        let error = "Webhook body is not a JSON object";
        let refusal =
            Refusal::rejected(400, ErrorLayer::EventMapping, Some("WEBHOOK_BODY_INVALID"), error).with("reason", why);
        trace.refused(StepKey::Received, &refusal);
        refusal
    })?;
    match clash(incoming.endpoint, incoming.event_name(), &payload) {
        None => Ok(payload),
        Some(why) => {
            let error = "Webhook event header does not match the body";
            let refusal = Refusal::rejected(400, ErrorLayer::EventMapping, Some("WEBHOOK_EVENT_MISMATCH"), error)
                .with("eventName", cut_bytes(incoming.event_name(), 100))
                .with("reason", why);
            trace.refused(StepKey::Mapping, &refusal);
            Err(refusal)
        }
    }
}

fn decode(incoming: &Incoming<'_>) -> Result<Value, String> {
    let value = if incoming.endpoint == Provider::Github && incoming.headers.is_form() {
        let field = url::form_urlencoded::parse(incoming.raw).find(|(name, _)| name == "payload");
        let (_, text) = field.ok_or("the form has no field `payload`")?;
        serde_json::from_str::<Value>(&text)
    } else {
        serde_json::from_slice(incoming.raw)
    };
    // The parser's own text names line and column, never content.
    let value = value.map_err(|error| format!("malformed JSON: {error}"))?;
    if value.is_object() { Ok(value) } else { Err("the JSON is not an object".to_owned()) }
}

/// Why the body cannot be the event that the header names. Events that are never mapped are not looked at.
fn clash(provider: Provider, event: &str, payload: &Value) -> Option<String> {
    match provider {
        Provider::Github => github_clash(event, payload),
        Provider::Gitlab => gitlab_clash(event, payload),
        Provider::Git => None,
    }
}

fn github_clash(event: &str, payload: &Value) -> Option<String> {
    let has = |name: &str| is_object(payload, &format!("/{name}"));
    let lacking =
        |names: &[&str]| names.iter().find(|name| !has(name)).map(|name| format!("object `{name}` is missing"));
    // Bodies of related events hold the same objects and more, hence what must not be there.
    let foreign =
        |names: &[&str]| names.iter().find(|name| has(name)).map(|name| format!("object `{name}` is not expected"));
    match event {
        "push" => {
            let after = text(payload, "/after").is_some() || payload.get("commits").is_some_and(Value::is_array);
            let push = text(payload, "/ref").is_some() && after;
            (!push).then(|| "`ref` with `after` or `commits` is missing".to_owned())
        }
        "commit_comment" => lacking(&["comment"]).or_else(|| foreign(&["issue", "pull_request"])).or_else(|| {
            text(payload, "/comment/commit_id").is_none().then(|| "`comment.commit_id` is missing".to_owned())
        }),
        "issues" => lacking(&["issue"]).or_else(|| foreign(&["comment", "pull_request"])),
        "issue_comment" => lacking(&["comment", "issue"]).or_else(|| foreign(&["pull_request"])),
        "pull_request" => lacking(&["pull_request"]).or_else(|| foreign(&["comment", "review", "thread", "issue"])),
        _ => None,
    }
}

fn gitlab_clash(event: &str, payload: &Value) -> Option<String> {
    let kinds: &[&str] = match event {
        "Push Hook" => &["push"],
        "Tag Push Hook" => &["tag_push"],
        // Tasks, incidents and other work items come under the same header.
        "Issue Hook" => &["issue", "work_item"],
        "Merge Request Hook" => &["merge_request"],
        "Note Hook" => &["note"],
        _ => return None,
    };
    if let Some(kind) = text(payload, "/object_kind")
        && !kinds.contains(&kind)
    {
        return Some(format!("`object_kind` is `{}`", cut_bytes(kind, 100)));
    }
    let shaped = match event {
        "Push Hook" | "Tag Push Hook" => text(payload, "/ref").is_some(),
        "Note Hook" => text(payload, "/object_attributes/noteable_type").is_some(),
        _ => is_object(payload, "/object_attributes"),
    };
    (!shaped).then(|| "the object of this event is missing".to_owned())
}

/// JSON with recursively sorted keys and no blanks.
pub fn canonical_json(value: &Value) -> String {
    let mut out = Vec::new();
    // A vector takes every byte, and JSON is UTF-8.
    let _ = write_canonical(value, &mut out);
    String::from_utf8(out).unwrap_or_default()
}

/// Written out here, so that a build in which the JSON library keeps the order of insertion hashes the same.
fn write_canonical(value: &Value, out: &mut impl Write) -> std::io::Result<()> {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_by(|a, b| a.0.cmp(b.0));
            out.write_all(b"{")?;
            for (n, (key, value)) in entries.into_iter().enumerate() {
                if n > 0 {
                    out.write_all(b",")?;
                }
                serde_json::to_writer(&mut *out, key)?;
                out.write_all(b":")?;
                write_canonical(value, out)?;
            }
            out.write_all(b"}")
        }
        Value::Array(items) => {
            out.write_all(b"[")?;
            for (n, item) in items.iter().enumerate() {
                if n > 0 {
                    out.write_all(b",")?;
                }
                write_canonical(item, out)?;
            }
            out.write_all(b"]")
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(serde_json::to_writer(out, value)?),
    }
}

/// SHA-256 of the payload as JSON with sorted keys, hex (contract: hookcode 3.8). The text goes into the hash as it is
/// written: of a large payload it would be a copy for nothing.
pub fn payload_hash(payload: &Value) -> String {
    let mut hash = Sha256Writer::default();
    // A hash takes every byte.
    let _ = write_canonical(payload, &mut hash);
    hash.hex()
}

#[cfg(test)]
mod tests {
    use super::super::fixtures;
    use super::super::headers::WebhookHeaders;
    use super::*;
    use crate::secret::sha256_hex;
    use crate::time::Timestamp;
    use proptest::prelude::*;
    use serde_json::json;

    fn read(endpoint: Provider, headers: &[(&str, &str)], raw: &[u8]) -> Result<Value, (Option<&'static str>, String)> {
        let headers = WebhookHeaders::new(headers.iter().copied());
        let mut trace = TraceLog::new(Timestamp::from_millisecond(0));
        open(&Incoming { endpoint, headers: &headers, raw }, &mut trace).map_err(|refusal| {
            assert_eq!((refusal.status, refusal.layer), (400, ErrorLayer::EventMapping));
            assert_eq!(trace.steps().len(), 1);
            (refusal.code, refusal.members["reason"].as_str().unwrap().to_owned())
        })
    }

    #[test]
    fn json_and_forms_give_the_same_payload() {
        let form = [("content-type", "application/x-www-form-urlencoded")];
        let json = json!({"zen": "a+b & c=ä"});
        let encoded: String = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("other", "1")
            .append_pair("payload", &json.to_string())
            .finish();
        assert_eq!(read(Provider::Github, &form, encoded.as_bytes()), Ok(json.clone()));
        assert_eq!(read(Provider::Github, &[], json.to_string().as_bytes()), Ok(json));
        assert!(read(Provider::Gitlab, &form, encoded.as_bytes()).is_err(), "GitLab posts JSON only");
    }

    #[test]
    fn what_is_not_a_json_object_is_refused_in_words() {
        let form = [("content-type", "application/x-www-form-urlencoded")];
        type Case<'a> = (&'a [(&'a str, &'a str)], &'a [u8], &'a str);
        let cases: [Case<'_>; 6] = [
            (&[], b"", "malformed JSON: "),
            (&[], b"{\"a\":", "malformed JSON: "),
            (&[], b"[1]", "the JSON is not an object"),
            (&[], b"null", "the JSON is not an object"),
            (&form, b"a=1", "the form has no field `payload`"),
            (&form, b"payload=%7B", "malformed JSON: "),
        ];
        for (headers, raw, why) in cases {
            let (code, reason) = read(Provider::Github, headers, raw).unwrap_err();
            assert_eq!(code, Some("WEBHOOK_BODY_INVALID"));
            assert!(reason.starts_with(why), "{reason}");
        }
        let deep = "[".repeat(100_000);
        assert!(read(Provider::Github, &[], deep.as_bytes()).is_err(), "depth is bounded by the parser");
    }

    #[test]
    fn every_real_payload_fits_its_own_event_and_no_other_mapped_one() {
        let github = ["push", "commit_comment", "issues", "issue_comment", "pull_request"];
        let gitlab = ["Push Hook", "Tag Push Hook", "Issue Hook", "Merge Request Hook", "Note Hook"];
        for fixture in fixtures::all() {
            let mapped: &[&str] = if fixture.provider == Provider::Github { &github } else { &gitlab };
            for event in mapped.iter().copied().chain([fixture.event]) {
                let header = if fixture.provider == Provider::Github { "x-github-event" } else { "x-gitlab-event" };
                let result = read(fixture.provider, &[(header, event)], fixture.raw.as_bytes());
                if event == fixture.event {
                    assert!(result.is_ok(), "{} as itself: {result:?}", fixture.name);
                } else {
                    let code = result.map_err(|(code, _)| code);
                    assert_eq!(code, Err(Some("WEBHOOK_EVENT_MISMATCH")), "{} as {event}", fixture.name);
                }
            }
        }
    }

    #[test]
    fn bodies_of_related_events_are_told_apart() {
        for other in ["comment", "review", "thread", "issue"] {
            let body = json!({"action": "edited", "pull_request": {}, other: {}}).to_string();
            assert!(read(Provider::Github, &[("x-github-event", "pull_request")], body.as_bytes()).is_err(), "{other}");
        }
    }

    #[test]
    fn events_that_are_never_mapped_are_not_looked_at() {
        for event in ["ping", "release", "", "watch"] {
            assert!(read(Provider::Github, &[("x-github-event", event)], b"{}").is_ok());
        }
        assert!(read(Provider::Gitlab, &[("x-gitlab-event", "Pipeline Hook")], b"{}").is_ok());
        assert!(read(Provider::Gitlab, &[("x-gitlab-event", "Note Hook")], b"{}").is_err());
    }

    #[test]
    fn the_hash_does_not_depend_on_the_order_of_keys() {
        let a: Value = serde_json::from_str(r#"{"b":[{"y":1,"x":2}],"a":"é\n"}"#).unwrap();
        let b: Value = serde_json::from_str(r#"{"a":"é\n","b":[{"x":2,"y":1}]}"#).unwrap();
        assert_eq!(canonical_json(&a), r#"{"a":"é\n","b":[{"x":2,"y":1}]}"#);
        assert_eq!(payload_hash(&a), payload_hash(&b));
        assert_eq!(payload_hash(&json!({})), sha256_hex(b"{}"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(raw in proptest::collection::vec(any::<u8>(), 0..200), form: bool) {
            let kind = if form { "application/x-www-form-urlencoded" } else { "application/json" };
            for (provider, event) in [(Provider::Github, "push"), (Provider::Gitlab, "Note Hook")] {
                let _ = read(provider, &[("content-type", kind), ("x-github-event", event)], &raw);
            }
        }

        #[test]
        fn canonical_text_reads_back_as_the_same_value(text in "\\PC{0,30}", n: i64) {
            let value = json!({text.clone(): [n, text, null, {"z": true, "a": 1.5}]});
            prop_assert_eq!(serde_json::from_str::<Value>(&canonical_json(&value)).unwrap(), value);
        }
    }
}
