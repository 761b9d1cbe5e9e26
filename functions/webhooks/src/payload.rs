//! The kept body of a delivery, as JSON for the detail or as it came in.

use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, header};
use repoplane_api::Problem;
use repoplane_api::access::DeliveryOf;
use repoplane_api::answer::entity_tag;
use repoplane_domain::delivery::Delivery;
use repoplane_domain::error::Kind;
use repoplane_domain::webhook::{Incoming, TraceLog, WebhookHeaders, open};
use serde_json::Value;

/// The body as the rules saw it; as text where it is no JSON.
pub(crate) fn as_json(delivery: &Delivery, body: &[u8]) -> Value {
    let headers = WebhookHeaders::new(delivery.headers.iter());
    let incoming = Incoming { endpoint: delivery.summary.provider, headers: &headers, raw: body };
    let opened = open(&incoming, &mut TraceLog::new(delivery.summary.created_at));
    opened
        .or_else(|_| serde_json::from_slice(body))
        .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(body).into_owned()))
}

/// `repos_get_webhook_delivery_payload`: the raw body, whole or one range of bytes.
pub(crate) async fn download(DeliveryOf { kept, .. }: DeliveryOf, headers: HeaderMap) -> Result<Response, Problem> {
    let id = kept.delivery.summary.id;
    let body = kept.body.ok_or_else(|| Problem::not_found(Kind::Delivery))?;
    let media_type =
        kept.delivery.headers.get("content-type").cloned().unwrap_or_else(|| "application/json".to_owned());
    // The provider's bytes are shown by nobody's browser as a page.
    let common = [
        (header::CONTENT_TYPE, media_type),
        (header::ACCEPT_RANGES, "bytes".to_owned()),
        (header::ETAG, entity_tag(None, &body)),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{id}.json\"")),
    ];
    let wanted = headers.get(header::RANGE).and_then(|value| value.to_str().ok());
    Ok(match wanted.map(|text| range(text, body.len())) {
        None | Some(None) => (common, body).into_response(),
        Some(Some(Ok((from, to)))) => {
            let shown = format!("bytes {from}-{}/{}", to - 1, body.len());
            let part = body.get(from..to).unwrap_or_default().to_vec();
            (StatusCode::PARTIAL_CONTENT, common, [(header::CONTENT_RANGE, shown)], part).into_response()
        }
        Some(Some(Err(()))) => {
            let shown = format!("bytes */{}", body.len());
            (StatusCode::RANGE_NOT_SATISFIABLE, [(header::CONTENT_RANGE, shown)]).into_response()
        }
    })
}

/// One `bytes=` range as a half-open interval; `None` for forms that a server may ignore (RFC 9110, 14.2), an error for
/// one that lies outside.
fn range(text: &str, length: usize) -> Option<Result<(usize, usize), ()>> {
    let (from, to) = text.strip_prefix("bytes=")?.split_once('-')?;
    let number = |text: &str| text.parse::<usize>().ok();
    let bounds = match (from, to) {
        ("", last) => (length.saturating_sub(number(last)?), length),
        (first, "") => (number(first)?, length),
        (first, last) => (number(first)?, number(last)?.saturating_add(1).min(length)),
    };
    Some(if bounds.0 < bounds.1 { Ok(bounds) } else { Err(()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_those_of_rfc_9110() {
        assert_eq!(range("bytes=0-3", 10), Some(Ok((0, 4))));
        assert_eq!(range("bytes=5-", 10), Some(Ok((5, 10))));
        assert_eq!(range("bytes=-3", 10), Some(Ok((7, 10))));
        assert_eq!(range("bytes=8-99", 10), Some(Ok((8, 10))));
        assert_eq!(range("bytes=10-", 10), Some(Err(())));
        assert_eq!(range("bytes=3-1", 10), Some(Err(())));
        assert_eq!(range("bytes=0-1,4-5", 10), None);
        assert_eq!(range("lines=0-1", 10), None);
    }
}
