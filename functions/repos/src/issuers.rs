//! `/api/issuers`: OpenID Connect issuers whose tokens the tenant takes, for its administrators.

use axum::extract::State;
use repoplane_api::access::{Administrator, PathParams};
use repoplane_api::body::JsonBody;
use repoplane_api::{Answer, App, IfMatch, PostedBody, Problem, answer_once};
use repoplane_domain::error::Kind;
use repoplane_domain::oidc::{CreateIssuer, Issuer, PatchIssuer};
use repoplane_store::KeptAnswer;
use serde_json::{Value, json};

/// One issuer on the wire.
fn view(issuer: &Issuer) -> Value {
    let mut view = json!({
        "id": issuer.id,
        "issuer": issuer.issuer,
        "audiences": issuer.audiences,
        "algorithms": issuer.algorithms,
        "userClaim": issuer.user_claim,
        "scopes": issuer.scopes,
        "enabled": issuer.enabled,
        "createdAt": issuer.created_at,
        "updatedAt": issuer.updated_at,
    });
    if let Some(address) = &issuer.jwks_uri {
        view["jwksUri"] = json!(address);
    }
    view
}

/// `issuers_list`.
pub(crate) async fn list(State(app): State<App>, Administrator(caller): Administrator) -> Result<Answer, Problem> {
    let issuers = app.store.issuers(caller.tenant).await?;
    Ok(Answer::ok(json!({"issuers": issuers.iter().map(view).collect::<Vec<_>>()})))
}

/// `issuers_get`.
pub(crate) async fn show(
    State(app): State<App>,
    Administrator(caller): Administrator,
    params: PathParams,
) -> Result<Answer, Problem> {
    let id = params.id("issuer_id", Kind::Issuer)?;
    let issuer = app.store.issuer(caller.tenant, id).await?.ok_or_else(|| Problem::not_found(Kind::Issuer))?;
    Ok(Answer::ok(json!({"issuer": view(&issuer)})).version(issuer.version))
}

/// `issuers_create`.
pub(crate) async fn create(
    State(app): State<App>,
    Administrator(caller): Administrator,
    PostedBody(posted): PostedBody,
) -> Result<Answer, Problem> {
    let once = posted.once(&caller);
    let run = async {
        let command = CreateIssuer::read(&posted.body)?;
        let render = |issuer: &Issuer| {
            let body = json!({"issuer": view(issuer)});
            KeptAnswer::created(format!("/api/issuers/{}", issuer.id), body).version(issuer.version)
        };
        let issuer = app.store.create_issuer(&caller, command, once.as_ref(), app.now(), render).await?;
        Ok(render(&issuer).into())
    };
    answer_once(&app, once.as_ref(), run).await
}

/// `issuers_update`.
pub(crate) async fn change(
    State(app): State<App>,
    Administrator(caller): Administrator,
    params: PathParams,
    if_match: IfMatch,
    JsonBody(body): JsonBody,
) -> Result<Answer, Problem> {
    let id = params.id("issuer_id", Kind::Issuer)?;
    let (patch, now) = (PatchIssuer::read(&body)?, app.now());
    let change = |stored: &Issuer| {
        if_match.check(stored.version)?;
        Ok(patch.apply(stored, now))
    };
    let issuer = app.store.change_issuer(&caller, id, now, change, view).await?;
    Ok(Answer::ok(json!({"issuer": view(&issuer)})).version(issuer.version))
}

/// `issuers_delete`.
pub(crate) async fn remove(
    State(app): State<App>,
    Administrator(caller): Administrator,
    params: PathParams,
    if_match: IfMatch,
) -> Result<Answer, Problem> {
    let id = params.id("issuer_id", Kind::Issuer)?;
    let check = |stored: &Issuer| if_match.check(stored.version);
    app.store.remove_issuer(&caller, id, app.now(), check).await?;
    Ok(Answer::ok(json!({"ok": true})))
}
