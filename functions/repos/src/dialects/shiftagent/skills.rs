//! `/repositories/{repository_id}/skills`: the catalogue, and skills that are added by hand (contract: shiftagent 7.6).

use super::paging::Paging;
use super::{Reader, Writer, problems, repository, view};
use axum::extract::State;
use repoplane_api::access::PathParams;
use repoplane_api::idempotency::{Sent, answer_kept};
use repoplane_api::query::QueryParams;
use repoplane_api::{Answer, App, Asked, Problem};
use repoplane_domain::access::{Principal, Right, Scope};
use repoplane_domain::error::{Denial, DomainError, FieldErrors};
use repoplane_domain::id::SkillId;
use repoplane_domain::skill::{ManualSkill, Skill};
use repoplane_store::{Author, DecisionSet, KeptAnswer, SkillFilter};
use serde_json::Value;
use std::time::Duration;

/// How long a call waits for the scan that it asked for; the gateway hangs up after 30 s.
const MAX_WAIT: Duration = Duration::from_secs(15);
/// The first pause between two looks at a running scan; doubled each time.
const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// `shiftagent_list_repository_skills`.
pub(crate) async fn list(
    State(app): State<App>,
    Reader(caller): Reader,
    params: PathParams,
    query: QueryParams,
) -> Result<Answer, Problem> {
    let mut errors = FieldErrors::new();
    let refresh = query.boolean("refresh", &mut errors).unwrap_or_default();
    if refresh {
        caller.need_scope(Scope::ReposWrite)?;
        if app.store.is_suspended(caller.tenant).await? {
            return Err(DomainError::Denied(Denial::TenantSuspended).into());
        }
    }
    let right = if refresh { Right::ManageArchived } else { Right::Read };
    let set = repository(&app, &caller, &params, right).await?;
    errors.into_result(())?;
    let Paging { from, limit } = Paging::<SkillId>::read(&query)?;
    let id = set.repository.id;
    if refresh {
        scan(&app, &caller, set).await?;
    }
    let filter = SkillFilter { counted: true, ..SkillFilter::default() };
    let page = app.store.skills(id, &filter, from, limit, app.now()).await?;
    let rows = page.skills.iter().map(view::skill).collect();
    Ok(Answer::ok(view::list(rows, page.next.is_some())))
}

/// Asks for a scan, unless one runs, and waits for its end, but not for ever: what the catalogue has is answered either way.
async fn scan(app: &App, caller: &Principal, set: DecisionSet) -> Result<(), Problem> {
    let (tenant, id) = (caller.tenant, set.repository.id);
    let author = Author { principal: caller, right: Right::Manage, now: app.now() };
    let is_running = set.state.sync.is_running(app.now());
    if !is_running {
        app.store.ask_for_sync(author, set, None, |_| KeptAnswer::ok(Value::Null)).await?;
    }
    let started = tokio::time::Instant::now();
    let mut pause = FIRST_PAUSE;
    while started.elapsed() + pause <= MAX_WAIT {
        tokio::time::sleep(pause).await;
        pause *= 2;
        let now = app.store.repository(tenant, id).await?;
        if !now.is_some_and(|set| set.state.sync.is_running(app.now())) {
            break;
        }
    }
    Ok(())
}

/// `shiftagent_create_repository_skill`.
pub(crate) async fn create(
    State(app): State<App>,
    Writer(caller): Writer,
    params: PathParams,
    asked: Asked,
    sent: Sent,
) -> Result<Answer, Problem> {
    let once = sent.once(&caller, "createRepositorySkill")?;
    let run = async {
        let set = repository(&app, &caller, &params, Right::ManageArchived).await?;
        let said = ManualSkill::read(&sent.needed_body()?)?;
        let render = |skill: &Skill| KeptAnswer { status: 201, ..KeptAnswer::ok(view::skill(skill)) };
        let author = Author { principal: &caller, right: Right::Manage, now: app.now() };
        let skill = app.store.create_skill(author, &set, said, once.as_ref(), render).await?;
        Ok(render(&skill).into())
    };
    answer_kept(&app, once.as_ref(), run, |problem| problems::kept(problem, &asked)).await
}
