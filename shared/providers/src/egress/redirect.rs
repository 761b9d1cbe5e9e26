//! Following a redirect: which answers are followed, and what of the request goes along.

use super::credentials::is_secret;
use super::message::{EgressRequest, EgressResponse};
use http::header::{IF_MODIFIED_SINCE, IF_NONE_MATCH, LOCATION};
use http::{Method, StatusCode};
use url::Url;

/// Longest target that is read, in bytes.
const MAX_LOCATION: usize = 4_096;

/// The redirect's target cannot be read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BadLocation;

/// The request that follows an answer; `None` when the answer is the caller's.
///
/// Only what asks and changes nothing is followed: another method could be repeated at a place that its caller never
/// meant. What is secret stays with the origin (scheme, host and port) it was meant for.
pub(super) fn next(request: &EgressRequest, answer: &EgressResponse) -> Result<Option<EgressRequest>, BadLocation> {
    if !matches!(request.method, Method::GET | Method::HEAD) || !is_redirect(answer.status) {
        return Ok(None);
    }
    let Some(location) = answer.headers.get(LOCATION) else { return Ok(None) };
    if location.len() > MAX_LOCATION {
        return Err(BadLocation);
    }
    // The address that was asked for counts, not that of a stand-in.
    let location = location.to_str().map_err(|_| BadLocation)?;
    let url = request.url.join(location).map_err(|_| BadLocation)?;
    let mut next = request.clone();
    if !same_origin(&request.url, &url) {
        next.headers =
            request.headers.iter().filter(|(n, v)| !is_secret(n, v)).map(|(n, v)| (n.clone(), v.clone())).collect();
        next.body.clear();
    }
    // They were about the first address.
    next.headers.remove(IF_NONE_MATCH);
    next.headers.remove(IF_MODIFIED_SINCE);
    next.url = url;
    Ok(Some(next))
}

fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

fn same_origin(one: &Url, other: &Url) -> bool {
    one.scheme() == other.scheme()
        && one.host() == other.host()
        && one.port_or_known_default() == other.port_or_known_default()
}
