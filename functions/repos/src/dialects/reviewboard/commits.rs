//! The branches and commits of a repository, as its provider's API or its remote tells them (contract: reviewboard 7, child
//! resources).

use super::answer::{Media, Reply};
use super::call::Call;
use super::item;
use super::problems::Code;
use super::verification::refused_access;
use crate::Repos;
use crate::provider::reach::target_of;
use crate::provider::warm::Told;
use axum::extract::State;
use axum::response::Response;
use http::{HeaderValue, header};
use repoplane_api::Problem;
use repoplane_domain::error::DomainError;
use repoplane_providers::{Fault, HistoryCommit, HistoryPage, NamedBranch, ProviderError};
use repoplane_store::DecisionSet;
use serde_json::{Value, json};
use std::time::Duration;

/// How long an answer is believed: a remote is not asked for everybody who looks.
pub(super) const LIFE: Duration = Duration::from_secs(60);
/// Answers in memory.
pub(super) const ENTRIES: u64 = 200;

/// `reviewboard_list_branches`.
pub(crate) async fn branches(State(repos): State<Repos>, call: Call) -> Response {
    let told = told(&repos, &call, &Asked::Branches).await;
    call.answer(told.map(|body| Reply::ok(Media::BRANCHES, body)))
}

/// `reviewboard_list_commits`: from a commit, `start`, or else the newest of a branch.
pub(crate) async fn commits(State(repos): State<Repos>, call: Call) -> Response {
    let given = |name| call.parameter(name).map(str::trim).filter(|text| !text.is_empty());
    let asked = match (given("start"), given("branch")) {
        (Some(start), _) => Asked::Commits("start", Some(start.to_owned())),
        (None, branch) => Asked::Commits("branch", branch.map(str::to_owned)),
    };
    let told = told(&repos, &call, &asked).await;
    call.answer(told.map(|body| Reply::ok(Media::COMMITS, body)))
}

/// What is asked for.
enum Asked {
    Branches,
    /// Commits from this one on, or of this branch, by the parameter that names it.
    Commits(&'static str, Option<String>),
}

async fn told(repos: &Repos, call: &Call, asked: &Asked) -> Result<Value, Problem> {
    // Strangers do not make us call others.
    call.principal()?;
    let set = item::readable_set(repos, call).await?;
    let versions = (set.repository.version, set.credentials.version);
    let key = match asked {
        Asked::Branches => format!("{} {versions:?} branches", set.repository.id),
        Asked::Commits(name, from) => format!("{} {versions:?} {name} {from:?}", set.repository.id),
    };
    let (told, _) = repos.review.get(key, ask(repos, &set, asked)).await?;
    Ok(told.body)
}

async fn ask(repos: &Repos, set: &DecisionSet, asked: &Asked) -> Result<Told, Problem> {
    let store = &repos.app.store;
    let target = target_of(&set.repository).map_err(|_| Code::NotSupported.problem())?;
    let access = store.sync_access(set).await?.map_err(refused_access)?;
    let network = store.network_of(set.repository.tenant).await?;
    let trusted = store.trust_for(&set.repository).await?;
    let providers = repos.providers.for_tenant(&network).trusting(&trusted);
    let (body, rate_limit) = match asked {
        Asked::Branches => {
            let answered = providers.branches(&target, &access).await.map_err(|error| problem(&error, "branch"))?;
            let mut branches = answered.value;
            branches.sort_by_key(|branch| !branch.default);
            (json!({"branches": branches.iter().map(branch).collect::<Vec<_>>()}), answered.rate_limit)
        }
        Asked::Commits(name, from) => {
            let page = HistoryPage { from: from.clone() };
            let answered = providers.history(&target, &access, &page).await.map_err(|error| problem(&error, name))?;
            (json!({"commits": answered.value.iter().map(commit).collect::<Vec<_>>()}), answered.rate_limit)
        }
    };
    Ok(Told { body, rate_limit })
}

fn branch(branch: &NamedBranch) -> Value {
    json!({"id": branch.name, "name": branch.name, "commit": branch.commit, "default": branch.default})
}

fn commit(commit: &HistoryCommit) -> Value {
    json!({
        "id": commit.id,
        "author_name": commit.author_name,
        "date": commit.date.as_deref().unwrap_or_default(),
        "message": commit.message,
        "parent": commit.parent.as_deref().unwrap_or_default(),
    })
}

/// The contract's error for a question that brought nothing; `named` is the parameter that named where to begin.
fn problem(error: &ProviderError, named: &str) -> Problem {
    let text = error.to_string();
    match error.fault() {
        Fault::TokenRejected { .. } | Fault::Forbidden => {
            let detail = format!("The repository refused the login: {text}");
            Code::RepositoryAuthError.problem().with_detail(detail).with_member("reason", json!(text))
        }
        Fault::NotFound => Code::RepositoryMissing.problem(),
        Fault::NoBranch | Fault::NoCommits => DomainError::invalid(format!("/{named}"), text).into(),
        Fault::Unusable => DomainError::invalid(format!("/{named}"), text).into(),
        Fault::RateLimited { retry_after } => {
            let seconds = retry_after.map_or(60, |wait| wait.as_secs().max(1));
            Code::RateLimited.problem().with_header(header::RETRY_AFTER, HeaderValue::from(seconds))
        }
        Fault::Unavailable
        | Fault::BadAnswer
        | Fault::AddressRefused
        | Fault::Untrusted
        | Fault::Moved
        | Fault::TooLarge
        | Fault::Refused { .. } => {
            let detail = format!("The repository could not be spoken to: {text}");
            Code::CommunicationError.problem().with_detail(detail).with_member("error", json!(text))
        }
    }
}
