//! What the dialect's objects look like (contract: nautes 2, 3): every declared member is there.

use repoplane_domain::product::{Product, Project, Visibility, product_of, ssh_url};
use repoplane_domain::repository::{Provider, Repository};
use serde_json::{Value, json};

/// What a Git server does that nothing was said to (GitLab: default project visibility).
const UNSAID: Visibility = Visibility::Private;

pub(super) fn code_repo(repository: &Repository) -> Value {
    let code = repository.product.as_ref();
    // As the provider showed it at the last save.
    let made = code.and_then(|code| code.provisioned.as_ref());
    let url = repository.shown_url();
    let visibility = code.and_then(|code| code.visibility).unwrap_or(UNSAID);
    let side = json!({
        "name": code.map_or(repository.name.as_str(), |code| code.display_name.as_str()),
        "path": made.map_or(repository.name.as_str(), |made| made.path.as_str()),
        "visibility": visibility.as_str(),
        "description": repository.description.as_deref().unwrap_or_default(),
        "ssh_url_to_repo": made.map_or_else(|| ssh_url(&url), |made| made.ssh_url.clone()),
        "http_url_to_repo": made.map_or_else(|| url.clone(), |made| made.http_url.clone()),
    });
    json!({
        "product": product_of(&repository.namespace).unwrap_or_default(),
        "name": repository.name,
        "project": code.map(|code| code.project.as_str()).unwrap_or_default(),
        "webhook": {"events": code.map(|code| code.webhook_events.as_slice()).unwrap_or_default()},
        "deployment_runtime": code.is_some_and(|code| code.deployment_runtime),
        "pipeline_runtime": code.is_some_and(|code| code.pipeline_runtime),
        "git": at(repository.provider, side),
    })
}

pub(super) fn product(product: &Product) -> Value {
    let side = json!({
        "path": product.connection.as_ref().map_or(product.name.as_str(), |connection| connection.owner.as_str()),
        "visibility": product.git.visibility.unwrap_or(UNSAID).as_str(),
        "description": product.git.description,
    });
    json!({"name": product.name, "git": at(product.provider(), side)})
}

pub(super) fn project(project: &Project) -> Value {
    json!({"product": project.product, "name": project.name, "language": project.language})
}

pub(super) fn items(items: impl Iterator<Item = Value>) -> Value {
    json!({"items": items.collect::<Vec<_>>()})
}

/// The side of the provider; the other one is null.
fn at(provider: Provider, side: Value) -> Value {
    match provider {
        Provider::Github => json!({"gitlab": null, "github": side}),
        Provider::Gitlab | Provider::Git => json!({"gitlab": side, "github": null}),
    }
}
