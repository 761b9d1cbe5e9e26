//! Reading a branch: of a real Git server, of doubles of GitHub and GitLab, and of servers that mean no good.

mod git;
mod github;
mod gitlab;
mod hostile;

use crate::git_server::{GIT_TOKEN, GIT_USER};
use repoplane_domain::credential::{GitAccess, GitTokenKind};
use repoplane_domain::repository::Provider;
use repoplane_domain::secret::Secret;
use repoplane_domain::skill::WalkedTree;
use repoplane_providers::{BranchHead, Egress, ProviderError, Providers, Target};
use std::path::Path;
use tempfile::TempDir;

/// The user of private repositories.
fn bot(kind: GitTokenKind, token: &str) -> GitAccess {
    GitAccess::Token { kind, username: Some(GIT_USER.to_owned()), token: Secret::new(token) }
}

fn right() -> GitAccess {
    bot(GitTokenKind::Personal, GIT_TOKEN)
}

/// Asks plain Git remotes, and has a place of its own for what it keeps for a while.
struct Reader {
    providers: Providers,
    scratch: TempDir,
}

impl Reader {
    fn new(egress: Egress) -> Self {
        let scratch = TempDir::new().unwrap();
        Self { providers: Providers::new(egress).with_scratch(scratch.path()), scratch }
    }

    async fn head(&self, url: &str, access: &GitAccess, branch: Option<&str>) -> Result<BranchHead, ProviderError> {
        Ok(self.providers.branch_head(&remote(url), access, branch).await?.value)
    }

    /// Whatever comes out, nothing is left behind.
    async fn walk(&self, url: &str, access: &GitAccess, head: &BranchHead) -> Result<WalkedTree, ProviderError> {
        let walked = self.providers.walk(&remote(url), access, head).await;
        assert_eq!(files_in(self.scratch.path()), 0);
        Ok(walked?.value)
    }

    /// The tree of what HEAD names.
    async fn read(&self, url: &str) -> Result<WalkedTree, ProviderError> {
        let head = self.head(url, &GitAccess::Anonymous, None).await?;
        self.walk(url, &GitAccess::Anonymous, &head).await
    }
}

fn remote(url: &str) -> Target<'_> {
    Target { provider: Provider::Git, api_base_url: None, identity: "", remote_url: Some(url) }
}

fn files_in(folder: &Path) -> usize {
    std::fs::read_dir(folder).unwrap().count()
}

/// The folders and the paths in them.
fn paths(walked: &WalkedTree) -> Vec<(&str, Vec<&str>)> {
    let paths = walked
        .folders
        .iter()
        .map(|(path, folder)| (path.as_str(), folder.entries.iter().map(|entry| entry.path.as_str()).collect()));
    paths.collect()
}
