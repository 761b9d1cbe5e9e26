//! Servers and users that mean no good: what they get to see, and what is kept of what they say.

use crate::server::{Server, egress, endless, limited, raw, silent, token};
use repoplane_domain::repository::Provider;
use repoplane_domain::secret::Secret;
use repoplane_providers::{Egress, ProviderError, TEST_TIMEOUT, test_token};
use serde_json::json;
use std::net::SocketAddr;
use std::time::Duration;

const BOTH: [Provider; 2] = [Provider::Github, Provider::Gitlab];

async fn message(egress: &Egress, provider: Provider, base: &str, identity: &str) -> String {
    test_token(egress, provider, Some(base), identity, &token()).await.unwrap_err().to_string()
}

#[tokio::test]
async fn answers_that_are_no_answers_are_named() {
    let html = "<!DOCTYPE html>\r\n<html><head><title>Sign in</title></head>";
    for provider in BOTH {
        let first = if provider == Provider::Github { "/user" } else { "/api/v4/projects/55" };
        for (id, status, body, expected) in [
            ("4.4/fail", 200, "not json".to_owned(), "the answer is not JSON"),
            ("4.4/fail", 200, String::new(), "the answer is not JSON"),
            ("4.4/fail", 200, html.to_owned(), "the answer is not JSON"),
            ("4.4/fail", 200, format!("{{\"x\":{}", "[".repeat(100_000)), "the answer is not JSON"),
            ("4.4/fail", 200, r#"{"id":"text"}"#.to_owned(), "the answer has not the documented fields"),
            ("4.4/fail", 200, "[]".to_owned(), "the answer has not the documented fields"),
            (
                "4.4/fail",
                403,
                html.to_owned(),
                "403 Forbidden: <!DOCTYPE html>  <html><head><title>Sign in</title></head>",
            ),
            (
                "4.4/fail",
                302,
                "https://169.254.169.254/".to_owned(),
                "HOST redirected to an address that is refused: 169.254.169.254 is a cloud metadata address",
            ),
            (
                "4.4/fail",
                300,
                "/repositories/1?token=x".to_owned(),
                "300 Multiple Choices: redirects are not followed (has the repository or the server moved?)",
            ),
            ("4.4/fail", 299, "not json".to_owned(), "the answer is not JSON"),
            ("4.4/fail", 499, "odd".to_owned(), "499: odd"),
        ] {
            let server = Server::start(vec![(first, status, body)]).await;
            let text = message(&server.egress(), provider, &server.url(), "55").await;
            let expected = expected.replace("HOST", &server.address.to_string());
            assert_eq!(text, format!("[{provider}] {expected}"), "{id}");
            assert_eq!(server.calls().len(), 1, "{id}");
        }
    }
}

#[tokio::test]
async fn connections_that_fail_are_named() {
    let (endless, silent, closing) = (endless().await, silent().await, raw(&[""]).await);
    // Nobody listens on port 1.
    let closed: SocketAddr = "127.0.0.1:1".parse().unwrap();
    for provider in BOTH {
        for (id, address, expected) in [
            ("4.4/fail", endless, format!("{endless} sent more than 5000000 bytes")),
            ("4.4/fail", silent, format!("{silent} did not answer in time")),
            ("4.4/fail", closing, format!("{closing} closed the connection without an answer")),
            ("4.4/fail", closed, format!("cannot connect to {closed}")),
        ] {
            let short = Duration::from_millis(20);
            let egress = limited(address, |limits| limits.total = if address == silent { short } else { limits.total });
            let text = message(&egress, provider, &format!("http://{address}"), "acme/widgets").await;
            assert_eq!(text, format!("[{provider}] {expected}"), "{id}");
        }
    }
}

/// The clock is stopped and jumps to the next timer whenever nothing else is to be done.
#[tokio::test(start_paused = true)]
async fn a_whole_test_ends_in_time() {
    let address = silent().await;
    for provider in BOTH {
        let begin = tokio::time::Instant::now();
        let text = message(&egress(address), provider, &format!("http://{address}"), "55").await;
        assert_eq!(text, format!("[{provider}] the provider did not answer in time"));
        let late = begin.elapsed() - TEST_TIMEOUT;
        assert!(late < Duration::from_secs(1), "{late:?}");
    }
}

#[tokio::test]
async fn an_echoed_token_is_masked() {
    for provider in BOTH {
        let first = if provider == Provider::Github { "/user" } else { "/api/v4/projects/55" };
        let echo = "{\"message\":\"bad token glpat-9sXQ3example\",\"again\":\"glpat-9s\u{0}XQ3example\"}".to_owned();
        let server = Server::start(vec![(first, 401, echo)]).await;
        let text = message(&server.egress(), provider, &server.url(), "55").await;
        let masked = r#"{"message":"bad token [token]","again":"[token]"}"#;
        assert_eq!(text, format!("[{provider}] 401 Unauthorized: {masked}"));
    }
}

#[tokio::test]
async fn a_long_error_body_is_cut() {
    let server = Server::start(vec![("/user", 400, "ä".repeat(10_000))]).await;
    let text = message(&server.egress(), Provider::Github, &server.url(), "acme/widgets").await;
    assert_eq!(text, format!("[github] 400 Bad Request: {}", "ä".repeat(500)));
}

#[tokio::test]
async fn a_passing_answer_keeps_no_token_and_nothing_endless() {
    let name = format!("\u{1b}[2Jglpat-9sXQ3example {}", "x".repeat(10_000));
    let user = json!({"id": 7, "login": name, "name": name, "email": name});
    let permissions = json!({"admin": false, "push": true, "more": {"and": [name]}});
    let repository =
        json!({"id": 1, "full_name": name, "private": false, "html_url": name, "permissions": permissions});
    let server =
        Server::start(vec![("/user", 200, user.to_string()), ("/repositories/1", 200, repository.to_string())]).await;
    let report = test_token(&server.egress(), Provider::Github, Some(&server.url()), "1", &token()).await.unwrap();
    let kept = serde_json::to_string(&report.account).unwrap();
    assert!(!kept.contains("glpat") && !kept.contains("more") && !kept.contains("u001b"), "{kept}");
    assert!(kept.len() < 4_000, "{}", kept.len());
}

#[tokio::test]
async fn an_identity_stays_in_its_place() {
    for (provider, identity, expected) in [
        (Provider::Github, "a b/c?d#e", Some("GET /repos/a%20b/c%3Fd%23e")),
        (Provider::Github, "a/..%2f..%2fuser", Some("GET /repos/a/..%252f..%252fuser")),
        (Provider::Github, r"a/..\..\user", Some("GET /repos/a/..%5C..%5Cuser")),
        (Provider::Github, "1?x=/../..", None),
        (Provider::Github, "../../user", None),
        (Provider::Github, "../user", None),
        (Provider::Github, "acme/..", None),
        (Provider::Github, "acme/.", None),
        (Provider::Github, "acme/", None),
        (Provider::Github, "/widgets", None),
        (Provider::Github, "..", None),
        (Provider::Github, " ", None),
        (Provider::Github, "acme/tools/widgets", None),
        (Provider::Gitlab, "a b?c#d", Some("GET /api/v4/projects/a%20b%3Fc%23d")),
        (Provider::Gitlab, "%2e%2e%2fuser", Some("GET /api/v4/projects/%252e%252e%252fuser")),
        (Provider::Gitlab, "../../user", None),
        (Provider::Gitlab, "acme/../../user", None),
        (Provider::Gitlab, "..", None),
        (Provider::Gitlab, "acme//widgets", None),
        (Provider::Gitlab, "", None),
    ] {
        let server = Server::start(vec![("/user", 200, r#"{"id":7,"login":"bot"}"#.to_owned())]).await;
        let result = test_token(&server.egress(), provider, Some(&server.url()), identity, &token()).await;
        let calls = server.calls();
        match expected {
            Some(call) => assert_eq!(calls.last().map(String::as_str), Some(call), "{identity}"),
            None => {
                assert!(matches!(result, Err(ProviderError::Unusable { .. })), "{identity}: {result:?}");
                // GitHub asks for the user first, which names no repository.
                assert!(calls.iter().all(|call| call == "GET /user"), "{identity}: {calls:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_base_url_that_leads_elsewhere_gets_no_token() {
    let server = Server::start(vec![]).await;
    let wrong = |tail: &str| server.url() + tail;
    for (base, expected) in [
        ("not a url".to_owned(), "the API base URL is not a URL"),
        ("mailto:me@example.com".to_owned(), "the API base URL must begin with https://"),
        (wrong("/?x="), "the API base URL must not have a query or fragment"),
        (wrong("/#x"), "the API base URL must not have a query or fragment"),
        (
            server.url().replace("http://", "http://me:pw@"),
            "the address is refused: the address must not contain a user name or password",
        ),
        ("http://169.254.169.254/latest".to_owned(), "the address is refused: the address must begin with https://"),
        (
            "https://169.254.169.254/latest".to_owned(),
            "the address is refused: 169.254.169.254 is a cloud metadata address",
        ),
        ("ftp://example.com".to_owned(), "the address is refused: the address must begin with https://"),
        ("https://[::1]".to_owned(), "the address is refused: [::1] is a loopback address"),
    ] {
        for provider in BOTH {
            let text = message(&server.egress(), provider, &base, "acme/widgets").await;
            assert_eq!(text, format!("[{provider}] {expected}"), "{base}");
        }
    }
    assert!(server.calls().is_empty());
}

#[tokio::test]
async fn a_token_that_is_no_header_value_is_not_sent() {
    let server = Server::start(vec![]).await;
    for provider in BOTH {
        for text in ["two\r\nx-injected: yes", "nul\0"] {
            let token = Secret::new(text);
            let error =
                test_token(&egress(server.address), provider, Some(&server.url()), "1", &token).await.unwrap_err();
            assert_eq!(error.to_string(), format!("[{provider}] the token has characters that no token has"));
        }
    }
    assert!(server.calls().is_empty());
}
