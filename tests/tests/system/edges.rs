//! What every request meets before its handler: what the caller accepts, how large its headers are, how its path is written;
//! and the pages for people.

use repoplane_api::edge::MAX_HEADER_BYTES;
use repoplane_tests::{Answer, Event, TestApp};
use serde_json::Value;

async fn accepting(app: &TestApp, path: &str, accept: &str) -> Answer {
    app.admin().send(Event::new("GET", path).header("accept", accept)).await
}

#[tokio::test]
async fn what_cannot_be_answered_acceptably_is_406_and_has_no_effect() {
    let app = TestApp::start().await;
    for accept in
        ["text/html", "application/xml", "application/json;q=0", "*/*;q=0", "image/*, application/json; q=0.0"]
    {
        let refused = accepting(&app, "/api/repos", accept).await;
        assert_eq!(refused.status, 406, "{accept}");
        assert_eq!(refused.headers["content-type"], "application/problem+json", "{accept}");
    }
    for accept in ["*/*", "application/*", "application/problem+json", "text/html, */*;q=0.1", ""] {
        assert_eq!(accepting(&app, "/api/repos", accept).await.status, 200, "{accept}");
    }
    let body = r#"{"provider":"github","name":"never-made"}"#;
    let event =
        Event::new("POST", "/api/repos").header("accept", "text/csv").header("content-type", "application/json");
    app.admin().send(event.body(body)).await.expect(406);
    assert_eq!(app.admin().get("/api/repos").await.expect(200).body["repos"].as_array().map(Vec::len), Some(0));
}

#[tokio::test]
async fn headers_have_the_gateways_own_bound() {
    let app = TestApp::start().await;
    let send = async |bytes: usize| {
        let event = Event::new("GET", "/health").header("x-padding", &"x".repeat(bytes));
        app.anonymous().send(event).await
    };
    send(MAX_HEADER_BYTES - "x-padding".len()).await.expect(200);
    let refused = send(MAX_HEADER_BYTES - "x-padding".len() + 1).await.expect(431);
    assert_eq!(refused.text("/type"), "/problems/headers-too-large");
}

#[tokio::test]
async fn head_is_answered_wherever_get_is() {
    let app = TestApp::start().await;
    for (_, route) in repoplane_tests::routes() {
        // Two of ABF's look-ups must be told what to look for.
        let asks = ["abf_search", "abf_find_project"].contains(&route.id);
        // Review Board's API has no HEAD.
        let asks = asks || route.id.starts_with("reviewboard_");
        if route.method == http::Method::GET && !route.path.contains('{') && !asks {
            let got = app.admin().get(route.path).await.expect(200);
            let head = app.admin().call("HEAD", route.path, Value::Null).await.expect(200);
            assert!(head.bytes.is_empty(), "{}", route.path);
            assert_eq!(head.headers.get("content-type"), got.headers.get("content-type"), "{}", route.path);
        }
    }
    let allow = app.admin().call("OPTIONS", "/api/repos", Value::Null).await.expect(405).headers["allow"].clone();
    assert_eq!(allow, "GET,HEAD,POST");
}

#[tokio::test]
async fn each_problem_has_a_page_for_browsers_and_json_for_programs() {
    let app = TestApp::start().await;
    let list = app.anonymous().get("/problems").await.expect(200);
    let types: Vec<_> = list.body["problems"].as_array().into_iter().flatten().map(|one| one["type"].clone()).collect();
    assert!(types.len() >= 19, "{types:?}");
    for kind in types {
        let path = kind.as_str().unwrap_or_default();
        let page = accepting(&app, path, "text/html,application/xhtml+xml,*/*;q=0.8").await.expect(200);
        assert_eq!(page.headers["content-type"], "text/html; charset=utf-8", "{path}");
        assert!(page.headers["content-security-policy"].to_str().is_ok_and(|text| text.contains("default-src 'none'")));
        assert!(String::from_utf8_lossy(&page.bytes).contains("What to do"), "{path}");
        let data = accepting(&app, path, "application/json").await.expect(200);
        assert_eq!(data.body["type"], kind, "{path}");
    }
    app.anonymous().get("/problems/nothing").await.expect(404);
    let page = accepting(&app, "/problems", "text/html").await.expect(200);
    assert!(String::from_utf8_lossy(&page.bytes).contains("/problems/conflict"));
}

#[tokio::test]
async fn the_reference_comes_from_the_function_alone() {
    let app = TestApp::start().await;
    let page = accepting(&app, "/docs", "text/html").await.expect(200);
    let html = String::from_utf8_lossy(&page.bytes).into_owned();
    assert!(page.headers["content-security-policy"].to_str().is_ok_and(|text| !text.contains("unsafe")));
    let targets = html.split("src=\"").chain(html.split("href=\"")).skip(1).filter_map(|part| part.split('"').next());
    for target in targets.filter(|target| !target.starts_with('<')) {
        assert!(target.starts_with('/'), "{target} is somewhere else");
        let file = app.anonymous().send(Event::new("GET", target).header("accept-encoding", "gzip")).await.expect(200);
        assert_eq!(file.headers["content-encoding"], "gzip", "{target}");
        let tag = file.headers["etag"].to_str().expect("a tag").to_owned();
        let again = Event::new("GET", target).header("accept-encoding", "gzip").header("if-none-match", &tag);
        assert!(app.anonymous().send(again).await.expect(304).bytes.is_empty(), "{target}");
        let plain = app.anonymous().get(target).await.expect(200);
        assert!(plain.bytes.len() > file.bytes.len() && plain.headers.get("content-encoding").is_none(), "{target}");
    }
    let document = app.anonymous().get("/api/openapi.json").await.expect(200);
    assert_eq!(document.body["openapi"], "3.1.0");
    app.anonymous().get("/docs/nothing.js").await.expect(404);
}

#[tokio::test]
async fn a_slash_too_many_is_ignored_or_leads_to_the_path_without_it() {
    let app = TestApp::start().await;
    for path in ["/api/repos/", "//api//repos", "/api/repos?limit=1", "/api/repos//?limit=1"] {
        app.admin().get(path).await.expect(200);
    }
    // What another function serves: the gateway sends such a path here, since no route of its can end in a slash.
    let repos = repoplane_api::edge::edge(repoplane_repos::router(app.app().clone(), Default::default()));
    let id = "rep_00000000000000000000000000";
    for (path, target) in [
        (format!("/api/repos/{id}/robots/?limit=2"), format!("/api/repos/{id}/robots?limit=2")),
        (format!("/api//repos/{id}/tasks"), format!("/api/repos/{id}/tasks")),
        ("/api/webhook/".to_owned(), "/api/webhook".to_owned()),
    ] {
        let request = http::Request::post(&path).body(axum::body::Body::empty()).expect("a request");
        let answer = tower::ServiceExt::oneshot(repos.clone(), request).await.expect("routers do not fail");
        assert_eq!(answer.status(), 308, "{path}");
        assert_eq!(answer.headers()["location"], target.as_str(), "{path}");
    }
    let request = http::Request::get(format!("/api/repos/{id}/robots")).body(axum::body::Body::empty());
    let answer = tower::ServiceExt::oneshot(repos, request.expect("a request")).await.expect("routers do not fail");
    assert_eq!(answer.status(), 404);
}
