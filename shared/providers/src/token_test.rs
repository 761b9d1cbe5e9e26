//! The robot's test: does its git token reach the repository, and whose is it (contract: hookcode 4.4).

use crate::egress::Egress;
use crate::error::ProviderError;
use crate::providers::{Providers, QUESTION_TIMEOUT};
use crate::target::Target;
use repoplane_domain::credential::GitAccess;
use repoplane_domain::repository::Provider;
use repoplane_domain::robot::TokenAccount;
use repoplane_domain::secret::Secret;
use std::time::Duration;

/// Longest time of a whole test, which makes up to four calls.
pub const TEST_TIMEOUT: Duration = QUESTION_TIMEOUT;

/// What a passing test learned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenReport {
    /// The account behind the token and its role on the repository; every text is free of the token and bounded.
    pub account: TokenAccount,
    /// Whether that role may push. The test passes without it (contract: no minimum role is demanded).
    pub can_write: bool,
}

/// Tests a git token against the repository: [`Providers::test_access`] for a personal token.
///
/// `api_base_url` is GitHub's REST base or GitLab's site root; without it the public service is asked. `identity` is
/// GitHub's `owner/repo` or numeric id, GitLab's project id or path. Only GETs are sent, at most four, each with the
/// token; see [`Egress`] for where they may go.
///
/// # Errors
/// [`ProviderError`], whose text is the test's message, whenever the provider does not answer as documented;
/// [`ProviderError::NoApi`] for a plain Git remote.
pub async fn test_token(
    egress: &Egress,
    provider: Provider,
    api_base_url: Option<&str>,
    identity: &str,
    token: &Secret,
) -> Result<TokenReport, ProviderError> {
    let target = Target { provider, api_base_url, identity, remote_url: None };
    let access = GitAccess::personal(token.clone());
    Ok(Providers::new(egress.clone()).test_access(&target, &access).await?.value)
}
