//! A branch and its tree through GitHub's REST API.

use crate::call::{Call, Caller};
use crate::error::ProviderError;
use crate::fault::Fault;
use crate::walk::{BranchHead, Contents, MAX_LISTED, finish, is_object_id, unread};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use repoplane_domain::repository::is_branch_name;
use repoplane_domain::skill::{
    EntryKind, FolderCollector, ListedEntry, MAX_FOLDER_DEPTH, MAX_SHOWN_PATH, Manifest, WalkedTree, shown_path,
};
use serde::Deserialize;

/// Calls for one tree: one, unless GitHub cuts its list (at 100,000 entries or 7 MB), which then is read by folders.
const MAX_TREE_CALLS: usize = 200;

/// GitHub REST: `GET /repos/{owner}/{repo}/git/ref/{ref}`.
#[derive(Deserialize)]
struct Reference {
    object: Object,
}

/// GitHub REST: what a reference points to, and a commit of a list.
#[derive(Deserialize)]
struct Object {
    sha: String,
}

/// GitHub REST: `GET /repos/{owner}/{repo}/git/trees/{tree_sha}`.
#[derive(Deserialize)]
struct Tree {
    tree: Vec<Entry>,
    truncated: bool,
}

#[derive(Deserialize)]
struct Entry {
    path: String,
    mode: String,
    #[serde(rename = "type")]
    kind: String,
    sha: String,
    size: Option<u64>,
}

/// GitHub REST: `GET /repos/{owner}/{repo}/git/blobs/{file_sha}`.
#[derive(Deserialize)]
struct Blob {
    content: String,
    encoding: String,
}

/// The newest commit of a branch (GitHub REST: get a reference), or of the default branch (list commits), which leave out
/// what a commit changed.
pub(crate) async fn head(
    caller: &Caller<'_>,
    identity: &str,
    branch: Option<&str>,
) -> Result<BranchHead, ProviderError> {
    let (owner, name) = super::full_name(caller, identity).await?;
    let service = caller.service();
    let Some(branch) = branch else {
        let path = ["repos", &owner, &name, "commits"];
        let listed = caller.send(&Call::get(&path).query("per_page", 1)).await;
        let newest: Vec<Object> = listed.map_err(|error| of_empty(caller, error))?.json()?;
        let newest = newest.into_iter().next().ok_or(ProviderError::NoCommits { service })?;
        return BranchHead::new(service, None, newest.sha);
    };
    if !is_branch_name(branch) {
        return Err(ProviderError::no_branch(service, branch));
    }
    let reference = format!("heads/{branch}");
    match caller.get::<Reference>(&["repos", &owner, &name, "git", "ref", &reference]).await {
        Ok(found) => BranchHead::new(service, Some(branch), found.object.sha),
        // The same answer says that the repository is not there, or not shown.
        Err(error) if error.fault() == Fault::NotFound => {
            caller.send(&Call::get(&["repos", &owner, &name])).await?;
            Err(ProviderError::no_branch(service, branch))
        }
        Err(error) => Err(of_empty(caller, error)),
    }
}

/// GitHub answers questions about the commits of a repository that has none with 409 "Git Repository is empty."
fn of_empty(caller: &Caller<'_>, error: ProviderError) -> ProviderError {
    match error.status() {
        Some(StatusCode::CONFLICT) => ProviderError::NoCommits { service: caller.service() },
        _other => error,
    }
}

/// The folders with skills of a commit.
pub(crate) async fn walk(caller: &Caller<'_>, identity: &str, head: &BranchHead) -> Result<WalkedTree, ProviderError> {
    let (owner, name) = super::full_name(caller, identity).await?;
    let place = [owner.as_str(), name.as_str()];
    let collector = match list(caller, place, head).await {
        Err(error) if error.fault() == Fault::NotFound => {
            caller.send(&Call::get(&["repos", &owner, &name])).await?;
            return Err(ProviderError::Moved { service: caller.service() });
        }
        listed => listed?,
    };
    finish(caller.service(), collector, &Blobs { caller, place }).await
}

async fn list(caller: &Caller<'_>, place: [&str; 2], head: &BranchHead) -> Result<FolderCollector, ProviderError> {
    let service = caller.service();
    let mut listing = Listing { caller, place, calls: 0, entries: 0 };
    let mut collector = FolderCollector::new();
    let mut folders = vec![(String::new(), head.commit.clone())];
    while let Some((prefix, sha)) = folders.pop() {
        let mut tree = listing.tree(&sha, true).await?;
        if tree.truncated {
            tree = listing.tree(&sha, false).await?;
            if tree.truncated {
                return Err(ProviderError::too_large(service, "a folder with more entries than are listed"));
            }
            let below = tree.tree.iter().filter(|entry| entry.kind == "tree" && is_object_id(&entry.sha));
            folders.extend(below.filter_map(|entry| Some((path(&prefix, &entry.path)?, entry.sha.clone()))));
        }
        listing.count(tree.tree.len())?;
        let entries: Result<Vec<ListedEntry>, ProviderError> = tree
            .tree
            .into_iter()
            .filter_map(|entry| entry.listed(&prefix).transpose())
            .map(|entry| entry.map_err(|NotAnId| ProviderError::answer(service, "an object's id is not a hash")))
            .collect();
        collector.add(&entries?).map_err(|too_much| ProviderError::too_large(service, too_much))?;
    }
    Ok(collector)
}

/// A path below a folder; none for one that is left out.
fn path(prefix: &str, below: &str) -> Option<String> {
    let below = shown_path(below)?;
    let path = if prefix.is_empty() { below } else { format!("{prefix}/{below}") };
    (path.split('/').count() <= MAX_FOLDER_DEPTH && path.len() <= MAX_SHOWN_PATH).then_some(path)
}

/// An entry names something that is no object.
struct NotAnId;

impl Entry {
    /// The entry with its whole path; `None` for a folder, and for what is left out.
    fn listed(self, prefix: &str) -> Result<Option<ListedEntry>, NotAnId> {
        let kind = match (self.kind.as_str(), self.mode.as_str()) {
            ("tree", _) => return Ok(None),
            ("commit", _) => EntryKind::Submodule,
            (_, "120000") => EntryKind::Symlink,
            (_, "100755") => EntryKind::Executable,
            _ => EntryKind::File,
        };
        if !is_object_id(&self.sha) {
            return Err(NotAnId);
        }
        Ok(path(prefix, &self.path).map(|path| ListedEntry { path, kind, object: self.sha, size: self.size }))
    }
}

/// Reads trees, and counts.
struct Listing<'a> {
    caller: &'a Caller<'a>,
    place: [&'a str; 2],
    calls: usize,
    entries: usize,
}

impl Listing<'_> {
    async fn tree(&mut self, sha: &str, recursive: bool) -> Result<Tree, ProviderError> {
        self.calls += 1;
        if self.calls > MAX_TREE_CALLS {
            let what = format!("its tree takes more than {MAX_TREE_CALLS} calls");
            return Err(ProviderError::too_large(self.caller.service(), what));
        }
        let [owner, name] = self.place;
        let path = ["repos", owner, name, "git", "trees", sha];
        let call = Call::get(&path).whole_tree();
        // Whatever its value, the parameter asks for everything below.
        let call = if recursive { call.query("recursive", 1) } else { call };
        self.caller.send(&call).await?.json()
    }

    fn count(&mut self, entries: usize) -> Result<(), ProviderError> {
        self.entries += entries;
        if self.entries > MAX_LISTED {
            let what = format!("its tree has more than {MAX_LISTED} entries");
            return Err(ProviderError::too_large(self.caller.service(), what));
        }
        Ok(())
    }
}

/// The contents of one repository.
struct Blobs<'a> {
    caller: &'a Caller<'a>,
    place: [&'a str; 2],
}

impl Contents for Blobs<'_> {
    async fn read(&self, object: &str) -> Result<Manifest, ProviderError> {
        let ([owner, name], service) = (self.place, self.caller.service());
        let blob: Blob = match self.caller.get(&["repos", owner, name, "git", "blobs", object]).await {
            Ok(blob) => blob,
            Err(error) => return unread(error),
        };
        let undocumented = || ProviderError::answer(service, "a file's content is not in the documented encoding");
        match blob.encoding.as_str() {
            "base64" => {
                let packed: Vec<u8> = blob.content.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
                STANDARD.decode(packed).map(Manifest::of).map_err(|_| undocumented())
            }
            "utf-8" => Ok(Manifest::of(blob.content.into_bytes())),
            _undocumented => Err(undocumented()),
        }
    }
}
