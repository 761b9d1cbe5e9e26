//! How problems look on the wire (contract: hookcode 1.2; design: HTTP conventions).

use repoplane_tests::{Event, Hook, TestApp};
use serde_json::{Value, json};

#[tokio::test]
async fn every_problem_is_rfc_9457_and_readable_for_hookcode_clients() {
    let app = TestApp::start().await;
    let hook = Hook::github(&app).await;
    let stranger = app.person("sam").await;
    let repos = json!({"provider": "github", "name": "Codertocat/Hello-World"});
    let answers = [
        (400, "validation-failed", app.admin().post("/api/repos", json!({})).await),
        (401, "unauthorized", app.anonymous().get("/api/repos").await),
        (403, "forbidden", stranger.client.get(&hook.path).await),
        (404, "not-found", app.admin().get("/api/nothing").await),
        (405, "method-not-allowed", app.admin().delete("/api/repos").await),
        (409, "conflict", app.admin().post("/api/repos", repos).await),
    ];
    for (status, slug, answer) in answers {
        let answer = answer.expect(status);
        assert_eq!(answer.headers["content-type"], "application/problem+json", "{slug}");
        assert_eq!(answer.body["type"], format!("/problems/{slug}"));
        assert_eq!(answer.body["status"], status, "{slug}");
        for text in ["title", "detail", "instance", "request_id", "error", "message"] {
            assert!(answer.body[text].as_str().is_some_and(|text| !text.is_empty()), "{slug} {text}");
        }
        assert_eq!(answer.body["message"], answer.body["detail"], "{slug}");
        assert_eq!(answer.headers["x-request-id"], answer.text("/request_id"), "{slug}");
    }
}

#[tokio::test]
async fn unknown_routes_and_methods_say_what_cannot_be_done() {
    let app = TestApp::start().await;
    let missing = app.admin().get("/api/reposities?x=1").await.expect(404);
    assert_eq!(missing.text("/message"), "Cannot GET /api/reposities", "1.2/404");
    assert_eq!(missing.text("/error"), "Not Found", "1.2/404");
    let refused = app.admin().put("/api/repos", json!({})).await.expect(405);
    assert_eq!(refused.headers["allow"], "GET,HEAD,POST");
    app.admin().get("//api//repos/").await.expect(200);
}

#[tokio::test]
async fn bodies_that_are_no_json_objects_are_400_and_never_500() {
    let app = TestApp::start().await;
    let hook = Hook::github(&app).await;
    let token = format!("Bearer {}", repoplane_tests::ADMIN_TOKEN);
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    for (method, target) in [
        ("POST", "/api/repos".to_owned()),
        ("PATCH", hook.path.clone()),
        ("POST", format!("{}/members", hook.path)),
        ("POST", format!("{}/robots", hook.path)),
        ("PUT", format!("{}/automation", hook.path)),
        ("POST", format!("{}/webhook-secret/rotate", hook.path)),
        ("POST", "/api/users".to_owned()),
        ("POST", "/api/access-tokens".to_owned()),
        ("POST", "/api/tenants".to_owned()),
    ] {
        for body in
            ["{", "nul", "{\"a\":}", "\u{feff}{}", "[]", "7", "null", "\"text\"", &deep, "{\"name\":\"\\ud800\"}"]
        {
            let event =
                Event::new(method, &target).header("authorization", &token).header("content-type", "application/json");
            let refused = app.anonymous().send(event.body(body)).await;
            assert_eq!(refused.status, 400, "{} {method} {target} {body:.20}: {}", "1.2/malformed", refused.body);
        }
        let event =
            Event::new(method, &target).header("authorization", &token).header("content-type", "application/json");
        let bytes = vec![0xff, 0xfe, 0x00];
        app.anonymous().send(event.clone().body(bytes)).await.expect(400);
        let event = Event::new(method, &target).header("authorization", &token);
        let form = event.clone().header("content-type", "application/x-www-form-urlencoded").body("a=b");
        app.anonymous().send(form).await.expect(415);
        let huge = format!("{{\"name\":\"{}\"}}", "x".repeat(1024 * 1024));
        let refused = app.anonymous().send(event.body(huge)).await.expect(413);
        assert_eq!(refused.text("/error"), "request entity too large", "1.1/413");
    }
    let text = json!({"provider": "github", "name": "a\u{0}b"});
    assert_eq!(app.admin().post("/api/repos", text).await.expect(400).wrong_fields(), ["/name"]);
}

#[tokio::test]
async fn fields_of_other_products_versions_are_passed_over_and_others_refused() {
    let app = TestApp::start().await;
    let hook = Hook::github(&app).await;
    hook.add_credentials(&app, "ghp_x").await;
    let robot = hook.add_robot(&app, "Triage").await;
    let robots = format!("{}/robots", hook.path);
    app.admin().patch(&hook.path, json!({"skillDefaults": null})).await.expect(200);
    app.admin().patch(&format!("{robots}/{robot}"), json!({"defaultWorkerId": "w"})).await.expect(200);
    for (row, method, target, body, pointer) in [
        ("5.3/Q20", "PATCH", hook.path.clone(), json!({"a/b~c": 1}), "/a~1b~0c"),
        ("5.3/Q20", "PATCH", format!("{robots}/{robot}"), json!({"permission": "write"}), "/permission"),
        ("5.3/Q20", "POST", "/api/users".to_owned(), json!({"username": "u", "password": "p"}), "/password"),
        ("5.3/Q20", "POST", "/api/tenants".to_owned(), json!({"tenant": "t", "username": "u", "plan": 1}), "/plan"),
        (
            "5.3/Q20",
            "POST",
            "/api/access-tokens".to_owned(),
            json!({"name": "n", "scopes": ["repos:read"], "token": "mine"}),
            "/token",
        ),
    ] {
        let refused = app.admin().call(method, &target, body).await.expect(400);
        assert_eq!(refused.wrong_fields(), [pointer], "{row}");
        assert_eq!(refused.text("/message"), "unknown field", "{row}");
    }
}

#[tokio::test]
async fn a_request_id_is_taken_over_if_it_is_harmless() {
    let app = TestApp::start().await;
    let send = async |id: &str| app.anonymous().send(Event::new("GET", "/health").header("x-request-id", id)).await;
    assert_eq!(send("call-7").await.expect(200).headers["x-request-id"], "call-7");
    for hostile in ["a b", "<script>", &"x".repeat(200)] {
        assert_ne!(send(hostile).await.expect(200).headers["x-request-id"], hostile);
    }
}

#[tokio::test]
async fn what_needs_no_token_costs_no_call() {
    let app = TestApp::unbootstrapped().await;
    app.line.take_calls();
    assert_eq!(app.anonymous().get("/health").await.expect(200).body, json!({"status": "ok"}));
    assert_eq!(app.anonymous().get("/").await.expect(200).body["name"], "repoplane");
    assert!(app.anonymous().get("/version").await.expect(200).body["version"].is_string());
    assert_eq!(app.line.take_calls(), Vec::<String>::new());
    assert_eq!(app.anonymous().get("/api/repos").await.expect(401).body["errors"], Value::Null);
}

#[tokio::test]
async fn no_id_in_any_place_of_a_path_is_answered_with_anything_but_a_problem() {
    let app = TestApp::start().await;
    let hook = Hook::github(&app).await;
    let path = &hook.path;
    for id in ["%FF", "%00", "a%2Fb", "7b1e", "REP_0", "é", "%C3%A9", &"x".repeat(2_000)] {
        for (method, target) in [
            ("GET", format!("/api/repos/{id}")),
            ("GET", format!("/api/repos/{id}/robots")),
            ("DELETE", format!("{path}/robots/{id}")),
            ("DELETE", format!("{path}/members/{id}")),
            ("GET", format!("{path}/webhook-deliveries/{id}")),
            ("GET", format!("{path}/webhook-deliveries/{id}/payload")),
            ("GET", format!("/api/tasks/{id}")),
            ("PATCH", format!("/api/users/{id}")),
            ("PATCH", format!("/api/tenants/{id}")),
            ("DELETE", format!("/api/access-tokens/{id}")),
            ("POST", format!("/api/webhook/github/{id}")),
            ("POST", format!("/api/webhook/gitlab/{id}")),
        ] {
            let body = if matches!(method, "GET" | "DELETE") { Value::Null } else { json!({}) };
            let missing = app.admin().call(method, &target, body).await;
            assert_eq!(missing.status, 404, "{method} {target}: {}", missing.body);
            assert_eq!(missing.headers["content-type"], "application/problem+json", "{method} {target}");
        }
    }
}
