//! Why a call to the outside gave no answer.

use super::certificate::UnverifiedCertificate;
use std::sync::Arc;
use std::time::Duration;

/// Why a URL is not called. Nothing has been sent when a call ends with this.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// Neither https nor, for an allow-listed place, http.
    #[error("the address must begin with https://")]
    Scheme,
    /// `user:password@` in front of the host.
    #[error("the address must not contain a user name or password")]
    UserInfo,
    /// The URL names no host.
    #[error("the address has no host")]
    Host,
    /// Not 443 or 8443.
    #[error("port {0} is not allowed; use 443 or 8443")]
    Port(u16),
    /// Not the port of the transport.
    #[error("port {port} is not allowed; use {expected}")]
    TransportPort {
        /// The port that was asked for.
        port: u16,
        /// The transport's own.
        expected: u16,
    },
    /// Git's own transport to a place of no allow list: it is neither encrypted nor does it prove whom it reaches.
    #[error("git:// is not encrypted, and only used for places of an allow list; use https:// or ssh://")]
    NotEncrypted,
    /// The host is a literal address that is not public.
    #[error("{host} is {what}")]
    Address {
        /// The address as it would be called, after its spelling was normalised.
        host: String,
        /// What kind of address it is.
        what: &'static str,
    },
    /// At least one address of the name is not public. Which one is not told: it would map an inner network.
    #[error("{0} does not resolve to public addresses only")]
    Name(String),
    /// An allow-listed name leads to an address that no list can allow.
    #[error("{0} leads to an address that no list can allow")]
    Barred(String),
}

/// Why a call gave no usable answer. No text here holds a token, a path or a query string: only host and port, and
/// always those of the request: what a redirect names may be an echo of a secret.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum EgressError {
    /// The address guard said no.
    #[error("the address is refused: {0}")]
    Refused(#[from] Refusal),
    /// The name has no address.
    #[error("{host} cannot be resolved")]
    Resolve {
        /// Host and port.
        host: String,
    },
    /// Connecting or the whole call took too long.
    #[error("{host} did not answer in time")]
    Timeout {
        /// Host and port.
        host: String,
    },
    /// No connection, or no TLS session.
    #[error("cannot connect to {host}")]
    Connect {
        /// Host and port.
        host: String,
        /// What the transport said, without the URL.
        #[source]
        source: Arc<reqwest::Error>,
    },
    /// A TLS session with a host whose certificate does not verify; nothing was sent.
    #[error("{host} is not trusted: {certificate}")]
    Certificate {
        /// Host and port.
        host: String,
        /// What is wrong with it.
        certificate: Arc<UnverifiedCertificate>,
    },
    /// No connection, for a transport that is not HTTP.
    #[error("cannot connect to {host}")]
    Unreachable {
        /// Host and port.
        host: String,
        /// What the system said.
        #[source]
        source: Arc<std::io::Error>,
    },
    /// A connection broke, for a transport that is not HTTP.
    #[error("{host} broke the connection off")]
    Broken {
        /// Host and port.
        host: String,
        /// What the system said.
        #[source]
        source: Arc<std::io::Error>,
    },
    /// What came was not HTTP.
    #[error("{host} did not answer in HTTP")]
    Protocol {
        /// Host and port.
        host: String,
        /// What the transport said, without the URL.
        #[source]
        source: Arc<reqwest::Error>,
    },
    /// The connection broke before the status line.
    #[error("{host} closed the connection without an answer")]
    Interrupted {
        /// Host and port.
        host: String,
        /// What the transport said, without the URL.
        #[source]
        source: Arc<reqwest::Error>,
    },
    /// The connection broke inside the body.
    #[error("{host} sent an incomplete answer")]
    Body {
        /// Host and port.
        host: String,
        /// What the transport said, without the URL.
        #[source]
        source: Arc<reqwest::Error>,
    },
    /// The body is longer than the limit; reading stopped there.
    #[error("{host} sent more than {limit} bytes")]
    TooLarge {
        /// Host and port.
        host: String,
        /// The limit in bytes.
        limit: usize,
    },
    /// More headers, or longer ones, than are read: 200 of 64 KB together.
    #[error("{host} sent more or longer headers than are read")]
    Headers {
        /// Host and port.
        host: String,
    },
    /// The body cannot be unpacked.
    #[error("{host} sent {what}")]
    Encoding {
        /// Host and port.
        host: String,
        /// What came.
        what: &'static str,
    },
    /// More redirects than are followed.
    #[error("{host} redirected more than {limit} times", limit = super::limits::MAX_REDIRECTS)]
    TooManyRedirects {
        /// Host and port.
        host: String,
    },
    /// A redirect without a readable target.
    #[error("{host} redirected to an address that cannot be read")]
    BadRedirect {
        /// Host and port.
        host: String,
    },
    /// The address guard said no to a redirect's target; nothing was sent there.
    #[error("{host} redirected to an address that is refused: {refusal}")]
    RefusedRedirect {
        /// Host and port.
        host: String,
        /// Why; a name is left out of it.
        refusal: Refusal,
    },
    /// A redirect led to a host whose certificate does not verify; nothing was sent there.
    #[error("{host} redirected to a host whose certificate does not verify")]
    UntrustedRedirect {
        /// Host and port.
        host: String,
    },
    /// The provider said that it will not answer this caller yet; it was not called.
    #[error("{host} asked to be left alone for {} s more", retry_after.as_secs().max(1))]
    RateLimited {
        /// Host and port.
        host: String,
        /// How long still.
        retry_after: Duration,
    },
    /// The transport cannot be built on this machine (no certificate store, for example).
    #[error("the HTTP client cannot be set up")]
    Setup(#[source] Arc<reqwest::Error>),
    /// There are no roots of trust on this machine that can be used.
    #[error("the certificates of this machine cannot be used")]
    Roots(#[source] Arc<rustls::Error>),
}

impl EgressError {
    /// Whether the same idempotent call may work a moment later: the other side dropped the connection.
    pub(super) fn is_interruption(&self) -> bool {
        match self {
            Self::Interrupted { .. } | Self::Body { .. } => true,
            Self::Refused(_)
            | Self::Resolve { .. }
            | Self::Timeout { .. }
            | Self::Connect { .. }
            | Self::Certificate { .. }
            | Self::Unreachable { .. }
            | Self::Broken { .. }
            | Self::TooLarge { .. }
            | Self::Protocol { .. }
            | Self::Headers { .. }
            | Self::Encoding { .. }
            | Self::TooManyRedirects { .. }
            | Self::BadRedirect { .. }
            | Self::RefusedRedirect { .. }
            | Self::UntrustedRedirect { .. }
            | Self::RateLimited { .. }
            | Self::Setup(_)
            | Self::Roots(_) => false,
        }
    }

    /// Reads a transport error of the phase before the body. `source` must not carry its URL any more.
    pub(super) fn of_send(host: String, source: reqwest::Error) -> Self {
        if let Some(refusal) = cause::<Refusal>(&source) {
            return Self::Refused(refusal.clone());
        }
        if cause::<Unresolved>(&source).is_some() {
            return Self::Resolve { host };
        }
        if let Some(certificate) = UnverifiedCertificate::cause_of(&source) {
            return Self::Certificate { host, certificate: Arc::new(certificate) };
        }
        let parse = cause::<hyper::Error>(&source).filter(|error| error.is_parse());
        if source.is_timeout() {
            Self::Timeout { host }
        } else if source.is_builder() {
            Self::Setup(Arc::new(source))
        } else if parse.is_some_and(hyper::Error::is_parse_too_large) {
            Self::Headers { host }
        } else if parse.is_some() {
            Self::Protocol { host, source: Arc::new(source) }
        } else if source.is_connect() && !is_reset(&source) {
            Self::Connect { host, source: Arc::new(source) }
        } else {
            Self::Interrupted { host, source: Arc::new(source) }
        }
    }

    /// Reads a transport error of the body. `source` must not carry its URL any more.
    pub(super) fn of_body(host: String, source: reqwest::Error) -> Self {
        if source.is_timeout() { Self::Timeout { host } } else { Self::Body { host, source: Arc::new(source) } }
    }

    /// The same of a call that was redirected before. What the target is called does not come along.
    pub(super) fn after_redirect(self, host: &str) -> Self {
        if let Self::Certificate { .. } = self {
            return Self::UntrustedRedirect { host: host.to_owned() };
        }
        let Self::Refused(mut refusal) = self else { return self };
        if let Refusal::Name(name) | Refusal::Barred(name) = &mut refusal {
            "its target".clone_into(name);
        }
        Self::RefusedRedirect { host: host.to_owned(), refusal }
    }
}

/// The name lookup failed; handed through the transport to [`EgressError::of_send`].
#[derive(Debug, thiserror::Error)]
#[error("no address for the name")]
pub(super) struct Unresolved(#[source] pub(super) std::io::Error);

fn is_reset(error: &reqwest::Error) -> bool {
    cause::<std::io::Error>(error).is_some_and(|io| io.kind() == std::io::ErrorKind::ConnectionReset)
}

/// The first error of a kind in the chain of causes.
fn cause<E: std::error::Error + 'static>(error: &reqwest::Error) -> Option<&E> {
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<E>() {
            return Some(found);
        }
        next = error.source();
    }
    None
}
