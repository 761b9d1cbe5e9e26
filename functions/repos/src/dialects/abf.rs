//! ABF's API of repositories and what belongs to them (contract: abf): `/api/v1/repositories` and the look-ups beside it.
//!
//! JSON, forms and query strings alike, each path also with `.json`; every success is 200, every refused change an envelope
//! with 422. The order of checks is 401, 404, 403, 422. What a call may do and does is decided by the domain's rules for
//! platforms; here are the words.

pub(crate) mod describe;
mod lookups;
mod membership;
mod packages;
mod paging;
mod params;
pub(crate) mod problems;
mod repositories;
mod signatures;
mod view;

use crate::Repos;
use crate::platforms::standing;
use axum::extract::{FromRef, FromRequest, FromRequestParts, Request};
use http::Method;
use http::header::{self, HeaderValue};
use params::Params;
use problems::{NO_CREDENTIALS, WRONG_CREDENTIALS};
use repoplane_api::access::{Caller, PathParams};
use repoplane_api::idempotency::{fingerprint, key_of};
use repoplane_api::problem::ProblemType;
use repoplane_api::{App, Asked, Dialect, Problem, Routes, body, token};
use repoplane_domain::access::{Principal, Scope};
use repoplane_domain::error::{DomainError, Kind};
use repoplane_domain::platform::{BuildAction, Platform, platform_of};
use repoplane_domain::secret::sha256_hex;
use repoplane_store::{DecisionSet, Once};

/// Its paths: these with or without an ending, and all below them.
pub(crate) const PREFIXES: [&str; 6] = [
    "/api/v1/repositories",
    "/api/v1/platforms",
    "/api/v1/projects",
    "/api/v1/groups",
    "/api/v1/users",
    "/api/v1/search",
];
/// What any of its paths may end with: the format, of which there is one.
pub(crate) const SUFFIX: &str = ".json";

/// Whether a path is one of its own.
pub(crate) fn owns(path: &str) -> bool {
    let below = |rest: &str| rest.is_empty() || rest.starts_with('/') || rest == SUFFIX;
    PREFIXES.iter().any(|prefix| path.strip_prefix(prefix).is_some_and(below))
}

/// The dialect for the edge.
pub(crate) fn dialect(app: &App) -> Dialect {
    let origin = app.settings.public_url.clone();
    Dialect {
        name: "abf",
        owns,
        suffix: Some(SUFFIX),
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
        .post("abf_create_repository", "/api/v1/repositories", repositories::create)
        .get("abf_get_repository", "/api/v1/repositories/{id}", repositories::show)
        .put("abf_update_repository", "/api/v1/repositories/{id}", repositories::update)
        .delete("abf_delete_repository", "/api/v1/repositories/{id}", repositories::remove)
        .get("abf_list_repository_projects", "/api/v1/repositories/{id}/projects", repositories::projects)
        .put("abf_add_member", "/api/v1/repositories/{id}/add_member", membership::add_member)
        .delete("abf_remove_member", "/api/v1/repositories/{id}/remove_member", membership::remove_member)
        .put("abf_add_project", "/api/v1/repositories/{id}/add_project", membership::add_project)
        .delete("abf_remove_project", "/api/v1/repositories/{id}/remove_project", membership::remove_project)
        .put("abf_add_lock", "/api/v1/repositories/{id}/add_repo_lock_file", membership::add_lock)
        .delete("abf_remove_lock", "/api/v1/repositories/{id}/remove_repo_lock_file", membership::remove_lock)
        .get("abf_list_packages", "/api/v1/repositories/{id}/packages.csv", packages::list)
        .put("abf_update_signatures", "/api/v1/repositories/{id}/signatures", signatures::update)
        .get("abf_get_key_pair", "/api/v1/repositories/{id}/key_pair", signatures::key_pair)
        .get("abf_get_public_key", "/api/v1/repositories/{id}/public_key", signatures::public_key)
        .get("abf_search", "/api/v1/search", lookups::search)
        .get("abf_list_platforms", "/api/v1/platforms", lookups::platforms)
        .get("abf_get_platform", "/api/v1/platforms/{id}", lookups::platform)
        .get("abf_find_project", "/api/v1/projects/get_id", lookups::project_id)
        .get("abf_get_project", "/api/v1/projects/{id}", lookups::project)
        .get("abf_get_group", "/api/v1/groups/{id}", lookups::group)
        .get("abf_get_user", "/api/v1/users/{id}", lookups::user)
}

/// A call by a known caller. What it may do is asked of what it names.
pub(super) struct Call {
    pub(super) principal: Principal,
    pub(super) asked: Asked,
    method: Method,
    path: PathParams,
    key: Result<Option<String>, Problem>,
    fingerprint: String,
    params: Result<Params, Problem>,
}

impl<S: Send + Sync> FromRequest<S> for Call
where
    App: FromRef<S>,
{
    type Rejection = Problem;
    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let (mut parts, content) = request.into_parts();
        let media_type = text(&parts.headers, &header::CONTENT_TYPE).map(str::to_owned);
        let bytes = body::read(Request::new(content), body::MAX_BODY_BYTES).await;
        let query = parts.uri.query().unwrap_or_default().to_owned();
        let said = bytes.as_ref().map(|bytes| sha256_hex(bytes)).unwrap_or_default();
        let params = bytes.and_then(|bytes| Params::read(&query, media_type.as_deref(), &bytes));
        if !parts.headers.contains_key(header::AUTHORIZATION) {
            // The body may be wrong and the query still say who asks.
            let token = match &params {
                Ok(params) => params.token(),
                Err(_) => Params::read(&query, None, b"").ok().and_then(|params| params.token()),
            };
            let bearer = token.map(|token| HeaderValue::from_str(&format!("Bearer {}", token.expose())));
            if let Some(Ok(mut bearer)) = bearer {
                bearer.set_sensitive(true);
                parts.headers.insert(header::AUTHORIZATION, bearer);
            }
        }
        let principal = caller(&mut parts, state).await?;
        let Ok(asked) = Asked::from_request_parts(&mut parts, state).await;
        let Ok(path) = PathParams::from_request_parts(&mut parts, state).await;
        let key = key_of(&parts.headers);
        let text = key.as_ref().ok().and_then(Option::as_deref).unwrap_or_default();
        let fingerprint = fingerprint(text, &format!("{} {}", parts.method, parts.uri), &said);
        Ok(Self { principal, asked, method: parts.method, path, key, fingerprint, params })
    }
}

fn text<'a>(headers: &'a http::HeaderMap, name: &header::HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// The caller, in the words of this API for who is none.
async fn caller<S: Send + Sync>(parts: &mut http::request::Parts, state: &S) -> Result<Principal, Problem>
where
    App: FromRef<S>,
{
    let tried = token::of_request(&parts.headers).is_some();
    Caller::from_request_parts(parts, state).await.map(|Caller(principal)| principal).map_err(|problem| {
        match problem.kind() == ProblemType::Unauthorized {
            true => Problem::new(ProblemType::Unauthorized, if tried { WRONG_CREDENTIALS } else { NO_CREDENTIALS }),
            false => problem,
        }
    })
}

impl Call {
    /// The number in the path; anything else is no resource.
    fn number(&self) -> Option<u64> {
        params::number(self.path.get("id")?)
    }

    /// Demands the scope of its method.
    fn need_scope(&self) -> Result<(), DomainError> {
        let reads = self.method == Method::GET || self.method == Method::HEAD;
        self.principal.need_scope(if reads { Scope::ReposRead } else { Scope::ReposWrite })
    }

    /// What it says.
    fn params(&self) -> Result<&Params, Problem> {
        self.params.as_ref().map_err(Clone::clone)
    }

    /// The call as the store knows it, if it may be repeated.
    fn once(&self) -> Result<Option<Once>, Problem> {
        let key = self.key.as_ref().map_err(Clone::clone)?;
        Ok(key.as_ref().map(|key| Once::new(&self.principal, key, self.fingerprint.clone())))
    }
}

/// A repository of a platform that the path names, with a right of the caller.
pub(super) struct Found {
    pub(super) set: DecisionSet,
    pub(super) platform: Platform,
}

impl Found {
    pub(super) async fn of(
        app: &App,
        call: &Call,
        action: for<'a> fn(&'a str) -> BuildAction<'a>,
    ) -> Result<Self, Problem> {
        let tenant = call.principal.tenant;
        let missing = || Problem::not_found(Kind::Repository);
        let set = app.store.repository_by_number(tenant, call.number().ok_or_else(missing)?).await?;
        let set = set.filter(|set| set.repository.build.is_some()).ok_or_else(missing)?;
        let number = platform_of(&set.repository.namespace).ok_or_else(missing)?;
        let platform = app.store.platform(tenant, number).await?.ok_or_else(missing)?;
        call.need_scope()?;
        let standing = standing(app, &call.principal, &platform, Some(&set)).await?;
        standing.need(&platform, action(&set.repository.name))?;
        Ok(Self { set, platform })
    }

    /// The number of the repository.
    pub(super) fn number(&self) -> u64 {
        self.set.repository.number
    }
}
