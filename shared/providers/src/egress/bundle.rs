//! The operator's private authorities: one file in PEM, which every call trusts besides the platform's roots.

use super::authority::{Authority, InvalidAuthority};
use std::io::Read;

/// Largest bundle, in bytes.
pub const MAX_BUNDLE_BYTES: u64 = 1024 * 1024;
/// Most certificates of a bundle.
pub const MAX_BUNDLE_AUTHORITIES: usize = 200;

/// The bundle cannot be used. A function does not start with it: without the authorities its calls would fail one by one,
/// and nobody would know why.
#[derive(Debug, thiserror::Error)]
pub enum InvalidBundle {
    /// There is no such file, or it cannot be read.
    #[error("the certificates of {path} cannot be read")]
    Unreadable {
        /// The file.
        path: String,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// The file is too large.
    #[error("{path} is larger than {MAX_BUNDLE_BYTES} bytes")]
    TooLarge {
        /// The file.
        path: String,
    },
    /// There are too many certificates in it, or none.
    #[error("{path} holds {count} certificates in PEM instead of 1 to {MAX_BUNDLE_AUTHORITIES}")]
    Count {
        /// The file.
        path: String,
        /// How many there are.
        count: usize,
    },
    /// A certificate cannot be used.
    #[error("certificate {number} of {path} {reason}")]
    Certificate {
        /// The file.
        path: String,
        /// Which one, from 1 on.
        number: usize,
        /// What is wrong, as the rest of a sentence.
        reason: InvalidAuthority,
    },
}

/// Reads a bundle.
pub(super) fn read(path: &str) -> Result<Vec<Authority>, InvalidBundle> {
    let unreadable = |source| InvalidBundle::Unreadable { path: path.to_owned(), source };
    let file = std::fs::File::open(path).map_err(unreadable)?;
    let mut text = Vec::new();
    file.take(MAX_BUNDLE_BYTES + 1).read_to_end(&mut text).map_err(unreadable)?;
    if text.len() as u64 > MAX_BUNDLE_BYTES {
        return Err(InvalidBundle::TooLarge { path: path.to_owned() });
    }
    let authorities = Authority::read_all(&text)
        .enumerate()
        .map(|(index, read)| {
            read.map_err(|reason| InvalidBundle::Certificate { path: path.to_owned(), number: index + 1, reason })
        })
        .collect::<Result<Vec<_>, _>>()?;
    match authorities.len() {
        1..=MAX_BUNDLE_AUTHORITIES => Ok(authorities),
        count => Err(InvalidBundle::Count { path: path.to_owned(), count }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};

    fn authority() -> String {
        let mut parameters = CertificateParams::new(Vec::new()).unwrap();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        parameters.self_signed(&KeyPair::generate().unwrap()).unwrap().pem()
    }

    fn read_text(text: &str) -> Result<Vec<Authority>, InvalidBundle> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        read(file.path().to_str().unwrap())
    }

    #[test]
    fn a_bundle_is_read_whole() {
        let (one, two) = (authority(), authority());
        let bundle = format!("# Ours\n{one}\nand the other\n{two}");
        let fingerprints = |list: Vec<Authority>| list.iter().map(Authority::sha256).collect::<Vec<_>>();
        let expected = [&one, &two].map(|pem| Authority::read(pem).unwrap());
        assert_eq!(fingerprints(read_text(&bundle).unwrap()), fingerprints(expected.into()));
    }

    #[test]
    fn anything_else_says_what_is_wrong() {
        let one = authority();
        let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        let many = one.repeat(MAX_BUNDLE_AUTHORITIES + 1);
        let large = "x".repeat(usize::try_from(MAX_BUNDLE_BYTES).unwrap() + 1);
        let cases = [
            (String::new(), "holds 0 certificates"),
            ("no PEM at all".to_owned(), "holds 0 certificates"),
            (format!("{one}{broken}"), "certificate 2 of "),
            (format!("{one}-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n"), "certificate 2 of "),
            (many, "holds 201 certificates"),
            (large, "is larger than 1048576 bytes"),
        ];
        for (text, wrong) in cases {
            let error = read_text(&text).unwrap_err().to_string();
            assert!(error.contains(wrong), "{error}");
        }
        let error = read("/no/such/file.pem").unwrap_err().to_string();
        assert_eq!(error, "the certificates of /no/such/file.pem cannot be read");
    }
}
