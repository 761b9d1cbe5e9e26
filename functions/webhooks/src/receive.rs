//! `POST /api/webhook/{github,gitlab}/:repoId`: verified, recorded, deduplicated, decided, and durable before the answer
//! (contract: hookcode 4.6; design: webhook flow). Warm, one Query and one transaction. What an organisation's webhook
//! brings (`organisation.rs`) joins in at [`Post::take_in`].

use crate::Webhooks;
use crate::answers::{accepted, answer_refusal, counted, naming, not_taken_in, with_delivery};
use crate::rejections::Rejections;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use repoplane_api::access::PathParams;
use repoplane_api::limits::Hooked;
use repoplane_api::observe::{self, Metric};
use repoplane_api::problem::ProblemType;
use repoplane_api::{App, Problem, body};
use repoplane_domain::access::Member;
use repoplane_domain::delivery::{Delivery, StepKey};
use repoplane_domain::error::Kind;
use repoplane_domain::id::{DeliveryId, HookId, RepositoryId, RobotId};
use repoplane_domain::repository::Provider;
use repoplane_domain::task::Trace;
use repoplane_domain::webhook::{
    ActorCandidate, Decision, DedupeKey, Ending, Incoming, Recording, Refusal, ScheduleClaim, Target, TraceLog,
    TraceSource, Verification, VerificationSecrets, WebhookHeaders, bind, check_state, decide, dedupe_keys,
    event_of_any_hook, open, pre_check, record, verify,
};
use repoplane_store::{
    DecisionSet, DeliveryCommit, Hydrated, Replay, StoreError, ToldRejection, TwinKey, TwinResult, VerifiedDelivery,
};
use serde_json::{Value, json};

/// The largest body, in bytes. Behind API Gateway, Lambda's payload limit ends it earlier, at about 4.5 MB.
const MAX_BODY_BYTES: usize = 6 * 1024 * 1024;
/// How often a post that was overtaken while it filled in the record looks again.
const BINDING_TRIES: usize = 8;
/// How often the tasks whose schedule is taken are dropped and the rest is written again.
pub(crate) const SCHEDULE_TRIES: usize = 4;
/// Names the repository's own webhook among those that may bring its events.
const OWN_HOOK: &str = "own";

/// `webhook_github`.
pub(crate) async fn github(state: State<Webhooks>, path: PathParams, request: Request) -> Result<Response, Problem> {
    counted(receive(state, Provider::Github, &path, request).await)
}

/// `webhook_gitlab`.
pub(crate) async fn gitlab(state: State<Webhooks>, path: PathParams, request: Request) -> Result<Response, Problem> {
    counted(receive(state, Provider::Gitlab, &path, request).await)
}

/// A post as it came.
pub(crate) struct Received {
    pub(crate) headers: WebhookHeaders,
    /// How many bytes the sender announced.
    length: Option<u64>,
    pub(crate) raw: Result<Vec<u8>, Problem>,
}

impl Received {
    pub(crate) async fn of(request: Request) -> Self {
        let pairs = request.headers().iter();
        let headers =
            WebhookHeaders::new(pairs.map(|(name, value)| (name.as_str(), String::from_utf8_lossy(value.as_bytes()))));
        let length = request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
        Self { headers, length, raw: body::read(request, MAX_BODY_BYTES).await }
    }
}

/// One post on its way through the checks.
pub(crate) struct Post<'a> {
    pub(crate) app: &'a App,
    pub(crate) id: DeliveryId,
    pub(crate) incoming: Incoming<'a>,
    pub(crate) source: TraceSource,
    /// The organisation's webhook that brought it; the repository's own when absent.
    pub(crate) organisation: Option<HookId>,
    pub(crate) rejections: &'a Rejections,
}

async fn receive(
    State(state): State<Webhooks>,
    endpoint: Provider,
    path: &PathParams,
    request: Request,
) -> Result<Response, Problem> {
    let app = &state.app;
    let repository: RepositoryId = path.id("id", Kind::Repository)?;
    observe::webhook(None);
    observe::repository(repository);
    app.limits.admit_webhook(Hooked::Repository(repository), app.now())?;
    let Received { headers, length, raw } = Received::of(request).await;
    let set = app.store.decision_set(repository).await.map_err(not_taken_in)?;
    let set = set.ok_or_else(|| Problem::not_found(Kind::Repository))?;
    observe::webhook(Some(set.repository.tenant));

    let now = app.now();
    let raw = match raw {
        Ok(raw) => raw,
        Err(problem) if problem.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            return too_large(&state, &set, endpoint, (&headers, length), problem).await;
        }
        Err(problem) => return Err(problem),
    };
    let id = DeliveryId::new(now, app.store.ids());
    let incoming = Incoming { endpoint, headers: &headers, raw: &raw };
    let post =
        Post { app, id, incoming, source: TraceSource::Ingress, organisation: None, rejections: &state.rejections };
    let mut trace = TraceLog::new(now);
    match post.check_sender(&set, &mut trace).await? {
        Ok(()) => post.take_in(set, None, trace).await,
        Err(refusal) => {
            let delivery = post.record(repository, None, &Ending::from(&refusal), refusal.body(), trace);
            let told = state.rejections.told(&set.repository, &refusal, now);
            if state.unverified.admits(repository, &refusal.message, now) {
                app.store.record_unverified(&delivery, told, now).await?;
            }
            Ok(answer_refusal(&refusal, Some(id)))
        }
    }
}

/// A body that is not read proves nothing, but who waits for its tasks should find out why there are none.
async fn too_large(
    state: &Webhooks,
    set: &DecisionSet,
    endpoint: Provider,
    (headers, length): (&WebhookHeaders, Option<u64>),
    problem: Problem,
) -> Result<Response, Problem> {
    let (app, now) = (&state.app, state.app.now());
    let id = DeliveryId::new(now, app.store.ids());
    let incoming = Incoming { endpoint, headers, raw: &[] };
    let post =
        Post { app, id, incoming, source: TraceSource::Ingress, organisation: None, rejections: &state.rejections };
    let mut trace = TraceLog::new(now);
    // An archived repository or a wrong endpoint is the better reason: it holds for bodies of any size.
    let (refusal, response) = match pre_check(&set.repository, &post.incoming, &mut trace) {
        Err(refusal) => {
            let response = answer_refusal(&refusal, Some(id));
            (refusal, response)
        }
        Ok(()) => {
            let refusal = Refusal::too_large();
            trace.refused(StepKey::Signature, &refusal);
            let problem = problem.with_code("WEBHOOK_BODY_TOO_LARGE");
            (refusal, naming(problem, id).into_response())
        }
    };
    let mut delivery = post.record(set.repository.id, None, &Ending::from(&refusal), refusal.body(), trace);
    delivery.summary.payload_bytes = length.unwrap_or_default();
    let told = state.rejections.told(&set.repository, &refusal, now);
    if state.unverified.admits(set.repository.id, &refusal.message, now) {
        app.store.record_unverified(&delivery, told, now).await?;
    }
    Ok(response)
}

impl Post<'_> {
    /// Rows 2–7: whatever ends here proved nothing. Without the secret nothing can be checked, so nothing is accepted.
    async fn check_sender(&self, set: &DecisionSet, trace: &mut TraceLog) -> Result<Result<(), Refusal>, Problem> {
        if let Err(refusal) = pre_check(&set.repository, &self.incoming, trace) {
            return Ok(Err(refusal));
        }
        let verification = if set.repository.webhook.verification {
            let secrets = self.app.store.webhook_secrets(set, trace.now()).await.map_err(not_taken_in)?;
            Verification::Secrets(VerificationSecrets { current: secrets.0, previous: secrets.1 })
        } else {
            Verification::Off
        };
        Ok(verify(&self.incoming, &verification, trace))
    }

    /// Rows 8–18, for a sender that is known. The payload is there if it had to be read to find the repository.
    pub(crate) async fn take_in(
        &self,
        set: DecisionSet,
        mut payload: Option<Value>,
        mut trace: TraceLog,
    ) -> Result<Response, Problem> {
        let repository = set.repository.id;
        let decided = self.decide(set, &mut payload, &mut trace).await.map_err(not_taken_in)?;
        let (set, mut decision) = match decided {
            Ok(decided) => decided,
            Err((set, refusal)) => {
                let delivery =
                    self.record(repository, payload.as_ref(), &Ending::from(&refusal), refusal.body(), trace);
                let told = self.rejections.told(&set.repository, &refusal, delivery.summary.created_at);
                return match self.commit(&set, &delivery, Err(told)).await.map_err(not_taken_in)? {
                    DeliveryCommit::Twin(twin) => Ok(self.answer_twin(twin)),
                    DeliveryCommit::Recorded | DeliveryCommit::AlreadyScheduled(_) | DeliveryCommit::Repeated => {
                        Ok(answer_refusal(&refusal, Some(self.id)))
                    }
                };
            }
        };
        for _ in 0..SCHEDULE_TRIES {
            let body = decision.body();
            let delivery =
                self.record(repository, payload.as_ref(), &Ending::from(&decision), body.clone(), trace.clone());
            match self.commit(&set, &delivery, Ok(&decision)).await {
                Ok(DeliveryCommit::Recorded) => return Ok(accepted(self.id, body)),
                Ok(DeliveryCommit::Twin(twin)) => return Ok(self.answer_twin(twin)),
                Ok(DeliveryCommit::AlreadyScheduled(taken)) => decision = without(decision, taken),
                // Only calls of the API carry a key; a provider's post meets none.
                Ok(DeliveryCommit::Repeated) => return Err(not_taken_in(StoreError::Contended)),
                Err(error @ (StoreError::Limit(_) | StoreError::Corrupt { .. })) => {
                    return self.record_internal(&set, payload.as_ref(), trace, error).await;
                }
                Err(error @ (StoreError::Unavailable { .. } | StoreError::Contended)) => {
                    return Err(not_taken_in(error));
                }
            }
        }
        Err(not_taken_in(StoreError::Contended))
    }

    /// Everything up to the write: the refusal, or what is to be written. The payload is left for the record.
    async fn decide(
        &self,
        set: DecisionSet,
        payload: &mut Option<Value>,
        trace: &mut TraceLog,
    ) -> Result<Result<(DecisionSet, Decision), (DecisionSet, Refusal)>, StoreError> {
        if self.app.store.is_suspended(set.repository.tenant).await? {
            let refusal = Refusal::tenant_suspended();
            trace.refused(StepKey::RepoState, &refusal);
            return Ok(Err((set, refusal)));
        }
        // Which repository an organisation's webhook speaks of is known only now.
        if self.organisation.is_some()
            && let Err(refusal) = check_state(&set.repository, trace)
        {
            return Ok(Err((set, refusal)));
        }
        trace.success(StepKey::Dedupe, Some("the write of this delivery fails if an accepted twin exists"));
        let opened = match payload.take().map_or_else(|| open(&self.incoming, trace), Ok) {
            Ok(opened) => payload.insert(opened),
            Err(refusal) => return Ok(Err((set, refusal))),
        };
        let set = match self.bind(set, opened, trace).await? {
            Ok(set) => set,
            Err(refused) => return Ok(Err(refused)),
        };
        let decision = self.decide_on(&set, opened, trace);
        Ok(Ok((set, decision)))
    }

    /// What the rules make of a payload that belongs to the repository.
    pub(crate) fn decide_on(&self, set: &DecisionSet, opened: &Value, trace: &mut TraceLog) -> Decision {
        let members: Vec<_> = set.members.members.iter().map(actor).collect();
        let target = Target {
            repository: &set.repository,
            robots: &set.robots,
            automation: set.automation.as_ref().map(|stored| &stored.config),
            members: &members,
        };
        decide(&target, &self.incoming, opened, self.id, self.app.store.ids(), trace)
    }

    /// Binds the payload to the record, and fills in what the record does not know yet. Whoever posts first on a new
    /// webhook does so; those who come at the same moment look again at what the first one left.
    async fn bind(
        &self,
        mut set: DecisionSet,
        opened: &Value,
        trace: &mut TraceLog,
    ) -> Result<Result<DecisionSet, (DecisionSet, Refusal)>, StoreError> {
        let before = trace.clone();
        for _ in 0..BINDING_TRIES {
            trace.clone_from(&before);
            let binding = match bind(&set.repository, &set.state, opened, trace) {
                Ok(binding) => binding,
                Err(refusal) => return Ok(Err((set, refusal))),
            };
            let unverified = set.state.webhook_verified_at.is_none();
            let hydration = binding.hydration.filter(|hydration| unverified || hydration.binds_identity());
            if hydration.is_none() && !unverified {
                return Ok(Ok(set));
            }
            match self.app.store.hydrate(&set, hydration.as_ref(), trace.now()).await? {
                Hydrated::Done(set) => {
                    if hydration.is_some() {
                        trace.success(StepKey::Hydrate, None);
                    }
                    trace.success(StepKey::Verified, None);
                    return Ok(Ok(*set));
                }
                Hydrated::Stale(fresh) => set = *fresh,
                Hydrated::IdentityTaken => {
                    let refusal = Refusal::bind_failed();
                    trace.refused(StepKey::Hydrate, &refusal);
                    return Ok(Err((set, refusal)));
                }
            }
        }
        Err(StoreError::Contended)
    }

    async fn commit(
        &self,
        set: &DecisionSet,
        delivery: &Delivery,
        decision: Result<&Decision, Option<ToldRejection>>,
    ) -> Result<DeliveryCommit, StoreError> {
        let twin_key = |key: DedupeKey, via| TwinKey { key: key.key, life: key.life, via };
        let own = dedupe_keys(&self.incoming).into_iter().map(|key| twin_key(key, None));
        let via = self.organisation.map_or_else(|| OWN_HOOK.to_owned(), |hook| hook.to_string());
        let of_any_hook = event_of_any_hook(&self.incoming).map(|key| twin_key(key, Some(via)));
        let twin_keys: Vec<TwinKey> = own.chain(of_any_hook).collect();
        self.write(set, delivery, (&twin_keys, None), decision).await
    }

    pub(crate) async fn write(
        &self,
        set: &DecisionSet,
        delivery: &Delivery,
        (twin_keys, replay): (&[TwinKey], Option<Replay<'_>>),
        decision: Result<&Decision, Option<ToldRejection>>,
    ) -> Result<DeliveryCommit, StoreError> {
        let planned = decision.map_or_else(|_| &[] as &[_], Decision::tasks);
        let tasks: Vec<_> = planned
            .iter()
            .map(|planned| {
                (planned.task.clone(), planned.group.clone(), planned.claim.as_ref().map(|claim| claim.rule.clone()))
            })
            .collect();
        let verified = VerifiedDelivery {
            delivery,
            body: self.incoming.raw,
            twin_keys,
            claims_twins: matches!(decision, Ok(Decision::Accepted(_))),
            tasks: &tasks,
            trace: self.trace(),
            retention_days: set.repository.retention_days,
            told: decision.err().flatten(),
            replay,
        };
        let written = self.app.store.commit_delivery(&verified, delivery.summary.created_at).await?;
        if matches!(written, DeliveryCommit::Recorded) {
            observe::count(Metric::TasksCreated, f64::from(u32::try_from(tasks.len()).unwrap_or(u32::MAX)));
        }
        Ok(written)
    }

    /// By what the call is found in the logs: the gateway's trace, which every function on the way hands on, else the
    /// sender's own id. One that is run again has the trace of the first time.
    fn trace(&self) -> Option<Trace> {
        let header = |name| self.incoming.headers.get(name).and_then(Trace::parse);
        header("x-amzn-trace-id").or_else(|| header("x-request-id"))
    }

    /// Row 19: something of ours failed that trying again does not mend. It is recorded as far as it can be.
    async fn record_internal(
        &self,
        set: &DecisionSet,
        payload: Option<&Value>,
        trace: TraceLog,
        error: StoreError,
    ) -> Result<Response, Problem> {
        tracing::error!(%error, repo.id = %set.repository.id, delivery.id = %self.id, "Could not take a webhook in");
        let problem = Problem::new(ProblemType::Internal, "Failed to enqueue task").with_code("INTERNAL_ERROR");
        let body = json!({"error": "Failed to enqueue task"});
        let delivery = self.record(set.repository.id, payload, &Ending::internal(error.to_string()), body, trace);
        // Not even a twin may stand in the way of this record.
        self.write(set, &delivery, (&[], None), Err(None)).await.map_err(not_taken_in)?;
        Ok(with_delivery(problem.into_response(), self.id))
    }

    pub(crate) fn record(
        &self,
        repository: RepositoryId,
        payload: Option<&Value>,
        ending: &Ending,
        response: Value,
        trace: TraceLog,
    ) -> Delivery {
        record(Recording {
            id: self.id,
            repository,
            incoming: self.incoming,
            payload,
            ending: ending.clone(),
            response,
            source: self.source,
            trace,
        })
    }

    /// The first result again, with the delivery that it belongs to.
    fn answer_twin(&self, twin: TwinResult) -> Response {
        let mut body = twin.response;
        body["duplicate_of"] = json!(twin.delivery);
        accepted(twin.delivery, body)
    }
}

/// The decision without the scheduled tasks that are queued already.
pub(crate) fn without(decision: Decision, taken: Vec<(RobotId, String)>) -> Decision {
    let taken: Vec<_> = taken.into_iter().map(|(robot, rule)| ScheduleClaim { robot, rule }).collect();
    decision.without(&taken)
}

fn actor(member: &Member) -> ActorCandidate {
    ActorCandidate { user_id: member.user_id, username: member.username.clone(), email: member.email.clone() }
}
