//! A server with a certificate of a private authority: only the tenant that named the authority talks to it.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use repoplane_domain::access::NetworkSettings;
use repoplane_providers::{Authority, Egress, EgressError, EgressRequest, EgressSettings, InvalidAuthority};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(vec![]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// Answers every request on a connection with the connection's number.
async fn serve(issuer: &CertifiedIssuer<'static, KeyPair>) -> SocketAddr {
    let key = KeyPair::generate().unwrap();
    let names = vec!["127.0.0.1".to_owned()];
    let certificate = CertificateParams::new(names).unwrap().signed_by(&key, issuer).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder().with_no_client_auth();
    let config = config.with_single_cert(vec![certificate.der().clone()], key).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let mut accepted = 0;
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            accepted += 1;
            tokio::spawn(async move {
                while stream.read(&mut [0; 4096]).await.is_ok_and(|read| read > 0) {
                    let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n{accepted}");
                    let _ = stream.write_all(answer.as_bytes()).await;
                    let _ = stream.flush().await;
                }
            });
        }
    });
    address
}

#[tokio::test]
async fn a_private_authority_is_trusted_by_its_tenant_alone() {
    let (issuer, stranger) = (authority(), authority());
    let address = serve(&issuer).await;
    let egress = Egress::new(EgressSettings::default());
    let get = |authorities: Vec<String>| {
        let network = NetworkSettings { egress_allow: vec![address.to_string()], ca_certificates: authorities };
        let request = EgressRequest::get(format!("https://{address}/").parse().unwrap());
        let client = egress.for_tenant(&network);
        async move { client.send(request).await }
    };
    let (trusted, other) = (issuer.pem(), stranger.pem());
    assert_eq!(get(vec![trusted.clone()]).await.unwrap().body, b"1");
    // The same settings share the connection, even when they are read anew.
    assert_eq!(get(vec![trusted.clone()]).await.unwrap().body, b"1");
    for authorities in [vec![], vec![other.clone()], vec!["no PEM".to_owned()]] {
        assert!(matches!(get(authorities).await, Err(EgressError::Certificate { .. })));
    }
    // Different settings share none, though they trust the same authority.
    assert_eq!(get(vec![other, trusted]).await.unwrap().body, b"2");
    let everyone = egress.send(EgressRequest::get(format!("https://{address}/").parse().unwrap())).await;
    assert!(matches!(everyone, Err(EgressError::Refused(_))));
}

#[test]
fn an_authority_is_one_certificate_in_pem() {
    let pem = authority().pem();
    let read = Authority::read(&format!("Some words before.\n{pem}")).unwrap();
    assert_eq!((read.sha256().len(), Authority::read(&pem)), (64, Ok(read)));
    let no_x509 = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let key = KeyPair::generate().unwrap().serialize_pem();
    for (text, expected) in [
        (String::new(), InvalidAuthority::NotPem),
        ("-----BEGIN CERTIFICATE-----\n".to_owned(), InvalidAuthority::NotPem),
        ("-----BEGIN CERTIFICATE-----\n?\n-----END CERTIFICATE-----\n".to_owned(), InvalidAuthority::NotPem),
        (key, InvalidAuthority::NotPem),
        (no_x509.to_owned(), InvalidAuthority::NotX509),
        (format!("{pem}{pem}"), InvalidAuthority::Several),
    ] {
        assert_eq!(Authority::read(&text), Err(expected), "{text}");
    }
}
