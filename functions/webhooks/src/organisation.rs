//! `POST /api/webhook/{github,gitlab}/hooks/:hookId`: the webhook of a whole organisation or group.
//!
//! The id fixes tenant and secret, the verified payload names the repository; from there it goes the way of a repository's
//! own webhook. What ends before concerns no repository: it is answered and logged, and no delivery is recorded.

use crate::Webhooks;
use crate::answers::{answer_refusal, counted, not_taken_in};
use crate::receive::{Post, Received};
use axum::extract::{Request, State};
use axum::response::Response;
use http::StatusCode;
use repoplane_api::Problem;
use repoplane_api::access::PathParams;
use repoplane_api::limits::Hooked;
use repoplane_api::observe;
use repoplane_domain::delivery::StepKey;
use repoplane_domain::error::Kind;
use repoplane_domain::id::{DeliveryId, HookId, TenantId};
use repoplane_domain::repository::{Identity, Provider};
use repoplane_domain::webhook::{
    Incoming, Refusal, TraceLog, TraceSource, Verification, VerificationSecrets, check_hook, claimed_by, open, verify,
};
use repoplane_store::{DecisionSet, FoundHook, StoreError, StoredHook};
use serde_json::json;
use std::sync::Arc;

/// `webhook_github_organisation`.
pub(crate) async fn github(state: State<Webhooks>, path: PathParams, request: Request) -> Result<Response, Problem> {
    counted(receive(state, Provider::Github, &path, request).await)
}

/// `webhook_gitlab_group`.
pub(crate) async fn gitlab(state: State<Webhooks>, path: PathParams, request: Request) -> Result<Response, Problem> {
    counted(receive(state, Provider::Gitlab, &path, request).await)
}

async fn receive(
    State(state): State<Webhooks>,
    endpoint: Provider,
    path: &PathParams,
    request: Request,
) -> Result<Response, Problem> {
    let app = &state.app;
    let id: HookId = path.id("hook_id", Kind::OrganisationHook)?;
    observe::webhook(None);
    app.limits.admit_webhook(Hooked::Organisation(id), app.now())?;
    let Received { headers, raw, .. } = Received::of(request).await;
    let found = app.store.hook_for_post(id).await.map_err(not_taken_in)?;
    let found = found.ok_or_else(|| Problem::not_found(Kind::OrganisationHook))?;
    observe::webhook(Some(found.stored.hook.tenant));
    let raw = raw.map_err(|problem| match problem.status() {
        StatusCode::PAYLOAD_TOO_LARGE => problem.with_code("WEBHOOK_BODY_TOO_LARGE"),
        _ => problem,
    })?;

    let now = app.now();
    let incoming = Incoming { endpoint, headers: &headers, raw: &raw };
    let post = Post {
        app,
        id: DeliveryId::new(now, app.store.ids()),
        incoming,
        source: TraceSource::Ingress,
        organisation: Some(id),
        rejections: &state.rejections,
    };
    let (hook, mut trace) = match post.check_organisation(found).await? {
        Ok(checked) => checked,
        Err(refusal) => return Ok(unrecorded(id, &refusal)),
    };
    let payload = match open(&incoming, &mut trace) {
        Ok(payload) => payload,
        Err(refusal) => return Ok(unrecorded(id, &refusal)),
    };
    let identities = match claimed_by(&hook.hook, &payload, &mut trace) {
        Ok(identities) => identities,
        Err(refusal) => return Ok(unrecorded(id, &refusal)),
    };
    match post.repository(hook.hook.tenant, &identities).await.map_err(not_taken_in)? {
        Some(set) => {
            observe::repository(set.repository.id);
            trace.found(StepKey::Repo, Some("by what an organisation's webhook brought"), json!({"hookId": id}));
            post.take_in(set, Some(payload), trace).await
        }
        None => Ok(unrecorded(id, &Refusal::not_registered())),
    }
}

impl Post<'_> {
    /// Rows 4–7, by the hook. A hook that was believed and lets the post through is good enough; before one refuses, it
    /// is read, because its secret may have been rotated meanwhile.
    async fn check_organisation(
        &self,
        mut found: FoundHook,
    ) -> Result<Result<(Arc<StoredHook>, TraceLog), Refusal>, Problem> {
        loop {
            let mut trace = TraceLog::new(self.app.now());
            let refusal = match self.check_hook(&found.stored, &mut trace).await? {
                Ok(()) => return Ok(Ok((found.stored, trace))),
                Err(refusal) => refusal,
            };
            if !found.cached {
                return Ok(Err(refusal));
            }
            let (id, known) = (found.stored.hook.id, found.stored.hook.version);
            let fresh = self.app.store.fresh_hook(id).await.map_err(not_taken_in)?;
            found = fresh.ok_or_else(|| Problem::not_found(Kind::OrganisationHook))?;
            if found.stored.hook.version == known {
                return Ok(Err(refusal));
            }
        }
    }

    async fn check_hook(&self, stored: &StoredHook, trace: &mut TraceLog) -> Result<Result<(), Refusal>, Problem> {
        if let Err(refusal) = check_hook(&stored.hook, &self.incoming, trace) {
            return Ok(Err(refusal));
        }
        let (current, previous) = self.app.store.hook_secrets(stored, trace.now()).await.map_err(not_taken_in)?;
        let verification = Verification::Secrets(VerificationSecrets { current, previous });
        let verified = verify(&self.incoming, &verification, trace);
        trace.explain(json!({"hookId": stored.hook.id}));
        Ok(verified)
    }

    /// The repository of the tenant that holds one of the identities.
    async fn repository(&self, tenant: TenantId, identities: &[Identity]) -> Result<Option<DecisionSet>, StoreError> {
        match self.app.store.claimant(tenant, identities).await? {
            Some(id) => self.app.store.repository(tenant, id).await,
            None => Ok(None),
        }
    }
}

/// An answer that leaves a line in the log and nothing else; what was posted is not in it.
fn unrecorded(hook: HookId, refusal: &Refusal) -> Response {
    let code = refusal.code.unwrap_or_default();
    tracing::info!(hook.id = %hook, reason = refusal.message, code, "An organisation's webhook reached no repository");
    answer_refusal(refusal, None)
}
