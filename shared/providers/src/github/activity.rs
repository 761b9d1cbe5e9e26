//! GitHub's part of a repository's activity.

use super::full_name;
use crate::activity::{Activity, ActivityPages, Change, Commit, Page, first_line};
use crate::call::{Call, Caller};
use crate::error::ProviderError;
use crate::paging::More;
use http::StatusCode;
use serde::Deserialize;

/// Items on a page of a scan, the most that GitHub gives.
const SCAN_PAGE: usize = 100;
/// Pages of a scan (contract: hookcode 2.8).
const SCAN_PAGES: usize = 10;
/// Characters of a short hash, as GitHub shows it.
const SHORT_HASH: usize = 7;

/// GitHub REST: `GET /repos/{owner}/{repo}/commits`, one of the list.
#[derive(Deserialize)]
pub(super) struct ListedCommit {
    pub(super) sha: String,
    html_url: Option<String>,
    pub(super) commit: CommitText,
    #[serde(default)]
    pub(super) parents: Vec<Parent>,
}

#[derive(Deserialize)]
pub(super) struct CommitText {
    pub(super) message: String,
    pub(super) author: Option<Signature>,
    pub(super) committer: Option<Signature>,
}

#[derive(Deserialize)]
pub(super) struct Signature {
    pub(super) name: Option<String>,
    pub(super) date: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Parent {
    pub(super) sha: String,
}

/// GitHub REST: one of the list of pull requests, or of issues (which has the pull requests in it).
#[derive(Deserialize)]
struct ListedChange {
    number: u64,
    title: String,
    html_url: Option<String>,
    state: Option<String>,
    created_at: Option<String>,
    updated_at: Option<String>,
    merged_at: Option<String>,
    pull_request: Option<serde::de::IgnoredAny>,
}

/// The three parts at once.
pub(crate) async fn read(caller: &Caller<'_>, identity: &str, pages: ActivityPages) -> Result<Activity, ProviderError> {
    let (owner, name) = full_name(caller, identity).await?;
    let below = |list: &'static str| ["repos", &owner, &name, list];
    let (commits, pulls, issues) = (below("commits"), below("pulls"), below("issues"));
    let merges = || Call::get(&pulls).query("state", "closed").query("sort", "updated").query("direction", "desc");
    let (commits, merges, issues) = tokio::try_join!(
        read_commits(caller, &commits, pages),
        scan(caller, merges, pages, pages.merges, |change| change.merged_at.is_some()),
        scan(
            caller,
            || Call::get(&issues).query("state", "all"),
            pages,
            pages.issues,
            |change| { change.pull_request.is_none() }
        ),
    )?;
    let (merges, issues) = (merges.map(|change| merged(caller, change)), issues.map(|change| issue(caller, change)));
    Ok(Activity { commits, merges, issues })
}

async fn read_commits(caller: &Caller<'_>, path: &[&str], pages: ActivityPages) -> Result<Page<Commit>, ProviderError> {
    let (page, page_size) = (pages.commits.max(1), pages.page_size());
    let reply = match caller.send(&Call::get(path).query("per_page", page_size).query("page", page)).await {
        // GitHub REST: 409 for an empty repository.
        Err(error) if error.status() == Some(StatusCode::CONFLICT) => return Ok(pages.empty(page)),
        reply => reply?,
    };
    let listed: Vec<ListedCommit> = reply.json()?;
    let items = listed.into_iter().take(page_size).map(|commit| {
        let signature = commit.commit.committer.or(commit.commit.author);
        Commit {
            short_id: caller.clean(&commit.sha).chars().take(SHORT_HASH).collect(),
            id: caller.clean(&commit.sha),
            title: caller.clean(first_line(&commit.commit.message)),
            url: caller.link(commit.html_url.as_deref()),
            time: signature.and_then(|signature| signature.date).map(|date| caller.clean(date)),
        }
    });
    // GitHub leaves the header out only where there is one page.
    Ok(Page { items: items.collect(), page, page_size, has_more: reply.more() == More::Yes })
}

/// Looks through a list for what fits, and cuts the page out of it.
async fn scan<'c>(
    caller: &Caller<'_>,
    list: impl Fn() -> Call<'c>,
    pages: ActivityPages,
    page: u32,
    fits: impl Fn(&ListedChange) -> bool,
) -> Result<Page<ListedChange>, ProviderError> {
    let (page, page_size) = (page.max(1), pages.page_size());
    let start = usize::try_from(page - 1).unwrap_or(usize::MAX).saturating_mul(page_size);
    let end = start.saturating_add(page_size);
    let mut found = Vec::new();
    let mut is_cut = true;
    for number in 1..=SCAN_PAGES {
        let reply = match caller.send(&list().query("per_page", SCAN_PAGE).query("page", number)).await {
            // GitHub REST: 410 where issues are switched off.
            Err(error) if error.status() == Some(StatusCode::GONE) => return Ok(pages.empty(page)),
            reply => reply?,
        };
        let listed: Vec<ListedChange> = reply.json()?;
        found.extend(listed.into_iter().filter(&fits));
        is_cut = reply.more() == More::Yes;
        if !is_cut || found.len() > end {
            break;
        }
    }
    let total = found.len();
    let items: Vec<_> = found.into_iter().skip(start).take(page_size).collect();
    let has_more = total > end || (is_cut && !items.is_empty());
    Ok(Page { items, page, page_size, has_more })
}

fn merged(caller: &Caller<'_>, change: ListedChange) -> Change {
    Change { state: "merged".to_owned(), ..issue(caller, change) }
}

fn issue(caller: &Caller<'_>, change: ListedChange) -> Change {
    Change {
        id: change.number.to_string(),
        title: caller.clean(&change.title),
        url: caller.link(change.html_url.as_deref()),
        state: caller.clean(change.state.unwrap_or_default()),
        time: change.updated_at.or(change.created_at).map(|time| caller.clean(time)),
    }
}
