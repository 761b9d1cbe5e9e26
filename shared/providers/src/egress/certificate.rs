//! Checking whom a TLS connection reached, and telling what was wrong with a certificate that nothing vouches for.

use super::authority::Authority;
use super::error::EgressError;
use crate::clean::Cleaner;
use repoplane_domain::time::Timestamp;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, OtherError, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use rustls_platform_verifier::Verifier;
use sha2::{Digest, Sha256};
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use x509_parser::prelude::{FromDer, X509Certificate};

/// What is asked for inside TLS, the better one first (RFC 7301).
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// A certificate that does not verify, as it describes itself: nobody vouches for a word of it (contract: reviewboard 8.4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnverifiedCertificate {
    /// The host that was to be reached.
    pub hostname: String,
    /// What is wrong, each as the rest of a sentence about the certificate.
    pub failures: Vec<String>,
    /// SHA-256 of the certificate, 64 hexadecimal digits in lower case.
    pub sha256: String,
    /// Who issued it, by its own account; up to 500 characters.
    pub issuer: String,
    /// From when on it is valid, where it can be read.
    pub valid_from: Option<Timestamp>,
    /// Until when it is valid, where it can be read.
    pub valid_until: Option<Timestamp>,
}

impl fmt::Display for UnverifiedCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the certificate of {} {} (SHA-256 {})", self.hostname, self.failures.join(", "), self.sha256)
    }
}

impl std::error::Error for UnverifiedCertificate {}

impl UnverifiedCertificate {
    /// What is wrong besides `error`, with which the check has ended. `at` checks again, as if it were another time.
    fn of(
        certificate: &CertificateDer<'_>,
        name: &ServerName<'_>,
        now: UnixTime,
        error: &CertificateError,
        at: impl Fn(UnixTime) -> Result<ServerCertVerified, Error>,
    ) -> Self {
        let read = X509Certificate::from_der(certificate).ok().map(|(_, read)| read);
        let valid_from = read.as_ref().map(|read| read.validity().not_before.timestamp());
        let valid_until = read.as_ref().map(|read| read.validity().not_after.timestamp());
        let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        let for_name = webpki::EndEntityCert::try_from(certificate)
            .is_ok_and(|read| read.verify_is_valid_for_subject_name(name).is_ok());
        // The check ends with the first of them; whoever decides wants to know all.
        let mut failures = Vec::new();
        let then = valid_from.zip(valid_until).and_then(|(from, until)| u64::try_from(now.min(until).max(from)).ok());
        let then = then.map(|seconds| at(UnixTime::since_unix_epoch(Duration::from_secs(seconds))));
        if matches!(error, CertificateError::UnknownIssuer)
            || matches!(then, Some(Err(Error::InvalidCertificate(CertificateError::UnknownIssuer))))
        {
            failures.push("is of an issuer that is not known".to_owned());
        }
        if valid_from.is_some_and(|from| now < from) {
            failures.push("is not valid yet".to_owned());
        }
        if valid_until.is_some_and(|until| now > until) {
            failures.push("has expired".to_owned());
        }
        if !for_name {
            failures.push("is not for this name".to_owned());
        }
        if failures.is_empty() {
            let unsigned = matches!(error, CertificateError::BadSignature);
            failures.push(if unsigned { "is not signed by whom it names" } else { "cannot be verified" }.to_owned());
        }
        Self {
            hostname: name.to_str().into_owned(),
            failures,
            sha256: hex::encode(Sha256::digest(certificate)),
            issuer: read.as_ref().map(|read| Cleaner::default().text(&read.issuer().to_string())).unwrap_or_default(),
            valid_from: valid_from.map(Timestamp::from_second),
            valid_until: valid_until.map(Timestamp::from_second),
        }
    }

    /// The one that a chain of causes ends with.
    pub(super) fn cause_of(error: &reqwest::Error) -> Option<Self> {
        let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
        while let Some(error) = next {
            if let Some(Error::InvalidCertificate(CertificateError::Other(OtherError(inner)))) = error.downcast_ref() {
                return inner.downcast_ref::<Self>().cloned();
            }
            // What an I/O error carries is no part of its chain.
            let carried = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
            next = carried.map(|carried| carried as _).or_else(|| error.source());
        }
        None
    }
}

/// The platform's check, and besides it certificates that are known by themselves.
#[derive(Debug)]
struct Check {
    platform: Verifier,
    /// SHA-256 of each, in hexadecimal.
    pinned: Vec<String>,
}

impl ServerCertVerifier for Check {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let checked = self.platform.verify_server_cert(certificate, intermediates, name, ocsp, now);
        let Err(Error::InvalidCertificate(why)) = checked else { return checked };
        let at = |now| self.platform.verify_server_cert(certificate, intermediates, name, ocsp, now);
        let unverified = UnverifiedCertificate::of(certificate, name, now, &why, at);
        if self.pinned.contains(&unverified.sha256) {
            return Ok(ServerCertVerified::assertion());
        }
        Err(CertificateError::Other(OtherError(Arc::new(unverified))).into())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.platform.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.platform.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.platform.supported_verify_schemes()
    }
}

/// Settings of TLS: trust in the platform's roots, in these authorities, and in these certificates themselves.
pub(super) fn tls<'a>(
    authorities: impl Iterator<Item = &'a Authority>,
    pinned: Vec<String>,
) -> Result<ClientConfig, EgressError> {
    let setup = |error| EgressError::Roots(Arc::new(error));
    let provider = Arc::new(default_provider());
    let roots = authorities.map(|authority| CertificateDer::from(authority.der().to_vec()));
    let platform = Verifier::new_with_extra_roots(roots, provider.clone()).map_err(setup)?;
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let check = Arc::new(Check { platform, pinned });
    let builder = builder.map_err(setup)?.dangerous().with_custom_certificate_verifier(check);
    let mut config = builder.with_no_client_auth();
    config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
    Ok(config)
}
