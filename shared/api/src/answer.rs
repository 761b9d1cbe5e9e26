//! Successful answers: status, body, the version of what is shown, and what is shown once only.

use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, StatusCode, header};
use repoplane_domain::secret::{Secret, sha256_hex};
use repoplane_store::KeptAnswer;
use serde_json::{Value, json};

/// Says that the answer is that of an earlier call with the same idempotency key.
pub const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// Member that names what an earlier answer showed and a replay does not.
pub const WITHHELD: &str = "withheld";
/// Hex digits of the body's digest in an entity tag.
const DIGEST_DIGITS: usize = 16;

/// An answer on its way out, with its entity tag: `"<version>.<digest of the body>"`.
#[derive(Debug, Clone)]
pub struct Answer {
    kept: KeptAnswer,
    once: Vec<(String, Secret)>,
    replayed: bool,
}

impl Answer {
    /// 200 with a body.
    pub fn ok(body: Value) -> Self {
        KeptAnswer::ok(body).into()
    }

    /// Names the version that `If-Match` is compared with.
    #[must_use]
    pub fn version(self, version: u64) -> Self {
        Self { kept: self.kept.version(version), ..self }
    }

    /// Shows a secret in this answer, which is the only one that has it.
    #[must_use]
    pub fn reveal(mut self, member: &str, secret: Secret) -> Self {
        self.once.push((member.to_owned(), secret));
        self
    }

    /// What is kept of it, and whether it is an earlier call's: for a dialect, which has an envelope of its own.
    pub fn into_kept(self) -> (KeptAnswer, bool) {
        (self.kept, self.replayed)
    }

    /// The answer of an earlier call, given again.
    pub(crate) fn again(kept: KeptAnswer) -> Self {
        Self { replayed: true, ..kept.into() }
    }
}

impl From<KeptAnswer> for Answer {
    fn from(kept: KeptAnswer) -> Self {
        Self { kept, once: Vec::new(), replayed: false }
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let Self { kept, once, replayed } = self;
        let mut body = kept.body;
        // What is shown once is stored by nobody on the way; everything else only after asking again.
        let caching = if once.is_empty() { "private, no-cache" } else { "no-store" };
        if let Some(members) = body.as_object_mut() {
            for (member, secret) in once {
                members.insert(member, json!(secret.expose()));
            }
            if replayed && !kept.withheld.is_empty() {
                members.insert(WITHHELD.to_owned(), json!(kept.withheld));
            }
        }
        let text = body.to_string();
        let tag = entity_tag(kept.version, text.as_bytes());
        let status = StatusCode::from_u16(kept.status).unwrap_or(StatusCode::OK);
        // A dialect keeps its refusals as well.
        let failed = status.is_client_error() || status.is_server_error();
        let media_type = if failed { "application/problem+json" } else { "application/json" };
        let mut response = (status, text).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
        if let Ok(tag) = HeaderValue::from_str(&tag)
            && !failed
        {
            headers.insert(header::ETAG, tag);
        }
        if let Some(location) = kept.location.and_then(|location| HeaderValue::from_str(&location).ok()) {
            headers.insert(header::LOCATION, location);
        }
        if replayed {
            headers.insert(REPLAYED, HeaderValue::from_static("true"));
        }
        response
    }
}

/// The entity tag of a body; what has no version of its own has 0.
pub fn entity_tag(version: Option<u64>, body: &[u8]) -> String {
    let digest: String = sha256_hex(body).chars().take(DIGEST_DIGITS).collect();
    format!("\"{}.{digest}\"", version.unwrap_or_default())
}
