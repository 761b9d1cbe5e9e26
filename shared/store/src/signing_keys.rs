//! The keys by which a repository's packages are signed, as its secret document holds them.

use crate::Store;
use crate::decision::DecisionSet;
use crate::error::StoreError;
use repoplane_domain::credential::SecretName;
use repoplane_domain::secret::Secret;
use repoplane_domain::signing::{Half, SentKeys};

impl Store {
    /// The pair of a repository, once it has one.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn signing_keys(&self, set: &DecisionSet) -> Result<Option<SentKeys>, StoreError> {
        if set.repository.build.as_ref().is_none_or(|build| build.signing.is_none()) {
            return Ok(None);
        }
        let document = self.vault.read(set.credentials.secrets.as_ref()).await?;
        let half = |half| document.get(SecretName::signing(half).as_str()).cloned();
        let pair: Option<(Secret, Secret)> = half(Half::Public).zip(half(Half::Secret));
        Ok(pair.map(|(public, secret)| SentKeys { public, secret }))
    }
}
