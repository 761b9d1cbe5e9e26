//! A server on loopback whose answers a test computes, and that remembers what it was asked.

use axum::Router;
use axum::body::{Body, Bytes, HttpBody, to_bytes};
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use hyper::body::Frame;
use repoplane_domain::credential::GitAccess;
use repoplane_domain::repository::Provider;
use repoplane_providers::{Providers, Target};
use serde_json::Value;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use tokio::net::TcpListener;

/// The token of every test that needs one.
pub(crate) fn access() -> GitAccess {
    GitAccess::personal(crate::server::token())
}

/// One request.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Asked {
    /// Method and path.
    pub(crate) fn call(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// A query parameter.
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        let pairs = url::form_urlencoded::parse(self.query.as_bytes());
        pairs.into_owned().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// A query parameter that is a number; 1 when it is absent.
    pub(crate) fn number(&self, name: &str) -> usize {
        self.parameter(name).map_or(1, |text| text.parse().unwrap())
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// One answer.
#[derive(Debug, Clone)]
pub(crate) struct Said {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    ends: bool,
}

impl Said {
    /// The same, whose body never ends.
    pub(crate) fn unending(mut self) -> Self {
        self.ends = false;
        self
    }

    pub(crate) fn body(&self) -> &[u8] {
        &self.body
    }

    pub(crate) fn ok(body: Value) -> Self {
        Self::status(200, body)
    }

    pub(crate) fn status(status: u16, body: Value) -> Self {
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        Self { status, headers: Vec::new(), body, ends: true }.with("content-type", "application/json; charset=utf-8")
    }

    pub(crate) fn bytes(media_type: &str, body: Vec<u8>) -> Self {
        Self { status: 200, headers: Vec::new(), body, ends: true }.with("content-type", media_type)
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn missing() -> Self {
        Self::status(404, serde_json::json!({"message": "Not Found", "status": "404"}))
    }

    /// A page of a list as GitHub answers it: `Link` where there are more pages.
    pub(crate) fn github_page(asked: &Asked, all: &[Value]) -> Self {
        let (page, per_page) = (asked.number("page"), asked.number("per_page"));
        let items: Vec<_> = all.iter().skip((page - 1) * per_page).take(per_page).cloned().collect();
        let answer = Self::ok(items.into());
        let last = all.len().div_ceil(per_page).max(1);
        match (page < last, page > 1) {
            (true, _) => {
                let link = format!(
                    r#"<https://h.example/x?page={}>; rel="next", <https://h.example/x>; rel="last""#,
                    page + 1
                );
                answer.with("link", &link)
            }
            (false, true) => answer.with("link", r#"<https://h.example/x?page=1>; rel="first""#),
            (false, false) => answer,
        }
    }

    /// A page of a list as GitLab answers it.
    pub(crate) fn gitlab_page(asked: &Asked, all: &[Value]) -> Self {
        let (page, per_page) = (asked.number("page"), asked.number("per_page"));
        let items: Vec<_> = all.iter().skip((page - 1) * per_page).take(per_page).cloned().collect();
        let next = if page * per_page < all.len() { (page + 1).to_string() } else { String::new() };
        Self::ok(items.into()).with("x-next-page", &next)
    }
}

impl IntoResponse for Said {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap();
        let mut answer = if self.ends {
            (status, self.body).into_response()
        } else {
            (status, Body::new(Unending(Some(self.body.into())))).into_response()
        };
        for (name, value) in &self.headers {
            let name: HeaderName = name.parse().unwrap();
            answer.headers_mut().insert(name, HeaderValue::from_str(value).unwrap());
        }
        answer
    }
}

/// A body that begins and is never over.
struct Unending(Option<Bytes>);

impl HttpBody for Unending {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.take().map_or(Poll::Pending, |first| Poll::Ready(Some(Ok(Frame::data(first)))))
    }
}

pub(crate) struct Double {
    pub(crate) address: SocketAddr,
    pub(crate) providers: Providers,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Double {
    pub(crate) async fn start(answer: impl Fn(&Asked) -> Said + Clone + Send + Sync + 'static) -> Self {
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let seen = asked.clone();
        let handler = move |request: Request| {
            let (answer, seen) = (answer.clone(), seen.clone());
            async move {
                let (parts, body) = request.into_parts();
                let asked = Asked {
                    method: parts.method.to_string(),
                    path: parts.uri.path().to_owned(),
                    query: parts.uri.query().unwrap_or_default().to_owned(),
                    headers: parts.headers,
                    body: to_bytes(body, 1 << 20).await.unwrap().to_vec(),
                };
                seen.lock().unwrap().push(asked.clone());
                answer(&asked)
            }
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, Router::new().fallback(handler)).await });
        Self { address, providers: Providers::new(crate::server::egress(address)), asked }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    pub(crate) fn calls(&self) -> Vec<String> {
        self.asked().iter().map(Asked::call).collect()
    }
}

/// A repository at a double.
pub(crate) fn target<'a>(provider: Provider, base: &'a str, identity: &'a str) -> Target<'a> {
    Target { provider, api_base_url: Some(base), identity, remote_url: None }
}
