//! Tasks: list, look, claim, finish (contract: hookcode 3.9; statuses and leases: design 8.4).

use axum::extract::State;
use repoplane_api::access::{Manage, Read, TaskOf, TasksOf};
use repoplane_api::body::JsonBody;
use repoplane_api::cursor::{self, CursorScope};
use repoplane_api::idempotency::keep_unchanged;
use repoplane_api::query::QueryParams;
use repoplane_api::{Answer, App, IfMatch, Posted, PostedBody, Problem, answer_once};
use repoplane_domain::audit::AuditAction;
use repoplane_domain::error::{DomainError, FieldErrors};
use repoplane_domain::id::{LeaseId, RobotId, TaskId};
use repoplane_domain::task::{ClaimTask, PatchTask, Task, TaskStatus};
use repoplane_domain::time::Timestamp;
use repoplane_store::{KeptAnswer, TaskFilter};
use serde_json::{Value, json};

const STATUSES: &str = "queued, waiting_approval, processing, succeeded, failed, commented or cancelled";

/// One task on the wire: its status as of now, archived with its repository, the lease's id only for who claimed.
fn view(task: &Task, archived_at: Option<Timestamp>, now: Timestamp) -> Value {
    let mut view = serde_json::to_value(task).unwrap_or_default();
    view["status"] = json!(task.status_at(now));
    if let Some(lease) = &task.lease {
        view["lease"] = json!({"worker": lease.worker, "expiresAt": lease.expires_at});
    }
    if let Some(at) = archived_at {
        view["archivedAt"] = json!(at);
    }
    view["payloadUrl"] = json!(format!("/api/repos/{}/webhook-deliveries/{}/payload", task.repo_id, task.delivery_id));
    view
}

/// `tasks_list`.
pub(crate) async fn list(
    State(app): State<App>,
    TasksOf(listed): TasksOf<Read>,
    query: QueryParams,
) -> Result<Answer, Problem> {
    let (id, now) = (listed.repository.id, app.now());
    let mut errors = FieldErrors::new();
    let robot: Option<RobotId> = query.choice("robotId", &mut errors, "the id of a robot", |text| text.parse().ok());
    let filter = TaskFilter {
        status: query.choice("status", &mut errors, STATUSES, TaskStatus::parse),
        robot,
        event_type: query.text("eventType", &mut errors),
    };
    let filter = errors.into_result(filter)?;
    let scope = CursorScope::of_query(listed.principal.tenant, &["tasks", &id.to_string()], &query);
    let after: Option<TaskId> = cursor::decode(&scope, query.get("cursor"))?;
    let page = app.store.tasks(id, &filter, after, query.page_size(), now).await?;
    let archived_at = listed.repository.archived_at;
    let tasks: Vec<_> = page.tasks.iter().map(|task| view(task, archived_at, now)).collect();
    let mut answer = json!({"tasks": tasks});
    if let Some(next) = page.next {
        answer["nextCursor"] = json!(cursor::encode(&scope, next));
    }
    Ok(Answer::ok(answer))
}

/// `tasks_get`.
pub(crate) async fn show(State(app): State<App>, task: TaskOf<Read>) -> Answer {
    shown(&task.found.task, task.found.repository.archived_at, app.now()).into()
}

fn shown(task: &Task, archived_at: Option<Timestamp>, now: Timestamp) -> KeptAnswer {
    KeptAnswer::ok(json!({"task": view(task, archived_at, now)})).version(task.version)
}

/// `tasks_claim`: takes the task for a while, or renews the hold.
pub(crate) async fn claim(
    State(app): State<App>,
    task: TaskOf<Manage>,
    if_match: IfMatch,
    PostedBody(posted): PostedBody,
) -> Result<Answer, Problem> {
    let command = ClaimTask::read(&posted.body)?;
    let now = app.now();
    let lease = LeaseId::new(now, app.store.ids());
    let render = |claimed: &Task| {
        let mut answer = shown(claimed, None, now);
        let lease = claimed.lease.as_ref();
        answer.body["leaseId"] = json!(lease.map(|lease| lease.id));
        answer.body["leaseExpiresAt"] = json!(lease.map(|lease| lease.expires_at));
        answer
    };
    act(&app, task, (AuditAction::TaskClaimed, &if_match), &posted, |stored| stored.claim(&command, lease, now), render)
        .await
}

/// `tasks_update`: legal status changes only.
pub(crate) async fn change(
    State(app): State<App>,
    task: TaskOf<Manage>,
    if_match: IfMatch,
    JsonBody(body): JsonBody,
) -> Result<Answer, Problem> {
    let command = PatchTask::read(&body)?;
    let now = app.now();
    let TaskOf { principal, found, .. } = task;
    let change = |stored: &Task| {
        if_match.check(stored.version)?;
        stored.patch(&command, now)
    };
    let render = |task: &Task| shown(task, None, now);
    let changed =
        app.store.change_task(&principal, found, (AuditAction::TaskUpdated, None), now, change, render).await?;
    Ok(render(&changed).into())
}

/// `tasks_retry`: a task that has ended is queued again.
pub(crate) async fn retry(
    State(app): State<App>,
    task: TaskOf<Manage>,
    if_match: IfMatch,
    posted: Posted,
) -> Result<Answer, Problem> {
    let now = app.now();
    let render = |task: &Task| shown(task, None, now);
    act(&app, task, (AuditAction::TaskRetried, &if_match), &posted, |stored| stored.retried(now), render).await
}

/// `tasks_cancel`: a task that no worker holds is taken off the queue.
pub(crate) async fn cancel(
    State(app): State<App>,
    task: TaskOf<Manage>,
    if_match: IfMatch,
    posted: Posted,
) -> Result<Answer, Problem> {
    let now = app.now();
    let render = |task: &Task| shown(task, None, now);
    act(&app, task, (AuditAction::TaskCancelled, &if_match), &posted, |stored| stored.cancelled(now), render).await
}

/// One action on a task, which may be repeated. The repository is not archived, or the extractor had refused.
async fn act(
    app: &App,
    task: TaskOf<Manage>,
    (action, if_match): (AuditAction, &IfMatch),
    posted: &Posted,
    rule: impl Fn(&Task) -> Result<Task, DomainError>,
    render: impl Fn(&Task) -> KeptAnswer,
) -> Result<Answer, Problem> {
    let TaskOf { principal, found, .. } = task;
    let once = posted.once(&principal);
    let run = async {
        let before = found.task.version;
        let change = |stored: &Task| {
            if_match.check(stored.version)?;
            rule(stored)
        };
        let keyed = (action, once.as_ref());
        let changed = app.store.change_task(&principal, found, keyed, app.now(), change, &render).await?;
        if changed.version == before {
            return keep_unchanged(app, once.as_ref(), render(&changed)).await;
        }
        Ok(render(&changed).into())
    };
    answer_once(app, once.as_ref(), run).await
}
