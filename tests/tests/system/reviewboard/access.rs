//! Who sees and may do what: public repositories, members, scopes, policies, and lists with their filters.

use super::{LIST, form, hidden, names, path_of, post, put, refusal};
use repoplane_api::RateLimits;
use repoplane_api::app::Settings;
use repoplane_api::limits::Rate;
use repoplane_tests::{Event, PUBLIC_URL, TestApp};
use serde_json::{Value, json};

#[tokio::test]
async fn public_ones_are_everybodys_and_others_their_members() {
    let app = TestApp::start().await;
    let open = hidden(&app, "open").await;
    let closed = hidden(&app, "closed").await;
    put(&app.admin(), &closed, &[("public", "0")]).await.expect(200);
    let sam = app.person("sam").await;
    assert_eq!(sam.client.get(&open).await.status, 200);
    assert_eq!(refusal(&sam.client.get(&closed).await), (403, 101));
    assert_eq!(refusal(&sam.client.get(&format!("{closed}users/")).await), (403, 101));
    assert_eq!(refusal(&put(&sam.client, &open, &[("name", "x")]).await), (403, 101));
    assert_eq!(refusal(&sam.client.delete(&open).await), (403, 101));
    let fields = [("name", "x"), ("path", "https://git.example.com/x"), ("visible", "0")];
    assert_eq!(refusal(&post(&sam.client, &fields).await), (403, 101));
    // What is missing is told before who may not, what is not there before that.
    assert_eq!(refusal(&post(&sam.client, &[]).await), (400, 105));
    assert_eq!(refusal(&put(&sam.client, "/api/repositories/999/", &[("name", "x")]).await), (404, 100));
    let record = super::native(&app, &closed).await;
    let mia = app.member(record["id"].as_str().unwrap(), "mia", "member").await;
    mia.client.get(&closed).await.expect(200);
    assert_eq!(refusal(&put(&mia.client, &closed, &[("name", "x")]).await), (403, 101));
    let max = app.member(record["id"].as_str().unwrap(), "max", "maintainer").await;
    put(&max.client, &closed, &[("bug_tracker", "https://bugs.example.com/%s")]).await.expect(200);
    // Hiding and showing is the administrators'.
    assert_eq!(refusal(&put(&max.client, &closed, &[("visible", "1")]).await), (403, 101));
    put(&max.client, &closed, &[("visible", "0"), ("encoding", "utf-8")]).await.expect(200);
    // Another tenant's do not exist.
    let other = app.tenant("other").await;
    assert_eq!(refusal(&other.client.get(&open).await), (404, 100));

    // Without a login nothing is shown, unless a tenant was named; then what is public.
    assert_eq!(refusal(&app.anonymous().get(&open).await), (401, 103));
    let tenant = app.admin_principal().await.tenant;
    let settings =
        Settings { public_url: Some(PUBLIC_URL.to_owned()), anonymous_tenant: Some(tenant), ..Settings::default() };
    let app = app.with_settings(settings);
    app.anonymous().get("/api/").await.expect(200);
    app.anonymous().get(&open).await.expect(200);
    assert_eq!(refusal(&app.anonymous().get(&closed).await), (401, 103));
    for asked in ["branches/", "commits/?start=x"] {
        let answer = app.anonymous().get(&format!("{open}{asked}")).await;
        assert_eq!(refusal(&answer), (401, 103), "strangers do not make us call others: {asked}");
    }
    assert_eq!(refusal(&put(&app.anonymous(), &open, &[("name", "x")]).await), (401, 103));
    let shown = app.anonymous().get("/api/repositories/?show-invisible=1").await.expect(200);
    assert_eq!(names(&shown), ["open"]);
    // A token that is wrong is not nobody.
    assert_eq!(refusal(&app.client("rpt_wrong").get(&open).await), (401, 104));
    let strange = Event::new("GET", &open).header("authorization", "Digest x");
    assert_eq!(refusal(&app.anonymous().send(strange).await), (401, 103));
}

#[tokio::test]
async fn scopes_and_policies_narrow_what_a_token_may() {
    let app = TestApp::start().await;
    let (first, second) = (hidden(&app, "first").await, hidden(&app, "second").await);
    let token = async |body: Value| app.client(app.admin().token(body).await);
    let reader = token(json!({"name": "r", "scopes": ["repos:read"]})).await;
    assert_eq!(refusal(&put(&reader, &first, &[("name", "x")]).await), (403, 101), "a person's");
    let tool = token(json!({"name": "t", "kind": "integration", "scopes": ["repos:read"]})).await;
    assert_eq!(refusal(&put(&tool, &first, &[("name", "x")]).await), (403, 112), "a tool's");
    let tasks = token(json!({"name": "k", "scopes": ["tasks:read"]})).await;
    assert_eq!(refusal(&tasks.get(&first).await), (403, 101));
    tasks.get("/api/session/").await.expect(200);

    let number = first.trim_end_matches('/').rsplit('/').next().unwrap().to_owned();
    let policy = json!({"resources": {
        "repository": {number: {"allow": ["*"], "block": ["DELETE"]}, "*": {"block": ["*"]}},
        "session": {"*": {"block": ["DELETE"]}},
    }});
    let scopes = ["repos:read", "repos:write"];
    let narrow = token(json!({"name": "p", "scopes": scopes, "policy": policy})).await;
    put(&narrow, &first, &[("encoding", "utf-8")]).await.expect(200);
    for answer in [
        narrow.delete(&first).await,
        narrow.get(&second).await,
        narrow.get(&format!("{second}users/")).await,
        post(&narrow, &[("name", "x")]).await,
        narrow.delete("/api/session/").await,
    ] {
        assert_eq!(refusal(&answer), (403, 101), "{}", answer.body);
    }
    let listed = narrow.get("/api/repositories/?show-invisible=1").await.expect(200);
    assert_eq!((names(&listed), &listed.body["total_results"]), (vec!["first".to_owned()], &json!(1)));
    // It must not be got round elsewhere.
    narrow.get("/api/repos").await.expect(403);
    let disguised = form("POST", &first, &[("_method", "DELETE")]);
    assert_eq!(refusal(&narrow.send(disguised).await), (403, 101));
}

#[tokio::test]
async fn who_calls_too_often_is_told_when_to_come_back() {
    let rate = Rate { per_second: 1, burst: 2 };
    let app = TestApp::start().await.with_limits(RateLimits::new(Some(rate), None));
    for _ in 0..2 {
        app.admin().get("/api/").await.expect(200);
    }
    let refused = app.admin().get("/api/").await;
    assert_eq!(refusal(&refused), (429, 114), "{}", refused.body);
    let header = |name: &str| refused.headers[name].to_str().expect("text").to_owned();
    assert_eq!((header("retry-after"), header("x-ratelimit-limit")), ("1".to_owned(), "2".to_owned()));
}

#[tokio::test]
async fn a_suspended_tenant_is_read_only() {
    let app = TestApp::start().await;
    let other = app.tenant("other").await;
    let made = post(&other.client, &[("name", "x"), ("path", "https://git.example.com/x"), ("visible", "0")]).await;
    let path = path_of(&made.expect(201));
    app.admin().patch(&format!("/api/tenants/{}", other.id), json!({"suspended": true})).await.expect(200);
    let second = app.second_instance().client(other.token.clone());
    second.get(&path).await.expect(200);
    assert_eq!(refusal(&put(&second, &path, &[("name", "y")]).await), (503, 233));
    second.delete("/api/session/").await.expect(204);
}

#[tokio::test]
async fn lists_are_filtered_paged_and_counted() {
    let app = TestApp::start().await;
    for (name, url) in [("Beta", "b"), ("alpha", "a"), ("Alps", "alps")] {
        let url = format!("https://git.example.com/{url}.git");
        let mirror = format!("git@mirror.example.com:{name}.git");
        let fields = [("name", name), ("path", &url), ("mirror_path", &mirror), ("username", "bot"), ("visible", "0")];
        post(&app.admin(), &fields).await.expect(201);
    }
    app.admin().post("/api/repos", json!({"provider": "github", "name": "acme/native"})).await.expect(201);
    let app = app.second_instance();
    let list = async |query: &str| app.admin().get(&format!("{LIST}?show-invisible=1&{query}")).await.expect(200);
    let all = ["Beta", "alpha", "Alps", "acme/native"];
    for (query, expected) in [
        ("", &all[..]),
        ("name=Beta,Alps", &["Beta", "Alps"]),
        ("name=beta", &[]),
        ("path=https://git.example.com/a.git", &["alpha"]),
        ("path=git@mirror.example.com:Beta.git", &["Beta"]),
        ("path=https://git.example.com/a", &[]),
        ("name-or-path=Alps,https://git.example.com/a.git", &["alpha", "Alps"]),
        ("tool=Git", &all[..]),
        ("tool=git,perforce", &all[..]),
        ("tool=Subversion", &[]),
        ("hosting-service=github", &[]),
        ("username=bot", &all[..3]),
        ("q=al", &["alpha", "Alps"]),
        ("name=Beta&tool=Nope", &[]),
        ("max-results=2", &all[..2]),
        ("start=3", &all[3..]),
        ("start=-1&max-results=1", &all[..1]),
    ] {
        assert_eq!(names(&list(query).await), expected, "{query}");
    }
    assert_eq!(list("counts-only=0").await.body["count"], 4);
    assert_eq!(names(&app.admin().get(LIST).await.expect(200)), ["acme/native"], "hidden ones only where asked for");
    for (query, field) in [("start=x", "start"), ("max-results=x", "max-results"), ("max-results=-1", "max-results")] {
        let answer = app.admin().get(&format!("{LIST}?{query}")).await;
        assert_eq!(refusal(&answer), (400, 105), "{query}");
        assert!(answer.body["fields"][field].is_array(), "{}", answer.body);
    }
    let page = list("tool=Git&max-results=1&start=1").await;
    let link = |name: &str| page.body["links"][name]["href"].as_str().unwrap().to_owned();
    let rest = "&show-invisible=1&tool=Git";
    assert_eq!(link("next"), format!("{PUBLIC_URL}{LIST}?start=2&max-results=1{rest}"));
    assert_eq!(link("prev"), format!("{PUBLIC_URL}{LIST}?start=0&max-results=1{rest}"));
    assert_eq!(page.headers["item-content-type"], "application/vnd.reviewboard.org.repository+json");
    // Members see their own besides what is public, and pay for what they are members of.
    let sam = app.person("sam").await;
    assert_eq!(names(&sam.client.get(&format!("{LIST}?show-invisible=1")).await.expect(200)), all[..3]);
}
