//! The history and the branches of a repository: of real Git servers, and of doubles of GitHub and GitLab.

mod git;
mod github;
mod gitlab;

use repoplane_domain::credential::GitAccess;
use repoplane_providers::{HistoryCommit, HistoryPage, NamedBranch, ProviderError, Providers, Target};

/// A page that begins there.
async fn page(
    providers: &Providers,
    target: &Target<'_>,
    access: &GitAccess,
    from: Option<&str>,
) -> Result<Vec<HistoryCommit>, ProviderError> {
    let asked = HistoryPage { from: from.map(str::to_owned) };
    Ok(providers.history(target, access, &asked).await?.value)
}

fn ids(commits: &[HistoryCommit]) -> Vec<&str> {
    commits.iter().map(|commit| commit.id.as_str()).collect()
}

fn named(name: &str, commit: &str, default: bool) -> NamedBranch {
    NamedBranch { name: name.to_owned(), commit: commit.to_owned(), default }
}
