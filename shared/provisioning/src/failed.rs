//! Why nothing was registered, and what could not be taken back.

use repoplane_providers::{NotTakenBack, ProviderError, Step};
use repoplane_store::{NoAccess, StoreError};

/// Nothing was registered.
#[derive(Debug, thiserror::Error)]
#[error("{why}")]
pub struct Failed {
    /// The first thing that went wrong.
    #[source]
    pub why: Why,
    /// What stayed at the provider. The tick goes on with it.
    pub left: Vec<NotTakenBack>,
}

/// The first thing that went wrong.
#[derive(Debug, thiserror::Error)]
pub enum Why {
    /// The provider does not do a step.
    #[error("the {step}: {error}")]
    Provider {
        /// Which.
        step: Step,
        /// Why not.
        #[source]
        error: ProviderError,
    },
    /// There is no such group, organisation or account, or the product's credential does not see it.
    #[error("the owner of the projects: {0}")]
    Owner(#[source] ProviderError),
    /// The provider did not answer all that was asked in time.
    #[error("the provider did not answer all that was asked in time")]
    Timeout,
    /// Another call is at the same name.
    #[error("another call is at this repository; try again")]
    Busy,
    /// A project of the path is there, and the product's credential does not see it.
    #[error("the provider has something at this path already: {reason}")]
    PathTaken {
        /// The provider's words.
        reason: String,
    },
    /// The project is deleted already, and the provider keeps it for a while.
    #[error("the project at this path is being deleted at the provider: restore it there, or wait until it is gone")]
    BeingDeleted,
    /// The product's credential cannot be used.
    #[error("the product's credential cannot be used")]
    NoAccess(NoAccess),
    /// The machine gives no randomness for a key.
    #[error("a deploy key could not be made")]
    NoKey,
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<Why> for Failed {
    fn from(why: Why) -> Self {
        Self { why, left: Vec::new() }
    }
}

impl From<StoreError> for Failed {
    fn from(error: StoreError) -> Self {
        Why::Store(error).into()
    }
}

/// Says which step a provider's error belongs to.
pub(crate) fn at(step: Step) -> impl Fn(ProviderError) -> Why {
    move |error| Why::Provider { step, error }
}
