//! What goes out and what comes back.

use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::{Method, StatusCode};
use std::fmt;
use url::Url;

/// What a call is for: its limits of time and size follow from it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum CallKind {
    /// A provider's REST API, or a model provider's.
    #[default]
    Api,
    /// Git's smart HTTP protocol, and a whole tree through an API.
    Git,
    /// A repository's contents in Git's protocol, read piece by piece.
    Pack,
}

/// A request to the outside.
#[derive(Clone)]
pub struct EgressRequest {
    pub(super) kind: CallKind,
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
    pub(super) cached: bool,
}

impl EgressRequest {
    /// A request without headers and body.
    pub fn new(method: Method, url: Url) -> Self {
        Self { kind: CallKind::Api, method, url, headers: HeaderMap::new(), body: Vec::new(), cached: false }
    }

    /// A GET, which is tried again when the other side is briefly out of order.
    pub fn get(url: Url) -> Self {
        Self::new(Method::GET, url)
    }

    /// Sets what the call is for.
    #[must_use]
    pub fn kind(mut self, kind: CallKind) -> Self {
        self.kind = kind;
        self
    }

    /// Sets a header. Mark values that hold a token as sensitive.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// Lets a GET be answered from a kept body once the other side has said that it still holds (`304`), and share
    /// one exchange with equal requests under way. The caller sees a 200 either way. Other methods ignore it.
    #[must_use]
    pub fn cached(mut self) -> Self {
        self.cached = true;
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }
}

impl fmt::Debug for EgressRequest {
    /// Shows method and host only: paths, queries and bodies may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EgressRequest({} {})", self.method, self.url.host_str().unwrap_or_default())
    }
}

/// An answer from the outside, whatever its status; a redirect that is not followed is an answer like any other.
#[derive(Clone)]
pub struct EgressResponse {
    /// The status.
    pub status: StatusCode,
    /// The headers, as sent; without those of an encoding that was undone.
    pub headers: HeaderMap,
    /// The body, unpacked, at most the limit of the settings.
    pub body: Vec<u8>,
    /// Where the last redirect led, when there was one.
    pub moved_to: Option<Url>,
}

impl fmt::Debug for EgressResponse {
    /// Shows status and size only: bodies may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EgressResponse({}, {} bytes)", self.status, self.body.len())
    }
}
