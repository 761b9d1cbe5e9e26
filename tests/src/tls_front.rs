//! TLS with a certificate that no authority vouches for, before a server that speaks plain http.
//!
//! The tests of `shared/providers` take this file in as it is, so it needs nothing of this crate.

use rcgen::{CertificateParams, DnType, KeyPair, date_time_ymd};
use sha2::{Digest, Sha256};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// A certificate that signs itself, and its SHA-256: for these names, of this issuer, valid from and to the first days of
/// these years.
///
/// # Panics
/// When no key can be made.
pub fn self_signed(names: &[&str], issuer: &str, years: (i32, i32)) -> (Arc<ServerConfig>, String) {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let mut params = CertificateParams::new(names).expect("names");
    params.distinguished_name.push(DnType::CommonName, issuer);
    (params.not_before, params.not_after) = (date_time_ymd(years.0, 1, 1), date_time_ymd(years.1, 1, 1));
    let key = KeyPair::generate().expect("a key");
    let certificate = params.self_signed(&key).expect("a certificate");
    let sha256 = hex::encode(Sha256::digest(certificate.der()));
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder().with_no_client_auth();
    let config = config.with_single_cert(vec![certificate.der().clone()], key).expect("a pair");
    (Arc::new(config), sha256)
}

/// Stands before a server that speaks plain http; its certificate can be changed.
#[derive(Debug)]
pub struct TlsFront {
    /// Where it listens.
    pub address: SocketAddr,
    shown: Arc<Mutex<Arc<ServerConfig>>>,
}

impl TlsFront {
    /// A front that shows this certificate.
    ///
    /// # Panics
    /// When there is no port left.
    pub async fn of(server: SocketAddr, config: Arc<ServerConfig>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("its address");
        let front = Self { address, shown: Arc::new(Mutex::new(config)) };
        let shown = front.shown.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let acceptor = TlsAcceptor::from(shown.lock().unwrap_or_else(PoisonError::into_inner).clone());
                tokio::spawn(async move {
                    let Ok(mut inside) = acceptor.accept(stream).await else { return };
                    let Ok(mut behind) = TcpStream::connect(server).await else { return };
                    let _ = tokio::io::copy_bidirectional(&mut inside, &mut behind).await;
                });
            }
        });
        front
    }

    /// Shows another certificate from now on.
    pub fn show(&self, config: Arc<ServerConfig>) {
        *self.shown.lock().unwrap_or_else(PoisonError::into_inner) = config;
    }

    /// Where a repository is, by its name there.
    pub fn url(&self, name: &str) -> String {
        format!("https://{}/{name}", self.address)
    }
}
