//! Tokens that are taken: whom they speak for, what they may, what they cost.

use super::{RSA, claims, me, register};
use repoplane_tests::{Hook, IssuerDouble, SigningKey};
use serde_json::{Value, json};

#[tokio::test]
async fn a_token_of_every_algorithm_speaks_for_its_user() {
    let keys = [RSA.clone(), SigningKey::new("ec-1", "ES256"), SigningKey::new("ed-1", "EdDSA")];
    let (app, _) = IssuerDouble::start(&keys.each_ref()).await;
    let ann = app.person("ann").await;
    register(&app, json!({})).await;
    for key in &keys {
        let me = me(&app, &key.sign(&claims(&app, json!({})))).await.expect(200);
        let principal = &me.body["principal"];
        assert_eq!((&principal["kind"], &principal["userId"]), (&json!("platform"), &json!(ann.id)), "{}", key.id);
        assert_eq!(me.body["scopes"], json!(["repos:write", "tasks:read"]));
    }
}

#[tokio::test]
async fn the_claim_that_names_the_user_is_the_issuers_choice() {
    let (app, _) = IssuerDouble::start(&[&RSA]).await;
    let ann = app.person_with(json!({"username": "ann", "email": "Ann@Example.com"})).await;
    let ben = app.person_with(json!({"username": "ben", "email": "shared@example.com"})).await;
    app.person_with(json!({"username": "cat", "email": "Shared@example.com"})).await;
    let issuer = register(&app, json!({})).await;
    let all = |email: &str| {
        let patch = json!({"sub": "ben", "email": email, "email_verified": true, "preferred_username": "ANN"});
        RSA.sign(&claims(&app, patch))
    };
    for (claim, email, user) in [
        ("sub", "ann@example.com", Some(&ben)),
        ("preferred_username", "ann@example.com", Some(&ann)),
        ("email", "ann@example.com", Some(&ann)),
        ("email", "nobody@example.com", None),
        ("email", "shared@example.com", None),
    ] {
        app.admin().patch(&issuer, json!({"userClaim": claim})).await.expect(200);
        let answer = me(&app, &all(email)).await;
        match user {
            Some(user) => assert_eq!(answer.expect(200).text("/principal/userId"), user.id, "{claim} {email}"),
            None => assert_eq!(answer.status, 401, "{claim} {email}"),
        }
    }
    // Addresses are looked up as they are now.
    app.admin().patch(&format!("/api/users/{}", ben.id), json!({"email": "ben@example.com"})).await.expect(200);
    me(&app, &all("shared@example.com")).await.expect(200);
    assert_eq!(me(&app, &all("ben@example.com")).await.expect(200).text("/principal/userId"), ben.id);
    let table = Value::Array(app.items().await);
    let emails =
        table.as_array().unwrap().iter().filter(|item| item["pk"]["S"].as_str().unwrap().starts_with("EMAIL#"));
    assert_eq!(emails.count(), 4, "of the administrator and three users: an address that was left is left");
    repoplane_tests::consistency::check(&app.items().await).expect("consistent");
}

#[tokio::test]
async fn a_token_has_a_members_rights_and_never_an_administrators() {
    let (app, _) = IssuerDouble::start(&[&RSA]).await;
    let boss = app.person_with(json!({"username": "ann", "roles": ["admin"]})).await;
    let (hook, other) = (Hook::github(&app).await, Hook::gitlab(&app).await);
    app.admin()
        .post(&format!("{}/members", hook.path), json!({"userId": boss.id, "role": "maintainer"}))
        .await
        .expect(201);
    register(&app, json!({})).await;
    let token = RSA.sign(&claims(&app, json!({})));
    let caller = app.client(token.clone());
    assert_eq!(me(&app, &token).await.expect(200).body["principal"]["roles"], json!([]));
    caller.get(&hook.path).await.expect(200);
    caller.patch(&hook.path, json!({"description": "by a platform token"})).await.expect(200);
    assert_eq!(caller.get(&other.path).await.expect(403).text("/code"), "REPO_ACCESS_DENIED");
    let listed = caller.get("/api/repos").await.expect(200);
    assert_eq!(listed.body["repos"].as_array().unwrap().len(), 1, "members' lists");
    for (method, path, body, code) in [
        ("DELETE", hook.path.as_str(), Value::Null, "REPO_OWNER_REQUIRED"),
        ("GET", "/api/users", Value::Null, "PAT_SCOPE_INSUFFICIENT"),
        ("GET", "/api/issuers", Value::Null, "PAT_SCOPE_INSUFFICIENT"),
        ("GET", "/api/access-tokens", Value::Null, "TOKEN_KIND_INSUFFICIENT"),
        ("POST", "/api/access-tokens", json!({"name": "n", "scopes": ["repos:read"]}), "TOKEN_KIND_INSUFFICIENT"),
        ("DELETE", "/api/access-tokens/tok_00000000000000000000000000", Value::Null, "TOKEN_KIND_INSUFFICIENT"),
    ] {
        let refused = caller.call(method, path, body).await.expect(403);
        assert_eq!(refused.text("/code"), code, "{method} {path}");
    }
    // The change stands in the log under the token's own name, which is no part of its text.
    let audit = app.admin().get(&format!("{}/audit", hook.path)).await.expect(200);
    let id = me(&app, &token).await.text("/principal/accessTokenId");
    assert!(audit.body.to_string().contains(&id) && !token.contains(&id[4..]), "{}", audit.body);
    // A narrower token is held to what it says.
    let narrow = app.client(RSA.sign(&claims(&app, json!({"scope": "openid repos:read admin"}))));
    assert_eq!(narrow.get("/api/me").await.expect(200).body["scopes"], json!(["repos:read"]));
    narrow.patch(&hook.path, json!({"description": "x"})).await.expect(403);
}

#[tokio::test]
async fn every_function_takes_a_token_and_a_warm_one_costs_no_call() {
    let (app, double) = IssuerDouble::start(&[&RSA]).await;
    let hook = Hook::github(&app).await;
    app.member(&hook.repo, "ann", "maintainer").await;
    register(&app, json!({})).await;
    let token = RSA.sign(&claims(&app, json!({})));
    for (function, path) in [
        ("repos", hook.path.clone()),
        ("robots", format!("{}/robots", hook.path)),
        ("automation", format!("{}/automation", hook.path)),
        ("webhooks", format!("{}/tasks", hook.path)),
    ] {
        app.function(function).by(&token).get(&path).await.expect(200);
    }
    app.line.take_calls();
    me(&app, &token).await.expect(200);
    assert_eq!(app.line.take_calls(), Vec::<String>::new());
    assert_eq!(double.published().asked, 1, "keys are fetched once");

    let second = app.second_instance();
    me(&second, &token).await.expect(200);
    // The issuer; the claim of the user's name; the user. The keys are of the process.
    assert_eq!(second.line.take_calls(), ["GetItem", "GetItem", "GetItem"]);
    app.line.take_calls();
    me(&app, "eyJ.not.one").await.expect(401);
    assert_eq!(app.line.take_calls(), Vec::<String>::new(), "what cannot be read is not looked up");
}
