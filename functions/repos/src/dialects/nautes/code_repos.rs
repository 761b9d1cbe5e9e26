//! `/api/v1/products/{product_name}/coderepos`: repositories of code (contract: nautes 2).

use super::body::Decoded;
use super::problems::{absent, of_read, of_store};
use super::{Reader, Writer, done, query, variable, view};
use crate::Repos;
use crate::provision::NotDone;
use axum::extract::State;
use repoplane_api::access::PathParams;
use repoplane_api::query::QueryParams;
use repoplane_api::{Answer, App, Problem};
use repoplane_domain::access::{Principal, Right, authorize};
use repoplane_domain::error::Kind;
use repoplane_domain::product::product_of;
use repoplane_store::DecisionSet;

/// `nautes_list_coderepos`.
pub(crate) async fn list(
    State(app): State<App>,
    Reader(caller): Reader,
    params: PathParams,
    query: QueryParams,
) -> Result<Answer, Problem> {
    let selector = query::selector(&query)?;
    let product = app.store.visible_product(&caller, variable(&params, "product_name")?).await.map_err(of_store)?;
    let mut found = app.store.code_repos(&caller, &product.name).await.map_err(of_read)?;
    // As the directories of their manifests lie, `repo-10` before `repo-9` (contract: nautes 2.1).
    found.sort_by_cached_key(|repository| repository.number.to_string());
    let selected = found.iter().filter(|row| row.product.as_ref().is_some_and(|code| selector.selects(code)));
    Ok(Answer::ok(view::items(selected.map(view::code_repo))))
}

/// `nautes_get_coderepo`. A missing product is a missing repository here (contract: nautes 2.2).
pub(crate) async fn show(
    State(app): State<App>,
    Reader(caller): Reader,
    params: PathParams,
) -> Result<Answer, Problem> {
    let (product, name) = (variable(&params, "product_name")?, variable(&params, "coderepo_name")?);
    if let Some(set) = app.store.code_repo(caller.tenant, product, name).await.map_err(of_read)?
        && may_read(&caller, &set)
    {
        return Ok(Answer::ok(view::code_repo(&set.repository)));
    }
    let unmanaged = is_elsewhere(&app, &caller, product, name).await?;
    Err(absent(Kind::Repository, if unmanaged { "RESOURCE_NOT_FOUND" } else { "PROJECT_NOT_FOUND" }))
}

/// `nautes_save_coderepo`.
pub(crate) async fn save(
    State(repos): State<Repos>,
    Writer(caller): Writer,
    params: PathParams,
    query: QueryParams,
    body: Decoded,
) -> Result<Answer, Problem> {
    let said = body.code_repo()?;
    let skip = query::skip(&query)?;
    said.check_body()?;
    let name = variable(&params, "coderepo_name")?;
    let store = &repos.app.store;
    let product = store.visible_product(&caller, variable(&params, "product_name")?).await.map_err(of_store)?;
    repos.save_code_repo(&caller, &product, (name, &said, skip)).await.map_err(of_call)?;
    Ok(done("saved", name))
}

/// `nautes_delete_coderepo`.
pub(crate) async fn remove(
    State(repos): State<Repos>,
    Writer(caller): Writer,
    params: PathParams,
    query: QueryParams,
) -> Result<Answer, Problem> {
    let app = &repos.app;
    let (name, skip) = (variable(&params, "coderepo_name")?, query::skip(&query)?);
    let product = app.store.visible_product(&caller, variable(&params, "product_name")?).await.map_err(of_store)?;
    match app.store.code_repo(caller.tenant, &product.name, name).await.map_err(of_read)? {
        Some(set) => repos.remove_code_repo(&caller, &product, set, skip).await.map_err(of_call)?,
        None if is_elsewhere(app, &caller, &product.name, name).await? => {
            return Err(absent(Kind::Repository, "NODE_NOT_FOUND"));
        }
        None => {}
    }
    Ok(done("deleted", name))
}

/// What a call says that may also be at the product's provider.
fn of_call(error: NotDone) -> Problem {
    match error {
        NotDone::Registry(error) => of_store(error),
        NotDone::Provider(problem) => *problem,
    }
}

fn may_read(caller: &Principal, set: &DecisionSet) -> bool {
    authorize(caller, &set.repository, &set.members.members, Right::Read).is_ok()
}

/// Whether the registry has a repository at the product's place of this name that the product does not know: it is at the
/// Git server, and has no manifest.
async fn is_elsewhere(app: &App, caller: &Principal, product: &str, name: &str) -> Result<bool, Problem> {
    let Ok(product) = app.store.visible_product(caller, product).await else { return Ok(false) };
    let other = app.store.registered_at(caller.tenant, &product.https_url(name)).await.map_err(of_read)?;
    // Its own may have come back since it was looked for.
    let other = other.filter(|set| product_of(&set.repository.namespace) != Some(&product.name));
    Ok(other.is_some_and(|set| may_read(caller, &set)))
}
