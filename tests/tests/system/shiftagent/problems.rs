use super::{Host, comparable, path, problem, slug};
use repoplane_tests::{Event, TestApp};
use serde_json::{Value, json};

const ABSENT: &str = "rep_00000000000000000000000000";

#[tokio::test]
async fn shiftagent_9_absent_foreign_and_malformed_ids_are_told_alike() {
    let host = Host::new().await;
    let other = host.app.tenant("other").await;
    let body = json!({"name": "theirs", "repo_url": "https://git.example.com/theirs"});
    let foreign = other.client.post("/repositories", body).await.expect(201).text("/id");
    for (method, suffix, body) in [
        ("GET", "", Value::Null),
        ("PATCH", "", json!({"name": "x"})),
        ("DELETE", "", Value::Null),
        ("POST", "/sync", Value::Null),
        ("GET", "/skills", Value::Null),
        ("GET", "/skills?refresh=true", Value::Null),
        ("POST", "/skills", json!({"name": "x"})),
    ] {
        let ask = async |id: &str| host.key.call(method, &format!("/repositories/{id}{suffix}"), body.clone()).await;
        let absent = ask(ABSENT).await.expect(404);
        assert_eq!(problem(&absent), ("not-found".to_owned(), "Not found".to_owned()));
        for id in [foreign.as_str(), "rep_x", "nonsense", "crd_00000000000000000000000000"] {
            let answer = ask(id).await.expect(404);
            assert_eq!(comparable(&answer), comparable(&absent), "{method} {id}");
            assert_eq!(answer.text("/detail").replace(id, ABSENT), absent.text("/detail"));
            let names = |answer: &repoplane_tests::Answer| {
                let mut names: Vec<_> = answer.headers.keys().map(ToString::to_string).collect();
                names.sort();
                names
            };
            assert_eq!(names(&answer), names(&absent), "{method} {id}");
        }
    }
}

#[tokio::test]
async fn shiftagent_3_unknown_paths_and_methods_are_the_dialects_problems() {
    let host = Host::new().await;
    for path in ["/repositories/x/y/z", "/credentials/x/y", "/tenants", "/tenants/tnt_a", "/integration", "/auth/x"] {
        let answer = host.key.get(path).await;
        assert!([404, 405].contains(&answer.status.as_u16()), "{path}: {}", answer.status);
        problem(&answer);
    }
    let refused = host.key.put("/repositories", json!({})).await.expect(405);
    assert_eq!(slug(&refused), "method-not-allowed");
    let allow = refused.headers["allow"].to_str().unwrap();
    assert!(allow.contains("GET") && allow.contains("POST"), "{allow}");
    // Its neighbours keep theirs.
    assert_eq!(host.key.get("/repositoriesx").await.expect(404).text("/type"), "/problems/not-found");
    assert_eq!(host.key.get("/api/nothing").await.expect(404).text("/type"), "/problems/not-found");
}

#[tokio::test]
async fn shiftagent_3_bodies_of_wrong_form_have_their_statuses() {
    let host = Host::new().await;
    let made = host.register("field-ops").await;
    let targets = [
        ("POST", "/repositories".to_owned()),
        ("PATCH", path(&made)),
        ("POST", "/credentials".to_owned()),
        ("POST", format!("{}/skills", path(&made))),
        ("PUT", format!("/tenants/tnt_a{}", path(&made))),
    ];
    for (method, path) in &targets {
        let send = async |media: &str, body: Vec<u8>| {
            host.key.send(Event::new(method, path).header("content-type", media).body(body)).await
        };
        let json = "application/json";
        for (media, body, status, expected) in [
            (json, b"{".to_vec(), 400, "bad-request"),
            (json, b"\"\xff\"".to_vec(), 400, "bad-request"),
            (json, [vec![b'['; 10_000], vec![b']'; 10_000]].concat(), 400, "bad-request"),
            ("text/plain", b"x".to_vec(), 415, "unsupported-media-type"),
            (json, vec![b' '; 1024 * 1024 + 1], 413, "body-too-large"),
            (json, b"[]".to_vec(), 422, "validation-error"),
            (json, b"{\"surely-unknown\":1}".to_vec(), 422, "validation-error"),
        ] {
            let answer = send(media, body).await;
            assert_eq!((answer.status.as_u16(), slug(&answer).as_str()), (status, expected), "{method} {path}");
        }
        let headers = Event::new(method, path).header("x-large", &"x".repeat(11_000));
        assert_eq!(slug(&host.key.send(headers).await.expect(431)), "headers-too-large");
        let accept = Event::new(method, path).header("accept", "text/html");
        assert_eq!(slug(&host.key.send(accept).await.expect(406)), "not-acceptable");
    }
}

#[tokio::test]
async fn shiftagent_9_every_problem_has_a_page() {
    let app = TestApp::start().await;
    for slug in [
        "insufficient-scope",
        "not-found",
        "name-conflict",
        "resource-in-use",
        "idempotency-key-conflict",
        "validation-error",
        "rate-limited",
        "sync-in-progress",
        "bad-request",
        "unsupported-media-type",
        "method-not-allowed",
        "internal-error",
        "tenant-suspended",
        "unavailable",
    ] {
        let page = app.anonymous().get(&format!("/problems/{slug}")).await.expect(200);
        assert_eq!(page.text("/type"), format!("/problems/{slug}"));
    }
}

#[tokio::test]
async fn shiftagent_9_request_ids_begin_with_req_and_are_sent_as_a_header() {
    let host = Host::new().await;
    for (given, expected) in [("req_mine", "req_mine"), ("mine", "req_mine")] {
        let answer = host.key.with("x-request-id", given).get(&format!("/repositories/{ABSENT}")).await.expect(404);
        assert_eq!(answer.text("/request_id"), expected);
        assert_eq!(answer.headers["x-request-id"], expected);
    }
    let fresh = host.key.get("/repositories").await.expect(200);
    assert!(fresh.headers["x-request-id"].to_str().unwrap().starts_with("req_"));
}

#[tokio::test]
async fn shiftagent_9_problems_lead_to_where_they_were_asked_when_no_address_is_set() {
    let host = Host::new().await;
    let app = host.app.with_settings(Default::default());
    let answer = app.admin().get(&format!("/repositories/{ABSENT}")).await.expect(404);
    let kind = answer.text("/type");
    assert!(kind.starts_with("https://") && kind.ends_with("/problems/not-found"), "{kind}");
}

#[tokio::test]
async fn shiftagent_9_storage_that_does_not_answer_is_503_and_not_kept() {
    use repoplane_local::line::{Fault, FaultPlan};
    let host = Host::new().await;
    let target = "DynamoDB_20120810.TransactWriteItems".to_owned();
    let body = json!({"name": "x", "repo_url": "https://h.example/x"});
    host.app.line.set_fault(Some(FaultPlan { target, from: 0, times: 100, fault: Fault::Down }));
    let down = host.key.once("k").post("/repositories", body.clone()).await.expect(503);
    assert_eq!((slug(&down).as_str(), &down.headers["retry-after"]), ("unavailable", &"1".parse().unwrap()));
    host.app.line.set_fault(None);
    host.key.once("k").post("/repositories", body).await.expect(201);
}
