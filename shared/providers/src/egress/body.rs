//! Reading an answer's body: bounded as sent and as unpacked.

use super::error::EgressError;
use flate2::read::MultiGzDecoder;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, HeaderMap};
use std::io::Read;

/// Most headers of an answer.
pub(super) const MAX_HEADERS: usize = 200;
/// Most bytes of all names and values of an answer's headers.
pub(super) const MAX_HEADER_BYTES: usize = 64 * 1024;

/// Checks what the transport let through: HTTP/1's own limit is higher.
pub(super) fn check_headers(headers: &HeaderMap, host: &str) -> Result<(), EgressError> {
    let bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if bytes > MAX_HEADER_BYTES || headers.len() > MAX_HEADERS {
        return Err(EgressError::Headers { host: host.to_owned() });
    }
    Ok(())
}

/// Reads at most `limit` bytes.
pub(super) async fn read(answer: &mut reqwest::Response, limit: usize, host: &str) -> Result<Vec<u8>, EgressError> {
    let too_large = || EgressError::TooLarge { host: host.to_owned(), limit };
    let announced = answer.content_length().unwrap_or(0);
    if usize::try_from(announced).map_or(true, |announced| announced > limit) {
        return Err(too_large());
    }
    let mut body = Vec::new();
    loop {
        let chunk = answer.chunk().await;
        match chunk.map_err(|error| EgressError::of_body(host.to_owned(), error.without_url()))? {
            None => return Ok(body),
            Some(chunk) if chunk.len() > limit - body.len() => return Err(too_large()),
            Some(chunk) => body.extend_from_slice(&chunk),
        }
    }
}

/// Undoes gzip, the only encoding that is asked for, to at most `limit` bytes: a small body that unfolds into a large
/// one costs no more than a large one.
pub(super) fn unpack(headers: &mut HeaderMap, body: Vec<u8>, limit: usize, host: &str) -> Result<Vec<u8>, EgressError> {
    let encodings: Vec<_> = headers.get_all(CONTENT_ENCODING).iter().collect();
    let gzip = match encodings.as_slice() {
        [] => false,
        // An answer to HEAD, a 204 or a 304.
        _ if body.is_empty() => false,
        [one] if one.as_bytes().eq_ignore_ascii_case(b"identity") => false,
        // Both names mean the same (RFC 9110, 8.4.1.3).
        [one] if [b"gzip".as_slice(), b"x-gzip"].iter().any(|name| one.as_bytes().eq_ignore_ascii_case(name)) => true,
        _ => {
            let what = "a body in an encoding that was not asked for";
            return Err(EgressError::Encoding { host: host.to_owned(), what });
        }
    };
    if !gzip {
        return Ok(body);
    }
    let mut unpacked = Vec::new();
    let mut decoder = MultiGzDecoder::new(body.as_slice()).take(limit as u64 + 1);
    let broken = |_| EgressError::Encoding { host: host.to_owned(), what: "a broken gzip body" };
    decoder.read_to_end(&mut unpacked).map_err(broken)?;
    if unpacked.len() > limit {
        return Err(EgressError::TooLarge { host: host.to_owned(), limit });
    }
    headers.remove(CONTENT_ENCODING);
    headers.remove(CONTENT_LENGTH);
    Ok(unpacked)
}
