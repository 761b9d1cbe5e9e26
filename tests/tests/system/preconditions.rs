//! Entity tags: what is unchanged is not sent again, and what is stale is not written over (design 6).

use crate::repos::{at_once, second_of};
use repoplane_local::double;
use repoplane_tests::{Answer, Client, Event, GITHUB_ISSUES_OPENED, Hook, TestApp, consistency, fixture};
use serde_json::{Value, json};

/// Everything that can be read.
async fn readable(app: &TestApp) -> (Hook, Vec<String>) {
    let (hook, robot) = Hook::ready(app).await;
    let posted = hook.post(app, "issues", "guid-1", &fixture(GITHUB_ISSUES_OPENED)).await.expect(202);
    let (task, delivery) = (posted.text("/tasks/0/id"), posted.delivery());
    let me = app.admin().get("/api/me").await.expect(200);
    let (user, tenant) = (me.text("/principal/userId"), me.text("/tenant/id"));
    let path = &hook.path;
    let double = app.double.clone().expect("a double");
    let provided = Hook::at_double(app, "github", "acme/provided", Some(double::ADMIN_TOKEN)).await.path;
    app.admin().patch("/api/credentials/me", double.own_token(double::ADMIN_TOKEN)).await.expect(200);
    let organisation = app.admin().post("/api/webhook-hooks", json!({"provider": "gitlab"})).await.expect(201);
    app.admin().post("/api/v1/products/demo", json!({"git": {}})).await.expect(200);
    let number = |made: Answer, pointer: &str| made.body.pointer(pointer).expect("a number").to_string();
    let made = app.admin().post("/api/platforms", json!({"name": "cooker"})).await.expect(201);
    let platform = number(made, "/platform/number");
    let group = number(app.admin().post("/api/groups", json!({"uname": "qa"})).await.expect(201), "/group/number");
    let made = app.admin().post("/api/projects", json!({"name": "bash"})).await.expect(201);
    let project = number(made, "/project/number");
    let issuer = json!({"issuer": "https://login.example.com", "audiences": ["plane"], "scopes": ["repos:read"]});
    let issuer = app.admin().post("/api/issuers", issuer).await.expect(201).text("/issuer/id");
    let skill = app.escalated_skill(&hook.repo).await;
    let host = "/api/trusted-hosts/git.example.com:443".to_owned();
    app.admin().put(&host, json!({"certificateSha256": "ab".repeat(32)})).await.expect(200);
    let targets = vec![
        "/api/me".to_owned(),
        "/api/access-tokens".to_owned(),
        "/api/tenants".to_owned(),
        format!("/api/tenants/{tenant}"),
        "/api/users".to_owned(),
        format!("/api/users/{user}"),
        "/api/credentials/me".to_owned(),
        "/api/credentials/global".to_owned(),
        "/api/repos".to_owned(),
        path.clone(),
        format!("{path}/members"),
        format!("{path}/robots"),
        format!("{path}/robots/{robot}"),
        format!("{path}/automation"),
        format!("{path}/audit"),
        "/api/audit".to_owned(),
        format!("{path}/webhook-deliveries"),
        format!("{path}/webhook-deliveries/{delivery}"),
        format!("{path}/webhook-deliveries/{delivery}/payload"),
        format!("{path}/tasks"),
        format!("/api/tasks/{task}"),
        format!("{provided}/provider-meta?credentialSource=repo"),
        format!("{provided}/provider-activity?credentialSource=repo"),
        format!("{provided}/provider-hook"),
        format!("/api/providers/github/repositories?apiBaseUrl={}", double.github()),
        "/api/issuers".to_owned(),
        format!("/api/issuers/{issuer}"),
        "/api/trusted-hosts".to_owned(),
        host,
        format!("{path}/skills"),
        format!("{path}/skills/{skill}"),
        "/api/platforms".to_owned(),
        format!("/api/platforms/{platform}"),
        "/api/groups".to_owned(),
        format!("/api/groups/{group}"),
        "/api/projects".to_owned(),
        format!("/api/projects/{project}"),
        "/api/products".to_owned(),
        "/api/products/demo".to_owned(),
        "/api/webhook-hooks".to_owned(),
        format!("/api/webhook-hooks/{}", organisation.text("/hook/id")),
    ];
    (hook, targets)
}

fn is_tag(tag: &str) -> bool {
    let inner = tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"'));
    inner.and_then(|inner| inner.split_once('.')).is_some_and(|(version, digest)| {
        version.parse::<u64>().is_ok() && digest.len() == 16 && digest.bytes().all(|b| b.is_ascii_hexdigit())
    })
}

#[tokio::test]
async fn all_that_can_be_read_has_a_tag_and_is_not_sent_twice() {
    let app = TestApp::start_with_double().await;
    let (_, targets) = readable(&app).await;
    let routes = repoplane_tests::routes();
    // The API's own document is a file with a tag of another form.
    let is_read = |id: &str, path: &str| {
        path.starts_with("/api/") && id != "openapi_document" && repoplane_repos::dialect_of(path).is_none()
    };
    let read = routes.iter().filter(|(_, route)| route.method == "GET" && is_read(route.id, route.path));
    assert_eq!(read.count(), targets.len(), "a read is missing in the list above");
    for target in &targets {
        let first = app.admin().get(target).await.expect(200);
        let tag = first.etag();
        assert!(is_tag(&tag), "{target}: {tag}");
        for method in ["GET", "HEAD"] {
            for known in [tag.clone(), format!("W/{tag}"), format!("\"1.x\", {tag}"), "*".to_owned()] {
                let again = app.admin().with("if-none-match", &known).call(method, target, Value::Null).await;
                assert_eq!(again.status, 304, "{method} {target} {known}");
                assert!(again.bytes.is_empty() && again.etag() == tag, "{method} {target}");
            }
            for other in ["\"0.0000000000000000\"", "\"\"", "x"] {
                let whole = app.admin().with("if-none-match", other).call(method, target, Value::Null).await;
                assert_eq!(whole.status, 200, "{method} {target} {other}");
                assert_eq!(whole.bytes.is_empty(), method == "HEAD", "{method} {target} {other}");
            }
        }
    }
}

#[tokio::test]
async fn what_has_changed_is_sent_again() {
    let app = TestApp::start_with_double().await;
    let (hook, robot) = Hook::ready(&app).await;
    let path = &hook.path;
    let mia = app.person("mia").await;
    let user = format!("/api/users/{}", mia.id);
    for (target, method, changed, body) in [
        (path.clone(), "PATCH", path.clone(), json!({"description": "d"})),
        (path.clone(), "PATCH", format!("{path}/robots/{robot}"), json!({"language": "de"})),
        ("/api/repos".to_owned(), "PATCH", path.clone(), json!({"description": "e"})),
        (format!("{path}/robots"), "PATCH", format!("{path}/robots/{robot}"), json!({"language": "en"})),
        (format!("{path}/automation"), "PUT", format!("{path}/automation"), json!({"config": {"version": 2}})),
        (format!("{path}/members"), "POST", format!("{path}/members"), json!({"userId": mia.id, "role": "member"})),
        (path.clone(), "POST", format!("{path}/archive"), Value::Null),
        (user.clone(), "PATCH", user.clone(), json!({"displayName": "Mia"})),
        ("/api/audit".to_owned(), "PATCH", user.clone(), json!({"displayName": "M"})),
    ] {
        let tag = app.admin().get(&target).await.expect(200).etag();
        let ours = app.admin().with("if-none-match", &tag);
        assert_eq!(ours.get(&target).await.status, 304, "{target}");
        assert!(app.admin().call(method, &changed, body).await.status.is_success(), "{method} {changed}");
        assert_ne!(ours.get(&target).await.expect(200).etag(), tag, "{target}");
    }
}

#[tokio::test]
async fn a_write_is_not_held_back_by_if_none_match() {
    let app = TestApp::start().await;
    let hook = Hook::github(&app).await;
    let client = app.admin().with("if-none-match", "*");
    assert_eq!(
        client.patch(&hook.path, json!({"description": "d"})).await.expect(200).body["repo"]["description"],
        "d"
    );
}

/// A write that can be made under a condition: method, target, body, and where its tag is read.
struct Write(&'static str, String, Value, String);

/// Every such write, in an order in which each is legal.
async fn writes(app: &TestApp) -> (Hook, Vec<Write>) {
    let (hook, _) = Hook::ready(app).await;
    let path = hook.path.clone();
    let mut tasks = Vec::new();
    for number in 1..=4 {
        let mut body: Value = serde_json::from_str(&fixture(GITHUB_ISSUES_OPENED)).expect("JSON");
        body["issue"]["number"] = json!(number);
        let posted = hook.post(app, "issues", &format!("guid-{number}"), &body.to_string()).await.expect(202);
        tasks.push(format!("/api/tasks/{}", posted.text("/tasks/0/id")));
    }
    app.admin().post(&format!("{}/cancel", tasks[3]), Value::Null).await.expect(200);
    let github = app.double.as_ref().map(|double| double.github());
    let tested = Hook::register(app, "github", json!({"name": "acme/tested", "apiBaseUrl": github})).await;
    tested.add_credentials(app, repoplane_local::double::WRITE_TOKEN).await;
    let robot = format!("{}/robots/{}", tested.path, tested.add_robot(app, "Tested").await);
    let (mia, noa) = (app.person("mia").await, app.person("noa").await);
    let (members, automation) = (format!("{path}/members"), format!("{path}/automation"));
    let user = format!("/api/users/{}", noa.id);
    let tenant = format!("/api/tenants/{}", app.tenant("other").await.id);
    let host = "/api/trusted-hosts/git.example.com:443";
    app.admin().put(host, json!({"certificateSha256": "ab".repeat(32)})).await.expect(200);
    let write = |method, target: &str, body, read: &str| Write(method, target.to_owned(), body, read.to_owned());
    let list = vec![
        write("PATCH", &path, json!({"description": "d"}), &path),
        write("POST", &format!("{path}/webhook-secret/rotate"), Value::Null, &path),
        write("PUT", &automation, json!({"config": {"version": 2}}), &automation),
        write("POST", &members, json!({"userId": mia.id, "role": "member"}), &members),
        write("PATCH", &format!("{members}/{}", mia.id), json!({"role": "maintainer"}), &members),
        write("DELETE", &format!("{members}/{}", mia.id), Value::Null, &members),
        write("PATCH", &robot, json!({"language": "de"}), &robot),
        write("POST", &format!("{robot}/test"), Value::Null, &robot),
        write("DELETE", &robot, Value::Null, &robot),
        write("POST", &format!("{}/claim", tasks[0]), json!({"worker": "w"}), &tasks[0]),
        write("PATCH", &tasks[1], json!({"status": "cancelled"}), &tasks[1]),
        write("POST", &format!("{}/cancel", tasks[2]), Value::Null, &tasks[2]),
        write("POST", &format!("{}/retry", tasks[3]), Value::Null, &tasks[3]),
        write("PATCH", &user, json!({"displayName": "Noa"}), &user),
        write("PATCH", &tenant, json!({"name": "renamed"}), &tenant),
        write("PUT", host, json!({"certificateSha256": "cd".repeat(32)}), host),
        write("DELETE", host, Value::Null, host),
        write("POST", &format!("{path}/archive"), Value::Null, &path),
        write("POST", &format!("{path}/unarchive"), Value::Null, &path),
        write("DELETE", &format!("{path}?force=true"), Value::Null, &path),
    ];
    (hook, list)
}

#[tokio::test]
async fn a_stale_foreign_or_weak_tag_writes_nothing() {
    let app = TestApp::start_with_double().await;
    let (_, writes) = writes(&app).await;
    for Write(method, target, body, read) in &writes {
        let tag = app.admin().get(read).await.expect(200).etag();
        let (version, digest) = tag.trim_matches('"').split_once('.').expect("a version and a digest");
        let version: u64 = version.parse().expect("a number");
        let before = app.items().await;
        let stale = [format!("\"{}.{digest}\"", version + 1), format!("\"{}.{digest}\"", version.wrapping_sub(1))];
        for wrong in stale.into_iter().chain([format!("W/{tag}"), "\"abc\"".to_owned(), String::new()]) {
            let refused = app.admin().if_match(&wrong).call(method, target, body.clone()).await;
            assert_eq!(refused.status, 412, "{method} {target} {wrong}: {}", refused.body);
            assert_eq!(refused.text("/code"), "PRECONDITION_FAILED", "{method} {target} {wrong}");
            assert_eq!(refused.text("/type"), "/problems/precondition-failed", "{method} {target} {wrong}");
        }
        assert!(app.items().await == before, "{method} {target}");
        let done = app.admin().if_match(&format!("\"7000.a\", {tag}")).call(method, target, body.clone()).await;
        assert!(done.status.is_success(), "{method} {target}: {} {}", done.status, done.body);
    }
    consistency::check(&app.items().await).expect("consistent");
}

#[tokio::test]
async fn a_star_matches_any_version() {
    let app = TestApp::start_with_double().await;
    let (_, writes) = writes(&app).await;
    for Write(method, target, body, _) in &writes {
        let done = app.admin().if_match("*").call(method, target, body.clone()).await;
        assert!(done.status.is_success(), "{method} {target}: {} {}", done.status, done.body);
    }
}

#[tokio::test]
async fn a_writes_answer_has_the_tag_for_the_next_write() {
    let app = TestApp::start().await;
    let hook = Hook::github(&app).await;
    let mut tag = app.admin().get(&hook.path).await.expect(200).etag();
    for n in 0..3 {
        let body = json!({"description": format!("d{n}")});
        let changed = app.admin().if_match(&tag).patch(&hook.path, body.clone()).await.expect(200);
        app.admin().if_match(&tag).patch(&hook.path, body).await.expect(412);
        tag = changed.etag();
    }
    let created = app.admin().post("/api/users", json!({"username": "uma"})).await.expect(201);
    let user = format!("/api/users/{}", created.text("/user/id"));
    app.admin().if_match(&created.etag()).patch(&user, json!({"displayName": "U"})).await.expect(200);
}

#[tokio::test]
async fn a_caller_who_sees_less_of_a_version_may_name_it_too() {
    let app = TestApp::start().await;
    let hook = Hook::github(&app).await;
    let mia = app.member(&hook.repo, "mia", "maintainer").await;
    let seen = mia.client.get(&hook.path).await.expect(200).etag();
    assert_ne!(seen, app.admin().get(&hook.path).await.expect(200).etag(), "another role, another body");
    app.admin().if_match(&seen).patch(&hook.path, json!({"description": "d"})).await.expect(200);
}

#[tokio::test(start_paused = true)]
async fn of_two_writes_with_one_tag_one_is_stale() {
    let app = TestApp::start().await;
    let hook = Hook::github(&app).await;
    let mia = app.person("mia").await;
    let second = second_of(&app).await;
    let user = format!("/api/users/{}", mia.id);
    for (target, bodies) in [
        (hook.path.clone(), [json!({"description": "a"}), json!({"timezone": "Europe/Berlin"})]),
        (user, [json!({"displayName": "A"}), json!({"email": "a@example.com"})]),
    ] {
        let tag = app.admin().get(&target).await.expect(200).etag();
        let clients: [Client; 2] = [app.admin().if_match(&tag), second.admin().if_match(&tag)];
        let answers = at_once(clients.into_iter().zip(bodies).map(|(client, body)| {
            let target = target.clone();
            async move { client.patch(&target, body).await.status.as_u16() }
        }))
        .await;
        let mut sorted = answers.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, [200, 412], "{target}");
    }
}

#[tokio::test]
async fn a_repeat_with_key_and_tag_is_answered_as_the_first_call() {
    let app = TestApp::start().await;
    let hook = Hook::github(&app).await;
    let tag = app.admin().get(&hook.path).await.expect(200).etag();
    let client = app.admin().once("k").if_match(&tag);
    let path = format!("{}/webhook-secret/rotate", hook.path);
    client.post(&path, Value::Null).await.expect(200);
    assert!(client.post(&path, Value::Null).await.expect(200).is_replayed(), "not 412");
}

#[tokio::test]
async fn an_unauthorised_caller_learns_nothing_from_a_tag() {
    let app = TestApp::start().await;
    let hook = Hook::github(&app).await;
    let tag = app.admin().get(&hook.path).await.expect(200).etag();
    let sam = app.person("sam").await;
    sam.client.with("if-none-match", &tag).get(&hook.path).await.expect(403);
    sam.client.if_match("\"0.0\"").patch(&hook.path, json!({})).await.expect(403);
    let event = Event::new("GET", &hook.path).header("if-none-match", "*");
    app.anonymous().send(event).await.expect(401);
}
