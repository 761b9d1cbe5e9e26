//! `/integration/self` and `/auth/token-exchange`: who is calling, and tokens for others (contract: shiftagent 12).

use super::{Bearer, Reader};
use axum::extract::State;
use http::HeaderMap;
use repoplane_api::idempotency::Sent;
use repoplane_api::problem::ProblemType;
use repoplane_api::{Answer, App, Problem, token};
use repoplane_domain::access::{Exchange, Scope};
use repoplane_domain::error::DomainError;
use serde_json::json;

/// `shiftagent_get_integration_self`.
pub(crate) async fn show_self(
    State(app): State<App>,
    Reader(caller): Reader,
    headers: HeaderMap,
) -> Result<Answer, Problem> {
    let absent = || Problem::unauthorized("Invalid token");
    let text = token::of_request(&headers).ok_or_else(absent)?;
    // It was looked up a moment ago: a cache has it.
    let record = app.store.token_record(&text, false, app.now()).await?.ok_or_else(absent)?;
    let scopes: Vec<&str> = caller.scopes.iter().map(|scope| named(*scope)).collect();
    Ok(Answer::ok(json!({
        "object": "integration",
        "id": caller.token,
        "name": record.token.name,
        "scopes": scopes,
        "root_tenant_id": caller.tenant,
        "created_at": record.token.created_at,
    })))
}

/// `shiftagent_token_exchange`: a short-lived token for a user, which integration keys alone may ask for. It is shown in this
/// one answer.
pub(crate) async fn exchange(State(app): State<App>, Bearer(caller): Bearer, sent: Sent) -> Result<Answer, Problem> {
    caller.need_integration_key()?;
    let said = Exchange::read(&sent.needed_body()?)?;
    let (text, token) = app.exchange(&caller, &said).await.map_err(|problem| {
        let is_unknown = problem.kind() == ProblemType::NotFound;
        if is_unknown { DomainError::invalid("/user_id", "no user has this id").into() } else { problem }
    })?;
    let body = json!({"token_type": "Bearer", "expires_at": token.expires_at});
    Ok(Answer::ok(body).reveal("token", text))
}

/// A scope in the words of this API, where it has some.
fn named(scope: Scope) -> &'static str {
    match scope {
        Scope::ReposWrite => "repositories:write",
        Scope::ReposRead | Scope::TasksRead | Scope::TasksWrite | Scope::Admin | Scope::Operator => scope.as_str(),
    }
}
