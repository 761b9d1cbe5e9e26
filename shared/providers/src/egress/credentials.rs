//! Which headers are secrets, and a fingerprint of them: whose call it is, without keeping the token.

use http::header::{AUTHORIZATION, COOKIE, HeaderMap, HeaderName, HeaderValue, PROXY_AUTHORIZATION};
use sha2::{Digest, Sha256};
use url::Url;

/// A hash that stands for what must not be kept itself.
pub(super) type Fingerprint = [u8; 32];

/// Headers that hold a secret however they are marked.
const SECRET: [HeaderName; 7] = [
    AUTHORIZATION,
    PROXY_AUTHORIZATION,
    COOKIE,
    HeaderName::from_static("private-token"),
    HeaderName::from_static("job-token"),
    HeaderName::from_static("x-api-key"),
    HeaderName::from_static("x-goog-api-key"),
];

/// Whether a header must not reach another place than the one it was meant for.
pub(super) fn is_secret(name: &HeaderName, value: &HeaderValue) -> bool {
    value.is_sensitive() || SECRET.contains(name)
}

/// Stands for the secrets of a request.
pub(super) fn of_credentials(headers: &HeaderMap) -> Fingerprint {
    of_headers(Sha256::new(), headers, is_secret)
}

/// Stands for a whole request: equal requests of one tenant with one credential have the same, others never.
pub(super) fn of_request(network: &Fingerprint, url: &Url, headers: &HeaderMap) -> Fingerprint {
    let mut hash = Sha256::new();
    hash.update(network);
    part(&mut hash, url.as_str().as_bytes());
    of_headers(hash, headers, |_, _| true)
}

fn of_headers(mut hash: Sha256, headers: &HeaderMap, counts: fn(&HeaderName, &HeaderValue) -> bool) -> Fingerprint {
    let mut counted: Vec<_> = headers.iter().filter(|(name, value)| counts(name, value)).collect();
    counted.sort_by_key(|(name, _)| name.as_str());
    for (name, value) in counted {
        part(&mut hash, name.as_str().as_bytes());
        part(&mut hash, value.as_bytes());
    }
    hash.finalize().into()
}

/// With its length, so that no two sequences of parts hash alike.
pub(super) fn part(hash: &mut Sha256, bytes: &[u8]) {
    hash.update((bytes.len() as u64).to_le_bytes());
    hash.update(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_of_a_request_counts_and_only_secrets_for_credentials() {
        let headers = |list: &[(&'static str, &'static str)]| -> HeaderMap {
            list.iter().map(|(n, v)| (HeaderName::from_static(n), HeaderValue::from_static(v))).collect()
        };
        let plain = headers(&[("accept", "a"), ("x-api-key", "k")]);
        let url: Url = "https://h.example.com/a".parse().unwrap();
        let other: Url = "https://h.example.com/b".parse().unwrap();
        let first = of_request(&[0; 32], &url, &plain);
        assert_eq!(first, of_request(&[0; 32], &url, &headers(&[("x-api-key", "k"), ("accept", "a")])));
        for different in [
            of_request(&[1; 32], &url, &plain),
            of_request(&[0; 32], &other, &plain),
            of_request(&[0; 32], &url, &headers(&[("accept", "b"), ("x-api-key", "k")])),
            of_request(&[0; 32], &url, &headers(&[("accept", "a"), ("x-api-key", "l")])),
            of_request(&[0; 32], &url, &headers(&[("accept", "a")])),
        ] {
            assert_ne!(first, different);
        }
        assert_eq!(of_credentials(&plain), of_credentials(&headers(&[("accept", "b"), ("x-api-key", "k")])));
        assert_ne!(of_credentials(&plain), of_credentials(&headers(&[("x-api-key", "l")])));
    }
}
