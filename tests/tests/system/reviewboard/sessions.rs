//! Sessions by a cookie that stands for a token.

use super::{LIST, form, hidden, refusal};
use repoplane_api::RateLimits;
use repoplane_tests::{Answer, Event, TestApp};
use serde_json::json;
use std::time::Duration;

fn cookie_of(answer: &Answer) -> String {
    let header = answer.headers["set-cookie"].to_str().expect("text");
    header.split(';').next().unwrap_or_default().to_owned()
}

fn by(cookie: &str, event: Event) -> Event {
    event.header("cookie", cookie)
}

#[tokio::test]
async fn a_cookie_stands_for_the_token_that_it_was_given_for() {
    let app = TestApp::start().await;
    let first = app.admin().get("/api/").await.expect(200);
    let header = first.headers["set-cookie"].to_str().unwrap().to_owned();
    for part in ["rbsessionid=", "; Path=/", "; HttpOnly", "; SameSite=Lax", "; Secure", "; Max-Age=1209600"] {
        assert!(header.contains(part), "{header}");
    }
    let cookie = cookie_of(&first);
    let (stranger, other) = (app.anonymous(), app.second_instance());
    // Also at another instance, and for changes.
    let session = other.anonymous().send(by(&cookie, Event::new("GET", "/api/session/?expand=user"))).await.expect(200);
    assert_eq!(session.body["session"]["user"]["username"], "admin");
    let fields = [("name", "made"), ("tool", "Git"), ("path", "https://git.example.com/x"), ("visible", "0")];
    let made = stranger.send(by(&cookie, form("POST", LIST, &fields))).await.expect(201);
    assert!(!made.headers.contains_key("set-cookie"), "a session is not prolonged");
    // A login is answered with its cookie on 304, too.
    let event = Event::new("GET", "/api/").header("if-none-match", &first.etag());
    let known = app.admin().send(event).await.expect(304);
    assert!(known.headers.contains_key("set-cookie") && !known.headers.contains_key("content-type"));
    // No other API takes it.
    stranger.send(by(&cookie, Event::new("GET", "/api/repos"))).await.expect(401);
}

#[tokio::test]
async fn a_session_ends_with_logging_out_with_its_token_and_with_time() {
    let app = TestApp::start().await;
    let token = app.admin().token(json!({"name": "spare", "scopes": ["repos:read"]})).await;
    let client = app.client(token.clone());
    let ask = async |app: &TestApp, cookie: &str| {
        app.anonymous().send(by(cookie, Event::new("GET", "/api/session/"))).await.status.as_u16()
    };
    let ended = cookie_of(&client.get("/api/").await.expect(200));
    app.clock.advance(Duration::from_secs(1));
    let cookie = cookie_of(&client.get("/api/").await.expect(200));
    assert_eq!((ask(&app, &ended).await, ask(&app, &cookie).await), (200, 200));
    let out = app.anonymous().send(by(&ended, Event::new("DELETE", "/api/session/"))).await.expect(204);
    assert!(out.headers["set-cookie"].to_str().unwrap().contains("Max-Age=0"));
    assert_eq!((ask(&app, &ended).await, ask(&app, &cookie).await), (401, 200), "one session, not all");
    assert_eq!(ask(&app.second_instance(), &ended).await, 401, "at every instance");

    app.clock.advance(Duration::from_secs(14 * 86_400 + 1));
    assert_eq!(ask(&app.second_instance(), &cookie).await, 401, "no longer than two weeks");
    let cookie = cookie_of(&client.get("/api/").await.expect(200));
    let id = client.get("/api/me").await.body["token"]["id"].as_str().map(str::to_owned);
    let id = match id {
        Some(id) => id,
        None => {
            let listed = app.admin().get("/api/access-tokens").await.expect(200);
            let tokens = listed.body["accessTokens"].as_array().expect("tokens");
            let spare = tokens.iter().find(|token| token["name"] == "spare").expect("the token");
            spare["id"].as_str().unwrap().to_owned()
        }
    };
    app.admin().delete(&format!("/api/access-tokens/{id}")).await.expect(200);
    assert_eq!(ask(&app.second_instance(), &cookie).await, 401, "revoked with its token");
}

#[tokio::test]
async fn what_is_no_session_is_nobody_and_pages_of_other_sites_change_nothing() {
    let app = TestApp::start().await;
    let cookie = cookie_of(&app.admin().get("/api/").await.expect(200));
    let forged = format!("{}0", &cookie[..cookie.len() - 1]);
    for bad in [forged.as_str(), "rbsessionid=unknown", "rbsessionid="] {
        let answer = app.anonymous().send(by(bad, Event::new("GET", "/api/"))).await;
        assert_eq!(refusal(&answer), (401, 103), "{bad}");
        assert_eq!(answer.headers["www-authenticate"], "Basic realm=\"Web API\"");
    }
    let path = hidden(&app, "tools").await;
    let change = |name: &'static str, value: &'static str| {
        by(&cookie, form("PUT", &path, &[("encoding", "utf-8")])).header(name, value)
    };
    for (name, value, status) in [
        ("origin", "https://evil.example.com", 403),
        ("sec-fetch-site", "cross-site", 403),
        ("sec-fetch-site", "same-site", 403),
        ("origin", "https://plane.example.com", 200),
        ("sec-fetch-site", "same-origin", 200),
        ("x-none", "x", 200),
    ] {
        let answer = app.anonymous().send(change(name, value)).await;
        assert_eq!(answer.status, status, "{name} {value}: {}", answer.body);
    }
    // Reading is not changing.
    let read = by(&cookie, Event::new("GET", &path)).header("sec-fetch-site", "cross-site");
    app.anonymous().send(read).await.expect(200);
}

#[tokio::test]
async fn who_fails_too_often_is_not_looked_at_any_more() {
    let app = TestApp::start().await.with_limits(RateLimits::off().with_failed_logins(Some(5)));
    let wrong = app.client("rpt_wrong");
    for _ in 0..6 {
        assert_eq!(refusal(&wrong.get("/api/").await), (401, 104));
    }
    let right = app.admin().get("/api/").await;
    assert_eq!(refusal(&right), (401, 104), "right ones neither: {}", right.body);
    assert!(right.body["err"]["msg"].as_str().unwrap().contains("Too many"), "{}", right.body);
    app.clock.advance(Duration::from_secs(61));
    app.admin().get("/api/").await.expect(200);
}
