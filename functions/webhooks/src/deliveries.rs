//! `/api/repos/:id/webhook-deliveries`: what came in and why it ended as it did (contract: hookcode 2.9, 2.10, 3.8).

use crate::payload;
use axum::Json;
use axum::extract::State;
use repoplane_api::access::{PathParams, Read, Repo};
use repoplane_api::cursor::{self, CursorScope};
use repoplane_api::query::QueryParams;
use repoplane_api::{App, Problem};
use repoplane_domain::error::Kind;
use repoplane_domain::id::DeliveryId;
use serde_json::{Value, json};

const DEFAULT_PAGE: usize = 50;
const MAX_PAGE: usize = 200;
/// Payloads up to this size are shown in the detail; larger ones are linked.
const MAX_INLINE_BYTES: usize = 1024 * 1024;

/// `repos_list_webhook_deliveries`.
pub(crate) async fn list(State(app): State<App>, repo: Repo<Read>, query: QueryParams) -> Result<Json<Value>, Problem> {
    let id = repo.set.repository.id;
    let scope = CursorScope::new(repo.principal.tenant, &["deliveries", &id.to_string()]);
    let after: Option<DeliveryId> = cursor::decode(&scope, query.get("cursor"))?;
    let page = app.store.deliveries(id, after, query.limit(DEFAULT_PAGE, MAX_PAGE), app.now()).await?;
    let mut answer = json!({"deliveries": page.deliveries});
    if let Some(last) = page.deliveries.last().filter(|_| page.more) {
        answer["nextCursor"] = json!(cursor::encode(&scope, last.id));
    }
    Ok(Json(answer))
}

/// `repos_get_webhook_delivery`.
pub(crate) async fn show(State(app): State<App>, path: PathParams, repo: Repo<Read>) -> Result<Json<Value>, Problem> {
    let id: DeliveryId = path.id("delivery_id", Kind::Delivery)?;
    let kept = app.store.delivery(repo.set.repository.id, id, app.now()).await?;
    let kept = kept.ok_or_else(|| Problem::not_found(Kind::Delivery))?;
    let mut view = serde_json::to_value(&kept.delivery).unwrap_or_default();
    match &kept.body {
        Some(body) if body.len() <= MAX_INLINE_BYTES => view["payload"] = payload::as_json(&kept.delivery, body),
        Some(_) => {
            view["payloadUrl"] = json!(format!("/api/repos/{}/webhook-deliveries/{id}/payload", repo.set.repository.id))
        }
        None => {}
    }
    view["replays"] = json!([]);
    Ok(Json(json!({"delivery": view})))
}
