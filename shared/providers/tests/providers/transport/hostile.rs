//! Servers that mean no good: whatever they do, an answer comes in time, and it names what was wrong.

use super::ssh::{key_access, trusting};
use crate::git_server::Repositories;
use crate::server::limited;
use crate::ssh_server::{HANG_UP, SshServer, SshServerKind, ssh_key, user_key};
use repoplane_domain::credential::GitAccess;
use repoplane_domain::secret::Secret;
use repoplane_domain::trusted_host::TrustedHosts;
use repoplane_providers::{Egress, Fault, Providers, VerifyError, verify_remote};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A server that does the same with every connection.
async fn serve<F>(answer: impl Fn(TcpStream) -> F + Send + 'static) -> SocketAddr
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream));
        }
    });
    address
}

/// Writes the beginning once and then the rest for ever.
async fn endless(beginning: &'static [u8], rest: &'static [u8]) -> SocketAddr {
    serve(move |mut stream| async move {
        let _ = stream.write_all(beginning).await;
        let piece = rest.repeat(1 + 65_536 / rest.len());
        while stream.write_all(&piece).await.is_ok() {}
    })
    .await
}

/// Writes this, then listens until the other side leaves.
async fn once(words: &'static [u8]) -> SocketAddr {
    serve(move |mut stream| async move {
        let _ = stream.write_all(words).await;
        while stream.read(&mut [0; 4096]).await.is_ok_and(|read| read > 0) {}
    })
    .await
}

/// A client whose patience ends soon.
fn impatient(address: SocketAddr) -> Egress {
    limited(address, |limits| (limits.total, limits.body) = (Duration::from_millis(700), 100_000))
}

async fn verify(address: SocketAddr, scheme: &str) -> VerifyError {
    let url = format!("{scheme}://{address}/widgets.git");
    let asked = verify_remote(&impatient(address), &url, &GitAccess::Anonymous, &TrustedHosts::default()).await;
    asked.unwrap_err()
}

#[tokio::test]
async fn a_server_that_is_none_of_ssh_is_left_in_time() {
    const TOO_MUCH: &str = "sent more than 100000 bytes";
    const NO_SSH: &str = "the remote does not speak ssh";
    const BROKEN: &str = "the remote broke the ssh session off";
    for (name, address, expected) in [
        ("silence", once(b"").await, "did not answer in time"),
        ("half a greeting", once(b"SSH-2.0-x").await, "did not answer in time"),
        ("a greeting alone", once(b"SSH-2.0-x\r\n").await, "did not answer in time"),
        ("another protocol", once(b"HTTP/1.1 400 Bad Request\r\n\r\n").await, "did not answer in time"),
        ("old ssh", endless(b"SSH-1.5-x\r\n", b"SSH-1.5-x\r\n").await, NO_SSH),
        ("an endless banner", endless(b"", b"Welcome!\r\n").await, NO_SSH),
        ("an endless line", endless(b"", b"x").await, NO_SSH),
        ("a huge packet", endless(b"SSH-2.0-x\r\n", &[0xff; 64]).await, BROKEN),
        // A packet of no meaning before the keys are exchanged; what follows has sizes that may be.
        (
            "endless packets",
            endless(b"SSH-2.0-x\r\n", &[0, 0, 0, 12, 10, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]).await,
            TOO_MUCH,
        ),
    ] {
        let error = verify(address, "ssh").await;
        assert!(error.to_string().contains(expected), "{name}: {error:?}");
        assert!(matches!(error, VerifyError::Other { .. } | VerifyError::Unreachable { ssh: true, .. }), "{name}");
    }
    let closed = serve(|stream| async move { drop(stream) }).await;
    let error = verify(closed, "ssh").await;
    assert!(matches!(error, VerifyError::Other { .. }), "{error:?}");
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let error = verify(gone, "ssh").await;
    assert!(matches!(error, VerifyError::Unreachable { ssh: true, .. }), "{error:?}");
}

#[tokio::test]
async fn a_daemon_that_is_none_is_left_in_time() {
    for (name, address, expected, missing) in [
        ("silence", once(b"").await, "did not answer in time", false),
        ("another protocol", once(b"HTTP/1.1 400 Bad Request\r\n\r\n").await, "not in Git's frames", true),
        ("endless lines", endless(b"", b"0009hello").await, "sent more than 100000 bytes", false),
        ("a refusal", once(b"0025ERR access denied or not exported").await, "access denied", true),
        ("a greeting for people", once(b"0009hello0000").await, "not in Git's form", true),
    ] {
        let error = verify(address, "git").await;
        assert!(error.to_string().contains(expected), "{name}: {error:?}");
        assert_eq!(matches!(error, VerifyError::Missing { .. }), missing, "{name}: {error:?}");
    }
    let closed = serve(|stream| async move { drop(stream) }).await;
    let error = verify(closed, "git").await;
    assert!(matches!(error, VerifyError::Missing { .. } | VerifyError::Other { .. }), "{error:?}");
}

#[tokio::test]
async fn who_hangs_up_at_the_door_has_refused_nobody() {
    let Some(repositories) = Repositories::new() else { return };
    let server = SshServer::start(repositories.root(), SshServerKind::default()).await;
    let access = GitAccess::personal(Secret::new(HANG_UP));
    let trusted = trusting(&server, &[ssh_key(1)]);
    let error = verify_remote(&impatient(server.address), &server.url("/x.git"), &access, &trusted).await.unwrap_err();
    let said = "the remote broke the ssh session off".to_owned();
    assert_eq!(error, VerifyError::Other { reason: said });
}

#[tokio::test]
async fn an_answer_that_is_too_long_is_left() {
    let Some(repositories) = Repositories::new() else { return };
    repositories.filled("widgets.git");
    let server = SshServer::start(repositories.root(), SshServerKind::default()).await;
    let url = server.url(&format!("{}/widgets.git", repositories.root().display()));
    let trusted = trusting(&server, &[ssh_key(1)]);
    let small = limited(server.address, |limits| limits.body = 1_000);
    let error = Providers::new(small).trusting(&trusted).ls_remote(&url, &key_access(&user_key())).await.unwrap_err();
    assert_eq!(error.fault(), Fault::Unavailable, "{error}");
    assert!(error.to_string().contains("sent more than 1000 bytes"), "{error}");
}
