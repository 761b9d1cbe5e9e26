//! Forms, free data, archiving and deleting; methods, slashes and media types.

use super::{LIST, form, hidden, names, native, path_of, post, put, refusal};
use repoplane_tests::{Event, Hook, TestApp, consistency};
use serde_json::{Value, json};

#[tokio::test]
async fn a_form_is_checked_whole_and_what_is_not_sent_stays() {
    let app = TestApp::start().await;
    let long = "x".repeat(256);
    let wrong = post(
        &app.admin(),
        &[
            ("name", ""),
            ("tool", "Subversion"),
            ("path", "/srv/git/x"),
            ("mirror_path", "nowhere"),
            ("bug_tracker", "https://bugs.example.com/"),
            ("encoding", &long),
            ("username", &long),
            ("raw_file_url", &long),
            ("extra_data:json", "[]"),
        ],
    )
    .await;
    assert_eq!(refusal(&wrong), (400, 105));
    let fields: Vec<&String> = wrong.body["fields"].as_object().unwrap().keys().collect();
    let all =
        ["bug_tracker", "encoding", "extra_data", "mirror_path", "name", "path", "raw_file_url", "tool", "username"];
    assert_eq!(fields, all);

    let path = hidden(&app, "tools").await;
    let before = app.admin().get(&path).await.expect(200).body;
    let empty = put(&app.admin(), &path, &[]).await.expect(200);
    assert_eq!(empty.body, before);
    let json =
        Event::new("PUT", &path).header("content-type", "application/json").body(json!({"name": "x"}).to_string());
    assert_eq!(app.admin().send(json).await.expect(200).body, before, "a body of another kind has no fields");
    let sent = [("extra_data.team", "core"), ("extra_data.n", "3"), ("extra_data.f", "TRUE"), ("extra_data.__x", "1")];
    let changed = put(&app.admin(), &path, &sent).await.expect(200);
    assert_eq!(changed.body["repository"]["extra_data"], json!({"team": "core", "n": 3, "f": true}));
    let patches =
        [("extra_data:json", r#"{"n": null}"#), ("extra_data:json-patch", r#"[{"op":"add","path":"/l","value":[1]}]"#)];
    let patched = put(&app.admin(), &path, &patches).await.expect(200);
    assert_eq!(patched.body["repository"]["extra_data"], json!({"team": "core", "f": true, "l": [1]}));
    // Names and paths of others are theirs, whatever the case and the spelling.
    hidden(&app, "other").await;
    for fields in [[("name", "OTHER")], [("path", "ssh://git@git.example.com/other")]] {
        assert_eq!(refusal(&put(&app.admin(), &path, &fields).await), (409, 229), "{fields:?}");
    }
    // A repeat of a keyed call is the same answer.
    let fields = [("name", "once"), ("tool", "Git"), ("path", "https://git.example.com/once"), ("visible", "0")];
    let once = || form("POST", LIST, &fields).header("idempotency-key", "k");
    let first = app.admin().send(once()).await.expect(201);
    let second = app.admin().send(once()).await.expect(201);
    assert_eq!((first.body, second.is_replayed()), (second.body.clone(), true));
    let other = form("POST", LIST, &[("name", "x"), ("tool", "Git")]).header("idempotency-key", "k");
    assert_eq!(app.admin().send(other).await.status, 409);
    consistency::check(&app.items().await).expect("consistent");
}

#[tokio::test]
async fn a_password_is_kept_in_the_vault_until_it_is_sent_empty() {
    let app = TestApp::start().await;
    let path = hidden(&app, "tools").await;
    let profiles = async || {
        let record = native(&app, &path).await;
        let native = app.admin().get(&format!("/api/repos/{}", record["id"].as_str().unwrap())).await.expect(200);
        native.body["repoScopedCredentials"]["repoProvider"]["profiles"].clone()
    };
    put(&app.admin(), &path, &[("username", "bot"), ("password", "hunter2-canary")]).await.expect(200);
    let kept = profiles().await;
    assert_eq!(
        (&kept[0]["id"], &kept[0]["cloneUsername"], &kept[0]["hasToken"]),
        (&json!("review-board"), &json!("bot"), &json!(true)),
        "{kept}"
    );
    let answer = put(&app.admin(), &path, &[("name", "renamed")]).await.expect(200);
    assert_eq!(profiles().await, kept, "what is not sent stays");
    for text in [answer.body.to_string(), Value::from(app.items().await).to_string(), kept.to_string()] {
        assert!(!text.contains("hunter2-canary"));
    }
    put(&app.admin(), &path, &[("username", ""), ("password", "")]).await.expect(200);
    assert_eq!(profiles().await, json!([]));
}

#[tokio::test]
async fn what_is_in_use_is_archived_and_its_name_and_path_are_free_at_once() {
    let app = TestApp::start().await;
    // Nothing works with it: it is gone.
    let path = hidden(&app, "tools").await;
    app.admin().delete(&path).await.expect(204);
    assert_eq!(refusal(&app.admin().get(&path).await), (404, 100));
    assert_eq!(refusal(&app.admin().delete(&path).await), (404, 100));

    let path = hidden(&app, "tools").await;
    let id = native(&app, &path).await["id"].as_str().unwrap().to_owned();
    app.admin().patch(&format!("/api/repos/{id}"), json!({"externalReferences": 1})).await.expect(200);
    app.admin().delete(&path).await.expect(204);
    let archived = app.admin().get(&path).await.expect(200);
    let name = archived.text("/repository/name");
    assert!(name.starts_with("ar:tools:"), "{name}");
    assert_eq!(refusal(&app.person("sam").await.client.get(&path).await), (403, 101), "no longer public");
    assert!(names(&app.admin().get(LIST).await).is_empty());
    let seen = app.second_instance().admin().get("/api/repositories/?show-invisible=1").await.expect(200);
    assert_eq!(names(&seen), [name]);
    assert_eq!(refusal(&put(&app.admin(), &path, &[("bug_tracker", "")]).await), (403, 101), "read-only");
    // Name and path are free; unarchiving says who has them.
    let second = hidden(&app, "tools").await;
    let holder = native(&app, &second).await["id"].clone();
    let refused = app.admin().post(&format!("/api/repos/{id}/unarchive"), json!({})).await.expect(409);
    assert_eq!(refused.body["conflicting_resource_id"], holder);
    app.admin().delete(&second).await.expect(204);
    let back = app.admin().post(&format!("/api/repos/{id}/unarchive"), json!({})).await.expect(200);
    assert_eq!(back.text("/repo/name"), "tools");
    // `archive_name` alone, and with other fields.
    let renamed = put(&app.admin(), &path, &[("name", "tools2"), ("archive_name", "1")]).await.expect(200);
    assert!(renamed.text("/repository/name").starts_with("ar:tools2:"), "{}", renamed.body);
    put(&app.admin(), &path, &[("archive_name", "true")]).await.expect(200);
    consistency::check(&app.items().await).expect("consistent");
}

#[tokio::test]
async fn open_tasks_rules_and_attachments_keep_a_repository() {
    let app = TestApp::start_with_double().await;
    let (hook, _) = Hook::ready(&app).await;
    let number = app.admin().get(&hook.path).await.expect(200).body["repo"]["number"].clone();
    let path = format!("{LIST}{number}/");
    app.admin().delete(&path).await.expect(204);
    assert!(app.admin().get(&path).await.expect(200).text("/repository/name").starts_with("ar:"), "rules");
    let key = app.admin().token(json!({"name": "k", "kind": "integration", "scopes": ["repos:write"]})).await;
    let attached = hidden(&app, "attached").await;
    let id = native(&app, &attached).await["id"].as_str().unwrap().to_owned();
    app.client(key).put(&format!("/tenants/tnt_a/repositories/{id}"), Value::Null).await.expect(201);
    app.admin().delete(&attached).await.expect(204);
    assert!(app.admin().get(&attached).await.expect(200).text("/repository/name").starts_with("ar:"), "an attachment");
}

#[tokio::test]
async fn methods_slashes_and_media_types_are_the_apis_own() {
    let app = TestApp::start().await;
    let path = hidden(&app, "tools").await;
    for method in ["GET", "POST", "PUT", "DELETE"] {
        let moved =
            app.admin().call(method, &format!("{}?a=b", path.trim_end_matches('/')), Value::Null).await.expect(301);
        assert_eq!(moved.headers["location"], format!("{path}?a=b"), "{method}");
    }
    assert_eq!(app.admin().get("/api").await.expect(301).headers["location"], "/api/");
    for (method, path, allow) in [
        ("HEAD", path.as_str(), "GET, POST, PUT, DELETE"),
        ("PATCH", &path, "GET, POST, PUT, DELETE"),
        ("OPTIONS", &path, "GET, POST, PUT, DELETE"),
        ("POST", &path, "GET, PUT, DELETE"),
        ("PUT", LIST, "GET, POST"),
        ("DELETE", LIST, "GET, POST"),
        ("POST", "/api/", "GET"),
        ("PUT", "/api/session/", "GET, DELETE"),
    ] {
        let refused = app.admin().call(method, path, Value::Null).await.expect(405);
        assert_eq!((refused.headers["allow"].to_str().unwrap(), refused.bytes.len()), (allow, 0), "{method} {path}");
        assert_eq!(refused.headers["content-type"], "text/html; charset=utf-8", "{method} {path}");
    }
    for nowhere in [
        "/api/repositories/x/",
        "/api/repositories/1/nothing/",
        "/api/info/x/",
        "/api/repositories/99999999999999999999/",
    ] {
        assert_eq!(refusal(&app.admin().get(nowhere).await), (404, 100), "{nowhere}");
    }
    app.admin().get("/api//repositories//").await.expect(200);
    let disguised = form("POST", &path, &[("_method", "PUT"), ("encoding", "utf-8")]);
    app.admin().send(disguised).await.expect(200);
    let parts = "--b\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\nrenamed\r\n--b--\r\n";
    let multipart = Event::new("PUT", &path).header("content-type", "multipart/form-data; boundary=b").body(parts);
    assert_eq!(app.admin().send(multipart).await.expect(200).text("/repository/name"), "renamed");
    for (media, body) in [
        ("multipart/form-data", parts.to_owned()),
        ("multipart/form-data; boundary=b", parts.replace("--b--", "")),
        ("application/x-www-form-urlencoded", "a=b&".repeat(201)),
    ] {
        let broken = Event::new("PUT", &path).header("content-type", media).body(body);
        assert_eq!(refusal(&app.admin().send(broken).await), (400, 105), "{media}");
    }
    let large =
        Event::new("PUT", &path).header("content-type", "application/x-www-form-urlencoded").body("x".repeat(300_000));
    assert_eq!(refusal(&app.admin().send(large).await), (400, 105));
    let media = "application/vnd.reviewboard.org.repository+json";
    for accept in [media, "text/html", "application/xml", "*/*"] {
        let answer = app.admin().send(Event::new("GET", &path).header("accept", accept)).await.expect(200);
        assert_eq!(answer.headers["content-type"], media, "{accept}");
    }
    app.admin().delete(&path).await.expect(204);
}

#[tokio::test]
async fn repositories_of_every_api_are_seen_here_and_those_made_here_there() {
    let app = TestApp::start().await;
    let body = json!({"name": "tools", "repo_url": "https://github.com/acme/tools"});
    app.client(app.admin().token(json!({"name": "k", "kind": "integration", "scopes": ["repos:write"]})).await)
        .post("/repositories", body)
        .await
        .expect(201);
    app.admin().post("/api/v1/products/demo", json!({"git": {}})).await.expect(200);
    let listed = app.admin().get("/api/repositories/?name=tools").await.expect(200);
    let row = &listed.body["repositories"][0];
    assert_eq!((&row["tool"], &row["mirror_path"]), (&json!("Git"), &json!("")), "{row}");
    assert_eq!(row["path"], "https://github.com/acme/tools");
    let fields = [("name", "widgets"), ("path", "https://github.com/acme/widgets.git"), ("visible", "0")];
    let made = post(&app.admin(), &fields).await.expect(201);
    let record = native(&app, &path_of(&made)).await;
    assert_eq!((&record["provider"], &record["name"]), (&json!("github"), &json!("widgets")), "{record}");
    assert!(record["externalId"].is_string(), "GitHub's API is asked for it: {record}");
}
