//! What a call is about, and what it is answered with.

use crate::egress::RateLimit;
use crate::error::ProviderError;
use repoplane_domain::repository::Provider;

/// A repository at its provider.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// Who hosts it.
    pub provider: Provider,
    /// GitHub's REST base or GitLab's site root; without it the public service is asked.
    pub api_base_url: Option<&'a str>,
    /// GitHub's `owner/repo` or numeric id, GitLab's project id or path. Of no meaning for a plain Git remote.
    pub identity: &'a str,
    /// Where a plain Git remote is; of no meaning for the others.
    pub remote_url: Option<&'a str>,
}

impl<'a> Target<'a> {
    /// The remote of a plain Git repository.
    pub(crate) fn remote(&self) -> Result<&'a str, ProviderError> {
        let named = self.remote_url.map(str::trim).filter(|url| !url.is_empty());
        named.ok_or_else(|| ProviderError::unusable(self.provider, "the repository has no remote URL"))
    }
}

/// What a call learned, and what the provider said about further calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered<T> {
    /// What was learned; every text in it is free of the token and control characters, and bounded.
    pub value: T,
    /// Of the answers with the fewest calls left.
    pub rate_limit: RateLimit,
}
