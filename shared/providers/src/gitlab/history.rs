//! Commits and branches of a project at GitLab (GitLab REST: commits, branches).

use super::tree::{self, is_empty};
use super::{Project, usable};
use crate::call::{Call, Caller};
use crate::error::ProviderError;
use crate::fault::Fault;
use crate::git::MAX_HEADS;
use crate::history::{HISTORY_PAGE, HistoryCommit, NamedBranch, Start, object_id};
use crate::paging::More;
use serde::Deserialize;

/// Branches of a page, the most that GitLab gives.
const BRANCH_PAGE: usize = 100;

/// GitLab REST: `GET /projects/:id/repository/commits`, one of the list.
#[derive(Deserialize)]
struct ListedCommit {
    id: String,
    author_name: Option<String>,
    committed_date: Option<String>,
    created_at: Option<String>,
    message: String,
    #[serde(default)]
    parent_ids: Vec<String>,
}

/// GitLab REST: `GET /projects/:id/repository/branches`, one of the list.
#[derive(Deserialize)]
struct ListedBranch {
    name: String,
    #[serde(default)]
    default: bool,
    commit: Newest,
}

#[derive(Deserialize)]
struct Newest {
    id: String,
}

/// A page of commits (GitLab REST: list repository commits, whose `ref_name` is a branch or a commit to begin with).
pub(crate) async fn page(
    caller: &Caller<'_>,
    identity: &str,
    start: &Start,
) -> Result<Vec<HistoryCommit>, ProviderError> {
    let (project, service) = (usable(identity)?, caller.service());
    let path = ["projects", project, "repository", "commits"];
    let call = Call::get(&path).query("per_page", HISTORY_PAGE).query("first_parent", true);
    let call = start.named().into_iter().fold(call, |call, from| call.query("ref_name", from));
    let listed: Vec<ListedCommit> = match caller.send(&call).await {
        Ok(reply) => reply.json()?,
        // The same answer says that the project is not there or not shown, that it is empty, and that it has no such
        // branch or commit.
        Err(error) if error.fault() == Fault::NotFound => {
            return match (is_empty(caller, project).await?, start.named()) {
                (true, _) => start.of_nothing(service),
                (false, Some(_)) => Err(start.unknown(service)),
                (false, None) => Err(error),
            };
        }
        Err(error) => return Err(error),
    };
    // Servers also answer with nothing where there is no such branch or commit.
    if listed.is_empty() && start.named().is_some() && !is_empty(caller, project).await? {
        return Err(start.unknown(service));
    }
    if listed.is_empty() {
        return start.of_nothing(service);
    }
    listed.into_iter().take(HISTORY_PAGE).map(|commit| read(caller, commit)).collect()
}

fn read(caller: &Caller<'_>, listed: ListedCommit) -> Result<HistoryCommit, ProviderError> {
    let id = |id: &str| object_id(caller.service(), id);
    Ok(HistoryCommit {
        id: id(&listed.id)?,
        author_name: caller.clean(listed.author_name.unwrap_or_default()),
        date: listed.committed_date.or(listed.created_at).map(|date| caller.clean(date)),
        message: caller.message(&listed.message),
        parent: listed.parent_ids.first().map(|parent| id(parent)).transpose()?,
    })
}

/// The branches.
pub(crate) async fn branches(caller: &Caller<'_>, identity: &str) -> Result<Vec<NamedBranch>, ProviderError> {
    let project = usable(identity)?;
    let path = ["projects", project, "repository", "branches"];
    let (mut branches, mut is_cut) = (Vec::new(), false);
    for page in 1..=MAX_HEADS / BRANCH_PAGE {
        let call = Call::get(&path).query("per_page", BRANCH_PAGE).query("page", page);
        let reply = match caller.send(&call).await {
            Err(error) if error.fault() == Fault::NotFound && page == 1 && is_empty(caller, project).await? => {
                return Ok(branches);
            }
            reply => reply?,
        };
        let listed: Vec<ListedBranch> = reply.json()?;
        is_cut = match reply.more() {
            More::Yes => true,
            More::No => false,
            More::Untold => listed.len() >= BRANCH_PAGE,
        };
        for branch in listed.into_iter().take(BRANCH_PAGE) {
            let commit = object_id(caller.service(), &branch.commit.id)?;
            branches.push(NamedBranch { name: caller.clean(&branch.name), commit, default: branch.default });
        }
        if !is_cut {
            break;
        }
    }
    if is_cut && branches.iter().all(|branch| !branch.default) {
        let of_project: Project = caller.get(&["projects", project]).await?;
        if let Some(default) = of_project.default_branch {
            let commit = tree::head(caller, project, Some(&default)).await?.commit;
            branches.truncate(MAX_HEADS - 1);
            branches.push(NamedBranch { name: caller.clean(&default), commit, default: true });
        }
    }
    Ok(branches)
}
