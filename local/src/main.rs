//! `cargo dev`: the whole control plane on this machine, without an account.

use clap::Parser;
use repoplane_local::server::{self, Options};
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

/// The whole control plane on this machine: embedded DynamoDB and Secrets Manager, every function in one process.
#[derive(Parser)]
#[command(name = "cargo dev", bin_name = "cargo dev", version)]
struct Arguments {
    /// Port to listen on, on loopback only; 0 picks a free one. The provider double takes the next one.
    #[arg(long, default_value_t = 9000)]
    port: u16,
    /// Where the data lies; it survives restarts.
    #[arg(long, default_value = ".repoplane", conflicts_with = "memory")]
    data_dir: PathBuf,
    /// Keep the data in memory only.
    #[arg(long)]
    memory: bool,
    /// Play the main job once, and leave everything up to explore.
    #[arg(long, conflicts_with = "aws_only")]
    demo: bool,
    /// Start just the engines, for `cargo lambda watch`.
    #[arg(long)]
    aws_only: bool,
}

fn main() -> ExitCode {
    server::init_logs();
    let arguments = Arguments::parse_from(given());
    let options = Options {
        port: arguments.port,
        data_dir: (!arguments.memory).then_some(arguments.data_dir),
        demo: arguments.demo,
        aws_only: arguments.aws_only,
        admin_token: std::env::var("REPOPLANE_ADMIN_TOKEN").ok(),
        egress_allow: std::env::var("REPOPLANE_EGRESS_ALLOW").unwrap_or_default(),
        git_base_url: std::env::var("REPOPLANE_GIT_BASE_URL").ok().filter(|url| !url.trim().is_empty()),
        public_url: std::env::var("REPOPLANE_PUBLIC_URL").ok().filter(|url| !url.trim().is_empty()),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let outcome = runtime.map_err(Into::into).and_then(|runtime| runtime.block_on(server::run(options)));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            server::report(&*error);
            ExitCode::FAILURE
        }
    }
}

/// The arguments as given. The alias has passed the `--` of `cargo run` already; one more, out of habit, does no harm.
fn given() -> impl Iterator<Item = OsString> {
    std::env::args_os().enumerate().filter(|(at, text)| *at != 1 || text != "--").map(|(_, text)| text)
}
