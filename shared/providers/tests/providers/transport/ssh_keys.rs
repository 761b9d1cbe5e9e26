//! Private keys in every form that people have them in.

use super::ssh::trusting;
use crate::git_server::Repositories;
use crate::server::egress;
use crate::ssh_server::{SshServer, SshServerKind, ssh_key, user_key};
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use repoplane_domain::credential::{GitAccess, SshKey};
use repoplane_domain::secret::Secret;
use repoplane_providers::{VerifyError, verify_remote};
use russh::keys::ssh_key::{Cipher, Kdf, LineEnding};
use russh::keys::{PrivateKey, decode_secret_key};

/// What opens the locked keys here, and must not be seen anywhere.
const PASSPHRASE: &str = "open-sesame-canary";
/// The salt of the locked keys.
const SALT: [u8; 16] = *b"salt-of-the-test";

fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<_> = text.as_bytes().chunks(64).map(|line| String::from_utf8_lossy(line)).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

fn rsa_pem() -> String {
    let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
    pem("PRIVATE KEY", AsDer::<Pkcs8V1Der<'_>>::as_der(&pair).unwrap().as_ref())
}

/// A key of another algorithm than the others'.
pub(super) fn ecdsa() -> PrivateKey {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
    let der = pair.to_pkcs8v1().unwrap();
    decode_secret_key(&pem("PRIVATE KEY", der.as_ref()), None).unwrap()
}

fn locked(key: &PrivateKey) -> String {
    let kdf = Kdf::Bcrypt { salt: SALT.to_vec(), rounds: 1 };
    let locked = key.encrypt_with(Cipher::Aes256Ctr, kdf, 7, PASSPHRASE).unwrap();
    locked.to_openssh(LineEnding::LF).unwrap().to_string()
}

/// The same key, which says that it takes for ever to open.
fn slow(key: &PrivateKey) -> String {
    let text: String = locked(key).lines().filter(|line| !line.starts_with("-----")).collect();
    let mut bytes = STANDARD.decode(text).unwrap();
    let after = bytes.windows(16).position(|window| window == SALT).unwrap() + 16;
    bytes[after..after + 4].fill(0xff);
    pem("OPENSSH PRIVATE KEY", &bytes)
}

#[tokio::test]
async fn a_key_is_read_in_every_form_and_what_is_wrong_with_it_is_said() {
    let Some(repositories) = Repositories::new() else { return };
    repositories.filled("widgets.git");
    let (rsa, elliptic) = (rsa_pem(), ecdsa());
    let users = [decode_secret_key(&rsa, None).unwrap(), elliptic.clone(), user_key()];
    let users = users.iter().map(|key| key.public_key().clone()).collect();
    let server = SshServer::start(repositories.root(), SshServerKind { users, ..SshServerKind::default() }).await;
    let url = server.url(&format!("{}/widgets.git", repositories.root().display()));
    let trusted = trusting(&server, &[ssh_key(1)]);
    let openssh = user_key().to_openssh(LineEnding::CRLF).unwrap().to_string();
    let pasted = openssh.lines().map(|line| format!("  {line} \n")).collect::<String>();
    let unreadable = Err("the ssh key cannot be read: give a private key in OpenSSH's form or as PEM");
    let broken = pem("OPENSSH PRIVATE KEY", b"canary");
    let pkcs8 = pem("ENCRYPTED PRIVATE KEY", b"canary");
    for (name, text, passphrase, expected) in [
        ("openssh", openssh.clone(), None, Ok("ssh-ed25519")),
        ("pasted", pasted, None, Ok("ssh-ed25519")),
        ("ecdsa", elliptic.to_openssh(LineEnding::LF).unwrap().to_string(), None, Ok("ecdsa-sha2-nistp256")),
        // Never with SHA-1.
        ("rsa as pem", rsa, None, Ok("rsa-sha2-512")),
        ("locked", locked(&user_key()), Some(PASSPHRASE), Ok("ssh-ed25519")),
        ("not locked", openssh.clone(), Some(PASSPHRASE), Ok("ssh-ed25519")),
        ("no passphrase", locked(&user_key()), None, Err("the ssh key is locked, and there is no passphrase with it")),
        ("wrong", locked(&user_key()), Some("canary"), Err("the passphrase does not open the ssh key")),
        (
            "slow",
            slow(&user_key()),
            Some(PASSPHRASE),
            Err("the ssh key takes too long to open: save it with fewer rounds, ssh-keygen -p -a 16 -f"),
        ),
        (
            "pkcs8",
            pkcs8,
            Some(PASSPHRASE),
            Err("the ssh key is locked in the form of PKCS #8: save it in OpenSSH's with ssh-keygen -p -f"),
        ),
        ("broken", broken, None, unreadable),
        ("a public key", user_key().public_key().to_openssh().unwrap(), None, unreadable),
        ("nothing", String::new(), None, unreadable),
        ("endless", openssh.repeat(100), None, Err("the ssh key is longer than any key")),
    ] {
        let before = server.asked().len();
        let private_key = Secret::new(text.as_str());
        let passphrase = passphrase.map(Secret::new);
        let access = GitAccess::Key(SshKey { username: None, private_key, passphrase });
        let verified = verify_remote(&egress(server.address), &url, &access, &trusted).await;
        let seen = format!("{verified:?} {access:?}");
        assert!(!seen.contains("canary") && !seen.contains("BEGIN"), "{name}: {seen}");
        match expected {
            Ok(algorithm) => {
                assert!(verified.is_ok(), "{name}: {verified:?}");
                assert_eq!(server.asked()[before], format!("login git {algorithm}"), "{name}");
            }
            Err(reason) => {
                assert_eq!(verified, Err(VerifyError::Unusable { reason: reason.to_owned() }), "{name}");
                assert_eq!(server.asked().len(), before, "{name}: nothing was sent");
            }
        }
    }
}
