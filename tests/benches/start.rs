//! How long a function needs from its start to its first answer, and how much memory: each built binary as its own process
//! on a Lambda runtime API of a few lines. No network, no throttled processor: a lower bound for what Lambda adds to.
//!
//! Needs the release binaries of the functions; without them it says so and measures nothing.
#![expect(clippy::print_stdout, reason = "what it prints is its result")]

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use http::StatusCode;
use repoplane_tests::Event;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio::sync::Notify;

const FUNCTIONS: [&str; 4] = ["repos", "robots", "automation", "webhooks"];
const RUNS: usize = 20;
/// Longest wait for an answer; a function that takes longer is broken.
const PATIENCE: Duration = Duration::from_secs(30);

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// When the function did what.
#[derive(Default)]
struct Seen {
    /// It asked for its first event.
    ready: Option<Instant>,
    /// It answered the first event.
    answered: Option<Instant>,
}

/// The runtime API of one process.
#[derive(Clone, Default)]
struct Api {
    seen: Arc<Mutex<Seen>>,
    ended: Arc<Notify>,
}

impl Api {
    fn note(&self, what: impl FnOnce(&mut Seen)) {
        what(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn router(self) -> Router {
        Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(answered))
            .with_state(self)
    }
}

/// The first event; whoever asks for a second one waits for good.
async fn next(State(api): State<Api>) -> impl IntoResponse {
    let now = Instant::now();
    let mut is_first = false;
    api.note(|seen| {
        is_first = seen.ready.is_none();
        seen.ready.get_or_insert(now);
    });
    if !is_first {
        std::future::pending::<()>().await;
    }
    let headers = [
        ("content-type", "application/json"),
        ("lambda-runtime-aws-request-id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd"),
        ("lambda-runtime-deadline-ms", "4102444800000"),
        ("lambda-runtime-invoked-function-arn", "arn:aws:lambda:us-east-1:123456789012:function:measured"),
    ];
    (headers, Event::new("GET", "/health").json().to_string())
}

async fn answered(State(api): State<Api>, _: Bytes) -> StatusCode {
    let now = Instant::now();
    api.note(|seen| seen.answered = Some(now));
    api.ended.notify_one();
    StatusCode::ACCEPTED
}

/// One run of one function, in milliseconds and MiB.
struct Run {
    ready: f64,
    answered: f64,
    processor: f64,
    memory: f64,
}

async fn run(binary: &Path) -> Result<Run, Failure> {
    let api = Api::default();
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?.to_string();
    let server = tokio::spawn(axum::serve(listener, api.clone().router()).into_future());
    let mut command = Command::new(binary);
    command.env_clear().kill_on_drop(true).stdout(std::process::Stdio::null()).envs([
        ("AWS_LAMBDA_RUNTIME_API", address.as_str()),
        ("AWS_LAMBDA_FUNCTION_NAME", "measured"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
        ("AWS_LAMBDA_LOG_STREAM_NAME", "stream"),
        ("AWS_LAMBDA_LOG_GROUP_NAME", "group"),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "local"),
        ("AWS_SECRET_ACCESS_KEY", "local"),
        ("REPOPLANE_TABLE", "repoplane"),
        ("RUST_LOG", "info"),
    ]);
    let started = Instant::now();
    let mut process = command.spawn()?;
    tokio::time::timeout(PATIENCE, api.ended.notified()).await?;
    let id = process.id().ok_or("the process ended")?;
    let (processor, memory) = (processor(id)?, memory(id)?);
    process.kill().await?;
    server.abort();
    let mut times = None;
    api.note(|seen| times = seen.ready.zip(seen.answered));
    let (ready, answered) = times.ok_or("it never asked for an event")?;
    let milliseconds = |from: Instant, to: Instant| to.duration_since(from).as_secs_f64() * 1e3;
    Ok(Run { ready: milliseconds(started, ready), answered: milliseconds(ready, answered), processor, memory })
}

/// Time on a processor so far, in milliseconds (Linux: proc_pid_schedstat, first field, of every thread).
fn processor(id: u32) -> Result<f64, Failure> {
    let mut nanoseconds = 0.0;
    for thread in std::fs::read_dir(format!("/proc/{id}/task"))? {
        let text = std::fs::read_to_string(thread?.path().join("schedstat"))?;
        nanoseconds += text.split(' ').next().unwrap_or_default().parse::<f64>()?;
    }
    Ok(nanoseconds / 1e6)
}

/// The most memory that was resident, in MiB (Linux: proc_pid_status, VmHWM).
fn memory(id: u32) -> Result<f64, Failure> {
    let status = std::fs::read_to_string(format!("/proc/{id}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no VmHWM")?;
    let kibibytes: f64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kibibytes / 1024.0)
}

fn median(runs: &[Run], of: impl Fn(&Run) -> f64) -> f64 {
    let mut values: Vec<f64> = runs.iter().map(of).collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// Where cargo puts the binaries of this benchmark's profile family: `target/release`, two folders above this one's own.
fn folder() -> Result<PathBuf, Failure> {
    let own = std::env::current_exe()?;
    Ok(own.parent().and_then(Path::parent).ok_or("this program lies nowhere")?.to_owned())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    // `cargo bench … -- request` means other benchmarks than this one.
    let wanted: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    if !wanted.is_empty() && !wanted.iter().any(|name| "start".contains(name.as_str())) {
        return Ok(());
    }
    let folder = folder()?;
    if !FUNCTIONS.iter().all(|function| folder.join(function).exists()) {
        println!("start: not measured, {} has no release binaries of the functions: see .ci/perf", folder.display());
        return Ok(());
    }
    println!(
        "| function | binary, MB | start to ready, ms | first event to answer, ms | processor, ms | memory, MiB |"
    );
    println!("| --- | --- | --- | --- | --- | --- |");
    for function in FUNCTIONS {
        let binary = folder.join(function);
        // The first run reads the file from the disk.
        run(&binary).await?;
        let mut runs = Vec::new();
        for _ in 0..RUNS {
            runs.push(run(&binary).await?);
        }
        let bytes = std::fs::metadata(&binary)?.len();
        println!(
            "| `{function}` | {:.1} | {:.1} | {:.1} | {:.1} | {:.1} |",
            f64::from(u32::try_from(bytes)?) / 1e6,
            median(&runs, |run| run.ready),
            median(&runs, |run| run.answered),
            median(&runs, |run| run.processor),
            median(&runs, |run| run.memory),
        );
    }
    Ok(())
}
