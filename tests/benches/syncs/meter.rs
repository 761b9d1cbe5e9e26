//! What something costs: calls to the engines and their bytes, time, processor and memory of this process.

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use repoplane_api::app::SystemIds;
use repoplane_local::line::Line;
use repoplane_local::queues::SYNC_JOBS_URL;
use repoplane_store::{Store, SyncQueue, Vault};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The table of the embedded engine.
pub(super) const TABLE: &str = "repoplane";

/// A line to the engines that counts calls and bytes, and may make every call take longer.
#[derive(Debug, Clone)]
pub(super) struct Meter {
    line: Line,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Debug, Default)]
struct Seen {
    calls: BTreeMap<String, usize>,
    bytes: usize,
    delay: Duration,
}

impl Meter {
    pub(super) fn on(line: Line) -> Self {
        Self { line, seen: Arc::default() }
    }

    /// A store whose table and queue are called over this meter.
    pub(super) fn store(&self) -> Store {
        let table = self.line.dynamodb().config().to_builder().http_client(self.clone()).build();
        let queue = self.line.sqs().config().to_builder().http_client(self.clone()).build();
        let queue = SyncQueue::new(aws_sdk_sqs::Client::from_conf(queue), SYNC_JOBS_URL);
        let vault = Vault::new(self.line.secrets_manager(), TABLE);
        let ids = Arc::new(SystemIds::new());
        Store::new(aws_sdk_dynamodb::Client::from_conf(table), TABLE, vault, ids).with_sync_queue(Some(queue))
    }

    /// Makes every call take so much longer from now on, as a network would.
    pub(super) fn delay(&self, delay: Duration) {
        self.with(|seen| seen.delay = delay);
    }

    fn with<T>(&self, what: impl FnOnce(&mut Seen) -> T) -> T {
        what(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl HttpConnector for Meter {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let meter = self.clone();
        HttpConnectorFuture::new(async move {
            let target = request.headers().get("x-amz-target").unwrap_or_default();
            let operation = target.rsplit_once('.').map_or(target, |(_, operation)| operation).to_owned();
            let sent = request.body().bytes().map_or(0, <[u8]>::len);
            let delay = meter.with(|seen| seen.delay);
            if !delay.is_zero() {
                tokio::time::sleep(delay).await;
            }
            let answer = HttpConnector::call(&meter.line, request).await?;
            let received = answer.body().bytes().map_or(0, <[u8]>::len);
            meter.with(|seen| {
                *seen.calls.entry(operation).or_default() += 1;
                seen.bytes += sent + received;
            });
            Ok(answer)
        })
    }
}

impl HttpClient for Meter {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

/// What providers were asked and gave so far.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    /// Requests.
    pub(super) requests: u64,
    /// Bytes of the answers' bodies.
    pub(super) bytes: u64,
}

/// How things stood before what is measured.
#[derive(Debug)]
pub(super) struct Measuring {
    asked: Asked,
    started: Instant,
    processor: Duration,
    memory: u64,
}

impl Measuring {
    pub(super) fn start(meter: &Meter, asked: Asked) -> Self {
        meter.with(|seen| (seen.calls, seen.bytes) = Default::default());
        // Linux: proc_pid_clear_refs, 5 sets the peak back to what is resident now.
        std::fs::write("/proc/self/clear_refs", "5").expect("a peak that can be set back");
        Self { asked, memory: status("VmRSS:"), processor: processor(), started: Instant::now() }
    }

    /// What it took. Asking the provider what it gave is not in it.
    pub(super) fn end(self, meter: &Meter) -> Measured {
        let (time, processor) = (self.started.elapsed(), processor().saturating_sub(self.processor));
        let (calls, bytes) = meter.with(|seen| (std::mem::take(&mut seen.calls), seen.bytes));
        Measured { before: self, calls, bytes, time, processor, peak: status("VmHWM:") }
    }
}

/// What something took.
#[derive(Debug)]
pub(super) struct Measured {
    before: Measuring,
    calls: BTreeMap<String, usize>,
    bytes: usize,
    time: Duration,
    processor: Duration,
    peak: u64,
}

impl Measured {
    /// A row of the table.
    pub(super) fn row(&self, what: &str, asked: Asked) -> String {
        let calls: Vec<_> = self.calls.iter().map(|(operation, count)| format!("{count} × {operation}")).collect();
        format!(
            "| {what} | {} | {} | {} | {} | {:.2} | {:.2} | {} (+{}) |",
            if calls.is_empty() { "none".to_owned() } else { calls.join(", ") },
            self.bytes.div_ceil(1024),
            asked.requests - self.before.asked.requests,
            (asked.bytes - self.before.asked.bytes).div_ceil(1024),
            self.time.as_secs_f64(),
            self.processor.as_secs_f64(),
            self.peak / 1024,
            self.peak.saturating_sub(self.before.memory) / 1024,
        )
    }
}

/// A line of this process's status, in KiB (Linux: proc_pid_status).
fn status(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a line of this name");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

/// Time of all threads on a processor, in steps of 10 ms (Linux: proc_pid_stat, fields 14 and 15).
fn processor() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux");
    // The name of the program, in brackets, may have spaces.
    let (_, rest) = stat.rsplit_once(')').expect("a name");
    let ticks: u64 = rest.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(10 * ticks)
}
