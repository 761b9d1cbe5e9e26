//! `/api/credentials`: the git tokens and model keys of the caller's account, and those of the tenant (contract:
//! hookcode 3.3, last lines).

use axum::extract::State;
use repoplane_api::access::{Administrator, Caller};
use repoplane_api::body::JsonBody;
use repoplane_api::{Answer, App, IfMatch, Problem};
use repoplane_domain::access::{Principal, Scope};
use repoplane_domain::audit::{AuditAction, AuditEntry};
use repoplane_domain::credential::{AccountPatch, ProfileScope};
use repoplane_domain::error::DomainError;
use repoplane_domain::id::AuditId;
use repoplane_store::{AccountOwner, AccountPlan, StoredAccount};
use serde_json::{Value, json};

/// `credentials_me_get`.
pub(crate) async fn show_own(State(app): State<App>, Caller(caller): Caller) -> Result<Answer, Problem> {
    show(&app, &caller, AccountOwner::User(caller.user)).await
}

/// `credentials_global_get`.
pub(crate) async fn show_global(State(app): State<App>, Caller(caller): Caller) -> Result<Answer, Problem> {
    show(&app, &caller, AccountOwner::Tenant).await
}

/// `credentials_me_patch`.
pub(crate) async fn change_own(
    State(app): State<App>,
    Caller(caller): Caller,
    if_match: IfMatch,
    JsonBody(body): JsonBody,
) -> Result<Answer, Problem> {
    caller.need_scope(Scope::ReposWrite)?;
    // As with access tokens: a tool's token belongs to whoever made it, but the tool is not that person.
    caller.need_token_management()?;
    change(&app, &caller, AccountOwner::User(caller.user), &if_match, &body).await
}

/// `credentials_global_patch`.
pub(crate) async fn change_global(
    State(app): State<App>,
    Administrator(caller): Administrator,
    if_match: IfMatch,
    JsonBody(body): JsonBody,
) -> Result<Answer, Problem> {
    change(&app, &caller, AccountOwner::Tenant, &if_match, &body).await
}

/// Read anew: who has just changed them at another instance sees what they did, and its version.
async fn show(app: &App, caller: &Principal, owner: AccountOwner) -> Result<Answer, Problem> {
    caller.need_scope(Scope::ReposRead)?;
    Ok(shown(&*app.store.account(caller.tenant, owner, true).await?))
}

fn shown(account: &StoredAccount) -> Answer {
    Answer::ok(json!({"credentials": account.profiles.public_view()})).version(account.version)
}

async fn change(
    app: &App,
    caller: &Principal,
    owner: AccountOwner,
    if_match: &IfMatch,
    body: &Value,
) -> Result<Answer, Problem> {
    let (scope, action, target) = match owner {
        AccountOwner::User(user) => (ProfileScope::User, AuditAction::UserCredentialsUpdated, user.to_string()),
        AccountOwner::Tenant => {
            (ProfileScope::Global, AuditAction::GlobalCredentialsUpdated, caller.tenant.to_string())
        }
    };
    let (patch, now) = (AccountPatch::read(body, scope)?, app.now());
    let fields: Vec<&String> = body.as_object().map(|fields| fields.keys().collect()).unwrap_or_default();
    let plan = |stored: &StoredAccount| {
        if_match.check(stored.version)?;
        let mut profiles = stored.profiles.clone();
        let secrets = patch.apply(&mut profiles, now, app.store.ids()).map_err(DomainError::Invalid)?;
        let entry = AuditEntry::by(caller, AuditId::new(now, app.store.ids()), action, &target, now);
        let (before, after) = (stored.profiles.public_view(), profiles.public_view());
        let audit = entry.with(json!({"fields": fields})).with_change(&before, &after);
        Ok(AccountPlan { profiles, secrets, audit })
    };
    Ok(shown(&app.store.change_account(caller.tenant, owner, now, plan).await?))
}
