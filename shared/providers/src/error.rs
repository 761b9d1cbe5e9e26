//! What a provider call can end with. The texts are shown to the repository's managers as they are
//! (contract: hookcode 2.15, 4.4), so none of them holds a token, a path or a query string.

use crate::egress::EgressError;
use http::StatusCode;
use repoplane_domain::repository::Provider;

/// A provider call failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProviderError {
    /// The provider answered with an error, or with a redirect (none is followed).
    #[error("[{provider}] {}", answer(*status, message))]
    Status {
        /// Who answered.
        provider: Provider,
        /// The status.
        status: StatusCode,
        /// Up to 500 characters: the body without the token and control characters, or for a redirect what is wrong.
        message: String,
    },
    /// The answer is not what the provider documents.
    #[error("[{provider}] {reason}")]
    Answer {
        /// Who answered.
        provider: Provider,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// No answer: refused address, timeout, broken connection, oversized body.
    #[error("[{provider}] {source}")]
    Network {
        /// Who was called.
        provider: Provider,
        /// What went wrong.
        source: EgressError,
    },
    /// Base URL, identity or token cannot be put into a request; nothing was sent.
    #[error("[{provider}] {reason}")]
    Unusable {
        /// Who would have been called.
        provider: Provider,
        /// What cannot be used, and what would be right.
        reason: &'static str,
    },
    /// GitLab names no e-mail address for the token's account (contract: hookcode 4.4).
    #[error("gitlab user email is missing (token may lack required scope)")]
    MissingEmail,
    /// A plain Git remote has no account behind a token; there is nothing to ask.
    #[error("provider git has no API to test a token with")]
    NoApi,
}

fn answer(status: StatusCode, message: &str) -> String {
    let code = status.as_u16();
    let line = status.canonical_reason().map_or_else(|| code.to_string(), |reason| format!("{code} {reason}"));
    if message.is_empty() { line } else { format!("{line}: {message}") }
}
