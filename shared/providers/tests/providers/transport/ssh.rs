//! An ssh server with `git upload-pack` behind it.

use crate::git_server::Repositories;
use crate::server::egress;
use crate::ssh_server::{SSH_PASSWORD, SSH_USER, SshServer, SshServerKind, ssh_key, user_key};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use repoplane_domain::credential::{GitAccess, GitTokenKind, SshKey};
use repoplane_domain::repository::Provider;
use repoplane_domain::secret::Secret;
use repoplane_domain::trusted_host::{HostIdentity, HostKey, HostPort, TrustedHosts};
use repoplane_providers::{Fault, Providers, Target, VerifyError, Visibility, verify_remote};
use russh::MethodKind;
use russh::keys::PrivateKey;
use russh::keys::ssh_key::LineEnding;

pub(super) fn key_access(key: &PrivateKey) -> GitAccess {
    let private_key = Secret::new(key.to_openssh(LineEnding::LF).unwrap().as_str());
    GitAccess::Key(SshKey { username: None, private_key, passphrase: None })
}

fn password(username: &str, password: &str) -> GitAccess {
    let (username, token) = (Some(username.to_owned()), Secret::new(password));
    GitAccess::Token { kind: GitTokenKind::Personal, username, token }
}

fn host_key(key: &PrivateKey) -> HostKey {
    let key = key.public_key();
    HostKey { algorithm: key.algorithm().to_string(), key: STANDARD.encode(key.to_bytes().unwrap()) }
}

pub(super) fn place(server: &SshServer) -> HostPort {
    HostPort::new(&server.address.ip().to_string(), server.address.port()).unwrap()
}

pub(super) fn trusting(server: &SshServer, keys: &[PrivateKey]) -> TrustedHosts {
    TrustedHosts::new(keys.iter().map(|key| (place(server), HostIdentity::SshKey(host_key(key)))))
}

fn remote(url: &str) -> Target<'_> {
    Target { provider: Provider::Git, api_base_url: None, identity: "", remote_url: Some(url) }
}

#[tokio::test]
async fn a_host_is_told_nothing_before_its_key_is_trusted() {
    let Some(repositories) = Repositories::new() else { return };
    let commit = repositories.filled("widgets.git");
    let server = SshServer::start(repositories.root(), SshServerKind::default()).await;
    let (client, access) = (egress(server.address), key_access(&user_key()));
    let url = server.url(&format!("{}/widgets.git", repositories.root().display()));
    let verify = async |trusted: &TrustedHosts| verify_remote(&client, &url, &access, trusted).await;

    let unknown = verify(&TrustedHosts::default()).await.unwrap_err();
    let VerifyError::UnknownHostKey { place: named, offered } = unknown else { panic!("{unknown:?}") };
    assert_eq!((named, &offered), (place(&server), &host_key(&ssh_key(1))));
    assert!(offered.fingerprint().starts_with("SHA256:"), "{}", offered.fingerprint());
    // A key of the same host on another port is none of this one.
    let elsewhere = HostPort::new("127.0.0.1", 22).unwrap();
    let elsewhere = TrustedHosts::new([(elsewhere, HostIdentity::SshKey(offered.clone()))]);
    assert!(matches!(verify(&elsewhere).await, Err(VerifyError::UnknownHostKey { .. })));
    assert_eq!(server.asked(), Vec::<String>::new());

    // Whoever trusts the key stores it, and asks again.
    let trusted = TrustedHosts::new([(place(&server), HostIdentity::SshKey(offered.clone()))]);
    let verified = verify(&trusted).await.unwrap();
    assert_eq!(verified.refs.default_branch.as_deref(), Some("trunk"));
    assert_eq!(verified.refs.heads.items[0].sha, commit);

    let before = server.asked().len();
    server.show(&[ssh_key(2)]);
    let changed = verify(&trusted).await.unwrap_err();
    let expected =
        VerifyError::ChangedHostKey { place: place(&server), expected: offered, offered: host_key(&ssh_key(2)) };
    assert_eq!(changed, expected);
    assert_eq!(server.asked().len(), before);
    let replaced = trusting(&server, &[ssh_key(2)]);
    assert!(verify(&replaced).await.is_ok());
    // Either of two keys will do, while a host goes from one to the other.
    assert!(verify(&trusting(&server, &[ssh_key(1), ssh_key(2)])).await.is_ok());
}

#[tokio::test]
async fn a_host_with_several_keys_shows_the_one_that_is_known() {
    let Some(repositories) = Repositories::new() else { return };
    repositories.filled("widgets.git");
    let server = SshServer::start(repositories.root(), SshServerKind::default()).await;
    let ecdsa = super::ssh_keys::ecdsa();
    server.show(&[ssh_key(1), ecdsa.clone()]);
    let url = server.url(&format!("{}/widgets.git", repositories.root().display()));
    for known in [ssh_key(1), ecdsa] {
        let trusted = trusting(&server, &[known]);
        let verified = verify_remote(&egress(server.address), &url, &key_access(&user_key()), &trusted).await;
        assert!(verified.is_ok(), "{verified:?}");
    }
}

#[tokio::test]
async fn every_way_in_and_every_refusal_has_its_name() {
    let Some(repositories) = Repositories::new() else { return };
    repositories.filled("widgets.git");
    let (key, both) = (vec![MethodKind::PublicKey], vec![MethodKind::PublicKey, MethodKind::Password]);
    let known = key_access(&user_key());
    let stranger = key_access(&ssh_key(99));
    let right = password(SSH_USER, SSH_PASSWORD);
    let wanted = "the host wants an ssh key, and the credential has none";
    let none = "the host wants a password, and there is none";
    let refused = "the user name or password is not accepted";
    for (methods, access, expected) in [
        (&both, &known, Ok(())),
        (&both, &right, Ok(())),
        (&both, &stranger, Err((false, "the ssh key is not accepted"))),
        (&both, &password(SSH_USER, "hunter2-canary"), Err((false, refused))),
        (&both, &GitAccess::Anonymous, Err((true, wanted))),
        (&key, &known, Ok(())),
        (&key, &stranger, Err((false, "the ssh key is not accepted"))),
        (&key, &right, Err((true, wanted))),
        (&key, &GitAccess::Anonymous, Err((true, wanted))),
        (&vec![MethodKind::Password], &GitAccess::Anonymous, Err((false, none))),
        (&vec![MethodKind::Password], &right, Ok(())),
    ] {
        let kind = SshServerKind { methods: methods.clone(), ..SshServerKind::default() };
        let server = SshServer::start(repositories.root(), kind).await;
        let url = server.url(&format!("{}/widgets.git", repositories.root().display()));
        let trusted = trusting(&server, &[ssh_key(1)]);
        let verified = verify_remote(&egress(server.address), &url, access, &trusted).await.map(drop);
        let expected = expected.map_err(|(wanted, reason)| {
            let reason = reason.to_owned();
            if wanted { VerifyError::PublicKeyWanted { reason } } else { VerifyError::CredentialsRefused { reason } }
        });
        assert_eq!(verified, expected, "{methods:?} {access:?}");
    }
}

#[tokio::test]
async fn what_is_no_repository_says_why_and_a_path_is_one_word() {
    let Some(repositories) = Repositories::new() else { return };
    repositories.filled("it's! $(touch canary) `id`;.git");
    let server = SshServer::start(repositories.root(), SshServerKind::default()).await;
    let trusted = trusting(&server, &[ssh_key(1)]);
    let verify =
        async |url: &str| verify_remote(&egress(server.address), url, &key_access(&user_key()), &trusted).await;
    let missing = verify(&server.url("/no/such.git")).await.unwrap_err();
    let VerifyError::Missing { reason } = missing else { panic!("{missing:?}") };
    assert!(reason.contains("does not appear to be a git repository"), "{reason}");
    let odd = format!("{}/it's!%20$(touch%20canary)%20`id`;.git", repositories.root().display());
    let verified = verify(&server.url(&odd)).await;
    assert!(verified.is_ok(), "{verified:?} {:?}", server.asked());
    assert!(!repositories.root().join("canary").exists());
    let refused = verify("ssh://git@10.0.0.1/x").await.unwrap_err();
    assert!(matches!(&refused, VerifyError::Unusable { reason } if reason.contains("private address")), "{refused:?}");
}

#[tokio::test]
async fn a_branch_is_read_and_walked_in_both_versions_of_the_protocol() {
    let Some(repositories) = Repositories::new() else { return };
    repositories.empty("widgets.git");
    let manifest = b"---\nname: review\ndescription: Reviews\n---\n";
    let files = [("100644", "skills/review/SKILL.md", &manifest[..]), ("100644", "README.md", b"hello")];
    let commit = repositories.commit("widgets.git", &files);
    repositories.empty("empty.git");
    for (second_version, partial) in [(true, true), (true, false), (false, true), (false, false)] {
        let kind = SshServerKind { second_version, partial, ..SshServerKind::default() };
        let server = SshServer::start(repositories.root(), kind).await;
        let providers = Providers::new(egress(server.address)).trusting(&trusting(&server, &[ssh_key(1)]));
        let access = key_access(&user_key());
        let url = server.url(&format!("{}/widgets.git", repositories.root().display()));
        let head = providers.branch_head(&remote(&url), &access, None).await.unwrap().value;
        assert_eq!((head.branch.as_deref(), &head.commit), (Some("trunk"), &commit));
        let tree = providers.walk(&remote(&url), &access, &head).await.unwrap().value;
        assert_eq!(tree.folders.len(), 1, "{tree:?}");
        let meta = providers.meta(&remote(&url), &access).await.unwrap().value;
        assert_eq!((meta.visibility, meta.default_branch.as_deref()), (Visibility::Unknown, Some("trunk")));
        let gone = providers.branch_head(&remote(&url), &access, Some("gone")).await.unwrap_err();
        assert_eq!(gone.fault(), Fault::NoBranch, "{gone}");
        let empty = server.url(&format!("{}/empty.git", repositories.root().display()));
        let empty = providers.branch_head(&remote(&empty), &access, None).await.unwrap_err();
        assert_eq!(empty.fault(), Fault::NoCommits, "{empty}");
        let untrusting = Providers::new(egress(server.address));
        let error = untrusting.branch_head(&remote(&url), &access, None).await.unwrap_err();
        assert_eq!(error.fault(), Fault::Untrusted, "{error}");
    }
}
