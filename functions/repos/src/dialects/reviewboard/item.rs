//! One repository: looking at it, and finding it for all that is done with it (contract: reviewboard 5.4, 7).

use super::answer::{Media, Reply};
use super::call::Call;
use super::problems::Code;
use super::view::{self, Shape};
use crate::Repos;
use axum::extract::State;
use axum::response::Response;
use repoplane_api::Problem;
use repoplane_domain::access::{Principal, RepositoryRole};
use repoplane_store::DecisionSet;
use serde_json::json;

/// A repository that the path names.
pub(super) struct Found {
    pub(super) set: DecisionSet,
    /// What the caller is there.
    pub(super) role: Option<RepositoryRole>,
}

impl Found {
    /// The repository of a number; one without a remote is none of this API's.
    pub(super) async fn of(repos: &Repos, call: &Call) -> Result<Self, Problem> {
        let missing = || Code::DoesNotExist.problem();
        let (tenant, number) = (call.tenant()?, call.number().ok_or_else(missing)?);
        let set = repos.app.store.repository_by_number(tenant, number).await?;
        let set = set.filter(|set| set.repository.has_remote()).ok_or_else(missing)?;
        let role = call.principal.as_ref().and_then(|principal| principal.role_in(&set.members.members));
        Ok(Self { set, role })
    }

    /// One that the caller may look at: a public one, or one of their own.
    pub(super) async fn readable(repos: &Repos, call: &Call) -> Result<Self, Problem> {
        let found = Self::of(repos, call).await?;
        let public = found.set.repository.review.as_ref().is_some_and(|review| review.public);
        match (public || found.role.is_some(), &call.principal) {
            (true, _) => Ok(found),
            (false, Some(_)) => Err(Code::PermissionDenied.problem()),
            (false, None) => Err(Code::NotLoggedIn.problem()),
        }
    }

    /// One that the caller may change.
    pub(super) async fn changeable<'a>(repos: &Repos, call: &'a Call) -> Result<(Self, &'a Principal), Problem> {
        let principal = call.principal()?;
        let found = Self::of(repos, call).await?;
        match found.role >= Some(RepositoryRole::Maintainer) {
            true => Ok((found, principal)),
            false => Err(Code::PermissionDenied.problem()),
        }
    }

    /// It as it is shown.
    pub(super) fn shown(set: &DecisionSet, call: &Call) -> Reply {
        let item = view::repository(&set.repository, &call.origin, &Shape::of(call));
        Reply::ok(Media::REPOSITORY, json!({"repository": item}))
    }
}

/// `reviewboard_get_repository`.
pub(crate) async fn show(State(repos): State<Repos>, call: Call) -> Response {
    let shown = Found::readable(&repos, &call).await.map(|found| Found::shown(&found.set, &call));
    call.answer(shown)
}
