//! Whatever comes in is answered with a clear refusal, and nothing is half done.

use crate::tasks::work::{claim, one_task};
use repoplane_tests::{Answer, Event, Hook, TestApp, consistency};
use serde_json::{Value, json};

/// A call that takes a body: where it goes, a good body, and whether the body's members are looked at.
struct Target(&'static str, String, Value, bool);

async fn targets(app: &TestApp) -> Vec<Target> {
    let (hook, task) = one_task(app).await;
    let path = &hook.path;
    let robot = hook.add_robot(app, "Other").await;
    let mia = app.member(&hook.repo, "mia", "member").await;
    let delivery = hook.deliveries(&app.admin()).await[0]["id"].as_str().expect("an id").to_owned();
    let tenant = app.tenant("other").await;
    let organisation = app.admin().post("/api/webhook-hooks", json!({"provider": "github"})).await.expect(201);
    let organisation = organisation.text("/hook/id");
    app.admin().post("/api/v1/products/demo", json!({"git": {}})).await.expect(200);
    let issuer = json!({"issuer": "https://login.example.com", "audiences": ["plane"], "scopes": ["repos:read"]});
    let issuer = app.admin().post("/api/issuers", issuer).await.expect(201).text("/issuer/id");
    let skill = app.escalated_skill(&hook.repo).await;
    let other = json!({"issuer": "https://other.example.com", "audiences": ["plane"], "scopes": ["repos:read"]});
    let target = |method, path: String, body: Value, looks| Target(method, path, body, looks);
    let number =
        |answer: repoplane_tests::Answer, pointer: &str| answer.body.pointer(pointer).expect("a number").to_string();
    let made = app.admin().post("/api/platforms", json!({"name": "cooker"})).await.expect(201);
    let platform = format!("/api/platforms/{}", number(made, "/platform/number"));
    let made = app.admin().post("/api/groups", json!({"uname": "qa"})).await.expect(201);
    let group = format!("/api/groups/{}", number(made, "/group/number"));
    let made = app.admin().post("/api/projects", json!({"name": "bash"})).await.expect(201);
    let project = format!("/api/projects/{}", number(made, "/project/number"));
    vec![
        target("POST", "/api/platforms".to_owned(), json!({"name": "n"}), true),
        target("PATCH", platform.clone(), json!({"description": "d"}), true),
        target("PUT", format!("{platform}/members/users/1"), json!({"role": "admin"}), true),
        target("POST", "/api/groups".to_owned(), json!({"uname": "n"}), true),
        target("PATCH", group.clone(), json!({"description": "d"}), true),
        target("PUT", format!("{group}/members/1"), json!({"role": "admin"}), true),
        target("POST", "/api/projects".to_owned(), json!({"name": "n"}), true),
        target("PATCH", project, json!({"description": "d"}), true),
        target("POST", "/api/repos".to_owned(), json!({"provider": "github", "name": "n"}), true),
        target("PATCH", path.clone(), json!({"description": "d"}), true),
        target("POST", format!("{path}/archive"), Value::Null, false),
        target("POST", format!("{path}/unarchive"), Value::Null, false),
        target("POST", format!("{path}/webhook-secret/rotate"), json!({"overlapSeconds": 60}), true),
        target("POST", format!("{path}/members"), json!({"userId": mia.id, "role": "member"}), true),
        target("PATCH", format!("{path}/members/{}", mia.id), json!({"role": "owner"}), true),
        target("POST", format!("{path}/robots"), json!({"name": "R", "promptDefault": "p"}), true),
        target("PATCH", format!("{path}/robots/{robot}"), json!({"language": "de"}), true),
        target("POST", format!("{path}/robots/{robot}/test"), Value::Null, false),
        target("PUT", format!("{path}/automation"), json!({"config": {"version": 2}}), true),
        target("POST", format!("{path}/webhook-deliveries/{delivery}/redeliver"), Value::Null, false),
        target("POST", format!("/api/tasks/{task}/claim"), json!({"worker": "w"}), true),
        target("PATCH", format!("/api/tasks/{task}"), json!({"status": "cancelled"}), true),
        target("POST", format!("/api/tasks/{task}/retry"), Value::Null, false),
        target("POST", format!("/api/tasks/{task}/cancel"), Value::Null, false),
        target("POST", "/api/users".to_owned(), json!({"username": "u"}), true),
        target("PATCH", format!("/api/users/{}", mia.id), json!({"displayName": "M"}), true),
        target("PATCH", "/api/credentials/me".to_owned(), json!({"github": {"profiles": []}}), true),
        target("PATCH", "/api/credentials/global".to_owned(), json!({"codex": {"profiles": []}}), true),
        target("POST", format!("{path}/validate"), json!({"credentialSource": "repo"}), true),
        target("POST", format!("{path}/provider-hook"), json!({"credentialSource": "repo"}), true),
        target("POST", format!("{path}/model-credentials/models"), json!({"provider": "codex"}), true),
        target("POST", "/api/repos/import".to_owned(), json!({"repositories": []}), false),
        target("PATCH", "/api/products/demo".to_owned(), json!({"baseUrl": "https://git.example.com"}), true),
        target("POST", "/api/webhook-hooks".to_owned(), json!({"provider": "gitlab"}), true),
        target("PATCH", format!("/api/webhook-hooks/{organisation}"), json!({"description": "d"}), true),
        target("POST", format!("/api/webhook-hooks/{organisation}/secret/rotate"), json!({"overlapSeconds": 60}), true),
        target("POST", "/api/issuers".to_owned(), other, true),
        target("PATCH", format!("/api/issuers/{issuer}"), json!({"userClaim": "email"}), true),
        target(
            "PUT",
            "/api/trusted-hosts/git.example.com:443".to_owned(),
            json!({"certificateSha256": "ab".repeat(32)}),
            true,
        ),
        target("POST", format!("{path}/skills/{skill}/accept"), json!({}), true),
        target("POST", format!("{path}/sync"), Value::Null, false),
        target("POST", "/api/access-tokens".to_owned(), json!({"name": "n", "scopes": ["repos:read"]}), true),
        target("POST", "/api/tenants".to_owned(), json!({"tenant": "t", "username": "u"}), true),
        target("PATCH", format!("/api/tenants/{}", tenant.id), json!({"name": "t"}), true),
        target("POST", "/api/auth/login".to_owned(), json!({"username": "u", "password": "p"}), true),
    ]
}

async fn send(app: &TestApp, method: &str, path: &str, body: impl Into<Vec<u8>>) -> Answer {
    app.admin().send(Event::new(method, path).header("content-type", "application/json").body(body)).await
}

#[track_caller]
fn is_clear(answer: &Answer, what: &str) {
    assert!(answer.status.is_client_error(), "{what}: {} {}", answer.status, answer.body);
    assert_eq!(answer.headers["content-type"], "application/problem+json", "{what}");
    assert!(answer.body["title"].is_string() && answer.body["request_id"].is_string(), "{what}");
}

#[tokio::test]
async fn bodies_that_are_broken_are_refused_wherever_they_go() {
    let app = TestApp::start_with_double().await;
    let targets = targets(&app).await;
    let list = repoplane_tests::routes();
    let taking = list.iter().filter(|(_, route)| !matches!(route.method.as_str(), "GET" | "DELETE"));
    // Dialects refuse in shapes of their own, which their tests know.
    let native = taking.filter(|(_, route)| repoplane_repos::dialect_of(route.path).is_none());
    let own = native.filter(|(_, route)| {
        // The packages of an upload are no JSON.
        let other = ["access_bootstrap", "access_recover", "repos_put_packages"];
        !route.path.starts_with("/api/webhook/") && !other.contains(&route.id)
    });
    assert_eq!(own.count(), targets.len(), "a route is missing in the list above");
    let deep = |open: &str, close: &str| format!("{}1{}", open.repeat(10_000), close.repeat(10_000)).into_bytes();
    let bodies: Vec<(&str, Vec<u8>)> = vec![
        ("cut off", b"{\"name\":\"a".to_vec()),
        ("two values", b"{}{}".to_vec()),
        ("a stray comma", b"{\"name\":\"a\",}".to_vec()),
        ("deep lists", deep("[", "]")),
        ("deep objects", deep("{\"a\":", "}")),
        ("no UTF-8", b"{\"name\":\"\xff\xfe\"}".to_vec()),
        ("half a character", b"{\"name\":\"\xe2\x82\"}".to_vec()),
        ("a bare null byte", b"{\"name\":\"a\x00b\"}".to_vec()),
        ("nothing but null bytes", vec![0; 64]),
        ("half a surrogate", br#"{"name":"\ud800"}"#.to_vec()),
        ("a number beyond any", b"{\"name\":1e999}".to_vec()),
        ("a byte over a megabyte", format!("{{\"name\":\"{}\"}}", "x".repeat(1024 * 1024 - 10)).into_bytes()),
    ];
    let before = app.items().await;
    for Target(method, path, _, _) in &targets {
        for (what, body) in &bodies {
            is_clear(&send(&app, method, path, body.clone()).await, &format!("{method} {path}: {what}"));
        }
    }
    assert!(app.items().await == before, "nothing was written");
}

#[tokio::test]
async fn members_that_nobody_knows_or_of_another_type_are_named() {
    let app = TestApp::start_with_double().await;
    let targets = targets(&app).await;
    let before = app.items().await;
    for Target(method, path, body, looks) in &targets {
        if !looks {
            continue;
        }
        let mut unknown = body.clone();
        unknown["no/such~member\r\nx: y"] = json!(1);
        let refused = app.admin().call(method, path, unknown).await;
        is_clear(&refused, &format!("{method} {path}"));
        let named = refused.wrong_fields().contains(&"/no~1such~0member\r\nx: y".to_owned());
        assert!(named, "{method} {path}: {}", refused.body);
        for (member, good) in body.as_object().into_iter().flatten() {
            for wrong in
                [json!({"a": []}), json!([[]]), json!(-1.5), json!(true), json!("a\u{0}b"), json!("x".repeat(70_000))]
            {
                let mut whole = body.clone();
                whole[member] = wrong.clone();
                let answer = app.admin().call(method, path, whole).await;
                is_clear(&answer, &format!("{method} {path} {member} {good}: {wrong:.40}"));
            }
        }
    }
    assert!(app.items().await == before, "nothing was written");
}

#[tokio::test]
async fn ids_cursors_and_limits_beyond_all_sense_are_refused_or_passed_over() {
    let app = TestApp::start().await;
    let hook = Hook::github(&app).await;
    let long = "a".repeat(5_000);
    let lists = ["/api/repos", "/tasks", "/webhook-deliveries", "/audit"].map(|tail| match tail.strip_prefix("/api") {
        Some(_) => tail.to_owned(),
        None => format!("{}{tail}", hook.path),
    });
    for list in &lists {
        for cursor in ["%00", "%FF", "....", "e30", "W10", "bnVsbA", "eyJxIjoxfQ", long.as_str(), "%0d%0aSet-Cookie:a"]
        {
            let refused = app.admin().get(&format!("{list}?cursor={cursor}")).await.expect(400);
            assert_eq!(refused.text("/code"), "INVALID_CURSOR", "{list} {cursor:.20}");
        }
        for limit in ["-1", "1e308", "NaN", "inf", "99999999999999999999", "0x10", "%00"] {
            app.admin().get(&format!("{list}?limit={limit}")).await.expect(200);
        }
    }
}

#[tokio::test]
async fn a_name_with_a_line_break_makes_no_header() {
    let app = TestApp::start_with_double().await;
    let (hook, task) = one_task(&app).await;
    let hostile = "x\r\nSet-Cookie: a=b\r\n\r\n<script>";
    for (path, body) in [
        ("/api/repos".to_owned(), json!({"provider": "git", "name": hostile})),
        ("/api/users".to_owned(), json!({"username": hostile})),
        ("/api/access-tokens".to_owned(), json!({"name": hostile, "scopes": ["repos:read"]})),
        (format!("{}/robots", hook.path), json!({"name": hostile, "promptDefault": "p"})),
    ] {
        let answer = app.admin().post(&path, body).await;
        assert!(answer.status.is_success() || answer.status.is_client_error(), "{path}: {}", answer.status);
        assert!(!answer.headers.contains_key("set-cookie"), "{path}");
        for value in answer.headers.values() {
            assert!(!value.as_bytes().windows(6).any(|bytes| bytes == b"Cookie"), "{path}: {value:?}");
        }
    }
    let claimed = claim(&app, &task, hostile, Value::Null).await;
    assert!(!claimed.headers.contains_key("set-cookie"));
    consistency::check(&app.items().await).expect("consistent");
}

#[tokio::test]
async fn of_two_members_of_one_name_the_last_one_counts_and_nothing_breaks() {
    let app = TestApp::start().await;
    let body = r#"{"provider":"github","name":"first","name":"last"}"#;
    let made = send(&app, "POST", "/api/repos", body).await.expect(201);
    assert_eq!(made.text("/repo/name"), "last");
    consistency::check(&app.items().await).expect("consistent");
}

#[tokio::test]
async fn lists_and_records_over_their_limits_are_refused_whole() {
    let app = TestApp::start().await;
    let hook = Hook::github(&app).await;
    app.admin().get("/api/me").await.expect(200);
    let before = app.items().await;
    let branches: Vec<_> = (0..10_000).map(|n| json!({"name": format!("b{n}")})).collect();
    let heavy: Vec<_> = (0..500).map(|n| json!({"name": format!("b{n}"), "note": "n".repeat(450)})).collect();
    let metadata: serde_json::Map<String, Value> = (0..51).map(|n| (format!("k{n}"), json!("v"))).collect();
    for body in [
        json!({"branches": branches}),
        json!({"branches": heavy}),
        json!({"description": "d".repeat(300_000)}),
        json!({"metadata": metadata}),
        json!({"metadata": {"k": "v".repeat(1_001)}}),
    ] {
        let refused = app.admin().patch(&hook.path, body.clone()).await;
        is_clear(&refused, &format!("{:.60}", body.to_string()));
        let whole = json!({"provider": "github", "name": "n"});
        let mut create = whole;
        create.as_object_mut().unwrap().extend(body.as_object().cloned().unwrap());
        is_clear(&app.admin().post("/api/repos", create).await, "create");
    }
    let mut items = app.items().await;
    items.retain(|item| before.contains(item) || !item["pk"].to_string().contains("COUNTER#"));
    assert!(before.iter().all(|item| items.contains(item) || item["pk"].to_string().contains("COUNTER#")));
    assert!(items.len() <= before.len(), "nothing was written");
    let most: Vec<_> = (0..500).map(|n| json!({"name": format!("b{n}"), "note": "n".repeat(300)})).collect();
    app.admin().patch(&hook.path, json!({"branches": most})).await.expect(200);
    consistency::check(&app.items().await).expect("consistent");
}

#[tokio::test]
async fn a_repository_near_the_bound_of_its_parts_refuses_one_more_and_goes_on() {
    let app = TestApp::start().await;
    let hook = Hook::github(&app).await;
    let notes: Vec<_> = (0..500).map(|n| json!({"name": format!("b{n}"), "note": "n".repeat(350)})).collect();
    app.admin().patch(&hook.path, json!({"branches": notes})).await.expect(200);
    hook.add_credentials(&app, "ghp_x").await;
    let robots = format!("{}/robots", hook.path);
    let (mut made, mut refused) = (0, None);
    while refused.is_none() {
        let before = app.items().await.len();
        let body = json!({
            "name": format!("R{made}"), "promptDefault": "p".repeat(7_000), "repoCredentialSource": "repo",
            "repoCredentialProfileId": "bot",
            "modelProviderConfig": {"credentialSource": "repo", "credentialProfileId": "team"},
        });
        let answer = app.admin().post(&robots, body).await;
        if answer.status == 201 {
            made += 1;
            continue;
        }
        assert_eq!(app.items().await.len(), before, "nothing was written");
        refused = Some(answer);
    }
    let refused = refused.expect("a bound");
    is_clear(&refused, "one robot too many");
    assert!((60..=200).contains(&made), "{made} robots of 7 KB beside a record of 180 KB");
    app.admin().patch(&hook.path, json!({"description": "it goes on"})).await.expect(200);
    hook.ping(&app, "guid").await.expect(202);
    consistency::check(&app.items().await).expect("consistent");
}
