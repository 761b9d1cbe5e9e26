//! Extractors that carry rights: a handler that asks for one cannot be reached without the check behind it.
//!
//! The order is: token (401), scope (403), tenant (404), repository role (403), archived (403).

use crate::app::App;
use crate::problem::Problem;
use crate::token;
use axum::extract::{FromRef, FromRequestParts, RawPathParams};
use http::Method;
use http::request::Parts;
use repoplane_domain::access::{Permissions, Principal, RepositoryRole, Right, Scope, authorize};
use repoplane_domain::error::{Denial, DomainError, Kind};
use repoplane_domain::id::{RepositoryId, TaskId};
use repoplane_store::DecisionSet;
use std::convert::Infallible;
use std::marker::PhantomData;
use std::str::FromStr;

/// Any caller with a valid token.
#[derive(Debug, Clone)]
pub struct Caller(pub Principal);

impl<S: Send + Sync> FromRequestParts<S> for Caller
where
    App: FromRef<S>,
{
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        authenticate(parts, &App::from_ref(state), false).await.map(Self)
    }
}

/// Any caller with a valid token, looked up anew: for calls that make tokens or take them back. A token that was just
/// revoked must not buy another one from a cache.
#[derive(Debug, Clone)]
pub struct FreshCaller(pub Principal);

impl<S: Send + Sync> FromRequestParts<S> for FreshCaller
where
    App: FromRef<S>,
{
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        authenticate(parts, &App::from_ref(state), true).await.map(Self)
    }
}

/// The tenant's administrator. The token is looked up anew, not taken from the cache.
#[derive(Debug, Clone)]
pub struct Administrator(pub Principal);

impl<S: Send + Sync> FromRequestParts<S> for Administrator
where
    App: FromRef<S>,
{
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let principal = authenticate(parts, &App::from_ref(state), true).await?;
        principal.need_administrator()?;
        Ok(Self(principal))
    }
}

/// Who runs the registry: may manage tenants.
#[derive(Debug, Clone)]
pub struct Operator(pub Principal);

impl<S: Send + Sync> FromRequestParts<S> for Operator
where
    App: FromRef<S>,
{
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let principal = authenticate(parts, &App::from_ref(state), true).await?;
        principal.need_scope(Scope::Operator)?;
        Ok(Self(principal))
    }
}

fn is_read(method: &Method) -> bool {
    method == Method::GET || method == Method::HEAD
}

async fn authenticate(parts: &Parts, app: &App, fresh: bool) -> Result<Principal, Problem> {
    let text = token::of_request(&parts.headers).ok_or_else(|| Problem::unauthorized("Unauthorized"))?;
    let principal = app.store.authenticate(&text, fresh, app.now()).await?;
    let principal = principal.ok_or_else(|| Problem::unauthorized("Invalid token"))?;
    if !is_read(&parts.method)
        && !principal.has_scope(Scope::Operator)
        && app.store.is_suspended(principal.tenant).await?
    {
        return Err(DomainError::Denied(Denial::TenantSuspended).into());
    }
    Ok(principal)
}

/// Which right an extractor demands.
pub trait Demand: Send + Sync + 'static {
    /// The right.
    const RIGHT: Right;
}

macro_rules! demands {
    ($($(#[$doc:meta])* $name:ident => $right:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy)]
        pub struct $name;
        impl Demand for $name {
            const RIGHT: Right = $right;
        }
    )*};
}

demands! {
    /// Any member may.
    Read => Right::Read;
    /// Maintainers and owners may, unless archived.
    Manage => Right::Manage;
    /// Maintainers and owners may, archived or not.
    ManageArchived => Right::ManageArchived;
    /// Owners may, unless archived.
    Own => Right::Own;
}

/// The repository of path parameter `id`, loaded and authorised.
#[derive(Debug, Clone)]
pub struct Repo<D> {
    /// Who asks.
    pub principal: Principal,
    /// What they are there.
    pub role: RepositoryRole,
    /// All that hangs on it, read at the start of the request.
    pub set: DecisionSet,
    demand: PhantomData<D>,
}

impl<D: Demand> Repo<D> {
    /// The flags that clients show buttons by.
    pub fn permissions(&self) -> Permissions {
        Permissions::of(Some(self.role))
    }

    fn authorize(principal: Principal, set: Option<DecisionSet>) -> Result<Self, Problem> {
        let set = set.ok_or(DomainError::NotFound(Kind::Repository))?;
        let role = authorize(&principal, &set.repository, &set.members.members, D::RIGHT)?;
        Ok(Self { principal, role, set, demand: PhantomData })
    }
}

impl<S: Send + Sync, D: Demand> FromRequestParts<S> for Repo<D>
where
    App: FromRef<S>,
{
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let app = App::from_ref(state);
        let principal = authenticate(parts, &app, false).await?;
        principal.need_scope(if is_read(&parts.method) { Scope::ReposRead } else { Scope::ReposWrite })?;
        let id: RepositoryId = path_id(parts, state, "id", Kind::Repository).await?;
        let set = app.store.repository(principal.tenant, id).await?;
        Self::authorize(principal, set)
    }
}

/// The tasks of the repository of path parameter `id`: as [`Repo`], by the scopes of tasks.
#[derive(Debug, Clone)]
pub struct TasksOf<D>(pub Repo<D>);

impl<S: Send + Sync, D: Demand> FromRequestParts<S> for TasksOf<D>
where
    App: FromRef<S>,
{
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let app = App::from_ref(state);
        let principal = authenticate(parts, &app, false).await?;
        principal.need_scope(task_scope(&parts.method))?;
        let id: RepositoryId = path_id(parts, state, "id", Kind::Repository).await?;
        let set = app.store.repository(principal.tenant, id).await?;
        Repo::authorize(principal, set).map(Self)
    }
}

/// The task of path parameter `id`, with its repository authorised.
#[derive(Debug, Clone)]
pub struct TaskOf<D> {
    /// The task's id.
    pub id: TaskId,
    /// Its repository.
    pub repo: Repo<D>,
}

impl<S: Send + Sync, D: Demand> FromRequestParts<S> for TaskOf<D>
where
    App: FromRef<S>,
{
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let app = App::from_ref(state);
        let principal = authenticate(parts, &app, false).await?;
        principal.need_scope(task_scope(&parts.method))?;
        let id: TaskId = path_id(parts, state, "id", Kind::Task).await?;
        let missing = || Problem::not_found(Kind::Task);
        let repository = app.store.repository_of_task(id).await?.ok_or_else(missing)?;
        let set = app.store.repository(principal.tenant, repository).await?.ok_or_else(missing)?;
        Ok(Self { id, repo: Repo::authorize(principal, Some(set))? })
    }
}

fn task_scope(method: &Method) -> Scope {
    if is_read(method) { Scope::TasksRead } else { Scope::TasksWrite }
}

/// A path parameter as an id; anything else is "not found" (contract: hookcode Q2).
///
/// # Errors
/// The 404 of that kind.
pub async fn path_id<T: FromStr, S: Send + Sync>(
    parts: &mut Parts,
    state: &S,
    name: &str,
    kind: Kind,
) -> Result<T, Problem> {
    let Ok(params) = PathParams::from_request_parts(parts, state).await;
    params.id(name, kind)
}

/// The parameters of the path. A path with one that cannot be decoded has none, so that it reads as "not found".
#[derive(Debug, Clone, Default)]
pub struct PathParams(Vec<(String, String)>);

impl PathParams {
    /// A parameter as it stands.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// A parameter as an id.
    ///
    /// # Errors
    /// The 404 of that kind.
    pub fn id<T: FromStr>(&self, name: &str, kind: Kind) -> Result<T, Problem> {
        self.get(name).and_then(|text| text.parse().ok()).ok_or_else(|| Problem::not_found(kind))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for PathParams {
    type Rejection = Infallible;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let Ok(params) = RawPathParams::from_request_parts(parts, state).await else { return Ok(Self::default()) };
        Ok(Self(params.iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()))
    }
}
