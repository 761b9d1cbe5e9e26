//! Certificates of private authorities, as PEM.

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use sha2::{Digest, Sha256};

/// A certificate that is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authority(CertificateDer<'static>);

/// Not one X.509 certificate in PEM.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAuthority {
    /// No `BEGIN CERTIFICATE` block, or none that can be decoded.
    #[error("must be a certificate in PEM, from -----BEGIN CERTIFICATE----- on")]
    NotPem,
    /// More than one block.
    #[error("must be one certificate: give each its own entry")]
    Several,
    /// The block holds no certificate that could sign others.
    #[error("is no X.509 certificate")]
    NotX509,
}

impl Authority {
    /// Reads one certificate. Whether it is one of an authority, and valid now, shows when a connection uses it.
    ///
    /// # Errors
    /// [`InvalidAuthority`] says what is wrong, as the rest of a sentence.
    pub fn read(pem: &str) -> Result<Self, InvalidAuthority> {
        let mut blocks = CertificateDer::pem_slice_iter(pem.as_bytes());
        let first = blocks.next().and_then(Result::ok).ok_or(InvalidAuthority::NotPem)?;
        if blocks.next().is_some() {
            return Err(InvalidAuthority::Several);
        }
        Self::of(first)
    }

    /// Reads all certificates of a text, each by itself.
    pub(super) fn read_all(pem: &[u8]) -> impl Iterator<Item = Result<Self, InvalidAuthority>> {
        CertificateDer::pem_slice_iter(pem).map(|block| Self::of(block.map_err(|_| InvalidAuthority::NotPem)?))
    }

    fn of(certificate: CertificateDer<'static>) -> Result<Self, InvalidAuthority> {
        webpki::anchor_from_trusted_cert(&certificate).map_err(|_| InvalidAuthority::NotX509)?;
        Ok(Self(certificate))
    }

    /// SHA-256 of the certificate in hexadecimal: what browsers and `openssl x509 -fingerprint -sha256` show.
    pub fn sha256(&self) -> String {
        hex::encode(Sha256::digest(&self.0))
    }

    pub(super) fn der(&self) -> &[u8] {
        &self.0
    }
}
