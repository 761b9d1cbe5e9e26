//! A GitHub App of the double: what it says of itself, and the exchange of its claim for an installation's token.

use super::github::{Github, github_missing};
use super::{Account, WRITE_TOKEN, header, refusal};
use axum::Json;
use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// The app's id. Any RSA key is taken as its private key: the double does not check signatures.
pub const APP_ID: u64 = 1001;
/// The app's one installation, whose token has the rights of [`WRITE_TOKEN`].
pub const INSTALLATION_ID: u64 = 2002;

const SLUG: &str = "demo-app";

/// Whether the claim names this app.
fn is_the_app(headers: &HeaderMap) -> bool {
    let claims = || {
        let claim = header(headers, "authorization")?.strip_prefix("Bearer ")?;
        let payload = URL_SAFE_NO_PAD.decode(claim.split('.').nth(1)?).ok()?;
        serde_json::from_slice::<Value>(&payload).ok()
    };
    claims().is_some_and(|claims| claims["iss"].as_str().and_then(|iss| iss.parse().ok()) == Some(APP_ID))
}

fn unauthorized() -> Response {
    let message = "A JSON web token could not be decoded";
    refusal(StatusCode::UNAUTHORIZED, json!({"message": message, "status": "401"}))
}

/// GitHub REST: `GET /app`.
pub(super) async fn app(headers: HeaderMap) -> Response {
    if !is_the_app(&headers) {
        return unauthorized();
    }
    let body = json!({
        "id": APP_ID, "slug": SLUG, "name": "Demo App", "node_id": "A_demo",
        "owner": {"login": "demo", "id": 1, "type": "Organization"},
        "html_url": format!("https://github.com/apps/{SLUG}"), "external_url": "https://demo.example",
        "permissions": permissions(), "events": ["push"],
        "created_at": "2024-01-01T00:00:00Z", "updated_at": "2024-01-01T00:00:00Z",
    });
    Json(body).into_response()
}

fn permissions() -> Value {
    json!({"contents": "write", "issues": "write", "metadata": "read", "pull_requests": "write"})
}

/// GitHub REST: `POST /app/installations/{installation_id}/access_tokens`.
pub(super) async fn exchange(headers: HeaderMap, Path(id): Path<String>) -> Response {
    if !is_the_app(&headers) {
        return unauthorized();
    }
    if id != INSTALLATION_ID.to_string() {
        return github_missing();
    }
    // The double's tokens do not end, so the time is one that no clock here reaches.
    let body = json!({
        "token": WRITE_TOKEN, "expires_at": "2099-01-01T00:00:00Z", "permissions": permissions(),
        "repository_selection": "all",
    });
    (StatusCode::CREATED, Json(body)).into_response()
}

/// GitHub REST: `GET /users/{username}`, of the app's bot and the demo accounts.
pub(super) async fn bot(_: Github, Path(login): Path<String>) -> Response {
    let accounts = [Account::Admin, Account::Writer, Account::Reader];
    let account = accounts.into_iter().find(|account| account.login() == login);
    let (id, kind) = match account {
        Some(account) => (account.id(), "User"),
        None if login == format!("{SLUG}[bot]") => (9101, "Bot"),
        None => return github_missing(),
    };
    Json(json!({"login": login, "id": id, "node_id": format!("U_demo{id}"), "type": kind, "site_admin": false}))
        .into_response()
}
