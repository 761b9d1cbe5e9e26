//! What is told of every request and invocation: one line, with what it cost and the metrics in it.
//!
//! The edge runs a request in the scope of an [`Observer`]; whatever learns something about it on the way notes it here
//! ([`principal`], [`repository`], [`count`] …). What is noted is ids, names of ours and numbers: no text that a caller
//! chose but the request's id, no path, no query, no body, no e-mail.

mod line;
mod metric;
mod timing;
mod trace;

pub use metric::Metric;

use crate::app::{Clock, SystemClock};
use http::{Method, StatusCode};
use line::Line;
use repoplane_domain::access::{Principal, TokenKind};
use repoplane_domain::id::{AccessTokenId, DeliveryId, RepositoryId, TenantId};
use repoplane_store::{Usage, measured, metered};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::future::Future;
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

pub(crate) use timing::server_timing;
pub(crate) use trace::trace_of;

/// Name of the deployment, which parts the metrics of several in one account.
const STAGE: &str = "REPOPLANE_STAGE";
/// The stage when none is named.
const DEFAULT_STAGE: &str = "default";
/// Longest name of a stage, in bytes; CloudWatch takes 1,024 of a dimension's value.
const MAX_STAGE_BYTES: usize = 64;

tokio::task_local! {
    static SEEN: Arc<Mutex<Seen>>;
}

/// What was learned of a request on its way.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen {
    pub(crate) request_id: Option<String>,
    pub(crate) trace: Option<String>,
    pub(crate) method: Option<Method>,
    pub(crate) route: Option<String>,
    pub(crate) status: Option<StatusCode>,
    pub(crate) dialect: Option<&'static str>,
    pub(crate) tenant: Option<TenantId>,
    pub(crate) caller: Option<&'static str>,
    pub(crate) token: Option<AccessTokenId>,
    pub(crate) repository: Option<RepositoryId>,
    pub(crate) delivery: Option<DeliveryId>,
    pub(crate) counts: BTreeMap<Metric, f64>,
}

impl Seen {
    /// Whether it was a caller with a token of ours or an issuer's.
    fn is_authenticated(&self) -> bool {
        self.token.is_some()
    }
}

pub(crate) fn note(what: impl FnOnce(&mut Seen)) {
    // Outside of a request there is nobody to tell.
    let _ = SEEN.try_with(|seen| what(&mut seen.lock().unwrap_or_else(PoisonError::into_inner)));
}

/// Notes who calls.
pub(crate) fn principal(principal: &Principal, of_issuer: bool) {
    let kind = match principal.kind {
        _ if of_issuer => "oidc",
        TokenKind::Personal => "personal",
        TokenKind::Integration => "integration",
        TokenKind::Platform => "platform",
    };
    note(|seen| {
        seen.tenant = Some(principal.tenant);
        seen.caller = Some(kind);
        seen.token = Some(principal.token);
    });
}

/// Notes that a provider's webhook calls, and for which tenant, once that is known.
pub fn webhook(tenant: Option<TenantId>) {
    note(|seen| {
        seen.caller = Some("webhook");
        seen.tenant = tenant.or(seen.tenant);
    });
}

/// Notes the repository that it is about.
pub fn repository(id: RepositoryId) {
    note(|seen| seen.repository = Some(id));
}

/// Notes the delivery that it was recorded as.
pub fn delivery(id: DeliveryId) {
    note(|seen| seen.delivery = Some(id));
}

/// Adds to a metric of the request.
pub fn count(metric: Metric, value: f64) {
    note(|seen| *seen.counts.entry(metric).or_default() += value);
}

/// The same future for another task, which works for the request that starts it: its calls and what it notes count there.
pub fn carried<F: Future>(work: F) -> impl Future<Output = F::Output> {
    let seen = SEEN.try_with(Arc::clone).unwrap_or_default();
    SEEN.scope(seen, metered(work))
}

/// Who is told of every request and invocation of a function. Cheap to clone; clones share that the process was cold.
#[derive(Clone)]
pub struct Observer {
    /// The function, which is its group of resources.
    function: &'static str,
    stage: Arc<str>,
    /// Where lines go; without it they are events for people.
    lines: Option<Arc<Mutex<dyn Write + Send>>>,
    cold: Arc<AtomicBool>,
    clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for Observer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Observer").field("function", &self.function).field("stage", &self.stage).finish_non_exhaustive()
    }
}

impl Observer {
    /// Tells people, by an event of the log.
    pub fn for_people() -> Self {
        Self { lines: None, ..Self::on("all", DEFAULT_STAGE, std::io::sink()) }
    }

    /// Writes a JSON line of each into `lines`.
    pub fn on(function: &'static str, stage: &str, lines: impl Write + Send + 'static) -> Self {
        Self {
            function,
            stage: stage.into(),
            lines: Some(Arc::new(Mutex::new(lines))),
            cold: Arc::new(AtomicBool::new(true)),
            clock: Arc::new(SystemClock),
        }
    }

    /// Writes JSON lines to standard output, from where CloudWatch Logs takes them and the metrics in them. The stage is
    /// that of the environment.
    pub fn of_function(function: &'static str) -> Self {
        let stage = std::env::var(STAGE).unwrap_or_default();
        Self::on(function, stage_of(&stage), std::io::stdout())
    }

    /// Another function of the same process, which starts cold.
    #[must_use]
    pub fn of(&self, function: &'static str) -> Self {
        Self { function, cold: Arc::new(AtomicBool::new(true)), ..self.clone() }
    }

    /// Runs one invocation of a function that is not called over HTTP, and tells of it. `kind` is what it is asked for,
    /// like `tick`.
    ///
    /// # Errors
    /// Those of the work.
    pub async fn invocation<T, E: Display>(
        &self,
        kind: &'static str,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let mut run = self.start();
        let (outcome, usage) = run.through(work).await;
        run.end(&Told { what: "invocation", kind: Some(kind), failed: outcome.is_err() }, usage);
        outcome
    }

    /// Tells of an event that could not be turned into a request, by the answer to it in the gateway's form.
    pub(crate) fn refused(&self, answer: &Value) {
        let run = self.start();
        let status = answer["statusCode"].as_u64().and_then(|status| u16::try_from(status).ok());
        run.note(|seen| {
            seen.request_id = answer["headers"]["x-request-id"].as_str().map(str::to_owned);
            seen.status = status.and_then(|status| StatusCode::from_u16(status).ok());
        });
        run.end(&Told { what: "request", kind: None, failed: true }, Usage::default());
    }

    pub(crate) fn start(&self) -> Run<'_> {
        let is_cold = self.cold.swap(false, Ordering::Relaxed);
        Run { observer: self, started: Instant::now(), is_cold, seen: Arc::default() }
    }
}

/// What kind of thing is told of.
pub(crate) struct Told {
    pub(crate) what: &'static str,
    pub(crate) kind: Option<&'static str>,
    pub(crate) failed: bool,
}

/// One request or invocation that is being observed.
pub(crate) struct Run<'o> {
    observer: &'o Observer,
    started: Instant,
    is_cold: bool,
    seen: Arc<Mutex<Seen>>,
}

impl Run<'_> {
    /// Runs the work in the scope of what is noted.
    pub(crate) async fn through<F: Future>(&mut self, work: F) -> (F::Output, Usage) {
        measured(SEEN.scope(Arc::clone(&self.seen), work)).await
    }

    pub(crate) fn note(&self, what: impl FnOnce(&mut Seen)) {
        what(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Whether the caller is known and got what was asked for.
    pub(crate) fn is_answered_to_a_caller(&self) -> bool {
        let mut answered = false;
        self.note(|seen| {
            answered = seen.is_authenticated() && seen.status.is_some_and(|status| status.is_success());
        });
        answered
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Tells of it.
    pub(crate) fn end(self, told: &Told, usage: Usage) {
        let duration = self.started.elapsed();
        let mut seen = Seen::default();
        self.note(|found| seen = found.clone());
        let line = Line::of(self.observer, told, &seen, (duration, usage, self.is_cold));
        let Some(lines) = &self.observer.lines else { return line.tell_people() };
        let Ok(mut text) = serde_json::to_vec(&line) else { return };
        text.push(b'\n');
        let mut lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
        // Who reads the log cannot be told that it cannot be written.
        let _ = lines.write_all(&text).and_then(|()| lines.flush());
    }
}

/// A stage as a dimension takes it (CloudWatch: ASCII, not blank).
fn stage_of(text: &str) -> &str {
    let text = text.trim();
    let fits = (1..=MAX_STAGE_BYTES).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic() || b == b' ');
    if fits { text } else { DEFAULT_STAGE }
}

#[cfg(test)]
mod tests;
