//! GitLab's part of a project's activity.

use super::{Project, usable};
use crate::activity::{Activity, ActivityPages, Change, Commit, Page, first_line};
use crate::call::{Call, Caller};
use crate::error::ProviderError;
use crate::fault::Fault;
use crate::paging::More;
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};

/// GitLab REST: `GET /projects/:id/repository/commits`, one of the list.
#[derive(Deserialize)]
struct ListedCommit {
    id: String,
    short_id: String,
    title: String,
    web_url: Option<String>,
    committed_date: Option<String>,
    created_at: Option<String>,
}

/// GitLab REST: one of the list of merge requests, or of issues.
#[derive(Deserialize)]
struct ListedChange {
    iid: u64,
    title: String,
    web_url: Option<String>,
    state: String,
    created_at: Option<String>,
    updated_at: Option<String>,
}

/// The three parts at once.
pub(crate) async fn read(caller: &Caller<'_>, identity: &str, pages: ActivityPages) -> Result<Activity, ProviderError> {
    let id = usable(identity)?;
    let (commits, merges, issues) =
        (["projects", id, "repository", "commits"], ["projects", id, "merge_requests"], ["projects", id, "issues"]);
    let merge_requests =
        || Call::get(&merges).query("state", "merged").query("order_by", "updated_at").query("sort", "desc");
    let (commits, merges, issues) = tokio::try_join!(
        part(caller, id, || Call::get(&commits), pages, pages.commits, |_an_empty_repository| true),
        part(caller, id, merge_requests, pages, pages.merges, |project| {
            is_off(project.merge_requests_access_level.as_deref(), project.merge_requests_enabled)
        }),
        part(
            caller,
            id,
            || Call::get(&issues).query("state", "all"),
            pages,
            pages.issues,
            |project| { is_off(project.issues_access_level.as_deref(), project.issues_enabled) }
        ),
    )?;
    Ok(Activity {
        commits: commits.map(|commit: ListedCommit| Commit {
            id: caller.clean(&commit.id),
            short_id: caller.clean(&commit.short_id),
            title: caller.clean(first_line(&commit.title)),
            url: caller.link(commit.web_url.as_deref()),
            time: commit.committed_date.or(commit.created_at).map(|time| caller.clean(time)),
        }),
        merges: merges.map(|change| read_change(caller, change)),
        issues: issues.map(|change| read_change(caller, change)),
    })
}

/// One page. A part that is refused although the project can be seen may be one that the project has not: `is_absent`
/// looks at the project then.
async fn part<'c, T: DeserializeOwned>(
    caller: &Caller<'_>,
    id: &str,
    list: impl Fn() -> Call<'c>,
    pages: ActivityPages,
    page: u32,
    is_absent: impl Fn(&Project) -> bool,
) -> Result<Page<T>, ProviderError> {
    let (page, page_size) = (page.max(1), pages.page_size());
    let get = |page: u32| list().query("per_page", page_size).query("page", page);
    let reply = match caller.send(&get(page)).await {
        Err(error) if matches!(error.fault(), Fault::NotFound | Fault::Forbidden) => {
            let project = caller.get::<Project>(&["projects", id]).await;
            return if project.is_ok_and(|project| is_absent(&project)) { Ok(pages.empty(page)) } else { Err(error) };
        }
        reply => reply?,
    };
    let mut items: Vec<T> = reply.json()?;
    items.truncate(page_size);
    let has_more = match reply.more() {
        More::Yes => true,
        More::No => false,
        // No header says it, so the next page does. It is the very page that the next question asks for.
        More::Untold if items.len() == page_size => {
            !caller.send(&get(page.saturating_add(1))).await?.json::<Vec<IgnoredAny>>()?.is_empty()
        }
        More::Untold => false,
    };
    Ok(Page { items, page, page_size, has_more })
}

fn is_off(level: Option<&str>, enabled: Option<bool>) -> bool {
    level == Some("disabled") || enabled == Some(false)
}

fn read_change(caller: &Caller<'_>, change: ListedChange) -> Change {
    Change {
        id: change.iid.to_string(),
        title: caller.clean(&change.title),
        url: caller.link(change.web_url.as_deref()),
        state: caller.clean(&change.state),
        time: change.updated_at.or(change.created_at).map(|time| caller.clean(time)),
    }
}
