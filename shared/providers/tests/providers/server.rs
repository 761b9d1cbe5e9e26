//! A provider on loopback that answers by script and remembers what it was asked.

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};
use repoplane_domain::secret::Secret;
use repoplane_providers::{Egress, EgressSettings, Limits};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Path, status and body of an answer. Answers for one path are given in order; the last one stays.
pub(crate) type Answer = (&'static str, u16, String);

/// A token as users have it.
pub(crate) fn token() -> Secret {
    Secret::new("glpat-9sXQ3example")
}

/// The scripted server.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Vec<(String, HeaderMap)>>>,
}

type Script = (Arc<Mutex<Vec<Answer>>>, Arc<Mutex<Vec<(String, HeaderMap)>>>);

impl Server {
    pub(crate) async fn start(answers: Vec<Answer>) -> Self {
        let seen: Arc<Mutex<Vec<_>>> = Arc::default();
        let script: Script = (Arc::new(Mutex::new(answers)), seen.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().fallback(answer).with_state(script);
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, seen }
    }

    /// A client that may call this server, by address and in place of `api.github.com` and `gitlab.com`.
    pub(crate) fn egress(&self) -> Egress {
        egress(self.address)
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Method and path of every request so far.
    pub(crate) fn calls(&self) -> Vec<String> {
        self.seen.lock().unwrap().iter().map(|(call, _)| call.clone()).collect()
    }

    /// Headers of the request with this index.
    pub(crate) fn headers(&self, index: usize) -> HeaderMap {
        self.seen.lock().unwrap()[index].1.clone()
    }
}

async fn answer(State((answers, seen)): State<Script>, request: Request) -> Response {
    let path = request.uri().path_and_query().map(ToString::to_string).unwrap_or_default();
    seen.lock().unwrap().push((format!("{} {path}", request.method()), request.headers().clone()));
    let mut answers = answers.lock().unwrap();
    let mut fitting = answers.iter().enumerate().filter(|(_, answer)| answer.0 == path).map(|(index, _)| index);
    let (first, more) = (fitting.next(), fitting.next().is_some());
    match first {
        Some(index) => {
            let (_, status, body) = if more { answers.remove(index) } else { answers[index].clone() };
            let status = StatusCode::from_u16(status).unwrap();
            // A redirect's body is its target here.
            if status.is_redirection() {
                (status, [("location", body)]).into_response()
            } else {
                (status, body).into_response()
            }
        }
        None => (StatusCode::NOT_FOUND, r#"{"message":"Not Found"}"#).into_response(),
    }
}

/// A client that may call this place; it waits at most a minute and makes no pause before a retry.
pub(crate) fn egress(address: SocketAddr) -> Egress {
    limited(address, |_| {})
}

pub(crate) fn limited(address: SocketAddr, change: impl FnOnce(&mut Limits)) -> Egress {
    let patient = Duration::from_secs(60);
    let mut limits = Limits { connect: patient, total: patient, retry_pause: Duration::ZERO, ..Limits::default() };
    change(&mut limits);
    let list = format!("{address} api.github.com={address} gitlab.com={address}");
    Egress::new(EgressSettings::from_allow_list(&list).unwrap().with_limits(limits))
}

/// A server that writes raw bytes: the n-th connection gets the n-th text (the last one stays), then is closed.
pub(crate) async fn raw(answers: &'static [&'static str]) -> SocketAddr {
    serve_raw(move |index, mut stream| async move {
        let answer = answers[index.min(answers.len() - 1)];
        let _ = stream.write_all(answer.as_bytes()).await;
        let _ = stream.shutdown().await;
    })
    .await
}

/// A server that begins a 200 answer and never ends it.
pub(crate) async fn endless() -> SocketAddr {
    serve_raw(|_, mut stream| async move {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n").await;
        while stream.write_all(&[b'['; 65_536]).await.is_ok() {}
    })
    .await
}

/// A server that accepts and never says a word.
pub(crate) async fn silent() -> SocketAddr {
    serve_raw(|_, stream| async move {
        std::future::pending::<()>().await;
        drop(stream);
    })
    .await
}

async fn serve_raw<F>(answer: impl Fn(usize, TcpStream) -> F + Send + 'static) -> SocketAddr
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        for index in 0.. {
            let (mut stream, _) = listener.accept().await.unwrap();
            // The request fits one read: it is short and comes in one piece over loopback.
            let _ = stream.read(&mut [0; 4096]).await;
            tokio::spawn(answer(index, stream));
        }
    });
    address
}
