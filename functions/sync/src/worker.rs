//! The worker: one repository a job. It asks whether the branch moved, and scans it if so.

use crate::event::Message;
use crate::scan::Place;
use crate::{Scanner, SyncFunction};
use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse};
use repoplane_api::observe::{self, Metric, carried};
use repoplane_domain::credential::{GitAccess, TOKEN_NOT_FOR_HOST};
use repoplane_domain::id::{LeaseId, RepositoryId};
use repoplane_domain::repository::{
    Begun, ConnectionAttempt, ConnectionFailure, ConnectionReason, Repository, RepositoryState, SyncOutcome,
    SyncStatus, leaves_enough,
};
use repoplane_domain::skill::{WalkedTree, catalogue};
use repoplane_domain::time::Timestamp;
use repoplane_providers::{Answered, BranchHead, Fault, ProviderError, RateLimit, Target};
use repoplane_store::{DecisionSet, NoAccess, StoreError, SyncEnd};
use std::time::Duration;
use tokio::task::JoinSet;

/// Longest time of one job. Shorter than a hold on the repository, and than the function's life.
pub const JOB_TIMEOUT: Duration = Duration::from_secs(200);
/// How often a branch that moves while it is read is read again.
const MOVES: u32 = 2;

/// What a job came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Looked {
    /// There is nothing to do: the repository is gone, not to be synced, or somebody is at it.
    Nothing(&'static str),
    /// The branch has not moved.
    Unchanged,
    /// The catalogue shows the branch as it is now.
    Synced,
    /// The sync failed, and the repository's state says why.
    Failed,
    /// The state changed under the scan; its result was dropped.
    Dropped,
    /// The repository's scans keep ending without a result.
    GivenUp,
}

impl<S: Scanner> SyncFunction<S> {
    /// Does a batch of jobs, all at the same time, and names those that are to be given out again.
    pub async fn work(&self, messages: Vec<Message>) -> SqsBatchResponse {
        let mut running = JoinSet::new();
        for message in messages {
            let worker = self.clone();
            running.spawn(carried(async move {
                let done = worker.one(&message).await;
                (message.id, done)
            }));
        }
        let mut failed = Vec::new();
        while let Some(ended) = running.join_next().await {
            match ended {
                Ok((_, true)) => {}
                Ok((id, false)) => failed.push(id),
                // Jobs catch the panics of their scans; what is left is the runtime going down.
                Err(error) => tracing::error!(%error, "A job ended unexpectedly"),
            }
        }
        let mut answer = SqsBatchResponse::default();
        answer.batch_item_failures = failed
            .into_iter()
            .map(|id| {
                let mut failure = BatchItemFailure::default();
                failure.item_identifier = id;
                failure
            })
            .collect();
        answer
    }

    /// Does one job; `false` when it is to be given out again, and to end among the dead letters when that does not help.
    async fn one(&self, message: &Message) -> bool {
        let Some(job) = message.job else {
            tracing::error!(message.id, "A message that is no sync job");
            return false;
        };
        let (id, lease) = (job.repository, LeaseId::new(self.app.now(), self.app.store.ids()));
        let worker = self.clone();
        // A task of its own: a scan that panics, or never ends, takes nothing else along.
        let mut scan = tokio::spawn(carried(async move { worker.look(id, lease).await }));
        let ended = tokio::time::timeout(JOB_TIMEOUT, &mut scan).await;
        let reason = match ended {
            Ok(Ok(Ok(Looked::GivenUp))) => {
                tracing::error!(repo.id = %id, "A repository's syncs keep ending without a result");
                observe::count(Metric::SyncsFailed, 1.0);
                return false;
            }
            Ok(Ok(Ok(looked))) => {
                if looked == Looked::Failed {
                    observe::count(Metric::SyncsFailed, 1.0);
                }
                tracing::info!(repo.id = %id, ?looked, "Looked at a repository");
                return true;
            }
            Ok(Ok(Err(error))) => error.to_string(),
            Ok(Err(_panicked)) => "the scan panicked".to_owned(),
            Err(_elapsed) => {
                scan.abort();
                "the scan took too long".to_owned()
            }
        };
        tracing::error!(repo.id = %id, reason, "A sync ended without a result");
        observe::count(Metric::SyncsFailed, 1.0);
        if let Err(error) = self.app.store.lose_sync(id, lease, self.app.now()).await {
            tracing::warn!(repo.id = %id, %error, "The repository stays taken until its hold runs out");
        }
        false
    }

    /// Looks at one repository.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails; what a provider answers is a result.
    pub async fn look(&self, id: RepositoryId, lease: LeaseId) -> Result<Looked, StoreError> {
        let (store, now) = (&self.app.store, self.app.now());
        let Some(set) = store.decision_set(id).await? else { return Ok(Looked::Nothing("it is gone")) };
        let (repository, sync) = (&set.repository, &set.state.sync);
        if repository.archived_at.is_some() || !repository.enabled {
            return Ok(Looked::Nothing("it is archived or disabled"));
        }
        if store.is_suspended(repository.tenant).await? {
            return Ok(Looked::Nothing("its tenant is suspended"));
        }
        if sync.lease.is_some() && sync.is_running(now) {
            return Ok(Looked::Nothing("somebody is at it"));
        }
        if sync.is_given_up(now) {
            return Ok(Looked::GivenUp);
        }
        let network = store.network_of(repository.tenant).await?;
        if repository.is_fed_by_projects() {
            return self.read_projects(&set, lease, &network).await;
        }
        let access = match store.sync_access(&set).await? {
            Ok(access) => access,
            Err(none) => return self.checked(&set, no_access(none, now), now).await,
        };
        let trusted = store.trust_for(repository).await?;
        let place = Place {
            target: target_of(repository),
            branch: repository.scanned_branch(),
            access: &access,
            network: &network,
            trusted: &trusted,
        };
        let head = match self.scanner.head(&place).await {
            Ok(head) => head,
            Err(error) => return self.checked(&set, failed(&error, &access, now), now).await,
        };
        if sync.shows(&head.value.commit) {
            let current = SyncOutcome::Current { commit: head.value.commit, skill_count: None };
            return self.checked(&set, (current, connected(now)), now).await;
        }
        if let Some(wait) = quota_used_up(&head.rate_limit, now) {
            return self.checked(&set, wait, now).await;
        }
        self.scan(&set, lease, &place, head.value).await
    }

    /// Takes the repository, walks the branch and writes what changed.
    async fn scan(
        &self,
        set: &DecisionSet,
        lease: LeaseId,
        place: &Place<'_>,
        head: BranchHead,
    ) -> Result<Looked, StoreError> {
        let store = &self.app.store;
        let set = match store.begin_sync(set, lease, self.app.now()).await? {
            Begun::Taken(state) => DecisionSet { state, ..set.clone() },
            Begun::Busy => return Ok(Looked::Nothing("somebody is at it")),
            Begun::GivenUp(_) => return Ok(Looked::GivenUp),
        };
        let walked = self.walk(place, head).await;
        let now = self.app.now();
        let (commit, walked) = match walked {
            Ok(found) => found,
            Err(error) => {
                let (outcome, attempt) = failed(&error, place.access, now);
                return self.ended(&set, lease, SyncEnd { outcome, attempt, catalogue: None }).await;
            }
        };
        let first = set.state.sync.last_synced_at.is_none();
        // A skill may be accepted or made by hand while the branch was walked: then it is catalogued again.
        for _ in 0..MOVES + 1 {
            let known = store.catalogue_of(set.repository.id).await?;
            let change = catalogue(&known, &walked, first, set.repository.id, now, store.ids());
            let (outcome, change) = match change {
                Ok(change) => {
                    let count = u32::try_from(change.counts.skills).unwrap_or(u32::MAX);
                    (SyncOutcome::Current { commit: commit.clone(), skill_count: Some(count) }, Some(change))
                }
                Err(many) => (SyncOutcome::Failed { reason: many.to_string(), not_before: None }, None),
            };
            let end = SyncEnd { outcome, attempt: connected(now), catalogue: change };
            match self.ended(&set, lease, end).await {
                Err(StoreError::Contended) => {}
                ended => return ended,
            }
        }
        Err(StoreError::Contended)
    }

    /// Walks the branch; one that moves meanwhile is walked where it is then.
    async fn walk(&self, place: &Place<'_>, mut head: BranchHead) -> Result<(String, WalkedTree), ProviderError> {
        let mut moves = 0;
        loop {
            match self.scanner.walk(place, &head).await {
                Ok(Answered { value, .. }) => return Ok((head.commit, value)),
                Err(error) if error.fault() == Fault::Moved && moves < MOVES => moves += 1,
                Err(error) => return Err(error),
            }
            head = self.scanner.head(place).await?.value;
        }
    }

    async fn ended(&self, set: &DecisionSet, lease: LeaseId, end: SyncEnd) -> Result<Looked, StoreError> {
        let succeeded = matches!(end.outcome, SyncOutcome::Current { .. });
        Ok(match self.app.store.end_sync(set, lease, &end).await? {
            None => Looked::Dropped,
            Some(_) if succeeded => Looked::Synced,
            Some(_) => Looked::Failed,
        })
    }

    /// Writes what was learned without a scan, if it is news.
    async fn checked(
        &self,
        set: &DecisionSet,
        (outcome, attempt): (SyncOutcome, ConnectionAttempt),
        now: Timestamp,
    ) -> Result<Looked, StoreError> {
        let generation = set.state.sync.generation;
        let change = |state: &RepositoryState| state.sync_checked(set.repository.id, generation, &outcome, &attempt);
        let state = self.app.store.change_state(set, None, now, change).await?;
        Ok(match state.sync.status {
            SyncStatus::Ready => Looked::Unchanged,
            SyncStatus::Error => Looked::Failed,
            SyncStatus::Pending | SyncStatus::Syncing => Looked::Dropped,
        })
    }
}

fn target_of(repository: &Repository) -> Target<'_> {
    Target {
        provider: repository.provider,
        api_base_url: repository.api_base_url.as_deref(),
        identity: repository.provider_identity().unwrap_or_default(),
        remote_url: repository.remote_url.as_deref(),
    }
}

fn connected(at: Timestamp) -> ConnectionAttempt {
    ConnectionAttempt { as_registry: true, failure: None, at }
}

/// A provider's refusal. That it has no such branch, or more than is read, is no fault of the connection.
fn failed(error: &ProviderError, access: &GitAccess, at: Timestamp) -> (SyncOutcome, ConnectionAttempt) {
    let failure = error.connection_failure(*access == GitAccess::Anonymous);
    let fault = error.fault();
    let reachable = matches!(fault, Fault::NoBranch | Fault::NoCommits | Fault::Moved | Fault::TooLarge);
    let asked = if let Fault::RateLimited { retry_after } = fault { retry_after } else { None };
    let not_before = asked.map(|wait| at.plus(wait));
    let outcome = SyncOutcome::Failed { reason: failure.message.clone(), not_before };
    (outcome, ConnectionAttempt { failure: (!reachable).then_some(failure), ..connected(at) })
}

/// A credential that cannot be used: nothing was asked, so nothing is known of the connection but that it fails.
fn no_access(none: NoAccess, at: Timestamp) -> (SyncOutcome, ConnectionAttempt) {
    let message = match none {
        NoAccess::NoToken => "the repository's token is not in the vault any more: set it again",
        NoAccess::NotForHost => TOKEN_NOT_FOR_HOST,
        NoAccess::Unusable(reason) => reason,
    };
    let failure = ConnectionFailure { reason: ConnectionReason::Unusable, message: message.to_owned() };
    let outcome = SyncOutcome::Failed { reason: message.to_owned(), not_before: None };
    (outcome, ConnectionAttempt { failure: Some(failure), ..connected(at) })
}

/// Whether the provider has too few calls left for a scan.
fn quota_used_up(limit: &RateLimit, now: Timestamp) -> Option<(SyncOutcome, ConnectionAttempt)> {
    let (left, reset) = (limit.remaining?, limit.reset?);
    let reset = Timestamp::from_second(i64::try_from(reset).unwrap_or(i64::MAX));
    if leaves_enough(left, limit.limit) || reset <= now {
        return None;
    }
    let reason = format!("the provider has only {left} calls left until {reset}: the scan waits");
    Some((SyncOutcome::Failed { reason, not_before: Some(reset) }, connected(now)))
}
