//! What a provider call can end with. The texts are shown to the repository's managers as they are
//! (contract: hookcode 2.15, 4.4), so none of them holds a token, a path or a query string.

use crate::clean::MAX_TEXT;
use crate::egress::{EgressError, RateLimit};
use crate::fault::Fault;
use crate::untrusted::{LoginRefusal, Untrusted};
use http::StatusCode;
use repoplane_domain::repository::{ConnectionFailure, ConnectionReason, Provider};
use repoplane_domain::robot::ModelProvider;
use std::fmt;
use std::sync::Arc;

/// Whose service is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// A host of repositories.
    Repositories(Provider),
    /// A host of language models.
    Models(ModelProvider),
}

impl From<Provider> for Service {
    fn from(provider: Provider) -> Self {
        Self::Repositories(provider)
    }
}

impl From<ModelProvider> for Service {
    fn from(provider: ModelProvider) -> Self {
        Self::Models(provider)
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Repositories(provider) => provider.fmt(f),
            Self::Models(provider) => provider.fmt(f),
        }
    }
}

/// A provider call failed. Cheap to clone, so that callers who share one call can share its error.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ProviderError {
    /// The provider answered with an error, or with a redirect that is not followed.
    #[error("{0}")]
    Status(Arc<ErrorAnswer>),
    /// A model provider refuses the key.
    #[error("{0}")]
    ModelKeyInvalid(Arc<ErrorAnswer>),
    /// The answer is not what the provider documents.
    #[error("[{service}] {reason}")]
    Answer {
        /// Who answered.
        service: Service,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// No answer: refused address, timeout, broken connection, oversized body.
    #[error("[{service}] {source}")]
    Network {
        /// Who was called.
        service: Service,
        /// What went wrong.
        source: Arc<EgressError>,
    },
    /// Base URL, identity or token cannot be put into a request; nothing was sent.
    #[error("[{service}] {reason}")]
    Unusable {
        /// Who would have been called.
        service: Service,
        /// What cannot be used, and what would be right.
        reason: &'static str,
    },
    /// GitLab names no e-mail address for the token's account (contract: hookcode 4.4).
    #[error("gitlab user email is missing (token may lack required scope)")]
    MissingEmail,
    /// The branch is not there, although the repository is.
    #[error("[{service}] branch {branch:?} does not exist")]
    NoBranch {
        /// Who was asked.
        service: Service,
        /// The branch, as it was asked for.
        branch: String,
    },
    /// The commit is not there, or is not given by its id, although the repository is there.
    #[error("[{service}] commit {commit} does not exist or is not given")]
    UnknownCommit {
        /// Who was asked.
        service: Service,
        /// The commit's id, 40 or 64 hexadecimal digits.
        commit: String,
    },
    /// The repository has no commit on any branch.
    #[error("[{service}] the repository has no commits yet")]
    NoCommits {
        /// Who was asked.
        service: Service,
    },
    /// The commit that was the newest a moment ago is not given any more.
    #[error("[{service}] the commit is not there any more; the branch has moved")]
    Moved {
        /// Who was asked.
        service: Service,
    },
    /// What answered may be another than the host that is meant; nothing was told to it.
    #[error("[{service}] {untrusted}")]
    Untrusted {
        /// Who was asked.
        service: Service,
        /// What it showed.
        untrusted: Arc<Untrusted>,
    },
    /// A server does not let this caller in, on a transport that has no status for it.
    #[error("[{service}] {refusal}")]
    NotLetIn {
        /// Who was asked.
        service: Service,
        /// In what way.
        refusal: LoginRefusal,
    },
    /// What was asked answers, and has no such repository or shows it to nobody.
    #[error("[{service}] there is no repository: {said}")]
    NoRepository {
        /// Who was asked.
        service: Service,
        /// The other side's words, without what is secret, up to 500 characters.
        said: String,
    },
    /// The repository has more of something than is read.
    #[error("[{service}] the repository is larger than can be read: {what}")]
    TooLarge {
        /// Who was asked.
        service: Service,
        /// What there is too much of.
        what: String,
    },
    /// A plain Git remote has no account behind a token; there is nothing to ask.
    #[error("provider git has no API to test a token with")]
    NoApi,
}

/// An answer whose status says that the call failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorAnswer {
    /// Who answered.
    pub service: Service,
    /// The status.
    pub status: StatusCode,
    /// Up to 500 characters: the body without the token and control characters, or for a redirect what is wrong.
    pub message: String,
    /// What it comes to.
    pub fault: Fault,
    /// What the answer says about further calls.
    pub rate_limit: RateLimit,
}

impl ErrorAnswer {
    /// What the body says to people (GitHub and GitLab REST: `message`, `error_description` or `error`; model providers:
    /// `error.message`); nothing where it is no such body.
    fn words(&self) -> Option<String> {
        if let Fault::Refused { reason } = &self.fault {
            return Some(reason.clone());
        }
        let body: serde_json::Value = serde_json::from_str(&self.message).ok()?;
        let places = ["/message", "/error_description", "/error/message", "/error"];
        let found = places.into_iter().find_map(|place| body.pointer(place)?.as_str());
        found.map(str::to_owned).filter(|words| !words.trim().is_empty())
    }
}

impl fmt::Display for ErrorAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}] {}", self.service, self.status.as_u16())?;
        if let Some(reason) = self.status.canonical_reason() {
            write!(f, " {reason}")?;
        }
        if self.message.is_empty() { Ok(()) } else { write!(f, ": {}", self.message) }
    }
}

impl ProviderError {
    pub(crate) fn unusable(service: impl Into<Service>, reason: &'static str) -> Self {
        Self::Unusable { service: service.into(), reason }
    }

    pub(crate) fn answer(service: impl Into<Service>, reason: &'static str) -> Self {
        Self::Answer { service: service.into(), reason }
    }

    pub(crate) fn network(service: impl Into<Service>, source: EgressError) -> Self {
        Self::Network { service: service.into(), source: Arc::new(source) }
    }

    pub(crate) fn too_large(service: impl Into<Service>, what: impl ToString) -> Self {
        Self::TooLarge { service: service.into(), what: what.to_string() }
    }

    pub(crate) fn no_branch(service: impl Into<Service>, branch: &str) -> Self {
        Self::NoBranch { service: service.into(), branch: branch.chars().take(MAX_TEXT).collect() }
    }

    /// The same as the state of a repository's connection has it. Without a token every refusal means that one is needed:
    /// providers hide private repositories by denying that they exist (contract: hookcode 4.7).
    pub fn connection_failure(&self, anonymous: bool) -> ConnectionFailure {
        let reason = match self.fault() {
            Fault::TokenRejected { .. } | Fault::Forbidden | Fault::NotFound if anonymous => {
                ConnectionReason::AuthRequired
            }
            Fault::TokenRejected { .. } => ConnectionReason::TokenRejected,
            Fault::Forbidden => ConnectionReason::Forbidden,
            Fault::NotFound | Fault::NoBranch | Fault::NoCommits | Fault::Moved => ConnectionReason::NotFound,
            Fault::RateLimited { .. } => ConnectionReason::RateLimited,
            Fault::Refused { .. } => ConnectionReason::Refused,
            Fault::Unavailable | Fault::TooLarge => ConnectionReason::Unavailable,
            Fault::BadAnswer => ConnectionReason::BadAnswer,
            Fault::AddressRefused => ConnectionReason::AddressRefused,
            Fault::Untrusted => ConnectionReason::HostUntrusted,
            Fault::Unusable => ConnectionReason::Unusable,
        };
        ConnectionFailure { reason, message: self.told(reason) }
    }

    /// The same in a sentence, with the provider's own words where its answer has them, and its status.
    fn told(&self, reason: ConnectionReason) -> String {
        let (Self::Status(answer) | Self::ModelKeyInvalid(answer)) = self else { return self.to_string() };
        let sentence = match reason {
            ConnectionReason::TokenRejected => "the credential is not accepted",
            ConnectionReason::AuthRequired => "nothing is shown without a credential",
            ConnectionReason::Forbidden => "the credential may not do this",
            ConnectionReason::NotFound => "it is not there, or not shown to this credential",
            ConnectionReason::RateLimited => "no more calls are answered for a while",
            ConnectionReason::Refused => "what was asked is not accepted",
            ConnectionReason::Unavailable
            | ConnectionReason::BadAnswer
            | ConnectionReason::AddressRefused
            | ConnectionReason::HostUntrusted
            | ConnectionReason::Unusable => return self.to_string(),
        };
        let words = answer.words().map(|words| format!(", {words}")).unwrap_or_default();
        format!("[{}] {sentence} ({}{words})", answer.service, answer.status.as_u16())
    }

    /// What went wrong, as far as a program would treat it differently.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Status(answer) | Self::ModelKeyInvalid(answer) => answer.fault.clone(),
            Self::Answer { .. } => Fault::BadAnswer,
            Self::Network { source, .. } => of_egress(source),
            Self::Unusable { .. } | Self::NoApi => Fault::Unusable,
            Self::NoBranch { .. } | Self::UnknownCommit { .. } => Fault::NoBranch,
            Self::NoCommits { .. } => Fault::NoCommits,
            Self::Moved { .. } => Fault::Moved,
            Self::TooLarge { .. } => Fault::TooLarge,
            Self::Untrusted { .. } => Fault::Untrusted,
            Self::NotLetIn { .. } => Fault::TokenRejected { missing_scopes: Vec::new() },
            Self::NoRepository { .. } => Fault::NotFound,
            Self::MissingEmail => Fault::TokenRejected { missing_scopes: vec!["read_user".to_owned()] },
        }
    }

    /// The provider's status, when there was one that says the call failed.
    pub fn status(&self) -> Option<StatusCode> {
        self.error_answer().map(|answer| answer.status)
    }

    /// What the provider says about further calls, also with an earlier answer; else silent when there was none.
    pub fn rate_limit(&self) -> RateLimit {
        if let Self::Network { source, .. } = self
            && let EgressError::RateLimited { retry_after, .. } = **source
        {
            return RateLimit { retry_after: Some(retry_after), ..RateLimit::default() };
        }
        self.error_answer().map(|answer| answer.rate_limit).unwrap_or_default()
    }

    fn error_answer(&self) -> Option<&ErrorAnswer> {
        match self {
            Self::Status(answer) | Self::ModelKeyInvalid(answer) => Some(answer),
            Self::Answer { .. }
            | Self::Network { .. }
            | Self::Unusable { .. }
            | Self::NoBranch { .. }
            | Self::UnknownCommit { .. }
            | Self::NoCommits { .. }
            | Self::Moved { .. }
            | Self::TooLarge { .. }
            | Self::Untrusted { .. }
            | Self::NotLetIn { .. }
            | Self::NoRepository { .. }
            | Self::MissingEmail
            | Self::NoApi => None,
        }
    }
}

/// What the lack of an answer comes to.
fn of_egress(error: &EgressError) -> Fault {
    match error {
        EgressError::Refused(_) | EgressError::RefusedRedirect { .. } => Fault::AddressRefused,
        EgressError::Certificate { .. } | EgressError::UntrustedRedirect { .. } => Fault::Untrusted,
        EgressError::RateLimited { retry_after, .. } => Fault::RateLimited { retry_after: Some(*retry_after) },
        // What answers there, answers, but not as the provider's API does.
        EgressError::TooManyRedirects { .. }
        | EgressError::BadRedirect { .. }
        | EgressError::Protocol { .. }
        | EgressError::Encoding { .. } => Fault::BadAnswer,
        EgressError::Resolve { .. }
        | EgressError::Timeout { .. }
        | EgressError::Connect { .. }
        | EgressError::Unreachable { .. }
        | EgressError::Broken { .. }
        | EgressError::Interrupted { .. }
        | EgressError::Body { .. }
        | EgressError::TooLarge { .. }
        | EgressError::Headers { .. }
        | EgressError::Setup(_)
        | EgressError::Roots(_) => Fault::Unavailable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_told_in_a_sentence_with_the_providers_words() {
        let told = |status: u16, body: &str, fault: Fault, anonymous: bool| {
            let (service, status) = (Provider::Github.into(), StatusCode::from_u16(status).unwrap());
            let answer =
                ErrorAnswer { service, status, message: body.to_owned(), fault, rate_limit: RateLimit::default() };
            ProviderError::Status(Arc::new(answer)).connection_failure(anonymous).message
        };
        let rejected = || Fault::TokenRejected { missing_scopes: Vec::new() };
        let bad = r#"{"message":"Bad credentials","status":"401"}"#;
        assert_eq!(told(401, bad, rejected(), false), "[github] the credential is not accepted (401, Bad credentials)");
        assert_eq!(told(401, "<html>", rejected(), false), "[github] the credential is not accepted (401)");
        let missing = r#"{"error":"404 Project Not Found"}"#;
        assert_eq!(
            told(404, missing, Fault::NotFound, true),
            "[github] nothing is shown without a credential (404, 404 Project Not Found)"
        );
        let refused = Fault::Refused { reason: "Hook already exists".to_owned() };
        assert_eq!(
            told(422, "{}", refused, false),
            "[github] what was asked is not accepted (422, Hook already exists)"
        );
        assert_eq!(told(500, "oops", Fault::Unavailable, false), "[github] 500 Internal Server Error: oops");
    }
    use crate::egress::Refusal;
    use std::time::Duration;

    #[test]
    fn the_lack_of_an_answer_is_told_by_its_cause() {
        let host = || "h.example".to_owned();
        let retry_after = Duration::from_secs(7);
        for (error, expected) in [
            (EgressError::Refused(Refusal::Scheme), Fault::AddressRefused),
            (EgressError::RefusedRedirect { host: host(), refusal: Refusal::Host }, Fault::AddressRefused),
            (
                EgressError::RateLimited { host: host(), retry_after },
                Fault::RateLimited { retry_after: Some(retry_after) },
            ),
            (EgressError::TooManyRedirects { host: host() }, Fault::BadAnswer),
            (EgressError::BadRedirect { host: host() }, Fault::BadAnswer),
            (EgressError::Encoding { host: host(), what: "no gzip" }, Fault::BadAnswer),
            (EgressError::Resolve { host: host() }, Fault::Unavailable),
            (EgressError::Timeout { host: host() }, Fault::Unavailable),
            (EgressError::TooLarge { host: host(), limit: 1 }, Fault::Unavailable),
            (EgressError::Headers { host: host() }, Fault::Unavailable),
        ] {
            let asked = matches!(error, EgressError::RateLimited { .. }).then_some(retry_after);
            let error = ProviderError::network(Provider::Github, error);
            assert_eq!(error.fault(), expected, "{error}");
            assert_eq!(error.rate_limit().retry_after, asked, "{error}");
        }
    }
}
