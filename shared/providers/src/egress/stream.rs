//! An answer that is too long to be held: read piece by piece, within the limits of its call.

use super::body;
use super::credentials::of_credentials;
use super::error::EgressError;
use super::message::{EgressRequest, EgressResponse};
use super::{Egress, host_and_port};
use http::StatusCode;
use http::header::{CONTENT_ENCODING, HeaderMap};
use std::fmt;
use tokio::time::{Instant, timeout_at};

/// An answer whose body is still to come.
pub struct EgressStream {
    /// The status.
    pub status: StatusCode,
    /// The headers, as sent.
    pub headers: HeaderMap,
    answer: reqwest::Response,
    host: String,
    limit: usize,
    left: usize,
    deadline: Instant,
}

impl fmt::Debug for EgressStream {
    /// Shows the status only: bodies may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EgressStream({})", self.status)
    }
}

impl Egress {
    /// Sends a request once and reads the head of its answer: under the rules of [`Egress::send`], but no redirect is
    /// followed and nothing is tried again. The body is asked for without encoding. What is read of it later counts
    /// against the time and size of this call.
    ///
    /// # Errors
    /// As [`Egress::send`].
    pub async fn open(&self, request: EgressRequest) -> Result<EgressStream, EgressError> {
        let limits = self.shared.settings.limits(request.kind);
        let (deadline, host) = (Instant::now() + limits.total, host_and_port(&request.url));
        let caller = (host.clone(), of_credentials(&request.headers));
        if let Some(retry_after) = self.shared.quiet.rest(&caller) {
            return Err(EgressError::RateLimited { host, retry_after });
        }
        let asked = timeout_at(deadline, Box::pin(self.ask(&request, &host, "identity"))).await;
        let mut answer = asked.unwrap_or_else(|_| Err(EgressError::Timeout { host: host.clone() }))?;
        let (status, headers) = (answer.status(), std::mem::take(answer.headers_mut()));
        let head = EgressResponse { status, headers, body: Vec::new(), moved_to: None };
        self.shared.quiet.note(&caller, &head);
        tracing::debug!(host, status = status.as_u16(), "outgoing call");
        let encoded =
            head.headers.get_all(CONTENT_ENCODING).iter().any(|one| !one.as_bytes().eq_ignore_ascii_case(b"identity"));
        if encoded {
            return Err(EgressError::Encoding { host, what: "a body in an encoding that was not asked for" });
        }
        let EgressResponse { headers, .. } = head;
        Ok(EgressStream { status, headers, answer, host, limit: limits.body, left: limits.body, deadline })
    }
}

impl EgressStream {
    /// The next piece of the body; `None` at its end.
    ///
    /// # Errors
    /// [`EgressError`] when the body breaks off, takes too long or is longer than the limit.
    pub async fn chunk(&mut self) -> Result<Option<Vec<u8>>, EgressError> {
        let host = || self.host.clone();
        let chunk = timeout_at(self.deadline, self.answer.chunk()).await;
        let chunk = chunk.map_err(|_| EgressError::Timeout { host: host() })?;
        let Some(chunk) = chunk.map_err(|error| EgressError::of_body(host(), error.without_url()))? else {
            return Ok(None);
        };
        self.left = self
            .left
            .checked_sub(chunk.len())
            .ok_or_else(|| EgressError::TooLarge { host: host(), limit: self.limit })?;
        Ok(Some(chunk.into()))
    }

    /// The rest of the body at once, at most `limit` bytes.
    ///
    /// # Errors
    /// As [`Self::chunk`].
    pub async fn rest(&mut self, limit: usize) -> Result<Vec<u8>, EgressError> {
        let limit = limit.min(self.left);
        let read = timeout_at(self.deadline, body::read(&mut self.answer, limit, &self.host)).await;
        read.unwrap_or_else(|_| Err(EgressError::Timeout { host: self.host.clone() }))
    }
}
