//! Tokens that others sign: OpenID Connect issuers of a tenant, and what makes one of their tokens good.
//!
//! The rules are here; who fetches an issuer's keys and checks a signature with them is behind [`IssuerKeys`].

mod claims;
mod issuer;
mod jwt;
mod keys;

pub use claims::{Claims, LEEWAY, MAX_LIFE, Subject};
pub use issuer::{
    CreateIssuer, Issuer, MAX_AUDIENCE_BYTES, MAX_AUDIENCES, MAX_ISSUER_BYTES, MAX_ISSUERS, MAX_JWKS_URI_BYTES,
    PatchIssuer, SigningAlgorithm, UserClaim, is_https,
};
pub use jwt::{Jwt, MAX_JWT_BYTES, is_jwt};
pub use keys::{IssuerKeys, NetworkOf, NoIssuerKeys, TokenRefusal, Verification};
