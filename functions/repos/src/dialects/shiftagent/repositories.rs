//! `/repositories`: register, look, change, delete, sync (contract: shiftagent 6, 7.1–7.5).

use super::paging::Paging;
use super::{Reader, Writer, problems, repository, view};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use repoplane_api::access::PathParams;
use repoplane_api::idempotency::{Sent, answer_kept};
use repoplane_api::query::QueryParams;
use repoplane_api::{Answer, App, Asked, Problem};
use repoplane_domain::access::{Principal, Right, authorize};
use repoplane_domain::audit::{AuditAction, AuditEntry};
use repoplane_domain::error::FieldErrors;
use repoplane_domain::id::{AuditId, CredentialId, RepositoryId};
use repoplane_domain::repository::{
    RegisterRepository, RepositoryState, UNKNOWN_CREDENTIAL, UpdateRepository, may_name_credential,
};
use repoplane_store::{Author, DecisionSet, KeptAnswer, Place, Plan, RosterPage};
use serde_json::json;

/// `shiftagent_list_repositories`.
pub(crate) async fn list(
    State(app): State<App>,
    Reader(caller): Reader,
    query: QueryParams,
) -> Result<Answer, Problem> {
    let Paging { from, limit } = Paging::<RepositoryId>::read(&query)?;
    let page = match query.get("name") {
        None => app.store.roster(&caller, from, limit, app.now()).await?,
        // A name is that of a few repositories at most.
        Some(name) => {
            let mut rows = app.store.shown_as(&caller, name).await?;
            rows.retain(|row| match from {
                None => true,
                Some(Place::After(id)) => row.repository.id < id,
                Some(Place::Before(id)) => row.repository.id > id,
            });
            let more = rows.len() > limit;
            rows.truncate(limit);
            RosterPage { rows, more }
        }
    };
    let rows = page.rows.iter().map(|row| view::repository(&row.repository, &row.state)).collect();
    Ok(Answer::ok(view::list(rows, page.more)))
}

/// `shiftagent_register_repository`.
pub(crate) async fn register(
    State(app): State<App>,
    Writer(caller): Writer,
    asked: Asked,
    sent: Sent,
) -> Result<Answer, Problem> {
    let once = sent.once(&caller, "registerRepository")?;
    let run = async {
        let mut errors = FieldErrors::new();
        let said = RegisterRepository::read(&sent.needed_body()?, &mut errors);
        check(&app, &caller, said.credential, errors).await?;
        let render = |set: &DecisionSet| KeptAnswer { status: 201, ..KeptAnswer::ok(view::of(set)) };
        let set = app.store.create_repository(&caller, said.command, once.as_ref(), app.now(), render).await?;
        Ok(render(&set).into())
    };
    answer_kept(&app, once.as_ref(), run, |problem| problems::kept(problem, &asked)).await
}

/// `shiftagent_get_repository`.
pub(crate) async fn show(
    State(app): State<App>,
    Reader(caller): Reader,
    params: PathParams,
) -> Result<Answer, Problem> {
    Ok(Answer::ok(view::of(&repository(&app, &caller, &params, Right::Read).await?)))
}

/// `shiftagent_update_repository`.
pub(crate) async fn update(
    State(app): State<App>,
    Writer(caller): Writer,
    params: PathParams,
    sent: Sent,
) -> Result<Answer, Problem> {
    let set = repository(&app, &caller, &params, Right::ManageArchived).await?;
    let (body, now, mut errors) = (sent.needed_body()?, app.now(), FieldErrors::new());
    let said = UpdateRepository::read(&body, &mut errors);
    check(&app, &caller, said.credential(), errors).await?;
    let changes = said.apply(&set.repository, now)?.is_some();
    authorize(&caller, &set.repository, &set.members.members, Right::Manage)?;
    if !changes {
        return Ok(Answer::ok(view::of(&set)));
    }
    let fields: Vec<&String> = body.as_object().map(|fields| fields.keys().collect()).unwrap_or_default();
    let plan = |set: &DecisionSet| {
        let Some(next) = said.apply(&set.repository, now)? else { return Ok(Plan::nothing(())) };
        let audit = AuditId::new(now, app.store.ids());
        let entry = AuditEntry::by(&caller, audit, AuditAction::RepoUpdated, next.id, now).on(next.id);
        let stateless = |record| view::repository(record, &RepositoryState::default());
        let entry = entry.with(json!({"fields": fields})).with_change(&stateless(&set.repository), &stateless(&next));
        Ok(Plan { repository: Some(next), audit: vec![entry], ..Plan::nothing(()) })
    };
    let author = Author { principal: &caller, right: Right::Manage, now };
    let (set, ()) = app.store.change(author, set, plan).await?;
    Ok(Answer::ok(view::of(&set)))
}

/// `shiftagent_delete_repository`.
pub(crate) async fn remove(
    State(app): State<App>,
    Writer(caller): Writer,
    params: PathParams,
) -> Result<Response, Problem> {
    let right = caller.deletes_by();
    let set = repository(&app, &caller, &params, right).await?;
    let author = Author { principal: &caller, right, now: app.now() };
    app.store.remove_repository(author, set, false, |_| Ok(())).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// `shiftagent_sync_repository`.
pub(crate) async fn sync(
    State(app): State<App>,
    Writer(caller): Writer,
    params: PathParams,
    asked: Asked,
    sent: Sent,
) -> Result<Answer, Problem> {
    let once = sent.once(&caller, "syncRepository")?;
    let run = async {
        let set = repository(&app, &caller, &params, Right::ManageArchived).await?;
        let render = |set: &DecisionSet| KeptAnswer { status: 202, ..KeptAnswer::ok(view::of(set)) };
        let author = Author { principal: &caller, right: Right::Manage, now: app.now() };
        let set = app.store.ask_for_sync(author, set, once.as_ref(), render).await?;
        Ok(render(&set).into())
    };
    answer_kept(&app, once.as_ref(), run, |problem| problems::kept(problem, &asked)).await
}

/// All that is wrong with a body is told together. The transaction finds a credential that is not there by itself; it is
/// asked for only where something else is wrong already.
async fn check(
    app: &App,
    caller: &Principal,
    credential: Option<CredentialId>,
    mut errors: FieldErrors,
) -> Result<(), Problem> {
    let is_known = match credential {
        Some(_) if may_name_credential(caller, credential).is_err() => false,
        Some(id) if !errors.is_empty() => app.store.has_vault_credential(caller.tenant, id).await?,
        Some(_) | None => true,
    };
    if !is_known {
        errors.push("/credential_id", UNKNOWN_CREDENTIAL);
    }
    Ok(errors.into_result(())?)
}
