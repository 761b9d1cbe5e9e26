//! Platform tokens: those of OpenID Connect issuers, and those that tools get in exchange.

mod exchange;
mod keys;
mod manage;
mod refused;
mod tokens;

use repoplane_tests::{Answer, IssuerDouble, SigningKey, TestApp};
use serde_json::{Value, json};
use std::sync::LazyLock;

/// The audience of every test.
const AUDIENCE: &str = "repoplane";
/// Made once: a key of this kind takes a while.
static RSA: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::new("rsa-1", "RS256"));

/// An issuer of the default tenant, with what a test says of it.
async fn register(app: &TestApp, patch: Value) -> String {
    let mut body =
        json!({"issuer": IssuerDouble::url(), "audiences": [AUDIENCE], "scopes": ["repos:write", "tasks:read"]});
    body.as_object_mut().expect("an object").extend(patch.as_object().cloned().unwrap_or_default());
    let made = app.admin().post("/api/issuers", body).await.expect(201);
    format!("/api/issuers/{}", made.text("/issuer/id"))
}

/// Claims that are good now, with what a test says of them.
fn claims(app: &TestApp, patch: Value) -> Value {
    let now = app.clock.peek().as_second();
    let mut claims = json!({"iss": IssuerDouble::url(), "aud": AUDIENCE, "sub": "ann", "iat": now, "exp": now + 600});
    claims.as_object_mut().expect("an object").extend(patch.as_object().cloned().unwrap_or_default());
    claims
}

async fn me(app: &TestApp, token: &str) -> Answer {
    app.client(token).get("/api/me").await
}
