//! Dialects: APIs of other manners over the same registry, each at paths of its own.
//!
//! Extractors, handlers and the edge say what is wrong by a [`Problem`]; the dialect whose path it is writes it in its own
//! words, so that it has one table of them.

use crate::app::App;
use crate::problem::Problem;
use axum::extract::{FromRef, FromRequestParts, Request};
use axum::response::Response;
use http::request::Parts;
use http::{Extensions, HeaderMap, Uri, header};
use lambda_http::request::RequestContext;
use std::convert::Infallible;
use std::net::IpAddr;

/// What is known of a request when its problems are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// Its id.
    pub request_id: String,
    /// Its path.
    pub path: String,
    /// Where the API is, like `https://plane.example.com`.
    pub origin: String,
    /// The caller's address, where a gateway tells it.
    pub address: Option<IpAddr>,
}

/// The id of a request, which the edge gives it.
#[derive(Debug, Clone)]
pub(crate) struct RequestId(pub(crate) String);

/// A dialect as the edge knows it.
#[derive(Debug, Clone)]
pub struct Dialect {
    /// Its name, for the log.
    pub name: &'static str,
    /// Whether a path is one of its own.
    pub owns: fn(&str) -> bool,
    /// What its paths may end with without another meaning, like `.json`.
    pub suffix: Option<&'static str>,
    /// What ids of requests begin with.
    pub id_prefix: &'static str,
    /// Where the API is, if it is known; else where the request was sent.
    pub origin: Option<String>,
    /// Writes a problem.
    pub render: fn(&Problem, &Asked) -> Response,
    /// Whether its paths end in a slash: one without it is sent on to the one with it.
    pub final_slash: bool,
    /// Whether it answers in its own media type whatever the caller accepts.
    pub any_media: bool,
}

impl Dialect {
    /// The address by which a request is routed; `None` when it has no ending to lose.
    pub(crate) fn routed(&self, uri: &Uri) -> Option<Uri> {
        let path = uri.path().strip_suffix(self.suffix?).filter(|path| !path.ends_with('/'))?;
        let target = uri.query().map_or(path.to_owned(), |query| format!("{path}?{query}"));
        let mut pieces = uri.clone().into_parts();
        pieces.path_and_query = target.parse().ok();
        Uri::from_parts(pieces).ok()
    }

    /// The address with the final slash; `None` where the dialect wants none, or it is there.
    pub(crate) fn slashed(&self, uri: &Uri) -> Option<Uri> {
        let path = Some(uri.path()).filter(|path| self.final_slash && !path.ends_with('/'))?;
        let target = uri.query().map_or(format!("{path}/"), |query| format!("{path}/?{query}"));
        let mut pieces = uri.clone().into_parts();
        pieces.path_and_query = target.parse().ok();
        Uri::from_parts(pieces).ok()
    }

    pub(crate) fn request_id(&self, id: String) -> String {
        if id.starts_with(self.id_prefix) { id } else { format!("{}{id}", self.id_prefix) }
    }
}

impl Asked {
    pub(crate) fn of(request: &Request, origin: Option<&str>) -> Self {
        Self::read(request.extensions(), request.headers(), request.uri(), origin)
    }

    fn read(extensions: &Extensions, headers: &HeaderMap, uri: &Uri, origin: Option<&str>) -> Self {
        let request_id = extensions.get::<RequestId>().map(|id| id.0.clone()).unwrap_or_default();
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
        let here = || format!("https://{}", uri.host().or(host).unwrap_or("localhost"));
        let origin = origin.map_or_else(here, |origin| origin.trim_end_matches('/').to_owned());
        Self { request_id, path: uri.path().to_owned(), origin, address: address(extensions) }
    }
}

/// The caller's address. What headers say of it is not asked: anybody can write them.
fn address(extensions: &Extensions) -> Option<IpAddr> {
    let Some(RequestContext::ApiGatewayV2(context)) = extensions.get::<RequestContext>() else { return None };
    context.http.source_ip.as_deref()?.parse().ok()
}

impl<S: Send + Sync> FromRequestParts<S> for Asked
where
    App: FromRef<S>,
{
    type Rejection = Infallible;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let app = App::from_ref(state);
        let origin = app.settings.public_url.as_deref();
        Ok(Self::read(&parts.extensions, &parts.headers, &parts.uri, origin))
    }
}
