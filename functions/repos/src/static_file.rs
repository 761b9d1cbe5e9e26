//! Files that are part of the function: with entity tags, cached for a while, and compressed for who takes that.

use axum::response::{IntoResponse, Response};
use flate2::Compression;
use flate2::read::{GzDecoder, GzEncoder};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use repoplane_domain::secret::sha256_hex;
use std::borrow::Cow;
use std::io::Read;
use std::sync::OnceLock;

/// How long a browser may use a file without asking again.
const CACHE: &str = "public, max-age=3600";

/// One file.
pub(crate) struct StaticFile {
    media_type: &'static str,
    stored: Stored,
    /// Its tag and its compressed form, made when it is first asked for.
    tag: OnceLock<String>,
    compressed: OnceLock<Vec<u8>>,
}

enum Stored {
    Plain(&'static str),
    Gzip(&'static [u8]),
}

impl StaticFile {
    /// A text.
    pub(crate) const fn plain(media_type: &'static str, text: &'static str) -> Self {
        Self { media_type, stored: Stored::Plain(text), tag: OnceLock::new(), compressed: OnceLock::new() }
    }

    /// A file that was compressed while building.
    pub(crate) const fn gzip(media_type: &'static str, bytes: &'static [u8]) -> Self {
        Self { media_type, stored: Stored::Gzip(bytes), tag: OnceLock::new(), compressed: OnceLock::new() }
    }

    /// The file; the edge answers 304 to who has it already.
    pub(crate) fn answer(&self, request: &HeaderMap) -> Response {
        let zipped = takes_gzip(request);
        let suffix = if zipped { "-gzip" } else { "" };
        let tag = self.tag.get_or_init(|| sha256_hex(self.bytes()).chars().take(32).collect());
        let tag = format!("\"{tag}{suffix}\"");
        let headers = [
            (header::ETAG, HeaderValue::from_str(&tag).unwrap_or(HeaderValue::from_static("\"\""))),
            (header::CACHE_CONTROL, HeaderValue::from_static(CACHE)),
            (header::VARY, HeaderValue::from_static("accept-encoding")),
        ];
        let content: [(HeaderName, HeaderValue); 2] = [
            (header::CONTENT_TYPE, HeaderValue::from_static(self.media_type)),
            (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        ];
        if zipped {
            let encoding = [(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"))];
            return (headers, content, encoding, self.compressed().into_owned()).into_response();
        }
        (headers, content, self.expanded().into_owned()).into_response()
    }

    fn bytes(&self) -> &'static [u8] {
        match self.stored {
            Stored::Plain(text) => text.as_bytes(),
            Stored::Gzip(bytes) => bytes,
        }
    }

    fn compressed(&self) -> Cow<'_, [u8]> {
        match self.stored {
            Stored::Gzip(bytes) => Cow::Borrowed(bytes),
            Stored::Plain(text) => Cow::Borrowed(self.compressed.get_or_init(|| {
                let mut bytes = Vec::new();
                // Reading from memory into memory does not fail.
                drop(GzEncoder::new(text.as_bytes(), Compression::default()).read_to_end(&mut bytes));
                bytes
            })),
        }
    }

    fn expanded(&self) -> Cow<'static, [u8]> {
        match self.stored {
            Stored::Plain(text) => Cow::Borrowed(text.as_bytes()),
            Stored::Gzip(packed) => {
                let mut bytes = Vec::new();
                drop(GzDecoder::new(packed).read_to_end(&mut bytes));
                Cow::Owned(bytes)
            }
        }
    }
}

/// Whether `Accept-Encoding` asks for gzip (RFC 9110, 12.5.3).
pub(crate) fn takes_gzip(request: &HeaderMap) -> bool {
    let lines = request.get_all(header::ACCEPT_ENCODING).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        let refused = weight.split_once('=').is_some_and(|(_, q)| q.trim().parse::<f32>().is_ok_and(|q| q <= 0.0));
        name.trim().eq_ignore_ascii_case("gzip") && !refused
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_sent_only_to_who_asks_for_it() {
        for (text, expected) in
            [("gzip, deflate, br", true), ("GZIP;q=0.5", true), ("gzip;q=0", false), ("br", false), ("identity", false)]
        {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, text.parse().unwrap());
            assert_eq!(takes_gzip(&headers), expected, "{text}");
        }
        assert!(!takes_gzip(&HeaderMap::new()));
    }

    #[test]
    fn both_forms_are_the_same_file() {
        let text = "some text ".repeat(100);
        let file = StaticFile::plain("text/plain", Box::leak(text.clone().into_boxed_str()));
        let packed = file.compressed().into_owned();
        assert!(packed.len() < text.len());
        let packed = StaticFile::gzip("text/plain", Box::leak(packed.into_boxed_slice()));
        assert_eq!(packed.expanded(), text.as_bytes());
    }
}
