//! What storage can answer when it does not do what was asked.

use aws_sdk_dynamodb::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

/// Storage did not do what was asked, through no fault of the caller's input.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The table or the vault did not answer, or said to come back later. Nothing is known to have been written.
    #[error("{engine} is not available: {reason}")]
    Unavailable {
        /// `table` or `vault`.
        engine: &'static str,
        /// The error chain, for the log only.
        reason: String,
    },
    /// Too many writers for too long; nothing was written.
    #[error("too many writers at once")]
    Contended,
    /// What is stored does not read as what should be there.
    #[error("stored {what} cannot be read")]
    Corrupt {
        /// What was being read.
        what: &'static str,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Beyond what the store takes.
    #[error("{0}")]
    Limit(String),
}

impl StoreError {
    pub(crate) fn table<E>(error: SdkError<E, HttpResponse>) -> Self
    where
        E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
    {
        Self::Unavailable { engine: "table", reason: DisplayErrorContext(error).to_string() }
    }

    /// The vault's errors never carry values: the service names the secret at most.
    pub(crate) fn vault<E>(error: SdkError<E, HttpResponse>) -> Self
    where
        E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
    {
        Self::Unavailable { engine: "vault", reason: DisplayErrorContext(error).to_string() }
    }

    pub(crate) fn corrupt(what: &'static str, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Corrupt { what, source: Box::new(source) }
    }
}
