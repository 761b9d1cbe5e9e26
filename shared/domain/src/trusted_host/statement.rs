//! What an administrator states of a host: the key of its ssh server, or its certificate.

use super::{HostIdentity, HostKey, MAX_HOST_KEY_BYTES};
use crate::error::{DomainError, FieldErrors};
use crate::input::{Field, MAX_TEXT_BYTES, Object};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use ssh_key::PublicKey;

/// Algorithms of host keys that are asked for, as a public key names them; another key would never be shown.
pub const HOST_KEY_ALGORITHMS: [&str; 5] =
    ["ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", "ssh-rsa"];
/// Hexadecimal digits of a SHA-256.
const SHA256_DIGITS: usize = 64;

const KEY: &str = "key";
const CERTIFICATE: &str = "certificateSha256";

impl HostIdentity {
    /// Reads the body of `PUT /api/trusted-hosts/{host}`: one of `key` and `certificateSha256`.
    ///
    /// # Errors
    /// [`DomainError::Invalid`] with every wrong field.
    pub fn read(body: &Value) -> Result<Self, DomainError> {
        let mut errors = FieldErrors::new();
        let mut object = Object::root(body, &mut errors);
        let key = read_field(&mut object, KEY, HostKey::read);
        let certificate = read_field(&mut object, CERTIFICATE, read_sha256);
        match (&key, &certificate) {
            (Field::Absent, Field::Absent) => object.error(KEY, "key or certificateSha256 is required"),
            (Field::Value(_), Field::Value(_)) => {
                object.error(CERTIFICATE, "is not sent with key: a host is known by one of them");
            }
            _ => {}
        }
        object.finish();
        // Without a key nor an error there is a certificate.
        let stated = key.value().map(Self::SshKey);
        let certificate = || Self::Certificate { sha256: certificate.value().unwrap_or_default() };
        errors.into_result(stated.unwrap_or_else(certificate))
    }
}

/// A text that must be something; null is nothing.
fn read_field<T>(
    object: &mut Object<'_, '_>,
    field: &'static str,
    read: impl Fn(&str) -> Result<T, String>,
) -> Field<T> {
    let why = match object.text_up_to(field, MAX_TEXT_BYTES) {
        Field::Absent => return Field::Absent,
        Field::Invalid => return Field::Invalid,
        Field::Null => "must be a string".to_owned(),
        Field::Value(text) => match read(text.trim()) {
            Ok(value) => return Field::Value(value),
            Err(why) => why,
        },
    };
    object.error(field, why);
    Field::Invalid
}

impl HostKey {
    /// Reads a public key in OpenSSH's form, `ssh-ed25519 AAAA… comment`: what `ssh-keyscan` prints behind the host's name.
    /// The comment is dropped.
    fn read(text: &str) -> Result<Self, String> {
        let mut parts = text.split_whitespace();
        let (Some(algorithm), Some(key)) = (parts.next(), parts.next()) else {
            return Err("must be a public key such as ssh-ed25519 AAAA…".to_owned());
        };
        if !HOST_KEY_ALGORITHMS.contains(&algorithm) {
            return Err(format!("must be a public key of one of {}", HOST_KEY_ALGORITHMS.join(", ")));
        }
        let read = PublicKey::from_openssh(&format!("{algorithm} {key}")).and_then(|key| key.to_bytes());
        let Ok(bytes) = read else { return Err(format!("is no public key of {algorithm}")) };
        if bytes.len() > MAX_HOST_KEY_BYTES {
            return Err(format!("must have at most {MAX_HOST_KEY_BYTES} bytes"));
        }
        // Written anew: a host shows its key in the one canonical form.
        Ok(Self { algorithm: algorithm.to_owned(), key: STANDARD.encode(bytes) })
    }
}

fn read_sha256(text: &str) -> Result<String, String> {
    if text.len() == SHA256_DIGITS && text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Ok(text.to_ascii_lowercase());
    }
    Err(format!("must be a SHA-256 of {SHA256_DIGITS} hexadecimal digits"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// github.com (GitHub: "GitHub's SSH key fingerprints").
    const ED25519: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";
    const ECDSA: &str = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBEmKSENjQEezOmxkZMy7opKgwFB9\
                         nkt5YRrYMjNuG5N87uRgg6CLrbo5wAdT/y6v0mKV0U2w0WZ2YB/++Tpockg=";

    fn wrong(body: &Value) -> Vec<String> {
        match HostIdentity::read(body) {
            Err(DomainError::Invalid(errors)) => errors.as_slice().iter().map(|error| error.pointer.clone()).collect(),
            other => panic!("{body}: {other:?}"),
        }
    }

    /// The public key of RSA with a modulus of so many bytes.
    fn rsa(modulus: usize) -> String {
        let part = |bytes: &[u8]| [&u32::try_from(bytes.len()).unwrap().to_be_bytes(), bytes].concat();
        let wire = [part(b"ssh-rsa"), part(&[1, 0, 1]), part(&vec![0x7f; modulus])].concat();
        format!("ssh-rsa {}", STANDARD.encode(wire))
    }

    #[test]
    fn keys_of_all_kinds_that_hosts_show_are_read_as_they_stand() {
        for text in [ED25519, ECDSA, &rsa(384), &rsa(2_048)] {
            let (algorithm, key) = text.split_once(' ').unwrap();
            let expected = HostKey { algorithm: algorithm.to_owned(), key: key.to_owned() };
            for spelt in [text.to_owned(), format!("  {algorithm}\t{key} git@example.com (old)\n")] {
                assert_eq!(HostIdentity::read(&json!({"key": spelt})), Ok(HostIdentity::SshKey(expected.clone())));
            }
        }
    }

    #[test]
    fn a_certificate_is_named_by_its_digest_in_any_case() {
        let expected = HostIdentity::Certificate { sha256: "ab".repeat(32) };
        for spelt in ["ab".repeat(32), "AB".repeat(32), format!(" {} ", "aB".repeat(32))] {
            assert_eq!(HostIdentity::read(&json!({"certificateSha256": spelt})), Ok(expected.clone()));
        }
    }

    #[test]
    fn what_is_no_key_of_a_host_is_refused() {
        let (_, ed25519) = ED25519.split_once(' ').unwrap();
        let short = STANDARD.encode(&STANDARD.decode(ed25519).unwrap()[..50]);
        let long = STANDARD.encode([&STANDARD.decode(ed25519).unwrap()[..], b"x"].concat());
        for key in [
            json!(""),
            json!("ssh-ed25519"),
            json!("ssh-ed25519 AAAA"),
            json!("ssh-ed25519 nonsense!"),
            json!(format!("ssh-rsa {ed25519}")),
            json!(format!("ssh-ed25519 {short}")),
            json!(format!("ssh-ed25519 {long}")),
            json!(format!("ssh-dss {ed25519}")),
            json!(format!("ssh-ed25519-cert-v01@openssh.com {ed25519}")),
            json!(format!("git.example.com {ED25519}")),
            json!(rsa(MAX_HOST_KEY_BYTES)),
            json!("-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n"),
            json!("x".repeat(MAX_TEXT_BYTES + 1)),
            json!(7),
            Value::Null,
        ] {
            assert_eq!(wrong(&json!({"key": key})), ["/key"], "{key}");
        }
    }

    #[test]
    fn every_wrong_field_is_named() {
        let sha256 = "ab".repeat(32);
        for (body, expected) in [
            (json!({}), vec!["/key"]),
            (json!([]), vec!["", "/key"]),
            (json!({"certificateSha256": "ab"}), vec!["/certificateSha256"]),
            (json!({"certificateSha256": "zz".repeat(32)}), vec!["/certificateSha256"]),
            (json!({"certificateSha256": null}), vec!["/certificateSha256"]),
            (json!({"key": ED25519, "certificateSha256": sha256}), vec!["/certificateSha256"]),
            (json!({"key": ED25519, "certificateSha256": "ab"}), vec!["/certificateSha256"]),
            (json!({"key": 1, "certificateSha256": 1, "x": 1}), vec!["/key", "/certificateSha256", "/x"]),
            (json!({"key": ED25519, "trustedBy": "me"}), vec!["/trustedBy"]),
        ] {
            assert_eq!(wrong(&body), expected, "{body}");
        }
    }
}
