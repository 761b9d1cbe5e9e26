//! `/api/repos/:id/webhook-deliveries`: what came in and why it ended as it did (contract: hookcode 2.9, 2.10, 3.8).

use crate::payload;
use axum::extract::State;
use repoplane_api::access::{DeliveryOf, Listed, Manage, PathParams, Read, Repo};
use repoplane_api::cursor::{self, CursorScope};
use repoplane_api::query::QueryParams;
use repoplane_api::{Answer, App, Problem};
use repoplane_domain::error::{FieldErrors, Kind};
use repoplane_domain::id::DeliveryId;
use repoplane_store::DeliveryFilter;
use serde::de::DeserializeOwned;
use serde_json::json;

/// Payloads up to this size are shown in the detail; larger ones are linked.
const MAX_INLINE_BYTES: usize = 1024 * 1024;

/// `repos_list_webhook_deliveries`.
pub(crate) async fn list(State(app): State<App>, listed: Listed<Read>, query: QueryParams) -> Result<Answer, Problem> {
    let id = listed.repository.id;
    let filter = read_filter(&query)?;
    let scope = CursorScope::of_query(listed.principal.tenant, &["deliveries", &id.to_string()], &query);
    let after: Option<DeliveryId> = cursor::decode(&scope, query.get("cursor"))?;
    let page = app.store.deliveries(id, &filter, after, query.page_size(), app.now()).await?;
    let mut answer = json!({"deliveries": page.deliveries});
    if let Some(next) = page.next {
        answer["nextCursor"] = json!(cursor::encode(&scope, next));
    }
    Ok(Answer::ok(answer))
}

fn read_filter(query: &QueryParams) -> Result<DeliveryFilter, Problem> {
    let mut errors = FieldErrors::new();
    let ascending = query.choice("order", &mut errors, "asc or desc", |text| match text {
        "asc" => Some(true),
        "desc" => Some(false),
        _ => None,
    });
    let filter = DeliveryFilter {
        result: query.choice("result", &mut errors, "accepted, skipped, rejected or error", named),
        event: query.text("event", &mut errors),
        error_layer: query.choice("errorLayer", &mut errors, "a layer as deliveries name it", named),
        code: query.text("code", &mut errors),
        text: query.search(&mut errors),
        from: query.instant("from", &mut errors),
        until: query.instant("to", &mut errors),
        ascending: ascending.unwrap_or_default(),
    };
    Ok(errors.into_result(filter)?)
}

/// A word of the contract.
fn named<T: DeserializeOwned>(text: &str) -> Option<T> {
    serde_json::from_value(json!(text)).ok()
}

/// `repos_get_webhook_delivery`.
pub(crate) async fn show(DeliveryOf { repository, kept }: DeliveryOf) -> Answer {
    let mut view = serde_json::to_value(&kept.delivery).unwrap_or_default();
    match &kept.body {
        Some(body) if body.len() <= MAX_INLINE_BYTES => view["payload"] = payload::as_json(&kept.delivery, body),
        Some(_) => {
            let id = kept.delivery.summary.id;
            view["payloadUrl"] = json!(format!("/api/repos/{repository}/webhook-deliveries/{id}/payload"));
        }
        None => {}
    }
    view["replays"] = json!(kept.replays);
    Answer::ok(json!({"delivery": view}))
}

/// `repos_delete_webhook_delivery_content`: the payload goes, the record of it stays.
pub(crate) async fn delete_content(
    State(app): State<App>,
    path: PathParams,
    repo: Repo<Manage>,
) -> Result<Answer, Problem> {
    let id: DeliveryId = path.id("delivery_id", Kind::Delivery)?;
    let deleted = app.store.delete_delivery_content(&repo.principal, repo.set.repository.id, id, app.now()).await?;
    Ok(Answer::ok(json!({"delivery": deleted})))
}
