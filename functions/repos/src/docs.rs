//! `/docs` and `/api/openapi.json`: the API's reference. Everything comes from the function itself, so that it works where
//! nothing else can be reached.

use crate::static_file::StaticFile;
use axum::extract::OriginalUri;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use repoplane_api::Problem;
use repoplane_api::access::PathParams;
use repoplane_api::problem::ProblemType;

/// What the reference and the pages of problems may load and do: nothing from elsewhere, no inline script, no frame.
pub(crate) const POLICY: (HeaderName, HeaderValue) = (
    header::CONTENT_SECURITY_POLICY,
    HeaderValue::from_static(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
);
/// Addresses of this API may hold ids; they are nobody else's business.
pub(crate) const REFERRER: (HeaderName, HeaderValue) =
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));

const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";

static DOCUMENT: StaticFile =
    StaticFile::plain("application/json", include_str!(concat!(env!("OUT_DIR"), "/openapi.json")));
static PAGE: StaticFile = StaticFile::plain("text/html; charset=utf-8", include_str!("../pages/docs.html"));
static FILES: [(&str, StaticFile); 4] = [
    (
        "swagger-ui-bundle.js",
        StaticFile::gzip(SCRIPT, include_bytes!(concat!(env!("OUT_DIR"), "/swagger-ui-bundle.js.gz"))),
    ),
    ("swagger-ui.css", StaticFile::gzip(STYLE, include_bytes!(concat!(env!("OUT_DIR"), "/swagger-ui.css.gz")))),
    ("page.js", StaticFile::plain(SCRIPT, include_str!("../pages/docs.js"))),
    ("page.css", StaticFile::plain(STYLE, include_str!("../pages/page.css"))),
];

/// `openapi_document`.
pub(crate) async fn document(headers: HeaderMap) -> Response {
    DOCUMENT.answer(&headers)
}

/// `docs_page`.
pub(crate) async fn page(headers: HeaderMap) -> Response {
    ([POLICY, REFERRER], PAGE.answer(&headers)).into_response()
}

/// `docs_file`.
pub(crate) async fn file(params: PathParams, uri: OriginalUri, headers: HeaderMap) -> Result<Response, Problem> {
    let wanted = params.get("file").unwrap_or_default();
    let file = FILES.iter().find(|(name, _)| *name == wanted);
    let missing = || Problem::new(ProblemType::NotFound, format!("Cannot GET {}", uri.path())).with_error("Not Found");
    Ok(file.ok_or_else(missing)?.1.answer(&headers))
}
