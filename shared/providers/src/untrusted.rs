//! Why a host is not taken for the one that is meant, and why it does not let a caller in.

use repoplane_domain::trusted_host::{HostKey, HostPort};

/// What a host showed that is not trusted. Nothing but the greeting was sent to it: no name, no password, no path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Untrusted {
    /// An ssh server of which no key is known.
    #[error("the host key of {place} is not known: {} {}", offered.algorithm, offered.fingerprint())]
    UnknownHostKey {
        /// Which host.
        place: HostPort,
        /// The key that it proved to have.
        offered: HostKey,
    },
    /// An ssh server of which another key is known.
    #[error(
        "the host key of {place} has changed: {} {} instead of {} {}",
        offered.algorithm, offered.fingerprint(), expected.algorithm, expected.fingerprint()
    )]
    ChangedHostKey {
        /// Which host.
        place: HostPort,
        /// The key that is known.
        expected: HostKey,
        /// The key that it proved to have.
        offered: HostKey,
    },
}

/// In what way an ssh server does not let a caller in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum LoginRefusal {
    /// The server knows no such user, or another password.
    #[error("the user name or password is not accepted")]
    Password,
    /// The server does not know the key.
    #[error("the ssh key is not accepted")]
    Key,
    /// The server takes public keys, and there is none.
    #[error("the host wants an ssh key, and the credential has none")]
    KeyWanted,
    /// The server wants a password, and there is none.
    #[error("the host wants a password, and there is none")]
    PasswordWanted,
}
