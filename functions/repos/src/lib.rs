//! Repositories, their members and credentials; tenants, users and tokens; health and version.
//!
//! This function is the API's `$default` route: a path that nobody else has is answered here.

mod audit;
mod credentials;
pub mod describe;
mod dialects;
mod docs;
mod groups;
mod health;
mod identity;
mod import;
mod issuers;
mod members;
mod packages;
mod platforms;
mod problems;
mod products;
mod projects;
mod provider;
mod provision;
mod repositories;
mod skills;
mod static_file;
mod tenants;
mod tokens;
mod trusted_hosts;
mod users;
mod view;
mod webhook_hooks;

use axum::Router;
use axum::extract::FromRef;
use provider::Warm;
use repoplane_api::{App, Dialect, Routes};
use repoplane_providers::{Egress, Providers};
use repoplane_provisioning::Provisioner;
use serde_json::{Value, json};

impl Repos {
    fn provisioner(&self) -> Provisioner {
        let (store, public_url) = (self.app.store.clone(), self.app.settings.public_url.clone());
        Provisioner::new(store, self.providers.clone(), public_url)
    }
}

/// What the handlers share.
#[derive(Clone)]
pub struct Repos {
    app: App,
    providers: Providers,
    meta: Warm,
    activity: Warm,
    models: Warm,
    review: Warm,
}

impl FromRef<Repos> for App {
    fn from_ref(state: &Repos) -> Self {
        state.app.clone()
    }
}

/// The function's operations.
pub fn routes() -> Routes<Repos> {
    let dialects = dialects::nautes::routes(dialects::shiftagent::routes(native()));
    dialects::reviewboard::routes(dialects::abf::routes(dialects))
}

fn native() -> Routes<Repos> {
    Routes::new()
        .get("welcome", "/", welcome)
        .get("health", "/health", health::shallow)
        .get("health_deep", "/health/deep", health::deep)
        .get("version", "/version", version)
        .get("openapi_document", "/api/openapi.json", docs::document)
        .get("docs_page", "/docs", docs::page)
        .get("docs_file", "/docs/{file}", docs::file)
        .get("problems_list", "/problems", problems::list)
        .get("problems_get", "/problems/{slug}", problems::show)
        .post("access_bootstrap", "/api/bootstrap", identity::bootstrap)
        .post("access_recover", "/api/bootstrap/recover", identity::recover)
        .post("access_login", "/api/auth/login", identity::login)
        .get("access_me", "/api/me", identity::me)
        .get("access_list_tokens", "/api/access-tokens", tokens::list)
        .post("access_create_token", "/api/access-tokens", tokens::create)
        .delete("access_revoke_token", "/api/access-tokens/{token_id}", tokens::revoke)
        .get("tenants_list", "/api/tenants", tenants::list)
        .post("tenants_create", "/api/tenants", tenants::create)
        .get("tenants_get", "/api/tenants/{tenant_id}", tenants::show)
        .patch("tenants_update", "/api/tenants/{tenant_id}", tenants::change)
        .get("users_list", "/api/users", users::list)
        .post("users_create", "/api/users", users::create)
        .get("users_get", "/api/users/{user_id}", users::show)
        .patch("users_update", "/api/users/{user_id}", users::change)
        .get("issuers_list", "/api/issuers", issuers::list)
        .post("issuers_create", "/api/issuers", issuers::create)
        .get("issuers_get", "/api/issuers/{issuer_id}", issuers::show)
        .patch("issuers_update", "/api/issuers/{issuer_id}", issuers::change)
        .delete("issuers_delete", "/api/issuers/{issuer_id}", issuers::remove)
        .get("trusted_hosts_list", "/api/trusted-hosts", trusted_hosts::list)
        .get("trusted_hosts_get", "/api/trusted-hosts/{host}", trusted_hosts::show)
        .put("trusted_hosts_set", "/api/trusted-hosts/{host}", trusted_hosts::set)
        .delete("trusted_hosts_delete", "/api/trusted-hosts/{host}", trusted_hosts::remove)
        .get("webhook_hooks_list", "/api/webhook-hooks", webhook_hooks::list)
        .post("webhook_hooks_create", "/api/webhook-hooks", webhook_hooks::create)
        .get("webhook_hooks_get", "/api/webhook-hooks/{hook_id}", webhook_hooks::show)
        .patch("webhook_hooks_update", "/api/webhook-hooks/{hook_id}", webhook_hooks::change)
        .delete("webhook_hooks_delete", "/api/webhook-hooks/{hook_id}", webhook_hooks::remove)
        .post("webhook_hooks_rotate_secret", "/api/webhook-hooks/{hook_id}/secret/rotate", webhook_hooks::rotate_secret)
        .get("products_list", "/api/products", products::list)
        .get("products_get", "/api/products/{name}", products::show)
        .patch("products_update", "/api/products/{name}", products::change)
        .get("credentials_me_get", "/api/credentials/me", credentials::show_own)
        .patch("credentials_me_patch", "/api/credentials/me", credentials::change_own)
        .get("credentials_global_get", "/api/credentials/global", credentials::show_global)
        .patch("credentials_global_patch", "/api/credentials/global", credentials::change_global)
        .get("repos_list", "/api/repos", repositories::list)
        .post("repos_create", "/api/repos", repositories::create)
        .post("repos_import", "/api/repos/import", import::run)
        .get("repos_get", "/api/repos/{id}", repositories::show)
        .patch("repos_patch", "/api/repos/{id}", repositories::change)
        .delete("repos_delete", "/api/repos/{id}", repositories::remove)
        .post("repos_archive", "/api/repos/{id}/archive", repositories::archive)
        .post("repos_unarchive", "/api/repos/{id}/unarchive", repositories::unarchive)
        .post("repos_sync", "/api/repos/{id}/sync", repositories::sync)
        .post(
            "repos_rotate_webhook_secret",
            "/api/repos/{id}/webhook-secret/rotate",
            repositories::rotate_webhook_secret,
        )
        .get("repos_get_provider_meta", "/api/repos/{id}/provider-meta", provider::meta::show)
        .get("repos_get_provider_activity", "/api/repos/{id}/provider-activity", provider::activity::show)
        .post("repos_validate", "/api/repos/{id}/validate", provider::validate::run)
        .get("repos_get_provider_hook", "/api/repos/{id}/provider-hook", provider::hook::show)
        .post("repos_set_provider_hook", "/api/repos/{id}/provider-hook", provider::hook::set)
        .delete("repos_delete_provider_hook", "/api/repos/{id}/provider-hook", provider::hook::remove)
        .post("repos_list_model_provider_models", "/api/repos/{id}/model-credentials/models", provider::models::list)
        .get("providers_list_repositories", "/api/providers/{provider}/repositories", provider::listing::list)
        .get("repos_list_members", "/api/repos/{id}/members", members::list)
        .post("repos_add_member", "/api/repos/{id}/members", members::add)
        .patch("repos_update_member_role", "/api/repos/{id}/members/{user_id}", members::change)
        .delete("repos_remove_member", "/api/repos/{id}/members/{user_id}", members::remove)
        .get("repos_list_skills", "/api/repos/{id}/skills", skills::list)
        .get("repos_get_skill", "/api/repos/{id}/skills/{skill_id}", skills::show)
        .post("repos_accept_skill", "/api/repos/{id}/skills/{skill_id}/accept", skills::accept)
        .put("repos_put_packages", "/api/repos/{id}/packages", packages::publish)
        .get("repos_list_audit", "/api/repos/{id}/audit", audit::of_repository)
        .get("audit_list", "/api/audit", audit::of_tenant)
        .get("platforms_list", "/api/platforms", platforms::list)
        .post("platforms_create", "/api/platforms", platforms::create)
        .get("platforms_get", "/api/platforms/{platform_number}", platforms::show)
        .patch("platforms_update", "/api/platforms/{platform_number}", platforms::change)
        .delete("platforms_delete", "/api/platforms/{platform_number}", platforms::remove)
        .put(
            "platforms_set_member",
            "/api/platforms/{platform_number}/members/{member_kind}/{member_number}",
            platforms::set_member,
        )
        .delete(
            "platforms_remove_member",
            "/api/platforms/{platform_number}/members/{member_kind}/{member_number}",
            platforms::remove_member,
        )
        .get("groups_list", "/api/groups", groups::list)
        .post("groups_create", "/api/groups", groups::create)
        .get("groups_get", "/api/groups/{group_number}", groups::show)
        .patch("groups_update", "/api/groups/{group_number}", groups::change)
        .delete("groups_delete", "/api/groups/{group_number}", groups::remove)
        .put("groups_set_member", "/api/groups/{group_number}/members/{member_number}", groups::set_member)
        .delete("groups_remove_member", "/api/groups/{group_number}/members/{member_number}", groups::remove_member)
        .get("projects_list", "/api/projects", projects::list)
        .post("projects_create", "/api/projects", projects::create)
        .get("projects_get", "/api/projects/{project_number}", projects::show)
        .patch("projects_update", "/api/projects/{project_number}", projects::change)
        .delete("projects_delete", "/api/projects/{project_number}", projects::remove)
}

/// The tag of the dialect whose path it is, in the API's document; `None` for the native API.
pub fn dialect_of(path: &str) -> Option<&'static str> {
    match path {
        _ if dialects::shiftagent::owns(path) => Some("ShiftAgent"),
        _ if dialects::nautes::owns(path) => Some("Nautes"),
        _ if dialects::abf::owns(path) => Some("ABF"),
        _ if dialects::reviewboard::owns(path) => Some("Review Board"),
        _ => None,
    }
}

/// The dialects that its router speaks, for the edge.
pub fn dialects(app: &App) -> Vec<Dialect> {
    vec![
        dialects::shiftagent::dialect(app),
        dialects::nautes::dialect(app),
        dialects::abf::dialect(app),
        dialects::reviewboard::dialect(app),
    ]
}

/// The function's router; provider calls go out through `egress`.
pub fn router(app: App, egress: Egress) -> Router {
    routes().with_state(Repos {
        app,
        providers: Providers::new(egress),
        meta: Warm::new(provider::meta::ENTRIES, provider::meta::LIFE),
        activity: Warm::new(provider::activity::ENTRIES, provider::activity::LIFE),
        models: Warm::new(provider::models::ENTRIES, provider::models::LIFE),
        review: dialects::reviewboard::remembered(),
    })
}

async fn welcome() -> axum::Json<Value> {
    axum::Json(json!({
        "name": "repoplane",
        "version": repoplane_api::app::VERSION,
        "links": {
            "health": "/health",
            "version": "/version",
            "docs": "/docs",
            "openapi": "/api/openapi.json",
            "problems": "/problems",
            "me": "/api/me",
            "repositories": "/api/repos",
        },
    }))
}

async fn version() -> axum::Json<Value> {
    axum::Json(json!({"version": repoplane_api::app::VERSION, "commit": repoplane_api::app::COMMIT}))
}
