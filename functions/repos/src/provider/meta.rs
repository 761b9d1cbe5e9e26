//! `repos_get_provider_meta` (contract: hookcode 2.7).

use super::fault::{is_of_provider, problem_of};
use super::reach::{Choice, target_of, token_required};
use super::warm::Told;
use crate::Repos;
use axum::extract::State;
use axum::response::Response;
use repoplane_api::Problem;
use repoplane_api::access::{Read, Repo};
use repoplane_api::query::QueryParams;
use repoplane_domain::credential::{AccessSource, Purpose};
use repoplane_domain::repository::Repository;
use repoplane_providers::{Meta, RateLimit, Target};
use serde_json::{Value, json};
use std::time::Duration;

/// How long an answer is believed (contract: hookcode 2.7).
pub(crate) const LIFE: Duration = Duration::from_secs(5 * 60);
/// Answers in memory (contract: hookcode 2.7).
pub(crate) const ENTRIES: u64 = 300;

/// `repos_get_provider_meta`.
pub(crate) async fn show(
    State(repos): State<Repos>,
    repo: Repo<Read>,
    query: QueryParams,
) -> Result<Response, Problem> {
    let choice = Choice::of_query(&query, AccessSource::User);
    let target = target_of(&repo.set.repository)?;
    let key = repos.key_of(&repo.set, &repo.principal, &choice, "");
    match repos.meta.get(key, ask(&repos, &repo, &choice, &target)).await {
        Ok((told, fresh)) => Ok(told.answer(fresh)),
        // Without a credential a private repository and a missing one look alike, so nothing is told, and not for long.
        Err(problem) if choice.source == Some(AccessSource::Anonymous) && is_of_provider(&problem) => {
            let body = json!({"provider": repo.set.repository.provider, "visibility": "unknown"});
            Ok(Told { body, rate_limit: RateLimit::default() }.answer(false))
        }
        Err(problem) => Err(problem),
    }
}

async fn ask(repos: &Repos, repo: &Repo<Read>, choice: &Choice, target: &Target<'_>) -> Result<Told, Problem> {
    let set = &repo.set;
    let reach = repos.reach(set, &repo.principal, choice, Purpose::Read).await?;
    let reach = reach.ok_or_else(|| token_required("visibility"))?;
    let now = repos.app.now();
    let ended = reach.providers.meta(target, &reach.access).await;
    reach.note(repos, set, &ended, now).await;
    let answered = ended.map_err(|error| problem_of(&error, reach.is_anonymous()))?;
    Ok(Told { body: view(&set.repository, &answered.value), rate_limit: answered.rate_limit })
}

/// Unset optional members are left out. The members after `webUrl` are ours.
fn view(repository: &Repository, meta: &Meta) -> Value {
    let mut view = json!({"provider": repository.provider, "visibility": meta.visibility.as_str()});
    let texts =
        [("webUrl", &meta.web_url), ("defaultBranch", &meta.default_branch), ("description", &meta.description)];
    for (member, value) in texts {
        if let Some(value) = value {
            view[member] = json!(value);
        }
    }
    if let Some(archived) = meta.archived {
        view["archived"] = json!(archived);
    }
    if let Some(heads) = &meta.heads {
        view["reachable"] = json!(true);
        view["headCount"] = json!(heads.total);
        view["heads"] = heads.items.iter().map(|head| json!({"name": head.name, "sha": head.sha})).collect();
    }
    view
}
