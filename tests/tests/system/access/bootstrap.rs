//! `POST /api/bootstrap`: the first tenant of a fresh deployment.

use crate::repos::at_once;
use repoplane_api::app::Settings;
use repoplane_tests::{Client, TestApp};
use serde_json::{Value, json};

const SECRET: &str = "repoplane/bootstrap";

/// A deployment whose bootstrap token is `token`.
async fn deployed(token: &str) -> TestApp {
    let app = TestApp::unbootstrapped().await;
    let vault = app.line.secrets_manager();
    vault.create_secret().name(SECRET).secret_string(token).send().await.expect("a secret");
    app.with_settings(Settings { bootstrap_secret: Some(SECRET.to_owned()), ..Settings::default() })
}

fn body() -> Value {
    json!({"tenant": "acme", "username": "ann", "email": "ann@example.com"})
}

async fn bootstrap(client: &Client) -> repoplane_tests::Answer {
    client.post("/api/bootstrap", body()).await
}

#[tokio::test]
async fn the_first_tenant_comes_with_its_administrator_and_both_tokens_once() {
    let app = deployed("boot-strap-token").await;
    let done = bootstrap(&app.client("boot-strap-token")).await.expect(201);
    assert_eq!(done.text("/tenant/name"), "acme");
    assert_eq!(done.text("/administrator/username"), "ann");
    assert_eq!(done.body["administrator"]["roles"], json!(["admin"]));
    let (admin, operator) = (app.client(done.text("/token")), app.client(done.text("/operatorToken")));

    let me = admin.get("/api/me").await.expect(200);
    assert_eq!(me.body["tenant"], json!({"id": done.text("/tenant/id")}));
    assert_eq!(me.text("/principal/username"), "ann");
    admin.post("/api/repos", json!({"provider": "github", "name": "a"})).await.expect(201);
    assert_eq!(admin.get("/api/tenants").await.expect(403).text("/code"), "PAT_SCOPE_INSUFFICIENT");
    let tenants = operator.get("/api/tenants").await.expect(200);
    assert_eq!(tenants.body["tenants"][0]["id"], done.body["tenant"]["id"]);
    operator.get("/api/repos").await.expect(403);

    for client in [app.client("boot-strap-token"), app.second_instance().client("boot-strap-token")] {
        assert_eq!(bootstrap(&client).await.expect(409).text("/code"), "ALREADY_BOOTSTRAPPED");
    }
    assert_eq!(operator.get("/api/tenants").await.expect(200).body["tenants"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn the_bootstrap_token_opens_nothing_else_and_no_other_opens_it() {
    let app = deployed("boot-strap-token").await;
    for target in ["/api/repos", "/api/me", "/api/tenants", "/api/users"] {
        app.client("boot-strap-token").get(target).await.expect(401);
    }
    for token in ["boot-strap-toke", "boot-strap-token ", "x", "rpt_boot-strap-token"] {
        let refused = bootstrap(&app.client(token)).await;
        // Outer blanks do not belong to a token.
        if token.trim() != "boot-strap-token" {
            assert_eq!(refused.expect(401).text("/message"), "Invalid token", "{token}");
        }
    }
    app.anonymous().post("/api/bootstrap", body()).await.expect(401);
}

#[tokio::test]
async fn without_a_secret_nobody_bootstraps() {
    let app = TestApp::unbootstrapped().await;
    bootstrap(&app.client("any-token-at-all")).await.expect(401);
    let named =
        app.with_settings(Settings { bootstrap_secret: Some("repoplane/absent".to_owned()), ..Settings::default() });
    bootstrap(&named.client("any-token-at-all")).await.expect(401);
    let empty = deployed("").await;
    empty.anonymous().post("/api/bootstrap", body()).await.expect(401);
    bootstrap(&empty.client("x")).await.expect(401);
    assert!(app.items().await.is_empty() && empty.items().await.is_empty());
}

#[tokio::test]
async fn a_wrong_body_names_its_fields_and_leaves_the_door_open() {
    let app = deployed("boot-strap-token").await;
    let body = json!({"tenant": " ", "username": "a b", "email": "x", "password": "p"});
    let refused = app.client("boot-strap-token").post("/api/bootstrap", body).await.expect(400);
    assert_eq!(refused.wrong_fields(), ["/tenant", "/username", "/email", "/password"]);
    bootstrap(&app.client("boot-strap-token")).await.expect(201);
}

#[tokio::test(start_paused = true)]
async fn of_several_at_once_one_is_first() {
    let app = deployed("boot-strap-token").await;
    let second = app.second_instance();
    let answers = at_once((0..5).map(|n| {
        let client = if n % 2 == 0 { app.client("boot-strap-token") } else { second.client("boot-strap-token") };
        async move { bootstrap(&client).await.status.as_u16() }
    }))
    .await;
    let mut sorted = answers;
    sorted.sort_unstable();
    assert_eq!(sorted, [201, 409, 409, 409, 409]);
}

/// Puts another value into the deployment's own secret.
async fn replace(app: &TestApp, token: &str) {
    app.line.secrets_manager().put_secret_value().secret_id(SECRET).secret_string(token).send().await.expect("a value");
}

async fn recover(client: &Client, username: &str) -> repoplane_tests::Answer {
    client.post("/api/bootstrap/recover", json!({"username": username})).await
}

#[tokio::test]
async fn who_can_replace_the_bootstrap_token_gets_an_administrator_new_tokens_once() {
    let app = deployed("boot-strap-token").await;
    let early = recover(&app.client("boot-strap-token"), "ann").await.expect(409);
    assert_eq!(early.text("/code"), "NOT_BOOTSTRAPPED");
    let first = bootstrap(&app.client("boot-strap-token")).await.expect(201);
    // The value that bootstrapped is used up.
    let used = recover(&app.client("boot-strap-token"), "ann").await.expect(409);
    assert_eq!(used.text("/code"), "BOOTSTRAP_TOKEN_USED");

    replace(&app, "a-second-token").await;
    recover(&app.client("boot-strap-token"), "ann").await.expect(401);
    let done = recover(&app.client("a-second-token"), "ANN").await.expect(200);
    assert_eq!(done.text("/administrator/username"), "ann");
    app.client(done.text("/token")).get("/api/users").await.expect(200);
    app.client(done.text("/operatorToken")).get("/api/tenants").await.expect(200);
    // What was lost may turn up again: it is not revoked.
    app.client(first.text("/token")).get("/api/me").await.expect(200);
    for app in [&app, &app.second_instance()] {
        let again = recover(&app.client("a-second-token"), "ann").await.expect(409);
        assert_eq!(again.text("/code"), "BOOTSTRAP_TOKEN_USED");
    }
    // Nor does it make a second first tenant.
    assert_eq!(bootstrap(&app.client("a-second-token")).await.expect(409).text("/code"), "ALREADY_BOOTSTRAPPED");
    let audit = app.client(done.text("/token")).get("/api/audit").await.expect(200);
    assert!(audit.body.to_string().contains("ADMINISTRATOR_RECOVERED"), "{}", audit.body);
}

#[tokio::test]
async fn only_an_enabled_administrator_is_recovered_and_a_refusal_uses_nothing_up() {
    let app = deployed("boot-strap-token").await;
    let admin = app.client(bootstrap(&app.client("boot-strap-token")).await.expect(201).text("/token"));
    admin.post("/api/users", json!({"username": "bob"})).await.expect(201);
    replace(&app, "a-second-token").await;
    let holder = app.client("a-second-token");
    for name in ["bob", "nobody"] {
        let refused = recover(&holder, name).await.expect(409);
        assert_eq!(refused.text("/code"), "NOT_AN_ADMINISTRATOR");
        assert!(refused.text("/detail").ends_with("; ann is"), "{}", refused.body);
    }
    let wrong = holder.post("/api/bootstrap/recover", json!({"username": " ", "tenant": "x"})).await.expect(400);
    assert_eq!(wrong.wrong_fields(), ["/username", "/tenant"]);
    app.anonymous().post("/api/bootstrap/recover", json!({"username": "ann"})).await.expect(401);
    recover(&holder, "ann").await.expect(200);
}

#[tokio::test(start_paused = true)]
async fn of_several_recoveries_at_once_one_counts() {
    let app = deployed("boot-strap-token").await;
    bootstrap(&app.client("boot-strap-token")).await.expect(201);
    replace(&app, "a-second-token").await;
    let second = app.second_instance();
    let mut answers = at_once((0..5).map(|n| {
        let client = if n % 2 == 0 { app.client("a-second-token") } else { second.client("a-second-token") };
        async move { recover(&client, "ann").await.status.as_u16() }
    }))
    .await;
    answers.sort_unstable();
    assert_eq!(answers, [200, 409, 409, 409, 409]);
}
