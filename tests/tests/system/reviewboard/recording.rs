//! A request that a real Review Board was sent, and what it answered: data, as it was recorded.

use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Stands where the text of a token was.
const AUTHORIZATION: &str = "authorization";

/// One recording.
pub(super) struct Recording {
    /// The name of its file, without its ending.
    pub(super) name: String,
    data: Value,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("recordings/reviewboard")
}

/// The names of all recordings.
pub(super) fn names() -> BTreeSet<String> {
    let entries = std::fs::read_dir(folder()).expect("the recordings");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let files = paths.filter(|path| path.extension().is_some_and(|ending| ending == "json"));
    files.map(|path| path.file_stem().unwrap_or_default().to_string_lossy().into_owned()).collect()
}

impl Recording {
    /// Reads one by its name.
    pub(super) fn read(name: &str) -> Self {
        let text = std::fs::read_to_string(folder().join(format!("{name}.json")));
        let text = text.unwrap_or_else(|error| panic!("{name}: {error}"));
        Self { name: name.to_owned(), data: serde_json::from_str(&text).expect("JSON") }
    }

    fn text(&self, pointer: &str) -> &str {
        self.data.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
    }

    /// The method of the request.
    pub(super) fn method(&self) -> &str {
        self.text("/request/method")
    }

    /// Path and query of the request.
    pub(super) fn target(&self) -> &str {
        self.text("/request/target")
    }

    /// Who asks, and in which way: `basic:<user>`, `token:<user>`, `bearer:<name>`, `session-cookie` or `anonymous`.
    pub(super) fn auth(&self) -> &str {
        self.text("/request/auth")
    }

    /// The headers of the request, but for the one with the secret.
    pub(super) fn request_headers(&self) -> Vec<(&str, &str)> {
        let headers = self.data["request"]["headers"].as_object().into_iter().flatten();
        let known = headers.filter(|(name, _)| !name.eq_ignore_ascii_case(AUTHORIZATION));
        known.map(|(name, value)| (name.as_str(), value.as_str().unwrap_or_default())).collect()
    }

    /// The body of the request, if it was sent as it stands.
    pub(super) fn raw_body(&self) -> Option<&str> {
        self.data["request"]["body"].as_str()
    }

    /// The fields of the request's form.
    pub(super) fn form(&self) -> Vec<(&str, &str)> {
        let fields = self.data["request"]["form"].as_object().into_iter().flatten();
        fields.map(|(name, value)| (name.as_str(), value.as_str().unwrap_or_default())).collect()
    }

    /// The status of the answer.
    pub(super) fn status(&self) -> u16 {
        let status = self.data["response"]["status"].as_u64();
        status.and_then(|status| status.try_into().ok()).expect("a status")
    }

    /// A header of the answer.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.data["response"]["headers"].as_array().into_iter().flatten();
        headers.find(|pair| pair[0].as_str().is_some_and(|known| known.eq_ignore_ascii_case(name)))?[1].as_str()
    }

    /// The body of the answer; null without one.
    pub(super) fn json(&self) -> &Value {
        &self.data["response"]["json"]
    }

    /// Whether the entity tag of the answer is the digest of its body.
    pub(super) fn has_digest(&self) -> bool {
        self.data["response"]["etag_is_sha256_of_body"] == true
    }
}
