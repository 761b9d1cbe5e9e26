//! `/api/repos`: register, look, change, archive (contract: hookcode 2.1–2.6).

use crate::view;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use repoplane_api::access::{Caller, Manage, ManageArchived, Read, Repo};
use repoplane_api::body::{JsonBody, OptionalJsonBody};
use repoplane_api::cursor::{self, CursorScope};
use repoplane_api::query::QueryParams;
use repoplane_api::{App, Problem};
use repoplane_domain::access::{Right, Scope};
use repoplane_domain::audit::{AuditAction, AuditEntry};
use repoplane_domain::automation::AutomationConfig;
use repoplane_domain::credential::{CredentialPatch, read_patch};
use repoplane_domain::error::{DomainError, FieldErrors};
use repoplane_domain::id::{AuditId, RepositoryId};
use repoplane_domain::input::Object;
use repoplane_domain::preview_env::PreviewEnvPatch;
use repoplane_domain::repository::{CreateRepository, PatchRepository, Repository, read_rotation};
use repoplane_domain::robot::list_view;
use repoplane_domain::time::Timestamp;
use repoplane_store::{ArchiveFilter, Author, DecisionSet, Plan};
use serde_json::{Value, json};

/// Rows of a page, at most and by default (contract: hookcode 2.1).
const PAGE: usize = 50;

/// `repos_list`.
pub(crate) async fn list(
    State(app): State<App>,
    Caller(caller): Caller,
    query: QueryParams,
) -> Result<Json<Value>, Problem> {
    caller.need_scope(Scope::ReposRead)?;
    let (filter, name) = match query.get("archived").unwrap_or_default() {
        "1" | "true" | "archived" => (ArchiveFilter::Archived, "archived"),
        "all" => (ArchiveFilter::All, "all"),
        _ => (ArchiveFilter::Active, "active"),
    };
    let scope = CursorScope::new(caller.tenant, &["repos", name, &caller.user.to_string()]);
    let after: Option<(Timestamp, RepositoryId)> = cursor::decode(&scope, query.get("cursor"))?;
    let page = app.store.repositories(&caller, filter, after, query.limit(PAGE, PAGE), app.now()).await?;
    let next = page.rows.last().filter(|_| page.more).map(|row| (row.repository.updated_at, row.repository.id));
    let rows = page.rows.iter().map(|row| view::with_rights(view::repository(&row.repository, &row.state), row.role));
    let mut answer = json!({"repos": rows.collect::<Vec<_>>()});
    if let Some(position) = next {
        answer["nextCursor"] = json!(cursor::encode(&scope, position));
    }
    Ok(Json(answer))
}

/// `repos_create`.
pub(crate) async fn create(
    State(app): State<App>,
    Caller(caller): Caller,
    JsonBody(body): JsonBody,
) -> Result<Response, Problem> {
    caller.need_scope(Scope::ReposWrite)?;
    let command = CreateRepository::read(&body)?;
    if !command.verification {
        caller.need_administrator()?;
    }
    let set = app.store.create_repository(&caller, command, app.now()).await?;
    let role = caller.role_in(&set.members.members);
    let record = view::with_rights(view::repository(&set.repository, &set.state), role);
    let mut answer = json!({"repo": view::with_creator(record, &set.members.members)});
    add_webhook(&app, &set, &mut answer).await?;
    let location = format!("/api/repos/{}", set.repository.id);
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(answer)).into_response())
}

/// `repos_get`.
pub(crate) async fn show(repo: Repo<Read>) -> Json<Value> {
    let set = &repo.set;
    let record = view::with_rights(view::repository(&set.repository, &set.state), Some(repo.role));
    let automation = set.automation.as_ref().map(|stored| stored.config.clone());
    let mut answer = json!({
        "repo": view::with_creator(record, &set.members.members),
        "robots": list_view(&set.robots)["robots"],
        "automationConfig": automation.unwrap_or_else(AutomationConfig::default_config),
        "repoScopedCredentials": set.credentials.profiles.public_view(),
        "previewEnvConfig": set.credentials.preview_env.public_view(),
    });
    if let Some(path) = view::webhook_path(&set.repository) {
        answer["webhookPath"] = json!(path);
    }
    Json(answer)
}

/// `repos_patch`.
pub(crate) async fn change(
    State(app): State<App>,
    repo: Repo<Manage>,
    JsonBody(body): JsonBody,
) -> Result<Json<Value>, Problem> {
    let Change { patch, credentials, preview_env } = Change::read(&body, &repo.set.repository)?;
    let changed: Vec<String> = body.as_object().map(|fields| fields.keys().cloned().collect()).unwrap_or_default();
    let now = app.now();
    let author = Author { principal: &repo.principal, right: Right::Manage, now };
    let plan = |set: &DecisionSet| {
        if patch.verification == Some(false) && set.repository.webhook.verification {
            repo.principal.need_administrator()?;
        }
        let next = patch.apply(&set.repository, &set.state, now)?;
        let mut secrets = next.webhook_secret_edits(&set.repository, patch.secret.as_ref());
        let mut profiles = set.credentials.profiles.clone();
        secrets.extend(credentials.apply(&mut profiles, now, app.store.ids()).map_err(DomainError::Invalid)?);
        let mut env = set.credentials.preview_env.clone();
        secrets.extend(preview_env.apply(&mut env)?);
        let mut audit =
            vec![entry(&app, &repo.principal, AuditAction::RepoUpdated, set, now).with(json!({"fields": changed}))];
        if next.webhook.verification != set.repository.webhook.verification {
            let details = json!({"webhookVerification": next.webhook.verification});
            audit.push(
                entry(&app, &repo.principal, AuditAction::RepoWebhookVerificationChanged, set, now).with(details),
            );
        }
        let profiles = (profiles != set.credentials.profiles).then_some(profiles);
        let preview_env = (env != set.credentials.preview_env).then_some(env);
        Ok(Plan { repository: Some(next), profiles, preview_env, secrets, audit, ..Plan::nothing(()) })
    };
    let (set, ()) = app.store.change(author, repo.set.clone(), plan).await?;
    let record = view::with_rights(view::repository(&set.repository, &set.state), Some(repo.role));
    Ok(Json(json!({
        "repo": record,
        "repoScopedCredentials": set.credentials.profiles.public_view(),
        "previewEnvConfig": set.credentials.preview_env.public_view(),
    })))
}

/// A checked body of `repos_patch`.
struct Change {
    patch: PatchRepository,
    credentials: CredentialPatch,
    preview_env: PreviewEnvPatch,
}

impl Change {
    fn read(body: &Value, repository: &Repository) -> Result<Self, DomainError> {
        let mut errors = FieldErrors::new();
        let mut object = Object::root(body, &mut errors);
        let patch = PatchRepository::read(&mut object);
        let credentials = read_patch(&mut object, repository.provider);
        let preview_env = PreviewEnvPatch::read(&mut object);
        object.finish();
        errors.into_result(Self { patch, credentials, preview_env })
    }
}

/// `repos_archive`.
pub(crate) async fn archive(State(app): State<App>, repo: Repo<ManageArchived>) -> Result<Json<Value>, Problem> {
    let (set, changed) = set_archived(&app, &repo, AuditAction::RepoArchived, Repository::archived).await?;
    let (tasks, groups) = counts(&app, &set, changed).await?;
    let record = view::repository(&set.repository, &set.state);
    Ok(Json(json!({"repo": record, "tasksArchived": tasks, "taskGroupsArchived": groups})))
}

/// `repos_unarchive`.
pub(crate) async fn unarchive(State(app): State<App>, repo: Repo<ManageArchived>) -> Result<Json<Value>, Problem> {
    let (set, changed) = set_archived(&app, &repo, AuditAction::RepoUnarchived, Repository::unarchived).await?;
    let (tasks, groups) = counts(&app, &set, changed).await?;
    let record = view::repository(&set.repository, &set.state);
    Ok(Json(json!({"repo": record, "tasksRestored": tasks, "taskGroupsRestored": groups})))
}

async fn set_archived(
    app: &App,
    repo: &Repo<ManageArchived>,
    action: AuditAction,
    change: impl Fn(&Repository, Timestamp) -> Option<Repository>,
) -> Result<(DecisionSet, bool), Problem> {
    if change(&repo.set.repository, app.now()).is_none() {
        return Ok((repo.set.clone(), false));
    }
    let now = app.now();
    let author = Author { principal: &repo.principal, right: Right::ManageArchived, now };
    let plan = |set: &DecisionSet| {
        Ok(match change(&set.repository, now) {
            Some(next) => {
                let audit = vec![entry(app, &repo.principal, action, set, now)];
                Plan { repository: Some(next), audit, ..Plan::nothing(true) }
            }
            None => Plan::nothing(false),
        })
    };
    Ok(app.store.change(author, repo.set.clone(), plan).await?)
}

/// What inherits the change: nothing on a repeat (contract: hookcode 2.5).
async fn counts(app: &App, set: &DecisionSet, changed: bool) -> Result<(u64, u64), Problem> {
    if !changed {
        return Ok((0, 0));
    }
    Ok(app.store.count_open(set.repository.id).await?)
}

/// `repos_rotate_webhook_secret`: the new secret is shown in this one answer.
pub(crate) async fn rotate_webhook_secret(
    State(app): State<App>,
    repo: Repo<Manage>,
    OptionalJsonBody(body): OptionalJsonBody,
) -> Result<Json<Value>, Problem> {
    let rotation = read_rotation(&body)?;
    let now = app.now();
    let author = Author { principal: &repo.principal, right: Right::Manage, now };
    let plan = |set: &DecisionSet| {
        let next = set.repository.rotated(&rotation, now);
        let secrets = next.webhook_secret_edits(&set.repository, Some(&rotation));
        let details = json!({"generation": next.webhook.generation, "overlapSeconds": rotation.overlap.as_secs()});
        let audit = vec![entry(&app, &repo.principal, AuditAction::RepoWebhookSecretRotated, set, now).with(details)];
        Ok(Plan { repository: Some(next), secrets, audit, ..Plan::nothing(()) })
    };
    let (set, ()) = app.store.change(author, repo.set.clone(), plan).await?;
    let mut answer = json!({});
    add_webhook(&app, &set, &mut answer).await?;
    if let Some(previous) = &set.repository.webhook.previous {
        answer["previousAcceptedUntil"] = json!(previous.accepted_until);
    }
    Ok(Json(answer))
}

async fn add_webhook(app: &App, set: &DecisionSet, answer: &mut Value) -> Result<(), Problem> {
    if let Some(path) = view::webhook_path(&set.repository) {
        let (secret, _) = app.store.webhook_secrets(set, app.now()).await?;
        answer["webhookSecret"] = json!(secret.expose());
        answer["webhookPath"] = json!(path);
    }
    Ok(())
}

fn entry(
    app: &App,
    principal: &repoplane_domain::access::Principal,
    action: AuditAction,
    set: &DecisionSet,
    now: Timestamp,
) -> AuditEntry {
    let id = set.repository.id;
    AuditEntry::by(principal, AuditId::new(now, app.store.ids()), action, id, now).on(id)
}
