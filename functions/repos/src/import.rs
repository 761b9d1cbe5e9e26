//! `repos_import`: many repositories by one call, each by a transaction of its own.

use crate::Repos;
use crate::view;
use axum::extract::State;
use repoplane_api::access::Caller;
use repoplane_api::idempotency::{Failed, answer_marked, keep_unchanged};
use repoplane_api::observe::carried;
use repoplane_api::problem::ProblemType;
use repoplane_api::{Answer, App, PostedBody, Problem};
use repoplane_domain::access::{Principal, Scope};
use repoplane_domain::error::{Conflict, DomainError};
use repoplane_domain::id::RepositoryId;
use repoplane_domain::repository::{CreateRepository, Identity, Repository, read_import};
use repoplane_store::{KeptAnswer, Once, WriteError};
use serde_json::{Value, json};
use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tracing::Instrument;

/// Transactions at a time.
const AT_ONCE: usize = 8;
/// How long items are begun; the gateway gives up on the whole after 30 seconds.
const BEGUN_WITHIN: Duration = Duration::from_secs(18);
/// The longest list of one item's errors, in bytes of JSON.
const MAX_ERRORS_BYTES: usize = 2 * 1024;
/// From this size on, results show records by their head alone: the answer is kept in one item (DynamoDB: 400 KB).
const MAX_RESULTS_BYTES: usize = 300 * 1000;
/// What is always shown of a record.
pub(crate) const HEAD: [&str; 5] = ["id", "number", "provider", "namespace", "name"];

/// How one item ended.
enum Outcome {
    /// It is registered now.
    Created(Box<Repository>),
    /// It was registered before, as this repository.
    Exists(String),
    /// It is not registered.
    Failed(Problem),
}

/// A good item, and the record that it would become.
struct Item {
    index: usize,
    command: CreateRepository,
    name: (String, String),
    identities: BTreeSet<Identity>,
}

/// `repos_import`.
pub(crate) async fn run(
    State(repos): State<Repos>,
    Caller(caller): Caller,
    PostedBody(posted): PostedBody,
) -> Result<Answer, Problem> {
    caller.need_scope(Scope::ReposWrite)?;
    let once = posted.once(&caller);
    // Many transactions, of which none can carry the answer of all.
    answer_marked(&repos.app, once, |once| import(&repos.app, caller, &posted.body, once)).await
}

async fn import(app: &App, caller: Principal, body: &Value, once: Option<Once>) -> Result<Answer, Failed> {
    let read = read_import(body)?;
    let call = Call { app: app.clone(), caller: Arc::new(caller), until: Instant::now() + BEGUN_WITHIN };
    let mut outcomes: Vec<Option<Outcome>> = read.iter().map(|_| None).collect();
    let mut items = Vec::new();
    for (index, item) in read.into_iter().enumerate() {
        match item.and_then(|command| call.item(index, command)) {
            Ok(item) => items.push(item),
            Err(error) => outcomes[index] = Some(Outcome::Failed(error.into())),
        }
    }
    // What an earlier item may claim waits for it, so that the first one in the list wins.
    let (first, later) = without_twins(items);
    for items in [first, later] {
        for (index, outcome) in call.register(items).await {
            outcomes[index] = Some(outcome);
        }
    }
    let lost = || Outcome::Failed(Problem::new(ProblemType::Internal, "the item was not finished; send it again"));
    let outcomes: Vec<Outcome> = outcomes.into_iter().map(|outcome| outcome.unwrap_or_else(lost)).collect();
    match outcomes.first() {
        Some(Outcome::Failed(problem)) if outcomes.iter().all(Outcome::is_storage_failure) => {
            Err(problem.clone().into())
        }
        Some(_) | None => keep_unchanged(app, once.as_ref(), KeptAnswer::ok(answer(&outcomes))).await,
    }
}

/// Parts the items from those that claim a name or an identity that one before them claims as well.
fn without_twins(items: Vec<Item>) -> (Vec<Item>, Vec<Item>) {
    let (mut names, mut identities) = (HashSet::new(), HashSet::new());
    items.into_iter().partition(|item| {
        let is_first =
            !names.contains(&item.name) && identities.is_disjoint(&item.identities.iter().cloned().collect());
        names.insert(item.name.clone());
        identities.extend(item.identities.iter().cloned());
        is_first
    })
}

/// What the items of one import share.
#[derive(Clone)]
struct Call {
    app: App,
    caller: Arc<Principal>,
    until: Instant,
}

impl Call {
    fn item(&self, index: usize, command: CreateRepository) -> Result<Item, DomainError> {
        let preview = self.app.store.preview_repository(&self.caller, command.clone(), self.app.now())?;
        let Repository { namespace, name, .. } = &preview.repository;
        let name = (namespace.clone(), name.to_lowercase());
        Ok(Item { index, command, name, identities: preview.repository.identities() })
    }

    /// Registers items that may be registered at a time, in any order.
    async fn register(&self, items: Vec<Item>) -> Vec<(usize, Outcome)> {
        // A repeat, which finds nearly all of them, costs a read of the claims and no transactions.
        let claimed = items.iter().flat_map(|item| item.identities.iter().cloned()).collect();
        let holders = match self.app.store.registered(self.caller.tenant, &claimed).await {
            Ok(holders) => holders,
            Err(error) => {
                let problem = Problem::from(error);
                return items.iter().map(|item| (item.index, Outcome::Failed(problem.clone()))).collect();
            }
        };
        let holder = |item: &Item| item.identities.iter().find_map(|identity| holders.get(identity));
        let (mut outcomes, mut running) = (Vec::new(), JoinSet::new());
        for item in items {
            if let Some(holder) = holder(&item) {
                outcomes.push((item.index, Outcome::Exists(holder.to_string())));
                continue;
            }
            if running.len() == AT_ONCE {
                outcomes.extend(next(&mut running).await);
            }
            if Instant::now() >= self.until {
                let text = "the time of the call was over before this item; send it again";
                let problem = Problem::new(ProblemType::Unavailable, text).with_code("UNAVAILABLE");
                outcomes.push((item.index, Outcome::Failed(problem)));
                continue;
            }
            running.spawn(carried(self.clone().create(item).in_current_span()));
        }
        while !running.is_empty() {
            outcomes.extend(next(&mut running).await);
        }
        outcomes
    }

    async fn create(self, item: Item) -> (usize, Outcome) {
        let Self { app, caller, .. } = self;
        let unkept = |_: &_| KeptAnswer::ok(Value::Null);
        let made = app.store.create_repository(&caller, item.command, None, app.now(), unkept).await;
        let outcome = match made {
            Ok(set) => Outcome::Created(Box::new(set.repository)),
            Err(WriteError::Domain(DomainError::Conflict(conflict))) => {
                let identities: Vec<Identity> = item.identities.into_iter().collect();
                match app.store.claimant(caller.tenant, &identities).await {
                    Ok(holder) => Outcome::of_conflict(conflict, holder),
                    Err(error) => Outcome::Failed(error.into()),
                }
            }
            Err(error @ (WriteError::Domain(_) | WriteError::Store(_) | WriteError::Repeated)) => {
                Outcome::Failed(error.into())
            }
        };
        (item.index, outcome)
    }
}

/// The next one that ends; none when it broke.
async fn next(running: &mut JoinSet<(usize, Outcome)>) -> Option<(usize, Outcome)> {
    match running.join_next().await? {
        Ok(ended) => Some(ended),
        Err(error) => {
            tracing::error!(%error, "An item of an import broke");
            None
        }
    }
}

impl Outcome {
    /// Who holds the identity is the repository that was to be registered; the conflict may be about its name.
    fn of_conflict(conflict: Conflict, holder: Option<RepositoryId>) -> Self {
        match holder {
            Some(holder) => Self::Exists(holder.to_string()),
            None => Self::Failed(DomainError::Conflict(conflict).into()),
        }
    }

    fn is_storage_failure(&self) -> bool {
        match self {
            Self::Created(_) | Self::Exists(_) => false,
            Self::Failed(problem) => problem.status().is_server_error(),
        }
    }

    fn view(&self, index: usize) -> Value {
        match self {
            Self::Created(repository) => {
                json!({"index": index, "status": "created", "repo": view::repository(repository)})
            }
            Self::Exists(holder) => json!({"index": index, "status": "exists", "conflictingResourceId": holder}),
            Self::Failed(problem) => failed(index, problem),
        }
    }
}

fn failed(index: usize, problem: &Problem) -> Value {
    let mut body = problem.body();
    let mut view = json!({"index": index, "status": "failed"});
    let code = problem.status().is_server_error().then(|| json!("UNAVAILABLE"));
    let members = [
        ("code", code.or_else(|| body.remove("code"))),
        ("message", body.remove("detail")),
        ("conflictingResourceId", body.remove("conflicting_resource_id")),
    ];
    for (member, value) in members {
        if let Some(value) = value {
            view[member] = value;
        }
    }
    if let Some(Value::Array(errors)) = body.get("errors") {
        view["errors"] = json!(bounded(index, errors));
    }
    view
}

/// The errors of an item, and how many more there are when they are too long for an answer of many items.
fn bounded(index: usize, errors: &[Value]) -> Vec<Value> {
    let mut bytes = 0;
    let fits = |error: &&Value| {
        bytes += error["pointer"].to_string().len() + error["message"].to_string().len();
        bytes <= MAX_ERRORS_BYTES
    };
    let shown = errors.iter().take_while(fits);
    let mut shown: Vec<Value> =
        shown.map(|error| json!({"pointer": error["pointer"], "message": error["message"]})).collect();
    let left = errors.len() - shown.len();
    if left > 0 {
        let text = format!("wrong fields that are not shown: {left}");
        shown.push(json!({"pointer": format!("/repositories/{index}"), "message": text}));
    }
    shown
}

fn answer(outcomes: &[Outcome]) -> Value {
    let mut results: Vec<Value> = outcomes.iter().enumerate().map(|(index, outcome)| outcome.view(index)).collect();
    let bytes: usize = results.iter().map(|result| result.to_string().len()).sum();
    if bytes > MAX_RESULTS_BYTES {
        for repo in results.iter_mut().filter_map(|result| result.get_mut("repo")?.as_object_mut()) {
            repo.retain(|member, _| HEAD.contains(&member.as_str()));
        }
    }
    let count = |wanted: fn(&Outcome) -> bool| outcomes.iter().filter(|outcome| wanted(outcome)).count();
    json!({
        "results": results,
        "created": count(|outcome| matches!(outcome, Outcome::Created(_))),
        "existing": count(|outcome| matches!(outcome, Outcome::Exists(_))),
        "failed": count(|outcome| matches!(outcome, Outcome::Failed(_))),
    })
}
