//! Nautes' API of products, projects and repositories of code (contract: nautes), below `/api/v1/products`.
//!
//! Every call that succeeds is 200; problems have a code, a reason and a message; bodies are decoded as Go decodes them.
//! What a call may do and does is decided in the domain and the store; here are the wire forms.

mod body;
mod code_repos;
pub(crate) mod describe;
pub(crate) mod problems;
mod products;
mod projects;
mod query;
mod view;

use crate::Repos;
use axum::extract::{FromRef, FromRequestParts};
use http::request::Parts;
use http::{HeaderValue, header};
use repoplane_api::access::{Caller, PathParams};
use repoplane_api::problem::ProblemType;
use repoplane_api::{Answer, App, Dialect, Problem, Routes, token};
use repoplane_domain::access::{Principal, Scope, TokenKind};
use repoplane_domain::error::{Denial, DomainError};
use serde_json::json;

/// Its path: this, and all below it.
pub(crate) const PREFIX: &str = "/api/v1/products";

/// Whether a path is one of its own.
pub(crate) fn owns(path: &str) -> bool {
    path.strip_prefix(PREFIX).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The dialect for the edge.
pub(crate) fn dialect(app: &App) -> Dialect {
    let origin = app.settings.public_url.clone();
    Dialect {
        name: "nautes",
        owns,
        suffix: None,
        id_prefix: "",
        origin,
        render: problems::render,
        final_slash: false,
        any_media: false,
    }
}

/// Adds its operations.
pub(crate) fn routes(routes: Routes<Repos>) -> Routes<Repos> {
    const CODE_REPO: &str = "/api/v1/products/{product_name}/coderepos/{coderepo_name}";
    const PROJECT: &str = "/api/v1/products/{product_name}/projects/{project_name}";
    routes
        .get("nautes_list_products", PREFIX, products::list)
        .get("nautes_get_product", "/api/v1/products/{product_name}", products::show)
        .post("nautes_save_product", "/api/v1/products/{product_name}", products::save)
        .delete("nautes_delete_product", "/api/v1/products/{product_name}", products::remove)
        .get("nautes_list_coderepos", "/api/v1/products/{product_name}/coderepos", code_repos::list)
        .get("nautes_get_coderepo", CODE_REPO, code_repos::show)
        .post("nautes_save_coderepo", CODE_REPO, code_repos::save)
        .delete("nautes_delete_coderepo", CODE_REPO, code_repos::remove)
        .get("nautes_list_projects", "/api/v1/products/{product_name}/projects", projects::list)
        .get("nautes_get_project", PROJECT, projects::show)
        .post("nautes_save_project", PROJECT, projects::save)
        .delete("nautes_delete_project", PROJECT, projects::remove)
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

/// The caller behind `Authorization: Bearer <token>`, or the token alone without a scheme (contract: nautes 1).
async fn caller<S: Send + Sync>(parts: &mut Parts, state: &S, scope: Scope) -> Result<Principal, Problem>
where
    App: FromRef<S>,
{
    let given = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    if token::of_request(&parts.headers).is_none()
        && let Some(text) = given.map(|text| text.replacen("Bearer", "", 1)).filter(|text| !text.trim().is_empty())
        && let Ok(value) = HeaderValue::from_str(&format!("Bearer {}", text.trim()))
    {
        parts.headers.insert(header::AUTHORIZATION, value);
    }
    let Caller(principal) = Caller::from_request_parts(parts, state).await?;
    // Platform tokens are for a user's conversations; the registry is managed by keys and by people.
    if principal.kind == TokenKind::Platform {
        return Err(DomainError::Denied(Denial::TokenKind).into());
    }
    principal.need_scope(scope)?;
    Ok(principal)
}

/// A variable of the path. One that is empty or has a slash matches no path.
fn variable<'a>(params: &'a PathParams, name: &str) -> Result<&'a str, Problem> {
    let value = params.get(name).filter(|value| !value.is_empty() && !value.contains('/'));
    value.ok_or_else(|| Problem::new(ProblemType::NotFound, problems::NO_PAGE))
}

/// The answer of a call that changed something.
fn done(what: &str, name: &str) -> Answer {
    Answer::ok(json!({"message": format!("Successfully {what} {name} configuration")}))
}
