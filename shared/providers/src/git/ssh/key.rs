//! Private keys for ssh, as people have them: in OpenSSH's form or as PEM, with or without a passphrase.

use repoplane_domain::credential::SshKey;
use repoplane_domain::secret::Secret;
use russh::keys::ssh_key::Kdf;
use russh::keys::ssh_key::private::KeypairData;
use russh::keys::{PrivateKey, decode_secret_key};
use tokio::task::spawn_blocking;

/// Longest text of a key, in bytes: an RSA key of 16,384 bits and more.
const MAX_KEY_BYTES: usize = 16 * 1024;
/// Most rounds of the function that makes a key of a passphrase; `ssh-keygen` takes 16 to 24, and 1,000 last 10 s.
const MAX_ROUNDS: u32 = 256;
/// Longest RSA key that is used, in bits: signing with longer ones takes seconds.
const MAX_RSA_BITS: u32 = 8_192;

const UNREADABLE: &str = "the ssh key cannot be read: give a private key in OpenSSH's form or as PEM";
const LOCKED: &str = "the ssh key is locked, and there is no passphrase with it";
const WRONG_PASSPHRASE: &str = "the passphrase does not open the ssh key";

/// Reads a key, and opens it where it is locked. That takes a while on purpose, so it happens beside the runtime.
pub(super) async fn open(key: &SshKey) -> Result<PrivateKey, &'static str> {
    let key = key.clone();
    // A panic: a parser met what nobody thought of.
    spawn_blocking(move || read(&key)).await.unwrap_or(Err(UNREADABLE))
}

fn read(key: &SshKey) -> Result<PrivateKey, &'static str> {
    let text = key.private_key.expose();
    if text.len() > MAX_KEY_BYTES {
        return Err("the ssh key is longer than any key");
    }
    // Keys are pasted, with blanks around their lines.
    let text = Secret::new(text.lines().map(str::trim).collect::<Vec<_>>().join("\n") + "\n");
    let text = text.expose();
    let passphrase = key.passphrase.as_ref().map(|passphrase| passphrase.expose());
    let opened = if text.contains("BEGIN OPENSSH PRIVATE KEY") {
        openssh(text, passphrase)?
    } else if text.contains("BEGIN ENCRYPTED PRIVATE KEY") {
        // What such a key asks of memory and time stands in the key.
        return Err("the ssh key is locked in the form of PKCS #8: save it in OpenSSH's with ssh-keygen -p -f");
    } else if text.contains("Proc-Type: 4,ENCRYPTED") {
        let passphrase = passphrase.ok_or(LOCKED)?;
        decode_secret_key(text, Some(passphrase)).map_err(|_| WRONG_PASSPHRASE)?
    } else if text.contains("BEGIN RSA PRIVATE KEY")
        || text.contains("BEGIN EC PRIVATE KEY")
        || text.contains("BEGIN PRIVATE KEY")
    {
        decode_secret_key(text, None).map_err(|_| UNREADABLE)?
    } else {
        return Err(UNREADABLE);
    };
    if let KeypairData::Rsa(pair) = opened.key_data()
        && pair.public().key_size() > MAX_RSA_BITS
    {
        return Err("the ssh key is an RSA key of more than 8,192 bits");
    }
    Ok(opened)
}

fn openssh(text: &str, passphrase: Option<&str>) -> Result<PrivateKey, &'static str> {
    let key = PrivateKey::from_openssh(text).map_err(|_| UNREADABLE)?;
    if !key.is_encrypted() {
        return Ok(key);
    }
    if let Kdf::Bcrypt { rounds, .. } = key.kdf()
        && *rounds > MAX_ROUNDS
    {
        return Err("the ssh key takes too long to open: save it with fewer rounds, ssh-keygen -p -a 16 -f");
    }
    key.decrypt(passphrase.ok_or(LOCKED)?).map_err(|_| WRONG_PASSPHRASE)
}
