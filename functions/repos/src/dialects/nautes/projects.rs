//! `/api/v1/products/{product_name}/projects`: projects (contract: nautes 10).

use super::body::Decoded;
use super::problems::{absent, of_read, of_store};
use super::{Reader, Writer, done, query, variable, view};
use axum::extract::State;
use repoplane_api::access::PathParams;
use repoplane_api::query::QueryParams;
use repoplane_api::{Answer, App, Problem};
use repoplane_domain::error::Kind;
use repoplane_domain::product::Project;

/// `nautes_list_projects`.
pub(crate) async fn list(
    State(app): State<App>,
    Reader(caller): Reader,
    params: PathParams,
) -> Result<Answer, Problem> {
    let product = app.store.visible_product(&caller, variable(&params, "product_name")?).await.map_err(of_store)?;
    let projects = app.store.projects(caller.tenant, &product.name).await.map_err(of_read)?;
    Ok(Answer::ok(view::items(projects.iter().map(view::project))))
}

/// `nautes_get_project`.
pub(crate) async fn show(
    State(app): State<App>,
    Reader(caller): Reader,
    params: PathParams,
) -> Result<Answer, Problem> {
    let name = variable(&params, "project_name")?;
    let product = app.store.visible_product(&caller, variable(&params, "product_name")?).await.map_err(of_store)?;
    let project = app.store.project(caller.tenant, &product.name, name).await.map_err(of_read)?;
    let project = project.ok_or_else(|| absent(Kind::Project, "RESOURCE_NOT_FOUND"))?;
    Ok(Answer::ok(view::project(&project)))
}

/// `nautes_save_project`.
pub(crate) async fn save(
    State(app): State<App>,
    Writer(caller): Writer,
    params: PathParams,
    body: Decoded,
) -> Result<Answer, Problem> {
    let language = body.language()?;
    let name = variable(&params, "project_name")?;
    let product = app.store.visible_product(&caller, variable(&params, "product_name")?).await.map_err(of_store)?;
    let project = Project::new(&product.name, name, language)?;
    app.store.save_project(&caller, &product, &project, app.now()).await.map_err(of_store)?;
    Ok(done("saved", name))
}

/// `nautes_delete_project`.
pub(crate) async fn remove(
    State(app): State<App>,
    Writer(caller): Writer,
    params: PathParams,
    query: QueryParams,
) -> Result<Answer, Problem> {
    let (name, skip) = (variable(&params, "project_name")?, query::skip(&query)?);
    let product = app.store.visible_product(&caller, variable(&params, "product_name")?).await.map_err(of_store)?;
    app.store.remove_project(&caller, &product, name, skip, app.now()).await.map_err(of_store)?;
    Ok(done("deleted", name))
}
