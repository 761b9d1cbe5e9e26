//! Base addresses of model providers.

use super::MAX_API_BASE_URL_BYTES;
use url::Url;

/// The normal form of an http(s) address without blanks and user info; anything else is `None`.
///
/// User info is refused because addresses are shown and logged. Whether the address may be *called* is for the egress
/// guard to say.
pub fn http_base_url(text: &str) -> Option<String> {
    let text = text.trim();
    if text.is_empty() || text.len() > MAX_API_BASE_URL_BYTES || text.contains(char::is_whitespace) {
        return None;
    }
    let url = Url::parse(text).ok()?;
    let plain = url.username().is_empty() && url.password().is_none();
    let normal = String::from(url);
    let web = normal.starts_with("http://") || normal.starts_with("https://");
    (web && plain && normal.len() <= MAX_API_BASE_URL_BYTES).then_some(normal)
}
