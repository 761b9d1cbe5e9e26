//! Events as the gateway may send them, however odd: none is a failed invocation, and none is answered with a failure of ours.

use proptest::prelude::*;
use repoplane_tests::TestApp;
use serde_json::{Value, json};

/// A whole event; what a sound one has is overlaid with oddities.
fn event() -> impl Strategy<Value = Value> {
    let path = prop_oneof![
        ".{0,40}",
        "/api/repos/[ -~]{0,20}",
        "/api/repos/rep_[0-9a-z]{26}(/[a-z-]{0,12}){0,3}",
        "//?(api|docs|problems)//?[a-z%\"<> é{}|]{0,12}/{0,3}",
        "/api/tasks/%[0-9A-Fa-f]{0,2}",
        Just("/api/auth/login".to_owned()),
        Just("/api/webhook/github/rep_00000000000000000000000000".to_owned()),
        Just(String::new()),
    ];
    let method = prop_oneof![
        4 => prop::sample::select(vec!["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "CONNECT"])
            .prop_map(str::to_owned),
        1 => "[ -~]{0,8}",
    ];
    let name = prop_oneof![
        prop::sample::select(vec![
            "accept",
            "authorization",
            "content-type",
            "host",
            "x-forwarded-proto",
            "x-request-id",
            "idempotency-key",
            "if-match",
            "if-none-match",
            "range",
            "cookie",
            "x-hookcode-token",
            "x-hub-signature-256",
            "content-length",
        ])
        .prop_map(str::to_owned),
        "[A-Za-z-]{1,10}",
        ".{0,4}",
    ];
    let value =
        prop_oneof![Just(json!("Bearer rpt_x")), "[ -~]{0,30}".prop_map(Value::from), ".{0,10}".prop_map(Value::from)];
    let headers = prop_oneof![
        6 => prop::collection::btree_map(name, value, 0..6).prop_map(|headers| json!(headers)),
        1 => Just(Value::Null),
    ];
    let body = prop_oneof![
        Just(Value::Null),
        ".{0,30}".prop_map(Value::from),
        Just(json!("e30=")),
        Just(json!("{\"name\":1}")),
        "[A-Za-z0-9+/=]{0,12}".prop_map(Value::from),
    ];
    let cookies =
        prop_oneof![Just(Value::Null), prop::collection::vec(".{0,8}", 0..3).prop_map(|cookies| json!(cookies))];
    let query = prop_oneof![".{0,30}", "limit=[ -~]{0,8}&cursor=[ -~]{0,8}", Just(String::new())];
    let stage = prop_oneof![3 => Just(json!("$default")), 1 => Just(json!("prod")), 1 => Just(Value::Null)];
    let rest = (cookies, query, stage, any::<bool>(), prop_oneof![Just("api.example.com".to_owned()), ".{0,8}"]);
    (path, method, headers, body, rest).prop_map(|(path, method, headers, body, (cookies, query, stage, encoded, domain))| {
        json!({
            "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": query, "headers": headers,
            "cookies": cookies, "body": body, "isBase64Encoded": encoded,
            "requestContext": {
                "accountId": "1", "apiId": "a", "domainName": domain, "domainPrefix": "a", "requestId": "r",
                "routeKey": "$default", "stage": stage, "time": "20/Jan/2026:08:00:00 +0000", "timeEpoch": 1,
                "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1", "userAgent": "t"},
            },
        })
    })
}

/// Takes members away, at the top and one level below.
fn torn() -> impl Strategy<Value = Value> {
    (event(), prop::collection::vec(any::<prop::sample::Index>(), 0..4)).prop_map(|(mut event, gone)| {
        for index in gone {
            let members = event.as_object_mut().expect("an object");
            let Some(name) =
                (!members.is_empty()).then(|| members.keys().nth(index.index(members.len())).cloned()).flatten()
            else {
                continue;
            };
            members.remove(&name);
        }
        event
    })
}

#[test]
fn no_event_ends_in_a_failure_of_ours() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let app = runtime.block_on(TestApp::start());
    let clients = [app.anonymous(), app.admin()];
    let config = ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(event in prop_oneof![4 => event(), 1 => torn()], signed_in: bool)| {
        let mut event = event;
        if signed_in && event["headers"].is_object() {
            event["headers"]["authorization"] = json!(format!("Bearer {}", repoplane_tests::ADMIN_TOKEN));
        }
        let answer = runtime.block_on(clients[usize::from(signed_in)].send_raw(&event));
        let status = answer["statusCode"].as_u64().unwrap_or_default();
        prop_assert!((200..500).contains(&status), "{} for {}", answer, event);
        prop_assert!(answer["headers"].is_object());
    });
}

#[tokio::test]
async fn what_is_no_event_at_all_is_a_bad_request() {
    let app = TestApp::start().await;
    for event in [
        json!({}),
        json!([]),
        json!(7),
        json!(null),
        json!("x"),
        json!({"version": "1.0", "httpMethod": "GET", "path": "/"}),
    ] {
        let answer = app.anonymous().send_raw(&event).await;
        assert_eq!(answer["statusCode"], 400, "{event}");
        assert_eq!(answer["headers"]["content-type"], "application/problem+json", "{event}");
    }
}
