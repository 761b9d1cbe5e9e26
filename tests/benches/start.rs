//! How long a function needs from its start to its first answer, and how much memory: each built binary as its own process
//! on a Lambda runtime API of a few lines. No network, no throttled processor: a lower bound for what Lambda adds to.
//!
//! Needs the release binaries of `hello` and of the functions; those that are not there are not measured.
#![expect(clippy::print_stdout, reason = "what it prints is its result")]

#[path = "start/table.rs"]
mod table;

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
use table::{Roots, Table};
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio::sync::Notify;

/// What the others are compared with.
const HELLO: &str = "hello";
const FUNCTIONS: [&str; 6] = ["repos", "robots", "automation", "webhooks", "sync", "dispatch"];
/// Whose start is taken apart.
const PARTS_OF: &str = "webhooks";
const RUNS: usize = 20;
/// Longest wait for an answer; a function that takes longer is broken.
const PATIENCE: Duration = Duration::from_secs(30);
/// Nobody listens there: what a function does without its table.
const NOWHERE: &str = "http://127.0.0.1:9";

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// When the function did what.
#[derive(Default)]
struct Seen {
    /// The process, once it runs.
    process: Option<u32>,
    /// It asked for its first event, with its time on a processor until then, in milliseconds.
    ready: Option<(Instant, f64)>,
    /// It answered the first event.
    answered: Option<Instant>,
}

/// The runtime API of one process.
#[derive(Clone)]
struct Api {
    seen: Arc<Mutex<Seen>>,
    ended: Arc<Notify>,
    event: Arc<str>,
}

impl Api {
    fn new(function: &str) -> Self {
        let event = match function {
            "sync" | "dispatch" => r#"{"schedule": "tick"}"#.to_owned(),
            _ => Event::new("GET", "/health").json().to_string(),
        };
        Self { seen: Arc::default(), ended: Arc::default(), event: event.into() }
    }

    fn note<T>(&self, what: impl FnOnce(&mut Seen) -> T) -> T {
        what(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn router(self) -> Router {
        Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(answered))
            .route("/2018-06-01/runtime/invocation/{id}/error", post(answered))
            .with_state(self)
    }
}

/// The first event; whoever asks for a second one waits for good.
async fn next(State(api): State<Api>) -> impl IntoResponse {
    let now = Instant::now();
    let is_first = api.note(|seen| {
        let is_first = seen.ready.is_none();
        let spent = seen.process.and_then(|id| processor(id).ok()).unwrap_or_default();
        seen.ready.get_or_insert((now, spent));
        is_first
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
    (headers, api.event.to_string())
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
    spent: f64,
    answered: f64,
    memory: f64,
}

async fn run(binary: &Path, function: &str, environment: &[(&str, String)]) -> Result<Run, Failure> {
    let api = Api::new(function);
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
    command.envs(environment.iter().map(|(name, value)| (*name, value.as_str())));
    let started = Instant::now();
    let mut process = command.spawn()?;
    let id = process.id().ok_or("the process ended")?;
    api.note(|seen| seen.process = Some(id));
    tokio::time::timeout(PATIENCE, api.ended.notified()).await?;
    let memory = memory(id)?;
    process.kill().await?;
    server.abort();
    let times = api.note(|seen| seen.ready.zip(seen.answered));
    let ((ready, spent), answered) = times.ok_or("it never asked for an event")?;
    let milliseconds = |from: Instant, to: Instant| to.duration_since(from).as_secs_f64() * 1e3;
    Ok(Run { ready: milliseconds(started, ready), spent, answered: milliseconds(ready, answered), memory })
}

/// Medians of several runs; the first, which reads the file from the disk, is not among them.
async fn runs(binary: &Path, function: &str, environment: &[(&str, String)]) -> Result<Run, Failure> {
    run(binary, function, environment).await?;
    let mut runs = Vec::new();
    for _ in 0..RUNS {
        runs.push(run(binary, function, environment).await?);
    }
    let median = |of: fn(&Run) -> f64| {
        let mut values: Vec<f64> = runs.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied().unwrap_or_default()
    };
    Ok(Run {
        ready: median(|run| run.ready),
        spent: median(|run| run.spent),
        answered: median(|run| run.answered),
        memory: median(|run| run.memory),
    })
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

/// Where cargo puts the binaries of this benchmark's profile family: `target/release`, two folders above this one's own.
fn folder() -> Result<PathBuf, Failure> {
    let own = std::env::current_exe()?;
    Ok(own.parent().and_then(Path::parent).ok_or("this program lies nowhere")?.to_owned())
}

/// The functions beside the least that a function can be; their table is behind TLS, and connected to before they ask for
/// an event.
async fn starts(folder: &Path, table: &Table) -> Result<(), Failure> {
    println!(
        "| function | binary, MB | start to ready, ms | × hello | processor until ready, ms | first event to answer, ms | memory, MiB |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    let environment = table.environment(Roots::File);
    let mut hello = None;
    for function in [HELLO].into_iter().chain(FUNCTIONS).filter(|function| folder.join(function).exists()) {
        let binary = folder.join(function);
        let run = runs(&binary, function, &environment).await?;
        let base = *hello.get_or_insert(run.ready);
        let bytes = std::fs::metadata(&binary)?.len();
        println!(
            "| `{function}` | {:.1} | {:.1} | {:.1} | {:.1} | {:.1} | {:.1} |",
            f64::from(u32::try_from(bytes)?) / 1e6,
            run.ready,
            run.ready / base,
            run.spent,
            run.answered,
            run.memory,
        );
    }
    Ok(())
}

/// Where the milliseconds of one function go, told by leaving parts out.
async fn parts(folder: &Path, table: &Table) -> Result<(), Failure> {
    println!("\n| `{PARTS_OF}`, until it is ready | processor, ms | start to ready, ms |");
    println!("| --- | --- | --- |");
    let nowhere = vec![("AWS_ENDPOINT_URL_DYNAMODB", NOWHERE.to_owned())];
    for (what, environment) in [
        ("`hello`, for comparison", None),
        ("nobody answers where the table should be", Some(nowhere)),
        ("first answer of the table, without TLS", Some(table.environment(Roots::None))),
        ("first answer over TLS, one root", Some(table.environment(Roots::File))),
        ("first answer over TLS, the platform's roots from one file", Some(table.environment(Roots::PlatformFile))),
        ("first answer over TLS, the platform's roots from file and folder", Some(table.environment(Roots::Platform))),
    ] {
        let function = if environment.is_none() { HELLO } else { PARTS_OF };
        let run = runs(&folder.join(function), function, &environment.unwrap_or_default()).await?;
        println!("| {what} | {:.1} | {:.1} |", run.spent, run.ready);
    }
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    // `cargo bench … -- request` means other benchmarks than this one.
    let wanted: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    if !wanted.is_empty() && !wanted.iter().any(|name| "start".contains(name.as_str())) {
        return Ok(());
    }
    let folder = folder()?;
    if ![HELLO, PARTS_OF].iter().all(|function| folder.join(function).exists()) {
        println!("start: not measured, {} has no release binaries: see .ci/perf", folder.display());
        return Ok(());
    }
    let table = Table::start().await?;
    starts(&folder, &table).await?;
    parts(&folder, &table).await
}
