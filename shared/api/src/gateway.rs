//! API Gateway's events (HTTP API, payload 2.0) on their way in.
//!
//! The library that turns an event into a request panics on several that the gateway can send: it hands over the *decoded*
//! path, in which a blank or a quote is no URI any more. An event that fails is a failed invocation and a 502 to the caller.
//! Here such events are mended, and what cannot be mended is answered with 400.

use crate::problem::{Problem, ProblemType};
use axum::Router;
use base64::Engine as _;
use http::header::{HOST, HeaderName};
use http::uri::Authority;
use lambda_http::aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use lambda_http::request::LambdaRequest;
use lambda_http::{Adapter, Context, LambdaEvent, Service};
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::panic::{AssertUnwindSafe, catch_unwind};

const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// What goes back to the gateway.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum GatewayAnswer<R> {
    /// What the router answered.
    Answered(R),
    /// No request could be made of the event.
    Refused(Value),
}

/// Answers one event with a router that has its edge.
///
/// # Errors
/// Never; routers do not fail.
pub async fn answer(
    router: Router,
    event: &RawValue,
    context: Context,
) -> Result<GatewayAnswer<impl Serialize + std::fmt::Debug + use<>>, std::convert::Infallible> {
    let request = decode(event);
    // What the mending did not foresee must not cost the invocation either.
    let started = request.and_then(|request| {
        let mut adapter = Adapter::from(router);
        let call = || adapter.call(LambdaEvent::new(LambdaRequest::ApiGatewayV2(request), context));
        catch_unwind(AssertUnwindSafe(call)).ok()
    });
    match started {
        Some(answer) => Ok(GatewayAnswer::Answered(answer.await?)),
        None => {
            tracing::warn!("An event could not be turned into a request");
            Ok(GatewayAnswer::Refused(refusal(event)))
        }
    }
}

/// The event as a request that can be made; `None` when there is none in it.
fn decode(event: &RawValue) -> Option<ApiGatewayV2httpRequest> {
    let mut request: ApiGatewayV2httpRequest = serde_json::from_str(event.get()).ok()?;
    request.raw_path = Some(path(request.raw_path.as_deref().unwrap_or_default()));
    request.raw_query_string = request.raw_query_string.map(|query| encoded(&query, b"?/"));
    // A path under a named stage carries its name; the only stage here is the one without.
    request.request_context.stage = None;
    let is_host = |text: &str| text.parse::<Authority>().is_ok_and(|host| url_takes(&host));
    if request.headers.get(HOST).is_some_and(|host| !host.to_str().is_ok_and(is_host)) {
        request.headers.remove(HOST);
    }
    request.request_context.domain_name = request.request_context.domain_name.filter(|name| is_host(name));
    if request.headers.get(&FORWARDED_PROTO).is_some_and(|scheme| scheme != "https" && scheme != "http") {
        request.headers.remove(&FORWARDED_PROTO);
    }
    let standard = base64::engine::general_purpose::STANDARD;
    let broken = request.body.as_ref().is_some_and(|body| standard.decode(body).is_err());
    (!(request.is_base64_encoded && broken)).then_some(request)
}

/// Whether a host is one that a URL can have: letters, digits, dots and hyphens, and a port.
fn url_takes(host: &Authority) -> bool {
    let name = host.host();
    let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b".-".contains(&b));
    // Numbers alone would be taken for an address.
    plain && name.starts_with(|c: char| c.is_ascii_alphabetic()) && !host.as_str().contains('@')
}

/// A path that starts with a slash and is a URI's.
fn path(raw: &str) -> String {
    let path = encoded(raw, b"/");
    if path.starts_with('/') { path } else { format!("/{path}") }
}

/// Escapes what may not stand in a path or query; what is escaped already stays as it is.
fn encoded(raw: &str, also: &[u8]) -> String {
    let bytes = raw.as_bytes();
    let mut text = String::with_capacity(raw.len());
    for (at, byte) in bytes.iter().enumerate() {
        let hex = |offset: usize| bytes.get(at + offset).is_some_and(u8::is_ascii_hexdigit);
        let stays = byte.is_ascii_alphanumeric()
            || b"-._~!$&'()*+,;=:@".contains(byte)
            || also.contains(byte)
            || (*byte == b'%' && hex(1) && hex(2));
        if stays {
            text.push(char::from(*byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}

/// The answer in the gateway's own form, since there is no request that the edge could answer.
fn refusal(event: &RawValue) -> Value {
    let event: Value = serde_json::from_str(event.get()).unwrap_or_default();
    let id = event["requestContext"]["requestId"].as_str().unwrap_or("unknown");
    let problem = Problem::new(ProblemType::MalformedBody, "the request could not be read").with_error("Bad Request");
    let mut body = problem.body();
    body.insert("instance".to_owned(), event["rawPath"].as_str().unwrap_or("/").into());
    body.insert("request_id".to_owned(), id.into());
    json!({
        "statusCode": problem.status().as_u16(),
        "headers": {"content-type": "application/problem+json", "x-request-id": id},
        "body": Value::Object(body).to_string(),
        "isBase64Encoded": false,
        "cookies": [],
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn paths_are_mended_and_escapes_kept() {
        assert_eq!(path("/api/repos"), "/api/repos");
        assert_eq!(path("api/a b"), "/api/a%20b");
        assert_eq!(path("/%FF/%zz/é?#\"<>"), "/%FF/%25zz/%C3%A9%3F%23%22%3C%3E");
        assert_eq!(path(""), "/");
        assert_eq!(encoded("a=b&c=%20&d=é|?/", b"?/"), "a=b&c=%20&d=%C3%A9%7C?/");
    }

    proptest! {
        #[test]
        fn any_path_and_query_become_a_uri(raw in ".{0,40}", query in ".{0,40}") {
            let uri = format!("https://host{}?{}", path(&raw), encoded(&query, b"?/"));
            prop_assert!(uri.parse::<http::Uri>().is_ok(), "{}", uri);
        }
    }
}
