//! What the function's operations take and answer, for the API's document.

mod credentials;
mod import;
mod issuers;
mod operations;
mod packages;
mod platforms;
mod products;
mod providers;
mod schemas;
mod skills;
mod trusted_hosts;
mod webhook_hooks;

use repoplane_api::openapi::Operation;
use repoplane_api::openapi::schema::{self, Object};
use serde_json::Value;

/// The function's operations.
pub fn describe() -> Vec<Operation> {
    [
        operations::service(),
        operations::documentation(),
        operations::access(),
        operations::tenants(),
        operations::users(),
        issuers::operations(),
        trusted_hosts::operations(),
        webhook_hooks::operations(),
        products::operations(),
        credentials::operations(),
        operations::repositories(),
        import::operations(),
        providers::operations(),
        operations::members(),
        skills::operations(),
        packages::operations(),
        operations::audit(),
        crate::dialects::nautes::describe::operations(),
        platforms::operations(),
        crate::dialects::shiftagent::describe::operations(),
        crate::dialects::abf::describe::operations(),
        crate::dialects::reviewboard::describe::operations(),
    ]
    .concat()
}

/// The schemas that the operations share.
pub fn schemas() -> Vec<(&'static str, Value)> {
    let mut schemas = crate::dialects::shiftagent::describe::schemas();
    schemas.extend(crate::dialects::nautes::describe::schemas());
    schemas.extend(crate::dialects::abf::describe::schemas());
    schemas.extend(crate::dialects::reviewboard::describe::schemas());
    schemas.extend([
        ("ProblemPage", schemas::problem_page()),
        ("Repo", schemas::repo()),
        ("Connection", providers::connection()),
        ("Branch", schemas::branch()),
        ("Sync", schemas::sync()),
        ("Permissions", schemas::permissions()),
        ("Member", schemas::member()),
        ("Skill", skills::skill()),
        ("SkillLint", skills::lint()),
        ("RepoScopedCredentials", credentials::of_repository()),
        ("AccountCredentials", credentials::of_account()),
        ("GitProfiles", credentials::git_profiles()),
        ("ModelProfiles", credentials::model_profiles()),
        ("PreviewEnvConfig", schemas::preview_env()),
        ("GitCredentialPatch", credentials::git_patch()),
        ("GlobalGitCredentialPatch", credentials::global_git_patch()),
        ("ModelSetPatch", credentials::model_set_patch()),
        ("ModelCredentialPatch", credentials::model_patch()),
        ("PreviewEnvPatch", schemas::preview_env_patch()),
        ("CreateRepo", schemas::create_repo()),
        ("ImportRepo", import::import_repo()),
        ("PatchRepo", schemas::patch_repo()),
        ("AuditEntry", schemas::audit_entry()),
        ("Tenant", schemas::tenant()),
        ("User", schemas::user()),
        ("Platform", platforms::platform()),
        ("Group", platforms::group()),
        ("Project", platforms::project()),
        ("Issuer", issuers::issuer()),
        ("TrustedHost", trusted_hosts::host()),
        ("OrganisationHook", webhook_hooks::hook()),
        ("Product", products::product()),
        ("AccessToken", schemas::access_token()),
        ("Scope", schema::one_of(&["repos:read", "repos:write", "tasks:read", "tasks:write", "admin", "operator"])),
        ("Done", Object::new().required("ok", schema::constant(true), "Always true.").schema()),
    ]);
    schemas
}
