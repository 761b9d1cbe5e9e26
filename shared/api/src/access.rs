//! Extractors that carry rights: a handler that asks for one cannot be reached without the check behind it.
//!
//! The order is: token (401), its rate (429), scope (403), tenant (404), repository role (403), archived (403).

use crate::app::App;
use crate::observe;
use crate::problem::Problem;
use crate::token;
use axum::extract::{FromRef, FromRequestParts, RawPathParams};
use http::Method;
use http::request::Parts;
use repoplane_domain::access::{Permissions, Principal, RepositoryRole, Right, Scope, authorize, authorize_role};
use repoplane_domain::error::{Denial, DomainError, Kind};
use repoplane_domain::id::{DeliveryId, RepositoryId, SkillId, TaskId};
use repoplane_domain::oidc::is_jwt;
use repoplane_domain::skill::Skill;
use repoplane_store::{DecisionSet, FoundTask, KeptDelivery, RepositoryAccess};
use std::convert::Infallible;
use std::marker::PhantomData;
use std::str::FromStr;
use std::sync::Arc;

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

/// Counts the call of a known caller, and notes whose it is.
///
/// # Errors
/// 429 beyond the token's rate.
pub fn admit(app: &App, principal: Principal, is_signed: bool) -> Result<Principal, Problem> {
    observe::principal(&principal, is_signed);
    app.limits.admit_token(principal.token, app.now())?;
    Ok(principal)
}

async fn authenticate(parts: &Parts, app: &App, fresh: bool) -> Result<Principal, Problem> {
    let text = token::of_request(&parts.headers).ok_or_else(|| Problem::unauthorized("Unauthorized"))?;
    let principal = app.authenticate(&text, fresh).await?;
    let principal = principal.ok_or_else(|| Problem::unauthorized("Invalid token"))?;
    let principal = admit(app, principal, is_jwt(text.expose()))?;
    // A policy speaks of the resources of review tools alone; it must not be got round elsewhere.
    if principal.policy.is_some() {
        return Err(DomainError::Denied(Denial::TokenKind).into());
    }
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
    /// Maintainers and owners may look, archived or not.
    Inspect => Right::Inspect;
    /// Owners may, archived or not.
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
        observe::repository(id);
        let set = app.store.repository(principal.tenant, id).await?;
        Self::authorize(principal, set)
    }
}

/// The repository of path parameter `id` for a list of what lies beside it. Who may read is believed for as long as a
/// token is, so that a list is one call to the table.
#[derive(Debug, Clone)]
pub struct Listed<D> {
    /// Who asks.
    pub principal: Principal,
    /// The repository.
    pub repository: Arc<RepositoryAccess>,
    demand: PhantomData<D>,
}

impl<D: Demand> Listed<D> {
    async fn of<S: Send + Sync>(parts: &mut Parts, state: &S, scope: Scope) -> Result<Self, Problem>
    where
        App: FromRef<S>,
    {
        let app = App::from_ref(state);
        let principal = authenticate(parts, &app, false).await?;
        principal.need_scope(scope)?;
        let id: RepositoryId = path_id(parts, state, "id", Kind::Repository).await?;
        observe::repository(id);
        let repository = app.store.access_to(principal.tenant, id).await?;
        let repository = repository.ok_or(DomainError::NotFound(Kind::Repository))?;
        authorize_role(repository.role_of(&principal), repository.archived_at.is_some(), D::RIGHT)?;
        Ok(Self { principal, repository, demand: PhantomData })
    }
}

impl<S: Send + Sync, D: Demand> FromRequestParts<S> for Listed<D>
where
    App: FromRef<S>,
{
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        Self::of(parts, state, Scope::ReposRead).await
    }
}

/// The tasks of the repository of path parameter `id`: as [`Listed`], by the scope of tasks.
#[derive(Debug, Clone)]
pub struct TasksOf<D>(pub Listed<D>);

impl<S: Send + Sync, D: Demand> FromRequestParts<S> for TasksOf<D>
where
    App: FromRef<S>,
{
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        Listed::of(parts, state, Scope::TasksRead).await.map(Self)
    }
}

/// The task of path parameter `id`, with its repository authorised.
#[derive(Debug, Clone)]
pub struct TaskOf<D> {
    /// Who asks.
    pub principal: Principal,
    /// The task and its repository's record.
    pub found: FoundTask,
    demand: PhantomData<D>,
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
        let found = app.store.find_task(principal.tenant, id).await?;
        let found = found.ok_or_else(|| Problem::not_found(Kind::Task))?;
        observe::repository(found.repository.id);
        authorize(&principal, &found.repository, &found.members, D::RIGHT)?;
        Ok(Self { principal, found, demand: PhantomData })
    }
}

/// The delivery of path parameters `id` and `delivery_id`, to be looked at.
#[derive(Debug, Clone)]
pub struct DeliveryOf {
    /// The repository.
    pub repository: RepositoryId,
    /// The delivery.
    pub kept: KeptDelivery,
}

impl<S: Send + Sync> FromRequestParts<S> for DeliveryOf
where
    App: FromRef<S>,
{
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let app = App::from_ref(state);
        let principal = authenticate(parts, &app, false).await?;
        principal.need_scope(Scope::ReposRead)?;
        let repository: RepositoryId = path_id(parts, state, "id", Kind::Repository).await?;
        observe::repository(repository);
        // Whether the caller may see the repository comes before whether it has such a delivery.
        let id: Result<DeliveryId, _> = path_id(parts, state, "delivery_id", Kind::Delivery).await;
        let wanted = id.as_ref().copied().unwrap_or_else(|_| DeliveryId::start_of(app.now()));
        let found = app.store.find_delivery(principal.tenant, repository, wanted, app.now()).await?;
        let found = found.ok_or(DomainError::NotFound(Kind::Repository))?;
        authorize(&principal, &found.repository, &found.members, Right::Read)?;
        id?;
        let kept = found.kept.ok_or_else(|| Problem::not_found(Kind::Delivery))?;
        Ok(Self { repository, kept })
    }
}

/// The skill of path parameters `id` and `skill_id`, with its repository authorised.
#[derive(Debug, Clone)]
pub struct SkillOf<D> {
    /// Who asks.
    pub principal: Principal,
    /// The skill.
    pub skill: Skill,
    demand: PhantomData<D>,
}

impl<S: Send + Sync, D: Demand> FromRequestParts<S> for SkillOf<D>
where
    App: FromRef<S>,
{
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let app = App::from_ref(state);
        let principal = authenticate(parts, &app, false).await?;
        principal.need_scope(if is_read(&parts.method) { Scope::ReposRead } else { Scope::ReposWrite })?;
        let repository: RepositoryId = path_id(parts, state, "id", Kind::Repository).await?;
        observe::repository(repository);
        // Whether the caller may see the repository comes before whether it has such a skill.
        let id: Result<SkillId, _> = path_id(parts, state, "skill_id", Kind::Skill).await;
        let wanted = id.as_ref().copied().unwrap_or_else(|_| SkillId::start_of(app.now()));
        let found = app.store.skill(principal.tenant, repository, wanted).await?;
        let found = found.ok_or(DomainError::NotFound(Kind::Repository))?;
        authorize(&principal, &found.repository, &found.members, D::RIGHT)?;
        id?;
        let skill = found.skill.ok_or_else(|| Problem::not_found(Kind::Skill))?;
        Ok(Self { principal, skill, demand: PhantomData })
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
