//! What publishing and listing many packages takes: time, and the most memory that came on top.
//!
//! `cargo bench -p repoplane-tests --bench packages`. Each line is a process of its own, with the embedded engines in it, whose
//! table is a file. `PACKAGES` says how many; Linux: it reads `/proc`.
#![expect(clippy::print_stdout, reason = "what it prints is its result")]

use repoplane_api::app::Settings;
use repoplane_local::engines::Engines;
use repoplane_local::line::Line;
use repoplane_tests::{ADMIN_TOKEN, BuildRepo, Event, TestApp};
use std::path::Path;
use std::time::{Duration, Instant};
use tokio::process::Command;

/// First argument of the process of a line; what it reads, the table's folder and the repository's number follow.
const READ: &str = "--read";
const PACKAGES: usize = 100_000;
/// The most packages of one run, so that a slip of the finger ends.
const MOST_PACKAGES: usize = 250_000;
/// Rows of one upload.
const PART: usize = 30_000;
/// Between two requests for the packages of a platform.
const LATER: Duration = Duration::from_secs(15 * 60);
/// An answer of a function, in bytes.
const MAX_ANSWER_BYTES: usize = 5_900_000;

/// What is read: by whom it is answered, and what is asked for.
const READS: [(&str, bool, &str, &str); 5] = [
    ("`cargo dev`, in chunks", true, "", "identity"),
    ("`cargo dev`, in chunks, gzip", true, "", "gzip"),
    ("a function: too large", false, "", "identity"),
    ("a function, gzip", false, "", "gzip"),
    ("a function, `?page=1`", false, "?page=1", "identity"),
];

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// A line of this process's status, in MiB (Linux: proc_pid_status).
fn status(name: &str) -> Result<u64, Failure> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(name)).ok_or("no such line")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? / 1024)
}

/// Does something that comes to so many bytes, and prints what it took.
async fn measure(what: &str, act: impl Future<Output = Result<(u16, usize), Failure>>) -> Result<(), Failure> {
    // Linux: proc_pid_clear_refs, 5 sets the peak back to what is resident now.
    std::fs::write("/proc/self/clear_refs", "5")?;
    let (before, started) = (status("VmRSS:")?, Instant::now());
    let (answered, bytes) = act.await?;
    let (time, peak) = (started.elapsed(), status("VmHWM:")?);
    let (bytes, more) = (bytes.div_ceil(1024), peak.saturating_sub(before));
    println!("| {what} | {answered} | {:.2} | {peak} (+{more}) | {bytes} |", time.as_secs_f64());
    Ok(())
}

/// Names and versions as distributions have them, more or less.
fn row(repo: &BuildRepo, number: usize) -> String {
    let (name, version) =
        (format!("lib{:x}-package-{number}", number.wrapping_mul(2_654_435_761) & 0xffff), number % 97);
    format!(
        "{},{name},,{}.{version}.{},{},{},Packager {who},packager{who}@example.org\n",
        repo.project,
        number % 7,
        number % 13,
        number % 5 + 1,
        if number.is_multiple_of(4) { "source" } else { "binary" },
        who = number % 300,
    )
}

fn upload(repo: &BuildRepo, rows: std::ops::Range<usize>) -> Event {
    let header = "projectId,name,epoch,version,release,type,committerName,committerEmail\n";
    let rows: String = rows.map(|number| row(repo, number)).collect();
    Event::new("PUT", &repo.packages()).header("content-type", "text/csv").body(format!("{header}{rows}"))
}

/// How many packages there are; the processes of the lines see the same variable.
fn wanted() -> Result<usize, Failure> {
    Ok(match std::env::var("PACKAGES") {
        Ok(text) => text.parse::<usize>()?.min(MOST_PACKAGES),
        Err(_) => PACKAGES,
    })
}

async fn open(directory: &Path) -> Result<TestApp, Failure> {
    Ok(TestApp::on(Line::to(Engines::open(directory).await?), None).await)
}

async fn publish(app: &TestApp, repo: &BuildRepo, rows: std::ops::Range<usize>) -> Result<(u16, usize), Failure> {
    let answer = app.admin().send(upload(repo, rows)).await.expect(200);
    Ok((answer.status.as_u16(), answer.bytes.len()))
}

/// One of [`READS`], by its place.
async fn read(place: usize, directory: &Path, number: &str) -> Result<(), Failure> {
    let (what, streams, query, encoding) = READS.get(place).copied().ok_or("no such line")?;
    let app = open(directory).await?;
    let app = match streams {
        true => app,
        false => app.with_settings(Settings { max_answer_bytes: Some(MAX_ANSWER_BYTES), ..Settings::default() }),
    };
    for _ in 0..=place {
        app.clock.advance(LATER);
    }
    let path = format!("/api/v1/repositories/{number}/packages.csv{query}");
    if streams {
        let url = format!("http://{}{path}", app.listen().await);
        let get = reqwest::Client::new().get(url).bearer_auth(ADMIN_TOKEN).header("accept-encoding", encoding);
        let received = async {
            let (mut answer, mut bytes, mut lines) = (get.send().await?, 0, 0);
            while let Some(chunk) = answer.chunk().await? {
                bytes += chunk.len();
                lines += chunk.iter().filter(|byte| **byte == b'\n').count();
            }
            assert!(encoding == "gzip" || lines == wanted()? + 1, "the list is whole: {lines} lines");
            Ok((answer.status().as_u16(), bytes))
        };
        return measure(what, received).await;
    }
    let client = app.admin().with("accept-encoding", encoding);
    let received = async {
        let answer = client.get(&path).await;
        Ok((answer.status.as_u16(), answer.bytes.len()))
    };
    measure(what, received).await
}

async fn all(packages: usize) -> Result<(), Failure> {
    let directory = tempfile::tempdir()?;
    let app = open(directory.path()).await?;
    let repo = app.build_repo("rosa2012").await;
    println!(
        "{packages} packages.\n\n| what | status | time, s | memory, MiB | answer, KiB |\n| --- | --- | --- | --- | --- |"
    );
    for first in (0..packages).step_by(PART) {
        let rows = first..(first + PART).min(packages);
        measure(&format!("publish {}, {first} are there", rows.len()), publish(&app, &repo, rows)).await?;
    }
    let again = 0..PART.min(packages);
    measure(&format!("publish {} again", again.len()), publish(&app, &repo, again)).await?;
    // One process a file.
    drop(app);
    for place in 0..READS.len() {
        let mut command = Command::new(std::env::current_exe()?);
        let command = command.args([READ, &place.to_string()]).arg(directory.path()).arg(repo.number.to_string());
        let ended = command.status().await?;
        if !ended.success() {
            return Err(format!("line {place} ended with {ended}").into());
        }
    }
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [flag, place, directory, number] = arguments.as_slice()
        && flag == READ
    {
        return read(place.parse()?, Path::new(directory), number).await;
    }
    all(wanted()?).await
}
