//! Commits and branches of a repository at GitHub (GitHub REST: commits, branches).

use super::activity::ListedCommit;
use super::{Repository, full_name, place, tree};
use crate::call::{Call, Caller};
use crate::error::ProviderError;
use crate::fault::Fault;
use crate::git::MAX_HEADS;
use crate::history::{HISTORY_PAGE, HistoryCommit, NamedBranch, Start, object_id};
use crate::paging::More;
use http::StatusCode;
use serde::Deserialize;

/// Branches of a page, the most that GitHub gives.
const BRANCH_PAGE: usize = 100;

/// GitHub REST: `GET /repos/{owner}/{repo}/branches`, one of the list.
#[derive(Deserialize)]
struct ListedBranch {
    name: String,
    commit: Newest,
}

#[derive(Deserialize)]
struct Newest {
    sha: String,
}

/// A page of commits (GitHub REST: list commits, whose `sha` is a branch or a commit to begin with).
pub(crate) async fn page(
    caller: &Caller<'_>,
    identity: &str,
    start: &Start,
) -> Result<Vec<HistoryCommit>, ProviderError> {
    let (owner, name) = full_name(caller, identity).await?;
    let path = ["repos", &owner, &name, "commits"];
    let call = Call::get(&path).query("per_page", HISTORY_PAGE);
    let call = start.named().into_iter().fold(call, |call, from| call.query("sha", from));
    let listed: Vec<ListedCommit> = match caller.send(&call).await {
        Ok(reply) => reply.json()?,
        // GitHub REST: 409 for an empty repository.
        Err(error) if error.status() == Some(StatusCode::CONFLICT) => return start.of_nothing(caller.service()),
        Err(error) if start.named().is_some() && is_unknown(&error) => {
            // The same answer says that the repository is not there, or not shown.
            caller.send(&Call::get(&["repos", &owner, &name])).await?;
            return Err(start.unknown(caller.service()));
        }
        Err(error) => return Err(error),
    };
    listed.into_iter().take(HISTORY_PAGE).map(|commit| read(caller, commit)).collect()
}

/// Whether GitHub may mean that there is no such commit: 404, or 422 for an id that it does not find.
fn is_unknown(error: &ProviderError) -> bool {
    error.fault() == Fault::NotFound || error.status() == Some(StatusCode::UNPROCESSABLE_ENTITY)
}

fn read(caller: &Caller<'_>, listed: ListedCommit) -> Result<HistoryCommit, ProviderError> {
    let id = |sha: &str| object_id(caller.service(), sha);
    let (author, committer) = (listed.commit.author, listed.commit.committer);
    let name = author.as_ref().and_then(|author| author.name.as_deref()).unwrap_or_default();
    let date = [committer.as_ref(), author.as_ref()].into_iter().flatten().find_map(|by| by.date.as_deref());
    Ok(HistoryCommit {
        id: id(&listed.sha)?,
        author_name: caller.clean(name),
        date: date.map(|date| caller.clean(date)),
        message: caller.message(&listed.commit.message),
        parent: listed.parents.first().map(|parent| id(&parent.sha)).transpose()?,
    })
}

/// The branches.
pub(crate) async fn branches(caller: &Caller<'_>, identity: &str) -> Result<Vec<NamedBranch>, ProviderError> {
    let repository: Repository = caller.get(&place(identity)?).await?;
    let (owner, name) = repository.owner_and_name(caller)?;
    let default = repository.default_branch.as_deref();
    let path = ["repos", owner, name, "branches"];
    let (mut branches, mut is_cut) = (Vec::new(), false);
    for page in 1..=MAX_HEADS / BRANCH_PAGE {
        let reply = caller.send(&Call::get(&path).query("per_page", BRANCH_PAGE).query("page", page)).await?;
        for branch in reply.json::<Vec<ListedBranch>>()?.into_iter().take(BRANCH_PAGE) {
            branches.push(NamedBranch {
                name: caller.clean(&branch.name),
                commit: object_id(caller.service(), &branch.commit.sha)?,
                default: default == Some(branch.name.as_str()),
            });
        }
        // GitHub leaves the header out only where there is one page.
        is_cut = reply.more() == More::Yes;
        if !is_cut {
            break;
        }
    }
    if let Some(default) = default.filter(|_| is_cut && branches.iter().all(|branch| !branch.default)) {
        let commit = tree::head(caller, repository.full_name.as_str(), Some(default)).await?.commit;
        branches.truncate(MAX_HEADS - 1);
        branches.push(NamedBranch { name: caller.clean(default), commit, default: true });
    }
    Ok(branches)
}
