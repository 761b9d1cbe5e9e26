//! `/integration/self`: who is calling (contract: shiftagent 12).

use super::Reader;
use axum::extract::State;
use http::HeaderMap;
use repoplane_api::{Answer, App, Problem, token};
use repoplane_domain::access::Scope;
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

/// A scope in the words of this API, where it has some.
fn named(scope: Scope) -> &'static str {
    match scope {
        Scope::ReposWrite => "repositories:write",
        Scope::ReposRead | Scope::TasksRead | Scope::TasksWrite | Scope::Admin | Scope::Operator => scope.as_str(),
    }
}
