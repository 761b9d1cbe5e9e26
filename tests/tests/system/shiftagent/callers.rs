use super::{Host, integration, path, problem, slug};
use repoplane_tests::{Client, Event};
use serde_json::{Value, json};

/// One call of every operation, as it would succeed.
fn calls(made: &Value) -> Vec<(&'static str, String, Value)> {
    let path = path(made);
    vec![
        ("GET", "/repositories".to_owned(), Value::Null),
        ("GET", path.clone(), Value::Null),
        ("GET", format!("{path}/skills"), Value::Null),
        ("GET", "/credentials".to_owned(), Value::Null),
        ("GET", "/integration/self".to_owned(), Value::Null),
        ("POST", "/repositories".to_owned(), json!({"name": "new", "repo_url": "https://h.example/x"})),
        ("PATCH", path.clone(), json!({"name": "other"})),
        ("POST", format!("{path}/sync"), Value::Null),
        ("POST", format!("{path}/skills"), json!({"name": "skill"})),
        ("POST", "/credentials".to_owned(), json!({"name": "n", "type": "t", "secret": "s"})),
        ("PUT", format!("/tenants/tnt_a{path}"), Value::Null),
        ("DELETE", format!("/tenants/tnt_a{path}"), Value::Null),
        ("DELETE", "/credentials/crd_00000000000000000000000000".to_owned(), Value::Null),
        ("DELETE", path, Value::Null),
    ]
}

#[tokio::test]
async fn shiftagent_2_without_a_good_bearer_token_every_call_is_401() {
    let host = Host::new().await;
    let made = host.register("field-ops").await;
    for (method, path, body) in calls(&made) {
        let ask = async |client: Client| client.call(method, &path, body.clone()).await.expect(401);
        for client in [host.app.anonymous(), host.app.client("sk_int_nobody-has-this"), host.app.client("")] {
            let refused = ask(client).await;
            assert_eq!(problem(&refused), ("insufficient-scope".to_owned(), "Unauthorized".to_owned()));
            assert_eq!(refused.headers["www-authenticate"], "Bearer", "{method} {path}");
        }
        for (name, value) in [
            ("authorization", format!("token {}", repoplane_tests::ADMIN_TOKEN)),
            ("authorization", repoplane_tests::ADMIN_TOKEN.to_owned()),
            ("x-hookcode-token", repoplane_tests::ADMIN_TOKEN.to_owned()),
        ] {
            ask(host.app.anonymous().with(name, &value)).await;
        }
    }
}

#[tokio::test]
async fn shiftagent_2_reading_needs_a_scope_and_writing_another() {
    let host = Host::new().await;
    let made = host.register("field-ops").await;
    let reader = host.app.client(integration(&host.app, json!(["repos:read"])).await);
    let tasks = host.app.client(integration(&host.app, json!(["tasks:write"])).await);
    for (method, path, body) in calls(&made) {
        let reads = method == "GET";
        let refused = tasks.call(method, &path, body.clone()).await.expect(403);
        assert_eq!(problem(&refused), ("insufficient-scope".to_owned(), "Insufficient scope".to_owned()));
        let answer = reader.call(method, &path, body).await;
        assert_eq!(answer.status.as_u16(), if reads { 200 } else { 403 }, "{method} {path}: {}", answer.body);
    }
    let refresh = format!("{}/skills?refresh=true", path(&made));
    assert_eq!(slug(&reader.get(&refresh).await.expect(403)), "insufficient-scope");
}

#[tokio::test]
async fn shiftagent_2_a_revoked_key_is_401() {
    let host = Host::new().await;
    let tokens = host.app.admin().get("/api/access-tokens").await.expect(200);
    let rows = tokens.body["accessTokens"].as_array().unwrap();
    let id = rows.iter().find(|row| row["kind"] == "integration").unwrap()["id"].as_str().unwrap();
    host.key.get("/repositories").await.expect(200);
    host.app.admin().delete(&format!("/api/access-tokens/{id}")).await.expect(200);
    host.key.get("/repositories").await.expect(401);
}

#[tokio::test]
async fn shiftagent_9_a_suspended_tenant_is_read_and_not_written() {
    let host = Host::new().await;
    let other = host.app.tenant("other").await;
    let made = other.client.post("/repositories", json!({"name": "x", "repo_url": "https://h.example/x"})).await;
    let made = made.expect(201).body;
    host.app.admin().patch(&format!("/api/tenants/{}", other.id), json!({"suspended": true})).await.expect(200);
    let client = host.app.second_instance().client(other.token.clone());
    client.get(&path(&made)).await.expect(200);
    for (method, target, body) in calls(&made).into_iter().filter(|(method, ..)| *method != "GET") {
        assert_eq!(
            slug(&client.call(method, &target, body).await.expect(403)),
            "tenant-suspended",
            "{method} {target}"
        );
    }
    let refresh = format!("{}/skills?refresh=true", path(&made));
    assert_eq!(slug(&client.get(&refresh).await.expect(403)), "tenant-suspended");
}

#[tokio::test]
async fn shiftagent_12_a_key_learns_what_it_is() {
    let host = Host::new().await;
    let own = host.key.get("/integration/self").await.expect(200);
    assert_eq!((own.text("/object"), own.text("/name")), ("integration".to_owned(), "provisioner".to_owned()));
    assert_eq!(own.body["scopes"], json!(["repositories:write"]));
    let me = host.key.get("/api/me").await.expect(200);
    assert_eq!(
        (own.text("/root_tenant_id"), own.text("/id")),
        (me.text("/tenant/id"), me.text("/principal/accessTokenId"))
    );
    assert!(own.text("/created_at").ends_with('Z'));
}

#[tokio::test]
async fn shiftagent_12_health_needs_no_token() {
    let host = Host::new().await;
    let event = Event::new("GET", "/health");
    assert_eq!(host.app.anonymous().send(event).await.expect(200).body, json!({"status": "ok"}));
}

#[tokio::test]
async fn shiftagent_2_a_key_gets_a_short_lived_token_which_manages_nothing() {
    let host = Host::new().await;
    let made = host.register("field-ops").await;
    let ann = host.app.person("ann").await;
    let exchange = async |client: &Client, body: Value| client.post("/auth/token-exchange", body).await;
    let asked = json!({"user_id": ann.id, "ttl_seconds": 60, "scopes": ["repos:read"]});
    let answer = exchange(&host.key, asked).await.expect(200);
    assert_eq!(answer.text("/token_type"), "Bearer");
    assert!(answer.text("/expires_at").ends_with('Z'));
    let platform = host.app.client(answer.text("/token"));
    platform.get("/api/me").await.expect(200);
    for (method, path, body) in calls(&made) {
        let refused = platform.call(method, &path, body).await.expect(403);
        assert_eq!(slug(&refused), "insufficient-scope", "{method} {path}");
    }
    for client in [&platform, &ann.client, &host.app.admin()] {
        assert_eq!(slug(&exchange(client, json!({"user_id": ann.id})).await.expect(403)), "insufficient-scope");
    }
    exchange(&host.app.anonymous(), json!({"user_id": ann.id})).await.expect(401);
    for (body, pointers) in [
        (json!({}), vec!["/user_id"]),
        (
            json!({"user_id": "usr_x", "ttl_seconds": 59, "scopes": ["x"], "y": 1}),
            vec!["/user_id", "/ttl_seconds", "/scopes", "/y"],
        ),
        (json!({"user_id": ann.id, "ttl_seconds": 3601}), vec!["/ttl_seconds"]),
        (json!({"user_id": ann.id, "scopes": ["admin"]}), vec!["/scopes"]),
        (json!({"user_id": "usr_00000000000000000000000000"}), vec!["/user_id"]),
    ] {
        assert_eq!(exchange(&host.key, body.clone()).await.expect(422).wrong_fields(), pointers, "{body}");
    }
    host.app.clock.advance(std::time::Duration::from_secs(61));
    platform.get("/api/me").await.expect(401);
}
