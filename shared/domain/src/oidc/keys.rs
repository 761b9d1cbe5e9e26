//! The seam to the keys of issuers, and why a token is refused.

use super::{Issuer, Jwt};
use crate::access::NetworkSettings;
use crate::time::Timestamp;
use std::pin::Pin;

/// Why a token is refused: for the log. Its bearer hears the same for all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the texts say it")]
pub enum TokenRefusal {
    #[error("not a signed token of three parts")]
    Malformed,
    #[error("a header that changes what the signature means")]
    Header,
    #[error("the issuer is disabled")]
    Disabled,
    #[error("the algorithm is not one that the issuer may use")]
    Algorithm,
    #[error("another issuer")]
    Issuer,
    #[error("another audience")]
    Audience,
    #[error("expired")]
    Expired,
    #[error("not good yet")]
    NotYet,
    #[error("good for longer than is allowed")]
    Lifetime,
    #[error("it does not name a user")]
    Subject,
    #[error("no key of the issuer has this id and algorithm")]
    Key,
    #[error("the keys of the issuer cannot be had")]
    KeysUnavailable,
    #[error("the signature is not the issuer's")]
    Signature,
}

/// Whether a token's signature is its issuer's, some time later.
pub type Verification<'a> = Pin<Box<dyn Future<Output = Result<(), TokenRefusal>> + Send + 'a>>;

/// The network settings of the issuer's tenant; asked for only when the issuer has to be called. `None` when storage
/// does not tell.
pub type NetworkOf<'a> = Pin<Box<dyn Future<Output = Option<NetworkSettings>> + Send + 'a>>;

/// Has the keys of issuers, and checks signatures with them.
pub trait IssuerKeys: Send + Sync {
    /// Checks a token's signature with the key that its header names, under the algorithm that its header names. That
    /// the issuer may use this algorithm has been checked before.
    fn verify<'a>(
        &'a self,
        issuer: &'a Issuer,
        jwt: &'a Jwt<'a>,
        network: NetworkOf<'a>,
        now: Timestamp,
    ) -> Verification<'a>;
}

/// Has no keys: every token is refused.
#[derive(Debug, Clone, Copy)]
pub struct NoIssuerKeys;

impl IssuerKeys for NoIssuerKeys {
    fn verify<'a>(&'a self, _: &'a Issuer, _: &'a Jwt<'a>, _: NetworkOf<'a>, _: Timestamp) -> Verification<'a> {
        Box::pin(std::future::ready(Err(TokenRefusal::KeysUnavailable)))
    }
}
