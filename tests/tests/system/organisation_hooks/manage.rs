//! `/api/webhook-hooks`: made, listed, looked at, changed and deleted by the tenant's administrators.

use repoplane_tests::{Hook, TestApp, consistency};
use serde_json::{Value, json};

const PATH: &str = "/api/webhook-hooks";

#[tokio::test]
async fn a_hook_is_made_with_a_path_and_a_secret_that_is_shown_once() {
    let app = TestApp::start().await;
    let admin = app.admin();
    let body = json!({
        "provider": "GitLab", "owner": "/acme/tools/", "apiBaseUrl": "https://git.example.com", "description": " d ",
    });
    let made = admin.post(PATH, body).await.expect(201);
    let id = made.text("/hook/id");
    assert!(id.starts_with("hok_"), "{id}");
    assert_eq!(made.headers["location"], format!("{PATH}/{id}"));
    assert_eq!(made.text("/webhookPath"), format!("/api/webhook/gitlab/hooks/{id}"));
    let secret = made.text("/webhookSecret");
    assert_eq!(secret.len(), 48);
    let hook = &made.body["hook"];
    for (name, value) in [
        ("provider", json!("gitlab")),
        ("owner", json!("acme/tools")),
        ("apiBaseUrl", json!("https://git.example.com")),
        ("description", json!("d")),
        ("enabled", json!(true)),
        ("secretGeneration", json!(1)),
    ] {
        assert_eq!(hook[name], value, "{name}");
    }
    let shown = admin.get(&format!("{PATH}/{id}")).await.expect(200);
    assert_eq!((&shown.body["hook"], &shown.body["webhookPath"]), (hook, &made.body["webhookPath"]));
    let tag = |etag: String| etag.split('.').next().map(str::to_owned);
    assert_eq!(tag(shown.etag()), tag(made.etag()), "the same version");
    let everything = format!("{:?}{}", app.items().await, shown.body);
    assert!(!everything.contains(&secret), "a derived secret lies nowhere");
    let other = Hook::organisation(&app, json!({"provider": "github"})).await;
    assert_ne!(other.secret, secret);
    consistency::check(&app.items().await).expect("consistent");
}

#[tokio::test]
async fn all_wrong_fields_are_named() {
    let app = TestApp::start().await;
    let body = json!({"provider": "git", "owner": "a b", "apiBaseUrl": "x", "enabled": 1, "webhookSecret": 7, "y": 1});
    let refused = app.admin().post(PATH, body).await.expect(400);
    let fields = ["/provider", "/owner", "/apiBaseUrl", "/enabled", "/webhookSecret", "/y"];
    assert_eq!(refused.wrong_fields(), fields);
    let hook = Hook::organisation(&app, json!({"provider": "github"})).await;
    let refused = app.admin().patch(&hook.path, json!({"provider": "gitlab", "owner": "a//b"})).await.expect(400);
    assert_eq!(refused.wrong_fields(), ["/owner", "/provider"]);
    let rotate = format!("{}/secret/rotate", hook.path);
    let body = json!({"overlapSeconds": -1, "webhookSecret": " "});
    let refused = app.admin().post(&rotate, body).await.expect(400);
    assert_eq!(refused.wrong_fields(), ["/overlapSeconds", "/webhookSecret"]);
}

#[tokio::test]
async fn a_list_walks_the_latest_first_and_knows_its_tenant() {
    let app = TestApp::start().await;
    let other = app.tenant("other").await;
    Hook::organisation_by(&other.client, json!({"provider": "github"})).await;
    let mut made = Vec::new();
    for n in 0..5 {
        app.clock.advance(std::time::Duration::from_secs(1));
        let hook = Hook::organisation(&app, json!({"provider": "github", "owner": format!("acme{n}")})).await;
        made.insert(0, hook.path.rsplit('/').next().expect("an id").to_owned());
    }
    let (mut found, mut query) = (Vec::new(), "limit=2".to_owned());
    loop {
        let page = app.admin().get(&format!("{PATH}?{query}")).await.expect(200);
        let hooks = page.body["hooks"].as_array().expect("hooks").clone();
        assert!(hooks.len() <= 2);
        found.extend(hooks.iter().map(|hook| hook["id"].as_str().expect("an id").to_owned()));
        let Some(next) = page.body["nextCursor"].as_str() else { break };
        query = format!("limit=2&cursor={next}");
        let foreign = other.client.get(&format!("{PATH}?{query}")).await.expect(400);
        assert_eq!(foreign.body["code"], "INVALID_CURSOR");
    }
    assert_eq!(found, made);
}

#[tokio::test]
async fn a_change_keeps_the_rest_and_meets_versions() {
    let app = TestApp::start().await;
    let admin = app.admin();
    let hook = Hook::organisation(&app, json!({"provider": "github", "owner": "acme", "description": "d"})).await;
    let first = admin.get(&hook.path).await.expect(200).etag();
    let changed =
        admin.if_match(&first).patch(&hook.path, json!({"owner": "acme/x", "enabled": false})).await.expect(200);
    assert_eq!(changed.body["hook"]["owner"], "acme/x");
    assert_eq!((&changed.body["hook"]["enabled"], &changed.body["hook"]["description"]), (&json!(false), &json!("d")));
    assert!(changed.body.get("webhookSecret").is_none());
    admin.if_match(&first).patch(&hook.path, json!({"owner": null})).await.expect(412);
    admin.if_match(&first).post(&format!("{}/secret/rotate", hook.path), Value::Null).await.expect(412);
    admin.if_match(&first).delete(&hook.path).await.expect(412);
    let cleared = admin.patch(&hook.path, json!({"owner": null, "description": null})).await.expect(200);
    assert!(cleared.body["hook"].get("owner").is_none() && cleared.body["hook"].get("description").is_none());
}

#[tokio::test]
async fn a_deleted_hook_is_gone_with_its_secret() {
    let app = TestApp::start().await;
    let admin = app.admin();
    let hook = Hook::organisation(&app, json!({"provider": "github", "webhookSecret": "chosen by its owner"})).await;
    assert_eq!(hook.secret, "chosen by its owner");
    let name = document_name(&app, &hook).await;
    assert!(!format!("{:?}", app.items().await).contains(&hook.secret), "a secret is in the vault alone");
    let deleted = admin.delete(&hook.path).await.expect(200);
    assert_eq!(deleted.body, json!({"ok": true}));
    let gone = app.line.secrets_manager().get_secret_value().secret_id(name).send().await;
    assert!(gone.is_err(), "its document went with it");
    for answer in
        [admin.get(&hook.path).await, admin.delete(&hook.path).await, admin.patch(&hook.path, json!({})).await]
    {
        assert_eq!((answer.status.as_u16(), &answer.body["error"]), (404, &json!("Webhook not found")));
    }
    hook.post(&app, "ping", "guid", "{}").await.expect(404);
    assert_eq!(admin.get(PATH).await.expect(200).body["hooks"], json!([]));
    consistency::check(&app.items().await).expect("consistent");
}

/// The vault's name of a hook's document.
async fn document_name(app: &TestApp, hook: &Hook) -> String {
    let id = hook.path.rsplit('/').next().expect("an id");
    let items = app.items().await;
    let item = items.iter().find(|item| item["pk"]["S"] == format!("HOOK#{id}")).expect("the hook");
    let name = item["data"]["M"]["secrets"]["M"]["name"]["S"].as_str().expect("a document").to_owned();
    assert!(name.ends_with(&format!("/{id}")), "{name}: a document of its own");
    name
}

#[tokio::test]
async fn members_and_other_tenants_have_nothing_to_do_with_them() {
    let app = TestApp::start().await;
    let hook = Hook::organisation(&app, json!({"provider": "github"})).await;
    let (person, other) = (app.person("ann").await, app.tenant("other").await);
    let rotate = format!("{}/secret/rotate", hook.path);
    for (client, status) in [(&person.client, 403), (&other.client, 404)] {
        client.get(&hook.path).await.expect(status);
        client.patch(&hook.path, json!({"enabled": false})).await.expect(status);
        client.post(&rotate, Value::Null).await.expect(status);
        client.delete(&hook.path).await.expect(status);
    }
    person.client.get(PATH).await.expect(403);
    person.client.post(PATH, json!({"provider": "github"})).await.expect(403);
    assert_eq!(app.admin().get(&hook.path).await.expect(200).body["hook"]["enabled"], true);
}

#[tokio::test]
async fn a_tenant_has_two_hundred_at_most() {
    let app = TestApp::start().await;
    let hook = Hook::organisation(&app, json!({"provider": "github"})).await;
    for _ in 1..200 {
        Hook::organisation(&app, json!({"provider": "github"})).await;
    }
    let body = json!({"provider": "github", "webhookSecret": "chosen by its owner"});
    let refused = app.admin().post(PATH, body.clone()).await.expect(422);
    assert_eq!(refused.body["code"], "LIMIT_EXCEEDED");
    app.tenant("other").await.client.post(PATH, body.clone()).await.expect(201);
    app.admin().delete(&hook.path).await.expect(200);
    app.admin().post(PATH, body).await.expect(201);
    consistency::check(&app.items().await).expect("consistent");
}

#[tokio::test]
async fn the_audit_log_says_who_did_what_and_no_secret() {
    let app = TestApp::start().await;
    let admin = app.admin();
    let hook = Hook::organisation(&app, json!({"provider": "github"})).await;
    admin.patch(&hook.path, json!({"owner": "acme"})).await.expect(200);
    let body = json!({"overlapSeconds": 60, "webhookSecret": "chosen by its owner"});
    admin.post(&format!("{}/secret/rotate", hook.path), body).await.expect(200);
    admin.delete(&hook.path).await.expect(200);
    let log = admin.get("/api/audit").await.expect(200);
    let entries = log.body["entries"].as_array().expect("entries");
    let of_hook: Vec<_> =
        entries.iter().filter(|entry| hook.path.ends_with(entry["target"].as_str().unwrap_or("-"))).collect();
    let mut actions: Vec<_> = of_hook.iter().map(|entry| entry["action"].as_str().unwrap_or_default()).collect();
    actions.sort_unstable();
    let expected = ["CREATED", "DELETED", "SECRET_ROTATED", "UPDATED"].map(|end| format!("ORGANISATION_HOOK_{end}"));
    assert_eq!(actions, expected);
    let updated = of_hook.iter().find(|entry| entry["action"] == "ORGANISATION_HOOK_UPDATED").expect("the change");
    assert_eq!(updated["details"]["changes"], json!({"owner": {"after": "acme"}}));
    assert!(!log.body.to_string().contains("chosen by its owner"));
}

#[tokio::test]
async fn a_repeated_call_answers_alike_without_the_secret() {
    let app = TestApp::start().await;
    let once = app.admin().once("one");
    let first =
        once.post(PATH, json!({"provider": "github", "webhookSecret": "chosen by its owner"})).await.expect(201);
    let again =
        once.post(PATH, json!({"provider": "github", "webhookSecret": "chosen by its owner"})).await.expect(201);
    assert!(again.is_replayed() && again.body.get("webhookSecret").is_none());
    assert_eq!((&again.body["hook"], &again.body["withheld"]), (&first.body["hook"], &json!(["webhookSecret"])));
    once.post(PATH, json!({"provider": "gitlab"})).await.expect(409);
    assert_eq!(app.admin().get(PATH).await.expect(200).body["hooks"].as_array().map(Vec::len), Some(1));
    consistency::check(&app.items().await).expect("consistent");
}
