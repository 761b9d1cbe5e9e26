//! `/tenants/{tenant_id}/repositories/{repository_id}`: which of the host's tenants work with a repository (contract:
//! shiftagent 8).

use super::{Writer, repository, view};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use repoplane_api::access::PathParams;
use repoplane_api::idempotency::Sent;
use repoplane_api::{Answer, App, Problem};
use repoplane_domain::access::Right;
use repoplane_domain::attachment::{Attach, HostTenant};
use repoplane_domain::error::Kind;
use repoplane_store::{Author, KeptAnswer};

/// An archived repository can be attached and detached: that changes nothing of it.
const RIGHT: Right = Right::ManageArchived;

/// `shiftagent_attach_tenant_repository`.
pub(crate) async fn attach(
    State(app): State<App>,
    Writer(caller): Writer,
    params: PathParams,
    sent: Sent,
) -> Result<Answer, Problem> {
    let host: HostTenant = params.id("tenant_id", Kind::Attachment)?;
    let set = repository(&app, &caller, &params, RIGHT).await?;
    let said = Attach::read(&sent.body?)?;
    let author = Author { principal: &caller, right: RIGHT, now: app.now() };
    let attached = app.store.attach(author, &set, &host, &said).await?;
    let status = if attached.is_new { 201 } else { 200 };
    Ok(KeptAnswer { status, ..KeptAnswer::ok(view::attachment(&attached, &set)) }.into())
}

/// `shiftagent_detach_tenant_repository`.
pub(crate) async fn detach(
    State(app): State<App>,
    Writer(caller): Writer,
    params: PathParams,
) -> Result<Response, Problem> {
    let host: HostTenant = params.id("tenant_id", Kind::Attachment)?;
    let set = repository(&app, &caller, &params, RIGHT).await?;
    let author = Author { principal: &caller, right: RIGHT, now: app.now() };
    app.store.detach(author, &set, &host).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
