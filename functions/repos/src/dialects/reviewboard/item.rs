//! One repository: looking at it, and finding it for all that is done with it (contract: reviewboard 5.4, 7).

use super::answer::{Media, Reply};
use super::call::Call;
use super::problems::Code;
use super::view::{self, Shape};
use crate::Repos;
use axum::extract::State;
use axum::response::Response;
use repoplane_api::Problem;
use repoplane_domain::access::{Members, Principal, RepositoryRole};
use repoplane_domain::repository::Repository;
use repoplane_store::DecisionSet;
use serde_json::json;

fn missing() -> Problem {
    Code::DoesNotExist.problem()
}

/// The repository that the path names, if the caller may look at it: a public one, or one of their own. One without a
/// remote is none of this API's.
pub(super) async fn readable(repos: &Repos, call: &Call) -> Result<Repository, Problem> {
    let (tenant, number) = (call.tenant()?, call.number().ok_or_else(missing)?);
    // Who passes every check has the same role everywhere: no list of members is asked.
    let by_list = !call.known().is_some_and(Principal::sees_all_repositories);
    let found = repos.app.store.record_by_number(tenant, number, by_list).await?;
    let (repository, members) = found.filter(|(repository, _)| repository.has_remote()).ok_or_else(missing)?;
    need_readable(&repository, &members, call)?;
    Ok(repository)
}

/// As [`readable`], with all that hangs on it.
pub(super) async fn readable_set(repos: &Repos, call: &Call) -> Result<DecisionSet, Problem> {
    let (tenant, number) = (call.tenant()?, call.number().ok_or_else(missing)?);
    let set = repos.app.store.repository_by_number(tenant, number).await?;
    let set = set.filter(|set| set.repository.has_remote()).ok_or_else(missing)?;
    need_readable(&set.repository, &set.members.members, call)?;
    Ok(set)
}

/// A public repository, or one of the caller's own.
fn need_readable(repository: &Repository, members: &Members, call: &Call) -> Result<(), Problem> {
    let is_theirs = call.known().is_some_and(|principal| principal.role_in(members).is_some());
    match (repository.is_public() || is_theirs, call.known()) {
        (true, _) => Ok(()),
        (false, Some(_)) => Err(Code::PermissionDenied.problem()),
        (false, None) => Err(Code::NotLoggedIn.problem()),
    }
}

/// The repository that the path names with all that hangs on it, if the caller may change it.
pub(super) async fn changeable<'a>(repos: &Repos, call: &'a Call) -> Result<(DecisionSet, &'a Principal), Problem> {
    let principal = call.principal()?;
    let number = call.number().ok_or_else(missing)?;
    let set = repos.app.store.repository_by_number(principal.tenant, number).await?;
    let set = set.filter(|set| set.repository.has_remote()).ok_or_else(missing)?;
    match principal.role_in(&set.members.members) >= Some(RepositoryRole::Maintainer) {
        true => Ok((set, principal)),
        false => Err(Code::PermissionDenied.problem()),
    }
}

/// A repository as it is shown.
pub(super) fn shown(repository: &Repository, call: &Call) -> Reply {
    let item = view::repository(repository, &call.origin, &Shape::of(call));
    Reply::ok(Media::REPOSITORY, json!({"repository": item}))
}

/// `reviewboard_get_repository`.
pub(crate) async fn show(State(repos): State<Repos>, call: Call) -> Response {
    let shown = readable(&repos, &call).await.map(|repository| shown(&repository, &call));
    call.answer(shown)
}
