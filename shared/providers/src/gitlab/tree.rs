//! A branch and its tree through GitLab's REST API.

use super::usable;
use crate::call::{Call, Caller};
use crate::error::ProviderError;
use crate::fault::Fault;
use crate::paging::More;
use crate::walk::{BranchHead, Contents, finish, is_object_id, unread};
use repoplane_domain::repository::is_branch_name;
use repoplane_domain::skill::{EntryKind, FolderCollector, ListedEntry, Manifest, WalkedTree, shown_path};
use serde::Deserialize;

/// Entries of a page (GitLab REST: pagination; more are not given).
const TREE_PAGE: usize = 100;
/// Pages of one tree: what is answered one after the other within the time of a walk.
const MAX_TREE_PAGES: usize = 1_000;

/// GitLab REST: `GET /projects/:id/repository/branches/:branch`.
#[derive(Deserialize)]
struct Branch {
    commit: Commit,
}

/// GitLab REST: a commit.
#[derive(Deserialize)]
struct Commit {
    id: String,
}

/// GitLab REST: `GET /projects/:id`, as far as it tells whether there is a commit.
#[derive(Deserialize)]
struct Filled {
    empty_repo: Option<bool>,
}

/// GitLab REST: `GET /projects/:id/repository/tree`.
#[derive(Deserialize)]
struct Entry {
    id: String,
    #[serde(rename = "type")]
    kind: String,
    path: String,
    mode: String,
}

/// The newest commit of a branch (GitLab REST: branches), or of the default branch (commits).
pub(crate) async fn head(
    caller: &Caller<'_>,
    identity: &str,
    branch: Option<&str>,
) -> Result<BranchHead, ProviderError> {
    let (project, service) = (usable(identity)?, caller.service());
    let Some(branch) = branch else {
        let path = ["projects", project, "repository", "commits"];
        let newest: Vec<Commit> = match caller.send(&Call::get(&path).query("per_page", 1)).await {
            Ok(reply) => reply.json()?,
            Err(error) if error.fault() == Fault::NotFound && is_empty(caller, project).await? => Vec::new(),
            Err(error) => return Err(error),
        };
        let newest = newest.into_iter().next().ok_or(ProviderError::NoCommits { service })?;
        return BranchHead::new(service, None, newest.id);
    };
    if !is_branch_name(branch) {
        return Err(ProviderError::no_branch(service, branch));
    }
    match caller.get::<Branch>(&["projects", project, "repository", "branches", branch]).await {
        Ok(found) => BranchHead::new(service, Some(branch), found.commit.id),
        // The same answer says that the project is not there, or not shown.
        Err(error) if error.fault() == Fault::NotFound => {
            let is_empty = is_empty(caller, project).await?;
            Err(if is_empty { ProviderError::NoCommits { service } } else { ProviderError::no_branch(service, branch) })
        }
        Err(error) => Err(error),
    }
}

/// Whether a project that is there has no commits.
pub(super) async fn is_empty(caller: &Caller<'_>, project: &str) -> Result<bool, ProviderError> {
    let filled: Filled = caller.get(&["projects", project]).await?;
    Ok(filled.empty_repo.unwrap_or_default())
}

/// The folders with skills of a commit.
pub(crate) async fn walk(caller: &Caller<'_>, identity: &str, head: &BranchHead) -> Result<WalkedTree, ProviderError> {
    let (project, service) = (usable(identity)?, caller.service());
    let entries = match list(caller, project, head).await {
        Err(error) if error.fault() == Fault::NotFound => {
            is_empty(caller, project).await?;
            return Err(ProviderError::Moved { service });
        }
        listed => listed?,
    };
    // Pages cut folders anywhere, so the whole tree is one list.
    let mut collector = FolderCollector::new();
    collector.add(&entries).map_err(|too_much| ProviderError::too_large(service, too_much))?;
    drop(entries);
    finish(service, collector, &Blobs { caller, project }).await
}

/// Page by page: by the token that a page names (GitLab REST: keyset-based pagination), of servers that know none by number.
async fn list(caller: &Caller<'_>, project: &str, head: &BranchHead) -> Result<Vec<ListedEntry>, ProviderError> {
    let path = ["projects", project, "repository", "tree"];
    let mut entries = Vec::new();
    let mut next: Option<(&'static str, String)> = None;
    for page in 1..=MAX_TREE_PAGES {
        let call = Call::get(&path).query("ref", &head.commit).query("recursive", true).query("per_page", TREE_PAGE);
        let call = call.query("pagination", "keyset");
        let call = next.iter().fold(call, |call, (name, value)| call.query(name, value));
        let reply = caller.send(&call).await?;
        let listed: Vec<Entry> = reply.json()?;
        for entry in listed.into_iter().take(TREE_PAGE) {
            entries.extend(entry.listed(caller)?);
        }
        next = match (reply.of_next_page("page_token"), reply.more()) {
            (Some(token), _) => Some(("page_token", token)),
            (None, More::Yes) => Some(("page", (page + 1).to_string())),
            (None, More::No | More::Untold) => return Ok(entries),
        };
    }
    let what = format!("its tree has more than {} entries", MAX_TREE_PAGES * TREE_PAGE);
    Err(ProviderError::too_large(caller.service(), what))
}

impl Entry {
    /// The entry; `None` for a folder, and for what is left out.
    fn listed(self, caller: &Caller<'_>) -> Result<Option<ListedEntry>, ProviderError> {
        let kind = match (self.kind.as_str(), self.mode.as_str()) {
            ("tree", _) => return Ok(None),
            ("commit", _) => EntryKind::Submodule,
            (_, "120000") => EntryKind::Symlink,
            (_, "100755") => EntryKind::Executable,
            _ => EntryKind::File,
        };
        if !is_object_id(&self.id) {
            return Err(ProviderError::answer(caller.service(), "an object's id is not a hash"));
        }
        Ok(shown_path(&self.path).map(|path| ListedEntry { path, kind, object: self.id, size: None }))
    }
}

/// The contents of one project.
struct Blobs<'a> {
    caller: &'a Caller<'a>,
    project: &'a str,
}

impl Contents for Blobs<'_> {
    /// GitLab REST: `GET /projects/:id/repository/blobs/:sha/raw`.
    async fn read(&self, object: &str) -> Result<Manifest, ProviderError> {
        match self.caller.send(&Call::get(&["projects", self.project, "repository", "blobs", object, "raw"])).await {
            Ok(reply) => Ok(Manifest::of(reply.into_bytes())),
            Err(error) => unread(error),
        }
    }
}
