//! `repos_get_provider_activity` (contract: hookcode 2.8; quirks Q11–Q13).

use super::fault::problem_of;
use super::reach::{Choice, target_of, token_required};
use super::warm::Told;
use crate::Repos;
use axum::extract::State;
use axum::response::Response;
use repoplane_api::Problem;
use repoplane_api::access::{Read, Repo};
use repoplane_api::problem::ProblemType;
use repoplane_api::query::QueryParams;
use repoplane_domain::credential::{AccessSource, Purpose};
use repoplane_domain::id::RepositoryId;
use repoplane_domain::repository::Provider;
use repoplane_domain::task::{GroupKind, Task, groups_about};
use repoplane_domain::time::Timestamp;
use repoplane_providers::{Activity, ActivityPages, Change, Commit, MAX_ACTIVITY_PAGE, Page};
use repoplane_store::TaskFilter;
use serde_json::{Value, json};
use std::time::Duration;

/// How long an answer is believed (contract: hookcode 2.8).
pub(crate) const LIFE: Duration = Duration::from_secs(60);
/// Answers in memory (contract: hookcode 2.8).
pub(crate) const ENTRIES: u64 = 200;
/// Rows of each part, unless asked (contract: hookcode 2.8).
pub(crate) const DEFAULT_PAGE_SIZE: u8 = 5;
/// Highest page that is asked for: far beyond it providers answer slowly or not at all.
pub(crate) const MAX_PAGE: u32 = 1_000;
/// Tasks, from the newest, among which those about a row are looked for.
const TASKS: usize = 200;

/// `repos_get_provider_activity`.
pub(crate) async fn show(
    State(repos): State<Repos>,
    repo: Repo<Read>,
    query: QueryParams,
) -> Result<Response, Problem> {
    let choice = Choice::of_query(&query, AccessSource::Anonymous);
    let pages = pages(&query);
    let pages_key = format!("{} {} {} {}", pages.page_size, pages.commits, pages.merges, pages.issues);
    let key = repos.key_of(&repo.set, &repo.principal, &choice, &pages_key);
    let (told, fresh) = repos.activity.get(key, ask(&repos, &repo, &choice, &pages)).await?;
    Ok(told.answer(fresh))
}

/// Bad numbers are the default (contract: hookcode 2.8).
fn pages(query: &QueryParams) -> ActivityPages {
    let number = |name: &str| query.get(name).and_then(|text| text.trim().parse::<u32>().ok()).filter(|n| *n >= 1);
    let page = |name| number(name).unwrap_or(1).min(MAX_PAGE);
    let size = if query.get("pageSize").is_some() { number("pageSize") } else { number("limit") };
    let size = size.and_then(|size| u8::try_from(size.min(MAX_ACTIVITY_PAGE.into())).ok());
    ActivityPages {
        page_size: size.unwrap_or(DEFAULT_PAGE_SIZE),
        commits: page("commitsPage"),
        merges: page("mergesPage"),
        issues: page("issuesPage"),
    }
}

async fn ask(repos: &Repos, repo: &Repo<Read>, choice: &Choice, pages: &ActivityPages) -> Result<Told, Problem> {
    let set = &repo.set;
    if set.repository.provider == Provider::Git {
        let text = "provider git has no activity to show: Git itself knows no issues and no merge requests";
        return Err(Problem::new(ProblemType::ValidationFailed, text).with_code("REPO_PROVIDER_UNSUPPORTED"));
    }
    let target = target_of(&set.repository)?;
    let reach = repos.reach(set, &repo.principal, choice, Purpose::Read).await?;
    let reach = reach.ok_or_else(|| token_required("activity"))?;
    let now = repos.app.now();
    let ended = reach.providers.activity(&target, &reach.access, *pages).await;
    reach.note(repos, set, &ended, now).await;
    let answered = ended.map_err(|error| problem_of(&error, reach.is_anonymous()))?;
    let id = set.repository.id;
    let tasks = repos.app.store.tasks(id, &TaskFilter::default(), None, TASKS, now).await?.tasks;
    Ok(Told {
        body: view(set.repository.provider, &answered.value, (&tasks, id, now)),
        rate_limit: answered.rate_limit,
    })
}

/// What robots do: the newest tasks of the repository.
type Work<'a> = (&'a [Task], RepositoryId, Timestamp);

fn view(provider: Provider, activity: &Activity, work: Work<'_>) -> Value {
    json!({
        "provider": provider,
        "commits": page(&activity.commits, |row| commit(row, work)),
        "merges": page(&activity.merges, |row| change(row, GroupKind::MergeRequest, work)),
        "issues": page(&activity.issues, |row| change(row, GroupKind::Issue, work)),
    })
}

fn page<T>(page: &Page<T>, view: impl Fn(&T) -> Value) -> Value {
    let items: Vec<Value> = page.items.iter().map(view).collect();
    json!({"items": items, "page": page.page, "pageSize": page.page_size, "hasMore": page.has_more})
}

fn commit(row: &Commit, work: Work<'_>) -> Value {
    let view = json!({"id": row.id, "shortId": row.short_id, "title": row.title});
    with_facts(view, (row.url.as_ref(), row.time.as_ref()), (GroupKind::Commit, &row.id), work)
}

fn change(row: &Change, kind: GroupKind, work: Work<'_>) -> Value {
    let view = json!({"id": row.id, "title": row.title, "state": row.state});
    with_facts(view, (row.url.as_ref(), row.time.as_ref()), (kind, &row.id), work)
}

/// Unset optional members are left out, `taskGroups` when it is empty.
fn with_facts(
    mut view: Value,
    (url, time): (Option<&String>, Option<&String>),
    (kind, id): (GroupKind, &str),
    (tasks, repository, now): Work<'_>,
) -> Value {
    for (member, value) in [("url", url), ("time", time)] {
        if let Some(value) = value {
            view[member] = json!(value);
        }
    }
    let groups = groups_about(tasks, repository, kind, id, now);
    if !groups.is_empty() {
        view["taskGroups"] = json!(groups);
    }
    view
}
