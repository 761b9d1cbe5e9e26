//! Packages of a platform's repositories, and the keys by which they are signed (contract: abf 4.3, 4.11, 4.12, 4.14).

use repoplane_tests::BuildRepo;

pub(crate) mod keys;
mod listing;
mod publish;
mod signatures;

/// A path of ABF's below a repository.
fn abf(repo: &BuildRepo, rest: &str) -> String {
    format!("/api/v1/repositories/{}/{rest}", repo.number)
}

fn csv(repo: &BuildRepo) -> String {
    abf(repo, "packages.csv")
}
