//! `POST /api/repos/:id/webhook-deliveries/:deliveryId/redeliver`: a kept delivery, once more, by the rules as they are now.
//!
//! The post was verified when it came in, and its signature is not kept: what is done again is all that comes after that
//! check. The result is a delivery of its own, linked with the kept one. Twins are not looked for: who asks for a delivery
//! again wants its tasks again.

use crate::Webhooks;
use crate::receive::{Post, SCHEDULE_TRIES, without};
use axum::extract::State;
use repoplane_api::access::{Manage, PathParams, Repo};
use repoplane_api::idempotency::Failed;
use repoplane_api::{Answer, Posted, Problem, answer_once};
use repoplane_domain::delivery::{Delivery, StepKey};
use repoplane_domain::error::{Conflict, DomainError, Kind};
use repoplane_domain::id::DeliveryId;
use repoplane_domain::webhook::{
    Decision, Ending, Incoming, Refusal, TraceLog, TraceSource, WebhookHeaders, bind, open, pre_check,
};
use repoplane_store::{DecisionSet, DeliveryCommit, KeptAnswer, KeptDelivery, Once, Replay, StoreError, WriteError};
use serde_json::{Value, json};

/// `repos_redeliver_webhook_delivery`.
pub(crate) async fn redeliver(
    State(state): State<Webhooks>,
    path: PathParams,
    repo: Repo<Manage>,
    posted: Posted,
) -> Result<Answer, Problem> {
    let id: DeliveryId = path.id("delivery_id", Kind::Delivery)?;
    let app = &state.app;
    let once = posted.once(&repo.principal);
    let run = async {
        let kept = app.store.delivery(repo.set.repository.id, id, app.now()).await?;
        let kept = kept.ok_or(DomainError::NotFound(Kind::Delivery))?;
        run_again(&state, &repo, kept, once.as_ref()).await
    };
    answer_once(app, once.as_ref(), run).await
}

async fn run_again(
    Webhooks { app, rejections, .. }: &Webhooks,
    repo: &Repo<Manage>,
    kept: KeptDelivery,
    once: Option<&Once>,
) -> Result<Answer, Failed> {
    let conflict = |code, text: &str| Err(DomainError::Conflict(Conflict::new(code, text)).into());
    if kept.exhausted {
        return conflict("DELIVERY_REDELIVERED_TOO_OFTEN", "the delivery was run again as often as it may be");
    }
    let Some(raw) = &kept.body else {
        return conflict(
            "DELIVERY_CONTENT_MISSING",
            "the payload of the delivery is not kept: there is nothing to run",
        );
    };
    let now = app.now();
    let of = kept.delivery.summary.id;
    let headers = WebhookHeaders::new(kept.delivery.headers.iter());
    let incoming = Incoming { endpoint: kept.delivery.summary.provider, headers: &headers, raw };
    let id = DeliveryId::new(now, app.store.ids());
    let post = Post { app, id, incoming, source: TraceSource::Replay(of), organisation: None, rejections };
    let (set, mut trace, mut payload) = (&repo.set, TraceLog::new(now), None);
    let mut decided = decide(&post, set, &mut payload, &mut trace);
    for _ in 0..SCHEDULE_TRIES {
        let (ending, response, decision) = match &decided {
            Ok(decision) => (Ending::from(decision), decision.body(), Ok(decision)),
            // Who runs a delivery again is answered, and needs no event.
            Err(refusal) => (Ending::from(refusal), refusal.body(), Err(None)),
        };
        let delivery = post.record(set.repository.id, payload.as_ref(), &ending, response, trace.clone());
        let answer = answer(&delivery);
        let replay = Replay { of, author: &repo.principal, once, answer: &answer };
        match post.write(set, &delivery, (&[], Some(replay)), decision).await? {
            DeliveryCommit::Recorded => return Ok(answer.into()),
            DeliveryCommit::Repeated => return Err(WriteError::Repeated.into()),
            DeliveryCommit::AlreadyScheduled(taken) => decided = decided.map(|decision| without(decision, taken)),
            DeliveryCommit::Twin(_) => return Err(StoreError::Contended.into()),
        }
    }
    Err(StoreError::Contended.into())
}

/// The checks that a kept delivery meets again, and the rules.
fn decide(
    post: &Post<'_>,
    set: &DecisionSet,
    payload: &mut Option<Value>,
    trace: &mut TraceLog,
) -> Result<Decision, Refusal> {
    pre_check(&set.repository, &post.incoming, trace)?;
    trace.success(StepKey::Signature, Some("verified when the delivery came in"));
    let opened = payload.insert(open(&post.incoming, trace)?);
    bind(&set.repository, &set.state, opened, trace)?;
    Ok(post.decide_on(set, opened, trace))
}

fn answer(delivery: &Delivery) -> KeptAnswer {
    let summary = &delivery.summary;
    let location = format!("/api/repos/{}/webhook-deliveries/{}", summary.repo_id, summary.id);
    let mut body = json!({"delivery": summary});
    // What the provider would have been answered: the tasks, or why there are none.
    if let (Some(body), Some(response)) = (body.as_object_mut(), delivery.response.as_object()) {
        body.extend(response.clone());
    }
    KeptAnswer::created(location, body)
}
