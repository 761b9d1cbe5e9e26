//! What the guarded client does with answers: redirects, limits, retries, and what its errors say.

use crate::server::{Server, egress, endless, limited, raw, silent};
use http::Method;
use http::header::{HOST, HeaderName, HeaderValue, USER_AGENT};
use repoplane_providers::{Egress, EgressError, EgressRequest, EgressResponse, EgressSettings, Refusal};
use std::net::SocketAddr;
use std::time::Duration;

async fn get(egress: &Egress, address: SocketAddr) -> Result<EgressResponse, EgressError> {
    egress.send(EgressRequest::get(format!("http://{address}/path?access_token=hunter2").parse().unwrap())).await
}

#[tokio::test]
async fn a_stand_in_gets_calls_for_the_public_name_over_plain_http() {
    let server = Server::start(vec![("/user?x=1", 200, "{}".to_owned())]).await;
    let request = EgressRequest::new(Method::POST, "https://api.github.com/user?x=1".parse().unwrap())
        .header(HeaderName::from_static("x-test"), HeaderValue::from_static("yes"))
        .body("payload");
    let answer = server.egress().send(request).await.unwrap();
    assert_eq!((answer.status.as_u16(), answer.body.as_slice()), (200, b"{}".as_slice()));
    assert_eq!(server.calls(), ["POST /user?x=1"]);
    let headers = server.headers(0);
    assert_eq!(headers[HOST], "api.github.com");
    assert_eq!(headers["x-test"], "yes");
    assert_eq!(headers[USER_AGENT], concat!("repoplane/", env!("CARGO_PKG_VERSION")));
}

#[tokio::test]
async fn a_get_is_tried_again_when_the_server_is_briefly_out_of_order() {
    for status in [502, 503, 504] {
        let path = "/path?access_token=hunter2";
        let server = Server::start(vec![(path, status, String::new()), (path, 200, "ok".to_owned())]).await;
        let egress = server.egress();
        assert_eq!(get(&egress, server.address).await.unwrap().body, b"ok");
        assert_eq!(egress.calls(), 2, "{status}");
    }
}

#[tokio::test]
async fn a_server_that_stays_out_of_order_is_asked_three_times_only() {
    let server = Server::start(vec![("/path?access_token=hunter2", 503, "down".to_owned())]).await;
    let egress = server.egress();
    assert_eq!(get(&egress, server.address).await.unwrap().status.as_u16(), 503);
    assert_eq!(egress.calls(), 3);
}

#[tokio::test]
async fn other_answers_and_other_methods_are_not_tried_again() {
    for status in [200, 400, 401, 403, 404, 409, 422, 429, 500, 501] {
        let server = Server::start(vec![("/path?access_token=hunter2", status, String::new())]).await;
        let egress = server.egress();
        assert_eq!(get(&egress, server.address).await.unwrap().status.as_u16(), status);
        assert_eq!(egress.calls(), 1, "{status}");
    }
    for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
        let server = Server::start(vec![("/", 503, String::new())]).await;
        let egress = server.egress();
        let request = EgressRequest::new(method.clone(), server.url().parse().unwrap());
        assert_eq!(egress.send(request).await.unwrap().status.as_u16(), 503);
        assert_eq!(egress.calls(), 1, "{method}");
    }
}

#[tokio::test]
async fn a_broken_connection_is_tried_again() {
    for broken in [
        "",
        "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\nhalf",
    ] {
        let answers: &'static [&'static str] = vec![broken, "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"].leak();
        let address = raw(answers).await;
        let egress = egress(address);
        assert_eq!(get(&egress, address).await.unwrap().body, b"ok", "{broken:?}");
        assert_eq!(egress.calls(), 2, "{broken:?}");
    }
}

#[tokio::test]
async fn a_retry_that_does_not_fit_the_time_is_left_out() {
    for wait in ["61", "18446744073709551615"] {
        let answer = format!("HTTP/1.1 503 Service Unavailable\r\nretry-after: {wait}\r\ncontent-length: 0\r\n\r\n");
        let answers: &'static [&'static str] = vec![&*answer.leak()].leak();
        let address = raw(answers).await;
        let egress = egress(address);
        assert_eq!(get(&egress, address).await.unwrap().status.as_u16(), 503);
        assert_eq!(egress.calls(), 1, "{wait}");
    }
}

#[tokio::test]
async fn a_body_ends_at_the_limit_announced_or_not() {
    for (answer, fits) in [
        ("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n1234", true),
        ("HTTP/1.1 200 OK\r\n\r\n1234", true),
        ("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n12345", false),
        ("HTTP/1.1 200 OK\r\n\r\n12345", false),
        ("HTTP/1.1 200 OK\r\ncontent-length: 18446744073709551615\r\n\r\n1", false),
    ] {
        let answers: &'static [&'static str] = vec![answer].leak();
        let address = raw(answers).await;
        let egress = limited(address, |limits| limits.body = 4);
        match get(&egress, address).await {
            Ok(answer) => assert!(fits && answer.body == b"1234"),
            Err(EgressError::TooLarge { limit: 4, .. }) => assert!(!fits, "{answer}"),
            // A length that no machine can hold may already be refused by the transport.
            Err(error) => assert!(answer.contains("18446744073709551615"), "{answer}: {error}"),
        }
    }
    let address = endless().await;
    let error = get(&egress(address), address).await.unwrap_err();
    assert_eq!(error.to_string(), format!("{address} sent more than 5000000 bytes"));
}

#[tokio::test]
async fn errors_name_the_place_and_never_path_or_query() {
    let silent = silent().await;
    let closing = raw(&[""]).await;
    let nonsense = raw(&["EHLO mail.example.com\r\n\r\n"]).await;
    let half = raw(&["HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf"]).await;
    // Nobody listens on port 1.
    let closed: SocketAddr = "127.0.0.1:1".parse().unwrap();
    for (address, expected) in [
        (silent, format!("{silent} did not answer in time")),
        (closing, format!("{closing} closed the connection without an answer")),
        (nonsense, format!("{nonsense} did not answer in HTTP")),
        (half, format!("{half} sent an incomplete answer")),
        (closed, format!("cannot connect to {closed}")),
    ] {
        let short = if address == silent { Duration::from_millis(20) } else { Duration::from_secs(60) };
        let error = get(&limited(address, |limits| limits.total = short), address).await.unwrap_err();
        assert_eq!(error.to_string(), expected);
        let all = format!("{error} {error:?} {:?}", std::error::Error::source(&error));
        assert!(!all.contains("hunter2") && !all.contains("/path"), "{all}");
    }
}

#[tokio::test]
async fn requests_and_answers_do_not_print_what_they_carry() {
    let request = EgressRequest::get("https://h.example.com/secret?t=secret".parse().unwrap())
        .header(HeaderName::from_static("private-token"), HeaderValue::from_static("secret"))
        .body("secret");
    assert_eq!(format!("{request:?}"), "EgressRequest(GET h.example.com)");
    let server = Server::start(vec![("/path?access_token=hunter2", 200, "secret".to_owned())]).await;
    let answer = get(&server.egress(), server.address).await.unwrap();
    assert_eq!(format!("{answer:?}"), "EgressResponse(200 OK, 6 bytes)");
}

#[tokio::test]
async fn without_an_allow_list_loopback_is_refused() {
    let server = Server::start(vec![("/", 200, String::new())]).await;
    let egress = Egress::new(EgressSettings::default());
    for scheme in ["http", "https"] {
        let url = format!("{scheme}://{}/", server.address).parse().unwrap();
        assert!(matches!(egress.send(EgressRequest::get(url)).await, Err(EgressError::Refused(_))));
    }
    assert_eq!((egress.calls(), server.calls().len()), (0, 0));
    // By the system's own resolver, too.
    let error = egress.send(EgressRequest::get("https://localhost:8443/".parse().unwrap())).await.unwrap_err();
    assert!(matches!(error, EgressError::Refused(Refusal::Name(name)) if name == "localhost"));
}
