//! Records the commit that is being built, for `GET /version`.

use std::process::Command;

fn main() {
    println!("cargo::rerun-if-env-changed=REPOPLANE_COMMIT");
    println!("cargo::rerun-if-changed=../../.git/HEAD");
    let given = std::env::var("REPOPLANE_COMMIT").ok();
    let commit = given.or_else(|| {
        let output = Command::new("git").args(["rev-parse", "--short=12", "HEAD"]).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    });
    println!("cargo::rustc-env=REPOPLANE_COMMIT={}", commit.unwrap_or_else(|| "unknown".to_owned()));
}
