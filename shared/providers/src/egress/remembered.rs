//! What is remembered between calls: pauses that providers asked for, and bodies that are asked for conditionally.

use super::hostile::{BODY, Peer, egress, head, limits, request, told, with_body};
use super::*;
use http::header::{AUTHORIZATION, HeaderName};
use std::time::Duration;

const PATIENT: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_provider_that_asked_to_be_left_alone_is_not_called_before() {
    let date = "date: Sun, 06 Nov 1994 08:49:37 GMT\r\n";
    let used_up = format!("{date}x-ratelimit-remaining: 0\r\nx-ratelimit-reset: 784111837\r\n");
    for (status, headers) in [
        (429, "retry-after: 60\r\n".to_owned()),
        (403, "retry-after: 60\r\n".to_owned()),
        (429, format!("{date}retry-after: Sun, 06 Nov 1994 08:50:37 GMT\r\n")),
        (200, used_up.clone()),
        (403, used_up),
    ] {
        let peer = Peer::start(vec![head(status, &headers), with_body("", b"ok")]).await;
        let egress = egress(limits(PATIENT, BODY), &[peer.address]);
        let send = || async { told(&egress.send(request(peer.address, "/")).await, peer.address) };
        assert_eq!(send().await, status.to_string());
        // From here on only the clock of the test goes on.
        tokio::time::pause();
        assert_eq!(send().await, "HOST asked to be left alone for 59 s more".replace("59", &rest(&egress, &peer)));
        assert_eq!(peer.connections(), 1, "{status} {headers}");
        // Whoever else calls is not concerned.
        let other = request(peer.address, "/").header(AUTHORIZATION, HeaderValue::from_static("Bearer other"));
        tokio::time::resume();
        assert_eq!(told(&egress.send(other).await, peer.address), "200 ok");
        tokio::time::pause();
        tokio::time::advance(PATIENT).await;
        tokio::time::resume();
        assert_eq!(send().await, "200 ok");
        assert_eq!(peer.connections(), 3, "{status} {headers}");
    }
}

/// Whole seconds that are left of the pause.
fn rest(egress: &Egress, peer: &Peer) -> String {
    let caller = (peer.address.to_string(), of_credentials(&request(peer.address, "/").headers));
    egress.shared.quiet.rest(&caller).unwrap().as_secs().to_string()
}

#[tokio::test]
async fn a_kept_body_is_asked_for_conditionally() {
    for (validator, condition) in [
        ("etag: \"v1\"\r\n", "if-none-match: \"v1\""),
        ("last-modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n", "if-modified-since: sun, 06 nov 1994 08:49:37 gmt"),
    ] {
        let fresh = format!("{validator}x-ratelimit-remaining: 7\r\nx-kept: yes\r\n");
        let plays =
            vec![with_body(&fresh, b"body"), head(304, "x-ratelimit-remaining: 6\r\n"), with_body(&fresh, b"new")];
        let peer = Peer::start(plays).await;
        let egress = egress(limits(PATIENT, BODY), &[peer.address]);
        let ask = || egress.send(request(peer.address, "/").cached());
        assert_eq!(told(&ask().await, peer.address), "200 body");
        let again = ask().await.unwrap();
        assert_eq!((again.status.as_u16(), again.body.as_slice()), (200, b"body".as_slice()));
        assert_eq!(RateLimit::of(&again.headers).remaining, Some(6));
        assert_eq!(again.headers["x-kept"], "yes");
        assert!(!peer.asked(0).contains("if-") && peer.asked(1).contains(condition), "{condition}");
        // A changed body replaces the kept one.
        assert_eq!(told(&ask().await, peer.address), "200 new");
        assert!(peer.asked(2).contains(condition));
        // Without the wish, nothing is conditional.
        assert_eq!(told(&egress.send(request(peer.address, "/")).await, peer.address), "200 new");
        assert!(!peer.asked(3).contains("if-"));
    }
}

#[tokio::test]
async fn a_kept_body_belongs_to_one_request_of_one_caller_in_one_tenant() {
    let kept = with_body("etag: \"v1\"\r\n", b"body");
    let peer = Peer::start(vec![kept]).await;
    let egress = egress(limits(PATIENT, BODY), &[peer.address]);
    let ask = || request(peer.address, "/").cached();
    let network = NetworkSettings { egress_allow: vec![peer.address.to_string()], ca_certificates: vec![] };
    let accept = HeaderName::from_static("accept");
    egress.send(ask()).await.unwrap();
    for (client, request) in [
        (&egress, ask().header(AUTHORIZATION, HeaderValue::from_static("Bearer other"))),
        (&egress, ask().header(accept, HeaderValue::from_static("text/plain"))),
        (&egress, request(peer.address, "/other").cached()),
        (&egress.for_tenant(&network), ask()),
    ] {
        let before = peer.connections();
        client.send(request).await.unwrap();
        assert_eq!(peer.connections(), before + 1);
        assert!(!peer.asked(before).contains("if-none-match"), "{}", peer.asked(before));
    }
}

#[tokio::test]
async fn errors_large_bodies_and_private_ones_are_not_kept() {
    let large = vec![b'x'; 1024 * 1024 + 1];
    let elsewhere = head(302, "location: /else\r\netag: \"v1\"\r\n");
    for (kind, plays, connections) in [
        ("an error", vec![head(404, "etag: \"v1\"\r\n")], 2),
        ("no validator", vec![with_body("", b"x")], 2),
        ("too large", vec![with_body("etag: \"v1\"\r\n", &large)], 2),
        ("not to be stored", vec![with_body("etag: \"v1\"\r\ncache-control: private, no-store\r\n", b"x")], 2),
        ("of another place", vec![elsewhere.clone(), with_body("etag: \"v2\"\r\n", b"x"), elsewhere, head(204, "")], 4),
    ] {
        let peer = Peer::start(plays).await;
        let egress = egress(limits(PATIENT, 2 * BODY * 16), &[peer.address]);
        for _ in 0..2 {
            egress.send(request(peer.address, "/").cached()).await.unwrap();
        }
        assert_eq!(peer.connections(), connections, "{kind}");
        assert!((0..connections).all(|index| !peer.asked(index).contains("if-none-match")), "{kind}");
    }
}

#[tokio::test]
async fn equal_requests_at_the_same_time_share_one_exchange() {
    let peer = Peer::start(vec![with_body("", b"ok")]).await;
    let egress = egress(limits(PATIENT, BODY), &[peer.address]);
    let ask = || egress.send(request(peer.address, "/").cached());
    let (one, two, three) = tokio::join!(ask(), ask(), ask());
    for outcome in [one, two, three] {
        assert_eq!(told(&outcome, peer.address), "200 ok");
    }
    assert_eq!(peer.connections(), 1);
    // Errors are shared, too, and not kept.
    let closed = egress.send(request("127.0.0.1:1".parse().unwrap(), "/").cached()).await;
    assert!(matches!(closed, Err(EgressError::Refused(_))));
    assert_eq!(told(&ask().await, peer.address), "200 ok");
    assert_eq!(peer.connections(), 2);
}

#[tokio::test]
async fn whoever_waits_takes_an_exchange_over_that_its_beginner_left() {
    let peer = Peer::start(vec![with_body("", b"ok")]).await;
    let egress = egress(limits(PATIENT, BODY), &[peer.address]);
    let ask = || egress.send(request(peer.address, "/").cached());
    let mut first = Box::pin(ask());
    let mut second = Box::pin(ask());
    tokio::select! { biased; _ = &mut first => {}, _ = &mut second => {}, () = std::future::ready(()) => {} }
    drop(first);
    assert_eq!(told(&second.await, peer.address), "200 ok");
}
