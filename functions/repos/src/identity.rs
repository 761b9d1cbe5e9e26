//! `/api/me` and `/api/bootstrap`: who is calling, and how the first caller comes to be.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};
use repoplane_api::access::Caller;
use repoplane_api::app::random_token;
use repoplane_api::body::JsonBody;
use repoplane_api::problem::ProblemType;
use repoplane_api::{App, Problem, token};
use repoplane_domain::access::{CreateAccessToken, CreateTenant, Principal, Scope, TokenKind};
use repoplane_domain::secret::Secret;
use serde_json::{Value, json};

/// `access_me`.
pub(crate) async fn me(Caller(caller): Caller) -> Json<Value> {
    Json(json!({"principal": principal(&caller), "tenant": {"id": caller.tenant}, "scopes": caller.scopes}))
}

fn principal(caller: &Principal) -> Value {
    let mut view = json!({
        "kind": caller.kind,
        "userId": caller.user,
        "username": caller.username,
        "roles": caller.roles,
        "accessTokenId": caller.token,
    });
    if let Some(name) = &caller.display_name {
        view["displayName"] = json!(name);
    }
    view
}

/// `access_bootstrap`: the first tenant and its administrator, for who holds the deployment's bootstrap token; once.
pub(crate) async fn bootstrap(
    State(app): State<App>,
    headers: HeaderMap,
    JsonBody(body): JsonBody,
) -> Result<Response, Problem> {
    check_bootstrap_token(&app, &headers).await?;
    if app.store.is_bootstrapped().await? {
        let problem = Problem::new(ProblemType::Conflict, "the registry has its first tenant already");
        return Err(problem.with_code("ALREADY_BOOTSTRAPPED"));
    }
    let command = CreateTenant::read(&body)?;
    let tokens = vec![
        (CreateAccessToken::of_bootstrap("administrator", Scope::OF_A_TENANT), new_token(TokenKind::Personal)?),
        (CreateAccessToken::of_bootstrap("operator", [Scope::Operator]), new_token(TokenKind::Personal)?),
    ];
    let (tenant, user, issued) = app.store.create_tenant(&command, tokens, true, None, app.now()).await?;
    let token = |at: usize| issued.get(at).map(|issued| issued.text.expose().to_owned());
    let answer = json!({
        "tenant": crate::tenants::view(&tenant),
        "administrator": crate::users::view(&user),
        "token": token(0),
        "operatorToken": token(1),
    });
    Ok((StatusCode::CREATED, Json(answer)).into_response())
}

async fn check_bootstrap_token(app: &App, headers: &HeaderMap) -> Result<(), Problem> {
    let given = token::of_request(headers).ok_or_else(|| Problem::unauthorized("Unauthorized"))?;
    let refused = || Problem::unauthorized("Invalid token");
    let name = app.settings.bootstrap_secret.as_deref().ok_or_else(refused)?;
    let expected = app.store.vault().read_plain(name).await?.ok_or_else(refused)?;
    let matches = !expected.expose().is_empty() && expected.matches(given.expose().as_bytes());
    if matches { Ok(()) } else { Err(refused()) }
}

/// A new token's text.
pub(crate) fn new_token(kind: TokenKind) -> Result<Secret, Problem> {
    random_token(kind.prefix()).map_err(|error| {
        tracing::error!(%error, "The operating system has no randomness to give");
        Problem::new(ProblemType::Internal, "no randomness for a token")
    })
}
