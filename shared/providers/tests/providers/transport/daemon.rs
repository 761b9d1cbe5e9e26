//! Git's own daemon, `git daemon`.

use crate::git_server::Repositories;
use crate::server::egress;
use repoplane_domain::access::NetworkSettings;
use repoplane_domain::credential::{GitAccess, GitTokenKind};
use repoplane_domain::repository::Provider;
use repoplane_domain::secret::Secret;
use repoplane_domain::trusted_host::TrustedHosts;
use repoplane_providers::{Egress, Providers, Target, VerifyError, Visibility, verify_remote};
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;

/// Serves all repositories below a folder: every connection gets a daemon of its own, as a super-server starts it.
pub(super) async fn daemon(root: &Path) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, root) = (listener.local_addr().unwrap(), root.to_owned());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(root.clone(), stream));
        }
    });
    address
}

async fn serve(root: std::path::PathBuf, stream: TcpStream) {
    let mut daemon = Command::new("git");
    daemon.args(["daemon", "--inetd", "--export-all", "--informative-errors"]);
    daemon.arg(format!("--base-path={}", root.display()));
    daemon.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1").kill_on_drop(true);
    let mut child = daemon.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let (mut stdin, mut stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let (mut read, mut write) = stream.into_split();
    let feeding = tokio::spawn(async move { tokio::io::copy(&mut read, &mut stdin).await });
    let _ = tokio::io::copy(&mut stdout, &mut write).await;
    drop(write);
    feeding.abort();
    let _ = child.wait().await;
}

#[tokio::test]
async fn a_daemon_is_read_by_whoever_may_use_plain_transports() {
    let Some(repositories) = Repositories::new() else { return };
    repositories.empty("widgets.git");
    let manifest = b"---\nname: review\ndescription: Reviews\n---\n";
    let commit = repositories.commit("widgets.git", &[("100644", "skills/review/SKILL.md", &manifest[..])]);
    let address = daemon(repositories.root()).await;
    let url = format!("git://{address}/widgets.git");
    let none = TrustedHosts::default();

    let stranger = Egress::default();
    let refused = verify_remote(&stranger, &url, &GitAccess::Anonymous, &none).await.unwrap_err();
    assert!(matches!(&refused, VerifyError::Unusable { reason } if reason.contains("git:// is not encrypted")));
    let network = NetworkSettings { egress_allow: vec![address.to_string()], ca_certificates: vec![] };
    let verified = verify_remote(&stranger.for_tenant(&network), &url, &GitAccess::Anonymous, &none).await.unwrap();
    assert_eq!(verified.refs.heads.items[0].sha, commit);
    let missing = format!("git://{address}/missing.git");
    let missing = verify_remote(&egress(address), &missing, &GitAccess::Anonymous, &none).await.unwrap_err();
    assert!(
        matches!(&missing, VerifyError::Missing { reason } if reason.contains("no such repository")),
        "{missing:?}"
    );

    let providers = Providers::new(egress(address));
    let target = Target { provider: Provider::Git, api_base_url: None, identity: "", remote_url: Some(&url) };
    let head = providers.branch_head(&target, &GitAccess::Anonymous, None).await.unwrap().value;
    assert_eq!(head.commit, commit);
    let tree = providers.walk(&target, &GitAccess::Anonymous, &head).await.unwrap().value;
    assert_eq!(tree.folders.len(), 1, "{tree:?}");
    let meta = providers.meta(&target, &GitAccess::Anonymous).await.unwrap().value;
    assert_eq!(meta.visibility, Visibility::Public);
}

/// Whoever listens in learns no secret: there is no place for one in what is sent.
#[tokio::test]
async fn nothing_secret_travels_in_the_clear() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let heard = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut heard = vec![0; 4096];
        let length = stream.read(&mut heard).await.unwrap();
        String::from_utf8_lossy(&heard[..length]).into_owned()
    });
    let (username, token) = (Some("user-canary".to_owned()), Secret::new("token-canary"));
    let access = GitAccess::Token { kind: GitTokenKind::Personal, username, token };
    let url = format!("git://{address}/widgets.git");
    assert!(verify_remote(&egress(address), &url, &access, &TrustedHosts::default()).await.is_err());
    let heard = heard.await.unwrap();
    let request = format!("git-upload-pack /widgets.git\0host={address}\0\0version=2\0");
    assert_eq!(heard, format!("{:04x}{request}", request.len() + 4));
}
