//! Records the commit that is being built, for `GET /version`.

use std::process::Command;

fn main() {
    println!("cargo::rerun-if-env-changed=REPOPLANE_COMMIT");
    // Asked of Git, since a worktree keeps its HEAD elsewhere: a file that is not there would make every build run anew.
    if let Some(head) = git(&["rev-parse", "--git-path", "HEAD"]) {
        println!("cargo::rerun-if-changed={head}");
    }
    let commit = std::env::var("REPOPLANE_COMMIT").ok().or_else(|| git(&["rev-parse", "--short=12", "HEAD"]));
    println!("cargo::rustc-env=REPOPLANE_COMMIT={}", commit.unwrap_or_else(|| "unknown".to_owned()));
}

/// What Git prints; nothing where there is no Git or no repository.
fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
