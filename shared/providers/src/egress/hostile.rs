//! Peers that mean no good as a table: what they do, what the caller is told, and how many connections that took.
//!
//! Every limit is a small one of the test, so that only what is sent decides, never how fast.

use super::*;
use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder};
use http::header::{AUTHORIZATION, HeaderName};
use std::io::Write;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// In every secret of the requests, and in what the peers send back of them.
const SECRET: &str = "hunter2";
/// Longest body that the rows read.
pub(super) const BODY: usize = 64 * 1024;
/// How long a row may take whose peer never ends its answer.
const SHORT: Duration = Duration::from_millis(150);

/// What a peer does with one connection, after it has read the request.
#[derive(Clone)]
pub(super) enum Play {
    /// Sends these bytes and closes.
    Say(Vec<u8>),
    /// Sends the first bytes, then the second ones over and over, as fast as they are taken.
    Flood(&'static [u8], &'static [u8]),
    /// Sends the first bytes, then one byte at a time.
    Drip(&'static [u8], &'static [u8]),
    /// Sends these bytes and resets the connection.
    Reset(&'static [u8]),
}

/// A peer on loopback that remembers what it was asked.
pub(super) struct Peer {
    pub(super) address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Peer {
    /// The n-th connection gets the n-th play; the last one stays. Without any, no connection is accepted.
    pub(super) async fn start(plays: Vec<Play>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let seen = asked.clone();
        tokio::spawn(async move {
            if plays.is_empty() {
                std::future::pending::<()>().await;
            }
            for index in 0.. {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut request = vec![0; 8192];
                let length = stream.read(&mut request).await.unwrap_or(0);
                seen.lock().unwrap().push(String::from_utf8_lossy(&request[..length]).into_owned());
                tokio::spawn(plays[index.min(plays.len() - 1)].clone().act(stream));
            }
        });
        Self { address, asked }
    }

    pub(super) fn connections(&self) -> usize {
        self.asked.lock().unwrap().len()
    }

    pub(super) fn asked(&self, index: usize) -> String {
        self.asked.lock().unwrap()[index].to_lowercase()
    }
}

impl Play {
    async fn act(self, mut stream: TcpStream) {
        match self {
            Self::Say(bytes) => {
                let _ = stream.write_all(&bytes).await;
                let _ = stream.shutdown().await;
                // Closing with unread input would reset the connection and take the answer with it.
                let _ = stream.read_to_end(&mut Vec::new()).await;
            }
            Self::Flood(first, more) => {
                let _ = stream.write_all(first).await;
                while stream.write_all(more).await.is_ok() {}
            }
            Self::Drip(first, more) => {
                let _ = stream.write_all(first).await;
                for byte in more.iter().cycle() {
                    if stream.write_all(&[*byte]).await.is_err() {
                        return;
                    }
                    sleep(Duration::from_millis(5)).await;
                }
            }
            Self::Reset(bytes) => {
                let _ = stream.write_all(bytes).await;
                let _ = stream.set_zero_linger();
            }
        }
    }
}

fn say(text: &str) -> Play {
    Play::Say(text.as_bytes().to_vec())
}

/// An answer without a body of its own.
pub(super) fn head(status: u16, headers: &str) -> Play {
    say(&format!("HTTP/1.1 {status} {SECRET}\r\ncontent-length: 0\r\nconnection: close\r\n{headers}\r\n"))
}

pub(super) fn with_body(headers: &str, body: &[u8]) -> Play {
    let length = body.len();
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n{headers}\r\n");
    Play::Say([head.as_bytes(), body].concat())
}

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

/// 10 GB of zeros in 10 MB: one flushed megabyte, ten thousand times. The bound is met long before its checksum.
fn bomb() -> Vec<u8> {
    let mut megabyte = DeflateEncoder::new(Vec::new(), Compression::best());
    megabyte.write_all(&vec![0; 1_000_000]).unwrap();
    megabyte.flush().unwrap();
    let segment = megabyte.get_ref().clone();
    let mut bomb = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    (0..10_000).for_each(|_| bomb.extend_from_slice(&segment));
    bomb
}

pub(super) fn egress(limits: Limits, allowed: &[SocketAddr]) -> Egress {
    let list: Vec<_> = allowed.iter().map(ToString::to_string).collect();
    Egress::new(EgressSettings::from_allow_list(&list.join(" ")).unwrap().with_limits(limits))
}

pub(super) fn limits(total: Duration, body: usize) -> Limits {
    Limits { connect: Duration::from_secs(60), total, body, retry_pause: Duration::ZERO }
}

pub(super) fn request(address: SocketAddr, path: &str) -> EgressRequest {
    let mut token = HeaderValue::from_static("Bearer hunter2");
    token.set_sensitive(true);
    let url = format!("http://{address}{path}?access_token={SECRET}").parse().unwrap();
    EgressRequest::get(url).header(AUTHORIZATION, token)
}

/// Status and body, or the error; nothing of it may hold a secret.
pub(super) fn told(outcome: &Result<EgressResponse, EgressError>, address: SocketAddr) -> String {
    let mut all = format!("{outcome:?}");
    let text = match outcome {
        Ok(answer) => format!("{} {}", answer.status.as_u16(), String::from_utf8_lossy(&answer.body)),
        Err(error) => error.to_string(),
    };
    let mut cause = outcome.as_ref().err().map(|error| error as &dyn std::error::Error);
    while let Some(error) = cause {
        all.push_str(&format!(" {error} {error:?}"));
        cause = error.source();
    }
    let shown = format!("{all} {text}");
    assert!(!shown.contains(SECRET), "{shown}");
    text.replace(&address.to_string(), "HOST").trim().to_owned()
}

#[tokio::test]
async fn hostile_peers_are_told_apart_and_bounded() {
    let many: String = (0..10_000).map(|n| format!("x-{n}: {SECRET}\r\n")).collect();
    let huge = format!("x-a: {}\r\n", SECRET.repeat(150_000));
    let long = format!("x-a: {}\r\n", "a".repeat(70_000));
    let half = gzip(&vec![b'x'; 1000]);
    let over = gzip(&vec![b'x'; BODY + 1]);
    let fits = gzip(b"xxx");
    const CHUNKED: &str = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n";
    const LATE: &str = "HOST did not answer in time";
    const LARGE: &str = "HOST sent more than 65536 bytes";
    const HEADERS: &str = "HOST sent more or longer headers than are read";
    const CLOSED: &str = "HOST closed the connection without an answer";
    const HALF: &str = "HOST sent an incomplete answer";
    const NO_HTTP: &str = "HOST did not answer in HTTP";
    const BROKEN: &str = "HOST sent a broken gzip body";
    const OTHER: &str = "HOST sent a body in an encoding that was not asked for";
    const REFUSED: &str = "HOST redirected to an address that is refused:";
    let refused = |why: &str| format!("{REFUSED} {why}");
    let rows: Vec<(&str, Vec<Play>, String, usize)> = vec![
        // Slow.
        ("accepts nothing", vec![], LATE.into(), 0),
        ("drips its headers", vec![Play::Drip(b"HTTP/1.1 200 OK\r\n", b"x: y\r\n")], LATE.into(), 1),
        ("drips one header", vec![Play::Drip(b"HTTP/1.1 200 OK\r\nx: ", b"y")], LATE.into(), 1),
        ("drips its body", vec![Play::Drip(b"HTTP/1.1 200 OK\r\ncontent-length: 60000\r\n\r\n", b"x")], LATE.into(), 1),
        ("drips interim answers", vec![Play::Drip(b"", b"HTTP/1.1 103 Early\r\n\r\n")], LATE.into(), 1),
        // Large.
        ("never ends its body", vec![Play::Flood(b"HTTP/1.1 200 OK\r\n\r\n", &[b'x'; 65_536])], LARGE.into(), 1),
        ("never ends its chunks", vec![Play::Flood(CHUNKED.as_bytes(), b"4\r\nabcd\r\n")], LARGE.into(), 1),
        ("announces a huge body", vec![say("HTTP/1.1 200 OK\r\ncontent-length: 9999999999\r\n\r\nx")], LARGE.into(), 1),
        ("has 10,000 headers", vec![head(200, &many)], HEADERS.into(), 1),
        ("has a header of 1 MB", vec![head(200, &huge)], HEADERS.into(), 1),
        ("has a header of 70 KB", vec![head(200, &long)], HEADERS.into(), 1),
        ("never ends its headers", vec![Play::Flood(b"HTTP/1.1 200 OK\r\n", b"x: y\r\n")], HEADERS.into(), 1),
        // Packed.
        ("packs its body", vec![with_body("content-encoding: gzip\r\n", &fits)], "200 xxx".into(), 1),
        ("packs it by another name", vec![with_body("content-encoding: X-GZip\r\n", &fits)], "200 xxx".into(), 1),
        ("packs too large a body", vec![with_body("content-encoding: gzip\r\n", &over)], LARGE.into(), 1),
        ("packs half a body", vec![with_body("content-encoding: gzip\r\n", &half[..20])], BROKEN.into(), 1),
        ("says gzip, packs nothing", vec![with_body("content-encoding: gzip\r\n", b"hunter2")], BROKEN.into(), 1),
        ("packs twice", vec![with_body("content-encoding: gzip, gzip\r\n", &fits)], OTHER.into(), 1),
        ("packs as it likes", vec![with_body("content-encoding: br\r\n", b"hunter2")], OTHER.into(), 1),
        ("packs nothing into nothing", vec![head(200, "content-encoding: gzip\r\n")], "200".into(), 1),
        // Broken.
        ("closes at once", vec![say("")], CLOSED.into(), 3),
        ("closes in the headers", vec![say("HTTP/1.1 200 OK\r\nx: hun")], CLOSED.into(), 3),
        ("closes in the body", vec![say("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf")], HALF.into(), 3),
        ("closes in a chunk", vec![say(&format!("{CHUNKED}9\r\nhalf"))], HALF.into(), 3),
        ("resets at once", vec![Play::Reset(b"")], CLOSED.into(), 3),
        ("resets in the body", vec![Play::Reset(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf")], HALF.into(), 3),
        ("resets once", vec![Play::Reset(b""), with_body("", b"ok")], "200 ok".into(), 2),
        ("speaks SMTP", vec![say("220 hunter2.example.com ESMTP\r\n")], NO_HTTP.into(), 1),
        ("speaks TLS", vec![Play::Say(vec![0x15, 3, 3, 0, 2, 2, 40])], NO_HTTP.into(), 1),
        ("has no valid header", vec![say("HTTP/1.1 200 OK\r\nhun ter2\r\n\r\n")], NO_HTTP.into(), 1),
        ("has no valid length", vec![say("HTTP/1.1 200 OK\r\ncontent-length: hunter2\r\n\r\n")], NO_HTTP.into(), 1),
        ("has no valid status", vec![say("HTTP/1.1 2000 OK\r\n\r\n")], NO_HTTP.into(), 1),
        ("has no valid chunk", vec![say(&format!("{CHUNKED}hunter2\r\n"))], HALF.into(), 3),
        // Out of order, and asking for a pause.
        ("answers a page", vec![say("HTTP/1.1 502 X\r\nconnection: close\r\n\r\n<html>")], "502 <html>".into(), 3),
        ("is briefly out of order", vec![head(503, ""), head(504, ""), with_body("", b"ok")], "200 ok".into(), 3),
        ("asks for a year", vec![head(503, "retry-after: 31536000\r\n")], "503".into(), 1),
        ("asks for more than time has", vec![head(503, "retry-after: 18446744073709551615\r\n")], "503".into(), 1),
        ("asks for less than nothing", vec![head(503, "retry-after: -1\r\n")], "503".into(), 3),
        ("asks for nonsense", vec![head(503, "retry-after: hunter2\r\n")], "503".into(), 3),
        ("asks for the past", vec![head(503, "retry-after: Sun, 06 Nov 1994 08:49:37 GMT\r\n")], "503".into(), 3),
        ("limits for a year", vec![head(429, "retry-after: 31536000\r\n")], "429".into(), 1),
        ("limits for three seconds", vec![head(429, "retry-after: 3\r\n")], "429".into(), 1),
        ("limits without a word", vec![head(429, "")], "429".into(), 1),
        ("limits for nonsense", vec![head(429, "retry-after: hunter2\r\n")], "429".into(), 1),
        ("limits for no time", vec![head(429, "retry-after: 0\r\n"), with_body("", b"ok")], "200 ok".into(), 2),
        ("limits as GitHub does", vec![head(403, "retry-after: 0\r\n"), with_body("", b"ok")], "200 ok".into(), 2),
        ("forbids", vec![head(403, "")], "403".into(), 1),
        ("is at fault", vec![head(500, "retry-after: 0\r\n")], "500".into(), 1),
        // Redirects.
        ("redirects once", vec![head(302, "location: /a\r\n"), with_body("", b"ok")], "200 ok".into(), 2),
        ("redirects for ever", vec![head(301, "location: /a\r\n")], "HOST redirected more than 3 times".into(), 4),
        ("redirects nowhere", vec![head(302, "")], "302".into(), 1),
        (
            "redirects to no URL",
            vec![head(307, "location: http://[hunter2\r\n")],
            "HOST redirected to an address that cannot be read".into(),
            1,
        ),
        (
            "redirects to metadata",
            vec![head(302, "location: https://169.254.169.254/hunter2\r\n")],
            refused("169.254.169.254 is a cloud metadata address"),
            1,
        ),
        (
            "redirects to metadata over http",
            vec![head(308, "location: http://169.254.169.254/\r\n")],
            refused("the address must begin with https://"),
            1,
        ),
        (
            "redirects inside",
            vec![head(303, "location: //10.0.0.1:8443/\r\n")],
            refused("the address must begin with https://"),
            1,
        ),
        (
            "redirects to a port",
            vec![head(302, "location: https://h.example.com:22/\r\n")],
            refused("port 22 is not allowed; use 443 or 8443"),
            1,
        ),
        (
            "redirects to a file",
            vec![head(302, "location: file:///etc/passwd\r\n")],
            refused("the address must begin with https://"),
            1,
        ),
        (
            "redirects to a user",
            vec![head(302, "location: https://hunter2@h.example.com/\r\n")],
            refused("the address must not contain a user name or password"),
            1,
        ),
        (
            "redirects to a name inside",
            vec![head(302, "location: https://hunter2.localhost/\r\n")],
            refused("its target does not resolve to public addresses only"),
            1,
        ),
        ("answers 304 unasked", vec![head(304, "")], "304".into(), 1),
        ("redirects and is out of order", vec![head(302, "location: /a\r\n"), head(503, "")], "503".into(), 4),
    ];
    for (does, plays, expected, connections) in rows {
        let total = if expected == LATE { SHORT } else { Duration::from_secs(60) };
        let peer = Peer::start(plays).await;
        let egress = Egress::with_lookup(
            EgressSettings::from_allow_list(&peer.address.to_string()).unwrap().with_limits(limits(total, BODY)),
            Arc::new(Here),
        );
        let outcome = egress.send(request(peer.address, "/hunter2")).await;
        assert_eq!(told(&outcome, peer.address), expected, "{does}");
        assert_eq!(peer.connections(), connections, "{does}");
    }
}

/// Every name is this machine's.
struct Here;

impl Lookup for Here {
    fn lookup(&self, _: String) -> LookupFuture {
        Box::pin(std::future::ready(Ok(vec![[127, 0, 0, 1].into()])))
    }
}

#[tokio::test]
async fn a_gzip_bomb_costs_no_more_than_the_limit() {
    let peer = Peer::start(vec![with_body("content-encoding: gzip\r\n", &bomb())]).await;
    let limits = Limits { body: 12_000_000, ..limits(Duration::from_secs(60), 0) };
    let outcome = egress(limits, &[peer.address]).send(request(peer.address, "/")).await;
    assert_eq!(told(&outcome, peer.address), "HOST sent more than 12000000 bytes");
    assert_eq!(peer.connections(), 1);
}

#[tokio::test]
async fn tls_on_a_plain_port_is_no_connection_and_not_tried_again() {
    let peer = Peer::start(vec![say("HTTP/1.1 400 Bad Request\r\n\r\n")]).await;
    let egress = egress(limits(Duration::from_secs(60), BODY), &[peer.address]);
    let url = format!("https://{}/{SECRET}", peer.address).parse().unwrap();
    let outcome = egress.send(EgressRequest::get(url)).await;
    assert_eq!(told(&outcome, peer.address), "cannot connect to HOST");
    assert_eq!((peer.connections(), egress.calls()), (1, 1));
}

#[tokio::test]
async fn secrets_stay_with_the_origin_they_were_meant_for() {
    let names = ["authorization", "private-token", "x-api-key", "x-goog-api-key", "cookie", "x-marked"];
    let ask = |address| {
        names.iter().chain(["x-plain", "if-none-match"].iter()).fold(request(address, "/"), |request, name| {
            let mut value = HeaderValue::from_str(&format!("{SECRET}-{name}")).unwrap();
            value.set_sensitive(*name == "x-marked");
            request.header(HeaderName::from_static(name), value)
        })
    };
    let other = Peer::start(vec![with_body("", b"other")]).await;
    let elsewhere = format!("location: http://{}/there\r\n", other.address);
    let first = Peer::start(vec![head(302, "location: /same\r\n"), head(307, &elsewhere)]).await;
    let egress = egress(limits(Duration::from_secs(60), BODY), &[first.address, other.address]);
    let outcome = egress.send(ask(first.address)).await;
    assert_eq!(told(&outcome, first.address), "200 other");
    assert!(first.asked(1).starts_with("get /same "));
    for name in names {
        assert!(first.asked(1).contains(&format!("{SECRET}-{name}")), "{name}");
    }
    assert!(other.asked(0).starts_with("get /there ") && other.asked(0).contains("hunter2-x-plain"));
    for name in names {
        assert!(!other.asked(0).contains(&format!("\n{name}:")), "{name}");
    }
    assert!(!first.asked(1).contains("if-none-match"));
}

#[tokio::test]
async fn only_what_asks_and_changes_nothing_is_followed_and_tried_again() {
    for (method, follows, retries) in [
        (Method::GET, true, true),
        (Method::HEAD, true, true),
        (Method::OPTIONS, false, true),
        (Method::POST, false, false),
        (Method::PUT, false, false),
        (Method::PATCH, false, false),
        (Method::DELETE, false, false),
    ] {
        for status in [301, 302, 303, 307, 308] {
            let peer = Peer::start(vec![head(status, "location: /a\r\n"), head(204, "")]).await;
            let egress = egress(limits(Duration::from_secs(60), BODY), &[peer.address]);
            let outcome = egress.send(EgressRequest { method: method.clone(), ..request(peer.address, "/") }).await;
            let expected = if follows { "204".to_owned() } else { status.to_string() };
            assert_eq!(told(&outcome, peer.address), expected, "{method}");
            assert_eq!(peer.connections(), if follows { 2 } else { 1 }, "{method}");
        }
        for play in [head(503, ""), Play::Reset(b""), head(429, "retry-after: 0\r\n")] {
            let peer = Peer::start(vec![play]).await;
            let egress = egress(limits(Duration::from_secs(60), BODY), &[peer.address]);
            let _ = egress.send(EgressRequest { method: method.clone(), ..request(peer.address, "/") }).await;
            assert_eq!(peer.connections(), if retries { 3 } else { 1 }, "{method}");
        }
    }
}
