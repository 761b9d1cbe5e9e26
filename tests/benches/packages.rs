//! What publishing and listing many packages takes: time, and the most memory that came on top.
//!
//! `cargo bench -p repoplane-tests --bench packages`. The embedded engines are in the process, and so is the client, which
//! keeps the answer. `PACKAGES` says how many; Linux: it reads `/proc`.
#![expect(clippy::print_stdout, reason = "what it prints is its result")]

use repoplane_tests::{Answer, BuildRepo, Event, TestApp};
use std::time::{Duration, Instant};

const PACKAGES: usize = 100_000;
/// The most packages of one run, so that a slip of the finger ends.
const MOST_PACKAGES: usize = 250_000;
/// Rows of one upload.
const PART: usize = 30_000;
const LATER: Duration = Duration::from_secs(15 * 60);

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// A line of this process's status, in MiB (Linux: proc_pid_status).
fn status(name: &str) -> Result<u64, Failure> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(name)).ok_or("no such line")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? / 1024)
}

/// Does something and prints what it took.
async fn measure(what: &str, act: impl Future<Output = Answer>) -> Result<Answer, Failure> {
    // Linux: proc_pid_clear_refs, 5 sets the peak back to what is resident now.
    std::fs::write("/proc/self/clear_refs", "5")?;
    let (before, started) = (status("VmRSS:")?, Instant::now());
    let done = act.await.expect(200);
    let (time, peak) = (started.elapsed(), status("VmHWM:")?);
    let (bytes, more) = (done.bytes.len().div_ceil(1024), peak.saturating_sub(before));
    println!("| {what} | {:.2} | {peak} (+{more}) | {bytes} |", time.as_secs_f64());
    Ok(done)
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

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let packages = match std::env::var("PACKAGES") {
        Ok(text) => text.parse::<usize>()?.min(MOST_PACKAGES),
        Err(_) => PACKAGES,
    };
    let app = TestApp::start().await;
    let repo = app.build_repo("rosa2012").await;
    println!("| what | time, s | memory, MiB | answer, KiB |\n| --- | --- | --- | --- |");
    for first in (0..packages).step_by(PART) {
        let last = (first + PART).min(packages);
        let put = upload(&repo, first..last);
        measure(&format!("publish {}, {first} are there", last - first), app.admin().send(put)).await?;
    }
    let again = upload(&repo, 0..PART.min(packages));
    measure(&format!("publish {} again", PART.min(packages)), app.admin().send(again)).await?;
    let path = format!("/api/v1/repositories/{}/packages.csv", repo.number);
    let plain = measure(&format!("`packages.csv` of {packages}"), app.admin().get(&path)).await?;
    let rows = plain.bytes.iter().filter(|byte| **byte == b'\n').count() - 1;
    assert_eq!(rows, packages, "the list is whole");
    drop(plain);
    app.clock.advance(LATER);
    let zipped = app.admin().with("accept-encoding", "gzip");
    measure(&format!("`packages.csv` of {packages}, gzip"), zipped.get(&path)).await?;
    Ok(())
}
