//! `/api/tenants`: for the operator of the registry.

use crate::identity::new_token;
use axum::extract::State;
use repoplane_api::access::{Operator, PathParams};
use repoplane_api::body::JsonBody;
use repoplane_api::{Answer, App, IfMatch, PostedBody, Problem, answer_once};
use repoplane_domain::access::{CreateAccessToken, CreateTenant, PatchTenant, Scope, Tenant, TokenKind, User};
use repoplane_domain::error::Kind;
use repoplane_providers::Authority;
use repoplane_store::{Authorship, KeptAnswer};
use serde_json::{Value, json};

/// One tenant on the wire.
pub(crate) fn view(tenant: &Tenant) -> Value {
    json!({
        "id": tenant.id,
        "name": tenant.name,
        "suspended": tenant.suspended,
        "egressAllow": tenant.network.egress_allow,
        "caCertificates": tenant.network.ca_certificates.iter().map(|pem| certificate(pem)).collect::<Vec<_>>(),
        "createdAt": tenant.created_at,
        "updatedAt": tenant.updated_at,
    })
}

/// A certificate by its fingerprint, which whoever set it can compare.
fn certificate(pem: &str) -> Value {
    json!({"sha256": Authority::read(pem).ok().map(|authority| authority.sha256())})
}

/// What of a tenant can change, for the audit log.
fn changing(tenant: &Tenant) -> Value {
    let mut view = view(tenant);
    if let Some(fields) = view.as_object_mut() {
        fields.retain(|name, _| ["name", "suspended", "egressAllow", "caCertificates"].contains(&name.as_str()));
    }
    view
}

/// `tenants_list`.
pub(crate) async fn list(State(app): State<App>, Operator(_): Operator) -> Result<Answer, Problem> {
    let tenants = app.store.list_tenants().await?;
    Ok(Answer::ok(json!({"tenants": tenants.iter().map(view).collect::<Vec<_>>()})))
}

/// `tenants_get`.
pub(crate) async fn show(State(app): State<App>, Operator(_): Operator, params: PathParams) -> Result<Answer, Problem> {
    let id = params.id("tenant_id", Kind::Tenant)?;
    let tenant = app.store.tenant(id).await?.ok_or_else(|| Problem::not_found(Kind::Tenant))?;
    Ok(Answer::ok(json!({"tenant": view(&tenant)})).version(tenant.version))
}

/// `tenants_create`: the tenant with its first administrator and that administrator's token, shown once.
pub(crate) async fn create(
    State(app): State<App>,
    Operator(operator): Operator,
    PostedBody(posted): PostedBody,
) -> Result<Answer, Problem> {
    let once = posted.once(&operator);
    let run = async {
        let command = CreateTenant::read(&posted.body)?;
        let token = CreateAccessToken::of_bootstrap("administrator", Scope::OF_A_TENANT);
        let tokens = vec![(token, new_token(TokenKind::Personal)?)];
        let render = |tenant: &Tenant, user: &User| {
            let body = json!({"tenant": view(tenant), "administrator": crate::users::view(user)});
            let location = format!("/api/tenants/{}", tenant.id);
            KeptAnswer::created(location, body).version(tenant.version).withholding("token")
        };
        let author = Authorship::Operator { principal: &operator, once: once.as_ref() };
        let (tenant, user, issued) = app.store.create_tenant(&command, tokens, author, app.now(), render).await?;
        let answer = Answer::from(render(&tenant, &user));
        let text = issued.into_iter().next().map(|issued| issued.text);
        Ok(text.into_iter().fold(answer, |answer, text| answer.reveal("token", text)))
    };
    answer_once(&app, once.as_ref(), run).await
}

/// `tenants_update`.
pub(crate) async fn change(
    State(app): State<App>,
    Operator(operator): Operator,
    params: PathParams,
    if_match: IfMatch,
    JsonBody(body): JsonBody,
) -> Result<Answer, Problem> {
    let id = params.id("tenant_id", Kind::Tenant)?;
    let certificate = |pem: &str| Authority::read(pem).map(drop).map_err(|error| error.to_string());
    let (patch, now) = (PatchTenant::read(&body, certificate)?, app.now());
    let change = |stored: &Tenant| {
        if_match.check(stored.version)?;
        Ok(patch.apply(stored, now))
    };
    let tenant = app.store.change_tenant(&operator, id, now, change, changing).await?;
    Ok(Answer::ok(json!({"tenant": view(&tenant)})).version(tenant.version))
}
