//! The repository part of ShiftAgent's Integration API (contract: shiftagent): `/repositories`, `/credentials`,
//! attachments under `/tenants`, and who is calling.
//!
//! JSON in snake case, problems by its own slugs, lists by ids. What a call may do and does is decided where the native API
//! asks for it, too; here are the two wire forms and the order of checks: 401, 403, 404, 400, 422, 409.

mod attachments;
mod credentials;
pub(crate) mod describe;
mod integration;
mod paging;
pub(crate) mod problems;
mod repositories;
mod skills;
mod view;

use crate::Repos;
use axum::extract::{FromRef, FromRequestParts};
use http::header;
use http::request::Parts;
use repoplane_api::access::{Caller, PathParams};
use repoplane_api::{App, Dialect, Problem, Routes};
use repoplane_domain::access::{Principal, Right, Scope, TokenKind, authorize};
use repoplane_domain::error::{Denial, DomainError, Kind};
use repoplane_domain::id::RepositoryId;
use repoplane_store::DecisionSet;

/// Its paths: these, and all below them.
pub(crate) const PREFIXES: [&str; 5] = ["/repositories", "/credentials", "/tenants", "/integration", "/auth"];

/// Whether a path is one of its own.
pub(crate) fn owns(path: &str) -> bool {
    let below = |rest: &str| rest.is_empty() || rest.starts_with('/');
    PREFIXES.iter().any(|prefix| path.strip_prefix(prefix).is_some_and(below))
}

/// The dialect for the edge.
pub(crate) fn dialect(app: &App) -> Dialect {
    let origin = app.settings.public_url.clone();
    Dialect {
        name: "shiftagent",
        owns,
        suffix: None,
        id_prefix: "req_",
        origin,
        render: problems::render,
        final_slash: false,
        any_media: false,
    }
}

/// Adds its operations.
pub(crate) fn routes(routes: Routes<Repos>) -> Routes<Repos> {
    routes
        .get("shiftagent_list_repositories", "/repositories", repositories::list)
        .post("shiftagent_register_repository", "/repositories", repositories::register)
        .get("shiftagent_get_repository", "/repositories/{repository_id}", repositories::show)
        .patch("shiftagent_update_repository", "/repositories/{repository_id}", repositories::update)
        .delete("shiftagent_delete_repository", "/repositories/{repository_id}", repositories::remove)
        .post("shiftagent_sync_repository", "/repositories/{repository_id}/sync", repositories::sync)
        .get("shiftagent_list_repository_skills", "/repositories/{repository_id}/skills", skills::list)
        .post("shiftagent_create_repository_skill", "/repositories/{repository_id}/skills", skills::create)
        .get("shiftagent_list_credentials", "/credentials", credentials::list)
        .post("shiftagent_create_credential", "/credentials", credentials::create)
        .delete("shiftagent_delete_credential", "/credentials/{credential_id}", credentials::remove)
        .put(
            "shiftagent_attach_tenant_repository",
            "/tenants/{tenant_id}/repositories/{repository_id}",
            attachments::attach,
        )
        .delete(
            "shiftagent_detach_tenant_repository",
            "/tenants/{tenant_id}/repositories/{repository_id}",
            attachments::detach,
        )
        .get("shiftagent_get_integration_self", "/integration/self", integration::show_self)
        .post("shiftagent_token_exchange", "/auth/token-exchange", integration::exchange)
}

/// A caller who may read the registry.
pub(crate) struct Reader(pub(crate) Principal);

/// A caller who may change it.
pub(crate) struct Writer(pub(crate) Principal);

impl<S: Send + Sync> FromRequestParts<S> for Reader
where
    App: FromRef<S>,
{
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        caller(parts, state, Scope::ReposRead).await.map(Self)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Writer
where
    App: FromRef<S>,
{
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        caller(parts, state, Scope::ReposWrite).await.map(Self)
    }
}

/// A caller with a bearer token, whatever it may do.
pub(crate) struct Bearer(pub(crate) Principal);

impl<S: Send + Sync> FromRequestParts<S> for Bearer
where
    App: FromRef<S>,
{
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        bearer(parts, state).await.map(Self)
    }
}

/// The caller behind a bearer token; this API takes no other form (contract: shiftagent 2).
async fn bearer<S: Send + Sync>(parts: &mut Parts, state: &S) -> Result<Principal, Problem>
where
    App: FromRef<S>,
{
    let header = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let is_bearer = |text: &str| text.split_once(' ').is_some_and(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    if !header.is_some_and(is_bearer) {
        return Err(Problem::unauthorized("A bearer token is needed"));
    }
    Caller::from_request_parts(parts, state).await.map(|Caller(principal)| principal)
}

/// A caller who may do something with the registry.
async fn caller<S: Send + Sync>(parts: &mut Parts, state: &S, scope: Scope) -> Result<Principal, Problem>
where
    App: FromRef<S>,
{
    let principal = bearer(parts, state).await?;
    // Platform tokens are for a user's conversations; the registry is managed by keys and by people.
    if principal.kind == TokenKind::Platform {
        return Err(DomainError::Denied(Denial::TokenKind).into());
    }
    principal.need_scope(scope)?;
    Ok(principal)
}

/// The repository of the path, with a right of the caller. To who may not see it, it does not exist.
pub(crate) async fn repository(
    app: &App,
    principal: &Principal,
    params: &PathParams,
    right: Right,
) -> Result<DecisionSet, Problem> {
    let id: RepositoryId = params.id("repository_id", Kind::Repository)?;
    let set = app.store.repository(principal.tenant, id).await?.filter(|set| set.repository.has_remote());
    let set = set.ok_or(DomainError::NotFound(Kind::Repository))?;
    for right in [Right::Read, right] {
        authorize(principal, &set.repository, &set.members.members, right)?;
    }
    Ok(set)
}
