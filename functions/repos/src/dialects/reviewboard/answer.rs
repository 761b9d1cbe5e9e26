//! Answers in the dialect's envelope: media types, links, entity tags (contract: reviewboard 3, 4).

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use repoplane_api::answer::REPLAYED;
use repoplane_domain::secret::sha256_hex;
use repoplane_store::KeptAnswer;
use serde_json::{Map, Value, json};

/// The media type of every error.
pub(super) const ERROR_MEDIA: &str = "application/vnd.reviewboard.org.error+json";
/// Names the type of a list's items.
const ITEM_TYPE: HeaderName = HeaderName::from_static("item-content-type");

/// A resource's media types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Media {
    pub(super) own: &'static str,
    pub(super) item: Option<&'static str>,
}

impl Media {
    pub(super) const ROOT: Self = Self { own: "application/vnd.reviewboard.org.root+json", item: None };
    pub(super) const INFO: Self = Self { own: "application/vnd.reviewboard.org.server-info+json", item: None };
    pub(super) const SESSION: Self = Self { own: "application/vnd.reviewboard.org.session+json", item: None };
    pub(super) const REPOSITORY: Self = Self { own: "application/vnd.reviewboard.org.repository+json", item: None };
    pub(super) const REPOSITORIES: Self = Self {
        own: "application/vnd.reviewboard.org.repositories+json",
        item: Some("application/vnd.reviewboard.org.repository+json"),
    };
    pub(super) const BRANCHES: Self =
        Self { own: "application/vnd.reviewboard.org.repository-branches+json", item: None };
    pub(super) const COMMITS: Self =
        Self { own: "application/vnd.reviewboard.org.repository-commits+json", item: None };
    pub(super) const USERS: Self = Self {
        own: "application/vnd.reviewboard.org.repository-users+json",
        item: Some("application/vnd.reviewboard.org.repository-user+json"),
    };
    pub(super) const GROUPS: Self = Self {
        own: "application/vnd.reviewboard.org.repository-groups+json",
        item: Some("application/vnd.reviewboard.org.repository-group+json"),
    };
    pub(super) const DIFF_FILE_ATTACHMENTS: Self = Self {
        own: "application/vnd.reviewboard.org.diff-file-attachments+json",
        item: Some("application/vnd.reviewboard.org.diff-file-attachment+json"),
    };
    pub(super) const REVIEW_REQUESTS: Self = Self {
        own: "application/vnd.reviewboard.org.review-requests+json",
        item: Some("application/vnd.reviewboard.org.review-request+json"),
    };
}

/// A success on its way out.
#[derive(Debug, Clone)]
pub(super) struct Reply {
    status: StatusCode,
    media: Media,
    body: Option<Map<String, Value>>,
    replayed: bool,
}

impl Reply {
    /// 200 with the members beside `stat`.
    pub(super) fn ok(media: Media, members: Value) -> Self {
        let mut body = members.as_object().cloned().unwrap_or_default();
        body.insert("stat".to_owned(), json!("ok"));
        Self { status: StatusCode::OK, media, body: Some(body), replayed: false }
    }

    /// The same as 201.
    pub(super) fn created(self) -> Self {
        Self { status: StatusCode::CREATED, ..self }
    }

    /// 204.
    pub(super) fn gone(media: Media) -> Self {
        Self { status: StatusCode::NO_CONTENT, media, body: None, replayed: false }
    }

    /// What is kept of it for a repeat of its call.
    pub(super) fn kept(self) -> KeptAnswer {
        let body = self.body.map_or(Value::Null, Value::Object);
        KeptAnswer { status: self.status.as_u16(), ..KeptAnswer::ok(body) }
    }

    /// The answer that was kept of a call.
    pub(super) fn of_kept(media: Media, kept: KeptAnswer, replayed: bool) -> Self {
        let status = StatusCode::from_u16(kept.status).unwrap_or(StatusCode::OK);
        Self { status, media, body: kept.body.as_object().cloned(), replayed }
    }

    /// The response to a request with these headers; one to a GET has an entity tag and may be 304.
    pub(super) fn respond(self, is_get: bool, asked: &HeaderMap) -> Response {
        let text = self.body.map(|body| Value::Object(body).to_string()).unwrap_or_default();
        // Without quotes, as Review Board's clients keep it and send it back.
        let tag = sha256_hex(text.as_bytes());
        let tagged = is_get && self.status == StatusCode::OK;
        let known = tagged && is_known(asked, &tag);
        let mut response = match known {
            true => StatusCode::NOT_MODIFIED.into_response(),
            false => (self.status, Body::from(text)).into_response(),
        };
        let headers = response.headers_mut();
        if self.replayed {
            headers.insert(REPLAYED, HeaderValue::from_static("true"));
        }
        if tagged && let Ok(tag) = HeaderValue::from_str(&tag) {
            headers.insert(header::ETAG, tag);
        }
        if known {
            headers.remove(header::CONTENT_TYPE);
        } else {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.media.own));
            if let Some(item) = self.media.item {
                headers.insert(ITEM_TYPE, HeaderValue::from_static(item));
            }
        }
        dress(response)
    }
}

/// What every response has.
pub(super) fn dress(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::VARY, HeaderValue::from_static("Accept, Cookie, Authorization"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    response
}

/// Whether the caller has the body of a tag: without quotes as it was sent, or in any form of the standard (RFC 9110, 13.1.2).
fn is_known(asked: &HeaderMap, tag: &str) -> bool {
    let values = asked.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    values
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .any(|given| given == "*" || given.strip_prefix("W/").unwrap_or(given).trim_matches('"') == tag)
}

/// One link.
pub(super) fn link(href: &str, method: &str) -> Value {
    json!({"href": href, "method": method})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_known_in_every_form() {
        for (given, known) in [
            ("abc", true),
            ("\"abc\"", true),
            ("W/\"abc\"", true),
            ("\"x\", \"abc\"", true),
            ("*", true),
            ("ab", false),
            ("\"abcd\"", false),
            ("", false),
        ] {
            let headers = HeaderMap::from_iter([(header::IF_NONE_MATCH, HeaderValue::from_static(given))]);
            assert_eq!(is_known(&headers, "abc"), known, "{given}");
        }
    }
}
