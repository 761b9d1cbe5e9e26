//! A server of repositories whose certificate no authority vouches for.

use crate::git_server::{GIT_TOKEN, GIT_USER, GitServer, GitServerKind, Repositories};
use crate::tls_front::{TlsFront, self_signed};
use repoplane_domain::access::NetworkSettings;
use repoplane_domain::credential::{GitAccess, GitTokenKind};
use repoplane_domain::secret::Secret;
use repoplane_domain::trusted_host::{HostIdentity, HostPort, TrustedHosts};
use repoplane_providers::{Egress, UnverifiedCertificate, VerifyError, verify_remote};
use tokio::net::TcpListener;

fn place_of(front: &TlsFront) -> HostPort {
    HostPort::new("127.0.0.1", front.address.port()).unwrap()
}

fn trusting(front: &TlsFront, sha256: &str) -> TrustedHosts {
    TrustedHosts::new([(place_of(front), HostIdentity::Certificate { sha256: sha256.to_owned() })])
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
    let (ours, sha256) = self_signed(&["127.0.0.1"], "Acme\u{7} Ltd", (2020, 4000));
    let front = TlsFront::of(server.address, ours.clone()).await;
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
    assert_eq!((place, &**certificate), (&place_of(&front), &expected));
    assert_eq!(server.calls(), Vec::<String>::new(), "nothing was sent");

    let trusted = trusting(&front, &sha256);
    assert_eq!(verify(&trusted).await.unwrap().refs.heads.items[0].sha, commit);
    // Neither another certificate nor the same one at another place; and no connection is shared with those who trust it.
    let elsewhere = HostPort::new("127.0.0.1", 443).unwrap();
    let identity = HostIdentity::Certificate { sha256: sha256.clone() };
    for others in
        [TrustedHosts::default(), trusting(&front, &"ab".repeat(32)), TrustedHosts::new([(elsewhere, identity)])]
    {
        assert!(matches!(verify(&others).await, Err(VerifyError::Certificate { .. })), "{others:?}");
    }
    let other = TlsFront::of(server.address, ours).await;
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
    let (first, _) = self_signed(&["127.0.0.1"], "x", (2020, 4000));
    let front = TlsFront::of(server.address, first).await;
    let network = NetworkSettings { egress_allow: vec![front.address.to_string()], ca_certificates: vec![] };
    for (names, years, failures) in [
        (&["127.0.0.1"], (2020, 4000), &[unknown][..]),
        (&["127.0.0.1"], (2020, 2021), &[unknown, "has expired"]),
        (&["127.0.0.1"], (3000, 4000), &[unknown, "is not valid yet"]),
        (&["git.example.com"], (2020, 4000), &[unknown, "is not for this name"]),
        (&["git.example.com"], (2020, 2021), &[unknown, "has expired", "is not for this name"]),
    ] {
        let (shown, sha256) = self_signed(names, "x", years);
        front.show(shown);
        // A client of its own: connections that stand are not checked again.
        let egress = Egress::default().for_tenant(&network);
        let verify = async |trusted: &TrustedHosts| {
            verify_remote(&egress, &front.url("widgets.git"), &GitAccess::Anonymous, trusted).await
        };
        let error = verify(&TrustedHosts::default()).await.unwrap_err();
        let VerifyError::Certificate { certificate, .. } = &error else { panic!("{error:?}") };
        assert_eq!(certificate.failures, failures, "{names:?} {years:?}");
        assert!(verify(&trusting(&front, &sha256)).await.is_ok(), "{names:?} {years:?}");
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
