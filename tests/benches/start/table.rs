//! A table to connect to: the embedded engine on loopback, bare and behind TLS with an authority of its own.

use axum::serve::Listener;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use repoplane_local::engines::Engines;
use repoplane_local::line::Line;
use repoplane_local::server::{engines_router, store_on};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::server::TlsStream;

/// Where Debian keeps the platform's authorities.
const PLATFORM: &str = "/etc/ssl/certs";

/// Whom the function trusts when it calls the table.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Roots {
    /// There is no TLS.
    None,
    /// The table's authority alone, from a file.
    File,
    /// The platform's and the table's, from one file.
    PlatformFile,
    /// The same, and the platform's folder besides, as it is when nothing is set.
    Platform,
}

/// The table.
pub(crate) struct Table {
    bare: SocketAddr,
    tls: SocketAddr,
    /// Holds the files with the authorities.
    folder: tempfile::TempDir,
}

impl Table {
    /// Starts it with what every function finds in its table.
    pub(crate) async fn start() -> Result<Self, crate::Failure> {
        let engines = Engines::memory()?;
        store_on(&Line::to(engines.clone())).await?;
        let (bare, tls) = (TcpListener::bind("127.0.0.1:0").await?, TcpListener::bind("127.0.0.1:0").await?);
        let addresses = (bare.local_addr()?, tls.local_addr()?);

        let mut authority = CertificateParams::new(vec![])?;
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate()?)?;
        let key = KeyPair::generate()?;
        let certificate = CertificateParams::new(vec!["localhost".to_owned()])?.signed_by(&key, &authority)?;
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = ServerConfig::builder().with_no_client_auth();
        let config = config.with_single_cert(vec![certificate.der().clone()], key)?;
        let tls = TlsListener { listener: tls, acceptor: TlsAcceptor::from(Arc::new(config)) };

        let folder = tempfile::tempdir()?;
        std::fs::write(folder.path().join("own.pem"), authority.pem())?;
        let platform = std::fs::read_to_string(format!("{PLATFORM}/ca-certificates.crt"))?;
        std::fs::write(folder.path().join("all.pem"), platform + &authority.pem())?;
        std::fs::create_dir(folder.path().join("empty"))?;

        let router = engines_router(engines);
        tokio::spawn(axum::serve(bare, router.clone()).into_future());
        tokio::spawn(axum::serve(tls, router).into_future());
        Ok(Self { bare: addresses.0, tls: addresses.1, folder })
    }

    /// What a function is told of it.
    pub(crate) fn environment(&self, roots: Roots) -> Vec<(&'static str, String)> {
        let file = |name: &str| self.folder.path().join(name).to_string_lossy().into_owned();
        let endpoint = match roots {
            Roots::None => format!("http://{}", self.bare),
            Roots::File | Roots::PlatformFile | Roots::Platform => format!("https://localhost:{}", self.tls.port()),
        };
        let mut environment = vec![("AWS_ENDPOINT_URL_DYNAMODB", endpoint)];
        match roots {
            Roots::None | Roots::File => environment.push(("REPOPLANE_AWS_ROOTS", file("own.pem"))),
            Roots::PlatformFile => environment.extend([
                ("REPOPLANE_AWS_ROOTS", "platform".to_owned()),
                ("SSL_CERT_FILE", file("all.pem")),
                ("SSL_CERT_DIR", file("empty")),
            ]),
            Roots::Platform => environment.extend([
                ("REPOPLANE_AWS_ROOTS", "platform".to_owned()),
                ("SSL_CERT_FILE", file("all.pem")),
                ("SSL_CERT_DIR", PLATFORM.to_owned()),
            ]),
        }
        environment
    }
}

struct TlsListener {
    listener: TcpListener,
    acceptor: TlsAcceptor,
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            // Who does not finish the handshake is not served.
            let Ok((stream, address)) = self.listener.accept().await else { continue };
            // Else the last small segment of the handshake waits for an acknowledgement that the other side delays by 40 ms.
            if stream.set_nodelay(true).is_err() {
                continue;
            }
            if let Ok(stream) = self.acceptor.accept(stream).await {
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}
