//! Whether a remote can be read, and in what way it cannot (contract: reviewboard 8.4).

use super::RemoteRefs;
use crate::egress::{Egress, EgressError, UnverifiedCertificate};
use crate::error::ProviderError;
use crate::fault::Fault;
use crate::providers::QUESTION_TIMEOUT;
use crate::untrusted::{LoginRefusal, Untrusted};
use repoplane_domain::credential::GitAccess;
use repoplane_domain::repository::Provider;
use repoplane_domain::trusted_host::{HostKey, HostPort, TrustedHosts};
use std::sync::Arc;
use tokio::time::timeout;
use url::Url;

/// A remote that can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// What it tells of its references.
    pub refs: RemoteRefs,
}

/// Why a remote cannot be read, as far as a caller would treat it differently. The texts hold no secret and none of this
/// side's inside; what the other side says is cleaned, and has up to 500 characters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// What is there answers, and is no repository (205).
    #[error("{reason}")]
    Missing {
        /// Why, for people.
        reason: String,
    },
    /// Nothing answers there (205; over ssh 210).
    #[error("{reason}")]
    Unreachable {
        /// Why, for people.
        reason: String,
        /// Whether it would have been spoken to over ssh.
        ssh: bool,
    },
    /// No key of the ssh server is known (215). Whoever trusts it stores `offered` and asks again.
    #[error("the host key of {place} is not known: {} {}", offered.algorithm, offered.fingerprint())]
    UnknownHostKey {
        /// Which host.
        place: HostPort,
        /// The key that it proved to have.
        offered: HostKey,
    },
    /// Another key of the ssh server is known (214). Whoever trusts the new one stores `offered` in its place.
    #[error("the host key of {place} has changed: {} {}", offered.algorithm, offered.fingerprint())]
    ChangedHostKey {
        /// Which host.
        place: HostPort,
        /// The key that is known.
        expected: HostKey,
        /// The key that it proved to have.
        offered: HostKey,
    },
    /// The host shows a certificate that does not verify (216). Whoever trusts exactly this one stores its SHA-256 and
    /// asks again.
    #[error("{certificate}")]
    Certificate {
        /// Which host.
        place: HostPort,
        /// What is wrong with the certificate.
        certificate: Arc<UnverifiedCertificate>,
    },
    /// The remote does not let this caller in (218).
    #[error("{reason}")]
    CredentialsRefused {
        /// Why, for people.
        reason: String,
    },
    /// The host wants a public key, and the caller has none (217).
    #[error("{reason}")]
    PublicKeyWanted {
        /// Why, for people.
        reason: String,
    },
    /// The address, or what shall open it, cannot be used, or must not be; nothing was sent.
    #[error("{reason}")]
    Unusable {
        /// Why, for people.
        reason: String,
    },
    /// Everything else: a remote that is out of order, or does not speak its protocol (210).
    #[error("{reason}")]
    Other {
        /// Why, for people.
        reason: String,
    },
}

/// Reads a remote's references, the cheapest question that a repository alone can answer. It ends after
/// [`QUESTION_TIMEOUT`]. Only hosts that are in `trusted`, or that a public authority vouches for, are told anything.
///
/// # Errors
/// [`VerifyError`], one for each thing that a caller can do about it.
pub async fn verify_remote(
    egress: &Egress,
    remote: &str,
    access: &GitAccess,
    trusted: &TrustedHosts,
) -> Result<Verified, VerifyError> {
    let egress = egress.trusting(trusted);
    let asked = timeout(QUESTION_TIMEOUT, super::ls_remote(&egress, Provider::Git, remote, access)).await;
    let ssh = !remote.contains("://") || remote.trim_start().split(':').next().is_some_and(|it| it.contains("ssh"));
    match asked {
        Ok(Ok(answered)) => Ok(Verified { refs: answered.value }),
        Ok(Err(error)) => Err(of(&error, ssh)),
        Err(_) => Err(VerifyError::Unreachable { reason: "the remote did not answer in time".to_owned(), ssh }),
    }
}

fn of(error: &ProviderError, ssh: bool) -> VerifyError {
    let reason = error.to_string();
    let reason = reason.strip_prefix("[git] ").map(str::to_owned).unwrap_or(reason);
    if let ProviderError::Untrusted { untrusted, .. } = error {
        return match (**untrusted).clone() {
            Untrusted::UnknownHostKey { place, offered } => VerifyError::UnknownHostKey { place, offered },
            Untrusted::ChangedHostKey { place, expected, offered } => {
                VerifyError::ChangedHostKey { place, expected, offered }
            }
        };
    }
    if let ProviderError::Network { source, .. } = error {
        return of_network(source, reason, ssh);
    }
    if matches!(error, ProviderError::NotLetIn { refusal: LoginRefusal::KeyWanted, .. }) {
        return VerifyError::PublicKeyWanted { reason };
    }
    match error.fault() {
        Fault::TokenRejected { .. } | Fault::Forbidden => VerifyError::CredentialsRefused { reason },
        Fault::NotFound => VerifyError::Missing { reason },
        // What is no repository answers in its own way, but for ssh, where only the command speaks of repositories.
        Fault::BadAnswer if !ssh && matches!(error, ProviderError::Answer { .. }) => VerifyError::Missing { reason },
        Fault::Unusable | Fault::AddressRefused => VerifyError::Unusable { reason },
        Fault::RateLimited { .. }
        | Fault::Unavailable
        | Fault::BadAnswer
        | Fault::Untrusted
        | Fault::NoBranch
        | Fault::NoCommits
        | Fault::Moved
        | Fault::TooLarge
        | Fault::Refused { .. } => VerifyError::Other { reason },
    }
}

/// Who cannot be connected to is not there; who breaks off in the middle is out of order.
fn of_network(error: &EgressError, reason: String, ssh: bool) -> VerifyError {
    if let EgressError::Certificate { host, certificate } = error
        && let Some(place) = place_of(host)
    {
        return VerifyError::Certificate { place, certificate: certificate.clone() };
    }
    if matches!(error, EgressError::Refused(_)) {
        return VerifyError::Unusable { reason };
    }
    let nobody = matches!(
        error,
        EgressError::Resolve { .. }
            | EgressError::Timeout { .. }
            | EgressError::Connect { .. }
            | EgressError::Unreachable { .. }
    );
    if nobody { VerifyError::Unreachable { reason, ssh } } else { VerifyError::Other { reason } }
}

/// The place of an https call, by what its errors call it.
fn place_of(label: &str) -> Option<HostPort> {
    let url = Url::parse(&format!("https://{label}/")).ok()?;
    HostPort::new(url.host_str()?, url.port_or_known_default()?).ok()
}
