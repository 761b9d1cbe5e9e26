//! `/api/webhook-hooks`: webhooks of whole organisations and groups, for the tenant's administrators.

use axum::extract::State;
use repoplane_api::access::{Administrator, PathParams};
use repoplane_api::body::JsonBody;
use repoplane_api::cursor::{self, CursorScope};
use repoplane_api::query::QueryParams;
use repoplane_api::{Answer, App, IfMatch, Posted, PostedBody, Problem, answer_once};
use repoplane_domain::access::Principal;
use repoplane_domain::audit::{AuditAction, AuditEntry};
use repoplane_domain::error::Kind;
use repoplane_domain::id::{AuditId, HookId};
use repoplane_domain::organisation_hook::{CreateHook, OrganisationHook, PatchHook};
use repoplane_domain::repository::read_rotation;
use repoplane_domain::time::Timestamp;
use repoplane_store::{HookChange, KeptAnswer, StoredHook};
use serde_json::{Value, json};

/// The member that shows a webhook's secret, once.
const WEBHOOK_SECRET: &str = "webhookSecret";

/// One hook on the wire.
fn view(hook: &OrganisationHook) -> Value {
    let mut view = json!({
        "id": hook.id,
        "provider": hook.provider,
        "enabled": hook.enabled,
        "secretGeneration": hook.webhook.generation,
        "createdAt": hook.created_at,
        "updatedAt": hook.updated_at,
    });
    for (name, value) in
        [("owner", &hook.owner), ("apiBaseUrl", &hook.api_base_url), ("description", &hook.description)]
    {
        if let Some(value) = value {
            view[name] = json!(value);
        }
    }
    view
}

/// A hook with the path that the provider posts to.
fn shown(hook: &OrganisationHook) -> Value {
    json!({"hook": view(hook), "webhookPath": hook.webhook_path()})
}

/// `webhook_hooks_list`.
pub(crate) async fn list(
    State(app): State<App>,
    Administrator(caller): Administrator,
    query: QueryParams,
) -> Result<Answer, Problem> {
    let scope = CursorScope::of_query(caller.tenant, &["webhook-hooks"], &query);
    let after: Option<HookId> = cursor::decode(&scope, query.get("cursor"))?;
    let page = app.store.hooks(caller.tenant, after, query.page_size(), app.now()).await?;
    let mut answer = json!({"hooks": page.hooks.iter().map(view).collect::<Vec<_>>()});
    if let Some(next) = page.next {
        answer["nextCursor"] = json!(cursor::encode(&scope, next));
    }
    Ok(Answer::ok(answer))
}

/// `webhook_hooks_get`.
pub(crate) async fn show(
    State(app): State<App>,
    Administrator(caller): Administrator,
    params: PathParams,
) -> Result<Answer, Problem> {
    let id = params.id("hook_id", Kind::OrganisationHook)?;
    let hook = app.store.hook(caller.tenant, id).await?.ok_or_else(|| Problem::not_found(Kind::OrganisationHook))?;
    Ok(Answer::ok(shown(&hook)).version(hook.version))
}

/// `webhook_hooks_create`: the secret is shown in this one answer.
pub(crate) async fn create(
    State(app): State<App>,
    Administrator(caller): Administrator,
    PostedBody(posted): PostedBody,
) -> Result<Answer, Problem> {
    let once = posted.once(&caller);
    let run = async {
        let command = CreateHook::read(&posted.body)?;
        let render = |hook: &OrganisationHook| {
            let answer = KeptAnswer::created(format!("/api/webhook-hooks/{}", hook.id), shown(hook));
            answer.version(hook.version).withholding(WEBHOOK_SECRET)
        };
        let stored = app.store.create_hook(&caller, command, once.as_ref(), app.now(), render).await?;
        Ok(reveal_secret(&app, &stored, render(&stored.hook)).await?)
    };
    answer_once(&app, once.as_ref(), run).await
}

/// `webhook_hooks_update`.
pub(crate) async fn change(
    State(app): State<App>,
    Administrator(caller): Administrator,
    params: PathParams,
    if_match: IfMatch,
    JsonBody(body): JsonBody,
) -> Result<Answer, Problem> {
    let id = params.id("hook_id", Kind::OrganisationHook)?;
    let (patch, now) = (PatchHook::read(&body)?, app.now());
    let change = |stored: &OrganisationHook| {
        if_match.check(stored.version)?;
        let hook = patch.apply(stored, now);
        let entry = entry(&app, &caller, AuditAction::OrganisationHookUpdated, id, now);
        let audit = entry.with_change(&view(stored), &view(&hook));
        Ok(HookChange { hook, secret: None, audit })
    };
    let unkept = |_: &OrganisationHook| KeptAnswer::ok(Value::Null);
    let stored = app.store.change_hook(&caller, id, (None, now), change, unkept).await?;
    Ok(Answer::ok(shown(&stored.hook)).version(stored.hook.version))
}

/// `webhook_hooks_rotate_secret`: the new secret is shown in this one answer.
pub(crate) async fn rotate_secret(
    State(app): State<App>,
    Administrator(caller): Administrator,
    params: PathParams,
    if_match: IfMatch,
    posted: Posted,
) -> Result<Answer, Problem> {
    let id = params.id("hook_id", Kind::OrganisationHook)?;
    let once = posted.once(&caller);
    let run = async {
        let (rotation, now) = (read_rotation(&posted.body)?, app.now());
        let change = |stored: &OrganisationHook| {
            if_match.check(stored.version)?;
            let hook = stored.rotated(&rotation, now);
            let entry = entry(&app, &caller, AuditAction::OrganisationHookSecretRotated, id, now);
            let entry = entry.with(json!({"overlapSeconds": rotation.overlap.as_secs()}));
            let audit = entry.with_change(&view(stored), &view(&hook));
            Ok(HookChange { hook, secret: Some(rotation.clone()), audit })
        };
        let render = |hook: &OrganisationHook| {
            let mut body = shown(hook);
            if let Some(previous) = &hook.webhook.previous {
                body["previousAcceptedUntil"] = json!(previous.accepted_until);
            }
            KeptAnswer::ok(body).version(hook.version).withholding(WEBHOOK_SECRET)
        };
        let stored = app.store.change_hook(&caller, id, (once.as_ref(), now), change, render).await?;
        Ok(reveal_secret(&app, &stored, render(&stored.hook)).await?)
    };
    answer_once(&app, once.as_ref(), run).await
}

/// `webhook_hooks_delete`.
pub(crate) async fn remove(
    State(app): State<App>,
    Administrator(caller): Administrator,
    params: PathParams,
    if_match: IfMatch,
) -> Result<Answer, Problem> {
    let id = params.id("hook_id", Kind::OrganisationHook)?;
    let check = |stored: &OrganisationHook| if_match.check(stored.version);
    app.store.remove_hook(&caller, id, app.now(), check).await?;
    Ok(Answer::ok(json!({"ok": true})))
}

/// Shows the secret, for the one answer that has it.
async fn reveal_secret(app: &App, stored: &StoredHook, answer: KeptAnswer) -> Result<Answer, Problem> {
    let (secret, _) = app.store.hook_secrets(stored, app.now()).await?;
    Ok(Answer::from(answer).reveal(WEBHOOK_SECRET, secret))
}

fn entry(app: &App, author: &Principal, action: AuditAction, id: HookId, now: Timestamp) -> AuditEntry {
    AuditEntry::by(author, AuditId::new(now, app.store.ids()), action, id, now)
}
