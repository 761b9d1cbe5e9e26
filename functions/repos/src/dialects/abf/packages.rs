//! `packages.csv`: every package of a repository (contract: abf 4.3).
//!
//! One request for each platform in a quarter of an hour. The pages of one list, asked for one after another by who began
//! with it, are one request. A list is written as it is sent; behind the gateway, which takes an answer only whole, it is
//! gathered first, and given up as soon as it is too large.

mod chunks;
mod rows;

use super::problems::ACCESS_VIOLATION;
use super::{Call, Found, params};
use crate::static_file::takes_gzip;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use chunks::Chunks;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use repoplane_api::answer::entity_tag;
use repoplane_api::problem::ProblemType;
use repoplane_api::{App, Problem};
use repoplane_domain::platform::BuildAction;
use repoplane_domain::time::Timestamp;
use repoplane_store::StoreError;
use rows::Rows;

/// A list or a page of it, a chunk at a time.
type Text = Box<dyn Iterator<Item = Result<Vec<u8>, StoreError>> + Send>;

/// `abf_list_packages`.
pub(super) async fn list(State(app): State<App>, headers: HeaderMap, call: Call) -> Result<Response, Problem> {
    match answer(&app, &headers, &call).await {
        Err(problem) if problem.kind() == ProblemType::Forbidden => Ok(refused(None)),
        answered => answered,
    }
}

async fn answer(app: &App, headers: &HeaderMap, call: &Call) -> Result<Response, Problem> {
    let found = Found::of(app, call, |_| BuildAction::Packages).await?;
    let page = call.params()?.plain("page").map(|text| {
        let number = params::number(text).and_then(|number| u32::try_from(number).ok());
        number.unwrap_or(1).max(1)
    });
    let (now, user, repository) = (app.now(), call.principal.user, found.set.repository.id);
    let platform = (call.principal.tenant, found.platform.number);
    let asked = app.store.packages_asked(platform.0, platform.1, now).await?;
    let goes_on = |next: Option<u32>| page.is_some() && next == page;
    if let Some(asked) = &asked
        && !(asked.user == user && asked.repository == repository && goes_on(asked.next_page))
    {
        return Ok(refused(Some((now, asked.until))));
    }
    let zipped = takes_gzip(headers);
    if call.method == Method::HEAD {
        // It has no list, and so does not count. What is known of the list alone is left out (RFC 9110, 9.3.2).
        return Ok(listing(zipped, None, Body::empty()));
    }
    let rows = Rows::of(app, call.principal.tenant, repository).await?;
    let tag = entity_tag(None, format!("{} {page:?} {zipped}", rows.state()).as_bytes());
    let (text, more): (Text, bool) = match page {
        None => (Box::new(rows), false),
        Some(page) => {
            let (rows, more) = rows.page(page)?;
            (Box::new(std::iter::once(Ok(rows))), more)
        }
    };
    let chunks = Chunks::of(text, zipped);
    let body = match app.settings.max_answer_bytes {
        None => chunks.stream(),
        Some(most) => match chunks.gather(most)? {
            Some(bytes) => Body::from(bytes),
            // It does not count as one that was accepted.
            None => return Ok(too_large()),
        },
    };
    let next = page.filter(|_| more).map(|page| page + 1);
    if !app.store.ask_packages(platform, (user, repository), (asked.as_ref(), next), now).await? {
        return Ok(refused(None));
    }
    Ok(listing(zipped, Some(&tag), body))
}

/// A list in its form, with its entity tag.
fn listing(zipped: bool, tag: Option<&str>, body: Body) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/csv")),
        (header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=\"packages.csv\"")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")),
        (header::VARY, HeaderValue::from_static("accept-encoding")),
    ];
    let mut response = (headers, body).into_response();
    if let Some(tag) = tag.and_then(|tag| HeaderValue::from_str(tag).ok()) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    if zipped {
        response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

/// Too early is told like everything that one may not; when it is worth asking again does no harm.
fn refused(waits: Option<(Timestamp, Timestamp)>) -> Response {
    let mut response = plain(StatusCode::FORBIDDEN, ACCESS_VIOLATION);
    if let Some((now, until)) = waits {
        let left = (until.as_millisecond() - now.as_millisecond()).max(0).unsigned_abs().div_ceil(1_000);
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(left));
    }
    response
}

fn too_large() -> Response {
    let text = "The list is too large for one answer. Ask for it compressed (Accept-Encoding: gzip), or in parts: \
                packages.csv?page=1, and so on until a part has no rows; parts in order count as one request.";
    plain(StatusCode::PAYLOAD_TOO_LARGE, text)
}

fn plain(status: StatusCode, text: &'static str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (status, headers, text).into_response()
}
