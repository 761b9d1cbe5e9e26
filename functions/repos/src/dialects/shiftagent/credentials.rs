//! `/credentials`: secrets that repositories name and nobody reads (contract: shiftagent 8).

use super::paging::Paging;
use super::{Reader, Writer, problems, view};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use repoplane_api::access::PathParams;
use repoplane_api::idempotency::{Sent, answer_kept};
use repoplane_api::query::QueryParams;
use repoplane_api::{Answer, App, Asked, Problem};
use repoplane_domain::error::Kind;
use repoplane_domain::id::CredentialId;
use repoplane_domain::vault_credential::{CreateVaultCredential, VaultCredential};
use repoplane_store::KeptAnswer;

/// `shiftagent_list_credentials`.
pub(crate) async fn list(
    State(app): State<App>,
    Reader(caller): Reader,
    query: QueryParams,
) -> Result<Answer, Problem> {
    caller.need_vault()?;
    let Paging { from, limit } = Paging::<CredentialId>::read(&query)?;
    let page = app.store.vault_credentials(caller.tenant, query.get("type"), from, limit, app.now()).await?;
    let rows = page.credentials.iter().map(view::credential).collect();
    Ok(Answer::ok(view::list(rows, page.more)))
}

/// `shiftagent_create_credential`.
pub(crate) async fn create(
    State(app): State<App>,
    Writer(caller): Writer,
    asked: Asked,
    sent: Sent,
) -> Result<Answer, Problem> {
    caller.need_vault()?;
    let once = sent.once(&caller, "createCredential")?;
    let run = async {
        let command = CreateVaultCredential::read(&sent.needed_body()?)?;
        let render = |made: &VaultCredential| KeptAnswer { status: 201, ..KeptAnswer::ok(view::credential(made)) };
        let made = app.store.create_vault_credential(&caller, command, once.as_ref(), app.now(), render).await?;
        Ok(render(&made).into())
    };
    answer_kept(&app, once.as_ref(), run, |problem| problems::kept(problem, &asked)).await
}

/// `shiftagent_delete_credential`.
pub(crate) async fn remove(
    State(app): State<App>,
    Writer(caller): Writer,
    params: PathParams,
) -> Result<Response, Problem> {
    caller.need_vault()?;
    let id: CredentialId = params.id("credential_id", Kind::VaultCredential)?;
    app.store.remove_vault_credential(&caller, id, app.now()).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
