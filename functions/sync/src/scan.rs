//! Looking into a repository: the part that asks providers, behind a seam so that a test can have it fail in every way.

use repoplane_domain::access::NetworkSettings;
use repoplane_domain::credential::GitAccess;
use repoplane_domain::package::SpecTree;
use repoplane_domain::skill::WalkedTree;
use repoplane_domain::trusted_host::TrustedHosts;
use repoplane_providers::{Answered, BranchHead, ProviderError, Providers, Target};

/// Where to look, and how.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// The repository.
    pub target: Target<'a>,
    /// The branch; the default one without.
    pub branch: Option<&'a str>,
    /// How the registry identifies itself.
    pub access: &'a GitAccess,
    /// What the tenant's calls may reach and trust.
    pub network: &'a NetworkSettings,
    /// Hosts that the tenant knows by themselves.
    pub trusted: &'a TrustedHosts,
}

/// What looks into repositories.
pub trait Scanner: std::fmt::Debug + Clone + Send + Sync + 'static {
    /// The newest commit of the branch.
    fn head(&self, place: &Place<'_>) -> impl Future<Output = Result<Answered<BranchHead>, ProviderError>> + Send;

    /// The spec files of one commit; the place is a plain Git remote.
    fn specs(
        &self,
        place: &Place<'_>,
        head: &BranchHead,
    ) -> impl Future<Output = Result<Answered<SpecTree>, ProviderError>> + Send;

    /// What a catalogue needs of one commit.
    fn walk(
        &self,
        place: &Place<'_>,
        head: &BranchHead,
    ) -> impl Future<Output = Result<Answered<WalkedTree>, ProviderError>> + Send;
}

/// The providers themselves.
#[derive(Debug, Clone)]
pub struct ProviderScanner {
    providers: Providers,
}

impl ProviderScanner {
    /// A scanner that asks these.
    pub fn new(providers: Providers) -> Self {
        Self { providers }
    }
}

impl Scanner for ProviderScanner {
    async fn head(&self, place: &Place<'_>) -> Result<Answered<BranchHead>, ProviderError> {
        let providers = self.providers.for_tenant(place.network).trusting(place.trusted);
        Box::pin(providers.branch_head(&place.target, place.access, place.branch)).await
    }

    async fn specs(&self, place: &Place<'_>, head: &BranchHead) -> Result<Answered<SpecTree>, ProviderError> {
        let providers = self.providers.for_tenant(place.network);
        let remote = place.target.remote_url.unwrap_or_default();
        Box::pin(providers.specs(remote, place.access, head)).await
    }

    async fn walk(&self, place: &Place<'_>, head: &BranchHead) -> Result<Answered<WalkedTree>, ProviderError> {
        let providers = self.providers.for_tenant(place.network).trusting(place.trusted);
        Box::pin(providers.walk(&place.target, place.access, head)).await
    }
}
