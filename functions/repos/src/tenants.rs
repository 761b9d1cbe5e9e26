//! `/api/tenants`: for the operator of the registry.

use crate::identity::new_token;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use repoplane_api::access::{Operator, PathParams};
use repoplane_api::body::JsonBody;
use repoplane_api::{App, Problem};
use repoplane_domain::access::{CreateAccessToken, CreateTenant, PatchTenant, Scope, Tenant, TokenKind};
use repoplane_domain::error::Kind;
use serde_json::{Value, json};

/// One tenant on the wire.
pub(crate) fn view(tenant: &Tenant) -> Value {
    json!({
        "id": tenant.id,
        "name": tenant.name,
        "suspended": tenant.suspended,
        "createdAt": tenant.created_at,
        "updatedAt": tenant.updated_at,
    })
}

/// `tenants_list`.
pub(crate) async fn list(State(app): State<App>, Operator(_): Operator) -> Result<Json<Value>, Problem> {
    let tenants = app.store.list_tenants().await?;
    Ok(Json(json!({"tenants": tenants.iter().map(view).collect::<Vec<_>>()})))
}

/// `tenants_create`: the tenant with its first administrator and that administrator's token, shown once.
pub(crate) async fn create(
    State(app): State<App>,
    Operator(operator): Operator,
    JsonBody(body): JsonBody,
) -> Result<Response, Problem> {
    let command = CreateTenant::read(&body)?;
    let token = CreateAccessToken::of_bootstrap("administrator", Scope::OF_A_TENANT);
    let tokens = vec![(token, new_token(TokenKind::Personal)?)];
    let (tenant, user, issued) = app.store.create_tenant(&command, tokens, false, Some(&operator), app.now()).await?;
    let answer = json!({
        "tenant": view(&tenant),
        "administrator": crate::users::view(&user),
        "token": issued.first().map(|issued| issued.text.expose()),
    });
    let location = format!("/api/tenants/{}", tenant.id);
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(answer)).into_response())
}

/// `tenants_update`.
pub(crate) async fn change(
    State(app): State<App>,
    Operator(operator): Operator,
    params: PathParams,
    JsonBody(body): JsonBody,
) -> Result<Json<Value>, Problem> {
    let id = params.id("tenant_id", Kind::Tenant)?;
    let patch = PatchTenant::read(&body)?;
    let tenant = app.store.patch_tenant(&operator, id, &patch, app.now()).await?;
    Ok(Json(json!({"tenant": view(&tenant)})))
}
