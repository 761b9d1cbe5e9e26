//! A server of repositories whose certificate no authority vouches for.

use crate::git_server::{GIT_TOKEN, GIT_USER, GitServer, GitServerKind, Repositories};
use rcgen::{CertificateParams, DnType, KeyPair, date_time_ymd};
use repoplane_domain::access::NetworkSettings;
use repoplane_domain::credential::{GitAccess, GitTokenKind};
use repoplane_domain::secret::Secret;
use repoplane_domain::trusted_host::{HostIdentity, HostPort, TrustedHosts};
use repoplane_providers::{Egress, UnverifiedCertificate, VerifyError, verify_remote};
use sha2::{Digest, Sha256};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// A certificate of its own making: for these names, of this issuer, valid from and to the first days of these years.
fn config(names: &[&str], issuer: &str, years: (i32, i32)) -> (Arc<ServerConfig>, String) {
    let mut params = CertificateParams::new(names.iter().map(ToString::to_string).collect::<Vec<_>>()).unwrap();
    params.distinguished_name.push(DnType::CommonName, issuer);
    (params.not_before, params.not_after) = (date_time_ymd(years.0, 1, 1), date_time_ymd(years.1, 1, 1));
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    let sha256 = hex::encode(Sha256::digest(certificate.der()));
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder().with_no_client_auth();
    (Arc::new(config.with_single_cert(vec![certificate.der().clone()], key).unwrap()), sha256)
}

/// Stands before a server that speaks plain http; its certificate can be changed.
struct Front {
    address: SocketAddr,
    shown: Arc<Mutex<Arc<ServerConfig>>>,
}

impl Front {
    async fn of(server: SocketAddr, config: Arc<ServerConfig>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let front = Self { address: listener.local_addr().unwrap(), shown: Arc::new(Mutex::new(config)) };
        let shown = front.shown.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let acceptor = TlsAcceptor::from(shown.lock().unwrap().clone());
                tokio::spawn(async move {
                    let Ok(mut inside) = acceptor.accept(stream).await else { return };
                    let mut behind = TcpStream::connect(server).await.unwrap();
                    let _ = tokio::io::copy_bidirectional(&mut inside, &mut behind).await;
                });
            }
        });
        front
    }

    fn show(&self, config: Arc<ServerConfig>) {
        *self.shown.lock().unwrap() = config;
    }

    fn place(&self) -> HostPort {
        HostPort::new("127.0.0.1", self.address.port()).unwrap()
    }

    fn trusting(&self, sha256: &str) -> TrustedHosts {
        TrustedHosts::new([(self.place(), HostIdentity::Certificate { sha256: sha256.to_owned() })])
    }

    fn url(&self, name: &str) -> String {
        format!("https://{}/{name}", self.address)
    }
}

fn token() -> GitAccess {
    let (username, token) = (Some(GIT_USER.to_owned()), Secret::new(GIT_TOKEN));
    GitAccess::Token { kind: GitTokenKind::Personal, username, token }
}

#[tokio::test]
async fn a_certificate_is_trusted_by_itself_at_its_own_place_alone() {
    let Some(repositories) = Repositories::new() else { return };
    let commit = repositories.filled("private.git");
    let server = GitServer::start(repositories.root(), GitServerKind { second_version: true, partial: true }).await;
    let (ours, sha256) = config(&["127.0.0.1"], "Acme\u{7} Ltd", (2020, 4000));
    let front = Front::of(server.address, ours.clone()).await;
    let network = NetworkSettings { egress_allow: vec![front.address.to_string()], ca_certificates: vec![] };
    let egress = Egress::default().for_tenant(&network);
    let url = front.url("private.git");
    let verify = async |trusted: &TrustedHosts| verify_remote(&egress, &url, &token(), trusted).await;

    let shown = verify(&TrustedHosts::default()).await.unwrap_err();
    let VerifyError::Certificate { place, certificate } = &shown else { panic!("{shown:?}") };
    let expected = UnverifiedCertificate {
        hostname: "127.0.0.1".to_owned(),
        failures: vec!["is of an issuer that is not known".to_owned()],
        sha256: sha256.clone(),
        issuer: "CN=Acme Ltd".to_owned(),
        valid_from: Some("2020-01-01T00:00:00Z".parse().unwrap()),
        valid_until: Some("4000-01-01T00:00:00Z".parse().unwrap()),
    };
    assert_eq!((place, &**certificate), (&front.place(), &expected));
    assert_eq!(server.calls(), Vec::<String>::new(), "nothing was sent");

    let trusted = front.trusting(&sha256);
    assert_eq!(verify(&trusted).await.unwrap().refs.heads.items[0].sha, commit);
    // Neither another certificate nor the same one at another place; and no connection is shared with those who trust it.
    let elsewhere = HostPort::new("127.0.0.1", 443).unwrap();
    let identity = HostIdentity::Certificate { sha256: sha256.clone() };
    for others in
        [TrustedHosts::default(), front.trusting(&"ab".repeat(32)), TrustedHosts::new([(elsewhere, identity)])]
    {
        assert!(matches!(verify(&others).await, Err(VerifyError::Certificate { .. })), "{others:?}");
    }
    let other = Front::of(server.address, ours).await;
    let both = vec![front.address.to_string(), other.address.to_string()];
    let egress = Egress::default().for_tenant(&NetworkSettings { egress_allow: both, ca_certificates: vec![] });
    let at_other = verify_remote(&egress, &other.url("private.git"), &token(), &trusted).await;
    assert!(matches!(at_other, Err(VerifyError::Certificate { .. })), "{at_other:?}");
}

#[tokio::test]
async fn everything_that_is_wrong_with_a_certificate_is_told_and_can_be_trusted_all_the_same() {
    let Some(repositories) = Repositories::new() else { return };
    repositories.filled("widgets.git");
    let server = GitServer::start(repositories.root(), GitServerKind { second_version: true, partial: true }).await;
    let unknown = "is of an issuer that is not known";
    let (first, _) = config(&["127.0.0.1"], "x", (2020, 4000));
    let front = Front::of(server.address, first).await;
    let network = NetworkSettings { egress_allow: vec![front.address.to_string()], ca_certificates: vec![] };
    for (names, years, failures) in [
        (&["127.0.0.1"], (2020, 4000), &[unknown][..]),
        (&["127.0.0.1"], (2020, 2021), &[unknown, "has expired"]),
        (&["127.0.0.1"], (3000, 4000), &[unknown, "is not valid yet"]),
        (&["git.example.com"], (2020, 4000), &[unknown, "is not for this name"]),
        (&["git.example.com"], (2020, 2021), &[unknown, "has expired", "is not for this name"]),
    ] {
        let (shown, sha256) = config(names, "x", years);
        front.show(shown);
        // A client of its own: connections that stand are not checked again.
        let egress = Egress::default().for_tenant(&network);
        let verify = async |trusted: &TrustedHosts| {
            verify_remote(&egress, &front.url("widgets.git"), &GitAccess::Anonymous, trusted).await
        };
        let error = verify(&TrustedHosts::default()).await.unwrap_err();
        let VerifyError::Certificate { certificate, .. } = &error else { panic!("{error:?}") };
        assert_eq!(certificate.failures, failures, "{names:?} {years:?}");
        assert!(verify(&front.trusting(&sha256)).await.is_ok(), "{names:?} {years:?}");
    }
}

/// Rows of https that need no certificate.
#[tokio::test]
async fn what_answers_and_is_no_repository_is_told_from_what_lets_nobody_in() {
    let Some(repositories) = Repositories::new() else { return };
    repositories.filled("private.git");
    let server = GitServer::start(repositories.root(), GitServerKind { second_version: true, partial: true }).await;
    let egress = crate::server::egress(server.address);
    let verify = async |url: &str, access: &GitAccess| {
        verify_remote(&egress, url, access, &TrustedHosts::default()).await.unwrap_err()
    };
    let missing = verify(&server.url("missing.git"), &GitAccess::Anonymous).await;
    assert!(matches!(missing, VerifyError::Missing { .. }), "{missing:?}");
    let wrong = GitAccess::personal(Secret::new("hunter2-canary"));
    for access in [&GitAccess::Anonymous, &wrong] {
        let refused = verify(&server.url("private.git"), access).await;
        assert!(matches!(refused, VerifyError::CredentialsRefused { .. }), "{refused:?}");
        assert!(!format!("{refused:?} {refused}").contains("canary"), "{refused:?}");
    }
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let network = NetworkSettings { egress_allow: vec![gone.to_string()], ca_certificates: vec![] };
    let nobody = Egress::default().for_tenant(&network);
    for scheme in ["http", "https", "git", "ssh"] {
        let url = format!("{scheme}://{gone}/x");
        let error = verify_remote(&nobody, &url, &GitAccess::Anonymous, &TrustedHosts::default()).await.unwrap_err();
        assert!(matches!(error, VerifyError::Unreachable { ssh, .. } if ssh == (scheme == "ssh")), "{error:?}");
    }
}
