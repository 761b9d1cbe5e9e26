//! An example of a worker for Repoplane's tasks: it listens to the queue, claims what it hears of, has a command do it, and
//! reports how that ended. `README.md` tells how to run it; what a worker has to care about is in `docs/robot-tasks.md`.
#![expect(clippy::print_stderr, reason = "what it prints is its log")]

mod api;
mod command;
mod work;

use api::Api;
use clap::Parser;
use std::process::ExitCode;
use std::time::Duration;
use work::{Handled, Worker};

/// Takes tasks from the queue and has a command do them.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Where Repoplane is, like <http://127.0.0.1:9000>.
    #[arg(long, env = "REPOPLANE_URL")]
    api: String,
    /// The queue; AWS_ENDPOINT_URL_SQS says where SQS is, if it is not in the cloud.
    #[arg(long, env = "REPOPLANE_TASK_QUEUE_URL")]
    queue_url: String,
    /// What does a task, for `sh -c`: it reads the prompt from its standard input.
    #[arg(long)]
    command: String,
    /// The name that claims show.
    #[arg(long, default_value = "robot-worker")]
    name: String,
    /// For how long a task is claimed at a time, in seconds; it is renewed while the command runs.
    #[arg(long, default_value_t = 600, value_parser = clap::value_parser!(u32).range(60..=3600))]
    lease_seconds: u32,
    /// After this the command is ended, and the task has failed.
    #[arg(long, default_value_t = 3600)]
    time_limit_seconds: u64,
    /// Ends after the first task that was done.
    #[arg(long)]
    once: bool,
}

/// How long the queue is left alone after it could not be asked.
const PAUSE: Duration = Duration::from_secs(5);

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // Not an argument: those can be seen in the list of processes.
    let Ok(token) = std::env::var("REPOPLANE_TOKEN") else {
        eprintln!("error: REPOPLANE_TOKEN is not set: an access token with the scopes tasks:read and tasks:write");
        return ExitCode::FAILURE;
    };
    let config = aws_config::load_defaults(aws_config::BehaviorVersion::latest()).await;
    let worker = Worker {
        api: Api::new(&arguments.api, token),
        queue: aws_sdk_sqs::Client::new(&config),
        queue_url: arguments.queue_url,
        command: arguments.command,
        name: arguments.name,
        lease: Duration::from_secs(u64::from(arguments.lease_seconds)),
        time_limit: Duration::from_secs(arguments.time_limit_seconds),
    };
    eprintln!("waiting for tasks");
    loop {
        let received = tokio::select! {
            received = worker.receive() => received,
            _ = tokio::signal::ctrl_c() => return ExitCode::SUCCESS,
        };
        let handled = match received {
            Ok(Some(message)) => worker.handle(&message).await,
            Ok(None) => continue,
            Err(error) => {
                eprintln!("the queue cannot be asked: {error}");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        match handled {
            Handled::Done if arguments.once => return ExitCode::SUCCESS,
            Handled::Done | Handled::Left => {}
            Handled::Interrupted => return ExitCode::SUCCESS,
            Handled::Refused => return ExitCode::FAILURE,
        }
    }
}
