//! Keys with which Git reaches one project over ssh.

use aws_lc_rs::encoding::{AsBigEndian, Curve25519SeedBin};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use repoplane_domain::secret::Secret;
use ssh_key::private::{Ed25519Keypair, Ed25519PrivateKey};
use ssh_key::public::Ed25519PublicKey;
use ssh_key::{LineEnding, PrivateKey};

/// Bytes of an Ed25519 seed (RFC 8032, 5.1.5).
const SEED: usize = 32;

/// A new pair of keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeployKeyPair {
    /// What the provider gets, in OpenSSH's one-line form with the comment.
    pub public: String,
    /// What is kept, in OpenSSH's own file format.
    pub private: Secret,
}

/// The key could not be made: the machine gives no randomness.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a key could not be made")]
pub struct NoKey;

/// Makes an Ed25519 pair of keys.
///
/// # Errors
/// [`NoKey`] when the machine gives no randomness.
pub fn new_deploy_key(comment: &str) -> Result<DeployKeyPair, NoKey> {
    let pair = Ed25519KeyPair::generate().map_err(|_| NoKey)?;
    let seed: Curve25519SeedBin<'_> = pair.seed().and_then(|seed| seed.as_be_bytes()).map_err(|_| NoKey)?;
    let seed: &[u8; SEED] = seed.as_ref().try_into().map_err(|_| NoKey)?;
    let public: [u8; SEED] = pair.public_key().as_ref().try_into().map_err(|_| NoKey)?;
    let pair = Ed25519Keypair { public: Ed25519PublicKey(public), private: Ed25519PrivateKey::from_bytes(seed) };
    let key = PrivateKey::new(pair.into(), comment).map_err(|_| NoKey)?;
    let private = key.to_openssh(LineEnding::LF).map_err(|_| NoKey)?;
    let public = key.public_key().to_openssh().map_err(|_| NoKey)?;
    Ok(DeployKeyPair { public, private: Secret::new(private.as_str()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_new_each_time_and_openssh_reads_it() {
        let one = new_deploy_key("repo-7-readonly").unwrap();
        let two = new_deploy_key("repo-7-readonly").unwrap();
        assert_ne!(one.public, two.public);
        assert!(
            one.public.starts_with("ssh-ed25519 AAAA") && one.public.ends_with(" repo-7-readonly"),
            "{}",
            one.public
        );
        assert!(!format!("{one:?}").contains("PRIVATE"));
        let read = PrivateKey::from_openssh(one.private.expose()).unwrap();
        assert_eq!(read.public_key().to_openssh().unwrap(), one.public);
        // The two halves belong together: what one signs the other checks.
        let ssh_key::private::KeypairData::Ed25519(pair) = read.key_data() else { panic!("an Ed25519 key") };
        let signer = Ed25519KeyPair::from_seed_and_public_key(&pair.private.to_bytes(), &pair.public.0).unwrap();
        assert_eq!(signer.public_key().as_ref(), pair.public.0);
    }
}
