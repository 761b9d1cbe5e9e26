//! Why a call to the outside gave no answer.

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
}

/// Why a call gave no usable answer. No text here holds a token, a path or a query string: only host and port.
#[derive(Debug, thiserror::Error)]
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
    /// No connection, or no TLS session with a valid certificate.
    #[error("cannot connect to {host}")]
    Connect {
        /// Host and port.
        host: String,
        /// What the transport said, without the URL.
        #[source]
        source: reqwest::Error,
    },
    /// The connection broke before the status line, or what came was not HTTP.
    #[error("{host} closed the connection without an answer")]
    Interrupted {
        /// Host and port.
        host: String,
        /// What the transport said, without the URL.
        #[source]
        source: reqwest::Error,
    },
    /// The connection broke inside the body.
    #[error("{host} sent an incomplete answer")]
    Body {
        /// Host and port.
        host: String,
        /// What the transport said, without the URL.
        #[source]
        source: reqwest::Error,
    },
    /// The body is longer than the limit; reading stopped there.
    #[error("{host} sent more than {limit} bytes")]
    TooLarge {
        /// Host and port.
        host: String,
        /// The limit in bytes.
        limit: usize,
    },
    /// The transport cannot be built on this machine (no certificate store, for example).
    #[error("the HTTP client cannot be set up")]
    Setup(#[source] reqwest::Error),
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
            | Self::TooLarge { .. }
            | Self::Setup(_) => false,
        }
    }

    /// Reads a transport error of the phase before the body. `source` must not carry its URL any more.
    pub(super) fn of_send(host: String, source: reqwest::Error) -> Self {
        if let Some(refusal) = cause::<Refusal>(&source) {
            return Self::Refused(refusal.clone());
        }
        if source.is_timeout() {
            Self::Timeout { host }
        } else if cause::<Unresolved>(&source).is_some() {
            Self::Resolve { host }
        } else if source.is_builder() {
            Self::Setup(source)
        } else if source.is_connect() && !is_reset(&source) {
            Self::Connect { host, source }
        } else {
            Self::Interrupted { host, source }
        }
    }

    /// Reads a transport error of the body. `source` must not carry its URL any more.
    pub(super) fn of_body(host: String, source: reqwest::Error) -> Self {
        if source.is_timeout() { Self::Timeout { host } } else { Self::Body { host, source } }
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
