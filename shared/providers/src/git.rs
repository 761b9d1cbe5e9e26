//! A plain Git remote over https, ssh or Git's own transport: what can be learned from it without a clone.
//!
//! Source: the Git documents `gitprotocol-http`, `gitprotocol-v2` and `gitprotocol-pack`. The second version of the
//! protocol is asked for; servers that do not speak it answer with the first one's list of references.

mod address;
mod asker;
mod conversation;
mod fetch;
mod history;
mod pack;
mod pkt_line;
mod refs;
mod smart_http;
mod specs;
mod ssh;
mod tree;
mod verify;
mod walk;

pub(crate) use history::{branches, history};
pub use verify::{Verified, VerifyError, verify_remote};
pub(crate) use walk::{walk, walk_specs};

use crate::egress::Egress;
use crate::error::ProviderError;
use crate::fault::Fault;
use crate::meta::{Heads, Meta, Visibility};
use crate::target::Answered;
use crate::walk::BranchHead;
use address::RemoteAddress;
use conversation::StreamRemote;
use repoplane_domain::credential::GitAccess;
use repoplane_domain::repository::{Provider, is_branch_name};
use smart_http::HttpRemote;

/// Branches of a remote that are kept; the rest are counted.
pub const MAX_HEADS: usize = 1_000;

/// A branch and what it points to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Name without `refs/heads/`.
    pub name: String,
    /// The commit's hash.
    pub sha: String,
}

/// What a remote tells of its references.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RemoteRefs {
    /// The branch that HEAD names, which may have no commit yet; absent when HEAD is detached or not told.
    pub default_branch: Option<String>,
    /// The branches.
    pub heads: Heads,
}

/// Branches and HEAD of a remote.
pub(crate) async fn ls_remote(
    egress: &Egress,
    provider: Provider,
    remote: &str,
    access: &GitAccess,
) -> Result<Answered<RemoteRefs>, ProviderError> {
    let (_, answered) = Remote::new(egress, provider, remote, access).await?.list("").await?;
    Ok(answered)
}

/// The newest commit of a branch, or of what HEAD names.
pub(crate) async fn head(
    egress: &Egress,
    provider: Provider,
    remote: &str,
    access: &GitAccess,
    branch: Option<&str>,
) -> Result<Answered<BranchHead>, ProviderError> {
    let remote = Remote::new(egress, provider, remote, access).await?;
    if let Some(branch) = branch.filter(|branch| !is_branch_name(branch)) {
        return Err(ProviderError::no_branch(provider, branch));
    }
    let (body, Answered { value: refs, rate_limit }) = remote.list(branch.unwrap_or_default()).await?;
    let name = branch.map_or_else(|| "HEAD".to_owned(), |branch| format!("refs/heads/{branch}"));
    if let Some(commit) = refs::hash_of(&body, &name) {
        let value = BranchHead::new(provider, branch.or(refs.default_branch.as_deref()), commit)?;
        return Ok(Answered { value, rate_limit });
    }
    // Only the branches that were asked for are known; whether there is any other tells what is wrong.
    let (_, Answered { value: all, .. }) = remote.list("").await?;
    Err(match branch.or(all.default_branch.as_deref()) {
        Some(branch) if all.heads.total > 0 => ProviderError::no_branch(provider, branch),
        None if all.heads.total > 0 => ProviderError::no_branch(provider, "HEAD"),
        _no_branch => ProviderError::NoCommits { service: provider.into() },
    })
}

/// What a remote tells about its repository. That anyone can see it is found out by asking as nobody.
pub(crate) async fn meta(
    egress: &Egress,
    provider: Provider,
    remote: &str,
    access: &GitAccess,
) -> Result<Answered<Meta>, ProviderError> {
    let asker = Remote::new(egress, provider, remote, access).await?;
    let (refs, visibility) = match &asker {
        Remote::Http(http) if *access != GitAccess::Anonymous => {
            let nobody = HttpRemote::new(egress, provider, http.url.clone(), &GitAccess::Anonymous)?;
            let (refs, seen) = tokio::join!(asker.list(""), nobody.advertisement(true));
            (refs?, visibility(provider, seen.map(|_answer| ())))
        }
        Remote::Http(_) => (asker.list("").await?, Visibility::Public),
        Remote::Stream(stream) if stream.is_open_to_all() => (asker.list("").await?, Visibility::Public),
        // Whoever may look over ssh has a name there; what anyone sees is told over https, if at all.
        Remote::Stream(_) => (asker.list("").await?, Visibility::Unknown),
    };
    let (_, refs) = refs;
    let RemoteRefs { default_branch, heads } = refs.value;
    let value = Meta {
        visibility,
        web_url: None,
        default_branch,
        identity: None,
        archived: None,
        description: None,
        heads: Some(heads),
    };
    Ok(Answered { value, rate_limit: refs.rate_limit })
}

/// What nobody's view says of a repository that a token reads.
fn visibility(provider: Provider, seen: Result<(), ProviderError>) -> Visibility {
    match seen.map_err(|error| error.fault()) {
        Ok(()) => Visibility::Public,
        // GitLab also has projects that are internal to those who are signed in.
        Err(Fault::TokenRejected { .. } | Fault::Forbidden | Fault::NotFound) if provider == Provider::Git => {
            Visibility::Private
        }
        Err(_other) => Visibility::Unknown,
    }
}

/// A remote and who asks it.
enum Remote<'a> {
    Http(HttpRemote<'a>),
    Stream(StreamRemote<'a>),
}

impl<'a> Remote<'a> {
    async fn new(
        egress: &'a Egress,
        provider: Provider,
        remote: &str,
        access: &GitAccess,
    ) -> Result<Self, ProviderError> {
        let address = RemoteAddress::read(remote);
        Ok(match address.map_err(|reason| ProviderError::unusable(provider, reason))? {
            RemoteAddress::Http(url) => Self::Http(HttpRemote::new(egress, provider, url, access)?),
            RemoteAddress::Ssh(address) => Self::Stream(StreamRemote::ssh(egress, provider, address, access).await?),
            RemoteAddress::Daemon(address) => Self::Stream(StreamRemote::daemon(egress, provider, address)),
        })
    }

    /// HEAD and the branches whose names begin so; all of them, where the remote speaks the first version only. The list
    /// comes along as it was.
    async fn list(&self, branches: &str) -> Result<(Vec<u8>, Answered<RemoteRefs>), ProviderError> {
        match self {
            Self::Http(remote) => remote.list(branches).await,
            Self::Stream(remote) => remote.list(branches).await,
        }
    }
}
