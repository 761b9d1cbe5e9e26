//! The clients of AWS, as a function has them: built once, without looking for what is known, and connected before the
//! first request.
//!
//! Lambda gives a starting function a whole processor and a running one a part of it by its memory, so what every request
//! needs is done at the start: the table's client, its TLS and its connection. What few requests need is done when it is
//! needed: the clients of vault and queue are built at their first call.

use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use std::time::Duration;

/// Whom calls to AWS trust: `amazon`, `platform`, or the path of a PEM file.
const ROOTS: &str = "REPOPLANE_AWS_ROOTS";
/// The authorities of Amazon Trust Services, from which the endpoints of AWS have their certificates
/// (amazontrust.com/repository: Amazon Root CA 1 to 4, Starfield Services Root CA G2).
const AMAZON_ROOTS: &str = include_str!("amazon-roots.pem");
/// Partitions that have authorities of their own, by the beginning of their regions.
const OTHER_PARTITIONS: [&str; 4] = ["cn-", "us-iso", "eu-iso", "eusc-"];
/// Variables by which calls go elsewhere than to AWS's public endpoints, or through somebody who looks into them.
const DETOURS: [&str; 8] = [
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_DYNAMODB",
    "AWS_ENDPOINT_URL_SECRETS_MANAGER",
    "AWS_ENDPOINT_URL_SQS",
    "AWS_CA_BUNDLE",
    "HTTPS_PROXY",
    "https_proxy",
    "ALL_PROXY",
];
/// The largest PEM file that is read, in bytes; a whole platform's store has about 220 KB.
const MAX_PEM_BYTES: u64 = 1024 * 1024;

/// Whom calls to AWS trust.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Roots {
    /// Amazon's own authorities: they are read in a tenth of the time that the platform's take.
    Amazon,
    /// Those of the platform, by the SDK's default.
    Platform,
    /// Those of a PEM file.
    File(String),
}

/// The roots cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{ROOTS} must be `amazon`, `platform` or the path of a PEM file of certificates: {0}")]
pub(crate) struct InvalidRoots(String);

impl Roots {
    /// What the environment asks for; else Amazon's where AWS's public endpoints are called directly.
    pub(crate) fn of(variable: impl Fn(&str) -> Option<String>) -> Self {
        let filled = |name: &str| variable(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        match filled(ROOTS).as_deref() {
            Some("amazon") => return Self::Amazon,
            Some("platform") => return Self::Platform,
            Some(path) => return Self::File(path.to_owned()),
            None => {}
        }
        let region = filled("AWS_REGION").unwrap_or_default();
        let elsewhere = OTHER_PARTITIONS.iter().any(|start| region.starts_with(start));
        if elsewhere || DETOURS.iter().any(|name| filled(name).is_some()) { Self::Platform } else { Self::Amazon }
    }

    /// The client that trusts them; `None` is the SDK's own.
    ///
    /// # Errors
    /// [`InvalidRoots`] for a file that cannot be read or has no certificates.
    pub(crate) fn client(&self) -> Result<Option<SharedHttpClient>, InvalidRoots> {
        let pem = match self {
            Self::Platform => return Ok(None),
            Self::Amazon => AMAZON_ROOTS.to_owned(),
            Self::File(path) => read(path)?,
        };
        let store = certificates(&pem).fold(TrustStore::empty(), TrustStore::with_pem_certificate);
        let context = TlsContext::builder().with_trust_store(store).build();
        let context = context.map_err(|error| InvalidRoots(error.to_string()))?;
        let provider = Provider::Rustls(CryptoMode::AwsLc);
        Ok(Some(aws_smithy_http_client::Builder::new().tls_provider(provider).tls_context(context).build_https()))
    }
}

fn read(path: &str) -> Result<String, InvalidRoots> {
    let unusable = |why: String| InvalidRoots(format!("{path}: {why}"));
    let bytes = std::fs::metadata(path).map_err(|error| unusable(error.to_string()))?.len();
    if bytes > MAX_PEM_BYTES {
        return Err(unusable(format!("it has more than {MAX_PEM_BYTES} bytes")));
    }
    let pem = std::fs::read_to_string(path).map_err(|error| unusable(error.to_string()))?;
    // The client would end the process over a certificate that it cannot read.
    if certificates(&pem).next().is_none() || !certificates(&pem).all(|one| is_certificate(&one)) {
        return Err(unusable("a certificate in it cannot be read, or there is none".to_owned()));
    }
    Ok(pem)
}

/// The certificates of a PEM text, each with its frame.
fn certificates(pem: &str) -> impl Iterator<Item = String> {
    const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
    const END: &str = "-----END CERTIFICATE-----";
    pem.split(BEGIN).skip(1).filter_map(|rest| rest.split_once(END)).map(|(body, _)| format!("{BEGIN}{body}{END}\n"))
}

fn is_certificate(pem: &str) -> bool {
    use rustls_pki_types::CertificateDer;
    use rustls_pki_types::pem::PemObject;
    let read = CertificateDer::from_pem_slice(pem.as_bytes());
    read.is_ok_and(|certificate| webpki::anchor_from_trusted_cert(&certificate).is_ok())
}

/// What all clients share. In Lambda region and credentials stand in the environment; elsewhere they are looked for.
///
/// # Errors
/// [`InvalidRoots`].
pub(crate) async fn load(roots: &Roots) -> Result<SdkConfig, InvalidRoots> {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(2))
        .operation_attempt_timeout(Duration::from_secs(5))
        .operation_timeout(Duration::from_secs(15))
        .build();
    let mut loader = aws_config::defaults(BehaviorVersion::latest()).timeout_config(timeouts);
    if let Some(client) = roots.client()? {
        loader = loader.http_client(client);
    }
    if let Ok(region) = std::env::var("AWS_REGION") {
        loader = loader.region(Region::new(region));
    }
    if std::env::var_os("AWS_ACCESS_KEY_ID").is_some() {
        loader = loader.credentials_provider(EnvironmentVariableCredentialsProvider::new());
    }
    Ok(loader.load().await)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amazons_roots_serve_its_public_endpoints_alone() {
        let of = |set: &[(&str, &str)]| {
            let find = |name: &str| set.iter().find(|(other, _)| *other == name).map(|(_, value)| (*value).to_owned());
            Roots::of(find)
        };
        for (set, expected) in [
            (&[("AWS_REGION", "eu-central-1")][..], Roots::Amazon),
            (&[("AWS_REGION", "us-gov-west-1")], Roots::Amazon),
            (&[("AWS_REGION", "cn-north-1")], Roots::Platform),
            (&[("AWS_REGION", "eusc-de-east-1")], Roots::Platform),
            (&[("AWS_ENDPOINT_URL_DYNAMODB", "https://localhost")], Roots::Platform),
            (&[("AWS_CA_BUNDLE", "/etc/own.pem")], Roots::Platform),
            (&[("https_proxy", "http://proxy")], Roots::Platform),
            (&[("HTTPS_PROXY", " ")], Roots::Amazon),
            (&[("REPOPLANE_AWS_ROOTS", "platform")], Roots::Platform),
            (&[("REPOPLANE_AWS_ROOTS", "amazon"), ("AWS_CA_BUNDLE", "x")], Roots::Amazon),
            (&[("REPOPLANE_AWS_ROOTS", "/opt/roots.pem")], Roots::File("/opt/roots.pem".to_owned())),
        ] {
            assert_eq!(of(set), expected, "{set:?}");
        }
    }

    #[test]
    fn every_root_can_be_read_and_a_bad_file_is_named() {
        let roots: Vec<String> = certificates(AMAZON_ROOTS).collect();
        assert_eq!(roots.len(), 5);
        assert!(roots.iter().all(|root| is_certificate(root)));
        assert!(Roots::Amazon.client().unwrap().is_some());
        let missing = Roots::File("/nowhere/roots.pem".to_owned()).client().unwrap_err();
        assert!(missing.to_string().contains("/nowhere/roots.pem"), "{missing}");
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
        assert!(Roots::File(path.to_owned()).client().is_err(), "a file without certificates");
    }
}
