//! `GET /api/repositories/` (contract: reviewboard 6).

use super::answer::{Media, Reply, link};
use super::call::Call;
use super::view::{self, Shape};
use crate::Repos;
use axum::extract::State;
use axum::response::Response;
use form_urlencoded::Serializer;
use repoplane_api::Problem;
use repoplane_domain::access::Principal;
use repoplane_domain::error::FieldErrors;
use repoplane_domain::id::{RepositoryId, TenantId};
use repoplane_domain::repository::Repository;
use repoplane_domain::review::{Entry, Page, ReviewFilter};
use serde_json::json;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Names or paths of one filter that are looked up one by one; a longer list walks all repositories.
const MAX_LOOKED_UP: usize = 25;

/// `reviewboard_list_repositories`.
pub(crate) async fn list(State(repos): State<Repos>, call: Call) -> Response {
    let listed = listed(&repos, &call).await;
    call.answer(listed)
}

async fn listed(repos: &Repos, call: &Call) -> Result<Reply, Problem> {
    let tenant = call.tenant()?;
    let mut errors = FieldErrors::new();
    let page = Page::read(call.parameter("start"), call.parameter("max-results"), &mut errors);
    errors.into_result(())?;
    let mut filter = ReviewFilter::default();
    for (name, value) in &call.query {
        filter.read(name, value);
    }
    let found = looked_up(repos, tenant, &filter).await?;
    let all: Arc<Vec<Entry>> = match &found {
        Some(records) => Arc::new(records.iter().map(Entry::of).collect()),
        None => repos.app.store.entries(tenant).await?,
    };
    let seen = Seen::of(repos, call.known(), &filter).await?;
    let shows = |entry: &&Entry| filter.shows(entry) && seen.shows(entry) && call.policy_allows(entry.number);
    let mut entries: Vec<&Entry> = all.iter().filter(shows).collect();
    if filter.prefix.is_some() {
        entries.sort_by_key(|entry| (entry.name.to_lowercase(), entry.number));
    }
    let total = entries.len();
    if call.parameter("counts-only").is_some_and(|text| !text.is_empty()) {
        return Ok(Reply::ok(Media::REPOSITORIES, json!({"count": total})));
    }
    let wanted: Vec<RepositoryId> =
        entries.iter().skip(page.start).take(page.max_results).map(|entry| entry.id).collect();
    let records = match found {
        Some(records) => records,
        None => repos.app.store.records_of(&wanted).await?,
    };
    let records: HashMap<RepositoryId, Repository> = records.into_iter().map(|record| (record.id, record)).collect();
    let shape = Shape::of(call);
    let rows = wanted.iter().filter_map(|id| records.get(id)).map(|row| view::repository(row, &call.origin, &shape));
    let rows: Vec<_> = rows.collect();
    let here = format!("{}/api/repositories/", call.origin);
    let asked = if call.raw_query.is_empty() { here.clone() } else { format!("{here}?{}", call.raw_query) };
    let mut links = json!({"self": link(&asked, "GET"), "create": link(&here, "POST")});
    for (name, start) in [("prev", page.previous()), ("next", page.next(wanted.len(), total))] {
        if let Some(start) = start {
            links[name] = link(&part(&here, start, page, &call.query), "GET");
        }
    }
    Ok(Reply::ok(Media::REPOSITORIES, json!({"repositories": rows, "total_results": total, "links": links})))
}

/// The address of a part of the list: where it begins, its size, and then all else that was asked, by name.
fn part(list: &str, start: usize, page: Page, query: &[(String, String)]) -> String {
    let mut rest: Vec<_> = query.iter().filter(|(name, _)| !matches!(name.as_str(), "start" | "max-results")).collect();
    rest.sort_by(|a, b| a.0.cmp(&b.0));
    let rest: String = rest
        .iter()
        .map(|(name, value)| format!("&{}", Serializer::new(String::new()).append_pair(name, value).finish()))
        .collect();
    format!("{list}?start={start}&max-results={}{rest}", page.max_results)
}

/// What names and paths lead to, where a filter has some: few reads, whatever the registry's size.
async fn looked_up(repos: &Repos, tenant: TenantId, filter: &ReviewFilter) -> Result<Option<Vec<Repository>>, Problem> {
    let store = &repos.app.store;
    let few = |list: &Option<Vec<String>>| list.clone().filter(|list| list.len() <= MAX_LOOKED_UP);
    let ids: HashSet<RepositoryId> = match (few(&filter.names), few(&filter.paths), few(&filter.names_or_paths)) {
        (Some(names), ..) => store.repositories_named(tenant, &names).await?,
        (None, Some(paths), _) => store.repositories_at(tenant, &paths).await?,
        (None, None, Some(texts)) => {
            let (named, at) =
                tokio::try_join!(store.repositories_named(tenant, &texts), store.repositories_at(tenant, &texts))?;
            named.union(&at).copied().collect()
        }
        (None, None, None) => return Ok(None),
    };
    let ids: Vec<RepositoryId> = ids.into_iter().collect();
    Ok(Some(store.records_of(&ids).await?))
}

/// What a caller may see in lists.
enum Seen {
    /// The tenant's administrators and tools: everything.
    All { hidden: bool },
    /// Others: what is public, and their own.
    Own { hidden: bool, member_of: HashSet<RepositoryId> },
}

impl Seen {
    async fn of(repos: &Repos, principal: Option<&Principal>, filter: &ReviewFilter) -> Result<Self, Problem> {
        let hidden = filter.show_invisible;
        Ok(match principal {
            Some(principal) if principal.sees_all_repositories() => Self::All { hidden },
            Some(principal) => Self::Own { hidden, member_of: repos.app.store.memberships(principal).await? },
            None => Self::Own { hidden, member_of: HashSet::new() },
        })
    }

    fn shows(&self, entry: &Entry) -> bool {
        match self {
            Self::All { hidden } => *hidden || (entry.visible && !entry.archived),
            Self::Own { hidden, member_of } => {
                !entry.archived && (member_of.contains(&entry.id) || (entry.public && (*hidden || entry.visible)))
            }
        }
    }
}
