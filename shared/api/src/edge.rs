//! What every request passes on its way in and out: a tolerant path, a request id, bounds on its headers, one log line,
//! problems written out, and panics turned into a problem.

use crate::accept::Accept;
use crate::dialect::{Asked, Dialect, RequestId};
use crate::observe::{self, Observer, Told, server_timing, trace_of};
use crate::precondition::is_known;
use crate::problem::{Problem, ProblemType};
use axum::Router;
use axum::body::Body;
use axum::extract::{MatchedPath, Request};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use std::any::Any;
use std::sync::Arc;
use tower::Layer;
use tower_http::catch_panic::CatchPanicLayer;

const REQUEST_ID: &str = "x-request-id";
const SERVER_TIMING: &str = "server-timing";
/// Longest request id that is taken over from the caller, in bytes.
const MAX_REQUEST_ID_BYTES: usize = 128;
/// The headers of a request, names and values together, in bytes: API Gateway's own limit, held here as well so that it is
/// the same on a laptop.
pub const MAX_HEADER_BYTES: usize = 10_240;
/// Where pages are served beside JSON.
const PAGES: [&str; 2] = ["/docs", "/problems"];
/// What pages and their files may be.
const PAGE_TYPES: [&str; 3] = ["text/html", "text/css", "text/javascript"];

/// Wraps a function's router. Unknown paths and methods are answered here as problems.
pub fn edge(router: Router) -> Router {
    edge_of(router, Vec::new())
}

/// As [`edge`], for a router that speaks dialects: each writes the problems of its own paths, whatever found them.
pub fn edge_of(router: Router, dialects: Vec<Dialect>) -> Router {
    edge_observed(router, dialects, Observer::for_people())
}

/// As [`edge_of`], telling an observer of every request.
pub fn edge_observed(router: Router, dialects: Vec<Dialect>, observer: Observer) -> Router {
    let router = router.fallback(unknown_path).method_not_allowed_fallback(unknown_method);
    let router = router.layer(middleware::from_fn(note_route)).layer(CatchPanicLayer::custom(panicked));
    let dialects: Arc<[Dialect]> = dialects.into();
    let pass = move |request: Request, next: Next| observed(observer.clone(), Arc::clone(&dialects), request, next);
    let service = middleware::from_fn(pass).layer(router);
    // The path is mended before routing, so the layer lies around the router, not in it.
    Router::new().fallback_service(service)
}

/// Marks the answer to a path that the router does not have.
#[derive(Debug, Clone, Copy)]
struct UnknownPath;

async fn unknown_path(method: Method, uri: Uri) -> Response {
    let problem =
        Problem::new(ProblemType::NotFound, format!("Cannot {method} {}", uri.path())).with_error("Not Found");
    let mut response = problem.into_response();
    response.extensions_mut().insert(UnknownPath);
    response
}

async fn unknown_method(method: Method, uri: Uri) -> Problem {
    Problem::new(ProblemType::MethodNotAllowed, format!("Cannot {method} {}", uri.path()))
        .with_error("Method Not Allowed")
}

fn panicked(_: Box<dyn Any + Send + 'static>) -> Response {
    tracing::error!("A handler panicked");
    Problem::new(ProblemType::Internal, "The request met a bug; the log names it by the request id").into_response()
}

/// Notes the route as it was declared: the path itself is the caller's text, and may hold anything.
async fn note_route(path: Option<MatchedPath>, request: Request, next: Next) -> Response {
    if let Some(path) = path {
        observe::note(|seen| seen.route = Some(path.as_str().to_owned()));
    }
    next.run(request).await
}

/// Tells of the request when it is answered: to the observer all, to the caller what it may know.
async fn observed(observer: Observer, dialects: Arc<[Dialect]>, request: Request, next: Next) -> Response {
    let mut run = observer.start();
    run.note(|seen| {
        seen.method = Some(request.method().clone());
        seen.trace = trace_of(request.headers());
    });
    let (mut response, usage) = run.through(pass(dialects, request, next)).await;
    run.note(|seen| seen.status = Some(response.status()));
    let cost = run.is_answered_to_a_caller().then_some(usage);
    if let Some(timing) = server_timing(run.elapsed(), cost) {
        response.headers_mut().insert(SERVER_TIMING, timing);
    }
    run.end(&Told { what: "request", kind: None, failed: false }, usage);
    response
}

async fn pass(dialects: Arc<[Dialect]>, mut request: Request, next: Next) -> Response {
    let had_slash = request.uri().path().ends_with('/');
    let mended = mended(request.uri());
    if let Some(uri) = &mended {
        *request.uri_mut() = uri.clone();
    }
    let dialect = dialects.iter().find(|dialect| (dialect.owns)(request.uri().path()));
    let slashed = dialect.and_then(|dialect| dialect.slashed(request.uri()));
    if let Some(uri) = &slashed {
        *request.uri_mut() = uri.clone();
    }
    let id = dialect.map_or_else(|| request_id(&request), |dialect| dialect.request_id(request_id(&request)));
    request.extensions_mut().insert(RequestId(id.clone()));
    observe::note(|seen| {
        seen.request_id = Some(id.clone());
        seen.dialect = Some(dialect.map_or("native", |dialect| dialect.name));
    });
    let spoken = dialect.map(|dialect| (dialect, Asked::of(&request, dialect.origin.as_deref())));
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    if let Some(routed) = dialect.and_then(|dialect| dialect.routed(request.uri())) {
        *request.uri_mut() = routed;
    }
    let reads = method == Method::GET || method == Method::HEAD;
    let asks = reads && request.headers().contains_key(header::IF_NONE_MATCH);
    let known: HeaderMap = if asks { request.headers().clone() } else { HeaderMap::new() };
    let moved = slashed.filter(|_| !had_slash);
    let refused = refused(&request, dialect.is_some_and(|dialect| dialect.any_media));
    let mut response = match (refused, &moved) {
        (Some(problem), _) => problem.into_response(),
        (None, Some(uri)) => moved_permanently(uri),
        (None, None) => next.run(request).await,
    };
    let unknown = response.extensions_mut().remove::<UnknownPath>().is_some();
    let strays = unknown && !dialect.is_some_and(|dialect| dialect.final_slash);
    if let Some(location) = mended.filter(|_| strays).and_then(|uri| elsewhere(&uri)) {
        response = (StatusCode::PERMANENT_REDIRECT, [(header::LOCATION, location)]).into_response();
    } else if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        // 405 carries the methods that the router knows for the path.
        let allow = response.headers().get(header::ALLOW).cloned();
        response = match &spoken {
            Some((dialect, asked)) => (dialect.render)(&problem, asked),
            None => problem.render(&id, &path),
        };
        // A dialect may know better.
        if let Some(allow) = allow.filter(|_| !response.headers().contains_key(header::ALLOW)) {
            response.headers_mut().insert(header::ALLOW, allow);
        }
    }
    let tag = response.headers().get(header::ETAG).and_then(|tag| tag.to_str().ok());
    if response.status() == StatusCode::OK && tag.is_some_and(|tag| is_known(&known, tag)) {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        *response.body_mut() = Body::empty();
        response.headers_mut().remove(header::CONTENT_TYPE);
        response.headers_mut().remove(header::CONTENT_LENGTH);
    }
    if method == Method::HEAD {
        *response.body_mut() = Body::empty();
    }
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}

/// Where a mended path is served, if not here. The gateway sends a path by its prefix, and takes no route that ends in a
/// slash: `…/robots/` comes to the function of all other paths, which has no robots. 308 keeps method and body. Only paths
/// of the API lie elsewhere: of any other, a browser could read `/\host` as another site.
fn elsewhere(uri: &Uri) -> Option<HeaderValue> {
    let target = uri.path_and_query()?.as_str();
    target.starts_with("/api/").then(|| HeaderValue::from_str(target).ok()).flatten()
}

/// The answer to a path that lacks its final slash.
fn moved_permanently(uri: &Uri) -> Response {
    let target = uri.path_and_query().map_or(uri.path(), |target| target.as_str());
    let headers = [
        (header::LOCATION, target),
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (StatusCode::MOVED_PERMANENTLY, headers).into_response()
}

/// What is wrong with the headers of a request, whatever it asks for.
fn refused(request: &Request, any_media: bool) -> Option<Problem> {
    let bytes: usize = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if bytes > MAX_HEADER_BYTES {
        let detail = format!("the headers may have at most {MAX_HEADER_BYTES} bytes in all");
        return Some(Problem::new(ProblemType::HeadersTooLarge, detail));
    }
    let accept = Accept::of(request.headers());
    let path = request.uri().path();
    let is_page =
        PAGES.iter().any(|page| path.strip_prefix(page).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')));
    // A payload is sent in the media type that it came in, so any may be right.
    let admitted = any_media
        || path.ends_with("/payload")
        || ["application/json", "application/problem+json"].iter().any(|media| accept.admits(media))
        || (is_page && PAGE_TYPES.iter().any(|media| accept.admits(media)));
    let offered = if is_page { "text/html or application/json" } else { "application/json" };
    (!admitted).then(|| Problem::new(ProblemType::NotAcceptable, format!("only {offered} can be answered here")))
}

/// The caller's request id if it is harmless, else Lambda's trace, else a new one.
fn request_id(request: &Request) -> String {
    let given = |name| request.headers().get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let harmless = |text: &&str| {
        let bytes = text.as_bytes();
        (1..=MAX_REQUEST_ID_BYTES).contains(&bytes.len())
            && bytes.iter().all(|b| b.is_ascii_alphanumeric() || b"-_.:=;".contains(b))
    };
    given(REQUEST_ID)
        .filter(harmless)
        .or_else(|| given("x-amzn-trace-id").filter(harmless))
        .map_or_else(|| format!("req_{:016x}", getrandom::u64().unwrap_or_default()), str::to_owned)
}

/// The path without doubled and trailing slashes; `None` when there are none.
fn mended(uri: &Uri) -> Option<Uri> {
    let path = uri.path();
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let clean = format!("/{}", parts.join("/"));
    if clean == path {
        return None;
    }
    let target = uri.query().map_or(clean.clone(), |query| format!("{clean}?{query}"));
    let mut pieces = uri.clone().into_parts();
    pieces.path_and_query = target.parse().ok();
    Uri::from_parts(pieces).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_sent_to_another_site() {
        let sent = |text: &str| elsewhere(&mended(&text.parse().unwrap()).unwrap()).is_some();
        assert!(sent("/api/repos/x/robots/?limit=1"));
        assert!(sent("//api//repos"));
        assert!(!sent("/\\evil.example/") && !sent("//evil.example/x/") && !sent("/api\\evil.example/"));
    }

    #[test]
    fn doubled_and_trailing_slashes_are_mended() {
        let mend = |text: &str| mended(&text.parse().unwrap()).map(|uri| uri.to_string());
        assert_eq!(mend("/api/repos"), None);
        assert_eq!(mend("/api//repos/?limit=1").as_deref(), Some("/api/repos?limit=1"));
        assert_eq!(mend("//").as_deref(), Some("/"));
        assert_eq!(mend("http://h/a/").as_deref(), Some("http://h/a"));
    }
}
