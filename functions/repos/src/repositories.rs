//! `/api/repos`: register, look, change, archive (contract: hookcode 2.1–2.6).

use crate::Repos;
use crate::provider::validate;
use crate::view;
use axum::extract::State;
use repoplane_api::access::{Caller, Manage, ManageArchived, Own, Read, Repo};
use repoplane_api::body::JsonBody;
use repoplane_api::cursor::{self, CursorScope};
use repoplane_api::idempotency::keep_unchanged;
use repoplane_api::query::QueryParams;
use repoplane_api::{Answer, App, IfMatch, Posted, PostedBody, Problem, answer_once};
use repoplane_domain::access::{Principal, Right, Scope};
use repoplane_domain::audit::{AuditAction, AuditEntry};
use repoplane_domain::automation::AutomationConfig;
use repoplane_domain::credential::{CredentialPatch, CredentialProfiles, read_patch};
use repoplane_domain::error::{DomainError, FieldErrors};
use repoplane_domain::id::AuditId;
use repoplane_domain::input::Object;
use repoplane_domain::preview_env::{PreviewEnv, PreviewEnvPatch};
use repoplane_domain::repository::{CreateRepository, PatchRepository, Provider, Repository, read_rotation};
use repoplane_domain::robot::list_view;
use repoplane_domain::time::Timestamp;
use repoplane_store::{ArchiveFilter, Author, DecisionSet, KeptAnswer, Plan, RepositoryFilter, RepositoryPosition};
use serde_json::{Value, json};

/// The member that shows a webhook's secret, once.
const WEBHOOK_SECRET: &str = "webhookSecret";
/// Rows of a page, at most and by default (contract: hookcode 2.1).
pub(crate) const PAGE: usize = 50;

/// `repos_list`.
pub(crate) async fn list(
    State(app): State<App>,
    Caller(caller): Caller,
    query: QueryParams,
) -> Result<Answer, Problem> {
    caller.need_scope(Scope::ReposRead)?;
    let filter = read_filter(&query)?;
    let scope = CursorScope::of_query(caller.tenant, &["repos", &caller.user.to_string()], &query);
    let after: Option<RepositoryPosition> = cursor::decode(&scope, query.get("cursor"))?;
    let page = app.store.repositories(&caller, &filter, after, query.limit(PAGE, PAGE), app.now()).await?;
    let rows = page.rows.iter().map(|row| view::with_rights(view::repository(&row.repository), row.role));
    let mut answer = json!({"repos": rows.collect::<Vec<_>>()});
    if let Some(position) = page.next {
        answer["nextCursor"] = json!(cursor::encode(&scope, position));
    }
    Ok(Answer::ok(answer))
}

/// `archived` is read as HookCode reads it: what it does not know is "active". What is ours is strict.
fn read_filter(query: &QueryParams) -> Result<RepositoryFilter, Problem> {
    let mut errors = FieldErrors::new();
    let archived = match query.get("archived").unwrap_or_default() {
        "1" | "true" | "archived" => ArchiveFilter::Archived,
        "all" => ArchiveFilter::All,
        _ => ArchiveFilter::Active,
    };
    let provider = query.choice("provider", &mut errors, "github, gitlab or git", Provider::parse);
    let enabled = query.boolean("enabled", &mut errors);
    let text = query.search(&mut errors);
    Ok(errors.into_result(RepositoryFilter { archived, provider, enabled, text })?)
}

/// `repos_create`.
pub(crate) async fn create(
    State(repos): State<Repos>,
    Caller(caller): Caller,
    query: QueryParams,
    PostedBody(posted): PostedBody,
) -> Result<Answer, Problem> {
    caller.need_scope(Scope::ReposWrite)?;
    let app = &repos.app;
    let validation = validate::wanted_before_save(&query)?;
    let once = posted.once(&caller);
    let run = async {
        let command = CreateRepository::read(&posted.body)?;
        if !command.verification {
            caller.need_administrator()?;
        }
        let attempt = match &validation {
            None => None,
            Some(choice) => {
                let preview = app.store.preview_repository(&caller, command.clone(), app.now())?;
                Some(repos.validate_before_save(&preview, &[], &caller, choice).await?)
            }
        };
        let render = |set: &DecisionSet| {
            let role = caller.role_in(&set.members.members);
            let record = view::with_rights(view::with_state(&set.repository, &set.state), role);
            let body = json!({"repo": view::with_creator(record, &set.members.members)});
            let location = format!("/api/repos/{}", set.repository.id);
            with_webhook(KeptAnswer::created(location, body).version(set.repository.version), &set.repository)
        };
        let mut set = app.store.create_repository(&caller, command, once.as_ref(), app.now(), render).await?;
        if let Some(attempt) = &attempt {
            set.state = app.store.remember_connection(&set, attempt).await;
        }
        Ok(reveal_secret(app, &set, render(&set)).await?)
    };
    answer_once(app, once.as_ref(), run).await
}

/// `repos_get`.
pub(crate) async fn show(State(app): State<App>, repo: Repo<Read>) -> Result<Answer, Problem> {
    let set = &repo.set;
    let record = view::with_rights(view::with_state(&set.repository, &set.state), Some(repo.role));
    let automation = set.automation.as_ref().map(|stored| stored.config.clone());
    let mut credentials = set.credentials.profiles.public_view();
    if let Some(inherited) = app.store.inherited_git_profile(set).await? {
        credentials["repoProvider"]["inherited"] = inherited.inherited_view();
    }
    let mut answer = json!({
        "repo": view::with_creator(record, &set.members.members),
        "robots": list_view(&set.robots)["robots"],
        "automationConfig": automation.unwrap_or_else(AutomationConfig::default_config),
        "repoScopedCredentials": credentials,
        "previewEnvConfig": set.credentials.preview_env.public_view(),
    });
    if let Some(path) = view::webhook_path(&set.repository) {
        answer["webhookPath"] = json!(path);
    }
    Ok(Answer::ok(answer).version(set.repository.version))
}

/// `repos_patch`.
pub(crate) async fn change(
    State(repos): State<Repos>,
    repo: Repo<Manage>,
    if_match: IfMatch,
    query: QueryParams,
    JsonBody(body): JsonBody,
) -> Result<Answer, Problem> {
    let app = &repos.app;
    let validation = validate::wanted_before_save(&query)?;
    let Change { patch, credentials, preview_env } = Change::read(&body, &repo.set.repository)?;
    let changed: Vec<String> = body.as_object().map(|fields| fields.keys().cloned().collect()).unwrap_or_default();
    let now = app.now();
    let author = Author { principal: &repo.principal, right: Right::Manage, now };
    let plan = |set: &DecisionSet| {
        if_match.check(set.repository.version)?;
        if patch.verification == Some(false) && set.repository.webhook.verification {
            repo.principal.need_administrator()?;
        }
        let next = patch.apply(&set.repository, &set.state, now)?;
        let mut secrets = next.webhook_secret_edits(&set.repository, patch.secret.as_ref());
        let mut profiles = set.credentials.profiles.clone();
        secrets.extend(credentials.apply(&mut profiles, now, app.store.ids()).map_err(DomainError::Invalid)?);
        let mut env = set.credentials.preview_env.clone();
        secrets.extend(preview_env.apply(&mut env)?);
        let entry = entry(app, &repo.principal, AuditAction::RepoUpdated, set, now);
        let before = audited(&set.repository, &set.credentials.profiles, &set.credentials.preview_env);
        let after = audited(&next, &profiles, &env);
        let mut audit = vec![entry.with(json!({"fields": changed})).with_change(&before, &after)];
        if next.webhook.verification != set.repository.webhook.verification {
            audit.push(verification_changed(app, &repo.principal, set, &next, now));
        }
        let profiles = (profiles != set.credentials.profiles).then_some(profiles);
        let preview_env = (env != set.credentials.preview_env).then_some(env);
        Ok(Plan { repository: Some(next), profiles, preview_env, secrets, audit, ..Plan::nothing(()) })
    };
    let attempt = match &validation {
        None => None,
        Some(choice) => {
            let planned = plan(&repo.set)?;
            let mut preview = repo.set.clone();
            preview.repository = planned.repository.unwrap_or(preview.repository);
            preview.credentials.profiles = planned.profiles.unwrap_or(preview.credentials.profiles);
            Some(repos.validate_before_save(&preview, &planned.secrets, &repo.principal, choice).await?)
        }
    };
    let (mut set, ()) = app.store.change(author, repo.set.clone(), plan).await?;
    if let Some(attempt) = &attempt {
        set.state = app.store.remember_connection(&set, attempt).await;
    }
    let record = view::with_rights(view::with_state(&set.repository, &set.state), Some(repo.role));
    let answer = json!({
        "repo": record,
        "repoScopedCredentials": set.credentials.profiles.public_view(),
        "previewEnvConfig": set.credentials.preview_env.public_view(),
    });
    Ok(Answer::ok(answer).version(set.repository.version))
}

/// What the audit log compares of a repository: its public views, which hold no secrets.
pub(crate) fn audited(repository: &Repository, profiles: &CredentialProfiles, env: &PreviewEnv) -> Value {
    let mut view = view::repository(repository);
    view.insert("webhookSecretGeneration".to_owned(), json!(repository.webhook.generation));
    view.insert("repoScopedCredentials".to_owned(), json!(profiles.public_view()));
    view.insert("previewEnvConfig".to_owned(), json!(env.public_view()));
    Value::Object(view)
}

fn verification_changed(
    app: &App,
    principal: &Principal,
    set: &DecisionSet,
    next: &Repository,
    now: Timestamp,
) -> AuditEntry {
    let view = |repository: &Repository| json!({"webhookVerification": repository.webhook.verification});
    let entry = entry(app, principal, AuditAction::RepoWebhookVerificationChanged, set, now);
    entry.with_change(&view(&set.repository), &view(next))
}

/// `repos_delete`.
pub(crate) async fn remove(
    State(app): State<App>,
    repo: Repo<Own>,
    if_match: IfMatch,
    query: QueryParams,
) -> Result<Answer, Problem> {
    let mut errors = FieldErrors::new();
    let force = query.boolean("force", &mut errors).unwrap_or_default();
    errors.into_result(())?;
    let author = Author { principal: &repo.principal, right: Right::Own, now: app.now() };
    let check = |set: &DecisionSet| if_match.check(set.repository.version);
    let removed = app.store.remove_repository(author, repo.set.clone(), force, check).await?;
    Ok(Answer::ok(json!({"ok": true, "tasksDropped": removed.open_tasks})))
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
pub(crate) async fn archive(
    State(app): State<App>,
    repo: Repo<ManageArchived>,
    if_match: IfMatch,
    posted: Posted,
) -> Result<Answer, Problem> {
    let counted = ["tasksArchived", "taskGroupsArchived"];
    set_archived(&app, &repo, &if_match, &posted, (AuditAction::RepoArchived, counted), Repository::archived).await
}

/// `repos_unarchive`.
pub(crate) async fn unarchive(
    State(app): State<App>,
    repo: Repo<ManageArchived>,
    if_match: IfMatch,
    posted: Posted,
) -> Result<Answer, Problem> {
    let counted = ["tasksRestored", "taskGroupsRestored"];
    set_archived(&app, &repo, &if_match, &posted, (AuditAction::RepoUnarchived, counted), Repository::unarchived).await
}

/// `repos_sync`.
pub(crate) async fn sync(State(app): State<App>, repo: Repo<Manage>, posted: Posted) -> Result<Answer, Problem> {
    let once = posted.once(&repo.principal);
    let run = async {
        let render = |set: &DecisionSet| KeptAnswer {
            status: 202,
            ..KeptAnswer::ok(json!({"sync": set.state.sync.public_view()}))
        };
        let author = Author { principal: &repo.principal, right: Right::Manage, now: app.now() };
        let set = app.store.ask_for_sync(author, repo.set.clone(), once.as_ref(), render).await?;
        Ok(render(&set).into())
    };
    answer_once(&app, once.as_ref(), run).await
}

/// Archives or unarchives. What inherits the change is counted before it; on a repeat nothing does (contract: hookcode 2.5).
async fn set_archived(
    app: &App,
    repo: &Repo<ManageArchived>,
    if_match: &IfMatch,
    posted: &Posted,
    (action, [tasks, groups]): (AuditAction, [&str; 2]),
    change: impl Fn(&Repository, Timestamp) -> Option<Repository>,
) -> Result<Answer, Problem> {
    let once = posted.once(&repo.principal);
    let run = async {
        let now = app.now();
        let render = |set: &DecisionSet, counts: &(u64, u64)| {
            let body = json!({"repo": view::repository(&set.repository), tasks: counts.0, groups: counts.1});
            KeptAnswer::ok(body).version(set.repository.version)
        };
        if change(&repo.set.repository, now).is_none() {
            if_match.check(repo.set.repository.version)?;
            return keep_unchanged(app, once.as_ref(), render(&repo.set, &(0, 0))).await;
        }
        let counts = app.store.count_open(repo.set.repository.id).await?;
        let author = Author { principal: &repo.principal, right: Right::ManageArchived, now };
        let plan = |set: &DecisionSet| {
            if_match.check(set.repository.version)?;
            Ok(match change(&set.repository, now) {
                Some(next) => {
                    let view = |repository: &Repository| json!({"archivedAt": repository.archived_at});
                    let entry = entry(app, &repo.principal, action, set, now);
                    let audit = vec![entry.with_change(&view(&set.repository), &view(&next))];
                    Plan { repository: Some(next), audit, ..Plan::nothing(counts) }
                }
                // Somebody else was faster.
                None => Plan::nothing((0, 0)),
            })
        };
        let (set, counts) = app.store.act(author, repo.set.clone(), once.as_ref(), plan, render).await?;
        Ok(render(&set, &counts).into())
    };
    answer_once(app, once.as_ref(), run).await
}

/// `repos_rotate_webhook_secret`: the new secret is shown in this one answer.
pub(crate) async fn rotate_webhook_secret(
    State(app): State<App>,
    repo: Repo<Manage>,
    if_match: IfMatch,
    posted: Posted,
) -> Result<Answer, Problem> {
    let once = posted.once(&repo.principal);
    let run = async {
        let rotation = read_rotation(&posted.body)?;
        let now = app.now();
        let author = Author { principal: &repo.principal, right: Right::Manage, now };
        let plan = |set: &DecisionSet| {
            if_match.check(set.repository.version)?;
            let next = set.repository.rotated(&rotation, now);
            let secrets = next.webhook_secret_edits(&set.repository, Some(&rotation));
            let view = |repository: &Repository| json!({"webhookSecretGeneration": repository.webhook.generation});
            let entry = entry(&app, &repo.principal, AuditAction::RepoWebhookSecretRotated, set, now);
            let entry = entry.with(json!({"overlapSeconds": rotation.overlap.as_secs()}));
            let audit = vec![entry.with_change(&view(&set.repository), &view(&next))];
            Ok(Plan { repository: Some(next), secrets, audit, ..Plan::nothing(()) })
        };
        let render = |set: &DecisionSet, (): &()| {
            let mut body = json!({});
            if let Some(previous) = &set.repository.webhook.previous {
                body["previousAcceptedUntil"] = json!(previous.accepted_until);
            }
            with_webhook(KeptAnswer::ok(body).version(set.repository.version), &set.repository)
        };
        let (set, ()) = app.store.act(author, repo.set.clone(), once.as_ref(), plan, render).await?;
        Ok(reveal_secret(&app, &set, render(&set, &())).await?)
    };
    answer_once(&app, once.as_ref(), run).await
}

/// Names the webhook's path, and its secret as shown once.
fn with_webhook(mut answer: KeptAnswer, repository: &Repository) -> KeptAnswer {
    match view::webhook_path(repository) {
        Some(path) => {
            answer.body["webhookPath"] = json!(path);
            answer.withholding(WEBHOOK_SECRET)
        }
        None => answer,
    }
}

/// Shows the webhook's secret, for the one answer that has it.
async fn reveal_secret(app: &App, set: &DecisionSet, answer: KeptAnswer) -> Result<Answer, Problem> {
    if answer.withheld.is_empty() {
        return Ok(answer.into());
    }
    let (secret, _) = app.store.webhook_secrets(set, app.now()).await?;
    Ok(Answer::from(answer).reveal(WEBHOOK_SECRET, secret))
}

pub(crate) fn entry(
    app: &App,
    principal: &Principal,
    action: AuditAction,
    set: &DecisionSet,
    now: Timestamp,
) -> AuditEntry {
    let id = set.repository.id;
    AuditEntry::by(principal, AuditId::new(now, app.store.ids()), action, id, now).on(id)
}
