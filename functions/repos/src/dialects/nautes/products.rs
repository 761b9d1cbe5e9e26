//! `/api/v1/products`: products (contract: nautes 10).

use super::body::Decoded;
use super::problems::{of_read, of_store};
use super::{Reader, Writer, done, variable, view};
use axum::extract::State;
use repoplane_api::access::PathParams;
use repoplane_api::{Answer, App, Problem};
use repoplane_domain::product::{DEFAULT_GIT_BASE, is_base_url};

/// `nautes_list_products`.
pub(crate) async fn list(State(app): State<App>, Reader(caller): Reader) -> Result<Answer, Problem> {
    let products = app.store.products(&caller).await.map_err(of_read)?;
    Ok(Answer::ok(view::items(products.iter().map(view::product))))
}

/// `nautes_get_product`.
pub(crate) async fn show(
    State(app): State<App>,
    Reader(caller): Reader,
    params: PathParams,
) -> Result<Answer, Problem> {
    let product = app.store.visible_product(&caller, variable(&params, "product_name")?).await.map_err(of_store)?;
    Ok(Answer::ok(view::product(&product)))
}

/// `nautes_save_product`.
pub(crate) async fn save(
    State(app): State<App>,
    Writer(caller): Writer,
    params: PathParams,
    body: Decoded,
) -> Result<Answer, Problem> {
    let said = body.product()?;
    said.check_body()?;
    let name = variable(&params, "product_name")?;
    let base = app.settings.git_base_url.as_deref().filter(|url| is_base_url(url)).unwrap_or(DEFAULT_GIT_BASE);
    app.store.save_product(&caller, name, &said, base, app.now()).await.map_err(of_store)?;
    Ok(done("saved", name))
}

/// `nautes_delete_product`.
pub(crate) async fn remove(
    State(app): State<App>,
    Writer(caller): Writer,
    params: PathParams,
) -> Result<Answer, Problem> {
    let name = variable(&params, "product_name")?;
    app.store.remove_product(&caller, name, app.now()).await.map_err(of_store)?;
    Ok(done("deleted", name))
}
