//! Who calls, in every form in which that can be said (contract: abf 1).

use super::{Abf, path};
use base64::Engine as _;
use repoplane_tests::Event;
use serde_json::json;

fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}")))
}

#[tokio::test]
async fn every_form_of_credentials_is_taken() {
    let abf = Abf::new().await;
    let (token, get) = (&abf.local.token, path(abf.main, ""));
    let anonymous = abf.app.anonymous();
    for header in [basic("lena", token), basic(token, ""), format!("Bearer {token}")] {
        anonymous.with("authorization", &header).get(&get).await.expect(200);
    }
    anonymous.get(&format!("{get}?authentication_token={token}")).await.expect(200);
    let body = json!({"authentication_token": token, "description": "by a token in the body"});
    anonymous.put(&get, body).await.expect(200);
    let form = format!("authentication_token={token}&repository[description]=by+a+form");
    let form = Event::new("PUT", &get).header("content-type", "application/x-www-form-urlencoded").body(form);
    anonymous.send(form).await.expect(200);
    assert_eq!(abf.record(abf.main).await["description"], "by a form");
    // Of this API alone.
    abf.app.anonymous().get(&format!("/api/repos?authentication_token={token}")).await.expect(401);
    for (client, error) in [
        (anonymous.clone(), "You need to sign in or sign up before continuing."),
        (anonymous.with("authorization", &basic("lena", "wrong")), "Invalid email or password."),
        (anonymous.with("authorization", &basic("wrong", "")), "Invalid email or password."),
    ] {
        let refused = client.get(&get).await.expect(401);
        assert_eq!(refused.body, json!({"error": error}));
        assert_eq!(refused.headers["www-authenticate"], "Basic realm=\"repoplane\"");
    }
}

#[tokio::test]
async fn checks_come_in_the_contracts_order() {
    let abf = Abf::new().await;
    let reader = abf.global.token(json!({"name": "r", "scopes": ["repos:read"]})).await;
    let (reader, nobody) = (abf.app.client(reader), abf.app.anonymous());
    let blank = json!({"description": ""});
    nobody.put(&path(9_999, ""), blank.clone()).await.expect(401);
    reader.put(&path(9_999, ""), blank.clone()).await.expect(404);
    reader.put(&path(abf.main, ""), blank.clone()).await.expect(403);
    abf.stranger.client.put(&path(abf.main, ""), blank.clone()).await.expect(403);
    abf.local.client.put(&path(abf.main, ""), blank).await.expect(422);
    reader.get(&path(abf.main, "")).await.expect(200);
    let other = abf.app.tenant("other").await;
    other.client.get(&path(abf.main, "")).await.expect(404);
    let broken = Event::new("PUT", &path(abf.main, "")).header("content-type", "application/json").body("{");
    abf.stranger.client.send(broken.clone()).await.expect(403);
    abf.local.client.send(broken).await.expect(400);
}
