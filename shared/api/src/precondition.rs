//! `If-Match` and `If-None-Match` (RFC 9110, 13.1), on entity tags of the form `"<version>.<digest>"`.

use axum::extract::FromRequestParts;
use http::request::Parts;
use http::{HeaderMap, HeaderName, header};
use repoplane_domain::error::DomainError;
use std::convert::Infallible;

/// The versions that the caller lets be changed; without the header any.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IfMatch(Option<Vec<Tag>>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Tag {
    Any,
    Version(u64),
    /// Weak, or none of ours: it matches nothing (RFC 9110, 13.1.1: strong comparison).
    Foreign,
}

impl IfMatch {
    /// Demands that the current version is one of those named. The digest in a tag is not looked at: it tells what a
    /// caller saw, and others may see less or more of the same version.
    ///
    /// # Errors
    /// [`DomainError::Stale`].
    pub fn check(&self, current: u64) -> Result<(), DomainError> {
        let Some(tags) = &self.0 else { return Ok(()) };
        let matches = |tag: &Tag| match tag {
            Tag::Any => true,
            Tag::Version(version) => *version == current,
            Tag::Foreign => false,
        };
        if tags.iter().any(matches) { Ok(()) } else { Err(DomainError::Stale) }
    }

    /// Demands that no version is named: there is none, and even `*` matches something alone (RFC 9110, 13.1.1).
    ///
    /// # Errors
    /// [`DomainError::Stale`].
    pub fn check_absent(&self) -> Result<(), DomainError> {
        if self.0.is_none() { Ok(()) } else { Err(DomainError::Stale) }
    }

    fn of(headers: &HeaderMap) -> Self {
        if !headers.contains_key(header::IF_MATCH) {
            return Self(None);
        }
        Self(Some(tags(headers, header::IF_MATCH).map(parse).collect()))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Infallible;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(&parts.headers))
    }
}

/// Whether the caller has this very body already.
pub(crate) fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    let strong = |text: &str| text.strip_prefix("W/").unwrap_or(text).to_owned();
    tags(headers, header::IF_NONE_MATCH).any(|known| known == "*" || strong(known) == tag)
}

/// The members of a list of entity tags. Ours have no comma within.
fn tags(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
    let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim)
}

fn parse(tag: &str) -> Tag {
    if tag == "*" {
        return Tag::Any;
    }
    let inner = tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"'));
    let version = inner.map(|inner| inner.split_once('.').map_or(inner, |(version, _)| version));
    version.and_then(|version| version.parse().ok()).map_or(Tag::Foreign, Tag::Version)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, value.parse().unwrap())])
    }

    #[test]
    fn if_match_compares_versions_strongly() {
        let check = |value: &str, current| IfMatch::of(&headers(header::IF_MATCH, value)).check(current).is_ok();
        assert!(check("\"3.abc\"", 3));
        assert!(check("\"2.x\", \"3.y\"", 3));
        assert!(check("*", 3));
        assert!(check("\"3\"", 3));
        for stale in ["\"2.abc\"", "W/\"3.abc\"", "3.abc", "\"x\"", "", "\"-3.a\""] {
            assert!(!check(stale, 3), "{stale}");
        }
        assert!(IfMatch::default().check(7).is_ok());
        assert!(IfMatch::default().check_absent().is_ok());
        for named in ["*", "\"0.abc\"", ""] {
            assert!(IfMatch::of(&headers(header::IF_MATCH, named)).check_absent().is_err(), "{named}");
        }
    }

    #[test]
    fn if_none_match_compares_all_of_the_tag() {
        let known = |value: &str| is_known(&headers(header::IF_NONE_MATCH, value), "\"3.abc\"");
        assert!(known("\"3.abc\"") && known("W/\"3.abc\"") && known("\"1.x\", \"3.abc\"") && known("*"));
        assert!(!known("\"3.abd\"") && !known("\"3\"") && !known(""));
    }
}
