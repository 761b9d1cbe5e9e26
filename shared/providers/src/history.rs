//! The commits that a branch is made of, and the branches that there are.

use crate::error::{ProviderError, Service};
use crate::providers::{Providers, QUESTION_TIMEOUT, in_time, is_deploy_token};
use crate::target::{Answered, Target};
use crate::walk::is_object_id;
use crate::{git, github, gitlab};
use repoplane_domain::credential::GitAccess;
use repoplane_domain::repository::{Provider, is_branch_name};

/// Most commits of one page.
pub const HISTORY_PAGE: usize = 30;
/// Longest message of a commit that is taken over, in bytes; the rest is left out.
pub const MAX_COMMIT_MESSAGE: usize = 64 * 1024;

/// Which part of a history is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HistoryPage {
    /// The newest commit of the page: its whole id of 40 or 64 hexadecimal digits, or a branch whose newest it is. Without
    /// it the page begins with the newest commit of the default branch. The page after another one begins with the
    /// [`HistoryCommit::parent`] of that one's last commit.
    pub from: Option<String>,
}

/// A commit of a history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryCommit {
    /// The whole hash, in lower-case hexadecimal digits.
    pub id: String,
    /// Who wrote the change; empty where nobody is named.
    pub author_name: String,
    /// When it was committed, in the form of RFC 3339; absent where the commit has no such time.
    pub date: Option<String>,
    /// The whole message with its line breaks, up to [`MAX_COMMIT_MESSAGE`].
    pub message: String,
    /// The first parent's hash; absent for a commit without parents.
    pub parent: Option<String>,
}

/// A branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedBranch {
    /// Name without `refs/heads/`.
    pub name: String,
    /// The hash of its newest commit.
    pub commit: String,
    /// Whether it is the one that the repository shows first.
    pub default: bool,
}

impl Providers {
    /// At most [`HISTORY_PAGE`] commits, newest first. GitLab and plain Git remotes are asked for first parents only: what a
    /// merge brought in is told by the merge. GitHub knows no such list, and has the commits of merged branches among the
    /// others. A repository without commits has an empty history.
    ///
    /// It is one call to an API; to a plain Git remote it is three requests, two where the page begins with a commit or the
    /// remote speaks the first version of its protocol. A remote that does not leave contents out sends those of all commits
    /// of the page.
    ///
    /// # Errors
    /// [`ProviderError`]; [`crate::Fault::NoBranch`] for a branch or commit that the repository has not, or that the remote
    /// does not give: over ssh and `git://`, servers of the first version of Git's protocol give no commits but those which
    /// a branch or tag names, unless they are set up to. [`crate::Fault::NoCommits`] for a branch of a repository without commits.
    pub async fn history(
        &self,
        target: &Target<'_>,
        access: &GitAccess,
        asked: &HistoryPage,
    ) -> Result<Answered<Vec<HistoryCommit>>, ProviderError> {
        let question = async {
            let start = &Start::read(target.provider, asked)?;
            match target.provider {
                Provider::Github => {
                    let caller = github::caller(self, target.api_base_url, access)?.revalidating();
                    Ok(caller.answered(github::history::page(&caller, target.identity, start).await?))
                }
                Provider::Gitlab if is_deploy_token(access) => {
                    let remote = gitlab::clone_url(target)?;
                    git::history(self, target.provider, &remote, access, start).await
                }
                Provider::Gitlab => {
                    let caller = gitlab::caller(self, target.api_base_url, access)?.revalidating();
                    Ok(caller.answered(gitlab::history::page(&caller, target.identity, start).await?))
                }
                Provider::Git => git::history(self, target.provider, target.remote()?, access, start).await,
            }
        };
        in_time(target.provider, QUESTION_TIMEOUT, question).await
    }

    /// The first [`crate::MAX_HEADS`] branches in the provider's order, the default branch always among them; none of a
    /// repository without commits. It is one call for every 100 branches and, at GitHub, one for the default branch's name.
    ///
    /// # Errors
    /// [`ProviderError`] when the provider does not answer as documented.
    pub async fn branches(
        &self,
        target: &Target<'_>,
        access: &GitAccess,
    ) -> Result<Answered<Vec<NamedBranch>>, ProviderError> {
        let question = async {
            match target.provider {
                Provider::Github => {
                    let caller = github::caller(self, target.api_base_url, access)?.revalidating();
                    Ok(caller.answered(github::history::branches(&caller, target.identity).await?))
                }
                Provider::Gitlab if is_deploy_token(access) => {
                    let remote = gitlab::clone_url(target)?;
                    git::branches(&self.egress, target.provider, &remote, access).await
                }
                Provider::Gitlab => {
                    let caller = gitlab::caller(self, target.api_base_url, access)?.revalidating();
                    Ok(caller.answered(gitlab::history::branches(&caller, target.identity).await?))
                }
                Provider::Git => git::branches(&self.egress, target.provider, target.remote()?, access).await,
            }
        };
        in_time(target.provider, QUESTION_TIMEOUT, question).await
    }
}

/// Where a page begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Start {
    DefaultBranch,
    Branch(String),
    /// A commit's whole id, in lower case.
    Commit(String),
}

impl Start {
    /// Reads what is asked. What can be neither a branch nor a commit is one that is not there, and asked of nobody.
    fn read(service: impl Into<Service>, asked: &HistoryPage) -> Result<Self, ProviderError> {
        match asked.from.as_deref() {
            None => Ok(Self::DefaultBranch),
            Some(id) if is_object_id(id) => Ok(Self::Commit(id.to_ascii_lowercase())),
            Some(branch) if is_branch_name(branch) => Ok(Self::Branch(branch.to_owned())),
            Some(other) => Err(ProviderError::no_branch(service, other)),
        }
    }

    /// The branch or commit, if any is named.
    pub(crate) fn named(&self) -> Option<&str> {
        match self {
            Self::DefaultBranch => None,
            Self::Branch(name) => Some(name),
            Self::Commit(id) => Some(id),
        }
    }

    /// What to say when there is no commit at all: a whole history is empty, a part of it is not there.
    pub(crate) fn of_nothing(&self, service: impl Into<Service>) -> Result<Vec<HistoryCommit>, ProviderError> {
        match self {
            Self::DefaultBranch => Ok(Vec::new()),
            Self::Branch(_) | Self::Commit(_) => Err(ProviderError::NoCommits { service: service.into() }),
        }
    }

    /// What to say when the repository has commits, and not this one.
    pub(crate) fn unknown(&self, service: impl Into<Service>) -> ProviderError {
        let service = service.into();
        match self {
            Self::DefaultBranch => ProviderError::no_branch(service, "HEAD"),
            Self::Branch(name) => ProviderError::no_branch(service, name),
            Self::Commit(id) => ProviderError::UnknownCommit { service, commit: id.clone() },
        }
    }
}

/// A commit's id in an answer, in lower case.
pub(crate) fn object_id(service: impl Into<Service>, id: &str) -> Result<String, ProviderError> {
    if is_object_id(id) {
        Ok(id.to_ascii_lowercase())
    } else {
        Err(ProviderError::answer(service, "the commit's id is not a hash"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Fault;

    #[test]
    fn a_page_begins_with_a_branch_or_a_whole_commit() {
        let (short, sha1, sha256) = ("a".repeat(39), "Ab".repeat(20), "0f".repeat(32));
        let read = |from: Option<&str>| {
            let asked = HistoryPage { from: from.map(str::to_owned) };
            Start::read(Provider::Git, &asked).map_err(|error| error.fault())
        };
        assert_eq!(read(None), Ok(Start::DefaultBranch));
        for branch in ["trunk", "feature/x", &short] {
            assert_eq!(read(Some(branch)), Ok(Start::Branch(branch.to_owned())));
        }
        assert_eq!(read(Some(&sha1)), Ok(Start::Commit("ab".repeat(20))));
        assert_eq!(read(Some(&sha256)), Ok(Start::Commit(sha256.clone())));
        for neither in ["", " ", "..", "a..b", "main~1", "main^", "-x", "@{u}", "a\nb", "refs/heads/x.lock"] {
            assert_eq!(read(Some(neither)), Err(Fault::NoBranch), "{neither:?}");
        }
    }
}
