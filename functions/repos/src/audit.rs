//! `/api/audit` and `/api/repos/:id/audit`: who changed what.

use axum::extract::State;
use repoplane_api::access::{Administrator, Inspect, Listed};
use repoplane_api::cursor::{self, CursorScope};
use repoplane_api::query::QueryParams;
use repoplane_api::{Answer, App, Problem};
use repoplane_domain::audit::AuditEntry;
use repoplane_domain::error::FieldErrors;
use repoplane_domain::id::AuditId;
use repoplane_domain::time::Timestamp;
use repoplane_store::AuditPage;
use serde_json::{Value, json};

fn view(entry: &AuditEntry) -> Value {
    let mut view = json!({"id": entry.id, "action": entry.action, "target": entry.target, "at": entry.at});
    let who = [
        ("userId", entry.user.map(|id| id.to_string())),
        ("accessTokenId", entry.token.map(|id| id.to_string())),
        ("repoId", entry.repository.map(|id| id.to_string())),
    ];
    for (key, value) in who {
        if let Some(value) = value {
            view[key] = json!(value);
        }
    }
    if let Some(details) = entry.details.as_object() {
        view["details"] = json!(details);
    }
    view
}

fn answer(page: &AuditPage, scope: &CursorScope) -> Answer {
    let mut answer = json!({"entries": page.entries.iter().map(view).collect::<Vec<_>>()});
    if let Some(next) = page.next {
        answer["nextCursor"] = json!(cursor::encode(scope, next));
    }
    Answer::ok(answer)
}

/// `repos_list_audit`: what was done on a repository, newest first, for those who manage it.
pub(crate) async fn of_repository(
    State(app): State<App>,
    listed: Listed<Inspect>,
    query: QueryParams,
) -> Result<Answer, Problem> {
    let id = listed.repository.id;
    let scope = CursorScope::new(listed.principal.tenant, &["audit", &id.to_string()]);
    let after: Option<AuditId> = cursor::decode(&scope, query.get("cursor"))?;
    let page = app.store.audit_of_repository(id, after, query.page_size(), app.now()).await?;
    Ok(answer(&page, &scope))
}

/// `audit_list`: what was done in the tenant on one day (UTC), newest first, for its administrators.
pub(crate) async fn of_tenant(
    State(app): State<App>,
    Administrator(caller): Administrator,
    query: QueryParams,
) -> Result<Answer, Problem> {
    let mut errors = FieldErrors::new();
    // A day is read as its first instant, which also says whether the calendar has it.
    let is_day =
        |text: &str| (text.len() == 10).then(|| format!("{text}T00:00:00Z").parse::<Timestamp>().ok()).flatten();
    let day = query.choice("day", &mut errors, "a day, like 2026-01-20", is_day);
    let day = errors.into_result(day)?.unwrap_or_else(|| app.now()).day();
    let scope = CursorScope::new(caller.tenant, &["audit", &day]);
    let after: Option<AuditId> = cursor::decode(&scope, query.get("cursor"))?;
    let limit = query.page_size();
    let page = app.store.audit_of_day(caller.tenant, &day, after, limit, app.now()).await?;
    Ok(answer(&page, &scope))
}
