//! Tasks: list, look, claim, finish (contract: hookcode 3.9; statuses and leases: design 8.4).

use axum::Json;
use axum::extract::State;
use repoplane_api::access::{Manage, Read, TaskOf, TasksOf};
use repoplane_api::body::JsonBody;
use repoplane_api::cursor::{self, CursorScope};
use repoplane_api::query::QueryParams;
use repoplane_api::{App, Problem};
use repoplane_domain::audit::AuditAction;
use repoplane_domain::error::Kind;
use repoplane_domain::id::{LeaseId, TaskId};
use repoplane_domain::repository::Repository;
use repoplane_domain::task::{ClaimTask, PatchTask, Task};
use repoplane_domain::time::Timestamp;
use serde_json::{Value, json};

const DEFAULT_PAGE: usize = 50;
const MAX_PAGE: usize = 200;

/// One task on the wire: its status as of now, archived with its repository, the lease's id only for who claimed.
fn view(task: &Task, repository: &Repository, now: Timestamp) -> Value {
    let mut view = serde_json::to_value(task).unwrap_or_default();
    view["status"] = json!(task.status_at(now));
    if let Some(lease) = &task.lease {
        view["lease"] = json!({"worker": lease.worker, "expiresAt": lease.expires_at});
    }
    if let Some(at) = repository.archived_at {
        view["archivedAt"] = json!(at);
    }
    view["payloadUrl"] = json!(format!("/api/repos/{}/webhook-deliveries/{}/payload", task.repo_id, task.delivery_id));
    view
}

/// `tasks_list`.
pub(crate) async fn list(
    State(app): State<App>,
    TasksOf(repo): TasksOf<Read>,
    query: QueryParams,
) -> Result<Json<Value>, Problem> {
    let (id, now) = (repo.set.repository.id, app.now());
    let scope = CursorScope::new(repo.principal.tenant, &["tasks", &id.to_string()]);
    let after: Option<TaskId> = cursor::decode(&scope, query.get("cursor"))?;
    let page = app.store.tasks(id, after, query.limit(DEFAULT_PAGE, MAX_PAGE), now).await?;
    let tasks: Vec<_> = page.tasks.iter().map(|task| view(task, &repo.set.repository, now)).collect();
    let mut answer = json!({"tasks": tasks});
    if let Some(last) = page.tasks.last().filter(|_| page.more) {
        answer["nextCursor"] = json!(cursor::encode(&scope, last.id));
    }
    Ok(Json(answer))
}

/// `tasks_get`.
pub(crate) async fn show(State(app): State<App>, task: TaskOf<Read>) -> Result<Json<Value>, Problem> {
    let repository = &task.repo.set.repository;
    let found = app.store.task(repository.id, task.id).await?.ok_or_else(|| Problem::not_found(Kind::Task))?;
    Ok(Json(json!({"task": view(&found, repository, app.now())})))
}

/// `tasks_claim`: takes the task for a while, or renews the hold.
pub(crate) async fn claim(
    State(app): State<App>,
    task: TaskOf<Manage>,
    JsonBody(body): JsonBody,
) -> Result<Json<Value>, Problem> {
    let command = ClaimTask::read(&body)?;
    let now = app.now();
    let lease = LeaseId::new(now, app.store.ids());
    let (set, principal) = (&task.repo.set, &task.repo.principal);
    let claimed = app
        .store
        .change_task(principal, set, task.id, AuditAction::TaskClaimed, now, |stored| {
            stored.claim(&command, lease, now)
        })
        .await?;
    let lease = claimed.lease.as_ref();
    Ok(Json(json!({
        "task": view(&claimed, &set.repository, now),
        "leaseId": lease.map(|lease| lease.id),
        "leaseExpiresAt": lease.map(|lease| lease.expires_at),
    })))
}

/// `tasks_update`: legal status changes only.
pub(crate) async fn change(
    State(app): State<App>,
    task: TaskOf<Manage>,
    JsonBody(body): JsonBody,
) -> Result<Json<Value>, Problem> {
    let command = PatchTask::read(&body)?;
    let now = app.now();
    let (set, principal) = (&task.repo.set, &task.repo.principal);
    let changed = app
        .store
        .change_task(principal, set, task.id, AuditAction::TaskUpdated, now, |stored| stored.patch(&command, now))
        .await?;
    Ok(Json(json!({"task": view(&changed, &set.repository, now)})))
}
