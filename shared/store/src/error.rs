//! What storage can answer when it does not do what was asked.

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
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
        E: ProvideErrorMetadata,
    {
        Self::Unavailable { engine: "table", reason: reason(&error) }
    }

    pub(crate) fn vault<E>(error: SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata,
    {
        Self::Unavailable { engine: "vault", reason: reason(&error) }
    }

    pub(crate) fn corrupt(what: &'static str, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Corrupt { what, source: Box::new(source) }
    }
}

/// What went wrong, in words for the log. The SDK's own text would quote the raw answer, which can hold a secret.
fn reason<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> String {
    match error {
        SdkError::ServiceError(service) => {
            let (code, message) = (service.err().code(), service.err().message());
            format!("{}: {}", code.unwrap_or("no error code"), message.unwrap_or("no message"))
        }
        SdkError::TimeoutError(_) => "the call timed out".to_owned(),
        SdkError::DispatchFailure(failure) if failure.is_timeout() => "no answer in time".to_owned(),
        SdkError::DispatchFailure(_) => "no connection".to_owned(),
        SdkError::ResponseError(_) => "the answer cannot be read".to_owned(),
        SdkError::ConstructionFailure(_) => "the call could not be built".to_owned(),
        _ => "the call failed".to_owned(),
    }
}
